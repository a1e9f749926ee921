//! Scored instruments, in the dialects that public resources are written in (`fixtures/instruments`): the real binary previews
//! every response under every plan, and every rule must come out as the publication's arithmetic says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::binary::{at_once, neuvola_adapter};

#[test]
fn every_instrument_comes_out_as_published() {
    let sizes = as_published(all());
    assert_eq!(sizes, Sizes { folders: 14, plans: 34, responses: 198, outcomes: 2470 }, "instruments came or went: say how many there are");
}

/// Written by somebody else, when the first were done, who had not seen how rules are evaluated.
#[test]
fn more_instruments_come_out_as_published() {
    let sizes = as_published(folders("fixtures/more-instruments"));
    assert_eq!(sizes, Sizes { folders: 9, plans: 30, responses: 45, outcomes: 640 }, "instruments came or went: say how many there are");
}

fn as_published(instruments: Vec<Instrument>) -> Sizes {
    let mut faults = Vec::new();
    let mut sizes = Sizes::default();
    for instrument in instruments {
        let answers = previews(&instrument);
        sizes.folders += 1;
        sizes.plans += instrument.stated.plans.len();
        sizes.responses += instrument.stated.cases.len();
        for (file, case) in &instrument.stated.cases {
            for (plan, rules) in &case.plans {
                let place = format!("{}/{file} {plan}", instrument.name);
                let Some(answer) = answers.get(plan).and_then(|of_plan| of_plan.get(file)) else {
                    faults.push(format!("{place}: nothing was answered"));
                    continue;
                };
                sizes.outcomes += rules.len();
                faults.extend(compared(rules, answer).into_iter().map(|fault| format!("{place} {fault}")));
            }
        }
    }
    assert!(faults.is_empty(), "{} of {} outcomes are wrong:\n{}", faults.len(), sizes.outcomes, faults.join("\n"));
    sizes
}

#[test]
fn what_may_be_indeterminate_may_not_be_the_opposite() {
    let expected = |outcome, note: Option<&str>| Expected {
        outcome,
        path: String::new(),
        why: String::new(),
        may_be_indeterminate: note.map(str::to_owned),
    };
    let noted = expected(Outcome::Met, Some("it has no bounds"));
    assert!(noted.takes("met") && noted.takes("indeterminate") && !noted.takes("not-met"));
    let plain = expected(Outcome::NotMet, None);
    assert!(plain.takes("not-met") && !plain.takes("indeterminate") && !plain.takes("met"));
    assert!(!expected(Outcome::Indeterminate, None).takes("met"));
}

/// Only rules that are decided, and the reason says something.
#[test]
fn what_may_be_indeterminate_says_why_and_would_else_be_decided() {
    for instrument in all() {
        for (file, case) in &instrument.stated.cases {
            for (plan, rules) in &case.plans {
                for (rule, expected) in rules {
                    let Some(reason) = &expected.may_be_indeterminate else { continue };
                    let place = format!("{}/{file} {plan} {rule}", instrument.name);
                    assert!(reason.contains(' ') && expected.outcome != Outcome::Indeterminate, "{place}: {reason}");
                    assert!(!case.complete, "{place}: nothing is missing");
                }
            }
        }
    }
}

/// What the rules of one plan should say of a response, and what `preview` says.
fn compared(rules: &BTreeMap<String, Expected>, answer: &Value) -> Vec<String> {
    let Some(said) = answer["rules"].as_array() else { return vec![format!("is refused: {answer}")] };
    let said: BTreeMap<&str, &Value> = said.iter().map(|rule| (rule["id"].as_str().unwrap_or_default(), rule)).collect();
    let mut faults = Vec::new();
    let mut known = BTreeSet::new();
    for (rule, expected) in rules {
        let Some((id, said)) = [rule, &expected.path].into_iter().find_map(|name| said.get_key_value(name.as_str())) else {
            faults.push(format!("{rule}: there is no such rule"));
            continue;
        };
        known.insert(*id);
        let outcome = said["outcome"].as_str().unwrap_or_default();
        if !expected.takes(outcome) {
            faults.push(format!("{rule}: {} is right ({}), it says {outcome}", expected.outcome.code(), expected.why));
        }
        let has_reason = said["why"].is_string() || said["undecided"].as_array().is_some_and(|questions| !questions.is_empty());
        if expected.takes(outcome) && outcome == "indeterminate" && !has_reason {
            faults.push(format!("{rule}: it is indeterminate and does not say what would decide it"));
        }
    }
    faults.extend(said.keys().filter(|id| !known.contains(*id)).map(|id| format!("{id}: nothing is expected of this rule")));
    faults
}

