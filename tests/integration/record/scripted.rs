//! What only a record system that follows a script can do.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::adapter::net::{Authorization, ClientSettings};
use super::adapter::record::{DryRun, Entry, PatientFault, PatientRecord, RecordError, RecordIssue, Retry, Transaction, Update};
use super::script::{Reply, Script, broken_off, busy, json, nothing_found, quick};
use super::world::*;

#[tokio::test]
async fn refused_credentials_are_told_and_not_tried_again() {
    for status in [401, 403] {
        let script = Script::new([json(status, json!({}))]).await;
        assert_eq!(script.record().submit(&plan()).await, Err(RecordError::CredentialsRefused));
        assert_eq!(script.requests(), 1);
    }
}

#[tokio::test]
async fn a_short_retry_after_is_waited_for() {
    let script = Script::new([busy(429, "1"), nothing_found()]).await;
    let begin = Instant::now();
    assert_eq!(script.record().find_patients(&[identifier("a")]).await, Ok(vec![Err(PatientFault::NotFound)]));
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a_long_retry_after_is_passed_on_at_once() {
    for status in [429, 503] {
        let script = Script::new([busy(status, "60")]).await;
        let answer = script.record().submit(&plan()).await;
        assert_eq!(answer, Err(RecordError::Busy { retry_after: Duration::from_secs(60) }));
        assert_eq!(script.requests(), 1);
    }
}

#[tokio::test]
async fn an_outage_is_tried_three_times() {
    for (status, unreachable) in [(502, true), (503, false)] {
        let script = Script::new((0..4).map(|_| json(status, json!({})))).await;
        match script.record().submit(&plan()).await {
            Err(RecordError::Unreachable { .. }) => assert!(unreachable),
            Err(RecordError::Busy { .. }) => assert!(!unreachable),
            other => panic!("{other:?}"),
        }
        assert_eq!(script.requests(), 3);
    }
    let script = Script::new((0..4).map(|_| json(504, json!({})))).await;
    assert_eq!(script.record().submit(&plan()).await, Err(RecordError::TooSlow));
    assert_eq!(script.requests(), 3);
}

#[tokio::test]
async fn an_outage_that_ends_is_not_told() {
    let script = Script::new([json(503, json!({})), broken_off(), nothing_found()]).await;
    assert_eq!(script.record().find_written("CarePlan", &[key("a")]).await, Ok(vec![]));
    assert_eq!(script.requests(), 3);
}

#[tokio::test]
async fn a_slow_record_ends_at_the_deadline_with_an_unknown_outcome() {
    let slow = || Reply::After(Duration::from_secs(5), Box::new(json(200, json!({}))));
    let script = Script::new([slow(), slow(), slow()]).await;
    let retry = Retry { deadline: Duration::from_millis(700), ..quick() };
    let settings = ClientSettings { timeout: Duration::from_millis(300), ..ClientSettings::default() };
    let begin = Instant::now();
    let answer = record_with(&script.base, &settings, retry).submit(&plan()).await;
    assert_eq!(answer, Err(RecordError::TooSlow));
    assert!(begin.elapsed() < Duration::from_secs(2));
    assert!((2..=3).contains(&script.requests()));
}

#[tokio::test]
async fn an_answer_that_trickles_is_too_slow() {
    let script = Script::new((0..3).map(|_| Reply::Trickle)).await;
    let settings = ClientSettings { timeout: Duration::from_millis(200), ..ClientSettings::default() };
    assert_eq!(record_with(&script.base, &settings, quick()).ready().await, Err(RecordError::TooSlow));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unreachable_in_the_end() {
    let script = Script::new((0..4).map(|_| broken_off())).await;
    let answer = script.record().submit(&plan()).await;
    assert!(matches!(answer, Err(RecordError::Unreachable { .. })), "{answer:?}");
    assert_eq!(script.requests(), 3);
}

#[tokio::test]
async fn a_record_that_is_not_there_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/fhir", listener.local_addr().unwrap());
    drop(listener);
    let answer = record_with(&base, &ClientSettings::default(), quick()).find_patients(&[identifier("a")]).await;
    assert!(matches!(answer, Err(RecordError::Unreachable { .. })), "{answer:?}");
}

#[tokio::test]
async fn garbled_answers_are_unintelligible_and_not_tried_again() {
    let deep = "[".repeat(100_000);
    for body in [
        "<html>",
        "",
        "{\"resourceType\":\"Bundle\",",
        "null",
        "[1]",
        "{\"resourceType\":\"Patient\"}",
        "{\"resourceType\":\"Bundle\",\"resourceType\":{}}",
        &deep,
    ] {
        let script = Script::new([Reply::Text(200, vec![], body.to_owned())]).await;
        let answer = script.record().submit(&plan()).await;
        assert!(matches!(answer, Err(RecordError::Unintelligible(_))), "{body:.20} {answer:?}");
        assert_eq!(script.requests(), 1);
        let script = Script::new([Reply::Text(200, vec![], body.to_owned())]).await;
        let answer = script.record().find_patients(&[identifier("a")]).await;
        assert!(matches!(answer, Err(RecordError::Unintelligible(_))), "{body:.20} {answer:?}");
    }
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let script = Script::new([Reply::Text(200, vec![], " ".repeat(9 * 1024 * 1024)), Reply::Endless]).await;
    for _ in 0..2 {
        let answer = script.record().find_patients(&[identifier("a")]).await;
        assert_eq!(answer, Err(RecordError::Unintelligible("too large")));
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let reply = Reply::Text(status, vec![("location", "/fhir/elsewhere".into())], String::new());
        let script = Script::new([reply]).await;
        assert_eq!(script.record().submit(&plan()).await, Err(RecordError::Misdirected));
        assert_eq!(script.requests(), 1);
    }
}

#[tokio::test]
async fn a_transaction_over_which_the_record_breaks_down_is_tried_three_times() {
    let script = Script::new((0..4).map(|_| json(500, json!({})))).await;
    assert_eq!(script.record().submit(&plan()).await, Err(RecordError::Refused { status: 500, issues: vec![] }));
    assert_eq!(script.requests(), 3);
    let script = Script::new([json(500, json!({}))]).await;
    let looked_up = script.record().find_written("CarePlan", &[key("a")]).await;
    assert_eq!(looked_up, Err(RecordError::Refused { status: 500, issues: vec![] }), "a look-up is not");
}

#[tokio::test]
async fn a_lost_race_is_repeated() {
    for status in [409, 412] {
        let plan = plan();
        let script = Script::new([json(status, json!({})), json(status, json!({})), json(200, written(&plan))]).await;
        let stored = script.record().submit(&plan).await.unwrap();
        assert!(stored[0].created);
        assert_eq!(script.requests(), 3);
    }
}

#[tokio::test]
async fn a_race_that_is_always_lost_is_a_refusal() {
    let script = Script::new((0..20).map(|_| json(409, json!({})))).await;
    assert_eq!(script.record().submit(&plan()).await, Err(RecordError::Refused { status: 409, issues: vec![] }));
    assert_eq!(script.requests(), quick().race_tries);
}

#[tokio::test]
async fn a_refusal_quotes_nobody() {
    let outcome = json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "invalid",
        "diagnostics": "010101-900R", "details": {"text": "010101-900R"}, "expression": ["CarePlan.status", "x='010101-900R'"]}]});
    let script = Script::new([json(422, outcome)]).await;
    let issues = vec![RecordIssue { severity: "error".into(), code: "invalid".into(), expression: vec!["CarePlan.status".into()] }];
    assert_eq!(script.record().submit(&plan()).await, Err(RecordError::Refused { status: 422, issues }));
}

