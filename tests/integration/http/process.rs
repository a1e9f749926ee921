//! `serve` as a process: what it prints, logs, and how it ends.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::world::{IDENTITY_CODE, form};

struct Served {
    process: Child,
    out: BufReader<ChildStdout>,
    adapter: String,
    record: String,
}

impl Served {
    fn start(more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_neuvola-adapter"));
        command.args(["serve", "--sandbox", "--listen", "127.0.0.1:0"]).args(more);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = |start: &str| {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            line.trim().strip_prefix(start).unwrap_or_else(|| panic!("{line}")).to_owned()
        };
        let (adapter, record) = (line("listening on "), line("sandbox on "));
        Self { process, out, adapter, record }
    }

    /// Ends by a signal; what was logged.
    fn stop(mut self, signal: &str) -> String {
        assert!(Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap().success());
        let (mut rest, mut log) = (String::new(), String::new());
        self.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        self.out.read_to_string(&mut rest).unwrap();
        assert!(rest.lines().all(|line| line.starts_with("caller ")), "nothing but addresses and callers is printed: {rest}");
        assert!(self.process.wait().unwrap().success(), "{log}");
        log
    }
}

#[tokio::test]
async fn the_log_tells_of_every_request_and_nothing_of_the_client() {
    let served = Served::start(&["--log", "trace"]);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    // the code of nobody else, and a word that no other text has
    let (code, word) = ("040594V9030", "kirjolohikeitto");
    let patient = json!({"resourceType": "Patient", "identifier": [{"system": IDENTITY_CODE, "value": code}]});
    let request = client.post(format!("{}/Patient", served.record)).header("content-type", "application/fhir+json");
    assert_eq!(request.body(patient.to_string()).send().await.unwrap().status(), 201);
    let mut submission = form("1");
    submission["persons"][0]["identifier"]["value"] = code.into();
    submission["persons"][0]["answers"]["worries.wishes"] = word.into();
    let mut broken = submission.clone();
    broken[word] = code.into();
    broken["persons"][0]["answers"]["life.everyday"] = word.into();
    for (path, body) in [
        ("/forms/four-months/preview", submission.to_string()),
        ("/forms/four-months/submissions", submission.to_string()),
        ("/forms/four-months/submissions", broken.to_string()),
        ("/fhir/Questionnaire/$process-response", broken.to_string()),
        (&format!("/forms/{code}/preview?{word}={code}"), submission.to_string()),
        (&format!("/{word}/{code}"), word.to_owned()),
    ] {
        let request = client.post(format!("{}{path}", served.adapter)).header("content-type", "application/json");
        let request = request.header("x-request-id", format!("{word} {code}")).header("cookie", code).body(body);
        request.send().await.unwrap();
    }
    let query = format!("{}/fhir/Questionnaire?{word}={code}&_id={code}", served.adapter);
    assert_eq!(client.get(query).send().await.unwrap().status(), 200);
    let log = served.stop("-TERM");
    assert!(log.matches("answered").count() >= 7, "{log}");
    assert!(log.contains("route=\"/forms/{form}/preview\"") && log.contains("status=422"), "{log}");
    for secret in [code, word] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn logs_can_be_json_and_an_interrupt_ends_the_process_well() {
    let served = Served::start(&["--log-format", "json"]);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("{}/health/ready", served.adapter)).header("x-request-id", "r-1");
    assert_eq!(request.send().await.unwrap().status(), 200);
    let log = served.stop("-INT");
    let line: serde_json::Value = serde_json::from_str(log.lines().find(|line| line.contains("answered")).unwrap()).unwrap();
    assert_eq!((&line["route"], &line["status"], &line["span"]["request_id"]), (&"/health/ready".into(), &200.into(), &"r-1".into()));
}

#[test]
fn addresses_that_others_can_reach_are_not_listened_on() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused =
            Command::new(env!("CARGO_BIN_EXE_neuvola-adapter")).args(["serve", "--sandbox", "--listen", address]).output().unwrap();
        assert_eq!(refused.status.code(), Some(64));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("only loopback"), "{address}");
    }
    let both = ["serve", "--sandbox", "--record", "http://127.0.0.1:1/fhir"];
    for wrong in [&["serve"][..], &["serve", "--record", "http://ehr.example/fhir"], &both] {
        let refused = Command::new(env!("CARGO_BIN_EXE_neuvola-adapter")).args(wrong).output().unwrap();
        assert_eq!(refused.status.code(), Some(64), "{wrong:?}");
    }
}
