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
use neuvola_fhir::Node;
use url::form_urlencoded;

use super::body::{Sent, receive};
use super::edge::Who;
use super::media::{FHIR_JSON, Format, sent};
use super::segment::Segment;
use crate::app::App;
use crate::caller::Caller;
use crate::form::questionnaire::Questionnaire;
use crate::issue::{Issue, Issues};
use crate::outcome;
use crate::pipeline::{self, Receipt};
use crate::profiles::Profile;
use crate::refusal::{Media, Refusal};

/// `POST /fhir/QuestionnaireResponse/$validate`: 200 with every fault, or that there is none. Only what cannot be
/// validated at all is an error. `profile` is R4's or SDC's QuestionnaireResponse; `questionnaire` is a Questionnaire that the
/// response may answer besides those known here.
pub(super) async fn validate(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let mut issues = Issues::default();
    let mut profile = Profile::Core;
    for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        understand(&name, &value, "", &mut profile, &mut issues);
    }
    if issues.has_errors() {
        return Err(Refusal::Request(issues.into_list()));
    }
    let format = sent(request.headers());
    let Sent { bytes, slot } = receive(&app, request, Media::Fhir).await?;
    // it may take its time, and is not left half way: others are answered meanwhile, and the slot is held until the end
    let work = move || {
        let _slot = slot;
        judged(&app, &bytes, profile, format)
    };
    let issues = tokio::task::spawn_blocking(work).await.unwrap_or(Err(Refusal::Bug))?;
    Ok(fhir(StatusCode::OK, outcome::print(&issues)))
}

/// Every issue of what was sent.
fn judged(app: &App, bytes: &[u8], mut profile: Profile, format: Option<Format>) -> Result<Vec<Issue>, Refusal> {
    let body = neuvola_fhir::read(bytes).map_err(Refusal::unreadable)?;
    let mut questionnaires = Vec::new();
    let response = response_in(&body, &["resource"], |parameter, place, issues| {
        let name = parameter.text("name").unwrap_or_default();
        match parameter.member("resource").filter(|_| name == "questionnaire") {
            Some(resource) if resource.text("resourceType") == Some("Questionnaire") => questionnaires.push(resource),
            Some(_) => issues.push(Issue::error("structure", "parameter", place, "`questionnaire` is no Questionnaire")),
            None => understand(name, value_of(parameter), place, &mut profile, issues),
        }
    })?;
    let mut library = Cow::Borrowed(app.profiles.library());
    for questionnaire in &questionnaires {
        library.to_mut().add_foreign(questionnaire, questionnaires.len() == 1);
    }
    let mut issues = library.check_within(bytes, response, profile);
    if format == Some(Format::Xml) {
        // lines of the JSON that it became say nothing to its sender
        issues.iter_mut().for_each(|issue| issue.position = None);
    }
    Ok(issues)
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
    let unknown = |parameter: &Node<'_>, place: &str, issues: &mut Issues| {
        issues.push(unknown_parameter(parameter.text("name").unwrap_or_default(), place));
    };
    let range = {
        let body = neuvola_fhir::read(&bytes).map_err(Refusal::unreadable)?;
        let response = response_in(&body, &["in", "response", "questionnaire-response"], unknown)?;
        response.start..response.end
    };
    let plans = pipeline::prepare_response(&bytes[range], wanted, app.context(caller))?;
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
pub(super) fn response_in<'n, 'b>(
    body: &'n Node<'b>,
    names: &[&str],
    mut other: impl FnMut(&'n Node<'b>, &str, &mut Issues),
) -> Result<&'n Node<'b>, Refusal> {
    let mut issues = Issues::default();
    let mut found = None;
    if body.text("resourceType") == Some("Parameters") {
        for (index, parameter) in body.list("parameter").iter().enumerate() {
            let place = format!("Parameters.parameter[{index}]");
            let name = parameter.text("name").unwrap_or_default();
            if !names.contains(&name) {
                other(parameter, &place, &mut issues);
            } else if found.is_some() {
                issues.push(Issue::error("structure", "two-responses", place, "one response is wanted, and there are several"));
            } else {
                found = parameter.member("resource").map(|resource| (resource, format!("{place}.resource.resourceType")));
            }
        }
    } else {
        found = Some((body, "resourceType".to_owned()));
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
        Some((resource, _)) if !issues.has_errors() => Ok(resource),
        _ => Err(Refusal::Request(issues.into_list())),
    }
}

/// `$validate`'s parameters besides resources: what we cannot do is said, not skipped.
fn understand(name: &str, value: &str, place: &str, profile: &mut Profile, issues: &mut Issues) {
    match (name, value) {
        ("_format", _) | ("mode", "" | "create" | "update") => {}
        ("profile", canonical) if Profile::named(canonical).is_some() => *profile = Profile::named(canonical).unwrap_or_default(),
        ("mode", _) => {
            let message = "`mode` is not supported with that value: a response is validated by what it says, not for being deleted";
            issues.push(Issue::error("not-supported", "parameter", place, message).remedy("leave `mode` out, or say `create` or `update`"));
        }
        ("profile", _) => {
            let message = "`profile` is not supported with that value: a response is validated against the Questionnaire that it names";
            let remedy = "leave `profile` out, or name R4's or SDC's QuestionnaireResponse";
            issues.push(Issue::error("not-supported", "parameter", place, message).remedy(remedy));
        }
        _ => issues.push(unknown_parameter(name, place)),
    }
}

pub(super) fn value_of<'n>(parameter: &'n Node<'_>) -> &'n str {
    let value = parameter.members().iter().find(|(member, _)| member.starts_with("value"));
    value.and_then(|(_, value)| value.as_str()).unwrap_or_default()
}

/// The name is repeated only where it is one of FHIR's words, and cut short: it is the caller's.
pub(super) fn unknown_parameter(name: &str, place: &str) -> Issue {
    let harmless = name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-' || byte == b'_');
    let name: Cow<'_, str> = if harmless && !name.is_empty() { format!("`{name}`").into() } else { "a parameter".into() };
    Issue::error("not-supported", "parameter", place, format!("{name} is not known here")).remedy("leave it out")
}

pub(super) fn fhir(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(CONTENT_TYPE, FHIR_JSON)], body).into_response()
}
