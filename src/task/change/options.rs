//! What the caller may do next: the answer of `$allowed-transitions`, and the end of every refusal.

use super::{Actor, SIGNAL, amendable, rows};
use crate::issue::{Issue, Severity};
use crate::task::callback::CallbackTask;
use crate::task::status::{Owner, Side, Status};

/// Everything that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub status: Status,
    pub list: Vec<Option>,
    /// Elements that may change while the status stays.
    pub amend: Vec<&'static str>,
    /// A call without an answer may be told.
    pub attempt: bool,
}

/// One change of status, and the elements that it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Option {
    pub to: Status,
    pub side: Side,
    pub what: &'static str,
    pub elements: Vec<Element>,
}

/// An element that changes with the status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// FHIRPath, as in `Task.owner`.
    pub path: &'static str,
    pub required: bool,
    /// What it must become, or may.
    pub value: String,
}

/// What `actor` may do with a Task as it is.
pub fn options(actor: &Actor<'_>, task: &CallbackTask) -> Options {
    let (status, owner) = (task.index.status, task.index.owner.as_str());
    let sides = actor.sides(owner, &task.index.requester);
    let mut list: Vec<Option> = Vec::new();
    for row in rows(actor, status, owner, &sides) {
        let mut elements = vec![element("Task.status", true, row.to.code())];
        match row.owner {
            Owner::Claimed if owner.starts_with("HealthcareService/") => {
                let own = actor.claimants(owner);
                if own.is_empty() {
                    continue;
                }
                elements.push(element("Task.owner", true, &own.join(" or ")));
            }
            Owner::Another => elements.push(element("Task.owner", true, "another Organization or HealthcareService that is known here")),
            Owner::Kept | Owner::Claimed => {}
        }
        if row.reason {
            elements.push(element("Task.statusReason", true, "a code of callback-status-reason, or a text; not the same as before"));
        } else if matches!(row.to, Status::Rejected | Status::Failed | Status::Cancelled | Status::OnHold) {
            elements.push(element("Task.statusReason", false, "why"));
        }
        if row.to == Status::Completed {
            elements.push(element("Task.output", false, "how it ended"));
        }
        list.push(Option { to: row.to, side: row.side, what: row.what, elements });
    }
    let mut amend: Vec<&'static str> = Vec::new();
    for side in sides {
        let fixed = |name: &str| name == "for" && task.body.contains_key("for");
        let more = amendable(side, status).iter().filter(|name| !fixed(name) && !amend.contains(name)).copied().collect::<Vec<_>>();
        amend.extend(more);
    }
    let attempt = amend.contains(&"businessStatus");
    Options { status, list, amend, attempt }
}

fn element(path: &'static str, required: bool, value: &str) -> Element {
    Element { path, required, value: value.to_owned() }
}

impl Options {
    /// One issue an option, to stand behind what was refused.
    pub fn issues(&self) -> Vec<Issue> {
        let information = |place: &str, message: String, remedy: String| Issue {
            severity: Severity::Information,
            remedy,
            ..Issue::error("informational", "allowed", place, message)
        };
        let mut issues: Vec<Issue> = self
            .list
            .iter()
            .map(|option| {
                let needs = option.elements.iter().map(|element| {
                    let modal = if element.required { "becomes" } else { "may say" };
                    format!("`{}` {modal} {}", element.path, element.value)
                });
                let message = format!("allowed: `{}` to `{}` ({})", self.status, option.to, option.what);
                information("Task.status", message, needs.collect::<Vec<_>>().join("; "))
            })
            .collect();
        if !self.amend.is_empty() {
            issues.push(information(
                "Task",
                format!("allowed: `{}` stays", self.status),
                format!("these may change: {}", self.amend.join(", ")),
            ));
        }
        if self.attempt {
            issues.push(information("Task.businessStatus", "allowed: an attempt without an answer".to_owned(), SIGNAL.to_owned()));
        }
        if issues.is_empty() {
            issues.push(information(
                "Task.status",
                format!("nothing is allowed: `{}` is the end, or it is for others", self.status),
                String::new(),
            ));
        }
        issues
    }
}
