//! What is wanted, read and read back.

use std::time::Duration;

use neuvola_fhir::model::Resource;
use serde_json::{Value, json};
use uuid::Uuid;

use super::subscription::{Content, Wanted, resource};
use super::{BACKPORT, State, TOPIC};
use crate::issue::Issue;
use crate::net::Guard;
use crate::task::store::{Progress, Subscribed};

const BASE: &str = "https://adapter.example/fhir";

pub(in crate::task::notify) fn document(endpoint: &str) -> Value {
    json!({
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "callbacks of our clinic",
        "criteria": TOPIC,
        "_criteria": {"extension": [{
            "url": format!("{BACKPORT}filter-criteria"),
            "valueString": "Task?owner=Organization/seinajoki&status=requested,accepted"
        }]},
        "channel": {
            "extension": [
                {"url": format!("{BACKPORT}heartbeat-period"), "valueUnsignedInt": 60},
                {"url": format!("{BACKPORT}timeout"), "valueUnsignedInt": 5},
                {"url": format!("{BACKPORT}max-count"), "valuePositiveInt": 2}
            ],
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": format!("{BACKPORT}payload-content"), "valueCode": "id-only"}]},
            "header": ["Authorization: Bearer very-secret", "X-Key: also:secret"]
        }
    })
}

fn read(document: &Value, before: Option<&Wanted>) -> Result<Wanted, Vec<Issue>> {
    let text = document.to_string();
    Wanted::read(&neuvola_fhir::read(text.as_bytes()).unwrap(), BASE, &Guard::default(), before)
}

fn valid() -> Value {
    document("https://ehr.example/notify?token=abc")
}

/// One that is kept.
pub(in crate::task::notify) fn kept() -> Subscribed {
    let body = read(&valid(), None).unwrap().body(valid().to_string().as_bytes()).unwrap();
    Subscribed {
        id: Uuid::from_u128(0x5e_0000_4000_8000_0000_0000_0001),
        version: 3,
        last_updated: "2026-11-16T08:00:00.5Z".parse().unwrap(),
        caller: "seinajoki-ehr".to_owned(),
        status: "active".to_owned(),
        body,
        progress: Progress { seen: 40, matched: 5, delivered: 2, ..Progress::default() },
    }
}

#[test]
fn what_is_wanted_is_read() {
    let wanted = read(&valid(), None).unwrap();
    assert_eq!((wanted.state, wanted.content, wanted.most), (State::Requested, Content::IdOnly, 2));
    assert_eq!((wanted.heartbeat, wanted.timeout), (Some(Duration::from_secs(60)), Duration::from_secs(5)));
    assert_eq!(wanted.criteria.len(), 2);
    assert_eq!(wanted.headers[1], ("X-Key".to_owned(), "also:secret".to_owned()));
}

#[test]
fn every_fault_is_told_with_its_place_and_no_value() {
    let document = json!({
        "resourceType": "Subscription",
        "status": "secret",
        "end": "secret",
        "criteria": "Task?owner=secret",
        "_criteria": {"extension": [{"url": format!("{BACKPORT}filter-criteria"), "valueString": "Task?patient=secret"}]},
        "implicitRules": "http://secret",
        "channel": {
            "extension": [
                {"url": format!("{BACKPORT}heartbeat-period"), "valueUnsignedInt": 0},
                {"url": format!("{BACKPORT}timeout"), "valueUnsignedInt": 3600},
                {"url": format!("{BACKPORT}max-count"), "valueString": "secret"}
            ],
            "type": "email",
            "endpoint": "https://user:secret@ehr.example",
            "payload": "application/secret",
            "_payload": {"extension": [{"url": format!("{BACKPORT}payload-content"), "valueCode": "full-resource"}]},
            "header": ["secret", "Host: secret", "X-Masked: ***"]
        }
    });
    let issues = read(&document, None).unwrap_err();
    let places: Vec<&str> = issues.iter().map(|issue| issue.place.as_str()).collect();
    assert_eq!(
        places,
        [
            "Subscription.implicitRules",
            "Subscription.status",
            "Subscription.reason",
            "Subscription.end",
            "Subscription.criteria",
            "Subscription.criteria.extension[0]",
            "Subscription.channel.type",
            "Subscription.channel.endpoint",
            "Subscription.channel.header[0]",
            "Subscription.channel.header[1]",
            "Subscription.channel.header[2]",
            "Subscription.channel.payload",
            "Subscription.channel.payload",
            "Subscription.channel.extension[0].value",
            "Subscription.channel.extension[1].value",
            "Subscription.channel.extension[2].value",
        ]
    );
    assert!(!format!("{issues:?}").contains("secret"), "{issues:?}");
}

