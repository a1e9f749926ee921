//! OperationOutcome (R4 <https://hl7.org/fhir/R4/operationoutcome.html>): the one place that makes them.

use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::{OperationOutcome, OperationOutcomeIssue};
use neuvola_fhir::model::types::{self, CodeableConcept, Coding, Extension, ExtensionValue};

use crate::issue::{Issue, words};
use crate::texts::translation_into;

/// As JSON. Without issues it says that all is well.
pub fn print(issues: &[Issue]) -> Vec<u8> {
    neuvola_fhir::print(&resource(issues))
}

/// As a resource, to stand in a Bundle.
pub fn resource(issues: &[Issue]) -> Resource {
    let well = [Issue::information("informational", "valid", "all is well")];
    let issues = if issues.is_empty() { &well } else { issues };
    Resource::OperationOutcome(Box::new(OperationOutcome { issue: issues.iter().map(issue).collect(), ..Default::default() }))
}

fn issue(issue: &Issue) -> OperationOutcomeIssue {
    let place = |name: &str, number: usize| Extension {
        url: format!("http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-{name}"),
        value: Some(ExtensionValue::Integer(i32::try_from(number).unwrap_or(i32::MAX).into())),
        ..Default::default()
    };
    let coding = Coding { system: Some(FAULTS.into()), code: Some(issue.fault.into()), ..Default::default() };
    let (what, remedy) = texts(issue);
    OperationOutcomeIssue {
        extension: issue.position.iter().flat_map(|position| [place("line", position.line), place("col", position.column)]).collect(),
        severity: issue.severity.code().into(),
        code: issue.code.into(),
        details: Some(Box::new(CodeableConcept { coding: vec![coding], text: Some(what), ..Default::default() })),
        diagnostics: (!issue.remedy.is_empty()).then_some(remedy),
        expression: if issue.place.is_empty() { Vec::new() } else { vec![issue.place.as_str().into()] },
        ..Default::default()
    }
}

/// What is wrong and what would make it right: in English, and in Finnish and Swedish.
fn texts(issue: &Issue) -> (types::String, types::String) {
    let (mut what, mut remedy) = (types::String::from(issue.message.as_str()), types::String::from(issue.remedy.as_str()));
    match &issue.told {
        Some(told) => {
            for (language, said) in words::in_languages(told, issue.link_id.as_deref().unwrap_or_default()) {
                what.extension.push(translation_into(language, &said.what));
                remedy.extension.push(translation_into(language, &said.remedy));
            }
        }
        None => {
            let general = words::in_general(issue.fault, issue.link_id.as_deref());
            what.extension.extend(general.iter().map(|(language, words)| translation_into(language, words)));
        }
    }
    (what, remedy)
}

/// Our own fault codes; the README explains each.
const FAULTS: &str = "https://neuvola-adapter.example/fhir/CodeSystem/fault";
