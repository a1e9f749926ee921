//! What the cases write is made again from the record alone.

use std::fs;
use std::sync::OnceLock;

use neuvola_adapter::fixtures::{Case, Record};
use serde_json::{Value, json};

use super::{all, faces, run};
use crate::replayed::{all_the_same, replay, replay_text};

/// What the record holds of each case that writes.
fn written() -> &'static [(Case, Vec<Value>)] {
    static WRITTEN: OnceLock<Vec<(Case, Vec<Value>)>> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let face = faces::Library::new();
        let held = |case: Case| match run(&case, &case.expect, &face).record {
            Record::Holds(resources) if !resources.is_empty() => Some((case, resources.into_values().collect())),
            _ => None,
        };
        all().into_iter().filter_map(held).collect()
    })
}

fn of(name: &str) -> Vec<Value> {
    written().iter().find(|(case, _)| case.name == name).unwrap_or_else(|| panic!("{name} writes nothing")).1.clone()
}

fn plan<'r>(resources: &'r mut [Value], segment: &str) -> &'r mut Value {
    let is_it = |resource: &&mut Value| resource["resourceType"] == "CarePlan" && resource.to_string().contains(segment);
    resources.iter_mut().find(is_it).unwrap()
}

#[test]
fn every_plan_of_every_case_is_made_again_the_same_from_what_the_record_holds() {
    all_the_same(&written().iter().flat_map(|(_, resources)| resources.clone()).collect::<Vec<_>>());
}

#[test]
fn every_plan_is_made_again_the_same_from_the_decision_as_it_was_sent() {
    for (case, resources) in written() {
        let sent = format!("{}/fixtures/cases/{}/form.json", env!("CARGO_MANIFEST_DIR"), case.name);
        let submission: Value = serde_json::from_slice(case.submission).unwrap();
        let replayed = replay(&["--decision", &sent], resources);
        for line in &replayed.lines {
            // parents who are proposed the same are told apart by their keys alone
            let is_anybody = line["outcome"]["issue"][0]["details"]["coding"][0]["code"] == "several-decisions";
            assert!(line["same"] == json!(true) || is_anybody, "{}: {line}", case.name);
        }

        let without: Vec<Value> = resources.iter().filter(|it| it["resourceType"] != "CarePlan").cloned().collect();
        let rule_set = format!("https://neuvola-adapter.example/fhir/PlanDefinition/{}|1.0.0", case.form);
        let made = replay(&["--decision", &sent, "--plan", &rule_set], &without);
        assert_eq!(made.lines.len(), replayed.lines.len(), "{}", case.name);
        for line in made.lines.iter().filter(|line| line["outcome"].is_null()) {
            let is_of = |other: &&Value| other["carePlan"]["subject"] == line["carePlan"]["subject"];
            let mut plan = replayed.lines.iter().find(is_of).unwrap()["carePlan"].clone();
            if submission["decision"]["plans"].to_string().contains("replaces") {
                // what was declined before is known from the earlier plan alone
                plan = without_declined_before(plan);
            }
            assert_eq!(plan, line["carePlan"], "{}", case.name);
            assert_eq!(line["same"], Value::Null);
        }
    }
}

fn without_declined_before(mut plan: Value) -> Value {
    plan["extension"].as_array_mut().unwrap().retain(|it| !it["url"].as_str().unwrap().ends_with("/declined-before"));
    let div = plan["text"]["div"].as_str().unwrap();
    let end = div.find("<h3>Palvelut, joita ei otettu vastaan edellisessä").map_or(div.to_owned(), |at| format!("{}</div>", &div[..at]));
    plan["text"]["div"] = json!(end);
    plan
}

