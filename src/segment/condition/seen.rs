//! What an expression over `%family` may read: for each part of the tree, which responses and items it may be, or lie in.
//!
//! Too much rather than too little: what is not narrowed by `questionnaire` or `linkId` is read as a whole.

use std::collections::BTreeSet;

use octofhir_fhirpath::BinaryOperator as Op;
use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::parser::parse_ast;

use super::allowed::FAMILY;
use super::family::{Page, passes};
use super::filter::linked;
use super::foreign::conjuncts;
use super::scope::Defect;
use super::syntax::{children, print};

/// Where a value may come from.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Responses to these pages themselves.
    responses: BTreeSet<usize>,
    /// These items, their answers, and what lies in them: page and item.
    items: BTreeSet<(usize, usize)>,
    /// Anything of the responses, not items alone.
    is_anything: bool,
}

impl Seen {
    fn with(mut self, other: Self) -> Self {
        self.responses.extend(other.responses);
        self.items.extend(other.items);
        self.is_anything |= other.is_anything;
        self
    }
}

pub(super) struct Seeing<'s> {
    pages: &'s [Page],
    variables: &'s [(String, String)],
    /// Items that are read.
    pub charged: BTreeSet<(usize, usize)>,
    pub counted: BTreeSet<usize>,
    pub asks_presence: bool,
    pub reads_members: bool,
    pub defect: Option<Defect>,
}

impl<'s> Seeing<'s> {
    pub(super) const fn new(pages: &'s [Page], variables: &'s [(String, String)]) -> Self {
        Self {
            pages,
            variables,
            charged: BTreeSet::new(),
            counted: BTreeSet::new(),
            asks_presence: false,
            reads_members: false,
            defect: None,
        }
    }

    /// What the tree may come to; what it reads on the way is charged. `focus` is what bare names start from.
    pub(super) fn see(&mut self, tree: &Ast, focus: Option<&Seen>, depth: usize) -> Seen {
        match tree {
            Ast::Parenthesized(inner) => self.see(inner, focus, depth),
            Ast::Literal(_) | Ast::TypeInfo(_) => Seen::default(),
            Ast::Variable(variable) => match variable.name.as_str() {
                FAMILY => Seen { responses: (0..self.pages.len()).collect(), ..Seen::default() },
                "this" => self.focused(focus, "$this"),
                name => self.variable(name, depth),
            },
            Ast::Identifier(identifier) => {
                let focus = self.focused(focus, &identifier.name);
                self.member(focus, &identifier.name)
            }
            Ast::PropertyAccess(access) => {
                let of = self.see(&access.object, focus, depth);
                self.member(of, &access.property)
            }
            Ast::IndexAccess(access) => {
                let index = self.see(&access.index, focus, depth);
                self.read(&index);
                let of = self.see(&access.object, focus, depth);
                self.counted.extend(&of.responses);
                of
            }
            Ast::FunctionCall(call) if FREE.contains(&call.name.as_str()) => {
                let here = focus.cloned().unwrap_or_default();
                if call.name == "iif" { self.choice(&call.arguments, &here, focus.is_some(), depth) } else { Seen::default() }
            }
            Ast::FunctionCall(call) => {
                let of = self.focused(focus, &call.name);
                self.method(of, tree, &call.name, &call.arguments, None, depth)
            }
            Ast::MethodCall(call) => {
                let of = self.see(&call.object, focus, depth);
                self.method(of, &call.object, &call.method, &call.arguments, focus, depth)
            }
            Ast::TypeCast(cast) => self.see(&cast.expression, focus, depth),
            Ast::Union(union) => self.see(&union.left, focus, depth).with(self.see(&union.right, focus, depth)),
            Ast::BinaryOperation(binary) if binary.operator == Op::Union => {
                self.see(&binary.left, focus, depth).with(self.see(&binary.right, focus, depth))
            }
            _ => {
                for child in children(tree) {
                    let seen = self.see(child, focus, depth);
                    self.read(&seen);
                }
                Seen::default()
            }
        }
    }

