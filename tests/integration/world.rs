//! A sandbox and an adapter before it, on free loopback ports, with a clock that stands still.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, OnceLock};

use neuvola_adapter::app::App;
use neuvola_adapter::caller::{Caller, Callers, Role};
use neuvola_adapter::clock::FixedClock;
use neuvola_adapter::config::Limits;
use neuvola_adapter::configuration::Configuration;
use neuvola_adapter::installation::Installation;
use neuvola_adapter::net::{BaseUrl, Client, ClientSettings, PlainHttp};
use neuvola_adapter::profiles::Profiles;
use neuvola_adapter::record::{FhirApi, PatientRecord, Retry};
use neuvola_adapter::sandbox::{self, Sandbox};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What the clock shows.
pub const NOW: &str = "2026-11-16T09:00:00Z";
/// The public authority's fictitious identity codes.
pub const CHILD: &str = "010516B903X";
pub const IDENTITY_CODE: &str = "urn:oid:1.2.246.21";

/// Ends with the test that made it: what was begun is finished.
pub struct World {
    /// `http://127.0.0.1:…` of the adapter.
    pub adapter: String,
    pub address: SocketAddr,
    /// `http://127.0.0.1:…/fhir` of the sandbox.
    pub record: String,
    pub client: reqwest::Client,
    stop: Option<oneshot::Sender<()>>,
    /// The adapter, until it has stopped.
    pub served: Option<JoinHandle<std::io::Result<()>>>,
}

/// An answer, read whole.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let (record, api) = record();
        Self::before(record, api, limits).await
    }

    /// With the organisations and services of the sample configuration.
    pub async fn with_directory() -> Self {
        let (record, api) = record();
        let directory = Configuration::sandbox(&mut || "token".to_owned()).unwrap().0.directory;
        Self::of(record, api, Limits::default(), |app| app.with_directory(Arc::new(directory))).await
    }

    /// With what is in `folder` over the shipped knowledge.
    pub async fn with_profiles(folder: &std::path::Path) -> Self {
        let (record, api) = record();
        let profiles = Arc::new(Profiles::with_folders(&[folder.to_owned()]).unwrap());
        Self::of(record, api, Limits::default(), |mut app| {
            app.profiles = profiles;
            app
        })
        .await
    }

    /// An adapter that writes to `api`; `record` is its base URL, if it has one.
    pub async fn before(record: String, api: Arc<dyn PatientRecord>, limits: Limits) -> Self {
        Self::of(record, api, limits, |app| app).await
    }

    /// With the sample configuration and a store in memory; whoever calls tests, for the organisation that leaves requests.
    pub async fn with_tasks() -> Self {
        let (record, api) = record();
        let configuration = Configuration::sandbox(&mut || "token".to_owned()).unwrap().0;
        let organizations = vec!["advice-service".to_owned()];
        let caller = Caller { name: "test".to_owned(), roles: vec![Role::Tester], organizations };
        let opening =
            runtime().spawn(async { Installation::sandbox(configuration, None, [7; 32], &profiles(), Some(caller)).await.unwrap() });
        let Installation { callers, tasks, .. } = opening.await.unwrap();
        Self::of(record, api, Limits::default(), |mut app| {
            app.callers = callers;
            app.with_tasks(tasks.unwrap())
        })
        .await
    }

    async fn of(record: String, api: Arc<dyn PatientRecord>, limits: Limits, with: impl FnOnce(App) -> App) -> Self {
        let callers = Callers::new(Vec::new(), Some(Caller::loopback("test")));
        Self::serving(record, api, callers, limits, with)
    }

    fn installed(record: String, api: Arc<dyn PatientRecord>, installation: Installation) -> Self {
        let Installation { callers, tasks, .. } = installation;
        Self::serving(record, api, callers, Limits::default(), |app| app.with_tasks(tasks.unwrap()))
    }

    fn serving(record: String, api: Arc<dyn PatientRecord>, callers: Callers, limits: Limits, with: impl FnOnce(App) -> App) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let adapter = format!("http://{address}");
        let clock = Arc::new(FixedClock(NOW.parse().unwrap()));
        let app = Arc::new(with(App::new(profiles(), api, clock, callers, adapter.clone(), limits)));
        let (stop, stopped) = oneshot::channel();
        let served = runtime().spawn(neuvola_adapter::http::serve(listener, app, async {
            let _ = stopped.await;
        }));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { adapter, address, record, client, stop: Some(stop), served: Some(served) }
    }

    /// Begins to stop, as a signal would make it.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(format!("{}{path}", self.adapter))).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, body.to_string()).await
    }

    pub async fn post_text(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.client.post(format!("{}{path}", self.adapter)).header(CONTENT_TYPE, "application/json");
        self.send(request.body(body)).await
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    /// Puts a patient into the record; `Patient/…`.
    pub async fn patient(&self, identity_code: &str) -> String {
        let patient = json!({"resourceType": "Patient", "identifier": [{"system": IDENTITY_CODE, "value": identity_code}]});
        let request = self.client.post(format!("{}/Patient", self.record)).header(CONTENT_TYPE, "application/fhir+json");
        let answer = self.send(request.body(patient.to_string())).await.expect(201);
        format!("Patient/{}", answer["id"].as_str().unwrap())
    }

    /// How many resources of a type the record holds.
    pub async fn held(&self, resource_type: &str) -> u64 {
        let answer = self.send(self.client.get(format!("{}/{resource_type}", self.record))).await.expect(200);
        answer["total"].as_u64().unwrap()
    }

    pub async fn nothing_is_written(&self) {
        for resource_type in ["QuestionnaireResponse", "CarePlan", "Provenance"] {
            assert_eq!(self.held(resource_type).await, 0, "{resource_type}");
        }
    }

    /// A resource of the record.
    pub async fn read(&self, reference: &str) -> Value {
        self.send(self.client.get(format!("{}/{reference}", self.record))).await.expect(200)
    }

    /// The submission with a decision that follows every proposal and accepts every service.
    pub async fn decided(&self, form: &str, submission: &Value) -> Value {
        let preview = self.post(&format!("/forms/{form}/preview"), submission).await.expect(200);
        let plan = |person: &Value| {
            let of_outcome = |list: &str, wanted: &[&str]| -> Vec<Value> {
                let rules = person[list].as_array().unwrap().iter().filter(|rule| wanted.contains(&rule["outcome"].as_str().unwrap()));
                rules.map(|rule| rule["code"].clone()).collect()
            };
            let services: Vec<_> = of_outcome("services", &["met"]).iter().map(|code| json!({"service": code, "accepted": true})).collect();
            let alerts: Vec<_> = of_outcome("alerts", &["met", "indeterminate"])
                .iter()
                .map(|code| json!({"alerts": [code], "action": "Keskusteltu vastaanotolla."}))
                .collect();
            json!({"about": person["person"], "proposal": person["proposal"], "segment": person["segment"]["code"],
                "services": services, "alerts": alerts})
        };
        let plans: Vec<_> = preview["persons"].as_array().unwrap().iter().map(plan).collect();
        let mut submission = submission.clone();
        submission["decision"] = json!({"decided": "2026-11-16T10:15:00+02:00", "plans": plans});
        for plan in submission["decision"]["plans"].as_array_mut().unwrap() {
            // an empty list is no FHIR and none of ours
            plan.as_object_mut().unwrap().retain(|_, member| member.as_array().is_none_or(|list| !list.is_empty()));
        }
        submission
    }
}

