//! `POST /fhir/QuestionnaireResponse/$guidance`: what a plan's rules say of one response, as a GuidanceResponse. Nothing is written.
//!
//! OperationDefinition `guidance` in `profiles/`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use url::form_urlencoded;

use super::body::{Sent, receive};
use super::media::read_language;
use super::questionnaire::{fhir, response_in, unknown_parameter, value_of};
use crate::app::App;
use crate::issue::{Issue, Issues};
use crate::pipeline;
use crate::refusal::{Media, Refusal};
use crate::report;

/// The response bare, with `plan` and `language` in the URL; or in Parameters, with `professional` too.
pub(super) async fn guidance(State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let mut asked = Asked::default();
    let mut issues = Issues::default();
    for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        asked.understand(&name, &value, "", &mut issues);
    }
    if issues.has_errors() {
        return Err(Refusal::Request(issues.into_list()));
    }
    // a parameter of the body counts over it too
    asked.language = asked.language.or_else(|| read_language(request.headers()).map(str::to_owned));
    let Sent { bytes, slot } = receive(&app, request, Media::Fhir).await?;
    // conditions that are not lowered may take their time; others are answered meanwhile
    let work = move || {
        let _slot = slot;
        guided(&app, &bytes, asked)
    };
    let body = tokio::task::spawn_blocking(work).await.unwrap_or(Err(Refusal::Bug))?;
    Ok(fhir(StatusCode::OK, body))
}

fn guided(app: &App, bytes: &[u8], mut asked: Asked) -> Result<Vec<u8>, Refusal> {
    let body = neuvola_fhir::read(bytes).map_err(Refusal::unreadable)?;
    let mut professional = None;
    let response = response_in(&body, &["response"], |parameter, place, issues| {
        let name = parameter.text("name").unwrap_or_default();
        match parameter.member("resource").filter(|_| name == "professional") {
            Some(resource) if professional.is_none() => professional = Some(resource),
            Some(_) => issues.push(Issue::error("structure", "parameter", place, "`professional` stands here twice")),
            None => asked.understand(name, value_of(parameter), place, issues),
        }
    })?;
    let proposal = pipeline::propose_read(response, professional, asked.plan.as_deref(), &app.profiles)?;
    report::guidance_of(&proposal, &app.profiles, asked.language.as_deref().unwrap_or("fi")).ok_or(Refusal::Bug)
}

/// What is asked beside the responses.
#[derive(Default)]
struct Asked {
    plan: Option<String>,
    language: Option<String>,
}

impl Asked {
    fn understand(&mut self, name: &str, value: &str, place: &str, issues: &mut Issues) {
        match name {
            "_format" => {}
            "plan" if !value.is_empty() => self.plan = Some(value.to_owned()),
            "language" if matches!(value, "fi" | "sv" | "en") => self.language = Some(value.to_owned()),
            "plan" | "language" => {
                let issue = Issue::error("value", "parameter", place, format!("`{name}` has no such value"));
                issues.push(issue.remedy("`plan` is the canonical of a PlanDefinition; `language` is fi, sv or en"));
            }
            _ => issues.push(unknown_parameter(name, place)),
        }
    }
}
