//! Searches through a real store, in memory.

use std::borrow::Cow;

use jiff::Timestamp;
use secrecy::SecretBox;
use serde_json::{Value, json};
use uuid::Uuid;

use super::search::{Asked, Searching};
use crate::caller::{Caller, Role};
use crate::identity::Identifier;
use crate::refusal::Refusal;
use crate::task::search::{CursorKey, Kind, Matching, Parties};
use crate::task::status::Status;
use crate::task::store::{Author, Change, Index, Keys, NewTask, Place, Priority, Sqlite, TaskStore as _};

struct Anybody;

impl Parties for Anybody {
    fn by_identifier(&self, _: Kind, _: Option<&str>, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn by_name(&self, kind: Kind, text: &str, _: Matching) -> Vec<String> {
        vec![format!("{}/{text}", kind.name())]
    }

    fn knows(&self, _: &str) -> bool {
        true
    }

    fn served_by(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn printed(&self, reference: &str) -> Option<Cow<'_, [u8]>> {
        Some(json!({ "resourceType": "Organization", "id": reference }).to_string().into_bytes().into())
    }
}

const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

fn index(number: u128, owner: &str) -> Index {
    Index {
        status: Status::Requested,
        business_status: None,
        code: "callback".to_owned(),
        intent: "order".to_owned(),
        priority: Priority::Routine,
        queue: "family-planning".to_owned(),
        owner: owner.to_owned(),
        requester: "Organization/advice".to_owned(),
        performers: Vec::new(),
        focus: None,
        part_of: if number == 4 { vec![format!("Task/{}", Uuid::from_u128(1))] } else { Vec::new() },
        authored_on: NOW,
        due: Some(NOW),
        period_start: None,
        period_end: None,
        tags: Vec::new(),
        attempts: 0,
        identifiers: vec![Identifier { system: "urn:c".to_owned(), value: number.to_string() }],
        patient: (number == 2).then(|| Identifier { system: "urn:oid:1.2.246.21".to_owned(), value: "010594Y9032".to_owned() }),
        group: None,
    }
}

/// Five Tasks of `Organization/a`.
async fn store() -> Sqlite {
    let keys = Keys::new(vec![("k".to_owned(), SecretBox::new(Box::new([3; 32])))]).unwrap();
    let store = Sqlite::open(Place::Memory, keys).await.unwrap();
    for number in 1..=5 {
        let by = Author { caller: "chat".to_owned(), request_id: "r".to_owned() };
        let index = index(number, "Organization/a");
        store.create(NewTask { id: Uuid::from_u128(number), body: body(), index, request: [0; 32], by, now: NOW }).await.unwrap();
    }
    store
}

fn body() -> Vec<u8> {
    let code = json!({ "coding": [{ "code": "callback" }] });
    json!({ "meta": { "profile": ["p"] }, "status": "requested", "intent": "order", "code": code, "description": "the matter" })
        .to_string()
        .into_bytes()
}

async fn asked(store: &Sqlite, organization: &str, query: &str, strict: bool) -> Result<Value, Refusal> {
    let caller = Caller { name: organization.to_owned(), roles: vec![Role::Owner], organizations: vec![organization.to_owned()] };
    let cursors = CursorKey::new(&[9; 32]).unwrap();
    let searching = Searching { store, parties: &Anybody, caller: &caller, base: "https://n.example/fhir", cursors: &cursors, now: NOW };
    let pairs = url::form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    Ok(serde_json::from_slice(&searching.bundle(Asked { pairs, strict }).await?).unwrap())
}

fn modes(set: &Value) -> Vec<&str> {
    set["entry"].as_array().into_iter().flatten().map(|entry| entry["search"]["mode"].as_str().unwrap()).collect()
}

fn link<'a>(set: &'a Value, relation: &str) -> Option<&'a str> {
    set["link"].as_array().unwrap().iter().find(|link| link["relation"] == relation)?["url"].as_str()
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repeat() {
    let store = store().await;
    let mut query = "status=requested&_count=2&_sort=-due".to_owned();
    let mut found = Vec::new();
    loop {
        let set = asked(&store, "a", &query, false).await.unwrap();
        found.extend(set["entry"].as_array().unwrap().iter().map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()));
        let Some(next) = link(&set, "next") else { break };
        query = next.split_once('?').unwrap().1.to_owned();
    }
    found.sort_unstable();
    assert_eq!(found, (1..=5).map(|number| Uuid::from_u128(number).to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn no_link_names_a_person() {
    let store = store().await;
    let set = asked(&store, "a", "patient:identifier=urn:oid:1.2.246.21|010594Y9032&_total=accurate", false).await.unwrap();
    assert_eq!((modes(&set), &set["total"]), (vec!["match"], &json!(1)));
    let here = link(&set, "self").unwrap();
    assert!(here.starts_with("https://n.example/fhir/Task?_cursor=") && !here.contains("9032"));
    let again = asked(&store, "a", here.split_once('?').unwrap().1, false).await.unwrap();
    assert_eq!(again["entry"], set["entry"]);
    assert!(asked(&store, "b", here.split_once('?').unwrap().1, false).await.is_err());
    assert!(asked(&store, "a", "_cursor=x", false).await.is_err());
}

#[tokio::test]
async fn others_are_included_counted_and_told_of() {
    let store = store().await;
    let id = Uuid::from_u128(1);
    let set = asked(&store, "a", &format!("_id={id}&_include=*&_revinclude=Task:part-of&colour=red"), false).await.unwrap();
    assert_eq!(modes(&set), ["match", "include", "include", "include", "outcome"]);
    assert!(!link(&set, "self").unwrap().contains("colour"));
    assert!(asked(&store, "a", "colour=red", true).await.is_err());
    let counted = asked(&store, "a", "_summary=count", false).await.unwrap();
    assert_eq!((&counted["total"], counted.get("entry")), (&json!(5), None));
    let nothing = asked(&store, "a", "patient=Patient/1", false).await.unwrap();
    assert_eq!(modes(&nothing), ["outcome"]);
    assert!(modes(&asked(&store, "b", "", false).await.unwrap()).is_empty());
}

#[tokio::test]
async fn a_former_owner_finds_how_it_stands() {
    let store = store().await;
    let by = Author { caller: "a".to_owned(), request_id: "r".to_owned() };
    let change = Change { id: Uuid::from_u128(3), from: 1, body: body(), index: index(3, "Organization/b"), by, now: NOW };
    store.change(change).await.unwrap();
    let set = asked(&store, "a", &format!("_id={}", Uuid::from_u128(3)), false).await.unwrap();
    let task = &set["entry"][0]["resource"];
    assert_eq!((&task["owner"]["reference"], task.get("description")), (&json!("Organization/b"), None));
    assert_eq!(task["meta"]["tag"][0]["code"], "SUBSETTED");
    assert!(modes(&asked(&store, "a", "identifier=urn:c|3", false).await.unwrap()).is_empty());
}
