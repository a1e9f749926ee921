//! Changing a Task: `PUT` and JSON `PATCH`, each on the version that `If-Match` names.
//! <https://hl7.org/fhir/R4/http.html#update>, [#patch](https://hl7.org/fhir/R4/http.html#patch),
//! [#concurrency](https://hl7.org/fhir/R4/http.html#concurrency)

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use uuid::Uuid;

use super::super::body::{receive_small, small};
use super::super::edge::{RequestId, Who};
use super::super::segment::Segment;
use super::super::version::if_match;
use super::create::{local, read};
use super::patch::patched;
use super::{Asking, id_of, nothing};
use crate::app::App;
use crate::issue::Issue;
use crate::refusal::{Media, Refusal};
use crate::task::callback::{CallbackTask, Unfit};
use crate::task::change::{Allowed, Update, apply, options, whole};
use crate::task::print::print;
use crate::task::search::Sight;
use crate::task::store::{Change, Changed, Found, Stored};

/// `PUT /fhir/Task/{id}`
pub(in crate::http) async fn update(
    State(app): State<Arc<App>>,
    who: Who,
    request_id: RequestId,
    id: Segment,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let asking = Asking::new(&app, &who, &request_id)?;
    let (id, from) = (id_of(&id)?, if_match(&headers)?);
    let bytes = receive_small(&app, request, Media::Fhir).await?;
    let current = asking.current(id, from).await?;
    let sent = read(&bytes)?;
    asking.change(&current, sent, Update::Whole, &headers).await
}

/// `PATCH /fhir/Task/{id}`: RFC 6902, on the Task as it is read.
pub(in crate::http) async fn patch(
    State(app): State<Arc<App>>,
    who: Who,
    request_id: RequestId,
    id: Segment,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Refusal> {
    let asking = Asking::new(&app, &who, &request_id)?;
    let (id, from) = (id_of(&id)?, if_match(&headers)?);
    let bytes = receive_small(&app, request, Media::Patch).await?;
    let current = asking.current(id, from).await?;
    let task = serde_json::from_slice(&print(&current)).map_err(|_| Refusal::Bug)?;
    let (task, update) = patched(task, &bytes, small(&app))?;
    asking.change(&current, task, update, &headers).await
}

impl Asking<'_> {
    /// The Task at the version that is to be changed.
    async fn current(&self, id: Uuid, from: u64) -> Result<Stored, Refusal> {
        let task = match self.tasks.store.read(id).await? {
            Found::Task(task) => task,
            Found::Purged(stone) if self.knew(&stone) => return Err(Refusal::Gone("the Task".to_owned())),
            Found::Purged(_) | Found::Nothing => return Err(nothing()),
        };
        match self.sight(&task) {
            Sight::Nothing => {
                // whoever could see the version that they name learns that it is no longer so: they lost a race
                let named = if from < task.version { self.tasks.store.version(id, from).await? } else { None };
                let lost = named.is_some_and(|named| self.sight(&named) == Sight::Whole);
                Err(if lost { Refusal::Stale(None) } else { nothing() })
            }
            _ if task.version != from => Err(Refusal::Stale(Some(task.version))),
            // a former owner learns nothing of the client, by no test of a patch either
            Sight::Reduced => {
                let message = "you see a part of the Task: it is its owner's to change";
                let issue = Issue::error("business-rule", "subsetted", "Task.meta.tag", message);
                Err(Refusal::Change([vec![issue], self.possible(&task)].concat()))
            }
            Sight::Whole => Ok(task),
        }
    }

    /// What the caller may do with it, to stand behind a refusal.
    fn possible(&self, task: &Stored) -> Vec<Issue> {
        CallbackTask::stored(&task.body).map_or_else(Vec::new, |task| options(&self.actor(), &task).issues())
    }

    async fn change(&self, current: &Stored, sent: Value, update: Update, headers: &HeaderMap) -> Result<Response, Refusal> {
        let actor = self.actor();
        if sent["id"] != current.id.to_string() {
            let issue = Issue::error("invalid", "wrong-id", "Task.id", "`id` is not the one in the URL");
            return Err(Refusal::Unreadable(vec![issue]));
        }
        // a patch may have made anything of it; only an object has an `id`
        let Value::Object(mut sent) = local(sent, &self.app.base) else { return Err(Refusal::Bug) };
        // what changes by itself is put aside; what a reader got back may be sent again as it is
        sent.shift_remove("lastModified");
        whole(&sent).map_err(Refusal::Change)?;
        let new = CallbackTask::prove(sent, &self.tasks.codes).map_err(|unfit| match unfit {
            Unfit::NotR4(issues) => Refusal::Unreadable(issues),
            Unfit::NotOurs(mut issues) => {
                issues.extend(self.possible(current));
                Refusal::Change(issues)
            }
        })?;
        let old = CallbackTask::stored(&current.body).ok_or(Refusal::Bug)?;
        let Allowed { task, unchanged, attempt } = apply(&old, new, update, &actor).map_err(Refusal::Change)?;
        if unchanged {
            return Ok(self.answer(StatusCode::OK, current, headers));
        }
        let (body, index) = (task.bytes(), task.index.clone());
        let grown = body.len().saturating_sub(current.body.len());
        if grown > 0 && body.len() > room(small(self.app), grown) {
            return Err(Refusal::Change([vec![too_large(room(small(self.app), grown))], self.possible(current)].concat()));
        }
        let change = Change { id: current.id, from: current.version, body, index, by: self.author(), now: actor.now };
        match self.tasks.store.change(change).await? {
            Changed::Done(stored) => {
                self.tasks.changed.notify_one();
                self.app.metrics.changed(&old.index, &task.index, attempt, &stored, &self.tasks.directory);
                Ok(self.answer(StatusCode::OK, &stored, headers))
            }
            Changed::Stale(version) => {
                let seen = self.seen(current.id).await.is_ok();
                Err(Refusal::Stale(seen.then_some(version)))
            }
            Changed::Gone => Err(Refusal::Gone("the Task".to_owned())),
        }
    }
}

/// What a Task may have grown to. What can be read can be sent back: it never reaches the limit of a body. And what is large
/// leaves room for the little that brings it to its end.
pub(super) fn room(most: usize, grown: usize) -> usize {
    if grown > LITTLE { most / 4 * 3 } else { most.saturating_sub(AROUND) }
}

pub(super) fn too_large(most: usize) -> Issue {
    let issue = Issue::error("too-long", "too-long", "Task", "the Task would become too large");
    issue.remedy(format!("at most {most} bytes as JSON; what is long lies elsewhere, and is referred to"))
}

/// Bytes: a status, a reason, an output.
const LITTLE: usize = 2048;
/// Bytes that reading adds to what is stored: id, version, times.
const AROUND: usize = 1024;
