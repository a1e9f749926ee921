//! From the decision to what is written: CarePlan, Provenances, and one transaction.

pub mod care_plan;
pub mod decision;
pub(crate) mod fhir;
mod likeness;
mod narrative;
mod provenance;
mod stored;
pub mod transaction;

use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::QuestionnaireResponse;
use neuvola_fhir::model::types::{Extension, ExtensionValue};
use uuid::Uuid;

use decision::Agreed;

use crate::form::submission::Party;
use crate::identity::Identifier;
use crate::profiles::Profiles;
use crate::record::PlanReference;
use crate::segment::Segmentation;
use crate::segment::rule::RuleSet;

pub use likeness::{Difference, Likeness, likeness};
pub use stored::StoredPlan;

/// What every plan of a submission has in common.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'d> {
    pub rule_set: &'d RuleSet,
    pub profiles: &'d Profiles,
    pub language: &'d str,
    /// R4 instant.
    pub decided: &'d str,
    pub author: &'d Party<'d>,
    pub organization: &'d Party<'d>,
    pub service_event: Option<&'d str>,
}

/// Everything that enters one person's record, and nothing of anybody else's.
#[derive(Debug)]
pub struct PersonPlan {
    /// The person's key within the submission.
    pub person: String,
    pub identifier: Identifier,
    /// Digest of this person's own part of the submission.
    pub digest: String,
    pub agreed_segment: Option<String>,
    /// The earlier plan that is completed with the same write.
    pub replaces: Option<PlanReference>,
    pub resources: Vec<Planned>,
}

/// One resource to be written. Its key is its identifier, its condition and its `urn:uuid:`.
#[derive(Debug)]
pub struct Planned {
    pub kind: &'static str,
    pub key: Uuid,
    pub resource: Resource,
}

/// What a person's plan is made of.
#[derive(Debug)]
pub struct Ingredients<'p> {
    pub person: &'p str,
    pub identifier: &'p Identifier,
    /// How the identity is known.
    pub known_by: Option<&'p str>,
    pub digest: String,
    pub agreed: &'p Agreed<'p, 'p>,
    pub segmentation: &'p Segmentation<'p>,
    /// The person's own response, then the professional's, each with its kind.
    pub responses: Vec<(&'static str, QuestionnaireResponse)>,
    pub custodian: &'p Party<'p>,
}

/// The plan of one person. `key` gives each kind of resource its identifier; `recorded` is an R4 instant.
pub fn plan(ingredients: Ingredients<'_>, frame: Frame<'_>, key: impl Fn(&str) -> Uuid, recorded: &str) -> PersonPlan {
    let Ingredients { person, identifier, known_by, digest, agreed, segmentation, responses, custodian } = ingredients;
    let mut resources = Vec::new();
    let mut response_urns = Vec::new();
    for (kind, response) in responses {
        let key = key(kind);
        response_urns.push(urn(key));
        resources.push(Planned {
            kind,
            key,
            resource: Resource::QuestionnaireResponse(Box::new(finish_response(response, kind, key, frame))),
        });
    }
    let plan_key = key("care-plan");
    let care_plan = care_plan::care_plan(agreed, segmentation, frame, &urn(plan_key), &response_urns);
    resources.push(Planned { kind: "care-plan", key: plan_key, resource: Resource::CarePlan(Box::new(care_plan)) });

    let targets: Vec<_> = std::iter::once(urn(plan_key)).chain(response_urns).map(|urn| fhir::literal(&urn)).collect();
    let authorship = provenance::authorship(agreed.decision, known_by, frame, recorded);
    let custody = provenance::custodian(custodian, frame.language, recorded);
    for (kind, mut provenance) in [("provenance-authorship", authorship), ("provenance-custodian", custody)] {
        provenance.target = targets.clone();
        resources.push(Planned { kind, key: key(kind), resource: Resource::Provenance(Box::new(provenance)) });
    }
    if let Some(earlier) = &agreed.decision.replaces {
        let mut provenance = provenance::completion(frame, recorded);
        provenance.target = vec![fhir::literal(&earlier.reference())];
        let kind = "provenance-replaced";
        resources.push(Planned { kind, key: key(kind), resource: Resource::Provenance(Box::new(provenance)) });
    }
    PersonPlan {
        person: person.to_owned(),
        identifier: identifier.clone(),
        digest,
        agreed_segment: Some(agreed.segment.code.clone()),
        replaces: agreed.decision.replaces.clone(),
        resources,
    }
}

/// What a response needs on its way into the record. A ready response keeps its own identifier and author.
fn finish_response(mut response: QuestionnaireResponse, kind: &str, key: Uuid, frame: Frame<'_>) -> QuestionnaireResponse {
    response.identifier.get_or_insert_with(|| Box::new(fhir::urn(&urn(key))));
    if kind == PROFESSIONAL_RESPONSE {
        response.author.get_or_insert_with(|| Box::new(fhir::party(frame.author, "Practitioner")));
    }
    response.extension.extend(frame.service_event.map(service_event));
    response
}

/// HL7 Finland: the palvelutapahtuma that it belongs to.
fn service_event(oid: &str) -> Extension {
    fhir::extension(SERVICE_EVENT, ExtensionValue::Oid(oid.into()))
}

/// The day of an instant, in its own offset.
pub fn day(instant: &str) -> &str {
    instant.get(..10).unwrap_or(instant)
}

fn urn(key: Uuid) -> String {
    format!("urn:uuid:{key}")
}

/// The profile of the responses that we write.
pub fn response_profile() -> String {
    format!("{}/StructureDefinition/neuvola-questionnaire-response", fhir::OURS)
}

const SERVICE_EVENT: &str = "https://hl7.fi/fhir/finnish-base-profiles/StructureDefinition/service-event";

/// Kinds of responses, as they go into resource keys.
pub const OWN_RESPONSE: &str = "questionnaire-response";
pub const PROFESSIONAL_RESPONSE: &str = "questionnaire-response-professional";
