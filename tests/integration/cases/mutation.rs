//! Nothing that a case states goes unlooked at: change any of it, and a difference is told.

use neuvola_adapter::fixtures::{Case, Expectation};
use serde_json::{Value, json};

use super::{all, faces, run};

#[test]
fn changing_anything_that_a_case_states_makes_a_difference() {
    let face = faces::Library::new();
    let mut unnoticed = Vec::new();
    for case in all() {
        let actual = run(&case, &case.expect, &face);
        let stated = stated(&case);
        for (place, changed) in changes(&stated) {
            // what can no longer be read was noticed before it came to comparing
            let Ok(mut expect) = serde_json::from_value::<Expectation>(changed) else { continue };
            keep_resources(&case.expect, &mut expect);
            if expect.differences(&actual).is_empty() {
                unnoticed.push(format!("{}: expect{place}", case.name));
            }
        }
        for (person, write) in case.expect.written.iter().flatten() {
            for (kind, resource) in &write.resources {
                for (place, changed) in changes(resource) {
                    let mut expect = case.expect.clone();
                    let written = expect.written.as_mut().and_then(|written| written.get_mut(person)).unwrap();
                    written.resources.insert(kind.clone(), changed);
                    if expect.differences(&actual).is_empty() {
                        unnoticed.push(format!("{}: expected/{person}.{kind}.json{place}", case.name));
                    }
                }
            }
        }
    }
    assert!(unnoticed.is_empty(), "\n{}", unnoticed.join("\n"));
}

/// `expect` as it stands in the file.
fn stated(case: &Case) -> Value {
    let path = format!("{}/fixtures/cases/{}/case.json", env!("CARGO_MANIFEST_DIR"), case.name);
    let mut file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    file["expect"].take()
}

fn keep_resources(from: &Expectation, to: &mut Expectation) {
    for (person, write) in to.written.iter_mut().flatten() {
        let known = from.written.as_ref().and_then(|written| written.get(person));
        write.resources = known.map(|write| write.resources.clone()).unwrap_or_default();
    }
}

/// Every way to change one leaf, drop one element or member, with its place. Dropping is left out for resources' sake:
/// what is not expected there may be.
fn changes(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| {
                changes(member).into_iter().map(move |(place, changed)| {
                    let mut whole = members.clone();
                    whole.insert(name.clone(), changed);
                    (format!(".{name}{place}"), Value::Object(whole))
                })
            })
            .collect(),
        Value::Array(elements) => (0..elements.len())
            .flat_map(|position| {
                changes(&elements[position]).into_iter().map(move |(place, changed)| {
                    let mut whole = elements.clone();
                    whole[position] = changed;
                    (format!("[{position}]{place}"), Value::Array(whole))
                })
            })
            .collect(),
        Value::String(text) => ["met", "not-met", "indeterminate", "else"]
            .iter()
            .filter(|other| *other != text)
            .map(|other| (String::new(), json!(other)))
            .collect(),
        Value::Number(_) => vec![(String::new(), json!(418))],
        Value::Bool(value) => vec![(String::new(), json!(!value))],
        Value::Null => vec![(String::new(), json!("else"))],
    }
}
