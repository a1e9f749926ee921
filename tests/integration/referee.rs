//! An independent engine over the same conditions: `fhirpath` from npm (`tests/peers`). Where we say met or not met it agrees;
//! where we say indeterminate it decides without the answer, and `tests/peers/differences.json` lists what it then says.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use neuvola_adapter::fixtures::cases;
use neuvola_adapter::pipeline::{Context, Plans, Prepared, Until, prepare, propose};
use neuvola_adapter::plan::{OWN_RESPONSE, PROFESSIONAL_RESPONSE};
use neuvola_adapter::profiles::{Profiles, split};
use serde_json::{Value, json};

use crate::instruments::{self, Instrument};
use crate::judge::{left_out, root};

#[test]
fn fhirpath_js_agrees_on_what_the_forms_rules_decide() {
    if left_out("fhirpath.js over the forms' cases") {
        return;
    }
    let asked = with_a_deep_stack(from_the_forms);
    let persons = asked.len() / 2;
    assert!(persons > 60, "{persons} persons");
    let (whole, alone): (Vec<Asked>, Vec<Asked>) = asked.into_iter().partition(|asked| !asked.id.ends_with(ALONE));
    let (whole, alone) = (compared(&whole), compared(&alone));
    assert_eq!(whole.contradictions(), Listed::new());
    assert_eq!(alone.contradictions(), Listed::new(), "without the professional's section");
    stated("forms", &json!({ "persons": persons, "conditions": whole.table(), "indeterminate": whole.of("indeterminate") }));
    stated("forms without the professional's section", &json!({ "persons": persons, "conditions": alone.table() }));
}

/// It computes no calculated items: a total that is not stated is nothing to it.
#[test]
fn fhirpath_js_agrees_on_the_complete_responses_of_the_instruments() {
    if left_out("fhirpath.js over the instruments") {
        return;
    }
    let instruments = instruments::all();
    let asked = from_the_instruments(&instruments);
    let compared = compared(&asked);
    let contradictions = compared.contradictions();
    for id in contradictions.keys() {
        let of = asked.iter().find(|asked| asked.id == *id).unwrap();
        let calculates = of.line["questionnaire"].to_string().contains("sdc-questionnaire-calculatedExpression");
        assert!(calculates, "{id}: {:?}", contradictions[id]);
    }
    stated("complete responses of the instruments", &json!({ "conditions": compared.0.len(), "total not stated": contradictions }));
}

#[test]
fn fhirpath_js_agrees_on_the_sixty_conditions_that_are_measured() {
    if left_out("fhirpath.js over sixty conditions") {
        return;
    }
    let folder = root().join("tests/benches/sixty");
    let profiles = Profiles::with_folders(&[folder.join("profiles")]).unwrap();
    let path = |file: &str| folder.join(file).display().to_string();
    let mut asked = Vec::new();
    for (plan, response) in [("sixty", "complete"), ("sixty-direct", "complete"), ("sixty-direct", "with-gaps")] {
        let file = path(&format!("responses/{response}.json"));
        let canonical = format!("https://bench.example/fhir/PlanDefinition/{plan}");
        let document = std::fs::read(&file).unwrap();
        let proposal = propose(&document, None, Some(&canonical), &profiles).unwrap();
        let id = format!("{plan}, {response}");
        let plan = path(&format!("profiles/PlanDefinition-{plan}.json"));
        let line = json!({ "id": id, "plan": plan, "questionnaire": path("profiles/Questionnaire-hundred.json"), "response": file });
        asked.push(Asked { ours: outcomes(&proposal), line, id });
    }
    let (complete, gaps): (Vec<Asked>, Vec<Asked>) = asked.into_iter().partition(|asked| asked.id.ends_with("complete"));
    let (complete, gaps) = (compared(&complete), compared(&gaps));
    assert_eq!((complete.contradictions(), complete.of("indeterminate")), (Listed::new(), Listed::new()));
    assert_eq!(gaps.contradictions(), Listed::new());
    stated("sixty conditions", &json!({ "complete": complete.table() }));
}

