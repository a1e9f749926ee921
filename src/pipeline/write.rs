//! What is written, and the receipt.

use futures_util::future::try_join_all;
use uuid::Uuid;

use crate::plan::PersonPlan;
use crate::plan::transaction::replacing;
use crate::record::{
    Coding, EarlierPlan, KEY_SYSTEM, Patient, PatientFault, PatientRecord, PlanFault, PlanReference, RecordError, Sought, Stored,
};
use crate::refusal::Refusal;

/// Everything to be written for one submission.
#[derive(Debug)]
pub struct Plans {
    pub persons: Vec<PersonPlan>,
    /// Where each person stands in what was sent, for faults found later.
    pub places: Vec<String>,
    /// And where the decision about each.
    pub decisions: Vec<String>,
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
    /// The earlier plan that was completed, relative: `CarePlan/7`.
    pub replaced: Option<String>,
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

impl Plans {
    /// The tags that name the resources whose kind is `wanted`.
    pub fn keys(&self, wanted: impl Fn(&str) -> bool) -> Vec<Coding> {
        let all = self.persons.iter().flat_map(|person| &person.resources);
        all.filter(|planned| wanted(planned.kind)).map(|planned| key_tag(planned.key)).collect()
    }

    /// # Errors
    /// What stands in the record under our keys has other content, or was annulled.
    pub fn refuse_other_content(&self, stored: &[Stored]) -> Result<(), Refusal> {
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
    ///
    /// # Errors
    /// What the record says; other content.
    pub async fn recall(&self, plans: Vec<Stored>, record: &dyn PatientRecord) -> Result<Option<Receipt>, Refusal> {
        let (responses, provenances) =
            (self.keys(|kind| kind.starts_with("questionnaire-response")), self.keys(|kind| kind.starts_with("provenance")));
        let (responses, provenances) =
            futures_util::join!(record.find_written("QuestionnaireResponse", &responses), record.find_written("Provenance", &provenances));
        let all: Vec<Stored> = plans.into_iter().chain(responses?).chain(provenances?).collect();
        self.refuse_other_content(&all)?;
        let receipt = self.receipt(&all);
        let wanted: usize = self.persons.iter().map(|person| person.resources.len()).sum();
        let found: usize = receipt.persons.iter().map(|person| person.written.len()).sum();
        Ok((found == wanted).then_some(receipt))
    }

    /// The one transaction. `written`: what of it was there before.
    ///
    /// # Errors
    /// Earlier plans that cannot be replaced; other content under our keys; what the record says.
    pub async fn write(&self, patients: &[Patient], written: &[Stored], record: &dyn PatientRecord) -> Result<Receipt, Refusal> {
        let earlier = self.each_earlier(patients, written, record).await?;
        let transaction = replacing(&self.persons, patients, &earlier);
        let stored = match record.submit(&transaction).await {
            Err(RecordError::Stale(references)) => return Err(self.stale(&references)),
            answer => answer?,
        };
        if let Err(refusal) = self.refuse_other_content(&stored) {
            // somebody else's content won a race under our keys: what this call added beside it goes away
            let annulled = record.annul(&stored).await;
            record.restore(&transaction.updates, &stored).await?;
            annulled?;
            return Err(refusal);
        }
        Ok(self.receipt(&stored))
    }

    /// The plan that each person's new one replaces, as it is now.
    ///
    /// # Errors
    /// Every plan that cannot be replaced, with the place.
    async fn each_earlier(
        &self,
        patients: &[Patient],
        written: &[Stored],
        record: &dyn PatientRecord,
    ) -> Result<Vec<Option<EarlierPlan>>, Refusal> {
        let sought = self.persons.iter().zip(patients).map(|(person, patient)| async move {
            let Some(plan) = person.replaces.clone() else { return Ok(None) };
            let sought = Sought { plan, patient: patient.reference.clone(), identifier: person.identifier.clone() };
            record.find_plan(&sought).await.map(Some)
        });
        let (mut earlier, mut faults) = (Vec::new(), Vec::new());
        for ((person, place), found) in self.persons.iter().zip(&self.decisions).zip(try_join_all(sought).await?) {
            // a plan of ours that is there already has completed the earlier one with it
            let is_there = written.iter().any(|stored| person.resources.iter().any(|planned| planned.key.to_string() == stored.key));
            earlier.push(match found.transpose() {
                Ok(plan) => plan,
                Err(PlanFault::NotActive | PlanFault::Changed) if is_there => None,
                Err(fault) => {
                    faults.push((format!("{place}.replaces"), fault));
                    None
                }
            });
        }
        if faults.is_empty() { Ok(earlier) } else { Err(Refusal::Earlier(faults)) }
    }

    fn stale(&self, references: &[String]) -> Refusal {
        let is_meant = |person: &PersonPlan| person.replaces.as_ref().is_some_and(|it| references.contains(&it.reference()));
        let places = self.persons.iter().zip(&self.decisions).filter(|(person, _)| is_meant(person));
        Refusal::Earlier(places.map(|(_, place)| (format!("{place}.replaces"), PlanFault::Changed)).collect())
    }

    /// # Errors
    /// Every person who cannot be written for, with the place.
    pub fn each_patient(&self, found: Vec<Result<Patient, PatientFault>>) -> Result<Vec<Patient>, Refusal> {
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

    pub fn receipt(&self, stored: &[Stored]) -> Receipt {
        let persons = self.persons.iter().map(|person| {
            let written = person.resources.iter().filter_map(|planned| {
                let stored = stored.iter().find(|stored| stored.key == planned.key.to_string())?;
                Some(Written {
                    kind: planned.kind,
                    reference: format!("{}/{}", stored.resource_type, stored.id),
                    identifier: format!("urn:uuid:{}", planned.key),
                })
            });
            let (segment, replaced) = (person.agreed_segment.clone(), person.replaces.as_ref().map(PlanReference::reference));
            PersonReceipt { person: person.person.clone(), segment, replaced, written: written.collect() }
        });
        Receipt { created: stored.iter().any(|stored| stored.created), persons: persons.collect() }
    }
}

fn key_tag(key: Uuid) -> Coding {
    Coding { system: KEY_SYSTEM.to_owned(), code: key.to_string() }
}
