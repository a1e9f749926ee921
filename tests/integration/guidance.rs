//! What the rules say, as FHIR: `$guidance`, `preview --fhir`, and previews of submissions for those who speak FHIR.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use neuvola_adapter::config::Limits;
use neuvola_adapter::fixtures::{Case, cases, patients};
use neuvola_fhir::{json_of_xml, xml_of_json};
use serde_json::{Value, json};

use crate::binary::neuvola_adapter;
use crate::recorder::create;
use crate::world::{Answer, World, form};

const GUIDANCE: &str = "/fhir/QuestionnaireResponse/$guidance";
const FHIR: &str = "application/fhir+json";
const FHIR_XML: &str = "application/fhir+xml";

/// What somebody answered, and what the professional did.
pub struct Answered {
    pub own: Value,
    pub professional: Option<Value>,
}

impl Answered {
    /// As `$guidance` takes both.
    pub fn parameters(&self) -> Value {
        let mut parameters = vec![json!({"name": "response", "resource": self.own})];
        parameters.extend(self.professional.iter().map(|resource| json!({"name": "professional", "resource": resource})));
        json!({"resourceType": "Parameters", "parameter": parameters})
    }
}

pub fn case(name: &str) -> Case {
    cases().unwrap().into_iter().find(|case| case.name == name).unwrap()
}

/// The responses that a case writes, read from the record.
async fn answered(world: &World, name: &str) -> Vec<Answered> {
    let case = case(name);
    let sent = String::from_utf8(case.submission.to_vec()).unwrap();
    for patient in patients() {
        let patient: Value = serde_json::from_slice(patient.body).unwrap();
        let is_named = |it: &Value| it["value"].as_str().is_some_and(|value| sent.contains(&format!("\"{value}\"")));
        if patient["identifier"].as_array().unwrap().iter().any(is_named) {
            create(&world.record, &patient).await;
        }
    }
    let receipt = world.post_text(&format!("/forms/{}/submissions", case.form), case.submission).await.expect(201);
    let mut all = Vec::new();
    for person in receipt["persons"].as_array().unwrap() {
        let written = person["written"].as_array().unwrap();
        let reference = |kind: &str| written.iter().find(|it| it["kind"] == kind).map(|it| it["reference"].as_str().unwrap());
        let own = world.read(reference("questionnaire-response").unwrap()).await;
        let professional = match reference("questionnaire-response-professional") {
            Some(reference) => Some(world.read(reference).await),
            None => None,
        };
        all.push(Answered { own, professional });
    }
    assert!(!all.is_empty());
    all
}

async fn send(world: &World, path: &str, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Answer {
    let mut request = world.client.post(format!("{}{path}", world.adapter));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.send(request.body(body)).await
}

fn on_the_command_line(arguments: &[&str], input: &[u8]) -> Output {
    let mut command: Command = neuvola_adapter(arguments);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/guidance").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The parameters of that name.
fn named<'v>(list: &'v Value, name: &str) -> Vec<&'v Value> {
    list.as_array().into_iter().flatten().filter(|it| it["name"] == name).collect()
}

fn rules(guidance: &Value) -> Vec<&Value> {
    assert_eq!(guidance["resourceType"], "GuidanceResponse", "{guidance}");
    let trace = &guidance["contained"][0];
    assert_eq!((&trace["resourceType"], &trace["id"]), (&json!("Parameters"), &json!("trace")));
    assert_eq!(guidance["outputParameters"]["reference"], "#trace");
    named(&trace["parameter"], "rule")
}

fn part<'v>(rule: &'v Value, name: &str) -> Option<&'v Value> {
    named(&rule["part"], name).first().copied()
}

