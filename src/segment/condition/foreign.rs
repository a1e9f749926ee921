//! What is not lowered: an expression for the engine, and the questions that it may read.
//!
//! Which these are is told from the syntax tree, and rather too many than too few: where a path to answers is not narrowed by
//! linkIds, every question is read.

use std::sync::Arc;

use octofhir_fhirpath::ast::{ExpressionNode as Ast, MethodCallNode};
use octofhir_fhirpath::parser::parse_ast;
use octofhir_fhirpath::{BinaryOperator, UnaryOperator};

use super::filter::linked;
use super::scope::Lowering;
use super::syntax::{children, has_quantity, print, same, typed, visit};
use super::{Input, Source};
use crate::fhirpath::Plan;
use crate::form::questionnaire::ItemKind;

/// An expression that the engine evaluates.
#[derive(Debug, Clone)]
pub struct Foreign {
    pub expression: String,
    pub plan: Plan,
    /// Defined before it, each seeing those before it.
    pub variables: Arc<[Variable]>,
    /// Every question that it may read.
    pub inputs: Vec<Input>,
    /// Every computed item among what it reads: where one cannot be computed, nothing can be said.
    pub computed: Vec<Input>,
    /// It asks whether there is an answer, whatever it is.
    pub asks_presence: bool,
}

/// A variable for the engine.
#[derive(Debug, Clone)]
pub struct Variable {
    pub name: String,
    /// `None`: it does not compile.
    pub plan: Option<Plan>,
}

impl PartialEq for Foreign {
    fn eq(&self, other: &Self) -> bool {
        let names = |it: &Self| it.variables.iter().map(|variable| variable.name.clone()).collect::<Vec<_>>();
        self.expression == other.expression && names(self) == names(other)
    }
}

