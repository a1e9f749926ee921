//! FHIR in XML: every interaction once, and what nobody should send.

use std::io::Write as _;
use std::process::Stdio;

use neuvola_fhir::{Limits, json_of_xml, xml_of_json};
use reqwest::Method;
use serde_json::{Value, json};

use super::fhir::response;
use crate::binary::neuvola_adapter;
use crate::world::{Answer, World, form};

const XML: &str = "application/fhir+xml";
const ADVICE: &str = "Organization/advice-service";

/// Sends and wants XML.
async fn ask(world: &World, method: Method, path: &str, headers: &[(&str, &str)], body: Option<String>) -> Answer {
    let mut request = world.client.request(method, format!("{}{path}", world.adapter)).header("accept", XML);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.header("content-type", XML).body(body);
    }
    world.send(request).await
}

async fn get(world: &World, path: &str) -> Answer {
    ask(world, Method::GET, path, &[], None).await
}

async fn post(world: &World, path: &str, body: &Value) -> Answer {
    ask(world, Method::POST, path, &[], Some(as_xml(body))).await
}

fn as_xml(resource: &Value) -> String {
    String::from_utf8(xml_of_json(resource.to_string().as_bytes()).expect("R4")).expect("UTF-8")
}

/// The resource of an answer in XML, after its status was seen to be this one.
#[track_caller]
fn told(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/fhir+xml; charset=utf-8");
    let vary: Vec<_> = answer.headers.get_all("vary").iter().map(|vary| vary.to_str().unwrap()).collect();
    assert_eq!(vary, ["Accept"]);
    let json = json_of_xml(answer.text.as_bytes(), Limits::default()).unwrap_or_else(|faults| panic!("{faults:?}: {}", answer.text));
    serde_json::from_slice(&json).unwrap()
}

/// The first fault of a refusal in XML.
#[track_caller]
fn refused(answer: &Answer, status: u16) -> String {
    let outcome = told(answer, status);
    assert_eq!(outcome["resourceType"], "OperationOutcome");
    outcome["issue"][0]["details"]["coding"][0]["code"].as_str().unwrap().to_owned()
}

fn task() -> Value {
    let concept = |system: &str, code: &str| json!({"coding": [{"system": format!("https://neuvola-adapter.example/fhir/CodeSystem/{system}"), "code": code}]});
    json!({
        "resourceType": "Task", "status": "requested", "intent": "order",
        "owner": {"reference": "HealthcareService/maternity-child-health"}, "requester": {"reference": ADVICE},
        "reasonCode": concept("callback-topic", "breastfeeding"),
        "description": "two  spaces,\na line & \"more\"",
        "for": {"identifier": {"system": "urn:oid:1.2.246.21", "value": "010594Y9032"}},
        "input": [
            {"type": concept("callback-input", "queue"), "valueCodeableConcept": concept("callback-queue", "maternity-child-health")},
            {"type": concept("callback-input", "channel"), "valueCodeableConcept": concept("callback-channel", "phone")},
            {"type": concept("callback-input", "phone"), "valueContactPoint": {"system": "phone", "value": "+358401234567"}},
        ],
    })
}

