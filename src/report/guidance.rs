//! What the rules say of one person as FHIR: a GuidanceResponse, with its reasons as contained Parameters.
//!
//! R4 <https://hl7.org/fhir/R4/guidanceresponse.html>; profile `neuvola-guidance-response`. Where answers would decide, the status is
//! `data-required` and each `dataRequirement` names the questions: by an extension, for a filter of R4's wants coded elements, and
//! neither `questionnaire` nor `linkId` is one.

use neuvola_fhir::model::Resource;
use serde_json::{Value, json};

use super::trace::trace;
use crate::issue::Issue;
use crate::outcome;
use crate::pipeline::{PersonPreview, Proposal};
use crate::profiles::Profiles;
use crate::segment::Outcome;
use crate::segment::rule::{RoleRules, RuleSet};

/// What a person's proposal is told with.
#[derive(Clone, Copy)]
pub(super) struct Telling<'t> {
    pub(super) rule_set: &'t RuleSet,
    pub(super) rules: &'t RoleRules,
    pub(super) profiles: &'t Profiles,
    pub(super) language: &'t str,
}

/// What the rules say of one response.
pub fn guidance_of(proposal: &Proposal<'_>, profiles: &Profiles, language: &str) -> Option<Vec<u8>> {
    let telling = Telling { rule_set: proposal.rule_set, rules: proposal.rules, profiles, language };
    printed(&guidance(&proposal.view(profiles, language), telling, &proposal.warnings))
}

/// Through the strict reader: what it takes is R4.
pub(super) fn printed(resource: &Value) -> Option<Vec<u8>> {
    let resource: Resource = neuvola_fhir::parse(&serde_json::to_vec(resource).ok()?).ok()?;
    Some(neuvola_fhir::print(&resource))
}

pub(super) fn guidance(person: &PersonPreview, telling: Telling<'_>, warnings: &[Issue]) -> Value {
    let required = requirements(person);
    let mut contained = vec![trace(person, telling)];
    let mut resource = json!({
        "resourceType": "GuidanceResponse",
        "meta": { "profile": [PROFILE] },
        "language": telling.language,
        "contained": [],
        "moduleCanonical": telling.rule_set.canonical(),
        "status": if required.is_empty() { "success" } else { "data-required" },
        "outputParameters": { "reference": "#trace" },
    });
    let failed = person.replaces.iter().filter_map(|back| back.declined.as_ref()?.as_ref().err());
    let told: Vec<Issue> = warnings.iter().chain(failed).cloned().collect();
    if let (false, Ok(mut messages)) = (told.is_empty(), serde_json::from_slice::<Value>(&outcome::print(&told))) {
        messages["id"] = "messages".into();
        contained.push(messages);
        resource["evaluationMessage"] = json!([{ "reference": "#messages" }]);
    }
    if !required.is_empty() {
        resource["dataRequirement"] = required.into();
    }
    resource["contained"] = contained.into();
    resource
}

/// The questions whose answers would decide, of either response; all of the professional's where nothing is proposed before it is there.
fn requirements(person: &PersonPreview) -> Vec<Value> {
    let rules = [&person.segments, &person.alerts, &person.services, &person.others].into_iter().flatten();
    let open = rules.filter(|rule| rule.outcome == Outcome::Indeterminate).flat_map(|rule| &rule.undecided);
    let (mut professional, mut own): (Vec<_>, Vec<_>) = open.map(|name| question(name)).partition(|(is_professional, _)| *is_professional);
    let is_awaited = person.segment.is_none() && !person.segments.is_empty();
    let of_own = (!own.is_empty()).then(|| requirement(&person.questionnaire, &mut own));
    let questionnaire = person.professional_questionnaire.as_deref();
    let of_professional = questionnaire.filter(|_| is_awaited || !professional.is_empty()).map(|it| requirement(it, &mut professional));
    of_own.into_iter().chain(of_professional).collect()
}

fn requirement(questionnaire: &str, questions: &mut Vec<(bool, &str)>) -> Value {
    questions.sort_unstable();
    questions.dedup();
    let mut parts = vec![json!({ "url": "questionnaire", "valueCanonical": questionnaire })];
    parts.extend(questions.iter().map(|(_, link_id)| json!({ "url": "linkId", "valueString": link_id })));
    json!({ "extension": [{ "url": REQUIRED, "extension": parts }], "type": "QuestionnaireResponse" })
}

/// Whether it is the professional's, and its linkId.
pub(super) fn question(name: &str) -> (bool, &str) {
    name.strip_prefix(PROFESSIONAL).map_or((false, name), |link_id| (true, link_id))
}

const PROFILE: &str = "https://neuvola-adapter.example/fhir/StructureDefinition/neuvola-guidance-response";
const REQUIRED: &str = "https://neuvola-adapter.example/fhir/StructureDefinition/required-answers";
/// How questions of the professional's section are named among the undecided ones.
const PROFESSIONAL: &str = "%professional ";
