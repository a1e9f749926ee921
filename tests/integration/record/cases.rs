//! What every record system must make true, each case on a record that others write to at the same time.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::adapter::record::{Coding, PatientFault, PatientRecord, PlanReference, RecordError, Sought, Stored, Transaction};
use super::world::*;

pub(super) async fn the_record_is_ready(base: &str) {
    let record = record(base);
    // its first statement takes a server on two cores longer than a readiness check waits
    for _ in 0..9 {
        if record.ready().await.is_ok() {
            return;
        }
    }
    assert_eq!(record.ready().await, Ok(()));
}

pub(super) async fn a_transaction_is_written_once_and_a_repeat_gives_the_same_receipt(base: &str) {
    let (child, parent) = (someone(base).await, someone(base).await);
    let transaction = transaction(&[&child, &parent]);
    let record = record(base);
    let first = record.submit(&transaction).await.unwrap();
    let types: Vec<&str> = first.iter().map(|stored| stored.resource_type.as_str()).collect();
    let wanted: Vec<&str> = transaction.entries.iter().map(|entry| entry.resource_type).collect();
    assert_eq!(types, wanted);
    for (stored, entry) in first.iter().zip(&transaction.entries) {
        assert!(stored.created);
        assert_eq!(stored.key, entry.key.code);
        assert_eq!(stored.digest.as_ref(), Some(&entry.digest.code));
        assert_eq!(stored.version.as_deref(), Some("1"));
    }
    assert_eq!(first[1].status.as_deref(), Some("active"));

    let (status, provenance) = raw(Method::GET, &format!("{base}/Provenance/{}", first[2].id), None).await;
    assert_eq!(status, 200);
    let response = format!("QuestionnaireResponse/{}", first[0].id);
    assert!(provenance["target"][0]["reference"].as_str().unwrap().starts_with(&response), "{provenance}");

    let again = record.submit(&transaction).await.unwrap();
    assert!(again.iter().all(|stored| !stored.created));
    assert_eq!(uncreated(again), uncreated(first.clone()));

    let plans = record.find_written("CarePlan", &[child.keys(), parent.keys()].concat()).await.unwrap();
    assert_eq!(sorted(plans), sorted(uncreated(vec![first[1].clone(), first[5].clone()])));
}

pub(super) async fn twenty_equal_at_once_leave_one_of_each(base: &str) {
    let (child, parent) = (someone(base).await, someone(base).await);
    let transaction = transaction(&[&child, &parent]);
    let record = record(base);
    let results = join_all((0..20).map(|_| record.submit(&transaction))).await;
    let receipts: Vec<Vec<Stored>> = results.into_iter().map(Result::unwrap).collect();
    let created = receipts.iter().flatten().filter(|stored| stored.created).count();
    assert_eq!(created, transaction.entries.len());
    for receipt in &receipts {
        assert_eq!(uncreated(receipt.clone()), uncreated(receipts[0].clone()));
    }
    assert_eq!(written(&record, &child).await.len() + written(&record, &parent).await.len(), transaction.entries.len());
}

pub(super) async fn of_two_contents_at_once_one_wins_whole(base: &str) {
    let person = someone(base).await;
    let contents = [transaction(&[&person]), transaction(&[&person.changed()])];
    let record = record(base);
    let results = join_all((0..10).map(|i| record.submit(&contents[i % 2]))).await;
    let receipts: Vec<Vec<Stored>> = results.into_iter().map(Result::unwrap).collect();
    let digest = &receipts[0][0].digest;
    assert!(digest.is_some() && receipts.iter().flatten().all(|stored| stored.digest == *digest));
    assert_eq!(written(&record, &person).await.len(), 4);
}

pub(super) async fn other_content_under_the_same_key_is_shown(base: &str) {
    let person = someone(base).await;
    let record = record(base);
    record.submit(&transaction(&[&person])).await.unwrap();
    let answer = record.submit(&transaction(&[&person.changed()])).await.unwrap();
    for stored in &answer {
        assert!(!stored.created);
        assert_eq!(stored.digest.as_ref(), Some(&person.digest));
    }
    assert_eq!(written(&record, &person).await.len(), 4);
}

