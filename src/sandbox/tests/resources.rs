//! Create, read, update, delete, versions.

use axum::body::Body;
use serde_json::json;

use super::{Client, ID, patient, plan};

#[tokio::test]
async fn a_created_resource_gets_an_id_of_ours_and_is_read_back_with_its_version() {
    let client = Client::new();
    let mut sent = patient("A");
    sent["id"] = json!("mine");
    let answer = client.post("/Patient", &sent).await;
    let created = answer.expect(201);
    assert_eq!(created["id"], "1");
    assert_eq!(created["meta"], json!({"versionId": "1", "lastUpdated": "2025-01-01T00:00:01.000Z"}));
    assert_eq!(answer.header("location"), "http://record.test/fhir/Patient/1/_history/1");
    assert_eq!(answer.header("etag"), "W/\"1\"");
    assert_eq!(answer.header("last-modified"), "Wed, 01 Jan 2025 00:00:01 GMT");
    let read = client.get("/Patient/1").await;
    assert_eq!(read.expect(200), created);
    assert_eq!(read.header("etag"), "W/\"1\"");
    assert_eq!(client.send("GET", "/Patient/1", &[("if-none-match", "W/\"1\"")], Body::empty()).await.status, 304);
}

#[tokio::test]
async fn numbers_keep_their_digits() {
    let client = Client::new();
    let body = r#"{"resourceType":"Observation","valueQuantity":{"value":1.200},"component":[{"valueInteger":12345678901234567890123}]}"#;
    let answer = client.send("POST", "/Observation", &[("content-type", "application/json")], body).await;
    assert!(answer.text.contains("1.200") && answer.text.contains("12345678901234567890123"), "{}", answer.text);
}

#[tokio::test]
async fn prefer_says_what_a_create_answers() {
    let client = Client::new();
    let send = async |prefer: &'static str| {
        let headers = [("content-type", "application/fhir+json"), ("prefer", prefer)];
        client.send("POST", "/Patient", &headers, patient("A").to_string()).await
    };
    assert_eq!(send("return=minimal").await.text, "");
    assert_eq!(send("return=OperationOutcome").await.expect(201)["issue"][0]["severity"], "information");
    assert_eq!(send("handling=strict, return=representation").await.expect(201)["resourceType"], "Patient");
}

#[tokio::test]
async fn an_update_with_a_stale_version_is_refused() {
    let client = Client::new();
    let id = client.patient("A").await;
    let path = format!("/Patient/{id}");
    let changed = |gender: &str| json!({"resourceType": "Patient", "id": id, "gender": gender});
    assert_eq!(client.put_if(&path, "W/\"1\"", &changed("female")).await.header("etag"), "W/\"2\"");
    assert_eq!(client.put_if(&path, "W/\"1\"", &changed("male")).await.refused(412), "conflict");
    assert_eq!(client.put_if(&path, "soon", &changed("male")).await.refused(400), "invalid");
    assert_eq!(client.put_if("/Patient/none", "W/\"1\"", &json!({"resourceType": "Patient", "id": "none"})).await.refused(412), "conflict");
    assert_eq!(client.get(&path).await.json()["gender"], "female");
}

#[tokio::test]
async fn an_update_that_changes_nothing_makes_no_version() {
    let client = Client::new();
    let id = client.patient("A").await;
    let read = client.get(&format!("/Patient/{id}")).await.json();
    assert_eq!(client.put(&format!("/Patient/{id}"), &read).await.header("etag"), "W/\"1\"");
}

#[tokio::test]
async fn a_client_may_give_an_id_but_not_a_number() {
    let client = Client::new();
    let with_id = |id: &str| json!({"resourceType": "Patient", "id": id});
    client.put("/Patient/anna", &with_id("anna")).await.expect(201);
    assert_eq!(client.put("/Patient/99", &with_id("99")).await.refused(400), "invalid");
    assert_eq!(client.put("/Patient/a_b", &with_id("a_b")).await.refused(400), "invalid");
    assert_eq!(client.put("/Patient/anna", &with_id("other")).await.refused(400), "invalid");
    assert_eq!(client.put("/Patient/anna", &json!({"resourceType": "Patient"})).await.refused(400), "invalid");
    assert_eq!(client.put("/Patient/anna", &json!({"resourceType": "Group", "id": "anna"})).await.refused(400), "invalid");
}

