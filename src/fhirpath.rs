//! The one door to the FHIRPath engine: for conditions that are not lowered, and as the referee of those that are.
//!
//! The engine is async without I/O; it is polled a bounded number of times, which is its fuel. Its contexts are made
//! fresh (its own preparing keeps a client's JSON alive in a cache) and its error texts, which may quote answers, are
//! dropped here.

mod functions;
mod session;

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use neuvola_fhir::{Node, Value as NodeValue};
use octofhir_fhirpath::{Collection, CompiledPlan, EmptyModelProvider, EvaluationContext, FhirPathEngine, FhirPathValue};
use serde_json::{Map, Number, Value};

pub use functions::{ITEM_WEIGHT, ORDINAL_VALUE, WEIGHTS};
pub use session::{Result as Outcome, Session};

/// What an expression comes to, as a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluated {
    True,
    False,
    Empty,
    /// An error, several values, something that is no boolean, or out of fuel.
    Undecided,
}

/// What an expression may read.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'g, 'd> {
    pub own: &'g Node<'d>,
    pub professional: Option<&'g Node<'d>>,
    /// Names and expressions, each seeing those before it.
    pub variables: &'g [(String, String)],
}

/// Evaluates `expression` with the person's own response as focus.
pub fn evaluate(expression: &str, ground: Ground<'_, '_>) -> Evaluated {
    let Some(engine) = engine() else { return Evaluated::Undecided };
    let own = FhirPathValue::resource(json(ground.own));
    let context = EvaluationContext::new(Collection::single(own.clone()), Arc::new(EmptyModelProvider), None, None, None);
    context.set_variable("resource".to_owned(), own);
    if let Some(professional) = ground.professional {
        context.set_variable("professional".to_owned(), FhirPathValue::resource(json(professional)));
    }
    for (name, expression) in ground.variables {
        // one that fails or is not single stays unset: whoever reads it is undecided
        if let Some(result) = run(engine.evaluate(expression, &context))
            && let [value] = result.as_slice()
        {
            context.set_variable(name.clone(), value.clone());
        }
    }
    match run(engine.evaluate(expression, &context)).as_deref() {
        Some([]) => Evaluated::Empty,
        Some([value]) => match value.as_boolean() {
            Some(true) => Evaluated::True,
            Some(false) => Evaluated::False,
            None => Evaluated::Undecided,
        },
        _ => Evaluated::Undecided,
    }
}

/// An expression made ready, for as long as it is held: the engine's own cache is small.
#[derive(Clone)]
pub struct Plan(Option<Arc<CompiledPlan>>);

/// A resource, or a part of one, that many expressions read.
#[derive(Clone)]
pub struct Kept(Arc<FhirPathValue>);

impl Plan {
    /// `None` for what does not parse.
    pub fn of(expression: &str) -> Option<Self> {
        Some(Self(Some(engine()?.compile_plan(expression).ok()?)))
    }

    /// One that is never run: whoever asks for it learns nothing. A few hundred bytes of an expression may ask for gigabytes.
    pub const fn untrusted() -> Self {
        Self(None)
    }
}

impl Kept {
    pub fn of(node: &Node<'_>) -> Self {
        Self(Arc::new(FhirPathValue::resource(json(node))))
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

fn engine() -> Option<&'static FhirPathEngine> {
    static ENGINE: OnceLock<Option<FhirPathEngine>> = OnceLock::new();
    ENGINE.get_or_init(|| poll(FhirPathEngine::new(Arc::new(functions::registry()), Arc::new(EmptyModelProvider)))?.ok()).as_ref()
}

fn run(future: impl Future<Output = octofhir_fhirpath::Result<octofhir_fhirpath::EvaluationResult>>) -> Option<Vec<FhirPathValue>> {
    poll(future)?.ok().map(|result| result.value.into_vec())
}

/// Polls to the end, or until the fuel is used up.
fn poll<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..FUEL {
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

/// The engine yields after some 4,096 steps.
const FUEL: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn of(expression: &str, variables: &[(&str, &str)]) -> Evaluated {
        let document = br#"{"resourceType":"QuestionnaireResponse","item":[{"linkId":"a","answer":[{"valueInteger":3}]},{"linkId":"b","answer":[{"valueCoding":{"code":"x"}},{"valueCoding":{"code":"y"}}]}]}"#;
        let node = neuvola_fhir::read(document).expect("well-formed");
        let variables: Vec<_> = variables.iter().map(|(name, expression)| ((*name).to_owned(), (*expression).to_owned())).collect();
        evaluate(expression, Ground { own: &node, professional: None, variables: &variables })
    }

    #[test]
    fn a_condition_is_true_false_or_empty() {
        assert_eq!(of("item.where(linkId='a').answer.value >= 3", &[]), Evaluated::True);
        assert_eq!(of("item.where(linkId='a').answer.value > 3", &[]), Evaluated::False);
        assert_eq!(of("item.where(linkId='c').answer.value > 3", &[]), Evaluated::Empty);
    }

    #[test]
    fn what_is_no_single_boolean_decides_nothing() {
        assert_eq!(of("item.where(linkId='a').answer.value", &[]), Evaluated::Undecided);
        assert_eq!(of("item.where(linkId='b').answer.value.code", &[]), Evaluated::Undecided);
        assert_eq!(of("item.((", &[]), Evaluated::Undecided);
    }

    #[test]
    fn variables_are_seen_by_those_after_them() {
        assert_eq!(of("%twice = 6", &[("once", "item.where(linkId='a').answer.value"), ("twice", "%once * 2")]), Evaluated::True);
    }
}
