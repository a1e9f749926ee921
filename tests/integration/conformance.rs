//! Everything that we emit over all fixtures, before HL7's own validator (`tests/judge`): what is written, what is answered,
//! what is sent, and the files that are shipped. One start of the validator judges all of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use neuvola_adapter::config::Limits;
use neuvola_adapter::fixtures::{cases, patients};
use neuvola_adapter::record::{Coding, DIGEST_SYSTEM, FhirApi, KEY_SYSTEM, PatientRecord as _};
use serde_json::{Value, json};

use crate::binary::{at_once, neuvola_adapter};
use crate::judge::{Finding, Known, judge, left_out, root, write};
use crate::recorder::{Recorder, create};
use crate::world::{World, start_sandbox};

/// Warnings that are known and right to leave: the validator's name for each, a part of its words, and why.
const EXPECTED_WARNINGS: [Known; 6] = [
    (
        "Terminology_PassThrough_TX_Message",
        "urn:oid:1.2.246.537.5.40172",
        "THL's code system of custodians is not here; HL7 Finland wants the code",
    ),
    ("Terminology_PassThrough_TX_Message", "CodeSystem/fault#", "our own fault codes are told in the README, not in a code system"),
    ("Terminology_TX_NoValid_2_CC", "provenance-agent-type", "HL7 Finland wants a custodian's type of v3-ParticipationType"),
    ("Terminology_TX_NoValid_13", "#TURVAKIELTO", "HL7 Finland's own security label, which follows the patient's"),
    ("CONCEPTMAP_GROUP_TARGET_UNKNOWN", "/Questionnaire/", "a vendor's fields are mapped to linkIds, which are no code system"),
    ("CONCEPTMAP_GROUP_TARGET_UNKNOWN", "urn:ietf:bcp:47", "nobody lists all languages"),
];

/// What was emitted, by the name of the file that it goes to.
#[derive(Default)]
struct Emitted {
    files: BTreeMap<String, Value>,
    known: std::collections::BTreeSet<String>,
}

impl Emitted {
    /// Keeps a resource, unless the same was kept before.
    fn keep(&mut self, name: &str, resource: Value) {
        let Some(kind) = resource["resourceType"].as_str() else { return };
        if self.known.insert(resource.to_string()) {
            let name = format!("{:04}.{name}.{kind}.json", self.files.len());
            self.files.insert(name, resource);
        }
    }

    fn keep_all(&mut self, name: &str, recorder: &Recorder) {
        for exchange in recorder.take() {
            if !exchange.is_transaction() {
                exchange.resources().for_each(|resource| self.keep(name, resource));
            } else if self.transactions().count() < 3 {
                exchange.resources().for_each(|resource| self.keep(&format!("{name}.transaction"), resource));
            } else {
                // the sandbox's answer holds what is read anyway: a few are enough
                exchange.resources().take(1).for_each(|resource| self.keep(&format!("{name}.transaction"), resource));
            }
        }
    }

    fn of(&self, kind: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.files.iter().filter(move |(_, resource)| resource["resourceType"] == kind)
    }

    fn transactions(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.of("Bundle").filter(|(_, bundle)| bundle["type"] == "transaction")
    }
}

