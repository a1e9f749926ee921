//! What is true of every route, and of the process as a whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use neuvola_adapter::config::Limits;
use neuvola_adapter::record::{
    Coding, EarlierPlan, FhirApi, Identifier, Patient, PatientFault, PatientRecord, PlanFault, RecordError, Sought, Stored, Transaction,
    Update,
};
use reqwest::Method;
use serde_json::Value;

use super::wire::Wire;
use crate::world::{CHILD, World, form, start_sandbox};

/// A record that takes its time to write, and panics when asked whether it is ready.
struct Odd {
    record: FhirApi,
    pause: Duration,
}

#[async_trait]
impl PatientRecord for Odd {
    async fn find_patients(&self, identifiers: &[Identifier]) -> Result<Vec<Result<Patient, PatientFault>>, RecordError> {
        assert!(identifiers.iter().all(|identifier| identifier.value == CHILD), "a payload nobody may see: {CHILD}");
        self.record.find_patients(identifiers).await
    }

    async fn find_written(&self, resource_type: &str, keys: &[Coding]) -> Result<Vec<Stored>, RecordError> {
        self.record.find_written(resource_type, keys).await
    }

    async fn find_plan(&self, sought: &Sought) -> Result<Result<EarlierPlan, PlanFault>, RecordError> {
        self.record.find_plan(sought).await
    }

    async fn restore(&self, updates: &[Update], stored: &[Stored]) -> Result<(), RecordError> {
        self.record.restore(updates, stored).await
    }

    async fn submit(&self, transaction: &Transaction) -> Result<Vec<Stored>, RecordError> {
        tokio::time::sleep(self.pause).await;
        self.record.submit(transaction).await
    }

    async fn annul(&self, stored: &[Stored]) -> Result<(), RecordError> {
        self.record.annul(stored).await
    }

    async fn ready(&self) -> Result<(), RecordError> {
        panic!("a payload nobody may see: {CHILD}")
    }
}

async fn odd_world(limits: Limits) -> World {
    let base = start_sandbox();
    let record = Odd { record: crate::record::at(&base), pause: Duration::from_millis(800) };
    World::before(base, Arc::new(record), limits).await
}

#[tokio::test]
async fn a_panic_is_an_answer_without_its_payload_and_the_next_request_is_served() {
    let world = odd_world(Limits::default()).await;
    let answer = world.get("/health/ready").await;
    assert_eq!(answer.refused(500), ["internal"]);
    assert!(!answer.text.contains("payload") && !answer.header("x-request-id").is_empty());

    let mut stranger = form("1");
    stranger["persons"][0]["identifier"]["value"] = "020504A902E".into();
    let submission = world.decided("four-months", &stranger).await;
    let answer = world.post("/forms/four-months/submissions", &submission).await;
    assert_eq!(answer.refused(500), ["internal"], "in a task of its own too");
    assert!(!answer.text.contains("payload"));
    world.get("/health/live").await.expect(200);
}

#[tokio::test]
async fn what_was_begun_is_finished_when_its_client_goes_away() {
    let world = odd_world(Limits::default()).await;
    world.patient(CHILD).await;
    let submission = world.decided("four-months", &form("1")).await.to_string();
    let mut wire = Wire::to(world.address).await;
    wire.post("/forms/four-months/submissions", &format!("Content-Length: {}", submission.len())).await;
    wire.say(&submission).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(wire);
    world.nothing_is_written().await;
    for _ in 0..50 {
        if world.held("CarePlan").await == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("it was not finished");
}

#[tokio::test]
async fn stopping_finishes_what_was_begun_and_takes_nothing_new() {
    let mut world = odd_world(Limits::default()).await;
    world.patient(CHILD).await;
    let submission = world.decided("four-months", &form("1")).await.to_string();
    let mut wire = Wire::to(world.address).await;
    wire.post("/forms/four-months/submissions", &format!("Content-Length: {}", submission.len())).await;
    wire.say(&submission).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    world.stop();
    assert_eq!(wire.reply().await.status, 201);
    world.served.take().unwrap().await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(world.address).await.is_err(), "nobody listens any more");
    assert_eq!(world.held("CarePlan").await, 1);
}

