//! The adapter over HTTP, with a sandbox behind it.

mod fhir;
mod forms;
mod hostile;
mod service;
mod wire;
