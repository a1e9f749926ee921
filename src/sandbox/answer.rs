//! HTTP in and out of what the interactions speak: media types, `Prefer`, base URL, version headers, OperationOutcomes.
//! <https://hl7.org/fhir/R4/http.html#mime-type>

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::FromRequestParts;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, HOST, LAST_MODIFIED, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::sandbox::fault::{Fault, information};
use crate::sandbox::search::pairs;
use crate::sandbox::store::{Key, Version, instant};
use crate::sandbox::transaction::Done;
use crate::sandbox::{MOUNT, Sandbox};

const FHIR_JSON: &str = "application/fhir+json;charset=utf-8";

/// What of a call matters to its answer.
pub(super) struct Call {
    /// `http://127.0.0.1:8080/fhir`, as the caller wrote it.
    pub(super) base: String,
    /// The decoded query.
    pub(super) query: Vec<(String, String)>,
    pub(super) raw_query: String,
    pub(super) headers: HeaderMap,
    pub(super) preference: Preference,
    /// A browser asks: indented, and as a media type that it shows.
    pub(super) readable: bool,
}

/// `Prefer: return=…`, <https://hl7.org/fhir/R4/http.html#return>.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Preference {
    Unsaid,
    Minimal,
    Representation,
    Outcome,
}

impl FromRequestParts<Sandbox> for Call {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &Sandbox) -> Result<Self, Fault> {
        let headers = parts.headers.clone();
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        let query = pairs(&raw_query);
        let text = |name: HeaderName| headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect::<Vec<_>>().join(",");
        let accept = text(ACCEPT).to_ascii_lowercase();
        let format = query.iter().find_map(|(name, value)| (name == "_format").then_some(value.as_str()));
        if !format.map_or_else(|| acceptable(&accept), |format| format == "json" || media_type_is_json(format)) {
            return Err(Fault::new(406, "not-supported", "only application/fhir+json is answered here"));
        }
        let host = parts.uri.authority().map_or_else(|| text(HOST), ToString::to_string);
        let prefer = text(HeaderName::from_static("prefer"));
        let preference = prefer.split([',', ';']).find_map(|token| match token.trim() {
            "return=minimal" => Some(Preference::Minimal),
            "return=representation" => Some(Preference::Representation),
            "return=OperationOutcome" => Some(Preference::Outcome),
            _ => None,
        });
        Ok(Call {
            base: format!("http://{host}{MOUNT}"),
            query,
            raw_query,
            preference: preference.unwrap_or(Preference::Unsaid),
            readable: accept.contains("text/html"),
            headers,
        })
    }
}

impl Call {
    pub(super) fn header(&self, name: &'static str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The JSON object of a body, after the strict look that the sandbox was given.
    pub(super) fn body(&self, sandbox: &Sandbox, body: Result<Bytes, BytesRejection>) -> Result<Map<String, Value>, Fault> {
        if !self.header("content-type").is_some_and(media_type_is_json) {
            return Err(Fault::new(415, "not-supported", "send application/fhir+json in UTF-8"));
        }
        let body = bytes(body)?;
        sandbox.check(&body)?;
        match serde_json::from_slice(&body) {
            Ok(Value::Object(resource)) => Ok(resource),
            Ok(_) => Err(Fault::new(400, "structure", "the body is not a JSON object")),
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                Err(Fault::new(400, "structure", format!("the body is not JSON: line {line}, column {column}")))
            }
        }
    }

    /// 200 with a resource.
    pub(super) fn resource(&self, resource: &Value) -> Response {
        self.json(StatusCode::OK, resource)
    }

    /// A version with its headers; 304 when the caller has it.
    pub(super) fn version(&self, version: &Version, body: &Value) -> Response {
        let known = self.header("if-none-match").is_some_and(|known| known.split(',').any(|known| known.trim() == etag(version)));
        let answer = if known { StatusCode::NOT_MODIFIED.into_response() } else { self.resource(body) };
        with_version(answer, version)
    }

    /// What a create, update or delete answers.
    pub(super) fn written(&self, done: &Done) -> Response {
        let deleted = done.status == 204;
        let status = if deleted { StatusCode::OK } else { StatusCode::from_u16(done.status).unwrap_or(StatusCode::OK) };
        let body = done.version.as_ref().and_then(|version| version.body.as_deref());
        let mut answer = match (self.preference, body) {
            (Preference::Minimal, _) => status.into_response(),
            (Preference::Unsaid | Preference::Representation, Some(body)) => self.json(status, body),
            _ => self.json(status, &information(done.note)),
        };
        let (Some(key), Some(version)) = (&done.key, &done.version) else { return answer };
        if !deleted {
            let location = format!("{}/{}", self.base, version_path(key, version));
            insert(answer.headers_mut(), LOCATION, &location);
        }
        with_version(answer, version)
    }

