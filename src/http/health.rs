//! For those who watch over the process.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::record::RecordError;
use crate::refusal::Refusal;
use crate::task::store::StoreError;

/// `GET /health/live`: the process answers. Asks nobody.
pub(super) async fn live() -> Json<Value> {
    Json(json!({ "status": "up" }))
}

/// `GET /health/ready`: the patient record answers, as FHIR R4, and the store of Tasks, whose rows are under the keys that are
/// configured. 503 with the reason otherwise.
pub(super) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Value>, Refusal> {
    let asked = tokio::time::timeout(PATIENCE, app.record.ready()).await;
    asked.unwrap_or(Err(RecordError::TooSlow)).map_err(Refusal::NotReady)?;
    if let Some(tasks) = &app.tasks {
        let asked = tokio::time::timeout(PATIENCE, tasks.store.ready()).await;
        asked.unwrap_or(Err(StoreError::Busy(None)))?;
    }
    Ok(Json(json!({ "status": "ready" })))
}

const PATIENCE: Duration = Duration::from_secs(4);
