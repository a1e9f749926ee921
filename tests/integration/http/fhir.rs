//! What lies under `/fhir`.

use serde_json::{Value, json};

use crate::world::{CHILD, IDENTITY_CODE, World, form};

const PROCESS: &str = "/fhir/Questionnaire/$process-response";
const VALIDATE: &str = "/fhir/QuestionnaireResponse/$validate";

/// The child's own response, as the adapter makes it of the form.
pub(super) async fn response(world: &World) -> Value {
    world.patient(CHILD).await;
    let submission = world.decided("four-months", &form("made")).await;
    let receipt = world.post("/forms/four-months/submissions", &submission).await.expect(201);
    let mut response = world.read(receipt["persons"][0]["written"][0]["reference"].as_str().unwrap()).await;
    response.as_object_mut().unwrap().remove("id");
    response.as_object_mut().unwrap().remove("extension");
    response["meta"].as_object_mut().unwrap().retain(|name, _| name == "tag");
    response["subject"] = json!({"identifier": {"system": IDENTITY_CODE, "value": CHILD}});
    response["identifier"] = json!({"system": "https://lomakepalvelu.example/responses", "value": "r-1"});
    response
}

fn in_parameters(name: &str, response: &Value) -> Value {
    json!({"resourceType": "Parameters", "parameter": [{"name": name, "resource": response}]})
}

#[tokio::test]
async fn a_valid_response_is_told_to_be_valid_bare_and_in_parameters() {
    let world = World::new().await;
    let response = response(&world).await;
    for body in [response.clone(), in_parameters("resource", &response)] {
        let answer = world.post(VALIDATE, &body).await;
        assert_eq!(answer.refused(200), ["valid"]);
        assert_eq!(answer.expect(200)["issue"][0]["severity"], "information");
    }
}

#[tokio::test]
async fn an_invalid_response_is_answered_200_with_every_fault() {
    let world = World::new().await;
    let mut response = response(&world).await;
    response["status"] = json!("done");
    response["item"] = json!([{"linkId": "no-such-item"}]);
    let answer = world.post(VALIDATE, &response).await;
    let faults = answer.refused(200);
    assert!(faults.iter().any(|fault| fault == "wrong-type QuestionnaireResponse.status"), "{faults:?}");
    assert!(faults.len() > 3, "{faults:?}");
    response["questionnaire"] = json!("https://example.org/Questionnaire/unknown|1");
    let faults = world.post(VALIDATE, &response).await.refused(200);
    assert_eq!(faults, ["unknown-questionnaire QuestionnaireResponse.questionnaire", "wrong-type QuestionnaireResponse.status"]);
}

#[tokio::test]
async fn what_cannot_be_validated_is_an_error() {
    let world = World::new().await;
    let patient = json!({"resourceType": "Patient"});
    assert_eq!(world.post(VALIDATE, &patient).await.refused(400), ["not-a-response resourceType"]);
    let faults = world.post(VALIDATE, &in_parameters("resource", &patient)).await.refused(400);
    assert_eq!(faults, ["not-a-response Parameters.parameter[0].resource.resourceType"]);
    let faults = world.post(VALIDATE, &in_parameters("response", &json!({"resourceType": "QuestionnaireResponse"}))).await.refused(400);
    assert_eq!(faults, ["parameter Parameters.parameter[0]"]);
    let bare = json!({"resourceType": "QuestionnaireResponse"});
    assert_eq!(world.post(&format!("{VALIDATE}?profile=http://a.example/p"), &bare).await.refused(400), ["parameter"]);
    let deleting = world.post(&format!("{VALIDATE}?mode=delete"), &bare).await;
    assert_eq!(deleting.refused(400), ["parameter"]);
    assert!(deleting.text.contains("leave `mode` out, or say `create` or `update`"), "{}", deleting.text);
    world.post(&format!("{VALIDATE}?mode=create&_format=json"), &bare).await.refused(200);
}

