//! Nothing about a client stays behind: after a run of all fixtures with marked identity codes and marked free texts, the
//! real binary's logs at their loudest, its folders, the URLs and headers that the record saw, and what other callers are
//! told hold none of the marks.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use clap::Parser;
use neuvola_adapter::config::Limits;
use neuvola_adapter::fixtures::{cases, patients};
use neuvola_adapter::record::{
    Coding, EarlierPlan, Identifier, Patient, PatientFault, PatientRecord, PlanFault, RecordError, Sought, Stored, Transaction, Update,
};
use neuvola_adapter::telemetry::Logging;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::binary::{Running, Stream, at_once, confined, neuvola_adapter};
use crate::recorder::{Recorder, create};
use crate::world::{World, form, start_sandbox};

/// In every free text; upper case letters only, so that no encoding hides it.
const MARK: &str = "QZXMERKKIXZQ";

/// The identity codes of the fixtures, each with a marked one in its place: as synthetic, and found nowhere else.
struct Marks {
    codes: BTreeMap<String, String>,
}

impl Marks {
    fn new() -> Self {
        let mut found = BTreeSet::new();
        let submissions = cases().unwrap().into_iter().flat_map(|case| case.before.into_iter().chain([case.submission]));
        for body in submissions.chain(patients().into_iter().map(|patient| patient.body)) {
            found.extend(identity_codes(std::str::from_utf8(body).unwrap()));
        }
        assert!(found.len() > 50);
        let codes: BTreeMap<_, _> = found.iter().map(|code| (code.clone(), marked(code))).collect();
        assert_eq!(codes.values().collect::<BTreeSet<_>>().len(), codes.len(), "one for each");
        assert!(codes.values().all(|marked| !found.contains(marked)), "none of the fixtures' own");
        Self { codes }
    }

    /// With marked codes in place of the fixtures' own.
    fn put_into(&self, text: &str) -> String {
        self.codes.iter().fold(text.to_owned(), |text, (code, marked)| text.replace(code, marked))
    }

    /// Marks in a text, percent-encoded or not.
    fn in_text(&self, text: &str) -> Vec<&str> {
        let decoded = String::from_utf8_lossy(&percent_decoded(text)).into_owned();
        let is_in = |mark: &str| text.contains(mark) || decoded.contains(mark);
        self.codes.values().map(String::as_str).chain([MARK]).filter(|mark| is_in(mark)).collect()
    }

    #[track_caller]
    fn none_in(&self, text: &str, where_: &str) {
        let found = self.in_text(text);
        assert!(found.is_empty(), "{where_}: {found:?} in\n{text}");
    }
}

/// All that looks like an identity code, whether its check character fits or not.
fn identity_codes(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let is_code = |at: &usize| {
        let code = &bytes[*at..*at + 11];
        let digits = |range: std::ops::Range<usize>| code[range].iter().all(u8::is_ascii_digit);
        digits(0..6) && b"+-ABCDEFYXWVU".contains(&code[6]) && digits(7..10) && code[10].is_ascii_alphanumeric()
    };
    (0..bytes.len().saturating_sub(10)).filter(is_code).map(|at| text[at..at + 11].to_owned()).collect()
}

/// The same birthday with another individual number of the synthetic ones, 900 to 999; a wrong check character stays wrong.
fn marked(code: &str) -> String {
    let number = 900 + (code[7..10].parse::<usize>().unwrap() - 900 + 50) % 100;
    let begin = format!("{}{}", &code[..7], number);
    let check = |date: &str, number: &str| CHECK_CHARACTERS.as_bytes()[format!("{date}{number}").parse::<usize>().unwrap() % 31] as char;
    let fits = code.ends_with(check(&code[..6], &code[7..10]));
    let right = check(&code[..6], &number.to_string());
    let wrong = if right == 'Y' { 'X' } else { 'Y' };
    format!("{begin}{}", if fits { right } else { wrong })
}

const CHECK_CHARACTERS: &str = "0123456789ABCDEFHJKLMNPRSTUVWXY";

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let byte = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = &after[2..];
            }
            _ => {
                decoded.push(first);
                rest = after;
            }
        }
    }
    decoded
}

