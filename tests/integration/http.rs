//! The adapter over HTTP, with a sandbox behind it.

mod directory;
mod fhir;
mod forms;
mod hostile;
mod process;
mod requests;
mod service;
mod tasks;
mod watching;
mod wire;
mod xml;
