//! Numbers of a condition over all completions at once: their least and greatest.

use rust_decimal::Decimal;

use super::condition::{Measure, Number, Selection};
use super::domain::{Arity, Domain, Family, Trial};
use super::evaluate::is_selected;
use super::outcome::Outcomes;
use super::possible::possible_answers;
use super::range::{Range, add};
use crate::fhirpath;
use crate::form::answers::Answer;
use crate::form::questionnaire::{AnswerOption, Item, ItemKind, OptionValue};

impl<'q: 'd, 'd> Family<'q, 'd, '_> {
    pub(super) fn range(&self, number: &Number, trials: &[Trial<'q, 'd>]) -> Range {
        let both = |left: &Number, right: &Number, make: fn(Range, Range) -> Range| {
            let (left, right) = (self.range(left, trials), self.range(right, trials));
            let made = make(left, right);
            Range {
                outcomes_besides: left.outcomes_besides | right.outcomes_besides | made.outcomes_besides,
                has_value: left.has_value && right.has_value && made.has_value,
                ..made
            }
        };
        match number {
            Number::Literal(value) => Range::exactly(*value),
            Number::Add(left, right) => {
                both(left, right, |left, right| Range::between(add(left.low, right.low), add(left.high, right.high)))
            }
            Number::Subtract(left, right) => both(left, right, |left, right| {
                Range::between(add(left.low, right.high.map(|it| -it)), add(left.high, right.low.map(|it| -it)))
            }),
            Number::Multiply(left, right) => both(left, right, Range::times),
            Number::Divide(inner, by) => self.range(inner, trials).divided(*by),
            Number::If(condition, then, otherwise) => {
                let which = self.outcomes(condition, trials);
                let error = which.contains(Outcomes::ERROR).then(|| Range::besides(Outcomes::ERROR));
                let then = which.contains(Outcomes::TRUE).then(|| self.range(then, trials));
                let otherwise = which.contains(Outcomes::FALSE | Outcomes::EMPTY).then(|| self.range(otherwise, trials));
                [error, then, otherwise].into_iter().flatten().reduce(Range::or).unwrap_or(Range::besides(Outcomes::ERROR))
            }
            Number::Shared(part) if trials.is_empty() => match self.numbers.get(part.index()) {
                Some(cell) => *cell.get_or_init(|| self.range(part.of(), &[])),
                None => self.range(part.of(), &[]),
            },
            Number::Shared(part) => {
                let known = self.tried.borrow().numbers.get(part.index()).copied().flatten();
                known.unwrap_or_else(|| {
                    let range = self.range(part.of(), trials);
                    keep(&mut self.tried.borrow_mut().numbers, part.index(), range);
                    range
                })
            }
            Number::Truth(condition) => {
                let outcomes = self.outcomes(condition, trials);
                let one = |holds: Outcomes, range: Range| outcomes.contains(holds).then_some(range);
                let numbers = [(Outcomes::TRUE, Decimal::ONE), (Outcomes::FALSE, Decimal::ZERO)];
                let besides = [Outcomes::EMPTY, Outcomes::ERROR].map(|it| one(it, Range::besides(it)));
                let all = numbers.map(|(it, number)| one(it, Range::exactly(number))).into_iter().chain(besides).flatten();
                all.reduce(Range::or).unwrap_or(Range::besides(Outcomes::ERROR))
            }
            Number::Quotient(left, right) => both(left, right, Range::by),
            Number::Engine(foreign) => match self.by_engine(foreign, trials) {
                None => Range::between(None, None).or(Range::besides(Outcomes::EMPTY | Outcomes::ERROR)),
                Some(values) => match values.as_slice() {
                    [] => Range::besides(Outcomes::EMPTY),
                    [fhirpath::Outcome::Number(value)] => Range::exactly(*value),
                    _ => Range::besides(Outcomes::ERROR),
                },
            },
            Number::Sum(of, measure) => self.sum(of, trials, |item, answer| measured(item, answer, *measure), *measure),
            Number::CountThat(of, measure, comparison, than) => {
                self.count_that(of, trials, *measure, |number| comparison.holds(number.cmp(than)))
            }
            Number::Count(of) => self.sum(of, trials, |_, _| Some(Decimal::ONE), Measure::Weight),
            Number::One(of, measure) => {
                self.single(of, trials, |item, answer| measured(item, answer, *measure).map(Range::exactly), *measure)
            }
            Number::OneIn(of, unit) => self.single(of, trials, |_, answer| in_unit(answer, unit), Measure::Value),
        }
    }

