//! `enableWhen`, over the answers that were found.
//!
//! R4: the answers of the question are those in the nearest scope that the item and the question share; with several
//! answers one that satisfies is enough; a question without an answer satisfies only `exists = false`.

use std::cmp::Ordering;

use super::structure::Found;
use crate::form::answers::Answer;
use crate::form::questionnaire::{Comparand, EnableWhen, Item, Operator, Questionnaire};

/// Is the item, standing (or missing) below the occurrence `parent`, enabled by its own conditions?
pub(super) fn is_enabled(
    questionnaire: &Questionnaire,
    found: &Found<'_, '_>,
    item: &Item,
    parent: Option<usize>,
    disabled: &[bool],
) -> bool {
    let mut conditions = item.enable_when.iter().map(|condition| holds(questionnaire, found, condition, parent, disabled));
    if item.enable_when.is_empty() {
        true
    } else if item.enable_any {
        conditions.any(|held| held)
    } else {
        conditions.all(|held| held)
    }
}

fn holds(questionnaire: &Questionnaire, found: &Found<'_, '_>, condition: &EnableWhen, parent: Option<usize>, disabled: &[bool]) -> bool {
    // climb to the occurrence of the item that holds both
    let mut scope = parent;
    while scope.is_some_and(|occurrence| Some(found.occurrence(occurrence).item) != condition.scope) {
        scope = scope.and_then(|occurrence| found.occurrence(occurrence).parent);
    }
    let mut answers = Vec::new();
    if let Some(scope) = scope.filter(|&scope| found.occurrence(scope).item == condition.question) {
        answers.extend(found.occurrence(scope).values.iter());
    } else {
        gather(questionnaire, found, scope, condition.question, disabled, &mut answers);
    }
    let mut given = answers.iter().filter_map(|given| given.answer.as_ref());
    match (condition.operator, &condition.answer) {
        // a declined answer is an answer to `exists`: the question was met
        (Operator::Exists, Comparand::Boolean(wanted)) => answers.is_empty() != *wanted,
        (operator, comparand) => {
            given.any(|answer| compare(answer, operator, comparand))
                || answers.iter().any(|it| it.declined && is_declined_wanted(operator, comparand))
        }
    }
}

fn gather<'f, 'q, 'd>(
    questionnaire: &Questionnaire,
    found: &'f Found<'q, 'd>,
    scope: Option<usize>,
    question: usize,
    disabled: &[bool],
    answers: &mut Vec<&'f super::structure::Given<'q, 'd>>,
) {
    for &child in found.below(scope) {
        let occurrence = found.occurrence(child);
        if occurrence.item == question {
            if !disabled.get(child).copied().unwrap_or(false) {
                answers.extend(occurrence.values.iter());
            }
        } else if questionnaire.descendants(occurrence.item).contains(&question) {
            gather(questionnaire, found, Some(child), question, disabled, answers);
        }
    }
}

/// Does the answer satisfy the comparison? What cannot be compared does not.
pub(crate) fn compare(answer: &Answer<'_, '_>, operator: Operator, comparand: &Comparand) -> bool {
    let ordering = match (answer, comparand) {
        (Answer::Boolean(left), Comparand::Boolean(right)) => left.partial_cmp(right),
        (Answer::Number(left) | Answer::Quantity { value: left, .. }, Comparand::Number(right)) => left.partial_cmp(right),
        (Answer::Text(left) | Answer::Time(left), Comparand::Text(right)) => Some((*left).cmp(right.as_str())),
        (Answer::Coding { system, code, .. }, Comparand::Coding { system: wanted, code: right }) => {
            let same = code == right && wanted.as_deref().is_none_or(|wanted| wanted == *system);
            return match operator {
                Operator::Equal => same,
                Operator::NotEqual => !same,
                _ => false,
            };
        }
        _ => None,
    };
    ordering.is_some_and(|ordering| match operator {
        Operator::Equal => ordering == Ordering::Equal,
        Operator::NotEqual => ordering != Ordering::Equal,
        Operator::Greater => ordering == Ordering::Greater,
        Operator::Less => ordering == Ordering::Less,
        Operator::GreaterOrEqual => ordering != Ordering::Less,
        Operator::LessOrEqual => ordering != Ordering::Greater,
        Operator::Exists => true,
    })
}

fn is_declined_wanted(operator: Operator, comparand: &Comparand) -> bool {
    let named = matches!(comparand, Comparand::Coding { code, .. } if code == crate::form::questionnaire::DECLINED);
    match operator {
        Operator::Equal => named,
        Operator::NotEqual => matches!(comparand, Comparand::Coding { .. }) && !named,
        _ => false,
    }
}
