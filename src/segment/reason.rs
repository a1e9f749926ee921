//! Why a rule says what it says: what it read, and how far its numbers are from their thresholds.

use rust_decimal::Decimal;

use super::condition::{Comparison, Condition, Input, Number, Source};
use super::domain::{Domain, Family};
use super::evaluate;
use super::outcome::{Outcome, Outcomes};
use super::range::Range;
use super::rule::{Dynamic, RoleRules, Rule};
use super::why::why;
use crate::form::answers::{Answer, Answers};

/// One rule and what became of it.
#[derive(Debug)]
pub struct Reason<'r> {
    pub rule: &'r Rule,
    pub outcome: Outcome,
    /// The comparisons of numbers in its condition.
    pub comparisons: Vec<Compared>,
    /// The questions whose answers would decide it.
    pub undecided: Vec<Input>,
    /// Why nothing can be said, where it is not for missing answers.
    pub why: Option<String>,
    /// What its `dynamicValue`s come to, in their order; `None` where answers are missing.
    pub values: Vec<Option<Decimal>>,
}

/// A comparison of numbers, over all completions.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// The least and the greatest that the compared number can be; `None`: no bound, or no number.
    pub least: Option<Decimal>,
    pub greatest: Option<Decimal>,
    pub comparison: Comparison,
    /// `None` where the other side is not certain either.
    pub threshold: Option<Decimal>,
}

impl Compared {
    /// The number less its threshold: how far it is, and on which side. `None` while the number is not certain.
    pub fn distance(&self) -> Option<Decimal> {
        let value = self.least.filter(|least| Some(*least) == self.greatest)?;
        value.checked_sub(self.threshold?)
    }
}

/// One question that a rule read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read<'r> {
    pub link_id: &'r str,
    /// From the professional's section.
    pub professional: bool,
    pub state: ReadState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadState {
    /// Codes, digits or dates; free text is not repeated.
    Answered(Vec<String>),
    /// "I prefer not to answer".
    Declined,
    /// Not answered, or not yet.
    Missing,
    /// Not asked: disabled, or empty where empty means none.
    NotAsked,
}

impl ReadState {
    /// As it is printed: the state and what was answered.
    pub fn told(&self) -> (&'static str, &[String]) {
        match self {
            Self::Answered(values) => ("answered", values),
            Self::Declined => ("declined", &[]),
            Self::Missing => ("missing", &[]),
            Self::NotAsked => ("not-asked", &[]),
        }
    }
}

impl Reason<'_> {
    /// The distance of the comparison that is nearest to its threshold.
    pub fn distance(&self) -> Option<Decimal> {
        self.comparisons.iter().filter_map(Compared::distance).min_by_key(Decimal::abs)
    }

    /// What the `dynamicValue` whose path ends so comes to.
    pub fn value(&self, end: &str) -> Option<Decimal> {
        let of = |(dynamic, value): (&Dynamic, &Option<Decimal>)| value.filter(|_| dynamic.path.ends_with(end));
        self.rule.dynamic.iter().zip(&self.values).find_map(of)
    }
}

pub(super) fn reason<'r, 'q: 'd, 'd>(rule: &'r Rule, family: &Family<'q, 'd, '_>) -> Reason<'r> {
    let value = |dynamic: &Dynamic| {
        let range = family.range(&dynamic.number, &[]);
        range.low.filter(|low| range.has_value && Some(*low) == range.high && range.outcomes_besides == Outcomes::NONE)
    };
    let values = rule.dynamic.iter().map(value).collect();
    let Some(condition) = &rule.condition else {
        return Reason { rule, outcome: Outcome::Met, comparisons: Vec::new(), undecided: Vec::new(), why: None, values };
    };
    let outcome = evaluate::outcome(condition, family);
    let is_open = outcome == Outcome::Indeterminate;
    let undecided = if is_open { evaluate::undecided(condition, family) } else { Vec::new() };
    let why = if is_open { why(condition, family, undecided.is_empty()) } else { None };
    let mut comparisons = Vec::new();
    compared(condition, family, &mut comparisons);
    Reason { rule, outcome, comparisons, undecided, why, values }
}

fn compared<'q: 'd, 'd>(condition: &Condition, family: &Family<'q, 'd, '_>, into: &mut Vec<Compared>) {
    condition.visit_all(&mut |part| {
        let Condition::Compare(left, comparison, right) = part else { return };
        let (low, high) = (family.range(left, &[]), family.range(right, &[]));
        let exact = |range: Range| range.low.filter(|low| range.has_value && Some(*low) == range.high);
        let (number, comparison, threshold) =
            if is_literal(left) { (high, comparison.mirrored(), exact(low)) } else { (low, *comparison, exact(high)) };
        let (least, greatest) = if number.has_value { (number.low, number.high) } else { (None, None) };
        into.push(Compared { least, greatest, comparison, threshold });
    });
}

const fn is_literal(number: &Number) -> bool {
    matches!(number, Number::Literal(_))
}

/// What each question that any rule reads holds, in the order of [`Input`].
pub(super) fn reads<'r, 'q: 'd, 'd>(rules: &'r RoleRules, family: &Family<'q, 'd, '_>) -> Reads<'r> {
    let mut reads = Reads { own: Vec::new(), professional: Vec::new() };
    reads.own.resize_with(rules.questionnaire.items().len(), || None);
    reads.professional.resize_with(rules.professional.as_ref().map_or(0, |it| it.items().len()), || None);
    for input in rules.rules().flat_map(|rule| &rule.inputs) {
        let (list, questionnaire) = match input.source {
            Source::Own => (&mut reads.own, Some(&rules.questionnaire)),
            Source::Professional => (&mut reads.professional, rules.professional.as_ref()),
        };
        if let (Some(slot @ None), Some(questionnaire), Some(state)) = (list.get_mut(input.item), questionnaire, state(*input, family)) {
            let link_id = questionnaire.item(input.item).link_id.as_str();
            *slot = Some(Read { link_id, professional: input.source == Source::Professional, state });
        }
    }
    reads
}

/// By item.
#[derive(Debug)]
pub struct Reads<'r> {
    own: Vec<Option<Read<'r>>>,
    professional: Vec<Option<Read<'r>>>,
}

impl<'r> Reads<'r> {
    pub fn of(&self, input: Input) -> Option<&Read<'r>> {
        let list = if input.source == Source::Own { &self.own } else { &self.professional };
        list.get(input.item)?.as_ref()
    }
}

pub(super) fn state<'q: 'd, 'd>(input: Input, family: &Family<'q, 'd, '_>) -> Option<ReadState> {
    let answers: &Answers<'_, '_> = family.answers(input.source)?;
    if !answers.questionnaire().item(input.item).is_question() {
        return None;
    }
    let slot = answers.slot(input.item);
    let tokens = |answers: &[Answer<'_, '_>]| ReadState::Answered(answers.iter().map(Answer::token).collect());
    Some(match family.domain(input, &[]) {
        Domain::Known([]) => ReadState::NotAsked,
        Domain::Known(answers) | Domain::KnownOrAbsent(answers) => tokens(answers),
        _ if slot.declined => ReadState::Declined,
        // inside what repeats: answered here and open there
        _ if !slot.values.is_empty() => tokens(&slot.values),
        _ => ReadState::Missing,
    })
}
