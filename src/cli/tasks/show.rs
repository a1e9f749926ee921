//! Callback requests as text, for operators: how they stand, never whom they are about.

use std::fmt::Write as _;

use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::Style;

use crate::task::callback::CallbackTask;
use crate::task::status::{Owner, Side, Status, TRANSITIONS, Transition};
use crate::task::store::Stored;

/// The status machine in Markdown.
pub(super) fn transitions() -> String {
    let mut rows = Builder::new();
    rows.push_record(["from", "by", "to", "owner", "statusReason", "what"]);
    for row in &TRANSITIONS {
        let from = row.from.iter().map(|status| status.code()).collect::<Vec<_>>().join(", ");
        let reason = if row.reason { "required" } else { "" };
        rows.push_record([from.as_str(), row.side.name(), row.to.code(), owner(row.owner), reason, row.what]);
    }
    rows.build().with(Style::markdown()).to_string()
}

/// One row a request.
pub(super) fn table(tasks: &[Stored]) -> String {
    let mut rows = Builder::new();
    rows.push_record(COLUMNS);
    for task in tasks {
        let told = line(task);
        rows.push_record(COLUMNS.map(|column| match &told[column] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        }));
    }
    rows.build().with(Style::modern_rounded()).to_string()
}

/// One line of JSON. What cannot be read of a body is `null`.
pub(super) fn line(task: &Stored) -> Value {
    let index = CallbackTask::stored(&task.body).map(|task| task.index);
    let index = index.as_ref();
    json!({
        "id": task.id.to_string(),
        "version": task.version,
        "lastUpdated": task.last_updated.to_string(),
        "queue": index.map(|index| &index.queue),
        "owner": task.scope.owner,
        "requester": task.scope.requester,
        "status": task.scope.status.code(),
        "priority": index.map(|index| index.priority.code()),
        "due": index.and_then(|index| index.due).map(|due| due.to_string()),
        "attempts": index.map(|index| index.attempts),
    })
}

/// One request, its versions from the newest on, and what may become of it.
pub(super) fn one(task: &Stored, versions: &[Stored]) -> String {
    let mut rows = Builder::new();
    rows.push_record(["version", "at", "status", "owner"]);
    for version in versions {
        let number = version.version.to_string();
        rows.push_record([number.as_str(), &version.last_updated.to_string(), version.scope.status.code(), &version.scope.owner]);
    }
    let mut text = format!("{}\n{}\n", table(std::slice::from_ref(task)), rows.build().with(Style::modern_rounded()));
    for side in [Side::Owner, Side::Requester] {
        let _ = write!(text, "next, by its {}:", side.name());
        let next = options(task.scope.status, side);
        if next.is_empty() {
            text.push_str(" nothing");
        }
        for row in next {
            let _ = write!(text, "\n  {}: {}", row.to.code(), row.what);
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text
}

fn options(from: Status, side: Side) -> Vec<&'static Transition> {
    TRANSITIONS.iter().filter(|row| row.side == side && row.from.contains(&from)).collect()
}

const fn owner(owner: Owner) -> &'static str {
    match owner {
        Owner::Kept => "stays",
        Owner::Claimed => "becomes the caller's organisation",
        Owner::Another => "another",
    }
}

const COLUMNS: [&str; 7] = ["id", "queue", "owner", "status", "priority", "due", "attempts"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transition_is_a_row() {
        let table = transitions();
        assert_eq!(table.lines().count(), TRANSITIONS.len() + 2);
        assert!(table.lines().all(|line| line.starts_with('|') && line.ends_with('|')));
    }

    #[test]
    fn what_is_finished_has_nothing_next_but_to_be_taken_back() {
        let to = |side| options(Status::Completed, side).iter().map(|row| row.to).collect::<Vec<_>>();
        assert_eq!((to(Side::Owner), to(Side::Requester)), (vec![Status::EnteredInError], vec![Status::EnteredInError]));
        assert!(options(Status::EnteredInError, Side::Owner).is_empty());
    }
}
