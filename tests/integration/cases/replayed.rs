//! What the cases write is made again from the record alone.

use std::fs;
use std::sync::OnceLock;

use neuvola_adapter::fixtures::{Case, Record};
use neuvola_adapter::form::submission::read_submission;
use neuvola_adapter::pipeline::{Held, Sent, replay as replay_plan, replay_decision};
use neuvola_adapter::refusal::Refusal;
use serde_json::{Value, json};

use super::{all, faces, run};
use crate::replayed::{all_the_same, replay, replay_text};
use crate::world::profiles;

/// Two parents who are proposed the same.
const TWO_ALIKE: &str = "four-months-swedish-family";

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
    let profiles = profiles();
    for (case, resources) in written() {
        let bundle = bundle(resources.iter());
        let node = neuvola_fhir::read(bundle.as_bytes()).unwrap();
        let mut held = Held::default();
        held.take(&node, bundle.as_bytes());
        let sent = neuvola_fhir::read(case.submission).unwrap();
        let (submission, _) = read_submission(&sent).unwrap();
        let sent = Sent { submission: &submission, about: None };
        for plan in &held.plans {
            match replay_plan(*plan, &held, Some(sent), &profiles) {
                Ok(replay) => assert!(replay.likeness.as_ref().unwrap().is_same(), "{}: {:?}", case.name, replay.likeness),
                Err(refusal) => assert!(is_anybody(&refusal), "{}: {refusal:?}", case.name),
            }
        }

        // without the plans: what there was to compare with comes out again
        let bundle = self::bundle(resources.iter().filter(|it| it["resourceType"] != "CarePlan"));
        let node = neuvola_fhir::read(bundle.as_bytes()).unwrap();
        let mut alone = Held::default();
        alone.take(&node, bundle.as_bytes());
        let rule_set = format!("https://neuvola-adapter.example/fhir/PlanDefinition/{}|1.0.0", case.form);
        let made = replay_decision(&alone, sent, &rule_set, &profiles);
        assert_eq!(made.len(), held.plans.len(), "{}", case.name);
        for (responses, replay) in made {
            let Ok(replay) = replay else { continue };
            assert!(replay.likeness.is_none());
            let mut made: Value = serde_json::from_slice(&replay.care_plan.unwrap()).unwrap();
            let names = |plan: &&&Value| plan["supportingInfo"] == made["supportingInfo"];
            let plans: Vec<&Value> = resources.iter().filter(|it| it["resourceType"] == "CarePlan").collect();
            let mut plan = (**plans.iter().find(names).unwrap_or_else(|| panic!("{}: {responses}", case.name))).clone();
            if plan["replaces"].is_array() {
                // what was declined before is known from the earlier plan alone
                plan = without_declined_before(plan);
            }
            for plan in [&mut plan, &mut made] {
                ["id", "meta", "identifier"].iter().for_each(|name| drop(plan.as_object_mut().unwrap().shift_remove(*name)));
            }
            assert_eq!(plan, made, "{}", case.name);
        }
    }
}

fn bundle<'r>(resources: impl Iterator<Item = &'r Value>) -> String {
    let entries: Vec<Value> = resources.map(|resource| json!({ "resource": resource })).collect();
    json!({ "resourceType": "Bundle", "type": "collection", "entry": entries }).to_string()
}

/// Parents who are proposed the same are told apart by their keys alone.
fn is_anybody(refusal: &Refusal) -> bool {
    refusal.issues().iter().any(|issue| issue.fault == "several-decisions")
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
    let (case, resources) = written().iter().find(|(case, _)| case.name == TWO_ALIKE).unwrap();
    let sent = format!("{}/fixtures/cases/{}/form.json", env!("CARGO_MANIFEST_DIR"), case.name);
    let undecided = replay(&["--decision", &sent], resources);
    assert_eq!(undecided.exit, 65);
    let line = undecided.lines.iter().find(|line| line["same"].is_null()).unwrap();
    assert_eq!(line["outcome"]["issue"][0]["details"]["coding"][0]["code"], "several-decisions");
    let is_theirs = |it: &&Value| it["resourceType"] != "CarePlan" || line["plan"].as_str().unwrap().ends_with(it["id"].as_str().unwrap());
    let own: Vec<Value> = resources.iter().filter(is_theirs).cloned().collect();
    let submission: Value = serde_json::from_slice(case.submission).unwrap();
    let keys = submission["decision"]["plans"].as_array().unwrap().iter().map(|plan| plan["about"].as_str().unwrap());
    let same = keys.filter(|key| replay(&["--decision", &sent, "--about", key], &own).lines[0]["same"] == json!(true));
    assert!(same.count() >= 1, "{}", case.name);
}

