//! What one question can be answered.

use rust_decimal::Decimal;

use crate::form::answers::Answer;
use crate::form::questionnaire::{AnswerOption, Bound, Item, ItemKind, OptionValue};

/// The answers of one question, by number from 1.
#[derive(Debug, Clone)]
pub(super) enum Values<'q> {
    Listed(Vec<Vec<Answer<'q, 'q>>>),
    /// Any set of `free`, or one of `alone` by itself; nothing at all only where a blank says "none".
    Sets {
        free: Vec<Answer<'q, 'q>>,
        alone: Vec<Answer<'q, 'q>>,
        none: bool,
    },
}

/// The answers, and whether they are all that there are: of numbers without bounds, dates and texts a few stand for the rest.
pub(super) struct Known<'q> {
    pub(super) values: Values<'q>,
    pub(super) is_all: bool,
}

impl<'q> Values<'q> {
    /// The answers that any of `items`, the same question in several versions, takes. `thresholds` are numbers that matter.
    pub(super) fn of(items: &[&'q Item], thresholds: &[Decimal]) -> Known<'q> {
        let item = items[0];
        let mut options: Vec<&'q AnswerOption> = Vec::new();
        for option in items.iter().flat_map(|item| item.answering_options()) {
            if !options.iter().any(|known| known.value == option.value) {
                options.push(option);
            }
        }
        let is_choice = matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice) || !options.is_empty();
        let (single, is_all) = if is_choice {
            (options.iter().map(|option| answer(option)).collect(), item.kind == ItemKind::Choice && !item.options_open)
        } else {
            unlisted(item, thresholds)
        };
        let none = item.empty_means_none;
        if item.repeats && single.len() <= MOST_IN_A_SET {
            let is_alone = |answer: &Answer<'_, '_>| options.iter().any(|option| option.exclusive && self::answer(option) == *answer);
            let (alone, free) = single.into_iter().partition(is_alone);
            return Known { values: Self::Sets { free, alone, none }, is_all };
        }
        let is_all = is_all && !item.repeats;
        let mut listed: Vec<Vec<_>> = if none { vec![Vec::new()] } else { Vec::new() };
        listed.extend(single.into_iter().map(|answer| vec![answer]));
        Known { values: Self::Listed(listed), is_all }
    }

    /// The same answers, as another version of the question weighs them.
    pub(super) fn as_of(&self, item: &'q Item) -> Self {
        let again = |answers: &[Answer<'q, 'q>]| answers.iter().map(|answer| weighed(answer, item)).collect::<Vec<_>>();
        match self {
            Self::Listed(listed) => Self::Listed(listed.iter().map(|answers| again(answers)).collect()),
            Self::Sets { free, alone, none } => Self::Sets { free: again(free), alone: again(alone), none: *none },
        }
    }

    pub(super) fn count(&self) -> u32 {
        match self {
            Self::Listed(listed) => listed.len() as u32,
            Self::Sets { free, alone, none } => (1 << free.len()) - u32::from(!none) + alone.len() as u32,
        }
    }

    /// The answers of this number; none for 0.
    pub(super) fn answers(&self, number: u32) -> Vec<Answer<'q, 'q>> {
        match self {
            _ if number == 0 => Vec::new(),
            Self::Listed(listed) => listed.get(number as usize - 1).cloned().unwrap_or_default(),
            Self::Sets { free, alone, none } => {
                let bits = number - u32::from(*none);
                if bits < 1 << free.len() {
                    let chosen = free.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
                    return chosen.map(|(_, answer)| answer.clone()).collect();
                }
                alone.get((bits - (1 << free.len())) as usize).cloned().into_iter().collect()
            }
        }
    }

    /// Those that differ from `number` in one choice.
    pub(super) fn beside(&self, number: u32) -> Vec<u32> {
        match self {
            Self::Listed(_) => (1..=self.count()).filter(|other| *other != number).collect(),
            Self::Sets { free, none, .. } => {
                let bits = number - u32::from(*none);
                let sets = 1 << free.len();
                let beside = (0..free.len()).map(|bit| bits ^ 1 << bit).filter(|other| bits < sets && (*none || *other != 0));
                beside.map(|bits| bits + u32::from(*none)).collect()
            }
        }
    }

    /// Of lists the positions of both, of sets that of the option which one has and the other has not.
    pub(super) fn difference(&self, one: u32, other: u32) -> (u32, u32) {
        match self {
            Self::Listed(_) => (one.min(other) - 1, one.max(other) - 1),
            Self::Sets { none, .. } => {
                let bit = ((one - u32::from(*none)) ^ (other - u32::from(*none))).trailing_zeros();
                (bit, bit)
            }
        }
    }

    /// Each option's code, or the digits.
    pub(super) fn tokens(&self) -> Vec<String> {
        match self {
            Self::Listed(listed) => listed.iter().map(|answers| answers.iter().map(Answer::token).collect::<Vec<_>>().join(" ")).collect(),
            Self::Sets { free, .. } => free.iter().map(Answer::token).collect(),
        }
    }
}

fn answer(option: &AnswerOption) -> Answer<'_, '_> {
    match &option.value {
        OptionValue::Coding { system, code } => Answer::Coding { system, code, option: Some(option), own_weight: None },
        OptionValue::Integer(number) => Answer::Number(*number),
        OptionValue::Text(text) => Answer::Text(text),
        OptionValue::Time(text) => Answer::Time(text),
        OptionValue::Reference(text) => Answer::Reference(text),
    }
}

fn weighed<'q>(answer: &Answer<'q, 'q>, item: &'q Item) -> Answer<'q, 'q> {
    match answer {
        Answer::Coding { system, code, own_weight, .. } => {
            Answer::Coding { system, code, option: item.option(system, code), own_weight: *own_weight }
        }
        other => other.clone(),
    }
}