fn record() -> (String, Arc<dyn PatientRecord>) {
    let record = start_sandbox();
    let base = BaseUrl::parse(&record, PlainHttp::LoopbackOnly).unwrap();
    let api = FhirApi::new(base, Client::new(&ClientSettings::default()).unwrap(), Retry::default());
    (record, Arc::new(api))
}

impl Answer {
    /// The body, after the status was seen to be this one.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The issues of an OperationOutcome, each as `fault place`, after status and media type were seen to be right.
    #[track_caller]
    pub fn refused(&self, status: u16) -> Vec<String> {
        let outcome = self.expect(status);
        assert_eq!(self.header("content-type"), "application/fhir+json; charset=utf-8");
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        let issue = |issue: &Value| {
            assert!(issue["details"]["text"].is_string(), "{issue}");
            let place = issue["expression"][0].as_str().unwrap_or_default();
            format!("{} {place}", issue["details"]["coding"][0]["code"].as_str().unwrap()).trim().to_owned()
        };
        outcome["issue"].as_array().unwrap().iter().map(issue).collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A family's form for the four months' check, with the professional's section and without a decision: one child.
pub fn form(id: &str) -> Value {
    json!({
        "id": {"system": "https://lomakepalvelu.example/submissions", "value": id},
        "authored": "2026-11-10T18:20:00+02:00",
        "language": "fi",
        "persons": [
            {
                "key": "child", "role": "child", "participation": "answered", "knownBy": "guardian",
                "identifier": {"system": IDENTITY_CODE, "value": CHILD},
                "answers": {
                    "life.everyday": "well", "life.siblings": true,
                    "life.sibling": [{"life.sibling.born": "2023-04-01", "life.sibling.adjusting": "well"}],
                    "life.languages": ["fi", "sv"], "habits.feeding": "breast-milk", "habits.eating": "well",
                    "habits.sleep": "fairly-well", "habits.sleep-hours": 13.5, "experiences.interaction": "well",
                    "worries.topics": ["sleep"], "worries.wishes": "Vinkkejä iltarutiineihin."
                }
            },
            {"key": "parent-1", "role": "parent", "participation": "asked-no-answer"}
        ],
        "professional": [{"about": "child", "answers": {
            "growth.weight": 6.42, "growth.assessment": "as-expected", "development.assessment": "as-expected",
            "interaction.assessment": "as-expected", "assessment.safety-concern": "no", "assessment.complexity": "none",
            "next-visit": "2026-12-14"
        }}],
        "author": {"identifier": {"system": "urn:oid:1.2.246.537.26", "value": "00999900017"}, "name": "Testi Terveydenhoitaja"},
        "organization": {"identifier": {"system": "urn:oid:1.2.246.537.6.202.2008", "value": "urn:oid:1.2.246.10.99999994.10.1"}},
        "custodian": {"identifier": {"system": "urn:oid:1.2.246.537.6.40174", "value": "urn:oid:1.2.246.10.99999994.19.0"}},
        "serviceEvent": "urn:oid:1.2.246.10.99999994.14.2026.1234"
    })
}

/// The shipped knowledge, loaded once.
pub fn profiles() -> Arc<Profiles> {
    static PROFILES: OnceLock<Arc<Profiles>> = OnceLock::new();
    Arc::clone(PROFILES.get_or_init(|| Arc::new(Profiles::with_folders(&[]).unwrap())))
}

/// A sandbox of its own; its base URL.
pub fn start_sandbox() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let check = |body: &[u8]| neuvola_fhir::parse(body).map(drop).map_err(|fault| fault.to_string());
    runtime().spawn(sandbox::serve(listener, Sandbox::new(check, || NOW.parse().unwrap())));
    format!("http://{address}{}", sandbox::MOUNT)
}

/// Servers run apart from the tests' own runtimes, with the stacks that `serve` gives them.
pub fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| neuvola_adapter::cli::runtime().unwrap())
}

