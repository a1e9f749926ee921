//! The ways in.

use std::collections::BTreeMap;
use std::process::Output;

use neuvola_adapter::outcome;
use neuvola_adapter::profiles::{Library, Profile};
use serde_json::{Value, json};

use super::{Case, Verdict, verdict, written};
use crate::binary::neuvola_adapter;
use crate::world::World;

pub fn library(case: &Case) -> Verdict {
    verdict(&outcome(case))
}

/// The whole OperationOutcome.
pub fn outcome(case: &Case) -> Value {
    let mut library = Library::default();
    let learn = |library: &mut Library, resource: &Value, take: fn(&mut Library, &neuvola_fhir::Node<'_>)| {
        let text = resource.to_string();
        take(library, &neuvola_fhir::read(text.as_bytes()).unwrap());
    };
    case.terminology.iter().for_each(|resource| learn(&mut library, resource, |library, node| library.learn(node)));
    case.questionnaire.iter().for_each(|resource| learn(&mut library, resource, |library, node| _ = library.add(node)));
    let issues = library.check(case.response.to_string().as_bytes(), Profile::Core);
    serde_json::from_slice(&outcome::print(&issues)).unwrap()
}

/// One process for all of them; and its exit codes.
pub fn command_line(cases: &[Case]) -> BTreeMap<String, Verdict> {
    let (known, asked) = written("command-line", cases);
    let run = |names: &[&str]| -> Output {
        let files: Vec<String> = names.iter().map(|name| asked.join(format!("{name}.json")).display().to_string()).collect();
        let mut arguments = vec!["validate", "--named", "--profiles", known.to_str().unwrap()];
        arguments.extend(files.iter().map(String::as_str));
        neuvola_adapter(&arguments).output().unwrap()
    };
    assert_eq!(run(&[]).status.code(), Some(64), "no files are named");
    let sure = cases.iter().filter(|case| case.not_yet.is_none());
    let valid: Vec<&str> = sure.filter(|case| case.valid).map(|case| case.name.as_str()).collect();
    assert_eq!(run(&valid).status.code(), Some(0), "all are valid");
    let all: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let output = run(&all);
    assert_eq!(output.status.code(), Some(65), "some are not valid");
    let text = String::from_utf8(output.stdout).unwrap();
    let of_line = |line: &str| {
        let (file, outcome) = line.split_once(" {").unwrap();
        let name = file.rsplit('/').next().unwrap().strip_suffix(".json").unwrap().to_owned();
        (name, verdict(&serde_json::from_str(&format!("{{{outcome}")).unwrap()))
    };
    text.lines().map(of_line).collect()
}

/// Over HTTP the Questionnaire goes with the response; `None` where terminology is needed, which cannot, and where the
/// Questionnaire is not named: there the one that is sent is meant.
pub fn as_parameters(case: &Case) -> Option<Value> {
    let text = case.questionnaire.as_ref().map(Value::to_string).unwrap_or_default();
    let is_needed = |set: &Value| set["resourceType"] == "ValueSet" && text.contains(set["url"].as_str().unwrap());
    if case.terminology.iter().any(is_needed) || case.response["questionnaire"].is_null() {
        return None;
    }
    let mut parameters = vec![json!({"name": "resource", "resource": case.response})];
    parameters.extend(case.questionnaire.iter().map(|it| json!({"name": "questionnaire", "resource": it})));
    Some(json!({"resourceType": "Parameters", "parameter": parameters}))
}

pub async fn http(cases: &[Case]) -> BTreeMap<String, Verdict> {
    let world = World::new().await;
    let mut verdicts = BTreeMap::new();
    for case in cases {
        let answer = world.post("/fhir/QuestionnaireResponse/$validate", &as_parameters(case).unwrap()).await;
        // what cannot be read is told by its place in what was sent
        let text = answer.text.replace("parameter[0].resource.", "");
        verdicts.insert(case.name.clone(), verdict(&serde_json::from_str(&text).unwrap()));
    }
    verdicts
}
