//! The straight line, from a family's form to the patient record. Read this first.
//!
//! [`prepare`] is synchronous and pure: map, validate, segment, decide, plan. [`submit`] is the only step that speaks to
//! anybody. HTTP and the command line differ in how they get the submission and print the receipt, in nothing else.

mod documents;
mod places;
mod preview;

use neuvola_fhir::read_with;
use uuid::Uuid;

pub use preview::{Named, PersonPreview, Preview, RuleView};

use crate::digest::Digest;
use crate::form::submission::{Participation, Party, Submission, read_submission};
use crate::form::validate::ValidatedResponse;
use crate::identity::resource_key;
use crate::issue::{Issue, Issues};
use crate::plan::decision::{Agreed, Ground, PlanDecision, agree};
use crate::plan::transaction::transaction;
use crate::plan::{Frame, Ingredients, PersonPlan, plan};
use crate::profiles::Profiles;
use crate::record::{Coding, KEY_SYSTEM, PatientRecord, Stored};
use crate::refusal::Refusal;
use crate::segment::rule::{RoleRules, RuleSet};
use crate::segment::{Segmentation, segment, services_of};
use documents::{Document, Documents, Part, documents};

/// What a submission becomes.
#[derive(Debug)]
pub enum Prepared {
    /// Without a decision: what the rules say, and a draft.
    Preview(Preview),
    /// With one: what will be written.
    Plans(Plans),
}

/// Everything to be written for one submission.
#[derive(Debug)]
pub struct Plans {
    pub persons: Vec<PersonPlan>,
    /// Where each person stands in what was sent, for faults found later.
    pub places: Vec<String>,
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
/// Every fault found at the step that found one.
pub fn prepare(body: &[u8], form: &str, until: Until, context: Context<'_>) -> Result<Prepared, Refusal> {
    let node = read_with(body, neuvola_fhir::Limits::default())
        .map_err(|faults| Refusal::Unreadable(faults.into_iter().map(Issue::from).collect()))?;
    let (submission, faults) = read_submission(&node).map_err(Refusal::Invalid)?;
    let rule_set = in_force(form, submission.authored, context.profiles)?;
    let documents = documents(&submission, faults, rule_set, context.profiles, body)?;
    let nodes = documents.nodes()?;
    let responses = documents.validate(&nodes)?;
    let families: Vec<Family<'_, '_>> = families(&submission, rule_set, &documents, &responses);
    match (&submission.decision, until) {
        (_, Until::Preview) => Ok(Prepared::Preview(preview::preview(&submission, rule_set, &families, context.profiles))),
        (None, Until::Plans) => {
            let issue = Issue::error("required", "missing-member", "decision", "there is no decision to write");
            Err(Refusal::Decision(vec![issue.remedy("preview first, and send the decision that professional and client made")]))
        }
        (Some(decision), Until::Plans) => {
            let agreed = decide(&submission, decision.decided, &decision.plans, &families, context.profiles)?;
            plans(&submission, decision.decided, rule_set, &families, &agreed, context).map(Prepared::Plans)
        }
    }
}

/// Writes the plans, all or nothing, safe to repeat: the same submission gives the same receipt.
///
/// # Errors
/// Patients that cannot be written for, a repeat with other content, what the record system says.
pub async fn submit(plans: &Plans, record: &dyn PatientRecord) -> Result<Receipt, Refusal> {
    let keys: Vec<Coding> = plans
        .persons
        .iter()
        .flat_map(|person| person.resources.iter().filter(|planned| planned.kind == "care-plan"))
        .map(|planned| key_tag(planned.key))
        .collect();
    let identifiers: Vec<_> = plans.persons.iter().map(|person| person.identifier.clone()).collect();
    let (written, patients) = futures_util::join!(record.find_written("CarePlan", &keys), record.find_patients(&identifiers));

    let written = written?;
    plans.refuse_other_content(&written)?;
    if written.len() == plans.persons.len()
        && let Some(receipt) = plans.recall(written, record).await?
    {
        return Ok(receipt);
    }
    let patients = plans.each_patient(patients?)?;
    let stored = record.submit(&transaction(&plans.persons, &patients)).await?;
    if let Err(refusal) = plans.refuse_other_content(&stored) {
        // somebody else's content won a race under our keys: what this call added beside it goes away
        record.annul(&stored).await?;
        return Err(refusal);
    }
    Ok(plans.receipt(&stored))
}

/// One person's answers, proposal and place.
#[derive(Debug)]
pub struct Family<'s, 'd> {
    /// Index into the submission's persons.
    pub person: usize,
    pub rules: &'s RoleRules,
    pub own: &'s ValidatedResponse<'s, 'd>,
    pub professional: Option<&'s ValidatedResponse<'s, 'd>>,
    pub own_document: &'s Document,
    pub professional_document: Option<&'s Document>,
    pub segmentation: Segmentation<'s>,
}

fn in_force<'p>(form: &str, authored: &str, profiles: &'p Profiles) -> Result<&'p RuleSet, Refusal> {
    profiles.rule_set(form, authored).ok_or_else(|| {
        let mut known: Vec<_> = profiles.rule_sets().iter().map(|rule_set| rule_set.form.as_str()).collect();
        known.sort_unstable();
        known.dedup();
        Refusal::UnknownForm(known.join(", "))
    })
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

