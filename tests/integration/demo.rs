//! `demo`, the real binary: does what it says, says it twice alike, and ten of them at once leave one of each.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Output;

use neuvola_adapter::fixtures::{PATIENT_SYSTEM, cases, patients};
use neuvola_adapter::identity::{Identifier, resource_key};
use neuvola_adapter::record::KEY_SYSTEM;
use serde_json::Value;

use crate::binary::{Running, Stream, at_once, neuvola_adapter};
use crate::replayed::all_the_same;
use crate::world::start_sandbox;

/// What one demo printed, by case.
type Played = BTreeMap<String, Value>;

/// So many demos at once against a record; what each printed, after each was seen to be content.
async fn demos(record: &str, number: usize) -> Vec<Vec<u8>> {
    let commands = (0..number).map(|_| neuvola_adapter(&["demo", "--json", "--record", record])).collect();
    let outputs = tokio::task::spawn_blocking(|| at_once(commands)).await.unwrap();
    outputs.into_iter().map(content).collect()
}

fn content(output: Output) -> Vec<u8> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Each line, parsed; every case has its line, and none has a difference.
fn played(printed: &[u8]) -> Played {
    let lines = std::str::from_utf8(printed).unwrap().lines();
    let played: Played = lines
        .filter_map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_eq!(line["differences"], serde_json::json!([]), "{line}");
            // the stories have no record
            line["case"].as_str().map(str::to_owned).map(|case| (case, line))
        })
        .collect();
    let all: Vec<_> = cases().unwrap().into_iter().map(|case| case.name).collect();
    assert_eq!(played.keys().cloned().collect::<Vec<_>>(), all);
    played
}

/// References of all that was written.
fn written(played: &Played) -> BTreeSet<String> {
    let persons = played.values().flat_map(|line| line["persons"].as_array().unwrap());
    persons.flat_map(|person| person["written"].as_array().unwrap()).map(|it| it.as_str().unwrap().to_owned()).collect()
}

/// The record, asked as anybody may.
struct Reader {
    base: String,
    client: reqwest::Client,
}

