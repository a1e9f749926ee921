//! The engine's functions and operators, each of which says what it takes before it begins.

use std::sync::Arc;

use async_trait::async_trait;
use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::evaluator::AsyncNodeEvaluator;
use octofhir_fhirpath::evaluator::function_registry::{
    FunctionEvaluatorWrapper, FunctionMetadata, LazyFunctionEvaluator, PureFunctionEvaluator,
};
use octofhir_fhirpath::evaluator::operator_registry::{
    OperationEvaluator, OperatorMetadata, OperatorRegistry, create_standard_operator_registry,
};
use octofhir_fhirpath::{Collection, EvaluationContext, EvaluationResult, FunctionRegistry, Result};

use super::functions::metadata;
use super::measure::{Size, depth};
use super::meter::{charge, left, spend};
use super::operators::aware;
use super::prices::Price;
use super::rewrite::{UNITED, UNITED_LITERALS, nodes};

/// Of all functions in it.
pub(super) fn functions(plain: &FunctionRegistry) -> FunctionRegistry {
    let mut metered = FunctionRegistry::new();
    for name in plain.list_functions() {
        let price = Price::of_function(name);
        match plain.get_function_wrapper(name) {
            Some(FunctionEvaluatorWrapper::Pure(function)) if price != Price::Refused => {
                metered.register_pure_function(Arc::new(Metered { inner: Arc::clone(function), price }));
            }
            Some(FunctionEvaluatorWrapper::Lazy(function)) if price != Price::Refused => {
                metered.register_lazy_function(Arc::new(Metered { inner: Arc::clone(function), price }));
            }
            // needs a server, a terminology or a model; or nobody knows what it takes
            _ => {}
        }
    }
    if let Some(FunctionEvaluatorWrapper::Pure(distinct)) = metered.get_function_wrapper("distinct").cloned() {
        metered.register_lazy_function(Arc::new(United { metadata: metadata(UNITED), distinct: Arc::clone(&distinct) }));
        metered.register_pure_function(Arc::new(United { metadata: metadata(UNITED_LITERALS), distinct }));
    }
    metered
}

/// Of all operators.
pub(super) fn operators() -> OperatorRegistry {
    let plain = create_standard_operator_registry();
    let mut metered = OperatorRegistry::new();
    for operator in plain.list_binary_operators() {
        if let Some(inner) = plain.get_binary_operator(operator) {
            let price = Price::of_operator(&inner.metadata().name);
            let inner = aware(*operator, Arc::clone(inner));
            metered.register_binary_operator(*operator, Arc::new(Metered { inner, price }));
        }
    }
    for operator in plain.list_unary_operators() {
        if let Some(inner) = plain.get_unary_operator(operator) {
            metered.register_unary_operator(*operator, Arc::new(Metered { inner: Arc::clone(inner), price: Price::Plain }));
        }
    }
    metered
}

struct Metered<T: ?Sized> {
    inner: Arc<T>,
    price: Price,
}

impl<T: ?Sized> Metered<T> {
    /// What came of it: the values that it gave; an error has told all about its input.
    fn told(&self, result: Result<EvaluationResult>, input: &Collection) -> Result<EvaluationResult> {
        match result {
            Ok(result) if self.price.is_passing() => Ok(result),
            Ok(result) => {
                let size = Size::of(&result.value);
                charge(2 * size.values + size.bytes / 64, size.bytes)?;
                Ok(result)
            }
            Err(error) => {
                spend(4 * depth(input, left()))?;
                Err(error)
            }
        }
    }
}

#[async_trait]
impl PureFunctionEvaluator for Metered<dyn PureFunctionEvaluator> {
    fn supports_sync(&self) -> bool {
        self.inner.supports_sync()
    }

    fn evaluate_sync(&self, input: Collection, args: Vec<Collection>) -> Result<EvaluationResult> {
        // arguments that are no literals may have needed a context of their own
        charge(if args.is_empty() { 0 } else { CONTEXT }, 0)?;
        self.price.charge(&input, &args)?;
        let kept = input.clone();
        self.told(self.inner.evaluate_sync(input, args), &kept)
    }

    fn evaluate_sync_borrowed(&self, input: Collection, args: &[Collection]) -> Result<EvaluationResult> {
        self.price.charge(&input, args)?;
        let kept = input.clone();
        self.told(self.inner.evaluate_sync_borrowed(input, args), &kept)
    }