pub(super) async fn patients_are_found_or_their_fault_is_told(base: &str) {
    let (plain, who) = patient(base, json!({"active": true, "deceasedBoolean": false})).await;
    let label = json!({"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"});
    let (protected, protected_who) = patient(base, json!({"meta": {"security": [label]}})).await;
    let (_, inactive) = patient(base, json!({"active": false})).await;
    let (_, deceased) = patient(base, json!({"deceasedDateTime": "2026-01-01"})).await;
    let (_, gone) = patient(base, json!({"deceasedBoolean": true})).await;
    let replaced_by = json!({"link": [{"other": {"reference": plain}, "type": "replaced-by"}]});
    let (_, replaced) = patient(base, replaced_by.clone()).await;
    let (_, twice) = patient(base, json!({})).await;
    patient_with(base, &twice, json!({})).await;
    let (survivor, merged) = patient(base, json!({})).await;
    patient_with(base, &merged, replaced_by).await;
    let nobody = identifier(&uuid());

    let asked = [who.clone(), nobody, protected_who, inactive, deceased, gone, replaced, twice, merged, who];
    let found = record(base).find_patients(&asked).await.unwrap();
    let told: Vec<Result<&str, PatientFault>> =
        found.iter().map(|one| one.as_ref().map(|p| p.reference.as_str()).map_err(|f| *f)).collect();
    let expected = [
        Ok(plain.as_str()),
        Err(PatientFault::NotFound),
        Ok(&protected),
        Err(PatientFault::Inactive),
        Err(PatientFault::Deceased),
        Err(PatientFault::Deceased),
        Err(PatientFault::Replaced),
        Err(PatientFault::Several(2)),
        Ok(&survivor),
        Ok(&plain),
    ];
    assert_eq!(told, expected);
    let security = &found[2].as_ref().unwrap().security;
    assert_eq!(security, &[Coding { system: "http://terminology.hl7.org/CodeSystem/v3-Confidentiality".into(), code: "R".into() }]);
    assert_eq!(record(base).find_patients(&[]).await, Ok(vec![]));
}

pub(super) async fn identifiers_with_search_characters_are_found(base: &str) {
    let odd = identifier(&format!(r"a,b|c$d\e+f&g=h%i {}", uuid()));
    let reference = patient_with(base, &odd, json!({})).await;
    let (other, who) = patient(base, json!({})).await;
    let found = record(base).find_patients(&[odd, who]).await.unwrap();
    let references: Vec<&str> = found.iter().map(|one| one.as_ref().unwrap().reference.as_str()).collect();
    assert_eq!(references, [reference, other]);
}

pub(super) async fn what_a_call_created_is_annulled_and_nothing_else(base: &str) {
    let (child, parent) = (someone(base).await, someone(base).await);
    let record = record(base);
    record.submit(&transaction(&[&child])).await.unwrap();
    let mixed = record.submit(&transaction(&[&child.changed(), &parent])).await.unwrap();
    assert!(mixed[..4].iter().all(|stored| !stored.created && stored.digest.as_ref() == Some(&child.digest)));
    assert!(mixed[4..].iter().all(|stored| stored.created));

    record.annul(&mixed).await.unwrap();
    record.annul(&mixed).await.expect("annulling again does no harm");
    let status = |stored: &Stored| stored.status.clone().unwrap_or_default();
    let left: Vec<String> = written(&record, &parent).await.iter().map(status).collect();
    assert_eq!(left, ["entered-in-error", "entered-in-error"], "and the provenances are gone");
    let others: Vec<String> = written(&record, &child).await.iter().map(status).collect();
    assert_eq!(others, ["completed", "active", "", ""]);

    let url = format!("{base}/QuestionnaireResponse/{}", mixed[4].id);
    let (_, response) = raw(Method::GET, &url, None).await;
    assert_eq!(response["item"][0]["answer"][0]["valueDecimal"].to_string(), "1.50", "the rest is as it was");
}

