//! Why a condition says nothing, where that is not for missing answers: for those who own the rules.

use std::cell::RefCell;

use super::condition::{Condition, Foreign, Input, Literal, Measure, Number, Selection};
use super::count::is_weighed;
use super::domain::{Domain, Family};
use super::evaluate::literal_equals;
use crate::fhirpath::Outcome;
use crate::form::answers::Answer;

/// The first reason found. `nothing_missing`: every answer that it reads is there.
pub(super) fn why<'q: 'd, 'd>(condition: &Condition, family: &Family<'q, 'd, '_>, nothing_missing: bool) -> Option<String> {
    Why { family, nothing_missing, seen: RefCell::default() }.of_tree(condition)
}

struct Why<'w, 'q, 'd, 'f> {
    family: &'w Family<'q, 'd, 'f>,
    nothing_missing: bool,
    /// The shared numbers that were looked into.
    seen: RefCell<Vec<usize>>,
}

impl<'q: 'd, 'd> Why<'_, 'q, 'd, '_> {
    fn of_tree(&self, condition: &Condition) -> Option<String> {
        let mut found = None;
        condition.visit_all(&mut |part| found = found.take().or_else(|| self.of_condition(part)));
        found
    }

    fn of_condition(&self, part: &Condition) -> Option<String> {
        match part {
            Condition::Unknown(reason) => Some(reason.clone()),
            Condition::Compare(left, _, right) => self.of_number(left).or_else(|| self.of_number(right)),
            Condition::Same { of, wanted, .. } => self.of_other_kind(of, std::slice::from_ref(wanted)),
            Condition::OneOf { of, wanted } => self.several(of).or_else(|| self.of_other_kind(of, wanted)),
            Condition::Answer(of) => self.several(of),
            Condition::Engine(foreign) => self.of_engine(foreign, "true or false", |outcome| matches!(outcome, Outcome::Boolean(_))),
            _ => None,
        }
    }

    fn of_number(&self, number: &Number) -> Option<String> {
        match number {
            Number::Sum(of, Measure::Weight) | Number::CountThat(of, Measure::Weight, ..) => self.weightless(of),
            Number::One(of, Measure::Weight) => self.weightless(of).or_else(|| self.several(of)),
            Number::One(of, _) => self.several(of),
            Number::OneIn(of, unit) => self.several(of).or_else(|| self.other_unit(of, unit)),
            Number::Add(left, right) | Number::Subtract(left, right) | Number::Multiply(left, right) | Number::Quotient(left, right) => {
                self.of_number(left).or_else(|| self.of_number(right))
            }
            Number::If(condition, left, right) => {
                let of_condition = self.of_tree(condition);
                of_condition.or_else(|| self.of_number(left)).or_else(|| self.of_number(right))
            }
            Number::Divide(inner, _) => self.of_number(inner),
            Number::Truth(condition) => self.of_tree(condition),
            Number::Shared(part) if self.seen.borrow().contains(&part.index()) => None,
            Number::Shared(part) => {
                self.seen.borrow_mut().push(part.index());
                self.of_number(part.of())
            }
            Number::Engine(foreign) => self.of_engine(foreign, "a number", |outcome| matches!(outcome, Outcome::Number(_))),
            Number::Literal(_) | Number::Sum(..) | Number::Count(_) | Number::CountThat(..) => None,
        }
    }

    /// Missing, and none of its options carries a weight: no answer would decide it but one that brings its own.
    fn weightless(&self, of: &Selection) -> Option<String> {
        let is_weightless =
            |input: &&Input| self.family.is_open(**input) && self.family.item(**input).is_some_and(|item| !is_weighed(item));
        of.inputs.iter().find(is_weightless).map(|&input| format!("no option of {} carries a weight", self.name(input)))
    }

    fn several(&self, of: &Selection) -> Option<String> {
        let [input] = of.inputs.as_slice() else { return None };
        let count = self.known(*input)?.len();
        (count > 1).then(|| format!("{} has several answers, where one is wanted", self.name(*input)))
    }

    fn of_other_kind(&self, of: &Selection, wanted: &[Literal]) -> Option<String> {
        let [input] = of.inputs.as_slice() else { return None };
        let is_other = |answer: &&Answer<'_, '_>| wanted.iter().any(|literal| literal_equals(answer, literal).is_none());
        self.known(*input)?.iter().find(is_other)?;
        Some(format!("{} is compared with something of another kind", self.name(*input)))
    }

    fn other_unit(&self, of: &Selection, wanted: &str) -> Option<String> {
        let [input] = of.inputs.as_slice() else { return None };
        let is_other = |answer: &Answer<'_, '_>| matches!(answer, Answer::Quantity { unit, .. } if *unit != wanted);
        let is_other = self.known(*input)?.iter().any(is_other);
        is_other.then(|| format!("{} is not in `{wanted}`, and units are not converted", self.name(*input)))
    }

    fn of_engine(&self, foreign: &Foreign, wanted: &str, fits: impl Fn(&Outcome) -> bool) -> Option<String> {
        if !self.nothing_missing {
            return None;
        }
        let expression = &foreign.expression;
        match self.family.by_engine(foreign, &[]).as_deref() {
            None => Some(format!("`{expression}` cannot be evaluated: it fails, or takes more than it may")),
            Some([]) => None,
            Some([one]) if fits(one) => None,
            Some([one]) => Some(format!("`{expression}` comes to {}, not to {wanted}", said(one))),
            Some(_) => Some(format!("`{expression}` comes to several values, not to {wanted}")),
        }
    }

    fn known(&self, input: Input) -> Option<&[Answer<'q, 'd>]> {
        match self.family.domain(input, &[]) {
            Domain::Known(answers) | Domain::KnownOrAbsent(answers) => Some(answers),
            Domain::Open { .. } => None,
        }
    }

    fn name(&self, input: Input) -> String {
        self.family.item(input).map_or_else(String::new, |item| format!("`{}`", item.link_id))
    }
}

const fn said(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Boolean(_) => "true or false",
        Outcome::Number(_) => "a number",
        Outcome::Text(_) => "a text or date",
        Outcome::Coding { .. } => "a Coding",
        Outcome::Quantity { .. } => "a quantity",
        Outcome::Other => "something else",
    }
}
