//! A family's form: preview and submission, in our own JSON. `fixtures/README.md` tells the wire's shape.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::body::{Sent, receive};
use super::edge::Who;
use super::media::wants_fhir;
use super::questionnaire::fhir;
use super::segment::Segment;
use crate::app::App;
use crate::pipeline::{self, Prepared, Until};
use crate::refusal::{Media, Refusal};
use crate::report;

/// `POST /forms/{form}/submissions`: 201 with a receipt when something was written, 200 with the same one on a repeat.
pub(super) async fn submit(
    State(app): State<Arc<App>>,
    Segment(form): Segment,
    Who(caller): Who,
    request: Request,
) -> Result<Response, Refusal> {
    known(&app, &form)?;
    let Sent { bytes, slot } = receive(&app, request, Media::Json).await?;
    let Prepared::Plans(plans) = pipeline::prepare(&bytes, &form, Until::Plans, app.context(&caller))? else { return Err(Refusal::Bug) };
    let record = Arc::clone(&app.record);
    let receipt = app.finish(slot, async move { pipeline::submit(&plans, record.as_ref()).await }).await?;
    let status = if receipt.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(report::receipt(&receipt))).into_response())
}

/// `POST /forms/{form}/preview`: what the rules say, with every reason. Nothing is written, and the record is asked
/// for nothing but an earlier plan that a decision names. As a Bundle for those who want FHIR.
pub(super) async fn preview(
    State(app): State<Arc<App>>,
    Segment(form): Segment,
    Who(caller): Who,
    request: Request,
) -> Result<Response, Refusal> {
    known(&app, &form)?;
    let as_fhir = wants_fhir(request.headers(), request.uri().query());
    let Sent { bytes, slot: _slot } = receive(&app, request, Media::Json).await?;
    let Prepared::Preview(mut preview) = pipeline::prepare(&bytes, &form, Until::Preview, app.context(&caller))? else {
        return Err(Refusal::Bug);
    };
    pipeline::look_back(&mut preview, app.record.as_ref()).await;
    if as_fhir {
        let bundle = report::guidance_of_form(&preview, &app.profiles).ok_or(Refusal::Bug)?;
        return Ok(fhir(StatusCode::OK, bundle));
    }
    Ok(Json(report::preview(&preview)).into_response())
}

/// The one path of our own that is answered in FHIR too.
pub(super) const PREVIEW: &str = "/forms/{form}/preview";

/// Told before the body is read.
fn known(app: &App, form: &str) -> Result<(), Refusal> {
    if app.profiles.has_form(form) { Ok(()) } else { Err(pipeline::unknown_form(&app.profiles)) }
}