pub(super) async fn what_somebody_changed_since_is_not_annulled(base: &str) {
    let person = someone(base).await;
    let record = record(base);
    let stored = record.submit(&transaction(&[&person])).await.unwrap();
    let url = format!("{base}/CarePlan/{}", stored[1].id);
    let (_, mut plan) = raw(Method::GET, &url, None).await;
    plan["title"] = json!("Toinen");
    assert_eq!(raw(Method::PUT, &url, Some(&plan)).await.0, 200);
    let answer = record.annul(&stored[1..2]).await;
    assert!(matches!(answer, Err(RecordError::Refused { status: 412, .. })), "{answer:?}");
    assert_eq!(raw(Method::GET, &url, None).await.1["status"], "active");
}

pub(super) async fn a_refused_transaction_leaves_nothing(base: &str) {
    let (good, bad) = (someone(base).await, Person::new("Patient/no-such-patient"));
    let record = record(base);
    let answer = record.submit(&transaction(&[&good, &bad])).await;
    assert!(matches!(answer, Err(RecordError::Refused { status: 400 | 404 | 422, .. })), "{answer:?}");
    assert_eq!(written(&record, &good).await, []);
}

pub(super) async fn an_answer_lost_after_the_commit_is_made_good_by_a_repeat(base: &str) {
    lost_answer(base, Mischief::GatewayTimeout).await;
}

pub(super) async fn a_connection_broken_after_the_commit_is_made_good_by_a_repeat(base: &str) {
    lost_answer(base, Mischief::BreakConnection).await;
}

async fn lost_answer(base: &str, mischief: Mischief) {
    let person = someone(base).await;
    let (proxy, before) = Proxy::before(base, mischief).await;
    let stored = record(&before).submit(&transaction(&[&person])).await.unwrap();
    assert_eq!(proxy.transactions(), 2);
    assert!(stored.iter().all(|stored| !stored.created && stored.digest.as_ref() == Some(&person.digest)));
    assert_eq!(sorted(written(&record(base), &person).await), sorted(stored));
}

pub(super) async fn what_is_updated_with_a_write_is_put_back_when_the_write_is_annulled(base: &str) {
    let (person, before, transaction) = replacing(base).await;
    let url = format!("{base}/CarePlan/{}", transaction.updates[0].id);
    let record = record(base);
    let stored = record.submit(&transaction).await.unwrap();
    assert_eq!(stored.len(), transaction.entries.len() + 1, "one an update, after those of the entries");
    assert_eq!(stored.last().unwrap().version.as_deref(), Some("2"));
    assert_eq!(raw(Method::GET, &url, None).await.1["status"], "completed");

    record.annul(&stored).await.unwrap();
    record.restore(&transaction.updates, &stored).await.unwrap();
    record.restore(&transaction.updates, &stored).await.expect("putting back again does no harm");
    let (_, after) = raw(Method::GET, &url, None).await;
    assert_eq!((unstamped(after.clone()), &after["meta"]["versionId"]), (unstamped(before), &json!("3")));
    assert!(written(&record, &person).await.iter().all(|stored| stored.status.as_deref() == Some("entered-in-error")));
}

pub(super) async fn what_somebody_changed_since_is_neither_updated_nor_put_back(base: &str) {
    let (person, mut plan, transaction) = replacing(base).await;
    let url = format!("{base}/CarePlan/{}", transaction.updates[0].id);
    let record = record(base);
    plan["title"] = json!("Toinen");
    assert_eq!(raw(Method::PUT, &url, Some(&plan)).await.0, 200);
    let stale = Err(RecordError::Stale(vec![format!("CarePlan/{}", transaction.updates[0].id)]));
    assert_eq!(record.submit(&transaction).await, stale);
    assert_eq!(written(&record, &person).await, []);

    let (_, _, transaction) = replacing(base).await;
    let url = format!("{base}/CarePlan/{}", transaction.updates[0].id);
    let stored = record.submit(&transaction).await.unwrap();
    let (_, mut plan) = raw(Method::GET, &url, None).await;
    plan["title"] = json!("Toinen");
    assert_eq!(raw(Method::PUT, &url, Some(&plan)).await.0, 200);
    assert!(matches!(record.restore(&transaction.updates, &stored).await, Err(RecordError::Stale(_))));
    assert_eq!(raw(Method::GET, &url, None).await.1["title"], "Toinen");
}

