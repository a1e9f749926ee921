//! Versions in headers: <https://hl7.org/fhir/R4/http.html#versions>, RFC 9110 8.8.3 and 13.1.1

use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use jiff::Timestamp;

use crate::refusal::Refusal;

/// The version that `If-Match` names, for Tasks and for Subscriptions alike.
///
/// | given | is |
/// |---|---|
/// | `W/"3"`, `"3"`, `3` | version 3: R4 compares weakly, and many clients leave the quotes out |
/// | nothing, an empty one, `*`, a list, several headers | 428: none of them names the version that is changed |
/// | any other tag | 412: none of ours ever was it |
///
/// # Errors
/// 428 and 412.
pub(super) fn if_match(headers: &HeaderMap) -> Result<u64, Refusal> {
    let mut given = headers.get_all(IF_MATCH).iter();
    let (Some(only), None) = (given.next(), given.next()) else { return Err(Refusal::Unconditional) };
    let text = only.to_str().unwrap_or_default().trim();
    if text.is_empty() || text == "*" || text.contains(',') {
        return Err(Refusal::Unconditional);
    }
    let tag = text.strip_prefix("W/").unwrap_or(text);
    let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).unwrap_or(tag);
    let digits = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    version.parse().ok().filter(|_| digits).ok_or(Refusal::Stale(None))
}

/// R4's ETags are weak, and hold `meta.versionId`.
pub(super) fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// As `Last-Modified` has it (RFC 9110, 5.6.7).
pub(super) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[&'static str]) -> Result<u64, u16> {
        let headers = given.iter().map(|tag| (IF_MATCH, tag.parse().unwrap())).collect();
        if_match(&headers).map_err(|refusal| refusal.status())
    }

    #[test]
    fn one_version_is_named_weakly_or_strongly() {
        for tag in ["W/\"3\"", "\"3\"", "3", " W/\"3\" "] {
            assert_eq!(read(&[tag]), Ok(3), "{tag}");
        }
        for tags in [&[][..], &[""], &["*"], &["\"3\", \"4\""], &["\"3\"", "\"3\""]] {
            assert_eq!(read(tags), Err(428), "{tags:?}");
        }
        for tag in ["\"x\"", "W/W/\"3\"", "w/\"3\"", "\"3", "\"+3\"", "-1", "\"\"", "99999999999999999999"] {
            assert_eq!(read(&[tag]), Err(412), "{tag}");
        }
    }
}
