//! What is said of one answer.

use std::cell::Cell;

use crate::issue::told::{Told, Unchecked, Why};
use crate::issue::{Issue, Issues};

/// The question's name and the answer's place, for whatever is to be said of it.
pub(super) struct Tell<'a> {
    pub link_id: &'a str,
    /// Printed only for a fault.
    pub place: &'a dyn Fn() -> String,
    pub issues: &'a mut Issues,
    /// What patterns may still cost: characters times states.
    pub matching: &'a Cell<u64>,
}

/// What the patterns of one response may cost together.
pub(super) const MATCHING: u64 = 100_000_000;

impl Tell<'_> {
    /// False if that is not left.
    pub(super) fn spend(&self, cost: u64) -> bool {
        let left = self.matching.get();
        self.matching.set(left.saturating_sub(cost));
        cost <= left
    }

    /// The answer is not taken.
    pub(super) fn refuse(&mut self, told: Told) {
        self.issues.push(Issue::of(told, self.link_id, (self.place)()));
    }

    /// It is taken, and something odd about it.
    pub(super) fn warn(&mut self, told: Told) {
        self.issues.push(Issue::of(told, self.link_id, (self.place)()).as_warning());
    }

    /// Whether it is right cannot be told here.
    pub(super) fn not_checked(&mut self, what: Unchecked, why: Why) {
        self.issues.push(Issue::not_checked(what, why, self.link_id, (self.place)()));
    }
}
