//! All persons' resources as one transaction: each a POST conditional on the tag that names it.

use neuvola_fhir::model::Resource;
use neuvola_fhir::model::types::{Coding as FhirCoding, Meta, Reference};

use super::fhir::{literal, plain_coding};
use super::{PersonPlan, Planned, care_plan, urn};
use crate::record::{Coding, DIGEST_SYSTEM, Declined, EarlierPlan, Entry, KEY_SYSTEM, Patient, Transaction};

/// Fills in what only the record knows (the patient's reference and security labels) and tags each resource with its
/// key and its person's digest. `patients` stand in the order of `plans`.
pub fn transaction(plans: &[PersonPlan], patients: &[Patient]) -> Transaction {
    replacing(plans, patients, &vec![None; plans.len()])
}

/// The same, where earlier plans are replaced: each is completed in the same transaction, and what was declined in it is
/// told in the new one. `earlier` stands in the order of `plans`.
pub fn replacing(plans: &[PersonPlan], patients: &[Patient], earlier: &[Option<EarlierPlan>]) -> Transaction {
    let mut transaction = Transaction::default();
    for (person, ((plan, patient), earlier)) in plans.iter().zip(patients).zip(earlier).enumerate() {
        let declined = earlier.as_ref().map_or(&[][..], |earlier| &earlier.declined);
        transaction.entries.extend(plan.resources.iter().map(|planned| entry(person, plan, planned, patient, declined)));
        transaction.updates.extend(earlier.iter().map(|earlier| earlier.update.clone()));
    }
    transaction
}

fn entry(person: usize, plan: &PersonPlan, planned: &Planned, patient: &Patient, declined: &[Declined]) -> Entry {
    let key = Coding { system: KEY_SYSTEM.to_owned(), code: planned.key.to_string() };
    let digest = Coding { system: DIGEST_SYSTEM.to_owned(), code: plan.digest.clone() };
    let mut resource = planned.resource.clone();
    let subject = literal(&patient.reference);
    let (resource_type, meta) = match &mut resource {
        Resource::QuestionnaireResponse(response) => {
            response.subject = Some(Box::new(subject));
            ("QuestionnaireResponse", &mut response.meta)
        }
        Resource::CarePlan(care_plan) => {
            set_goals(&mut care_plan.contained, &subject);
            *care_plan.subject = subject;
            care_plan::declined_before(care_plan, declined);
            ("CarePlan", &mut care_plan.meta)
        }
        Resource::Provenance(provenance) => {
            let of_patient = provenance
                .agent
                .iter_mut()
                .filter(|agent| agent.who.r#type.as_ref().is_some_and(|it| it.value.as_deref() == Some("Patient")));
            of_patient.for_each(|agent| agent.who.reference = subject.reference.clone());
            ("Provenance", &mut provenance.meta)
        }
        _ => unreachable!("a plan is made of responses, plans and provenances"),
    };
    let meta = meta.get_or_insert_with(|| Box::new(Meta::default()));
    // a ready response may carry tags of the record it was read from: ours are given here, and here only
    meta.tag.retain(|tag| {
        let system = tag.system.as_ref().and_then(|system| system.value.as_deref());
        !matches!(system, Some(KEY_SYSTEM | DIGEST_SYSTEM))
    });
    meta.tag.extend([&key, &digest].map(label));
    meta.security.extend(patient.security.iter().map(label));
    Entry { person, resource_type, full_url: urn(planned.key), key, digest, body: neuvola_fhir::print(&resource) }
}

pub(crate) fn set_goals(contained: &mut [Resource], subject: &Reference) {
    for resource in contained {
        if let Resource::Goal(goal) = resource {
            *goal.subject = subject.clone();
        }
    }
}

fn label(coding: &Coding) -> FhirCoding {
    if coding.system.is_empty() {
        return FhirCoding { code: Some(coding.code.as_str().into()), ..FhirCoding::default() };
    }
    plain_coding(&coding.system, &coding.code, None)
}
