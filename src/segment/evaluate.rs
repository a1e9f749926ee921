//! A condition over the answers about one person, three-valued.
//!
//! First over all completions at once: each item stands for the set of what it may hold, numbers for their least and
//! greatest. That is sound (what comes out certain is certain) but forgets that the same missing answer stands in two
//! places. Where it leaves doubt and the missing answers are few, completions are tried one by one. What is too large
//! to try stays indeterminate; nothing is guessed.

use rust_decimal::Decimal;

use super::condition::{Condition, Foreign, Input, Literal, Measure, Number, Selection};
use super::domain::{Arity, Domain, Family, Trial, Truth, deciders, possible_answers, possible_sets};
use super::outcome::{Outcome, Outcomes, and, implies, or, xor};
use super::range::{Range, add};
use crate::fhirpath;
use crate::form::answers::Answer;
use crate::form::questionnaire::{AnswerOption, Item, ItemKind, OptionValue};

/// What `condition` says in all completions.
pub fn outcome<'q: 'd, 'd>(condition: &Condition, family: &Family<'q, 'd, '_>) -> Outcome {
    let at_once = family.outcomes(condition, &[]);
    if at_once.outcome() != Outcome::Indeterminate {
        return at_once.outcome();
    }
    let open = open_inputs(condition, family);
    let most = if condition.has_engine() { MOST_IN_THE_ENGINE } else { MOST_COMPLETIONS };
    let mut completions: usize = 1;
    let mut tried = Vec::new();
    for (input, sets) in &open {
        // the fewest first, as many as the budget bears; the rest stays a set
        match completions.checked_mul(sets.len()).filter(|&count| count <= most) {
            Some(count) => {
                completions = count;
                tried.push((*input, sets));
            }
            None => break,
        }
    }
    if tried.is_empty() {
        return Outcome::Indeterminate;
    }
    let mut all = Outcomes::NONE;
    let mut trials: Vec<Trial<'_, '_>> = tried.iter().map(|(input, sets)| (*input, sets[0].clone())).collect();
    let mut positions = vec![0; tried.len()];
    loop {
        all |= family.outcomes(condition, &trials);
        if all.contains(Outcomes::ERROR) || (all.contains(Outcomes::TRUE) && all.outcome() == Outcome::Indeterminate) {
            return Outcome::Indeterminate;
        }
        // the next combination, as an odometer turns
        let mut digit = 0;
        while digit < tried.len() {
            positions[digit] = (positions[digit] + 1) % tried[digit].1.len();
            trials[digit].1 = tried[digit].1[positions[digit]].clone();
            if positions[digit] != 0 {
                break;
            }
            digit += 1;
        }
        if digit == tried.len() {
            return all.outcome();
        }
    }
}

/// The missing answers that the condition depends on, each with all that it may become, fewest first. Questions inside
/// groups that repeat and those without a list of answers are left out.
fn open_inputs<'q: 'd, 'd>(condition: &Condition, family: &Family<'q, 'd, '_>) -> Vec<(Input, Vec<Vec<Answer<'q, 'd>>>)> {
    let mut inputs = Vec::new();
    for input in condition.inputs() {
        if let Some(answers) = family.answers(input.source) {
            deciders(answers.questionnaire(), family.derived(), input, &mut inputs);
        }
    }
    // a question that is asked for its mere presence may as well stay unanswered
    let asks = condition.asks_presence();
    let mut open: Vec<_> = inputs
        .into_iter()
        .filter_map(|input| Some((input, possible_sets(&family.domain(input, &[]))?)))
        .filter(|(_, sets)| !sets.is_empty())
        .map(|(input, mut sets)| {
            if asks && sets.iter().all(|set| !set.is_empty()) {
                sets.push(Vec::new());
            }
            (input, sets)
        })
        .collect();
    open.sort_by_key(|(input, sets)| (sets.len(), *input));
    open
}

/// Which missing answers would decide an indeterminate condition.
pub fn undecided<'q: 'd, 'd>(condition: &Condition, family: &Family<'q, 'd, '_>) -> Vec<Input> {
    let mut inputs = Vec::new();
    for input in condition.inputs() {
        if let Some(answers) = family.answers(input.source) {
            deciders(answers.questionnaire(), family.derived(), input, &mut inputs);
        }
    }
    let is_question = |input: Input| family.item(input).is_some_and(Item::is_question);
    inputs.retain(|&input| is_question(input) && matches!(family.domain(input, &[]), Domain::Open { .. }));
    inputs.sort_unstable();
    inputs
}

