//! `rules`, the real binary: on the shipped rules, and on changes of them that were made to be found (`fixtures/rules`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::binary::neuvola_adapter;

#[test]
fn a_nurse_reads_the_rules_in_her_language() {
    let shown = run(&["rules", "show", "four-months", "--language", "sv"], 0);
    for text in
        ["Nätverk", "Resurssumman i familjens svar är under 7", "life.everyday: Hur går vardagen med babyn?", "Om inget annat avgör:"]
    {
        assert!(flat(&shown).contains(text), "{text}: {shown}");
    }
    let told: Value = serde_json::from_str(&run(&["rules", "show", "four-months", "--json", "--language", "en"], 0)).unwrap();
    let rules = told["ruleSets"][0]["roles"][0]["rules"].as_array().unwrap();
    assert_eq!(rules[0]["id"], "child.segment.network");
    assert_eq!(
        rules[0]["questions"][4],
        json!({ "linkId": "assessment.complexity", "professional": true, "text": "The baby's need of support" })
    );
    assert_eq!(rules.iter().filter(|rule| rule["kind"] == "catch-all").count(), 1);
    assert!(rules.iter().all(|rule| rule["sentence"].as_str().is_some_and(|sentence| !sentence.is_empty())));
    run(&["rules", "show", "nobodys-form"], 64);
}

#[test]
fn every_defect_has_its_file_element_line_and_a_way_to_mend_it() {
    run(&["rules", "check"], 0);
    let folder = changed("never-met");
    let told: Value = serde_json::from_str(&run(&["rules", "check", "--json", "--profiles", folder.path()], 78)).unwrap();
    let defects = told["defects"].as_array().unwrap();
    assert_eq!(defects.len(), 1, "{told}");
    assert_eq!(defects[0]["element"], "PlanDefinition.action[0].action[2].condition[0]");
    assert_eq!(defects[0]["message"], "`child.segment.supported` can never be met, whatever is answered");
    assert!(defects[0]["file"].as_str().unwrap().ends_with("PlanDefinition-four-months.json"));
    let line = defects[0]["line"].as_u64().unwrap() as usize;
    let text = fs::read_to_string(defects[0]["file"].as_str().unwrap()).unwrap();
    assert!(text.lines().skip(line - 1).take(12).any(|line| line.contains("%resources < 0")), "line {line}");
    assert!(!defects[0]["remedy"].as_str().unwrap().is_empty());

    let broken = folder.file("PlanDefinition-four-months.json", |text| {
        text.replace("linkId='growth.assessment'", "linkId='growth.assessmint'")
            .replace("Library/segment-network|1.0.0", "Library/none|1.0.0")
    });
    let told: Value = serde_json::from_str(&run(&["rules", "check", "--json", "--profiles", broken.path()], 78)).unwrap();
    let defects = told["defects"].as_array().unwrap();
    assert!(defects.len() >= 2, "{told}");
    assert!(defects.iter().all(|it| it["line"].is_u64() && !it["remedy"].as_str().unwrap().is_empty()), "{told}");
}

#[test]
fn the_shipped_rules_do_as_their_cases_say_and_changed_ones_say_why_they_do_not() {
    let told = run(&["rules", "test"], 0);
    assert!(told.contains(" as stated, 0 not;"), "{told}");
    let told: Value = serde_json::from_str(&run(&["rules", "test", "--json", "--profiles", changed("threshold").path()], 65)).unwrap();
    let differ: Vec<_> = told["cases"].as_array().unwrap().iter().filter(|case| case["differences"] != json!([])).collect();
    let names: Vec<_> = differ.iter().map(|case| case["case"].as_str().unwrap()).collect();
    assert_eq!(names, ["four-months-declined-question-decides", "four-months-turvakielto"]);
    let reason = &differ[1]["reasons"][0];
    assert_eq!(
        (&reason["id"], &reason["outcome"], &reason["expected"]),
        (&json!("child.segment.supported"), &json!("not-met"), &json!("met"))
    );
    assert!(reason["inputs"].as_array().unwrap().contains(&json!("habits.eating=fairly-well")), "{reason}");

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases/four-months-turvakielto");
    run(&["rules", "test", folder.to_str().unwrap()], 0);
    run(&["rules", "test", "/nowhere"], 66);
}

