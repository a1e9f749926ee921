//! Conditions on a linkId alone: which items they let through is known before anybody has answered.

use octofhir_fhirpath::BinaryOperator as Op;
use octofhir_fhirpath::ast::ExpressionNode as Ast;

use super::Literal;
use super::syntax::{literal, literals};

/// What `condition` says of an item with this linkId; `None` if it asks for anything else.
pub(super) fn linked(condition: &Ast, link_id: &str) -> Option<bool> {
    match condition {
        Ast::Parenthesized(inner) => linked(inner, link_id),
        Ast::BinaryOperation(binary) => match binary.operator {
            Op::And => Some(linked(&binary.left, link_id)? & linked(&binary.right, link_id)?),
            Op::Or => Some(linked(&binary.left, link_id)? | linked(&binary.right, link_id)?),
            Op::Equal | Op::NotEqual => {
                let wanted = match (is_link_id(&binary.left), is_link_id(&binary.right)) {
                    (true, false) => text(&binary.right)?,
                    (false, true) => text(&binary.left)?,
                    _ => return None,
                };
                Some((wanted == link_id) == (binary.operator == Op::Equal))
            }
            Op::In if is_link_id(&binary.left) => {
                let wanted = literals(&binary.right)?;
                let all_texts = wanted.iter().all(|literal| matches!(literal, Literal::Text(_)));
                all_texts.then(|| wanted.iter().any(|literal| matches!(literal, Literal::Text(text) if text == link_id)))
            }
            _ => None,
        },
        Ast::MethodCall(call) => match (call.method.as_str(), call.arguments.as_slice()) {
            ("not", []) => Some(!linked(&call.object, link_id)?),
            ("startsWith", [start]) if is_link_id(&call.object) => Some(link_id.starts_with(&text(start)?)),
            ("endsWith", [end]) if is_link_id(&call.object) => Some(link_id.ends_with(&text(end)?)),
            ("contains", [part]) if is_link_id(&call.object) => Some(link_id.contains(&text(part)?)),
            ("matches", [pattern]) if is_link_id(&call.object) => {
                let pattern = text(pattern)?;
                Some(regex_lite::RegexBuilder::new(&pattern).size_limit(PATTERN).build().ok()?.is_match(link_id))
            }
            ("matchesFull", [pattern]) if is_link_id(&call.object) => {
                let pattern = format!("^(?:{})$", text(pattern)?);
                Some(regex_lite::RegexBuilder::new(&pattern).size_limit(PATTERN).build().ok()?.is_match(link_id))
            }
            _ => None,
        },
        _ => None,
    }
}

fn is_link_id(tree: &Ast) -> bool {
    match tree {
        Ast::Parenthesized(inner) => is_link_id(inner),
        Ast::Identifier(identifier) => identifier.name == "linkId",
        Ast::PropertyAccess(access) => {
            access.property == "linkId" && matches!(access.object.as_ref(), Ast::Variable(variable) if variable.name == "this")
        }
        _ => false,
    }
}

fn text(tree: &Ast) -> Option<String> {
    match literal(tree)? {
        Literal::Text(text) => Some(text),
        _ => None,
    }
}

/// A pattern of rules' authors; no response has a say in it.
const PATTERN: usize = 1 << 16;