#[tokio::test]
async fn errors_and_debug_name_no_identifier() {
    let who = identifier("010101-900R");
    let script = Script::new([json(400, json!({}))]).await;
    let error = script.record().find_patients(std::slice::from_ref(&who)).await.unwrap_err();
    assert!(!format!("{error:?} {error} {who:?} {:?}", plan()).contains("010101-900R"));
    let (line, body) = script.seen.lock().unwrap()[0].clone();
    assert!(line.starts_with("POST /fhir/Patient/_search") && !line.contains("010101"), "{line}");
    assert!(body.contains("010101-900R"));
}

#[tokio::test]
async fn page_links_are_followed_within_the_record_only() {
    let person = Person::new("Patient/1");
    let keys = person.keys();
    let page = |i: usize, next: Option<String>| {
        let resource = resource_of(&transaction(&[&person]).entries[i], "7");
        let link: Vec<Value> = next.into_iter().map(|url| json!({"relation": "next", "url": url})).collect();
        json(200, json!({"resourceType": "Bundle", "type": "searchset", "link": link, "entry": [{"resource": resource}]}))
    };
    let script = Script::new([page(2, Some("/fhir?page=2".into())), page(3, None)]).await;
    assert_eq!(script.record().find_written("Provenance", &keys).await.unwrap().len(), 2);
    assert!(script.seen.lock().unwrap()[1].0.starts_with("GET /fhir?page=2"));

    let script = Script::new([page(2, Some("http://127.0.0.2:1/fhir?page=2".into()))]).await;
    assert_eq!(script.record().find_written("Provenance", &keys).await, Err(RecordError::Misdirected));
}

