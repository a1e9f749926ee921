//! Subscriptions over REST: create, read, update, delete, search. A Subscription belongs to its caller; to others it is not there.
//!
//! <https://hl7.org/fhir/R4/http.html>, <https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/>. The version (ETag) counts what the
//! caller sent; `status` and `error`, which are ours to say, change beside it.

pub(super) mod operations;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_MATCH, LAST_MODIFIED, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use neuvola_fhir::Node;
use neuvola_fhir::model::Resource;
use uuid::Uuid;

use super::body::receive_small;
use super::edge::Who;
use super::media::FHIR_JSON;
use super::search::{Parameter, Search, Told};
use super::segment::Segment;
use super::version::{etag, http_date, if_match};
use crate::app::{App, Tasks};
use crate::issue::Issue;
use crate::refusal::{Media, Refusal};
use crate::task::notify::State as Standing;
use crate::task::notify::criteria::unknown;
use crate::task::notify::subscription::{Wanted, resource};
use crate::task::store::{Progress, Subscribed};

/// `POST /fhir/Subscription`
pub(super) async fn create(State(app): State<Arc<App>>, Who(caller): Who, request: Request) -> Result<Response, Refusal> {
    let tasks = app.tasks()?;
    let bytes = receive_small(&app, request, Media::Fhir).await?;
    let base = base(&app);
    let document = document(&bytes)?;
    let wanted = Wanted::read(&document, &base, &tasks.guard, None).map_err(Refusal::Invalid)?;
    known(&wanted, tasks)?;
    let kept = Subscribed {
        id: Uuid::new_v4(),
        version: 1,
        last_updated: now(&app),
        caller: caller.name,
        status: wanted.state.code().to_owned(),
        body: wanted.body(&bytes).map_err(Refusal::Invalid)?,
        progress: Progress { seen: tasks.store.last_seq().await?, ..Progress::default() },
    };
    if !tasks.store.add_subscription(&kept, MOST).await? {
        let message = format!("a caller has {MOST} Subscriptions at most");
        return Err(Refusal::Invalid(vec![Issue::error("too-costly", "subscriptions", "", message).remedy("delete one, or change it")]));
    }
    tasks.changed.notify_one();
    let location = format!("{base}/Subscription/{}/_history/1", kept.id);
    Ok(([(LOCATION, location)], answer(StatusCode::CREATED, &kept)?).into_response())
}

/// What it filters by is there: a filter that nothing passes would be a silence that nobody notices.
fn known(wanted: &Wanted, tasks: &Tasks) -> Result<(), Refusal> {
    let issues = unknown(&wanted.criteria, &tasks.directory, &tasks.codes);
    if issues.is_empty() { Ok(()) } else { Err(Refusal::Invalid(issues)) }
}

/// `GET /fhir/Subscription/{id}`
pub(super) async fn read(State(app): State<Arc<App>>, Who(caller): Who, id: Segment) -> Result<Response, Refusal> {
    answer(StatusCode::OK, &own(app.tasks()?, &caller.name, &id).await?)
}

/// `PUT /fhir/Subscription/{id}`. Set to `requested` (or left `active`) it begins anew with the handshake, and goes on with what is
/// outstanding; what happened while it was off is not told.
pub(super) async fn update(
    State(app): State<Arc<App>>,
    Who(caller): Who,
    id: Segment,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let tasks = app.tasks()?;
    let bytes = receive_small(&app, request, Media::Fhir).await?;
    let before = own(tasks, &caller.name, &id).await?;
    check_version(&headers, before.version)?;
    let base = base(&app);
    let document = document(&bytes)?;
    if document.text("id") != Some(id.0.as_str()) {
        let issue = Issue::error("value", "other-id", "Subscription.id", "`id` is not the id in the URL");
        return Err(Refusal::Request(vec![issue.remedy("send the whole resource as it was read, with the change")]));
    }
    let before_that = Wanted::kept(&before, &base, &tasks.guard);
    let wanted = Wanted::read(&document, &base, &tasks.guard, before_that.as_ref()).map_err(Refusal::Invalid)?;
    known(&wanted, tasks)?;
    let was_off = before.status == Standing::Off.code();
    let seen = if was_off { tasks.store.last_seq().await? } else { before.progress.seen };
    let kept = Subscribed {
        version: before.version + 1,
        last_updated: now(&app).max(before.last_updated),
        status: wanted.state.code().to_owned(),
        body: wanted.body(&bytes).map_err(Refusal::Invalid)?,
        progress: Progress { seen, failures: 0, next_try: None, error: None, ..before.progress },
        ..before
    };
    if !tasks.store.change_subscription(&kept, before.version).await? {
        let current = tasks.store.subscription(kept.id).await?.map(|current| current.version);
        return Err(Refusal::Stale(current));
    }
    tasks.changed.notify_one();
    answer(StatusCode::OK, &kept)
}

