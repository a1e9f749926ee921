//! Plays callback stories ([`crate::fixtures::stories`]) against an adapter over HTTP, with a clock that it sets: for the
//! tests and for `demo`.

mod endpoint;
mod stage;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

pub use stage::{Stage, StageFault};

use crate::clock::Clock as _;
use crate::fixtures::stories::{Ask, Body, Came, Deed, Moment, Step, Story, fill, in_texts, pointed};
use stage::Sent;

/// What became of a story.
#[derive(Debug)]
pub struct Played {
    pub story: String,
    pub purpose: String,
    pub steps: Vec<PlayedStep>,
}

#[derive(Debug)]
pub struct PlayedStep {
    pub at: Timestamp,
    /// The caller; empty where time passes.
    pub who: String,
    pub what: String,
    /// `201 W/"1"`, `3 found`, `422 business-rule`
    pub answer: String,
    /// Of the Task, as far as it is told.
    pub status: String,
    /// `Organization/…` or `HealthcareService/…`
    pub owner: String,
    /// Against what the story says, in words.
    pub differences: Vec<String>,
}

impl Played {
    pub fn differences(&self) -> usize {
        self.steps.iter().filter(|step| !step.differences.is_empty()).count()
    }
}

/// Plays all of it, whatever comes.
pub async fn play(story: &Story, stage: &mut Stage) -> Played {
    stage.clock.set(story.start);
    let mut known = BTreeMap::from([("base".to_owned(), stage.base.clone())]);
    known.extend(stage.endpoint_url().map(|url| ("endpoint".to_owned(), url.to_owned())));
    let mut player = Player { stage, known, minds: BTreeMap::new(), since: story.start };
    let mut steps = Vec::new();
    for step in &story.steps {
        steps.push(player.step(step).await);
    }
    Played { story: story.name.clone(), purpose: story.purpose.clone(), steps }
}

struct Player<'s> {
    stage: &'s mut Stage,
    /// Names that were kept.
    known: BTreeMap<String, String>,
    /// By caller.
    minds: BTreeMap<String, Mind>,
    /// Where polling begins.
    since: Timestamp,
}

/// What a caller remembers.
#[derive(Default)]
struct Mind {
    /// The Task that it saw last.
    task: Option<Value>,
    etag: Option<String>,
    /// The greatest `meta.lastUpdated` that its polls showed.
    latest: Option<Timestamp>,
    /// Versions that its polls showed.
    seen: Vec<(Value, Value)>,
}

