//! One ready response into its subject's record, without a plan (SDC `$process-response`,
//! <https://hl7.org/fhir/uv/sdc/OperationDefinition-Questionnaire-process-response.html>).
//!
//! The response's own identifier is the submission's id: the same rules of repeats and duplicates hold.

use neuvola_fhir::model::Resource;
use neuvola_fhir::{Node, read};

use super::documents::{refuse_unsafe, with_profile};
use super::{Context, Plans, Receipt};
use crate::digest::Digest;
use crate::form::questionnaire::Questionnaire;
use crate::form::validate::validate;
use crate::identity::{self, Identifier, resource_key};
use crate::issue::told::Told;
use crate::issue::{Issue, Issues};
use crate::plan::transaction::transaction;
use crate::plan::{PersonPlan, Planned};
use crate::record::PatientRecord;
use crate::refusal::Refusal;

/// Proves the response valid and about somebody. `wanted`: the Questionnaire that it must answer.
///
/// # Errors
/// Every fault, all at once.
pub fn prepare_response(document: &[u8], wanted: Option<&Questionnaire>, context: Context<'_>) -> Result<Plans, Refusal> {
    let node = read(document).map_err(Refusal::unreadable)?;
    let mut issues = Issues::default();
    if let Some(questionnaire) = questionnaire(&node, wanted, context, &mut issues) {
        issues.extend(validate(&node, questionnaire).err().unwrap_or_default());
    }
    if !matches!(node.text("status"), Some("completed" | "amended") | None) {
        let issue = Issue::error("business-rule", "not-completed", "QuestionnaireResponse.status", "only a completed response is taken in");
        issues.push(issue.remedy("set `status` to completed or amended"));
    }
    refuse_unsafe(&node, "QuestionnaireResponse", &mut issues);
    let id = identifier(node.member("identifier"), "QuestionnaireResponse.identifier", &mut issues);
    let subject = node.member("subject").and_then(|subject| subject.member("identifier"));
    let subject = identifier(subject, "QuestionnaireResponse.subject.identifier", &mut issues);
    let response = match neuvola_fhir::parse(document) {
        Ok(Resource::QuestionnaireResponse(response)) => Some(with_profile(*response)),
        _ if issues.has_errors() => None, // told with its place already, most likely
        Ok(_) => return Err(Refusal::Bug),
        Err(error) => {
            issues.push(Issue::error("structure", "not-r4", "QuestionnaireResponse", error.to_string()));
            None
        }
    };
    let (Some(response), Some(id), Some(identifier), false) = (response, id, subject, issues.has_errors()) else {
        return Err(Refusal::Invalid(issues.into_list()));
    };

    let resource = Resource::QuestionnaireResponse(Box::new(response));
    let mut digest = Digest::new();
    // as printed: white space is no other content
    digest.part(&identifier.system).part(&identifier.value).bytes(&neuvola_fhir::print(&resource));
    let key = resource_key(context.caller, &id, "", PROCESSED_RESPONSE);
    let person = PersonPlan {
        person: String::new(),
        identifier,
        digest: digest.hex(),
        agreed_segment: None,
        replaces: None,
        resources: vec![Planned { kind: PROCESSED_RESPONSE, key, resource }],
    };
    Ok(Plans { persons: vec![person], places: vec!["QuestionnaireResponse.subject".to_owned()], decisions: vec![String::new()] })
}

/// Writes it, safe to repeat.
///
/// # Errors
/// A patient that cannot be written for, a repeat with other content, what the record system says.
pub async fn submit_response(plans: &Plans, record: &dyn PatientRecord) -> Result<Receipt, Refusal> {
    let keys = plans.keys(|_| true);
    let identifiers: Vec<_> = plans.persons.iter().map(|person| person.identifier.clone()).collect();
    let (written, patients) = futures_util::join!(record.find_written("QuestionnaireResponse", &keys), record.find_patients(&identifiers));
    let written = written?;
    plans.refuse_other_content(&written)?;
    if written.len() == keys.len() {
        return Ok(Receipt { created: false, ..plans.receipt(&written) });
    }
    let patients = plans.each_patient(patients?)?;
    let stored = record.submit(&transaction(&plans.persons, &patients)).await?;
    if let Err(refusal) = plans.refuse_other_content(&stored) {
        record.annul(&stored).await?;
        return Err(refusal);
    }
    Ok(plans.receipt(&stored))
}

/// The Questionnaire that the response names, if it may.
fn questionnaire<'c>(
    node: &Node<'_>,
    wanted: Option<&'c Questionnaire>,
    context: Context<'c>,
    issues: &mut Issues,
) -> Option<&'c Questionnaire> {
    let place = "QuestionnaireResponse.questionnaire";
    let Some(canonical) = node.text("questionnaire") else {
        issues.push(Issue::of(Told::NoQuestionnaire, "", place));
        return wanted;
    };
    let authored = node.text("authored").unwrap_or_default();
    let named = match context.profiles.library().resolve(canonical, authored) {
        Ok(questionnaire) => Some(questionnaire.as_ref()),
        Err(told) => {
            issues.push(Issue::of(told, "", place));
            None
        }
    };
    if let (Some(wanted), Some(named)) = (wanted, named)
        && wanted.canonical() != named.canonical()
    {
        let issue =
            Issue::error("business-rule", "other-questionnaire", place, "the response answers another Questionnaire than the URL names");
        issues.push(issue.remedy(format!("wanted: {}", wanted.canonical())));
    }
    named
}

/// System and value, both required.
fn identifier(node: Option<&Node<'_>>, place: &str, issues: &mut Issues) -> Option<Identifier> {
    let part = |name| node.and_then(|node| node.text(name)).map(str::trim).filter(|text| !text.is_empty());
    let (system, value) = (part("system"), part("value"));
    for (name, part) in [("system", system), ("value", value)] {
        if part.is_none() {
            issues.push(Issue::error(
                "required",
                "missing-member",
                format!("{place}.{name}"),
                format!("an identifier with its `{name}` is wanted"),
            ));
        }
    }
    let (system, value) = (system?, value?);
    if let Err(message) = identity::check(system, value) {
        issues.push(Issue::error("value", "identifier", format!("{place}.value"), message));
        return None;
    }
    Some(Identifier { system: system.to_owned(), value: value.to_owned() })
}

/// Goes into the resource's key: never the same as a submission's.
const PROCESSED_RESPONSE: &str = "processed-response";