/// `expected.json` was reckoned from the publications; this is the second derivation.
#[test]
fn fhirpath_js_says_over_completions_what_the_instruments_expect() {
    if left_out("fhirpath.js over the instruments' completions") {
        return;
    }
    let output = node("instruments.mjs").output().expect(NODE_IS_MISSING);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("2470 outcomes judged over ") && text.contains(" 0 faults"), "{text}");
}

/// A line for the referee, and what we say of it by rule.
struct Asked {
    id: String,
    line: Value,
    ours: BTreeMap<String, &'static str>,
}

/// Every person of every case that leads to a plan: the responses as they are written, and without the professional's.
fn from_the_forms() -> Vec<Asked> {
    let profiles = Profiles::with_folders(&[]).unwrap();
    let mut asked = Vec::new();
    for case in cases().unwrap() {
        let context = Context { profiles: &profiles, caller: "referee", now: jiff::Timestamp::UNIX_EPOCH };
        let Ok(Prepared::Plans(Plans { persons, .. })) = prepare(case.submission, &case.form, Until::Plans, context) else { continue };
        for person in persons {
            let written = |kind: &str| {
                let found = person.resources.iter().find(|planned| planned.kind == kind);
                found.map(|planned| serde_json::from_slice::<Value>(&neuvola_fhir::print(&planned.resource)).unwrap())
            };
            let Some(own) = written(OWN_RESPONSE) else { continue };
            let id = format!("{}/{}", case.name, person.person);
            asked.push(ask(&profiles, format!("{id}{ALONE}"), &own, None));
            asked.push(ask(&profiles, id, &own, written(PROFESSIONAL_RESPONSE).as_ref()));
        }
    }
    asked
}

fn ask(profiles: &Profiles, id: String, own: &Value, professional: Option<&Value>) -> Asked {
    let bytes = professional.map(|response| response.to_string().into_bytes());
    let document = own.to_string();
    let proposal = propose(document.as_bytes(), bytes.as_deref(), None, profiles).unwrap_or_else(|refusal| panic!("{id}: {refusal:?}"));
    let mut line = json!({
        "id": id,
        "plan": shipped(&proposal.rule_set.canonical()),
        "questionnaire": shipped(own["questionnaire"].as_str().unwrap()),
        "response": own,
        "role": proposal.rules.role,
    });
    if let Some(professional) = professional {
        line["professional"] = professional.clone();
        line["professionalQuestionnaire"] = shipped(professional["questionnaire"].as_str().unwrap()).into();
    }
    Asked { ours: outcomes(&proposal), line, id }
}

fn from_the_instruments(instruments: &[Instrument]) -> Vec<Asked> {
    let mut asked = Vec::new();
    for Instrument { name, folder, stated } in instruments {
        let read = |file: &str| -> Value { serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap() };
        let profiles = Profiles::with_folders(&[folder.join("profiles")]).unwrap();
        let files = Profiles::files_of(&folder.join("profiles")).unwrap();
        let terminology = files.iter().map(|file| serde_json::from_slice::<Value>(&file.content).unwrap());
        let support: Vec<Value> =
            terminology.filter(|it| ["CodeSystem", "ValueSet"].iter().any(|kind| it["resourceType"] == *kind)).collect();
        for (file, _) in stated.cases.iter().filter(|(_, case)| case.complete) {
            let response = read(&format!("responses/{file}"));
            let document = response.to_string();
            for (plan, about) in &stated.plans {
                let id = format!("{name}/{file} {plan}");
                let proposal = propose(document.as_bytes(), None, Some(&about.canonical), &profiles);
                let proposal = proposal.unwrap_or_else(|refusal| panic!("{id}: {refusal:?}"));
                let line = json!({
                    "id": id,
                    "plan": read(&format!("profiles/{plan}")),
                    "questionnaire": read("profiles/questionnaire.json"),
                    "support": support,
                    "response": response,
                });
                asked.push(Asked { ours: outcomes(&proposal), line, id });
            }
        }
    }
    asked
}