impl<'q: 'd, 'd> Family<'q, 'd, '_> {
    /// What the condition can come to.
    pub(super) fn outcomes(&self, condition: &Condition, trials: &[Trial<'q, 'd>]) -> Outcomes {
        let both = |left: &Condition, right: &Condition, table| self.outcomes(left, trials).combine(self.outcomes(right, trials), table);
        match condition {
            Condition::Constant(value) => Outcomes::of(*value),
            Condition::And(left, right) => both(left, right, and),
            Condition::Or(left, right) => both(left, right, or),
            Condition::Xor(left, right) => both(left, right, xor),
            Condition::Implies(left, right) => both(left, right, implies),
            Condition::Not(inner) => self.outcomes(inner, trials).not(),
            Condition::Compare(left, comparison, right) => self.range(left, trials).compare(*comparison, self.range(right, trials)),
            Condition::Same { of, wanted, negated } => {
                let same = self.one(of, trials, |answer| literal_equals(answer, wanted), Several::Different);
                if *negated { same.not() } else { same }
            }
            Condition::OneOf { of, wanted } => self.one(
                of,
                trials,
                |answer| wanted.iter().map(|wanted| literal_equals(answer, wanted)).try_fold(false, |any, one| Some(any | one?)),
                Several::Error,
            ),
            Condition::Answer(of) => {
                self.one(of, trials, |answer| if let Answer::Boolean(value) = answer { Some(*value) } else { None }, Several::Error)
            }
            Condition::Exists(of) => self.exists(of, trials),
            Condition::Empty(of) => self.exists(of, trials).not(),
            Condition::If(condition, then, otherwise) => {
                let which = self.outcomes(condition, trials);
                let mut outcomes = if which.contains(Outcomes::ERROR) { Outcomes::ERROR } else { Outcomes::NONE };
                if which.contains(Outcomes::TRUE) {
                    outcomes |= self.outcomes(then, trials);
                }
                if which.contains(Outcomes::FALSE | Outcomes::EMPTY) {
                    outcomes |= self.outcomes(otherwise, trials);
                }
                outcomes
            }
            Condition::Engine(foreign) => match self.by_engine(foreign, trials) {
                None => Outcomes::ANY,
                Some(values) => match values.as_slice() {
                    [] => Outcomes::EMPTY,
                    [fhirpath::Outcome::Boolean(value)] => Outcomes::of(*value),
                    _ => Outcomes::ERROR,
                },
            },
            Condition::Unknown(_) => Outcomes::ANY,
        }
    }

    /// A test of a single answer; `None` from the test is an error.
    fn one(&self, of: &Selection, trials: &[Trial<'q, 'd>], test: impl Fn(&Answer<'_, '_>) -> Option<bool>, several: Several) -> Outcomes {
        let [input] = of.inputs.as_slice() else { return Outcomes::ERROR };
        let judge = |answers: &[Answer<'_, '_>]| {
            let mut selected = answers.iter().filter(|answer| is_selected(answer, of));
            match (selected.next(), selected.next()) {
                (None, _) => Outcomes::EMPTY,
                (Some(answer), None) => test(answer).map_or(Outcomes::ERROR, Outcomes::of),
                _ => several.outcome(),
            }
        };
        match self.domain(*input, trials) {
            Domain::Known(answers) => judge(answers),
            Domain::KnownOrAbsent(answers) => judge(answers) | Outcomes::EMPTY,
            Domain::Open { options, kind, bounds, arity, maybe_absent } => {
                let mut outcomes = if maybe_absent { Outcomes::EMPTY } else { Outcomes::NONE };
                match possible_answers(options, kind, bounds) {
                    Some(answers) => answers.iter().for_each(|answer| outcomes |= judge(std::slice::from_ref(answer))),
                    None => outcomes |= Outcomes::TRUE | Outcomes::FALSE | if of.is_plain() { Outcomes::NONE } else { Outcomes::EMPTY },
                }
                if arity == Arity::One { outcomes } else { outcomes | several.outcome() }
            }
        }
    }

    fn exists(&self, of: &Selection, trials: &[Trial<'q, 'd>]) -> Outcomes {
        of.inputs.iter().fold(Outcomes::FALSE, |any, input| {
            let here = |answers: &[Answer<'_, '_>]| Outcomes::of(answers.iter().any(|answer| is_selected(answer, of)));
            let own = match self.domain(*input, trials) {
                // whether there will be an answer at all is not told by trying one
                Domain::Known(answers) if !trials.is_empty() && self.is_open(*input) => here(answers) | Outcomes::FALSE,
                Domain::Known(answers) => here(answers),
                Domain::KnownOrAbsent(answers) => here(answers) | Outcomes::FALSE,
                Domain::Open { options, kind, bounds, .. } => {
                    let absent = Outcomes::FALSE;
                    match possible_answers(options, kind, bounds) {
                        Some(answers) => answers.iter().fold(absent, |all, answer| all | here(std::slice::from_ref(answer))),
                        None if !of.is_plain() => Outcomes::TRUE | Outcomes::FALSE,
                        None => absent | Outcomes::TRUE,
                    }
                }
            };
            any.combine(own, or)
        })
    }

