//! Transactions: all or nothing, once only.

use serde_json::{Value, json};

use super::{Client, create, create_once, patient, plan, tagged};

const A: &str = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520";
const B: &str = "urn:uuid:c757873d-ec9a-4326-a141-556f43239521";
const C: &str = "urn:uuid:c757873d-ec9a-4326-a141-556f43239522";

fn provenance(target: &str) -> Value {
    json!({"resourceType": "Provenance", "target": [{"reference": target}], "recorded": "2025-01-01T00:00:00Z"})
}

fn statuses(bundle: &Value) -> Vec<&str> {
    bundle["entry"].as_array().unwrap().iter().map(|entry| entry["response"]["status"].as_str().unwrap()).collect()
}

async fn everything(client: &Client) -> u64 {
    client.total("/Patient").await + client.total("/CarePlan").await + client.total("/Provenance").await
}

#[tokio::test]
async fn references_between_the_entries_become_those_of_what_is_written() {
    let client = Client::new();
    let mut provenance = provenance(B);
    provenance["extension"] = json!([{"url": "http://example.org/e", "valueUri": B}, {"url": "http://example.org/e", "valueString": B}]);
    provenance["entity"] = json!([{"role": "source", "what": {"reference": A, "identifier": {"system": "urn:ietf:rfc:3986", "value": B}}}]);
    provenance["text"] =
        json!({"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><a href=\"{B}\">{B}</a></div>")});
    let answer = client.transact(json!([create(C, provenance), create(B, plan(A)), create(A, patient("A"))])).await;
    let bundle = answer.expect(200);
    assert_eq!(bundle["type"], "transaction-response");
    assert_eq!(statuses(&bundle), ["201 Created"; 3]);
    let written = &bundle["entry"][0]["resource"];
    let plan = format!("CarePlan/{}", bundle["entry"][1]["resource"]["id"].as_str().unwrap());
    let person = format!("Patient/{}", bundle["entry"][2]["resource"]["id"].as_str().unwrap());
    assert_eq!(written["target"][0]["reference"], *plan);
    assert_eq!(written["extension"][0]["valueUri"], *plan);
    assert_eq!(written["extension"][1]["valueString"], B);
    assert_eq!(written["entity"][0]["what"], json!({"reference": person, "identifier": {"system": "urn:ietf:rfc:3986", "value": B}}));
    assert!(written["text"]["div"].as_str().unwrap().contains(&format!("<a href=\"{plan}\">{B}</a>")));
    let response = &bundle["entry"][1]["response"];
    assert_eq!(response["location"], format!("{plan}/_history/1"));
    assert_eq!(response["etag"], "W/\"1\"");
    assert_eq!(response["lastModified"], bundle["entry"][1]["resource"]["meta"]["lastUpdated"]);
    assert_eq!(client.get(&format!("/{plan}")).await.expect(200)["subject"]["reference"], *person);
}

#[tokio::test]
async fn a_repeated_transaction_writes_nothing_and_answers_with_the_same_locations() {
    let client = Client::new();
    client.patient("A").await;
    let entries = json!([create_once(A, plan("Patient/1"), "k1"), create_once(B, provenance(A), "k2")]);
    let first = client.transact(entries.clone()).await.expect(200);
    let again = client.transact(entries).await.expect(200);
    assert_eq!((statuses(&first), statuses(&again)), (vec!["201 Created"; 2], vec!["200 OK"; 2]));
    for at in 0..2 {
        assert_eq!(first["entry"][at]["response"]["location"], again["entry"][at]["response"]["location"]);
        assert_eq!(first["entry"][at]["resource"], again["entry"][at]["resource"]);
    }
    assert_eq!(everything(&client).await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_equal_transactions_at_once_leave_one_of_each() {
    let client = Client::new();
    client.patient("A").await;
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            let entries = json!([create_once(A, plan("Patient/1"), "k1"), create_once(B, provenance(A), "k2")]);
            tokio::spawn(async move { client.transact(entries).await.expect(200) })
        })
        .collect();
    let mut created = 0;
    for task in tasks {
        created += statuses(&task.await.unwrap()).iter().filter(|status| status.starts_with("201")).count();
    }
    assert_eq!((created, everything(&client).await), (2, 3));
}

