//! Every FHIR resource that callers of callback requests are answered or told, before HL7's own validator (`tests/judge`): the
//! stories, what each caller may read when they have ended, one more story of rare elements, the sandbox's week, and what
//! defines all of it. One start of the validator; what differs in ids, times and numbers only is judged once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use neuvola_adapter::clock::Clock as _;
use neuvola_adapter::configuration::SandboxCaller;
use neuvola_adapter::fixtures::stories::{Story, stories};
use neuvola_adapter::installation::week;
use neuvola_adapter::player::{Stage, play};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::judge::{judge_and_define, left_out, root, write};
use crate::stories::county;
use crate::world::{NOW, profiles, runtime};

/// What must have been judged, each at least once.
const KINDS: [&str; 31] = [
    "CapabilityStatement",
    "CodeSystem",
    "HealthcareService",
    "OperationDefinition",
    "OperationOutcome, refusing",
    "OperationOutcome, telling",
    "Organization",
    "Parameters",
    "SearchParameter",
    "StructureDefinition",
    "Subscription",
    "Task",
    "Task in part",
    "Task of the week",
    "ValueSet",
    "event-notification",
    "handshake",
    "heartbeat",
    "history of Task",
    "history of Task in part",
    "query-event",
    "query-status",
    "searchset",
    "searchset of HealthcareService",
    "searchset of Organization",
    "searchset of Subscription",
    "searchset of Task",
    "searchset of Task in part",
    "searchset of Task, include HealthcareService, include Organization",
    "searchset of Task, include Task",
    "searchset of Task, outcome OperationOutcome",
];

/// What came, by kind, once for each shape.
#[derive(Default)]
struct Collected {
    kinds: BTreeMap<String, Vec<Value>>,
    known: BTreeSet<String>,
    came: usize,
}

impl Collected {
    /// `base` is the adapter's own: another in each story.
    fn keep(&mut self, base: &str, resource: &Value) {
        let text = resource.to_string().replace(base, "https://adapter.example");
        let resource: Value = serde_json::from_str(&text).unwrap();
        let Some(kind) = kind(&resource) else { return };
        self.came += 1;
        // a Bundle is judged for its frame, or for something within that did not come yet
        let mut frame = resource.clone();
        let entries = frame["entry"].as_array_mut().into_iter().flatten().filter(|entry| entry["resource"].is_object());
        let within: Vec<Value> = entries.map(|entry| entry["resource"].take()).collect();
        let mut is_new = self.known.insert(format!("alone {kind} {}", shape("", &frame)));
        for resource in within {
            let name = format!("{} {}", self::kind(&resource).unwrap_or_default(), shape("", &resource));
            is_new |= !self.known.contains(&format!("alone {name}")) && self.known.insert(format!("within {name}"));
        }
        if is_new {
            self.kinds.entry(kind).or_default().push(resource);
        }
    }

    fn count(&self) -> usize {
        self.kinds.values().map(Vec::len).sum()
    }
}

/// Its name in [`KINDS`].
fn kind(resource: &Value) -> Option<String> {
    let name = resource["resourceType"].as_str()?;
    if name == "OperationOutcome" {
        let refuses = resource["issue"].as_array()?.iter().any(|issue| issue["severity"] == "error");
        return Some(format!("{name}, {}", if refuses { "refusing" } else { "telling" }));
    }
    if name == "Task" {
        let in_part = resource["meta"]["tag"].as_array().is_some_and(|tags| tags.iter().any(|tag| tag["code"] == "SUBSETTED"));
        return Some(format!("{name}{}", if in_part { " in part" } else { "" }));
    }
    if name != "Bundle" {
        return Some(name.to_owned());
    }
    let entries = resource["entry"].as_array().map_or(&[][..], Vec::as_slice);
    let parameters = entries.first().map(|first| &first["resource"]).filter(|first| first["resourceType"] == "Parameters");
    if let Some(parameters) = parameters {
        let of_type = parameters["parameter"].as_array()?.iter().find(|parameter| parameter["name"] == "type")?;
        return of_type["valueCode"].as_str().map(str::to_owned);
    }
    let mut named: Vec<String> = Vec::new();
    for entry in entries {
        let mode = match entry["search"]["mode"].as_str() {
            None | Some("match") => " of",
            Some("include") => ", include",
            Some(_) => ", outcome",
        };
        named.push(format!("{mode} {}", self::kind(&entry["resource"])?.split(',').next()?));
    }
    named.sort();
    named.dedup();
    // what stands beside matches is told after them
    let (of, beside): (Vec<String>, Vec<String>) = named.into_iter().partition(|name| name.starts_with(" of"));
    Some(format!("{}{}{}", resource["type"].as_str()?, of.last().cloned().unwrap_or_default(), beside.concat()))
}

