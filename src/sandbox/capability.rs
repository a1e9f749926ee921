//! What the sandbox can, and nothing else. <https://hl7.org/fhir/R4/capabilitystatement.html>

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sandbox::kinds::{COMMON, KINDS, parameter_type, parameters};
use crate::sandbox::store::instant;

/// The CapabilityStatement of the endpoint at `base`.
pub(super) fn statement(base: &str, now: Timestamp) -> Value {
    json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        "experimental": true,
        "date": instant(now),
        "kind": "instance",
        "software": {"name": "neuvola-adapter sandbox", "version": env!("CARGO_PKG_VERSION")},
        "implementation": {"description": "a record system in memory, for demonstrations and tests; it forgets everything", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "json"],
        "rest": [{
            "mode": "server",
            "documentation": "Literal references must lead to resources here; absolute references are refused. `POST $reset` empties it.",
            "resource": KINDS.iter().map(|kind| resource(kind)).collect::<Vec<_>>(),
            "interaction": [{"code": "transaction"}]
        }]
    })
}

fn resource(kind: &str) -> Value {
    let interactions = ["read", "vread", "update", "delete", "history-instance", "create", "search-type"];
    let common = COMMON.iter().map(|(name, what)| json!({"name": name, "type": what}));
    let own = parameters(kind).iter().map(|name| json!({"name": name, "type": parameter_type(name)}));
    json!({
        "type": kind,
        "interaction": interactions.map(|code| json!({"code": code})),
        "versioning": "versioned-update",
        "readHistory": true,
        "updateCreate": true,
        "conditionalCreate": true,
        "conditionalRead": "not-match",
        "conditionalUpdate": false,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal", "local", "enforced"],
        "searchParam": common.chain(own).collect::<Vec<_>>()
    })
}