/// Of a question without options.
fn unlisted<'q>(item: &'q Item, thresholds: &[Decimal]) -> (Vec<Answer<'q, 'q>>, bool) {
    let number = |bound: &Option<Bound>| match bound {
        Some(Bound::Number(number)) => Some(*number),
        _ => None,
    };
    let (low, high) = (number(&item.bounds.min), number(&item.bounds.max));
    match item.kind {
        ItemKind::Boolean => (vec![Answer::Boolean(false), Answer::Boolean(true)], true),
        ItemKind::Integer => match low.zip(high).map(|(low, high)| (low.ceil(), high.floor())) {
            Some((low, high)) if high - low < Decimal::from(MOST_INTEGERS) => {
                let all = std::iter::successors(Some(low), |number| Some(number + Decimal::ONE)).take_while(|number| *number <= high);
                (all.map(Answer::Number).collect(), true)
            }
            _ => (around(thresholds, low, high).into_iter().map(|number| Answer::Number(number.floor())).collect(), false),
        },
        ItemKind::Decimal => (around(thresholds, low, high).into_iter().map(Answer::Number).collect(), false),
        ItemKind::Quantity => {
            let unit = item.unit.as_ref().or(item.units.first());
            let quantity = |value| Answer::Quantity {
                value,
                unit: unit.map_or("", |unit| &unit.code),
                system: unit.and_then(|unit| unit.system.as_deref()),
            };
            (around(thresholds, low, high).into_iter().map(quantity).collect(), false)
        }
        ItemKind::Date | ItemKind::DateTime | ItemKind::Time => {
            let times = [&item.bounds.min, &item.bounds.max].into_iter().filter_map(|bound| match bound {
                Some(Bound::Time(text)) => Some(Answer::Time(text)),
                _ => None,
            });
            let usual = if item.kind == ItemKind::Time { "12:00:00" } else { "2026-01-01" };
            (times.chain([Answer::Time(usual)]).collect(), false)
        }
        ItemKind::String | ItemKind::Text | ItemKind::Url => (vec![Answer::Text("text")], false),
        ItemKind::Reference => (vec![Answer::Reference("Patient/1")], false),
        ItemKind::Attachment | ItemKind::Choice | ItemKind::OpenChoice => (vec![Answer::Other], false),
        ItemKind::Group | ItemKind::Display => (Vec::new(), true),
    }
}

/// The bounds, each threshold and what lies beside it.
fn around(thresholds: &[Decimal], low: Option<Decimal>, high: Option<Decimal>) -> Vec<Decimal> {
    let beside = thresholds.iter().flat_map(|it| [it - Decimal::ONE, *it, it + Decimal::ONE]);
    let within = |number: &Decimal| low.is_none_or(|low| *number >= low) && high.is_none_or(|high| *number <= high);
    let mut numbers: Vec<Decimal> = beside.chain(low).chain(high).filter(within).collect();
    if numbers.is_empty() {
        numbers.push(low.unwrap_or_default());
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// A bounded integer with more values is represented by a few.
const MOST_INTEGERS: u32 = 101;
/// Of a repeating question with more options one is chosen at a time.
const MOST_IN_A_SET: usize = 16;
