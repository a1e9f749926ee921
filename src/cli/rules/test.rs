//! `rules test`: golden cases, each with what the rules propose against what it states, and why.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::cases::Cases;
use super::print::{Lines, table};
use crate::cli::{BAD_DATA, CONFIGURATION, Knowledge, Mistake, NO_INPUT, complain, say};
use crate::rules::golden::{Tested, Why, test};

/// Golden cases: each one's proposal, alerts and services against what it states, with reasons
#[derive(Debug, Args)]
#[command(after_help = "Exit 65 where a case differs. A case is a folder with case.json and form.json, as fixtures/README.md tells.")]
pub(crate) struct Test {
    /// Folders of cases; without one those of fixtures/cases, which the binary carries
    #[arg(value_name = "DIR")]
    cases: Vec<PathBuf>,
    /// Only the cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// One JSON document, for machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    knowledge: Knowledge,
}

impl Test {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(profiles) = self.knowledge.load() else { return Ok(ExitCode::from(CONFIGURATION)) };
        let cases = if self.cases.is_empty() { Cases::shipped()? } else { Cases::read(&self.cases)? };
        let is_meant = |name: &str| self.only.as_deref().is_none_or(|only| name.contains(only));
        let tested: Vec<Tested> = cases.golden.iter().filter(|case| is_meant(&case.name)).map(|case| test(case, &profiles)).collect();
        if tested.is_empty() {
            return Err(Mistake::ending(NO_INPUT, "there is no case: a case is a folder with case.json and form.json"));
        }
        let asked: Vec<&Tested> = tested.iter().filter(|one| !one.is_no_rules_matter).collect();
        let wrong = asked.iter().filter(|one| !one.differences.is_empty()).count();
        if self.json {
            let list: Vec<Value> = tested.iter().map(told).collect();
            say(format_args!("{:#}", json!({ "cases": list, "asStated": asked.len() - wrong, "differ": wrong })));
        } else {
            let heading = [("case", 46), ("person", 14), ("segment", 20), ("", 12)];
            say(table(&heading, asked.iter().flat_map(|one| rows(one)), Lines::Heading));
            asked.iter().filter(|one| !one.differences.is_empty()).for_each(|one| say(differences(one)));
            let others = tested.len() - asked.len();
            say(format_args!(
                "{} cases: {} as stated, {wrong} not; {others} more are refused before any rule is asked",
                asked.len(),
                asked.len() - wrong
            ));
        }
        if wrong > 0 {
            complain(format_args!("cases that differ: {wrong}"));
        }
        Ok(if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::from(BAD_DATA) })
    }
}

fn rows(one: &Tested) -> Vec<Vec<String>> {
    let verdict = |index: usize| match (index, one.differences.len()) {
        (0, 0) => "as stated".to_owned(),
        (0, count) => format!("✗ {count} differ"),
        _ => String::new(),
    };
    if one.persons.is_empty() {
        return vec![vec![one.case.clone(), String::new(), String::new(), verdict(0)]];
    }
    let row = |(index, (person, segment)): (usize, &(String, Option<String>))| {
        let case = if index == 0 { one.case.clone() } else { String::new() };
        vec![case, person.clone(), segment.clone().unwrap_or_else(|| "(open)".to_owned()), verdict(index)]
    };
    one.persons.iter().enumerate().map(row).collect()
}

fn differences(one: &Tested) -> String {
    let mut lines = vec![format!("\n{}: {}", one.case, one.purpose)];
    lines.extend(one.differences.iter().map(|difference| format!("  ✗ {difference}")));
    for why in &one.reasons {
        lines.push(format!("  {} of `{}`: {}, expected {}", why.rule.id, why.person, why.rule.outcome.code(), why.expected));
        lines.push(format!("    says  {}", why.sentence));
        lines.extend(why.expression.iter().map(|expression| format!("    that is  {expression}")));
        lines.push(format!("    read  {}", why.rule.reads.join(", ")));
        lines.extend(why.rule.distance.map(|distance| format!("    from the threshold  {}", distance.normalize())));
        if !why.rule.undecided.is_empty() {
            lines.push(format!("    for lack of  {}", why.rule.undecided.join(", ")));
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

fn told(one: &Tested) -> Value {
    let persons = one.persons.iter().map(|(person, segment)| json!({ "person": person, "segment": segment }));
    let reason = |why: &Why| {
        json!({
            "person": why.person,
            "id": why.rule.id,
            "outcome": why.rule.outcome.code(),
            "expected": why.expected,
            "sentence": why.sentence,
            "expression": why.expression,
            "inputs": why.rule.reads,
            "undecided": why.rule.undecided,
            "distance": why.rule.distance.map(|distance| distance.normalize().to_string()),
        })
    };
    json!({
        "case": one.case,
        "form": one.form,
        "purpose": one.purpose,
        "persons": persons.collect::<Vec<_>>(),
        "refusedBeforeRules": one.is_no_rules_matter,
        "differences": one.differences,
        "reasons": one.reasons.iter().map(reason).collect::<Vec<_>>(),
    })
}
