//! One response made ready for many expressions: constraints, calculations, conditions.
//!
//! The focus of an expression is the response or one of its items; `%resource` is the response, `%context` the focus,
//! `%questionnaire` and `%qitem` where they are given (SDC 4.0 <https://hl7.org/fhir/uv/sdc/expressions.html>). Launch
//! contexts are not there when a response is validated: they are empty.

use std::rc::Rc;
use std::sync::Arc;

use octofhir_fhirpath::{Collection, EmptyModelProvider, EvaluationContext, FhirPathValue};
use rust_decimal::Decimal;
use serde_json::Value;

use super::functions::{at, failed, failure};
use super::kinds::quantity;
use super::measure::{Size, depth};
use super::meter::{Budget, TooCostly, within};
use super::rewrite::Names;
use super::{Kept, Plan, is_known, run};

/// What a value came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Result {
    Boolean(bool),
    Number(Decimal),
    /// A string, date, dateTime, time, code or uri, as written.
    Text(String),
    Coding {
        system: String,
        code: String,
    },
    Quantity {
        value: Decimal,
        unit: String,
    },
    Other,
}

/// Why an expression comes to nothing. Its names are the expression's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It takes more than there is.
    Costly,
    UnknownVariable(String),
    /// It reads a variable whose own expression fails.
    FailedVariable(String),
    UnknownFunction(String),
    /// It fails on what it reads.
    Fails,
}

/// The ground on which expressions stand. Cheap to nest: each item's variables see those around it.
pub struct Session {
    context: EvaluationContext,
    focus: Collection,
    authored: Arc<str>,
    budget: Rc<Budget>,
    /// What the budget kept before it.
    kept: u64,
}

impl Session {
    /// With the response as focus. `authored` is what `now()` and `today()` mean; empty if it is not known.
    pub fn new(response: Value, questionnaire: Option<&Kept>, authored: &str, budget: &Rc<Budget>) -> Self {
        let response = value(response, budget);
        let context = EvaluationContext::new(Collection::empty(), Arc::new(EmptyModelProvider), None, None, None);
        context.set_variable("resource".to_owned(), response.clone());
        context.set_variable("rootResource".to_owned(), response.clone());
        if let Some(questionnaire) = questionnaire {
            context.set_variable("questionnaire".to_owned(), (*questionnaire.0).clone());
        }
        let focus = Collection::single(response);
        let session = Self { context, focus, authored: authored.into(), budget: Rc::clone(budget), kept: budget.kept() };
        session.name("context");
        session
    }

    /// With the responses of a family as `%family`, and nobody's as focus.
    pub fn of_family(responses: &[&Kept], authored: &str, budget: &Rc<Budget>) -> Self {
        let context = EvaluationContext::new(Collection::empty(), Arc::new(EmptyModelProvider), None, None, None);
        let values: Vec<FhirPathValue> = responses.iter().map(|response| (*response.0).clone()).collect();
        budget.take(values.len() as u64 * RESPONSE);
        context.set_variable("family".to_owned(), several(values));
        Self { context, focus: Collection::empty(), authored: authored.into(), budget: Rc::clone(budget), kept: budget.kept() }
    }

    /// With an item as focus; without one it is empty. The variables set so far are seen.
    pub fn at_item(&self, item: Option<Value>, qitem: Option<&Kept>) -> Self {
        let focus = item.map_or_else(Collection::empty, |item| Collection::single(value(item, &self.budget)));
        let session = Self {
            context: self.context.create_child_context(focus.clone()),
            focus,
            authored: Arc::clone(&self.authored),
            budget: Rc::clone(&self.budget),
            kept: self.budget.kept(),
        };
        session.name("context");
        if let Some(qitem) = qitem {
            session.context.set_variable("qitem".to_owned(), (*qitem.0).clone());
        }
        session
    }

    /// As this one, for variables of its own.
    pub fn child(&self) -> Self {
        let context = self.context.create_child_context(self.focus.clone());
        let (authored, budget) = (Arc::clone(&self.authored), Rc::clone(&self.budget));
        Self { context, focus: self.focus.clone(), authored, budget, kept: self.budget.kept() }
    }

    /// A resource under a name.
    pub fn give(&self, name: &str, resource: Value) {
        self.context.set_variable(name.to_owned(), FhirPathValue::resource(resource));
    }

