//! `POST /callback-requests`: the chat platform's contact, in JSON of our own (`fixtures/tasks/README.md`).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::super::body::receive_small;
use super::super::edge::{RequestId, Who};
use super::super::version::etag;
use super::Asking;
use super::create::{digest_of, unfit};
use crate::app::App;
use crate::refusal::{Media, Refusal};
use crate::task::callback::CallbackTask;
use crate::task::convert::{Places, contact};
use crate::task::intake::{Hints, complete};
use crate::task::store::{Created, Stored};

/// 201 with a receipt; the same contact again is 200 with the same Task, another content under its id 409.
pub(in crate::http) async fn leave(
    State(app): State<Arc<App>>,
    who: Who,
    request_id: RequestId,
    request: Request,
) -> Result<Response, Refusal> {
    let asking = Asking::new(&app, &who, &request_id)?;
    let bytes = receive_small(&app, request, Media::Json).await?;
    let codes = &asking.tasks.codes;
    let contact = match contact(&bytes, codes) {
        Ok(contact) => contact,
        Err(issues) if issues.iter().any(|issue| issue.position.is_some()) => return Err(Refusal::Unreadable(issues)),
        Err(issues) => return Err(Refusal::Invalid(issues)),
    };
    let digest = digest_of(json!([contact.task, contact.own]));
    let hints = Hints { own: contact.own.as_deref() };
    let mut asked = contact.task;
    // a contact names nobody who requests it: of several organisations that its caller speaks for, it is the first
    if let Some(first) = asking.actor().organizations().next() {
        asked.insert("requester".to_owned(), json!({"reference": first}));
    }
    let places = Places::of(&asked);
    let task = complete(asked, hints, &asking.actor(), codes).map_err(|faults| unfit(places.of_contact(faults)))?;
    match asking.create(&task, digest).await? {
        Created::New(stored) => Ok(asking.receipt(StatusCode::CREATED, &stored)),
        Created::Existing { task, same_request: true } => Ok(asking.receipt(StatusCode::OK, &task)),
        Created::Existing { task, .. } => Err(Refusal::Known(format!("{}/fhir/Task/{}", app.base, task.id))),
        Created::Purged(_) => Err(Refusal::Gone("the Task of that contact".to_owned())),
    }
}

impl Asking<'_> {
    /// Where it went, who has it, until when: what the adviser tells the client.
    fn receipt(&self, status: StatusCode, stored: &Stored) -> Response {
        let task = CallbackTask::stored(&stored.body);
        let due = task
            .as_ref()
            .and_then(|task| task.body.get("restriction"))
            .map_or(Value::Null, |restriction| restriction["period"]["end"].clone());
        let owner = &stored.scope.owner;
        let receipt = json!({
            "task": format!("Task/{}", stored.id),
            "url": format!("{}/fhir/Task/{}", self.app.base, stored.id),
            "version": etag(stored.version),
            "status": stored.scope.status.code(),
            "owner": {"reference": owner, "name": self.tasks.directory.name(owner)},
            "due": due,
        });
        let mut response = (status, Json(receipt)).into_response();
        self.date(&mut response, stored);
        response
    }
}
