//! `tasks …`: the real binary beside an adapter that serves from the same folder.

use std::path::PathBuf;
use std::process::Output;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::binary::{Running, Stream, confined, neuvola_adapter};
use crate::installed::{CHAT, EHR, Site, begin};
use crate::recorder;
use crate::stores::new_database;

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("upkeep-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn tasks(&self, arguments: &[&str]) -> Output {
        confined(neuvola_adapter(&[&["tasks"], arguments].concat()), &self.0).output().unwrap()
    }

    /// What it prints when it succeeds.
    fn told(&self, arguments: &[&str]) -> String {
        let output = self.tasks(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn an_operator_sees_how_requests_stand_and_nothing_about_the_client() {
    let folder = Folder::new();
    let arguments = ["serve", "--sandbox", "--empty", "--data", "kept", "--json", "--listen", "127.0.0.1:0"];
    let (running, told) = Running::start(confined(neuvola_adapter(&arguments), &folder.0), Stream::Out, |line| {
        serde_json::from_str::<Value>(line).ok().filter(|line| line["listening"].is_string())
    });
    let callers = told["callers"].as_array().unwrap();
    let token = callers.iter().find(|caller| caller["name"] == "chat-platform").unwrap()["token"].as_str().unwrap();
    let contact = json!({
        "id": {"system": "https://chat.example/contacts", "value": "contact-1"}, "received": "2026-01-05T09:00:00+02:00",
        "queue": "maternity-child-health", "topic": "baby-care", "channel": "phone", "phone": "+358401234567",
        "description": "a word in confidence", "urgency": "urgent", "person": {"anonymous": true}
    });
    let request = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = request.post(format!("{}/callback-requests", told["listening"].as_str().unwrap())).bearer_auth(token);
    let answer = request.header("Content-Type", "application/json").body(contact.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let receipt: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    let id = receipt["task"].as_str().unwrap().trim_start_matches("Task/");

    let line = folder.told(&["list", "--data", "kept", "--json"]);
    let task: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&task["id"], &task["status"], &task["priority"]), (&id.into(), &"requested".into(), &"urgent".into()));
    assert_eq!((&task["queue"], &task["attempts"]), (&"maternity-child-health".into(), &0.into()));
    assert_eq!(folder.told(&["list", "--data", "kept", "--json", "--status", "completed"]), "");
    let (table, shown) = (folder.told(&["list", "--data", "kept"]), folder.told(&["show", id, "--data", "kept"]));
    assert!(table.contains(id) && shown.contains("accepted: claim it"), "{table}{shown}");
    let explained = folder.told(&["explain", id, "--data", "kept"]);
    assert!(explained.contains("unclaimed in the queue HealthcareService/maternity-child-health since"), "{explained}");
    assert!(explained.contains("`Task.owner` becomes Organization/"), "{explained}");
    assert_eq!(folder.told(&["subscriptions", "--data", "kept", "--check", "--json"]), "");
    for told in [&line, &table, &shown, &explained] {
        for secret in ["confidence", "+358401234567", "contact-1", "baby-care"] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
    }
    assert!(folder.told(&["rehash", "--data", "kept"]).ends_with(": 0\n"));
    assert!(folder.told(&["purge", "--data", "kept"]).ends_with(": 0\n"));
    folder.told(&["backup", "copy.sqlite", "--data", "kept"]);
    assert!(folder.0.join("copy.sqlite").metadata().unwrap().len() > 0);
    assert_eq!(folder.tasks(&["backup", "copy.sqlite", "--data", "kept"]).status.code(), Some(64), "nothing is overwritten");
    assert!(running.stop().status.success());
}

#[test]
fn a_store_that_is_not_there_is_not_made() {
    let folder = Folder::new();
    assert_eq!(folder.tasks(&["list", "--data", "kept"]).status.code(), Some(66));
    assert_eq!(folder.tasks(&["list", "--config", "adapter.toml"]).status.code(), Some(66));
    assert_eq!(folder.tasks(&["list"]).status.code(), Some(64));
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 0);
    assert!(folder.told(&["transitions"]).starts_with("| from"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_looks_after_a_store_in_sqlite_by_its_configuration() {
    let site = Site::with("sqlite:tasks.sqlite", PRIVATE);
    looked_after(&site).await;
    assert!(told(&site, &["backup", "copy.sqlite"]).contains("copy.sqlite"));
    let put_back = format!("sqlite:{}", site.folder.join("tasks.sqlite").display());
    let finish = sqlx::SqlitePool::connect(&put_back).await.unwrap();
    sqlx::query(LONG_AGO).execute(&finish).await.unwrap();
    finish.close().await;
    purged_and_rehashed(&site);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_looks_after_a_store_in_postgresql_by_its_configuration() {
    let url = new_database().await;
    let site = Site::with(url.expose_secret(), PRIVATE);
    looked_after(&site).await;
    let refused = tasks(&site, &["backup", "copy.sqlite"]);
    let why = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(64), "{why}");
    assert!(why.contains("pg_dump") && !why.contains("postgres://"), "{why}");
    assert!(!site.folder.join("copy.sqlite").exists());
    let finish = sqlx::PgPool::connect(url.expose_secret()).await.unwrap();
    sqlx::query(LONG_AGO).execute(&finish).await.unwrap();
    finish.close().await;
    purged_and_rehashed(&site);
}

/// A request is left, claimed and called about; one endpoint takes its notifications, another is gone for good.
async fn looked_after(site: &Site) {
    let (running, url) = begin(&site.config, "warn");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let send = async |request: reqwest::RequestBuilder, token: &str, media: &str, body: Value| -> Value {
        let answer = request.bearer_auth(token).header("Content-Type", media).body(body.to_string()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{status} {text}");
        serde_json::from_str(&text).unwrap()
    };
    let well = recorder::serve(axum::Router::new().fallback(async || axum::http::StatusCode::OK));
    let gone = recorder::serve(axum::Router::new().fallback(async || axum::http::StatusCode::GONE));
    let mut subscriptions = Vec::new();
    for endpoint in [&well, &gone] {
        let wanted = subscription(endpoint);
        let kept = send(client.post(format!("{url}/fhir/Subscription")), EHR, "application/fhir+json", wanted).await;
        subscriptions.push(kept["id"].as_str().unwrap().to_owned());
    }
    let [well, gone] = [&subscriptions[0], &subscriptions[1]];

    let contact = json!({
        "id": {"system": "https://chat.example/contacts", "value": "contact-1"}, "received": "2026-01-05T09:00:00+02:00",
        "queue": "maternity-child-health", "topic": "baby-care", "channel": "phone", "phone": "+358401234567", "municipality": "743",
        "description": "a word in confidence", "person": {"anonymous": true}
    });
    let receipt = send(client.post(format!("{url}/callback-requests")), CHAT, "application/json", contact).await;
    let path = receipt["task"].as_str().unwrap();
    let id = path.trim_start_matches("Task/");
    let claim = json!([{"op": "replace", "path": "/status", "value": "accepted"}]);
    let called = json!([{"op": "add", "path": "/businessStatus", "value": {"coding": [
        {"system": "https://neuvola-adapter.example/fhir/CodeSystem/callback-business-status", "code": "no-answer"}
    ]}}]);
    for (version, patch) in [(1, claim), (2, called)] {
        let request = client.patch(format!("{url}/fhir/{path}")).header("If-Match", format!("W/\"{version}\""));
        send(request, EHR, "application/json-patch+json", patch).await;
    }

    let seen = loop {
        let lines = told(site, &["subscriptions", "--json"]);
        let seen: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let one = |id: &String| seen.iter().find(|one| one["id"] == **id).unwrap().clone();
        if one(well)["delivered"] == 3 && one(gone)["state"] == "error" && one(gone)["lastEvent"] == 3 {
            break [one(well), one(gone)];
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    assert_eq!((&seen[0]["state"], &seen[0]["waiting"], &seen[0]["attention"]), (&"active".into(), &0.into(), &json!([])));
    assert_eq!((&seen[1]["deadLetter"], &seen[1]["waiting"]), (&true.into(), &3.into()));
    assert_eq!(seen[1]["error"], "the endpoint answered 410: it is gone");
    assert_eq!((&seen[0]["headers"], &seen[0]["filters"]), (&json!(["Authorization: ***"]), &json!(["Task?queue=maternity-child-health"])));
    let table = told(site, &["subscriptions"]);
    let revive = format!("PUT /fhir/Subscription/{gone} as it is read, with If-Match: W/\"1\"");
    assert!(table.contains("error: dead letter") && table.contains(&revive), "{table}");
    let checked = tasks(site, &["subscriptions", "--check"]);
    assert_eq!((checked.status.code(), String::from_utf8(checked.stdout).unwrap()), (Some(65), table.clone()));
    assert!(running.stop().status.success());

    let (list, shown, text) = (told(site, &["list"]), told(site, &["show", id]), told(site, &["explain", id]));
    let line = told(site, &["explain", id, "--json"]);
    let why: Value = serde_json::from_str(&line).unwrap();
    assert!(list.contains(id) && shown.contains("in-progress: begin"), "{list}{shown}");
    for part in [
        "chat (advice-service)",
        "requested → accepted",
        "no-answer (attempts: 1)",
        "Organization/seinajoki has claimed it and not begun since",
        "ATTENTION: overdue, due Mon 2026-01-05 16:00:00+02:00",
        "it is due the same day",
        "calls without an answer: 1, the last one",
        "next, by its owner Organization/seinajoki (ehr):\n  rejected: not ours",
        "next, by its requester Organization/advice-service (chat):\n  cancelled: no longer needed",
        "not delivered: a dead letter: the endpoint answered 410",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let life: Vec<_> = why["life"].as_array().unwrap().iter().map(|step| (step["caller"].clone(), step["to"].clone())).collect();
    assert_eq!(json!(life), json!([["chat", "requested"], ["ehr", "accepted"], ["ehr", "accepted"]]));
    let delivered = why["notifications"].as_array().unwrap().iter().filter(|one| one["delivered"] == true).count();
    assert_eq!((delivered, why["notifications"].as_array().unwrap().len()), (3, 6));
    let by_owner: Vec<_> = why["next"][0]["transitions"].as_array().unwrap().iter().map(|one| one["to"].clone()).collect();
    assert_eq!(json!(by_owner), json!(["rejected", "in-progress", "completed", "requested", "entered-in-error"]));
    for told in [&list, &shown, &text, &line, &table, &seen[0].to_string()] {
        for secret in ["confidence", "+358401234567", "contact-1", "baby-care", "very-secret", "key=hidden"] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
    }
    let nobody = tasks(site, &["explain", "0199c0de-0000-7000-8000-000000000001"]);
    assert_eq!(nobody.status.code(), Some(65));
    assert!(String::from_utf8(nobody.stderr).unwrap().contains("there is no such request in this store"));
}

/// After somebody finished everything, long ago.
fn purged_and_rehashed(site: &Site) {
    let list = told(site, &["list", "--json"]);
    let id = serde_json::from_str::<Value>(&list).unwrap()["id"].as_str().unwrap().to_owned();
    let config = std::fs::read_to_string(&site.config).unwrap();
    std::fs::write(site.folder.join("newer"), "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff").unwrap();
    std::fs::write(&site.config, config.replace("keys = [", "keys = [{ id = \"2027\", file = \"newer\" }, ")).unwrap();
    assert!(told(site, &["rehash"]).ends_with(": 5\n"), "three versions, two Subscriptions");
    assert!(told(site, &["rehash"]).ends_with(": 0\n"));
    assert!(told(site, &["purge"]).ends_with(": 1\n"));
    assert_eq!(told(site, &["list", "--json"]), "");

    let left = tasks(site, &["explain", &id]);
    let text = String::from_utf8(left.stdout).unwrap();
    assert_eq!(left.status.code(), Some(65), "{text}");
    assert!(text.starts_with(&format!("{id} was purged ")) && text.contains("ehr (seinajoki)"), "{text}");
    let stone: Value = serde_json::from_slice(&tasks(site, &["explain", &id, "--json"]).stdout).unwrap();
    assert_eq!((&stone["purged"], stone["life"].as_array().unwrap().len()), (&true.into(), 3));
    assert!(stone["purgedAt"].as_str().unwrap() > stone["finishedAt"].as_str().unwrap());
    assert_eq!(tasks(site, &["show", &id]).status.code(), Some(65));
}

fn subscription(endpoint: &str) -> Value {
    let backport = |name: &str| format!("http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-{name}");
    json!({
        "resourceType": "Subscription", "status": "requested", "reason": "callbacks of our clinic",
        "criteria": "https://neuvola-adapter.example/fhir/SubscriptionTopic/callback-task-changed",
        "_criteria": {"extension": [{"url": backport("filter-criteria"), "valueString": "Task?queue=maternity-child-health"}]},
        "channel": {
            "type": "rest-hook", "endpoint": format!("{endpoint}/hook?key=hidden"), "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": backport("payload-content"), "valueCode": "id-only"}]},
            "header": ["Authorization: Bearer very-secret"]
        }
    })
}

fn tasks(site: &Site, arguments: &[&str]) -> Output {
    let (name, rest) = arguments.split_first().unwrap();
    let all = [&["tasks", name, "--config", site.config.to_str().unwrap()], rest].concat();
    confined(neuvola_adapter(&all), &site.folder).output().unwrap()
}

/// What it prints when it succeeds.
fn told(site: &Site, arguments: &[&str]) -> String {
    let output = tasks(site, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const LONG_AGO: &str = "UPDATE task SET finished_at = 1000";

/// Endpoints of these tests listen on loopback.
const PRIVATE: &str = "\n[subscriptions]\nallow-private-addresses = true\n";

#[tokio::test]
async fn a_key_that_was_lost_or_exchanged_starts_nothing_and_says_which_and_what_to_do() {
    let folder = Folder::new();
    let told = |output: &Output| String::from_utf8(output.stderr.clone()).unwrap();
    let sandbox = ["serve", "--sandbox", "--data", "kept", "--json", "--listen", "127.0.0.1:0"];
    let begin = || Running::start(confined(neuvola_adapter(&sandbox), &folder.0), Stream::Out, |line| line.starts_with('{').then_some(()));
    assert!(begin().0.stop().status.success());
    let (key, aside) = (folder.0.join("kept/key"), folder.0.join("aside"));
    std::fs::rename(&key, &aside).unwrap();
    let refused = confined(neuvola_adapter(&sandbox), &folder.0).output().unwrap();
    assert_eq!(refused.status.code(), Some(78), "{}", told(&refused));
    assert!(told(&refused).contains("kept/key: is not there") && !key.exists(), "{}", told(&refused));
    std::fs::write(&key, [9; 32]).unwrap();
    for command in [&sandbox[..], &["tasks", "list", "--data", "kept"], &["tasks", "rehash", "--data", "kept"]] {
        let refused = confined(neuvola_adapter(command), &folder.0).output().unwrap();
        assert_eq!(refused.status.code(), Some(78), "{command:?}: {}", told(&refused));
        assert!(told(&refused).contains("the key `sandbox` is not the one"), "{}", told(&refused));
    }
    std::fs::rename(&aside, &key).unwrap();
    assert!(begin().0.stop().status.success());

    assert_eq!(folder.tasks(&["backup", "nodir/copy", "--data", "kept"]).status.code(), Some(66));
    // every caller of the sandbox, with some token
    let callers = include_str!("../../fixtures/configuration/sandbox.toml").split("[[caller]]\n").enumerate();
    let parts =
        callers.map(|(at, part)| if at == 0 { part.to_owned() } else { format!("[[caller]]\ntoken-sha256 = [\"{at:064x}\"]\n{part}") });
    let configuration: String = parts.collect();
    let configured = |url: &str| {
        let store = format!("[store]\nurl = \"{url}\"\nkeys = [{{ id = \"sandbox\", file = \"text.key\" }}]\n");
        let text = format!("{configuration}\n{store}");
        std::fs::write(folder.0.join("adapter.toml"), text).unwrap();
        let arguments = ["serve", "--record", "http://127.0.0.1:1/fhir", "--config", "adapter.toml", "--listen", "127.0.0.1:0"];
        let refused = confined(neuvola_adapter(&arguments), &folder.0).output().unwrap();
        (refused.status.code().unwrap(), told(&refused))
    };
    std::fs::write(folder.0.join("text.key"), "11".repeat(32)).unwrap();
    std::fs::set_permissions(folder.0.join("text.key"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    for (url, exit, cause) in [
        ("sqlite:kept/tasks.sqlite", 78, "the key `sandbox` is not the one"),
        ("sqlite:nodir/x.db", 66, "nodir/x.db`: its folder is not there"),
        ("sqlite:kept", 66, "kept`: it is a folder"),
        ("sqlite:adapter.toml", 78, "adapter.toml`: it is no SQLite database"),
        ("sqlite::memory:", 78, "no such kind of store"),
    ] {
        let (code, said) = configured(url);
        assert!(code == exit && said.contains(cause), "{url}: {code}: {said}");
        assert!(url == "sqlite::memory:" || said.contains("open to everybody") && said.contains("text.key"), "{url}: {said}");
    }
}
