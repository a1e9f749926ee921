//! `GET /metrics`, for Prometheus: [`crate::metrics`].

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

use crate::app::App;
use crate::caller::Role;
use crate::metrics::Standing;
use crate::refusal::Refusal;

/// Where it is: the one path that answers no JSON.
pub(super) const PATH: &str = "/metrics";
/// Who watches.
pub(super) const WATCHERS: &[Role] = &[Role::Operator, Role::Tester];

pub(super) async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let standing = match &app.tasks {
        Some(tasks) => Some(Standing::of(tasks.store.as_ref(), &app.callers, app.clock.now()).await?),
        None => None,
    };
    let text = app.metrics.print(standing.as_ref(), &app.directory).map_err(|_| Refusal::Bug)?;
    Ok(([(CONTENT_TYPE, OPEN_METRICS)], text).into_response())
}

pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
