//! What the cases are made of: patients, transactions, raw reads, a proxy that watches and breaks answers.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::adapter::net::{BaseUrl, Client, ClientSettings, PlainHttp};
use super::adapter::record::{Coding, DIGEST_SYSTEM, Entry, FhirApi, Identifier, KEY_SYSTEM, Retry, Transaction};

pub(super) const PERSONS: &str = "urn:oid:1.2.246.21";

pub(super) fn record(base: &str) -> FhirApi {
    record_with(base, &ClientSettings { timeout: Duration::from_secs(30), ..ClientSettings::default() }, unhurried())
}

/// For servers that share two cores with the tests.
fn unhurried() -> Retry {
    Retry { deadline: Duration::from_secs(90), ..Retry::default() }
}

pub(super) fn record_with(base: &str, settings: &ClientSettings, retry: Retry) -> FhirApi {
    FhirApi::new(BaseUrl::parse(base, PlainHttp::LoopbackOnly).unwrap(), Client::new(settings).unwrap(), retry)
}

/// Looks like a UUID and is random.
pub(super) fn uuid() -> String {
    let (a, b) = (RandomState::new().hash_one(1), RandomState::new().hash_one(2));
    format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff, b >> 52, b & 0xffff_ffff_ffff)
}

pub(super) fn identifier(value: &str) -> Identifier {
    Identifier { system: PERSONS.into(), value: value.into() }
}

pub(super) fn key(code: &str) -> Coding {
    Coding { system: KEY_SYSTEM.into(), code: code.into() }
}

/// Posts a resource past the adapter; its `Type/id`.
pub(super) async fn put_there(base: &str, resource: &Value) -> String {
    let resource_type = resource["resourceType"].as_str().unwrap();
    let (status, stored) = raw(Method::POST, &format!("{base}/{resource_type}"), Some(resource)).await;
    assert_eq!(status, 201, "{stored}");
    format!("{resource_type}/{}", stored["id"].as_str().unwrap())
}

/// A patient with a new identity code, and `more`.
pub(super) async fn patient(base: &str, more: Value) -> (String, Identifier) {
    let who = identifier(&format!("test-{}", uuid()));
    (patient_with(base, &who, more).await, who)
}

pub(super) async fn patient_with(base: &str, who: &Identifier, more: Value) -> String {
    let mut resource = json!({"resourceType": "Patient", "identifier": [{"system": who.system, "value": who.value}]});
    for (name, value) in more.as_object().unwrap() {
        resource[name] = value.clone();
    }
    put_there(base, &resource).await
}

pub(super) async fn raw(method: Method, url: &str, body: Option<&Value>) -> (u16, Value) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(method, url).header("cache-control", "no-cache");
    if let Some(body) = body {
        request = request.header("content-type", "application/fhir+json").body(body.to_string());
    }
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
}

/// One person's resources as the adapter writes them: response, plan, two provenances.
#[derive(Clone)]
pub(super) struct Person {
    pub(super) reference: String,
    pub(super) digest: String,
    /// Of the response, the plan, and the two provenances.
    keys: [String; 4],
}

impl Person {
    pub(super) fn new(reference: &str) -> Self {
        Self { reference: reference.into(), digest: uuid(), keys: [uuid(), uuid(), uuid(), uuid()] }
    }

    /// The same submission with other content.
    pub(super) fn changed(&self) -> Self {
        Self { digest: uuid(), ..self.clone() }
    }

    pub(super) fn keys(&self) -> Vec<Coding> {
        self.keys.iter().map(|code| key(code)).collect()
    }

