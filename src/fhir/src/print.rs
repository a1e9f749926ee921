//! Printing and strictly parsing fhirbolt's R4 types. Not generic, on purpose: see the crate's documentation.

use fhirbolt::model::r4::Resource;
use fhirbolt::serde::{DeserializationConfig, DeserializationMode};

use crate::{FaultKind, read};

/// A document that is not one R4 resource. The text says what kind of fault it is and quotes nothing of the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotR4 {
    #[error("{0}")]
    Structure(FaultKind),
    #[error("the resource has an element that R4 does not know, or one of the wrong type")]
    Model,
}

/// Prints a resource as compact JSON.
#[must_use]
pub fn print(resource: &Resource) -> Vec<u8> {
    fhirbolt::json::to_vec(resource, None).unwrap_or_default()
}

/// Prints a resource as JSON for people.
#[must_use]
pub fn print_pretty(resource: &Resource) -> Vec<u8> {
    fhirbolt::json::to_vec_pretty(resource, None).unwrap_or_default()
}

/// Parses one resource strictly: an unknown element or a wrong type is refused, nothing is dropped.
///
/// The document is read as a [`crate::Node`] first: fhirbolt panics on an empty array and recurses without a limit.
///
/// # Errors
/// [`NotR4`], without the place (fhirbolt's errors carry none).
pub fn parse(document: &[u8]) -> Result<Resource, NotR4> {
    read(document).map_err(|faults| NotR4::Structure(faults.first().map_or(FaultKind::Empty, |fault| fault.kind)))?;
    let strict = DeserializationConfig { mode: DeserializationMode::Strict };
    fhirbolt::json::from_slice(document, Some(strict)).map_err(|_| NotR4::Model)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_was_parsed() {
        let document = br#"{"resourceType":"Patient","id":"a","birthDate":"2026-01","multipleBirthInteger":2}"#;
        let resource = parse(document).expect("R4");
        assert_eq!(print(&resource), document);
    }

    #[test]
    fn an_unknown_element_is_refused() {
        assert_eq!(parse(br#"{"resourceType":"Patient","colour":"red"}"#), Err(NotR4::Model));
    }

    #[test]
    fn an_empty_array_is_refused_and_does_not_panic() {
        assert_eq!(parse(br#"{"resourceType":"Patient","name":[]}"#), Err(NotR4::Structure(FaultKind::EmptyArray)));
    }
}
