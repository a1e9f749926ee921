//! FHIRPath's syntax tree -> [`Condition`]. Numbers are in [`super::number`].

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::parser::parse_ast;
use octofhir_fhirpath::{BinaryOperator as Op, LiteralValue, UnaryOperator};

use super::path::Path;
use super::syntax::{literal, literals, quantity};
use super::{Comparison, Condition, Input, Literal, Named, Number, Selection, Shared, Source, comparison};
use crate::form::questionnaire::{self, Item, ItemKind, Questionnaire};

/// What an expression may name.
pub struct Scope<'s> {
    pub own: &'s Questionnaire,
    pub professional: Option<&'s Questionnaire>,
    /// Variables, by name, as written, each behind those that it names.
    pub variables: &'s [(String, String)],
    /// What several expressions ask for; nothing is shared without it.
    pub shared: Option<&'s RefCell<Shared>>,
    /// A question or an option that is not there is a defect; else it is left to the engine, which finds no answer.
    pub strict: bool,
    /// What its variables came to.
    pub named: Named,
    /// How many variables have been gone into.
    pub steps: Cell<usize>,
}

/// Why an expression is refused. What is merely not lowered is no defect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    #[error("the expression does not compile: {what}")]
    Syntax { what: String, remedy: String },
    #[error("the variable `%{0}` does not compile")]
    BrokenVariable(String),
    #[error("the engine does not know the types that it compares")]
    NotEvaluated,
    #[error("`{0}` has no question `{1}`")]
    UnknownQuestion(String, String),
    #[error("`{1}` is no option of `{0}`")]
    UnknownOption(String, String),
    #[error("`%{0}` is not known here: a rule stays with its person")]
    UnknownVariable(String),
    #[error("`%family` is there in a family view only, and here there is none: a rule stays with its person")]
    Family,
    #[error("`%{0}` is not there in a family view: all responses, the professional's sections too, are in `%family`")]
    NotInFamily(String),
    #[error("`{0}` has nothing to start from: a family view starts at `%family`")]
    NoFocus(String),
    #[error("no Questionnaire of the rule set has what `{0}` asks for")]
    UnknownInFamily(String),
    #[error("`{0}()` may not be used in a rule")]
    ForbiddenFunction(String),
    #[error("the variables go in a circle at `%{0}`")]
    Circle(String),
}

impl<'s> Scope<'s> {
    pub fn of(own: &'s Questionnaire, professional: Option<&'s Questionnaire>, variables: &'s [(String, String)]) -> Self {
        Self { own, professional, variables, shared: None, strict: false, named: Named::default(), steps: Cell::new(0) }
    }
}

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

pub(super) enum Stop {
    NotLowered,
    Defect(Defect),
}

use Stop::NotLowered;

/// Where an expression stands: in a rule, or in a Questionnaire.
#[derive(Clone)]
pub(super) struct Lowering<'s> {
    scope: &'s Scope<'s>,
    /// Of a Questionnaire's own expressions: its variables in the place of the rule's, the innermost last, and how many of them
    /// stand before the expression: each sees those before it.
    variables: Option<(Rc<[InScope<'s>]>, usize)>,
    base: Source,
    /// The focus is the response; else it is an item, which is not followed here.
    is_bare: bool,
    depth: usize,
}

/// A variable of a Questionnaire.
struct InScope<'s> {
    named: &'s questionnaire::Named,
    /// Its focus is the response; else the item that it stands on.
    of_response: bool,
}

impl<'s> Lowering<'s> {
    pub(super) const fn of_rule(scope: &'s Scope<'s>) -> Self {
        Self { scope, variables: None, base: Source::Own, is_bare: true, depth: 0 }
    }

    /// For the Questionnaire's own expression on this item.
    pub(super) fn within(&self, input: Input) -> Self {
        let mut variables = Vec::new();
        if let Ok(questionnaire) = self.questionnaire(input.source) {
            variables.extend(questionnaire.expressions.variables.iter().map(|named| InScope { named, of_response: true }));
            let mut around: Vec<usize> = std::iter::once(input.item).chain(questionnaire.ancestors(input.item)).collect();
            around.reverse();
            for item in around {
                let own = questionnaire.item(item).expressions.iter().flat_map(|it| &it.variables);
                variables.extend(own.map(|named| InScope { named, of_response: false }));
            }
        }
        let count = variables.len();
        Self { scope: self.scope, variables: Some((variables.into(), count)), base: input.source, is_bare: false, depth: self.depth + 1 }
    }

    pub(super) fn focused(self, on_response: bool) -> Self {
        Self { is_bare: on_response, ..self }
    }

    pub(super) const fn has_professional(&self) -> bool {
        self.scope.professional.is_some()
    }

