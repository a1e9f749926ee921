//! What is sure to go wrong in rules' expressions, told when they are checked (`fixtures/rules/expressions.json`, `slips.json`), and
//! what indeterminate ones say of themselves. The real binary, once for all of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::binary::neuvola_adapter;

#[test]
fn what_is_sure_to_go_wrong_is_told_with_its_element_and_how_to_mend_it_and_nothing_else_is() {
    let fixture = fixture("expressions");
    let wrong = fixture["wrong"].as_array().unwrap();
    let fine = fixture["fine"].as_array().unwrap();
    let expressions: Vec<&str> =
        wrong.iter().map(|it| it["expression"].as_str().unwrap()).chain(fine.iter().map(|it| it.as_str().unwrap())).collect();
    let folder = Folder::new();
    folder.write("Questionnaire-all-types.json", &fixture["questionnaire"]);
    folder.write("PlanDefinition-expressions.json", &plan(&fixture, &expressions));
    let defects = check(&folder);
    let of = |at: usize| {
        let here = format!("PlanDefinition.action[{at}].condition[0]");
        defects.iter().filter(move |it| it["element"] == here.as_str()).collect::<Vec<_>>()
    };
    let mut missed = Vec::new();
    for (at, one) in wrong.iter().enumerate() {
        let part = |name: &str| one[name].as_str().unwrap();
        let told = |it: &&Value| {
            it["message"].as_str().unwrap().contains(part("what"))
                && it["remedy"].as_str().unwrap().contains(part("mend"))
                && it["line"].is_u64()
        };
        if !(of(at).len() == 1 && of(at).iter().all(told)) {
            missed.push(format!("{one:#}\n{:#?}", of(at)));
        }
    }
    let refused: Vec<String> =
        (wrong.len()..expressions.len()).filter(|&at| !of(at).is_empty()).map(|at| format!("{}\n{:#?}", expressions[at], of(at))).collect();
    assert!(missed.is_empty() && refused.is_empty(), "not told:\n{}\ntold without reason:\n{}", missed.join("\n"), refused.join("\n"));
    assert_eq!(defects.len(), wrong.len(), "{defects:#?}");
}

#[test]
fn a_rule_that_says_nothing_says_why() {
    let fixture = fixture("expressions");
    let wrong: Vec<&str> = fixture["wrong"].as_array().unwrap().iter().map(|it| it["expression"].as_str().unwrap()).collect();
    let folder = Folder::new();
    folder.write("Questionnaire-all-types.json", &fixture["questionnaire"]);
    folder.write("PlanDefinition-expressions.json", &plan(&fixture, &wrong));
    let coding = |code: &str| json!([{ "valueCoding": { "system": "https://rules.example/fhir/CodeSystem/scale", "code": code } }]);
    let response = folder.write(
        "response.json",
        &json!({
            "resourceType": "QuestionnaireResponse",
            "status": "completed",
            "authored": "2026-11-02T18:20:00+02:00",
            "questionnaire": "https://rules.example/fhir/Questionnaire/all-types|1.0.0",
            "item": [
                { "linkId": "yes", "answer": [{ "valueBoolean": true }] },
                { "linkId": "count", "answer": [{ "valueInteger": 3 }] },
                { "linkId": "weight", "answer": [{ "valueQuantity": { "value": 82, "system": "http://unitsofmeasure.org", "code": "kg", "unit": "kg" } }] },
                { "linkId": "scale", "answer": coding("low") },
                { "linkId": "points", "answer": [{ "valueInteger": 3 }] },
                { "linkId": "parent", "answer": coding("red") },
            ],
        }),
    );
    let profiles = [folder.path(), "/Questionnaire-all-types.json"].concat();
    let plans = [folder.path(), "/PlanDefinition-expressions.json"].concat();
    let told = run(&["preview", "--profiles", &profiles, "--profiles", &plans, &response], 0);
    let told: Value = serde_json::from_str(&told).unwrap();
    let rules = told["rules"].as_array().unwrap();
    assert_eq!(rules.len(), wrong.len());
    let silent: Vec<_> =
        rules.iter().filter(|rule| rule["outcome"] == "indeterminate" && rule["undecided"] == json!([]) && rule["why"].is_null()).collect();
    assert!(silent.is_empty(), "{silent:#?}");
    let why = |expression: &str| {
        let rule = rules.iter().find(|rule| rule["expression"] == expression).unwrap();
        assert_eq!(rule["outcome"], "indeterminate", "{rule}");
        rule["why"].as_str().unwrap_or_default().to_owned()
    };
    let of = |link_id: &str| format!("%resource.item.where(linkId = '{link_id}').answer.value");
    assert!(why(&of("count")).ends_with("comes to a number, not to true or false"), "{}", why(&of("count")));
    assert!(why(&of("scale")).ends_with("comes to a Coding, not to true or false"), "{}", why(&of("scale")));
    assert_eq!(why(&format!("{}.ordinal() >= 1", of("plain"))), "no option of `plain` carries a weight");
}