#[test]
fn on_the_command_line_a_decision_and_a_rule_set_make_the_plans_of_responses_alone() {
    const CASE: &str = "four-months-self-managing";
    let sent = format!("{}/fixtures/cases/{CASE}/form.json", env!("CARGO_MANIFEST_DIR"));
    let responses: Vec<Value> = of(CASE).into_iter().filter(|it| it["resourceType"] == "QuestionnaireResponse").collect();
    assert_eq!(replay(&["--decision", &sent], &responses).exit, 64, "which rules?");
    let rule_set = "https://neuvola-adapter.example/fhir/PlanDefinition/four-months|1.0.0";
    let made = replay(&["--decision", &sent, "--plan", rule_set], &responses);
    assert_eq!((made.exit, made.lines.len()), (0, 2), "{made:?}");
    for line in &made.lines {
        assert_eq!((&line["same"], &line["segmentation"]["segment"]["code"]), (&Value::Null, &json!("self-managing")));
        assert_eq!(line["carePlan"]["resourceType"], "CarePlan");
    }
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

/// Whoever changed an answer is told of the proposal, not of a decision that no longer fits.
#[test]
fn answers_that_were_changed_so_that_the_decision_does_not_fit_are_another_proposal() {
    let mut resources = of("four-months-self-managing");
    for resource in resources.iter_mut().filter(|it| it["resourceType"] == "QuestionnaireResponse") {
        *resource = serde_json::from_str(&resource.to_string().replace(r#""code":"well""#, r#""code":"poorly""#)).unwrap();
    }
    let replayed = replay(&[], &resources);
    let line = replayed.lines.iter().find(|line| line["carePlan"].is_null()).unwrap_or_else(|| panic!("{replayed:?}"));
    assert_eq!((&line["same"], replayed.exit), (&json!(false), 65));
    assert!(line["differences"][0]["path"].as_str().unwrap().ends_with("where(url = 'proposal').value"), "{line}");
    assert_ne!(line["differences"][0]["stored"], line["differences"][0]["replayed"]);
}

#[test]
fn a_search_whose_other_pages_are_not_given_is_not_the_whole_record() {
    let resources = of("four-months-self-managing");
    let entries: Vec<Value> = resources.iter().map(|resource| json!({ "resource": resource })).collect();
    let page = |total: usize| json!({ "resourceType": "Bundle", "type": "searchset", "total": total, "entry": entries });
    let first = resources[0]["resourceType"].as_str().unwrap();
    let count = resources.iter().filter(|it| it["resourceType"] == first).count();
    assert_eq!(replay_text(&[], &page(count).to_string()).exit, 0);
    let cut = replay_text(&[], &page(count + 1).to_string());
    assert_eq!(cut.exit, 65);
    assert!(cut.stderr.contains("give its other pages too"), "{}", cut.stderr);
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
    let of_another = |held: &mut Vec<Value>| {
        let responses = held.iter_mut().filter(|it| it["questionnaire"].as_str().is_some_and(|it| it.contains("professional-child")));
        responses.for_each(|it| it["subject"] = json!({ "reference": "Patient/77" }));
    };
    assert_eq!(refused(&of_another), "other-subject");
    assert_eq!(refused(&|held| plan(held, "child.segment")["subject"] = json!({ "reference": "Patient/77" })), "other-subject");
    let unfinished = |held: &mut Vec<Value>| {
        held.iter_mut().filter(|it| it["resourceType"] == "QuestionnaireResponse").for_each(|it| it["status"] = json!("in-progress"));
    };
    assert_eq!(refused(&unfinished), "not-completed");
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
    assert_eq!((replayed.exit, replayed.lines.len()), (65, 1));
    assert_eq!(replayed.lines[0]["issue"][0]["details"]["coding"][0]["code"], "not-ours");
    assert!(replayed.stderr.contains("1 CarePlans do not say"), "{}", replayed.stderr);
    for (broken, exit) in
        [("", 65), ("{", 65), ("[]", 65), ("<Bundle xmlns=\"http://hl7.org/fhir\"/>", 65), (r#"{"resourceType":"Bundle"}"#, 65)]
    {
        assert_eq!(replay_text(&[], broken).exit, exit, "{broken}");
    }
}