    /// How many answers' numbers pass. Another answer than those tried may have no number, or any.
    fn count_that(&self, of: &Selection, trials: &[Trial<'q, 'd>], measure: Measure, passes: impl Fn(Decimal) -> bool) -> Range {
        of.inputs.iter().fold(Range::exactly(Decimal::ZERO), |total, input| {
            let Some(item) = self.item(*input) else { return total };
            let count = |answers: &[Answer<'_, '_>]| {
                let chosen = answers.iter().filter(|answer| is_selected(answer, of));
                Decimal::from(chosen.filter(|answer| measured(item, answer, measure).is_some_and(&passes)).count())
            };
            let (zero, one) = (Some(Decimal::ZERO), Some(Decimal::ONE));
            let own = match self.domain(*input, trials) {
                _ if measure == Measure::Weight && !is_weighed(item) && self.is_open(*input) => {
                    Range::between(zero, if item.repeats { None } else { one })
                }
                Domain::Known(answers) => Range::exactly(count(answers)),
                Domain::KnownOrAbsent(answers) => Range::exactly(count(answers)).or(Range::exactly(Decimal::ZERO)),
                Domain::Open { options, kind, bounds, arity, maybe_absent } => match possible_answers(options, kind, bounds) {
                    Some(answers) if arity == Arity::One => {
                        let each = answers.iter().map(|answer| Range::exactly(count(std::slice::from_ref(answer))));
                        let some = each.reduce(Range::or).unwrap_or(Range::exactly(Decimal::ZERO));
                        if maybe_absent { some.or(Range::exactly(Decimal::ZERO)) } else { some }
                    }
                    Some(answers) if arity == Arity::Set => Range::between(zero, Some(count(&answers))),
                    Some(answers) if count(&answers).is_zero() => Range::exactly(Decimal::ZERO),
                    _ if arity == Arity::One => Range::between(zero, one),
                    _ => Range::between(zero, None),
                },
            };
            Range::between(add(total.low, own.low), add(total.high, own.high))
        })
    }

    fn sum(
        &self,
        of: &Selection,
        trials: &[Trial<'q, 'd>],
        worth: impl Fn(&Item, &Answer<'_, '_>) -> Option<Decimal>,
        measure: Measure,
    ) -> Range {
        of.inputs.iter().fold(Range::exactly(Decimal::ZERO), |total, input| {
            let Some(item) = self.item(*input) else { return total };
            let counts = worth(item, &Answer::Other) == Some(Decimal::ONE);
            let of_answers = |answers: &[Answer<'_, '_>]| {
                in_total(answers.iter().filter(|answer| is_selected(answer, of)).filter_map(|answer| worth(item, answer)))
            };
            let own = match self.domain(*input, trials) {
                // what weighs on the answers alone is not known before them
                _ if measure == Measure::Weight && !counts && !is_weighed(item) && self.is_open(*input) => Range::between(None, None),
                Domain::Known(answers) if counts && !trials.is_empty() && self.is_open(*input) => {
                    of_answers(answers).or(Range::exactly(Decimal::ZERO))
                }
                Domain::Known(answers) => of_answers(answers),
                Domain::KnownOrAbsent(answers) => of_answers(answers).or(Range::exactly(Decimal::ZERO)),
                Domain::Open { options, kind, bounds, arity, maybe_absent } => {
                    let maybe_absent = maybe_absent || counts;
                    let (zero, many) = (Range::exactly(Decimal::ZERO), arity != Arity::One);
                    match possible_answers(options, kind, bounds) {
                        Some(answers) if many => {
                            let worths = answers.iter().filter(|answer| is_selected(answer, of)).filter_map(|answer| worth(item, answer));
                            Range::of_several(worths, arity == Arity::Bag)
                        }
                        Some(answers) => {
                            let each = answers.iter().map(|answer| of_answers(std::slice::from_ref(answer)));
                            let some = each.reduce(Range::or).unwrap_or(zero);
                            if maybe_absent { some.or(zero) } else { some }
                        }
                        None if counts && !many && of.is_plain() => {
                            Range::between(Some(if maybe_absent { Decimal::ZERO } else { Decimal::ONE }), Some(Decimal::ONE))
                        }
                        None if counts => Range::between(Some(Decimal::ZERO), None),
                        None if measure == Measure::Value && !many => {
                            Range::between(bounds.0, bounds.1).or(if maybe_absent { zero } else { Range::between(bounds.0, bounds.1) })
                        }
                        None if measure == Measure::Weight && kind == ItemKind::OpenChoice => open_choice(options, of, arity),
                        None => Range::between(None, None),
                    }
                }
            };
            Range::between(add(total.low, own.low), add(total.high, own.high))
        })
    }