#[test]
fn the_whole_space_of_a_small_form_is_counted_as_by_hand() {
    let told = coverage(&["four-months", "--role", "child"], None, 0);
    assert_eq!(told["space"], json!({ "families": 1024, "whole": true, "allAnswers": true }));
    let below = sums().filter(|sum| *sum < 7).count() as u64 * 2;
    let decides: Vec<_> = told["segments"].as_array().unwrap().iter().map(|it| it["decides"].as_u64().unwrap()).collect();
    assert_eq!(decides, [below, 512 - below, below, 512 - below, 0]);
    assert_eq!((&told["overlaps"], &told["lighter"]), (&json!([]), &json!([])));
    // each answer deleted and, where that can be, declined
    assert_eq!(told["absences"], 1024 * (4 * 2 + 1));
    // from a sum below 7 to one that is not, by another answer to one question; two complexities on each side
    let tip = told["tips"]
        .as_array()
        .unwrap()
        .iter()
        .find(|tip| tip["question"]["linkId"] == "life.everyday" && tip["from"] == "network" && tip["to"] == "cooperation");
    let ways = (0..4).flat_map(|one| (0..4).map(move |other| (one, other)));
    let rest: Vec<u64> = sums_of_three().collect();
    let ways: usize = ways.map(|(one, other)| rest.iter().filter(|rest| *rest + one < 7 && *rest + other >= 7).count()).sum();
    assert_eq!(tip.unwrap()["count"], ways * 2);
    let unread: Vec<_> = told["unread"].as_array().unwrap().iter().map(|it| it["linkId"].as_str().unwrap()).collect();
    assert!(unread.contains(&"worries.wishes") && !unread.contains(&"habits.feeding") && !unread.contains(&"habits.sleep"), "{unread:?}");
    let alike =
        json!({ "question": { "linkId": "assessment.complexity", "professional": true }, "options": ["none", "slight"], "several": false });
    assert!(told["alike"].as_array().unwrap().contains(&alike), "{}", told["alike"]);
}

#[test]
fn a_larger_space_is_sampled_and_the_same_seed_gives_the_same_bytes() {
    let arguments = ["rules", "coverage", "four-months", "--role", "parent", "--samples", "300", "--json", "--seed"];
    let seeded = |seed| run(&[&arguments[..], &[seed]].concat(), 0);
    let one = seeded("7");
    assert_eq!(one, seeded("7"));
    assert_ne!(one, seeded("8"));
    let told: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(told["roles"][0]["space"], json!({ "families": 300, "whole": false, "seed": 7 }));
    assert_eq!(told["roles"][0]["lighter"], json!([]));
}

#[test]
fn rules_that_never_fire_or_always_lose_are_found() {
    let told = coverage(&["four-months", "--role", "parent", "--samples", "200"], Some("never-met-in-a-large-space"), 65);
    let never = told["segments"].as_array().unwrap().iter().filter(|it| it["neverMet"] == true);
    assert_eq!(never.map(|it| it["id"].as_str().unwrap()).collect::<Vec<_>>(), ["parent.segment.supported"]);

    let told = coverage(&["four-months", "--role", "child"], Some("always-loses"), 65);
    let loses: Vec<_> = told["segments"].as_array().unwrap().iter().filter(|it| it["alwaysLoses"] == true).collect();
    let met = sums().filter(|sum| *sum < 5).count() * 2;
    assert_eq!(loses.len(), 1);
    assert_eq!((&loses[0]["id"], &loses[0]["met"]), (&json!("child.segment.supported"), &json!(met)));
    assert_eq!(loses[0]["losesTo"], json!([{ "to": "child.segment.network", "families": met }]));
    assert_eq!(told["overlaps"][0]["families"], met);
}

#[test]
fn families_whom_no_rule_covers_are_found() {
    let told = coverage(&["four-months", "--role", "child"], Some("hole"), 65);
    let uncovered = sums().filter(|sum| *sum == 6).count() * 2;
    let catch_all = told["segments"].as_array().unwrap().iter().find(|it| it["id"] == "child.segment.clinical-review").unwrap();
    assert_eq!((&catch_all["uncovered"], &catch_all["decides"]), (&json!(uncovered), &json!(uncovered)));
}

