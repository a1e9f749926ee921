//! What is said of one answer.

use crate::issue::{Issue, Issues};

/// The question's name and the answer's place, for whatever is to be said of it.
pub(super) struct Tell<'a> {
    pub link_id: &'a str,
    /// Printed only for a fault.
    pub place: &'a dyn Fn() -> String,
    pub issues: &'a mut Issues,
}

impl Tell<'_> {
    /// The answer is not taken.
    pub(super) fn refuse(&mut self, code: &'static str, fault: &'static str, text: impl std::fmt::Display) {
        let issue = Issue::error(code, fault, (self.place)(), format!("`{}` {text}", self.link_id));
        self.issues.push(issue.about(self.link_id));
    }

    /// It is taken, and something odd about it.
    pub(super) fn warn(&mut self, code: &'static str, fault: &'static str, text: impl std::fmt::Display) {
        let issue = Issue::warning(code, fault, (self.place)(), format!("`{}` {text}", self.link_id));
        self.issues.push(issue.about(self.link_id));
    }

    /// Whether it is right cannot be told here.
    pub(super) fn not_checked(&mut self, what: impl std::fmt::Display, why: &str) {
        let message = format!("{what} of `{}` was not checked: {why}", self.link_id);
        self.issues.push(Issue::warning("not-supported", "not-checked", (self.place)(), message).about(self.link_id));
    }
}
