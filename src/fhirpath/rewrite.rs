//! An expression as it is run: parsed, and changed so that nothing happens in it unmetered.
//!
//! The engine calls its functions and operators through registries, where they are metered; member access, `|`, variables and
//! what a projection gives it does by itself. Before each of these a call is put that counts. Variables are spread there too:
//! the engine knows them as one value, whether they are several or none.

use octofhir_fhirpath::ast::{
    BinaryOperationNode, BinaryOperator, CollectionNode, ExpressionNode as Ast, FunctionCallNode, IdentifierNode, IndexAccessNode,
    LiteralValue, MethodCallNode, PropertyAccessNode, TypeCastNode, TypeCheckNode, UnaryOperationNode,
};
use octofhir_fhirpath::parser::parse_ast;

use super::kinds::complex;

/// `None` for what does not parse, or is longer or deeper than any expression that people write.
pub(super) fn parse(expression: &str) -> Option<Ast> {
    if !is_moderate(expression) {
        return None;
    }
    let parsed = parse_ast(expression).ok()?;
    (depth(&parsed) <= MOST_DEPTH).then(|| metered(parsed))
}

/// What a tree is dropped with is recursive: no tree is deeper than its text has parts. The parser reads on from each `&`.
fn is_moderate(expression: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut before = ' ';
    let mut parts = 0;
    for c in expression.chars() {
        parts += usize::from(if is_word(c) { !is_word(before) } else { !c.is_whitespace() });
        before = c;
    }
    expression.len() <= MOST_BYTES && parts <= MOST_PARTS && expression.matches('&').count() <= MOST_AMPERSANDS
}

fn depth(tree: &Ast) -> usize {
    let mut deepest = 0;
    let mut open = vec![(tree, 1)];
    while let Some((node, depth)) = open.pop() {
        deepest = deepest.max(depth);
        open.extend(children(node).into_iter().map(|child| (child, depth + 1)));
    }
    deepest
}

/// How many nodes there are.
pub(super) fn nodes(trees: &[Ast]) -> u64 {
    let mut count = 0;
    let mut open: Vec<&Ast> = trees.iter().collect();
    while let Some(node) = open.pop() {
        count += 1;
        open.extend(children(node));
    }
    count
}

/// What an expression reads and calls by name, save what it defines itself.
#[derive(Default)]
pub(super) struct Names<'e> {
    pub variables: Vec<&'e str>,
    pub functions: Vec<&'e str>,
}

impl<'e> Names<'e> {
    pub fn of(tree: &'e Ast) -> Self {
        let mut names = Self::default();
        let mut open = vec![tree];
        while let Some(node) = open.pop() {
            match node {
                Ast::Variable(variable) => names.variables.push(variable.name.trim_start_matches(['%', '$'])),
                Ast::FunctionCall(call) => names.functions.push(&call.name),
                Ast::MethodCall(call) => names.functions.push(&call.method),
                _ => {}
            }
            open.extend(children(node));
        }
        if names.functions.contains(&"defineVariable") {
            names.variables.clear();
        }
        let is_the_engines = |name: &str| OWN_VARIABLES.contains(&name) || name.starts_with("vs-") || name.starts_with("ext-");
        names.variables.retain(|name| !is_the_engines(name));
        names
    }
}

fn children(node: &Ast) -> Vec<&Ast> {
    match node {
        Ast::PropertyAccess(it) => vec![&it.object],
        Ast::BinaryOperation(it) => vec![&it.left, &it.right],
        Ast::Union(it) => vec![&it.left, &it.right],
        Ast::UnaryOperation(it) => vec![&it.operand],
        Ast::IndexAccess(it) => vec![&it.object, &it.index],
        Ast::Collection(it) => it.elements.iter().collect(),
        Ast::Parenthesized(inner) => vec![inner],
        Ast::TypeCheck(it) => vec![&it.expression],
        Ast::TypeCast(it) => vec![&it.expression],
        Ast::FunctionCall(it) => it.arguments.iter().collect(),
        Ast::MethodCall(it) => std::iter::once(&*it.object).chain(&it.arguments).collect(),
        _ => Vec::new(),
    }
}