/// `valueString` in each language that it is there in.
fn languages(parameter: &Value, kind: &str, shown: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let others = parameter[format!("_{kind}")]["extension"].as_array().into_iter().flatten().map(|it| {
        assert_eq!(it["url"], "http://hl7.org/fhir/StructureDefinition/translation");
        (text(&it["extension"][0]["valueCode"]), text(&it["extension"][1]["valueString"]))
    });
    others.chain([(shown.to_owned(), text(&parameter[kind]))]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn http_and_the_command_line_say_the_same_to_the_byte_in_json_and_in_xml() {
    let world = World::new().await;
    for (index, answered) in answered(&world, "four-months-network-three-persons").await.iter().enumerate() {
        let professional = folder("same").join(format!("professional-{index}.json"));
        std::fs::write(&professional, answered.professional.as_ref().unwrap().to_string()).unwrap();
        for language in ["fi", "sv", "en"] {
            let bare = answered.own.to_string();
            let path = format!("{GUIDANCE}?language={language}");
            let over_http = world.post_text(&path, bare.clone()).await;
            over_http.expect(200);
            assert_eq!(over_http.header("content-type"), "application/fhir+json; charset=utf-8");
            assert_eq!(world.post_text(&path, bare.clone()).await.text, over_http.text, "twice the same");
            let output = on_the_command_line(&["preview", "--fhir", "--language", language], bare.as_bytes());
            assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), over_http.text);

            let both = answered.parameters().to_string();
            let over_http = world.post_text(&path, both.clone()).await;
            let guidance = over_http.expect(200);
            let arguments = ["preview", "--fhir", "--language", language, "--professional", professional.to_str().unwrap()];
            let output = on_the_command_line(&arguments, bare.as_bytes());
            assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), over_http.text);
            assert_eq!((&guidance["status"], &guidance["language"]), (&json!("success"), &json!(language)));

            let xml = xml_of_json(both.as_bytes()).unwrap();
            let in_xml = send(&world, &path, &[("content-type", FHIR_XML), ("accept", FHIR_XML)], xml.clone()).await;
            assert_eq!((in_xml.status, in_xml.header("content-type")), (200, "application/fhir+xml; charset=utf-8"), "{}", in_xml.text);
            let json = json_of_xml(in_xml.text.as_bytes(), neuvola_fhir::Limits::default()).unwrap();
            assert_eq!(serde_json::from_slice::<Value>(&json).unwrap(), guidance);
            let from_xml = on_the_command_line(&["preview", "--fhir", "--language", language], &xml_of_json(bare.as_bytes()).unwrap());
            let from_json = on_the_command_line(&["preview", "--fhir", "--language", language], bare.as_bytes());
            assert_eq!(from_xml.stdout, from_json.stdout);
        }
    }
}

