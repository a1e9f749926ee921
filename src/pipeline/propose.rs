//! One QuestionnaireResponse and a plan's rules: what they say of the person, with every reason. Nothing is written.
//!
//! The response may be anybody's, of any Questionnaire that is known; so may the plan. Nothing need be there yet: what is
//! missing makes rules indeterminate. What is there must be right.

use std::borrow::Cow;
use std::sync::Arc;

use neuvola_fhir::{Limits, Node, read, to_json_document};

use super::preview::{PersonPreview, person_preview};
use crate::form::questionnaire::Questionnaire;
use crate::form::validate::{ValidatedResponse, examine_draft};
use crate::issue::{Issue, Severity};
use crate::profiles::{Profiles, by_version, split};
use crate::refusal::Refusal;
use crate::segment::rule::{RoleRules, RuleSet};
use crate::segment::{Segmentation, segment};

/// What the rules say of one response.
#[derive(Debug)]
pub struct Proposal<'p> {
    pub questionnaire: &'p Questionnaire,
    pub rule_set: &'p RuleSet,
    pub rules: &'p RoleRules,
    pub segmentation: Segmentation<'p>,
    /// What was odd about the response and did not keep it from being read.
    pub warnings: Vec<Issue>,
}

impl Proposal<'_> {
    /// As it is shown of somebody in a submission; without a plan, for nobody's identity is known.
    pub fn view(&self, profiles: &Profiles, language: &str) -> PersonPreview {
        person_preview("", self.rules, &self.segmentation, None, profiles, language)
    }
}

/// The rules of `plan` (a canonical; else the only plan there is for this Questionnaire) over a response, in JSON or XML.
/// `professional` is the professional's response about the same person.
///
/// # Errors
/// A document that cannot be read, a Questionnaire or plan that is not known, every fault of the answers.
pub fn propose<'p>(
    document: &[u8],
    professional: Option<&[u8]>,
    plan: Option<&str>,
    profiles: &'p Profiles,
) -> Result<Proposal<'p>, Refusal> {
    let json = to_json_document(document, Limits::default()).map_err(Refusal::unreadable)?;
    let node = read(&json).map_err(Refusal::unreadable)?;
    let json = professional.map(|document| to_json_document(document, Limits::default())).transpose().map_err(Refusal::unreadable)?;
    let professional = json.as_ref().map(|json: &Cow<'_, [u8]>| read(json)).transpose().map_err(Refusal::unreadable)?;
    propose_read(&node, professional.as_ref(), plan, profiles)
}

/// As [`propose`], of what has been read.
///
/// # Errors
/// As [`propose`].
pub fn propose_read<'p>(
    node: &Node<'_>,
    professional: Option<&Node<'_>>,
    plan: Option<&str>,
    profiles: &'p Profiles,
) -> Result<Proposal<'p>, Refusal> {
    let authored = node.text("authored").unwrap_or_default();
    if node.text("resourceType") != Some("QuestionnaireResponse") {
        let issue = Issue::error("structure", "not-a-response", "resourceType", "a QuestionnaireResponse is wanted");
        return Err(Refusal::Unreadable(vec![issue.remedy("for a family's own form name it: `--form`")]));
    }
    let (rule_set, rules) = rules_for(node, authored, plan, profiles)?;
    let questionnaire: &'p Questionnaire = &rules.questionnaire;
    let (own, mut warnings) = drafted(node, questionnaire)?;
    let professional = match (professional, rules.professional.as_deref()) {
        (None, _) => None,
        (Some(node), Some(questionnaire)) => {
            let (professional, more) = drafted(node, questionnaire)?;
            warnings.extend(more);
            Some(professional)
        }
        (Some(_), None) => {
            let message = "the plan knows no professional's section";
            return Err(Refusal::Invalid(vec![Issue::error("business-rule", "no-professional-section", "", message)]));
        }
    };
    if plan.is_some() && !rule_set.is_effective(authored) {
        let message = "the plan was not in force when the response was authored";
        warnings.push(Issue::warning("business-rule", "not-in-force", "QuestionnaireResponse.authored", message));
    }
    let segmentation = segment(rules, rule_set, own.answers(), professional.as_ref().map(ValidatedResponse::answers));
    Ok(Proposal { questionnaire, rule_set, rules, segmentation, warnings })
}

