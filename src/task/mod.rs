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

pub mod calendar;
pub mod callback;
pub mod change;
pub mod codes;
pub mod convert;
pub mod deadline;
pub mod directory;
pub mod intake;
pub mod notify;
pub mod opening;
mod parameters;
pub mod print;
mod profile;
pub mod search;
mod shape;
pub mod statistics;
pub mod status;
pub mod store;
