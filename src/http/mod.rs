//! The HTTP face: every route in one table. What a request passes on its way stands in [`edge`]; every error is an
//! OperationOutcome made in [`error`] of a [`Refusal`](crate::refusal::Refusal).
//!
//! <https://hl7.org/fhir/R4/http.html>

mod body;
mod directory;
mod edge;
mod error;
mod forms;
mod health;
mod knowledge;
mod media;
mod metadata;
mod openapi;
mod questionnaire;
mod schema;
mod search;
mod segment;
mod server;
#[allow(dead_code, reason = "its routes follow")]
mod subscriptions;
pub mod tasks;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, get, patch, post, put};
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::caller::Role;
use crate::profiles::KNOWLEDGE;
use openapi::{Gives, Takes};

pub use server::serve;

/// One route: what the router, the CapabilityStatement and the OpenAPI document are made of.
struct Route {
    verb: Verb,
    /// `{type}` stands for each type of knowledge.
    path: &'static str,
    /// `operationId`
    name: &'static str,
    summary: &'static str,
    takes: Takes,
    gives: Gives,
    /// Statuses besides those that every route, or every route with a body, may answer.
    statuses: &'static [u16],
    fhir: Fhir,
    /// Who may; everybody where it is empty.
    roles: &'static [Role],
    handler: fn(&'static str) -> MethodRouter<Arc<App>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// And HEAD.
    Get,
    Post,
    Put,
    Patch,
}

/// The FHIR interaction that a route is.
#[derive(Clone, Copy)]
enum Fhir {
    None,
    Capabilities,
    Read,
    Search,
    /// An interaction with Tasks, by R4's code.
    Tasks(&'static str),
    Operation(&'static Operation),
}

/// An operation on a type of resource.
struct Operation {
    on: &'static str,
    name: &'static str,
    definition: &'static str,
}

static ROUTES: [Route; 25] = [
    Route {
        verb: Verb::Post,
        path: "/forms/{form}/submissions",
        name: "submit",
        summary: "Write a decided submission to the patient record; a repeat gives the same receipt",
        takes: Takes::Submission,
        gives: Gives::Receipt,
        statuses: &[200, 201, 404, 409, 422, 502, 504],
        fhir: Fhir::None,
        roles: FORMS,
        handler: |_| post(forms::submit),
    },
    Route {
        verb: Verb::Post,
        path: "/forms/{form}/preview",
        name: "preview",
        summary: "What the rules say of a submission, with every reason; nothing is written",
        takes: Takes::Submission,
        gives: Gives::Preview,
        statuses: &[200, 404, 422],
        fhir: Fhir::None,
        roles: FORMS,
        handler: |_| post(forms::preview),
    },
    Route {
        verb: Verb::Post,
        path: "/fhir/QuestionnaireResponse/$validate",
        name: "validate",
        summary: "Every fault of a response against the Questionnaire that it names",
        takes: Takes::Response("resource"),
        gives: Gives::Outcome,
        statuses: &[200],
        fhir: Fhir::Operation(&VALIDATE),
        roles: FORMS,
        handler: |_| post(questionnaire::validate),
    },
    Route {
        verb: Verb::Post,
        path: "/fhir/Questionnaire/$process-response",
        name: "processResponse",
        summary: "Write one person's response to the patient record, without a plan",
        takes: Takes::Response("in"),
        gives: Gives::Outcome,
        statuses: &[200, 201, 409, 422, 502, 504],
        fhir: Fhir::Operation(&PROCESS_RESPONSE),
        roles: FORMS,
        handler: |_| post(questionnaire::process),
    },
    Route {
        verb: Verb::Post,
        path: "/fhir/Questionnaire/{id}/$process-response",
        name: "processResponseFor",
        summary: "The same, for a response to this Questionnaire",
        takes: Takes::Response("in"),
        gives: Gives::Outcome,
        statuses: &[200, 201, 404, 409, 422, 502, 504],
        fhir: Fhir::Operation(&PROCESS_RESPONSE),
        roles: FORMS,
        handler: |_| post(questionnaire::process_for),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/metadata",
        name: "capabilities",
        summary: "The CapabilityStatement",
        takes: Takes::Nothing,
        gives: Gives::Resource,
        statuses: &[200],
        fhir: Fhir::Capabilities,
        roles: &[],
        handler: |_| get(metadata::capabilities),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/{type}",
        name: "search",
        summary: "Search the knowledge: Questionnaires, rules, services, texts, code systems, profiles",
        takes: Takes::Search,
        gives: Gives::Resource,
        statuses: &[200, 400],
        fhir: Fhir::Search,
        roles: &[],
        handler: |kind| get(move |app: State<Arc<App>>, request: Request| knowledge::search(kind, app, request)),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/{type}/{id}",
        name: "read",
        summary: "Read one artifact of the knowledge",
        takes: Takes::Nothing,
        gives: Gives::Resource,
        statuses: &[200, 304, 404],
        fhir: Fhir::Read,
        roles: &[],
        handler: |kind| get(move |app: State<Arc<App>>, id: segment::Segment, headers: HeaderMap| knowledge::read(kind, app, id, headers)),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/Organization",
        name: "searchOrganization",
        summary: "Search the organisations that callback requests are left by and go to",
        takes: Takes::Search,
        gives: Gives::Resource,
        statuses: &[200, 400],
        fhir: Fhir::Search,
        roles: &[],
        handler: |_| get(directory::organizations),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/Organization/{id}",
        name: "readOrganization",
        summary: "Read one of the organisations that callback requests are left by and go to",
        takes: Takes::Nothing,
        gives: Gives::Resource,
        statuses: &[200, 304, 404],
        fhir: Fhir::Read,
        roles: &[],
        handler: |_| get(directory::organization),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/HealthcareService",
        name: "searchHealthcareService",
        summary: "Search the queues of callback requests",
        takes: Takes::Search,
        gives: Gives::Resource,
        statuses: &[200, 400],
        fhir: Fhir::Search,
        roles: &[],
        handler: |_| get(directory::services),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/HealthcareService/{id}",
        name: "readHealthcareService",
        summary: "Read one of the queues of callback requests",
        takes: Takes::Nothing,
        gives: Gives::Resource,
        statuses: &[200, 304, 404],
        fhir: Fhir::Read,
        roles: &[],
        handler: |_| get(directory::service),
    },
    Route {
        verb: Verb::Post,
        path: "/callback-requests",
        name: "leaveCallbackRequest",
        summary: "Leave a callback request, as the chat platform has it; the same contact again gives the same Task",
        takes: Takes::Contact,
        gives: Gives::ContactReceipt,
        statuses: &[200, 201, 409, 410, 422],
        fhir: Fhir::None,
        roles: tasks::CONTACTS,
        handler: |_| post(tasks::leave),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/Task",
        name: "searchTasks",
        summary: "Search callback requests that are the caller's to see",
        takes: Takes::TaskSearch,
        gives: Gives::Resource,
        statuses: &[200, 400],
        fhir: Fhir::Tasks("search-type"),
        roles: tasks::PARTIES,
        handler: |_| get(tasks::find),
    },
    Route {
        verb: Verb::Post,
        path: "/fhir/Task/_search",
        name: "searchTasksByPost",
        summary: "The same, with parameters in the body: no identity code need stand in a URL",
        takes: Takes::TaskSearchForm,
        gives: Gives::Resource,
        statuses: &[200, 400],
        fhir: Fhir::None,
        roles: tasks::PARTIES,
        handler: |_| post(tasks::find),
    },
    Route {
        verb: Verb::Post,
        path: "/fhir/Task",
        name: "createTask",
        summary: "Create a callback request; `If-None-Exist: identifier=…` makes it conditional",
        takes: Takes::Task,
        gives: Gives::Resource,
        statuses: &[200, 201, 409, 410, 412, 422],
        fhir: Fhir::Tasks("create"),
        roles: tasks::ASKING,
        handler: |_| post(tasks::create),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/Task/{id}",
        name: "readTask",
        summary: "Read a callback request; a former owner reads how it stands and who owns it",
        takes: Takes::Nothing,
        gives: Gives::Resource,
        statuses: &[200, 304, 404, 410],
        fhir: Fhir::Tasks("read"),
        roles: tasks::PARTIES,
        handler: |_| get(tasks::read),
    },
    Route {
        verb: Verb::Put,
        path: "/fhir/Task/{id}",
        name: "updateTask",
        summary: "Change the version in If-Match: claim, begin, note, complete … What is allowed stands in every refusal",
        takes: Takes::Task,
        gives: Gives::Resource,
        statuses: &[200, 404, 410, 412, 422, 428],
        fhir: Fhir::Tasks("update"),
        roles: tasks::PARTIES,
        handler: |_| put(tasks::update),
    },
    Route {
        verb: Verb::Patch,
        path: "/fhir/Task/{id}",
        name: "patchTask",
        summary: "The same by JSON Patch (RFC 6902)",
        takes: Takes::Patch,
        gives: Gives::Resource,
        statuses: &[200, 404, 410, 412, 422, 428],
        fhir: Fhir::Tasks("patch"),
        roles: tasks::PARTIES,
        handler: |_| patch(tasks::patch),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/Task/{id}/_history",
        name: "taskHistory",
        summary: "Every version, newest first",
        takes: Takes::Nothing,
        gives: Gives::Resource,
        statuses: &[200, 400, 404, 410],
        fhir: Fhir::Tasks("history-instance"),
        roles: tasks::PARTIES,
        handler: |_| get(tasks::history),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/Task/{id}/_history/{version}",
        name: "readTaskVersion",
        summary: "Read one version",
        takes: Takes::Nothing,
        gives: Gives::Resource,
        statuses: &[200, 404, 410],
        fhir: Fhir::Tasks("vread"),
        roles: tasks::PARTIES,
        handler: |_| get(tasks::version),
    },
    Route {
        verb: Verb::Get,
        path: "/fhir/Task/{id}/$allowed-transitions",
        name: "allowedTransitions",
        summary: "What the caller may do with it next, and the elements that each change needs",
        takes: Takes::Nothing,
        gives: Gives::Resource,
        statuses: &[200, 404, 410],
        fhir: Fhir::Operation(&ALLOWED_TRANSITIONS),
        roles: tasks::PARTIES,
        handler: |_| get(tasks::allowed),
    },
    Route {
        verb: Verb::Get,
        path: "/health/live",
        name: "live",
        summary: "Whether the process answers",
        takes: Takes::Nothing,
        gives: Gives::Health,
        statuses: &[200],
        fhir: Fhir::None,
        roles: &[],
        handler: |_| get(health::live),
    },
    Route {
        verb: Verb::Get,
        path: "/health/ready",
        name: "ready",
        summary: "Whether the patient record answers too",
        takes: Takes::Nothing,
        gives: Gives::Health,
        statuses: &[200, 503],
        fhir: Fhir::None,
        roles: &[],
        handler: |_| get(health::ready),
    },
    Route {
        verb: Verb::Get,
        path: "/openapi.json",
        name: "openapi",
        summary: "This document",
        takes: Takes::Nothing,
        gives: Gives::OpenApi,
        statuses: &[200],
        fhir: Fhir::None,
        roles: &[],
        handler: |_| get(openapi::document),
    },
];

/// Those who send forms.
const FORMS: &[Role] = &[Role::FormPlatform, Role::Tester];

static VALIDATE: Operation =
    Operation { on: "QuestionnaireResponse", name: "validate", definition: "http://hl7.org/fhir/OperationDefinition/Resource-validate" };

static ALLOWED_TRANSITIONS: Operation = Operation {
    on: "Task",
    name: "allowed-transitions",
    definition: "https://neuvola-adapter.example/fhir/OperationDefinition/allowed-transitions",
};

static PROCESS_RESPONSE: Operation = Operation {
    on: "Questionnaire",
    name: "process-response",
    definition: "http://hl7.org/fhir/uv/sdc/OperationDefinition/Questionnaire-process-response",
};

impl Route {
    /// The paths that it stands for, each with its type of resource.
    fn paths(&self) -> Vec<(String, &'static str)> {
        if !self.path.contains("{type}") {
            return vec![(self.path.to_owned(), kind_of(self.path))];
        }
        KNOWLEDGE.iter().map(|kind| (self.path.replace("{type}", kind), *kind)).collect()
    }
}

/// The type of resource that a path names: `Organization` of `/fhir/Organization/{id}`. Empty outside of `/fhir`.
fn kind_of(path: &'static str) -> &'static str {
    path.strip_prefix("/fhir/").and_then(|below| below.split('/').next()).unwrap_or_default()
}

impl Verb {
    const fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Get => &["GET", "HEAD"],
            Self::Post => &["POST"],
            Self::Put => &["PUT"],
            Self::Patch => &["PATCH"],
        }
    }
}

/// Everything that is answered.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new();
    for route in &ROUTES {
        for (path, kind) in route.paths() {
            let mut handler = (route.handler)(kind);
            if !route.roles.is_empty() {
                handler = handler.route_layer(from_fn_with_state((Arc::clone(&app), route.roles), edge::admit));
            }
            router = router.route(&path, handler);
        }
    }
    router
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(from_fn(edge::negotiate))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(from_fn(edge::edge))
        .with_state(app)
}

/// What `Allow` says of a path, as the router names it.
fn allowed(path: &str) -> String {
    let of_path = ROUTES.iter().filter(|route| route.paths().iter().any(|(known, _)| known == path));
    of_path.flat_map(|route| route.verb.methods()).copied().collect::<Vec<_>>().join(", ")
}
