//! Every case of `fixtures/validation`, through the library, the command line and HTTP, and before HL7's own validator; and the
//! table of rules beside them.

mod faces;
mod files;
mod questionnaires;
mod remedies;
mod rules;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::judge::{judge_with, left_out, root, write};

/// One case, its Questionnaire looked up.
pub struct Case {
    pub family: String,
    pub name: String,
    pub purpose: String,
    pub questionnaire: Option<Value>,
    /// Value sets and code systems that are given with it.
    pub terminology: Vec<Value>,
    pub response: Value,
    pub valid: bool,
    /// Errors and warnings, as [`line`] writes them, in order.
    pub issues: Vec<String>,
    /// Why HL7's validator says otherwise.
    pub official: Option<String>,
    /// What it is not yet, though it is right.
    pub not_yet: Option<String>,
}

/// What a face says of a response.
pub struct Verdict {
    pub valid: bool,
    pub issues: Vec<String>,
    /// All that was said.
    pub text: String,
}

pub fn cases() -> Vec<Case> {
    let folder = root().join("fixtures/validation");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.iter().flat_map(|path| of_file(path)).collect()
}

fn of_file(path: &Path) -> Vec<Case> {
    let family = path.file_stem().unwrap().to_string_lossy().into_owned();
    let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap_or_else(|error| panic!("{family}: {error}"));
    only(&family, &file, &["purpose", "terminology", "questionnaires", "cases"]);
    let terminology = file["terminology"].as_array().cloned().unwrap_or_default();
    let one = |case: &Value| {
        only(&family, case, &["name", "purpose", "questionnaire", "response", "expect", "official", "not_yet"]);
        let questionnaire = match &case["questionnaire"] {
            Value::Null => None,
            Value::String(shared) => {
                Some(file["questionnaires"][shared].as_object().unwrap_or_else(|| panic!("no {shared}")).clone().into())
            }
            own => Some(own.clone()),
        };
        let text = |name: &str| case[name].as_str().map(str::to_owned);
        Case {
            family: family.clone(),
            name: text("name").unwrap(),
            purpose: text("purpose").unwrap(),
            questionnaire,
            terminology: terminology.clone(),
            response: case["response"].clone(),
            valid: case["expect"]["valid"].as_bool().unwrap(),
            issues: issues(&case["expect"]["issues"], |issue| {
                only(&family, issue, &["severity", "code", "fault", "place"]);
                line(&issue["severity"], &issue["code"], &issue["fault"], &issue["place"])
            }),
            official: text("official"),
            not_yet: text("not_yet"),
        }
    };
    file["cases"].as_array().unwrap().iter().map(one).collect()
}

fn only(family: &str, object: &Value, known: &[&str]) {
    let unknown: Vec<_> = object.as_object().unwrap().keys().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "{family}: {unknown:?}");
}

fn line(severity: &Value, code: &Value, fault: &Value, place: &Value) -> String {
    [severity, code, fault, place].map(|part| part.as_str().unwrap_or_default()).join(" ")
}

/// In order, without mere information.
fn issues(list: &Value, line: impl FnMut(&Value) -> String) -> Vec<String> {
    let list = list.as_array().into_iter().flatten().filter(|issue| issue["severity"] != "information");
    let mut issues: Vec<_> = list.map(line).collect();
    issues.sort();
    issues
}

/// What an OperationOutcome says.
pub fn verdict(outcome: &Value) -> Verdict {
    let issues = issues(&outcome["issue"], |issue| {
        line(&issue["severity"], &issue["code"], &issue["details"]["coding"][0]["code"], &issue["expression"][0])
    });
    Verdict { valid: !issues.iter().any(|issue| issue.starts_with("error")), issues, text: outcome.to_string() }
}

/// All differences of all cases are told at once.
fn compare(cases: &[Case], verdicts: &BTreeMap<String, Verdict>) {
    let mut told = String::new();
    for case in cases {
        let Some(verdict) = verdicts.get(&case.name) else {
            told.push_str(&format!("{}: no verdict\n", case.name));
            continue;
        };
        let agrees = verdict.valid == case.valid && verdict.issues == case.issues;
        match &case.not_yet {
            None if !agrees => {
                let (wanted, is) = (&case.issues, &verdict.issues);
                told.push_str(&format!("{}: {} ({}):\n  wanted {wanted:?}\n  is     {is:?}\n", case.family, case.name, case.purpose));
            }
            Some(_) if agrees => told.push_str(&format!("{}: it is as it should be: take `not_yet` out\n", case.name)),
            _ => {}
        }
        for value in secrets(case).iter().filter(|value| verdict.text.contains(value.as_str())) {
            told.push_str(&format!("{}: the answer {value} is told\n", case.name));
        }
    }
    assert!(told.is_empty(), "\n{told}");
}