#[tokio::test]
async fn a_deleted_resource_is_gone_and_its_versions_stay() {
    let client = Client::new();
    let id = client.patient("A").await;
    let path = format!("/Patient/{id}");
    let delete = async || client.send("DELETE", &path, &[], Body::empty()).await;
    assert_eq!(delete().await.status, 200);
    assert_eq!(client.get(&path).await.refused(410), "deleted");
    assert_eq!(delete().await.header("etag"), "W/\"2\"");
    assert_eq!(client.get(&format!("{path}/_history/1")).await.expect(200)["id"], *id);
    assert_eq!(client.get(&format!("{path}/_history/2")).await.refused(410), "deleted");
    assert_eq!(client.get(&format!("{path}/_history/3")).await.refused(404), "not-found");
    assert_eq!(client.total(&format!("/Patient?identifier={ID}%7CA")).await, 0);

    let body = json!({"resourceType": "Patient", "id": id});
    assert_eq!(client.put(&path, &body).await.expect(201)["meta"]["versionId"], "3");
    let history = client.get(&format!("{path}/_history")).await.expect(200);
    let methods: Vec<_> = history["entry"].as_array().unwrap().iter().map(|entry| entry["request"]["method"].clone()).collect();
    assert_eq!(methods, ["PUT", "DELETE", "POST"]);
    assert_eq!(history["entry"][1].get("resource"), None);
    assert_eq!((&history["type"], &history["total"]), (&json!("history"), &json!(3)));
}

#[tokio::test]
async fn what_others_refer_to_cannot_be_deleted() {
    let client = Client::new();
    let id = client.patient("A").await;
    client.post("/CarePlan", &plan(&format!("Patient/{id}"))).await.expect(201);
    assert_eq!(client.send("DELETE", &format!("/Patient/{id}"), &[], Body::empty()).await.refused(409), "conflict");
    client.get(&format!("/Patient/{id}")).await.expect(200);
}

#[tokio::test]
async fn references_lead_to_resources_that_are_here() {
    let client = Client::new();
    let id = client.patient("A").await;
    for (reference, status) in [
        ("Patient/999", 400),
        ("http://elsewhere.example/Patient/1", 400),
        ("http://record.test/fhir/Patient/1", 400),
        ("urn:uuid:c757873d-ec9a-4326-a141-556f43239520", 400),
        ("nonsense", 400),
        ("Patient?identifier=http://example.org/id|none", 404),
        ("Patient?unknown=1", 400),
    ] {
        assert_eq!(client.post("/CarePlan", &plan(reference)).await.status, status, "{reference}");
    }
    let versioned = client.post("/CarePlan", &plan(&format!("Patient/{id}/_history/1"))).await.expect(201);
    assert_eq!(versioned["subject"]["reference"], format!("Patient/{id}"));
    let conditional = client.post("/CarePlan", &plan("Patient?identifier=http://example.org/id|A")).await.expect(201);
    assert_eq!(conditional["subject"]["reference"], format!("Patient/{id}"));
    client.patient("A").await;
    assert_eq!(client.post("/CarePlan", &plan("Patient?identifier=http://example.org/id|A")).await.refused(412), "multiple-matches");
    assert_eq!(client.total("/CarePlan").await, 2);
}

#[tokio::test]
async fn a_conditional_create_writes_once() {
    let client = Client::new();
    let send = async |condition: &str, identifier: &str| {
        let headers = [("content-type", "application/fhir+json"), ("if-none-exist", condition)];
        client.send("POST", "/Patient", &headers, patient(identifier).to_string()).await
    };
    let condition = "identifier=http%3A%2F%2Fexample.org%2Fid%7CA";
    assert_eq!(send(condition, "A").await.status, 201);
    let again = send(condition, "A").await;
    assert_eq!((again.status.as_u16(), again.header("location")), (200, "http://record.test/fhir/Patient/1/_history/1"));
    client.patient("A").await;
    assert_eq!(send(condition, "A").await.refused(412), "multiple-matches");
    assert_eq!(send("identifier=http%3A%2F%2Fexample.org%2Fid%7CB", "C").await.refused(412), "conflict");
    assert_eq!(send("", "D").await.refused(400), "invalid");
    assert_eq!(send("_count=1", "D").await.refused(400), "not-supported");
    assert_eq!(client.total("/Patient").await, 2);
}
