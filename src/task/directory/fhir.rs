//! Organizations and HealthcareServices as R4, by HL7 Finland's base profiles.
//! <https://hl7.org/fhir/R4/organization.html>, <https://hl7.org/fhir/R4/healthcareservice.html>

use jiff::civil::{Time, Weekday};
use maud::html;
use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::{self, HealthcareServiceAvailableTime, HealthcareServiceNotAvailable};
use neuvola_fhir::model::types::{self, CodeableConcept, Coding, Identifier, Narrative, Period};

use super::{Directory, Names, Organization, REGISTER, Service};
use crate::plan::fhir::{HL7_FI, OURS, literal, meta};
use crate::task::opening::{Closed, Hours, Opening};
use crate::texts::translation_into;

pub(super) fn organization(organization: &Organization) -> Vec<u8> {
    let identifier = Identifier {
        r#use: Some("official".into()),
        system: Some(REGISTER.into()),
        value: Some(organization.identifier.as_str().into()),
        ..Default::default()
    };
    let resource = resources::Organization {
        id: Some(organization.id.as_str().into()),
        meta: Some(Box::new(meta(&format!("{HL7_FI}/fi-base-organization")))),
        text: Some(Box::new(narrative(&organization.name))),
        identifier: vec![identifier],
        active: Some(true.into()),
        name: Some(organization.name.as_str().into()),
        ..Default::default()
    };
    neuvola_fhir::print(&Resource::Organization(Box::new(resource)))
}

/// `directory` holds the organisations already.
pub(super) fn service(service: &Service, directory: &Directory) -> Vec<u8> {
    let queue = Coding {
        system: Some(format!("{OURS}/CodeSystem/callback-queue").as_str().into()),
        code: Some(service.queue.as_str().into()),
        ..Default::default()
    };
    let opening = directory.opening(&format!("HealthcareService/{}", service.id));
    let mut provided_by = literal(&service.provider);
    provided_by.display = directory.name(&service.provider).map(Into::into);
    let resource = resources::HealthcareService {
        id: Some(service.id.as_str().into()),
        meta: Some(Box::new(meta(&format!("{HL7_FI}/fi-base-healthcare-service")))),
        text: Some(Box::new(narrative(&service.name.fi))),
        active: Some(true.into()),
        provided_by: Some(Box::new(provided_by)),
        r#type: vec![CodeableConcept { coding: vec![queue], ..Default::default() }],
        name: Some(translated(&service.name)),
        available_time: opening.map(available).unwrap_or_default(),
        not_available: opening.map(|opening| opening.closed.iter().map(|spell| closed(spell, directory)).collect()).unwrap_or_default(),
        ..Default::default()
    };
    neuvola_fhir::print(&Resource::HealthcareService(Box::new(resource)))
}

/// Days with the same hours together.
fn available(opening: &Opening) -> Vec<HealthcareServiceAvailableTime> {
    let mut times: Vec<(Hours, Vec<types::Code>)> = Vec::new();
    for (weekday, code) in WEEK {
        for hours in opening.of(weekday) {
            match times.iter_mut().find(|(known, _)| known == hours) {
                Some((_, days)) => days.push(code.into()),
                None => times.push((*hours, vec![code.into()])),
            }
        }
    }
    let time = |(hours, days): (Hours, Vec<types::Code>)| HealthcareServiceAvailableTime {
        days_of_week: days,
        available_start_time: Some(clock(hours.from).as_str().into()),
        available_end_time: Some(clock(hours.until).as_str().into()),
        ..Default::default()
    };
    times.into_iter().map(time).collect()
}

fn closed(spell: &Closed, directory: &Directory) -> HealthcareServiceNotAvailable {
    let substitute = spell.substitute.as_deref().and_then(|reference| directory.name(reference));
    let say = |closed: &str, meanwhile: &str| substitute.map_or_else(|| closed.to_owned(), |name| format!("{closed}; {meanwhile}: {name}"));
    let description = Names { fi: say("Suljettu", "sijaisena"), sv: say("Stängt", "ersätts av"), en: say("Closed", "answered by") };
    HealthcareServiceNotAvailable {
        description: translated(&description),
        during: Some(Box::new(Period {
            start: Some(spell.from.to_string().as_str().into()),
            end: Some(spell.to.to_string().as_str().into()),
            ..Default::default()
        })),
        ..Default::default()
    }
}

/// Finnish, with the others as translations.
fn translated(names: &Names) -> types::String {
    let mut string = types::String::from(names.fi.as_str());
    for (language, name) in [("sv", &names.sv), ("en", &names.en)] {
        string.extension.push(translation_into(language, name));
    }
    string
}

fn narrative(name: &str) -> Narrative {
    let div = html! { div xmlns="http://www.w3.org/1999/xhtml" { p { (name) } } };
    Narrative { status: "generated".into(), div: div.into_string().as_str().into(), ..Default::default() }
}

fn clock(time: Time) -> String {
    time.strftime("%H:%M:%S").to_string()
}

const WEEK: [(Weekday, &str); 7] = [
    (Weekday::Monday, "mon"),
    (Weekday::Tuesday, "tue"),
    (Weekday::Wednesday, "wed"),
    (Weekday::Thursday, "thu"),
    (Weekday::Friday, "fri"),
    (Weekday::Saturday, "sat"),
    (Weekday::Sunday, "sun"),
];