/// Marks every free text of a submission: whatever has a space in it. And more of them, where they may be.
fn mark_texts(submission: &mut Value, form: &str, is_written: bool) {
    fn walk(value: &mut Value, number: &mut usize) {
        match value {
            Value::String(text) if text.contains(' ') && text.len() < 900 => {
                *number += 1;
                *text = format!("{MARK} {number}");
            }
            Value::Array(elements) => elements.iter_mut().for_each(|element| walk(element, number)),
            Value::Object(members) => members.iter_mut().for_each(|(_, member)| walk(member, number)),
            _ => {}
        }
    }
    walk(submission, &mut 0);
    if !is_written || submission.get("vocabulary").is_some() {
        return;
    }
    for person in submission["persons"].as_array_mut().unwrap() {
        let question = if form == "four-years" && person["role"] == "child" { "experiences.joy" } else { "worries.wishes" };
        if let Some(answers) = person.get_mut("answers").and_then(Value::as_object_mut) {
            answers.insert(question.to_owned(), json!(format!("{MARK} answer")));
        }
    }
    for section in submission["professional"].as_array_mut().unwrap() {
        if let Some(answers) = section.get_mut("answers").and_then(Value::as_object_mut) {
            answers.insert("assessment.summary".to_owned(), json!(format!("{MARK} summary")));
        }
    }
    for plan in submission["decision"]["plans"].as_array_mut().unwrap() {
        plan["goals"] = json!([format!("{MARK} goal")]);
        plan["wishes"] = json!(format!("{MARK} wish"));
        plan["rationale"] = json!(format!("{MARK} rationale"));
    }
}

/// A client of the adapter's that looks at every answer.
struct Caller<'m> {
    adapter: String,
    client: reqwest::Client,
    marks: &'m Marks,
}

impl Caller<'_> {
    /// The status; a refusal and all headers were seen to be without marks.
    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> u16 {
        self.send(self.client.post(format!("{}{path}", self.adapter)).header(CONTENT_TYPE, "application/json").body(body)).await.0
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let headers = format!("{:?}", response.headers());
        let text = response.text().await.unwrap();
        self.marks.none_in(&headers, "headers of an answer");
        if status >= 400 {
            self.marks.none_in(&text, "a refusal");
        }
        (status, text)
    }

    /// Somebody else's requests: no answer of any status may hold a mark.
    async fn somebody_else(&self) {
        let get = |path: &str| self.client.get(format!("{}{path}", self.adapter));
        let post = |path: &str, body: String| {
            self.client.post(format!("{}{path}", self.adapter)).header(CONTENT_TYPE, "application/json").body(body)
        };
        let mut requests: Vec<_> = ["/health/live", "/health/ready", "/openapi.json", "/fhir/metadata", "/fhir/Questionnaire", "/nowhere"]
            .into_iter()
            .map(get)
            .collect();
        for path in ["/forms/four-months/preview", "/forms/four-months/submissions", "/fhir/QuestionnaireResponse/$validate"] {
            requests.extend(["{", "{}", "[]", "{\"id\": 1, \"id\": 2}"].map(|body| post(path, body.to_owned())));
            requests.push(post(path, form("somebody-else").to_string()));
        }
        for request in requests {
            let (_, text) = self.send(request).await;
            self.marks.none_in(&text, "an answer to somebody else");
        }
    }
}

/// The plans that are replaced, of marked persons.
async fn hold_what_cases_need(record: &str, marks: &Marks) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for resource in cases().unwrap().iter().flat_map(|case| &case.record) {
        let resource: Value = serde_json::from_str(&marks.put_into(std::str::from_utf8(resource).unwrap())).unwrap();
        let url = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        let entry = json!([{ "resource": resource, "request": { "method": "PUT", "url": url } }]);
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry });
        let request = client.post(record).header(CONTENT_TYPE, "application/fhir+json").body(bundle.to_string());
        assert_eq!(request.send().await.unwrap().status(), 200, "{url}");
    }
}

