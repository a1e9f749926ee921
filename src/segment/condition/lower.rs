//! FHIRPath's syntax tree -> [`Condition`]. Numbers are in [`super::number`].

use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::parser::parse_ast;
use octofhir_fhirpath::{BinaryOperator as Op, LiteralValue, UnaryOperator};

use super::path::Path;
use super::scope::{Defect, Lowering, Scope, Stop};
use super::syntax::{literal, literals, quantity, type_name};
use super::{Comparison, Condition, Input, Literal, Number, comparison};
use crate::form::questionnaire::{Item, ItemKind};
use Stop::NotLowered;

/// Lowers `expression`.
///
/// # Errors
/// [`Defect`]
pub fn lower(expression: &str, scope: &Scope<'_>) -> Result<Condition, Defect> {
    let tree = parse_ast(expression).map_err(|_| Defect::syntax(expression))?;
    let lowering = Lowering::of_rule(scope);
    lowering.refuse_strangers(&tree)?;
    match lowering.condition(&tree) {
        Ok(condition) => Ok(condition),
        Err(Stop::Defect(defect)) => Err(defect),
        Err(Stop::NotLowered) => Err(Defect::NotEvaluated),
    }
}

/// Lowers an expression that comes to a number.
///
/// # Errors
/// [`Defect`]
pub fn lower_number(expression: &str, scope: &Scope<'_>) -> Result<Number, Defect> {
    let tree = parse_ast(expression).map_err(|_| Defect::syntax(expression))?;
    let lowering = Lowering::of_rule(scope);
    lowering.refuse_strangers(&tree)?;
    match lowering.number(&tree).or_else(|stop| lowering.foreign_number(&tree, stop)) {
        Ok(number) => Ok(number),
        Err(Stop::Defect(defect)) => Err(defect),
        Err(Stop::NotLowered) => Err(Defect::NotEvaluated),
    }
}
impl Lowering<'_> {
    /// What cannot be lowered is a leaf for the engine, where the engine has the focus that the rule has.
    pub(super) fn condition(&self, tree: &Ast) -> Result<Condition, Stop> {
        match self.lowered(tree) {
            Err(NotLowered) if self.is_of_rule() => {
                let unknown = || Condition::Unknown(Defect::NotEvaluated.to_string());
                Ok(self.foreign(tree).map_or_else(unknown, |foreign| Condition::Engine(Box::new(foreign))))
            }
            other => other,
        }
    }

    pub(super) fn lowered(&self, tree: &Ast) -> Result<Condition, Stop> {
        match tree {
            Ast::Parenthesized(inner) => self.lowered(inner),
            Ast::Literal(literal) => match &literal.value {
                LiteralValue::Boolean(value) => Ok(Condition::Constant(*value)),
                _ => Err(NotLowered),
            },
            Ast::UnaryOperation(unary) if unary.operator == UnaryOperator::Not => {
                Ok(Condition::Not(Box::new(self.condition(&unary.operand)?)))
            }
            Ast::BinaryOperation(binary) => self.binary(binary.operator, &binary.left, &binary.right),
            Ast::FunctionCall(call) if call.name == "iif" => self.choice(&call.arguments),
            Ast::MethodCall(call) => match (call.method.as_str(), call.arguments.as_slice()) {
                ("not", []) => Ok(Condition::Not(Box::new(self.condition(&call.object)?))),
                ("exists", []) if self.passing(&call.object).is_ok() => self.some_pass(&call.object),
                ("empty", []) if self.passing(&call.object).is_ok() => Ok(Condition::Not(Box::new(self.some_pass(&call.object)?))),
                ("exists", []) => Ok(Condition::Exists(self.present(&call.object)?)),
                ("exists", [condition]) => match self.filter(self.path(&call.object)?, condition)? {
                    Path::Passing(of, measure, comparison, than) => Ok(at_least_one(Number::CountThat(of, measure, comparison, than))),
                    path => Ok(Condition::Exists(self.answers(path)?)),
                },
                ("empty", []) => Ok(Condition::Empty(self.present(&call.object)?)),
                ("is", [kind]) => self.is_kind(&call.object, &type_name(kind).unwrap_or_default()),
                _ => self.boolean(tree),
            },
            Ast::Variable(variable) if self.variable(&variable.name).is_some() => self.named_condition(&variable.name),
            Ast::TypeCheck(check) => self.kind(check),
            _ => self.boolean(tree),
        }
    }

    fn some_pass(&self, tree: &Ast) -> Result<Condition, Stop> {
        self.passing(tree).map(at_least_one)
    }

    /// How many numbers a criterion lets through.
    pub(super) fn passing(&self, tree: &Ast) -> Result<Number, Stop> {
        match self.path(tree)? {
            Path::Passing(of, measure, comparison, than) if self.all(&of, |item| !is_calculated(item)) => {
                Ok(Number::CountThat(of, measure, comparison, than))
            }
            _ => Err(NotLowered),
        }
    }

    fn boolean(&self, tree: &Ast) -> Result<Condition, Stop> {
        match self.path(tree)? {
            Path::Values(selection) if self.all(&selection, |item| item.kind == ItemKind::Boolean) && selection.inputs.len() == 1 => {
                Ok(Condition::Answer(selection))
            }
            _ => Err(NotLowered),
        }
    }

    /// `iif`: what is not true is otherwise.
    fn choice(&self, arguments: &[Ast]) -> Result<Condition, Stop> {
        let [condition, then, otherwise] = arguments else { return Err(NotLowered) };
        let parts = [self.condition(condition)?, self.condition(then)?, self.condition(otherwise)?].map(Box::new);
        let [condition, then, otherwise] = parts;
        Ok(Condition::If(condition, then, otherwise))
    }

    /// Words that an `iif` chooses, compared with a word: it is the choice that decides.
    fn chosen(&self, tree: &Ast, wanted: &Literal, equal: bool) -> Result<Condition, Stop> {
        match tree {
            Ast::Parenthesized(inner) => self.chosen(inner, wanted, equal),
            Ast::Variable(variable) if self.variable(&variable.name).is_some() => {
                self.inside(&variable.name, |inner, tree| inner.chosen(tree, wanted, equal))
            }
            Ast::FunctionCall(call) if call.name == "iif" => {
                let [condition, then, otherwise] = call.arguments.as_slice() else { return Err(NotLowered) };
                let branch = |tree: &Ast| match literal(tree) {
                    Some(word @ Literal::Text(_)) if matches!(wanted, Literal::Text(_)) => {
                        Ok(Box::new(Condition::Constant((word == *wanted) == equal)))
                    }
                    _ => self.chosen(tree, wanted, equal).map(Box::new),
                };
                Ok(Condition::If(Box::new(self.condition(condition)?), branch(then)?, branch(otherwise)?))
            }
            _ => Err(NotLowered),
        }
    }

    fn binary(&self, operator: Op, left: &Ast, right: &Ast) -> Result<Condition, Stop> {
        let both = |make: fn(Box<Condition>, Box<Condition>) -> Condition| {
            Ok(make(Box::new(self.condition(left)?), Box::new(self.condition(right)?)))
        };
        match operator {
            Op::And => return both(Condition::And),
            Op::Or => return both(Condition::Or),
            Op::Xor => return both(Condition::Xor),
            Op::Implies => return both(Condition::Implies),
            Op::In => {
                let of = self.compared(left)?;
                let wanted = literals(right).ok_or(NotLowered)?;
                self.check_options(&of, &wanted)?;
                return Ok(Condition::OneOf { of, wanted });
            }
            _ => {}
        }
        let comparison = comparison(operator).ok_or(NotLowered)?;
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual)
            && let Some((of, wanted)) = literal(right).map(|it| (left, it)).or_else(|| literal(left).map(|it| (right, it)))
            && let Literal::Text(_) | Literal::Boolean(_) = wanted
        {
            if let Ok(condition) = self.chosen(of, &wanted, comparison == Comparison::Equal) {
                return Ok(condition);
            }
            let of = self.compared(of)?;
            self.check_options(&of, std::slice::from_ref(&wanted))?;
            return Ok(Condition::Same { of, wanted, negated: comparison == Comparison::NotEqual });
        }
        if let Some((of, number, unit)) = quantity(right).map(|(number, unit)| (left, number, unit)) {
            let Path::Values(selection) = self.path(of)? else { return Err(NotLowered) };
            if selection.inputs.len() != 1 || !self.all(&selection, |item| item.kind == ItemKind::Quantity && !is_calculated(item)) {
                return Err(NotLowered);
            }
            return Ok(Condition::Compare(self.share(Number::OneIn(selection, unit)), comparison, Number::Literal(number)));
        }
        let sides = match (self.number(left), self.number(right)) {
            (Ok(left), Ok(right)) => (left, right),
            // the other side is a number for sure: so is this one, or the comparison fails
            (Ok(one), Err(stop)) => (one, self.foreign_number(right, stop)?),
            (Err(stop), Ok(one)) => (self.foreign_number(left, stop)?, one),
            (Err(stop), Err(NotLowered)) | (Err(NotLowered), Err(stop)) => return Err(stop),
            (Err(stop), Err(_)) => return Err(stop),
        };
        Ok(Condition::Compare(self.share(sides.0), comparison, self.share(sides.1)))
    }

    pub(super) fn foreign_number(&self, tree: &Ast, stop: Stop) -> Result<Number, Stop> {
        match stop {
            NotLowered if self.is_of_rule() => self.foreign(tree).map(|foreign| Number::Engine(Box::new(foreign))).ok_or(NotLowered),
            stop => Err(stop),
        }
    }

    /// The expression by which an item is computed, lowered.
    pub(super) fn calculated(&self, input: Input) -> Result<Number, Stop> {
        let questionnaire = self.questionnaire(input.source)?;
        let item = questionnaire.item(input.item);
        let is_conditional = |index: usize| {
            let item = questionnaire.item(index);
            !item.enable_when.is_empty() || item.conditions_unread || item.expressions.as_ref().is_some_and(|it| it.enable_when.is_some())
        };
        let around = std::iter::once(input.item).chain(questionnaire.ancestors(input.item));
        if self.is_deep() || around.into_iter().any(is_conditional) || questionnaire.repeated_around(input.item).is_some() {
            return Err(NotLowered);
        }
        let text = &item.expressions.as_ref().and_then(|it| it.calculated.as_ref()).ok_or(NotLowered)?.text;
        let tree = parse_ast(text).map_err(|_| NotLowered)?;
        let inner = self.within(input);
        inner.refuse_strangers(&tree).map_err(|_| NotLowered)?;
        inner.number(&tree).map_err(|_| NotLowered)
    }
}

fn at_least_one(count: Number) -> Condition {
    Condition::Compare(count, Comparison::Greater, Number::Literal(rust_decimal::Decimal::ZERO))
}

pub(super) fn is_calculated(item: &Item) -> bool {
    item.expressions.as_ref().is_some_and(|it| it.calculated.is_some())
}
