//! What a rule's expression may name.

use octofhir_fhirpath::ast::ExpressionNode as Ast;

use super::scope::{Defect, Lowering};
use super::syntax::visit;
use crate::fhirpath::is_complex;

impl Lowering<'_> {
    /// Variables that a rule may not see, functions that it may not use, wherever they stand.
    pub(super) fn refuse_strangers(&self, tree: &Ast) -> Result<(), Defect> {
        let mut defect = None;
        visit(tree, &mut |node| {
            let found = match node {
                // a plan may call its own variables as it likes
                Ast::Variable(variable) if self.variable(&variable.name).is_some() => None,
                Ast::Variable(variable) if variable.name == FAMILY => Some(Defect::Family),
                Ast::Variable(variable) if !KNOWN_VARIABLES.contains(&variable.name.as_str()) => {
                    Some(Defect::UnknownVariable(variable.name.clone()))
                }
                Ast::Variable(variable) if variable.name == "professional" && !self.has_professional() => {
                    Some(Defect::UnknownVariable(variable.name.clone()))
                }
                _ => forbidden(node),
            };
            defect = defect.take().or(found);
        });
        defect.map_or(Ok(()), Err)
    }
}

/// A function that no rule may use.
pub(super) fn forbidden(node: &Ast) -> Option<Defect> {
    let is_forbidden = |name: &str| !ALLOWED_FUNCTIONS.contains(&name);
    match node {
        Ast::TypeCheck(check)
            if check.target_type.rsplit('.').next().is_some_and(|name| name.starts_with(char::is_uppercase))
                && !is_complex(&check.target_type) =>
        {
            Some(Defect::ForbiddenFunction("is".to_owned()))
        }
        Ast::FunctionCall(call) if is_forbidden(&call.name) => Some(Defect::ForbiddenFunction(call.name.clone())),
        Ast::MethodCall(call) if is_forbidden(&call.method) => Some(Defect::ForbiddenFunction(call.method.clone())),
        _ => None,
    }
}

/// Every response of a submission.
pub(super) const FAMILY: &str = "family";

const KNOWN_VARIABLES: [&str; 11] =
    ["resource", "rootResource", "context", "questionnaire", "professional", "this", "total", "index", "ucum", "sct", "loinc"];
/// Pure functions of FHIRPath and SDC: no trace, no resolving, no terminology service, no types from a model. `now()` and
/// `today()` mean the day when the response was authored.
pub(super) const ALLOWED_FUNCTIONS: [&str; 85] = [
    "abs",
    "aggregate",
    "all",
    "allFalse",
    "allTrue",
    "any",
    "anyFalse",
    "anyTrue",
    "as",
    "avg",
    "ceiling",
    "children",
    "coalesce",
    "combine",
    "contains",
    "convertsToBoolean",
    "convertsToDate",
    "convertsToDateTime",
    "convertsToDecimal",
    "convertsToInteger",
    "convertsToString",
    "count",
    "descendants",
    "distinct",
    "empty",
    "endsWith",
    "exclude",
    "exists",
    "exp",
    "extension",
    "first",
    "floor",
    "hasValue",
    "iif",
    "indexOf",
    "intersect",
    "is",
    "isDistinct",
    "item",
    "join",
    "last",
    "length",
    "ln",
    "log",
    "lower",
    "matches",
    "matchesFull",
    "max",
    "min",
    "not",
    "now",
    "ofType",
    "ordinal",
    "power",
    "repeat",
    "replace",
    "round",
    "select",
    "single",
    "skip",
    "split",
    "sqrt",
    "startsWith",
    "subsetOf",
    "substring",
    "sum",
    "supersetOf",
    "tail",
    "take",
    "timeOfDay",
    "toBoolean",
    "toChars",
    "toDate",
    "toDateTime",
    "toDecimal",
    "toInteger",
    "toString",
    "toTime",
    "today",
    "trim",
    "truncate",
    "union",
    "upper",
    "weight",
    "where",
];