#[tokio::test]
async fn where_answers_would_decide_they_are_named_and_where_not_it_is_a_success() {
    let world = World::new().await;
    let answered = answered(&world, "four-months-network-three-persons").await.remove(0);
    let without = world.post(GUIDANCE, &answered.own).await.expect(200);
    assert_eq!(without["status"], "data-required");
    let required = without["dataRequirement"].as_array().unwrap();
    assert_eq!(required.len(), 1, "only the professional's answers are missing");
    assert_eq!(required[0]["type"], "QuestionnaireResponse");
    let parts = required[0]["extension"][0]["extension"].as_array().unwrap();
    assert_eq!(parts[0]["valueCanonical"], answered.professional.as_ref().unwrap()["questionnaire"]);
    let asked: Vec<&str> = parts[1..].iter().map(|part| part["valueString"].as_str().unwrap()).collect();
    assert!(asked.contains(&"assessment.complexity"), "{asked:?}");
    // what is named are questions of that Questionnaire, and rules that are indeterminate name them too
    let of_rules: BTreeSet<&str> = rules(&without)
        .into_iter()
        .flat_map(|rule| named(&rule["part"], "undecided"))
        .map(|undecided| part(undecided, "linkId").unwrap()["valueString"].as_str().unwrap())
        .collect();
    assert_eq!(of_rules, asked.iter().copied().collect());

    let with = world.post(GUIDANCE, &answered.parameters()).await.expect(200);
    assert_eq!((&with["status"], with.get("dataRequirement")), (&json!("success"), None));
    assert!(rules(&with).iter().all(|rule| part(rule, "outcome").unwrap()["valueCode"] != "indeterminate"));
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_at_once_and_by_whose_fault_it_is() {
    let world = World::new().await;
    let answered = answered(&world, "four-months-network-three-persons").await.remove(0);
    let own = &answered.own;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = own.clone();
        change(&mut changed);
        changed
    };
    let refused = async |path: &str, body: &Value, status| world.post(&format!("{GUIDANCE}{path}"), body).await.refused(status);

    let broken = with(&|it| {
        it["item"][0]["item"][0]["linkId"] = json!("no-such-question");
        it["item"][1]["item"][1]["answer"] = json!([{"valueString": "a lot"}]);
    });
    let faults = refused("", &broken, 422).await;
    assert!(faults.len() >= 2, "{faults:?}");
    assert!(faults.iter().any(|fault| fault.starts_with("unknown-link-id QuestionnaireResponse.item[0].item[0]")), "{faults:?}");
    let mut both = answered.parameters();
    both["parameter"][1]["resource"]["item"][0]["linkId"] = json!("no-such-question");
    assert!(refused("", &both, 422).await.iter().any(|fault| fault.starts_with("unknown-link-id ")));

    assert_eq!(refused("?plan=https://nobody.example/plan", own, 422).await, ["unknown-plan QuestionnaireResponse.questionnaire"]);
    let canonical = "https://neuvola-adapter.example/fhir/PlanDefinition/four-months";
    for plan in [canonical.to_owned(), format!("{canonical}%7C1.0.0")] {
        world.post(&format!("{GUIDANCE}?plan={plan}"), own).await.expect(200);
    }
    assert_eq!(refused(&format!("?plan={canonical}%7C9"), own, 422).await, ["unknown-plan QuestionnaireResponse.questionnaire"]);
    let other = with(&|it| it["questionnaire"] = json!("https://nobody.example/form|1"));
    assert_eq!(refused("", &other, 422).await, ["unknown-questionnaire QuestionnaireResponse.questionnaire"]);
    let nameless = with(&|it| drop(it.as_object_mut().unwrap().remove("questionnaire")));
    assert_eq!(refused("", &nameless, 422).await, ["no-questionnaire QuestionnaireResponse.questionnaire"]);
    let mistaken = with(&|it| it["status"] = json!("entered-in-error"));
    assert_eq!(refused("", &mistaken, 422).await, ["entered-in-error QuestionnaireResponse.status"]);
    let of_professional = answered.professional.as_ref().unwrap();
    assert_eq!(refused("", of_professional, 422).await, ["unknown-plan QuestionnaireResponse.questionnaire"]);

    assert_eq!(refused("?plan=&language=de&colour=red", own, 400).await, ["parameter", "parameter", "parameter"]);
    let parameter = |name: &str, resource: &Value| json!({"name": name, "resource": resource});
    let parameters = |list: Vec<Value>| json!({"resourceType": "Parameters", "parameter": list});
    let response = parameter("response", own);
    let twice = parameters(vec![response.clone(), response.clone()]);
    assert_eq!(refused("", &twice, 400).await, ["two-responses Parameters.parameter[1]"]);
    let professionals = parameter("professional", of_professional);
    let twice = parameters(vec![response.clone(), professionals.clone(), professionals]);
    assert_eq!(refused("", &twice, 400).await, ["parameter Parameters.parameter[2]"]);
    let none = parameters(vec![json!({"name": "language", "valueCode": "fi"})]);
    assert_eq!(refused("", &none, 400).await, ["not-a-response Parameters.parameter"]);
    let odd = parameters(vec![response, json!({"name": "language", "valueCode": "de"}), json!({"name": "colour", "valueString": "red"})]);
    assert_eq!(refused("", &odd, 400).await, ["parameter Parameters.parameter[1]", "parameter Parameters.parameter[2]"]);
    assert_eq!(refused("", &json!({"resourceType": "Patient"}), 400).await, ["not-a-response resourceType"]);
    assert!(world.post_text(GUIDANCE, "{\"resourceType\": ").await.refused(400)[0].starts_with("unreadable"));

    let url = format!("{}{GUIDANCE}", world.adapter);
    let got = world.send(world.client.get(&url)).await;
    assert_eq!((got.refused(405), got.header("allow")), (vec!["method".to_owned()], "POST"));
    assert_eq!(send(&world, GUIDANCE, &[("content-type", "text/plain")], own.to_string()).await.refused(415), ["content-type"]);
    let accepting = [("content-type", FHIR), ("accept", "text/html")];
    assert_eq!(send(&world, GUIDANCE, &accepting, own.to_string()).await.refused(406), ["accept"]);
    let small = World::with(Limits { body: 1_000, ..Limits::default() }).await;
    assert_eq!(small.post(GUIDANCE, own).await.refused(413), ["too-large"]);
    world.get("/health/live").await.expect(200);
}

