//! The one door to the FHIRPath engine: for conditions that are not lowered, and as the referee of those that are.
//!
//! The engine is async without I/O: it is polled to its end. What it takes is metered ([`meter`]), whoever wrote the expression:
//! one that takes too much is not evaluated. Its contexts are made fresh (its own preparing keeps a client's JSON alive in a
//! cache) and its error texts, which may quote answers, are dropped here.

mod functions;
mod kinds;
mod measure;
mod meter;
mod metered;
mod operators;
mod prices;
mod rewrite;
mod session;
mod temporal;
#[cfg(test)]
mod tests;

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use neuvola_fhir::{Node, Value as NodeValue};
use octofhir_fhirpath::ast::ExpressionNode;
use octofhir_fhirpath::{EmptyModelProvider, EvaluationContext, FhirPathEngine, FhirPathValue, FunctionRegistry};
use serde_json::{Map, Number, Value};

pub use functions::{ITEM_WEIGHT, ORDINAL_VALUE, WEIGHTS};
pub use meter::Budget;
pub use prices::pattern_size;
pub use session::{Failure, Result as Outcome, Session};

/// An expression made ready.
#[derive(Clone)]
pub struct Plan(Arc<ExpressionNode>);

/// A resource, or a part of one, that many expressions read.
#[derive(Clone)]
pub struct Kept(Arc<FhirPathValue>);

impl Plan {
    /// `None` for what does not parse, or is longer or deeper than expressions are.
    pub fn of(expression: &str) -> Option<Self> {
        rewrite::parse(expression).map(|tree| Self(Arc::new(tree)))
    }
}

impl Kept {
    pub fn of(node: &Node<'_>) -> Self {
        Self::of_json(json(node))
    }

    pub fn of_json(resource: Value) -> Self {
        Self(Arc::new(FhirPathValue::resource(resource)))
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Plan")
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Kept")
    }
}

/// A unit of calendars: a quantity of it may be added to a date.
pub fn is_duration(unit: &str) -> bool {
    temporal::calendar_unit(unit).is_some()
}

/// Is this the name of a type that is no primitive?
pub fn is_complex(kind: &str) -> bool {
    kinds::complex(kind).is_some()
}

fn run(tree: &ExpressionNode, context: &EvaluationContext) -> Option<Vec<FhirPathValue>> {
    poll(engine()?.evaluate_ast(tree, context))?.ok().map(|result| result.value.into_vec())
}

/// There is such a function.
fn is_known(function: &str) -> bool {
    functions().has_function(function)
}

fn functions() -> &'static Arc<FunctionRegistry> {
    static FUNCTIONS: OnceLock<Arc<FunctionRegistry>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| Arc::new(metered::functions(&functions::registry())))
}

fn engine() -> Option<&'static FhirPathEngine> {
    static ENGINE: OnceLock<Option<FhirPathEngine>> = OnceLock::new();
    let make = || {
        let functions = Arc::clone(functions());
        let operators = Arc::new(metered::operators());
        poll(FhirPathEngine::new_with_registries(operators, functions, Arc::new(EmptyModelProvider)))?.ok()
    };
    ENGINE.get_or_init(make).as_ref()
}

/// Polls to the end; the bound is for what would wait for something.
fn poll<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..POLLS {
        if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return Some(result);
        }
    }
    None
}

/// A node as the engine reads it.
pub fn json(node: &Node<'_>) -> Value {
    match &node.value {
        NodeValue::Null => Value::Null,
        NodeValue::Bool(value) => Value::Bool(*value),
        NodeValue::Number(digits) => digits.parse::<Number>().map_or(Value::Null, Value::Number),
        NodeValue::String(text) => Value::String(text.clone().into_owned()),
        NodeValue::Array(elements) => Value::Array(elements.iter().map(json).collect()),
        NodeValue::Object(members) => {
            Value::Object(members.iter().map(|(name, node)| (name.clone().into_owned(), json(node))).collect::<Map<_, _>>())
        }
    }
}

/// The engine yields after some 4,096 of its own steps.
const POLLS: usize = 4096;
