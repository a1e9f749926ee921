//! Callback requests as they come in and are worked on, where two readings were possible: what an attempt is, what the same
//! contact is, how large and how old a request may be, and where a fault is told.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Site, contact};

const PATCH: &str = "application/json-patch+json";
const NO_ANSWER: &str = "no-answer";
const ATTEMPTS: &str = "https://neuvola-adapter.example/fhir/StructureDefinition/callback-attempts";

impl Site {
    /// A contact of the chat platform, as its owner reads the Task.
    async fn left(&self, id: &str) -> Value {
        let receipt = self.leave(&contact(id)).await.expect(201);
        self.get("ehr-seinajoki", &format!("/fhir/{}", receipt["task"].as_str().unwrap())).await.expect(200)
    }

    async fn changed(&self, method: Method, task: &Value, body: &Value) -> Answer {
        let path = format!("/fhir/Task/{}", task["id"].as_str().unwrap());
        let tag = format!("W/\"{}\"", task["meta"]["versionId"].as_str().unwrap());
        let media = if method == Method::PATCH { PATCH } else { "application/fhir+json" };
        self.send(method, "ehr-seinajoki", &path, Some(&tag), Some(body), media).await
    }

    async fn leave_as(&self, caller: &str, contact: &Value) -> Answer {
        self.send(Method::POST, caller, "/callback-requests", None, Some(contact), "application/json").await
    }
}

