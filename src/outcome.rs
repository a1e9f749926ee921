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
    OperationOutcomeIssue {
        extension: issue.position.iter().flat_map(|position| [place("line", position.line), place("col", position.column)]).collect(),
        severity: issue.severity.code().into(),
        code: issue.code.into(),
        details: Some(Box::new(CodeableConcept { coding: vec![coding], text: Some(text(issue)), ..Default::default() })),
        diagnostics: (!issue.remedy.is_empty()).then(|| issue.remedy.as_str().into()),
        expression: if issue.place.is_empty() { Vec::new() } else { vec![issue.place.as_str().into()] },
        ..Default::default()
    }
}

/// In English, and what a person needs of it in Finnish and Swedish.
fn text(issue: &Issue) -> types::String {
    let mut text = types::String::from(issue.message.as_str());
    let translated = words::in_languages(issue.fault, issue.link_id.as_deref());
    text.extension.extend(translated.iter().map(|(language, words)| translation_into(language, words)));
    text
}

/// Our own fault codes; the README explains each.
const FAULTS: &str = "https://neuvola-adapter.example/fhir/CodeSystem/fault";