#[tokio::test]
async fn of_several_plans_one_is_to_be_named() {
    let instrument = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/instruments/phq-9");
    let world = World::with_profiles(&instrument.join("profiles")).await;
    let response = std::fs::read(instrument.join("responses/answers-020200000.json")).unwrap();
    let several = world.post_text(GUIDANCE, response.clone()).await;
    assert_eq!(several.refused(422), ["several-plans QuestionnaireResponse.questionnaire"]);
    let plans =
        ["phq-9-algorithm", "phq-9-descendants", "phq-9-sdc"].map(|id| format!("https://instruments.example/fhir/PlanDefinition/{id}"));
    let profiles = instrument.join("profiles").display().to_string();
    for plan in plans {
        assert!(several.text.contains(&plan), "{}", several.text);
        let over_http = world.post_text(&format!("{GUIDANCE}?plan={plan}"), response.clone()).await;
        let guidance = over_http.expect(200);
        assert_eq!(guidance["moduleCanonical"], format!("{plan}|1.0.0"));
        assert!(!rules(&guidance).is_empty() && rules(&guidance).iter().all(|rule| part(rule, "kind").unwrap()["valueCode"] == "rule"));
        let arguments = ["preview", "--profiles", profiles.as_str(), "--plan", &plan, "--fhir"];
        let output = on_the_command_line(&arguments, &response);
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), over_http.text);
    }
    let output = on_the_command_line(&["preview", "--profiles", &profiles, "--fhir"], &response);
    assert_eq!(output.status.code(), Some(65));
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), several.expect(422));
}

#[tokio::test]
async fn texts_come_in_the_language_that_the_caller_reads_with_the_others_beside_them() {
    let world = World::new().await;
    let answered = answered(&world, "four-months-network-three-persons").await.remove(0);
    let parameters = answered.parameters().to_string();
    for (query, accepted, expected) in [
        ("", "", "fi"),
        ("", "de", "fi"),
        ("", "sv-FI,sv;q=0.9,en;q=0.8", "sv"),
        ("", "de, sv;q=0.5, en;q=0.7", "en"),
        ("", "fi;q=0, en;q=0.1", "en"),
        ("?language=sv", "en", "sv"),
    ] {
        let mut headers = vec![("content-type", FHIR)];
        headers.extend((!accepted.is_empty()).then_some(("accept-language", accepted)));
        let guidance = send(&world, &format!("{GUIDANCE}{query}"), &headers, parameters.clone()).await.expect(200);
        assert_eq!(guidance["language"], expected, "{query} {accepted}");
        let rule = rules(&guidance)[0];
        let sentences = languages(part(rule, "sentence").unwrap(), "valueString", expected);
        assert!(sentences["fi"].starts_with("Perheen vastausten") && sentences.len() == 3, "{sentences:?}");
        assert!(sentences["sv"].starts_with("Resurssumman") || sentences["sv"] != sentences["fi"]);
        let guided = languages(part(rule, "guidance").unwrap(), "valueMarkdown", expected);
        assert!(guided["fi"].starts_with("**Kysy:**") && guided.len() == 3, "{guided:?}");
    }
    let mut named = answered.parameters();
    named["parameter"].as_array_mut().unwrap().push(json!({"name": "language", "valueCode": "en"}));
    let headers = [("content-type", FHIR), ("accept-language", "sv")];
    assert_eq!(send(&world, GUIDANCE, &headers, named.to_string()).await.expect(200)["language"], "en");
}

