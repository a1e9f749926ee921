use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use secrecy::SecretBox;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tower::ServiceExt as _;

use super::*;
use crate::caller::{Caller, Callers, Role};
use crate::clock::FixedClock;
use crate::config::Limits;
use crate::net::Guard;
use crate::profiles::Profiles;
use crate::record::DryRun;
use crate::task::codes::Codes;
use crate::task::notify::TOPIC;
use crate::task::search::CursorKey;
use crate::task::store::{Keys, Place, Sqlite};

const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";

struct Asked {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

struct World {
    app: Arc<App>,
}

impl World {
    async fn new() -> Self {
        let keys = Keys::new(vec![("k1".to_owned(), SecretBox::new(Box::new([7; 32])))]).unwrap();
        let profiles = Arc::new(Profiles::load(Profiles::shipped_files()).unwrap());
        let tasks = Tasks {
            store: Arc::new(Sqlite::open(Place::Memory, keys).await.unwrap()),
            directory: Arc::default(),
            changed: Arc::new(Notify::new()),
            guard: Arc::new(Guard::default()),
            codes: Arc::new(Codes::of(&profiles)),
            cursors: Arc::new(CursorKey::new(&[0; 32]).unwrap()),
        };
        let clock = FixedClock("2026-11-16T09:00:00.0005Z".parse().unwrap());
        let base = "https://adapter.example".to_owned();
        let app = App::new(profiles, Arc::new(DryRun), Arc::new(clock), Callers::default(), base, Limits::default());
        Self { app: Arc::new(app.with_tasks(tasks)) }
    }

