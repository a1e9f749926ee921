//! The line once more, over what a record holds: the same responses, the same decision and the versions that they name give the same
//! segmentation and the same plan, ids and instants apart.
//!
//! Nothing is asked of a record and nothing is written. The rule set is the one that the plan names, whichever is in force now.

use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::CarePlan;
use neuvola_fhir::model::types::Reference;
use neuvola_fhir::{Node, read};

use super::Proposal;
use super::held::{Held, Resourced};
use crate::form::questionnaire::Questionnaire;
use crate::form::submission::{Party, Submission};
use crate::form::validate::{ValidatedResponse, examine};
use crate::identity::Identifier;
use crate::issue::{Issue, Issues, Severity};
use crate::plan::care_plan::{care_plan, declined_before};
use crate::plan::decision::{Ground, PlanDecision, agree};
use crate::plan::fhir::{identified, literal};
use crate::plan::transaction::set_goals;
use crate::plan::{Difference, Frame, Likeness, StoredPlan, likeness};
use crate::profiles::Profiles;
use crate::refusal::Refusal;
use crate::segment::rule::{RoleRules, RuleSet};
use crate::segment::{Segmentation, segment, services_of};

/// A decided submission, where the decision is not taken from the plan.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'s> {
    pub submission: &'s Submission<'s>,
    /// The `key` of the person who is meant.
    pub about: Option<&'s str>,
}

/// A plan made again.
#[derive(Debug)]
pub struct Replay<'p> {
    pub proposal: Proposal<'p>,
    pub language: String,
    /// The CarePlan, as JSON; none where the decision does not fit what is proposed now.
    pub care_plan: Option<Vec<u8>>,
    /// `None`: there was no plan to compare with.
    pub likeness: Option<Likeness>,
}

/// Makes `plan` again from its responses and its own word, or from the decision that was `sent`, and compares.
///
/// # Errors
/// A plan that is none of ours, versions that are not known, responses that are not among those given or not valid, a decision that
/// does not fit what the rules propose.
pub fn replay<'p>(plan: Resourced<'_>, held: &Held<'_>, sent: Option<Sent<'_>>, profiles: &'p Profiles) -> Result<Replay<'p>, Refusal> {
    let stored = StoredPlan::read(plan.node).map_err(Refusal::Invalid)?;
    let rule_set = pinned(stored.rule_set, "CarePlan.instantiatesCanonical", profiles)?;
    let person = Person::of(held.responses_of(&stored.responses)?, rule_set)?;
    if person.responses().any(|response| response.is_of_another(&plan)) {
        let issue =
            Issue::error("business-rule", "other-subject", "CarePlan.subject", "the plan is about another patient than its responses");
        return Err(Refusal::Invalid(vec![issue]));
    }
    let nobody = nobody();
    let own_word = Frame {
        rule_set,
        profiles,
        language: stored.language,
        decided: stored.decided,
        author: &stored.author,
        organization: stored.organization.as_ref().unwrap_or(&nobody),
        service_event: stored.service_event,
    };
    let frame = match sent {
        None => own_word,
        Some(sent) => sent.frame(rule_set, profiles)?,
    };
    let decide = |segmentation: &Segmentation<'_>| match sent {
        None => Ok(&stored.decision),
        Some(sent) => sent.plan(&person, segmentation),
    };
    let (proposal, again) = person.again(decide, frame, &stored.responses)?;
    let language = frame.language.to_owned();
    let Some(mut again) = again else {
        let as_json = |text: &str| serde_json::Value::from(text).to_string();
        let (was, is) = (as_json(stored.decision.proposal), as_json(&proposal.segmentation.proposal));
        let likeness =
            Likeness { differences: vec![Difference { path: PROPOSAL.to_owned(), stored: Some(was), again: is }], since: Vec::new() };
        return Ok(Replay { proposal, language, care_plan: None, likeness: Some(likeness) });
    };
    declined_before(&mut again, &stored.declined_before);
    let printed = neuvola_fhir::print(&Resource::CarePlan(Box::new(again)));
    let node = read(&printed).map_err(|_| Refusal::Bug)?;
    let likeness = likeness((plan.node, plan.document), (&node, &printed));
    Ok(Replay { proposal, language, care_plan: Some(printed), likeness: Some(likeness) })
}

/// Makes the plan of each person whose responses are `held`, from the decision that was sent and a rule set named with its version.
/// There is nothing to compare with.
///
/// Each person by the references of the responses.
pub fn replay_decision<'p>(
    held: &Held<'_>,
    sent: Sent<'_>,
    rule_set: &str,
    profiles: &'p Profiles,
) -> Vec<(String, Result<Replay<'p>, Refusal>)> {
    let one = |responses: Vec<Resourced<'_>>| {
        let rule_set = pinned(rule_set, "", profiles)?;
        let person = Person::of(responses, rule_set)?;
        let frame = sent.frame(rule_set, profiles)?;
        let references: Vec<String> = person.responses().map(Resourced::reference).collect();
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let (proposal, again) = person.again(|segmentation| sent.plan(&person, segmentation), frame, &references)?;
        let care_plan = again.map(|again| neuvola_fhir::print(&Resource::CarePlan(Box::new(again))));
        Ok(Replay { proposal, language: frame.language.to_owned(), care_plan, likeness: None })
    };
    let named = |responses: Vec<Resourced<'_>>| {
        let references: Vec<String> = responses.iter().map(Resourced::reference).collect();
        (references.join(" "), one(responses))
    };
    held.by_subject().into_iter().map(named).collect()
}