#[tokio::test]
async fn the_next_page_of_a_patient_search_is_not_followed_but_each_is_asked_alone() {
    let found = |id: &str, value: &str| {
        let patient = json!({"resourceType": "Patient", "id": id, "identifier": [{"system": PERSONS, "value": value}]});
        json!({"resourceType": "Bundle", "link": [{"relation": "next", "url": "/fhir/Patient?identifier=b"}], "entry": [{"resource": patient}]})
    };
    let script = Script::new([json(200, found("1", "a")), json(200, found("1", "a")), json(200, found("2", "b"))]).await;
    let answer = script.record().find_patients(&[identifier("a"), identifier("b")]).await.unwrap();
    assert!(answer.iter().all(Result::is_ok));
    assert!(script.seen.lock().unwrap().iter().all(|(line, _)| line.starts_with("POST /fhir/Patient/_search")));
}

#[tokio::test]
async fn answers_are_matched_by_what_they_say_and_missing_ones_looked_up() {
    let transaction = transaction(&[&Person::new("Patient/1")]);
    let mut answer = written(&transaction);
    let entries = answer["entry"].as_array_mut().unwrap();
    entries.reverse();
    let lost = entries.remove(0)["resource"].clone();
    let read = entries[0]["resource"].take();
    entries[0]["response"] = json!({"status": "200", "location": format!("https://elsewhere.example/fhir/Provenance/{}/_history/1", read["id"].as_str().unwrap())});
    let found = json!({"resourceType": "Bundle", "entry": [{"resource": lost}]});
    let script = Script::new([json(200, answer), json(200, read), json(200, found)]).await;
    let stored = script.record().submit(&transaction).await.unwrap();
    let keys: Vec<&str> = stored.iter().map(|stored| stored.key.as_str()).collect();
    let wanted: Vec<&str> = transaction.entries.iter().map(|entry| entry.key.code.as_str()).collect();
    assert_eq!(keys, wanted);
    let created: Vec<bool> = stored.iter().map(|stored| stored.created).collect();
    assert_eq!(created, [true, true, false, false]);
}

#[tokio::test]
async fn what_a_record_without_atomic_transactions_took_is_annulled() {
    let transaction = transaction(&[&Person::new("Patient/1")]);
    let mut answer = written(&transaction);
    let entries = answer["entry"].as_array_mut().unwrap();
    let response = entries[0]["resource"].clone();
    entries.truncate(1);
    entries.push(json!({"response": {"status": "422 Unprocessable Entity"}}));
    let nothing = || nothing_found();
    let script = Script::new([json(200, answer), nothing(), nothing(), json(200, response), json(200, json!({}))]).await;
    let answer = script.record().submit(&transaction).await;
    assert_eq!(answer, Err(RecordError::Refused { status: 422, issues: vec![] }));
    let seen = script.seen.lock().unwrap();
    let (line, body) = seen.last().unwrap();
    assert!(line.starts_with("PUT /fhir/QuestionnaireResponse/id-0") && line.contains("W/\"1\""), "{line}");
    assert!(body.contains("entered-in-error"));
}

#[tokio::test]
async fn an_entry_that_lost_a_race_is_repeated_with_the_whole() {
    let transaction = transaction(&[&Person::new("Patient/1")]);
    let mut first = written(&transaction);
    first["entry"][3] = json!({"response": {"status": "409 Conflict"}});
    let mut second = written(&transaction);
    for i in 0..3 {
        second["entry"][i]["response"]["status"] = json!("200 OK");
    }
    let resources: Vec<Value> = (0..4).map(|i| second["entry"][i]["resource"].clone()).collect();
    let reads = (0..3).map(|_| Reply::AnyOf(resources.clone()));
    let script = Script::new([json(200, first), json(200, second)].into_iter().chain(reads)).await;
    let stored = script.record().submit(&transaction).await.unwrap();
    assert!(stored.iter().all(|stored| stored.created), "all were created by this call");
    assert_eq!(script.requests(), 5);
}

