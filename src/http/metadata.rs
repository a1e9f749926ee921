//! `GET /fhir/metadata`: what can be asked here, and nothing else, made of the route table.
//! <https://hl7.org/fhir/R4/capabilitystatement.html>

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::{
    CapabilityStatement, CapabilityStatementImplementation, CapabilityStatementRest, CapabilityStatementRestResource,
    CapabilityStatementRestResourceInteraction, CapabilityStatementRestResourceOperation, CapabilityStatementRestResourceSearchParam,
    CapabilityStatementRestSecurity, CapabilityStatementSoftware,
};
use neuvola_fhir::model::types::{Extension, ExtensionValue};

use super::Fhir;
use super::media::FHIR_JSON;
use super::routes::routes;
use super::search::{Told, told};
use crate::app::App;
use crate::task::callback::PROFILE;
use crate::task::notify::TOPIC;
use crate::task::search;

pub(super) async fn capabilities(State(app): State<Arc<App>>) -> Response {
    let statement = Resource::CapabilityStatement(Box::new(statement(&app)));
    ([(CONTENT_TYPE, FHIR_JSON)], neuvola_fhir::print(&statement)).into_response()
}

fn statement(app: &App) -> CapabilityStatement {
    let date = app.clock.now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    CapabilityStatement {
        name: Some("NeuvolaAdapter".into()),
        title: Some("Neuvola adapter".into()),
        status: "active".into(),
        experimental: Some(false.into()),
        date: date.as_str().into(),
        kind: "instance".into(),
        software: Some(CapabilityStatementSoftware {
            name: "neuvola-adapter".into(),
            version: Some(env!("CARGO_PKG_VERSION").into()),
            ..Default::default()
        }),
        implementation: Some(CapabilityStatementImplementation {
            description: "From forms of maternity and child health clinics to the patient record; keeps nothing about clients".into(),
            url: Some(format!("{}/fhir", app.base).as_str().into()),
            ..Default::default()
        }),
        fhir_version: "4.0.1".into(),
        format: ["application/fhir+json", "json", "application/fhir+xml", "xml"].into_iter().map(Into::into).collect(),
        rest: vec![rest(app)],
        ..Default::default()
    }
}

