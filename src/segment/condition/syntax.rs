//! Small readings of FHIRPath's syntax tree.

use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::{BinaryOperator as Op, LiteralValue, UnaryOperator};

use super::Literal;

/// `name = 'x'` or `name in ('x' | 'y')`
pub(super) fn membership(condition: &Ast) -> Option<(&str, Vec<String>)> {
    let binary = match condition {
        Ast::Parenthesized(inner) => return membership(inner),
        Ast::BinaryOperation(binary) => binary,
        _ => return None,
    };
    let Ast::Identifier(identifier) = binary.left.as_ref() else { return None };
    let wanted = match binary.operator {
        Op::Equal => vec![literal(&binary.right)?],
        Op::In => literals(&binary.right)?,
        _ => return None,
    };
    let texts =
        wanted.into_iter().map(|literal| if let Literal::Text(text) = literal { Some(text) } else { None }).collect::<Option<_>>()?;
    Some((&identifier.name, texts))
}

pub(super) fn literals(tree: &Ast) -> Option<Vec<Literal>> {
    match tree {
        Ast::Parenthesized(inner) => literals(inner),
        Ast::Union(union) => Some([literals(&union.left)?, literals(&union.right)?].concat()),
        Ast::BinaryOperation(binary) if binary.operator == Op::Union => Some([literals(&binary.left)?, literals(&binary.right)?].concat()),
        _ => Some(vec![literal(tree)?]),
    }
}

pub(super) fn literal(tree: &Ast) -> Option<Literal> {
    match tree {
        Ast::Parenthesized(inner) => literal(inner),
        Ast::UnaryOperation(unary) if unary.operator == UnaryOperator::Negate => match literal(&unary.operand)? {
            Literal::Number(number) => Some(Literal::Number(-number)),
            _ => None,
        },
        Ast::Literal(node) => match &node.value {
            LiteralValue::String(text) => Some(Literal::Text(text.clone())),
            LiteralValue::Integer(number) | LiteralValue::Long(number) => Some(Literal::Number((*number).into())),
            LiteralValue::Decimal(number) => Some(Literal::Number(number.to_string().parse().ok()?)),
            LiteralValue::Boolean(value) => Some(Literal::Boolean(*value)),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn visit(tree: &Ast, see: &mut impl FnMut(&Ast)) {
    see(tree);
    match tree {
        Ast::FunctionCall(node) => node.arguments.iter().for_each(|child| visit(child, see)),
        Ast::MethodCall(node) => {
            visit(&node.object, see);
            node.arguments.iter().for_each(|child| visit(child, see));
        }
        Ast::PropertyAccess(node) => visit(&node.object, see),
        Ast::IndexAccess(node) => [&node.object, &node.index].into_iter().for_each(|child| visit(child, see)),
        Ast::BinaryOperation(node) => [&node.left, &node.right].into_iter().for_each(|child| visit(child, see)),
        Ast::UnaryOperation(node) => visit(&node.operand, see),
        Ast::Lambda(node) => visit(&node.body, see),
        Ast::Collection(node) => node.elements.iter().for_each(|child| visit(child, see)),
        Ast::Parenthesized(inner) => visit(inner, see),
        Ast::TypeCast(node) => visit(&node.expression, see),
        Ast::TypeCheck(node) => visit(&node.expression, see),
        Ast::Filter(node) => [&node.base, &node.condition].into_iter().for_each(|child| visit(child, see)),
        Ast::Union(node) => [&node.left, &node.right].into_iter().for_each(|child| visit(child, see)),
        Ast::Path(node) => visit(&node.base, see),
        Ast::Literal(_) | Ast::Identifier(_) | Ast::Variable(_) | Ast::TypeInfo(_) => {}
    }
}
