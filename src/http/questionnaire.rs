//! FHIR operations on one QuestionnaireResponse.
//!
//! `$validate`: <https://hl7.org/fhir/R4/resource-operation-validate.html>. `$process-response`:
//! <https://hl7.org/fhir/uv/sdc/OperationDefinition-Questionnaire-process-response.html>; its input is `in`, and
//! `response` (SDC 2) and `questionnaire-response` are understood too.

use std::borrow::Cow;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use super::body::{Sent, receive};
use super::edge::Who;
use super::media::FHIR_JSON;
use super::segment::Segment;
use crate::app::App;
use crate::caller::Caller;
use crate::form::check::check;
use crate::form::questionnaire::Questionnaire;
use crate::issue::{Issue, Issues};
use crate::outcome;
use crate::pipeline::{self, Receipt};
use crate::refusal::{Media, Refusal};

/// `POST /fhir/QuestionnaireResponse/$validate`: 200 with every fault, or that there is none. Only what cannot be
/// validated at all is an error.
pub(super) async fn validate(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let mut issues = Issues::default();
    for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        refuse_unless_understood(&name, &value, "", &mut issues);
    }
    if issues.has_errors() {
        return Err(Refusal::Request(issues.into_list()));
    }
    let Sent { bytes, slot: _slot } = receive(&app, request, Media::Fhir).await?;
    let response = response_in(&bytes, &["resource"], refuse_unless_understood)?;
    Ok(fhir(StatusCode::OK, outcome::print(&check(response, &app.profiles))))
}

/// `POST /fhir/Questionnaire/$process-response`.
pub(super) async fn process(State(app): State<Arc<App>>, Who(caller): Who, request: Request) -> Result<Response, Refusal> {
    processed(&app, &caller, None, request).await
}

/// `POST /fhir/Questionnaire/{id}/$process-response`: the response must answer that very Questionnaire.
pub(super) async fn process_for(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    Who(caller): Who,
    request: Request,
) -> Result<Response, Refusal> {
    let artifact = super::knowledge::current(&app.profiles, "Questionnaire", &id)?;
    let canonical = format!("{}|{}", artifact.url, artifact.version);
    let wanted = app.profiles.questionnaire(&canonical).cloned().ok_or(Refusal::Bug)?;
    processed(&app, &caller, Some(&wanted), request).await
}

async fn processed(app: &App, caller: &Caller, wanted: Option<&Questionnaire>, request: Request) -> Result<Response, Refusal> {
    let Sent { bytes, slot } = receive(app, request, Media::Fhir).await?;
    let unknown = |name: &str, _: &str, place: &str, issues: &mut Issues| issues.push(unknown_parameter(name, place));
    let response = response_in(&bytes, &["in", "response", "questionnaire-response"], unknown)?;
    let plans = pipeline::prepare_response(response, wanted, app.context(caller))?;
    let record = Arc::clone(&app.record);
    let receipt = app.finish(slot, async move { pipeline::submit_response(&plans, record.as_ref()).await }).await?;
    let status = if receipt.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(fhir(status, outcome::print(&[written(&receipt)])))
}

fn written(receipt: &Receipt) -> Issue {
    let references = receipt.persons.iter().flat_map(|person| &person.written).map(|written| written.reference.as_str());
    let references: Vec<&str> = references.collect();
    Issue::information("informational", "written", format!("the response is in the patient record: {}", references.join(", ")))
}

/// The QuestionnaireResponse in a body: bare, or the parameter of one of these names.
fn response_in<'b>(body: &'b [u8], names: &[&str], other: impl Fn(&str, &str, &str, &mut Issues)) -> Result<&'b [u8], Refusal> {
    let node = neuvola_fhir::read(body).map_err(Refusal::unreadable)?;
    let mut issues = Issues::default();
    let mut found = None;
    if node.text("resourceType") == Some("Parameters") {
        for (index, parameter) in node.list("parameter").iter().enumerate() {
            let place = format!("Parameters.parameter[{index}]");
            let name = parameter.text("name").unwrap_or_default();
            if !names.contains(&name) {
                let value =
                    parameter.members().iter().find(|(member, _)| member.starts_with("value")).and_then(|(_, value)| value.as_str());
                other(name, value.unwrap_or_default(), &place, &mut issues);
            } else if found.is_some() {
                issues.push(Issue::error("structure", "two-responses", place, "one response is wanted, and there are several"));
            } else {
                found = parameter.member("resource").map(|resource| (resource, format!("{place}.resource.resourceType")));
            }
        }
    } else {
        found = Some((&node, "resourceType".to_owned()));
    }
    match &found {
        Some((resource, place)) if resource.text("resourceType") != Some("QuestionnaireResponse") => {
            issues.push(Issue::error("structure", "not-a-response", place, "a QuestionnaireResponse is wanted"));
        }
        None if !issues.has_errors() => {
            let remedy = format!("send it bare, or in Parameters as `{}`", names[0]);
            issues.push(
                Issue::error("required", "not-a-response", "Parameters.parameter", "there is no QuestionnaireResponse").remedy(remedy),
            );
        }
        _ => {}
    }
    match found {
        Some((resource, _)) if !issues.has_errors() => Ok(&body[resource.start..resource.end]),
        _ => Err(Refusal::Request(issues.into_list())),
    }
}

/// `$validate`'s parameters besides the resource: what we cannot do is said, not skipped.
fn refuse_unless_understood(name: &str, value: &str, place: &str, issues: &mut Issues) {
    match (name, value) {
        ("_format", _) | ("mode", "" | "create" | "update") => {}
        ("mode" | "profile", _) => {
            let message =
                format!("`{name}` is not supported with that value: a response is validated against the Questionnaire that it names");
            issues.push(Issue::error("not-supported", "parameter", place, message).remedy("leave it out"));
        }
        _ => issues.push(unknown_parameter(name, place)),
    }
}

/// The name is repeated only where it is one of FHIR's words, and cut short: it is the caller's.
pub(super) fn unknown_parameter(name: &str, place: &str) -> Issue {
    let harmless = name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_');
    let name: Cow<'_, str> = if harmless && !name.is_empty() { format!("`{name}`").into() } else { "a parameter".into() };
    Issue::error("not-supported", "parameter", place, format!("{name} is not known here")).remedy("leave it out")
}

fn fhir(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, FHIR_JSON)], body).into_response()
}
