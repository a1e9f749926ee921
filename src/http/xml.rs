//! Answers in XML: <https://hl7.org/fhir/R4/xml.html>

use axum::body::{Body, to_bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};

use super::media::{FHIR_JSON, FHIR_XML};
use crate::refusal::Refusal;

/// What is FHIR's JSON becomes XML; anything else stays as it is. A resource that XML cannot hold (its narrative is no
/// XHTML) is given as JSON and says so: that is more use than nothing (RFC 9110, 12.4.1).
pub(super) async fn in_xml(response: Response) -> Response {
    if response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind != FHIR_JSON) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    // our own answers, which are whole in memory
    let Ok(json) = to_bytes(body, usize::MAX).await else { return Refusal::Bug.into_response() };
    let body = match neuvola_fhir::xml_of_json(&json) {
        Ok(xml) => {
            head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(FHIR_XML));
            Body::from(xml)
        }
        Err(fault) => {
            tracing::warn!(fault = %fault.kind, "an answer cannot be told in XML and is given as JSON");
            Body::from(json)
        }
    };
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, body)
}

/// As HEAD is answered: with the length of what GET would give.
pub(super) fn without_body(response: Response) -> Response {
    use axum::body::HttpBody as _;
    let (mut head, body) = response.into_parts();
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(head, Body::empty())
}
