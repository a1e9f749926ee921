//! Tasks over HTTP: who may make what of a Task. The tables here are the agreement with EHRs, written down once more and apart
//! from the code's own: if they differ, one of the two is wrong.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Site, contact};

const QUEUE: &str = "HealthcareService/maternity-child-health";
const SEINAJOKI: &str = "Organization/seinajoki";
const STATUSES: [&str; 9] = ["requested", "received", "accepted", "rejected", "in-progress", "on-hold", "completed", "failed", "cancelled"];

/// What the owner's EHR may make of a Task that stays with it.
fn by_owner(from: &str) -> &'static [&'static str] {
    match from {
        "requested" => &["received", "accepted", "rejected"],
        "received" => &["accepted", "rejected"],
        "accepted" => &["in-progress", "completed", "rejected"],
        "in-progress" => &["on-hold", "completed", "failed"],
        "on-hold" => &["in-progress", "completed", "failed"],
        _ => &[],
    }
}

fn by_requester(from: &str) -> &'static [&'static str] {
    if matches!(from, "requested" | "received" | "accepted") { &["cancelled"] } else { &[] }
}

/// The steps that lead to a status: who, and to what.
fn way_to(status: &str) -> &'static [(&'static str, &'static str)] {
    const EHR: &str = "ehr-seinajoki";
    match status {
        "received" => &[(EHR, "received")],
        "accepted" => &[(EHR, "accepted")],
        "rejected" => &[(EHR, "rejected")],
        "in-progress" => &[(EHR, "accepted"), (EHR, "in-progress")],
        "on-hold" => &[(EHR, "accepted"), (EHR, "in-progress"), (EHR, "on-hold")],
        "completed" => &[(EHR, "accepted"), (EHR, "completed")],
        "failed" => &[(EHR, "accepted"), (EHR, "in-progress"), (EHR, "failed")],
        "cancelled" => &[("advice-desk", "cancelled")],
        _ => &[],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pair_of_states_is_allowed_or_refused_by_role_and_every_refusal_tells_what_is_allowed() {
    let site = Site::new().await;
    for from in STATUSES {
        for (caller, allowed) in [("ehr-seinajoki", by_owner(from)), ("advice-desk", by_requester(from))] {
            for to in STATUSES.iter().filter(|to| **to != from) {
                let task = site.task_in(from, SEINAJOKI).await;
                let answer = site.put(caller, &with(&task, "status", json!(to))).await;
                if allowed.contains(to) {
                    let changed = answer.expect(200);
                    assert_eq!(changed["status"], **to, "{caller}: {from} to {to}");
                    assert_eq!(answer.header("etag"), format!("W/\"{}\"", version(&task) + 1));
                } else {
                    let issues = answer.refused(422);
                    assert_ne!(issues[0].split(' ').next(), Some("allowed"), "{caller}: {from} to {to}");
                    assert!(issues.iter().any(|issue| issue.starts_with("allowed")), "{caller}: {from} to {to}: {issues:?}");
                    assert_eq!(version(&site.read("ehr-seinajoki", &task).await.expect(200)), version(&task));
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_task_says_its_queue_and_its_topic_and_every_fault_is_told_at_once() {
    let site = Site::new().await;
    let mut task = new_task(SEINAJOKI);
    task.as_object_mut().unwrap().remove("reasonCode");
    assert_eq!(site.post("advice-desk", &task).await.refused(422), ["missing-member Task.reasonCode"]);
    task["input"].as_array_mut().unwrap().remove(0);
    let faults = site.post("advice-desk", &task).await.refused(422);
    assert_eq!(faults, ["missing-member Task.reasonCode", "missing-input Task.input"]);
    assert!(site.get("advice-desk", "/fhir/Task").await.expect(200).get("entry").is_none(), "nothing is kept of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_marked_by_either_side_with_a_reason_and_never_without() {
    let site = Site::new().await;
    for from in STATUSES {
        for caller in ["ehr-seinajoki", "advice-desk"] {
            let task = site.task_in(from, SEINAJOKI).await;
            let mut marked = with(&task, "status", json!("entered-in-error"));
            marked.as_object_mut().unwrap().remove("statusReason");
            site.put(caller, &marked).await.refused(422);
            let marked = with(&marked, "statusReason", json!({"text": "tested by mistake"}));
            assert_eq!(site.put(caller, &marked).await.expect(200)["status"], "entered-in-error");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_is_claimed_once_and_whoever_was_slower_is_told() {
    let site = Site::new().await;
    let task = site.task_in("requested", QUEUE).await;
    let claim = |organization: &str| with(&with(&task, "status", json!("accepted")), "owner", json!({"reference": organization}));
    let first = site.put("ehr-seinajoki", &claim(SEINAJOKI)).await.expect(200);
    assert_eq!(first["owner"]["reference"], SEINAJOKI);
    assert_eq!(site.put("ehr-lakeus", &claim("Organization/lapua")).await.refused(412), ["stale"]);
    site.read("ehr-lakeus", &task).await.refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_handed_over_is_reduced_to_its_former_owner() {
    let site = Site::new().await;
    let task = site.task_in("accepted", SEINAJOKI).await;
    let handed = with(&with(&task, "status", json!("requested")), "owner", json!({"reference": "Organization/lapua"}));
    site.put("ehr-seinajoki", &handed).await.expect(200);
    let seen = site.read("ehr-seinajoki", &task).await.expect(200);
    assert_eq!((&seen["status"], &seen["owner"]["reference"]), (&json!("requested"), &json!("Organization/lapua")));
    assert!(seen.get("for").is_none() && seen.get("input").is_none() && seen.get("description").is_none(), "{seen}");
    assert_eq!(seen["meta"]["tag"][0]["code"], "SUBSETTED");
    let found = site.get("ehr-seinajoki", "/fhir/Task?owner=Organization/lapua").await.expect(200);
    assert_eq!(found["entry"][0]["resource"]["id"], task["id"]);
    // nor by trying out what it holds
    for number in ["+358401234567", "+358409999999"] {
        let patch = json!([{"op": "test", "path": "/input/2/valueContactPoint/value", "value": number}]);
        let refused = site.patch("ehr-seinajoki", &task, "W/\"3\"", &patch).await.refused(422);
        assert_eq!(refused[0], "subsetted Task.meta.tag");
    }
    let all = site.read("ehr-lakeus", &task).await.expect(200);
    assert_eq!(all["businessStatus"]["coding"][0]["code"], "readdressed");
    assert!(all.get("input").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_request_waits_until_its_requester_finds_another_owner() {
    let site = Site::new().await;
    let task = site.task_in("rejected", SEINAJOKI).await;
    let again = with(&task, "status", json!("requested"));
    site.put("advice-desk", &again).await.refused(422);
    site.put("ehr-seinajoki", &with(&again, "owner", json!({"reference": "Organization/lapua"}))).await.refused(422);
    let again = with(&again, "owner", json!({"reference": "Organization/lapua"}));
    assert_eq!(site.put("advice-desk", &again).await.expect(200)["owner"]["reference"], "Organization/lapua");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_a_task_must_name_its_version() {
    let site = Site::new().await;
    let task = site.task_in("requested", SEINAJOKI).await;
    let path = format!("/fhir/Task/{}", task["id"].as_str().unwrap());
    let accepted = with(&task, "status", json!("accepted"));
    let send = |tag: Option<&'static str>| site.send(Method::PUT, "ehr-seinajoki", &path, tag, Some(&accepted), "application/fhir+json");
    assert_eq!(send(None).await.refused(428), ["no-if-match"]);
    assert_eq!(send(Some("*")).await.refused(428), ["no-if-match"]);
    assert_eq!(send(Some("W/\"7\"")).await.refused(412), ["stale"]);
    send(Some("W/\"1\"")).await.expect(200);
    assert_eq!(send(Some("W/\"1\"")).await.refused(412), ["stale"]);
    let versions = site.get("ehr-seinajoki", &format!("{path}/_history")).await.expect(200);
    let statuses: Vec<_> = versions["entry"].as_array().unwrap().iter().map(|entry| entry["resource"]["status"].clone()).collect();
    assert_eq!(statuses, ["accepted", "requested"]);
    assert_eq!(site.get("ehr-seinajoki", &format!("{path}/_history/1")).await.expect(200), task);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_cannot_grow_without_bound() {
    let site = Site::new().await;
    let task = site.task_in("accepted", SEINAJOKI).await;
    let mut operations = vec![json!({"op": "add", "path": "/extension", "value": [{"url": "urn:a", "valueString": "x"}]})];
    operations.extend((0..30).map(|_| json!({"op": "copy", "from": "/extension", "path": "/extension/-"})));
    site.patch("ehr-seinajoki", &task, "W/\"2\"", &json!(operations)).await.refused(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_one_task_however_often_it_is_left() {
    let site = Site::new().await;
    let left = site.leave(&contact("twice")).await;
    let first = left.expect(201);
    assert_eq!(first["owner"]["reference"], SEINAJOKI);
    assert_eq!(site.leave(&contact("twice")).await.expect(200), first);
    let mut other = contact("twice");
    other["topic"] = json!("mood");
    assert_eq!(site.leave(&other).await.refused(409), ["other-request"]);
    assert_eq!(site.get("advice-desk", "/fhir/Task?_summary=count").await.expect(200)["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_owner_takes_the_id_of_a_contact_that_is_still_to_come() {
    let site = Site::new().await;
    let task = site.task_in("accepted", SEINAJOKI).await;
    let guess = |value: &str| json!({"system": "https://chat.example/contacts", "value": value});
    let patch = json!([{"op": "add", "path": "/identifier", "value": [guess("later-1"), guess("later-2")]}]);
    site.patch("ehr-seinajoki", &task, "W/\"2\"", &patch).await.expect(200);
    site.leave(&contact("later-1")).await.expect(201);

    let mut other = with(&task, "identifier", json!([guess("later-2")]));
    for name in ["id", "meta", "lastModified", "status", "statusReason", "businessStatus", "restriction", "authoredOn", "note"] {
        other.as_object_mut().unwrap().remove(name);
    }
    let create = || {
        let request = site.world.client.post(format!("{}/fhir/Task", site.world.adapter)).bearer_auth("advice-desk");
        let request = request.header("if-none-exist", "identifier=https://chat.example/contacts|later-2");
        request.header("content-type", "application/fhir+json").body(other.to_string())
    };
    let created = site.world.send(create()).await.expect(201);
    assert_eq!(site.world.send(create()).await.expect(200)["id"], created["id"], "the requester's own word counts");
    let found = site.get("advice-desk", "/fhir/Task?identifier=https://chat.example/contacts%7Clater-2").await.expect(200);
    assert_eq!(found["entry"].as_array().unwrap().len(), 2, "a search finds what either said");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_contact_is_told_with_its_place_and_nothing_is_stored() {
    let site = Site::new().await;
    let mut wrong = contact("wrong");
    wrong["queue"] = json!("dentist");
    wrong["phone"] = json!("0401234567");
    wrong["person"] = json!({"anonymous": false});
    wrong["surprise"] = json!(1);
    wrong["preferredTimes"] = json!([{"start": "2026-11-16T12:00:00+02:00", "end": "2026-11-16T11:00:00+02:00"}]);
    let mut faults = site.leave(&wrong).await.refused(422);
    faults.sort();
    assert_eq!(
        faults,
        ["person person", "phone-number phone", "unknown-member surprise", "unknown-word queue", "wrong-period preferredTimes[0]"]
    );
    assert_eq!(site.get("advice-desk", "/fhir/Task?_summary=count").await.expect(200)["total"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shows_no_token_or_nobodys_is_unknown_and_who_has_no_role_is_refused() {
    let site = Site::new().await;
    let task = site.task_in("requested", SEINAJOKI).await;
    let path = format!("/fhir/Task/{}", task["id"].as_str().unwrap());
    let unknown = site.world.get(&path).await;
    assert_eq!((unknown.refused(401), unknown.header("www-authenticate")), (vec!["login".to_owned()], "Bearer realm=\"neuvola-adapter\""));
    let nobodys = site.world.client.get(format!("{}{path}", site.world.adapter)).bearer_auth("nobody's");
    site.world.send(nobodys).await.refused(401);
    for caller in ["operator", "form-platform"] {
        assert_eq!(site.get(caller, &path).await.refused(403), ["forbidden"]);
    }
    site.get("ehr-lakeus", &path).await.refused(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_ehr_searches_is_found_and_nothing_of_others() {
    let site = Site::new().await;
    let task = site.task_in("requested", SEINAJOKI).await;
    site.task_in("requested", "Organization/lapua").await;
    let mut anonymous = contact("anonymous");
    anonymous["person"] = json!({"anonymous": true});
    site.leave(&anonymous).await.expect(201);
    for (query, count) in [
        ("", 2),
        ("status=requested", 2),
        ("status:not=requested", 0),
        ("status=accepted,requested&owner=Organization/seinajoki&due=gt2026-01-01", 2),
        ("owner=Organization/lapua", 0),
        ("patient:missing=true", 1),
        ("patient:identifier=urn:oid:1.2.246.21%7C010594Y9032", 1),
        ("patient.identifier=urn:oid:1.2.246.21%7C010594Y9032", 1),
        ("owner.name=Sein%C3%A4joen", 2),
        ("requester:identifier=urn:oid:1.2.246.10.99999990.10.1", 2),
        ("queue=maternity-child-health&_sort=-due", 2),
        ("queue=family-planning", 0),
        ("code=callback&intent=order&priority=routine&business-status=waiting", 2),
    ] {
        let found = site.get("ehr-seinajoki", &format!("/fhir/Task?{query}")).await.expect(200);
        assert_eq!(found["entry"].as_array().map_or(0, Vec::len), count, "{query}: {found}");
    }
    let page = site.get("ehr-seinajoki", "/fhir/Task?_count=1&_include=Task:owner").await.expect(200);
    assert_eq!(page["entry"].as_array().unwrap().len(), 2, "a Task and its owner");
    let next = page["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next").unwrap()["url"].as_str().unwrap();
    let second = site.get("ehr-seinajoki", next.strip_prefix(&site.world.adapter).unwrap()).await.expect(200);
    assert_ne!(second["entry"][0]["resource"]["id"], page["entry"][0]["resource"]["id"]);
    assert!(site.send(Method::GET, "ehr-seinajoki", "/fhir/Task?surprise=1", None, None, "").await.status == 200);
    let form = "patient%3Aidentifier=urn%3Aoid%3A1.2.246.21%7C010594Y9032";
    let request = site.world.client.post(format!("{}/fhir/Task/_search", site.world.adapter)).bearer_auth("ehr-seinajoki").body(form);
    let found = site.world.send(request.header("content-type", "application/x-www-form-urlencoded")).await.expect(200);
    assert_eq!(found["entry"][0]["resource"]["id"], task["id"]);
    let others = site.get("ehr-seinajoki", &format!("/fhir/Task?_id:not={}", task["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(others["entry"].as_array().map(Vec::len), Some(1), "{others}");
    assert_ne!(others["entry"][0]["resource"]["id"], task["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_another_kind_is_told_which_kind_is_wanted() {
    let site = Site::new().await;
    let task = site.task_in("requested", SEINAJOKI).await;
    let path = format!("/fhir/Task/{}", task["id"].as_str().unwrap());
    for (method, path, wanted) in [
        (Method::POST, "/fhir/Task/_search", "application/x-www-form-urlencoded"),
        (Method::PATCH, path.as_str(), "application/json-patch+json"),
        (Method::PUT, path.as_str(), "application/fhir+json"),
    ] {
        let answer = site.send(method, "ehr-seinajoki", path, Some("W/\"1\""), Some(&task), "text/plain").await;
        assert_eq!(answer.refused(415), ["content-type"]);
        let told = answer.expect(415)["issue"][0].to_string();
        assert!(told.contains(wanted), "{told}");
    }
}

impl Site {
    /// A Task in that status, owned by `owner`.
    async fn task_in(&self, status: &str, owner: &str) -> Value {
        let mut task = self.post("advice-desk", &new_task(owner)).await.expect(201);
        for (caller, to) in way_to(status) {
            task = self.put(caller, &with(&task, "status", json!(to))).await.expect(200);
        }
        task
    }

    async fn post(&self, caller: &str, task: &Value) -> Answer {
        self.send(Method::POST, caller, "/fhir/Task", None, Some(task), "application/fhir+json").await
    }

    async fn put(&self, caller: &str, task: &Value) -> Answer {
        let path = format!("/fhir/Task/{}", task["id"].as_str().unwrap());
        let tag = format!("W/\"{}\"", version(task));
        self.send(Method::PUT, caller, &path, Some(&tag), Some(task), "application/fhir+json").await
    }

    async fn patch(&self, caller: &str, task: &Value, tag: &str, operations: &Value) -> Answer {
        let path = format!("/fhir/Task/{}", task["id"].as_str().unwrap());
        self.send(Method::PATCH, caller, &path, Some(tag), Some(operations), "application/json-patch+json").await
    }

    async fn read(&self, caller: &str, task: &Value) -> Answer {
        self.get(caller, &format!("/fhir/Task/{}", task["id"].as_str().unwrap())).await
    }
}

fn new_task(owner: &str) -> Value {
    json!({
        "resourceType": "Task", "owner": {"reference": owner}, "description": "the matter",
        "for": {"identifier": {"system": "urn:oid:1.2.246.21", "value": "010594Y9032"}},
        "statusReason": {"text": "as tested"}, "reasonCode": concept("callback-topic", "other"),
        "input": [
            input("queue", "valueCodeableConcept", concept("callback-queue", "maternity-child-health")),
            input("channel", "valueCodeableConcept", concept("callback-channel", "phone")),
            input("phone", "valueContactPoint", json!({"system": "phone", "value": "+358401234567"})),
        ],
        "status": "requested", "intent": "order"
    })
}

fn version(task: &Value) -> u64 {
    task["meta"]["versionId"].as_str().unwrap().parse().unwrap()
}

fn with(task: &Value, name: &str, value: Value) -> Value {
    let mut task = task.clone();
    task[name] = value;
    task
}

fn concept(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": format!("https://neuvola-adapter.example/fhir/CodeSystem/{system}"), "code": code}]})
}

fn input(code: &str, name: &str, value: Value) -> Value {
    let mut input = json!({"type": concept("callback-input", code)});
    input[name] = value;
    input
}
