//! A FHIR R4 adapter for Finnish maternity and child health clinics (neuvola), in the order of the straight line:
//! a family's form is mapped ([`form`]), proven valid, segmented ([`segment`]), decided on and planned ([`plan`]), and
//! written to the patient record ([`record`]). [`pipeline`] tells it in one function: read that first.

pub mod app;
pub mod caller;
pub mod cli;
pub mod clock;
pub mod config;
pub mod configuration;
mod digest;
pub mod fhirpath;
pub mod fixtures;
pub mod form;
pub mod http;
pub mod identity;
pub mod installation;
pub mod issue;
pub mod metrics;
pub mod net;
pub mod outcome;
pub mod pipeline;
pub mod plan;
pub mod player;
pub mod profiles;
pub mod record;
pub mod refusal;
pub mod report;
pub mod rules;
pub mod sandbox;
pub mod segment;
pub mod shape;
pub mod task;
pub mod telemetry;
pub mod texts;
