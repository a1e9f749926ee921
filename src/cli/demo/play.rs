//! One case, played: what was sent, what came back, and whether it is what the case says.

use std::collections::BTreeMap;

use serde_json::Value;

use super::stage::Stage;
use crate::fixtures::{Actual, Answer, Case, Record};

/// What became of a case.
#[derive(Debug)]
pub(super) struct Played {
    pub(super) case: String,
    pub(super) purpose: String,
    pub(super) persons: Vec<Person>,
    pub(super) refused: Option<Refused>,
    /// Against what `case.json` says, in words.
    pub(super) differences: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Person {
    pub(super) key: String,
    pub(super) proposed: Option<String>,
    /// Segments still possible, while nothing is proposed.
    pub(super) possible: Vec<String>,
    pub(super) agreed: Option<String>,
    /// The rule that decided, as a sentence.
    pub(super) reason: String,
    /// Every segment rule with its outcome.
    pub(super) reasons: Vec<(String, String)>,
    /// Alerts that want an answer, with their outcome.
    pub(super) alerts: Vec<(String, String)>,
    /// References in the record.
    pub(super) written: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    /// `issue.code`, our own fault code, and the message.
    pub(super) issues: Vec<(String, String, String)>,
}

pub(super) async fn play(case: &Case, stage: &Stage) -> anyhow::Result<Played> {
    let submissions = format!("/forms/{}/submissions", case.form);
    let mut differences = Vec::new();
    for resource in &case.record {
        stage.hold(resource).await?;
    }
    for (index, before) in case.before.iter().enumerate() {
        let answer = stage.to_adapter.post(&submissions, before, JSON).await?;
        if !matches!(answer.status, 200 | 201) {
            differences.push(format!("before: submission {} was refused with {}", index + 1, answer.status));
        }
    }
    let previewed = stage.to_adapter.post(&format!("/forms/{}/preview", case.form), case.submission, JSON).await?;
    let submitted = if case.expect.submits() { Some(stage.to_adapter.post(&submissions, case.submission, JSON).await?) } else { None };

    let mut persons = previewed.body["persons"].as_array().into_iter().flatten().map(person).collect::<Vec<_>>();
    let mut held = BTreeMap::new();
    for receipt in submitted.iter().flat_map(|answer| answer.body["persons"].as_array().into_iter().flatten()) {
        let Some(person) = persons.iter_mut().find(|person| receipt["person"] == person.key.as_str()) else { continue };
        person.agreed = receipt["segment"].as_str().map(str::to_owned);
        for written in receipt["written"].as_array().into_iter().flatten() {
            let reference = text(written, "reference");
            let read = stage.to_record.get(&format!("/{reference}")).await?;
            if read.status == 200 {
                held.insert(reference.clone(), read.body);
            }
            person.written.push(reference);
        }
        if let Some(earlier) = receipt["replaced"].as_str() {
            held.insert(earlier.to_owned(), stage.to_record.get(&format!("/{earlier}")).await?.body);
        }
    }
    let last = submitted.as_ref().unwrap_or(&previewed);
    let refused = (last.status >= 400).then(|| Refused { status: last.status, issues: issues(&last.body) });
    let actual = Actual { preview: answer(&previewed), submitted: submitted.as_ref().map(answer), record: Record::Holds(held) };
    differences.extend(case.expect.differences(&actual));
    Ok(Played { case: case.name.clone(), purpose: case.purpose.clone(), persons, refused, differences })
}

fn answer(answer: &super::wire::Answer) -> Answer {
    let body = answer.body.clone();
    if answer.status < 400 { Answer::Given(body) } else { Answer::Refused { status: Some(answer.status), outcome: body } }
}

fn person(preview: &Value) -> Person {
    let rules = |name: &str| preview[name].as_array().cloned().unwrap_or_default();
    let segments = rules("segments");
    let deciding = segments.iter().find(|rule| rule["outcome"] != "not-met");
    let outcome = |rule: &Value| (text(rule, "code"), text(rule, "outcome"));
    Person {
        key: text(preview, "person"),
        proposed: preview["segment"]["code"].as_str().map(str::to_owned),
        possible: rules("possible").iter().map(|rule| text(rule, "code")).collect(),
        agreed: None,
        reason: deciding.map(main_reason).unwrap_or_default(),
        reasons: segments.iter().map(|rule| (text(rule, "id"), text(rule, "outcome"))).collect(),
        alerts: rules("alerts").iter().filter(|rule| rule["outcome"] != "not-met").map(outcome).collect(),
        written: Vec::new(),
    }
}

fn main_reason(rule: &Value) -> String {
    let sentence = text(rule, "sentence");
    if rule["outcome"] == "met" {
        return sentence;
    }
    let missing: Vec<_> = rule["undecided"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    format!("undecided, for lack of {}: {sentence}", missing.join(", "))
}

fn issues(outcome: &Value) -> Vec<(String, String, String)> {
    let issues = outcome["issue"].as_array().into_iter().flatten();
    issues.map(|issue| (text(issue, "code"), text(&issue["details"]["coding"][0], "code"), text(&issue["details"], "text"))).collect()
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

const JSON: &str = "application/json";