#[tokio::test]
async fn a_response_is_written_once_under_its_own_identifier() {
    let world = World::new().await;
    let response = response(&world).await;
    let before = world.held("QuestionnaireResponse").await;
    let first = world.post(PROCESS, &in_parameters("in", &response)).await;
    assert_eq!(first.refused(201), ["written"]);
    assert_eq!(world.held("QuestionnaireResponse").await, before + 1);
    for body in [response.clone(), in_parameters("response", &response), in_parameters("questionnaire-response", &response)] {
        let again = world.post(PROCESS, &body).await;
        again.refused(200);
        assert_eq!(again.text, first.text);
    }
    let spaced = format!("{response:#}");
    world.post_text(PROCESS, spaced).await.refused(200);
    let id = response["questionnaire"].as_str().unwrap().rsplit('/').next().unwrap().split('|').next().unwrap().to_owned();
    world.post(&format!("/fhir/Questionnaire/{id}/$process-response"), &response).await.refused(200);
    assert_eq!(world.held("QuestionnaireResponse").await, before + 1);

    let text = first.expect(201)["issue"][0]["details"]["text"].as_str().unwrap().to_owned();
    let stored = world.read(text.rsplit(' ').next().unwrap()).await;
    assert!(stored["subject"]["reference"].as_str().unwrap().starts_with("Patient/"));
    assert_eq!(stored["identifier"], response["identifier"]);
    assert_eq!(stored["meta"]["tag"].as_array().unwrap().len(), 2, "the tags it came with are not kept: {}", stored["meta"]);

    let mut other = response.clone();
    other["authored"] = json!("2026-11-11T18:20:00+02:00");
    assert_eq!(world.post(PROCESS, &other).await.refused(409), ["other-content QuestionnaireResponse.subject"]);
}

#[tokio::test]
async fn a_response_that_cannot_be_taken_in_is_told_every_reason() {
    let world = World::new().await;
    let response = response(&world).await;
    let before = world.held("QuestionnaireResponse").await;
    let mut broken = response.clone();
    broken["status"] = json!("in-progress");
    broken["subject"] = json!({"reference": "Patient/1"});
    broken.as_object_mut().unwrap().remove("identifier");
    let faults = world.post(PROCESS, &broken).await.refused(422);
    for wanted in [
        "not-completed QuestionnaireResponse.status",
        "missing-member QuestionnaireResponse.identifier.value",
        "missing-member QuestionnaireResponse.subject.identifier.system",
    ] {
        assert!(faults.iter().any(|fault| fault == wanted), "{wanted}: {faults:?}");
    }
    let mut broken = response.clone();
    broken["colour"] = json!("red");
    world.post(PROCESS, &broken).await.refused(422);
    let answer = world.post("/fhir/Questionnaire/four-years-child/$process-response", &response).await;
    assert_eq!(answer.refused(422), ["other-questionnaire QuestionnaireResponse.questionnaire"]);
    assert_eq!(world.post("/fhir/Questionnaire/nope/$process-response", &response).await.refused(404), ["not-found"]);
    let mut stranger = response;
    stranger["subject"]["identifier"]["value"] = json!("020504A902E");
    stranger["identifier"]["value"] = json!("r-2");
    assert_eq!(world.post(PROCESS, &stranger).await.refused(422), ["no-patient QuestionnaireResponse.subject.identifier"]);
    assert_eq!(world.held("QuestionnaireResponse").await, before);
}

#[tokio::test]
async fn an_artifact_is_read_as_it_is_and_known_again_by_its_etag() {
    let world = World::new().await;
    let path = "/fhir/Questionnaire/four-months-child";
    let answer = world.get(path).await;
    assert_eq!(answer.expect(200)["id"], "four-months-child");
    assert_eq!(answer.header("content-type"), "application/fhir+json; charset=utf-8");
    let known = world.client.get(format!("{}{path}", world.adapter)).header("if-none-match", answer.header("etag"));
    assert_eq!(world.send(known).await.status, 304);
    let head = world.send(world.client.head(format!("{}{path}", world.adapter))).await;
    assert_eq!((head.status, head.text.len()), (200, 0));
    assert_eq!(head.header("content-length"), answer.text.len().to_string());
    assert_eq!(world.get("/fhir/Questionnaire/none").await.refused(404), ["not-found"]);
    assert_eq!(world.get("/fhir/Patient/1").await.refused(404), ["not-found"]);
    assert_eq!(world.get("/fhir/Patient").await.refused(404), ["not-found"]);
}

