//! `GET /openapi.json`, made of the route table.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use utoipa::openapi::path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ComponentsBuilder, KnownFormat, ObjectBuilder, Ref, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, InfoBuilder, OpenApi, OpenApiBuilder, RefOr, Required, ResponseBuilder, ServerBuilder};

use super::media::JSON;
use super::metrics::OPEN_METRICS;
use super::routes::routes;
use super::search::told;
use super::{Route, Verb, kind_of, schema};
use crate::app::App;
use crate::profiles::KNOWLEDGE;
use crate::task::notify::TOPIC;

/// What a route reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    Nothing,
    /// Search parameters.
    Search,
    Submission,
    /// A QuestionnaireResponse, bare or as this parameter.
    Response(&'static str),
    /// The chat platform's contact.
    Contact,
    Task,
    Subscription,
    Parameters,
    /// A JSON Patch.
    Patch,
    TaskSearch,
    /// The same in a form.
    TaskSearchForm,
    /// From one day until another.
    Days,
}

/// What a route answers when all is well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    Receipt,
    ContactReceipt,
    Preview,
    Outcome,
    Resource,
    Health,
    OpenApi,
    Statistics,
    Metrics,
}

impl Takes {
    pub(super) const fn is_body(self) -> bool {
        !matches!(self, Self::Nothing | Self::Search | Self::TaskSearch | Self::Days)
    }
}

pub(super) async fn document(State(app): State<Arc<App>>) -> Json<Value> {
    Json(without_nulls(serde_json::to_value(openapi(&app.base)).unwrap_or_default()))
}

/// What is sent to us has no `null`: a member is there, or it is not. What we answer may have one.
fn without_nulls(mut document: Value) -> Value {
    let mut sent: Vec<String> = vec!["Submission".to_owned(), "Contact".to_owned()];
    let mut done = 0;
    while let Some(name) = sent.get(done).cloned() {
        done += 1;
        let Some(schema) = document.pointer_mut(&format!("/components/schemas/{name}")) else { continue };
        let mut named = Vec::new();
        strip(schema, &mut named);
        let new: BTreeSet<String> = named.into_iter().filter(|name| !sent.contains(name)).collect();
        sent.extend(new);
    }
    document
}

/// Takes `null` out of types and choices, and notes the schemas that are referred to.
fn strip(schema: &mut Value, named: &mut Vec<String>) {
    match schema {
        Value::Array(list) => list.iter_mut().for_each(|one| strip(one, named)),
        Value::Object(members) => {
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    members.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = members.get_mut("oneOf") {
                choices.retain(|choice| choice["type"] != "null");
            }
            if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
                named.push(name.to_owned());
            }
            members.values_mut().for_each(|one| strip(one, named));
        }
        _ => {}
    }
}

fn openapi(base: &str) -> OpenApi {
    let mut paths = PathsBuilder::new();
    for route in routes() {
        let operation = operation(route);
        let mut item = PathItem::new(method(route.verb), operation.clone());
        if route.verb == Verb::Get {
            let mut head = operation;
            head.operation_id = Some(format!("{}Head", route.name));
            item.head = Some(head);
        }
        paths = paths.path(route.path, item);
    }
    let description = "Forms of Finnish maternity and child health clinics to care plans in the patient record. Every error is a FHIR \
        OperationOutcome: each issue tells what is wrong (details.text), where (expression), and what would make it right (diagnostics). \
        Every answer carries X-Request-Id; send one of up to 64 letters, digits, `-`, `_`, `.` to have it echoed.";
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("neuvola-adapter").version(env!("CARGO_PKG_VERSION")).description(Some(description)).build())
        .servers(Some([ServerBuilder::new().url(base).build()]))
        .paths(paths.build())
        .components(Some(schema::add_to(ComponentsBuilder::new()).security_scheme(BEARER, bearer()).build()))
        .build()
}

