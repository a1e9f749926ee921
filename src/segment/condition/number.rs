//! FHIRPath's syntax tree -> [`Number`].

use octofhir_fhirpath::BinaryOperator as Op;
use octofhir_fhirpath::UnaryOperator;
use octofhir_fhirpath::ast::ExpressionNode as Ast;
use rust_decimal::Decimal;

use super::lower::is_calculated;
use super::path::Path;
use super::scope::{Lowering, Stop};
use super::syntax::{literal, same};
use super::{Literal, Measure, Number, Selection};
use crate::form::questionnaire::{ItemKind, OptionValue};
use Stop::NotLowered;

impl Lowering<'_> {
    pub(super) fn number(&self, tree: &Ast) -> Result<Number, Stop> {
        match tree {
            Ast::Parenthesized(inner) => self.number(inner),
            Ast::Literal(_) => match literal(tree) {
                Some(Literal::Number(number)) => Ok(Number::Literal(number)),
                _ => Err(NotLowered),
            },
            Ast::UnaryOperation(unary) if unary.operator == UnaryOperator::Negate => {
                let zero = Box::new(Number::Literal(Decimal::ZERO));
                Ok(Number::Subtract(zero, Box::new(self.number(&unary.operand)?)))
            }
            Ast::BinaryOperation(binary) => {
                let make: fn(Box<Number>, Box<Number>) -> Number = match binary.operator {
                    Op::Add => Number::Add,
                    Op::Subtract => Number::Subtract,
                    Op::Multiply => Number::Multiply,
                    Op::Divide => return self.quotient(&binary.left, &binary.right),
                    _ => return Err(NotLowered),
                };
                Ok(make(Box::new(self.number(&binary.left)?), Box::new(self.number(&binary.right)?)))
            }
            Ast::Variable(variable) if self.variable(&variable.name).is_some() => self.named_number(&variable.name),
            Ast::FunctionCall(call) if call.name == "iif" => {
                let [condition, then, otherwise] = call.arguments.as_slice() else { return Err(NotLowered) };
                let (then, otherwise) = (Box::new(self.number(then)?), Box::new(self.number(otherwise)?));
                Ok(Number::If(Box::new(self.condition(condition)?), then, otherwise))
            }
            Ast::MethodCall(call) => match (call.method.as_str(), call.arguments.as_slice()) {
                ("sum", []) => self.sum(&call.object),
                ("aggregate", [step, start]) if is_addition(step) && literal(start) == Some(Literal::Number(Decimal::ZERO)) => {
                    self.sum(&call.object)
                }
                ("count", []) if self.passing(&call.object).is_ok() => self.passing(&call.object),
                ("count", []) => Ok(Number::Count(self.selection(&call.object)?)),
                ("toInteger" | "toDecimal", []) => match self.number(&call.object) {
                    Ok(number @ (Number::Sum(..) | Number::Count(_))) => Ok(number),
                    Err(NotLowered) => Ok(Number::Truth(Box::new(self.lowered(&call.object)?))),
                    Ok(_) => Err(NotLowered),
                    Err(stop) => Err(stop),
                },
                ("power", [exponent]) => match literal(exponent) {
                    Some(Literal::Number(exponent)) if exponent == Decimal::TWO => {
                        let base = self.share(self.number(&call.object)?);
                        Ok(Number::Multiply(Box::new(base.clone()), Box::new(base)))
                    }
                    _ => Err(NotLowered),
                },
                _ => self.single(tree),
            },
            _ => self.single(tree),
        }
    }

    fn quotient(&self, left: &Ast, right: &Ast) -> Result<Number, Stop> {
        match literal(right) {
            Some(Literal::Number(number)) if !number.is_zero() => Ok(Number::Divide(Box::new(self.number(left)?), number)),
            Some(_) => Err(NotLowered),
            None => Ok(Number::Quotient(Box::new(self.number(left)?), Box::new(self.number(right)?))),
        }
    }

    /// The sum of some questions' numbers; of a union, where nothing stands in both.
    fn sum(&self, tree: &Ast) -> Result<Number, Stop> {
        match tree {
            Ast::Parenthesized(inner) => self.sum(inner),
            Ast::Variable(variable) if self.variable(&variable.name).is_some() => {
                self.inside(&variable.name, |inner, tree| inner.sum(tree))
            }
            Ast::FunctionCall(call) if call.name == "iif" => self.number(tree),
            _ => {
                let (selection, measure) = self.measured(tree)?;
                let (computed, given) = self.split(selection)?;
                let sum = Number::Sum(given, measure);
                Ok(computed.into_iter().fold(sum, |sum, one| Number::Add(Box::new(sum), Box::new(one))))
            }
        }
    }

    fn single(&self, tree: &Ast) -> Result<Number, Stop> {
        let (selection, measure) = self.measured(tree)?;
        if selection.inputs.len() != 1 {
            return Err(NotLowered);
        }
        match self.split(selection)? {
            (computed, given) if computed.is_empty() => Ok(Number::One(given, measure)),
            (mut computed, _) => computed.pop().ok_or(NotLowered),
        }
    }

    /// What is computed, by its expression, and what is given.
    fn split(&self, selection: Selection) -> Result<(Vec<Number>, Selection), Stop> {
        let (mut computed, mut given) = (Vec::new(), Vec::new());
        for input in selection.inputs {
            if is_calculated(self.questionnaire(input.source)?.item(input.item)) {
                computed.push(self.calculated(input)?);
            } else {
                given.push(input);
            }
        }
        Ok((computed, Selection { inputs: given, ..selection }))
    }

    /// Numbers of answers.
    fn measured(&self, tree: &Ast) -> Result<(Selection, Measure), Stop> {
        match self.path(tree)? {
            Path::Measures(selection, measure) => Ok((selection, measure)),
            Path::Values(selection) => {
                let is_number = |item: &crate::form::questionnaire::Item| match item.kind {
                    ItemKind::Integer | ItemKind::Decimal => true,
                    ItemKind::Choice => {
                        !item.options.is_empty() && item.options.iter().all(|option| matches!(option.value, OptionValue::Integer(_)))
                    }
                    _ => false,
                };
                if self.all(&selection, is_number) { Ok((selection, Measure::Value)) } else { Err(NotLowered) }
            }
            _ => Err(NotLowered),
        }
    }
}

/// `$this + $total`, either way.
fn is_addition(tree: &Ast) -> bool {
    ["$this + $total", "$total + $this"].iter().any(|text| octofhir_fhirpath::parser::parse_ast(text).is_ok_and(|known| same(&known, tree)))
}
