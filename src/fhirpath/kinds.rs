//! Types that are no primitives: what a value is, and `is()`, `as()` and `ofType()` with them. The engine knows no model, and
//! writes the names of types that it guesses in lower case.

use std::sync::Arc;

use async_trait::async_trait;
use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::core::error_code::FP0054;
use octofhir_fhirpath::core::node::FhirNode;
use octofhir_fhirpath::evaluator::AsyncNodeEvaluator;
use octofhir_fhirpath::evaluator::function_registry::{FunctionMetadata, LazyFunctionEvaluator};
use octofhir_fhirpath::{Collection, EvaluationContext, EvaluationResult, FhirPathError, FhirPathValue, Result};
use rust_decimal::Decimal;

/// The engine's function of this name, ours where it is asked for a type that is no primitive.
pub(super) fn aware(name: &str, engines: Arc<dyn LazyFunctionEvaluator>) -> Arc<dyn LazyFunctionEvaluator> {
    Arc::new(OfKind { asks: name == "is", engines })
}

/// The name of a type that is no primitive, without `FHIR.`.
pub(super) fn complex(name: &str) -> Option<&str> {
    let name = name.strip_prefix("FHIR.").unwrap_or(name);
    let is_primitive = ["Boolean", "String", "Integer", "Long", "Decimal", "Date", "DateTime", "Time"].contains(&name);
    (name.starts_with(char::is_uppercase) && !name.contains('.') && !is_primitive).then_some(name)
}

/// The number of a quantity, and its unit: the code where there is one.
pub(super) fn quantity(value: &FhirPathValue) -> Option<(Decimal, String)> {
    match value {
        FhirPathValue::Quantity { value, unit, code, .. } => Some((*value, code.as_ref().or(unit.as_ref())?.clone())),
        FhirPathValue::Resource(node, ..) if is(value, "Quantity") == Some(true) && node.get("comparator").is_none() => {
            let FhirNode::Number(number) = node.get("value")? else { return None };
            let number = number.to_string();
            let number = number.parse().or_else(|_| Decimal::from_scientific(&number)).ok()?;
            Some((number, node.get("code").or_else(|| node.get("unit"))?.as_str()?.to_owned()))
        }
        _ => None,
    }
}

/// `None` where nobody knows.
pub(super) fn is(value: &FhirPathValue, wanted: &str) -> Option<bool> {
    let (node, info) = match value {
        FhirPathValue::Resource(node, info, _) => (node, info),
        FhirPathValue::Quantity { .. } => return Some(wanted == "Quantity"),
        _ => return if wanted == "Element" { None } else { Some(false) },
    };
    if let Some(kind) = node.get("resourceType").and_then(FhirNode::as_str) {
        return Some(kind == wanted || wanted == "Resource" || (wanted == "DomainResource" && kind != "Bundle"));
    }
    let name = info.name.as_deref().unwrap_or(&info.type_name);
    let name = name.strip_prefix("value").unwrap_or(name);
    let kind = match name {
        "item" | "answer" => "BackboneElement",
        "subject" | "author" | "source" => "Reference",
        name => DATATYPES.iter().find(|known| known.eq_ignore_ascii_case(name))?,
    };
    Some(kind == wanted || wanted == "Element")
}

struct OfKind {
    /// `is()`; else what is not of the type is left out.
    asks: bool,
    engines: Arc<dyn LazyFunctionEvaluator>,
}

#[async_trait]
impl LazyFunctionEvaluator for OfKind {
    async fn evaluate_borrowed(
        &self,
        input: Collection,
        context: &EvaluationContext,
        args: &[Ast],
        evaluator: AsyncNodeEvaluator<'_>,
    ) -> Result<EvaluationResult> {
        let name = match args {
            [Ast::Identifier(name)] => name.name.clone(),
            [Ast::PropertyAccess(access)] => match &*access.object {
                Ast::Identifier(namespace) => format!("{}.{}", namespace.name, access.property),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let Some(wanted) = complex(&name) else { return self.engines.evaluate_borrowed(input, context, args, evaluator).await };
        let unknown = || FhirPathError::evaluation_error(FP0054, "the type is not known");
        let value = if self.asks {
            let of = |value: &FhirPathValue| is(value, wanted).map(FhirPathValue::boolean).ok_or_else(unknown);
            match input.values() {
                [] => Collection::empty(),
                [value] => Collection::single(of(value)?),
                _ => return Err(unknown()),
            }
        } else {
            let mut values = Vec::new();
            for value in input {
                if is(&value, wanted).ok_or_else(unknown)? {
                    values.push(value);
                }
            }
            Collection::from(values)
        };
        Ok(EvaluationResult { value })
    }

    async fn evaluate(
        &self,
        input: Collection,
        context: &EvaluationContext,
        args: Vec<Ast>,
        evaluator: AsyncNodeEvaluator<'_>,
    ) -> Result<EvaluationResult> {
        self.evaluate_borrowed(input, context, &args, evaluator).await
    }

    fn metadata(&self) -> &FunctionMetadata {
        self.engines.metadata()
    }
}

const DATATYPES: [&str; 9] =
    ["Coding", "Quantity", "Reference", "Attachment", "Extension", "CodeableConcept", "Identifier", "Period", "Meta"];
