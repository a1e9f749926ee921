//! What an open question may yet hold, and what decides whether it is asked.

use rust_decimal::Decimal;

use super::condition::{Condition, Derived, Input, Number};
use super::domain::{Arity, Domain};
use crate::form::answers::Answer;
use crate::form::questionnaire::{AnswerOption, ItemKind, OptionValue, Questionnaire};

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
                OptionValue::Coding { system, code } => Some(Answer::Coding { system, code, option: Some(option), own_weight: None }),
                OptionValue::Integer(number) => Some(Answer::Number(*number)),
                OptionValue::Text(text) => Some(Answer::Text(text)),
                OptionValue::Time(text) => Some(Answer::Time(text)),
                OptionValue::Reference(text) => Some(Answer::Reference(text)),
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
pub fn deciders(questionnaire: &Questionnaire, derived: &Derived, input: Input, into: &mut Vec<Input>) {
    if into.contains(&input) {
        return;
    }
    into.push(input);
    for item in std::iter::once(input.item).chain(questionnaire.ancestors(input.item)) {
        let here = Input { item, ..input };
        if questionnaire.item(item).is_question() {
            deciders(questionnaire, derived, here, into);
        }
        let asked = derived.asked(here).map(Condition::inputs).unwrap_or_default();
        let computed = derived.calculated(here).map(Number::inputs).unwrap_or_default();
        let questions = questionnaire.item(item).enable_when.iter().map(|condition| Input { item: condition.question, ..input });
        for before in questions.chain(asked).chain(computed).filter(|before| before.source == input.source) {
            deciders(questionnaire, derived, before, into);
        }
    }
}

/// Everything that an open question may get, if that is known and little: one answer, or a set of them.
pub fn possible_sets<'q: 'd, 'd>(domain: &Domain<'_, 'q, 'd>) -> Option<Vec<Vec<Answer<'q, 'd>>>> {
    let Domain::Open { options, kind, bounds, arity, .. } = *domain else { return None };
    let answers = possible_answers(options, kind, bounds)?;
    match arity {
        Arity::One => Some(answers.into_iter().map(|answer| vec![answer]).collect()),
        Arity::Set if answers.len() <= MOST_IN_A_SET => {
            let of_bits = |bits: usize| {
                let chosen = answers.iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
                chosen.map(|(_, answer)| answer.clone()).collect()
            };
            Some((0..1 << answers.len()).map(of_bits).collect())
        }
        Arity::Set | Arity::Bag => None,
    }
}

/// A bounded integer with more values is not tried value by value.
const MOST_INTEGERS: u32 = 64;
/// A repeating question with more options is not tried set by set.
const MOST_IN_A_SET: usize = 8;
