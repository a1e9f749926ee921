//! Callback requests keep nothing in clear: after lives of marked ones, with everything that is refused on the way, the real
//! binary's log at its loudest, its metrics, its refusals and every file of its folder hold none of the marks. The store
//! holds them, sealed: whoever may read the Task reads them.

use std::path::{Path, PathBuf};

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, IF_MATCH};
use serde_json::{Value, json};

use crate::installed::{CHAT, EHR, Site, begin, client, hash};

const PHONE: &str = "+358405739517";
const CODE: &str = "120786-957E";
/// In every text that a person writes.
const TEXT: &str = "QZXMERKKIXZQ";
/// In what a platform calls its contact.
const CONTACT: &str = "QZXCONTACTXZQ";
/// As a member's name: the caller may be told its own words for things, the log may not.
const NAME: &str = "QZXMEMBERXZQ";
/// As they could be written.
const MARKS: [&str; 6] = ["405739517", "120786-957", TEXT, CONTACT, "UVpYTUVSS0tJWFpR", "qzxmerkkixzq"];
const OPERATOR: &str = "token-of-the-operator";

#[tokio::test(flavor = "multi_thread")]
async fn after_the_lives_of_marked_requests_no_mark_is_in_the_log_in_metrics_in_refusals_or_in_any_file() {
    let operator =
        format!("\n[[caller]]\nname = \"operator\"\nroles = [\"operator\"]\norganizations = []\ntoken-sha256 = [\"{}\"]\n", hash(OPERATOR));
    let site = Site::with("sqlite:tasks.sqlite", &operator);
    let (running, url) = begin(&site.config, "trace");
    let caller = Caller { url, client: client() };
    for number in 0..3 {
        life(&caller, number).await;
    }
    refused(&caller).await;
    for path in ["/metrics", "/callback-requests/statistics?from=2026-01-01&until=2026-01-31", "/fhir/metadata", "/openapi.json"] {
        let (status, text) = caller.ask(Method::GET, OPERATOR, path, None, "", "").await;
        assert_eq!(status, 200, "{path}: {text}");
        none_in(text.as_bytes(), path);
    }
    assert!(none_in_files(&site.folder).iter().any(|file| file.ends_with("tasks.sqlite-wal")));
    let stopped = running.stop();
    assert!(stopped.status.success(), "{}", stopped.stderr);
    assert!(none_in_files(&site.folder).iter().any(|file| file.ends_with("tasks.sqlite")));
    assert!(stopped.stderr.lines().filter(|line| line.contains("answered")).count() > 80, "it says much:\n{}", stopped.stderr);
    none_in(stopped.stderr.as_bytes(), "the log");
    none_in(stopped.stdout.as_bytes(), "standard output");
    assert!(!stopped.stderr.contains(NAME), "{}", stopped.stderr);
}

/// Left, found, claimed, called in vain, called again and done; and read in every way.
async fn life(caller: &Caller, number: usize) {
    let receipt = caller.json(Method::POST, CHAT, "/callback-requests", None, &contact(number), 201).await;
    caller.json(Method::POST, CHAT, "/callback-requests", None, &contact(number), 200).await;
    let path = format!("/fhir/{}", receipt["task"].as_str().unwrap());
    let form = format!("patient%3Aidentifier=urn%3Aoid%3A1.2.246.21%7C{CODE}&identifier={CONTACT}-{number}");
    let (status, found) = caller.ask(Method::POST, EHR, "/fhir/Task/_search", None, &form, "application/x-www-form-urlencoded").await;
    assert!(status == 200 && found.contains(TEXT) && found.contains(PHONE), "who may read it reads it: {found}");
    // whoever writes it into a URL does it in spite of the documentation: the log is none the wiser
    let query = format!("/fhir/Task?patient:identifier=urn:oid:1.2.246.21%7C{CODE}&_count=1&{TEXT}={CODE}");
    assert_eq!(caller.ask(Method::GET, EHR, &query, None, "", "").await.0, 200);

    let mut task = caller.json(Method::GET, EHR, &path, None, &Value::Null, 200).await;
    let steps = [
        json!({"status": "accepted", "owner": {"reference": "Organization/seinajoki"}}),
        json!({"businessStatus": concept("callback-business-status", "no-answer"), "note": [{"text": format!("{TEXT} {PHONE}")}]}),
        json!({"status": "in-progress", "encounter": {"display": TEXT}}),
        json!({"status": "on-hold", "statusReason": {"text": TEXT}}),
        json!({"status": "completed", "output": [
            {"type": concept("callback-output", "advice-given"), "valueString": format!("{TEXT} {CODE}")},
            {"type": concept("callback-output", "passed-on"), "valueString": TEXT}
        ]}),
    ];
    for step in steps {
        let members = step.as_object().unwrap().clone();
        task.as_object_mut().unwrap().extend(members);
        task = caller.json(Method::PUT, EHR, &path, Some(&tag(&task)), &task, 200).await;
    }
    for more in ["", "/_history", "/_history/2", "/$allowed-transitions"] {
        assert_eq!(caller.ask(Method::GET, EHR, &format!("{path}{more}"), None, "", "").await.0, 200, "{more}");
    }
}