/// All fixtures, marked: previewed, submitted, and submitted again.
async fn all_cases(caller: &Caller<'_>) {
    let mut written = 0;
    for case in cases().unwrap() {
        let is_written = case.expect.written.is_some();
        let prepared = |body: &[u8]| {
            let text = caller.marks.put_into(std::str::from_utf8(body).unwrap());
            match serde_json::from_str::<Value>(&text) {
                Ok(mut submission) if submission.is_object() && !text.contains("null") => {
                    mark_texts(&mut submission, &case.form, is_written);
                    submission.to_string()
                }
                _ => text,
            }
        };
        for body in &case.before {
            let status = caller.post(&format!("/forms/{}/submissions", case.form), prepared(body)).await;
            assert_eq!(status, 201, "{}", case.name);
        }
        let body = prepared(case.submission);
        caller.post(&format!("/forms/{}/preview", case.form), body.clone()).await;
        for _ in 0..2 {
            let status = caller.post(&format!("/forms/{}/submissions", case.form), body.clone()).await;
            match &case.expect.refused {
                Some(refused) => assert_eq!(status, refused.status, "{}", case.name),
                None if is_written => assert!(matches!(status, 200 | 201), "{}: {status}", case.name),
                None => {}
            }
            written += usize::from(status == 201);
        }
    }
    assert!(written > 15, "{written} were written");
}

/// What nobody should send: a mark wherever a string stands, a mark of the wrong kind, and marks beside the body.
async fn hostile(caller: &Caller<'_>) {
    for name in ["four-months-self-managing", "four-months-vendor-form", "four-months-ready-responses"] {
        let case = cases().unwrap().into_iter().find(|case| case.name == name).unwrap();
        let submission: Value = serde_json::from_str(&caller.marks.put_into(std::str::from_utf8(case.submission).unwrap())).unwrap();
        let code = caller.marks.codes.values().next().unwrap();
        let mut places = Vec::new();
        leaves(&submission, "", &mut places);
        for (number, place) in places.iter().enumerate() {
            let mark = [json!(MARK), json!([{"value": MARK}]), json!(code), json!({(code.as_str()): MARK})][number % 4].clone();
            let mut submission = submission.clone();
            *submission.pointer_mut(place).unwrap() = mark;
            // a member's name is the form's word and may be told; a mark as a name only goes to the log
            let path = if number % 2 == 0 { "preview" } else { "submissions" };
            if number % 4 == 3 {
                let url = format!("{}/forms/four-months/{path}", caller.adapter);
                let request = caller.client.post(url).header(CONTENT_TYPE, "application/json").body(submission.to_string());
                request.send().await.unwrap();
            } else {
                caller.post(&format!("/forms/four-months/{path}"), submission.to_string()).await;
            }
        }
    }
    let code = caller.marks.codes.values().next().unwrap();
    let response = json!({"resourceType": "QuestionnaireResponse", "id": MARK, "status": code, "questionnaire": MARK,
        "subject": {"identifier": {"value": code}}, "item": [{"linkId": MARK, "answer": [{"valueString": MARK}]}]});
    for path in ["/fhir/QuestionnaireResponse/$validate", "/fhir/Questionnaire/$process-response"] {
        caller.post(path, response.to_string()).await;
        caller.post(path, format!("{{\"resourceType\": \"{MARK}\"}}")).await;
        caller.post(path, format!("{MARK} {code}")).await;
    }
    // in the URL and in headers: the caller may be told its own words, the log and others may not
    let url = |path: String| format!("{}{path}", caller.adapter);
    for path in
        [format!("/forms/{code}/preview"), format!("/fhir/{MARK}"), format!("/fhir/Questionnaire/{code}"), format!("/{MARK}/{code}")]
    {
        caller.client.get(url(path.clone())).send().await.unwrap();
        caller.client.post(url(path)).header(CONTENT_TYPE, "application/json").body("{}").send().await.unwrap();
    }
    for query in [format!("url={MARK}"), format!("{MARK}={code}"), format!("_format={code}")] {
        caller.client.get(url(format!("/fhir/Questionnaire?{query}"))).send().await.unwrap();
    }
    for header in ["user-agent", "referer", "accept", "x-request-id", "authorization", "content-type"] {
        caller.client.post(url("/forms/four-months/preview".to_owned())).header(header, code).body("{}").send().await.unwrap();
    }
}

fn leaves(value: &Value, place: &str, places: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, member)| leaves(member, &format!("{place}/{name}"), places)),
        Value::Array(elements) => elements.iter().enumerate().for_each(|(at, element)| leaves(element, &format!("{place}/{at}"), places)),
        _ => places.push(place.to_owned()),
    }
}

