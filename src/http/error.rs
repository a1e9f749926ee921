//! The one function that makes an answer of a refusal, by the table in [`crate::refusal`].

use std::any::Any;

use axum::extract::MatchedPath;
use axum::http::header::{ALLOW, CONNECTION, CONTENT_TYPE, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::media::FHIR_JSON;
use crate::caller::Unknown;
use crate::outcome;
use crate::refusal::Refusal;

/// For the log: our own words, which never hold a client's.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) fault: &'static str,
    pub(super) reason: String,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let issues = self.issues();
        let mut response = (status, [(CONTENT_TYPE, FHIR_JSON)], outcome::print(&issues)).into_response();
        let headers = response.headers_mut();
        if let Some(pause) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(pause.as_secs().max(1)));
        }
        match &self {
            Self::Method(allowed) => headers.extend(HeaderValue::from_str(allowed).ok().map(|allowed| (ALLOW, allowed))),
            // the rest of the body may come at any time, or never
            Self::Slow => headers.extend([(CONNECTION, HeaderValue::from_static("close"))]),
            Self::Known(place) => headers.extend(HeaderValue::from_str(place).ok().map(|place| (LOCATION, place))),
            Self::Login(why) => headers.extend([(WWW_AUTHENTICATE, challenge(*why))]),
            _ => {}
        }
        let fault = issues.first().map_or("", |issue| issue.fault);
        response.extensions_mut().insert(Told { fault, reason: self.to_string() });
        response
    }
}

/// RFC 6750, 3.
const fn challenge(why: Unknown) -> HeaderValue {
    match why {
        Unknown::Nothing => HeaderValue::from_static("Bearer realm=\"neuvola-adapter\""),
        Unknown::Nobody => HeaderValue::from_static("Bearer realm=\"neuvola-adapter\", error=\"invalid_token\""),
    }
}

/// Nothing stands under that path.
pub(super) async fn not_found() -> Refusal {
    Refusal::NotFound("what the path asks for".to_owned())
}

/// Something stands there, but not for that method.
pub(super) async fn method_not_allowed(path: Option<MatchedPath>) -> Refusal {
    Refusal::Method(path.map(|path| super::allowed(path.as_str())).unwrap_or_default())
}

/// The place was told by the panic hook; the payload may quote a client and is dropped.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Refusal::Bug.into_response()
}
