//! Questionnaires themselves: `fixtures/validation/questionnaires`, through the library and before HL7's validator.

use std::collections::BTreeSet;

use neuvola_adapter::outcome;
use neuvola_adapter::profiles::{Library, Profile};
use serde_json::Value;

use crate::judge::{judge, left_out, root, write};

fn cases() -> Vec<Value> {
    let file = std::fs::read(root().join("fixtures/validation/questionnaires/invariants.json")).unwrap();
    let file: Value = serde_json::from_slice(&file).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn text<'v>(case: &'v Value, name: &str) -> &'v str {
    case[name].as_str().unwrap_or_else(|| panic!("{name} of {case}"))
}

#[test]
fn every_invariant_of_r4_has_a_case_that_breaks_it_and_names_it() {
    let cases = cases();
    let broken: BTreeSet<&str> =
        cases.iter().filter(|case| !case["expect"]["issues"].as_array().unwrap().is_empty()).map(|case| text(case, "invariant")).collect();
    let wanted: Vec<String> = (0..=13).map(|number| format!("que-{number}")).collect();
    assert!(wanted.iter().all(|invariant| broken.contains(invariant.as_str())), "{broken:?}");
    let names: BTreeSet<&str> = cases.iter().map(|case| text(case, "name")).collect();
    assert_eq!(names.len(), cases.len());
}

#[test]
fn every_questionnaire_is_told_to_be_what_its_case_states() {
    let mut told = String::new();
    for case in cases() {
        let issues = Library::default().check(case["questionnaire"].to_string().as_bytes(), Profile::Core);
        let outcome: Value = serde_json::from_slice(&outcome::print(&issues)).unwrap();
        let list = outcome["issue"].as_array().unwrap().iter().filter(|issue| issue["severity"] != "information");
        let is: Vec<String> = list
            .map(|issue| {
                let (place, text) = (issue["expression"][0].as_str().unwrap_or_default(), issue["details"]["text"].as_str().unwrap());
                let named = format!("({})", case["invariant"].as_str().unwrap());
                format!("{} {place} {}", issue["severity"].as_str().unwrap(), if text.contains(&named) { &named } else { text })
            })
            .collect();
        let wanted = case["expect"]["issues"].as_array().unwrap().iter();
        let wanted: Vec<String> =
            wanted.map(|it| format!("{} {} ({})", text(it, "severity"), text(it, "place"), text(it, "invariant"))).collect();
        let is_valid = !is.iter().any(|issue| issue.starts_with("error"));
        if is != wanted || is_valid != case["expect"]["valid"].as_bool().unwrap() {
            told.push_str(&format!("{}:\n  wanted {wanted:?}\n  is     {is:?}\n", text(&case, "name")));
        }
    }
    assert!(told.is_empty(), "\n{told}");
}

#[test]
fn hl7s_validator_agrees_about_every_questionnaire_but_where_a_case_says_why_not() {
    if left_out("HL7's validator on the Questionnaires of validation is") {
        return;
    }
    let folder = std::path::PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("validation-questionnaires");
    _ = std::fs::remove_dir_all(&folder);
    let cases = cases();
    write(&folder, cases.iter().map(|case| (format!("{}.json", text(case, "name")), case["questionnaire"].clone())));
    let mut told = String::new();
    for verdict in judge(&[&folder]) {
        let case = cases.iter().find(|case| verdict.file.ends_with(&format!("/{}.json", text(case, "name")))).unwrap();
        let agrees = (verdict.errors == 0) == case["expect"]["valid"].as_bool().unwrap();
        if agrees != case["official"].is_null() {
            let errors: Vec<_> = verdict.issues.iter().filter(|issue| ["error", "fatal"].contains(&&*issue.severity)).collect();
            told.push_str(&format!("{}: agrees: {agrees}, {errors:?}\n", text(case, "name")));
        }
    }
    assert!(told.is_empty(), "\n{told}");
}