#[tokio::test]
async fn a_record_that_is_not_atomic_keeps_nothing_of_a_write_whose_update_was_stale() {
    let transaction = replacing();
    let mut told = written(&plan_of(&transaction));
    let created = told["entry"][0]["resource"].clone();
    told["entry"].as_array_mut().unwrap().push(json!({"response": {"status": "412 Precondition Failed"}}));
    let changed = json!({"resourceType": "CarePlan", "id": "7", "meta": {"versionId": "4"}, "status": "active"});
    let script = Script::new([json(200, told), json(200, changed), json(200, created), json(200, json!({}))]).await;
    assert_eq!(script.record().submit(&transaction).await, Err(RecordError::Stale(vec!["CarePlan/7".to_owned()])));
    assert!(script.seen.lock().unwrap().last().unwrap().1.contains("entered-in-error"));
    assert_eq!(script.requests(), 4);
}

#[tokio::test]
async fn a_record_that_is_not_atomic_has_an_update_put_back_when_a_create_was_refused() {
    let transaction = replacing();
    let told = json!({"resourceType": "Bundle", "type": "transaction-response", "entry": [
        {"response": {"status": "422 Unprocessable"}},
        {"response": {"status": "200 OK", "location": "CarePlan/7/_history/4"}}
    ]});
    let now = json!({"resourceType": "CarePlan", "id": "7", "meta": {"versionId": "4"}, "status": "completed"});
    let script = Script::new([json(200, told), nothing_found(), json(200, now), json(200, json!({}))]).await;
    assert!(matches!(script.record().submit(&transaction).await, Err(RecordError::Refused { status: 422, .. })));
    let seen = script.seen.lock().unwrap();
    let (head, body) = seen.last().unwrap();
    assert!(head.contains("W/\"4\""), "{head}");
    assert_eq!(body, r#"{"resourceType":"CarePlan","id":"7","status":"active"}"#);
}

/// A transaction of one resource, and of one that it replaces.
fn replacing() -> Transaction {
    let json = |status| format!(r#"{{"resourceType":"CarePlan","id":"7","status":"{status}"}}"#).into_bytes();
    let update =
        Update { resource_type: "CarePlan", id: "7".into(), version: "3".into(), before: json("active"), after: json("completed") };
    Transaction { updates: vec![update], ..plan() }
}

fn plan_of(transaction: &Transaction) -> Transaction {
    Transaction { entries: transaction.entries.clone(), ..Transaction::default() }
}

#[tokio::test]
async fn a_token_goes_into_the_header() {
    let script = Script::new([json(200, json!({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}))]).await;
    let settings = ClientSettings { authorization: Some(Authorization::bearer("t0ken").unwrap()), ..ClientSettings::default() };
    assert_eq!(record_with(&script.base, &settings, quick()).ready().await, Ok(()));
    assert!(script.seen.lock().unwrap()[0].0.contains("Bearer t0ken"));
}

#[tokio::test]
async fn another_version_of_fhir_is_not_ready() {
    let script = Script::new([json(200, json!({"resourceType": "CapabilityStatement", "fhirVersion": "5.0.0"}))]).await;
    assert!(matches!(script.record().ready().await, Err(RecordError::Unintelligible(_))));
}

#[tokio::test]
async fn a_dry_run_finds_everybody_and_writes_nothing() {
    let transaction = transaction(&[&Person::new("Patient/1")]);
    let found = DryRun.find_patients(&[identifier("a"), identifier("b"), identifier("a")]).await.unwrap();
    let references: Vec<String> = found.into_iter().map(|one| one.unwrap().reference).collect();
    assert_eq!(references, ["Patient/dry-run-1", "Patient/dry-run-2", "Patient/dry-run-1"]);
    let stored = DryRun.submit(&transaction).await.unwrap();
    assert!(stored.iter().all(|stored| stored.created));
    assert_eq!(stored[1].status.as_deref(), Some("active"));
    assert_eq!(DryRun.find_written("CarePlan", &[key("a")]).await, Ok(vec![]));
}

/// A transaction of one resource.
fn plan() -> Transaction {
    Transaction { entries: vec![transaction(&[&Person::new("Patient/1")]).entries.remove(1)], ..Transaction::default() }
}

/// The answer of a record that created everything.
fn written(transaction: &Transaction) -> Value {
    let entry = |(i, entry)| {
        let resource = resource_of(entry, &format!("id-{i}"));
        let location = format!("{}/id-{i}/_history/1", entry.resource_type);
        json!({"resource": resource, "response": {"status": "201 Created", "location": location, "etag": "1"}})
    };
    let entries: Vec<Value> = transaction.entries.iter().enumerate().map(entry).collect();
    json!({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})
}

fn resource_of(entry: &Entry, id: &str) -> Value {
    let mut resource: Value = serde_json::from_slice(&entry.body).unwrap();
    resource["id"] = json!(id);
    resource["meta"]["versionId"] = json!("1");
    resource
}