#[test]
fn a_slip_of_the_hand_is_told_with_its_line_and_a_remedy() {
    let fixture = fixture("slips");
    let of = fixture["of"].as_str().unwrap();
    let shipped = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(of)).unwrap();
    let mut missed = Vec::new();
    for slip in fixture["slips"].as_array().unwrap() {
        let [from, to] = [0, 1].map(|at| slip["change"][at].as_str().unwrap());
        assert!(shipped.contains(from), "{slip}");
        let changed = shipped.replacen(from, to, 1);
        let folder = Folder::new();
        fs::write(folder.0.join(of), &changed).unwrap();
        let defects = check(&folder);
        let is_told = |it: &&Value| {
            let said = |name: &str, part: &str| it[name].as_str().unwrap().contains(slip[part].as_str().unwrap());
            let line = it["line"].as_u64().unwrap_or_default() as usize;
            let near = changed.lines().skip(line.saturating_sub(1)).take(12).any(|line| line.contains(to));
            said("message", "what") && said("remedy", "mend") && near && it["file"].as_str().unwrap().ends_with(of)
        };
        if !defects.iter().any(|it| is_told(&it)) {
            missed.push(format!("{slip:#}\n{defects:#?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn how_and_beside_or_is_read_is_noted_and_is_no_defect() {
    let of = "PlanDefinition-four-months.json";
    let shipped = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles").join(of)).unwrap();
    let folder = Folder::new();
    let changed = shipped.replacen("%resources < 7 and %complexity < 2", "%complexity = 1 or %resources < 7 and %complexity < 2", 1);
    fs::write(folder.0.join(of), changed).unwrap();
    let told: Value = serde_json::from_str(&run(&["rules", "check", "--json", "--profiles", folder.path()], 0)).unwrap();
    let notes = told["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "{told}");
    assert!(notes[0].as_str().unwrap().contains("means `(%complexity = 1) or ((%resources < 7) and (%complexity < 2))`"), "{told}");
    let told: Value = serde_json::from_str(&run(&["rules", "check", "--json"], 0)).unwrap();
    assert_eq!(told["notes"], json!([]), "{told}");
}

#[test]
fn a_syntax_error_in_somebody_elses_plan_names_its_element_and_what_the_parser_says() {
    let fixture = fixture("expressions");
    let folder = Folder::new();
    folder.write("Questionnaire-all-types.json", &fixture["questionnaire"]);
    let mut plan = plan(&fixture, &["item.where(linkId = 'count'", "item.answer.value >", "%broken > 1"]);
    let broken = json!({ "name": "broken", "language": "text/fhirpath", "expression": "item.where(linkId == 'count')" });
    plan["extension"].as_array_mut().unwrap().push(json!({ "url": VARIABLE, "valueExpression": broken }));
    folder.write("PlanDefinition-expressions.json", &plan);
    let defects = check(&folder);
    let told: Vec<[&str; 2]> = defects.iter().map(|it| ["element", "message"].map(|name| it[name].as_str().unwrap())).collect();
    let is_told = |element: &str, message: &str| told.iter().any(|[place, said]| *place == element && said.contains(message));
    assert!(is_told("PlanDefinition.action[0].condition[0]", "does not compile: `(` is not closed, at character 11"), "{told:#?}");
    assert!(is_told("PlanDefinition.action[1].condition[0]", "does not compile: "), "{told:#?}");
    assert!(is_told("PlanDefinition.extension[1]", "the variable `%broken` does not compile: `=` is doubled"), "{told:#?}");
    assert_eq!(told.len(), 3, "{told:#?}");
}

#[test]
fn without_a_name_only_the_rule_sets_that_are_given_are_looked_at() {
    let fixture = fixture("expressions");
    let folder = Folder::new();
    folder.write("Questionnaire-all-types.json", &fixture["questionnaire"]);
    folder.write("PlanDefinition-expressions.json", &plan(&fixture, &["item.where(linkId = 'count').answer.value > 3"]));
    let told: Value = serde_json::from_str(&run(&["rules", "coverage", "--json", "--profiles", folder.path()], 0)).unwrap();
    assert_eq!(told["roles"].as_array().unwrap().len(), 1, "{told}");
    let told: Value = serde_json::from_str(&run(&["rules", "show", "--json", "--profiles", folder.path()], 0)).unwrap();
    assert_eq!(told["ruleSets"].as_array().unwrap().len(), 1, "{told}");
    let told: Value = serde_json::from_str(&run(&["rules", "impact", "shipped", folder.path(), "--samples", "10", "--json"], 0)).unwrap();
    assert_eq!(told["looked"]["generated"], 0, "{told}");
    // the shipped ones are there by their names
    run(&["rules", "show", "four-months", "--profiles", folder.path()], 0);
}

/// A plan with a rule for each expression.
fn plan(fixture: &Value, expressions: &[&str]) -> Value {
    let action = |(at, expression): (usize, &&str)| {
        json!({
            "id": format!("rule-{at}"),
            "description": format!("rule {at}"),
            "condition": [{ "kind": "applicability", "expression": { "language": "text/fhirpath", "expression": expression } }],
        })
    };
    let variable = |(name, expression): (&String, &Value)| json!({ "url": VARIABLE, "valueExpression": { "name": name, "language": "text/fhirpath", "expression": expression } });
    json!({
        "resourceType": "PlanDefinition",
        "id": "expressions",
        "url": "https://rules.example/fhir/PlanDefinition/expressions",
        "version": "1.0.0",
        "status": "active",
        "extension": fixture["variables"].as_object().unwrap().iter().map(variable).collect::<Vec<_>>(),
        "relatedArtifact": [{ "type": "depends-on", "resource": "https://rules.example/fhir/Questionnaire/all-types|1.0.0" }],
        "action": expressions.iter().enumerate().map(action).collect::<Vec<_>>(),
    })
}

fn check(folder: &Folder) -> Vec<Value> {
    let told: Value = serde_json::from_str(&run(&["rules", "check", "--json", "--profiles", folder.path()], 78)).unwrap();
    told["defects"].as_array().unwrap().clone()
}

fn run(arguments: &[&str], exit: i32) -> String {
    let Output { status, stdout, stderr } = neuvola_adapter(arguments).output().unwrap();
    let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr).into_owned());
    assert_eq!(status.code(), Some(exit), "{arguments:?}\n{stdout}\n{stderr}");
    stdout
}

fn fixture(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/rules/{name}.json"));
    serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
}

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("neuvola-expressions-{}", Uuid::new_v4()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn write(&self, name: &str, content: &Value) -> String {
        let file = self.0.join(name);
        fs::write(&file, format!("{content:#}")).unwrap();
        file.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const VARIABLE: &str = "http://hl7.org/fhir/StructureDefinition/variable";
