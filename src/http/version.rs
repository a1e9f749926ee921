//! Versions in headers: <https://hl7.org/fhir/R4/http.html#versions>

use jiff::Timestamp;

/// R4's ETags are weak, and hold `meta.versionId`.
pub(super) fn etag(version: u64) -> String {
    format!("W/\"{version}\"")
}

/// As `Last-Modified` has it (RFC 9110, 5.6.7).
pub(super) fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
