//! The straight line, from a family's form to the patient record. Read this first.
//!
//! [`prepare`] is synchronous and pure: map, validate, segment, decide, plan. [`submit`] is the only step that speaks to
//! anybody. HTTP and the command line differ in how they get the submission and print the receipt, in nothing else.

mod decide;
mod documents;
mod family;
mod held;
mod look_back;
mod places;
mod preview;
mod process_response;
mod propose;
mod replay;
mod write;

use neuvola_fhir::{Limits, Node, read_anyway};

pub use family::{FamilyReadView, FamilyRuleView};
pub use held::{Held, Resourced};
pub use look_back::{LookBack, look_back};
pub use preview::{Named, PersonPreview, Preview, ReadView, RuleView};
pub use process_response::{prepare_response, submit_response};
pub use propose::{Proposal, propose, propose_read};
pub use replay::{Replay, Sent, replay, replay_decision};
pub use write::{PersonReceipt, Plans, Receipt, Written};

use crate::digest::Digest;
use crate::form::submission::{Participation, Party, Submission, read_submission};
use crate::form::validate::ValidatedResponse;
use crate::identity::resource_key;
use crate::issue::{Issue, Issues};
use crate::plan::decision::{Agreed, Decision, PlanDecision};
use crate::plan::{Frame, Ingredients, plan};
use crate::profiles::Profiles;
use crate::record::PatientRecord;
use crate::refusal::Refusal;
use crate::segment::rule::{RoleRules, RuleSet};
use crate::segment::{Segmentation, segment};
use decide::{Matched, decide, match_decisions};
use documents::{Document, Documents, Part, documents};

/// What a submission becomes.
#[derive(Debug)]
pub enum Prepared {
    /// What the rules say, and a draft.
    Preview(Preview),
    /// What will be written.
    Plans(Plans),
}

/// How far the line goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// A decision in the submission is left aside.
    Preview,
    /// A decision is wanted.
    Plans,
}

/// What the line needs besides the submission.
#[derive(Debug, Clone, Copy)]
pub struct Context<'c> {
    pub profiles: &'c Profiles,
    /// Whose submission ids these are.
    pub caller: &'c str,
    pub now: jiff::Timestamp,
}

/// The line up to the record system.
///
/// # Errors
/// Every fault found at the step that found one. A body with structural faults is still looked into for others.
pub fn prepare(body: &[u8], form: &str, until: Until, context: Context<'_>) -> Result<Prepared, Refusal> {
    let (node, faults) = read_anyway(body, Limits::default());
    let faults: Vec<Issue> = faults.into_iter().map(Issue::from).collect();
    match node.as_ref().map(|node| line(node, body, form, until, context)) {
        Some(result) if faults.is_empty() => result,
        Some(Err(Refusal::Invalid(more))) => {
            let further = more.into_iter().filter(|issue| !faults.iter().any(|fault| fault.place == issue.place)).collect();
            Err(Refusal::Unreadable([faults, further].concat()))
        }
        _ => Err(Refusal::Unreadable(faults)),
    }
}

fn line(node: &Node<'_>, body: &[u8], form: &str, until: Until, context: Context<'_>) -> Result<Prepared, Refusal> {
    let (submission, faults) = read_submission(node).map_err(Refusal::Invalid)?;
    let rule_set = in_force(form, submission.authored, context.profiles)?;
    let documents = documents(&submission, faults, rule_set, context.profiles, body)?;
    let nodes = documents.nodes()?;
    let responses = documents.validate(&nodes)?;
    let families = families(&submission, rule_set, &documents, &responses);
    match (&submission.decision, until) {
        (_, Until::Preview) => Ok(Prepared::Preview(preview::preview(&submission, rule_set, &families, context.profiles))),
        (None, Until::Plans) => {
            let issue = Issue::error("required", "no-decision", "decision", "there is no decision to write");
            Err(Refusal::Decision(vec![issue.remedy("preview first, and send the decision that professional and client made")]))
        }
        (Some(decision), Until::Plans) => {
            let mut issues = Issues::default();
            let matched = match_decisions(&submission, &families, decision, &mut issues)?;
            let agreed = decide(&submission, &matched, context.profiles, issues)?;
            plans(&submission, decision, rule_set, &matched, &agreed, context).map(Prepared::Plans)
        }
    }
}

/// Writes the plans, all or nothing, safe to repeat: the same submission gives the same receipt.
///
/// # Errors
/// Patients that cannot be written for, a repeat with other content, what the record system says.
pub async fn submit(plans: &Plans, record: &dyn PatientRecord) -> Result<Receipt, Refusal> {
    let keys = plans.keys(|kind| kind == "care-plan");
    let identifiers: Vec<_> = plans.persons.iter().map(|person| person.identifier.clone()).collect();
    let (written, patients) = futures_util::join!(record.find_written("CarePlan", &keys), record.find_patients(&identifiers));

    let written = written?;
    plans.refuse_other_content(&written)?;
    if written.len() == plans.persons.len()
        && let Some(receipt) = plans.recall(written.clone(), record).await?
    {
        return Ok(receipt);
    }
    let patients = plans.each_patient(patients?)?;
    match plans.write(&patients, &written, record).await {
        // whoever completed the earlier plan meanwhile may have been this very submission, sent twice at once
        Err(refusal @ Refusal::Earlier(_)) => {
            let written = record.find_written("CarePlan", &keys).await?;
            plans.refuse_other_content(&written)?;
            plans.recall(written, record).await?.ok_or(refusal)
        }
        done => done,
    }
}

