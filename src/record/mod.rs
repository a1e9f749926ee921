//! The port to the patient record: find patients and the plans to replace, recognise what was written, write a transaction.
//!
//! Two implementations: [`FhirApi`] speaks FHIR R4 REST (<https://hl7.org/fhir/R4/http.html>), [`DryRun`] pretends.
//! Whoever repeats a call does no harm: searches change nothing, and every create is a POST conditional on one fixed
//! condition a resource, the tag that names it (<https://hl7.org/fhir/R4/http.html#ccreate>); a change of what is there has
//! one condition, the version that was read (<https://hl7.org/fhir/R4/http.html#concurrency>).

mod answer;
mod dry_run;
mod earlier;
mod fhir_api;
mod patients;
mod retry;
mod transaction;
mod update;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

pub use dry_run::DryRun;
pub use earlier::{Concept, Declined, EarlierPlan, PlanFault, PlanReference, Sought};
pub use fhir_api::FhirApi;
pub use retry::Retry;

pub use crate::identity::Identifier;

/// System of the `meta.tag` that names one resource of one submission; its code is a UUID.
pub const KEY_SYSTEM: &str = "https://neuvola-adapter.example/fhir/sid/resource-key";
/// System of the `meta.tag` with the digest of the person's own part of the submission.
pub const DIGEST_SYSTEM: &str = "https://neuvola-adapter.example/fhir/sid/content-digest";

/// The record of patients, as this service needs it.
#[async_trait]
pub trait PatientRecord: Send + Sync {
    /// One answer for each identifier, in their order. Identifiers never travel in a URL.
    async fn find_patients(&self, identifiers: &[Identifier]) -> Result<Vec<Result<Patient, PatientFault>>, RecordError>;

    /// What earlier calls wrote under these keys, of the given resource type; in no particular order.
    async fn find_written(&self, resource_type: &str, keys: &[Coding]) -> Result<Vec<Stored>, RecordError>;

    /// The plan that is to be replaced, as it is now. Not from a cache.
    async fn find_plan(&self, sought: &Sought) -> Result<Result<EarlierPlan, PlanFault>, RecordError>;

    /// Writes all or nothing, safe to repeat; one answer an entry, in their order, then one an update, with the version
    /// that it made. Entries that were there already come back with `created: false`, read back from the record, so that
    /// their digest can be compared.
    ///
    /// # Errors
    /// `Stale`: what is to be updated is at another version, and nothing was written by this call, or an earlier attempt
    /// of it was the one that wrote: whoever wants to know looks for its keys.
    /// After `TooSlow`, `Unreachable`, `Busy` and `Unintelligible` the outcome is unknown and the call may be
    /// repeated. After `Refused` nothing of this call is active in the record: a record that took a part (its
    /// transactions are not atomic) and said so has had that part annulled.
    async fn submit(&self, transaction: &Transaction) -> Result<Vec<Stored>, RecordError>;

    /// Takes back what a call of ours created: those with `created`, if nobody changed them since, are marked
    /// entered-in-error, and those without a status of their own (Provenance) deleted. Others are left alone. Safe to
    /// repeat. Goes through all of them and then tells the first error.
    async fn annul(&self, stored: &[Stored]) -> Result<(), RecordError>;

    /// Undoes what a call of ours updated, if nobody changed it since: it says again what it said before. `stored` is what
    /// `submit` answered.
    async fn restore(&self, updates: &[Update], stored: &[Stored]) -> Result<(), RecordError>;

    /// Whether the record answers, as FHIR R4.
    async fn ready(&self) -> Result<(), RecordError>;
}

/// System and code; a label without a system has an empty one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Coding {
    pub system: String,
    pub code: String,
}

/// A patient as found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Patient {
    /// Literal and relative: `Patient/12`.
    pub reference: String,
    /// Security labels (turvakielto …) that follow into what is written.
    pub security: Vec<Coding>,
}

/// Why an identifier leads to no patient to write for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PatientFault {
    #[error("the record has no such patient")]
    NotFound,
    #[error("the record has {0} such patients")]
    Several(usize),
    #[error("the patient's record is not in use")]
    Inactive,
    #[error("the patient's record was replaced by another")]
    Replaced,
    #[error("the patient is deceased")]
    Deceased,
}

/// One resource of a transaction: a POST conditional on its key tag.
#[derive(Clone)]
pub struct Entry {
    /// Index of the person it belongs to, for the caller.
    pub person: usize,
    pub resource_type: &'static str,
    /// `urn:uuid:…`
    pub full_url: String,
    /// The `meta.tag` that names this very resource; the body carries it.
    pub key: Coding,
    /// The `meta.tag` with the content digest; the body carries it.
    pub digest: Coding,
    /// The resource as JSON.
    pub body: Vec<u8>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("person", &self.person)
            .field("resource_type", &self.resource_type)
            .field("full_url", &self.full_url)
            .finish_non_exhaustive()
    }
}

/// A change of what is there: a PUT on condition of the version that was read.
#[derive(Clone)]
pub struct Update {
    pub resource_type: &'static str,
    pub id: String,
    /// The version that was read.
    pub version: String,
    /// The resource as JSON, as it was read.
    pub before: Vec<u8>,
    /// And as it becomes.
    pub after: Vec<u8>,
}

impl Update {
    /// What the record holds once it is made: no work of ours to annul.
    fn stored(&self, version: Option<&str>) -> Stored {
        Stored {
            resource_type: self.resource_type.to_owned(),
            id: self.id.clone(),
            version: version.map(str::to_owned),
            key: String::new(),
            digest: None,
            status: None,
            created: false,
        }
    }
}

impl fmt::Debug for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Update").field("resource_type", &self.resource_type).field("version", &self.version).finish_non_exhaustive()
    }
}

/// What is written together or not at all.
#[derive(Clone, Debug, Default)]
pub struct Transaction {
    pub entries: Vec<Entry>,
    pub updates: Vec<Update>,
}

/// What the record holds after a write, or held before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    pub resource_type: String,
    pub id: String,
    pub version: Option<String>,
    /// Code of the key tag.
    pub key: String,
    /// Code of the digest tag.
    pub digest: Option<String>,
    /// `status` of the resource, for types that have one.
    pub status: Option<String>,
    /// Whether this very call created it.
    pub created: bool,
}

/// What went wrong with the record system, by what the caller can do about it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    #[error("the record system cannot be reached")]
    Unreachable { retry_after: Duration },
    #[error("the record system is busy")]
    Busy { retry_after: Duration },
    #[error("the record system was too slow: the outcome is unknown, repeating is safe")]
    TooSlow,
    #[error("the record system refused with status {status}")]
    Refused { status: u16, issues: Vec<RecordIssue> },
    /// With the references of what is at another version, or gone.
    #[error("what was to be changed was changed by somebody else")]
    Stale(Vec<String>),
    #[error("the record system refused our credentials")]
    CredentialsRefused,
    #[error("the record system's answer makes no sense: {0}")]
    Unintelligible(&'static str),
    #[error("the record system sends us elsewhere")]
    Misdirected,
}

/// An issue of the record's OperationOutcome without its texts, which may quote the client's data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordIssue {
    /// Of <http://hl7.org/fhir/issue-severity>.
    pub severity: String,
    /// Of <http://hl7.org/fhir/issue-type>.
    pub code: String,
    /// Plain element paths; expressions that may quote a value are dropped.
    pub expression: Vec<String>,
}