#[tokio::test]
async fn a_task_lives_its_life_in_xml() {
    let world = World::with_tasks().await;
    let created = post(&world, "/fhir/Task", &task()).await;
    let stored = told(&created, 201);
    assert_eq!(stored["description"], task()["description"]);
    assert_eq!(created.header("etag"), "W/\"1\"");
    let path = format!("/fhir/Task/{}", stored["id"].as_str().unwrap());

    let read = get(&world, &path).await;
    assert_eq!(told(&read, 200), stored);
    let in_json = world.get(&path).await;
    assert_eq!(in_json.expect(200), stored);
    for name in ["etag", "last-modified", "vary"] {
        assert_eq!(read.header(name), in_json.header(name), "{name}");
    }
    let head = ask(&world, Method::HEAD, &path, &[], None).await;
    assert_eq!((head.status, head.text.as_str(), head.header("content-type")), (200, "", "application/fhir+xml; charset=utf-8"));
    assert_eq!(head.header("content-length"), read.text.len().to_string());
    let known = ask(&world, Method::GET, &path, &[("if-none-match", "W/\"1\"")], None).await;
    assert_eq!((known.status, known.text.as_str()), (304, ""));

    let mut changed = stored.clone();
    changed["status"] = json!("cancelled");
    changed["statusReason"] = json!({"text": "as tested"});
    assert_eq!(refused(&ask(&world, Method::PUT, &path, &[], Some(as_xml(&changed))).await, 428), "no-if-match");
    let patch = json!([{"op": "replace", "path": "/description", "value": "other"}]).to_string();
    let patched = world.client.patch(format!("{}{path}", world.adapter)).header("accept", XML).header("if-match", "W/\"1\"");
    let patched = world.send(patched.header("content-type", "application/json-patch+json").body(patch)).await;
    assert_eq!(told(&patched, 200)["description"], "other");
    changed["description"] = json!("other");
    let updated = ask(&world, Method::PUT, &path, &[("if-match", "W/\"2\"")], Some(as_xml(&changed))).await;
    assert_eq!(told(&updated, 200)["status"], "cancelled");
    assert_eq!(updated.header("etag"), "W/\"3\"");

    let history = told(&get(&world, &format!("{path}/_history?_format=xml&_count=1")).await, 200);
    assert_eq!(history["total"], 3);
    let next = history["link"][1]["url"].as_str().unwrap();
    assert!(next.ends_with("&_format=xml"), "{next}");
    assert_eq!(told(&get(&world, &format!("{path}/_history/1")).await, 200), stored);
    assert_eq!(told(&get(&world, &format!("{path}/$allowed-transitions")).await, 200)["resourceType"], "Parameters");
}

#[tokio::test]
async fn searches_answer_in_xml_and_their_links_keep_the_format() {
    let world = World::with_tasks().await;
    for _ in 0..3 {
        told(&post(&world, "/fhir/Task", &task()).await, 201);
    }
    let mut url = format!("{}/fhir/Task?_count=2&_format=xml", world.adapter);
    let mut found = 0;
    loop {
        // nothing but the link asks for XML
        let page = told(&world.send(world.client.get(&url)).await, 200);
        found += page["entry"].as_array().map_or(0, Vec::len);
        let links = page["link"].as_array().unwrap();
        assert!(links.iter().all(|link| link["url"].as_str().unwrap().contains("_format=xml")), "{links:?}");
        let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
        url = next["url"].as_str().unwrap().to_owned();
    }
    assert_eq!(found, 3);
    let form = world.client.post(format!("{}/fhir/Task/_search", world.adapter)).header("accept", XML).body("status=requested");
    let form = world.send(form.header("content-type", "application/x-www-form-urlencoded")).await;
    assert_eq!(told(&form, 200)["entry"].as_array().unwrap().len(), 3);
    let page = told(&get(&world, "/fhir/Questionnaire?_count=2&_format=application/fhir%2Bxml").await, 200);
    assert!(page["link"].as_array().unwrap().iter().all(|link| link["url"].as_str().unwrap().contains("_format=xml")));
    assert_eq!(told(&get(&world, "/fhir/Organization").await, 200)["type"], "searchset");
}

#[tokio::test]
async fn subscriptions_are_made_and_read_in_xml() {
    let world = World::with_tasks().await;
    let subscription: Value = serde_json::from_str(include_str!("../../judge/cases/valid/Subscription-callback.json")).unwrap();
    let mut wanted = subscription;
    wanted.as_object_mut().unwrap().remove("id");
    wanted["channel"]["endpoint"] = json!("http://127.0.0.1:9/told");
    let made = post(&world, "/fhir/Subscription", &wanted).await;
    let made = if made.status == 201 { told(&made, 201) } else { panic!("{}", made.text) };
    let path = format!("/fhir/Subscription/{}", made["id"].as_str().unwrap());
    assert_eq!(told(&get(&world, &path).await, 200)["id"], made["id"]);
    assert_eq!(told(&get(&world, "/fhir/Subscription").await, 200)["total"], 1);
    assert_eq!(told(&get(&world, &format!("{path}/$status")).await, 200)["resourceType"], "Bundle");
    assert_eq!(ask(&world, Method::DELETE, &path, &[], None).await.status, 204);
    assert_eq!(refused(&get(&world, &path).await, 404), "not-found");
}

