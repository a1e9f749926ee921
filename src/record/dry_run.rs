//! A record that is not there: finds a made-up patient for every identifier and pretends to write.
//!
//! For `process --dry-run`: what would be written is made, and nothing leaves the process or stays in it.

use async_trait::async_trait;
use serde_json::Value;

use super::{
    Coding, EarlierPlan, Identifier, Patient, PatientFault, PatientRecord, PlanFault, RecordError, Sought, Stored, Transaction, Update,
};

/// Keeps nothing: two equal calls get two equal answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct DryRun;

#[async_trait]
impl PatientRecord for DryRun {
    /// `Patient/dry-run-1` for the first identifier of the call, and so on; equal identifiers are one patient.
    async fn find_patients(&self, identifiers: &[Identifier]) -> Result<Vec<Result<Patient, PatientFault>>, RecordError> {
        let number = |identifier| identifiers.iter().position(|other| other == identifier);
        Ok(identifiers
            .iter()
            .map(|identifier| {
                Ok(Patient { reference: format!("Patient/dry-run-{}", number(identifier).unwrap_or(0) + 1), security: Vec::new() })
            })
            .collect())
    }

    async fn find_written(&self, _: &str, _: &[Coding]) -> Result<Vec<Stored>, RecordError> {
        Ok(Vec::new())
    }

    /// Whatever is named is there, active, and nothing was declined in it.
    async fn find_plan(&self, sought: &Sought) -> Result<Result<EarlierPlan, PlanFault>, RecordError> {
        let version = sought.plan.version.clone().unwrap_or_else(|| "1".to_owned());
        let update =
            Update { resource_type: "CarePlan", id: sought.plan.id.clone(), version, before: b"{}".to_vec(), after: b"{}".to_vec() };
        Ok(Ok(EarlierPlan { update, declined: Vec::new() }))
    }

    async fn submit(&self, transaction: &Transaction) -> Result<Vec<Stored>, RecordError> {
        let stored = transaction.entries.iter().map(|entry| Stored {
            resource_type: entry.resource_type.to_owned(),
            id: entry.key.code.clone(),
            version: Some("1".to_owned()),
            key: entry.key.code.clone(),
            digest: Some(entry.digest.code.clone()),
            status: status_of(&entry.body),
            created: true,
        });
        Ok(stored.chain(transaction.updates.iter().map(|update| update.stored(None))).collect())
    }

    async fn annul(&self, _: &[Stored]) -> Result<(), RecordError> {
        Ok(())
    }

    async fn restore(&self, _: &[Update], _: &[Stored]) -> Result<(), RecordError> {
        Ok(())
    }

    async fn ready(&self) -> Result<(), RecordError> {
        Ok(())
    }
}

fn status_of(body: &[u8]) -> Option<String> {
    let resource: Value = serde_json::from_slice(body).ok()?;
    Some(resource.get("status")?.as_str()?.to_owned())
}