#[tokio::test]
async fn entries_with_the_same_condition_write_one_resource() {
    let client = Client::new();
    let bundle = client.transact(json!([create_once(A, patient("A"), "k"), create_once(B, patient("A"), "k"), create(C, plan(B))])).await;
    let bundle = bundle.expect(200);
    assert_eq!(statuses(&bundle), ["201 Created", "200 OK", "201 Created"]);
    assert_eq!(bundle["entry"][0]["response"]["location"], bundle["entry"][1]["response"]["location"]);
    assert_eq!(bundle["entry"][2]["resource"]["subject"]["reference"], "Patient/1");
}

#[tokio::test]
async fn a_condition_may_name_another_entry() {
    let client = Client::new();
    client.patient("A").await;
    let mut conditional = create(B, provenance(A));
    conditional["request"]["ifNoneExist"] = json!(format!("target={A}"));
    let entries = json!([conditional, create_once(A, plan("Patient/1"), "k1")]);
    client.transact(entries.clone()).await.expect(200);
    assert_eq!(statuses(&client.transact(entries).await.expect(200)), ["200 OK"; 2]);
}

#[tokio::test]
async fn conditional_references_see_what_was_there_and_what_the_same_condition_creates() {
    let client = Client::new();
    let id = client.patient("A").await;
    let found = client.transact(json!([create(A, plan("Patient?identifier=http://example.org/id|A"))])).await.expect(200);
    assert_eq!(found["entry"][0]["resource"]["subject"]["reference"], format!("Patient/{id}"));
    let mut person = create(B, patient("B"));
    person["request"]["ifNoneExist"] = json!("identifier=http://example.org/id|B");
    let both = json!([create(A, plan("Patient?identifier=http://example.org/id|B")), person]);
    client.transact(both).await.expect(200);
    let unseen = json!([create(A, plan("Patient?identifier=http://example.org/id|C")), create(B, patient("C"))]);
    assert_eq!(client.transact(unseen).await.refused(404), "not-found");
}

#[tokio::test]
async fn one_bad_entry_and_nothing_is_written() {
    let client = Client::new();
    client.patient("A").await;
    client.patient("A").await;
    let good = create(A, patient("B"));
    let mut several = create(B, patient("A"));
    several["request"]["ifNoneExist"] = json!("identifier=http://example.org/id|A");
    let mut not_its_own = create_once(B, patient("C"), "k");
    not_its_own["resource"]["meta"] = json!({});
    for (bad, status) in [
        (create(B, plan(C)), 400),
        (create(B, plan("Patient/777")), 400),
        (create(B, plan("http://elsewhere.example/Patient/1")), 400),
        (create(A, patient("C")), 400),
        (several, 412),
        (not_its_own, 412),
        (json!({"fullUrl": B, "resource": patient("C")}), 400),
        (json!({"request": {"method": "POST", "url": "Patient"}}), 400),
        (json!({"request": {"method": "POST", "url": "CarePlan"}, "resource": patient("C")}), 400),
        (json!({"request": {"method": "POST", "url": "Nonsense"}, "resource": {"resourceType": "Nonsense"}}), 400),
        (json!({"request": {"method": "PATCH", "url": "Patient/1"}}), 400),
        (json!({"request": {"method": "PUT", "url": "Patient?identifier=a"}, "resource": patient("C")}), 400),
        (
            json!({"request": {"method": "PUT", "url": "Patient/1", "ifMatch": "W/\"7\""}, "resource": {"resourceType": "Patient", "id": "1"}}),
            412,
        ),
        (json!({"request": {"method": "GET", "url": "Patient/777"}}), 404),
    ] {
        let answer = client.transact(json!([good, bad])).await;
        answer.refused(status);
        let place = answer.json()["issue"][0]["expression"][0].clone();
        assert!(place == "Bundle.entry[1]" || place.is_null(), "{place}");
        assert_eq!(everything(&client).await, 2, "{bad}");
        assert_eq!(client.total("/Patient?identifier=B").await, 0);
    }
}

