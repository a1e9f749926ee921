//! `$status` and `$events`, by GET and POST.
//!
//! <https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-status.html>,
//! <https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html>

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use url::form_urlencoded;

use super::super::body::receive_small;
use super::super::edge::Who;
use super::super::questionnaire::unknown_parameter;
use super::super::segment::Segment;
use super::{base, fhir, own};
use crate::app::{App, Tasks};
use crate::issue::{Issue, Issues};
use crate::refusal::{Media, Refusal};
use crate::task::notify::bundle::{Kind, notification, statuses};
use crate::task::notify::subscription::{Content, Wanted};
use crate::task::store::Subscribed;

/// `/fhir/Subscription/{id}/$status`
pub(in crate::http) async fn status(
    State(app): State<Arc<App>>,
    Who(caller): Who,
    id: Segment,
    request: Request,
) -> Result<Response, Refusal> {
    let tasks = app.tasks()?;
    let kept = own(tasks, &caller.name, &id).await?;
    parameters(&app, request, &["id", "status"]).await?;
    let base = base(&app);
    let url = format!("{base}/Subscription/{}/$status", kept.id);
    let content = content(tasks, &kept, &base);
    Ok(fhir(statuses(&base, &[(kept, content)], &url)))
}

/// `/fhir/Subscription/$status`: of all that the caller has, or of those named.
pub(in crate::http) async fn all_statuses(State(app): State<Arc<App>>, Who(caller): Who, request: Request) -> Result<Response, Refusal> {
    let tasks = app.tasks()?;
    let given = parameters(&app, request, &["id", "status"]).await?;
    let base = base(&app);
    let wanted = |name: &str, value: &str| {
        let mut named = given.iter().filter(|(given, _)| given == name).flat_map(|(_, values)| values.split(',')).map(str::trim).peekable();
        named.peek().is_none() || named.any(|one| one == value)
    };
    let mut told = Vec::new();
    for kept in tasks.store.subscriptions(Some(&caller.name)).await? {
        if wanted("id", &kept.id.to_string()) && wanted("status", &kept.status) {
            let content = content(tasks, &kept, &base);
            told.push((kept, content));
        }
    }
    Ok(fhir(statuses(&base, &told, &format!("{base}/Subscription/$status"))))
}

/// `/fhir/Subscription/{id}/$events`: at most a hundred, the earliest first; ask on from the last one's number.
pub(in crate::http) async fn events(
    State(app): State<Arc<App>>,
    Who(caller): Who,
    id: Segment,
    request: Request,
) -> Result<Response, Refusal> {
    let tasks = app.tasks()?;
    let kept = own(tasks, &caller.name, &id).await?;
    let given = parameters(&app, request, &["eventsSinceNumber", "eventsUntilNumber", "content"]).await?;
    let number = |name: &str| {
        let value = given.iter().find(|(given, _)| given == name).map(|(_, value)| value.parse::<u64>());
        let no_number = Issue::error("value", "parameter", "", format!("`{name}` is no event number"));
        value.transpose().map_err(|_| Refusal::Request(vec![no_number]))
    };
    let since = number("eventsSinceNumber")?.unwrap_or(1).max(1);
    let until = number("eventsUntilNumber")?.unwrap_or(u64::MAX).min(kept.progress.matched);
    let events = if since <= until { tasks.store.matched(kept.id, since, until, MOST).await? } else { Vec::new() };
    let base = base(&app);
    let less = given.iter().any(|(name, value)| name == "content" && value == "empty");
    let content = if less { Content::Empty } else { content(tasks, &kept, &base) };
    Ok(fhir(notification(&base, &kept, content, Kind::QueryEvent, &events, app.clock.now())))
}

fn content(tasks: &Tasks, kept: &Subscribed, base: &str) -> Content {
    Wanted::kept(kept, base, &tasks.guard).map_or(Content::Empty, |wanted| wanted.content)
}

/// From the URL, and from Parameters in the body if there is one.
async fn parameters(app: &App, request: Request, known: &[&str]) -> Result<Vec<(String, String)>, Refusal> {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let mut given: Vec<(String, String)> =
        form_urlencoded::parse(query.as_bytes()).into_owned().filter(|(name, _)| name != "_format").collect();
    let mut issues = Issues::default();
    if request.headers().contains_key(CONTENT_TYPE) {
        let bytes = receive_small(app, request, Media::Fhir).await?;
        let node = neuvola_fhir::read(&bytes).map_err(Refusal::unreadable)?;
        if node.text("resourceType") != Some("Parameters") {
            issues.push(Issue::error("structure", "not-parameters", "resourceType", "Parameters are wanted"));
        }
        for parameter in node.list("parameter") {
            let value = parameter.members().iter().find(|(member, _)| member.starts_with("value")).map(|(_, value)| value);
            let value = value.and_then(|value| value.as_str().or_else(|| value.as_number())).unwrap_or_default();
            given.push((parameter.text("name").unwrap_or_default().to_owned(), value.to_owned()));
        }
    }
    issues.extend(given.iter().filter(|(name, _)| !known.contains(&name.as_str())).map(|(name, _)| unknown_parameter(name, "")));
    if issues.has_errors() { Err(Refusal::Request(issues.into_list())) } else { Ok(given) }
}

/// Events in one answer.
const MOST: u32 = 100;
