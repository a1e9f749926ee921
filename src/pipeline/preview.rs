//! What the rules say before anybody has decided: for professionals, and written nowhere.

use neuvola_fhir::model::Resource;
use neuvola_fhir::model::types::{Identifier, Reference};
use rust_decimal::Decimal;

use super::family::{FamilyRuleView, family_view};
use super::{Family, LookBack};
use crate::form::submission::{Person, Submission};
use crate::plan::care_plan::draft;
use crate::profiles::Profiles;
use crate::segment::rule::RoleRules;
use crate::segment::rule::RuleSet;
use crate::segment::{Compared, Outcome, Read, ReadState, Reason, Segmentation};

/// One submission's proposals, owned, ready to print.
#[derive(Debug)]
pub struct Preview {
    pub form: String,
    pub rule_set: String,
    /// Of the texts: the one that the client reads.
    pub language: String,
    pub persons: Vec<PersonPreview>,
    /// What the rules observe of all of them together.
    pub family: Vec<FamilyRuleView>,
}

#[derive(Debug)]
pub struct PersonPreview {
    pub person: String,
    pub role: String,
    /// What a decision must name.
    pub proposal: String,
    pub segment: Option<Named>,
    pub possible: Vec<Named>,
    pub segments: Vec<RuleView>,
    pub alerts: Vec<RuleView>,
    pub services: Vec<RuleView>,
    /// Rules about none of these.
    pub others: Vec<RuleView>,
    /// Canonicals of what was answered.
    pub questionnaire: String,
    pub professional_questionnaire: Option<String>,
    /// The draft CarePlan as FHIR JSON, once there is a proposal.
    pub plan: Option<Vec<u8>>,
    /// The earlier plan that the decision names, if there is one already.
    pub replaces: Option<LookBack>,
}

#[derive(Debug, Clone)]
pub struct Named {
    pub system: String,
    pub code: String,
    pub display: String,
}

/// One rule, fired or not.
#[derive(Debug)]
pub struct RuleView {
    pub id: String,
    pub subject: Named,
    pub outcome: Outcome,
    pub sentence: String,
    pub expression: Option<String>,
    pub inputs: Vec<ReadView>,
    /// How far the comparison that is nearest to its threshold is from it.
    pub distance: Option<Decimal>,
    pub comparisons: Vec<Compared>,
    pub undecided: Vec<String>,
    /// Why nothing can be said, where it is not for missing answers.
    pub why: Option<String>,
    /// The text for the professional, for what was met or cannot be ruled out.
    pub guidance: Option<String>,
}

/// One question that a rule read.
#[derive(Debug)]
pub struct ReadView {
    pub link_id: String,
    pub professional: bool,
    pub state: ReadState,
}

pub(super) fn preview(submission: &Submission<'_>, rule_set: &RuleSet, families: &[Family<'_, '_>], profiles: &Profiles) -> Preview {
    let persons = families.iter().map(|family| {
        let person = &submission.persons[family.person];
        let subject = person.identifier.as_ref().map(|identifier| Reference {
            identifier: Some(Box::new(Identifier {
                system: Some(identifier.system.as_str().into()),
                value: Some(identifier.value.as_str().into()),
                ..Default::default()
            })),
            ..Default::default()
        });
        let plan = family.segmentation.proposed.map(|_| {
            let draft = draft(&family.segmentation, rule_set, profiles, subject.unwrap_or_default(), submission.language);
            neuvola_fhir::print(&Resource::CarePlan(Box::new(draft)))
        });
        let view = person_preview(person.key, family.rules, &family.segmentation, plan, profiles, submission.language);
        PersonPreview { replaces: replaces(submission, person), ..view }
    });
    let family = family_view(submission, rule_set, families, profiles);
    Preview {
        form: rule_set.form.clone(),
        rule_set: rule_set.canonical(),
        language: submission.language.to_owned(),
        persons: persons.collect(),
        family,
    }
}

/// The earlier plan that the decision about this person names, yet to be looked up.
fn replaces(submission: &Submission<'_>, person: &Person<'_>) -> Option<LookBack> {
    let mut decided = submission.decision.iter().flat_map(|decision| decision.plans.iter().enumerate());
    let (index, decided) = decided.find(|(_, plan)| plan.about == person.key)?;
    let place = format!("decision.plans[{index}].replaces");
    Some(LookBack { plan: decided.replaces.clone()?, identifier: person.identifier.clone(), place, declined: None })
}

pub(super) fn person_preview(
    person: &str,
    rules: &RoleRules,
    segmentation: &Segmentation<'_>,
    plan: Option<Vec<u8>>,
    profiles: &Profiles,
    language: &str,
) -> PersonPreview {
    let named = |rule: &crate::segment::rule::Rule| Named {
        system: rule.subject.system.clone(),
        code: rule.subject.code.clone(),
        display: rule.subject.display.text(language).to_owned(),
    };
    let view = |reason: &Reason<'_>| {
        let rule = reason.rule;
        let guidance =
            rule.guidance.as_deref().filter(|_| reason.outcome != Outcome::NotMet).and_then(|canonical| profiles.guidance(canonical));
        RuleView {
            id: rule.id.clone(),
            subject: named(rule),
            outcome: reason.outcome,
            sentence: rule.sentence.text(language).to_owned(),
            expression: rule.expression.clone(),
            inputs: segmentation.inputs(reason).map(read).collect(),
            distance: reason.distance(),
            comparisons: reason.comparisons.clone(),
            undecided: segmentation.undecided(reason, rules).collect(),
            why: reason.why.clone(),
            guidance: guidance.map(|guidance| guidance.text.text(language).to_owned()),
        }
    };
    PersonPreview {
        person: person.to_owned(),
        role: rules.role.clone(),
        proposal: segmentation.proposal.clone(),
        segment: segmentation.proposed.map(named),
        possible: segmentation.possible.iter().map(|rule| named(rule)).collect(),
        segments: segmentation.segments.iter().map(view).collect(),
        alerts: segmentation.alerts.iter().map(view).collect(),
        services: segmentation.services.iter().map(view).collect(),
        others: segmentation.others.iter().map(view).collect(),
        questionnaire: rules.questionnaire.canonical(),
        professional_questionnaire: rules.professional.as_ref().map(|questionnaire| questionnaire.canonical()),
        plan,
        replaces: None,
    }
}

fn read(read: &Read<'_>) -> ReadView {
    ReadView { link_id: read.link_id.to_owned(), professional: read.professional, state: read.state.clone() }
}