    /// The transaction-response Bundle, an entry for each request in their order.
    pub(super) fn transaction(&self, done: &[Done]) -> Response {
        let mut bundle = json!({"resourceType": "Bundle", "id": uuid::Uuid::new_v4().to_string(), "type": "transaction-response"});
        if !done.is_empty() {
            bundle["entry"] = done.iter().map(|done| self.entry(done)).collect();
        }
        self.resource(&bundle)
    }

    fn entry(&self, done: &Done) -> Value {
        let mut response = Map::new();
        let reason = StatusCode::from_u16(done.status).unwrap_or_default();
        response.insert("status".into(), reason.to_string().into());
        if let (Some(key), Some(version)) = (&done.key, &done.version) {
            if version.body.is_some() {
                response.insert("location".into(), version_path(key, version).into());
            }
            response.insert("etag".into(), etag(version).into());
            response.insert("lastModified".into(), instant(version.at).into());
        }
        if self.preference != Preference::Minimal && done.shown.is_none() {
            response.insert("outcome".into(), information(done.note));
        }
        let mut entry = Map::new();
        let written = done.version.as_ref().and_then(|version| version.body.clone());
        let wanted: Option<Arc<Value>> = done.shown.clone().or(written.filter(|_| self.preference == Preference::Representation));
        if let Some(resource) = wanted {
            entry.insert("resource".into(), (*resource).clone());
        }
        entry.insert("response".into(), response.into());
        entry.into()
    }

    fn json(&self, status: StatusCode, resource: &Value) -> Response {
        if self.readable {
            (status, [(CONTENT_TYPE, "application/json;charset=utf-8")], format!("{resource:#}")).into_response()
        } else {
            json(status, resource)
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        json(StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &self.outcome())
    }
}

/// Whether an answer is one of ours rather than the web framework's.
pub(super) fn is_fhir(answer: &Response) -> bool {
    answer.headers().get(CONTENT_TYPE).is_some_and(|given| given == FHIR_JSON)
}

/// The bytes of a body; 413 past the limit.
pub(super) fn bytes(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Fault> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Fault::new(413, "too-long", "the body is larger than is taken here"),
        _ => Fault::invalid("the body broke off"),
    })
}

fn json(status: StatusCode, resource: &Value) -> Response {
    (status, [(CONTENT_TYPE, FHIR_JSON), (CACHE_CONTROL, "no-store")], resource.to_string()).into_response()
}

/// `W/"3"`.
pub(super) fn etag(version: &Version) -> String {
    format!("W/\"{}\"", version.number)
}

fn version_path(key: &Key, version: &Version) -> String {
    format!("{key}/_history/{}", version.number)
}

fn with_version(mut answer: Response, version: &Version) -> Response {
    let headers = answer.headers_mut();
    insert(headers, ETAG, &etag(version));
    insert(headers, LAST_MODIFIED, &version.at.to_zoned(TimeZone::UTC).strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    answer
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// Whether JSON is among what is accepted, or a browser asks.
fn acceptable(accept: &str) -> bool {
    let mut ranges = accept.split(',').map(str::trim).filter(|range| !range.is_empty()).peekable();
    ranges.peek().is_none()
        || ranges.any(|range| {
            let essence = range.split(';').next().unwrap_or_default().trim();
            matches!(essence, "*/*" | "application/*" | "text/html") || media_type_is_json(range)
        })
}

/// FHIR's or plain JSON, in UTF-8 and, if it says, of R4.
fn media_type_is_json(text: &str) -> bool {
    let text = text.to_ascii_lowercase().replace(' ', "+"); // `+` in a query is a space once decoded
    let mut parts = text.split(';').map(|part| part.trim_matches(['+', ' ']));
    let json = matches!(parts.next(), Some("application/fhir+json" | "application/json" | "application/json+fhir"));
    json && parts.all(|parameter| match parameter.split_once('=') {
        Some(("charset", charset)) => charset.trim_matches('"') == "utf-8",
        Some(("fhirversion", version)) => version.trim_matches('"').starts_with("4.0"),
        _ => true,
    })
}