/// One person's answers and proposal.
#[derive(Debug)]
struct Family<'s, 'd> {
    /// Index into the submission's persons.
    person: usize,
    rules: &'s RoleRules,
    own: &'s ValidatedResponse<'s, 'd>,
    professional: Option<&'s ValidatedResponse<'s, 'd>>,
    own_document: &'s Document,
    professional_document: Option<&'s Document>,
    segmentation: Segmentation<'s>,
}

fn in_force<'p>(form: &str, authored: &str, profiles: &'p Profiles) -> Result<&'p RuleSet, Refusal> {
    profiles.rule_set(form, authored).ok_or_else(|| {
        if !profiles.has_form(form) {
            return unknown_form(profiles);
        }
        Refusal::Invalid(vec![Issue::error(
            "business-rule",
            "form-not-in-force",
            "authored",
            "no rule set of this form was in force on that day",
        )])
    })
}

/// Names the forms that there are.
pub fn unknown_form(profiles: &Profiles) -> Refusal {
    let mut known: Vec<_> = profiles.rule_sets().iter().map(|rule_set| rule_set.form.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    Refusal::UnknownForm(known.join(", "))
}

fn families<'s, 'd>(
    submission: &Submission<'_>,
    rule_set: &'s RuleSet,
    documents: &'s Documents,
    responses: &'s [ValidatedResponse<'s, 'd>],
) -> Vec<Family<'s, 'd>> {
    let find = |person: usize, part: Part| {
        documents.iter().zip(responses).find(|(document, _)| document.person == person && document.part == part)
    };
    let answered = (0..submission.persons.len()).filter_map(|person| {
        let (own_document, own) = find(person, Part::Own)?;
        let professional = find(person, Part::Professional);
        let rules = rule_set.role(submission.persons[person].role)?;
        let segmentation = segment(rules, rule_set, own.answers(), professional.map(|(_, response)| response.answers()));
        let (professional_document, professional) =
            (professional.map(|(document, _)| document), professional.map(|(_, response)| response));
        Some(Family { person, rules, own, professional, own_document, professional_document, segmentation })
    });
    answered.collect()
}

fn plans<'r>(
    submission: &'r Submission<'_>,
    decision: &'r Decision<'_>,
    rule_set: &'r RuleSet,
    matched: &'r [Matched<'r, '_>],
    agreed: &'r [Agreed<'r, 'r>],
    context: Context<'r>,
) -> Result<Plans, Refusal> {
    let (Some(author), Some(organization), Some(custodian)) = (&submission.author, &submission.organization, &submission.custodian) else {
        return Err(Refusal::Bug);
    };
    let recorded = context.now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let (profiles, language) = (context.profiles, submission.language);
    let frame =
        Frame { rule_set, profiles, language, decided: decision.decided, author, organization, service_event: submission.service_event };
    let mut plans = Plans { persons: Vec::new(), places: Vec::new(), decisions: Vec::new() };
    for (Matched { family, decision: own_decision, place, .. }, agreed) in matched.iter().zip(agreed) {
        let person = &submission.persons[family.person];
        let responses = std::iter::once(family.own_document)
            .chain(family.professional_document)
            .map(|document| (document.part.kind(), document.response.clone()));
        let ingredients = Ingredients {
            person: person.key,
            identifier: person.identifier.as_ref().ok_or(Refusal::Bug)?,
            known_by: person.known_by,
            digest: digest(family, own_decision, decision.decided, [author, organization, custodian], submission),
            agreed,
            segmentation: &family.segmentation,
            responses: responses.collect(),
            custodian,
        };
        let key = |kind: &str| resource_key(context.caller, &submission.id, person.key, kind);
        plans.persons.push(plan(ingredients, frame, key, &recorded));
        plans.places.push(format!("persons[{}]", family.person));
        plans.decisions.push(place.clone());
    }
    Ok(plans)
}

/// The person's own part of the submission, and nobody else's: changing an answer about a parent changes no digest of the
/// child's.
fn digest(
    family: &Family<'_, '_>,
    decision: &PlanDecision<'_>,
    decided: &str,
    parties: [&Party<'_>; 3],
    submission: &Submission<'_>,
) -> String {
    let mut digest = Digest::new();
    let person = &submission.persons[family.person];
    digest.part(person.role).part(submission.authored).part(submission.language).part(decided);
    digest.part(person.known_by.unwrap_or_default());
    if let Some(identifier) = &person.identifier {
        digest.part(&identifier.system).part(&identifier.value);
    }
    digest.bytes(family.own_document.content());
    digest.bytes(family.professional_document.map_or(&[], Document::content));
    decision.digest(&mut digest);
    for party in parties {
        digest.part(&party.identifier.system).part(&party.identifier.value).part(party.name.unwrap_or_default());
    }
    digest.part(submission.service_event.unwrap_or_default());
    digest.hex()
}

/// Somebody whose answers are there.
fn is_answered(participation: Participation) -> bool {
    participation == Participation::Answered
}
