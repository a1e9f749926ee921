//! `tasks …`: the real binary beside an adapter that serves from the same folder.

use std::path::PathBuf;
use std::process::Output;

use serde_json::{Value, json};

use crate::binary::{Running, Stream, confined, neuvola_adapter};

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
    for told in [&line, &table, &shown] {
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
