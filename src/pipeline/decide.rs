//! Each person's decision beside the proposal that it answers.

use super::Family;
use crate::form::submission::Submission;
use crate::form::validate::ValidatedResponse;
use crate::issue::{Issue, Issues};
use crate::plan::day;
use crate::plan::decision::{Agreed, Decision, Ground, PlanDecision, agree};
use crate::profiles::Profiles;
use crate::refusal::Refusal;
use crate::segment::{Reason, services_of};

/// A person who answered, and what was decided about them.
#[derive(Debug)]
pub(super) struct Matched<'m, 'd> {
    pub(super) family: &'m Family<'m, 'd>,
    pub(super) decision: &'m PlanDecision<'m>,
    /// The services that the rules offer with the agreed segment.
    offered: Vec<Reason<'m>>,
    /// Where the decision stands in what was sent.
    pub(super) place: String,
}

/// Finds each person's decision; one that answers another proposal is told first and alone.
///
/// Missing, doubled and foreign decisions go into `issues`.
///
/// # Errors
/// Proposals that the rules no longer make.
pub(super) fn match_decisions<'m, 'd>(
    submission: &Submission<'_>,
    families: &'m [Family<'m, 'd>],
    decision: &'m Decision<'m>,
    issues: &mut Issues,
) -> Result<Vec<Matched<'m, 'd>>, Refusal> {
    let mut changed = Vec::new();
    let mut matched = Vec::new();
    let plans = &decision.plans;
    for (index, plan) in plans.iter().enumerate() {
        let place = format!("decision.plans[{index}].about");
        if !families.iter().any(|family| submission.persons[family.person].key == plan.about) {
            issues.push(Issue::error("business-rule", "unknown-person", &place, "nobody who answered has that `key`"));
        }
        if plans[..index].iter().any(|other| other.about == plan.about) {
            issues.push(Issue::error("business-rule", "same-person", &place, "two plans are about the same person"));
        }
    }
    for (index, plan) in plans.iter().enumerate() {
        let earlier = |plan: &PlanDecision<'_>| plan.replaces.as_ref().map(|earlier| earlier.id.clone());
        if earlier(plan).is_some() && plans[..index].iter().any(|other| earlier(other) == earlier(plan)) {
            let place = format!("decision.plans[{index}].replaces");
            issues.push(Issue::error("business-rule", "same-earlier-plan", place, "two plans replace the same earlier one"));
        }
    }
    let instant = |text: &str| text.parse::<jiff::Timestamp>().ok();
    if instant(decision.decided).zip(instant(submission.authored)).is_some_and(|(decided, authored)| decided < authored) {
        issues.push(Issue::error(
            "business-rule",
            "decided-before-authored",
            "decision.decided",
            "it was decided before the form was filled in",
        ));
    }
    let past = |plan: &PlanDecision<'_>| plan.delayed_until.is_some_and(|until| until < day(decision.decided));
    for (index, _) in plans.iter().enumerate().filter(|(_, plan)| past(plan)) {
        let place = format!("decision.plans[{index}].delayedUntil");
        issues.push(Issue::error("business-rule", "delay-in-the-past", place, "the delayed display ends before the decision"));
    }
    for family in families {
        let key = submission.persons[family.person].key;
        let Some(index) = plans.iter().position(|plan| plan.about == key) else {
            issues.push(Issue::error(
                "business-rule",
                "missing-decision",
                "decision.plans",
                format!("there is no decision about persons[{}], who answered", family.person),
            ));
            continue;
        };
        if family.rules.professional.is_some() && family.professional.is_none() {
            let issue = Issue::error(
                "business-rule",
                "missing-section",
                "professional",
                format!("the professional's section about persons[{}] is missing", family.person),
            );
            issues.push(issue.remedy("a decision is made after the professional's section is filled in"));
            continue;
        }
        let (plan, place) = (&plans[index], format!("decision.plans[{index}]"));
        if plan.proposal != family.segmentation.proposal {
            let message = format!("the decision about persons[{}] answers another proposal than the rules now make", family.person);
            let remedy = format!("preview again; the proposal is now {}", family.segmentation.proposal);
            changed.push(Issue::error("conflict", "other-proposal", format!("{place}.proposal"), message).remedy(remedy));
        }
        let offered = services_of(family.rules, plan.segment, family.own.answers(), family.professional.map(ValidatedResponse::answers));
        matched.push(Matched { family, decision: plan, offered, place });
    }
    if !changed.is_empty() {
        return Err(Refusal::ProposalChanged(changed));
    }
    Ok(matched)
}

/// Fits every decision to its proposal.
///
/// # Errors
/// Everything that does not fit, of all persons, who is missing to sign for it, and what was in `issues` before.
pub(super) fn decide<'m>(
    submission: &Submission<'_>,
    matched: &'m [Matched<'m, '_>],
    profiles: &'m Profiles,
    mut issues: Issues,
) -> Result<Vec<Agreed<'m, 'm>>, Refusal> {
    for (name, party) in [("author", &submission.author), ("organization", &submission.organization), ("custodian", &submission.custodian)]
    {
        if party.is_none() {
            issues.push(Issue::error("required", "missing-member", name, format!("a decision needs `{name}`")));
        }
    }
    let agreed: Vec<_> = matched
        .iter()
        .filter_map(|matched| {
            let ground =
                Ground { rules: matched.family.rules, segmentation: &matched.family.segmentation, offered: &matched.offered, profiles };
            agree(matched.decision, ground, &matched.place, &mut issues)
        })
        .collect();
    if issues.has_errors() { Err(Refusal::Decision(issues.into_list())) } else { Ok(agreed) }
}