pub(super) async fn an_update_whose_answer_was_lost_is_stale_and_its_write_is_found(base: &str) {
    let (person, _, transaction) = replacing(base).await;
    let (proxy, before) = Proxy::before(base, Mischief::GatewayTimeout).await;
    assert!(matches!(record(&before).submit(&transaction).await, Err(RecordError::Stale(_))));
    assert_eq!(proxy.transactions(), 1, "a stale version is not sent again");
    assert_eq!(written(&record(base), &person).await.len(), 4);
}

/// Somebody, a plan of theirs, and a transaction that completes it.
async fn replacing(base: &str) -> (Person, Value, Transaction) {
    let (reference, identifier) = patient(base, json!({})).await;
    let person = Person::new(&reference);
    let plan = json!({"resourceType": "CarePlan", "status": "active", "intent": "order", "subject": {"reference": reference},
        "note": [{"text": "Ennen"}]});
    let plan = put_there(base, &plan).await;
    let sought = Sought { plan: PlanReference::parse(&plan).unwrap(), patient: reference, identifier };
    let earlier = record(base).find_plan(&sought).await.unwrap().unwrap();
    let transaction = Transaction { updates: vec![earlier.update], ..transaction(&[&person]) };
    (person, raw(Method::GET, &format!("{base}/{plan}"), None).await.1, transaction)
}

/// Without what the server stamps on each version.
fn unstamped(mut resource: Value) -> Value {
    let meta = resource["meta"].as_object_mut().unwrap();
    meta.retain(|name, _| !["versionId", "lastUpdated", "source"].contains(&name.as_str()));
    resource
}

pub(super) async fn no_identity_code_travels_in_a_url(base: &str) {
    let (reference, who) = patient(base, json!({})).await;
    let (_, other) = patient(base, json!({"active": false})).await;
    let person = Person::new(&reference);
    let (proxy, before) = Proxy::before(base, Mischief::None).await;
    let record = record(&before);
    record.find_patients(&[who.clone(), other.clone()]).await.unwrap()[0].as_ref().unwrap();
    record.submit(&transaction(&[&person])).await.unwrap();
    let stored = record.submit(&transaction(&[&person])).await.unwrap();
    record.find_written("CarePlan", &person.keys()).await.unwrap();
    record.annul(&stored).await.unwrap();
    let _ = record.ready().await; // asked for its URL only
    let seen = proxy.seen.lock().unwrap();
    assert!(seen.len() > 8);
    for request in seen.iter() {
        assert!(!request.contains(&who.value) && !request.contains(&other.value), "{request}");
    }
}

pub(super) async fn many_keys_are_looked_up(base: &str) {
    let person = someone(base).await;
    let record = record(base);
    let stored = record.submit(&transaction(&[&person])).await.unwrap();
    let mut keys: Vec<Coding> = (0..60).map(|_| key(&uuid())).collect();
    keys.extend(person.keys());
    let found = record.find_written("Provenance", &keys).await.unwrap();
    assert_eq!(sorted(found), sorted(uncreated(stored[2..].to_vec())));
    assert_eq!(record.find_written("Provenance", &[]).await, Ok(vec![]));
}

async fn someone(base: &str) -> Person {
    Person::new(&patient(base, json!({})).await.0)
}

/// What the record holds of a person: response, plan, provenances.
async fn written(record: &impl PatientRecord, person: &Person) -> Vec<Stored> {
    let mut all = Vec::new();
    for resource_type in ["QuestionnaireResponse", "CarePlan", "Provenance"] {
        all.extend(record.find_written(resource_type, &person.keys()).await.unwrap());
    }
    all
}

fn uncreated(stored: Vec<Stored>) -> Vec<Stored> {
    stored.into_iter().map(|stored| Stored { created: false, ..stored }).collect()
}

fn sorted(mut stored: Vec<Stored>) -> Vec<Stored> {
    stored.sort_by(|a, b| a.key.cmp(&b.key));
    stored
}