fn operation(route: &Route) -> Operation {
    let mut operation = OperationBuilder::new()
        .operation_id(Some(route.name))
        .tag(if route.path.starts_with("/fhir") {
            "fhir"
        } else if route.path.starts_with("/forms") {
            "forms"
        } else if route.path.starts_with("/callback-requests") {
            "callback requests"
        } else {
            "service"
        })
        .summary(Some(route.summary))
        .request_body(body(route.takes));
    for parameter in parameters(route) {
        operation = operation.parameter(parameter);
    }
    let mut statuses: Vec<u16> = EVERYWHERE.iter().chain(route.statuses).copied().collect();
    if route.takes.is_body() {
        statuses.extend(WITH_BODY);
    }
    if !route.roles.is_empty() {
        statuses.extend([401, 403]);
        operation = operation.security(SecurityRequirement::new(BEARER, [""; 0]));
        let roles: Vec<&str> = route.roles.iter().map(|role| role.code()).collect();
        operation = operation.description(Some(format!("For callers in the role {}.", roles.join(", "))));
    }
    statuses.sort_unstable();
    statuses.dedup();
    for status in statuses {
        let (meaning, schema, media) = match status {
            304 => ("The same as what is known by that ETag", None, JSON),
            200 | 201 => {
                let (schema, media) = good(route.gives);
                let meaning = match (status, route.gives) {
                    (201, _) => "Something was written",
                    (_, Gives::Receipt) => "A repeat: the same receipt as before, to the byte",
                    (200, Gives::Outcome) if route.statuses.contains(&201) => "A repeat: the same outcome as before",
                    _ => "All is well",
                };
                (meaning, Some(schema), media)
            }
            _ => (reason(status), Some("OperationOutcome"), FHIR),
        };
        let mut response = ResponseBuilder::new().description(meaning);
        if let Some(schema) = schema {
            let content = || Content::new(Some(RefOr::<Schema>::Ref(Ref::from_schema_name(schema))));
            response = response.content(media, content());
            if media == FHIR {
                response = response.content(FHIR_XML, content());
            }
            if status == 200 && route.gives == Gives::Preview {
                let bundle = || Content::new(Some(RefOr::<Schema>::Ref(Ref::from_schema_name("Resource"))));
                response = response.content(FHIR, bundle()).content(FHIR_XML, bundle());
            }
        }
        operation = operation.response(status.to_string(), response.build());
    }
    operation.build()
}

fn method(verb: Verb) -> HttpMethod {
    match verb {
        Verb::Get => HttpMethod::Get,
        Verb::Post => HttpMethod::Post,
        Verb::Put => HttpMethod::Put,
        Verb::Patch => HttpMethod::Patch,
        Verb::Delete => HttpMethod::Delete,
    }
}

fn body(takes: Takes) -> Option<RequestBody> {
    let (schema, description) = match takes {
        Takes::Nothing | Takes::Search | Takes::TaskSearch | Takes::Days => return None,
        Takes::Submission => ("Submission", "The submission".to_owned()),
        Takes::Response(name) => ("Resource", format!("A QuestionnaireResponse, bare or in Parameters as `{name}`")),
        Takes::Contact => ("Contact", "The contact".to_owned()),
        Takes::Task => ("Resource", "A Task of the profile callback-task".to_owned()),
        Takes::Subscription => ("Resource", "A Subscription, as the R5 Backport IG for R4 has it".to_owned()),
        Takes::Parameters => ("Resource", "Parameters of the operation".to_owned()),
        Takes::Patch => return Some(other("application/json-patch+json", "JsonPatch", "Operations on the Task as it is read")),
        Takes::TaskSearchForm => return Some(other("application/x-www-form-urlencoded", "TaskSearch", "Search parameters, as in a URL")),
    };
    let content = || {
        let mut content = Content::new(Some(RefOr::<Schema>::Ref(Ref::from_schema_name(schema))));
        content.example = example(takes);
        content
    };
    let body = RequestBodyBuilder::new().description(Some(description)).required(Some(Required::True));
    let body = body.content(JSON, content()).content(FHIR, content());
    Some(if schema == "Resource" { body.content(FHIR_XML, content()) } else { body }.build())
}

/// A body to begin with.
fn example(takes: Takes) -> Option<Value> {
    match takes {
        Takes::Contact => Some(json!({
            "id": {"system": "https://chat.example/contacts", "value": "c-1"},
            "received": "2026-11-16T10:12:00+02:00",
            "queue": "maternity-child-health",
            "topic": "breastfeeding",
            "channel": "phone",
            "phone": "+358401234567",
            "municipality": "743",
            "person": {"identifier": {"system": "urn:oid:1.2.246.21", "value": "010594Y9032"}}
        })),
        Takes::Subscription => Some(json!({
            "resourceType": "Subscription",
            "status": "requested",
            "reason": "callback requests of our clinic",
            "criteria": TOPIC,
            "_criteria": {"extension": [{
                "url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria",
                "valueString": "Task?owner=Organization/seinajoki"
            }]},
            "channel": {
                "type": "rest-hook",
                "endpoint": "https://ehr.example/notify",
                "header": ["Authorization: Bearer …"],
                "payload": "application/fhir+json",
                "_payload": {"extension": [{
                    "url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content",
                    "valueCode": "id-only"
                }]}
            }
        })),
        _ => None,
    }
}

fn bearer() -> SecurityScheme {
    let description = "A caller's token. While no callers are configured, whoever reaches the loopback interface may send forms without.";
    SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build())
}

fn other(media: &str, schema: &str, what: &str) -> RequestBody {
    let content = Content::new(Some(RefOr::<Schema>::Ref(Ref::from_schema_name(schema))));
    RequestBodyBuilder::new().description(Some(what)).required(Some(Required::True)).content(media, content).build()
}