/// One agreement a person, in the order of `families`.
struct Decided<'r, 'd> {
    decision: &'r PlanDecision<'d>,
    offered: Vec<crate::segment::Reason<'r>>,
    place: String,
}

fn decide<'r, 'd>(
    submission: &Submission<'_>,
    _decided: &str,
    plans: &'r [PlanDecision<'d>],
    families: &'r [Family<'r, '_>],
    profiles: &'r Profiles,
) -> Result<Vec<Decided<'r, 'd>>, Refusal> {
    let mut issues = Issues::default();
    let mut changed = Vec::new();
    for (index, decision) in plans.iter().enumerate() {
        let known = families.iter().any(|family| submission.persons[family.person].key == decision.about);
        if !known {
            issues.push(Issue::error(
                "business-rule",
                "unknown-person",
                format!("decision.plans[{index}].about"),
                "nobody who answered has that `key`",
            ));
        }
        if plans[..index].iter().any(|other| other.about == decision.about) {
            issues.push(Issue::error(
                "business-rule",
                "same-person",
                format!("decision.plans[{index}].about"),
                "two plans are about the same person",
            ));
        }
    }
    let mut decided = Vec::new();
    for family in families {
        let person = &submission.persons[family.person];
        let Some(index) = plans.iter().position(|decision| decision.about == person.key) else {
            let message = format!("`{}` answered, but there is no decision about them", person.key);
            issues.push(Issue::error("business-rule", "missing-decision", "decision.plans", message));
            continue;
        };
        if family.rules.professional.is_some() && family.professional.is_none() {
            let message = format!("the professional's section about `{}` is missing", person.key);
            issues.push(
                Issue::error("business-rule", "missing-section", "professional", message)
                    .remedy("a decision is made after the professional's section is filled in"),
            );
            continue;
        }
        let place = format!("decision.plans[{index}]");
        if plans[index].proposal != family.segmentation.proposal {
            let message = format!("the decision about `{}` answers another proposal than the rules now make", person.key);
            changed.push(
                Issue::error("conflict", "other-proposal", format!("{place}.proposal"), message)
                    .remedy(format!("preview again; the proposal is now {}", family.segmentation.proposal)),
            );
        }
        let offered =
            services_of(family.rules, plans[index].segment, family.own.answers(), family.professional.map(ValidatedResponse::answers));
        decided.push(Decided { decision: &plans[index], offered, place });
    }
    if !changed.is_empty() {
        return Err(Refusal::ProposalChanged(changed));
    }
    for name in ["author", "organization", "custodian"] {
        let missing = match name {
            "author" => submission.author.is_none(),
            "organization" => submission.organization.is_none(),
            _ => submission.custodian.is_none(),
        };
        if missing {
            issues.push(Issue::error("required", "missing-member", name, format!("a decision needs `{name}`")));
        }
    }
    for (family, decided) in families.iter().zip(&decided) {
        let ground = Ground {
            rules: family.rules,
            segmentation: &family.segmentation,
            offered: &decided.offered,
            profiles,
            language: submission.language,
        };
        let _ = agree(decided.decision, ground, &decided.place, &mut issues);
    }
    if issues.has_errors() { Err(Refusal::Decision(issues.into_list())) } else { Ok(decided) }
}

fn plans<'r>(
    submission: &'r Submission<'_>,
    decided_at: &'r str,
    rule_set: &'r RuleSet,
    families: &'r [Family<'r, '_>],
    decided: &'r [Decided<'r, 'r>],
    context: Context<'r>,
) -> Result<Plans, Refusal> {
    let (Some(author), Some(organization), Some(custodian)) = (&submission.author, &submission.organization, &submission.custodian) else {
        return Err(Refusal::Bug);
    };
    let recorded = context.now.to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
    let frame = Frame {
        rule_set,
        profiles: context.profiles,
        language: submission.language,
        decided: decided_at,
        author,
        organization,
        service_event: submission.service_event,
    };
    let mut persons = Vec::new();
    for (family, decided) in families.iter().zip(decided) {
        let person = &submission.persons[family.person];
        let ground = Ground {
            rules: family.rules,
            segmentation: &family.segmentation,
            offered: &decided.offered,
            profiles: context.profiles,
            language: submission.language,
        };
        let agreed: Agreed<'_, '_> = agree(decided.decision, ground, &decided.place, &mut Issues::default()).ok_or(Refusal::Bug)?;
        let responses = std::iter::once(family.own_document)
            .chain(family.professional_document)
            .map(|document| (document.part.kind(), document.response.clone()))
            .collect();
        let identifier = person.identifier.as_ref().ok_or(Refusal::Bug)?;
        let digest = digest(family, decided.decision, decided_at, [author, organization, custodian], submission);
        let ingredients = Ingredients {
            person: person.key,
            identifier,
            digest,
            agreed: &agreed,
            segmentation: &family.segmentation,
            responses,
            custodian,
        };
        let key = |kind: &str| resource_key(context.caller, &submission.id, person.key, kind);
        persons.push(plan(ingredients, frame, key, &recorded));
    }
    let places = families.iter().map(|family| format!("persons[{}]", family.person)).collect();
    Ok(Plans { persons, places })
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
    if let Some(identifier) = &person.identifier {
        digest.part(&identifier.system).part(&identifier.value);
    }
    digest.bytes(&family.own_document.bytes);
    digest.bytes(family.professional_document.map_or(&[], |document| &document.bytes));
    digest.part(&format!("{decision:?}"));
    for party in parties {
        digest.part(&party.identifier.system).part(&party.identifier.value).part(party.name.unwrap_or_default());
    }
    digest.part(submission.service_event.unwrap_or_default());
    digest.hex()
}