#[test]
fn an_answer_whose_absence_makes_lighter_is_found() {
    let told = coverage(&["four-months", "--role", "child"], Some("lighter"), 65);
    let lighter = told["lighter"].as_array().unwrap();
    let below = sums().filter(|sum| *sum < 7).count() * 2;
    let (from, to): (Vec<_>, Vec<_>) = lighter.iter().map(|it| (it["from"].clone(), it["to"].clone())).unzip();
    assert_eq!((from, to), (vec![json!("network"), json!("cooperation")], vec![json!("supported"), json!("self-managing")]));
    assert!(lighter.iter().all(|it| it["question"]["linkId"] == "assessment.complexity" && it["absence"] == "deleted"), "{lighter:?}");
    assert_eq!(lighter[0]["families"], below);
}

#[test]
fn a_changed_threshold_names_exactly_the_families_that_move() {
    let folder = Folder::new();
    let mut expected = BTreeSet::new();
    for (number, codes) in families().enumerate() {
        let [everyday, eating, sleep, complexity] = codes;
        let own = [("life.everyday", everyday), ("habits.eating", eating), ("habits.sleep", sleep), ("experiences.interaction", 2)];
        let own = own.map(|(link_id, weight)| (link_id, WELL[weight as usize]));
        let name = folder.write(&format!("{number:03}-own.json"), &response("four-months-child", &own, number));
        let section = [("assessment.complexity", COMPLEXITY[complexity as usize])];
        folder.write(&format!("{number:03}-professional.json"), &response("four-months-professional-child", &section, number));
        if everyday + eating + sleep + 2 == 6 && complexity < 2 {
            expected.insert(name);
        }
    }
    let (new, svg) = (changed("threshold"), folder.0.join("flows.svg"));
    let arguments = ["rules", "impact", "shipped", new.path(), "--cases", folder.path(), "--json", "--svg", svg.to_str().unwrap()];
    let told: Value = serde_json::from_str(&run(&arguments, 65)).unwrap();
    assert_eq!(told["looked"], json!({ "cases": 0, "responses": 256, "generated": 0 }));
    assert_eq!(told["refused"], json!([]));
    let moved = told["moved"].as_array().unwrap();
    let named: BTreeSet<String> = moved.iter().map(|it| it["case"].as_str().unwrap().to_owned()).collect();
    assert_eq!(named, expected);
    for one in moved {
        assert_eq!((&one["from"], &one["to"]), (&json!("supported"), &json!("self-managing")));
        let why: Vec<_> = one["why"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert_eq!(why, ["child.segment.supported", "child.segment.self-managing"]);
        assert!(one["why"][0]["inputs"].as_array().unwrap().contains(&json!("experiences.interaction=fairly-well")), "{one}");
    }
    let drawing = fs::read_to_string(svg).unwrap();
    assert!(drawing.contains(&format!("Tuettu → Omatoiminen {}", expected.len())), "{drawing}");
}

#[test]
fn nothing_moves_between_the_same_rules_and_generated_families_are_numbered() {
    let told = run(&["rules", "impact", "shipped", "shipped", "--samples", "20"], 0);
    assert!(told.contains("0 move to another segment, 0 more get other alerts or services"), "{told}");
    let new = changed("threshold");
    let arguments = ["rules", "impact", "shipped", new.path(), "--form", "four-months", "--samples", "200", "--json"];
    let told: Value = serde_json::from_str(&run(&arguments, 65)).unwrap();
    let moved = told["moved"].as_array().unwrap();
    let cases: Vec<_> = moved.iter().map(|it| it["case"].as_str().unwrap()).filter(|it| !it.starts_with("generated")).collect();
    assert_eq!(cases, ["four-months-declined-question-decides", "four-months-turvakielto"]);
    for one in moved.iter().filter(|it| it["case"].as_str().unwrap().starts_with("generated")) {
        let inputs: Vec<_> = one["why"][0]["inputs"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
        let weight = |input: &&&str| WELL.iter().position(|code| input.ends_with(&format!("={code}")));
        assert_eq!(inputs.iter().filter_map(|input| weight(&input)).sum::<usize>(), 6, "{one}");
    }
}

/// The options of the shipped scales, by their weights.
const WELL: [&str; 4] = ["poorly", "with-difficulty", "fairly-well", "well"];
const COMPLEXITY: [&str; 4] = ["none", "slight", "considerable", "extensive"];

/// All weights of three questions and of the complexity.
fn families() -> impl Iterator<Item = [u64; 4]> {
    (0..256).map(|number| [number / 64, number / 16 % 4, number / 4 % 4, number % 4])
}

fn sums_of_three() -> impl Iterator<Item = u64> {
    (0..64).map(|number| number / 16 + number / 4 % 4 + number % 4)
}

/// Of all answers to four questions.
fn sums() -> impl Iterator<Item = u64> {
    sums_of_three().flat_map(|sum| (0..4).map(move |weight| sum + weight))
}

fn coverage(arguments: &[&str], change: Option<&str>, exit: i32) -> Value {
    let folder = change.map(changed);
    let given: Vec<&str> = folder.iter().flat_map(|folder| ["--profiles", folder.path()]).collect();
    let told: Value = serde_json::from_str(&run(&[&["rules", "coverage", "--json"], arguments, &given].concat(), exit)).unwrap();
    told["roles"][0].clone()
}

fn run(arguments: &[&str], exit: i32) -> String {
    let Output { status, stdout, stderr } = neuvola_adapter(arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr).into_owned());
    assert_eq!(status.code(), Some(exit), "{arguments:?}\n{stdout}\n{stderr}");
    stdout
}

/// The words of a table's cells, lines of a cell joined where they stand alone in their column.
fn flat(table: &str) -> String {
    let rows = table.split('├').map(|row| {
        let cells: Vec<Vec<&str>> = row.lines().map(|line| line.split('│').map(str::trim).collect()).collect();
        let width = cells.iter().map(Vec::len).max().unwrap_or_default();
        let column = |at: usize| cells.iter().filter_map(|line| line.get(at)).copied().collect::<Vec<_>>().join(" ");
        (0..width).map(column).collect::<Vec<_>>().join("\n")
    });
    rows.collect::<Vec<_>>().join("\n").split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A change of `fixtures/rules`, made.
fn changed(name: &str) -> Folder {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let change: Value = serde_json::from_slice(&fs::read(root.join(format!("fixtures/rules/{name}.json"))).unwrap()).unwrap();
    let of = change["of"].as_str().unwrap();
    let mut text = fs::read_to_string(root.join("profiles").join(of)).unwrap();
    for pair in change["change"].as_array().unwrap() {
        let [from, to] = [0, 1].map(|at| pair[at].as_str().unwrap());
        assert!(text.contains(from), "{name}: {from}");
        text = text.replace(from, to);
    }
    let folder = Folder::new();
    fs::write(folder.0.join(of), text).unwrap();
    folder
}

/// A response in progress: these questions answered, in their groups.
fn response(questionnaire: &str, answers: &[(&str, &str)], number: usize) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("profiles/Questionnaire-{questionnaire}.json"));
    let form: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    json!({
        "resourceType": "QuestionnaireResponse",
        "status": "in-progress",
        "authored": "2026-11-02T18:20:00+02:00",
        "questionnaire": format!("{}|{}", form["url"].as_str().unwrap(), form["version"].as_str().unwrap()),
        "subject": { "identifier": { "system": "urn:example", "value": number.to_string() } },
        "item": filled(&form["item"], answers),
    })
}