    /// The values themselves are read.
    pub(super) fn read(&mut self, seen: &Seen) {
        self.charged.extend(&seen.items);
        self.reads_members |= seen.is_anything || !seen.responses.is_empty();
        for &page in &seen.responses {
            self.counted.insert(page);
            self.charged.extend((0..self.pages[page].questionnaire.items().len()).map(|item| (page, item)));
        }
        if seen.is_anything {
            self.counted.extend(seen.items.iter().map(|(page, _)| page));
        }
    }

    /// Only how many there are is read.
    fn count(&mut self, seen: &Seen) {
        self.counted.extend(&seen.responses);
        self.read(&Seen { responses: BTreeSet::new(), ..seen.clone() });
    }

    fn focused(&mut self, focus: Option<&Seen>, name: &str) -> Seen {
        if focus.is_none() {
            self.defect.get_or_insert(Defect::NoFocus(name.to_owned()));
        }
        focus.cloned().unwrap_or_default()
    }

    fn variable(&mut self, name: &str, depth: usize) -> Seen {
        let Some((_, expression)) = self.variables.iter().find(|(known, _)| known == name) else { return Seen::default() };
        match parse_ast(expression) {
            Ok(tree) if depth < DEEPEST => self.see(&tree, None, depth + 1),
            _ => {
                self.defect.get_or_insert(Defect::Circle(name.to_owned()));
                Seen::default()
            }
        }
    }

    fn member(&mut self, of: Seen, name: &str) -> Seen {
        let mut items = of.items;
        match name {
            "item" => items.extend(self.items_of(&of.responses)),
            "questionnaire" | "resourceType" => self.counted.extend(&of.responses),
            _ => {
                self.reads_members |= !of.responses.is_empty();
                self.counted.extend(&of.responses);
            }
        }
        Seen { responses: BTreeSet::new(), items, is_anything: of.is_anything }
    }

    fn items_of(&self, pages: &BTreeSet<usize>) -> BTreeSet<(usize, usize)> {
        let of = |&page: &usize| (0..self.pages[page].questionnaire.items().len()).map(move |item| (page, item));
        pages.iter().flat_map(of).collect()
    }

    fn method(&mut self, of: Seen, object: &Ast, name: &str, arguments: &[Ast], focus: Option<&Seen>, depth: usize) -> Seen {
        match (name, arguments) {
            ("where", [criterion]) => self.filter(of, criterion, depth),
            ("exists", [criterion]) => {
                let narrowed = self.filter(of, criterion, depth);
                self.asks_presence |= !narrowed.items.is_empty() && conjuncts(criterion).into_iter().any(is_on_link_id);
                self.count(&narrowed);
                Seen::default()
            }
            ("exists" | "empty" | "count" | "hasValue", []) => {
                self.asks_presence |= !of.items.is_empty() && !is_criterion(object);
                self.count(&of);
                Seen::default()
            }
            ("all" | "any", [criterion]) => {
                let inside = self.see(criterion, Some(&of), depth);
                self.read(&inside);
                self.count(&of);
                Seen::default()
            }
            ("select", [projection]) => {
                self.count(&of);
                self.see(projection, Some(&of), depth)
            }
            ("repeat", [projection]) => {
                let inside = self.see(projection, Some(&of), depth);
                self.counted.extend(&inside.responses);
                let is_plain = matches!(projection, Ast::Identifier(identifier) if identifier.name == "item");
                let is_anything = of.is_anything || inside.is_anything || !is_plain;
                Seen { responses: BTreeSet::new(), is_anything, items: of.items.into_iter().chain(inside.items).collect() }
            }
            ("descendants" | "children", []) => {
                let is_anything = of.is_anything || !of.responses.is_empty();
                let items = self.items_of(&of.responses);
                Seen { responses: BTreeSet::new(), items: of.items.into_iter().chain(items).collect(), is_anything }
            }
            ("first" | "last" | "tail" | "single" | "skip" | "take" | "distinct", _) => {
                self.all(arguments, focus, depth);
                self.counted.extend(&of.responses);
                of
            }
            ("ofType" | "as", _) => of,
            ("extension", _) => {
                self.all(arguments, focus, depth);
                self.reads_members |= !of.responses.is_empty();
                self.counted.extend(&of.responses);
                of
            }
            ("union" | "combine", [other]) => {
                let other = self.see(other, focus, depth);
                of.with(other)
            }
            ("iif", _) => {
                self.count(&of);
                self.choice(arguments, &of, true, depth)
            }
            _ => {
                self.read(&of);
                let around = of.clone().with(focus.cloned().unwrap_or_default());
                for argument in arguments {
                    let seen = self.see(argument, Some(&around), depth);
                    self.read(&seen);
                }
                of
            }
        }
    }