fn parameters(route: &Route) -> Vec<Parameter> {
    let parameter = |name: &str, place: ParameterIn, what: &str, schema: ObjectBuilder| {
        let is_needed = place == ParameterIn::Path || name == "If-Match";
        let required = if is_needed { Required::True } else { Required::False };
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .description(Some(what))
            .schema(Some(schema.build()))
            .build()
    };
    let string = || ObjectBuilder::new().schema_type(Type::String);
    let mut all = Vec::new();
    if route.path.contains("{form}") {
        all.push(parameter("form", ParameterIn::Path, "pregnancy, four-months, eighteen-months, four-years", string()));
    }
    if route.path.contains("{type}") {
        all.push(parameter("type", ParameterIn::Path, "Type of resource", string().enum_values(Some(KNOWLEDGE))));
    }
    if route.path.contains("{id}") {
        all.push(parameter("id", ParameterIn::Path, "Logical id", string()));
    }
    if route.path.contains("{version}") {
        all.push(parameter("version", ParameterIn::Path, "meta.versionId", string()));
    }
    if matches!(route.verb, Verb::Put | Verb::Patch) {
        all.push(parameter("If-Match", ParameterIn::Header, "ETag of the version that is changed; 428 without", string()));
    }
    if route.name == "guidance" {
        let plan = "Canonical of the PlanDefinition, where several have rules for the response's Questionnaire";
        all.push(parameter("plan", ParameterIn::Query, plan, string()));
        let language = "Of the texts, counts over Accept-Language; fi where neither says";
        all.push(parameter("language", ParameterIn::Query, language, string().enum_values(Some(["fi", "sv", "en"]))));
    }
    if route.takes == Takes::TaskSearch {
        let known = crate::task::search::PARAMETERS.iter();
        all.extend(known.map(|known| parameter(known.name, ParameterIn::Query, known.what, string())));
        let shaping = crate::task::search::SHAPING.iter();
        all.extend(shaping.map(|known| parameter(known.name, ParameterIn::Query, known.what, string())));
    }
    if route.takes == Takes::Days {
        let day = || string().format(Some(SchemaFormat::KnownFormat(KnownFormat::Date)));
        all.push(parameter(
            "from",
            ParameterIn::Query,
            "A day of the first month, in Finland; 27 days before `until` if left out. Whole months are counted",
            day(),
        ));
        all.push(parameter("until", ParameterIn::Query, "A day of the last month, at most 400 days in all; today if left out", day()));
    }
    if route.takes == Takes::Search {
        let known = told(kind_of(route.path));
        all.extend(known.iter().map(|known| parameter(known.name, ParameterIn::Query, known.what, string())));
        let number = || ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let most = number().maximum(Some(super::search::MOST));
        all.push(parameter("_count", ParameterIn::Query, "Entries of a page at most", most));
        all.push(parameter("_offset", ParameterIn::Query, "Entries before the page", number()));
    }
    all
}

fn good(gives: Gives) -> (&'static str, &'static str) {
    match gives {
        Gives::Receipt => ("Receipt", JSON),
        Gives::ContactReceipt => ("ContactReceipt", JSON),
        Gives::Preview => ("Preview", JSON),
        Gives::Outcome => ("OperationOutcome", FHIR),
        Gives::Resource => ("Resource", FHIR),
        Gives::Health => ("Health", JSON),
        Gives::OpenApi => ("OpenApi", JSON),
        Gives::Statistics => ("Statistics", JSON),
        Gives::Metrics => ("Metrics", OPEN_METRICS),
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "The body cannot be read, or a parameter makes no sense",
        401 => "The caller is unknown: no token, or nobody's",
        403 => "The caller has none of the roles that may",
        404 => "There is no such form or resource, or it is not the caller's to see",
        406 => "Nothing that is accepted can be answered: FHIR in JSON and XML, all else in JSON",
        408 => "The body came too slowly",
        409 => "Another proposal, other content under the same id, or several patients",
        410 => "It was finished and purged",
        412 => "Somebody else changed it since the version in If-Match, or several fulfil the condition",
        428 => "A change must name its version in If-Match",
        413 => "The body is too large",
        415 => "FHIR is read in JSON and XML, our own in JSON",
        422 => "What the body says does not fit: every fault is listed",
        502 => "The record system refused, or its answer makes no sense",
        503 => "The record system does not answer, or too much is under way: come again after Retry-After",
        504 => "The record system was too slow; the outcome is unknown, repeating is safe",
        _ => "Our fault",
    }
}

const BEARER: &str = "bearer";
const FHIR: &str = "application/fhir+json";
const FHIR_XML: &str = "application/fhir+xml";
const EVERYWHERE: [u16; 2] = [406, 500];
const WITH_BODY: [u16; 5] = [400, 408, 413, 415, 503];