#[tokio::test]
async fn artifacts_are_found_by_canonical_and_version() {
    let world = World::new().await;
    let url = "https://neuvola-adapter.example/fhir/PlanDefinition/four-months";
    let found = world.get(&format!("/fhir/PlanDefinition?url={url}&version=1.0.0")).await.expect(200);
    assert_eq!((found["total"].as_u64(), &found["entry"][0]["resource"]["id"]), (Some(1), &json!("four-months")));
    assert_eq!(found["entry"][0]["fullUrl"], format!("{}/fhir/PlanDefinition/four-months", world.adapter));
    assert_eq!(world.get(&format!("/fhir/PlanDefinition?url={url}&version=9")).await.expect(200)["total"], 0);

    let mut next = Some(format!("{}/fhir/Questionnaire?_count=3", world.adapter));
    let mut ids = Vec::new();
    while let Some(url) = next {
        let page = world.send(world.client.get(url)).await.expect(200);
        ids.extend(page["entry"].as_array().unwrap().iter().map(|entry| entry["resource"]["id"].to_string()));
        let links = page["link"].as_array().unwrap();
        next = links.iter().find(|link| link["relation"] == "next").map(|link| link["url"].as_str().unwrap().to_owned());
    }
    let total = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), total), (crate::world::profiles().questionnaires().len(), ids.len()));
}

#[tokio::test]
async fn an_unknown_search_parameter_is_reported_or_refused_as_the_client_prefers() {
    let world = World::new().await;
    let answer = world.get("/fhir/Questionnaire?_count=1&colour=red").await.expect(200);
    let entries = answer["entry"].as_array().unwrap();
    assert_eq!(entries[1]["search"]["mode"], "outcome");
    assert_eq!(entries[1]["resource"]["resourceType"], "OperationOutcome");
    assert!(!answer["link"][0]["url"].as_str().unwrap().contains("colour"));
    let strict = world.client.get(format!("{}/fhir/Questionnaire?colour=red", world.adapter)).header("prefer", "handling=strict");
    assert_eq!(world.send(strict).await.refused(400), ["parameter"]);
    assert_eq!(world.get("/fhir/Questionnaire?_count=many").await.refused(400), ["parameter"]);
}

#[tokio::test]
async fn a_questionnaire_that_asks_for_much_memory_or_time_is_not_checked_throughout() {
    let world = World::new().await;
    let told = async |questionnaire: Value, items: Value| {
        let response = json!({"resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "#q",
            "contained": [questionnaire], "item": items});
        let issues = world.post(VALIDATE, &response).await.expect(200)["issue"].clone();
        issues
            .as_array()
            .unwrap()
            .iter()
            .map(|issue| issue["details"]["coding"][0]["code"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let questionnaire = |items: Vec<Value>, contained: Value| {
        let (resource_type, url) = ("Questionnaire", "https://forms.example/q");
        let mut questionnaire = json!({"resourceType": resource_type, "id": "q", "url": url, "status": "active", "item": items});
        if contained.is_object() {
            questionnaire["contained"] = json!([contained]);
        }
        questionnaire
    };
    // every code has its system with it: 100 questions of 1,000 codes with a system of 1,000 characters
    let system = format!("urn:{}", "s".repeat(1_000));
    let concepts: Vec<Value> = (0..1_000).map(|code| json!({"code": code.to_string()})).collect();
    let set = json!({"resourceType": "ValueSet", "id": "a", "status": "active", "compose": {"include": [{"system": system, "concept": concepts}]}});
    let ask = |n: usize| json!({"linkId": n.to_string(), "text": "?", "type": "choice", "answerValueSet": "#a"});
    let answer = |n: usize| json!({"linkId": n.to_string(), "answer": [{"valueCoding": {"system": system, "code": "no such"}}]});
    let faults = told(questionnaire((0..100).map(ask).collect(), set), (0..100).map(answer).collect()).await;
    assert!(faults.contains(&"not-an-option".to_owned()) && faults.contains(&"not-checked".to_owned()), "{faults:?}");

    // 6,000 conditions on 1,000 answers
    let conditions = |from: usize| -> Vec<Value> {
        (0..100).map(|n| json!({"question": "y", "operator": ">", "answerInteger": from * 100 + n + 10_000})).collect()
    };
    let hang =
        |n: usize| json!({"linkId": format!("z{n}"), "text": "?", "type": "string", "enableBehavior": "any", "enableWhen": conditions(n)});
    let mut items = vec![json!({"linkId": "y", "text": "?", "type": "integer", "repeats": true})];
    items.extend((0..60).map(hang));
    let answers: Vec<Value> = (0..1_000).map(|value| json!({"valueInteger": value})).collect();
    let faults = told(questionnaire(items, Value::Null), json!([{"linkId": "y", "answer": answers}])).await;
    assert_eq!(faults, ["not-checked"]);
}
