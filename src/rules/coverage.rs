//! What the rules of one role do over the whole space of answers that they read: what never fires or always loses, what nobody
//! reads, who goes where, and which single answer decides it.

mod alone;
mod segments;
mod unread;

use rust_decimal::Decimal;

use super::Named;
use super::judge::{Judge, thresholds};
use super::space::{Absence, Pages, Space};
use crate::segment::rule::{RoleRules, Rule, RuleSet};

pub use unread::{Alike, Unread};

/// How far to look.
#[derive(Debug, Clone, Copy)]
pub struct Extent {
    /// A space of at most so many families is looked through as a whole.
    pub most: u64,
    /// Of a larger one so many families.
    pub samples: u64,
    pub seed: u64,
}

/// What was looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// Every family. `is_all`: the answers are all that there are, not a few that stand for many (numbers without bounds, texts).
    Whole {
        families: u64,
        is_all: bool,
    },
    Sample {
        families: u64,
        seed: u64,
    },
}

impl Looked {
    pub const fn families(self) -> u64 {
        match self {
            Self::Whole { families, .. } | Self::Sample { families, .. } => families,
        }
    }

    /// What was not seen is not there.
    pub const fn is_proof(self) -> bool {
        matches!(self, Self::Whole { is_all: true, .. })
    }
}

/// What became of one role.
#[derive(Debug)]
pub struct Coverage<'r> {
    pub role: &'r str,
    pub looked: Looked,
    /// Of the segments' rules: what they read.
    pub questions: Vec<Named>,
    pub segments: Vec<Share<'r>>,
    /// Pairs of segment rules that were met together, and how often.
    pub overlaps: Vec<(&'r Rule, &'r Rule, u64)>,
    pub tips: Vec<Tip<'r>>,
    /// Families that one answer less moves to a lighter segment.
    pub lighter: Vec<Lighter<'r>>,
    /// Families of which one answer less was looked at.
    pub absences: u64,
    pub alone: Vec<Alone<'r>>,
    pub unread: Vec<Unread<'r>>,
    pub alike: Vec<Alike<'r>>,
}

/// One segment's rule.
#[derive(Debug)]
pub struct Share<'r> {
    pub rule: &'r Rule,
    pub met: u64,
    /// It could not be told, though nothing was missing.
    pub open: u64,
    pub proposed: u64,
    /// Of the catch-all: those who answered everything and whom no condition covers.
    pub uncovered: u64,
    /// Where it is met and does not decide: the earlier rules that did, with how often.
    pub loses_to: Vec<(&'r Rule, u64)>,
}

/// A rule that is looked at by itself.
#[derive(Debug)]
pub struct Alone<'r> {
    pub rule: &'r Rule,
    pub kind: Kind,
    pub looked: Looked,
    pub met: u64,
    pub open: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Alert,
    Service,
    /// An action of a plan that does not speak of segments.
    Other,
}

/// One answer changed, and the segment with it.
#[derive(Debug)]
pub struct Tip<'r> {
    pub question: Named,
    pub from: &'r Rule,
    pub to: &'r Rule,
    /// Of families and other answers to the question, so many.
    pub count: u64,
}

/// One answer less, and a lighter segment.
#[derive(Debug)]
pub struct Lighter<'r> {
    pub question: Named,
    pub absence: Absence,
    pub from: &'r Rule,
    pub to: &'r Rule,
    pub count: u64,
    /// One such family: question and answer.
    pub example: Vec<(Named, String)>,
}

impl Share<'_> {
    /// The catch-all has no condition, and need not be reached.
    pub fn never_fires(&self) -> bool {
        self.rule.expression.is_some() && self.met == 0 && self.open == 0
    }

    pub const fn always_loses(&self) -> bool {
        self.met > 0 && self.proposed == 0
    }
}

impl Alone<'_> {
    pub const fn never_fires(&self) -> bool {
        self.met == 0 && self.open == 0
    }
}

impl Kind {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Service => "service",
            Self::Other => "rule",
        }
    }
}

impl Coverage<'_> {
    pub fn wants_attention(&self) -> bool {
        self.segments
            .iter()
            .any(|share| share.never_fires() || share.uncovered > 0 || (share.rule.expression.is_some() && share.always_loses()))
            || self.alone.iter().any(Alone::never_fires)
            || !self.lighter.is_empty()
    }
}

/// What every look begins with.
struct Ground<'r> {
    judge: Judge<'r>,
    pages: Pages<'r>,
    /// Each rule with what it reads.
    everything: Vec<(&'r Rule, Vec<Named>)>,
    thresholds: Vec<Decimal>,
    extent: Extent,
}

impl<'r> Ground<'r> {
    fn is_segment(&self, rule: &Rule) -> bool {
        self.judge.rules.segments.iter().any(|segment| segment.id == rule.id)
    }

    /// The space of what is read, noted as read.
    fn space(&self, reads: &[Named], apart: &mut unread::Apart) -> Space<'r> {
        let space = Space::of(&[self.pages], reads, &self.thresholds);
        apart.read(&space);
        space
    }

    /// The whole of a space of so many families; a sample where they are not counted.
    fn looked(&self, space: &Space<'_>, families: Option<u64>) -> Looked {
        match families {
            Some(families) => Looked::Whole { families, is_all: space.is_all() },
            None => Looked::Sample { families: self.extent.samples, seed: self.extent.seed },
        }
    }
}

/// Looks through the space of one role. `tick` is told of each family that is asked about.
pub fn coverage<'r>(rule_set: &'r RuleSet, rules: &'r RoleRules, extent: Extent, tick: &mut dyn FnMut()) -> Coverage<'r> {
    let judge = Judge { rule_set, rules };
    let everything = judge.everything();
    let thresholds = thresholds(everything.iter().filter_map(|(rule, _)| rule.expression.as_deref()));
    let pages = Pages { own: &rules.questionnaire, professional: rules.professional.as_deref() };
    let ground = Ground { judge, pages, everything, thresholds, extent };
    let mut apart = unread::Apart::default();
    let segments = segments::look(&ground, &mut apart, tick);
    let alone = alone::look(&ground, &mut apart, tick);
    let unread = unread::questions(rules, &apart);
    let alike = unread::options(rules, &apart);
    Coverage { role: &rules.role, alone, unread, alike, ..segments }
}