/// What is wrong in every way, with marks at every place; no refusal repeats one.
async fn refused(caller: &Caller) {
    let receipt = caller.json(Method::POST, CHAT, "/callback-requests", None, &contact(9), 201).await;
    let mut other = contact(9);
    other["description"] = json!(format!("{TEXT} again"));
    caller.json(Method::POST, CHAT, "/callback-requests", None, &other, 409).await;
    for member in contact(8).as_object().unwrap().keys() {
        for wrong in [json!(TEXT), json!(format!("{CODE} {PHONE}")), json!({NAME: PHONE}), json!([{"value": CODE}])] {
            let mut contact = contact(8);
            contact[member.as_str()] = wrong;
            // a text takes any text
            let (status, answer) = caller.send(Method::POST, CHAT, "/callback-requests", None, &contact).await;
            assert!(matches!(status, 200 | 201 | 400 | 409 | 422), "{member}: {status} {answer}");
        }
    }
    let path = format!("/fhir/{}", receipt["task"].as_str().unwrap());
    let task = caller.json(Method::GET, EHR, &path, None, &Value::Null, 200).await;
    for (member, wrong) in [
        ("status", json!(TEXT)),
        ("status", json!("completed")),
        ("for", json!({"identifier": {"system": "urn:oid:1.2.246.21", "value": "120786-957X"}, "display": TEXT})),
        ("for", json!({"reference": format!("Patient/{CODE}")})),
        ("description", json!({NAME: CODE})),
        ("note", json!([{"text": TEXT, "colour": PHONE}])),
        ("input", json!([{"type": concept("callback-input", TEXT), "valueString": PHONE}])),
        ("reasonCode", concept("callback-topic", TEXT)),
        ("owner", json!({"reference": format!("Organization/{TEXT}"), "display": CODE})),
        ("identifier", json!([{"system": TEXT, "value": CODE}])),
        (NAME, json!(CODE)),
        ("id", json!(TEXT)),
    ] {
        let mut wrongly = task.clone();
        wrongly[member] = wrong;
        for (token, method, path) in [(EHR, Method::PUT, path.as_str()), (EHR, Method::POST, "/fhir/Task"), (TEXT, Method::PUT, &path)] {
            let (status, answer) = caller.send(method, token, path, Some(&tag(&task)), &wrongly).await;
            assert!((400..500).contains(&status), "{member}: {status} {answer}");
        }
    }
    for stale in ["W/\"7\"".to_owned(), format!("\"{CODE}\""), "*".to_owned()] {
        let (status, _) = caller.send(Method::PUT, EHR, &path, Some(&stale), &task).await;
        assert!(matches!(status, 412 | 428), "{stale}: {status}");
    }
    for operations in [
        json!([{"op": "test", "path": "/description", "value": TEXT}]),
        json!([{"op": "replace", "path": format!("/{TEXT}/{CODE}"), "value": PHONE}]),
        json!([{"op": TEXT, "path": CODE}]),
    ] {
        let body = operations.to_string();
        let (status, _) = caller.ask(Method::PATCH, EHR, &path, Some(&tag(&task)), &body, "application/json-patch+json").await;
        assert!((400..500).contains(&status), "{body}");
    }
    let encoded = PHONE.replace('+', "%2B");
    for query in [
        format!("status={TEXT}&_lastUpdated={CODE}"),
        format!("owner={TEXT}%20{encoded}"),
        format!("_sort={TEXT}"),
        format!("_cursor={CODE}"),
        format!("patient:identifier={encoded}|"),
        format!("due={encoded}"),
    ] {
        let (status, text) = caller.ask(Method::GET, EHR, &format!("/fhir/Task?{query}"), None, "", "").await;
        assert_eq!(status, 400, "{query}: {text}");
    }
    for path in [format!("/fhir/Task/{CODE}"), format!("/fhir/Task/{TEXT}/_history/{CODE}"), format!("/{TEXT}"), format!("{path}/${TEXT}")]
    {
        assert_eq!(caller.ask(Method::GET, EHR, &path, None, "", "").await.0, 404, "{path}");
    }
    for broken in [format!("{{\"description\": \"{TEXT}"), format!("{TEXT} {CODE}"), format!("{{\"{NAME}\": 1, \"{NAME}\": 2}}")] {
        for path in ["/callback-requests", "/fhir/Task", "/fhir/Subscription"] {
            let (status, text) = caller.ask(Method::POST, CHAT, path, None, &broken, "application/json").await;
            assert!((400..500).contains(&status), "{path} {broken}: {text}");
        }
    }
    let filter = json!({"resourceType": "Subscription", "status": "requested", "reason": TEXT, "criteria": CODE,
        "channel": {"type": TEXT, "endpoint": format!("https://{TEXT}:{CODE}@ehr.example/"), "header": [format!("Authorization {PHONE}")]}});
    assert_eq!(caller.send(Method::POST, EHR, "/fhir/Subscription", None, &filter).await.0, 422);
}

