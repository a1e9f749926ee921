//! What is wrong with what somebody sent: one [`Issue`] a fault, each with its place, and all of them at once.
//!
//! An issue is the domain's side of `OperationOutcome.issue` (R4, <https://hl7.org/fhir/R4/operationoutcome.html>);
//! `http::error` prints it as FHIR. No message repeats a client's value.

pub mod told;
pub mod words;

use neuvola_fhir::{Fault, LineColumn};
use told::Told;

/// How bad it is (`issue-severity`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Information,
    Warning,
    Error,
}

impl Severity {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Issue {
    pub severity: Severity,
    /// R4's `issue-type`.
    pub code: &'static str,
    /// Our own stable code, documented in the README's table.
    pub fault: &'static str,
    /// FHIRPath into a resource, or a path into our own JSON. Empty for the whole.
    pub place: String,
    /// Line and column, where the text itself is at fault.
    pub position: Option<LineColumn>,
    /// What is wrong: lower case, no final period, never a client's value.
    pub message: String,
    /// What would make it right.
    pub remedy: String,
    /// The question it is about, if it is about one.
    pub link_id: Option<String>,
    /// The same as data, where other languages say it as closely.
    pub told: Option<Box<Told>>,
}

impl Issue {
    pub fn error(code: &'static str, fault: &'static str, place: impl ToString, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            fault,
            place: place.to_string(),
            position: None,
            message: message.into(),
            remedy: String::new(),
            link_id: None,
            told: None,
        }
    }

    /// A fault of a response, which every language tells. Empty for what is about no question.
    pub fn of(told: impl Into<Box<Told>>, link_id: &str, place: impl ToString) -> Self {
        let told = told.into();
        let (code, fault) = told.codes();
        let said = words::in_english(&told, link_id);
        let issue = Self::error(code, fault, place, said.what).remedy(said.remedy);
        let issue = if link_id.is_empty() { issue } else { issue.about(link_id) };
        Self { told: Some(told), ..issue }
    }

    #[must_use]
    pub fn as_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    pub fn warning(code: &'static str, fault: &'static str, place: impl ToString, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, fault, place, message) }
    }

    pub fn information(code: &'static str, fault: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Information, ..Self::error(code, fault, "", message) }
    }

    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    #[must_use]
    pub fn about(mut self, link_id: &str) -> Self {
        self.link_id = Some(link_id.to_owned());
        self
    }
}

impl From<Fault> for Issue {
    fn from(fault: Fault) -> Self {
        Self { position: Some(fault.position), ..Self::of(Told::Unreadable(fault.kind), "", &fault.place) }
    }
}

/// Faults as they are found, capped: the list says how many more there were. An error is listed before any warning is.
#[derive(Clone, Debug, Default)]
pub struct Issues {
    list: Vec<Issue>,
    more: usize,
    has_errors: bool,
}

impl Issues {
    pub fn push(&mut self, issue: Issue) {
        if issue.severity != Severity::Error && self.list.iter_mut().any(|listed| listed.absorb(&issue)) {
            return;
        }
        let is_error = issue.severity == Severity::Error;
        self.has_errors |= is_error;
        if self.list.len() < MOST {
            return self.list.push(issue);
        }
        self.more += 1;
        if is_error && let Some(at) = self.list.iter().rposition(|listed| listed.severity != Severity::Error) {
            self.list.remove(at);
            self.list.push(issue);
        }
    }

    pub fn extend(&mut self, issues: impl IntoIterator<Item = Issue>) {
        issues.into_iter().for_each(|issue| self.push(issue));
    }

    /// What was told of several places says so.
    fn retell(&mut self) {
        for issue in &mut self.list {
            if let Some(told @ Told::NotChecked { more: 1.., .. }) = issue.told.as_deref() {
                issue.message = words::in_english(told, issue.link_id.as_deref().unwrap_or_default()).what;
            }
        }
    }

    pub const fn has_errors(&self) -> bool {
        self.has_errors
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The list, its last entry telling of what did not fit: an error only where there is one.
    pub fn into_list(mut self) -> Vec<Issue> {
        self.retell();
        if self.more > 0 {
            let make = if self.has_errors { Issue::error } else { Issue::warning };
            let issue = make("too-long", "more-faults", "", format!("{} more faults are not listed", self.more));
            self.list.push(issue.remedy("mend those that are listed, and validate again"));
        }
        self.list
    }
}

/// Faults listed in one answer.
const MOST: usize = 100;

#[cfg(test)]
mod tests {
    use super::told::{Unchecked, Why};
    use super::*;

    #[test]
    fn many_warnings_are_no_error_and_hide_none() {
        let mut issues = Issues::default();
        (0..=MOST).for_each(|_| issues.push(Issue::warning("value", "odd", "", "odd")));
        assert!(!issues.has_errors() && issues.clone().into_list().iter().all(|issue| issue.severity == Severity::Warning));
        issues.push(Issue::error("value", "wrong", "", "wrong"));
        assert!(issues.has_errors() && issues.into_list().iter().any(|issue| issue.fault == "wrong"));
    }

    #[test]
    fn one_cause_is_told_once_with_how_many_places_more_and_a_person_s_fault_at_each() {
        let mut issues = Issues::default();
        let value_set = |set: &str, place: usize| {
            Issue::not_checked(Unchecked::ValueSet, Why::ValueSet(set.to_owned()), &format!("q{place}"), format!("item[{place}]"))
        };
        (0..500).for_each(|place| issues.push(value_set("http://example.org/a", place)));
        issues.push(value_set("http://example.org/b", 0));
        (0..3).for_each(|place| issues.push(Issue::of(Told::LineBreak, "a", format!("item[{place}]"))));
        let list = issues.into_list();
        assert_eq!(list.len(), 5);
        assert!(list[0].message.ends_with("at 499 more places") && list[0].place == "item[0]", "{:?}", list[0]);
        assert!(!list[1].message.contains("more places"), "{:?}", list[1]);
    }
}