    fn all(&mut self, arguments: &[Ast], focus: Option<&Seen>, depth: usize) {
        for argument in arguments {
            let seen = self.see(argument, focus, depth);
            self.read(&seen);
        }
    }

    fn choice(&mut self, arguments: &[Ast], here: &Seen, has_focus: bool, depth: usize) -> Seen {
        let mut seen = Seen::default();
        for (index, argument) in arguments.iter().enumerate() {
            let part = self.see(argument, has_focus.then_some(here), depth);
            if index == 0 { self.read(&part) } else { seen = seen.with(part) }
        }
        seen
    }

    /// What a criterion lets through.
    fn filter(&mut self, of: Seen, criterion: &Ast, depth: usize) -> Seen {
        let mut seen = of;
        let mut rest = Vec::new();
        for part in conjuncts(criterion) {
            if !seen.responses.is_empty() && passes(part, &self.pages[0].questionnaire).is_some() {
                seen.responses.retain(|&page| passes(part, &self.pages[page].questionnaire).unwrap_or(true));
                self.must_be(!seen.responses.is_empty(), part);
            } else if seen.responses.is_empty() && is_on_link_id(part) {
                seen.items = self.linked_to(&seen.items, part);
                seen.is_anything = false;
                self.must_be(!seen.items.is_empty(), part);
            } else {
                rest.push(part);
            }
        }
        for part in rest {
            let inside = self.see(part, Some(&seen), depth);
            self.read(&inside);
        }
        seen
    }

    fn linked_to(&self, items: &BTreeSet<(usize, usize)>, part: &Ast) -> BTreeSet<(usize, usize)> {
        let mut narrowed = BTreeSet::new();
        for &(page, item) in items {
            let questionnaire = &self.pages[page].questionnaire;
            if linked(part, &questionnaire.item(item).link_id) == Some(true) {
                narrowed.insert((page, item));
                narrowed.extend(questionnaire.descendants(item).map(|inside| (page, inside)));
            }
        }
        narrowed
    }

    fn must_be(&mut self, is_there: bool, part: &Ast) {
        if !is_there {
            self.defect.get_or_insert(Defect::UnknownInFamily(print(part).unwrap_or_default()));
        }
    }
}

fn is_on_link_id(criterion: &Ast) -> bool {
    linked(criterion, "").is_some()
}

/// Answers of which something is asked, not which items there are.
fn is_criterion(tree: &Ast) -> bool {
    match tree {
        Ast::Parenthesized(inner) => is_criterion(inner),
        Ast::MethodCall(call) => call.method == "where" && call.arguments.iter().flat_map(conjuncts).all(|part| !is_on_link_id(part)),
        _ => false,
    }
}

/// Functions that need no focus.
const FREE: [&str; 4] = ["iif", "now", "today", "timeOfDay"];
/// Variables that lead to each other deeper than this go in a circle.
const DEEPEST: usize = 16;