fn metered(node: Ast) -> Ast {
    match node {
        Ast::Identifier(IdentifierNode { name, .. }) => Ast::property_access(step(None, &name), name),
        Ast::PropertyAccess(PropertyAccessNode { object, property, .. }) => {
            Ast::property_access(step(Some(metered(*object)), &property), property)
        }
        Ast::Variable(variable) if matches!(variable.name.as_str(), "this" | "index") => Ast::Variable(variable),
        Ast::Variable(variable) => Ast::method_call(Ast::Variable(variable), SPREAD, Vec::new()),
        Ast::BinaryOperation(it) if it.operator == BinaryOperator::Union => united(*it.left, *it.right),
        Ast::Union(it) => united(*it.left, *it.right),
        Ast::BinaryOperation(it) => Ast::BinaryOperation(BinaryOperationNode { left: inside(it.left), right: inside(it.right), ..it }),
        Ast::UnaryOperation(it) => Ast::UnaryOperation(UnaryOperationNode { operand: inside(it.operand), ..it }),
        Ast::IndexAccess(it) => Ast::IndexAccess(IndexAccessNode { object: inside(it.object), index: inside(it.index), ..it }),
        Ast::Collection(it) => Ast::Collection(CollectionNode { elements: it.elements.into_iter().map(metered).collect(), ..it }),
        Ast::Parenthesized(inner) => Ast::Parenthesized(inside(inner)),
        Ast::TypeCheck(it) if complex(&it.target_type).is_some() => {
            Ast::method_call(metered(*it.expression), "is", vec![Ast::identifier(it.target_type)])
        }
        Ast::TypeCast(it) if complex(&it.target_type).is_some() => {
            Ast::method_call(metered(*it.expression), "as", vec![Ast::identifier(it.target_type)])
        }
        Ast::TypeCheck(it) => Ast::TypeCheck(TypeCheckNode { expression: inside(it.expression), ..it }),
        Ast::TypeCast(it) => Ast::TypeCast(TypeCastNode { expression: inside(it.expression), ..it }),
        Ast::FunctionCall(it) => {
            let arguments = arguments(&it.name, it.arguments);
            counted(&it.name.clone(), Ast::FunctionCall(FunctionCallNode { arguments, ..it }))
        }
        Ast::MethodCall(it) => {
            let arguments = arguments(&it.method, it.arguments);
            counted(&it.method.clone(), Ast::MethodCall(MethodCallNode { object: inside(it.object), arguments, ..it }))
        }
        // the engine evaluates none of these, the parser makes none
        other => other,
    }
}

#[allow(clippy::boxed_local, reason = "the tree's children are boxed")]
fn inside(node: Box<Ast>) -> Box<Ast> {
    Box::new(metered(*node))
}

/// `descendants().where($this is Reference)` is one thing to the engine, and unmetered: this keeps them apart.
fn counted(name: &str, call: Ast) -> Ast {
    if name == "descendants" { Ast::method_call(call, SPREAD, Vec::new()) } else { call }
}

fn arguments(function: &str, arguments: Vec<Ast>) -> Vec<Ast> {
    let each: fn(Ast) -> Ast = match function {
        // types, not paths
        "is" | "as" | "ofType" => |it| it,
        "select" | "aggregate" | "defineVariable" => gathered,
        "sort" => |it| match it {
            Ast::UnaryOperation(it) => Ast::UnaryOperation(UnaryOperationNode { operand: Box::new(gathered(*it.operand)), ..it }),
            other => gathered(other),
        },
        // constants and sums it knows by their looks
        "repeat" => |it| match it {
            Ast::Literal(_) | Ast::BinaryOperation(_) => metered(it),
            _ => Ast::method_call(metered(it), TRACE, vec![Ast::literal(LiteralValue::String(COMPARED.to_owned()))]),
        },
        _ => metered,
    };
    arguments.into_iter().map(each).collect()
}

/// What it gives is put to what it gave before. The engine computes only once what is the same in every turn, but never a trace.
fn gathered(node: Ast) -> Ast {
    match node {
        Ast::Literal(_) => node,
        _ => Ast::method_call(metered(node), TRACE, Vec::new()),
    }
}

fn step(object: Option<Ast>, name: &str) -> Ast {
    let name = vec![Ast::literal(LiteralValue::String(name.to_owned()))];
    match object {
        Some(object) => Ast::method_call(object, STEP, name),
        None => Ast::function_call(STEP, name),
    }
}

/// A whole chain of `|` at once.
fn united(left: Ast, right: Ast) -> Ast {
    let mut parts = vec![right];
    let mut rest = left;
    let first = loop {
        rest = match rest {
            Ast::Union(it) => {
                parts.push(*it.right);
                *it.left
            }
            Ast::BinaryOperation(it) if it.operator == BinaryOperator::Union => {
                parts.push(*it.right);
                *it.left
            }
            other => break other,
        };
    };
    parts.push(first);
    parts.reverse();
    let function = if parts.iter().all(|part| matches!(part, Ast::Literal(_))) { UNITED_LITERALS } else { UNITED };
    Ast::function_call(function, parts.into_iter().map(metered).collect())
}

/// Counts what member access is going to give.
pub(super) const STEP: &str = "#step";
/// Counts, and makes of a variable what it is.
pub(super) const SPREAD: &str = "#spread";
/// Counts what is gathered.
pub(super) const TRACE: &str = "trace";
/// The argument of a trace of what is going to be compared by its content.
pub(super) const COMPARED: &str = "#compared";
pub(super) const UNITED: &str = "#united";
pub(super) const UNITED_LITERALS: &str = "#unitedLiterals";

/// What the engine itself gives.
const OWN_VARIABLES: [&str; 6] = ["this", "index", "total", "ucum", "sct", "loinc"];
const MOST_BYTES: usize = 32 << 10;
const MOST_PARTS: usize = 4096;
const MOST_DEPTH: usize = 400;
const MOST_AMPERSANDS: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_or_deeper_than_people_write_does_not_compile() {
        let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(100)).is_some());
        assert!(parse(&nested(2000)).is_none());
        assert!(parse(&format!("1{}", "+1".repeat(300))).is_some());
        assert!(parse(&format!("1{}", "+1".repeat(2000))).is_none());
        assert!(parse(&format!("1{}", "+1".repeat(100_000))).is_none());
        assert!(parse(&format!("{}1", "-".repeat(4000))).is_none());
        assert!(parse(&format!("'{}'", "x".repeat(MOST_BYTES))).is_none());
        assert!(parse(&format!("'a'{}", "&'a'".repeat(MOST_AMPERSANDS + 1))).is_none());
    }
}