/// The same for what differs in ids, times, numbers and cursors only, and in how often an entry comes.
fn shape(key: &str, value: &Value) -> Value {
    match value {
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), shape(key, value))).collect::<Map<_, _>>().into(),
        Value::Array(list) => {
            let mut shapes: Vec<Value> = list.iter().map(|value| shape(key, value)).collect();
            if key == "entry" {
                shapes.sort_by_key(Value::to_string);
                shapes.dedup();
            }
            shapes.into()
        }
        Value::String(_) if ["text", "description", "diagnostics"].contains(&key) => "".into(),
        Value::String(text) if key != "code" => {
            let text = text.split("_cursor=").next().unwrap_or_default();
            let parts = text.split_inclusive(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
            let mut plain = String::new();
            for part in parts {
                let is_uuid = part.get(..36).is_some_and(|id| Uuid::try_parse(id).is_ok());
                let part = if is_uuid { &part[36..] } else { part };
                plain.extend(part.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }));
            }
            plain.into()
        }
        Value::Number(_) => 0.into(),
        other => other.clone(),
    }
}

/// A stage, and who may step on it.
async fn stage(at: &Story, with_week: bool) -> (Stage, Vec<SandboxCaller>) {
    let (installation, callers) = county().await;
    if with_week {
        let filled = week::fill(installation.tasks.as_ref().unwrap(), &installation.callers, at.start).await.unwrap();
        assert_eq!(filled, 40);
    }
    let stage = Stage::set(installation, &callers, profiles(), at.start, at.has_endpoint()).await.unwrap();
    (stage, callers)
}

/// Plays it, then reads as each caller whatever there is to read.
async fn lived(story: Story, with_week: bool) -> (String, Vec<Value>) {
    let (mut stage, callers) = stage(&story, with_week).await;
    let played = play(&story, &mut stage).await;
    let wrong: Vec<_> = played.steps.iter().filter(|step| !step.differences.is_empty()).collect();
    assert!(wrong.is_empty(), "{}: {wrong:#?}", story.name);
    let asking = Asking { client: reqwest::Client::builder().no_proxy().build().unwrap(), base: stage.base.clone() };
    if story.has_endpoint() && story.name == RARE {
        heartbeat(&asking, &callers, &mut stage).await;
    }
    let mut heard = std::mem::take(&mut stage.heard);
    let mut ids = BTreeSet::new();
    heard.iter().for_each(|body| named(body, &mut ids));
    for SandboxCaller { token, .. } in &callers {
        let first = asking.get(token, "/fhir/Task?_count=200").await;
        named(&first, &mut ids);
        heard.push(first);
        for search in SEARCHES {
            heard.push(asking.get(token, &format!("/fhir/Task?{search}")).await);
        }
        for of in ids.clone() {
            heard.push(asking.get(token, &format!("/fhir/{of}")).await);
            let more: &[&str] = if of.starts_with("Task/") { &TASK_S } else { &SUBSCRIPTION_S };
            for more in more {
                heard.push(asking.get(token, &format!("/fhir/{of}/{more}")).await);
            }
        }
        for path in ["/fhir/Subscription", "/fhir/Subscription/$status", "/fhir/Task/none", "/fhir/Subscription?colour=red"] {
            heard.push(asking.get(token, path).await);
        }
    }
    stage.strike().await;
    (asking.base, heard)
}

