//! What went wrong, for the caller: an HTTP status and the one issue of an OperationOutcome.
//! <https://hl7.org/fhir/R4/operationoutcome.html>

use serde_json::{Value, json};

/// Status, issue code (<http://hl7.org/fhir/issue-type>), text and, inside a Bundle, the place.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) code: &'static str,
    message: String,
    place: Option<String>,
}

impl Fault {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Fault { status, code, message: message.into(), place: None }
    }

    /// 400: the request cannot be understood.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Fault::new(400, "invalid", message)
    }

    /// 400: understood, and not done here.
    pub(super) fn not_supported(message: impl Into<String>) -> Self {
        Fault::new(400, "not-supported", message)
    }

    /// 412: the resource is not as the caller's condition wants it.
    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Fault::new(412, "conflict", message)
    }

    /// Says which entry of a Bundle the fault is about.
    pub(super) fn at(mut self, place: Option<&str>) -> Self {
        if self.place.is_none() {
            self.place = place.map(String::from);
        }
        self
    }

    /// The OperationOutcome that tells it.
    pub(super) fn outcome(&self) -> Value {
        let mut outcome = outcome("error", self.code, &self.message);
        if let Some(place) = &self.place {
            outcome["issue"][0]["expression"] = json!([place]);
        }
        outcome
    }
}

/// The OperationOutcome of something that went well.
pub(super) fn information(message: &str) -> Value {
    outcome("information", "informational", message)
}

fn outcome(severity: &str, code: &str, message: &str) -> Value {
    json!({
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": message}]
    })
}
