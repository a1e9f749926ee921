//! FHIRPath's syntax tree -> [`Condition`].

use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::{BinaryOperator as Op, LiteralValue, UnaryOperator};

use super::path::Path;
use super::syntax::{literal, literals, visit};
use super::{Comparison, Condition, Literal, Measure, Number, Selection, Source};
use crate::form::questionnaire::{Item, ItemKind, OptionValue, Questionnaire};

/// What an expression may name.
pub struct Scope<'s> {
    pub own: &'s Questionnaire,
    pub professional: Option<&'s Questionnaire>,
    /// Variables, by name, as written.
    pub variables: &'s [(String, String)],
}

/// Why an expression is refused. What is merely not lowered is no defect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    #[error("the expression does not compile")]
    Syntax,
    #[error("`{0}` has no question `{1}`")]
    UnknownQuestion(String, String),
    #[error("`{1}` is no option of `{0}`")]
    UnknownOption(String, String),
    #[error("`%{0}` is not known here: a rule stays with its person")]
    UnknownVariable(String),
    #[error("`{0}()` may not be used in a rule")]
    ForbiddenFunction(String),
    #[error("the variables go in a circle at `%{0}`")]
    Circle(String),
}

/// Lowers `expression`.
///
/// # Errors
/// [`Defect`]
pub fn lower(expression: &str, scope: &Scope<'_>) -> Result<Condition, Defect> {
    let tree = octofhir_fhirpath::parser::parse_ast(expression).map_err(|_| Defect::Syntax)?;
    let lowering = Lowering { scope, depth: 0 };
    lowering.refuse_strangers(&tree)?;
    match lowering.condition(&tree) {
        Ok(condition) => Ok(condition),
        Err(Stop::Defect(defect)) => Err(defect),
        Err(Stop::NotLowered) => Ok(Condition::Engine { expression: expression.to_owned(), variables: scope.variables.to_vec() }),
    }
}

pub(super) enum Stop {
    NotLowered,
    Defect(Defect),
}

use Stop::NotLowered;

pub(super) struct Lowering<'s> {
    scope: &'s Scope<'s>,
    depth: usize,
}

impl<'s> Lowering<'s> {
    fn condition(&self, tree: &Ast) -> Result<Condition, Stop> {
        match tree {
            Ast::Parenthesized(inner) => self.condition(inner),
            Ast::Literal(literal) => match &literal.value {
                LiteralValue::Boolean(value) => Ok(Condition::Constant(*value)),
                _ => Err(NotLowered),
            },
            Ast::UnaryOperation(unary) if unary.operator == UnaryOperator::Not => {
                Ok(Condition::Not(Box::new(self.condition(&unary.operand)?)))
            }
            Ast::BinaryOperation(binary) => self.binary(binary.operator, &binary.left, &binary.right),
            Ast::MethodCall(call) => match (call.method.as_str(), call.arguments.is_empty()) {
                ("not", true) => Ok(Condition::Not(Box::new(self.condition(&call.object)?))),
                ("exists", true) => Ok(Condition::Exists(self.selection(&call.object)?)),
                ("empty", true) => Ok(Condition::Empty(self.selection(&call.object)?)),
                _ => Err(NotLowered),
            },
            Ast::Variable(variable) if self.variable(&variable.name).is_some() => {
                self.inside(&variable.name, |inner, tree| inner.condition(tree))
            }
            _ => match self.path(tree)? {
                Path::Values(selection) if self.all(&selection, |item| item.kind == ItemKind::Boolean) && selection.inputs.len() == 1 => {
                    Ok(Condition::Answer(selection))
                }
                _ => Err(NotLowered),
            },
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
        let comparison = match operator {
            Op::Equal => Comparison::Equal,
            Op::NotEqual => Comparison::NotEqual,
            Op::GreaterThan => Comparison::Greater,
            Op::LessThan => Comparison::Less,
            Op::GreaterThanOrEqual => Comparison::GreaterOrEqual,
            Op::LessThanOrEqual => Comparison::LessOrEqual,
            _ => return Err(NotLowered),
        };
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual)
            && let Some(wanted @ (Literal::Text(_) | Literal::Boolean(_))) = literal(right)
        {
            let of = self.compared(left)?;
            self.check_options(&of, std::slice::from_ref(&wanted))?;
            return Ok(Condition::Same { of, wanted, negated: comparison == Comparison::NotEqual });
        }
        Ok(Condition::Compare(self.number(left)?, comparison, self.number(right)?))
    }

    fn number(&self, tree: &Ast) -> Result<Number, Stop> {
        match tree {
            Ast::Parenthesized(inner) => self.number(inner),
            Ast::Literal(_) => match literal(tree) {
                Some(Literal::Number(number)) => Ok(Number::Literal(number)),
                _ => Err(NotLowered),
            },
            Ast::BinaryOperation(binary) => {
                let make: fn(Box<Number>, Box<Number>) -> Number = match binary.operator {
                    Op::Add => Number::Add,
                    Op::Subtract => Number::Subtract,
                    Op::Multiply => Number::Multiply,
                    _ => return Err(NotLowered),
                };
                Ok(make(Box::new(self.number(&binary.left)?), Box::new(self.number(&binary.right)?)))
            }
            Ast::Variable(variable) if self.variable(&variable.name).is_some() => {
                self.inside(&variable.name, |inner, tree| inner.number(tree))
            }
            Ast::MethodCall(call) if call.method == "sum" && call.arguments.is_empty() => {
                let (selection, measure) = self.measured(&call.object)?;
                Ok(Number::Sum(selection, measure))
            }
            Ast::MethodCall(call) if call.method == "count" && call.arguments.is_empty() => {
                Ok(Number::Count(self.selection(&call.object)?))
            }
            _ => match self.measured(tree)? {
                (selection, measure) if selection.inputs.len() == 1 => Ok(Number::One(selection, measure)),
                _ => Err(NotLowered),
            },
        }
    }

