//! Where an expression stands, and what it may name.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::parser::parse_ast;

use super::{Condition, Input, Named, Number, Selection, Shared, Source};
use crate::form::questionnaire::{self, Item, Questionnaire};

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

    /// Calculations led here that lead on too far.
    pub(super) const fn is_deep(&self) -> bool {
        self.depth > NESTED
    }

    /// A rule's own expression: what the engine is given too.
    pub(super) const fn is_of_rule(&self) -> bool {
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
    pub(super) fn named_condition(&self, name: &str) -> Result<Condition, Stop> {
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
}

/// Calculations that lead to each other deeper than this are left to the engine.
const NESTED: usize = 8;
/// Variables that name each other more often than this, each counted anew, are left to the engine.
const MOST_STEPS: usize = 4096;
