//! Operators that the engine has in a way that is not ours: those of dates and times ([`super::temporal`]), and those of
//! quantities, which it does not know for ones where they are answers.

use std::cmp::Ordering;
use std::sync::Arc;

use async_trait::async_trait;
use octofhir_fhirpath::ast::BinaryOperator as Op;
use octofhir_fhirpath::core::error_code::FP0054;
use octofhir_fhirpath::evaluator::operator_registry::{OperationEvaluator, OperatorMetadata};
use octofhir_fhirpath::{Collection, EvaluationContext, EvaluationResult, FhirPathError, FhirPathValue, Result};
use rust_decimal::Decimal;

use super::functions::offset;
use super::kinds::{is, quantity};
use super::temporal::Moment;

/// The engine's operator, ours where dates, times or quantities stand on both sides.
pub(super) fn aware(operator: Op, engines: Arc<dyn OperationEvaluator>) -> Arc<dyn OperationEvaluator> {
    use Op::{Add, Divide, Equal, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual, Multiply, NotEqual, Subtract};
    match operator {
        Equal | NotEqual | LessThan | LessThanOrEqual | GreaterThan | GreaterThanOrEqual => Arc::new(Aware { operator, engines }),
        Add | Subtract | Multiply | Divide => Arc::new(Aware { operator, engines }),
        _ => engines,
    }
}

struct Aware {
    operator: Op,
    engines: Arc<dyn OperationEvaluator>,
}

impl Aware {
    /// `None`: the engine's business.
    fn ours(&self, left: &Collection, right: &Collection) -> Option<Result<Collection>> {
        let ([left], [right]) = (left.values(), right.values()) else {
            // the engine takes the first
            return (self.is_ordering() && left.len().min(right.len()) > 0).then(|| Err(failed("several values are not compared")));
        };
        match self.operator {
            Op::Multiply | Op::Divide => self.scaled(left, right),
            Op::Add | Op::Subtract => self.moved(left, right),
            _ => self.compared(left, right),
        }
    }

    fn compared(&self, left: &FhirPathValue, right: &FhirPathValue) -> Option<Result<Collection>> {
        let ordering = match (quantity(left), quantity(right)) {
            (Some((left, unit)), Some((right, other))) if unit == other => Ok(Some(left.cmp(&right))),
            (Some(_), Some(_)) => return None,
            _ if is_quantity(left) && is_quantity(right) => Err(failed("a quantity is not exact")),
            _ if (is_quantity(left) || is_quantity(right)) && self.is_ordering() => Err(failed("a quantity compares with a quantity")),
            _ => {
                let (left, right) = moments(left, right, self.is_ordering())?;
                left.compare(right, offset()).map_err(|_| failed("they do not compare"))
            }
        };
        Some(ordering.map(|it| it.map(|it| FhirPathValue::boolean(self.holds(it))).into_iter().collect()))
    }

    /// Two quantities, made ready to be converted.
    fn converted(&self, left: &Collection, right: &Collection) -> Option<(Collection, Collection)> {
        let ([left], [right]) = (left.values(), right.values()) else { return None };
        let ((left, unit), (right, other)) = (quantity(left)?, quantity(right)?);
        let made = |value, unit: &str| Collection::single(FhirPathValue::quantity(value, Some(unit.to_owned())));
        (unit != other && !is_arithmetic(self.operator)).then(|| (made(left, &unit), made(right, &other)))
    }

    const fn is_ordering(&self) -> bool {
        matches!(self.operator, Op::LessThan | Op::LessThanOrEqual | Op::GreaterThan | Op::GreaterThanOrEqual)
    }

    fn holds(&self, ordering: Ordering) -> bool {
        match self.operator {
            Op::Equal => ordering.is_eq(),
            Op::NotEqual => ordering.is_ne(),
            Op::LessThan => ordering.is_lt(),
            Op::LessThanOrEqual => ordering.is_le(),
            Op::GreaterThan => ordering.is_gt(),
            _ => ordering.is_ge(),
        }
    }

    /// A point in time by a duration; a quantity by another of its unit.
    fn moved(&self, left: &FhirPathValue, right: &FhirPathValue) -> Option<Result<Collection>> {
        let signed = |count: Decimal| if self.operator == Op::Add { count } else { -count };
        let of = |value: &FhirPathValue| Moment::of(value).or_else(|| text(value));
        let value = match (quantity(left), quantity(right)) {
            (Some((left, unit)), Some((right, other))) => {
                if unit == other {
                    left.checked_add(signed(right)).map(|sum| FhirPathValue::quantity(sum, Some(unit)))
                } else {
                    None
                }
            }
            (None, Some((count, unit))) => of(left).and_then(|it| it.later(signed(count), &unit)?.into_value()),
            (Some((count, unit)), None) if self.operator == Op::Add => of(right).and_then(|it| it.later(count, &unit)?.into_value()),
            _ if [left, right].into_iter().any(|it| is_quantity(it) || Moment::of(it).is_some()) => None,
            _ => return None,
        };
        Some(value.map(Collection::single).ok_or_else(|| failed("that is no time, and no quantity")))
    }

