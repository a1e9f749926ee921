//! References: do they lead to a type that the question takes?
//!
//! Source: R4 <https://hl7.org/fhir/R4/references.html#literal>. What only a look at the target would tell is not checked.

use neuvola_fhir::Node;

use super::tell::Tell;
use crate::form::questionnaire::{Item, Questionnaire};
use crate::issue::told::{Listed, Told, Unchecked, Why};
use crate::issue::{Issue, Issues};
use crate::shape::resources::RESOURCES;

pub(super) fn check(item: &Item, value: &Node<'_>, response: &Node<'_>, tell: &mut Tell<'_>) {
    let types = &item.bounds.reference_types;
    let reference = value.text("reference").unwrap_or_default();
    let leads = leads_to(reference, response);
    match leads {
        Leads::Nowhere => return tell.refuse(Told::RefersNowhere),
        Leads::Wrong => return tell.refuse(Told::RefersToNoType { types: listed(types) }),
        _ => {}
    }
    let said = value.text("type");
    let told = match leads {
        Leads::To(told) => Some(told),
        _ => None,
    };
    if types.is_empty() {
        return;
    }
    let is_taken = |told: &str| types.iter().any(|known| known == told);
    if !said.into_iter().chain(told).all(is_taken) {
        tell.refuse(Told::ReferenceType { types: listed(types) });
    } else if said.or(told).is_none() {
        tell.not_checked(Unchecked::ReferenceType, Why::NotTold);
    }
}

/// R4: where the Questionnaire has `subjectType`, the subject is of such a type. A reference that tells none may be.
pub(super) fn subject(response: &Node<'_>, questionnaire: &Questionnaire, issues: &mut Issues) {
    let types = &questionnaire.subject_types;
    let Some(subject) = response.member("subject").filter(|_| !types.is_empty()) else { return };
    let told = match leads_to(subject.text("reference").unwrap_or_default(), response) {
        Leads::To(told) => Some(told),
        _ => None,
    };
    if !subject.text("type").into_iter().chain(told).all(|told| types.iter().any(|known| known == told)) {
        issues.push(Issue::of(Told::SubjectType { types: listed(types) }, "", "QuestionnaireResponse.subject"));
    }
}

fn listed(types: &[String]) -> Listed {
    Listed::of_names(types.iter().map(String::as_str))
}

enum Leads<'a> {
    /// To a resource of this type.
    To(&'a str),
    /// The reference does not tell.
    Unknown,
    /// To a contained resource that is not there.
    Nowhere,
    /// To no resource type of R4's.
    Wrong,
}

fn leads_to<'a>(reference: &'a str, response: &'a Node<'_>) -> Leads<'a> {
    if let Some(id) = reference.strip_prefix('#') {
        if id.is_empty() {
            return response.text("resourceType").map_or(Leads::Unknown, Leads::To);
        }
        let contained = response.list("contained").iter().find(|it| it.text("id") == Some(id));
        return contained.map_or(Leads::Nowhere, |it| it.text("resourceType").map_or(Leads::Unknown, Leads::To));
    }
    if reference.is_empty() || reference.starts_with("urn:") {
        return Leads::Unknown;
    }
    // `[base]/Type/id[/_history/version]`, and what a search would ask
    let plain = reference.split("/_history/").next().unwrap_or_default().split('?').next().unwrap_or_default();
    let is_absolute = plain.contains("://");
    match plain.rsplit('/').nth(1) {
        Some(of) if RESOURCES.contains(&of) => Leads::To(of),
        Some(_) if !is_absolute => Leads::Wrong,
        _ => Leads::Unknown,
    }
}