#[tokio::test]
async fn updates_deletes_and_reads_go_with_creates() {
    let client = Client::new();
    let (kept, dropped) = (client.patient("A").await, client.patient("B").await);
    let update = json!({"resourceType": "Patient", "id": kept, "gender": "female"});
    let bundle = client
        .transact(json!([
            {"request": {"method": "GET", "url": format!("Patient/{kept}")}},
            {"request": {"method": "GET", "url": "Patient?_count=1"}},
            {"fullUrl": A, "request": {"method": "PUT", "url": format!("Patient/{kept}"), "ifMatch": "W/\"1\""}, "resource": update},
            {"request": {"method": "DELETE", "url": format!("Patient/{dropped}")}},
            create(B, plan(A)),
        ]))
        .await
        .expect(200);
    assert_eq!(statuses(&bundle), ["200 OK", "200 OK", "200 OK", "204 No Content", "201 Created"]);
    assert_eq!(bundle["entry"][0]["resource"]["gender"], "female");
    assert_eq!(bundle["entry"][1]["resource"]["total"], 1);
    assert_eq!(bundle["entry"][2]["response"]["etag"], "W/\"2\"");
    assert_eq!(bundle["entry"][4]["resource"]["subject"]["reference"], format!("Patient/{kept}"));
    let twice = json!([{"request": {"method": "DELETE", "url": "Patient/x"}}, {"request": {"method": "DELETE", "url": "Patient/x"}}]);
    assert_eq!(client.transact(twice).await.refused(400), "invalid");
    let broken = json!([{"request": {"method": "DELETE", "url": format!("Patient/{kept}")}}]);
    assert_eq!(client.transact(broken).await.refused(409), "conflict");
}

#[tokio::test]
async fn a_failed_update_leaves_the_version_before() {
    let client = Client::new();
    let id = client.patient("A").await;
    let update = json!({"resourceType": "Patient", "id": id, "gender": "female"});
    let put = json!({"request": {"method": "PUT", "url": format!("Patient/{id}")}, "resource": update});
    client.transact(json!([put, create(B, plan("Patient/777"))])).await.refused(400);
    let now = client.get(&format!("/Patient/{id}")).await;
    assert_eq!((now.header("etag"), now.json().get("gender")), ("W/\"1\"", None));
    assert_eq!(client.total("/Patient?identifier=A").await, 1);
}

#[tokio::test]
async fn only_transactions_are_taken() {
    let client = Client::new();
    let bundle = |kind: &str| json!({"resourceType": "Bundle", "type": kind});
    assert_eq!(client.post("", &bundle("batch")).await.refused(400), "not-supported");
    assert_eq!(client.post("", &bundle("collection")).await.refused(400), "invalid");
    assert_eq!(client.post("", &patient("A")).await.refused(400), "invalid");
    assert_eq!(client.post("/", &bundle("transaction")).await.expect(200).get("entry"), None);
}

#[tokio::test]
async fn prefer_says_what_the_entries_bring() {
    let client = Client::new();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [create(A, tagged(patient("A"), "k"))]});
    let send = async |prefer: &'static str| {
        let headers = [("content-type", "application/fhir+json"), ("prefer", prefer)];
        let entry = client.send("POST", "", &headers, bundle.to_string()).await.expect(200)["entry"][0].clone();
        (entry.get("resource").is_some(), entry["response"].get("outcome").is_some())
    };
    assert_eq!(send("return=minimal").await, (false, false));
    assert_eq!(send("return=OperationOutcome").await, (false, true));
    assert_eq!(send("return=representation").await, (true, true));
    assert_eq!(send("handling=lenient").await, (false, true));
}
