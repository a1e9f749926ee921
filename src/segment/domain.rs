//! What an item may hold in a *completion*: the three-valued logic's ground.
//!
//! A completion gives every enabled question that is unanswered or declined a valid answer (a repeating one any set,
//! none included), recomputes enablement, and repeats. [`Domains`] says for each item what completions can make of it;
//! with an assignment it says what one of them does.

use rust_decimal::Decimal;

use super::condition::{Input, Source};
use crate::form::answers::{Answer, Answers};
use crate::form::questionnaire::{AnswerOption, Bound, Comparand, EnableWhen, Item, ItemKind, Operator, OptionValue, Questionnaire};
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
    /// These answers or none: its condition is not yet decided.
    KnownOrAbsent(&'a [Answer<'q, 'd>]),
    /// Something valid; perhaps several, perhaps none.
    Open { options: &'q [AnswerOption], kind: ItemKind, bounds: (Option<Decimal>, Option<Decimal>), arity: Arity, maybe_absent: bool },
}

/// How many answers an open question may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    One,
    /// Of a repeating question: any set of them.
    Set,
    /// Of a question inside something that repeats: any of them, any number of times.
    Bag,
}

/// The answers given to one item while trying.
pub type Trial<'q, 'd> = (Input, Vec<Answer<'q, 'd>>);

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
        if let Some(around) = questionnaire.repeated_around(input.item) {
            return self.repeated_domain(input, around, trials);
        }
        let item = questionnaire.item(input.item);
        let enabled = self.enabled(input, trials);
        if enabled == Truth::No {
            return Domain::Known(&[]);
        }
        let known = |answers| if enabled == Truth::Perhaps { Domain::KnownOrAbsent(answers) } else { Domain::Known(answers) };
        let slot = answers.slot(input.item);
        if !slot.values.is_empty() && !slot.declined {
            return known(&slot.values);
        }
        if item.empty_means_none && !slot.declined {
            return Domain::Known(&[]);
        }
        if let Some((_, answers)) = trials.iter().find(|(tried, _)| *tried == input) {
            return known(answers);
        }
        let maybe_absent = item.repeats || enabled == Truth::Perhaps;
        open(item, if item.repeats { Arity::Set } else { Arity::One }, maybe_absent)
    }

    /// Inside something that repeats (`around`), answers of all occurrences stand together, and which answer enables
    /// which is no longer told: if anything there is open, all is.
    fn repeated_domain<'a>(&'a self, input: Input, around: usize, trials: &'a [Trial<'q, 'd>]) -> Domain<'a, 'q, 'd> {
        let Some(answers) = self.answers(input.source) else { return Domain::Known(&[]) };
        let questionnaire = answers.questionnaire();
        let (item, slot) = (questionnaire.item(input.item), answers.slot(input.item));
        let is_asked = self.held(Input { item: around, ..input }, trials);
        if is_asked == Truth::No {
            return Domain::Known(&[]);
        }
        let is_decided = |question: usize| matches!(self.domain(Input { item: question, ..input }, &[]), Domain::Known(_));
        let inside = std::iter::once(input.item).chain(questionnaire.ancestors(input.item)).take_while(|&index| index != around);
        let mut conditions = inside.flat_map(|index| &questionnaire.item(index).enable_when);
        let is_open = slot.declined || (slot.open && !item.empty_means_none);
        if is_open || is_asked == Truth::Perhaps || conditions.any(|condition| !is_decided(condition.question)) {
            return open(item, Arity::Bag, true);
        }
        Domain::Known(&slot.values)
    }

    /// Will the item be asked in every completion, in none, or in some?
    pub fn enabled(&self, input: Input, trials: &[Trial<'q, 'd>]) -> Truth {
        let Some(answers) = self.answers(input.source) else { return Truth::No };
        let questionnaire = answers.questionnaire();
        let item = questionnaire.item(input.item);
        let above = item.parent.map_or(Truth::Yes, |parent| self.held(Input { item: parent, ..input }, trials));
        if above == Truth::No || item.enable_when.is_empty() {
            return above;
        }
        let truths = item.enable_when.iter().map(|condition| self.holds(condition, input.source, trials));
        let own = if item.enable_any { truths.fold(Truth::No, Truth::or) } else { truths.fold(Truth::Yes, Truth::and) };
        above.and(own)
    }

    /// Can something stand below it? Below a question only where the question has an answer.
    fn held(&self, input: Input, trials: &[Trial<'q, 'd>]) -> Truth {
        let is_question = self.answers(input.source).is_some_and(|answers| answers.questionnaire().item(input.item).is_question());
        if !is_question {
            return self.enabled(input, trials);
        }
        match self.domain(input, trials) {
            Domain::Known(answers) => Truth::of(!answers.is_empty()),
            Domain::KnownOrAbsent(_) | Domain::Open { maybe_absent: true, .. } => Truth::Perhaps,
            Domain::Open { .. } => Truth::Yes,
        }
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
            Domain::KnownOrAbsent(answers) => same(of_answers(answers), of_answers(&[])),
            Domain::Open { options, kind, bounds, arity, maybe_absent } => {
                let mut truths = Vec::new();
                if maybe_absent {
                    truths.push(of_answers(&[]));
                }
                match possible_answers(options, kind, bounds) {
                    Some(answers) if arity == Arity::One => {
                        truths.extend(answers.iter().map(|answer| of_answers(std::slice::from_ref(answer))))
                    }
                    _ if condition.operator == Operator::Exists => truths.push(Truth::of(condition.answer == Comparand::Boolean(true))),
                    _ => truths.push(Truth::Perhaps),
                }
                truths.into_iter().reduce(same).unwrap_or(Truth::Perhaps)
            }
        }
    }
}

fn open<'a, 'q, 'd>(item: &'q Item, arity: Arity, maybe_absent: bool) -> Domain<'a, 'q, 'd> {
    let number = |bound: &Option<Bound>| match bound {
        Some(Bound::Number(number)) => Some(*number),
        _ => None,
    };
    let bounds = (number(&item.bounds.min), number(&item.bounds.max));
    Domain::Open { options: &item.options, kind: item.kind, bounds, arity, maybe_absent }
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
pub fn deciders(questionnaire: &Questionnaire, input: Input, into: &mut Vec<Input>) {
    if into.contains(&input) {
        return;
    }
    into.push(input);
    for item in std::iter::once(input.item).chain(questionnaire.ancestors(input.item)) {
        if questionnaire.item(item).is_question() {
            deciders(questionnaire, Input { item, ..input }, into);
        }
        for condition in &questionnaire.item(item).enable_when {
            deciders(questionnaire, Input { source: input.source, item: condition.question }, into);
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