    async fn evaluate(&self, input: Collection, args: Vec<Collection>) -> Result<EvaluationResult> {
        self.price.charge(&input, &args)?;
        let kept = input.clone();
        self.told(self.inner.evaluate(input, args).await, &kept)
    }

    fn metadata(&self) -> &FunctionMetadata {
        self.inner.metadata()
    }
}

#[async_trait]
impl LazyFunctionEvaluator for Metered<dyn LazyFunctionEvaluator> {
    fn prepare_no_args(&self) -> Option<Arc<dyn PureFunctionEvaluator>> {
        let inner = self.inner.prepare_no_args()?;
        Some(Arc::new(Metered { inner, price: self.price }))
    }

    async fn evaluate_borrowed(
        &self,
        input: Collection,
        context: &EvaluationContext,
        args: &[Ast],
        evaluator: AsyncNodeEvaluator<'_>,
    ) -> Result<EvaluationResult> {
        self.price.charge(&input, &[])?;
        let nodes = nodes(args);
        // the engine looks for what is the same in every turn, from every node again
        let turns = if args.is_empty() { 0 } else { input.len() as u64 * (TURN + nodes) };
        let asks_a_type = matches!(self.inner.metadata().name.as_str(), "is" | "as" | "ofType");
        charge(if asks_a_type { CONTEXT } else { 0 }, 0)?;
        charge(LAZY + nodes.saturating_mul(nodes) / 8 + turns, 0)?;
        let kept = input.clone();
        self.told(self.inner.evaluate_borrowed(input, context, args, evaluator).await, &kept)
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
        self.inner.metadata()
    }
}

#[async_trait]
impl OperationEvaluator for Metered<dyn OperationEvaluator> {
    fn supports_sync(&self) -> bool {
        self.inner.supports_sync()
    }

    fn evaluate_sync(
        &self,
        input: Collection,
        context: &EvaluationContext,
        left: Collection,
        right: Collection,
    ) -> Result<EvaluationResult> {
        self.price.charge(&left, std::slice::from_ref(&right))?;
        self.told(self.inner.evaluate_sync(input, context, left, right), &Collection::empty())
    }

    async fn evaluate(
        &self,
        input: Collection,
        context: &EvaluationContext,
        left: Collection,
        right: Collection,
    ) -> Result<EvaluationResult> {
        self.price.charge(&left, std::slice::from_ref(&right))?;
        self.told(self.inner.evaluate(input, context, left, right).await, &Collection::empty())
    }

    fn metadata(&self) -> &OperatorMetadata {
        self.inner.metadata()
    }
}

/// `|` of all its arguments, each in a scope of its own.
struct United {
    metadata: FunctionMetadata,
    distinct: Arc<dyn PureFunctionEvaluator>,
}

#[async_trait]
impl LazyFunctionEvaluator for United {
    async fn evaluate_borrowed(
        &self,
        _input: Collection,
        context: &EvaluationContext,
        args: &[Ast],
        evaluator: AsyncNodeEvaluator<'_>,
    ) -> Result<EvaluationResult> {
        charge(LAZY + TURN * args.len() as u64, 0)?;
        let mut all = Vec::new();
        for arg in args {
            let values = evaluator.evaluate(arg, &context.nest()).await?.value;
            let size = Size::of(&values);
            charge(size.values, size.bytes)?;
            all.extend(values);
        }
        self.distinct.evaluate_sync(Collection::from(all), Vec::new())
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
        &self.metadata
    }
}

#[async_trait]
impl PureFunctionEvaluator for United {
    fn supports_sync(&self) -> bool {
        true
    }

    fn evaluate_sync(&self, _input: Collection, args: Vec<Collection>) -> Result<EvaluationResult> {
        self.distinct.evaluate_sync(args.into_iter().flatten().collect(), Vec::new())
    }

    async fn evaluate(&self, input: Collection, args: Vec<Collection>) -> Result<EvaluationResult> {
        self.evaluate_sync(input, args)
    }

    fn metadata(&self) -> &FunctionMetadata {
        &self.metadata
    }
}

/// A call that evaluates its arguments itself, and each of its turns.
const LAZY: u64 = 100;
const TURN: u64 = 40;
/// Where the engine makes a context anew.
const CONTEXT: u64 = 250;
