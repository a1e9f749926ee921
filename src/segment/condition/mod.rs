//! A rule's expression, lowered: FHIRPath's syntax tree becomes a [`Condition`] over items known by index.
//!
//! The engine's parser gives the tree; what rules are made of is lowered here (answers by linkId, codes, weights, sums,
//! comparisons, boolean operators). What is not is [`Condition::Engine`] and runs in the engine. Sources: FHIRPath
//! <http://hl7.org/fhirpath/N1/>, SDC 4.0 `weight()`.

mod lower;
mod path;
mod syntax;

use rust_decimal::Decimal;

pub use lower::{Defect, Scope, lower};

/// Something that is true, false or empty of a family's answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    Constant(bool),
    And(Box<Condition>, Box<Condition>),
    Or(Box<Condition>, Box<Condition>),
    Xor(Box<Condition>, Box<Condition>),
    Implies(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
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
    /// Not lowered: the engine decides it, where nothing is missing.
    Engine {
        expression: String,
        variables: Vec<(String, String)>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    Literal(Decimal),
    /// `sum()`: nothing sums to 0.
    Sum(Selection, Measure),
    /// One answer's number.
    One(Selection, Measure),
    Count(Selection),
    Add(Box<Number>, Box<Number>),
    Subtract(Box<Number>, Box<Number>),
    Multiply(Box<Number>, Box<Number>),
}

/// What of an answer is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Value,
    Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
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
    /// Those with any code: free text among them has none.
    pub coded: bool,
}

impl Selection {
    /// All answers, whatever they are.
    pub const fn is_plain(&self) -> bool {
        self.only.is_none() && !self.coded
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

    fn collect(&self, inputs: &mut Vec<Input>) {
        match self {
            Self::And(left, right) | Self::Or(left, right) | Self::Xor(left, right) | Self::Implies(left, right) => {
                left.collect(inputs);
                right.collect(inputs);
            }
            Self::Not(inner) => inner.collect(inputs),
            Self::Compare(left, _, right) => {
                left.collect(inputs);
                right.collect(inputs);
            }
            Self::Same { of, .. } | Self::OneOf { of, .. } | Self::Exists(of) | Self::Empty(of) | Self::Answer(of) => {
                inputs.extend(&of.inputs)
            }
            Self::Constant(_) | Self::Engine { .. } => {}
        }
    }
}

impl Number {
    fn collect(&self, inputs: &mut Vec<Input>) {
        match self {
            Self::Sum(of, _) | Self::One(of, _) | Self::Count(of) => inputs.extend(&of.inputs),
            Self::Add(left, right) | Self::Subtract(left, right) | Self::Multiply(left, right) => {
                left.collect(inputs);
                right.collect(inputs);
            }
            Self::Literal(_) => {}
        }
    }
}
