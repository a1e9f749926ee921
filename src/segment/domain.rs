//! What an item may hold in a *completion*: the three-valued logic's ground.
//!
//! A completion gives every enabled question that is unanswered or declined a valid answer (a repeating one any set,
//! none included), recomputes enablement, and repeats. [`Domains`] says for each item what completions can make of it;
//! with an assignment it says what one of them does.

use rust_decimal::Decimal;

use super::condition::{Input, Source};
use crate::form::answers::{Answer, Answers};
use crate::form::questionnaire::{AnswerOption, Bound, Comparand, EnableWhen, ItemKind, Operator, OptionValue, Questionnaire};
use crate::form::validate::compare;

/// The answers about one person: the person's own and the professional's.
pub struct Family<'q, 'd, 'f> {
    pub own: &'f Answers<'q, 'd>,
    pub professional: Option<&'f Answers<'q, 'd>>,
}

impl<'q, 'd> Family<'q, 'd, '_> {
    pub fn answers(&self, source: Source) -> Option<&Answers<'q, 'd>> {
        match source {
            Source::Own => Some(self.own),
            Source::Professional => self.professional,
        }
    }
}

/// What completions can make of one item.
#[derive(Debug, Clone)]
pub enum Domain<'a, 'q, 'd> {
    /// These answers, in every completion. None of them: absent for sure.
    Known(&'a [Answer<'q, 'd>]),
    /// One answer, assigned while trying.
    Assigned(&'a Answer<'q, 'd>),
    /// These answers or none: its condition is not yet decided.
    KnownOrAbsent(&'a [Answer<'q, 'd>]),
    /// Something valid; perhaps several, perhaps none.
    Open { options: &'q [AnswerOption], kind: ItemKind, bounds: (Option<Decimal>, Option<Decimal>), many: bool, maybe_absent: bool },
}

/// One value given to one item while trying.
pub type Trial<'q, 'd> = (Input, Answer<'q, 'd>);

/// A truth value of enablement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    Yes,
    No,
    Perhaps,
}

impl Truth {
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Perhaps,
        }
    }

    const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            _ => Self::Perhaps,
        }
    }

    const fn of(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

impl<'q, 'd> Family<'q, 'd, '_> {
    /// What completions can make of `input`, given what is tried.
    pub fn domain<'a>(&'a self, input: Input, trials: &'a [Trial<'q, 'd>]) -> Domain<'a, 'q, 'd> {
        let Some(answers) = self.answers(input.source) else { return Domain::Known(&[]) };
        let questionnaire = answers.questionnaire();
        let item = questionnaire.item(input.item);
        let enabled = self.enabled(input, trials);
        if enabled == Truth::No {
            return Domain::Known(&[]);
        }
        let slot = answers.slot(input.item);
        let maybe_absent = enabled == Truth::Perhaps;
        if !slot.values.is_empty() && !slot.declined {
            return if maybe_absent { Domain::KnownOrAbsent(&slot.values) } else { Domain::Known(&slot.values) };
        }
        if item.empty_means_none && !slot.declined {
            return Domain::Known(&[]);
        }
        if let Some((_, answer)) = trials.iter().find(|(tried, _)| *tried == input) {
            return Domain::Assigned(answer);
        }
        let number = |bound: &Option<Bound>| match bound {
            Some(Bound::Number(number)) => Some(*number),
            _ => None,
        };
        Domain::Open {
            options: &item.options,
            kind: item.kind,
            bounds: (number(&item.bounds.min), number(&item.bounds.max)),
            many: item.repeats || questionnaire.is_in_repeated_group(input.item),
            maybe_absent: maybe_absent || item.repeats || questionnaire.is_in_repeated_group(input.item),
        }
    }

    /// Will the item be asked in every completion, in none, or in some?
    pub fn enabled(&self, input: Input, trials: &[Trial<'q, 'd>]) -> Truth {
        let Some(answers) = self.answers(input.source) else { return Truth::No };
        let questionnaire = answers.questionnaire();
        let item = questionnaire.item(input.item);
        let above = item.parent.map_or(Truth::Yes, |parent| self.enabled(Input { source: input.source, item: parent }, trials));
        if above == Truth::No || item.enable_when.is_empty() {
            return above;
        }
        let truths = item.enable_when.iter().map(|condition| self.holds(condition, input.source, trials));
        let own = if item.enable_any { truths.fold(Truth::No, Truth::or) } else { truths.fold(Truth::Yes, Truth::and) };
        above.and(own)
    }

    fn holds(&self, condition: &EnableWhen, source: Source, trials: &[Trial<'q, 'd>]) -> Truth {
        let input = Input { source, item: condition.question };
        let of_answers = |answers: &[Answer<'_, '_>]| {
            Truth::of(match (condition.operator, &condition.answer) {
                (Operator::Exists, Comparand::Boolean(wanted)) => answers.is_empty() != *wanted,
                (operator, comparand) => answers.iter().any(|answer| compare(answer, operator, comparand)),
            })
        };
        match self.domain(input, trials) {
            Domain::Known(answers) => of_answers(answers),
            Domain::Assigned(answer) => of_answers(std::slice::from_ref(answer)),
            Domain::KnownOrAbsent(answers) => same(of_answers(answers), of_answers(&[])),
            Domain::Open { options, kind, bounds, many, maybe_absent } => {
                let mut truths = Vec::new();
                if maybe_absent {
                    truths.push(of_answers(&[]));
                }
                match possible_answers(options, kind, bounds) {
                    Some(answers) if !many => truths.extend(answers.iter().map(|answer| of_answers(std::slice::from_ref(answer)))),
                    _ if condition.operator == Operator::Exists => truths.push(Truth::of(condition.answer == Comparand::Boolean(true))),
                    _ => truths.push(Truth::Perhaps),
                }
                truths.into_iter().reduce(same).unwrap_or(Truth::Perhaps)
            }
        }
    }
}

