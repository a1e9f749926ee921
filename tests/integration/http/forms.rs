//! Previews and submissions.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{CHILD, World, form};

#[tokio::test]
async fn a_preview_tells_what_the_rules_say_and_writes_nothing() {
    let world = World::new().await;
    let answer = world.post("/forms/four-months/preview", &form("1")).await;
    let preview = answer.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(preview["persons"][0]["segment"]["code"], "self-managing");
    assert_eq!(preview["persons"][0]["plan"]["resourceType"], "CarePlan");
    world.nothing_is_written().await;
}

#[tokio::test]
async fn a_preview_leaves_a_decision_aside() {
    let world = World::new().await;
    let decided = world.decided("four-months", &form("1")).await;
    world.post("/forms/four-months/preview", &decided).await.expect(200);
    world.nothing_is_written().await;
}

#[tokio::test]
async fn a_submission_is_written_once_and_a_repeat_gives_the_same_receipt() {
    let world = World::new().await;
    let patient = world.patient(CHILD).await;
    let submission = world.decided("four-months", &form("1")).await;
    let first = world.post("/forms/four-months/submissions", &submission).await;
    let receipt = first.expect(201);
    let again = world.post("/forms/four-months/submissions", &submission).await;
    again.expect(200);
    assert_eq!(again.text, first.text, "to the byte");

    let kinds: Vec<_> = receipt["persons"][0]["written"].as_array().unwrap().iter().map(|written| written["kind"].clone()).collect();
    let expected =
        ["questionnaire-response", "questionnaire-response-professional", "care-plan", "provenance-authorship", "provenance-custodian"];
    assert_eq!(kinds, expected);
    for written in receipt["persons"][0]["written"].as_array().unwrap() {
        let resource = world.read(written["reference"].as_str().unwrap()).await;
        if resource["resourceType"] != "Provenance" {
            assert_eq!(resource["subject"]["reference"], patient.as_str());
        }
    }
    assert_eq!((world.held("CarePlan").await, world.held("Provenance").await), (1, 2));
}

#[tokio::test]
async fn twenty_equal_submissions_at_once_are_one() {
    let world = World::new().await;
    world.patient(CHILD).await;
    let submission = world.decided("four-months", &form("1")).await;
    let answers = join_all((0..20).map(|_| world.post("/forms/four-months/submissions", &submission))).await;
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text);
        assert_eq!(answer.text, answers[0].text);
    }
    assert!(answers.iter().any(|answer| answer.status == 201));
    assert_eq!((world.held("CarePlan").await, world.held("Provenance").await), (1, 2));
}

#[tokio::test]
async fn the_same_id_with_other_content_is_a_conflict() {
    let world = World::new().await;
    world.patient(CHILD).await;
    let submission = world.decided("four-months", &form("1")).await;
    world.post("/forms/four-months/submissions", &submission).await.expect(201);
    let mut other = form("1");
    other["persons"][0]["answers"]["worries.wishes"] = json!("Muuta.");
    let other = world.decided("four-months", &other).await;
    let answer = world.post("/forms/four-months/submissions", &other).await;
    assert_eq!(answer.refused(409), ["other-content persons[0]"]);
    assert_eq!(world.held("CarePlan").await, 1);
}

#[tokio::test]
async fn a_decision_about_another_proposal_is_a_conflict_that_names_the_new_one() {
    let world = World::new().await;
    world.patient(CHILD).await;
    let preview = world.post("/forms/four-months/preview", &form("1")).await.expect(200);
    let mut submission = world.decided("four-months", &form("1")).await;
    submission["decision"]["plans"][0]["proposal"] = json!("0000");
    let answer = world.post("/forms/four-months/submissions", &submission).await;
    assert_eq!(answer.refused(409), ["other-proposal decision.plans[0].proposal"]);
    assert!(answer.text.contains(preview["persons"][0]["proposal"].as_str().unwrap()));
    world.nothing_is_written().await;
}

#[tokio::test]
async fn a_submission_without_a_decision_is_told_to_preview() {
    let world = World::new().await;
    world.patient(CHILD).await;
    assert_eq!(world.post("/forms/four-months/submissions", &form("1")).await.refused(422), ["no-decision decision"]);
    world.nothing_is_written().await;
}

#[tokio::test]
async fn a_patient_whom_the_record_does_not_know_is_told_with_the_place() {
    let world = World::new().await;
    let submission = world.decided("four-months", &form("1")).await;
    let answer = world.post("/forms/four-months/submissions", &submission).await;
    assert_eq!(answer.refused(422), ["no-patient persons[0].identifier"]);
    assert!(!answer.text.contains(CHILD), "{}", answer.text);
    world.patient(CHILD).await;
    world.patient(CHILD).await;
    let answer = world.post("/forms/four-months/submissions", &submission).await;
    assert_eq!(answer.refused(409), ["several-patients persons[0].identifier"]);
    world.nothing_is_written().await;
}

#[tokio::test]
async fn an_unknown_form_is_not_found_and_the_known_ones_are_named() {
    let world = World::new().await;
    for path in ["/forms/no-such-form/preview", "/forms/%ff/preview", "/forms/a%2Fb/submissions"] {
        let answer = world.post(path, &json!({})).await;
        assert!(matches!(answer.refused(404)[0].as_str(), "unknown-form" | "not-found"), "{}", answer.text);
    }
    assert!(world.post("/forms/no-such-form/preview", &json!({})).await.text.contains("four-months"));
}

#[tokio::test]
async fn every_fault_is_told_at_once_with_its_place() {
    let world = World::new().await;
    let mut broken = form("1");
    broken["colour"] = json!("red");
    broken["language"] = json!("se");
    broken["persons"][0]["identifier"]["value"] = json!("010516B903Y");
    broken["persons"][1]["participation"] = Value::from(1);
    let answer = world.post("/forms/four-months/preview", &broken).await;
    let faults = answer.refused(422);
    for wanted in
        ["unknown-member colour", "unknown-word language", "identifier persons[0].identifier.value", "wrong-type persons[1].participation"]
    {
        assert!(faults.iter().any(|fault| fault == wanted), "{wanted}: {faults:?}");
    }
    assert!(!answer.text.contains("010516B903Y"), "a client's value is never repeated");

    let mut broken = form("1");
    broken["persons"][0]["answers"]["habits.sleep-hours"] = json!("many");
    broken["persons"][0]["answers"]["life.everyday"] = json!("no-such-option");
    broken["professional"][0]["answers"].as_object_mut().unwrap().remove("assessment.complexity");
    let faults = world.post("/forms/four-months/preview", &broken).await.refused(422);
    for wanted in ["persons[0].answers['habits.sleep-hours']", "persons[0].answers['life.everyday']", "professional[0].answers"] {
        assert!(faults.iter().any(|fault| fault.contains(wanted)), "{wanted}: {faults:?}");
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_reached_costs_nothing_but_time() {
    let mut world = World::new().await;
    let submission = world.decided("four-months", &form("1")).await;
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("http://{nobody}/fhir");
    let api = crate::record::at(&base);
    world = World::before(base, std::sync::Arc::new(api), neuvola_adapter::config::Limits::default()).await;
    let answer = world.post("/forms/four-months/submissions", &submission).await;
    assert_eq!(answer.refused(503), ["record-unreachable"]);
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(world.get("/health/live").await.expect(200)["status"], "up");
    let ready = world.get("/health/ready").await;
    assert_eq!(ready.refused(503), ["record-not-ready"]);
    assert!(!ready.header("retry-after").is_empty());
    world.post("/forms/four-months/preview", &submission).await.expect(200);
}