    pub(super) const fn base(&self) -> Source {
        self.base
    }

    pub(super) const fn is_bare(&self) -> bool {
        self.is_bare
    }

    pub(super) const fn rule_variables(&self) -> &'s [(String, String)] {
        self.scope.variables
    }

    /// A rule's own expression: what the engine is given too.
    const fn is_of_rule(&self) -> bool {
        self.variables.is_none()
    }

    /// Of what rules ask for, one copy.
    pub(super) fn share(&self, number: Number) -> Number {
        match self.scope.shared {
            Some(shared) if !matches!(number, Number::Literal(_) | Number::Shared(_)) => shared.borrow_mut().number(number),
            _ => number,
        }
    }

    /// A rule's variable as a number, lowered once.
    pub(super) fn named_number(&self, name: &str) -> Result<Number, Stop> {
        let known = self.scope.named.numbers.borrow().get(name).filter(|_| self.is_of_rule()).cloned();
        if let Some(known) = known {
            return known.ok_or(NotLowered);
        }
        let number = self.inside(name, |inner, tree| inner.number(tree).map(|number| inner.share(number)));
        if self.is_of_rule() && !matches!(number, Err(Stop::Defect(_))) {
            self.scope.named.numbers.borrow_mut().insert(name.to_owned(), number.as_ref().ok().cloned());
        }
        number
    }

    /// As [`Self::named_number`], of a condition.
    fn named_condition(&self, name: &str) -> Result<Condition, Stop> {
        let known = self.scope.named.conditions.borrow().get(name).filter(|_| self.is_of_rule()).cloned();
        if let Some(known) = known {
            return known.ok_or(NotLowered);
        }
        let condition = self.inside(name, |inner, tree| inner.lowered(tree)).map(|condition| match (self.scope.shared, condition) {
            (Some(shared), condition) if !matches!(condition, Condition::Constant(_) | Condition::Shared(_)) => {
                shared.borrow_mut().condition(condition)
            }
            (_, condition) => condition,
        });
        if self.is_of_rule() && !matches!(condition, Err(Stop::Defect(_))) {
            self.scope.named.conditions.borrow_mut().insert(name.to_owned(), condition.as_ref().ok().cloned());
        }
        condition
    }

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
                _ => self.boolean(tree),
            },
            Ast::Variable(variable) if self.variable(&variable.name).is_some() => self.named_condition(&variable.name),
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

    pub(super) fn defect(&self, defect: Defect) -> Stop {
        if self.scope.strict { Stop::Defect(defect) } else { NotLowered }
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
        match &self.variables {
            None => self.scope.variables.iter().find(|(known, _)| known == name).map(|(_, expression)| expression.as_str()),
            Some((variables, _)) => Some(variables[self.position(name)?].named.expression.text.as_str()),
        }
    }

    /// Which of a Questionnaire's variables is meant by a name.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        let (variables, before) = self.variables.as_ref()?;
        variables[..*before].iter().rposition(|known| known.named.name == name)
    }

    /// As the variable's own expression sees it: one of an item looks at the item, which is not followed here.
    pub(super) fn of_variable(&self, name: &str) -> Self {
        let (mut inner, position) = (Self { depth: self.depth + 1, is_bare: true, ..self.clone() }, self.position(name));
        if let (Some((variables, before)), Some(position)) = (&mut inner.variables, position) {
            inner.is_bare = variables[position].of_response;
            *before = position;
        }
        inner
    }

    pub(super) fn inside<T>(&self, name: &str, lower: impl Fn(&Lowering<'s>, &Ast) -> Result<T, Stop>) -> Result<T, Stop> {
        if self.depth > self.variables.as_ref().map_or(self.scope.variables.len(), |(variables, _)| variables.len()) + NESTED {
            return Err(Stop::Defect(Defect::Circle(name.to_owned())));
        }
        self.scope.steps.set(self.scope.steps.get() + 1);
        if self.scope.steps.get() > MOST_STEPS {
            return Err(NotLowered);
        }
        let expression = self.variable(name).unwrap_or_default();
        let tree = parse_ast(expression).map_err(|_| Stop::Defect(Defect::BrokenVariable(name.to_owned())))?;
        let inner = self.of_variable(name);
        inner.refuse_strangers(&tree).map_err(Stop::Defect)?;
        lower(&inner, &tree)
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
        if self.depth > NESTED || around.into_iter().any(is_conditional) || questionnaire.repeated_around(input.item).is_some() {
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

/// Calculations that lead to each other deeper than this are left to the engine.
const NESTED: usize = 8;
/// Variables that name each other more often than this, each counted anew, are left to the engine.
const MOST_STEPS: usize = 4096;
