//! Functions that the engine lacks, or has in a way that is not ours: `weight()` and `ordinal()` (SDC 4.0); `now()`,
//! `today()`, `timeOfDay()`, which mean the time when the response was authored: what was valid then is valid now; `sum()`
//! over nothing; `trace()`; and those that are put into expressions ([`super::rewrite`]).

use std::cell::RefCell;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::tz::Offset;
use octofhir_fhirpath::core::error_code::FP0054;
use octofhir_fhirpath::core::model_provider::TypeInfo;
use octofhir_fhirpath::evaluator::function_registry::{
    EmptyPropagation, FunctionEvaluatorWrapper, FunctionMetadata, FunctionSignature, NullPropagationStrategy, PureFunctionEvaluator,
};
use octofhir_fhirpath::{Collection, EvaluationResult, FhirPathError, FhirPathValue, FunctionRegistry, Result, create_function_registry};
use serde_json::Value;

use super::kinds;
use super::rewrite::{SPREAD, STEP, TRACE};
use super::temporal::Moment;

/// The engine's functions, ours among them.
pub(super) fn registry() -> FunctionRegistry {
    let mut registry = create_function_registry();
    for (name, function) in OURS {
        registry.register_pure_function(Arc::new(Ours { metadata: metadata(name), function }));
    }
    for name in ["is", "as", "ofType"] {
        if let Some(FunctionEvaluatorWrapper::Lazy(engines)) = registry.get_function_wrapper(name).cloned() {
            registry.register_lazy_function(kinds::aware(name, engines));
        }
    }
    if let Some(FunctionEvaluatorWrapper::Pure(engines)) = registry.get_function_wrapper("sum").cloned() {
        registry.register_pure_function(Arc::new(Sum { metadata: metadata("sum"), engines }));
    }
    registry
}

/// What stands for a variable whose expression fails: whoever reads it fails too. It says whether that was too costly.
pub(super) fn failed(too_costly: bool) -> FhirPathValue {
    let info = TypeInfo { type_name: FAILED.to_owned(), singleton: Some(true), namespace: None, name: None, is_empty: None };
    FhirPathValue::String(if too_costly { TOO_COSTLY.to_owned() } else { String::new() }, Arc::new(info), None)
}

/// Whether a variable failed, and if so whether that was too costly.
pub(super) fn failure(value: &FhirPathValue) -> Option<bool> {
    match value {
        FhirPathValue::String(text, info, _) if info.type_name == FAILED => Some(text == TOO_COSTLY),
        _ => None,
    }
}

/// Runs with `authored` as the time that expressions ask for. Evaluation never leaves the thread.
pub(super) fn at<T>(authored: &str, work: impl FnOnce() -> T) -> T {
    let before = AUTHORED.replace(authored.to_owned());
    let done = work();
    AUTHORED.replace(before);
    done
}

/// R4's older place of a weight.
pub const ORDINAL_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/ordinalValue";
/// Where a weight is written for `weight()` and `ordinal()` to read: on the answer's Coding.
pub const ITEM_WEIGHT: &str = "http://hl7.org/fhir/StructureDefinition/itemWeight";

struct Ours {
    metadata: FunctionMetadata,
    function: Function,
}

/// From its focus to its values.
type Function = fn(Collection) -> Result<Collection>;

#[async_trait]
impl PureFunctionEvaluator for Ours {
    async fn evaluate(&self, input: Collection, args: Vec<Collection>) -> Result<EvaluationResult> {
        self.evaluate_sync(input, args)
    }

    fn supports_sync(&self) -> bool {
        true
    }

    fn evaluate_sync(&self, input: Collection, _args: Vec<Collection>) -> Result<EvaluationResult> {
        Ok(EvaluationResult { value: (self.function)(input)? })
    }

    fn metadata(&self) -> &FunctionMetadata {
        &self.metadata
    }
}

/// Over nothing it is 0.
struct Sum {
    metadata: FunctionMetadata,
    engines: Arc<dyn PureFunctionEvaluator>,
}