/// By plan and response, all plans of an instrument at once.
fn previews(instrument: &Instrument) -> BTreeMap<String, BTreeMap<String, Value>> {
    let folder = |name: &str| instrument.folder.join(name).display().to_string();
    let files: Vec<String> = instrument.stated.cases.keys().map(|file| format!("{}/{file}", folder("responses"))).collect();
    let commands = instrument.stated.plans.values().map(|plan| {
        let profiles = folder("profiles");
        let arguments = ["preview", "--profiles", profiles.as_str(), "--plan", plan.canonical.as_str()];
        neuvola_adapter(&arguments.into_iter().chain(files.iter().map(String::as_str)).collect::<Vec<_>>())
    });
    let outputs = at_once(commands.collect());
    let of_plan = |output: std::process::Output| -> BTreeMap<String, Value> {
        let text = String::from_utf8(output.stdout).unwrap();
        let answers = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        answers.filter_map(|answer| Some((answer["response"].as_str()?.rsplit('/').next()?.to_owned(), answer))).collect()
    };
    instrument.stated.plans.keys().cloned().zip(outputs.into_iter().map(of_plan)).collect()
}

/// All folders; every plan and response in them is stated, and the other way round.
pub fn all() -> Vec<Instrument> {
    folders("fixtures/instruments")
}

fn folders(of: &str) -> Vec<Instrument> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(of);
    let folders = names(&root).into_iter().filter(|name| root.join(name).is_dir());
    let instruments: Vec<Instrument> = folders
        .map(|name| {
            let folder = root.join(&name);
            let stated: Stated = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
            let plans: BTreeSet<String> = names(&folder.join("profiles")).into_iter().filter(|file| file.starts_with("plan-")).collect();
            assert_eq!(stated.plans.keys().cloned().collect::<BTreeSet<_>>(), plans, "{name}");
            assert_eq!(stated.cases.keys().cloned().collect::<BTreeSet<_>>(), names(&folder.join("responses")), "{name}");
            for (file, case) in &stated.cases {
                assert!(case.plans.keys().eq(stated.plans.keys()), "{name}/{file}: not all plans are stated");
                assert!(case.plans.values().all(|rules| !rules.is_empty()), "{name}/{file}: a plan without rules");
            }
            Instrument { name, folder, stated }
        })
        .collect();
    assert!(!instruments.is_empty(), "there are no instruments");
    instruments
}

fn names(folder: &Path) -> BTreeSet<String> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// One folder.
pub struct Instrument {
    pub name: String,
    pub folder: PathBuf,
    pub stated: Stated,
}

/// `expected.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    #[serde(rename = "instrument")]
    _instrument: String,
    #[serde(rename = "source")]
    _source: String,
    #[serde(rename = "weights")]
    _weights: String,
    #[serde(rename = "note")]
    _note: String,
    pub plans: BTreeMap<String, Plan>,
    pub cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub canonical: String,
    #[serde(rename = "linked")]
    _linked: String,
    #[serde(rename = "about")]
    _about: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    #[serde(rename = "why")]
    _why: String,
    /// Every question that is asked is answered.
    pub complete: bool,
    #[serde(rename = "missing")]
    _missing: Vec<Value>,
    pub plans: BTreeMap<String, BTreeMap<String, Expected>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Expected {
    pub outcome: Outcome,
    /// Where the action stands: the rule's name, if it has no id.
    path: String,
    why: String,
    /// The rule is decided, yet nobody is asked to find that out; and why.
    may_be_indeterminate: Option<String>,
}

impl Expected {
    fn takes(&self, outcome: &str) -> bool {
        outcome == self.outcome.code() || outcome == "indeterminate" && self.may_be_indeterminate.is_some()
    }
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Met,
    NotMet,
    Indeterminate,
}

impl Outcome {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not-met",
            Self::Indeterminate => "indeterminate",
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Sizes {
    folders: usize,
    plans: usize,
    responses: usize,
    outcomes: usize,
}