impl Reader {
    fn of(base: &str) -> Self {
        Self { base: base.to_owned(), client: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    async fn get(&self, path: &str) -> Value {
        let response = self.client.get(format!("{}/{path}", self.base)).header("cache-control", "no-cache").send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
    }

    async fn found(&self, path: &str) -> Vec<Value> {
        let mut bundle = self.get(path).await;
        assert!(!bundle["link"].to_string().contains("\"next\""), "{path}: more than a page");
        let entries = bundle["entry"].as_array_mut().map(std::mem::take).unwrap_or_default();
        entries.into_iter().map(|mut entry| entry["resource"].take()).collect()
    }

    /// Everything about the fixtures' patients, each in its version: `CarePlan/7/_history/1`.
    async fn holds(&self) -> BTreeSet<String> {
        let mut held = BTreeSet::new();
        let versioned = |resource: &Value| format!("{}/_history/{}", reference(resource), resource["meta"]["versionId"].as_str().unwrap());
        for patient in patients() {
            let found = self.found(&format!("Patient?identifier={PATIENT_SYSTEM}%7C{}", patient.name)).await;
            assert_eq!(found.len(), 1, "{}", patient.name);
            let subject = reference(&found[0]);
            held.insert(versioned(&found[0]));
            for kind in ["CarePlan", "QuestionnaireResponse"] {
                for resource in self.found(&format!("{kind}?subject={subject}&_count=100")).await {
                    held.insert(versioned(&resource));
                    let about = self.found(&format!("Provenance?target={}&_count=100", reference(&resource))).await;
                    held.extend(about.iter().map(versioned));
                }
            }
        }
        held
    }
}

fn reference(resource: &Value) -> String {
    format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap())
}

/// What the record holds is what the demo said it wrote: each in its first version, and nothing else.
async fn one_of_each(record: &str, played: &Played) -> BTreeSet<String> {
    let held = Reader::of(record).holds().await;
    let given: Vec<String> = cases().unwrap().iter().flat_map(|case| &case.record).map(|resource| given(resource)).collect();
    let is_given = |it: &str| given.iter().any(|given| it.starts_with(given));
    assert_eq!(held.iter().filter(|it| is_given(it)).count(), given.len());
    let of_families: BTreeSet<_> = held.iter().filter(|it| !it.starts_with("Patient/") && !is_given(it)).cloned().collect();
    let mut told = written(played);
    told.extend(written_before_a_refusal(record).await);
    let told: BTreeSet<_> = told.iter().map(|reference| format!("{reference}/_history/1")).collect();
    assert_eq!(of_families.symmetric_difference(&told).collect::<Vec<_>>(), Vec::<&String>::new());
    held
}

/// What a case needs in the record, in whatever version.
fn given(resource: &[u8]) -> String {
    format!("{}/_history/", reference(&serde_json::from_slice(resource).unwrap()))
}

/// Some cases are refused because of what was written before: no line tells where. It is found by its keys.
async fn written_before_a_refusal(record: &str) -> BTreeSet<String> {
    let reader = Reader::of(record);
    let mut found = BTreeSet::new();
    for case in cases().unwrap().iter().filter(|case| case.expect.refused.is_some()) {
        for submission in case.before.iter().map(|body| serde_json::from_slice::<Value>(body).unwrap()) {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let id = Identifier { system: text(&submission["id"]["system"]), value: text(&submission["id"]["value"]) };
            for person in list(&submission["decision"], "plans").iter().map(|plan| text(&plan["about"])) {
                for (resource_type, kind) in KINDS {
                    let key = resource_key("demo", &id, &person, kind);
                    let one = reader.found(&format!("{resource_type}?_tag={KEY_SYSTEM}%7C{key}")).await;
                    assert_eq!(one.len(), 1, "{}: {person}, {kind}", case.name);
                    found.insert(reference(&one[0]));
                }
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// What is written for a person who answered, and about whom the professional did.
const KINDS: [(&str, &str); 5] = [
    ("QuestionnaireResponse", "questionnaire-response"),
    ("QuestionnaireResponse", "questionnaire-response-professional"),
    ("CarePlan", "care-plan"),
    ("Provenance", "provenance-authorship"),
    ("Provenance", "provenance-custodian"),
];

/// Every plan that was written, read back and laid beside the decision that was sent.
async fn plans_say_what_was_decided(record: &str, played: &Played) {
    let reader = Reader::of(record);
    let mut plans = 0;
    for case in cases().unwrap() {
        let Ok(submission) = serde_json::from_slice::<Value>(case.submission) else { continue };
        for person in played[&case.name]["persons"].as_array().unwrap() {
            let references = person["written"].as_array().unwrap();
            let Some(reference) = references.iter().filter_map(Value::as_str).find(|it| it.starts_with("CarePlan/")) else { continue };
            let plan = reader.get(reference).await;
            let decided = submission["decision"]["plans"].as_array().unwrap();
            let decided = decided.iter().find(|decided| decided["about"] == person["person"]).unwrap();
            says(&plan, decided, &format!("{}, {}", case.name, person["person"]));
            assert_eq!(plan["created"], submission["decision"]["decided"]);
            assert_eq!(plan["language"], submission["language"]);
            plans += 1;
        }
    }
    assert!(plans > 20, "{plans} plans were read back");
}

fn says(plan: &Value, decided: &Value, whose: &str) {
    assert_eq!((&plan["status"], &plan["intent"]), (&"active".into(), &"plan".into()), "{whose}");
    let parts = |name: &'static str| extension(plan, name).next().map(|it| list(it, "extension")).unwrap_or_default();
    let part = |name: &str| parts("segmentation").iter().find(|part| part["url"] == name);
    assert_eq!(part("agreed").unwrap()["valueCoding"]["code"], decided["segment"], "{whose}");
    assert_eq!(part("proposal").unwrap()["valueString"], decided["proposal"], "{whose}");
    let rationale = part("rationale").map_or(&Value::Null, |it| &it["valueString"]);
    assert_eq!(*rationale, decided["rationale"], "{whose}");

    let agreed: Vec<_> = list(plan, "activity")
        .iter()
        .map(|activity| {
            let detail = &activity["detail"];
            (&detail["code"]["coding"][0]["code"], detail["status"] != "cancelled", &detail["statusReason"]["coding"][0]["code"])
        })
        .collect();
    let not_stated = Value::from("not-stated");
    let services: Vec<_> = list(decided, "services")
        .iter()
        .map(|service| match (service["accepted"] == true, &service["reason"]) {
            (true, _) => (&service["service"], true, &Value::Null),
            (false, Value::Null) => (&service["service"], false, &not_stated),
            (false, reason) => (&service["service"], false, reason),
        })
        .collect();
    assert_eq!(agreed, services, "{whose}");

    let goals: Vec<_> = list(plan, "contained").iter().map(|goal| &goal["description"]["text"]).collect();
    assert_eq!(goals, list(decided, "goals").iter().collect::<Vec<_>>(), "{whose}");
    let wishes = extension(plan, "wishes").next().map_or(&Value::Null, |it| &it["valueString"]);
    assert_eq!(*wishes, decided["wishes"], "{whose}");
    let narrative = plan["text"]["div"].as_str().unwrap();
    for text in goals.into_iter().chain([wishes]).filter_map(Value::as_str) {
        assert!(narrative.contains(&text.replace('&', "&amp;")), "{whose}: {narrative}");
    }

    let answered: Vec<(Vec<&Value>, &Value)> = extension(plan, "alert-acknowledgement")
        .map(|it| {
            let parts = list(it, "extension");
            let alerts =
                parts.iter().filter(|part| part["url"] == "alert").map(|part| &part["extension"][0]["valueCoding"]["code"]).collect();
            (alerts, &parts.iter().find(|part| part["url"] == "action").unwrap()["valueString"])
        })
        .collect();
    let alerts: Vec<(Vec<&Value>, &Value)> =
        list(decided, "alerts").iter().map(|it| (list(it, "alerts").iter().collect(), &it["action"])).collect();
    assert_eq!(answered, alerts, "{whose}");
}

fn extension<'v>(resource: &'v Value, name: &'static str) -> impl Iterator<Item = &'v Value> {
    list(resource, "extension").iter().filter(move |it| it["url"].as_str().unwrap().ends_with(&format!("/{name}")))
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Ten at once, then one more: all say the same, and the last writes nothing.
async fn ten_at_once_and_one_later_are_as_one(record: &str) {
    let printed = demos(record, 10).await;
    let told = played(&printed[0]);
    assert!(printed.iter().all(|other| played(other) == told), "all ten say the same");
    let held = one_of_each(record, &told).await;
    plans_say_what_was_decided(record, &told).await;
    let mut resources = Vec::new();
    for reference in written(&told).iter().filter(|it| !it.starts_with("Provenance/")) {
        resources.push(Reader::of(record).get(reference).await);
    }
    tokio::task::spawn_blocking(move || all_the_same(&resources)).await.unwrap();

    let again = demos(record, 1).await.remove(0);
    assert_eq!(played(&again), told, "as does a later one");
    assert_eq!(again, printed[0], "to the byte");
    assert_eq!(Reader::of(record).holds().await, held, "which writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_demos_at_once_against_the_sandbox_leave_one_of_each_and_one_later_writes_nothing() {
    ten_at_once_and_one_later_are_as_one(&start_sandbox()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_demos_at_once_against_a_real_server_leave_one_of_each_and_one_later_writes_nothing() {
    let Some(record) = tokio::task::spawn_blocking(crate::record::hapi).await.unwrap() else { return };
    ten_at_once_and_one_later_are_as_one(record).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_is_kept_can_be_looked_at_and_played_again() {
    let kept = neuvola_adapter(&["demo", "--json", "--keep"]);
    let found = |line: &str| {
        let (adapter, record) = line.strip_prefix("running until interrupted: ")?.split_once(" and ")?;
        Some((adapter.to_owned(), record.to_owned()))
    };
    let (kept, (adapter, record)) = tokio::task::spawn_blocking(move || Running::start(kept, Stream::Err, found)).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(client.get(format!("{adapter}/health/ready")).send().await.unwrap().status(), 200);
    let held = Reader::of(&record).holds().await;
    let again = demos(&record, 1).await.remove(0);
    assert_eq!(Reader::of(&record).holds().await, held, "nothing new");

    let kept = tokio::task::spawn_blocking(|| kept.stop()).await.unwrap();
    assert!(kept.status.success(), "{}", kept.stderr);
    assert_eq!(kept.stdout.as_bytes(), again, "the same lines");
    plans_say_nothing_strange(&played(&again));
}

/// What a line tells of a case that was refused.
fn plans_say_nothing_strange(played: &Played) {
    for (case, line) in played {
        let was_written = line["persons"].as_array().unwrap().iter().any(|person| !person["written"].as_array().unwrap().is_empty());
        assert_eq!(case.starts_with("refused-"), !line["refused"].is_null(), "{case}");
        assert!(line["refused"].is_null() || !was_written, "{case}");
        assert!(line["refused"].is_null() || line["refused"]["issues"][0]["fault"].is_string(), "{case}");
    }
}