    /// Evaluates a variable. Whoever reads one that fails fails too.
    pub fn define(&self, name: &str, plan: &Plan) {
        let value = match self.values(plan).map(Collection::from) {
            Ok(values) if self.budget.keep(Size::of(&values).bytes) => several(values.into_vec()),
            Ok(_) | Err(Failure::Costly) => failed(true),
            Err(_) => failed(false),
        };
        self.context.set_variable(name.to_owned(), value);
    }

    /// `None` for an expression that fails, or takes more than there is.
    pub fn evaluate(&self, plan: &Plan) -> Option<Vec<Result>> {
        self.judge(plan).ok()
    }

    /// As [`Self::evaluate`].
    ///
    /// # Errors
    /// Why it comes to nothing.
    pub fn judge(&self, plan: &Plan) -> std::result::Result<Vec<Result>, Failure> {
        Ok(self.values(plan)?.iter().map(result).collect())
    }

    /// The member `name` of each value that is an object with such a string.
    pub fn texts(&self, plan: &Plan, name: &str) -> Vec<String> {
        let values = self.values(plan).unwrap_or_default();
        values.iter().filter_map(|value| Some(value.to_json_value().get(name)?.as_str()?.to_owned())).collect()
    }

    fn values(&self, plan: &Plan) -> std::result::Result<Vec<FhirPathValue>, Failure> {
        let context = self.context.create_child_context(self.focus.clone());
        let values = within(&self.budget, || at(&self.authored, || run(&plan.0, &context)));
        values.map_err(|TooCostly(is_costly)| if is_costly { Failure::Costly } else { self.failure(plan) })
    }

    /// What the expression reads or calls and is not there; the engine's own words may quote answers.
    fn failure(&self, plan: &Plan) -> Failure {
        let names = Names::of(&plan.0);
        for name in names.variables {
            match self.context.get_variable(name).map(|value| failure(&value)) {
                None => return Failure::UnknownVariable(name.to_owned()),
                Some(Some(true)) => return Failure::Costly,
                Some(Some(false)) => return Failure::FailedVariable(name.to_owned()),
                Some(None) => {}
            }
        }
        let unknown = names.functions.into_iter().find(|name| !is_known(name));
        unknown.map_or(Failure::Fails, |name| Failure::UnknownFunction(name.to_owned()))
    }

    fn name(&self, name: &str) {
        self.context.set_variable(name.to_owned(), several(self.focus.clone().into_vec()));
    }
}

impl Drop for Session {
    /// Its variables go with it.
    fn drop(&mut self) {
        self.budget.release(self.kept);
    }
}

/// To make one is work too.
fn value(json: Value, budget: &Budget) -> FhirPathValue {
    let value = FhirPathValue::resource(json);
    budget.take(depth(&Collection::single(value.clone()), u64::MAX) / 2);
    value
}

fn several(mut values: Vec<FhirPathValue>) -> FhirPathValue {
    match values.len() {
        0 => FhirPathValue::Empty,
        1 => values.remove(0),
        _ => FhirPathValue::collection(values),
    }
}

fn result(value: &FhirPathValue) -> Result {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if let Some((value, unit)) = quantity(value) {
        return value.to_string().parse().map_or(Result::Other, |value| Result::Quantity { value, unit });
    }
    match value {
        FhirPathValue::Boolean(value, ..) => Result::Boolean(*value),
        FhirPathValue::Integer(value, ..) => Result::Number((*value).into()),
        FhirPathValue::Decimal(value, ..) => value.to_string().parse().map_or(Result::Other, Result::Number),
        FhirPathValue::String(text, ..) => Result::Text(text.clone()),
        FhirPathValue::Quantity { value, unit, code, .. } => match value.to_string().parse() {
            Ok(value) => Result::Quantity { value, unit: code.clone().or_else(|| unit.clone()).unwrap_or_default() },
            Err(_) => Result::Other,
        },
        FhirPathValue::Time(time, ..) => Result::Text(time.to_string().trim_start_matches('T').to_owned()),
        other => match other.to_json_value() {
            Value::String(text) => Result::Text(text.strip_prefix('@').unwrap_or(&text).to_owned()),
            value if value.get("code").is_some() => Result::Coding { system: text(&value, "system"), code: text(&value, "code") },
            _ => Result::Other,
        },
    }
}

/// What it takes to show a response once more.
const RESPONSE: u64 = 100;
