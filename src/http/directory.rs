//! Organizations and HealthcareServices under `/fhir`, read-only, as the configuration tells them: what `Task.owner` and
//! `Task.requester` refer to. <https://hl7.org/fhir/R4/organization.html>, <https://hl7.org/fhir/R4/healthcareservice.html>

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use super::knowledge::unless_known;
use super::media::FHIR_JSON;
use super::search::{Parameter, Search, Told};
use super::segment::Segment;
use crate::app::App;
use crate::refusal::Refusal;
use crate::task::directory::{Organization, REGISTER, Service};

pub(super) async fn organization(State(app): State<Arc<App>>, Segment(id): Segment, headers: HeaderMap) -> Result<Response, Refusal> {
    let found = app.directory.organization(&id).ok_or_else(|| Refusal::NotFound("the Organization of that id".to_owned()))?;
    Ok(unless_known(&found.resource, &headers))
}

pub(super) async fn service(State(app): State<Arc<App>>, Segment(id): Segment, headers: HeaderMap) -> Result<Response, Refusal> {
    let found = app.directory.service(&id).ok_or_else(|| Refusal::NotFound("the HealthcareService of that id".to_owned()))?;
    Ok(unless_known(&found.resource, &headers))
}

pub(super) async fn organizations(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let held = app.directory.organizations().iter().map(|held| (held, held.id.as_str(), held.resource.as_slice()));
    searched(&app, "Organization", &ORGANIZATION, held, &request)
}

pub(super) async fn services(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let held = app.directory.services().iter().map(|held| (held, held.id.as_str(), held.resource.as_slice()));
    searched(&app, "HealthcareService", &SERVICE, held, &request)
}

/// A searchset of those that are found. `held` gives each with its id and its bytes.
fn searched<'a, T: 'static>(
    app: &App,
    kind: &str,
    parameters: &'static [Parameter<T>],
    held: impl Iterator<Item = (&'a T, &'a str, &'a [u8])>,
    request: &Request,
) -> Result<Response, Refusal> {
    let search = Search::parse(request.uri().query().unwrap_or_default(), parameters)?.strictly(request.headers())?;
    let base = format!("{}/fhir/{kind}", app.base);
    let found: Vec<_> = held.filter(|(held, _, _)| search.finds(held)).map(|(_, id, bytes)| (format!("{base}/{id}"), bytes)).collect();
    Ok(([(CONTENT_TYPE, FHIR_JSON)], neuvola_fhir::print(&search.bundle(&found, &base)?)).into_response())
}

/// Without a system.
const fn parameter<T>(
    name: &'static str,
    kind: &'static str,
    what: &'static str,
    values: for<'a> fn(&'a T) -> Vec<&'a str>,
) -> Parameter<T> {
    Parameter { told: Told { name, kind, what }, system: "", values }
}

pub(super) static ORGANIZATION: [Parameter<Organization>; 4] = [
    parameter("_id", "token", "Logical id", |held| vec![&held.id]),
    Parameter { system: ACTIVE, ..parameter("active", "token", "true: all are", |_| vec!["true"]) },
    Parameter { system: REGISTER, ..parameter("identifier", "token", "In the national register", |held| vec![&held.identifier]) },
    parameter("name", "string", "Name; :exact, :contains", |held| vec![&held.name]),
];

pub(super) static SERVICE: [Parameter<Service>; 6] = [
    parameter("_id", "token", "Logical id", |held| vec![&held.id]),
    Parameter { system: ACTIVE, ..parameter("active", "token", "true: all are", |_| vec!["true"]) },
    parameter("identifier", "token", "None has one", |_| Vec::new()),
    parameter("name", "string", "Name in Finnish, Swedish or English; :exact, :contains", |held| {
        vec![&held.name.fi, &held.name.sv, &held.name.en]
    }),
    parameter("organization", "reference", "Who provides it, as Organization/[id] or [id]", |held| {
        vec![&held.provider, held.provided_by.as_str()]
    }),
    Parameter { system: QUEUE, ..parameter("service-type", "token", "Code of the queue", |held| vec![&held.queue]) },
];

const ACTIVE: &str = "http://hl7.org/fhir/special-values";
const QUEUE: &str = "https://neuvola-adapter.example/fhir/CodeSystem/callback-queue";
