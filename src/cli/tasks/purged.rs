//! What is left of a request that was purged: its tombstone, and who did what in the audit.

use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::Style;
use uuid::Uuid;

use super::Open;
use super::explain::local;
use crate::task::store::{Step, Tombstone};

pub(super) fn json(id: Uuid, stone: &Tombstone, trail: &[Step]) -> Value {
    let step = |step: &Step| json!({ "version": step.version, "at": step.at.to_string(), "caller": step.by.caller, "requestId": step.by.request_id });
    json!({
        "id": id.to_string(),
        "purged": true,
        "purgedAt": stone.purged_at.map(|at| at.to_string()),
        "finishedAt": stone.finished_at.to_string(),
        "requester": stone.requester,
        "life": trail.iter().map(step).collect::<Vec<_>>(),
    })
}

pub(super) fn text(id: Uuid, stone: &Tombstone, trail: &[Step], open: &Open) -> String {
    let purged = stone.purged_at.map_or_else(|| "at a time that was not noted".to_owned(), local);
    let mut rows = Builder::new();
    rows.push_record(["version", "at", "by", "request"]);
    for step in trail {
        rows.push_record([&step.version.to_string(), &local(step.at), &open.who(&step.by.caller), &step.by.request_id]);
    }
    let (finished, requester) = (local(stone.finished_at), &stone.requester);
    let life = rows.build().with(Style::modern_rounded()).to_string();
    format!("{id} was purged {purged}\nfinished {finished}; requested by {requester}; what was in it is gone\n{life}")
}
