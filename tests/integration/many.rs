//! Several adapters, one store: processes of their own over HTTP, a hundred EHRs that claim from one queue at once, and
//! processes that are killed in the middle of it. Whatever was acknowledged is there, and nobody's claim is another's.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, ETAG, IF_MATCH};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::binary::Running;
use crate::installed::{CHAT, EHR, Site, begin, client};
use crate::stores::new_database;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_ehrs_claim_each_request_once_from_one_process_on_sqlite() {
    let site = Site::new("sqlite:tasks.sqlite");
    let adapters = Adapters::start(&site, 1);
    claim_all(&adapters, &site, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_ehrs_claim_each_request_once_from_three_processes_on_postgresql() {
    let url = new_database().await;
    let site = Site::new(url.expose_secret());
    let adapters = Adapters::start(&site, 3);
    claim_all(&adapters, &site, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_while_the_process_on_sqlite_is_killed_and_started_again() {
    let site = Site::new("sqlite:tasks.sqlite");
    let adapters = Adapters::start(&site, 1);
    claim_all(&adapters, &site, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_while_three_processes_on_postgresql_are_killed_and_started_again() {
    let url = new_database().await;
    let site = Site::new(url.expose_secret());
    let adapters = Adapters::start(&site, 3);
    claim_all(&adapters, &site, true).await;
}

/// Requests are left and claimed at once, by as many clients; then the store is asked who has what.
async fn claim_all(adapters: &Arc<Adapters>, site: &Site, killing: bool) {
    let left: Arc<Mutex<Vec<String>>> = Arc::default();
    let claimed: Arc<Mutex<BTreeMap<String, Vec<String>>>> = Arc::default();
    let wrong: Arc<Mutex<Vec<String>>> = Arc::default();
    let contacts: Arc<Mutex<VecDeque<usize>>> = Arc::new(Mutex::new((0..REQUESTS).collect()));

    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let client = Client { http: client(), adapters: Arc::clone(adapters), number, wrong: Arc::clone(&wrong), killing };
        let (left, claimed, contacts) = (Arc::clone(&left), Arc::clone(&claimed), Arc::clone(&contacts));
        clients.push(tokio::spawn(async move {
            loop {
                let next = contacts.lock().unwrap().pop_front();
                let Some(contact) = next else { break };
                let task = client.leave(contact).await;
                left.lock().unwrap().push(task);
                for task in client.claim_what_is_there().await {
                    claimed.lock().unwrap().entry(task).or_default().push(client.name());
                }
            }
            // until the queue is empty
            loop {
                let more = client.claim_what_is_there().await;
                if more.is_empty() && client.waiting().await.is_empty() {
                    break;
                }
                for task in more {
                    claimed.lock().unwrap().entry(task).or_default().push(client.name());
                }
            }
        }));
    }
    if killing {
        let all = clients.len();
        let mut round = 0;
        while clients.iter().filter(|client| client.is_finished()).count() < all && round < KILLS {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let (adapters, config) = (Arc::clone(adapters), site.config.clone());
            tokio::task::spawn_blocking(move || adapters.replace(round, &config)).await.unwrap();
            round += 1;
        }
    }
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(*wrong.lock().unwrap(), Vec::<String>::new());

    let left = left.lock().unwrap().clone();
    let claimed = claimed.lock().unwrap().clone();
    assert_eq!(left.len(), REQUESTS);
    let asking = Client { http: client(), adapters: Arc::clone(adapters), number: 0, wrong: Arc::default(), killing };
    let mut ids = left.clone();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), REQUESTS, "each contact is one request");
    for id in ids {
        let task = asking.get(&format!("/fhir/Task/{id}"), EHR).await.expect("what was acknowledged is there");
        assert_eq!((task["status"].as_str(), task["meta"]["versionId"].as_str()), (Some("accepted"), Some("2")), "{id}");
        match claimed.get(&id).map(Vec::as_slice) {
            Some([_]) => {}
            // the claim was stored, and its answer lost with the process that gave it
            None if killing => {}
            other => panic!("{id} was claimed by {other:?}"),
        }
    }
}

/// One EHR's client, and one adviser's.
struct Client {
    http: reqwest::Client,
    adapters: Arc<Adapters>,
    number: usize,
    wrong: Arc<Mutex<Vec<String>>>,
    /// Connections may break off.
    killing: bool,
}

impl Client {
    fn name(&self) -> String {
        format!("client {}", self.number)
    }

    /// Repeats until it is acknowledged, as a platform does.
    async fn leave(&self, contact: usize) -> String {
        let body = json!({
            "id": {"system": "https://chat.example/contacts", "value": format!("contact-{contact}")},
            "received": "2026-01-05T09:00:00+02:00", "queue": "maternity-child-health", "topic": "baby-care", "channel": "chat",
            "person": {"anonymous": true}
        });
        loop {
            let request = self.http.post(self.url("/callback-requests")).bearer_auth(CHAT).header(CONTENT_TYPE, "application/json");
            if let Some((status, _, answer)) = self.answered(request.body(body.to_string())).await {
                assert!(status == 201 || status == 200, "{status} {answer}");
                return answer["task"].as_str().unwrap().trim_start_matches("Task/").to_owned();
            }
        }
    }

    /// One look at the queue, and a try for everything that is in it.
    async fn claim_what_is_there(&self) -> Vec<String> {
        let mut claimed = Vec::new();
        for mut task in self.waiting().await {
            let id = task["id"].as_str().unwrap().to_owned();
            let version = task["meta"]["versionId"].as_str().unwrap().to_owned();
            task["status"] = json!("accepted");
            task["owner"] = json!({"reference": "Organization/seinajoki"});
            let request =
                self.http.put(self.url(&format!("/fhir/Task/{id}"))).bearer_auth(EHR).header(CONTENT_TYPE, "application/fhir+json");
            let request = request.header(IF_MATCH, format!("W/\"{version}\"")).body(task.to_string());
            match self.answered(request).await {
                Some((200, etag, _)) => {
                    assert_eq!(etag, "W/\"2\"");
                    claimed.push(id);
                }
                Some((412, ..)) | None => {}
                Some((status, _, answer)) => self.wrong.lock().unwrap().push(format!("{status} {answer}")),
            }
        }
        claimed
    }

    async fn waiting(&self) -> Vec<Value> {
        let path = "/fhir/Task?owner=HealthcareService/maternity-child-health&status=requested&_count=5";
        loop {
            if let Some(bundle) = self.get(path, EHR).await {
                let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
                return entries.into_iter().map(|mut entry| entry["resource"].take()).collect();
            }
        }
    }

    async fn get(&self, path: &str, token: &str) -> Option<Value> {
        for _ in 0..TRIES {
            if let Some((200, _, answer)) = self.answered(self.http.get(self.url(path)).bearer_auth(token)).await {
                return Some(answer);
            }
        }
        None
    }

    /// Status, ETag and body; `None` if the connection broke off, which only a kill may do. A 5xx is noted as wrong.
    async fn answered(&self, request: reqwest::RequestBuilder) -> Option<(u16, String, Value)> {
        let broken = |error: reqwest::Error| {
            if !self.killing {
                self.wrong.lock().unwrap().push(format!("{error:?}"));
            }
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                broken(error);
                tokio::time::sleep(Duration::from_millis(50)).await;
                return None;
            }
        };
        let status = response.status();
        let etag = response.headers().get(ETAG).map_or("", |tag| tag.to_str().unwrap()).to_owned();
        let text = response.text().await.map_err(broken).ok()?;
        if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            self.wrong.lock().unwrap().push(format!("{status} {text}"));
        }
        Some((status.as_u16(), etag, serde_json::from_str(&text).unwrap_or_default()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.adapters.one_of(self.number))
    }
}

/// Processes that share a store.
struct Adapters(Mutex<Vec<Option<(Running, String)>>>);

impl Adapters {
    fn start(site: &Site, count: usize) -> Arc<Self> {
        let begin = |_| Some(begin(&site.config, "warn"));
        Arc::new(Self(Mutex::new((0..count).map(begin).collect())))
    }

    fn one_of(&self, number: usize) -> String {
        let adapters = self.0.lock().unwrap();
        let there: Vec<&String> = adapters.iter().flatten().map(|(_, url)| url).collect();
        there.get(number % there.len().max(1)).map_or_else(|| "http://127.0.0.1:9".to_owned(), |url| (*url).clone())
    }

    /// Kills one (`SIGKILL`) and starts another in its place.
    fn replace(&self, round: usize, config: &Path) {
        let which = round % self.0.lock().unwrap().len();
        let killed = self.0.lock().unwrap()[which].take();
        drop(killed);
        let begun = begin(config, "warn");
        self.0.lock().unwrap()[which] = Some(begun);
    }
}

const CLIENTS: usize = 100;
const REQUESTS: usize = 200;
const KILLS: usize = 6;
const TRIES: usize = 200;
