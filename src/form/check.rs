//! One response on its own: the Questionnaire that it names, and every fault against it.

use neuvola_fhir::{Limits, read, to_json_document};

use super::validate::validate;
use crate::issue::Issue;
use crate::profiles::Profiles;

/// Every fault of a QuestionnaireResponse document, in JSON or XML; empty if there is none.
pub fn check(document: &[u8], profiles: &Profiles) -> Vec<Issue> {
    let document = match to_json_document(document, Limits::default()) {
        Ok(document) => document,
        Err(faults) => return faults.into_iter().map(Issue::from).collect(),
    };
    let document = &*document;
    let node = match read(document) {
        Ok(node) => node,
        Err(faults) => return faults.into_iter().map(Issue::from).collect(),
    };
    if node.text("resourceType") != Some("QuestionnaireResponse") {
        return vec![Issue::error("structure", "not-a-response", "resourceType", "a QuestionnaireResponse is wanted")];
    }
    let place = "QuestionnaireResponse.questionnaire";
    let Some(canonical) = node.text("questionnaire") else {
        return vec![Issue::error("required", "no-questionnaire", place, "the response names no Questionnaire")];
    };
    let Some(questionnaire) = profiles.questionnaire(canonical) else {
        return vec![Issue::error("not-found", "unknown-questionnaire", place, "the Questionnaire, in this version, is not known here")];
    };
    match validate(&node, questionnaire) {
        Ok(_) => neuvola_fhir::parse(document)
            .err()
            .map(|error| Issue::error("structure", "not-r4", "QuestionnaireResponse", error.to_string()))
            .into_iter()
            .collect(),
        Err(issues) => issues,
    }
}