/// A folder of this test's own, empty; it goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("neuvola-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn is_empty(&self) -> bool {
        std::fs::read_dir(&self.0).unwrap().next().is_none()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Files that a process has open: none but pipes, sockets and the like, and what it inherited of us; and what it wrote to
/// any disk.
fn leaves_no_file(process: u32) {
    let of = Path::new("/proc").join(process.to_string());
    let open = |of: &Path| -> BTreeSet<String> {
        let descriptors = std::fs::read_dir(of.join("fd")).unwrap();
        descriptors.filter_map(|it| std::fs::read_link(it.unwrap().path()).ok()).map(|target| target.display().to_string()).collect()
    };
    let inherited = open(Path::new("/proc/self"));
    let files = open(&of);
    assert!(files.len() > 3, "{files:?}");
    let is_file = |target: &&String| target.starts_with('/') && !target.starts_with("/dev/") && !inherited.contains(*target);
    assert_eq!(files.iter().find(is_file), None);
    let io = std::fs::read_to_string(of.join("io")).unwrap();
    assert!(io.lines().any(|line| line == "write_bytes: 0"), "{io}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_all_fixtures_no_mark_is_in_logs_on_disk_in_urls_or_with_other_callers() {
    let marks = Marks::new();
    let sandbox = start_sandbox();
    for patient in patients() {
        let patient = marks.put_into(std::str::from_utf8(patient.body).unwrap());
        create(&sandbox, &serde_json::from_str(&patient).unwrap()).await;
    }
    hold_what_cases_need(&sandbox, &marks).await;
    let (recorder, record) = Recorder::before(&sandbox);
    let folder = Folder::new("privacy");
    let mut serve = confined(neuvola_adapter(&["serve", "--listen", "127.0.0.1:0", "--record", &record]), &folder.0);
    serve.env("NEUVOLA_LOG", "trace");
    let found = |line: &str| line.strip_prefix("listening on ").map(str::to_owned);
    let (serving, adapter) = tokio::task::spawn_blocking(move || Running::start(serve, Stream::Out, found)).await.unwrap();

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let caller = Caller { adapter, client, marks: &marks };
    all_cases(&caller).await;
    caller.somebody_else().await;
    hostile(&caller).await;
    caller.somebody_else().await;

    leaves_no_file(serving.id());
    let stopped = tokio::task::spawn_blocking(|| serving.stop()).await.unwrap();
    assert!(stopped.status.success(), "{}", stopped.stderr);
    assert!(stopped.stderr.lines().filter(|line| line.contains("answered")).count() > 200, "it was told to say much:\n{}", stopped.stderr);
    marks.none_in(&stopped.stderr, "the log");
    marks.none_in(&stopped.stdout, "standard output");
    assert!(folder.is_empty(), "{:?}", std::fs::read_dir(&folder.0).unwrap().collect::<Vec<_>>());

    let exchanges = recorder.take();
    for exchange in &exchanges {
        marks.none_in(&exchange.line, "a URL that the record saw");
        marks.none_in(&exchange.headers, &format!("headers that the record saw, {}", exchange.line));
    }
    let bodies: String = exchanges.iter().map(|exchange| String::from_utf8_lossy(&exchange.body).into_owned()).collect();
    let texts = ["answer", "summary", "goal", "wish", "rationale"];
    assert!(texts.iter().all(|text| bodies.contains(&format!("{MARK} {text}"))), "the marked texts were written");
    assert!(marks.in_text(&bodies).len() > 30, "the marked codes were looked up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_leaves_nothing_on_disk_and_no_mark_in_its_log() {
    let marks = Marks::new();
    let sandbox = start_sandbox();
    for patient in patients() {
        let patient = marks.put_into(std::str::from_utf8(patient.body).unwrap());
        create(&sandbox, &serde_json::from_str(&patient).unwrap()).await;
    }
    let (given, folder) = (Folder::new("given"), Folder::new("commands"));
    let file = |name: &str, submission: &Value| {
        let path = given.0.join(name);
        std::fs::write(&path, submission.to_string()).unwrap();
        path.display().to_string()
    };
    let case = cases().unwrap().into_iter().find(|case| case.name == "four-months-network-three-persons").unwrap();
    let mut good: Value = serde_json::from_str(&marks.put_into(std::str::from_utf8(case.submission).unwrap())).unwrap();
    mark_texts(&mut good, &case.form, true);
    let mut bad = good.clone();
    bad["persons"][0]["answers"]["life.everyday"] = json!(MARK);
    let (good, bad) = (file("good.json", &good), file("bad.json", &bad));
    let commands = [
        vec!["process", "--form", "four-months", "--record", &sandbox, &good],
        vec!["process", "--form", "four-months", "--record", &sandbox, &bad],
        vec!["process", "--form", "four-months", "--dry-run", &good],
        vec!["preview", "--form", "four-months", &good],
        vec!["preview", "--form", "four-months", &bad],
        vec!["validate", &good],
    ];
    let outputs = commands.iter().map(|arguments| {
        let mut command = confined(neuvola_adapter(arguments), &folder.0);
        command.env("NEUVOLA_LOG", "trace");
        command
    });
    let outputs = at_once(outputs.collect());
    for (arguments, output) in commands.iter().zip(outputs) {
        let is_refused = arguments.last() == Some(&bad.as_str()) || arguments[0] == "validate";
        assert_eq!(output.status.code(), Some(if is_refused { 65 } else { 0 }), "{arguments:?}");
        marks.none_in(&String::from_utf8_lossy(&output.stderr), &format!("{arguments:?}: the log"));
        if is_refused || arguments[0] == "process" {
            marks.none_in(&String::from_utf8_lossy(&output.stdout), &format!("{arguments:?}: the answer"));
        }
    }
    assert!(folder.is_empty());
}

/// A record that panics with what it was given.
struct Panicking;

/// Tells `panicking_process` that it is wanted.
const PANICKING: &str = "NEUVOLA_TEST_PANICKING";

#[async_trait]
impl PatientRecord for Panicking {
    async fn find_patients(&self, identifiers: &[Identifier]) -> Result<Vec<Result<Patient, PatientFault>>, RecordError> {
        panic!("{MARK} {}", identifiers[0].value)
    }

    async fn find_written(&self, _: &str, _: &[Coding]) -> Result<Vec<Stored>, RecordError> {
        Ok(Vec::new())
    }

    async fn find_plan(&self, _: &Sought) -> Result<Result<EarlierPlan, PlanFault>, RecordError> {
        Ok(Err(PlanFault::NotFound))
    }

    async fn restore(&self, _: &[Update], _: &[Stored]) -> Result<(), RecordError> {
        Ok(())
    }

    async fn submit(&self, _: &Transaction) -> Result<Vec<Stored>, RecordError> {
        Ok(Vec::new())
    }

    async fn annul(&self, _: &[Stored]) -> Result<(), RecordError> {
        Ok(())
    }

    async fn ready(&self) -> Result<(), RecordError> {
        panic!("{MARK}")
    }
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    logging: Logging,
}

/// Not a test of its own: `a_panic_is_logged_by_its_place_only` runs it in a process of its own, whose log is its own.
#[test]
fn panicking_process() {
    if std::env::var_os(PANICKING).is_none() {
        return;
    }
    Line::try_parse_from(["x", "--log", "trace"]).unwrap().logging.start(tracing::level_filters::LevelFilter::TRACE);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::before(String::new(), Arc::new(Panicking), Limits::default()).await;
        let mut submission = world.decided("four-months", &form("1")).await;
        submission["decision"]["plans"][0]["wishes"] = json!(MARK);
        assert_eq!(world.post("/forms/four-months/submissions", &submission).await.refused(500), ["internal"]);
        assert_eq!(world.get("/health/ready").await.refused(500), ["internal"]);
    });
}

#[test]
fn a_panic_is_logged_by_its_place_only() {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "privacy::panicking_process", "--nocapture"]).env(PANICKING, "yes");
    let output = command.output().unwrap();
    let log = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{log}");
    assert_eq!(log.matches("a bug of ours: panicked").count(), 2, "{log}");
    assert!(log.contains("privacy.rs"), "the place is told: {log}");
    assert!(!log.contains(MARK) && !log.contains(crate::world::CHILD), "{log}");
}