fn same(left: Truth, right: Truth) -> Truth {
    if left == right { left } else { Truth::Perhaps }
}

/// All single answers that an open item may get, if they are few and known.
pub fn possible_answers<'q, 'd>(
    options: &'q [AnswerOption],
    kind: ItemKind,
    bounds: (Option<Decimal>, Option<Decimal>),
) -> Option<Vec<Answer<'q, 'd>>>
where
    'q: 'd,
{
    match kind {
        ItemKind::Boolean => Some(vec![Answer::Boolean(false), Answer::Boolean(true)]),
        ItemKind::Choice if !options.is_empty() => options
            .iter()
            .filter(|option| !option.is_declined())
            .map(|option| match &option.value {
                OptionValue::Coding { system, code } => Some(Answer::Coding { system, code, option: Some(option) }),
                OptionValue::Integer(number) => Some(Answer::Number(*number)),
                OptionValue::Text(text) => Some(Answer::Text(text)),
            })
            .collect(),
        ItemKind::Integer => {
            let (low, high) = (bounds.0?, bounds.1?);
            let count = high - low;
            (count <= Decimal::from(MOST_INTEGERS)).then(|| {
                let mut values = Vec::new();
                let mut next = low.ceil();
                while next <= high {
                    values.push(Answer::Number(next));
                    next += Decimal::ONE;
                }
                values
            })
        }
        _ => None,
    }
}

/// Every open item that decides whether `input` is asked, itself included.
pub fn deciders(questionnaire: &Questionnaire, input: Input, into: &mut Vec<Input>) {
    if into.contains(&input) {
        return;
    }
    into.push(input);
    let ancestors = std::iter::successors(Some(input.item), |&item| questionnaire.item(item).parent);
    for item in ancestors {
        for condition in &questionnaire.item(item).enable_when {
            deciders(questionnaire, Input { source: input.source, item: condition.question }, into);
        }
    }
}

/// A bounded integer with more values is not tried value by value.
const MOST_INTEGERS: u32 = 64;