/// The response as far as it goes; its faults, if it has any besides what is missing.
fn drafted<'q, 'd>(node: &'d Node<'d>, questionnaire: &'q Questionnaire) -> Result<(ValidatedResponse<'q, 'd>, Vec<Issue>), Refusal> {
    if node.text("status") == Some("entered-in-error") {
        let issue = Issue::error("business-rule", "entered-in-error", "QuestionnaireResponse.status", "the response was entered in error");
        return Err(Refusal::Invalid(vec![issue.remedy("it says nothing about anybody: leave it out")]));
    }
    let (draft, issues) = examine_draft(node, questionnaire);
    match draft {
        Some(draft) => Ok((draft, issues)),
        None => Err(Refusal::Invalid(issues.into_iter().filter(|issue| issue.severity == Severity::Error).collect())),
    }
}

/// The plan that is named, or the only one that there is; and in it the rules for the response's Questionnaire.
fn rules_for<'p>(
    node: &Node<'_>,
    authored: &str,
    plan: Option<&str>,
    profiles: &'p Profiles,
) -> Result<(&'p RuleSet, &'p RoleRules), Refusal> {
    let place = "QuestionnaireResponse.questionnaire";
    let named = node.text("questionnaire").filter(|canonical| !canonical.is_empty());
    let questionnaire: Option<&Arc<Questionnaire>> = match named {
        None => None,
        Some(canonical) => {
            Some(profiles.library().resolve(canonical, authored).map_err(|told| Refusal::Invalid(vec![Issue::of(told, "", place)]))?)
        }
    };
    let is_about = |rules: &&RoleRules| questionnaire.is_none_or(|wanted| wanted.canonical() == rules.questionnaire.canonical());
    let is_meant = |rule_set: &&RuleSet| match plan.map(split) {
        None => true,
        Some((url, version)) => rule_set.url == url && version.is_none_or(|version| version == rule_set.version),
    };
    let all = profiles.rule_sets().iter().filter(is_meant);
    let mut found: Vec<(&RuleSet, &RoleRules)> =
        all.flat_map(|rule_set| rule_set.roles.iter().filter(is_about).map(move |rules| (rule_set, rules))).collect();
    if found.is_empty() {
        let message = match plan {
            Some(plan) => format!("the plan `{plan}` has no rules for this Questionnaire"),
            None => "no plan has rules for this Questionnaire".to_owned(),
        };
        let known: Vec<String> = profiles.rule_sets().iter().map(RuleSet::canonical).collect();
        let issue = Issue::error("not-found", "unknown-plan", place, message);
        return Err(Refusal::Invalid(vec![issue.remedy(format!("known plans: {}", known.join(", ")))]));
    }
    if plan.is_none_or(|plan| split(plan).1.is_none()) {
        let in_force: Vec<_> = found.iter().copied().filter(|(rule_set, _)| rule_set.is_effective(authored)).collect();
        if in_force.is_empty() && plan.is_none() {
            let message = "no plan for this Questionnaire was in force when the response was authored";
            return Err(Refusal::Invalid(vec![Issue::error(
                "business-rule",
                "form-not-in-force",
                "QuestionnaireResponse.authored",
                message,
            )]));
        }
        if !in_force.is_empty() {
            found = in_force;
        }
    }
    let (first, _) = found[0];
    // of one plan the latest version
    if found.iter().all(|(rule_set, _)| rule_set.url == first.url)
        && let Some(latest) = found.iter().copied().max_by(|(left, _), (right, _)| by_version(&left.version, &right.version))
        && (questionnaire.is_some() || found.len() == 1)
    {
        return Ok(latest);
    }
    let (code, fault, message, remedy) = if questionnaire.is_none() {
        (
            "multiple-matches",
            "no-questionnaire",
            "the response names no Questionnaire, and several could be meant",
            "name it in `questionnaire`",
        )
    } else {
        ("multiple-matches", "several-plans", "several plans have rules for this Questionnaire", "name the plan (`--plan`)")
    };
    let mut plans: Vec<String> = found.iter().map(|(rule_set, _)| rule_set.canonical()).collect();
    plans.dedup();
    Err(Refusal::Invalid(vec![Issue::error(code, fault, place, message).remedy(format!("{remedy}: {}", plans.join(", ")))]))
}
