//! Callback requests (soittopyyntö) as FHIR Tasks: what the county's chat and phone advice service leaves for a family's
//! own neuvola, and what EHRs search, are told about, claim, work on and complete.
//!
//! ```text
//! chat platform's JSON ─ convert ┐
//!                                ├─ CallbackTask ─ change (may they?) ─ store ─ FHIR Task, notifications, metrics
//! FHIR Task            ─ shape   ┘
//! ```
//!
//! <https://hl7.org/fhir/R4/task.html>

pub mod callback;
pub mod codes;
pub mod directory;
pub mod notify;
mod parameters;
mod profile;
mod shape;
pub mod status;
pub mod store;
