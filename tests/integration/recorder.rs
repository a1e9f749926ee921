//! Stands between the adapter and its record, and writes down all that passes.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

use crate::world::runtime;

/// One request to the record, and its answer.
#[derive(Clone)]
pub struct Exchange {
    /// `POST /fhir/Patient/_search`
    pub line: String,
    /// Of the request, one a line.
    pub headers: String,
    pub body: Bytes,
    #[allow(dead_code, reason = "shown when a test fails")]
    pub status: u16,
    pub answer: Bytes,
}

/// Answers in the record's place, where it wants to.
type Interfere = Arc<dyn Fn(&Parts) -> Option<Response> + Send + Sync>;

#[derive(Clone)]
pub struct Recorder {
    upstream: String,
    client: reqwest::Client,
    interfere: Interfere,
    seen: Arc<Mutex<Vec<Exchange>>>,
}

impl Recorder {
    /// One before the record at `base`, and its own base URL.
    pub fn before(base: &str) -> (Self, String) {
        Self::interfering(base, |_| None)
    }

    pub fn interfering(base: &str, interfere: impl Fn(&Parts) -> Option<Response> + Send + Sync + 'static) -> (Self, String) {
        let upstream = base.strip_suffix("/fhir").unwrap().to_owned();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let recorder = Self { upstream, client, interfere: Arc::new(interfere), seen: Arc::default() };
        let router = axum::Router::new().fallback(pass).with_state(recorder.clone());
        (recorder, format!("{}/fhir", serve(router)))
    }

    /// All that passed since the last call.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Exchange {
    /// The resources in it: what was sent, and what was answered.
    pub fn resources(&self) -> impl Iterator<Item = Value> {
        [&self.body, &self.answer].into_iter().filter_map(|body| serde_json::from_slice(body).ok())
    }

    pub fn is_transaction(&self) -> bool {
        self.line.trim_end_matches('/') == "POST /fhir"
    }
}

/// Serves on a free loopback port for as long as the tests run; `http://127.0.0.1:…`.
pub fn serve(router: axum::Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    runtime().spawn(async move { axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await });
    format!("http://{address}")
}

async fn pass(State(recorder): State<Recorder>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let line = format!("{} {}", parts.method, parts.uri);
    let headers = shown(&parts.headers);
    if let Some(answer) = (recorder.interfere)(&parts) {
        let status = answer.status().as_u16();
        recorder.seen.lock().unwrap().push(Exchange { line, headers, body, status, answer: Bytes::new() });
        return answer;
    }
    let mut to_record = parts.headers;
    to_record.remove("content-length");
    let method = Method::from_bytes(parts.method.as_str().as_bytes()).unwrap();
    let request = recorder.client.request(method, format!("{}{}", recorder.upstream, parts.uri)).headers(to_record);
    let response = request.body(body.clone()).send().await.unwrap();
    let (status, mut headers_back) = (response.status(), response.headers().clone());
    headers_back.remove("transfer-encoding");
    let answer = response.bytes().await.unwrap();
    let exchange = Exchange { line, headers, body, status: status.as_u16(), answer: answer.clone() };
    recorder.seen.lock().unwrap().push(exchange);
    (status, headers_back, answer).into_response()
}

fn shown(headers: &HeaderMap) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))).collect()
}

/// Creates a resource at the record; `Type/id`.
pub async fn create(base: &str, resource: &Value) -> String {
    let kind = resource["resourceType"].as_str().unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("{base}/{kind}")).header("content-type", "application/fhir+json").body(resource.to_string());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 201, "{kind}");
    let created: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    format!("{kind}/{}", created["id"].as_str().unwrap())
}
