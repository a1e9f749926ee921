//! What the cases cover together: forms, segments, alerts, languages, kinds of refusals; and that no real person is in them.

use std::collections::BTreeSet;

use neuvola_adapter::fixtures::{Stated, patients};
use neuvola_adapter::profiles::Profiles;
use serde_json::Value;

use super::all;

#[test]
fn every_segment_and_every_alert_of_every_form_and_role_has_a_case() {
    let mut covered = BTreeSet::new();
    for case in all() {
        for (person, preview) in case.expect.preview.iter().flatten() {
            let submission: Value = serde_json::from_slice(case.submission).unwrap();
            let role = role_of(&submission, person);
            covered.extend(preview.segment.iter().map(|code| (case.form.clone(), role.clone(), "segment", code.clone())));
            let met = preview.alerts.iter().filter(|(_, outcome)| **outcome == Stated::Met);
            covered.extend(met.map(|(code, _)| (case.form.clone(), role.clone(), "alert", code.clone())));
        }
    }
    let profiles = Profiles::with_folders(&[]).unwrap();
    let mut known = BTreeSet::new();
    for rules in profiles.rule_sets() {
        for role in &rules.roles {
            let entry = |kind, code: &str| (rules.form.clone(), role.role.clone(), kind, code.to_owned());
            known.extend(role.alerts.iter().map(|rule| entry("alert", &rule.subject.code)));
            known.extend(role.segments.iter().map(|rule| entry("segment", &rule.subject.code)));
        }
    }
    let missing: Vec<_> = known.difference(&covered).map(|it| format!("{it:?}")).collect();
    assert!(missing.is_empty(), "\n{}", missing.join("\n"));
}

#[test]
fn every_kind_of_fault_that_a_form_platform_can_make_has_a_case() {
    let faults: BTreeSet<String> =
        all().into_iter().filter_map(|case| case.expect.refused).flat_map(|refused| refused.issues).map(|issue| issue.fault).collect();
    for fault in [
        "unreadable",
        "unknown-member",
        "unknown-link-id",
        "wrong-type",
        "missing-answer",
        "disabled-answer",
        "not-an-option",
        "too-long",
        "too-low",
        "too-high",
        "identifier",
        "unacknowledged-alert",
        "missing-rationale",
        "unknown-service",
        "undecided-service",
        "other-proposal",
        "must-answer",
        "no-patient",
        "several-patients",
        "inactive-patient",
        "replaced-patient",
        "deceased-patient",
        "other-content",
        "no-earlier-plan",
        "other-patients-plan",
        "earlier-plan-in-error",
        "earlier-plan-not-active",
        "unknown-form",
        "unknown-field",
        "other-subject",
        "missing-section",
        "missing-member",
    ] {
        assert!(faults.contains(fault), "{fault}");
    }
}

#[test]
fn clients_of_all_three_languages_are_served() {
    let languages: BTreeSet<String> = submissions().filter_map(|it| it["language"].as_str().map(str::to_owned)).collect();
    assert!(["fi", "sv", "en"].iter().all(|language| languages.contains(*language)), "{languages:?}");
}

#[test]
fn each_case_has_a_submission_id_of_its_own() {
    let mut seen = BTreeSet::new();
    for submission in submissions() {
        let id = submission["id"].to_string();
        assert!(seen.insert(id.clone()), "{id}");
    }
}

/// Individual numbers 900 to 999 are nobody's.
#[test]
fn identity_codes_are_synthetic() {
    let patients = patients().into_iter().map(|patient| serde_json::from_slice(patient.body).unwrap());
    let mut checked = 0;
    for document in submissions().chain(patients) {
        let mut codes = Vec::new();
        identity_codes(&document, &mut codes);
        for code in codes {
            assert_eq!(code.get(7..8), Some("9"), "{code}");
            checked += 1;
        }
    }
    assert!(checked > 100);
}

/// All submissions that can be read.
fn submissions() -> impl Iterator<Item = Value> {
    all().into_iter().filter_map(|case| serde_json::from_slice(case.submission).ok())
}

fn role_of(submission: &Value, person: &str) -> String {
    let persons = submission["persons"].as_array().unwrap();
    persons.iter().find(|it| it["key"] == person).unwrap()["role"].as_str().unwrap().to_owned()
}

fn identity_codes(value: &Value, codes: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if members.get("system").and_then(Value::as_str) == Some("urn:oid:1.2.246.21") {
                codes.extend(members.get("value").and_then(Value::as_str).map(str::to_owned));
            }
            members.values().for_each(|member| identity_codes(member, codes));
        }
        Value::Array(elements) => elements.iter().for_each(|element| identity_codes(element, codes)),
        _ => {}
    }
}
