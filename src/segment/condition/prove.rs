//! What of an expression is sure to go wrong, whatever is answered: an element that is not there, things compared that are never
//! equal, something else than true or false. Told when rules are compiled.
//!
//! Only what is proven is told: of what is not known ([`Known`] without types) nothing is. Sources: FHIRPath
//! <http://hl7.org/fhirpath/N1/>, R4's types <https://hl7.org/fhir/R4/datatypes.html>.

mod advice;
mod calls;
mod types;

use std::cell::RefCell;
use std::collections::HashMap;

use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::parser::parse_ast;
use octofhir_fhirpath::{BinaryOperator as Op, LiteralValue, UnaryOperator};

use super::misspelt::nearest;
use super::scope::Scope;
use super::syntax::type_name;
use super::{Comparison, Input, Source, comparison};
use crate::form::questionnaire::{Item, ItemKind, Questionnaire};
use crate::shape::datatypes::{CODING, QUANTITY};
use crate::shape::questionnaire_response::{ANSWER, ITEM, QUESTIONNAIRE_RESPONSE};
use advice::shown;
use types::{Class, Member, Type, is_named, member_of, names_below, of_answers};

/// Something that is sure to go wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The variable in whose expression it stands; `None`: in the expression itself.
    pub variable: Option<String>,
    pub what: String,
    pub remedy: String,
}

/// What an expression is to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    Condition,
    Number,
}

/// Looks through an expression that compiles.
pub fn prove(expression: &str, wanted: Wanted, scope: &Scope<'_>) -> Vec<Finding> {
    let Ok(tree) = parse_ast(expression) else { return Vec::new() };
    let ground = Ground { scope, findings: RefCell::default(), variables: RefCell::default() };
    let prover = Prover { ground: &ground, variable: None };
    let found = prover.walk(&tree, &Known::one(Type::Response(Source::Own)));
    match wanted {
        Wanted::Condition => prover.wants(Class::Boolean, &found, &tree, "a condition"),
        Wanted::Number => prover.wants(Class::Number, &found, &tree, "a number"),
    }
    ground.findings.into_inner()
}

/// What an expression leads to; `None`: not known.
#[derive(Debug, Clone)]
struct Known(Option<Vec<Type>>);

struct Ground<'s> {
    scope: &'s Scope<'s>,
    findings: RefCell<Vec<Finding>>,
    /// What variables lead to, each looked through once.
    variables: RefCell<HashMap<String, Known>>,
}

struct Prover<'p> {
    ground: &'p Ground<'p>,
    variable: Option<String>,
}

impl Known {
    const UNKNOWN: Self = Self(None);

    fn one(of: Type) -> Self {
        Self(Some(vec![of]))
    }

    fn value(class: Class) -> Self {
        Self::one(Type::Value(class, Vec::new()))
    }

    fn or(self, other: Self) -> Self {
        Self(self.0.zip(other.0).map(|(one, other)| [one, other].concat()))
    }

    /// None of what it may be is like this, and it may be something.
    fn is_never(&self, holds: impl Fn(&Type) -> bool) -> bool {
        self.0.as_deref().is_some_and(|types| !types.is_empty() && !types.iter().any(holds))
    }

    fn is_of(&self, class: Class) -> bool {
        self.0.as_deref().is_some_and(|types| types.iter().all(|it| matches!(it, Type::Value(known, _) if *known == class)))
    }

    /// The questions whose answers it is.
    fn inputs(&self) -> Vec<Input> {
        let of = |it: &Type| match it {
            Type::Answer(inputs) | Type::Value(_, inputs) => inputs.clone(),
            _ => Vec::new(),
        };
        self.0.iter().flatten().flat_map(of).collect()
    }
}