    pub(super) fn range(&self, number: &Number, trials: &[Trial<'q, 'd>]) -> Range {
        let both = |left: &Number, right: &Number, make: fn(Range, Range) -> Range| {
            let (left, right) = (self.range(left, trials), self.range(right, trials));
            Range {
                outcomes_besides: left.outcomes_besides | right.outcomes_besides,
                has_value: left.has_value && right.has_value,
                ..make(left, right)
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
            Number::Shared(index, inner) => match self.numbers.get(*index).filter(|_| trials.is_empty()) {
                Some(cell) => *cell.get_or_init(|| self.range(inner, &[])),
                None => self.range(inner, trials),
            },
            Number::Engine(foreign) => match self.by_engine(foreign, trials) {
                None => Range::between(None, None).or(Range::besides(Outcomes::EMPTY | Outcomes::ERROR)),
                Some(values) => match values.as_slice() {
                    [] => Range::besides(Outcomes::EMPTY),
                    [fhirpath::Outcome::Number(value)] => Range::exactly(*value),
                    _ => Range::besides(Outcomes::ERROR),
                },
            },
            Number::Sum(of, measure) => self.sum(of, trials, |item, answer| measured(item, answer, *measure), *measure),
            Number::Count(of) => self.sum(of, trials, |_, _| Some(Decimal::ONE), Measure::Weight),
            Number::One(of, measure) => {
                self.single(of, trials, |item, answer| measured(item, answer, *measure).map(Range::exactly), *measure)
            }
            Number::OneIn(of, unit) => self.single(of, trials, |_, answer| in_unit(answer, unit), Measure::Value),
        }
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

    /// A group: it is there, or nobody will be asked for it.
    fn is_settled(&self, group: Input, trials: &[Trial<'q, 'd>]) -> bool {
        match self.enabled(group, trials) {
            Truth::No => true,
            Truth::Yes => self.answers(group.source).is_some_and(|answers| !answers.slot(group.item).open),
            Truth::Perhaps => false,
        }
    }

    /// Not answered, whatever is tried.
    fn is_open(&self, input: Input) -> bool {
        matches!(self.domain(input, &[]), Domain::Open { .. })
    }

    fn item(&self, input: Input) -> Option<&'q Item> {
        Some(self.answers(input.source)?.questionnaire().item(input.item))
    }

    /// The engine's word in a completion that tells all it reads; `None` where something is open, or it fails.
    fn by_engine(&self, foreign: &Foreign, trials: &[Trial<'q, 'd>]) -> Option<Vec<fhirpath::Outcome>> {
        let is_known = |input: &Input| match self.item(*input) {
            Some(item) if !item.is_question() => self.is_settled(*input, trials),
            _ => matches!(self.domain(*input, trials), Domain::Known(_)),
        };
        if !foreign.inputs.iter().all(is_known) {
            return None;
        }
        if trials.is_empty() {
            return self.sight.get_or_init(|| self.sight_of(&[])).as_ref()?.evaluate(foreign);
        }
        self.sight_of(trials)?.evaluate(foreign)
    }
}

/// What several answers are to a test of one.
#[derive(Clone, Copy)]
enum Several {
    /// Collections of different size are not equal.
    Different,
    Error,
}

impl Several {
    const fn outcome(self) -> Outcomes {
        match self {
            Self::Different => Outcomes::FALSE,
            Self::Error => Outcomes::ERROR,
        }
    }
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
fn is_weighed(item: &Item) -> bool {
    item.options.iter().any(|option| option.weight.is_some()) || !matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice)
}

fn in_unit(answer: &Answer<'_, '_>, wanted: &str) -> Option<Range> {
    match answer {
        Answer::Quantity { value, unit, .. } if *unit == wanted => Some(Range::exactly(*value)),
        Answer::Quantity { .. } => Some(Range::besides(Outcomes::ERROR)),
        _ => None,
    }
}

fn is_selected(answer: &Answer<'_, '_>, of: &Selection) -> bool {
    let is_among = |codes: &[String], code: &str| codes.iter().any(|known| known == code);
    let passes = |code: &str| {
        of.only.as_deref().is_none_or(|only| is_among(only, code)) && !of.except.as_deref().is_some_and(|except| is_among(except, code))
    };
    of.is_plain() || answer.code().is_some_and(passes)
}

/// `None`: not comparable, which FHIRPath calls an error or empty; either way it decides nothing.
fn literal_equals(answer: &Answer<'_, '_>, wanted: &Literal) -> Option<bool> {
    match (answer, wanted) {
        (Answer::Coding { code, .. }, Literal::Text(text)) => Some(code == text),
        (Answer::Text(left), Literal::Text(right)) => Some(left == right),
        (Answer::Boolean(left), Literal::Boolean(right)) => Some(left == right),
        (Answer::Number(left), Literal::Number(right)) => Some(left == right),
        // free text among codes
        (Answer::Text(_), _) => Some(false),
        _ => None,
    }
}

/// Completions tried for one condition before it is left indeterminate.
const MOST_COMPLETIONS: usize = 4096;
/// Of a condition that the engine has a say in: each costs a whole evaluation.
const MOST_IN_THE_ENGINE: usize = 256;