fn filled(items: &Value, answers: &[(&str, &str)]) -> Value {
    let each = items.as_array().into_iter().flatten().filter_map(|item| {
        let inside = filled(&item["item"], answers);
        let code = answers.iter().find(|(link_id, _)| item["linkId"] == *link_id).map(|(_, code)| *code);
        let option = code.map(|code| {
            let coding = item["answerOption"].as_array().unwrap().iter().map(|option| &option["valueCoding"]).find(|it| it["code"] == code);
            json!({ "system": coding.unwrap()["system"], "code": code })
        });
        match option {
            Some(coding) => Some(json!({ "linkId": item["linkId"], "answer": [{ "valueCoding": coding }] })),
            None if inside != json!([]) => Some(json!({ "linkId": item["linkId"], "item": inside })),
            None => None,
        }
    });
    Value::Array(each.collect())
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("neuvola-rules-{}", Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn write(&self, name: &str, content: &Value) -> String {
        let file = self.0.join(name);
        fs::write(&file, content.to_string()).unwrap();
        file.display().to_string()
    }

    /// A folder with the shipped file, changed.
    fn file(&self, name: &str, change: impl Fn(String) -> String) -> Self {
        let folder = Self::new();
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(name);
        fs::write(folder.0.join(name), change(fs::read_to_string(shipped).unwrap())).unwrap();
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
