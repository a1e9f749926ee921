//! What every request passes: its id, its line in the log, the headers of every answer, and the format of it.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, VARY, X_CONTENT_TYPE_OPTIONS};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tracing::Instrument as _;
use uuid::Uuid;

use super::body::linger;
use super::error::Told;
use super::media::{Format, accepts_json, asks_other_version, wanted};
use super::xml::{in_xml, without_body};
use crate::app::App;
use crate::caller::{Caller, Role, Unknown};
use crate::identity::holds_identity_code;
use crate::metrics::Metrics;
use crate::refusal::Refusal;

/// Outermost: one line a request, and headers.
pub(super) async fn edge(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    let line = Line::begin(&request, &app.metrics);
    let span = tracing::info_span!("request", request_id = id);
    async move {
        let mut response = next.run(linger(request)).await;
        let headers = response.headers_mut();
        headers.extend(HeaderValue::from_str(&id).ok().map(|id| (REQUEST_ID, id)));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
        headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
        line.end(&response);
        response
    }
    .instrument(span)
    .await
}

/// Refuses who accepts nothing that could be answered, and gives FHIR in XML to who wants it so: every handler speaks JSON.
/// What is our own under other paths is JSON only, save its refusals and previews. Metrics are text and for one kind of reader only.
pub(super) async fn negotiate(path: Option<MatchedPath>, mut request: Request, next: Next) -> Response {
    let (headers, query) = (request.headers(), request.uri().query());
    let wanted = wanted(headers, query);
    let refused = match path.as_ref().map(MatchedPath::as_str) {
        None | Some(super::metrics::PATH) => false,
        Some(path) if path.starts_with("/fhir/") || path == super::forms::PREVIEW => wanted.is_none(),
        Some(_) => !accepts_json(headers, query),
    };
    let refusal = if asks_other_version(headers, query) { Refusal::OtherVersion } else { Refusal::NotAcceptable };
    let is_head = request.method() == Method::HEAD;
    let mut response = match wanted {
        Some(Format::Xml) if refused => in_xml(refusal.into_response()).await,
        Some(Format::Xml) => {
            // the length is that of the XML, which has to be made for it
            if is_head {
                *request.method_mut() = Method::GET;
            }
            let response = in_xml(next.run(request).await).await;
            if is_head { without_body(response) } else { response }
        }
        _ if refused => refusal.into_response(),
        _ => next.run(request).await,
    };
    response.headers_mut().append(VARY, HeaderValue::from_static("Accept"));
    response
}

/// Who asks, once they proved it.
#[derive(Clone)]
pub(super) struct Who(pub(super) Caller);

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or(Refusal::Login(Unknown::Nothing))
    }
}

/// The request's id, for what is recorded of it.
#[derive(Clone)]
pub(super) struct RequestId(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Self>().cloned().ok_or(Refusal::Bug)
    }
}

/// Lets in who holds one of the route's roles.
pub(super) async fn admit(State((app, roles)): State<(Arc<App>, &'static [Role])>, mut request: Request, next: Next) -> Response {
    let shown = bearer(&request);
    let caller = match app.callers.identify(shown) {
        Ok(caller) => caller.clone(),
        Err(unknown) => return Refusal::Login(unknown).into_response(),
    };
    if !caller.is_any(roles) && shown.is_none() {
        return Refusal::Login(Unknown::Nothing).into_response();
    }
    if !caller.is_any(roles) {
        let wanted = roles.iter().map(|role| role.code()).collect::<Vec<_>>().join(", ");
        return Refusal::Forbidden(format!("this is for callers with one of the roles: {wanted}")).into_response();
    }
    request.extensions_mut().insert(Who(caller));
    next.run(request).await
}

/// The token of `Authorization: Bearer …` (RFC 6750, 2.1); another scheme is no token of ours.
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.headers().get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The caller's, if it is nothing but an id, and nobody's identity code: it goes to the log. Otherwise one of ours.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let well_formed = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            && !holds_identity_code(id)
    };
    given.filter(well_formed).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

/// A request's line in the log: the route's template, never the path or the query, which are the client's words.
struct Line {
    method: Method,
    route: Option<MatchedPath>,
    begin: Instant,
    metrics: Arc<Metrics>,
    ended: bool,
}

impl Line {
    #[allow(clippy::disallowed_methods, reason = "measures; gives no time to anybody")]
    fn begin(request: &Request, metrics: &Arc<Metrics>) -> Self {
        let (method, route) = (request.method().clone(), request.extensions().get().cloned());
        Self { method, route, begin: Instant::now(), metrics: Arc::clone(metrics), ended: false }
    }

    fn end(mut self, response: &Response) {
        self.ended = true;
        let status = response.status().as_u16();
        match response.extensions().get::<Told>() {
            Some(Told { fault, reason }) if status >= 500 => self.tell(Some(status), fault, reason),
            Some(Told { fault, .. }) => self.tell(Some(status), fault, ""),
            None => self.tell(Some(status), "", ""),
        }
    }

    fn tell(&self, status: Option<u16>, fault: &str, reason: &str) {
        let method = KNOWN_METHODS.iter().find(|known| **known == self.method.as_str()).copied().unwrap_or("other");
        let route = self.route.as_ref().map_or("-", MatchedPath::as_str);
        let elapsed = self.begin.elapsed();
        self.metrics.answered(method, route, status, elapsed.as_secs_f64());
        let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        match (status, fault) {
            (None, _) => tracing::info!(method, route, ms, "the client went away"),
            (Some(status), "") => tracing::info!(method, route, status, ms, "answered"),
            (Some(status), fault) if status >= 500 => tracing::error!(method, route, status, ms, fault, reason, "answered"),
            (Some(status), fault) => tracing::info!(method, route, status, ms, fault, "answered"),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if !self.ended {
            self.tell(None, "", "");
        }
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const KNOWN_METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
