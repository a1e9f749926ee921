//! A plan made again, as our own JSON: is it the same, what differs, what the rules said, and the plan itself.

use serde_json::{Value, json};

use crate::pipeline::Replay;
use crate::plan::{Difference, Likeness};

/// One object. `plan` names the plan in the record, or the responses where there was none to compare with.
pub fn replay(plan: &str, replay: &Replay<'_>) -> Value {
    let parsed = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap_or_default();
    let mut segmentation = parsed(&super::proposal(&replay.proposal, "", &replay.language));
    if let Some(members) = segmentation.as_object_mut() {
        members.shift_remove("response");
    }
    let mut told = json!({ "plan": plan, "same": replay.likeness.as_ref().map(Likeness::is_same) });
    if let Some(likeness) = &replay.likeness {
        told["differences"] = likeness.differences.iter().map(difference).collect();
        told["since"] = json!(likeness.since);
    }
    told["segmentation"] = segmentation;
    told["carePlan"] = replay.care_plan.as_deref().map(parsed).unwrap_or_default();
    told
}

fn difference(difference: &Difference) -> Value {
    let value = |json: &String| serde_json::from_str::<Value>(json).unwrap_or_default();
    json!({ "path": difference.path, "stored": difference.stored.as_ref().map(value), "replayed": value(&difference.again) })
}