struct Caller {
    url: String,
    client: reqwest::Client,
}

impl Caller {
    /// Status and body; no refusal repeats a mark.
    async fn ask(&self, method: Method, token: &str, path: &str, tag: Option<&str>, body: &str, media: &str) -> (u16, String) {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(token);
        if let Some(tag) = tag {
            request = request.header(IF_MATCH, tag);
        }
        if !media.is_empty() {
            request = request.header(CONTENT_TYPE, media).body(body.to_owned());
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), format!("{:?}", response.headers()));
        let text = response.text().await.unwrap();
        none_in(headers.as_bytes(), "headers of an answer");
        if status >= 400 {
            none_in(text.as_bytes(), &format!("a refusal of {path}: {body}"));
        }
        (status, text)
    }

    async fn send(&self, method: Method, token: &str, path: &str, tag: Option<&str>, body: &Value) -> (u16, String) {
        let media = if body.is_null() { "" } else { "application/json" };
        self.ask(method, token, path, tag, &body.to_string(), media).await
    }

    async fn json(&self, method: Method, token: &str, path: &str, tag: Option<&str>, body: &Value, status: u16) -> Value {
        let (given, text) = self.send(method, token, path, tag, body).await;
        assert_eq!(given, status, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

fn contact(number: usize) -> Value {
    json!({
        "id": {"system": "https://chat.example/contacts", "value": format!("{CONTACT}-{number}")},
        "received": "2026-01-05T09:00:00+02:00", "queue": "maternity-child-health", "topic": "baby-care", "channel": "phone",
        "phone": PHONE, "person": {"identifier": {"system": "urn:oid:1.2.246.21", "value": CODE}},
        "description": format!("{TEXT}: call {PHONE} about {CODE}"), "language": "fi",
        "videoLink": format!("https://video.example/{TEXT}"), "takenBy": {"name": TEXT},
        "pictures": [{
            "url": format!("https://pictures.example/{TEXT}"), "contentType": "image/jpeg", "size": 9,
            "hash": "2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "title": TEXT
        }]
    })
}

fn concept(system: &str, code: &str) -> Value {
    json!({"coding": [{"system": format!("https://neuvola-adapter.example/fhir/CodeSystem/{system}"), "code": code}]})
}

fn tag(task: &Value) -> String {
    format!("W/\"{}\"", task["meta"]["versionId"].as_str().unwrap())
}

#[track_caller]
fn none_in(bytes: &[u8], place: &str) {
    for mark in MARKS {
        let found = bytes.windows(mark.len()).position(|window| window == mark.as_bytes());
        let around = found.map(|at| String::from_utf8_lossy(&bytes[at.saturating_sub(200)..(at + 100).min(bytes.len())]).into_owned());
        assert_eq!(around, None, "{place}: {mark}");
    }
}

/// The files that were looked into.
fn none_in_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(none_in_files(&path));
        } else {
            none_in(&std::fs::read(&path).unwrap(), &path.display().to_string());
            files.push(path);
        }
    }
    files
}