impl Prover<'_> {
    fn tell(&self, what: String, remedy: String) {
        let finding = Finding { variable: self.variable.clone(), what, remedy };
        let mut findings = self.ground.findings.borrow_mut();
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }

    const fn scope(&self) -> &Scope<'_> {
        self.ground.scope
    }

    fn questionnaire(&self, source: Source) -> Option<&Questionnaire> {
        match source {
            Source::Own => Some(self.ground.scope.own),
            Source::Professional => self.ground.scope.professional,
        }
    }

    fn item(&self, input: Input) -> Option<&Item> {
        Some(self.questionnaire(input.source)?.item(input.item))
    }

    fn walk(&self, tree: &Ast, focus: &Known) -> Known {
        match tree {
            Ast::Parenthesized(inner) => self.walk(inner, focus),
            Ast::Literal(literal) => match &literal.value {
                LiteralValue::String(_) => Known::value(Class::Text),
                LiteralValue::Integer(_) | LiteralValue::Long(_) | LiteralValue::Decimal(_) => Known::value(Class::Number),
                LiteralValue::Boolean(_) => Known::value(Class::Boolean),
                LiteralValue::Quantity { .. } => Known::value(Class::Quantity),
                LiteralValue::Date(_) | LiteralValue::DateTime(_) | LiteralValue::Time(_) => Known::value(Class::Temporal),
            },
            Ast::Identifier(it) if it.name == "QuestionnaireResponse" => Known::one(Type::Response(Source::Own)),
            // another type of resource: what it means here is for its author to say
            Ast::Identifier(it) if it.name.starts_with(char::is_uppercase) => Known::UNKNOWN,
            Ast::Identifier(it) => self.step(focus, &it.name, tree),
            Ast::Variable(it) => self.named(&it.name, focus),
            Ast::FunctionCall(it) => self.call(focus, &it.name, &it.arguments, tree, focus),
            Ast::MethodCall(it) => self.call(&self.walk(&it.object, focus), &it.method, &it.arguments, tree, focus),
            Ast::PropertyAccess(it) => self.step(&self.walk(&it.object, focus), &it.property, tree),
            Ast::Path(it) => it.path.split('.').fold(self.walk(&it.base, focus), |base, name| self.step(&base, name, tree)),
            Ast::IndexAccess(it) => self.walk(&it.object, focus),
            Ast::Filter(it) => self.filtered(&self.walk(&it.base, focus), &it.condition),
            Ast::TypeCast(it) => self.cast(&self.walk(&it.expression, focus), &it.target_type, tree),
            Ast::TypeCheck(it) => {
                self.walk(&it.expression, focus);
                Known::value(Class::Boolean)
            }
            Ast::UnaryOperation(it) => {
                let of = self.walk(&it.operand, focus);
                if it.operator != UnaryOperator::Not {
                    return of;
                }
                self.wants(Class::Boolean, &of, &it.operand, "`not`");
                Known::value(Class::Boolean)
            }
            Ast::BinaryOperation(it) => self.binary(it.operator, [&it.left, &it.right], tree, focus),
            Ast::Union(it) => self.walk(&it.left, focus).or(self.walk(&it.right, focus)),
            Ast::Collection(_) | Ast::Lambda(_) | Ast::TypeInfo(_) => Known::UNKNOWN,
        }
    }

    fn named(&self, name: &str, focus: &Known) -> Known {
        match name {
            "this" => return focus.clone(),
            "resource" | "rootResource" | "context" => return Known::one(Type::Response(Source::Own)),
            "professional" => return Known::one(Type::Response(Source::Professional)),
            _ => {}
        }
        let Some((_, expression)) = self.scope().variables.iter().find(|(known, _)| known == name) else { return Known::UNKNOWN };
        if let Some(known) = self.ground.variables.borrow().get(name) {
            return known.clone();
        }
        // one that leads back to itself is not followed
        self.ground.variables.borrow_mut().insert(name.to_owned(), Known::UNKNOWN);
        let Ok(tree) = parse_ast(expression) else { return Known::UNKNOWN };
        let inside = Self { ground: self.ground, variable: Some(name.to_owned()) };
        let found = inside.walk(&tree, &Known::one(Type::Response(Source::Own)));
        self.ground.variables.borrow_mut().insert(name.to_owned(), found.clone());
        found
    }

    fn binary(&self, operator: Op, [left, right]: [&Ast; 2], tree: &Ast, focus: &Known) -> Known {
        let sides = [self.walk(left, focus), self.walk(right, focus)];
        match operator {
            Op::And | Op::Or | Op::Xor | Op::Implies => {
                let sign = format!("`{operator}`");
                self.wants(Class::Boolean, &sides[0], left, &sign);
                self.wants(Class::Boolean, &sides[1], right, &sign);
                Known::value(Class::Boolean)
            }
            Op::In | Op::Equivalent | Op::NotEquivalent => {
                self.compared(&sides, [left, right], false, tree);
                Known::value(Class::Boolean)
            }
            Op::Contains => {
                let [all, one] = sides;
                self.compared(&[one, all], [right, left], false, tree);
                Known::value(Class::Boolean)
            }
            Op::Union => {
                let [left, right] = sides;
                left.or(right)
            }
            Op::Concatenate => Known::value(Class::Text),
            Op::Add | Op::Subtract | Op::Multiply | Op::Divide | Op::Modulo | Op::IntegerDivide => {
                let is_odd = |it: &Type| matches!(it, Type::Value(Class::Boolean | Class::Coding, _) | Type::Item(..) | Type::Answer(_));
                for (side, part) in sides.iter().zip([left, right]).filter(|(side, _)| side.is_never(|it| !is_odd(it))) {
                    self.tell_wanted(side, part, &format!("`{operator}`"), Class::Number);
                }
                if sides.iter().all(|side| side.is_of(Class::Number)) { Known::value(Class::Number) } else { Known::UNKNOWN }
            }
            other => match comparison(other) {
                Some(comparison) => {
                    let is_order = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
                    self.compared(&sides, [left, right], is_order, tree);
                    Known::value(Class::Boolean)
                }
                None => Known::UNKNOWN,
            },
        }
    }

    fn compared(&self, sides: &[Known; 2], parts: [&Ast; 2], is_order: bool, tree: &Ast) {
        let [Known(Some(left)), Known(Some(right))] = sides else { return };
        let fits = |left: &Type, right: &Type| match (left, right) {
            (Type::Value(one, _), Type::Value(other, _)) => one.is_like(*other) && (!is_order || one.has_order()),
            (Type::Value(..), _) | (_, Type::Value(..)) => false,
            _ => true,
        };
        if left.is_empty() || right.is_empty() {
            return;
        }
        if left.iter().any(|one| right.iter().any(|other| fits(one, other))) {
            self.options(&sides[0], parts[1]);
            self.options(&sides[1], parts[0]);
        } else {
            advice::never_compared(self, sides, parts, is_order, tree);
        }
    }

    /// Something else than true or false (or a number) where that is wanted.
    fn wants(&self, class: Class, found: &Known, tree: &Ast, where_wanted: &str) {
        if found.is_never(|it| matches!(it, Type::Value(known, _) if *known == class)) {
            self.tell_wanted(found, tree, where_wanted, class);
        }
    }

    fn tell_wanted(&self, found: &Known, tree: &Ast, where_wanted: &str, class: Class) {
        let given = found.0.iter().flatten().next().map(Type::said).unwrap_or_default();
        let what = if where_wanted.starts_with('`') {
            format!("{where_wanted} wants {}, and {} gives {given}", class.said(), shown(tree))
        } else {
            format!("{where_wanted} is wanted, and {} gives {given}", shown(tree))
        };
        self.tell(what, advice::of_wanted(class));
    }

    /// The member `name` of what is known.
    fn step(&self, base: &Known, name: &str, tree: &Ast) -> Known {
        let Some(types) = &base.0 else { return Known::UNKNOWN };
        let holds_answers = |it: &Type| matches!(it, Type::Answer(_) | Type::Below(..));
        let kind = name.strip_prefix("value").filter(|kind| kind.starts_with(char::is_uppercase));
        if let Some(kind) = kind
            && !types.is_empty()
            && types.iter().all(holds_answers)
            && ANSWER.elements.iter().any(|element| element.name == name)
        {
            return self.cast(&self.step(base, "value", tree), kind, tree);
        }
        let (mut found, mut is_there) = (Vec::new(), false);
        for one in types {
            match self.member(one, name) {
                Member::Unknown => return Known::UNKNOWN,
                Member::None => {}
                Member::Of(members) => {
                    is_there = true;
                    found.extend(members);
                }
            }
        }
        if !is_there && !types.is_empty() {
            advice::no_member(self, types, name, tree);
            return Known::UNKNOWN;
        }
        let is_nothing =
            |it: &Type| matches!(it, Type::Item(_, items) if items.is_empty()) || matches!(it, Type::Answer(inputs) if inputs.is_empty());
        if found.is_empty() || found.iter().all(is_nothing) {
            if !types.iter().all(is_nothing) {
                advice::nothing_there(self, types, name, tree);
            }
            return Known::UNKNOWN;
        }
        Known(Some(found))
    }

    fn member(&self, of: &Type, name: &str) -> Member {
        let questionnaire = |source: &Source| self.questionnaire(*source);
        match (of, name) {
            (Type::Response(source), "item") => {
                let Some(questionnaire) = questionnaire(source) else { return Member::Unknown };
                Member::Of(vec![Type::Item(*source, questionnaire.children(None).to_vec())])
            }
            (Type::Response(_), _) => member_of(&QUESTIONNAIRE_RESPONSE, name),
            (Type::Item(..) | Type::Below(..), "linkId") => Member::Of(vec![Type::Value(Class::LinkId, Vec::new())]),
            (Type::Item(source, items), "item") => {
                let Some(questionnaire) = questionnaire(source) else { return Member::Unknown };
                let groups = items.iter().filter(|&&item| questionnaire.item(item).kind == ItemKind::Group);
                Member::Of(vec![Type::Item(*source, groups.flat_map(|&item| questionnaire.children(Some(item)).to_vec()).collect())])
            }
            (Type::Below(source, items), "item") => Member::Of(vec![Type::Item(*source, items.clone())]),
            (Type::Item(source, items) | Type::Below(source, items), "answer") => {
                let Some(questionnaire) = questionnaire(source) else { return Member::Unknown };
                let questions = items.iter().filter(|&&item| questionnaire.item(item).is_question());
                Member::Of(vec![Type::Answer(questions.map(|&item| Input { source: *source, item }).collect())])
            }
            (Type::Below(..), "value") => match self.member(of, "answer") {
                Member::Of(answers) => answers.first().map_or(Member::Unknown, |answers| self.member(answers, name)),
                other => other,
            },
            // elsewhere than in items and answers there may be almost anything: only what looks like a slip is told
            (Type::Below(..), _) if !names_below().contains(&name) && nearest(name, names_below()).is_some() => Member::None,
            (Type::Below(..), _) => Member::Unknown,
            (Type::Item(..), _) => member_of(&ITEM, name),
            (Type::Answer(inputs), "value") => {
                Member::Of(inputs.iter().filter_map(|&input| Some(of_answers(input, self.item(input)?))).flatten().collect())
            }
            (Type::Answer(inputs), "item") => {
                let below = |input: &Input| {
                    let questionnaire = self.questionnaire(input.source)?;
                    Some((input.source, questionnaire.children(Some(input.item)).to_vec()))
                };
                Member::Of(inputs.iter().filter_map(below).map(|(source, items)| Type::Item(source, items)).collect())
            }
            (Type::Answer(_), _) => member_of(&ANSWER, name),
            (Type::Value(Class::Coding, inputs), "code") => Member::Of(vec![Type::Value(Class::Code, inputs.clone())]),
            (Type::Value(Class::Coding, _), _) => member_of(&CODING, name),
            (Type::Value(Class::Quantity, _), _) => member_of(&QUANTITY, name),
            // what a primitive has beside its value
            (Type::Value(..), "extension" | "id" | "value") => Member::Unknown,
            (Type::Value(..), _) => Member::None,
            (Type::Element(_, shape), _) => member_of(shape, name),
        }
    }

    /// `ofType(X)`, `as X`, `valueX`
    fn cast(&self, base: &Known, name: &str, tree: &Ast) -> Known {
        let Some(types) = &base.0 else { return Class::named(name).map_or(Known::UNKNOWN, Known::value) };
        let judged: Option<Vec<bool>> = types.iter().map(|it| is_named(it, name)).collect();
        let Some(judged) = judged else { return Known::UNKNOWN };
        if !types.is_empty() && !judged.contains(&true) {
            advice::never_of_type(self, types, name, tree);
            return Known::UNKNOWN;
        }
        Known(Some(types.iter().zip(judged).filter(|(_, is_it)| *is_it).map(|(it, _)| it.clone()).collect()))
    }

    fn type_asked(&self, base: &Known, kind: &Ast, tree: &Ast) -> Known {
        type_name(kind).map_or(Known::UNKNOWN, |name| self.cast(base, &name, tree))
    }
}