#[tokio::test]
async fn stopping_waits_for_work_whose_client_went_away_but_not_for_ever() {
    for (patience, written) in [(Duration::from_secs(10), 1), (Duration::from_millis(100), 0)] {
        let mut world = odd_world(Limits { shutdown_timeout: patience, ..Limits::default() }).await;
        world.patient(CHILD).await;
        let submission = world.decided("four-months", &form("1")).await.to_string();
        let mut wire = Wire::to(world.address).await;
        wire.post("/forms/four-months/submissions", &format!("Content-Length: {}", submission.len())).await;
        wire.say(&submission).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(wire);
        world.stop();
        world.served.take().unwrap().await.unwrap().unwrap();
        assert_eq!(world.held("CarePlan").await, written, "{patience:?}");
    }
}

#[tokio::test]
async fn every_answer_carries_the_request_s_id_and_the_headers_of_an_api() {
    let world = World::new().await;
    for (path, status) in [("/health/live", 200), ("/nowhere", 404), ("/fhir/metadata?_format=ttl", 406)] {
        for (given, echoed) in [("a.b_c-1", true), ("has space", false), ("", false), (&*"x".repeat(65), false), ("<script>", false)] {
            let request = world.client.get(format!("{}{path}", world.adapter)).header("x-request-id", given);
            let answer = world.send(request).await;
            assert_eq!(answer.status, status);
            let id = answer.header("x-request-id");
            assert_eq!(id == given, echoed, "{given}");
            assert!(echoed || id.parse::<uuid::Uuid>().is_ok_and(|id| id.get_version_num() == 4), "{id}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.header("cache-control"), "no-store");
        }
    }
}

#[tokio::test]
async fn our_own_is_answered_in_json_only() {
    let world = World::new().await;
    for path in ["/openapi.json", "/health/live"] {
        for accept in ["text/html", "application/json;q=0"] {
            let request = world.client.get(format!("{}{path}", world.adapter)).header("accept", accept);
            assert_eq!(world.send(request).await.refused(406), ["accept"], "{path} {accept}");
        }
        assert_eq!(world.get(&format!("{path}?_format=xml")).await.status, 406);
        assert_eq!(world.get(&format!("{path}?_format=ttl")).await.refused(406), ["accept"]);
        let browser = world.client.get(format!("{}{path}", world.adapter)).header("accept", "text/html,application/xml;q=0.9,*/*;q=0.8");
        world.send(browser).await.expect(200);
    }
}

/// Paths of the OpenAPI document with every type put in, each with its methods in capitals.
fn described(document: &Value) -> Vec<(String, Vec<String>)> {
    let mut described = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let mut methods: Vec<String> = item.as_object().unwrap().keys().map(|method| method.to_ascii_uppercase()).collect();
        methods.sort();
        let parameters = item.as_object().unwrap().values().next().unwrap()["parameters"].as_array().cloned().unwrap_or_default();
        let types = parameters.iter().find(|parameter| parameter["name"] == "type").map(|parameter| &parameter["schema"]["enum"]);
        match types.and_then(Value::as_array) {
            Some(types) => described.extend(types.iter().map(|kind| (path.replace("{type}", kind.as_str().unwrap()), methods.clone()))),
            None => described.push((path.clone(), methods)),
        }
    }
    described
}

#[tokio::test]
async fn the_openapi_document_names_exactly_what_is_answered() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.expect(200);
    for (path, methods) in described(&document) {
        let path = path.replace("{form}", "four-months").replace("{id}", "none");
        for method in [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
            let answer = world.send(world.client.request(method.clone(), format!("{}{path}", world.adapter))).await;
            let is_described = methods.iter().any(|known| known == method.as_str());
            assert_eq!(answer.status != 405, is_described, "{method} {path}");
            if !is_described {
                let mut allowed: Vec<_> = answer.header("allow").split(", ").collect();
                allowed.sort_unstable();
                assert_eq!(allowed, methods, "{method} {path}");
                if method != Method::HEAD {
                    assert_eq!(answer.refused(405), ["method"]);
                }
            }
        }
    }
}

