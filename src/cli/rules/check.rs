//! `rules check`: every defect of the knowledge, with file, element and how to mend it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::{CONFIGURATION, Mistake, NO_INPUT, complain, say};
use crate::profiles::{Defect, File, Profiles};
use crate::segment::condition::reading;
use crate::segment::rule::{RoleRules, RuleSet};

/// Every defect of forms, rules, services and texts: file, element and how to mend it
#[derive(Debug, Args)]
#[command(
    after_help = "Exit 78 where there is a defect. On one in a form or its rules the service refuses to start; others' plans are used as far as they go."
)]
pub(crate) struct Check {
    /// A folder (or file) of knowledge, checked over what is shipped; without one what is shipped is checked
    #[arg(long = "profiles", env = "NEUVOLA_PROFILES", value_name = "DIR", value_delimiter = ':')]
    folders: Vec<PathBuf>,
    /// One JSON document, for machines
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let given = given(&self.folders)?;
        let count = if given.is_empty() { Profiles::shipped_files().len() } else { given.len() };
        let (defects, rule_sets, notes) = match Profiles::over_shipped(given) {
            // what is not written for us is used all the same, with what is wrong told: here it wants attention
            Ok(profiles) => {
                let rule_sets = profiles.rule_sets().iter().map(RuleSet::canonical).collect();
                (profiles.warnings().to_vec(), rule_sets, notes(&profiles))
            }
            Err(defects) => (defects, Vec::new(), Vec::new()),
        };
        if !self.json {
            notes.iter().for_each(|note| say(format_args!("note: {note}")));
        }
        if self.json {
            let list: Vec<Value> = defects.iter().map(told).collect();
            say(format_args!("{:#}", json!({ "files": count, "ruleSets": rule_sets, "defects": list, "notes": notes })));
        } else if defects.is_empty() {
            say(format_args!("{count} files checked: no defect"));
            rule_sets.iter().for_each(|canonical| say(format_args!("  rule set {canonical}")));
        } else {
            defects.iter().for_each(|defect| say(text(defect)));
            complain(format_args!("defects: {}", defects.len()));
        }
        Ok(if defects.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(CONFIGURATION) })
    }
}

/// What is no defect and may be meant otherwise: of the rules that are given.
fn notes(profiles: &Profiles) -> Vec<String> {
    let given = profiles.rule_sets().iter().filter(|rule_set| rule_set.is_given);
    let rules = given.flat_map(|rule_set| &rule_set.roles).flat_map(RoleRules::rules);
    let told = rules.filter_map(|rule| {
        let reading = reading(rule.expression.as_deref()?)?;
        Some(format!(
            "`{}`: `and` binds tighter than `or`, so that the condition means `{reading}`: put parentheses as it is meant",
            rule.id
        ))
    });
    told.collect()
}

/// The files of folders, in their order.
pub(super) fn given(folders: &[PathBuf]) -> anyhow::Result<Vec<File>> {
    let mut files = Vec::new();
    for folder in folders {
        let unreadable = |error: std::io::Error| Mistake::ending(NO_INPUT, format_args!("{} cannot be read: {error}", folder.display()));
        files.extend(Profiles::files_of(folder).map_err(unreadable)?);
    }
    Ok(files)
}

fn text(defect: &Defect) -> String {
    let position = defect.issue.position.map(|it| format!(":{}:{}", it.line, it.column)).unwrap_or_default();
    let issue = &defect.issue;
    format!("{}{position}\n  at    {}\n  what  {}\n  mend  {}", defect.file, issue.place, issue.message, issue.remedy)
}

fn told(defect: &Defect) -> Value {
    let issue = &defect.issue;
    json!({
        "file": defect.file,
        "line": issue.position.map(|it| it.line),
        "column": issue.position.map(|it| it.column),
        "element": issue.place,
        "message": issue.message,
        "remedy": issue.remedy,
    })
}
