//! Media types: what is read and what is answered. FHIR in JSON and XML, our own in JSON.
//! <https://hl7.org/fhir/R4/http.html#mime-type>, RFC 9110 12.5.1

use std::borrow::Cow;

use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use url::form_urlencoded;

use crate::refusal::Media;

pub(super) const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";
pub(super) const FHIR_XML: &str = "application/fhir+xml; charset=utf-8";
/// Refuses what is left aside otherwise: <https://hl7.org/fhir/R4/search.html#errors>
pub(super) const STRICT: &str = "handling=strict";
pub(super) const JSON: &str = "application/json";

/// The formats of FHIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Format {
    /// What it is called in `Accept` and `Content-Type`.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["application/fhir+json", "application/json"],
            Self::Xml => &["application/fhir+xml", "application/xml", "text/xml"],
        }
    }

    /// In `_format`, for short.
    const fn code(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }

    /// What a `_format` asks for.
    fn asked(format: &str) -> Option<Self> {
        // `+` is a space once decoded, and everybody writes it so
        let format = format.trim().replace(' ', "+");
        let is_short = |known: &Self| format.eq_ignore_ascii_case(known.code());
        [Self::Json, Self::Xml].into_iter().find(is_short).or_else(|| media_type(&format))
    }

    fn named(essence: &str) -> Option<Self> {
        let is_named = |format: &Self| format.names().iter().any(|name| essence.eq_ignore_ascii_case(name));
        [Self::Json, Self::Xml].into_iter().find(is_named)
    }
}

/// What FHIR is to be answered in. `_format` counts over `Accept`; what is named more closely counts over a range, and of
/// equals JSON is answered. None if neither will do.
pub(super) fn wanted(headers: &HeaderMap, query: Option<&str>) -> Option<Format> {
    if let Some(format) = format_in(query) {
        return Format::asked(&format);
    }
    let ranges = ranges(headers);
    if ranges.is_empty() {
        return Some(Format::Json);
    }
    let best = |format: Format| {
        let judged: Vec<_> = format.names().iter().filter_map(|name| quality(&ranges, name)).collect();
        // whoever refuses a format by name does not get it for accepting everything
        let is_refused = judged.iter().any(|(quality, closeness)| *quality <= 0.0 && *closeness == NAMED);
        let judged = judged.into_iter().filter(|(quality, closeness)| *quality > 0.0 && (!is_refused || *closeness == NAMED));
        judged.max_by(|left, right| left.0.total_cmp(&right.0).then(left.1.cmp(&right.1)))
    };
    match (best(Format::Json), best(Format::Xml)) {
        (None, None) => None,
        (None, Some(_)) => Some(Format::Xml),
        (Some(json), Some(xml)) if xml.0.total_cmp(&json.0).then(xml.1.cmp(&json.1)).is_gt() => Some(Format::Xml),
        _ => Some(Format::Json),
    }
}

/// Whether JSON may be answered, beside anything else.
pub(super) fn accepts_json(headers: &HeaderMap, query: Option<&str>) -> bool {
    if format_in(query).is_some() {
        return wanted(headers, query) == Some(Format::Json);
    }
    let ranges = ranges(headers);
    let is_accepted = |name: &&str| quality(&ranges, name).is_some_and(|(quality, _)| quality > 0.0);
    ranges.is_empty() || Format::Json.names().iter().any(is_accepted)
}

/// Whether a preview is wanted as FHIR: where that is named and plain JSON is wanted less, or not at all.
pub(super) fn wants_fhir(headers: &HeaderMap, query: Option<&str>) -> bool {
    if let Some(format) = format_in(query) {
        let names_fhir = format.trim().to_ascii_lowercase().starts_with("application/fhir");
        return names_fhir || Format::asked(&format) == Some(Format::Xml);
    }
    let ranges = ranges(headers);
    let of = |name: &str| quality(&ranges, name).filter(|(quality, _)| *quality > 0.0).unwrap_or_default();
    let plain = of(JSON);
    let is_wanted_more = |(quality, closeness): (f32, u8)| quality.total_cmp(&plain.0).then(closeness.cmp(&plain.1)).is_gt();
    let is_json_refused = plain.0 <= 0.0 && wanted(headers, query) == Some(Format::Xml);
    is_json_refused || ["application/fhir+json", "application/fhir+xml"].into_iter().any(|name| is_wanted_more(of(name)))
}