#[tokio::test]
async fn responses_are_validated_and_written_from_xml() {
    let world = World::new().await;
    let mut response = response(&world).await;
    let div = "<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>  two  spaces &amp;\n<b>more</b> </p></div>";
    response["text"] = json!({"status": "additional", "div": div});
    assert_eq!(refused(&post(&world, "/fhir/QuestionnaireResponse/$validate", &response).await, 200), "valid");
    let parameters = json!({"resourceType": "Parameters", "parameter": [{"name": "in", "resource": response}]});
    let written = post(&world, "/fhir/Questionnaire/$process-response", &parameters).await;
    assert_eq!(refused(&written, 201), "written");
    // the same in JSON is the same write
    let again = world.post("/fhir/Questionnaire/$process-response", &response).await;
    assert_eq!(again.refused(200), ["written"]);
    let text = again.expect(200)["issue"][0]["details"]["text"].as_str().unwrap().to_owned();
    assert_eq!(world.read(text.rsplit(' ').next().unwrap()).await["text"]["div"], div);
    let broken = as_xml(&response).replace("<status value=\"completed\"/>", "<status value=\"done\"/>");
    let answer = ask(&world, Method::POST, "/fhir/QuestionnaireResponse/$validate", &[], Some(broken)).await;
    assert_eq!(told(&answer, 200)["issue"][0]["expression"][0], "QuestionnaireResponse.status");
}

