//! Previews and receipts as our own JSON, for those who do not speak FHIR.

mod explain;
mod guidance;
mod proposal;

use serde_json::{Value, json};

use rust_decimal::Decimal;

use crate::pipeline::{Named, PersonPreview, Preview, ReadView, Receipt, RuleView};
use crate::segment::{Compared, ReadState};

pub use explain::{explain, explain_form};
pub use guidance::{guidance_of, guidance_of_form};
pub use proposal::proposal;

/// Who, which segments, and why. The draft CarePlan is under `plan`.
pub fn preview(preview: &Preview) -> Value {
    json!({
        "form": preview.form,
        "ruleSet": preview.rule_set,
        "persons": preview.persons.iter().map(person).collect::<Vec<_>>(),
    })
}

/// The same for a repeat, to the byte.
pub fn receipt(receipt: &Receipt) -> Value {
    let persons: Vec<_> = receipt
        .persons
        .iter()
        .map(|person| {
            let written: Vec<_> = person
                .written
                .iter()
                .map(|it| json!({ "kind": it.kind, "reference": it.reference, "identifier": it.identifier }))
                .collect();
            json!({ "person": person.person, "segment": person.segment, "written": written })
        })
        .collect();
    json!({ "persons": persons })
}

fn person(person: &PersonPreview) -> Value {
    let plan = person.plan.as_deref().and_then(|plan| serde_json::from_slice::<Value>(plan).ok());
    json!({
        "person": person.person,
        "role": person.role,
        "proposal": person.proposal,
        "segment": person.segment.as_ref().map(named),
        "possible": person.possible.iter().map(named).collect::<Vec<_>>(),
        "segments": person.segments.iter().map(rule).collect::<Vec<_>>(),
        "alerts": person.alerts.iter().map(rule).collect::<Vec<_>>(),
        "services": person.services.iter().map(rule).collect::<Vec<_>>(),
        "plan": plan,
    })
}

fn named(named: &Named) -> Value {
    json!({ "code": named.code, "display": named.display })
}

fn rule(rule: &RuleView) -> Value {
    json!({
        "id": rule.id,
        "code": rule.subject.code,
        "display": rule.subject.display,
        "outcome": rule.outcome.code(),
        "sentence": rule.sentence,
        "expression": rule.expression,
        "inputs": rule.inputs.iter().map(read).collect::<Vec<_>>(),
        "distance": number(rule.distance),
        "comparisons": rule.comparisons.iter().map(compared).collect::<Vec<_>>(),
        "undecided": rule.undecided,
        "guidance": rule.guidance,
    })
}

fn read(read: &ReadView) -> Value {
    let (state, values) = match &read.state {
        ReadState::Answered(values) => ("answered", values.as_slice()),
        ReadState::Declined => ("declined", &[][..]),
        ReadState::Missing => ("missing", &[][..]),
        ReadState::NotAsked => ("not-asked", &[][..]),
    };
    json!({ "linkId": read.link_id, "professional": read.professional, "state": state, "values": values })
}

fn compared(compared: &Compared) -> Value {
    json!({
        "least": number(compared.least),
        "greatest": number(compared.greatest),
        "comparison": compared.comparison.sign(),
        "threshold": number(compared.threshold),
        "distance": number(compared.distance()),
    })
}

/// With the digits that it has.
fn number(number: Option<Decimal>) -> Value {
    number.and_then(|number| number.normalize().to_string().parse::<serde_json::Number>().ok()).map_or(Value::Null, Value::Number)
}