    /// A quantity that is an answer, so many times: the engine takes none.
    fn scaled(&self, left: &FhirPathValue, right: &FhirPathValue) -> Option<Result<Collection>> {
        if !is_answer(left) && !is_answer(right) {
            return None;
        }
        let value = match (quantity(left), number(right), number(left), quantity(right), self.operator) {
            (Some((value, unit)), Some(by), _, _, Op::Multiply) | (_, _, Some(by), Some((value, unit)), Op::Multiply) => {
                value.checked_mul(by).map(|value| FhirPathValue::quantity(value, Some(unit)))
            }
            (Some((value, unit)), Some(by), _, _, _) => value.checked_div(by).map(|value| FhirPathValue::quantity(value, Some(unit))),
            _ => None,
        };
        Some(value.map(Collection::single).ok_or_else(|| failed("that is no quantity")))
    }
}

const fn is_arithmetic(operator: Op) -> bool {
    matches!(operator, Op::Add | Op::Subtract | Op::Multiply | Op::Divide)
}

/// What does not convert is not compared: nothing would be an answer, and the engine takes metres for minutes.
fn compared(result: EvaluationResult) -> Result<EvaluationResult> {
    if result.value.is_empty() { Err(failed("the units do not convert")) } else { Ok(result) }
}

fn is_quantity(value: &FhirPathValue) -> bool {
    is(value, "Quantity") == Some(true)
}

fn is_answer(value: &FhirPathValue) -> bool {
    matches!(value, FhirPathValue::Resource(..)) && is_quantity(value)
}

fn number(value: &FhirPathValue) -> Option<Decimal> {
    match value {
        FhirPathValue::Integer(value, ..) => Some((*value).into()),
        FhirPathValue::Decimal(value, ..) => Some(*value),
        _ => None,
    }
}

/// Two points in time, at least one of which is no text; or two texts that both are of resources.
fn moments(left: &FhirPathValue, right: &FhirPathValue, is_ordering: bool) -> Option<(Moment, Moment)> {
    match (Moment::of(left), Moment::of(right)) {
        (Some(left), Some(right)) => Some((left, right)),
        (Some(left), None) => Some((left, text(right)?)),
        (None, Some(right)) => Some((text(left)?, right)),
        (None, None) if !is_ordering => None,
        (None, None) => {
            let (left, right) = (text(left)?, text(right)?);
            (left.is_day() && right.is_day()).then_some((left, right))
        }
    }
}

/// Members of resources are text to the engine, whatever they are.
fn text(value: &FhirPathValue) -> Option<Moment> {
    match value {
        FhirPathValue::String(text, ..) => Moment::read(text),
        _ => None,
    }
}

fn failed(why: &str) -> FhirPathError {
    FhirPathError::evaluation_error(FP0054, why)
}

#[async_trait]
impl OperationEvaluator for Aware {
    fn supports_sync(&self) -> bool {
        self.engines.supports_sync()
    }

    fn evaluate_sync(
        &self,
        input: Collection,
        context: &EvaluationContext,
        left: Collection,
        right: Collection,
    ) -> Result<EvaluationResult> {
        if let Some((left, right)) = self.converted(&left, &right) {
            return self.engines.evaluate_sync(input, context, left, right).and_then(compared);
        }
        match self.ours(&left, &right) {
            Some(value) => Ok(EvaluationResult { value: value? }),
            None => self.engines.evaluate_sync(input, context, left, right),
        }
    }

    async fn evaluate(
        &self,
        input: Collection,
        context: &EvaluationContext,
        left: Collection,
        right: Collection,
    ) -> Result<EvaluationResult> {
        if let Some((left, right)) = self.converted(&left, &right) {
            return self.engines.evaluate(input, context, left, right).await.and_then(compared);
        }
        match self.ours(&left, &right) {
            Some(value) => Ok(EvaluationResult { value: value? }),
            None => self.engines.evaluate(input, context, left, right).await,
        }
    }

    fn metadata(&self) -> &OperatorMetadata {
        self.engines.metadata()
    }
}