fn rest(app: &App) -> CapabilityStatementRest {
    let mut resources: BTreeMap<&str, CapabilityStatementRestResource> = BTreeMap::new();
    for route in routes() {
        for (_, kind) in route.paths() {
            let kind = if let Fhir::Operation(operation) = route.fhir { operation.on } else { kind };
            let entry = |kind: &str| CapabilityStatementRestResource { r#type: kind.into(), ..Default::default() };
            match route.fhir {
                Fhir::None | Fhir::Capabilities => {}
                Fhir::Read => {
                    let resource = resources.entry(kind).or_insert_with(|| entry(kind));
                    resource.interaction.push(interaction("read"));
                    resource.versioning = Some("no-version".into());
                    resource.conditional_read = Some("not-match".into());
                }
                Fhir::Search => {
                    let resource = resources.entry(kind).or_insert_with(|| entry(kind));
                    resource.interaction.push(interaction("search-type"));
                    resource.search_param = parameters(kind);
                }
                Fhir::Tasks(code) if app.tasks.is_some() => {
                    resources.entry("Task").or_insert_with(tasks).interaction.push(interaction(code));
                }
                Fhir::Subscriptions(code) if app.tasks.is_some() => {
                    resources.entry("Subscription").or_insert_with(subscriptions).interaction.push(interaction(code));
                }
                Fhir::Tasks(_) | Fhir::Subscriptions(_) => {}
                Fhir::Operation(operation) if matches!(operation.on, "Task" | "Subscription") && app.tasks.is_none() => {}
                Fhir::Operation(operation) => {
                    let resource = resources.entry(kind).or_insert_with(|| entry(kind));
                    if !resource.operation.iter().any(|known| known.name.value.as_deref() == Some(operation.name)) {
                        resource.operation.push(CapabilityStatementRestResourceOperation {
                            name: operation.name.into(),
                            definition: operation.definition.into(),
                            documentation: Some(route.summary.into()),
                            ..Default::default()
                        });
                    }
                }
            }
        }
    }
    CapabilityStatementRest {
        mode: "server".into(),
        documentation: Some(DOCUMENTATION.into()),
        security: Some(CapabilityStatementRestSecurity {
            cors: Some(false.into()),
            description: Some("Callers prove themselves by a bearer token (RFC 6750), where callers are configured; without any it listens on the loopback interface only.".into()),
            ..Default::default()
        }),
        resource: resources.into_values().collect(),
        ..Default::default()
    }
}

/// Tasks, before their interactions.
fn tasks() -> CapabilityStatementRestResource {
    let parameter = |known: &search::Parameter| CapabilityStatementRestResourceSearchParam {
        name: known.name.into(),
        definition: Some(known.definition.into()),
        r#type: known.kind.into(),
        documentation: Some(known.what.into()),
        ..Default::default()
    };
    CapabilityStatementRestResource {
        r#type: "Task".into(),
        supported_profile: vec![PROFILE.into()],
        documentation: Some(TASKS.into()),
        versioning: Some("versioned-update".into()),
        read_history: Some(true.into()),
        update_create: Some(false.into()),
        conditional_create: Some(true.into()),
        conditional_read: Some("not-match".into()),
        reference_policy: vec!["literal".into(), "local".into()],
        search_include: ["Task:owner", "Task:requester", "Task:focus"].map(Into::into).to_vec(),
        search_rev_include: vec!["Task:part-of".into()],
        search_param: search::PARAMETERS.iter().map(parameter).collect(),
        ..Default::default()
    }
}

/// Subscriptions, before their interactions. The topic is told as the R5 Backport IG wants it.
fn subscriptions() -> CapabilityStatementRestResource {
    let topic = Extension {
        url: "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/capabilitystatement-subscriptiontopic-canonical".to_owned(),
        value: Some(ExtensionValue::Canonical(TOPIC.into())),
        ..Default::default()
    };
    CapabilityStatementRestResource {
        extension: vec![topic],
        r#type: "Subscription".into(),
        supported_profile: vec!["http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription".into()],
        documentation: Some("rest-hook, ids only, filtered by owner, status, queue and due. Headers are masked when read.".into()),
        versioning: Some("versioned-update".into()),
        search_param: parameters("Subscription"),
        ..Default::default()
    }
}

fn interaction(code: &str) -> CapabilityStatementRestResourceInteraction {
    CapabilityStatementRestResourceInteraction { code: code.into(), ..Default::default() }
}

fn parameters(kind: &str) -> Vec<CapabilityStatementRestResourceSearchParam> {
    let parameter = |parameter: Told| {
        let id = match parameter.name {
            "_id" => "Resource-id".to_owned(),
            name if CONFORMANCE.contains(&kind) => format!("conformance-{name}"),
            name => format!("{kind}-{name}"),
        };
        CapabilityStatementRestResourceSearchParam {
            name: parameter.name.into(),
            definition: Some(format!("http://hl7.org/fhir/SearchParameter/{id}").as_str().into()),
            r#type: parameter.kind.into(),
            documentation: Some(parameter.what.into()),
            ..Default::default()
        }
    };
    // R4's SearchParameter has no title.
    told(kind).into_iter().filter(|known| kind != "SearchParameter" || known.name != "title").map(parameter).collect()
}

/// Types that share R4's search parameters of conformance resources.
const CONFORMANCE: [&str; 6] = ["CodeSystem", "ConceptMap", "OperationDefinition", "SearchParameter", "StructureDefinition", "ValueSet"];

const TASKS: &str = "Callback requests. A caller sees what its organisations own, requested or owned before; everything else is 404. \
    An update names its version in If-Match and follows the status machine; `$allowed-transitions`, and every 422, tell what is allowed. \
    `for` is an identifier and no reference, which R4 can neither chain nor include: search by `patient:identifier`, or by its alias \
    `patient.identifier`; `patient:missing=true` finds the anonymous. Polling by `_lastUpdated=ge` and the last value seen misses nothing.";

const DOCUMENTATION: &str = "JSON and XML. The knowledge can be read and searched; `_count` (at most 100) and `_offset` page through a \
    search, unknown parameters are reported, or refused with `Prefer: handling=strict`. Responses to the forms are validated \
    (`$validate`) and written to the patient record (`$process-response`); whole submissions go to `/forms/{form}/submissions`, \
    and what the rules say of them comes from `/forms/{form}/preview`, as a Bundle of GuidanceResponses to those who accept FHIR; \
    `/openapi.json` describes both. Nothing that was written is read here: it lies in the patient record.";