    /// Numbers of answers.
    fn measured(&self, tree: &Ast) -> Result<(Selection, Measure), Stop> {
        match self.path(tree)? {
            Path::Measures(selection, measure) => Ok((selection, measure)),
            Path::Values(selection) if self.all(&selection, |item| matches!(item.kind, ItemKind::Integer | ItemKind::Decimal)) => {
                Ok((selection, Measure::Value))
            }
            _ => Err(NotLowered),
        }
    }

    /// Answers of which only the number or the presence counts.
    fn selection(&self, tree: &Ast) -> Result<Selection, Stop> {
        match self.path(tree)? {
            Path::Answers(selection) | Path::Values(selection) | Path::Codes(selection) => Ok(selection),
            _ => Err(NotLowered),
        }
    }

    /// One question's answers, to compare with literals.
    fn compared(&self, tree: &Ast) -> Result<Selection, Stop> {
        match self.path(tree)? {
            Path::Values(selection)
                if selection.inputs.len() == 1
                    && !self.all(&selection, |item| matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice | ItemKind::Quantity)) =>
            {
                Ok(selection)
            }
            Path::Codes(selection) if selection.inputs.len() == 1 => Ok(selection),
            _ => Err(NotLowered),
        }
    }

    /// A code that no option has can never be met: a defect of the rule.
    pub(super) fn check_options(&self, selection: &Selection, wanted: &[Literal]) -> Result<(), Stop> {
        for input in &selection.inputs {
            let item = self.questionnaire(input.source)?.item(input.item);
            if !matches!(item.kind, ItemKind::Choice) || item.options.is_empty() {
                continue;
            }
            for literal in wanted {
                let known = |literal: &str| {
                    item.options.iter().any(|option| {
                        matches!(&option.value, OptionValue::Coding { code, .. } if code == literal)
                            || matches!(&option.value, OptionValue::Text(text) if text == literal)
                    })
                };
                if let Literal::Text(text) = literal
                    && !known(text)
                {
                    return Err(Stop::Defect(Defect::UnknownOption(item.link_id.clone(), text.clone())));
                }
            }
        }
        Ok(())
    }

    pub(super) fn all(&self, selection: &Selection, holds: impl Fn(&Item) -> bool) -> bool {
        selection
            .inputs
            .iter()
            .all(|input| self.questionnaire(input.source).is_ok_and(|questionnaire| holds(questionnaire.item(input.item))))
    }

    pub(super) fn questionnaire(&self, source: Source) -> Result<&'s Questionnaire, Stop> {
        match source {
            Source::Own => Ok(self.scope.own),
            Source::Professional => self.scope.professional.ok_or_else(|| Stop::Defect(Defect::UnknownVariable("professional".to_owned()))),
        }
    }

    pub(super) fn variable(&self, name: &str) -> Option<&'s str> {
        self.scope.variables.iter().find(|(known, _)| known == name).map(|(_, expression)| expression.as_str())
    }

    pub(super) fn inside<T>(&self, name: &str, lower: impl Fn(&Lowering<'s>, &Ast) -> Result<T, Stop>) -> Result<T, Stop> {
        if self.depth > self.scope.variables.len() {
            return Err(Stop::Defect(Defect::Circle(name.to_owned())));
        }
        let expression = self.variable(name).unwrap_or_default();
        let tree = octofhir_fhirpath::parser::parse_ast(expression).map_err(|_| Stop::Defect(Defect::Syntax))?;
        let inner = Lowering { scope: self.scope, depth: self.depth + 1 };
        inner.refuse_strangers(&tree).map_err(Stop::Defect)?;
        lower(&inner, &tree)
    }

    /// Variables that a rule may not see, functions that it may not use, wherever they stand.
    fn refuse_strangers(&self, tree: &Ast) -> Result<(), Defect> {
        let mut defect = None;
        visit(tree, &mut |node| {
            let found = match node {
                Ast::Variable(variable)
                    if !KNOWN_VARIABLES.contains(&variable.name.as_str()) && self.variable(&variable.name).is_none() =>
                {
                    Some(Defect::UnknownVariable(variable.name.clone()))
                }
                Ast::Variable(variable) if variable.name == "professional" && self.scope.professional.is_none() => {
                    Some(Defect::UnknownVariable(variable.name.clone()))
                }
                Ast::FunctionCall(call) if !ALLOWED_FUNCTIONS.contains(&call.name.as_str()) => {
                    Some(Defect::ForbiddenFunction(call.name.clone()))
                }
                Ast::MethodCall(call) if !ALLOWED_FUNCTIONS.contains(&call.method.as_str()) => {
                    Some(Defect::ForbiddenFunction(call.method.clone()))
                }
                _ => None,
            };
            defect = defect.take().or(found);
        });
        defect.map_or(Ok(()), Err)
    }
}

const KNOWN_VARIABLES: [&str; 4] = ["resource", "context", "questionnaire", "professional"];
/// No clock, no trace, no resolving, no types from a model.
const ALLOWED_FUNCTIONS: [&str; 31] = [
    "descendants",
    "where",
    "exists",
    "empty",
    "not",
    "count",
    "sum",
    "weight",
    "ordinal",
    "all",
    "any",
    "first",
    "last",
    "single",
    "distinct",
    "select",
    "repeat",
    "item",
    "hasValue",
    "iif",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "length",
    "min",
    "max",
    "avg",
    "abs",
    "toInteger",
    "toDecimal",
];
