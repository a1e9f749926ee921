//! Tasks over HTTP: <https://hl7.org/fhir/R4/http.html>, with versions (`versioned-update`).
//!
//! | interaction | answers |
//! |---|---|
//! | create | 201; 200 for a repeat; 409 for another content under the same identifier; 410 if that was purged |
//! | read, vread, history | 200, 304; 404 for what is not the caller's; 410 once purged, to whom it was |
//! | update, patch | 200; 412 when stale, 428 without `If-Match`; 422 for what is not allowed, with everything that is |
//! | `$allowed-transitions` | 200 |

mod allowed;
mod bundle;
mod change;
mod contacts;
mod create;
mod patch;
mod read;
pub mod search;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use uuid::Uuid;

use super::edge::{RequestId, Who};
use super::media::{FHIR_JSON, prefers};
use super::segment::Segment;
use super::version::{etag, http_date};
use crate::app::{App, Tasks};
use crate::caller::{Caller, Role};
use crate::issue::Issue;
use crate::refusal::Refusal;
use crate::task::change::Actor;
use crate::task::print::{print, print_reduced};
use crate::task::search::{Sight, knew, sight, viewer};
use crate::task::store::{Author, Found, Stored, Tombstone};

pub(super) use allowed::allowed;
pub(super) use change::{patch, update};
pub(super) use contacts::leave;
pub(super) use create::create;
pub(super) use read::{history, read, version};

/// Who has to do with Tasks at all.
pub(super) const PARTIES: &[Role] = &[Role::Owner, Role::Requester, Role::ChatPlatform, Role::Tester];
/// Who may ask for something.
pub(super) const ASKING: &[Role] = crate::task::change::REQUESTERS;
/// Who leaves contacts.
pub(super) const CONTACTS: &[Role] = &[Role::ChatPlatform, Role::Tester];

/// `GET /fhir/Task`, `POST /fhir/Task/_search`
pub(super) async fn find(State(app): State<Arc<App>>, Who(caller): Who, request: Request) -> Result<Response, Refusal> {
    let tasks = app.tasks()?;
    let asked = tokio::time::timeout(app.limits.body_timeout, search::Asked::read(request)).await.map_err(|_| Refusal::Slow)??;
    let base = format!("{}/fhir", app.base);
    let searching = search::Searching {
        store: tasks.store.as_ref(),
        parties: tasks.directory.as_ref(),
        caller: &caller,
        base: &base,
        cursors: &tasks.cursors,
        now: app.clock.now(),
    };
    searching.answer(asked).await
}

/// One request about Tasks.
struct Asking<'a> {
    app: &'a App,
    tasks: &'a Tasks,
    caller: &'a Caller,
    request_id: &'a str,
}

impl<'a> Asking<'a> {
    fn new(app: &'a App, Who(caller): &'a Who, RequestId(request_id): &'a RequestId) -> Result<Self, Refusal> {
        Ok(Self { app, tasks: app.tasks()?, caller, request_id })
    }

    fn actor(&self) -> Actor<'a> {
        Actor { caller: self.caller, directory: &self.tasks.directory, now: self.app.clock.now() }
    }

    fn author(&self) -> Author {
        Author { caller: self.caller.name.clone(), request_id: self.request_id.to_owned() }
    }

    fn sight(&self, task: &Stored) -> Sight {
        sight(&viewer(self.caller, self.tasks.directory.as_ref()), &task.scope)
    }

    /// Whether a purged Task was the caller's to see.
    fn knew(&self, stone: &Tombstone) -> bool {
        knew(&viewer(self.caller, self.tasks.directory.as_ref()), stone)
    }

    /// What is under an id, if the caller may see it.
    async fn seen(&self, id: Uuid) -> Result<(Stored, Sight), Refusal> {
        match self.tasks.store.read(id).await? {
            Found::Task(task) => match self.sight(&task) {
                Sight::Nothing => Err(nothing()),
                sight => Ok((task, sight)),
            },
            Found::Purged(stone) if self.knew(&stone) => Err(Refusal::Gone("the Task".to_owned())),
            Found::Purged(_) | Found::Nothing => Err(nothing()),
        }
    }

    /// A Task as this caller sees it, with the headers of its version.
    fn answer(&self, status: StatusCode, task: &Stored, headers: &HeaderMap) -> Response {
        let mut response = match (self.sight(task), preference(headers)) {
            (_, Preference::Minimal) => status.into_response(),
            (_, Preference::Outcome) => {
                let well = crate::outcome::print(&[Issue::information("informational", "stored", "the Task was stored")]);
                (status, [(CONTENT_TYPE, FHIR_JSON)], well).into_response()
            }
            (Sight::Whole, _) => (status, [(CONTENT_TYPE, FHIR_JSON)], print(task)).into_response(),
            _ => (status, [(CONTENT_TYPE, FHIR_JSON)], print_reduced(task)).into_response(),
        };
        self.date(&mut response, task);
        response
    }

    /// `ETag`, `Last-Modified`, and `Location` of what was created.
    fn date(&self, response: &mut Response, task: &Stored) {
        let created = response.status() == StatusCode::CREATED;
        let headers = response.headers_mut();
        let mut put = |name, text: String| headers.extend(HeaderValue::from_str(&text).ok().map(|value| (name, value)));
        put(ETAG, etag(task.version));
        put(LAST_MODIFIED, http_date(task.last_updated));
        if created {
            put(LOCATION, format!("{}/fhir/Task/{}/_history/{}", self.app.base, task.id, task.version));
        }
    }
}

fn nothing() -> Refusal {
    Refusal::NotFound("a Task of that id that is yours to see".to_owned())
}

/// A path's id; what is none of ours leads to nothing.
fn id_of(id: &Segment) -> Result<Uuid, Refusal> {
    id.uuid().ok_or_else(nothing)
}

/// `Prefer: return=…`, <https://hl7.org/fhir/R4/http.html#ops>
#[derive(Clone, Copy, PartialEq, Eq)]
enum Preference {
    Minimal,
    Representation,
    Outcome,
}

fn preference(headers: &HeaderMap) -> Preference {
    if prefers(headers, "return=minimal") {
        Preference::Minimal
    } else if prefers(headers, "return=OperationOutcome") {
        Preference::Outcome
    } else {
        Preference::Representation
    }
}
#[cfg(test)]
mod search_tests;