/// The language of ours that is read best (RFC 9110, 12.5.4), of equals the first; none if none of ours is named.
pub(super) fn read_language(headers: &HeaderMap) -> Option<&'static str> {
    let listed = headers.get_all(ACCEPT_LANGUAGE).iter().flat_map(|value| value.to_str().unwrap_or_default().split(','));
    let read = listed.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let primary = parts.next()?.split('-').next()?.to_ascii_lowercase();
        let language = ["fi", "sv", "en"].into_iter().find(|known| *known == primary)?;
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |value| value.parse::<f32>().unwrap_or(1.0));
        (quality > 0.0).then_some((quality, language))
    });
    // of equals `max_by` would take the last
    read.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, language)| language)
}

/// What links keep of a `_format`: not a word of the client's.
pub(super) fn kept_format(format: Option<&str>) -> Option<&'static str> {
    format.and_then(Format::asked).map(Format::code)
}

pub(super) fn format_in(query: Option<&str>) -> Option<Cow<'_, str>> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).find(|(name, _)| name == "_format").map(|(_, format)| format)
}

/// Ranges of media types, as `Accept` lists them.
fn ranges(headers: &HeaderMap) -> Vec<&str> {
    let listed = headers.get_all(ACCEPT).iter().flat_map(|value| value.to_str().unwrap_or_default().split(','));
    listed.map(str::trim).filter(|range| !range.is_empty()).collect()
}

/// Whether the body says that it is of that kind, uncompressed.
pub(super) fn sends(kind: Media, headers: &HeaderMap) -> bool {
    match kind {
        Media::Json => sent(headers) == Some(Format::Json),
        Media::Fhir => sent(headers).is_some(),
        Media::Patch => sends_patch(headers),
        Media::Form => sends_form(headers),
        Media::OtherVersion => false,
    }
}

/// What the body says that it is: FHIR's JSON or XML in UTF-8, uncompressed.
pub(super) fn sent(headers: &HeaderMap) -> Option<Format> {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return None };
    only.to_str().ok().filter(|_| is_plain(headers)).and_then(media_type)
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

/// The quality of the range that names `wanted` most closely, and how closely that is.
fn quality(ranges: &[&str], wanted: &str) -> Option<(f32, u8)> {
    let closest = ranges.iter().filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
        let closeness = match essence.as_str() {
            "*/*" => 1,
            essence if essence == wanted => NAMED,
            essence if essence.strip_suffix("/*").is_some_and(|kind| wanted.split('/').next() == Some(kind)) => 2,
            _ => return None,
        };
        let parameters: Vec<(String, &str)> = parts
            .filter_map(|parameter| parameter.split_once('='))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
            .collect();
        let quality = parameters.iter().find(|(name, _)| name == "q").map_or(1.0, |(_, value)| value.parse::<f32>().unwrap_or(1.0));
        parameters.iter().all(|(name, value)| is_ours(name, value)).then_some((closeness, quality))
    });
    closest.max_by_key(|(closeness, _)| *closeness).map(|(closeness, quality)| (quality, closeness))
}

/// FHIR's or plain JSON or XML, in UTF-8 and, if it says, of R4.
fn media_type(text: &str) -> Option<Format> {
    let mut parts = text.split(';').map(str::trim);
    let format = Format::named(parts.next()?)?;
    let understood =
        |parameter: &str| parameter.split_once('=').is_some_and(|(name, value)| is_ours(&name.trim().to_ascii_lowercase(), value.trim()));
    parts.filter(|parameter| !parameter.is_empty()).all(understood).then_some(format)
}

fn is_ours(name: &str, value: &str) -> bool {
    let value = value.trim_matches('"');
    match name {
        "charset" => value.eq_ignore_ascii_case("utf-8"),
        VERSION => matches!(value, "4.0" | "4.0.0" | "4.0.1"),
        _ => true,
    }
}

/// Whether the body says that it is FHIR of another version than R4.
pub(super) fn sends_other_version(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_TYPE).iter().filter_map(|value| value.to_str().ok()).any(is_other_version)
}

/// Whether FHIR of another version than R4 is asked for.
pub(super) fn asks_other_version(headers: &HeaderMap, query: Option<&str>) -> bool {
    // `+` is a space once decoded
    format_in(query).map_or_else(|| ranges(headers).into_iter().any(is_other_version), |format| is_other_version(&format.replace(' ', "+")))
}

fn is_other_version(text: &str) -> bool {
    let mut parts = text.split(';').map(str::trim);
    let is_fhir = parts.next().is_some_and(|essence| Format::named(essence).is_some());
    let mut parameters = parts.filter_map(|part| part.split_once('=')).map(|(name, value)| (name.trim(), value.trim()));
    is_fhir && parameters.any(|(name, value)| name.eq_ignore_ascii_case(VERSION) && !is_ours(VERSION, value))
}