impl Player<'_> {
    async fn step(&mut self, step: &Step) -> PlayedStep {
        match step.at {
            Some(Moment::At(instant)) => self.stage.clock.set(instant),
            Some(Moment::After(time)) => self.stage.clock.set(self.stage.clock.now() + time),
            None => {}
        }
        let at = self.stage.clock.now();
        let (who, came) = match &step.deed {
            Deed::Wait => (String::new(), None),
            Deed::Told => ("endpoint".to_owned(), Some(self.stage.told().await.map(|body| Came { body, ..Came::default() }))),
            Deed::Ask(ask) => (ask.caller.clone(), Some(self.ask(ask).await)),
            Deed::Poll { caller, query } => (caller.clone(), Some(self.poll(caller, query).await)),
        };
        let mut played = PlayedStep {
            at,
            who,
            what: step.what.clone(),
            answer: String::new(),
            status: String::new(),
            owner: String::new(),
            differences: Vec::new(),
        };
        match came {
            None => {}
            Some(Err(why)) => played.differences.push(why),
            Some(Ok(came)) => {
                played.differences = step.expect.differences(&came, &self.known);
                for (name, pointer) in &step.keep {
                    match pointed(&came.body, pointer).and_then(Value::as_str) {
                        Some(text) => drop(self.known.insert(name.clone(), text.to_owned())),
                        None => played.differences.push(format!("there is no text at {pointer} to keep as `{name}`")),
                    }
                }
                played.answer = answer(&came);
                let task = if came.found == Some(1) { &came.body["entry"][0]["resource"] } else { &came.body };
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                if task["resourceType"] != "Subscription" {
                    played.status = text(&task["status"]);
                    played.owner = text(&task["owner"]["reference"]);
                }
            }
        }
        played
    }

    async fn ask(&mut self, ask: &Ask) -> Result<Came, String> {
        let mind = self.minds.entry(ask.caller.clone()).or_default();
        let mut known = self.known.clone();
        known.extend(mind.etag.iter().map(|etag| ("etag".to_owned(), etag.clone())));
        let filled = |value: &Value| {
            let mut value = value.clone();
            in_texts(&mut value, &mut |text| fill(text, &known));
            value
        };
        let body = match &ask.body {
            Body::None => None,
            Body::Json(body) => Some((if ask.path.starts_with("/fhir") { FHIR } else { JSON }, filled(body).to_string())),
            Body::Patch(patch) => Some((PATCH, filled(patch).to_string())),
            Body::LastTask { put, add } => {
                let mut task = mind.task.clone().ok_or("the caller read no Task yet")?;
                json_patch::merge(&mut task, &filled(&Value::Object(put.clone())));
                added(&mut task, add, &filled);
                Some((FHIR, task.to_string()))
            }
        };
        let headers = ask.headers.iter().map(|(name, value)| (name.clone(), fill(value, &known))).collect();
        let path = fill(&ask.path, &known);
        let came = self.stage.send(Sent { caller: &ask.caller, method: &ask.method, path: &path, headers, body }).await?;
        if came.body["resourceType"] == "Task" {
            mind.task = Some(came.body.clone());
        }
        if let Some(version) = came.version {
            mind.etag = Some(format!("W/\"{version}\""));
        }
        Ok(came)
    }

    /// As an EHR polls: from the last `lastUpdated` that it saw, leaving aside the versions that it knows.
    async fn poll(&mut self, caller: &str, query: &str) -> Result<Came, String> {
        let mind = self.minds.entry(caller.to_owned()).or_default();
        let since = mind.latest.unwrap_or(self.since);
        let path = format!("/fhir/Task?_lastUpdated=ge{since}&{}", fill(query, &self.known));
        let sent = Sent { caller, method: "GET", path: &path, headers: BTreeMap::new(), body: None };
        let mut came = self.stage.send(sent).await?;
        if let Some(entries) = came.body["entry"].as_array_mut() {
            entries.retain(|entry| {
                let (id, meta) = (&entry["resource"]["id"], &entry["resource"]["meta"]);
                let version = (id.clone(), meta["versionId"].clone());
                let is_new = !mind.seen.contains(&version);
                let updated = meta["lastUpdated"].as_str().and_then(|text| text.parse().ok());
                mind.latest = mind.latest.max(updated);
                mind.seen.push(version);
                is_new
            });
            came.found = Some(entries.len());
            if let Some(first) = entries.first().map(|entry| &entry["resource"]) {
                mind.etag = first["meta"]["versionId"].as_str().map(|version| format!("W/\"{version}\""));
                mind.task = Some(first.clone());
            }
        }
        Ok(came)
    }
}

/// Adds to the ends of lists.
fn added(task: &mut Value, add: &Map<String, Value>, filled: &dyn Fn(&Value) -> Value) {
    for (name, more) in add {
        let mut list = task[name].as_array().cloned().unwrap_or_default();
        list.extend(filled(more).as_array().cloned().unwrap_or_default());
        task[name] = list.into();
    }
}

fn answer(came: &Came) -> String {
    let status = if came.status == 0 { String::new() } else { came.status.to_string() };
    let codes = || {
        let issues = came.body["issue"].as_array().into_iter().flatten().filter(|issue| issue["severity"] == "error");
        let mut codes: Vec<&str> = issues.filter_map(|issue| issue["details"]["coding"][0]["code"].as_str()).collect();
        codes.dedup();
        codes.join(", ")
    };
    match (came.found, came.version) {
        _ if came.body["resourceType"] == "OperationOutcome" => format!("{status} {}", codes()),
        (Some(found), _) => format!("{status} {found} found"),
        (None, Some(version)) => format!("{status} version {version}"),
        (None, None) if came.body["type"] == "history" => {
            let kind = pointed(&came.body, "/entry/0/resource/parameter/type/valueCode");
            format!("{status} {}", kind.and_then(Value::as_str).unwrap_or_default())
        }
        (None, None) => status,
    }
    .trim()
    .to_owned()
}

const FHIR: &str = "application/fhir+json";
const JSON: &str = "application/json";
const PATCH: &str = "application/json-patch+json";
