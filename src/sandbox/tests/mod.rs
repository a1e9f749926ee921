//! The sandbox from outside, over its router. The behaviours were compared with HAPI FHIR JPA 8.8.0.

mod forms;
mod resources;
mod searches;
mod transactions;

use std::cell::Cell;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::sandbox::{Sandbox, router};

const ID: &str = "http://example.org/id";
const KEY: &str = "http://example.org/key";

thread_local! {
    static TICKS: Cell<i64> = const { Cell::new(0) };
}

/// A second later each time, from 2025-01-01T00:00:01Z on.
fn clock() -> Timestamp {
    TICKS.with(|ticks| ticks.set(ticks.get() + 1));
    Timestamp::from_second(1_735_689_600 + TICKS.get()).unwrap()
}

/// Refuses what says that it is to be refused.
fn check(body: &[u8]) -> Result<(), String> {
    if body.windows(9).any(|window| window == b"\"refused\"") { Err("the element `refused` is unknown".into()) } else { Ok(()) }
}

#[derive(Clone)]
struct Client(Router);

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// The resource, after the status was seen to be this one.
    fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json()
    }

    /// The issue code, after the status was seen to be this one.
    fn refused(&self, status: u16) -> String {
        let outcome = self.expect(status);
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        assert_eq!(outcome["issue"][0]["severity"], "error");
        assert!(self.header("content-type").starts_with("application/fhir+json"));
        outcome["issue"][0]["code"].as_str().unwrap().to_owned()
    }
}

impl Client {
    fn new() -> Client {
        Client(router(Sandbox::new(check, clock)))
    }

    async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/fhir{path}")).header("host", "record.test");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.0.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Body::empty()).await
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("content-type", "application/fhir+json")], body.to_string()).await
    }

    async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[("content-type", "application/fhir+json")], body.to_string()).await
    }

    async fn put_if(&self, path: &str, version: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[("content-type", "application/fhir+json"), ("if-match", version)], body.to_string()).await
    }

    async fn search_by_form(&self, path: &str, form: &str) -> Answer {
        self.send("POST", path, &[("content-type", "application/x-www-form-urlencoded")], form.to_owned()).await
    }

    /// Runs a transaction that is to bring its resources back.
    async fn transact(&self, entries: Value) -> Answer {
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        let headers = [("content-type", "application/fhir+json"), ("prefer", "return=representation")];
        self.send("POST", "", &headers, bundle.to_string()).await
    }

    /// A patient of that identifier; the id.
    async fn patient(&self, identifier: &str) -> String {
        self.post("/Patient", &patient(identifier)).await.expect(201)["id"].as_str().unwrap().to_owned()
    }

    async fn total(&self, search: &str) -> u64 {
        self.get(search).await.expect(200)["total"].as_u64().unwrap()
    }
}

fn patient(identifier: &str) -> Value {
    json!({"resourceType": "Patient", "identifier": [{"system": ID, "value": identifier}]})
}

fn plan(subject: &str) -> Value {
    json!({"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"reference": subject}})
}

/// A plan with a tag, for conditions.
fn tagged(mut resource: Value, code: &str) -> Value {
    resource["meta"] = json!({"tag": [{"system": KEY, "code": code}]});
    resource
}

fn create(full_url: &str, resource: Value) -> Value {
    json!({"fullUrl": full_url, "request": {"method": "POST", "url": resource["resourceType"]}, "resource": resource})
}

/// A create on condition that no resource has that key tag.
fn create_once(full_url: &str, resource: Value, code: &str) -> Value {
    let mut entry = create(full_url, tagged(resource, code));
    entry["request"]["ifNoneExist"] = json!(format!("_tag=http%3A%2F%2Fexample.org%2Fkey%7C{code}"));
    entry
}