/// A Subscription that nothing happened for since its handshake was taken.
async fn heartbeat(asking: &Asking, callers: &[SandboxCaller], stage: &mut Stage) {
    let token = &callers.iter().find(|caller| caller.name == "ehr-seinajoki").unwrap().token;
    while asking.get(token, "/fhir/Subscription?status=active").await["total"] != 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stage.clock.set(stage.clock.now() + Duration::from_secs(120));
    stage.told().await.unwrap();
}

/// What a stage without a story serves: the statement, the directory, and what defines callback requests.
async fn served() -> (String, Vec<Value>) {
    let (stage, callers) = stage(&rare(), false).await;
    let asking = Asking { client: reqwest::Client::builder().no_proxy().build().unwrap(), base: stage.base.clone() };
    let token = &callers[0].token;
    let statement = asking.get(token, "/fhir/metadata").await;
    let mut heard = Vec::new();
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        let found = asking.get(token, &format!("/fhir/{kind}")).await;
        let is_directory = ["Organization", "HealthcareService"].contains(&kind);
        for entry in found["entry"].as_array().into_iter().flatten() {
            let id = entry["resource"]["id"].as_str().unwrap();
            if is_directory || ["callback", "task", "transition"].iter().any(|word| id.contains(word)) {
                heard.push(asking.get(token, &format!("/fhir/{kind}/{id}")).await);
            }
        }
        heard.extend(Some(found).filter(|_| is_directory));
    }
    heard.push(statement);
    stage.strike().await;
    (asking.base, heard)
}

struct Asking {
    client: reqwest::Client,
    base: String,
}

impl Asking {
    async fn get(&self, token: &str, path: &str) -> Value {
        let response = self.client.get(format!("{}{path}", self.base)).bearer_auth(token).send().await.unwrap();
        assert!(response.status().as_u16() < 500, "{path}");
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default()
    }
}

/// `Task/{id}` and `Subscription/{id}` of what is in an answer.
fn named(body: &Value, names: &mut BTreeSet<String>) {
    let entries = body["entry"].as_array().into_iter().flatten().map(|entry| &entry["resource"]);
    for resource in entries.chain([body]) {
        if let (Some(kind @ ("Task" | "Subscription")), Some(id)) = (resource["resourceType"].as_str(), resource["id"].as_str()) {
            names.insert(format!("{kind}/{id}"));
        }
    }
    names.extend(body["task"].as_str().map(str::to_owned));
}

const RARE: &str = "rare";
const TYPES: [&str; 10] =
    ["Task", "Meta", "Identifier", "Reference", "CodeableConcept", "Coding", "Period", "Annotation", "ContactPoint", "Attachment"];
const TASK_S: [&str; 7] =
    ["_history", "_history/1", "_history/2", "_history/3", "_history/99", "$allowed-transitions", "_history?_count=1"];
const SUBSCRIPTION_S: [&str; 3] = ["$status", "$events", "$events?content=empty"];
const SEARCHES: [&str; 11] = [
    "_include=Task:owner&_include=Task:requester&_total=accurate",
    "status=completed&_revinclude=Task:part-of",
    "_summary=true",
    "_summary=text",
    "_summary=data",
    "_summary=count",
    "_elements=description,for,input,note",
    "_elements=nothing",
    "_count=1&_sort=due",
    "colour=red",
    "status=nothing",
];

/// What no story tells: elements that few use, and a heartbeat.
fn rare() -> Story {
    Story::read(RARE, include_bytes!("data/rare.json")).unwrap()
}

async fn collected() -> Collected {
    let mut collected = Collected::default();
    for story in stories().unwrap().into_iter().chain([rare()]) {
        let (base, heard) = runtime().spawn(lived(story, false)).await.unwrap();
        heard.iter().for_each(|resource| collected.keep(&base, resource));
    }
    let mut week = rare();
    (week.start, week.steps) = (NOW.parse().unwrap(), Vec::new());
    let (base, heard) = runtime().spawn(lived(week, true)).await.unwrap();
    let tasks: BTreeMap<_, _> =
        heard.iter().filter(|body| kind(body).as_deref() == Some("Task")).map(|task| (task["id"].to_string(), task)).collect();
    assert_eq!(tasks.len(), 40);
    collected.kinds.insert("Task of the week".to_owned(), tasks.into_values().cloned().collect());
    heard.iter().for_each(|resource| collected.keep(&base, resource));
    let (base, heard) = runtime().spawn(served()).await.unwrap();
    heard.iter().for_each(|resource| collected.keep(&base, resource));
    collected
}