    pub(super) fn entries(&self, person: usize) -> Vec<Entry> {
        let subject = json!({"reference": self.reference});
        let urn = |i: usize| format!("urn:uuid:{}", self.keys[i]);
        let provenance = json!({"resourceType": "Provenance", "target": [{"reference": urn(0)}, {"reference": urn(1)}],
            "recorded": "2026-11-02T12:00:00+02:00", "agent": [{"who": {"display": "terveydenhoitaja"}}]});
        let resources = [
            json!({"resourceType": "QuestionnaireResponse", "status": "completed", "subject": subject,
                "authored": "2026-11-02T12:00:00+02:00", "item": [{"linkId": "1", "answer": [{"valueDecimal": 1.50}]}]}),
            json!({"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": subject, "title": "Suunnitelma",
                "supportingInfo": [{"reference": urn(0)}]}),
            provenance.clone(),
            provenance,
        ];
        let types = ["QuestionnaireResponse", "CarePlan", "Provenance", "Provenance"];
        let entry = |(i, mut resource): (usize, Value)| {
            resource["meta"] =
                json!({"tag": [{"system": KEY_SYSTEM, "code": self.keys[i]}, {"system": DIGEST_SYSTEM, "code": self.digest}]});
            Entry {
                person,
                resource_type: types[i],
                full_url: urn(i),
                key: key(&self.keys[i]),
                digest: Coding { system: DIGEST_SYSTEM.into(), code: self.digest.clone() },
                body: resource.to_string().replace("1.5}", "1.50}").into_bytes(),
            }
        };
        resources.into_iter().enumerate().map(entry).collect()
    }
}

pub(super) fn transaction(persons: &[&Person]) -> Transaction {
    Transaction { entries: persons.iter().enumerate().flat_map(|(i, person)| person.entries(i)).collect(), ..Transaction::default() }
}

/// What the proxy does to the first answer of a transaction, after the record has committed.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Mischief {
    None,
    GatewayTimeout,
    BreakConnection,
}

/// Stands between adapter and record and sees every URL.
#[derive(Clone)]
pub(super) struct Proxy {
    upstream: String,
    mischief: Mischief,
    transactions: Arc<AtomicUsize>,
    pub(super) seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// The proxy and its base URL.
    pub(super) async fn before(base: &str, mischief: Mischief) -> (Self, String) {
        let proxy =
            Self { upstream: base.strip_suffix("/fhir").unwrap().to_owned(), mischief, transactions: Arc::default(), seen: Arc::default() };
        let router = axum::Router::new().fallback(forward).with_state(proxy.clone());
        (proxy, format!("{}/fhir", serve(router).await))
    }

    pub(super) fn transactions(&self) -> usize {
        self.transactions.load(Ordering::SeqCst)
    }
}

async fn forward(State(proxy): State<Proxy>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    proxy.seen.lock().unwrap().push(format!("{} {} {}", parts.method, parts.uri, shown(&parts.headers)));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{}", proxy.upstream, parts.uri);
    let mut headers = parts.headers;
    headers.remove("content-length");
    let is_transaction = parts.method == Method::POST && parts.uri.path().trim_end_matches('/') == "/fhir";
    let answer = client.request(parts.method, url).headers(headers).body(body).send().await.unwrap();
    let (status, mut headers) = (answer.status(), answer.headers().clone());
    headers.remove("transfer-encoding");
    let body = answer.bytes().await.unwrap();
    if is_transaction && proxy.transactions.fetch_add(1, Ordering::SeqCst) == 0 {
        match proxy.mischief {
            Mischief::None => {}
            Mischief::GatewayTimeout => return StatusCode::GATEWAY_TIMEOUT.into_response(),
            Mischief::BreakConnection => {
                headers.remove("content-length");
                return (status, headers, broken(&body[..body.len() / 2])).into_response();
            }
        }
    }
    (status, headers, body).into_response()
}

fn shown(headers: &HeaderMap) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {}; ", value.to_str().unwrap_or("?"))).collect()
}

/// A body that breaks off after these bytes.
pub(super) fn broken(bytes: &[u8]) -> Body {
    let first: Result<Bytes, std::io::Error> = Ok(Bytes::copy_from_slice(bytes));
    Body::from_stream(futures_util::stream::iter([first, Err(std::io::Error::other("broken"))]))
}

/// Serves on a free loopback port; `http://127.0.0.1:port`.
pub(super) async fn serve(router: axum::Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    format!("http://{address}")
}