/// What HTTP answers to a submission's preview in FHIR.
async fn bundle(world: &World, case: &Case) -> Option<Value> {
    let path = format!("/forms/{}/preview", case.form);
    let headers = [("content-type", "application/json"), ("accept", FHIR)];
    let answer = send(world, &path, &headers, case.submission).await;
    if answer.status != 200 {
        let ours = world.post_text(&path, case.submission).await;
        assert_eq!((ours.status, ours.text), (answer.status, answer.text), "{}: refused as ever", case.name);
        return None;
    }
    assert_eq!(send(world, &path, &headers, case.submission).await.text, answer.text, "{}: twice the same", case.name);
    Some(answer.expect(200))
}

fn whose<'v>(bundle: &'v Value, person: &str) -> &'v Value {
    let is_theirs = |resource: &&Value| {
        let parameters = &resource["contained"][0]["parameter"];
        resource["resourceType"] == "GuidanceResponse" && named(parameters, "person").iter().any(|it| it["valueString"] == person)
    };
    bundle["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]).find(is_theirs).unwrap()
}

#[tokio::test]
async fn a_preview_in_fhir_tells_of_every_rule_what_our_json_tells_of_it() {
    let world = World::new().await;
    let mut counted = 0;
    for case in cases().unwrap() {
        let Some(bundle) = bundle(&world, &case).await else { continue };
        assert_eq!((&bundle["resourceType"], &bundle["type"]), (&json!("Bundle"), &json!("collection")));
        let ours = world.post_text(&format!("/forms/{}/preview", case.form), case.submission).await.expect(200);
        let version = ours["ruleSet"].as_str().unwrap().split_once('|').unwrap().1;
        let entries = bundle["entry"].as_array().unwrap();
        let urls: BTreeSet<&str> = entries.iter().map(|entry| entry["fullUrl"].as_str().unwrap()).collect();
        assert_eq!(urls.len(), entries.len(), "{}", case.name);
        let of_kind = |kind: &str| entries.iter().filter(|entry| entry["resource"]["resourceType"] == kind).count();
        let persons = ours["persons"].as_array().unwrap();
        let plans = persons.iter().filter(|person| person["plan"].is_object()).count();
        assert_eq!((of_kind("GuidanceResponse"), of_kind("CarePlan"), of_kind("Parameters")), (persons.len(), plans, 1), "{}", case.name);
        for person in persons {
            let place = format!("{} {}", case.name, person["person"]);
            let guidance = whose(&bundle, person["person"].as_str().unwrap());
            let language = guidance["language"].as_str().unwrap();
            let told = rules(guidance);
            let wanted: Vec<&Value> = ["segments", "alerts", "services"].iter().flat_map(|list| person[list].as_array().unwrap()).collect();
            assert_eq!(told.len(), wanted.len(), "{place}");
            for (told, wanted) in told.iter().zip(wanted) {
                counted += 1;
                let value = |name: &str, kind: &str| part(told, name).map_or(Value::Null, |part| part[kind].clone());
                assert_eq!(value("id", "valueString"), wanted["id"], "{place}");
                assert_eq!(value("version", "valueString"), version);
                assert_eq!(value("outcome", "valueCode"), wanted["outcome"], "{place}");
                assert_eq!(value("code", "valueCoding")["code"], wanted["code"]);
                assert_eq!(value("expression", "valueString"), wanted["expression"], "{place} {}", wanted["id"]);
                assert_eq!(value("distance", "valueDecimal"), wanted["distance"]);
                let sentences = languages(part(told, "sentence").unwrap(), "valueString", language);
                assert_eq!(sentences.keys().collect::<Vec<_>>(), ["en", "fi", "sv"], "{place}");
                assert_eq!(sentences[language], wanted["sentence"].as_str().unwrap());
                let inputs: Vec<Value> = named(&told["part"], "input").into_iter().map(input).collect();
                assert_eq!(json!(inputs), wanted["inputs"], "{place}");
                assert_eq!(named(&told["part"], "comparison").len(), wanted["comparisons"].as_array().unwrap().len());
                assert_eq!(value("guidance", "valueMarkdown").as_str(), wanted["guidance"].as_str().map(str::trim));
            }
            let is_open = person["segment"].is_null() || told.iter().any(|rule| part(rule, "undecided").is_some());
            let status = if is_open { "data-required" } else { "success" };
            assert_eq!((guidance["status"].as_str().unwrap(), guidance.get("dataRequirement").is_some()), (status, is_open), "{place}");
            match person["plan"].as_object() {
                None => assert_eq!(guidance.get("result"), None),
                Some(plan) => {
                    let result = guidance["result"]["reference"].as_str().unwrap();
                    let entry = entries.iter().find(|entry| entry["fullUrl"] == result).unwrap();
                    assert_eq!(entry["resource"]["activity"], plan.get("activity").cloned().unwrap_or_default());
                    assert_eq!((&entry["resource"]["status"], &guidance["subject"]), (&json!("draft"), &plan["subject"]), "{place}");
                }
            }
        }
        let family = &entries.last().unwrap()["resource"];
        assert_eq!(family["meta"]["security"][0]["code"], "NOINTEGRATE", "{}", case.name);
        let alerts = ours["family"]["alerts"].as_array().unwrap();
        let told = named(&family["parameter"], "alerts");
        assert_eq!(told.len(), alerts.len());
        for (told, alert) in told.iter().zip(alerts) {
            let value = |name: &str| part(told, name).map(|it| it["valueString"].clone()).unwrap_or_default();
            assert_eq!(
                (value("person"), value("code"), value("outcome")),
                (alert["person"].clone(), alert["code"].clone(), alert["outcome"].clone())
            );
        }
    }
    assert!(counted > 500, "{counted} rules");
}