/// Exactly that version.
fn pinned<'p>(canonical: &str, place: &str, profiles: &'p Profiles) -> Result<&'p RuleSet, Refusal> {
    profiles.rule_sets().iter().find(|rule_set| rule_set.canonical() == canonical).ok_or_else(|| {
        let known: Vec<String> = profiles.rule_sets().iter().map(RuleSet::canonical).collect();
        let issue = Issue::error("not-found", "unknown-plan", place, "the rule set is not known in the version that is named");
        Refusal::Invalid(vec![issue.remedy(format!("give it with `--profiles`; known: {}", known.join(", ")))])
    })
}

/// Somebody's responses, and the rules that are about them.
struct Person<'d, 'p> {
    rule_set: &'p RuleSet,
    rules: &'p RoleRules,
    own: Resourced<'d>,
    professional: Option<Resourced<'d>>,
}

impl<'d, 'p> Person<'d, 'p> {
    /// # Errors
    /// None answers a Questionnaire of the rule set, or several do.
    fn of(responses: Vec<Resourced<'d>>, rule_set: &'p RuleSet) -> Result<Self, Refusal> {
        let answering = |canonical: &str| {
            let mut those = responses.iter().filter(|it| it.node.text("questionnaire") == Some(canonical));
            (those.next().copied(), those.next().is_some())
        };
        for rules in &rule_set.roles {
            let (Some(own), several) = answering(&rules.questionnaire.canonical()) else { continue };
            let section = rules.professional.as_ref().map(|questionnaire| answering(&questionnaire.canonical()));
            let (professional, several_sections) = section.unwrap_or_default();
            if several || several_sections {
                let issue = Issue::error("multiple-matches", "several-responses", "", "several responses answer the same Questionnaire");
                return Err(Refusal::Invalid(vec![issue.remedy("give those of one submission")]));
            }
            if professional.is_some_and(|professional| professional.is_of_another(&own)) {
                let message = "the professional's response is about another patient than the person's own";
                let issue = Issue::error("business-rule", "other-subject", own.place(), message);
                return Err(Refusal::Invalid(vec![issue.remedy("give those of one person")]));
            }
            return Ok(Self { rule_set, rules, own, professional });
        }
        let wanted: Vec<String> = rule_set.roles.iter().map(|rules| rules.questionnaire.canonical()).collect();
        let issue = Issue::error("not-found", "other-questionnaire", "", "no response answers a Questionnaire of the rule set");
        Err(Refusal::Invalid(vec![issue.remedy(format!("wanted, with that version: {}", wanted.join(", ")))]))
    }

    fn responses(&self) -> impl Iterator<Item = &Resourced<'d>> {
        std::iter::once(&self.own).chain(&self.professional)
    }

    /// Validate, segment, decide, plan. Without a plan, the decision answers another proposal, and does not fit this one.
    fn again<'w>(
        &self,
        decide: impl FnOnce(&Segmentation<'_>) -> Result<&'w PlanDecision<'w>, Refusal>,
        frame: Frame<'w>,
        responses: &[&str],
    ) -> Result<(Proposal<'p>, Option<CarePlan>), Refusal>
    where
        'p: 'w,
    {
        let Self { rule_set, rules, .. } = *self;
        let own = valid(&self.own, &rules.questionnaire)?;
        let professional = match (&self.professional, &rules.professional) {
            (Some(response), Some(questionnaire)) => Some(valid(response, questionnaire)?),
            _ => None,
        };
        let section = professional.as_ref().map(ValidatedResponse::answers);
        let segmentation = segment(rules, rule_set, own.answers(), section);
        let decision = decide(&segmentation)?;
        let offered = services_of(rules, decision.segment, own.answers(), section);
        let mut issues = Issues::default();
        let ground = Ground { rules, segmentation: &segmentation, offered: &offered, profiles: frame.profiles };
        let agreed = agree(decision, ground, "decision", &mut issues);
        let said = |segmentation| Proposal { questionnaire: &rules.questionnaire, rule_set, rules, segmentation, warnings: Vec::new() };
        let Some(agreed) = agreed.filter(|_| !issues.has_errors()) else {
            // of another proposal nobody decided
            if decision.proposal != segmentation.proposal && segmentation.proposed.is_some() {
                return Ok((said(segmentation), None));
            }
            return Err(if issues.is_empty() { no_section() } else { Refusal::Decision(issues.into_list()) });
        };
        let responses: Vec<String> = responses.iter().map(|&reference| reference.to_owned()).collect();
        let mut again = care_plan(&agreed, &segmentation, frame, "", &responses);
        again.identifier.clear();
        let subject = subject(self.own.node);
        set_goals(&mut again.contained, &subject);
        *again.subject = subject;
        Ok((said(segmentation), Some(again)))
    }
}