#[test]
fn what_is_read_back_is_what_was_sent_with_masked_headers() {
    let read_back = neuvola_fhir::print(&Resource::Subscription(Box::new(resource(&kept()).unwrap())));
    let text = String::from_utf8(read_back.clone()).unwrap();
    assert!(!text.contains("secret"), "{text}");
    let read_back: Value = serde_json::from_slice(&read_back).unwrap();
    assert_eq!(read_back["channel"]["header"], json!(["Authorization: ***", "X-Key: ***"]));
    assert_eq!((&read_back["meta"]["versionId"], &read_back["status"]), (&json!("3"), &json!("active")));
    assert_eq!(read_back["_criteria"], valid()["_criteria"]);
}

#[test]
fn what_was_read_can_be_sent_back_and_keeps_its_secrets() {
    let before = Wanted::kept(&kept(), BASE, &Guard::default()).unwrap();
    let read_back = neuvola_fhir::print(&Resource::Subscription(Box::new(resource(&kept()).unwrap())));
    let again = Wanted::read(&neuvola_fhir::read(&read_back).unwrap(), BASE, &Guard::default(), Some(&before)).unwrap();
    assert_eq!(again, before);
    assert_eq!(again.body(&read_back).unwrap(), kept().body);
}

#[test]
fn a_masked_header_stands_only_while_the_endpoint_stays_on_its_host() {
    let before = read(&valid(), None).unwrap();
    let mut masked = valid();
    masked["channel"]["header"] = json!(["Authorization: ***"]);
    let mut at = |endpoint: &str| {
        masked["channel"]["endpoint"] = json!(endpoint);
        read(&masked, Some(&before)).map(|wanted| wanted.headers)
    };
    assert_eq!(at("https://ehr.example/elsewhere").unwrap(), [("Authorization".to_owned(), "Bearer very-secret".to_owned())]);
    for moved in ["https://other.example/notify?token=abc", "https://ehr.example:8443/notify?token=abc"] {
        let issues = at(moved).unwrap_err();
        assert_eq!(issues[0].place, "Subscription.channel.header[0]", "{moved}");
    }
    masked["channel"]["header"] = json!(["Authorization: Bearer another"]);
    masked["channel"]["endpoint"] = json!("https://other.example/");
    assert!(read(&masked, Some(&before)).is_ok(), "who knows a secret may send it anywhere");
}

#[test]
fn what_is_kept_holds_nothing_that_is_ours_to_say() {
    let mut document = valid();
    document["id"] = json!("mine");
    document["meta"] = json!({"versionId": "77"});
    document["error"] = json!("broken");
    let body = read(&document, None).unwrap().body(document.to_string().as_bytes()).unwrap();
    assert_eq!(body, kept().body);
    document["colour"] = json!("red");
    assert!(read(&document, None).unwrap().body(document.to_string().as_bytes()).is_err());
}

#[test]
fn an_endpoint_that_is_no_longer_allowed_is_no_longer_served() {
    let here = document("http://127.0.0.1:9/");
    let guard = Guard::with_loopback();
    let text = here.to_string();
    let wanted = Wanted::read(&neuvola_fhir::read(text.as_bytes()).unwrap(), BASE, &guard, None).unwrap();
    let kept = Subscribed { body: wanted.body(text.as_bytes()).unwrap(), ..kept() };
    assert!(Wanted::kept(&kept, BASE, &guard).is_some());
    assert!(Wanted::kept(&kept, BASE, &Guard::default()).is_none());
}