/// A definition's elements as `data/r4_task.tsv` has them, which `task::shape` is tested against.
fn rows(definition: &Value) -> Vec<String> {
    let elements = definition["snapshot"]["element"].as_array().unwrap().iter().skip(1);
    let row = |element: &Value| {
        let mut types: Vec<&str> = Vec::new();
        for of in element["type"].as_array().into_iter().flatten().map(|of| of["code"].as_str().unwrap()) {
            // how R4 says that an element's id is a string without extensions
            let of = if of.starts_with("http://hl7.org/fhirpath/") { "string" } else { of };
            types.extend(Some(of).filter(|of| !types.contains(of)));
        }
        let summary = if element["isSummary"] == true { "Σ" } else { "-" };
        let text = |name: &str| element[name].as_str().unwrap().to_owned();
        format!("{}\t{}..{}\t{summary}\t{}", text("path"), element["min"], text("max"), types.join("|"))
    };
    elements.map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_task_and_every_resource_around_it_passes_the_official_validator() {
    if left_out("what callers of callback requests are answered before HL7's validator is") {
        return;
    }
    let collected = collected().await;
    let missing: Vec<_> = KINDS.iter().filter(|kind| !collected.kinds.contains_key(**kind)).collect();
    let all: Vec<_> = collected.kinds.iter().map(|(kind, list)| format!("{:5} {kind}", list.len())).collect();
    println!("{} came, {} are judged:\n{}", collected.came, collected.count(), all.join("\n"));
    assert!(missing.is_empty(), "nothing came of {missing:?}");

    let folder = root().join("target/conformance-of-callbacks");
    let _ = std::fs::remove_dir_all(&folder);
    // a validator that lets these pass judges nothing
    let broken = [("Task", "status"), ("Task of the week", "input"), ("history of Task", "type"), ("heartbeat", "entry")];
    let broken = broken.map(|(kind, name)| {
        let mut resource = collected.kinds[kind][0].clone();
        resource.as_object_mut().unwrap().remove(name);
        (format!("{kind} without {name}.json"), resource)
    });
    write(&folder.join("broken"), broken);
    let count = collected.count();
    for (kind, list) in collected.kinds {
        write(&folder, list.into_iter().enumerate().map(|(number, resource)| (format!("{kind}.{number}.json"), resource)));
    }
    let (definitions, verdicts) = judge_and_define(&TYPES, &[&folder, &folder.join("broken")]);
    let defined: Vec<String> = definitions.iter().flat_map(rows).collect();
    assert_eq!(defined.join("\n"), include_str!("data/r4_task.tsv").trim_end(), "R4 defines the elements of Task otherwise");
    let (broken, verdicts): (Vec<_>, Vec<_>) = verdicts.into_iter().partition(|verdict| verdict.file.contains("/broken/"));
    assert_eq!((broken.len(), verdicts.len()), (4, count));
    assert!(broken.iter().all(|verdict| verdict.errors > 0), "{broken:#?}");
    let told = |severities: &[&str]| {
        let mut told: BTreeMap<String, (usize, String)> = BTreeMap::new();
        let all = verdicts.iter().flat_map(|verdict| verdict.issues.iter().map(move |finding| (&verdict.file, finding)));
        for (file, finding) in all.filter(|(_, finding)| severities.contains(&finding.severity.as_str())) {
            let place = format!("{file}: {}", finding.expression.as_deref().unwrap_or("the whole"));
            told.entry(finding.message.clone()).or_insert((0, place)).0 += 1;
        }
        let lines = told.iter().map(|(message, (times, first))| format!("{message}\n    {times} times, as in {first}\n"));
        lines.collect::<String>()
    };
    println!("warnings:\n{}", told(&["warning"]));
    assert_eq!(told(&["error", "fatal"]), "");
    assert_eq!(verdicts.iter().map(|verdict| verdict.errors).sum::<usize>(), 0);
}
