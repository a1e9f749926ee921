//! How the tools ask the rules: the one place that speaks to [`crate::segment`].

use std::sync::Arc;

use super::Named;
use crate::form::answers::Answers;
use crate::segment::condition::{Input, Source};
use crate::segment::rule::{RoleRules, Rule, RuleSet};
use crate::segment::{Outcome, Segmentation, segment};

/// The rules of one role, to be asked many times.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'r> {
    pub rule_set: &'r RuleSet,
    pub rules: &'r RoleRules,
}

impl<'r> Judge<'r> {
    /// What the rule reads.
    pub fn reads(self, rule: &Rule) -> Vec<Named> {
        let name = |input: &Input| {
            let (professional, page) = match input.source {
                Source::Own => (false, &self.rules.questionnaire),
                Source::Professional => (true, self.rules.professional.as_ref()?),
            };
            Some(Named { professional, link_id: page.items().get(input.item)?.link_id.clone() })
        };
        rule.inputs.iter().filter_map(name).collect()
    }

    /// One family.
    pub fn ask(self, (own, professional): &(Answers<'_, '_>, Option<Answers<'_, '_>>)) -> Segmentation<'r> {
        self.segment(own, professional.as_ref())
    }

    pub fn segment(self, own: &Answers<'_, '_>, professional: Option<&Answers<'_, '_>>) -> Segmentation<'r> {
        segment(self.rules, self.rule_set, own, professional)
    }

    /// Every rule with all that it reads: segments, each with its own services behind it, alerts, services, others.
    pub fn everything(self) -> Vec<(&'r Rule, Vec<Named>)> {
        self.rules.rules().map(|rule| (rule, self.reads(rule))).collect()
    }
}

/// Some of a role's rules, to be asked over and over: what is not wanted is not computed.
#[derive(Debug)]
pub struct Part<'r> {
    rule_set: &'r RuleSet,
    rules: RoleRules,
}

/// What the segments' rules say of one family. A rule is its position in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub proposed: Option<usize>,
    /// A bit for each rule that is met.
    pub met: u64,
    /// A bit for each rule that cannot be told.
    pub open: u64,
}

impl<'r> Part<'r> {
    /// The segments, without what is offered with them.
    pub fn segments(judge: Judge<'r>) -> Self {
        let bare = |rule: &Rule| Rule { services: Vec::new(), ..rule.clone() };
        Self::new(judge, judge.rules.segments.iter().map(bare).collect(), Vec::new())
    }

    /// One rule alone.
    pub fn rule(judge: Judge<'r>, rule: &Rule) -> Self {
        Self::new(judge, Vec::new(), vec![rule.clone()])
    }

    fn new(Judge { rule_set, rules }: Judge<'r>, segments: Vec<Rule>, alerts: Vec<Rule>) -> Self {
        let bare = RoleRules::new(&rules.role, Arc::clone(&rules.questionnaire), rules.professional.clone());
        Self { rule_set, rules: RoleRules { segments, alerts, kept: rules.kept.clone(), shared: rules.shared, ..bare } }
    }

    fn ask(&self, (own, professional): &(Answers<'_, '_>, Option<Answers<'_, '_>>)) -> Segmentation<'_> {
        segment(&self.rules, self.rule_set, own, professional.as_ref())
    }

    pub fn verdict(&self, answers: &(Answers<'_, '_>, Option<Answers<'_, '_>>)) -> Verdict {
        let segmentation = self.ask(answers);
        let bits = |wanted: Outcome| {
            let those = segmentation.segments.iter().take(64).enumerate().filter(|(_, reason)| reason.outcome == wanted);
            those.fold(0, |bits, (index, _)| bits | 1 << index)
        };
        let proposed = segmentation.proposed.and_then(|rule| self.rules.segments.iter().position(|it| std::ptr::eq(it, rule)));
        Verdict { proposed, met: bits(Outcome::Met), open: bits(Outcome::Indeterminate) }
    }

    /// How many segments' rules.
    pub fn count(&self) -> usize {
        self.rules.segments.len()
    }

    /// Of one rule alone.
    pub fn outcome(&self, answers: &(Answers<'_, '_>, Option<Answers<'_, '_>>)) -> Outcome {
        self.ask(answers).alerts.first().map_or(Outcome::Indeterminate, |reason| reason.outcome)
    }
}

/// The numbers that stand in the rules' expressions: thresholds, most of them.
pub fn thresholds<'e>(expressions: impl Iterator<Item = &'e str>) -> Vec<rust_decimal::Decimal> {
    let outside_quotes = expressions.flat_map(|expression| expression.split('\'').step_by(2));
    let words = outside_quotes.flat_map(|text| text.split(|letter: char| !letter.is_ascii_digit() && letter != '.'));
    let mut numbers: Vec<rust_decimal::Decimal> = words.filter_map(|word| word.parse().ok()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