/// As our own JSON has it.
fn input(told: &Value) -> Value {
    let value = |name: &str, kind: &str| part(told, name).unwrap()[kind].clone();
    let values: Vec<&Value> = named(&told["part"], "value").into_iter().map(|it| &it["valueString"]).collect();
    json!({"linkId": value("linkId", "valueString"), "professional": value("professional", "valueBoolean"),
        "state": value("state", "valueCode"), "values": values})
}

#[tokio::test]
async fn a_preview_is_fhir_for_those_who_ask_for_fhir_and_ours_for_everybody_else() {
    let world = World::new().await;
    let path = "/forms/four-months/preview";
    let body = form("1").to_string();
    let plain = "application/json";
    for (query, accept, expected) in [
        ("", "", plain),
        ("", "*/*", plain),
        ("", "application/json", plain),
        ("", "application/json, application/fhir+json", plain),
        ("", "text/html,application/xml;q=0.9,*/*;q=0.8", plain),
        ("?_format=json", "", plain),
        ("?_format=application/json", FHIR, plain),
        ("", FHIR, FHIR),
        ("", "application/fhir+json;fhirVersion=4.0, application/json;q=0.9", FHIR),
        ("", "application/json;q=0, application/fhir+json;q=0.1", FHIR),
        ("?_format=application/fhir%2Bjson", plain, FHIR),
        ("?_format=application/fhir+json", "", FHIR),
        ("", FHIR_XML, FHIR_XML),
        ("", "application/xml", FHIR_XML),
        ("", "application/fhir+xml, application/json;q=0.9", FHIR_XML),
        ("?_format=xml", plain, FHIR_XML),
    ] {
        let mut headers = vec![("content-type", plain)];
        headers.extend((!accept.is_empty()).then_some(("accept", accept)));
        let answer = send(&world, &format!("{path}{query}"), &headers, body.clone()).await;
        assert_eq!(answer.status, 200, "{query} {accept}: {}", answer.text);
        assert_eq!(answer.header("content-type").split(';').next(), Some(expected), "{query} {accept}");
        let json = match expected {
            FHIR_XML => json_of_xml(answer.text.as_bytes(), neuvola_fhir::Limits::default()).unwrap(),
            _ => answer.text.into_bytes(),
        };
        let told: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(told["resourceType"] == "Bundle", expected != plain, "{query} {accept}");
        assert_eq!(told["persons"].is_array(), expected == plain);
    }
    for (query, accept) in [("", "text/html"), ("?_format=ttl", ""), ("", "application/fhir+json;fhirVersion=5.0")] {
        let mut headers = vec![("content-type", plain)];
        headers.extend((!accept.is_empty()).then_some(("accept", accept)));
        assert_eq!(send(&world, &format!("{path}{query}"), &headers, body.clone()).await.refused(406), ["accept"], "{query} {accept}");
    }
    let in_xml = send(&world, path, &[("content-type", plain), ("accept", FHIR_XML)], "{\"colour\": \"red\"}").await;
    assert_eq!((in_xml.status, in_xml.header("content-type")), (422, "application/fhir+xml; charset=utf-8"));
    // submissions stay ours
    let headers = [("content-type", plain), ("accept", FHIR_XML)];
    assert_eq!(send(&world, "/forms/four-months/submissions", &headers, body.clone()).await.status, 406);
    let document = world.get("/openapi.json").await.expect(200);
    let content = document["paths"]["/forms/{form}/preview"]["post"]["responses"]["200"]["content"].as_object().unwrap();
    assert_eq!(content.keys().collect::<BTreeSet<_>>(), BTreeSet::from([&plain.to_owned(), &FHIR.to_owned(), &FHIR_XML.to_owned()]));
    world.nothing_is_written().await;
}

