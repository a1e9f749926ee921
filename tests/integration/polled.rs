//! Polling as the README tells it, while many write: the real binary, on SQLite. Nothing is missed, and nothing that was
//! acknowledged is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use reqwest::header::{CONTENT_TYPE, IF_MATCH};
use serde_json::{Value, json};

use crate::installed::{CHAT, EHR, Site, begin, client};

#[tokio::test(flavor = "multi_thread")]
async fn who_polls_by_the_last_value_seen_misses_nothing_while_fifty_write() {
    let site = Site::new("sqlite:tasks.sqlite");
    let (running, url) = begin(&site.config, "warn");
    let url = Arc::new(url);
    let writing = Arc::new(AtomicUsize::new(WRITERS));
    let pollers: Vec<_> = [200, 7]
        .into_iter()
        .map(|count| {
            let (url, writing) = (Arc::clone(&url), Arc::clone(&writing));
            tokio::spawn(async move { Poller::new(count).poll(&url, &writing).await })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let (url, writing) = (Arc::clone(&url), Arc::clone(&writing));
            tokio::spawn(async move {
                let acknowledged = write(&url, number).await;
                writing.fetch_sub(1, Ordering::SeqCst);
                acknowledged
            })
        })
        .collect();
    let mut acknowledged = BTreeMap::new();
    for writer in writers {
        acknowledged.extend(writer.await.unwrap());
    }
    assert_eq!(acknowledged.len(), WRITERS * EACH);
    for poller in pollers {
        let seen = poller.await.unwrap();
        for (id, version) in &acknowledged {
            assert_eq!(seen.get(id), Some(version), "{id}: the last version that was acknowledged");
        }
        assert_eq!(seen.len(), acknowledged.len());
    }
    assert!(running.stop().status.success());
}

/// Leaves requests and works on each; the last version of each that was acknowledged.
async fn write(url: &str, number: usize) -> Vec<(String, u64)> {
    let client = client();
    let mut acknowledged = Vec::new();
    for contact in 0..EACH {
        let body = json!({
            "id": {"system": "https://chat.example/contacts", "value": format!("{number}-{contact}")},
            "received": "2026-01-05T09:00:00+02:00", "queue": "maternity-child-health", "topic": "baby-care", "channel": "chat",
            "person": {"anonymous": true}
        });
        let request = client.post(format!("{url}/callback-requests")).bearer_auth(CHAT).header(CONTENT_TYPE, "application/json");
        let receipt = answered(request.body(body.to_string()), 201).await;
        let path = format!("{url}/fhir/{}", receipt["task"].as_str().unwrap());
        let mut task = answered(client.get(&path).bearer_auth(EHR), 200).await;
        for status in &["accepted", "in-progress", "completed"][..contact % 4] {
            task["status"] = json!(status);
            task["owner"] = json!({"reference": "Organization/seinajoki"});
            let request = client.put(&path).bearer_auth(EHR).header(CONTENT_TYPE, "application/fhir+json");
            task = answered(request.header(IF_MATCH, format!("W/\"{}\"", version(&task))).body(task.to_string()), 200).await;
        }
        acknowledged.push((task["id"].as_str().unwrap().to_owned(), version(&task)));
    }
    acknowledged
}

/// Asks from the last value that it saw on, through all pages, and again.
struct Poller {
    client: reqwest::Client,
    count: usize,
    last: String,
    seen: BTreeMap<String, u64>,
}

impl Poller {
    fn new(count: usize) -> Self {
        Self { client: client(), count, last: "2026-01-01T00:00:00Z".to_owned(), seen: BTreeMap::new() }
    }

    async fn poll(mut self, url: &str, writing: &AtomicUsize) -> BTreeMap<String, u64> {
        loop {
            let was_written = writing.load(Ordering::SeqCst) > 0;
            let before = self.last.clone();
            let mut next = Some(format!("{url}/fhir/Task?_lastUpdated=ge{before}&_sort=_lastUpdated&_count={}", self.count));
            while let Some(page) = next {
                let page = answered(self.client.get(page).bearer_auth(EHR), 200).await;
                for entry in page["entry"].as_array().into_iter().flatten() {
                    self.see(&entry["resource"], &before);
                }
                let links = page["link"].as_array().into_iter().flatten();
                next = links.filter(|link| link["relation"] == "next").find_map(|link| Some(link["url"].as_str()?.to_owned()));
            }
            if !was_written {
                return self.seen;
            }
        }
    }

    fn see(&mut self, task: &Value, from: &str) {
        let (id, at) = (task["id"].as_str().unwrap(), task["meta"]["lastUpdated"].as_str().unwrap());
        let earlier = self.seen.insert(id.to_owned(), version(task));
        assert!(earlier.is_none_or(|earlier| earlier <= version(task)), "no version goes back");
        let instant = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
        assert!(instant(at) >= instant(from), "{at} lies before {from}, from where was asked");
        if instant(at) > instant(&self.last) {
            self.last = at.to_owned();
        }
    }
}

async fn answered(request: reqwest::RequestBuilder, status: u16) -> Value {
    let response = request.send().await.unwrap();
    let given = response.status().as_u16();
    let text = response.text().await.unwrap();
    assert_eq!(given, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn version(task: &Value) -> u64 {
    task["meta"]["versionId"].as_str().unwrap().parse().unwrap()
}

const WRITERS: usize = 50;
const EACH: usize = 4;