/// Every fixture case over HTTP, and every other answer in FHIR; with a record that is recorded.
async fn emitted() -> Emitted {
    let (recorder, base) = Recorder::before(&start_sandbox());
    let api = Arc::new(crate::record::at(&base));
    let world = World::before(base, Arc::clone(&api) as _, Limits::default()).await;
    let mut emitted = Emitted::default();
    for patient in patients() {
        create(&world.record, &serde_json::from_slice(patient.body).unwrap()).await;
    }
    emitted.keep_all("patients", &recorder);
    for case in cases().unwrap() {
        for body in &case.before {
            world.post_text(&format!("/forms/{}/submissions", case.form), *body).await;
        }
        let preview = world.post_text(&format!("/forms/{}/preview", case.form), case.submission).await;
        let preview: Value = serde_json::from_str(&preview.text).unwrap();
        for person in preview["persons"].as_array().into_iter().flatten() {
            emitted.keep(&format!("{}.draft", case.name), person["plan"].clone());
        }
        emitted.keep(&format!("{}.refused", case.name), preview);
        let path = format!("{}/forms/{}/preview", world.adapter, case.form);
        let request = world.client.post(path).header("content-type", "application/json").header("accept", "application/fhir+json");
        let bundle = world.send(request.body(case.submission)).await;
        emitted.keep(&format!("{}.preview", case.name), serde_json::from_str(&bundle.text).unwrap());
        let submitted = world.post_text(&format!("/forms/{}/submissions", case.form), case.submission).await;
        let submitted: Value = serde_json::from_str(&submitted.text).unwrap();
        for written in submitted["persons"].as_array().into_iter().flatten().flat_map(|person| person["written"].as_array().unwrap()) {
            world.read(written["reference"].as_str().unwrap()).await;
        }
        emitted.keep(&format!("{}.refused", case.name), submitted);
        emitted.keep_all(&case.name, &recorder);
    }
    operations(&world, &mut emitted).await;
    guided(&world, &mut emitted).await;
    emitted.keep_all("operations", &recorder);
    annulled(&api, &mut emitted, &recorder).await;
    answers(&world, &mut emitted).await;
    the_demo_s_patients(&world.record);
    emitted.keep_all("demo", &recorder);
    emitted
}

/// Responses as others would send them, validated and processed alone; and broken ones.
async fn operations(world: &World, emitted: &mut Emitted) {
    let responses: Vec<Value> = emitted.of("QuestionnaireResponse").map(|(_, response)| response.clone()).take(3).collect();
    for (index, mut response) in responses.into_iter().enumerate() {
        response["identifier"] = json!({"system": "https://lomakepalvelu.example/responses", "value": format!("r-{index}")});
        for path in ["$validate", "$process-response"] {
            let on = if path == "$validate" { "QuestionnaireResponse" } else { "Questionnaire" };
            for broken in [false, true] {
                if broken {
                    response["item"][0]["linkId"] = json!("no-such-item");
                }
                let answer = world.post(&format!("/fhir/{on}/{path}"), &response).await;
                emitted.keep(path, serde_json::from_str(&answer.text).unwrap_or_default());
            }
        }
    }
}

/// What rules say of single responses: ours of all that the cases write, and others' of two instruments.
async fn guided(world: &World, emitted: &mut Emitted) {
    let path = "/fhir/QuestionnaireResponse/$guidance";
    let is_own = |it: &&Value| it["id"].is_string() && !it["questionnaire"].as_str().unwrap_or_default().contains("professional");
    let responses: Vec<Value> =
        emitted.of("QuestionnaireResponse").map(|(_, response)| response).filter(is_own).step_by(5).cloned().collect();
    for (index, response) in responses.iter().enumerate() {
        let path = format!("{path}?language={}", ["fi", "sv", "en"][index % 3]);
        emitted.keep("guidance", world.post(&path, response).await.expect(200));
    }
    for name in ["phq-9", "findrisc-options"] {
        let instrument = crate::instruments::all().into_iter().find(|it| it.name == name).unwrap();
        let world = World::with_profiles(&instrument.folder.join("profiles")).await;
        for plan in instrument.stated.plans.values() {
            for file in instrument.stated.cases.keys().step_by(3) {
                let response = std::fs::read(instrument.folder.join("responses").join(file)).unwrap();
                let guidance = world.post_text(&format!("{path}?plan={}", plan.canonical.replace('|', "%7C")), response).await;
                emitted.keep(&format!("guidance-{name}"), guidance.expect(200));
            }
        }
    }
}

/// What became of a race that was lost: annulled.
async fn annulled(api: &FhirApi, emitted: &mut Emitted, recorder: &Recorder) {
    for kind in ["CarePlan", "QuestionnaireResponse"] {
        let tagged = |resource: &Value| {
            let tags = resource["meta"]["tag"].as_array().into_iter().flatten();
            tags.filter(|tag| tag["system"] == KEY_SYSTEM).find_map(|tag| tag["code"].as_str().map(str::to_owned))
        };
        let code = emitted.of(kind).filter(|(_, resource)| resource["id"].is_string()).find_map(|(_, resource)| tagged(resource)).unwrap();
        let mut stored = api.find_written(kind, &[Coding { system: KEY_SYSTEM.to_owned(), code }]).await.unwrap();
        assert_eq!(stored.len(), 1);
        stored[0].created = true; // only what a call created is annulled by it
        api.annul(&stored).await.unwrap();
    }
    emitted.keep_all("annulled", recorder);
    assert!(emitted.files.values().any(|resource| resource["status"] == "entered-in-error"));
}