    async fn ask(&self, caller: &str, method: &str, path: &str, if_match: &str, body: Option<Value>) -> Asked {
        let router = Router::new()
            .route("/fhir/Subscription", get(search).post(create))
            .route("/fhir/Subscription/$status", get(operations::all_statuses).post(operations::all_statuses))
            .route("/fhir/Subscription/{id}", get(read).put(update).delete(delete))
            .route("/fhir/Subscription/{id}/$status", get(operations::status).post(operations::status))
            .route("/fhir/Subscription/{id}/$events", get(operations::events).post(operations::events))
            .with_state(Arc::clone(&self.app));
        let mut request = Request::builder().method(method).uri(format!("/fhir/Subscription{path}"));
        if !if_match.is_empty() {
            request = request.header(IF_MATCH, if_match);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/fhir+json");
        }
        let mut request = request.body(body.map_or_else(Body::empty, |body| Body::from(body.to_string()))).unwrap();
        let caller = Caller { name: caller.to_owned(), roles: vec![Role::Owner], organizations: Vec::new() };
        request.extensions_mut().insert(Who(caller));
        let response = router.oneshot(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Asked { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    async fn created(&self) -> Value {
        let created = self.ask("a", "POST", "", "", Some(document())).await;
        assert_eq!(created.status, 201, "{}", created.body);
        created.body
    }
}

fn document() -> Value {
    json!({
        "resourceType": "Subscription", "status": "requested", "reason": "callbacks of our clinic", "criteria": TOPIC,
        "channel": {
            "type": "rest-hook", "endpoint": "https://ehr.example/notify", "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": format!("{BACKPORT}payload-content"), "valueCode": "id-only"}]},
            "header": ["Authorization: Bearer very-secret"]
        }
    })
}

fn path(resource: &Value) -> String {
    format!("/{}", resource["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_subscription_is_created_read_changed_and_deleted() {
    let world = World::new().await;
    let created = world.ask("a", "POST", "", "", Some(document())).await;
    let path = path(&created.body);
    assert_eq!(created.headers[LOCATION], format!("https://adapter.example/fhir/Subscription{path}/_history/1").as_str());
    assert_eq!(
        (&created.headers[ETAG], &created.headers[LAST_MODIFIED]),
        (&"W/\"1\"".parse().unwrap(), &"Mon, 16 Nov 2026 09:00:00 GMT".parse().unwrap())
    );
    let read = world.ask("a", "GET", &path, "", None).await;
    assert_eq!((read.status, &read.body), (200, &created.body));
    assert!(!read.body.to_string().contains("secret"));
    let mut changed = read.body;
    changed["reason"] = json!("another reason");
    for (if_match, status) in
        [("", 428), ("*", 428), ("\"1\", \"2\"", 428), ("W/\"7\"", 412), ("\"x\"", 412), ("W/\"1\"", 200), ("W/\"1\"", 412)]
    {
        assert_eq!(world.ask("a", "PUT", &path, if_match, Some(changed.clone())).await.status, status, "{if_match}");
    }
    let kept = world.app.tasks().unwrap().store.subscriptions(Some("a")).await.unwrap();
    assert!(String::from_utf8_lossy(&kept[0].body).contains("very-secret"), "a masked header keeps its value");
    changed["id"] = json!("another");
    assert_eq!(world.ask("a", "PUT", &path, "W/\"2\"", Some(changed)).await.status, 400);
    assert_eq!(world.ask("a", "DELETE", &path, "W/\"1\"", None).await.status, 412);
    assert_eq!(world.ask("a", "DELETE", &path, "", None).await.status, 204);
    assert_eq!(world.ask("a", "GET", &path, "", None).await.status, 404);
}

#[tokio::test]
async fn somebody_elses_is_not_there() {
    let world = World::new().await;
    let resource = world.created().await;
    let path = path(&resource);
    assert_eq!(world.ask("b", "GET", &path, "", None).await.status, 404);
    assert_eq!(world.ask("b", "PUT", &path, "W/\"1\"", Some(resource)).await.status, 404);
    assert_eq!(world.ask("b", "DELETE", &path, "", None).await.status, 404);
    for operation in ["$status", "$events"] {
        assert_eq!(world.ask("b", "GET", &format!("{path}/{operation}"), "", None).await.status, 404);
    }
    for all in ["", "/$status"] {
        assert_eq!(world.ask("b", "GET", all, "", None).await.body["total"], 0);
    }
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_and_nothing_is_kept() {
    let world = World::new().await;
    for (place, value, status) in [
        ("/channel/endpoint", "https://10.0.0.1/", 422),
        ("/channel/_payload/extension/0/valueCode", "full-resource", 422),
        ("/resourceType", "Patient", 400),
    ] {
        let mut document = document();
        *document.pointer_mut(place).unwrap() = json!(value);
        let refused = world.ask("a", "POST", "", "", Some(document)).await;
        assert_eq!((refused.status, &refused.body["resourceType"]), (status, &json!("OperationOutcome")), "{place}");
    }
    let mut unknown = document();
    unknown["colour"] = json!("red");
    assert_eq!(world.ask("a", "POST", "", "", Some(unknown)).await.status, 422);
    assert!(world.app.tasks().unwrap().store.subscriptions(None).await.unwrap().is_empty());
    for _ in 0..MOST {
        world.created().await;
    }
    assert_eq!(world.ask("a", "POST", "", "", Some(document())).await.status, 422);
}

#[tokio::test]
async fn ones_own_are_searched() {
    let world = World::new().await;
    let (first, _) = (world.created().await, world.created().await);
    let id = first["id"].as_str().unwrap();
    for (query, total) in [
        (String::new(), 2),
        (format!("?_id={id}"), 1),
        ("?status=requested".to_owned(), 2),
        ("?status=http://hl7.org/fhir/subscription-status%7Cactive".to_owned(), 0),
        ("?url=https://ehr.example/notify".to_owned(), 2),
        (format!("?criteria={TOPIC}&url=https://other.example/"), 0),
    ] {
        let found = world.ask("a", "GET", &query, "", None).await;
        assert_eq!((found.status, &found.body["total"]), (200, &json!(total)), "{query}");
        assert!(!found.body.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn status_and_events_are_answered_by_get_and_post() {
    let world = World::new().await;
    let (path, _) = (path(&world.created().await), world.created().await);
    let one = world.ask("a", "GET", &format!("{path}/$status"), "", None).await;
    assert_eq!((one.status, &one.body["type"], &one.body["total"]), (200, &json!("searchset"), &json!(1)));
    assert_eq!(world.ask("a", "GET", "/$status", "", None).await.body["total"], 2);
    assert_eq!(world.ask("a", "GET", &format!("/$status?id={}", &path[1..]), "", None).await.body["total"], 1);
    let active = json!({"resourceType": "Parameters", "parameter": [{"name": "status", "valueCode": "active"}]});
    assert_eq!(world.ask("a", "POST", "/$status", "", Some(active)).await.body["total"], 0);
    let events = world.ask("a", "GET", &format!("{path}/$events?eventsSinceNumber=1&eventsUntilNumber=9"), "", None).await;
    assert_eq!((events.status, &events.body["type"]), (200, &json!("history")));
    let numbers = json!({"resourceType": "Parameters", "parameter": [{"name": "eventsSinceNumber", "valueString": "1"}]});
    assert_eq!(world.ask("a", "POST", &format!("{path}/$events"), "", Some(numbers)).await.status, 200);
    assert_eq!(world.ask("a", "POST", &format!("{path}/$events"), "", None).await.status, 200);
    for wrong in ["?eventsSinceNumber=x", "?eventsUntilNumber=-1", "?colour=red"] {
        assert_eq!(world.ask("a", "GET", &format!("{path}/$events{wrong}"), "", None).await.status, 400, "{wrong}");
    }
}