/// An adapter with the sandbox's organisations and callers, whose tokens are their names, and a store in memory.
pub struct Site {
    pub world: World,
}

impl Site {
    pub async fn new() -> Self {
        let (record, api) = record();
        let shipped = include_str!("../../fixtures/configuration/sandbox.toml");
        let hash = |name: &str| -> String {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
            digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let mut text = String::new();
        let mut in_caller = false;
        for line in shipped.lines() {
            in_caller = if line.starts_with("[[") { line == "[[caller]]" } else { in_caller };
            text.push_str(line);
            text.push('\n');
            if let Some(name) = line.strip_prefix("name = \"").and_then(|rest| rest.strip_suffix('"')).filter(|_| in_caller) {
                text.push_str(&format!("token-sha256 = [\"{}\"]\n", hash(name)));
            }
        }
        let configuration = neuvola_adapter::configuration::Configuration::read(&text, "test.toml").unwrap();
        let installation = Installation::sandbox(configuration, None, [7; 32], &profiles(), None).await.unwrap();
        Self { world: World::installed(record, api, installation) }
    }

    pub async fn send(
        &self,
        method: reqwest::Method,
        caller: &str,
        path: &str,
        tag: Option<&str>,
        body: Option<&Value>,
        media: &str,
    ) -> Answer {
        let mut request = self.world.client.request(method, format!("{}{path}", self.world.adapter)).bearer_auth(caller);
        if let Some(tag) = tag {
            request = request.header("if-match", tag);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, media).body(body.to_string());
        }
        self.world.send(request).await
    }

    pub async fn get(&self, caller: &str, path: &str) -> Answer {
        self.send(reqwest::Method::GET, caller, path, None, None, "").await
    }

    /// As the chat platform.
    pub async fn leave(&self, contact: &Value) -> Answer {
        self.send(reqwest::Method::POST, "chat-platform", "/callback-requests", None, Some(contact), "application/json").await
    }
}

/// Somebody from Seinäjoki who wants to be called.
pub fn contact(id: &str) -> Value {
    json!({
        "id": {"system": "https://chat.example/contacts", "value": id}, "received": "2026-11-16T10:12:00+02:00",
        "queue": "maternity-child-health", "topic": "breastfeeding", "channel": "phone", "phone": "+358401234567", "municipality": "743",
        "person": {"identifier": {"system": IDENTITY_CODE, "value": "020594X903P"}}
    })
}