/// The adapter's answers that no case asks for, and the sandbox's.
async fn answers(world: &World, emitted: &mut Emitted) {
    let statement = world.get("/fhir/metadata").await.expect(200);
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        let bundle: Value = serde_json::from_str(&world.get(&format!("/fhir/{kind}")).await.text).unwrap();
        if let Some(id) = bundle["entry"][0]["resource"]["id"].as_str() {
            emitted.keep("read", world.get(&format!("/fhir/{kind}/{id}")).await.expect(200));
        }
        emitted.keep("search", bundle);
    }
    emitted.keep("adapter", statement);
    emitted.keep("search", world.get("/fhir/Questionnaire?url=https://nobody.example").await.expect(200));
    for path in ["/nowhere", "/fhir/Questionnaire?colour=red", "/fhir/Questionnaire/none", "/fhir/metadata?_format=ttl", "/forms/x/preview"]
    {
        emitted.keep("refused", serde_json::from_str(&world.get(path).await.text).unwrap());
    }
    let of_record = |path: &str| world.client.get(format!("{}{path}", world.record));
    for path in ["/metadata", "/CarePlan", "/CarePlan?_count=2", "/Provenance", "/Patient/none", "/CarePlan/1/_history", "/Nothing"] {
        world.send(of_record(path)).await;
    }
}