#[tokio::test]
async fn the_command_line_gives_the_same_bundle_as_http() {
    let world = World::new().await;
    for name in ["four-months-network-three-persons", "four-months-before-the-visit", "pregnancy-swedish-cooperation"] {
        let case = case(name);
        let over_http = bundle(&world, &case).await.unwrap();
        let output = on_the_command_line(&["preview", "--form", &case.form, "--fhir"], case.submission);
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), over_http, "{name}");
    }
}

#[tokio::test]
async fn what_was_declined_in_the_earlier_plan_is_told_and_why_it_is_not_known() {
    let world = World::new().await;
    let mut submission = form("1");
    let patient = world.patient(crate::world::CHILD).await;
    let plan = json!({
        "resourceType": "CarePlan", "status": "active", "intent": "order", "subject": {"reference": patient},
        "activity": [
            {"detail": {"status": "cancelled", "code": {"coding": [{"system": "https://ehr.example/s", "code": "hv", "display": "Kotikäynti"}]},
                "statusReason": {"text": "Ei nyt <vielä>"}}},
            {"detail": {"status": "in-progress", "code": {"text": "Ryhmä"}}}
        ]
    });
    let earlier = create(&world.record, &plan).await;
    submission = world.decided("four-months", &submission).await;
    submission["decision"]["plans"][0]["replaces"] = json!(earlier);
    let ask = async |submission: &Value| {
        let headers = [("content-type", "application/json"), ("accept", FHIR)];
        send(&world, "/forms/four-months/preview", &headers, submission.to_string()).await.expect(200)
    };
    let guidance = whose(&ask(&submission).await, "child").clone();
    let trace = &guidance["contained"][0]["parameter"];
    assert_eq!(named(trace, "replaces")[0]["valueReference"]["reference"], earlier.as_str());
    let [declined] = named(trace, "declinedBefore")[..] else { panic!("{trace}") };
    let service = &part(declined, "service").unwrap()["valueCodeableConcept"]["coding"][0];
    assert_eq!((&service["code"], &service["display"]), (&json!("hv"), &json!("Kotikäynti")));
    assert_eq!(part(declined, "reason").unwrap()["valueCodeableConcept"]["text"], "Ei nyt <vielä>");
    assert_eq!(guidance.get("evaluationMessage"), None);

    submission["decision"]["plans"][0]["replaces"] = json!("CarePlan/nobody-has-this");
    let guidance = whose(&ask(&submission).await, "child").clone();
    assert_eq!(guidance["evaluationMessage"][0]["reference"], "#messages");
    let messages = guidance["contained"].as_array().unwrap().iter().find(|it| it["id"] == "messages").unwrap();
    assert_eq!(messages["issue"][0]["details"]["coding"][0]["code"], "no-earlier-plan");
    assert!(named(&guidance["contained"][0]["parameter"], "declinedBefore").is_empty());
}