#[tokio::test]
async fn the_capability_statement_and_the_openapi_document_tell_the_same() {
    let world = World::with_tasks().await;
    let document = world.get("/openapi.json").await.expect(200);
    let statement = world.get("/fhir/metadata").await.expect(200);
    assert_eq!((&statement["resourceType"], &statement["fhirVersion"]), (&"CapabilityStatement".into(), &"4.0.1".into()));
    assert_eq!(statement["implementation"]["url"], format!("{}/fhir", world.adapter));
    let mut told = BTreeSet::from(["GET /fhir/metadata".to_owned()]);
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        for interaction in resource["interaction"].as_array().into_iter().flatten() {
            told.insert(match interaction["code"].as_str().unwrap() {
                "read" => format!("GET /fhir/{kind}/{{id}}"),
                "vread" => format!("GET /fhir/{kind}/{{id}}/_history/{{version}}"),
                "history-instance" => format!("GET /fhir/{kind}/{{id}}/_history"),
                "search-type" => format!("GET /fhir/{kind}"),
                "create" => format!("POST /fhir/{kind}"),
                "update" => format!("PUT /fhir/{kind}/{{id}}"),
                "patch" => format!("PATCH /fhir/{kind}/{{id}}"),
                "delete" => format!("DELETE /fhir/{kind}/{{id}}"),
                other => panic!("{other}"),
            });
        }
        for operation in resource["operation"].as_array().into_iter().flatten() {
            told.insert(format!("/fhir/{kind}/${}", operation["name"].as_str().unwrap()));
        }
    }
    let mut in_document = BTreeSet::new();
    for (path, methods) in described(&document).into_iter().filter(|(path, _)| path.starts_with("/fhir")) {
        if path.contains('$') {
            // one operation, whether on a type or on an instance
            in_document.insert(path.replace("/{id}", ""));
        } else if !path.ends_with("/_search") {
            in_document.extend(methods.iter().filter(|method| *method != "HEAD").map(|method| format!("{method} {path}")));
        }
    }
    assert_eq!(told, in_document);
}

#[tokio::test]
async fn every_schema_that_the_openapi_document_names_is_there() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.expect(200);
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let text = document.to_string();
    for reference in text.split("\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(schemas.contains_key(reference), "{reference}");
    }
}

/// An unknown member is answered with the known ones: what is read is what is described.
#[tokio::test]
async fn the_described_submission_is_the_one_that_is_read() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.expect(200);
    let mut strange = world.decided("four-months", &form("1")).await;
    strange["decision"]["plans"][0]["services"] = serde_json::json!([{}, {"x": 1}]);
    strange["decision"]["plans"][0]["alerts"] = serde_json::json!([{"x": 1}]);
    for place in ["", "/id", "/persons/0", "/professional/0", "/decision", "/decision/plans/0", "/decision/plans/0/services/0", "/author"] {
        strange.pointer_mut(place).unwrap()["x"] = 1.into();
    }
    let outcome = world.post("/forms/four-months/preview", &strange).await.expect(422);
    let schemas = &document["components"]["schemas"];
    for (place, schema) in [
        ("x", "Submission"),
        ("id.x", "Identifier"),
        ("persons[0].x", "Person"),
        ("professional[0].x", "Section"),
        ("decision.x", "Decision"),
        ("decision.plans[0].x", "PlanDecision"),
        ("decision.plans[0].services[0].x", "ServiceDecision"),
        ("decision.plans[0].alerts[0].x", "Acknowledgement"),
        ("author.x", "Party"),
    ] {
        let issue = outcome["issue"].as_array().unwrap().iter().find(|issue| issue["expression"][0] == place);
        let known = issue.unwrap_or_else(|| panic!("{place}: {outcome}"))["diagnostics"].as_str().unwrap();
        let mut known: Vec<&str> = known.strip_prefix("known here: ").unwrap().split(", ").collect();
        let mut described: Vec<&str> = schemas[schema]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        known.sort_unstable();
        known.dedup();
        described.sort_unstable();
        assert_eq!(described, known, "{schema}");
    }
}
