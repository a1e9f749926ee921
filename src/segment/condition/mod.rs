//! A rule's expression, lowered: FHIRPath's syntax tree becomes a [`Condition`] over items known by index.
//!
//! The engine's parser gives the tree; what rules are made of is lowered here (answers by linkId, codes, weights, sums,
//! comparisons, boolean operators). What is not becomes a leaf that the engine evaluates ([`Foreign`]), with the questions
//! that it may read. Sources: FHIRPath <http://hl7.org/fhirpath/N1/>, SDC 4.0 `weight()`.

mod allowed;
mod choose;
mod common;
mod derived;
mod family;
mod filter;
mod foreign;
mod kind;
mod lower;
mod misspelt;
mod named;
mod number;
mod path;
mod prove;
mod scope;
mod seen;
mod syntax;

use octofhir_fhirpath::BinaryOperator;
use rust_decimal::Decimal;

pub use crate::form::questionnaire::Comparison;
pub use common::{Common, Named, Shared};
pub use derived::{Derived, is_computed};
pub use family::{Connective, OverFamily, Page, lower_family, reads_family};
pub use foreign::{Foreign, Variable};
pub use lower::{lower, lower_number};
pub use misspelt::reading;
pub use prove::{Finding, Wanted, prove};
pub use scope::{Defect, Scope};

/// Something that is true, false or empty of a family's answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    Constant(bool),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Xor(Box<Condition>, Box<Condition>),
    Implies(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    /// `iif(…, …, …)`
    If(Box<Condition>, Box<Condition>, Box<Condition>),
    Compare(Number, Comparison, Number),
    /// `… = literal`, `… != literal`
    Same {
        of: Selection,
        wanted: Literal,
        negated: bool,
    },
    /// `… in (a | b)`
    OneOf {
        of: Selection,
        wanted: Vec<Literal>,
    },
    Exists(Selection),
    Empty(Selection),
    /// A boolean answer, standing for itself.
    Answer(Selection),
    /// What is named more than once.
    Shared(Common<Condition>),
    /// Not lowered: the engine decides it, in each completion that there is.
    Engine(Box<Foreign>),
    /// Not evaluated, and why: another language, a function that rules may not use.
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    Literal(Decimal),
    /// `sum()`: nothing sums to 0.
    Sum(Selection, Measure),
    /// One answer's number.
    One(Selection, Measure),
    /// One quantity's number, if it is in this unit: nothing is converted.
    OneIn(Selection, String),
    Count(Selection),
    /// `where($this >= …).count()` of numbers: how many pass.
    CountThat(Selection, Measure, Comparison, Decimal),
    Add(Box<Number>, Box<Number>),
    Subtract(Box<Number>, Box<Number>),
    Multiply(Box<Number>, Box<Number>),
    /// By a literal that is not zero.
    Divide(Box<Number>, Decimal),
    /// `iif(…, …, …)`
    If(Box<Condition>, Box<Number>, Box<Number>),
    /// What several rules ask for.
    Shared(Common<Number>),
    /// A condition's truth as 1 or 0: `toInteger()`.
    Truth(Box<Condition>),
    /// By another number; by zero it is nothing.
    Quotient(Box<Number>, Box<Number>),
    /// Not lowered: the engine computes it.
    Engine(Box<Foreign>),
}

/// What of an answer is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Value,
    Weight,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Text(String),
    Number(Decimal),
    Boolean(bool),
}

/// Answers of some questions.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    pub inputs: Vec<Input>,
    /// Those with one of these codes.
    pub only: Option<Vec<String>>,
    /// Those with another code than these.
    pub except: Option<Vec<String>>,
    /// Those with any code: free text among them has none.
    pub coded: bool,
}

impl Selection {
    /// All answers, whatever they are.
    pub const fn is_plain(&self) -> bool {
        self.only.is_none() && self.except.is_none() && !self.coded
    }
}

/// One question that a rule reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Input {
    pub source: Source,
    pub item: usize,
}

/// Whose response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// The person's own.
    Own,
    /// The professional's about the person.
    Professional,
}

impl Condition {
    /// Every question that the condition reads, in order, each once.
    pub fn inputs(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        self.collect(&mut inputs);
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }

    /// Something in it runs in the engine.
    pub fn has_engine(&self) -> bool {
        let mut found = false;
        self.visit(&mut |condition| match condition {
            Self::Engine(_) => found = true,
            Self::Shared(part) => found |= part.has_engine(),
            Self::Compare(left, _, right) => found |= left.has_engine() || right.has_engine(),
            _ => {}
        });
        found
    }

    /// An expression for the engine asks whether there is an answer, whatever it is.
    pub fn asks_presence(&self) -> bool {
        let mut found = false;
        self.visit(&mut |condition| match condition {
            Self::Engine(foreign) => found |= foreign.asks_presence,
            Self::Shared(part) => found |= part.asks_presence(),
            Self::Compare(left, _, right) => found |= left.asks_presence() || right.asks_presence(),
            _ => {}
        });
        found
    }

