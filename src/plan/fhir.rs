//! Small pieces of R4 that plans are built of.

use neuvola_fhir::model::types::{CodeableConcept, Coding, Extension, ExtensionValue, Identifier, Meta, Reference};

use crate::form::submission::Party;
use crate::segment::rule::Coded;

pub fn coding(coded: &Coded, language: &str) -> Coding {
    Coding {
        system: Some(coded.system.as_str().into()),
        code: Some(coded.code.as_str().into()),
        display: coded.display.in_r4(language),
        ..Default::default()
    }
}

pub fn concept(coded: &Coded, language: &str) -> CodeableConcept {
    let display = coded.display.text(language);
    CodeableConcept { coding: vec![coding(coded, language)], text: (!display.is_empty()).then(|| display.into()), ..Default::default() }
}

pub fn plain_coding(system: &str, code: &str, display: Option<&str>) -> Coding {
    Coding { system: Some(system.into()), code: Some(code.into()), display: display.map(Into::into), ..Default::default() }
}

pub fn plain_concept(system: &str, code: &str, display: &str) -> CodeableConcept {
    CodeableConcept { coding: vec![plain_coding(system, code, Some(display))], ..Default::default() }
}

/// The identifier that we give: a UUID as a URI.
pub fn urn(key: &str) -> Identifier {
    Identifier { r#use: Some("official".into()), system: Some("urn:ietf:rfc:3986".into()), value: Some(key.into()), ..Default::default() }
}

pub fn identified(identifier: &crate::identity::Identifier) -> Identifier {
    Identifier { system: Some(identifier.system.as_str().into()), value: Some(identifier.value.as_str().into()), ..Default::default() }
}

/// A logical reference: R4 lets a reference name its target by identifier alone.
pub fn party(party: &Party<'_>, resource_type: &str) -> Reference {
    Reference {
        r#type: Some(resource_type.into()),
        identifier: Some(Box::new(identified(&party.identifier))),
        display: party.name.map(Into::into),
        ..Default::default()
    }
}

pub fn literal(reference: &str) -> Reference {
    Reference { reference: Some(reference.into()), ..Default::default() }
}

pub fn extension(url: &str, value: ExtensionValue) -> Extension {
    Extension { url: url.to_owned(), value: Some(value), ..Default::default() }
}

pub fn complex(url: &str, parts: Vec<Extension>) -> Extension {
    Extension { url: url.to_owned(), extension: parts, ..Default::default() }
}

pub fn text(value: &str) -> ExtensionValue {
    ExtensionValue::String(value.into())
}

pub fn meta(profile: &str) -> Meta {
    Meta { profile: vec![profile.into()], ..Default::default() }
}

/// Canonicals of our own profiles and extensions start so.
pub const OURS: &str = "https://neuvola-adapter.example/fhir";
pub const HL7_FI: &str = "https://hl7.fi/fhir/finnish-base-profiles/StructureDefinition";