#[async_trait]
impl PureFunctionEvaluator for Sum {
    async fn evaluate(&self, input: Collection, args: Vec<Collection>) -> Result<EvaluationResult> {
        self.evaluate_sync(input, args)
    }

    fn supports_sync(&self) -> bool {
        true
    }

    fn evaluate_sync(&self, input: Collection, args: Vec<Collection>) -> Result<EvaluationResult> {
        if input.is_empty() {
            return Ok(EvaluationResult { value: Collection::single(FhirPathValue::integer(0)) });
        }
        self.engines.evaluate_sync(input, args)
    }

    fn metadata(&self) -> &FunctionMetadata {
        &self.metadata
    }
}

pub(super) fn metadata(name: &str) -> FunctionMetadata {
    FunctionMetadata {
        name: name.to_owned(),
        signature: FunctionSignature {
            input_type: "Any".to_owned(),
            return_type: "Any".to_owned(),
            max_params: Some(0),
            ..FunctionSignature::default()
        },
        null_propagation: NullPropagationStrategy::None,
        empty_propagation: EmptyPropagation::NoPropagation,
        ..FunctionMetadata::default()
    }
}

const OURS: [(&str, Function); 8] = [
    ("weight", weights),
    ("ordinal", weights),
    (SPREAD, spread),
    (STEP, Ok),
    // the engine's writes what clients told to the standard error
    (TRACE, Ok),
    ("now", |_| authored(Moment::date_time)),
    ("today", |_| authored(Moment::date)),
    ("timeOfDay", |_| authored(Moment::time)),
];

/// Where nobody knows when that was, whoever asks fails: nothing would be an answer.
fn authored(part: fn(Moment) -> Option<Moment>) -> Result<Collection> {
    let value = AUTHORED.with_borrow(|text| part(Moment::read(text)?)?.into_value());
    value.map(Collection::single).ok_or_else(|| FhirPathError::evaluation_error(FP0054, "it is not known when it was authored"))
}

/// Of whoever asks what time it is.
pub(super) fn offset() -> Option<Offset> {
    AUTHORED.with_borrow(|text| Moment::read(text)?.offset())
}

/// A variable is one value to the engine, which may be several or none.
fn spread(input: Collection) -> Result<Collection> {
    if let [value] = input.values()
        && failure(value).is_some()
    {
        return Err(FhirPathError::evaluation_error(FP0054, "its variable fails"));
    }
    if !input.iter().any(|value| matches!(value, FhirPathValue::Collection(_) | FhirPathValue::Empty)) {
        return Ok(input);
    }
    let mut values = Vec::new();
    for value in input {
        match value {
            FhirPathValue::Collection(nested) => values.extend(spread(nested)?),
            FhirPathValue::Empty => {}
            value => values.push(value),
        }
    }
    Ok(Collection::from(values))
}

/// Of answers, of their Codings, or of options.
fn weights(input: Collection) -> Result<Collection> {
    let values = input
        .iter()
        .filter_map(|value| {
            let json = value.to_json_value();
            let number = weight(&json).or_else(|| weight(json.get("valueCoding")?))?;
            number.parse::<rust_decimal::Decimal>().ok().map(FhirPathValue::decimal)
        })
        .collect();
    Ok(values)
}

fn weight(holder: &Value) -> Option<String> {
    let extensions = holder.get("extension")?.as_array()?;
    let of = |extension: &&Value| extension.get("url").and_then(Value::as_str).is_some_and(|url| WEIGHTS.contains(&url));
    extensions.iter().find(of)?.get("valueDecimal").map(ToString::to_string)
}

/// Both names of a weight.
pub const WEIGHTS: [&str; 2] = [ITEM_WEIGHT, ORDINAL_VALUE];

const FAILED: &str = "#failed";
const TOO_COSTLY: &str = "#costly";

thread_local! {
    static AUTHORED: RefCell<String> = const { RefCell::new(String::new()) };
}