/// The demo puts its patients there with a transaction of its own.
fn the_demo_s_patients(record: &str) {
    let demo = neuvola_adapter(&["demo", "--json", "--record", record, "--only", "four-months-self-managing"]);
    let output = at_once(vec![demo]).remove(0);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Resources with a fault put in on purpose: a validator that lets them pass judges nothing.
fn broken(emitted: &Emitted) -> Vec<(&'static str, Value)> {
    let written = |kind: &str| emitted.of(kind).find(|(_, it)| it["id"].is_string()).unwrap().1.clone();
    let mut no_status = written("CarePlan");
    no_status.as_object_mut().unwrap().remove("status");
    let mut no_agreement = written("CarePlan");
    no_agreement.as_object_mut().unwrap().remove("extension");
    let mut strange_answer = written("QuestionnaireResponse");
    strange_answer["item"][0]["item"][0]["linkId"] = json!("no-such-item");
    let mut nobody = written("Provenance");
    nobody.as_object_mut().unwrap().remove("agent");
    let mut transaction = emitted.transactions().next().unwrap().1.clone();
    transaction["entry"][0]["resource"]["status"] = json!("done");
    let mut unreasoned = emitted.of("GuidanceResponse").next().unwrap().1.clone();
    unreasoned["contained"][0]["parameter"][2]["name"] = json!("rule");
    let mut unmarked =
        emitted.of("Bundle").find(|(_, it)| it["entry"][0]["resource"]["resourceType"] == "GuidanceResponse").unwrap().1.clone();
    let family = unmarked["entry"].as_array_mut().unwrap().last_mut().unwrap();
    family["resource"]["meta"]["security"][0]["code"] = json!("N");
    vec![
        ("GuidanceResponse with a rule without id", unreasoned),
        ("view of a family that is not marked", unmarked),
        ("CarePlan without status", no_status),
        ("CarePlan without segmentation", no_agreement),
        ("QuestionnaireResponse with an unknown question", strange_answer),
        ("Provenance without agents", nobody),
        ("transaction with a wrong code", transaction),
    ]
}

/// Every `urn:uuid:` reference of a transaction is an entry of it: the validator only warns.
fn dangling(bundle: &Value) -> Vec<String> {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                let urn = members.get("reference").and_then(Value::as_str).filter(|reference| reference.starts_with("urn:uuid:"));
                found.extend(urn.map(str::to_owned));
                members.values().for_each(|member| references(member, found));
            }
            Value::Array(elements) => elements.iter().for_each(|element| references(element, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    references(bundle, &mut found);
    found.retain(|urn| !bundle["entry"].as_array().unwrap().iter().any(|entry| entry["fullUrl"] == urn.as_str()));
    found
}

#[tokio::test]
async fn what_a_transaction_refers_to_is_in_it_and_every_entry_is_named_once() {
    let emitted = emitted().await;
    assert!(emitted.transactions().count() > 20);
    for (name, bundle) in emitted.transactions() {
        assert_eq!(dangling(bundle), Vec::<String>::new(), "{name}");
        if name.contains("demo") {
            continue;
        }
        let entries = bundle["entry"].as_array().unwrap();
        for entry in entries {
            let tags = entry["resource"]["meta"]["tag"].as_array().unwrap();
            for system in [KEY_SYSTEM, DIGEST_SYSTEM] {
                assert_eq!(tags.iter().filter(|tag| tag["system"] == system).count(), 1, "{name}: {system}");
            }
            assert_eq!(entries.iter().filter(|other| other["fullUrl"] == entry["fullUrl"]).count(), 1, "{name}");
            let condition = entry["request"]["ifNoneExist"].as_str().unwrap();
            assert_eq!(entries.iter().filter(|other| other["request"]["ifNoneExist"] == condition).count(), 1, "{name}");
        }
    }
    let mut wrong = emitted.transactions().next().unwrap().1.clone();
    wrong["entry"].as_array_mut().unwrap().remove(0);
    assert!(!dangling(&wrong).is_empty(), "one that refers to what is not in it is noticed");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_emitted_over_all_fixtures_passes_the_official_validator() {
    if left_out("what we emit before HL7's validator is") {
        return;
    }
    let emitted = emitted().await;
    for kind in [
        "QuestionnaireResponse",
        "CarePlan",
        "Provenance",
        "OperationOutcome",
        "CapabilityStatement",
        "Bundle",
        "Patient",
        "GuidanceResponse",
    ] {
        assert!(emitted.of(kind).count() > 1, "{kind}");
    }
    let broken = broken(&emitted);
    let folder = root().join("target/conformance");
    let _ = std::fs::remove_dir_all(&folder);
    let (good, bad) = (folder.join("emitted"), folder.join("broken-on-purpose"));
    let count = emitted.files.len();
    write(&good, emitted.files);
    write(&bad, broken.iter().map(|(name, resource)| (format!("{name}.json"), resource.clone())));

    let verdicts = judge(&[&good, &bad, &root().join("profiles"), &root().join("fixtures/patients")]);
    let shipped = std::fs::read_dir(root().join("profiles")).unwrap().count();
    assert!(verdicts.len() > count + broken.len() + shipped / 2, "{} files were judged", verdicts.len());
    let mut told: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for verdict in &verdicts {
        let file = verdict.file.strip_prefix(&format!("{}/", root().display())).unwrap_or(&verdict.file);
        if verdict.file.starts_with(bad.to_str().unwrap()) {
            if verdict.errors == 0 {
                told.insert(format!("{file} has an error, and none was found"), (1, String::new()));
            }
            continue;
        }
        for Finding { severity, expression, message_id, message } in verdict.issues.iter().filter(|finding| !is_expected(finding)) {
            let finding = format!("{severity}: {message} ({})", message_id.as_deref().unwrap_or("-"));
            let place = || format!("{file}: {}", expression.as_deref().unwrap_or("the whole"));
            told.entry(finding).or_insert_with(|| (0, place())).0 += 1;
        }
    }
    for (id, words, _) in
        EXPECTED_WARNINGS.iter().filter(|known| !verdicts.iter().flat_map(|verdict| &verdict.issues).any(|finding| finding.is(known)))
    {
        told.insert(format!("an expected warning did not come: {id} with {words}"), (0, "nothing: take it off the list".to_owned()));
    }
    let told: Vec<_> = told.iter().map(|(finding, (times, first))| format!("{finding}\n    {times} times, as in {first}")).collect();
    assert!(told.is_empty(), "\n{}", told.join("\n"));
}

fn is_expected(finding: &Finding) -> bool {
    finding.severity == "information" || EXPECTED_WARNINGS.iter().any(|known| finding.is(known))
}