impl<'s> Sent<'s> {
    fn frame<'f>(self, rule_set: &'f RuleSet, profiles: &'f Profiles) -> Result<Frame<'f>, Refusal>
    where
        's: 'f,
    {
        let Submission { language, decision: Some(decision), author: Some(author), organization: Some(organization), .. } = self.submission
        else {
            let issue = Issue::error("required", "no-decision", "decision", "there is no decision, or nobody who made it");
            return Err(Refusal::Decision(vec![
                issue.remedy("give the submission as it was sent, with `decision`, `author` and `organization`"),
            ]));
        };
        let (decided, service_event) = (decision.decided, self.submission.service_event);
        Ok(Frame { rule_set, profiles, language, decided, author, organization, service_event })
    }

    /// What was decided about the person: of those with the person's role the one that answers this very proposal.
    fn plan(self, person: &Person<'_, '_>, segmentation: &Segmentation<'_>) -> Result<&'s PlanDecision<'s>, Refusal> {
        let of_role = |plan: &&PlanDecision<'_>| {
            let mut persons = self.submission.persons.iter();
            persons.any(|it| it.key == plan.about && it.role == person.rules.role) && self.about.is_none_or(|about| about == plan.about)
        };
        let meant: Vec<&PlanDecision<'_>> = self.submission.decision.iter().flat_map(|decision| &decision.plans).filter(of_role).collect();
        let answering: Vec<_> = meant.iter().copied().filter(|plan| plan.proposal == segmentation.proposal).collect();
        match (answering.as_slice(), meant.len()) {
            ([one], _) => Ok(one),
            ([], 0) => {
                let issue = Issue::error("not-found", "missing-decision", "decision.plans", "there is no decision about this person");
                Err(Refusal::Decision(vec![issue]))
            }
            ([], _) => {
                let message = "the decision answers another proposal than the responses and rules give";
                let issue = Issue::error("conflict", "other-proposal", "decision.plans", message);
                Err(Refusal::ProposalChanged(vec![issue.remedy(format!("the proposal is {}", segmentation.proposal))]))
            }
            _ => {
                let message = "the decision has several plans that could be this person's";
                let issue = Issue::error("multiple-matches", "several-decisions", "decision.plans", message);
                Err(Refusal::Decision(vec![issue.remedy("say whose responses these are: `--about`")]))
            }
        }
    }
}

/// Whole: that is what was decided on.
fn valid<'q, 'd>(response: &Resourced<'d>, questionnaire: &'q Questionnaire) -> Result<ValidatedResponse<'q, 'd>, Refusal> {
    if response.node.text("status") == Some("entered-in-error") {
        let issue = Issue::error("business-rule", "entered-in-error", response.place(), "the response was entered in error");
        return Err(Refusal::Invalid(vec![issue]));
    }
    if !matches!(response.node.text("status"), Some("completed" | "amended")) {
        let place = format!("{}.status", response.place());
        let issue = Issue::error("business-rule", "not-completed", place, "a decision is made on a completed response");
        return Err(Refusal::Invalid(vec![issue]));
    }
    let (proof, issues) = examine(response.node, questionnaire);
    proof.ok_or_else(|| {
        let told = issues.into_iter().filter(|issue| issue.severity == Severity::Error).map(|issue| {
            let place = issue.place.replacen("QuestionnaireResponse", &response.place(), 1);
            Issue { place, ..issue }
        });
        Refusal::Invalid(told.collect())
    })
}

/// Where a plan names the proposal that was decided on.
const PROPOSAL: &str = "CarePlan.extension.where(url.endsWith('/segmentation')).extension.where(url = 'proposal').value";

fn no_section() -> Refusal {
    let issue = Issue::error("business-rule", "missing-section", "", "the professional's response is not among those given");
    Refusal::Invalid(vec![issue.remedy("a decision is made after the professional's section is filled in: give that response too")])
}

fn subject(response: &Node<'_>) -> Reference {
    let Some(subject) = response.member("subject") else { return Reference::default() };
    let mut told = subject.text("reference").map(literal).unwrap_or_default();
    let identifier = subject.member("identifier").and_then(|it| Some((it.text("system")?, it.text("value")?)));
    told.identifier =
        identifier.map(|(system, value)| Box::new(identified(&Identifier { system: system.to_owned(), value: value.to_owned() })));
    told
}

fn nobody() -> Party<'static> {
    Party { identifier: Identifier { system: String::new(), value: String::new() }, name: None }
}
