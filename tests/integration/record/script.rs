//! A record system that says what a script tells it to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::adapter::net::ClientSettings;
use super::adapter::record::{FhirApi, Retry};
use super::world::{broken, record_with, serve};

/// One answer of the script.
pub(super) enum Reply {
    Text(u16, Vec<(&'static str, String)>, String),
    After(Duration, Box<Reply>),
    BrokenOff,
    Trickle,
    Endless,
    /// Whichever resource the URL asks for: side by side reads come in any order.
    AnyOf(Vec<Value>),
}

pub(super) fn json(status: u16, body: Value) -> Reply {
    Reply::Text(status, vec![("content-type", "application/fhir+json".into())], body.to_string())
}

pub(super) fn busy(status: u16, retry_after: &str) -> Reply {
    Reply::Text(status, vec![("retry-after", retry_after.into())], String::new())
}

pub(super) fn nothing_found() -> Reply {
    json(200, json!({"resourceType": "Bundle", "type": "searchset"}))
}

pub(super) fn broken_off() -> Reply {
    Reply::BrokenOff
}

/// Request line with headers, and body.
pub(super) struct Script {
    pub(super) base: String,
    pub(super) seen: Arc<Mutex<Vec<(String, String)>>>,
}

#[derive(Clone)]
struct Part {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Script {
    pub(super) async fn new(replies: impl IntoIterator<Item = Reply>) -> Self {
        let part = Part { replies: Arc::new(Mutex::new(replies.into_iter().collect())), seen: Arc::default() };
        let seen = part.seen.clone();
        let base = serve(axum::Router::new().fallback(play).with_state(part)).await;
        Self { base: format!("{base}/fhir"), seen }
    }

    pub(super) fn record(&self) -> FhirApi {
        record_with(&self.base, &ClientSettings::default(), quick())
    }

    pub(super) fn requests(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

async fn play(State(part): State<Part>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let headers: Vec<&str> = parts.headers.values().filter_map(|value| value.to_str().ok()).collect();
    let line = format!("{} {} {}", parts.method, parts.uri, headers.join("; "));
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    part.seen.lock().unwrap().push((line, String::from_utf8_lossy(&body).into_owned()));
    let mut reply = part.replies.lock().unwrap().pop_front().expect("the script is over");
    if let Reply::After(wait, later) = reply {
        tokio::time::sleep(wait).await;
        reply = *later;
    }
    match reply {
        Reply::Text(status, headers, body) => {
            let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Reply::BrokenOff => broken(b"{\"resourceType\":").into_response(),
        Reply::Trickle => Body::from_stream(futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, std::io::Error>(" "), ()))
        }))
        .into_response(),
        Reply::Endless => {
            let block = " ".repeat(1024 * 1024);
            Body::from_stream(futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(block.clone()))).into_response()
        }
        Reply::AnyOf(resources) => {
            let asked = |resource: &Value| parts.uri.path().ends_with(resource["id"].as_str().unwrap());
            resources.iter().find(|resource| asked(resource)).unwrap().to_string().into_response()
        }
        Reply::After(..) => unreachable!(),
    }
}

pub(super) fn quick() -> Retry {
    Retry { first_pause: Duration::from_millis(5), ..Retry::default() }
}
