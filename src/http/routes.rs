//! Every route. The router, the CapabilityStatement and the OpenAPI document are made of these two tables.

mod tasks;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};

use super::openapi::{Gives, Takes};
use super::{Fhir, Operation, Route, Verb};
use super::{directory, forms, guidance, health, knowledge, metadata, metrics, openapi, questionnaire, segment};
use crate::app::App;
use crate::caller::Role;

/// Every route, in the order in which the documents name them.
pub(super) fn routes() -> impl Iterator<Item = &'static Route> {
    FORMS_AND_KNOWLEDGE.iter().chain(&tasks::TASKS).chain(&WATCHING)
}

static FORMS_AND_KNOWLEDGE: [Route; 13] = [
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
        path: forms::PREVIEW,
        name: "preview",
        summary: "What the rules say of a submission, with every reason, as our JSON or as a Bundle of GuidanceResponses; nothing is written",
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
        path: "/fhir/QuestionnaireResponse/$guidance",
        name: "guidance",
        summary: "What a plan's rules say of a response, with every reason, as a GuidanceResponse; nothing is written",
        takes: Takes::Response("response"),
        gives: Gives::Resource,
        statuses: &[200, 422],
        fhir: Fhir::Operation(&GUIDANCE),
        roles: FORMS,
        handler: |_| post(guidance::guidance),
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
];

static WATCHING: [Route; 4] = [
    Route {
        verb: Verb::Get,
        path: metrics::PATH,
        name: "metrics",
        summary: "For Prometheus: who waits, what is late, what was not delivered, how requests were answered",
        takes: Takes::Nothing,
        gives: Gives::Metrics,
        statuses: &[200, 503],
        fhir: Fhir::None,
        roles: metrics::WATCHERS,
        handler: |_| get(metrics::metrics),
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
        summary: "Whether the patient record and the store of callback requests answer too",
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

static VALIDATE: Operation = Operation {
    on: "QuestionnaireResponse",
    name: "validate",
    definition: "https://neuvola-adapter.example/fhir/OperationDefinition/validate-response",
};

static GUIDANCE: Operation = Operation {
    on: "QuestionnaireResponse",
    name: "guidance",
    definition: "https://neuvola-adapter.example/fhir/OperationDefinition/guidance",
};

static PROCESS_RESPONSE: Operation = Operation {
    on: "Questionnaire",
    name: "process-response",
    definition: "http://hl7.org/fhir/uv/sdc/OperationDefinition/Questionnaire-process-response",
};