/// Rules with a condition, by name.
fn outcomes(proposal: &neuvola_adapter::pipeline::Proposal<'_>) -> BTreeMap<String, &'static str> {
    let said = &proposal.segmentation;
    let all = [&said.segments, &said.alerts, &said.services, &said.others].into_iter().flatten();
    all.filter(|reason| reason.rule.expression.is_some()).map(|reason| (reason.rule.id.clone(), reason.outcome.code())).collect()
}

fn shipped(canonical: &str) -> String {
    let (url, _) = split(canonical);
    let mut parts = url.rsplit('/');
    let (id, kind) = (parts.next().unwrap(), parts.next().unwrap());
    root().join(format!("profiles/{kind}-{id}.json")).display().to_string()
}

/// Ours and theirs, by line and rule.
struct Compared(Vec<(String, String, &'static str, String)>);

/// Line to rule to what fhirpath.js says.
type Listed = BTreeMap<String, BTreeMap<String, String>>;

impl Compared {
    /// How often which two outcomes meet.
    fn table(&self) -> BTreeMap<String, usize> {
        let mut table = BTreeMap::new();
        for (_, _, ours, theirs) in &self.0 {
            *table.entry(format!("ours {ours}, fhirpath.js {theirs}")).or_default() += 1;
        }
        table
    }

    fn of(&self, outcome: &str) -> Listed {
        self.listed(|ours, _| ours == outcome)
    }

    /// We say met, they say not met or error; or the other way round.
    fn contradictions(&self) -> Listed {
        self.listed(|ours, theirs| ours != "indeterminate" && ours != theirs)
    }

    fn listed(&self, wanted: impl Fn(&str, &str) -> bool) -> Listed {
        let mut listed = Listed::new();
        for (id, rule, _, theirs) in self.0.iter().filter(|(_, _, ours, theirs)| wanted(ours, theirs)) {
            listed.entry(id.clone()).or_default().insert(rule.clone(), theirs.clone());
        }
        listed
    }
}

fn compared(asked: &[Asked]) -> Compared {
    let lines: String = asked.iter().map(|asked| format!("{}\n", asked.line)).collect();
    let mut child = node("referee.mjs").stdin(Stdio::piped()).spawn().expect(NODE_IS_MISSING);
    let mut into = child.stdin.take().unwrap();
    let writing = std::thread::spawn(move || into.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "is `tests/peers` installed (`npm ci` there)? {}", String::from_utf8_lossy(&output.stderr));
    writing.join().unwrap().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), asked.len());
    let mut both = Vec::new();
    for (asked, answer) in asked.iter().zip(&answers) {
        assert_eq!(answer["id"], asked.id.as_str());
        let rules = answer["rules"].as_array().unwrap();
        let theirs: BTreeMap<&str, &Value> = rules.iter().map(|rule| (rule["rule"].as_str().unwrap(), &rule["outcome"])).collect();
        for (rule, ours) in &asked.ours {
            let theirs = theirs.get(rule.as_str()).unwrap_or_else(|| panic!("{}: no rule {rule} there", asked.id));
            both.push((asked.id.clone(), rule.clone(), *ours, theirs.as_str().unwrap().to_owned()));
        }
    }
    Compared(both)
}

/// What is stated of it stands in `tests/peers/differences.json`.
/// `NEUVOLA_RENEW=yes cargo test --test integration referee -- --test-threads 1` writes it anew, for a reviewer to read.
fn stated(what: &str, found: &Value) {
    let file = root().join("tests/peers/differences.json");
    let mut all: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    if std::env::var_os("NEUVOLA_RENEW").is_some() {
        all[what] = found.clone();
        std::fs::write(file, format!("{all:#}\n")).unwrap();
    } else {
        assert!(all[what] == *found, "{what}: tests/peers/differences.json says otherwise; found: {found:#}");
    }
}

fn node(script: &str) -> Command {
    let peers: PathBuf = root().join("tests/peers");
    assert!(peers.join("node_modules/fhirpath").is_dir(), "`tests/peers` is not installed: run `npm ci` there, or `tests/run`");
    let mut node = Command::new("node");
    node.arg(peers.join(script)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    node
}

/// fhirbolt recurses deep in dev builds.
fn with_a_deep_stack<T: Send + 'static>(work: fn() -> T) -> T {
    std::thread::Builder::new().stack_size(8 << 20).spawn(work).unwrap().join().unwrap()
}

const ALONE: &str = " (without the professional's section)";
const NODE_IS_MISSING: &str = "Node.js is missing: `tests/run` installs it";
