//! A condition over the answers about one person, three-valued.
//!
//! First over all completions at once: each item stands for the set of what it may hold, numbers for their least and
//! greatest. That is sound (what comes out certain is certain) but forgets that the same missing answer stands in two
//! places. Where it leaves doubt and the missing answers are few, completions are tried one by one. What is too large
//! to try stays indeterminate; nothing is guessed.

use super::condition::{Condition, Foreign, Input, Literal, Selection};
use super::count::keep;
use super::domain::{Arity, Domain, Family, Trial, Truth};
use super::outcome::{Outcome, Outcomes, and, implies, or, xor};
use super::possible::{deciders, possible_answers, possible_sets};
use crate::fhirpath;
use crate::form::answers::Answer;
use crate::form::questionnaire::Item;

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
        family.tried.borrow_mut().forget();
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
    let inputs = decided_by(condition, family);
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

/// What the condition reads, and what decides whether that is asked.
fn decided_by<'q: 'd, 'd>(condition: &Condition, family: &Family<'q, 'd, '_>) -> Vec<Input> {
    let mut inputs = Vec::new();
    for input in condition.inputs() {
        if let Some(answers) = family.answers(input.source) {
            deciders(answers.questionnaire(), family.derived(), input, &mut inputs);
        }
    }
    inputs
}

/// Which missing answers would decide an indeterminate condition.
pub fn undecided<'q: 'd, 'd>(condition: &Condition, family: &Family<'q, 'd, '_>) -> Vec<Input> {
    let mut inputs = decided_by(condition, family);
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
            Condition::Shared(part) if trials.is_empty() => match self.conditions.get(part.index()) {
                Some(cell) => *cell.get_or_init(|| self.outcomes(part.of(), &[])),
                None => self.outcomes(part.of(), &[]),
            },
            Condition::Shared(part) => {
                let known = self.tried.borrow().conditions.get(part.index()).copied().flatten();
                known.unwrap_or_else(|| {
                    let outcomes = self.outcomes(part.of(), trials);
                    keep(&mut self.tried.borrow_mut().conditions, part.index(), outcomes);
                    outcomes
                })
            }
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

    /// A group: it is there, or nobody will be asked for it.
    fn is_settled(&self, group: Input, trials: &[Trial<'q, 'd>]) -> bool {
        match self.enabled(group, trials) {
            Truth::No => true,
            Truth::Yes => self.answers(group.source).is_some_and(|answers| !answers.slot(group.item).open),
            Truth::Perhaps => false,
        }
    }

    /// Not answered, whatever is tried.
    pub(super) fn is_open(&self, input: Input) -> bool {
        matches!(self.domain(input, &[]), Domain::Open { .. })
    }

    pub(super) fn item(&self, input: Input) -> Option<&'q Item> {
        Some(self.answers(input.source)?.questionnaire().item(input.item))
    }

    /// The engine's word in a completion that tells all it reads; `None` where something is open, or it fails.
    pub(super) fn by_engine(&self, foreign: &Foreign, trials: &[Trial<'q, 'd>]) -> Option<Vec<fhirpath::Outcome>> {
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

pub(super) fn is_selected(answer: &Answer<'_, '_>, of: &Selection) -> bool {
    let is_among = |codes: &[String], code: &str| codes.iter().any(|known| known == code);
    let passes = |code: &str| {
        of.only.as_deref().is_none_or(|only| is_among(only, code)) && !of.except.as_deref().is_some_and(|except| is_among(except, code))
    };
    of.is_plain() || answer.code().is_some_and(passes)
}

/// `None`: not comparable, which FHIRPath calls an error or empty; either way it decides nothing.
pub(super) fn literal_equals(answer: &Answer<'_, '_>, wanted: &Literal) -> Option<bool> {
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