/// What the response answers and nobody else says, if it is long enough to be told from other words.
fn secrets(case: &Case) -> BTreeSet<String> {
    fn leaves(node: &Value, inside: bool, found: &mut BTreeSet<String>) {
        match node {
            Value::Object(members) => {
                members.iter().for_each(|(name, node)| leaves(node, inside || name.starts_with("value"), found));
            }
            Value::Array(elements) => elements.iter().for_each(|node| leaves(node, inside, found)),
            Value::String(text) if inside => _ = found.insert(text.clone()),
            Value::Number(number) if inside => _ = found.insert(number.to_string()),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    leaves(&case.response["item"], false, &mut found);
    let said = format!("{} {}", case.questionnaire.clone().unwrap_or_default(), Value::from(case.terminology.clone()));
    found.retain(|value| value.trim().len() > 3 && !said.contains(value.as_str()));
    found
}

/// The definitions of all cases, by a name for a file.
pub fn definitions(cases: &[Case]) -> BTreeMap<String, Value> {
    let all = cases.iter().flat_map(|case| case.terminology.iter().chain(&case.questionnaire));
    let named = all.map(|resource| {
        let url = resource["url"].as_str().unwrap_or_default();
        let name: String = url.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
        (format!("{name}.json"), resource.clone())
    });
    named.collect()
}

/// The definitions of all cases in one folder, the responses in another.
pub fn written(name: &str, cases: &[Case]) -> (PathBuf, PathBuf) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("validation-{name}"));
    _ = std::fs::remove_dir_all(&folder);
    let (known, asked) = (folder.join("known"), folder.join("asked"));
    write(&known, definitions(cases));
    write(&asked, cases.iter().map(|case| (format!("{}.json", case.name), case.response.clone())));
    (known, asked)
}

#[test]
fn cases_are_named_once_and_one_canonical_is_one_questionnaire() {
    let cases = cases();
    assert!(cases.len() > 400);
    let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
    assert_eq!(names.len(), cases.len());
    let mut known: Map<String, Value> = Map::new();
    for questionnaire in cases.iter().filter_map(|case| case.questionnaire.as_ref()) {
        let url = questionnaire["url"].as_str().unwrap();
        assert_eq!(known.entry(url).or_insert_with(|| questionnaire.clone()), questionnaire, "{url}");
    }
}

#[test]
fn every_case_does_through_the_library_what_it_states() {
    let cases = cases();
    compare(&cases, &cases.iter().map(|case| (case.name.clone(), faces::library(case))).collect());
}

#[test]
fn every_case_does_on_the_command_line_what_it_states() {
    let cases = cases();
    compare(&cases, &faces::command_line(&cases));
}

#[tokio::test]
async fn every_case_does_over_http_what_it_states() {
    let cases: Vec<Case> = cases().into_iter().filter(|case| faces::as_parameters(case).is_some()).collect();
    assert!(cases.len() > 300, "{}", cases.len());
    compare(&cases, &faces::http(&cases).await);
}

#[test]
fn hl7s_validator_agrees_but_where_a_case_says_why_not() {
    if left_out("HL7's validator on the cases of validation is") {
        return;
    }
    let cases = cases();
    let (known, asked) = written("judged", &cases);
    let verdicts = judge_with(&known, &[&asked]);
    assert_eq!(verdicts.len(), cases.len());
    let mut told = String::new();
    for verdict in verdicts {
        let case = cases.iter().find(|case| verdict.file.ends_with(&format!("/{}.json", case.name))).unwrap();
        let agrees = (verdict.errors == 0) == case.valid;
        if agrees != case.official.is_none() {
            let errors: Vec<_> = verdict.issues.iter().filter(|issue| ["error", "fatal"].contains(&&*issue.severity)).collect();
            told.push_str(&format!("{}: agrees: {agrees}, `official`: {:?}, {errors:?}\n", case.name, case.official));
        }
    }
    assert!(told.is_empty(), "\n{told}");
}

#[test]
fn a_case_says_nothing_of_what_is_not_in_it() {
    for case in cases() {
        assert!(!case.purpose.ends_with('.') && !case.purpose.is_empty(), "{}", case.name);
        assert_eq!(case.valid, !case.issues.iter().any(|issue| issue.starts_with("error")), "{}", case.name);
        assert!(case.response["resourceType"] == json!("QuestionnaireResponse"), "{}", case.name);
    }
}
