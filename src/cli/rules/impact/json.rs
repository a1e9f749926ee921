//! The same for machines.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::rules::impact::{Change, Impact, Moved};
use crate::segment::Outcome;

pub(super) fn impact(found: &Impact) -> Value {
    let flows = found.flows.iter().flat_map(|((form, role), flows)| {
        let flow = move |((from, to), count): (&(Option<String>, Option<String>), &u64)| {
            json!({ "form": form, "role": role, "from": from, "to": to, "persons": count })
        };
        flows.steps.iter().map(flow)
    });
    let refused = found.refused.iter().map(|it| json!({ "case": it.case, "before": it.why.before, "after": it.why.after }));
    json!({
        "looked": { "cases": found.looked.golden, "responses": found.looked.responses, "generated": found.looked.generated },
        "flows": flows.collect::<Vec<_>>(),
        "moved": found.moved.iter().map(moved).collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
        "moves": found.moves(),
    })
}

fn moved(moved: &Moved) -> Value {
    json!({
        "case": moved.case,
        "person": moved.person,
        "form": moved.form,
        "role": moved.role,
        "from": moved.segment.before,
        "to": moved.segment.after,
        "possible": { "before": moved.possible.before, "after": moved.possible.after },
        "why": moved.why.iter().map(change).collect::<Vec<_>>(),
        "others": moved.others.iter().map(change).collect::<Vec<_>>(),
    })
}

fn change(change: &Change) -> Value {
    let outcome = |outcome: Option<Outcome>| outcome.map(Outcome::code);
    let distance = |distance: Option<Decimal>| distance.map(|distance| distance.normalize().to_string());
    json!({
        "about": change.about.code(),
        "id": change.id,
        "code": change.code,
        "before": outcome(change.outcome.before),
        "after": outcome(change.outcome.after),
        "distanceBefore": distance(change.distance.before),
        "distanceAfter": distance(change.distance.after),
        "inputs": change.reads,
    })
}