/// How closely a range names a type that it names in full.
const NAMED: u8 = 3;
/// <https://hl7.org/fhir/R4/http.html#version-parameter>
const VERSION: &str = "fhirversion";

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
    fn what_is_named_more_closely_or_wanted_more_is_answered() {
        use Format::{Json, Xml};
        for (accept, format) in [
            ("", Some(Json)),
            ("*/*", Some(Json)),
            ("application/*", Some(Json)),
            ("application/fhir+xml", Some(Xml)),
            ("text/xml", Some(Xml)),
            ("text/*", Some(Xml)),
            ("application/xml, application/json", Some(Json)),
            ("application/xml, application/json;q=0.9", Some(Xml)),
            ("application/fhir+xml;q=0.5, application/fhir+json;q=0.6", Some(Json)),
            ("application/fhir+xml, */*", Some(Xml)),
            ("application/fhir+xml;q=0, */*", Some(Json)),
            ("application/fhir+json;q=0, */*", Some(Xml)),
            ("application/fhir+json;q=0, application/*;q=0.5", Some(Xml)),
            ("application/fhir+json;q=0, application/json", Some(Json)),
            ("application/fhir+json;q=0, application/fhir+xml;q=0, */*", None),
            ("text/html, application/xml;q=0.9, */*;q=0.8", Some(Xml)),
            ("application/fhir+xml;fhirVersion=5.0, application/json;q=0.1", Some(Json)),
            ("text/html", None),
            ("*/*;q=0", None),
        ] {
            assert_eq!(wanted(&with(ACCEPT, &[accept]), None), format, "{accept}");
        }
        for (query, format) in [
            ("_format=xml", Some(Xml)),
            ("_format=text/xml", Some(Xml)),
            ("_format=application/xml", Some(Xml)),
            ("a=b&_format=application/fhir+xml", Some(Xml)),
            ("_format=JSON", Some(Json)),
            ("_format=", None),
            ("_format=ttl", None),
        ] {
            assert_eq!(wanted(&with(ACCEPT, &["text/html"]), Some(query)), format, "{query}");
        }
    }

    #[test]
    fn another_version_of_fhir_is_told_from_another_format() {
        for given in ["application/fhir+json; fhirVersion=5.0", "application/fhir+xml;charset=utf-8;FHIRVERSION=\"3.0\""] {
            assert!(sends_other_version(&with(CONTENT_TYPE, &[given])) && asks_other_version(&with(ACCEPT, &[given]), None), "{given}");
        }
        for given in ["application/fhir+json; fhirVersion=4.0", "application/fhir+json", "text/html;fhirVersion=5.0"] {
            assert!(!sends_other_version(&with(CONTENT_TYPE, &[given])) && !asks_other_version(&with(ACCEPT, &[given]), None), "{given}");
        }
        assert!(asks_other_version(&HeaderMap::new(), Some("_format=application/fhir+json;fhirVersion=5.0")));
    }

    #[test]
    fn a_body_says_what_it_is() {
        for given in ["application/json", "application/fhir+json; charset=\"UTF-8\"", "APPLICATION/JSON;charset=utf-8;"] {
            assert!(sends(Media::Json, &with(CONTENT_TYPE, &[given])), "{given}");
        }
        for given in ["application/fhir+xml", "text/json", "application/json; charset=latin1", "", "application/json; boundary"] {
            assert!(!sends(Media::Json, &with(CONTENT_TYPE, &[given])), "{given}");
        }
        for given in ["application/fhir+xml", "Text/XML; charset=utf-8", "application/xml;fhirVersion=4.0"] {
            assert_eq!(sent(&with(CONTENT_TYPE, &[given])), Some(Format::Xml), "{given}");
        }
        for given in ["application/fhir+xml; charset=utf-16", "application/xhtml+xml", "text/xml;fhirVersion=5.0"] {
            assert!(!sends(Media::Fhir, &with(CONTENT_TYPE, &[given])), "{given}");
        }
        assert!(!sends(Media::Json, &HeaderMap::new()));
        assert!(!sends(Media::Json, &with(CONTENT_TYPE, &["application/json", "application/json"])));
        let mut packed = with(CONTENT_TYPE, &["application/json"]);
        packed.insert(CONTENT_ENCODING, "gzip".parse().unwrap());
        assert!(!sends(Media::Json, &packed));
    }
}