#[test]
fn what_is_explained_stands_in_sentences_of_the_reader_s_language_and_fits_a_terminal() {
    let cases = [
        "four-months-network-three-persons",
        "four-months-before-the-visit",
        "four-months-indeterminate-alerts",
        "pregnancy-swedish-cooperation",
        "four-years-unsure-of-safety",
    ];
    let mut told = BTreeMap::new();
    for name in cases {
        let case = case(name);
        for language in ["fi", "sv", "en"] {
            let output = on_the_command_line(&["preview", "--form", &case.form, "--explain", "--language", language], case.submission);
            let text = String::from_utf8(output.stdout).unwrap();
            for line in text.lines() {
                assert!(line.chars().count() <= 100 && !line.ends_with(' '), "{name} {language}: {line}");
                assert!(!line.contains("**") && !line.contains("%professional"), "{name} {language}: {line}");
            }
            told.insert((name, language), text);
        }
        let own = on_the_command_line(&["preview", "--form", &case.form, "--explain"], case.submission);
        let submission: Value = serde_json::from_slice(case.submission).unwrap();
        assert_eq!(
            String::from_utf8(own.stdout).unwrap(),
            told[&(name, submission["language"].as_str().unwrap())],
            "the client's language"
        );
    }
    let of = |language| told[&("four-months-network-three-persons", language)].as_str();
    for (language, wanted) in [
        ("fi", ["Ehdotus: Verkosto", "Luku on 2; raja on alle 7 (ero rajaan −5).", "- Miten vauva syö? Melko huonosti"]),
        ("sv", ["Förslag: Nätverk", "Talet är 2; gränsen är under 7 (skillnad till gränsen −5).", "- Hur äter babyn? Ganska dåligt"]),
        ("en", ["Proposed: Network", "The number is 2; the limit is below 7 (from the limit: −5).", "?"]),
    ] {
        for words in wanted {
            assert!(of(language).contains(words), "{language}: {words}\n{}", of(language));
        }
    }
    let before = told[&("four-months-before-the-visit", "fi")].as_str();
    assert!(before.contains("Ehdotus: ei vielä ehdotusta") && before.contains("[ei vastattu]"), "{before}");
    assert!(before.contains("Ratkeaa, kun näihin vastataan:"));
    let declined = told[&("four-months-indeterminate-alerts", "en")].as_str();
    assert!(declined.contains("[preferred not to answer]"), "{declined}");
}