fn attempts(task: &Value) -> u64 {
    task["businessStatus"]["extension"][0]["valuePositiveInt"].as_u64().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_say_no_answer_again_is_counted_or_refused() {
    let site = Site::new().await;
    let task = site.left("attempts").await;
    let status = |code: &str| json!({"coding": [{"system": "https://neuvola-adapter.example/fhir/CodeSystem/callback-business-status", "code": code}]});
    let whole = json!([{"op": "add", "path": "/businessStatus", "value": status(NO_ANSWER)}]);
    let code = json!([{"op": "replace", "path": "/businessStatus/coding/0/code", "value": NO_ANSWER}]);
    let mut task = site.changed(Method::PATCH, &task, &whole).await.expect(200);
    assert_eq!(attempts(&task), 1);
    for (number, patch) in [(2, &code), (3, &whole), (4, &code)] {
        task = site.changed(Method::PATCH, &task, patch).await.expect(200);
        assert_eq!((attempts(&task), task["note"].as_array().unwrap().len()), (number, usize::try_from(number).unwrap()), "{patch}");
    }
    // a note alone is none
    let note = json!([{"op": "add", "path": "/note/-", "value": {"text": "her sister called"}}]);
    task = site.changed(Method::PATCH, &task, &note).await.expect(200);
    assert_eq!(attempts(&task), 4);
    // by PUT, the next number and no other
    let mut sent = task.clone();
    sent["businessStatus"]["extension"][0]["valuePositiveInt"] = json!(77);
    let refused = site.changed(Method::PUT, &task, &sent).await.refused(422);
    assert_eq!(refused[0], "attempts Task.businessStatus");
    sent["businessStatus"] = status(NO_ANSWER);
    assert_eq!(site.changed(Method::PUT, &task, &sent).await.refused(422)[0], "attempts Task.businessStatus");
    sent["businessStatus"]["extension"] = json!([{"url": ATTEMPTS, "valuePositiveInt": 5}]);
    task = site.changed(Method::PUT, &task, &sent).await.expect(200);
    assert_eq!(attempts(&task), 5);
    let same = site.changed(Method::PUT, &task, &task).await.expect(200);
    assert_eq!(same["meta"]["versionId"], task["meta"]["versionId"]);
    let allowed = site.get("ehr-seinajoki", &format!("/fhir/Task/{}/$allowed-transitions", task["id"].as_str().unwrap())).await.expect(200);
    assert!(allowed["parameter"].as_array().unwrap().iter().any(|parameter| parameter["name"] == "attempt"), "{allowed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_of_long_ago_or_of_another_calendar_is_refused_where_it_says_so() {
    let site = Site::new().await;
    for received in ["0001-01-01T10:12:00Z", "1919-05-01T10:12:00+02:00", "2026-01-01T10:12:00+02:00", "2199-01-01T10:12:00+02:00"] {
        let mut old = contact("old");
        old["received"] = json!(received);
        let refused = site.leave(&old).await.refused(422);
        assert!(["too-old received", "future received"].contains(&refused[0].as_str()) && refused.len() == 1, "{received}: {refused:?}");
    }
    let mut late = contact("late");
    late["received"] = json!("2026-09-20T10:12:00+03:00");
    site.leave(&late).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tester_who_speaks_for_several_leaves_contacts_of_the_first() {
    let site = Site::new().await;
    let receipt = site.leave_as("tester", &contact("of-a-tester")).await.expect(201);
    let task = site.get("tester", &format!("/fhir/{}", receipt["task"].as_str().unwrap())).await.expect(200);
    assert_eq!(task["requester"]["reference"], "Organization/advice-service");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_contact_in_another_offset_is_the_same_contact() {
    let site = Site::new().await;
    let first = site.leave(&contact("offset")).await.expect(201);
    let mut again = contact("offset");
    again["received"] = json!("2026-11-16T08:12:00Z");
    assert_eq!(site.leave(&again).await.expect(200)["task"], first["task"]);
    again["received"] = json!("2026-11-16T08:12:01Z");
    site.leave(&again).await.refused(409);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_contact_has_its_place_in_the_contact() {
    let site = Site::new().await;
    let with = |name: &str, value: Value| {
        let mut wrong = contact("faults");
        wrong[name] = value;
        wrong
    };
    for (wrong, issues) in [
        (with("ownClinic", json!("Organization/nowhere")), vec!["own-clinic ownClinic"]),
        (with("id", json!({"system": "no system", "value": "1"})), vec!["identifier id.system"]),
        (with("received", json!("2000-01-01T10:12:00Z")), vec!["too-old received"]),
        (
            with("preferredTimes", json!(vec![json!({"start": "2026-11-16T10:00:00Z", "end": "2026-11-16T11:00:00Z"}); 41])),
            vec!["too-long preferredTimes"],
        ),
    ] {
        assert_eq!(site.leave(&wrong).await.refused(422), issues, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_read_can_be_sent_back() {
    let site = Site::new().await;
    let mut task = site.left("large").await;
    let note = json!([{"op": "add", "path": "/note", "value": [{"text": "a".repeat(60_000)}]}]);
    task = site.changed(Method::PATCH, &task, &note).await.expect(200);
    let more = json!([{"op": "add", "path": "/note/-", "value": {"text": "b".repeat(60_000)}}]);
    assert_eq!(site.changed(Method::PATCH, &task, &more).await.refused(422)[0], "too-long Task");
    let mut accepted = task.clone();
    accepted["status"] = json!("accepted");
    site.changed(Method::PUT, &task, &accepted).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_there_is_not_is_told_by_searches_and_refused_by_filters() {
    let site = Site::new().await;
    let found = site.get("ehr-seinajoki", "/fhir/Task?queue=foo").await.expect(200);
    let outcome = found["entry"].as_array().unwrap().iter().find(|entry| entry["search"]["mode"] == "outcome");
    assert_eq!(outcome.unwrap()["resource"]["issue"][0]["details"]["coding"][0]["code"], "finds-nothing", "{found}");
    for filter in ["Task?queue=foo", "Task?owner=Organization/nowhere"] {
        let subscription = json!({
            "resourceType": "Subscription", "status": "requested", "reason": "tested",
            "criteria": "https://neuvola-adapter.example/fhir/SubscriptionTopic/callback-task-changed",
            "_criteria": {"extension": [{
                "url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-filter-criteria", "valueString": filter
            }]},
            "channel": {
                "type": "rest-hook", "endpoint": "http://127.0.0.1:9/", "payload": "application/fhir+json",
                "_payload": {"extension": [{
                    "url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-payload-content",
                    "valueCode": "id-only"
                }]}
            }
        });
        let answer = site.send(Method::POST, "ehr-seinajoki", "/fhir/Subscription", None, Some(&subscription), "application/fhir+json");
        assert_eq!(answer.await.refused(422), ["filter Subscription.criteria"], "{filter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_document_says_who_may_and_what_must_be_there() {
    let site = Site::new().await;
    let document = site.get("ehr-seinajoki", "/openapi.json").await.expect(200);
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
    let put = &document["paths"]["/fhir/Task/{id}"]["put"];
    assert!(put["security"][0]["bearer"].is_array() && put["description"].as_str().unwrap().contains("owner"), "{put}");
    let if_match = put["parameters"].as_array().unwrap().iter().find(|parameter| parameter["name"] == "If-Match").unwrap();
    assert_eq!(if_match["required"], true);
    let contact = &document["components"]["schemas"]["Contact"]["properties"];
    assert_eq!(
        (&contact["phone"]["type"], &contact["takenBy"]["oneOf"][0]["$ref"]),
        (&json!("string"), &json!("#/components/schemas/Taker"))
    );
    let subscription = &document["paths"]["/fhir/Subscription"]["post"]["requestBody"]["content"]["application/fhir+json"]["example"];
    assert_eq!(subscription["channel"]["type"], "rest-hook");
}
