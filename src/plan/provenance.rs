//! Who wrote it, for whom, and in whose custody it is: two Provenances a person.
//!
//! Authorship carries the guardian restriction and the release date (HL7 Finland's extensions may stand on a Provenance,
//! not on a CarePlan). The custodian's is one of its own, because HL7 Finland's custodian profile puts its patterns on
//! every agent. <https://hl7.fi/fhir/finnish-base-profiles>, <https://hl7.org/fhir/R4/provenance.html>

use neuvola_fhir::model::resources::{Provenance, ProvenanceAgent, ProvenanceOccurred};
use neuvola_fhir::model::types::{CodeableConcept, Extension, ExtensionValue, Identifier, Reference};

use super::Frame;
use super::decision::PlanDecision;
use super::fhir::{HL7_FI, OURS, concept, extension, meta, party, plain_coding, plain_concept};
use crate::form::submission::Party;

/// `recorded` is an R4 instant.
pub fn authorship(decision: &PlanDecision<'_>, known_by: Option<&str>, frame: Frame<'_>, recorded: &str) -> Provenance {
    Provenance {
        meta: Some(Box::new(meta(&format!("{OURS}/StructureDefinition/neuvola-provenance")))),
        language: Some(frame.language.into()),
        extension: [
            decision.guardian_restriction.map(guardian_restriction),
            decision.delayed_until.map(release_date),
            frame.service_event.map(super::service_event),
        ]
        .into_iter()
        .flatten()
        .collect(),
        occurred: Some(ProvenanceOccurred::DateTime(frame.decided.into())),
        recorded: recorded.into(),
        activity: Some(Box::new(plain_concept(OPERATION, "CREATE", "create"))),
        agent: informant(known_by, frame).into_iter().chain(makers(frame)).collect(),
        ..Default::default()
    }
}

/// Who completed the earlier plan, as another took its place.
pub fn completion(frame: Frame<'_>, recorded: &str) -> Provenance {
    Provenance {
        meta: Some(Box::new(meta(&format!("{OURS}/StructureDefinition/neuvola-provenance")))),
        language: Some(frame.language.into()),
        extension: frame.service_event.map(super::service_event).into_iter().collect(),
        occurred: Some(ProvenanceOccurred::DateTime(frame.decided.into())),
        recorded: recorded.into(),
        activity: Some(Box::new(plain_concept(OPERATION, "UPDATE", "revise"))),
        agent: makers(frame).into(),
        ..Default::default()
    }
}

/// The professional, and the device that assembled it.
fn makers(frame: Frame<'_>) -> [ProvenanceAgent; 2] {
    let device = Reference {
        r#type: Some("Device".into()),
        display: Some(concat!("neuvola-adapter ", env!("CARGO_PKG_VERSION")).into()),
        ..Default::default()
    };
    [
        ProvenanceAgent {
            r#type: Some(Box::new(plain_concept(PARTICIPANT, "author", "Author"))),
            who: Box::new(party(frame.author, "Practitioner")),
            on_behalf_of: Some(Box::new(party(frame.organization, "Organization"))),
            ..Default::default()
        },
        ProvenanceAgent {
            r#type: Some(Box::new(plain_concept(PARTICIPANT, "assembler", "Assembler"))),
            who: Box::new(device),
            ..Default::default()
        },
    ]
}

/// Who answered, and how the identity is known. The transaction puts the patient's own reference where `type` is Patient.
fn informant(known_by: Option<&str>, frame: Frame<'_>) -> Option<ProvenanceAgent> {
    let coded = frame.profiles.coded_in("known-by", known_by?)?;
    let resource_type = if coded.code == "guardian" { "RelatedPerson" } else { "Patient" };
    let display = Some(coded.display.text(frame.language).into());
    Some(ProvenanceAgent {
        r#type: Some(Box::new(plain_concept(PARTICIPANT, "informant", "Informant"))),
        role: vec![concept(&coded, frame.language)],
        who: Box::new(Reference { r#type: Some(resource_type.into()), display, ..Default::default() }),
        ..Default::default()
    })
}

/// The public custodian (rekisterinpitäjä).
pub fn custodian(custodian: &Party<'_>, language: &str, recorded: &str) -> Provenance {
    let identifier = Identifier {
        r#type: Some(Box::new(CodeableConcept {
            coding: vec![plain_coding("http://terminology.hl7.org/CodeSystem/v2-0203", "PRN", None)],
            ..Default::default()
        })),
        ..super::fhir::identified(&custodian.identifier)
    };
    let who = Reference {
        r#type: Some("Organization".into()),
        identifier: Some(Box::new(identifier)),
        display: custodian.name.map(Into::into),
        ..Default::default()
    };
    Provenance {
        meta: Some(Box::new(meta(&format!("{HL7_FI}/fi-base-information-custodian-public")))),
        language: Some(language.into()),
        recorded: recorded.into(),
        agent: vec![ProvenanceAgent {
            r#type: Some(Box::new(CodeableConcept {
                text: Some("Rekisterinpitäjä".into()),
                ..plain_concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "CST", "custodian")
            })),
            role: vec![CodeableConcept { text: Some("Julkinen".into()), ..plain_concept("urn:oid:1.2.246.537.5.40172", "1", "Julkinen") }],
            who: Box::new(who),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// THL, disclosure of a minor's patient information to guardians: 1.2.246.537.5.40202.201901. The displays are those of
/// HL7 Finland's value set, to the letter.
fn guardian_restriction(code: &str) -> Extension {
    let display = match code {
        "1" => "Ei päätöskykyinen alaikäinen, tiedot luovutetaan huoltajille",
        "2" => "Päätöskykyinen alaikäinen, sallii tietojensa luovuttamisen huoltajille",
        "3" => {
            "Päätöskykyinen alaikäinen, kieltää tietojensa luovuttamisen huoltajillePäätöskykyinen alaikäinen, kieltää tietojensa luovuttamisen huoltajille"
        }
        _ => "Alaikäisen päätöskyky ei tiedossa, tietoja ei luovuteta huoltajille",
    };
    let coding = plain_coding("urn:oid:1.2.246.537.5.40202.201901", code, Some(display));
    extension(&format!("{HL7_FI}/RestrictionParent"), ExtensionValue::Coding(Box::new(coding)))
}

fn release_date(day: &str) -> Extension {
    extension(&format!("{HL7_FI}/ReleaseDateForPatientViewing"), ExtensionValue::Date(day.into()))
}

const OPERATION: &str = "http://terminology.hl7.org/CodeSystem/v3-DataOperation";
const PARTICIPANT: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
