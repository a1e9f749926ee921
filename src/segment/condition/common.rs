//! What is named several times and computed once.
//!
//! A variable that the next one names twice, and that one by the next, would be lowered and evaluated 2, 4, 8 … times. Each is
//! lowered once instead; what a walk over the tree asks of it is told beforehand, so that no walk goes in.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::{Condition, Input, Number};

/// A part of several expressions.
#[derive(Debug)]
pub struct Common<T>(Arc<Part<T>>);

#[derive(Debug)]
struct Part<T> {
    of: T,
    index: usize,
    inputs: Vec<Input>,
    has_engine: bool,
    asks_presence: bool,
    weight: u64,
}

impl<T> Common<T> {
    pub fn of(&self) -> &T {
        &self.0.of
    }

    /// Its number among the parts of its kind, where what it came to is kept.
    pub fn index(&self) -> usize {
        self.0.index
    }

    pub(super) fn inputs(&self) -> &[Input] {
        &self.0.inputs
    }

    pub(super) fn has_engine(&self) -> bool {
        self.0.has_engine
    }

    pub(super) fn asks_presence(&self) -> bool {
        self.0.asks_presence
    }

    pub(super) fn weight(&self) -> u64 {
        self.0.weight
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Clone for Common<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The same part, not an equal one: a pool has no equal ones.
impl<T> PartialEq for Common<T> {
    fn eq(&self, other: &Self) -> bool {
        self.is(other)
    }
}

/// The parts that several rules ask for.
#[derive(Debug, Default)]
pub struct Shared {
    numbers: Vec<Common<Number>>,
    conditions: Vec<Common<Condition>>,
}

impl Shared {
    /// How many numbers and how many conditions there are.
    pub fn count(&self) -> (usize, usize) {
        (self.numbers.len(), self.conditions.len())
    }

    pub(super) fn number(&mut self, number: Number) -> Number {
        let known = self.numbers.iter().find(|known| *known.of() == number).cloned();
        Number::Shared(known.unwrap_or_else(|| {
            let (has_engine, asks_presence) = (number.has_engine(), number.asks_presence());
            let (inputs, weight, index) = (number.inputs(), number.weight(), self.numbers.len());
            let part = Common(Arc::new(Part { of: number, index, inputs, has_engine, asks_presence, weight }));
            self.numbers.push(part.clone());
            part
        }))
    }

    pub(super) fn condition(&mut self, condition: Condition) -> Condition {
        let known = self.conditions.iter().find(|known| *known.of() == condition).cloned();
        Condition::Shared(known.unwrap_or_else(|| {
            let (has_engine, asks_presence) = (condition.has_engine(), condition.asks_presence());
            let (inputs, weight, index) = (condition.inputs(), condition.weight(), self.conditions.len());
            let part = Common(Arc::new(Part { of: condition, index, inputs, has_engine, asks_presence, weight }));
            self.conditions.push(part.clone());
            part
        }))
    }
}

/// What the variables of a scope came to, each lowered once; `None`: it cannot be lowered so.
#[derive(Debug, Default)]
pub struct Named {
    pub(super) numbers: RefCell<HashMap<String, Option<Number>>>,
    pub(super) conditions: RefCell<HashMap<String, Option<Condition>>>,
}