    /// One answer's number, or what its number is not: `worth` says which, `None` for nothing.
    fn single(
        &self,
        of: &Selection,
        trials: &[Trial<'q, 'd>],
        worth: impl Fn(&Item, &Answer<'_, '_>) -> Option<Range>,
        measure: Measure,
    ) -> Range {
        let [input] = of.inputs.as_slice() else { return Range::besides(Outcomes::ERROR) };
        let Some(item) = self.item(*input) else { return Range::besides(Outcomes::ERROR) };
        let of_answers = |answers: &[Answer<'_, '_>]| {
            let mut numbers = answers.iter().filter(|answer| is_selected(answer, of)).filter_map(|answer| worth(item, answer));
            match (numbers.next(), numbers.next()) {
                (None, _) => Range::besides(Outcomes::EMPTY),
                (Some(number), None) => number,
                _ => Range::besides(Outcomes::ERROR),
            }
        };
        match self.domain(*input, trials) {
            _ if measure == Measure::Weight && !is_weighed(item) && self.is_open(*input) => {
                Range::between(None, None).or(Range::besides(Outcomes::EMPTY))
            }
            Domain::Known(answers) => of_answers(answers),
            Domain::KnownOrAbsent(answers) => of_answers(answers).or(Range::besides(Outcomes::EMPTY)),
            Domain::Open { options, kind, bounds, arity, maybe_absent } => {
                let some = match possible_answers(options, kind, bounds) {
                    Some(answers) => answers
                        .iter()
                        .map(|answer| of_answers(std::slice::from_ref(answer)))
                        .reduce(Range::or)
                        .unwrap_or(Range::between(None, None)),
                    // in which unit it will be is not known
                    None if kind == ItemKind::Quantity => Range::between(None, None).or(Range::besides(Outcomes::EMPTY)),
                    None if measure == Measure::Weight || !of.is_plain() => Range::between(None, None).or(Range::besides(Outcomes::EMPTY)),
                    None => Range::between(bounds.0, bounds.1),
                };
                let some = if arity == Arity::One { some } else { some.or(Range::besides(Outcomes::ERROR)) };
                if maybe_absent { some.or(Range::besides(Outcomes::EMPTY)) } else { some }
            }
        }
    }
}

/// At its place, however long the list is so far.
pub(super) fn keep<T: Clone>(list: &mut Vec<Option<T>>, index: usize, value: T) {
    if list.len() <= index {
        list.resize(index + 1, None);
    }
    list[index] = Some(value);
}

fn open_choice(options: &[AnswerOption], of: &Selection, arity: Arity) -> Range {
    let weights = options
        .iter()
        .filter(|option| !option.is_declined())
        .filter(|option| {
            of.only.as_ref().is_none_or(|only| matches!(&option.value, OptionValue::Coding { code, .. } if only.contains(code)))
                && !of
                    .except
                    .as_ref()
                    .is_some_and(|except| matches!(&option.value, OptionValue::Coding { code, .. } if except.contains(code)))
        })
        .filter_map(|option| option.weight);
    match arity {
        // free text weighs nothing
        Arity::One => weights.map(Range::exactly).fold(Range::exactly(Decimal::ZERO), Range::or),
        Arity::Set | Arity::Bag => Range::of_several(weights, arity == Arity::Bag),
    }
}

fn in_total(mut numbers: impl Iterator<Item = Decimal>) -> Range {
    let total = numbers.try_fold(Decimal::ZERO, Decimal::checked_add);
    Range::between(total, total)
}

fn measured(item: &Item, answer: &Answer<'_, '_>, measure: Measure) -> Option<Decimal> {
    match (measure, answer) {
        (Measure::Weight, answer @ Answer::Coding { .. }) => answer.weight(),
        (Measure::Weight, answer) => item.options.iter().find(|option| option.value.is(answer))?.weight,
        (Measure::Value, Answer::Number(value) | Answer::Quantity { value, .. }) => Some(*value),
        _ => None,
    }
}

/// One of its options has a weight: then those that have none weigh nothing.
pub(super) fn is_weighed(item: &Item) -> bool {
    item.options.iter().any(|option| option.weight.is_some()) || !matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice)
}

fn in_unit(answer: &Answer<'_, '_>, wanted: &str) -> Option<Range> {
    match answer {
        Answer::Quantity { value, unit, .. } if *unit == wanted => Some(Range::exactly(*value)),
        Answer::Quantity { .. } => Some(Range::besides(Outcomes::ERROR)),
        _ => None,
    }
}
