//! Previews and receipts as our own JSON, for those who do not speak FHIR.

mod collection;
mod explain;
mod guidance;
mod proposal;
mod replay;
mod trace;
mod words;

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::pipeline::{FamilyReadView, FamilyRuleView, LookBack, Named, PersonPreview, Preview, ReadView, Receipt, RuleView};
use crate::record::{Concept, Declined};
use crate::segment::{Compared, Outcome};

pub use collection::guidance_of_form;
pub use explain::{explain, explain_form};
pub use guidance::guidance_of;
pub use proposal::proposal;
pub use replay::replay;

/// Who, which segments, and why. The draft CarePlan is under `plan`.
pub fn preview(preview: &Preview) -> Value {
    json!({
        "form": preview.form,
        "ruleSet": preview.rule_set,
        "persons": preview.persons.iter().map(person).collect::<Vec<_>>(),
        "family": family(preview),
    })
}

/// The family at one glance, for professionals; it is written nowhere. The heaviest segment that is proposed to anybody, every alert
/// that is not ruled out, which answers would decide, and what the plan's family view observes.
fn family(preview: &Preview) -> Value {
    let rank = |person: &&PersonPreview| {
        person.segments.iter().position(|rule| Some(&rule.subject.code) == person.segment.as_ref().map(|it| &it.code))
    };
    let proposed = preview.persons.iter().filter(|person| person.segment.is_some());
    let heaviest = proposed.min_by_key(rank).and_then(|person| person.segment.as_ref());
    let alerts = preview.persons.iter().flat_map(|person| {
        let raised = person.alerts.iter().filter(|rule| rule.outcome != Outcome::NotMet);
        raised.map(|rule| json!({ "person": person.person, "code": rule.subject.code, "display": rule.subject.display, "outcome": rule.outcome.code() }))
    });
    let undecided = preview.persons.iter().filter_map(|person| {
        let rules = person.segments.iter().chain(&person.alerts).chain(&person.services);
        let link_ids: BTreeSet<&str> = rules.flat_map(|rule| rule.undecided.iter().map(String::as_str)).collect();
        (!link_ids.is_empty()).then(|| json!({ "person": person.person, "linkIds": link_ids }))
    });
    json!({
        "heaviest": heaviest.map(named),
        "alerts": alerts.collect::<Vec<_>>(),
        "undecided": undecided.collect::<Vec<_>>(),
        "observations": preview.family.iter().map(observation).collect::<Vec<_>>(),
    })
}

fn observation(rule: &FamilyRuleView) -> Value {
    json!({
        "id": rule.id,
        "code": rule.subject.code,
        "display": rule.subject.display,
        "outcome": rule.outcome.code(),
        "sentence": rule.sentence,
        "expression": rule.expression,
        "inputs": rule.inputs.iter().map(read_of).collect::<Vec<_>>(),
        "undecided": rule.undecided.iter().map(read_of).collect::<Vec<_>>(),
        "why": rule.why,
        "guidance": rule.guidance,
    })
}

fn read_of(read: &FamilyReadView) -> Value {
    let (state, values) = read.state.told();
    json!({ "person": read.person, "linkId": read.link_id, "professional": read.professional, "state": state, "values": values })
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
            let mut told = json!({ "person": person.person, "segment": person.segment, "written": written });
            if let Some(replaced) = &person.replaced {
                told["replaced"] = json!(replaced);
            }
            told
        })
        .collect();
    json!({ "persons": persons })
}

fn person(person: &PersonPreview) -> Value {
    let plan = person.plan.as_deref().and_then(|plan| serde_json::from_slice::<Value>(plan).ok());
    let mut told = json!({
        "person": person.person,
        "role": person.role,
        "proposal": person.proposal,
        "segment": person.segment.as_ref().map(named),
        "possible": person.possible.iter().map(named).collect::<Vec<_>>(),
        "segments": person.segments.iter().map(rule).collect::<Vec<_>>(),
        "alerts": person.alerts.iter().map(rule).collect::<Vec<_>>(),
        "services": person.services.iter().map(rule).collect::<Vec<_>>(),
        "plan": plan,
    });
    if let Some(back) = &person.replaces {
        told["replaces"] = replaces(back);
    }
    told
}

/// The earlier plan: what was declined in it, or why that is not known.
fn replaces(back: &LookBack) -> Value {
    let mut told = json!({ "reference": back.plan.reference() });
    match &back.declined {
        None => {}
        Some(Ok(declined)) => {
            let one = |it: &Declined| json!({ "code": it.service.code, "display": it.service.words(), "reason": it.reason.as_ref().map(Concept::words) });
            told["declinedBefore"] = declined.iter().map(one).collect();
        }
        Some(Err(issue)) => {
            told["issue"] = json!({ "code": issue.code, "fault": issue.fault, "place": issue.place, "text": issue.message })
        }
    }
    told
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
    let (state, values) = read.state.told();
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