#[tokio::test]
async fn the_command_line_validates_xml_as_it_does_json() {
    let world = World::new().await;
    let response = response(&world).await;
    let validate = |document: String| {
        let mut process = neuvola_adapter(&["validate", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        process.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
        let output = process.wait_with_output().unwrap();
        let mut outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
        // line and column are told of JSON alone
        for issue in outcome["issue"].as_array_mut().into_iter().flatten() {
            issue.as_object_mut().unwrap().remove("extension");
        }
        (output.status.code(), outcome["issue"].clone())
    };
    let mut broken = response.clone();
    broken["status"] = json!("done");
    for (response, code) in [(&response, 0), (&broken, 65)] {
        let in_json = validate(response.to_string());
        assert_eq!(in_json.0, Some(code), "{}", in_json.1);
        assert_eq!(validate(as_xml(response)), in_json);
    }
    let (code, issues) = validate(as_xml(&response).replace("</QuestionnaireResponse>", ""));
    assert_eq!((code, &issues[0]["details"]["coding"][0]["code"]), (Some(65), &json!("unreadable")));
}

#[tokio::test]
async fn knowledge_and_capabilities_are_told_in_xml_and_narratives_to_the_letter() {
    let world = World::new().await;
    let statement = told(&get(&world, "/fhir/metadata").await, 200);
    assert_eq!(statement["format"], json!(["application/fhir+json", "json", "application/fhir+xml", "xml"]));
    for artifact in crate::world::profiles().artifacts().iter().filter(|artifact| !artifact.id.is_empty()) {
        let path = format!("/fhir/{}/{}", artifact.resource_type, artifact.id);
        let resource: Value = serde_json::from_slice(&artifact.content).unwrap();
        assert_eq!(told(&get(&world, &path).await, 200), resource, "{path}");
    }
    let world = World::with_directory().await;
    let path = "/fhir/Organization/seinajoki";
    let div = world.get(path).await.expect(200)["text"]["div"].as_str().unwrap().to_owned();
    let answer = get(&world, path).await;
    assert_eq!(told(&answer, 200)["text"]["div"], div);
    assert!(answer.text.contains(&div));
}

#[tokio::test]
async fn our_own_json_stays_json_and_is_refused_in_xml_to_who_wants_it_so() {
    let world = World::with_tasks().await;
    let sent = |accept: &'static str, kind: &'static str, body: String| {
        let request = world.client.post(format!("{}/forms/four-months/submissions", world.adapter)).header("accept", accept);
        world.send(request.header("content-type", kind).body(body))
    };
    let json = "application/json";
    assert_eq!(refused(&sent(XML, json, form("1").to_string()).await, 406), "accept");
    assert_eq!(refused(&sent("application/fhir+xml, application/json;q=0.5", json, "{".to_owned()).await, 400), "unreadable");
    world.patient(crate::world::CHILD).await;
    let decided = world.decided("four-months", &form("1")).await.to_string();
    let answer = sent("application/fhir+xml, application/json;q=0.5", json, decided).await;
    assert_eq!((answer.status, answer.header("content-type")), (201, "application/json"));
    assert_eq!(refused(&sent("application/fhir+xml, */*;q=0.1", XML, "<a/>".to_owned()).await, 415), "content-type");
    assert_eq!(refused(&get(&world, "/nowhere").await, 404), "not-found");
    assert_eq!(refused(&ask(&world, Method::DELETE, "/fhir/metadata", &[], None).await, 405), "method");
    assert_eq!(get(&world, "/health/live").await.status, 406);
    assert_eq!(world.get("/fhir/metadata?_format=ttl").await.refused(406), ["accept"]);
}

#[tokio::test]
async fn hostile_xml_is_refused_and_nothing_is_stored() {
    let world = World::with_tasks().await;
    let good = as_xml(&task());
    let body = good.split_once('\n').unwrap().1.to_owned();
    let lol: String = (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let inside = |more: &str| body.replace("<status", &format!("{more}<status"));
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("billion laughs", format!("<!DOCTYPE l [<!ENTITY l0 \"ha\">{lol}]>{}", body.replace("two  spaces", "&l9;")).into_bytes()),
        (
            "external entity",
            format!("<!DOCTYPE t [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>{}", body.replace("two  spaces", "&x;")).into_bytes(),
        ),
        ("document type", format!("<!DOCTYPE Task>{body}").into_bytes()),
        ("entity without one", body.replace("two  spaces", "&x;").into_bytes()),
        ("style sheet", format!("<?xml-stylesheet href=\"http://a.example\"?>{body}").into_bytes()),
        ("depth", inside(&"<contained><Task>".repeat(5_000)).into_bytes()),
        ("unknown depth", inside(&"<a>".repeat(20_000)).into_bytes()),
        (
            "many attributes",
            body.replace("<status", &format!("<status {}", (0..5_000).map(|n| format!("a{n}='1' ")).collect::<String>())).into_bytes(),
        ),
        ("truncated", body.as_bytes()[..body.len() / 2].to_vec()),
        ("without its end", body.strip_suffix("</Task>").unwrap().as_bytes().to_vec()),
        ("two roots", format!("{body}{body}").into_bytes()),
        ("text after the end", format!("{body}text").into_bytes()),
        ("UTF-16", good.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("Latin 1", good.replace("UTF-8", "ISO-8859-1").into_bytes()),
        ("NUL", body.replace("two  spaces", "\u{0}").into_bytes()),
        ("a reference to NUL", body.replace("two  spaces", "&#0;").into_bytes()),
        ("no UTF-8", [body.as_bytes(), b"\xff"].concat()),
        ("a namespace that is no UTF-8", [b"<Task xmlns=\"\xff\"".as_slice(), body.as_bytes()].concat()),
        ("another namespace", body.replace("hl7.org/fhir\"", "hl7.org/fhir/R5\"").into_bytes()),
        ("a namespace taken back", body.replace("<status", "<status xmlns=\"\"").into_bytes()),
        ("an unbound prefix", body.replace("<status", "<f:status").into_bytes()),
        ("CDATA", inside("<![CDATA[text]]>").into_bytes()),
        ("an element twice", inside("<status value=\"requested\"/>").into_bytes()),
        ("an attribute twice", body.replace("<status value", "<status value=\"draft\" value").into_bytes()),
        ("an empty value", body.replace("value=\"order\"", "value=\"\"").into_bytes()),
        ("an unknown element", inside("<colour value=\"red\"/>").into_bytes()),
        ("JSON", task().to_string().into_bytes()),
        ("nothing", Vec::new()),
    ];
    for (what, body) in hostile {
        let request = world.client.post(format!("{}/fhir/Task", world.adapter)).header("accept", XML).header("content-type", XML);
        let answer = world.send(request.body(body)).await;
        assert_eq!(refused(&answer, 400), "unreadable", "{what}: {}", answer.text);
        assert!(!answer.text.contains("passwd") && !answer.text.contains("+358"), "{what}: {}", answer.text);
    }
    let huge = body.replace("two  spaces", &"a".repeat(200 * 1024));
    assert_eq!(refused(&ask(&world, Method::POST, "/fhir/Task", &[], Some(huge)).await, 413), "too-large");
    // larger as JSON than as XML
    let quotes = body.replace("two  spaces", &"'".repeat(120 * 1024).replace('\'', "\\"));
    assert_eq!(refused(&ask(&world, Method::POST, "/fhir/Task", &[], Some(quotes)).await, 413), "too-large");
    assert!(world.get("/fhir/Task").await.expect(200).get("entry").is_none());
    world.get("/health/live").await.expect(200);
}
