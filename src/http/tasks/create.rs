//! `POST /fhir/Task`. <https://hl7.org/fhir/R4/http.html#create>, conditional on `identifier`:
//! <https://hl7.org/fhir/R4/http.html#ccreate>

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::Value;
use url::form_urlencoded;
use uuid::Uuid;

use super::super::body::{receive_small, small};
use super::super::edge::{RequestId, Who};
use super::Asking;
use super::change::{room, too_large};
use crate::app::App;
use crate::issue::Issue;
use crate::refusal::{Media, Refusal};
use crate::task::callback::{CallbackTask, Unfit};
use crate::task::intake::{Hints, complete};
use crate::task::store::{Created, Filter, NewTask, Query, Stored, Viewer};

pub(in crate::http) async fn create(
    State(app): State<Arc<App>>,
    who: Who,
    request_id: RequestId,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let asking = Asking::new(&app, &who, &request_id)?;
    let condition = condition(&headers)?;
    let bytes = receive_small(&app, request, Media::Fhir).await?;
    if let Some(condition) = &condition
        && let Some(found) = asking.matching(condition).await?
    {
        return Ok(asking.answer(StatusCode::OK, &found, &headers));
    }
    let sent = read(&bytes)?;
    let Value::Object(task) = local(sent.clone(), &app.base) else { return Err(Refusal::Bug) };
    let task = complete(task, Hints::default(), &asking.actor(), &asking.tasks.codes).map_err(unfit)?;
    match asking.create(&task, digest_of(sent)).await? {
        Created::New(stored) => Ok(asking.answer(StatusCode::CREATED, &stored, &headers)),
        Created::Existing { task, same_request } if same_request || condition.is_some() => {
            Ok(asking.answer(StatusCode::OK, &task, &headers))
        }
        Created::Existing { task, .. } => Err(Refusal::Known(format!("{}/fhir/Task/{}", app.base, task.id))),
        Created::Purged(_) => Err(Refusal::Gone("the Task of that identifier".to_owned())),
    }
}

impl Asking<'_> {
    pub(super) async fn create(&self, task: &CallbackTask, request: [u8; 32]) -> Result<Created, Refusal> {
        let body = task.bytes();
        let most = room(small(self.app), body.len());
        if body.len() > most {
            return Err(Refusal::Invalid(vec![too_large(most)]));
        }
        let new = NewTask { id: Uuid::new_v4(), body, index: task.index.clone(), request, by: self.author(), now: self.app.clock.now() };
        let created = self.tasks.store.create(new).await?;
        if matches!(created, Created::New(_)) {
            self.tasks.changed.notify_one();
        }
        Ok(created)
    }

    /// The Task that the caller asked for with that identifier. What an owner added to another counts for nothing.
    async fn matching(&self, (system, value): &(Option<String>, String)) -> Result<Option<Stored>, Refusal> {
        let requesters = self.actor().organizations().collect();
        let query = Query {
            viewer: Viewer::Party { owners: Vec::new(), requesters, formerly: Vec::new() },
            filters: vec![Filter::Asked { system: system.clone(), value: value.clone() }],
            sort: Vec::new(),
            limit: 2,
            after: None,
        };
        let mut found = self.tasks.store.search(&query).await?.tasks;
        if found.len() > 1 { Err(Refusal::SeveralMatch) } else { Ok(found.pop()) }
    }
}

/// `If-None-Exist: identifier=system|value`
fn condition(headers: &HeaderMap) -> Result<Option<(Option<String>, String)>, Refusal> {
    let Some(given) = headers.get("if-none-exist") else { return Ok(None) };
    let query = given.to_str().unwrap_or_default();
    let query = query.rsplit_once('?').map_or(query, |(_, query)| query);
    let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    match pairs.as_slice() {
        [(name, value)] if name == "identifier" && !value.is_empty() && !value.contains(',') => Ok(Some(match value.split_once('|') {
            Some((system, value)) => (Some(system.to_owned()), value.to_owned()),
            None => (None, value.clone().into_owned()),
        })),
        _ => {
            let issue = Issue::error("not-supported", "if-none-exist", "", "a create can be conditional on one `identifier` only");
            Err(Refusal::Request(vec![issue.remedy("If-None-Exist: identifier=https://chat.example/contacts|c-1")]))
        }
    }
}

/// A JSON object, without what JSON allows and FHIR does not.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Refusal> {
    let node = neuvola_fhir::read(bytes).map_err(Refusal::unreadable)?;
    if node.kind() != neuvola_fhir::Kind::Object {
        return Err(Refusal::Unreadable(vec![Issue::error("structure", "wrong-type", "", "a FHIR resource is wanted, as a JSON object")]));
    }
    serde_json::from_slice(bytes).map_err(|_| Refusal::Bug)
}

/// References to what is served here, as they are stored: relative.
pub(super) fn local(mut task: Value, base: &str) -> Value {
    let prefix = format!("{base}/fhir/");
    for name in ["owner", "requester"] {
        let Some(Value::String(reference)) = task.get_mut(name).and_then(|party| party.get_mut("reference")) else { continue };
        if let Some(relative) = reference.strip_prefix(&prefix) {
            *reference = relative.to_owned();
        }
    }
    task
}

/// Of the content, whatever its order, its spaces, and the offsets of its instants.
pub(super) fn digest_of(mut sent: Value) -> [u8; 32] {
    sent.sort_all_objects();
    in_one_offset(&mut sent);
    let mut found = [0; 32];
    found.copy_from_slice(digest::digest(&digest::SHA256, sent.to_string().as_bytes()).as_ref());
    found
}

/// The same instant is the same text.
fn in_one_offset(sent: &mut Value) {
    match sent {
        Value::String(text) if text.len() <= 40 && text.as_bytes().get(10) == Some(&b'T') => {
            if let Ok(instant) = text.parse::<Timestamp>() {
                *text = instant.to_string();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(in_one_offset),
        Value::Object(members) => members.values_mut().for_each(in_one_offset),
        _ => {}
    }
}

pub(super) fn unfit(unfit: Unfit) -> Refusal {
    match unfit {
        Unfit::NotR4(issues) => Refusal::Unreadable(issues),
        Unfit::NotOurs(issues) => Refusal::Invalid(issues),
    }
}