/// `DELETE /fhir/Subscription/{id}`; `If-Match` counts if it is there.
pub(super) async fn delete(State(app): State<Arc<App>>, Who(caller): Who, id: Segment, headers: HeaderMap) -> Result<Response, Refusal> {
    let tasks = app.tasks()?;
    let kept = own(tasks, &caller.name, &id).await?;
    if headers.contains_key(IF_MATCH) {
        check_version(&headers, kept.version)?;
    }
    tasks.store.delete_subscription(kept.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `GET /fhir/Subscription`: the caller's own.
pub(super) async fn search(State(app): State<Arc<App>>, Who(caller): Who, request: Request) -> Result<Response, Refusal> {
    let search = Search::parse(request.uri().query().unwrap_or_default(), &PARAMETERS)?.strictly(request.headers())?;
    let mut shown = Vec::new();
    for kept in app.tasks()?.store.subscriptions(Some(&caller.name)).await? {
        shown.push(Shown::of(&kept).ok_or(Refusal::Bug)?);
    }
    let base = format!("{}/Subscription", base(&app));
    let found: Vec<(String, &[u8])> =
        shown.iter().filter(|shown| search.finds(shown)).map(|shown| (format!("{base}/{}", shown.id), shown.bytes.as_slice())).collect();
    Ok(fhir(neuvola_fhir::print(&search.bundle(&found, &base)?)))
}

/// One as it is read back, and what it is searched by.
pub(super) struct Shown {
    id: String,
    status: String,
    url: String,
    criteria: String,
    bytes: Vec<u8>,
}

impl Shown {
    fn of(kept: &Subscribed) -> Option<Self> {
        let subscription = resource(kept)?;
        let url = subscription.channel.endpoint.as_ref().and_then(|endpoint| endpoint.value.clone()).unwrap_or_default();
        let criteria = subscription.criteria.value.clone().unwrap_or_default();
        let bytes = neuvola_fhir::print(&Resource::Subscription(Box::new(subscription)));
        Some(Self { id: kept.id.to_string(), status: kept.status.clone(), url, criteria, bytes })
    }
}

pub(super) static PARAMETERS: [Parameter<Shown>; 4] = [
    parameter("_id", "token", "Logical id", |shown| vec![&shown.id]),
    Parameter { system: STATUS, ..parameter("status", "token", "requested, active, error or off", |shown| vec![&shown.status]) },
    parameter("url", "uri", "The endpoint", |shown| vec![&shown.url]),
    parameter("criteria", "string", "The topic; :exact, :contains", |shown| vec![&shown.criteria]),
];

const fn parameter(
    name: &'static str,
    kind: &'static str,
    what: &'static str,
    values: for<'a> fn(&'a Shown) -> Vec<&'a str>,
) -> Parameter<Shown> {
    Parameter { told: Told { name, kind, what }, system: "", values }
}

/// Somebody else's is not there.
async fn own(tasks: &Tasks, caller: &str, id: &Segment) -> Result<Subscribed, Refusal> {
    let not_found = || Refusal::NotFound("the Subscription of that id".to_owned());
    let id = id.uuid().ok_or_else(not_found)?;
    let kept = tasks.store.subscription(id).await?;
    kept.filter(|kept| kept.caller == caller).ok_or_else(not_found)
}

fn document(bytes: &[u8]) -> Result<Node<'_>, Refusal> {
    let node = neuvola_fhir::read(bytes).map_err(Refusal::unreadable)?;
    if node.text("resourceType") != Some("Subscription") {
        let issue = Issue::error("structure", "not-a-subscription", "resourceType", "a Subscription is wanted");
        return Err(Refusal::Unreadable(vec![issue]));
    }
    Ok(node)
}

/// That `If-Match` names what is there.
fn check_version(headers: &HeaderMap, current: u64) -> Result<(), Refusal> {
    match if_match(headers) {
        Ok(version) if version == current => Ok(()),
        // the caller's own: it may know
        Ok(_) | Err(Refusal::Stale(_)) => Err(Refusal::Stale(Some(current))),
        Err(refusal) => Err(refusal),
    }
}

fn answer(status: StatusCode, kept: &Subscribed) -> Result<Response, Refusal> {
    let body = Shown::of(kept).ok_or(Refusal::Bug)?.bytes;
    let headers = [(ETAG, etag(kept.version)), (LAST_MODIFIED, http_date(kept.last_updated))];
    Ok((status, headers, [(CONTENT_TYPE, FHIR_JSON)], body).into_response())
}

fn fhir(body: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, FHIR_JSON)], body).into_response()
}

/// Our own FHIR base, as Subscriptions name it.
fn base(app: &App) -> String {
    format!("{}/fhir", app.base)
}

/// In whole milliseconds, as it is stored.
fn now(app: &App) -> Timestamp {
    let now = app.clock.now();
    now.round(TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Trunc)).unwrap_or(now)
}

/// Of one caller.
const MOST: u32 = 20;
const STATUS: &str = "http://hl7.org/fhir/subscription-status";

#[cfg(test)]
mod tests;
