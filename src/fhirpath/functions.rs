//! Functions that the engine lacks, or has in a way that is not ours: `weight()` and `ordinal()` (SDC 4.0), and `now()`,
//! `today()`, `timeOfDay()`, which mean the time when the response was authored: what was valid then is valid now.

use std::cell::RefCell;
use std::sync::Arc;

use async_trait::async_trait;
use octofhir_fhirpath::core::{PrecisionDate, PrecisionDateTime, PrecisionTime};
use octofhir_fhirpath::evaluator::function_registry::{
    EmptyPropagation, FunctionMetadata, FunctionSignature, NullPropagationStrategy, PureFunctionEvaluator,
};
use octofhir_fhirpath::{Collection, EvaluationResult, FhirPathValue, FunctionRegistry, Result, create_function_registry};
use serde_json::Value;

/// The engine's functions, ours among them.
pub(super) fn registry() -> FunctionRegistry {
    let mut registry = create_function_registry();
    for (name, function) in OURS {
        registry.register_pure_function(Arc::new(Ours { metadata: metadata(name), function }));
    }
    registry
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
type Function = fn(&Collection) -> Vec<FhirPathValue>;

#[async_trait]
impl PureFunctionEvaluator for Ours {
    async fn evaluate(&self, input: Collection, args: Vec<Collection>) -> Result<EvaluationResult> {
        self.evaluate_sync(input, args)
    }

    fn supports_sync(&self) -> bool {
        true
    }

    fn evaluate_sync(&self, input: Collection, _args: Vec<Collection>) -> Result<EvaluationResult> {
        Ok(EvaluationResult { value: Collection::from((self.function)(&input)) })
    }

    fn metadata(&self) -> &FunctionMetadata {
        &self.metadata
    }
}

fn metadata(name: &str) -> FunctionMetadata {
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

const OURS: [(&str, Function); 5] = [
    ("weight", weights),
    ("ordinal", weights),
    ("now", |_| authored(|text| PrecisionDateTime::parse(text).map(FhirPathValue::datetime))),
    ("today", |_| authored(|text| PrecisionDate::parse(text.split('T').next()?).map(FhirPathValue::date))),
    ("timeOfDay", |_| {
        authored(|text| {
            let time = text.split_once('T')?.1;
            PrecisionTime::parse(time.get(..time.find(['Z', '+', '-'])?)?).map(FhirPathValue::time)
        })
    }),
];

fn authored(read: impl FnOnce(&str) -> Option<FhirPathValue>) -> Vec<FhirPathValue> {
    AUTHORED.with_borrow(|text| read(text)).into_iter().collect()
}

/// Of answers, of their Codings, or of options.
fn weights(input: &Collection) -> Vec<FhirPathValue> {
    input
        .iter()
        .filter_map(|value| {
            let json = value.to_json_value();
            let number = weight(&json).or_else(|| weight(json.get("valueCoding")?))?;
            number.parse::<rust_decimal::Decimal>().ok().map(FhirPathValue::decimal)
        })
        .collect()
}

fn weight(holder: &Value) -> Option<String> {
    let extensions = holder.get("extension")?.as_array()?;
    let of = |extension: &&Value| extension.get("url").and_then(Value::as_str).is_some_and(|url| WEIGHTS.contains(&url));
    extensions.iter().find(of)?.get("valueDecimal").map(ToString::to_string)
}

/// Both names of a weight.
pub const WEIGHTS: [&str; 2] = [ITEM_WEIGHT, ORDINAL_VALUE];

thread_local! {
    static AUTHORED: RefCell<String> = const { RefCell::new(String::new()) };
}
