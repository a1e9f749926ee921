//! What a response is: known before anybody has answered.

use octofhir_fhirpath::ast::{ExpressionNode as Ast, TypeCheckNode};

use super::Condition;
use super::scope::{Lowering, Stop};

impl Lowering<'_> {
    /// `$this is QuestionnaireResponse`, as forms that take any resource ask first.
    pub(super) fn kind(&self, check: &TypeCheckNode) -> Result<Condition, Stop> {
        self.is_kind(&check.expression, &check.target_type)
    }

    /// The same, as a function.
    pub(super) fn is_kind(&self, of: &Ast, kind: &str) -> Result<Condition, Stop> {
        if !self.is_focus(of, false) {
            return Err(Stop::NotLowered);
        }
        let kind = kind.strip_prefix("FHIR.").unwrap_or(kind);
        Ok(Condition::Constant(matches!(kind, "QuestionnaireResponse" | "DomainResource" | "Resource")))
    }
}
