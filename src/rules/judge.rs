//! How the tools ask the rules: the one place that speaks to [`crate::segment`].

use std::sync::Arc;

use crate::form::answers::Answers;
use crate::segment::rule::{RoleRules, Rule, RuleSet};
use crate::segment::{Outcome, Read, Reason, Segmentation, segment, services_of};

/// The rules of one role, to be asked many times.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'r> {
    pub rule_set: &'r RuleSet,
    pub rules: &'r RoleRules,
}

impl<'r> Judge<'r> {
    /// Every rule with all that it reads: segments, alerts, services; a segment's own services behind it.
    pub fn everything(self) -> Vec<(&'r Rule, Vec<Read>)> {
        let own = Answers::anything(&self.rules.questionnaire);
        let professional = self.rules.professional.as_deref().map(Answers::anything);
        let open = segment(self.rules, self.rule_set, &own, professional.as_ref());
        let found = |reasons: &[Reason<'r>], rule: &'r Rule| {
            let reason = reasons.iter().find(|reason| reason.rule.id == rule.id);
            (rule, reason.map(|reason| reason.inputs.clone()).unwrap_or_default())
        };
        let mut all = Vec::new();
        for rule in &self.rules.segments {
            let offered = services_of(self.rules, &rule.subject.code, &own, professional.as_ref());
            all.push(found(&open.segments, rule));
            all.extend(rule.services.iter().map(|service| found(&offered, service)));
        }
        // of no segment: those that are offered always
        let offered = services_of(self.rules, "", &own, professional.as_ref());
        all.extend(self.rules.alerts.iter().map(|rule| found(&open.alerts, rule)));
        all.extend(self.rules.services.iter().map(|rule| found(&offered, rule)));
        all
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
        let (questionnaire, professional) = (Arc::clone(&rules.questionnaire), rules.professional.clone());
        let (role, must_answer) = (rules.role.clone(), rules.must_answer);
        Self { rule_set, rules: RoleRules { role, must_answer, questionnaire, professional, segments, alerts, services: Vec::new() } }
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