#[test]
fn of_two_parents_who_are_proposed_the_same_the_key_says_whose_decision_it_is() {
    for (case, resources) in written() {
        let sent = format!("{}/fixtures/cases/{}/form.json", env!("CARGO_MANIFEST_DIR"), case.name);
        for line in replay(&["--decision", &sent], resources).lines.iter().filter(|line| line["same"].is_null()) {
            let reference = line["plan"].as_str().unwrap();
            let own: Vec<Value> = resources
                .iter()
                .filter(|it| it["resourceType"] != "CarePlan" || reference.ends_with(it["id"].as_str().unwrap()))
                .cloned()
                .collect();
            let submission: Value = serde_json::from_slice(case.submission).unwrap();
            let keys = submission["decision"]["plans"].as_array().unwrap().iter().map(|plan| plan["about"].as_str().unwrap());
            let same = keys.filter(|key| replay(&["--decision", &sent, "--about", key], &own).lines[0]["same"] == json!(true));
            assert!(same.count() >= 1, "{}", case.name);
            return;
        }
    }
    panic!("no case has such parents");
}

#[test]
fn what_somebody_changed_in_the_record_is_told_with_its_place() {
    const CASE: &str = "four-months-self-managing";
    let changed = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut resources = of(CASE);
        change(&mut resources);
        replay(&[], &resources)
    };
    let paths = |replayed: &crate::replayed::Replayed| {
        assert_eq!(replayed.exit, 65);
        let differences = replayed.lines.iter().filter_map(|line| line["differences"].as_array()).flatten();
        differences.map(|it| it["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let told = changed(&|held| plan(held, "self-managing")["activity"][0]["detail"]["scheduledTiming"]["repeat"]["count"] = json!(9));
    assert_eq!(paths(&told), ["CarePlan.activity[0].detail.scheduledTiming.repeat.count"]);
    let told = changed(&|held| plan(held, "self-managing")["activity"].as_array_mut().unwrap().clear());
    assert!(told.exit == 65 && told.lines.iter().any(|line| line["same"] != json!(true)), "{told:?}");
    let told = changed(&|held| {
        let plan = plan(held, "self-managing");
        plan["text"]["div"] = json!(plan["text"]["div"].as_str().unwrap().replace("2026", "2025"));
    });
    assert_eq!(paths(&told), ["CarePlan.text.div"]);
    let told = changed(&|held| drop(plan(held, "self-managing").as_object_mut().unwrap().shift_remove("title")));
    assert_eq!(paths(&told), ["CarePlan.title"]);

    // answers: the rules now say something else
    let told = changed(&|held| {
        let text = json!(held).to_string();
        let other = text.replace(r#""code":"well""#, r#""code":"poorly""#);
        assert_ne!(text, other);
        *held = serde_json::from_str::<Value>(&other).unwrap().as_array().unwrap().clone();
    });
    assert_eq!(told.exit, 65);
    assert!(told.lines.iter().all(|line| line["same"] != json!(true)), "{told:?}");
}

#[test]
fn what_became_of_a_plan_since_is_no_difference() {
    let mut resources = of("four-months-self-managing");
    let plan = plan(&mut resources, "self-managing");
    plan["status"] = json!("completed");
    plan["note"] = json!([{ "text": "Soitettu" }]);
    plan["activity"][0]["detail"]["status"] = json!("in-progress");
    plan["extension"].as_array_mut().unwrap().insert(0, json!({ "url": "https://ehr.example/priority", "valueInteger": 1 }));
    plan["activity"].as_array_mut().unwrap().insert(0, json!({ "detail": { "status": "not-started", "description": "Lisätty" } }));
    let replayed = replay(&[], &resources);
    assert_eq!(replayed.exit, 0, "{replayed:?}");
    let line = replayed.lines.iter().find(|line| !line["since"].as_array().unwrap().is_empty()).unwrap();
    let mut since: Vec<&str> = line["since"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    since.sort_unstable();
    assert_eq!(
        since,
        ["CarePlan.activity[0]", "CarePlan.activity[1].detail.status", "CarePlan.extension[0]", "CarePlan.note", "CarePlan.status"]
    );
}

#[test]
fn rules_that_were_changed_under_their_version_do_not_make_the_same_plan() {
    let change = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/profiles/PlanDefinition-four-months.json")).unwrap();
    let text = String::from_utf8(change).unwrap();
    let other = text.replace("%resources < 7", "%resources < 13").replace("%resources <= 6", "%resources <= 12");
    assert_ne!(text, other);
    let folder = std::env::temp_dir().join(format!("neuvola-replay-rules-{}", uuid::Uuid::new_v4()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("plan.json"), &other).unwrap();
    let resources: Vec<Value> =
        written().iter().filter(|(case, _)| case.form == "four-months").flat_map(|(_, resources)| resources.clone()).collect();
    let replayed = replay(&["--profiles", folder.to_str().unwrap()], &resources);
    let _ = fs::remove_dir_all(&folder);
    assert_eq!(replayed.exit, 65);
    let differing = replayed.lines.iter().filter(|line| line["same"] != json!(true)).count();
    assert!(differing > 0 && replayed.lines.iter().any(|line| line["same"] == json!(true)), "{differing} of {}", replayed.lines.len());
}

#[test]
fn what_cannot_be_made_again_is_told_with_the_reason() {
    let refused = |change: &dyn Fn(&mut Vec<Value>)| {
        let mut resources = of("four-months-self-managing");
        change(&mut resources);
        let replayed = replay(&[], &resources);
        assert_eq!(replayed.exit, 65, "{replayed:?}");
        let told = replayed.lines.into_iter().find(|line| line["same"].is_null()).unwrap();
        told["outcome"]["issue"][0]["details"]["coding"][0]["code"].as_str().unwrap().to_owned()
    };
    let text = |held: &mut Vec<Value>, from: &str, to: &str| {
        let text = json!(held).to_string();
        assert!(text.contains(from), "{from}");
        *held = serde_json::from_str::<Value>(&text.replace(from, to)).unwrap().as_array().unwrap().clone();
    };
    assert_eq!(refused(&|held| held.retain(|it| it["resourceType"] != "QuestionnaireResponse")), "response-missing");
    assert_eq!(refused(&|held| text(held, "PlanDefinition/four-months|1.0.0", "PlanDefinition/four-months|0.9.0")), "unknown-plan");
    assert_eq!(refused(&|held| text(held, "PlanDefinition/four-months|1.0.0", "PlanDefinition/four-months")), "unknown-plan");
    assert_eq!(refused(&|held| text(held, "-child|1.0.0", "-child|0.9.0")), "other-questionnaire");
    assert_eq!(refused(&|held| text(held, r#""code":"well""#, r#""code":"grand""#)), "not-an-option");
    assert_eq!(refused(&|held| drop(plan(held, "self-managing").as_object_mut().unwrap().shift_remove("created"))), "not-ours");
    let status = |held: &mut Vec<Value>| {
        held.iter_mut().filter(|it| it["resourceType"] == "QuestionnaireResponse").for_each(|it| it["status"] = json!("entered-in-error"));
    };
    assert_eq!(refused(&status), "entered-in-error");
    let twice = |held: &mut Vec<Value>| {
        let mut more: Vec<Value> = held.iter().filter(|it| it["resourceType"] == "QuestionnaireResponse").cloned().collect();
        more.iter_mut().for_each(|it| it["meta"]["versionId"] = json!("77"));
        held.extend(more);
    };
    assert_eq!(refused(&twice), "several-responses");
}

#[test]
fn without_a_plan_of_ours_there_is_nothing_to_make_again() {
    let foreign =
        json!({ "resourceType": "CarePlan", "id": "1", "status": "active", "intent": "plan", "subject": { "reference": "Patient/1" } });
    let replayed = replay(&[], &[foreign]);
    assert_eq!((replayed.exit, replayed.lines.len()), (65, 0));
    assert!(replayed.stderr.contains("1 CarePlans do not say") && replayed.stderr.contains("no CarePlan of"), "{}", replayed.stderr);
    for (broken, exit) in
        [("", 65), ("{", 65), ("[]", 65), ("<Bundle xmlns=\"http://hl7.org/fhir\"/>", 65), (r#"{"resourceType":"Bundle"}"#, 65)]
    {
        assert_eq!(replay_text(&[], broken).exit, exit, "{broken}");
    }
}
