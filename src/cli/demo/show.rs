//! What was played, for people and for machines.

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::style::HorizontalLine;
use tabled::settings::{Modify, Style, Theme, Width};

use super::play::{Person, Played};
use crate::cli::complain;

/// On standard error, and only where somebody watches.
pub(super) fn progress(cases: usize, quiet: bool) -> ProgressBar {
    if quiet {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(cases as u64).with_style(style)
}

/// One row a person; one a refusal.
pub(super) fn table(played: &[Played]) -> String {
    let mut rows = Builder::new();
    rows.push_record(["case", "person", "segment", "main reason", "written, or refused and why"]);
    let mut begins = Vec::new();
    for one in played {
        begins.push(rows.count_records() - 1);
        let name = if one.differences.is_empty() { one.case.clone() } else { format!("✗ {}", one.case) };
        let refused = one.refused.as_ref().map(|refused| {
            let issues: Vec<_> = refused.issues.iter().map(|(code, _, message)| format!("{code}: {message}")).collect();
            format!("refused {}\n{}", refused.status, issues.join("\n"))
        });
        if one.persons.is_empty() {
            rows.push_record([name.as_str(), "", "", "", &refused.clone().unwrap_or_default()]);
        }
        for (index, person) in one.persons.iter().enumerate() {
            let outcome = match (&refused, person.written.is_empty()) {
                (Some(refused), _) if index == 0 => refused.clone(),
                (Some(_), _) => String::new(),
                (None, true) => "previewed only".to_owned(),
                (None, false) => written(&person.written),
            };
            rows.push_record([if index == 0 { name.as_str() } else { "" }, &person.key, &segment(person), &why(person), &outcome]);
        }
    }
    let mut table = rows.build();
    // a line between cases, none between the persons of one
    let starts = (0..table.count_rows()).filter(|&row| row < 2 || begins.contains(&(row - 1)));
    let lines = starts.filter(|&row| row > 0).map(|row| (row, HorizontalLine::inherit(Style::modern_rounded())));
    let mut theme = Theme::from_style(Style::modern_rounded());
    theme.remove_horizontal_lines();
    for (row, line) in lines {
        theme.insert_horizontal_line(row, line);
    }
    table.with(theme);
    for (column, width) in [(0, 44), (1, 10), (2, 24), (3, 48), (4, 46)] {
        table.with(Modify::new(Columns::one(column)).with(Width::wrap(width).keep_words(true)));
    }
    table.to_string()
}

pub(super) fn json(one: &Played) -> Value {
    let persons: Vec<_> = one
        .persons
        .iter()
        .map(|person| {
            let reasons: serde_json::Map<_, _> = person.reasons.iter().map(|(rule, outcome)| (rule.clone(), json!(outcome))).collect();
            let alerts: serde_json::Map<_, _> = person.alerts.iter().map(|(alert, outcome)| (alert.clone(), json!(outcome))).collect();
            json!({
                "person": person.key,
                "segment": person.agreed.as_ref().or(person.proposed.as_ref()),
                "proposed": person.proposed,
                "possible": person.possible,
                "reason": person.reason,
                "reasons": reasons,
                "alerts": alerts,
                "written": person.written,
            })
        })
        .collect();
    let refused = one.refused.as_ref().map(|refused| {
        let issues: Vec<_> =
            refused.issues.iter().map(|(code, fault, message)| json!({ "code": code, "fault": fault, "message": message })).collect();
        json!({ "status": refused.status, "issues": issues })
    });
    json!({ "case": one.case, "purpose": one.purpose, "persons": persons, "refused": refused, "differences": one.differences })
}

/// What is not as `case.json` says, on standard error.
pub(super) fn differences(played: &[Played]) {
    for one in played {
        for difference in &one.differences {
            complain(format_args!("{}: {difference}", one.case));
        }
    }
}

pub(super) fn summary(played: &[Played]) -> String {
    let plans: usize = played.iter().flat_map(|one| &one.persons).filter(|person| !person.written.is_empty()).count();
    let refused = played.iter().filter(|one| one.refused.is_some()).count();
    let wrong = played.iter().filter(|one| !one.differences.is_empty()).count();
    format!(
        "{} cases: {plans} plans in the record, {refused} refused; {} as their case.json says, {wrong} not",
        played.len(),
        played.len() - wrong
    )
}

/// `CarePlan/3 · QuestionnaireResponse/1, 2`
fn written(references: &[String]) -> String {
    let mut by_type: Vec<(&str, Vec<&str>)> = Vec::new();
    for (resource_type, id) in references.iter().filter_map(|reference| reference.split_once('/')) {
        match by_type.iter_mut().find(|(known, _)| *known == resource_type) {
            Some((_, ids)) => ids.push(id),
            None => by_type.push((resource_type, vec![id])),
        }
    }
    by_type.iter().map(|(resource_type, ids)| format!("{resource_type}/{}", ids.join(", "))).collect::<Vec<_>>().join("\n")
}

fn segment(person: &Person) -> String {
    match (&person.proposed, &person.agreed) {
        (None, _) => format!("possible:\n{}", person.possible.join("\n")),
        (Some(proposed), Some(agreed)) if proposed != agreed => format!("{agreed}\n(proposed {proposed})"),
        (Some(proposed), _) => proposed.clone(),
    }
}

fn why(person: &Person) -> String {
    let alerts: Vec<_> = person
        .alerts
        .iter()
        .map(|(alert, outcome)| if outcome == "met" { alert.clone() } else { format!("{alert} ({outcome})") })
        .collect();
    if alerts.is_empty() { person.reason.clone() } else { format!("{}\nalerts: {}", person.reason, alerts.join(", ")) }
}