impl Lowering<'_> {
    /// The tree as a leaf for the engine; `None` if it cannot be written down again.
    pub(super) fn foreign(&self, tree: &Ast) -> Option<Foreign> {
        let (inputs, computed) = self.reads(tree);
        let is_quantity = |input: &Input| self.questionnaire(input.source).is_ok_and(|it| it.item(input.item).kind == ItemKind::Quantity);
        let quantities = self.has_quantity(tree, &mut Vec::new());
        if quantities && !self.only_compares(tree, &mut Vec::new()) {
            return None; // nothing is converted, and what comes of it is not known for sure
        }
        let quantities = quantities && !inputs.is_empty() && inputs.iter().all(is_quantity) && !compares_inside(tree);
        let variables = self.plans(quantities);
        let tree = &typed(tree, quantities)?;
        let expression = print(tree)?;
        if !parse_ast(&expression).is_ok_and(|again| same(&again, tree)) {
            return None;
        }
        let asks_presence = self.asks_presence(tree, &mut Vec::new());
        Some(Foreign { plan: Plan::of(&expression)?, expression, variables, inputs, computed, asks_presence })
    }

    /// Every question that the expression may read, what is computed resolved.
    pub(super) fn inputs(&self, tree: &Ast) -> Vec<Input> {
        self.reads(tree).0
    }

    /// Every question that the expression may read, what is computed resolved; and what is computed.
    fn reads(&self, tree: &Ast) -> (Vec<Input>, Vec<Input>) {
        let mut reads = Reads::default();
        self.read(tree, &mut reads, At::default());
        if reads.all {
            for source in [Source::Own, Source::Professional] {
                if let Ok(questionnaire) = self.questionnaire(source) {
                    let questions = (0..questionnaire.items().len()).filter(|&item| questionnaire.item(item).is_question());
                    reads.inputs.extend(questions.map(|item| Input { source, item }));
                }
            }
        }
        let mut inputs = reads.groups;
        let mut computed = Vec::new();
        reads.inputs.into_iter().for_each(|input| self.question(input, &mut inputs, &mut computed));
        inputs.sort_unstable();
        inputs.dedup();
        (inputs, computed)
    }

    /// `seen`: the variables that were gone into.
    fn asks_presence(&self, tree: &Ast, seen: &mut Seen) -> bool {
        let here = match tree {
            Ast::MethodCall(call) if call.arguments.is_empty() => {
                matches!(call.method.as_str(), "exists" | "empty" | "count" | "hasValue")
                    && !matches!(call.object.as_ref(), Ast::MethodCall(inner) if inner.method == "where" && self.source_of_items(&inner.object, At::default()).is_none())
            }
            Ast::Variable(variable) if is_new(seen, (self.position(&variable.name), &variable.name)) => {
                match self.variable(&variable.name).map(parse_ast) {
                    Some(Ok(tree)) => self.of_variable(&variable.name).asks_presence(&tree, seen),
                    _ => false,
                }
            }
            _ => false,
        };
        here || children(tree).into_iter().any(|child| self.asks_presence(child, seen))
    }

    fn plans(&self, quantities: bool) -> Arc<[Variable]> {
        let plan = |(name, expression): &(String, String)| {
            let tree = parse_ast(expression).ok().and_then(|tree| typed(&tree, quantities));
            Variable { name: name.clone(), plan: tree.and_then(|tree| Plan::of(&print(&tree)?)) }
        };
        self.rule_variables().iter().map(plan).collect()
    }

    fn has_quantity(&self, tree: &Ast, seen: &mut Seen) -> bool {
        let mut found = has_quantity(tree);
        visit(tree, &mut |node| {
            if let Ast::Variable(variable) = node
                && !found
                && is_new(seen, (self.position(&variable.name), &variable.name))
                && let Some(Ok(tree)) = self.variable(&variable.name).map(parse_ast)
            {
                found = self.of_variable(&variable.name).has_quantity(&tree, seen);
            }
        });
        found
    }

    /// Nothing is done with quantities but to find and to compare them.
    fn only_compares(&self, tree: &Ast, seen: &mut Seen) -> bool {
        use BinaryOperator::{And, Equal, GreaterThan, GreaterThanOrEqual, Implies, LessThan, LessThanOrEqual, NotEqual, Or, Union, Xor};
        let here = match tree {
            Ast::BinaryOperation(binary) => match binary.operator {
                And | Or | Xor | Implies | Union | Equal | NotEqual => true,
                operator => matches!(operator, LessThan | LessThanOrEqual | GreaterThan | GreaterThanOrEqual),
            },
            Ast::UnaryOperation(unary) => unary.operator == UnaryOperator::Not,
            Ast::MethodCall(call) => COMPARING.contains(&call.method.as_str()),
            Ast::FunctionCall(call) => COMPARING.contains(&call.name.as_str()),
            Ast::Variable(variable) if is_new(seen, (self.position(&variable.name), &variable.name)) => {
                match self.variable(&variable.name).map(parse_ast) {
                    Some(Ok(tree)) => self.of_variable(&variable.name).only_compares(&tree, seen),
                    _ => true,
                }
            }
            _ => true,
        };
        here && children(tree).into_iter().all(|child| self.only_compares(child, seen))
    }

    /// A question; what is computed reads what its expression reads, and is told itself.
    pub(super) fn question(&self, input: Input, inputs: &mut Vec<Input>, computed: &mut Vec<Input>) {
        let Ok(questionnaire) = self.questionnaire(input.source) else { return };
        let item = questionnaire.item(input.item);
        let Some(calculated) = item.expressions.as_ref().and_then(|it| it.calculated.as_ref()) else {
            if item.is_question() {
                inputs.push(input);
            }
            return;
        };
        if computed.contains(&input) {
            return;
        }
        computed.push(input);
        let mut reads = Reads::default();
        let inner = self.within(input);
        if let Ok(tree) = parse_ast(&calculated.text) {
            inner.read(&tree, &mut reads, At::default());
        }
        let is_plain = |item: usize| {
            questionnaire.item(item).is_question() && questionnaire.item(item).expressions.as_ref().is_none_or(|it| it.calculated.is_none())
        };
        if reads.all {
            inputs.extend((0..questionnaire.items().len()).filter(|&it| is_plain(it)).map(|item| Input { item, ..input }));
        } else {
            reads.inputs.into_iter().for_each(|it| self.question(it, inputs, computed));
        }
    }

    /// What the tree reads.
    fn read(&self, tree: &Ast, reads: &mut Reads, at: At) {
        let below = |reads: &mut Reads| children(tree).into_iter().for_each(|child| self.read(child, reads, at));
        match tree {
            Ast::Variable(variable) => match self.variable(&variable.name) {
                Some(expression) if is_new(&mut reads.seen, (self.position(&variable.name), &variable.name)) => match parse_ast(expression)
                {
                    Ok(tree) => self.of_variable(&variable.name).read(&tree, reads, At::default()),
                    Err(_) => reads.all = true,
                },
                Some(_) => {}
                None if ENVIRONMENT.contains(&variable.name.as_str()) => {}
                // bare, the response may be compared or counted as a whole; of what is not known, anything may be true
                None => reads.all |= variable.name != "this" || !at.is_inside,
            },
            Ast::Identifier(identifier) => {
                reads.all |= !at.is_inside && matches!(identifier.name.as_str(), "item" | "answer" | "QuestionnaireResponse");
            }
            Ast::FunctionCall(call) if matches!(call.name.as_str(), "descendants" | "children" | "repeat") => {
                reads.all |= !at.is_inside;
                below(reads);
            }
            // a response is one, whatever is in it
            Ast::TypeCheck(check) if self.is_focus(&check.expression, at.is_inside) => {}
            Ast::MethodCall(call) if call.method == "is" && self.is_focus(&call.object, at.is_inside) => {}
            Ast::MethodCall(call) => {
                if let Some(groups) = self.counted(call, at) {
                    reads.groups.extend(groups);
                    return;
                }
                let narrows = matches!(call.method.as_str(), "where" | "exists");
                match (self.source_of_items(&call.object, at), call.arguments.first()) {
                    (Some(source), Some(condition)) if narrows => match self.narrowed(source, condition) {
                        Some(items) => items.into_iter().for_each(|item| {
                            let Ok(questionnaire) = self.questionnaire(source) else { return };
                            reads.inputs.push(Input { source, item });
                            reads.inputs.extend(questionnaire.descendants(item).map(|item| Input { source, item }));
                        }),
                        None => reads.all = true,
                    },
                    _ => {
                        self.read(&call.object, reads, at);
                        // inside, the focus is what the object came to, which has been read
                        let is_inside = at.is_inside || LAMBDAS.contains(&call.method.as_str());
                        call.arguments.iter().for_each(|argument| self.read(argument, reads, At { is_inside }));
                    }
                }
            }
            Ast::PropertyAccess(access) if !matches!(access.property.as_str(), "item" | "answer") && is_response(&access.object) => {}
            _ => below(reads),
        }
    }

    /// The groups of which `count()`, `exists()` or `empty()` is asked, not what is in them.
    fn counted(&self, call: &MethodCallNode, at: At) -> Option<Vec<Input>> {
        if !matches!(call.method.as_str(), "count" | "exists" | "empty") || !call.arguments.is_empty() {
            return None;
        }
        let Ast::MethodCall(filter) = call.object.as_ref() else { return None };
        let (source, [condition]) = (self.source_of_items(&filter.object, at)?, filter.arguments.as_slice()) else { return None };
        let questionnaire = self.questionnaire(source).ok()?;
        if filter.method != "where" || linked(condition, "").is_none() {
            return None;
        }
        let passes = |item: &usize| linked(condition, &questionnaire.item(*item).link_id) == Some(true);
        let items: Vec<usize> = (0..questionnaire.items().len()).filter(passes).collect();
        let is_group = |&item: &usize| !questionnaire.item(item).is_question();
        items.iter().all(is_group).then(|| items.into_iter().map(|item| Input { source, item }).collect())
    }

    /// The items that a condition on linkIds lets through, whatever else it asks.
    fn narrowed(&self, source: Source, condition: &Ast) -> Option<Vec<usize>> {
        let questionnaire = self.questionnaire(source).ok()?;
        let parts = conjuncts(condition);
        let (links, others): (Vec<&Ast>, Vec<&Ast>) = parts.into_iter().partition(|part| linked(part, "").is_some());
        let mut reads = Reads::default();
        others.into_iter().for_each(|other| self.read_inside(other, &mut reads));
        if links.is_empty() || reads.all || !reads.inputs.is_empty() {
            return None;
        }
        let passes = |item: &usize| links.iter().all(|part| linked(part, &questionnaire.item(*item).link_id) == Some(true));
        Some((0..questionnaire.items().len()).filter(passes).collect())
    }

    /// Inside a filter the focus is an item: its own answers are no way out of it, the response is.
    fn read_inside(&self, tree: &Ast, reads: &mut Reads) {
        match tree {
            Ast::Variable(variable) if variable.name != "this" => reads.all = true,
            _ => children(tree).into_iter().for_each(|child| self.read_inside(child, reads)),
        }
    }

    /// The response whose items, perhaps all of them, the tree is.
    fn source_of_items(&self, tree: &Ast, at: At) -> Option<Source> {
        let of = |tree: &Ast| self.source_of_response(tree).or_else(|| self.source_of_items(tree, at));
        match tree {
            Ast::Parenthesized(inner) => self.source_of_items(inner, at),
            Ast::Identifier(identifier) if identifier.name == "item" => (!at.is_inside && self.is_bare()).then(|| self.base()),
            Ast::FunctionCall(call) if matches!(call.name.as_str(), "descendants" | "repeat") => {
                (!at.is_inside && self.is_bare()).then(|| self.base())
            }
            Ast::PropertyAccess(access) if matches!(access.property.as_str(), "item" | "answer") => of(&access.object),
            Ast::MethodCall(call) if matches!(call.method.as_str(), "descendants" | "repeat" | "children") => of(&call.object),
            _ => None,
        }
    }

    /// The response itself.
    pub(super) fn is_focus(&self, tree: &Ast, is_inside: bool) -> bool {
        let is_this = matches!(tree, Ast::Variable(variable) if variable.name == "this") && !is_inside && self.is_bare();
        match tree {
            Ast::Parenthesized(inner) => self.is_focus(inner, is_inside),
            _ => is_this || self.source_of_response(tree) == Some(Source::Own),
        }
    }

    fn source_of_response(&self, tree: &Ast) -> Option<Source> {
        match tree {
            Ast::Identifier(identifier) if identifier.name == "QuestionnaireResponse" => self.is_bare().then(|| self.base()),
            Ast::Variable(variable) => match variable.name.as_str() {
                "resource" | "rootResource" => Some(self.base()),
                "context" if self.is_bare() => Some(self.base()),
                "professional" if self.variable("professional").is_none() => Some(Source::Professional),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Where in an expression we are.
#[derive(Debug, Clone, Copy, Default)]
struct At {
    /// Inside a criterion or projection: bare names start at its focus, not at the response.
    is_inside: bool,
}

/// A quantity stands in a criterion, whose focus may be anything.
fn compares_inside(tree: &Ast) -> bool {
    let mut found = false;
    visit(tree, &mut |node| {
        if let Ast::MethodCall(call) = node {
            found |= LAMBDAS.contains(&call.method.as_str()) && call.arguments.iter().any(has_quantity);
        }
    });
    found
}

fn is_response(tree: &Ast) -> bool {
    matches!(tree, Ast::Variable(variable) if matches!(variable.name.as_str(), "resource" | "rootResource" | "professional" | "context"))
}

pub(super) fn conjuncts(tree: &Ast) -> Vec<&Ast> {
    match tree {
        Ast::Parenthesized(inner) => conjuncts(inner),
        Ast::BinaryOperation(binary) if binary.operator == octofhir_fhirpath::BinaryOperator::And => {
            [conjuncts(&binary.left), conjuncts(&binary.right)].concat()
        }
        _ => vec![tree],
    }
}

#[derive(Default)]
struct Reads {
    inputs: Vec<Input>,
    /// Groups of which only the presence or the number counts.
    groups: Vec<Input>,
    all: bool,
    /// The variables that were gone into.
    seen: Seen,
}

/// Variables that were gone into, by their place among those of a Questionnaire and their name.
type Seen = Vec<(Option<usize>, String)>;

/// Whether the variable was not among those. It is now.
fn is_new(seen: &mut Seen, (position, name): (Option<usize>, &str)) -> bool {
    let is_new = !seen.iter().any(|(at, known)| *at == position && known == name);
    if is_new {
        seen.push((position, name.to_owned()));
    }
    is_new
}

/// Functions whose arguments are evaluated on each value of what they are called on.
const LAMBDAS: [&str; 8] = ["where", "select", "all", "exists", "any", "repeat", "aggregate", "iif"];
/// Functions that quantities come through as they are, or not at all.
const COMPARING: [&str; 21] = [
    "where",
    "select",
    "all",
    "exists",
    "any",
    "repeat",
    "iif",
    "descendants",
    "children",
    "ofType",
    "as",
    "is",
    "first",
    "last",
    "single",
    "not",
    "empty",
    "count",
    "item",
    "allTrue",
    "answer",
];
/// What holds no answer.
const ENVIRONMENT: [&str; 8] = ["questionnaire", "qitem", "ucum", "sct", "loinc", "index", "total", "patient"];