impl Plans {
    fn refuse_other_content(&self, stored: &[Stored]) -> Result<(), Refusal> {
        let (mut other, mut changed) = (Vec::new(), Vec::new());
        for (person, place) in self.persons.iter().zip(&self.places) {
            let own = |stored: &&Stored| person.resources.iter().any(|planned| planned.key.to_string() == stored.key);
            for stored in stored.iter().filter(own) {
                if stored.digest.as_ref() != Some(&person.digest) {
                    other.push(place.clone());
                } else if stored.status.as_deref() == Some("entered-in-error") {
                    changed.push(place.clone());
                }
            }
        }
        other.dedup();
        changed.dedup();
        if !other.is_empty() {
            return Err(Refusal::Duplicate(other));
        }
        if changed.is_empty() { Ok(()) } else { Err(Refusal::Corrected(changed)) }
    }

    /// The receipt of an earlier call, if all of it is there.
    async fn recall(&self, plans: Vec<Stored>, record: &dyn PatientRecord) -> Result<Option<Receipt>, Refusal> {
        let keys_of = |wanted: fn(&str) -> bool| {
            self.persons
                .iter()
                .flat_map(|person| &person.resources)
                .filter(|planned| wanted(planned.kind))
                .map(|planned| key_tag(planned.key))
                .collect::<Vec<_>>()
        };
        let responses = keys_of(|kind| kind.starts_with("questionnaire-response"));
        let provenances = keys_of(|kind| kind.starts_with("provenance"));
        let (responses, provenances) =
            futures_util::join!(record.find_written("QuestionnaireResponse", &responses), record.find_written("Provenance", &provenances));
        let all: Vec<Stored> = plans.into_iter().chain(responses?).chain(provenances?).collect();
        self.refuse_other_content(&all)?;
        let wanted: usize = self.persons.iter().map(|person| person.resources.len()).sum();
        Ok((all.len() == wanted).then(|| Receipt { created: false, ..self.receipt(&all) }))
    }

    fn each_patient(
        &self,
        found: Vec<Result<crate::record::Patient, crate::record::PatientFault>>,
    ) -> Result<Vec<crate::record::Patient>, Refusal> {
        let mut faults = Vec::new();
        let mut patients = Vec::new();
        for (found, place) in found.into_iter().zip(&self.places) {
            match found {
                Ok(patient) => patients.push(patient),
                Err(fault) => faults.push((format!("{place}.identifier"), fault)),
            }
        }
        if faults.is_empty() { Ok(patients) } else { Err(Refusal::Patients(faults)) }
    }

    fn receipt(&self, stored: &[Stored]) -> Receipt {
        let persons = self.persons.iter().map(|person| {
            let written = person.resources.iter().filter_map(|planned| {
                let stored = stored.iter().find(|stored| stored.key == planned.key.to_string())?;
                Some(Written {
                    kind: planned.kind,
                    reference: format!("{}/{}", stored.resource_type, stored.id),
                    identifier: format!("urn:uuid:{}", planned.key),
                })
            });
            PersonReceipt { person: person.person.clone(), segment: person.agreed_segment.clone(), written: written.collect() }
        });
        Receipt { created: stored.iter().any(|stored| stored.created), persons: persons.collect() }
    }
}

/// What was written where. A repeat gives the same receipt, save `created`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Whether this very call wrote something.
    pub created: bool,
    pub persons: Vec<PersonReceipt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonReceipt {
    pub person: String,
    pub segment: Option<String>,
    pub written: Vec<Written>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub kind: &'static str,
    /// Relative: `CarePlan/12`.
    pub reference: String,
    /// The identifier that we gave it.
    pub identifier: String,
}

fn key_tag(key: Uuid) -> Coding {
    Coding { system: KEY_SYSTEM.to_owned(), code: key.to_string() }
}

/// Persons of a role that must answer.
fn is_answered(participation: Participation) -> bool {
    participation == Participation::Answered
}