    /// All parts, those that are shared once each.
    pub(super) fn visit_all<'c>(&'c self, see: &mut impl FnMut(&'c Self)) {
        let (mut seen, mut next): (Vec<&Common<Self>>, Vec<&'c Self>) = (Vec::new(), vec![self]);
        while let Some(condition) = next.pop() {
            condition.visit(&mut |part| {
                see(part);
                if let Self::Shared(shared) = part
                    && !seen.iter().any(|known| known.is(shared))
                {
                    seen.push(shared);
                    next.push(shared.of());
                }
            });
        }
    }

    /// What it costs to evaluate, all that is shared counted each time.
    pub(super) fn weight(&self) -> u64 {
        let mut weight = 0_u64;
        self.visit(&mut |part| {
            let inner = match part {
                Self::Shared(part) => part.weight(),
                Self::Compare(left, _, right) => left.weight().saturating_add(right.weight()),
                _ => 0,
            };
            weight = weight.saturating_add(inner).saturating_add(1);
        });
        weight
    }

    /// What is shared is seen and not gone into.
    fn visit<'c>(&'c self, see: &mut impl FnMut(&'c Self)) {
        see(self);
        match self {
            Self::And(left, right) | Self::Or(left, right) | Self::Xor(left, right) | Self::Implies(left, right) => {
                left.visit(see);
                right.visit(see);
            }
            Self::If(condition, left, right) => [condition, left, right].into_iter().for_each(|it| it.visit(see)),
            Self::Not(inner) => inner.visit(see),
            _ => {}
        }
    }

    fn collect(&self, inputs: &mut Vec<Input>) {
        self.visit(&mut |condition| match condition {
            Self::Compare(left, _, right) => {
                left.collect(inputs);
                right.collect(inputs);
            }
            Self::Same { of, .. } | Self::OneOf { of, .. } | Self::Exists(of) | Self::Empty(of) | Self::Answer(of) => {
                inputs.extend(&of.inputs);
            }
            Self::Engine(foreign) => inputs.extend(&foreign.inputs),
            Self::Shared(part) => inputs.extend(part.inputs()),
            _ => {}
        });
    }
}

impl Number {
    fn collect(&self, inputs: &mut Vec<Input>) {
        match self {
            Self::Sum(of, _) | Self::One(of, _) | Self::OneIn(of, _) | Self::Count(of) | Self::CountThat(of, ..) => {
                inputs.extend(&of.inputs)
            }
            Self::Add(left, right) | Self::Subtract(left, right) | Self::Multiply(left, right) | Self::Quotient(left, right) => {
                left.collect(inputs);
                right.collect(inputs);
            }
            Self::If(condition, left, right) => {
                condition.collect(inputs);
                left.collect(inputs);
                right.collect(inputs);
            }
            Self::Divide(inner, _) => inner.collect(inputs),
            Self::Shared(part) => inputs.extend(part.inputs()),
            Self::Truth(condition) => condition.collect(inputs),
            Self::Engine(foreign) => inputs.extend(&foreign.inputs),
            Self::Literal(_) => {}
        }
    }

    /// Every question that the number reads, in order, each once.
    pub fn inputs(&self) -> Vec<Input> {
        let mut inputs = Vec::new();
        self.collect(&mut inputs);
        inputs.sort_unstable();
        inputs.dedup();
        inputs
    }

    fn has_engine(&self) -> bool {
        self.any(&|_| true, &Condition::has_engine, &Common::has_engine)
    }

    fn asks_presence(&self) -> bool {
        self.any(&|foreign| foreign.asks_presence, &Condition::asks_presence, &Common::asks_presence)
    }

    fn any(
        &self,
        holds: &dyn Fn(&Foreign) -> bool,
        of_condition: &dyn Fn(&Condition) -> bool,
        of_part: &dyn Fn(&Common<Self>) -> bool,
    ) -> bool {
        let inside = |number: &Self| number.any(holds, of_condition, of_part);
        match self {
            Self::Engine(foreign) => holds(foreign),
            Self::Add(left, right) | Self::Subtract(left, right) | Self::Multiply(left, right) | Self::Quotient(left, right) => {
                inside(left) || inside(right)
            }
            Self::If(condition, left, right) => of_condition(condition) || inside(left) || inside(right),
            Self::Truth(condition) => of_condition(condition),
            Self::Divide(inner, _) => inside(inner),
            Self::Shared(part) => of_part(part),
            Self::Literal(_) | Self::Sum(..) | Self::One(..) | Self::OneIn(..) | Self::Count(_) | Self::CountThat(..) => false,
        }
    }

    /// As [`Condition::weight`].
    pub(super) fn weight(&self) -> u64 {
        let inner = match self {
            Self::Add(left, right) | Self::Subtract(left, right) | Self::Multiply(left, right) | Self::Quotient(left, right) => {
                left.weight().saturating_add(right.weight())
            }
            Self::If(condition, left, right) => condition.weight().saturating_add(left.weight()).saturating_add(right.weight()),
            Self::Truth(condition) => condition.weight(),
            Self::Divide(inner, _) => inner.weight(),
            Self::Shared(part) => part.weight(),
            _ => 0,
        };
        inner.saturating_add(1)
    }
}

/// The comparison that an operator makes, if it makes one.
fn comparison(operator: BinaryOperator) -> Option<Comparison> {
    Comparison::of(operator.symbol())
}
