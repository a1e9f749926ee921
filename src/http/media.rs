//! Media types: what is read and what is answered. JSON only.
//! <https://hl7.org/fhir/R4/http.html#mime-type>, RFC 9110 12.5.1

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use url::form_urlencoded;

use crate::refusal::Media;

pub(super) const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";
/// Refuses what is left aside otherwise: <https://hl7.org/fhir/R4/search.html#errors>
pub(super) const STRICT: &str = "handling=strict";
pub(super) const JSON: &str = "application/json";

/// Whether JSON may be answered. `_format` counts over `Accept`.
pub(super) fn accepts_json(headers: &HeaderMap, query: Option<&str>) -> bool {
    let format = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find(|(name, _)| name == "_format");
    if let Some((_, format)) = format {
        // `+` is a space once decoded, and everybody writes it so
        let format = format.trim().replace(' ', "+");
        return format.eq_ignore_ascii_case("json") || is_json(&format);
    }
    let mut ranges = headers.get_all(ACCEPT).iter().flat_map(|value| value.to_str().unwrap_or_default().split(',')).map(str::trim);
    let ranges: Vec<&str> = ranges.by_ref().filter(|range| !range.is_empty()).collect();
    ranges.is_empty() || ["application/fhir+json", "application/json"].iter().any(|wanted| accepts(&ranges, wanted))
}

/// Whether the body says that it is of that kind, uncompressed.
pub(super) fn sends(kind: Media, headers: &HeaderMap) -> bool {
    match kind {
        Media::Json => sends_json(headers),
        Media::Patch => sends_patch(headers),
        Media::Form => sends_form(headers),
    }
}

/// JSON in UTF-8.
fn sends_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    is_plain(headers) && only.to_str().is_ok_and(is_json)
}

/// Whether `Prefer` asks for this (RFC 7240), as in `handling=strict`.
pub(super) fn prefers(headers: &HeaderMap, wanted: &str) -> bool {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split([',', ';'])).any(|part| part.trim().eq_ignore_ascii_case(wanted))
}

/// A JSON Patch (RFC 6902).
fn sends_patch(headers: &HeaderMap) -> bool {
    is_plain(headers) && essence(headers).eq_ignore_ascii_case("application/json-patch+json")
}

/// A form; a request without a body need not say so.
fn sends_form(headers: &HeaderMap) -> bool {
    if !headers.contains_key(CONTENT_TYPE) {
        return headers.get(CONTENT_LENGTH).is_none_or(|length| length == "0");
    }
    is_plain(headers) && essence(headers).eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

fn is_plain(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// The type without its parameters.
fn essence(headers: &HeaderMap) -> &str {
    let given = headers.get(CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim()
}

/// The quality of the range that names `wanted` most closely is not zero.
fn accepts(ranges: &[&str], wanted: &str) -> bool {
    let closest = ranges.iter().filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let closeness = match essence.as_str() {
            "*/*" => 1,
            "application/*" => 2,
            essence if essence == wanted => 3,
            _ => return None,
        };
        let parameters: Vec<(String, &str)> = parts
            .filter_map(|parameter| parameter.split_once('='))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
            .collect();
        let quality = parameters.iter().find(|(name, _)| name == "q").map_or(1.0, |(_, value)| value.parse::<f32>().unwrap_or(1.0));
        parameters.iter().all(|(name, value)| is_ours(name, value)).then_some((closeness, quality))
    });
    closest.max_by_key(|(closeness, _)| *closeness).is_some_and(|(_, quality)| quality > 0.0)
}

/// FHIR's or plain JSON, in UTF-8 and, if it says, of R4.
fn is_json(text: &str) -> bool {
    let mut parts = text.split(';').map(str::trim);
    let json = parts
        .next()
        .is_some_and(|essence| essence.eq_ignore_ascii_case("application/fhir+json") || essence.eq_ignore_ascii_case("application/json"));
    json && parts
        .filter(|parameter| !parameter.is_empty())
        .all(|parameter| parameter.split_once('=').is_some_and(|(name, value)| is_ours(&name.trim().to_ascii_lowercase(), value.trim())))
}

fn is_ours(name: &str, value: &str) -> bool {
    let value = value.trim_matches('"');
    match name {
        "charset" => value.eq_ignore_ascii_case("utf-8"),
        "fhirversion" => matches!(value, "4.0" | "4.0.0" | "4.0.1"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: axum::http::HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn json_is_accepted_where_it_is_asked_for() {
        for accept in [
            "",
            "*/*",
            "application/*",
            "application/json",
            "application/fhir+json;fhirVersion=4.0",
            "text/html, */*;q=0.8",
            "application/fhir+xml, application/json;q=0.1",
            "Application/FHIR+JSON; charset=UTF-8",
            "application/json;q=0, application/fhir+json",
        ] {
            assert!(accepts_json(&with(ACCEPT, &[accept]), None), "{accept}");
        }
        for accept in ["application/fhir+xml", "text/html", "application/json;q=0", "*/*;q=0", "application/fhir+json;fhirVersion=5.0"] {
            assert!(!accepts_json(&with(ACCEPT, &[accept]), None), "{accept}");
        }
    }

    #[test]
    fn format_counts_over_accept() {
        let xml = with(ACCEPT, &["application/fhir+xml"]);
        for format in ["_format=json", "a=b&_format=application/fhir%2Bjson", "_format=application/fhir+json"] {
            assert!(accepts_json(&xml, Some(format)), "{format}");
        }
        for format in ["_format=xml", "_format=application/fhir+xml", "_format=", "_format=ttl"] {
            assert!(!accepts_json(&HeaderMap::new(), Some(format)), "{format}");
        }
    }

    #[test]
    fn a_body_says_what_it_is() {
        for given in ["application/json", "application/fhir+json; charset=\"UTF-8\"", "APPLICATION/JSON;charset=utf-8;"] {
            assert!(sends_json(&with(CONTENT_TYPE, &[given])), "{given}");
        }
        for given in ["application/fhir+xml", "text/json", "application/json; charset=latin1", "", "application/json; boundary"] {
            assert!(!sends_json(&with(CONTENT_TYPE, &[given])), "{given}");
        }
        assert!(!sends_json(&HeaderMap::new()));
        assert!(!sends_json(&with(CONTENT_TYPE, &["application/json", "application/json"])));
        let mut packed = with(CONTENT_TYPE, &["application/json"]);
        packed.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        assert!(!sends_json(&packed));
    }
}
