//! What was declined in the plan that a decision replaces, for a preview: the one thing in it that the record knows.

use super::Preview;
use crate::identity::Identifier;
use crate::issue::Issue;
use crate::record::{Declined, PatientRecord, PlanReference, Sought};
use crate::refusal::{Refusal, earlier};

/// The earlier plan that a decision about somebody names.
#[derive(Debug)]
pub struct LookBack {
    pub plan: PlanReference,
    pub identifier: Option<Identifier>,
    /// Where the decision names it.
    pub place: String,
    /// What was declined in it, or why that is not known; `None` until it is looked up.
    pub declined: Option<Result<Vec<Declined>, Issue>>,
}

/// Looks up every earlier plan that is named. A preview is given whatever comes of it: alerts do not wait for the record.
pub async fn look_back(preview: &mut Preview, record: &dyn PatientRecord) {
    for person in &mut preview.persons {
        if let Some(back) = &mut person.replaces {
            back.declined = Some(declined(back, record).await);
        }
    }
}

async fn declined(back: &LookBack, record: &dyn PatientRecord) -> Result<Vec<Declined>, Issue> {
    let first =
        |refusal: Refusal| refusal.issues().into_iter().next().unwrap_or_else(|| Issue::error("exception", "internal", "", "unknown"));
    let identifier = back.identifier.as_ref().ok_or_else(|| first(Refusal::Bug))?;
    let mut found = record.find_patients(std::slice::from_ref(identifier)).await.map_err(|error| first(error.into()))?;
    let patient = match found.pop() {
        Some(Ok(patient)) => patient,
        Some(Err(fault)) => return Err(first(Refusal::Patients(vec![(back.place.clone(), fault)]))),
        None => return Err(first(Refusal::Bug)),
    };
    let sought = Sought { plan: back.plan.clone(), patient: patient.reference, identifier: identifier.clone() };
    let plan = record.find_plan(&sought).await.map_err(|error| first(error.into()))?;
    plan.map(|plan| plan.declined).map_err(|fault| earlier(&back.place, fault))
}
