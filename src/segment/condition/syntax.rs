//! Small readings of FHIRPath's syntax tree.

use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::{BinaryOperator as Op, LiteralValue, UnaryOperator};

use super::{Comparison, Literal, comparison};

/// `name = 'x'` or `name in ('x' | 'y')`; the name may be a path, as in `value.code`.
pub(super) fn membership(condition: &Ast) -> Option<(String, Vec<String>)> {
    let binary = match condition {
        Ast::Parenthesized(inner) => return membership(inner),
        Ast::BinaryOperation(binary) => binary,
        _ => return None,
    };
    let name = names(&binary.left)?;
    let wanted = match binary.operator {
        Op::Equal => vec![literal(&binary.right)?],
        Op::In => literals(&binary.right)?,
        _ => return None,
    };
    let texts =
        wanted.into_iter().map(|literal| if let Literal::Text(text) = literal { Some(text) } else { None }).collect::<Option<_>>()?;
    Some((name, texts))
}

/// As [`membership`], or `name != 'x'`, or several of either sort with `or` or `and` between them: whether they are excluded.
pub(super) fn codes(condition: &Ast) -> Option<(String, Vec<String>, bool)> {
    match condition {
        Ast::Parenthesized(inner) => codes(inner),
        Ast::BinaryOperation(binary) if matches!(binary.operator, Op::Or | Op::And) => {
            let (left, right) = (codes(&binary.left)?, codes(&binary.right)?);
            let negated = binary.operator == Op::And;
            ((left.0 == right.0) && left.2 == negated && right.2 == negated).then(|| (left.0, [left.1, right.1].concat(), negated))
        }
        Ast::BinaryOperation(binary) if binary.operator == Op::NotEqual => match literal(&binary.right)? {
            Literal::Text(text) => Some((names(&binary.left)?, vec![text], true)),
            _ => None,
        },
        _ => membership(condition).map(|(name, wanted)| (name, wanted, false)),
    }
}

/// `a.b.c`
fn names(tree: &Ast) -> Option<String> {
    match tree {
        Ast::Variable(variable) if variable.name == "this" => Some("$this".to_owned()),
        Ast::Identifier(identifier) => Some(identifier.name.clone()),
        Ast::PropertyAccess(access) => Some(format!("{}.{}", names(&access.object)?, access.property)),
        _ => None,
    }
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

/// `$this >= 2`, either way.
pub(super) fn compared_with_this(condition: &Ast) -> Option<(Comparison, rust_decimal::Decimal)> {
    let (of, comparison, than) = compared_with_number(condition)?;
    (names(of).as_deref() == Some("$this")).then_some((comparison, than))
}

/// `… >= 2`, either way.
pub(super) fn compared_with_number(condition: &Ast) -> Option<(&Ast, Comparison, rust_decimal::Decimal)> {
    let binary = match condition {
        Ast::Parenthesized(inner) => return compared_with_number(inner),
        Ast::BinaryOperation(binary) => binary,
        _ => return None,
    };
    let comparison = comparison(binary.operator)?;
    let number = |tree: &Ast| match literal(tree)? {
        Literal::Number(number) => Some(number),
        _ => None,
    };
    match (number(&binary.left), number(&binary.right)) {
        (None, Some(than)) => Some((&binary.left, comparison, than)),
        (Some(than), None) => Some((&binary.right, comparison.mirrored(), than)),
        _ => None,
    }
}

/// `25 'kg/m2'`
pub(super) fn quantity(tree: &Ast) -> Option<(rust_decimal::Decimal, String)> {
    match tree {
        Ast::Parenthesized(inner) => quantity(inner),
        Ast::Literal(node) => match &node.value {
            LiteralValue::Quantity { value, unit: Some(unit) } => Some((value.to_string().parse().ok()?, unit.clone())),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn visit(tree: &Ast, see: &mut impl FnMut(&Ast)) {
    see(tree);
    children(tree).into_iter().for_each(|child| visit(child, see));
}

/// What stands directly below a node, from left to right.
pub(super) fn children(tree: &Ast) -> Vec<&Ast> {
    match tree {
        Ast::FunctionCall(node) => node.arguments.iter().collect(),
        Ast::MethodCall(node) => std::iter::once(&*node.object).chain(&node.arguments).collect(),
        Ast::PropertyAccess(node) => vec![&node.object],
        Ast::IndexAccess(node) => vec![&node.object, &node.index],
        Ast::BinaryOperation(node) => vec![&node.left, &node.right],
        Ast::UnaryOperation(node) => vec![&node.operand],
        Ast::Lambda(node) => vec![&node.body],
        Ast::Collection(node) => node.elements.iter().collect(),
        Ast::Parenthesized(inner) => vec![inner],
        Ast::TypeCast(node) => vec![&node.expression],
        Ast::TypeCheck(node) => vec![&node.expression],
        Ast::Filter(node) => vec![&node.base, &node.condition],
        Ast::Union(node) => vec![&node.left, &node.right],
        Ast::Path(node) => vec![&node.base],
        Ast::Literal(_) | Ast::Identifier(_) | Ast::Variable(_) | Ast::TypeInfo(_) => Vec::new(),
    }
}

/// The expression of a tree, with more parentheses than it had; `None` for what is not known here. Whoever uses it parses
/// it again and compares ([`same`]).
pub(super) fn print(tree: &Ast) -> Option<String> {
    let all = |nodes: &[Ast]| nodes.iter().map(print).collect::<Option<Vec<_>>>().map(|texts| texts.join(", "));
    Some(match tree {
        Ast::Literal(node) => written(&node.value),
        Ast::Identifier(node) => name(&node.name)?,
        Ast::Variable(node) if matches!(node.name.as_str(), "this" | "total" | "index") => format!("${}", node.name),
        Ast::Variable(node) => format!("%{}", name(&node.name)?),
        Ast::FunctionCall(node) => format!("{}({})", node.name, all(&node.arguments)?),
        Ast::MethodCall(node) => format!("{}.{}({})", inner(&node.object)?, node.method, all(&node.arguments)?),
        Ast::PropertyAccess(node) => format!("{}.{}", inner(&node.object)?, name(&node.property)?),
        Ast::IndexAccess(node) => format!("{}[{}]", inner(&node.object)?, print(&node.index)?),
        Ast::BinaryOperation(node) => format!("{} {} {}", inner(&node.left)?, node.operator, inner(&node.right)?),
        Ast::Union(node) => format!("{} | {}", inner(&node.left)?, inner(&node.right)?),
        Ast::UnaryOperation(node) if node.operator == UnaryOperator::Negate => format!("-{}", inner(&node.operand)?),
        Ast::UnaryOperation(node) if node.operator == UnaryOperator::Not => format!("not {}", inner(&node.operand)?),
        Ast::TypeCast(node) => format!("{} as {}", inner(&node.expression)?, node.target_type),
        Ast::TypeCheck(node) => format!("{} is {}", inner(&node.expression)?, node.target_type),
        Ast::Collection(node) if node.elements.is_empty() => "{}".to_owned(),
        Ast::Parenthesized(node) => format!("({})", print(node)?),
        _ => return None,
    })
}

/// As the parser reads it; the engine's own writing has a `T` too many or too few, and an offset that is not stated.
fn written(value: &LiteralValue) -> String {
    match value {
        LiteralValue::Time(time) => format!("@{time}"),
        LiteralValue::DateTime(it) => {
            let text = it.to_string();
            match text.split_once('T') {
                None => format!("@{text}T"),
                Some((date, time)) if !it.tz_specified => format!("@{date}T{}", time.split('+').next().unwrap_or(time)),
                Some(_) => format!("@{text}"),
            }
        }
        other => other.to_string(),
    }
}

/// In parentheses, where anything could bind otherwise.
fn inner(tree: &Ast) -> Option<String> {
    let text = print(tree)?;
    let is_tight = !matches!(tree, Ast::BinaryOperation(_) | Ast::Union(_) | Ast::UnaryOperation(_) | Ast::TypeCast(_) | Ast::TypeCheck(_));
    Some(if is_tight { text } else { format!("({text})") })
}

fn name(name: &str) -> Option<String> {
    let is_plain =
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain {
        return Some(name.to_owned());
    }
    (!name.contains(['`', '\\'])).then(|| format!("`{name}`"))
}

/// The tree for an engine that knows no types of members: `valueDate` as `value.ofType(date)`, `value.ofType(Coding)` as
/// `valueCoding`. Where all that is read are quantities, `value` is one for sure.
pub(super) fn typed(tree: &Ast, quantities: bool) -> Option<Ast> {
    let each = |nodes: &[Ast]| nodes.iter().map(|node| typed(node, quantities)).collect::<Option<Vec<_>>>();
    let boxed = |node: &Ast| typed(node, quantities).map(Box::new);
    let of = |tree: Ast, kind: &str| Some(Ast::method_call(tree, "ofType", vec![Ast::identifier(kind)]));
    match tree {
        Ast::MethodCall(call) if matches!(call.method.as_str(), "ofType" | "as") => {
            if let [kind] = call.arguments.as_slice()
                && let Some(member) = member_of(&call.object, &type_name(kind)?)
            {
                return typed(&member, quantities);
            }
            if quantities && is_value(&call.object) {
                return Some(Ast::method_call(plain_value(&call.object, &boxed)?, &call.method, call.arguments.clone()));
            }
        }
        Ast::TypeCast(cast) => {
            if let Some(member) = member_of(&cast.expression, &cast.target_type) {
                return typed(&member, quantities);
            }
            return of(plain_value(&cast.expression, &boxed)?, &cast.target_type);
        }
        _ => {}
    }
    let mut tree = tree.clone();
    match &mut tree {
        Ast::PropertyAccess(node) => {
            node.object = boxed(&node.object)?;
            let kind = match node.property.as_str() {
                "valueDate" => "date",
                "valueDateTime" => "dateTime",
                "valueTime" => "time",
                "valueQuantity" => "Quantity",
                "value" if quantities && node.object.to_string().ends_with("answer") => "Quantity",
                _ => return Some(tree),
            };
            "value".clone_into(&mut node.property);
            return of(tree, kind);
        }
        Ast::FunctionCall(node) => node.arguments = each(&node.arguments)?,
        Ast::MethodCall(node) => (node.object, node.arguments) = (boxed(&node.object)?, each(&node.arguments)?),
        Ast::IndexAccess(node) => (node.object, node.index) = (boxed(&node.object)?, boxed(&node.index)?),
        Ast::BinaryOperation(node) => (node.left, node.right) = (boxed(&node.left)?, boxed(&node.right)?),
        Ast::Union(node) => (node.left, node.right) = (boxed(&node.left)?, boxed(&node.right)?),
        Ast::UnaryOperation(node) => node.operand = boxed(&node.operand)?,
        Ast::TypeCheck(node) => node.expression = boxed(&node.expression)?,
        Ast::Parenthesized(node) => *node = boxed(node)?,
        Ast::Literal(_) | Ast::Identifier(_) | Ast::Variable(_) => {}
        Ast::Collection(node) if node.elements.is_empty() => {}
        // nothing that the parser makes today
        _ => return None,
    }
    Some(tree)
}

/// `value` of this complex type, as the member that it is in JSON.
fn member_of(tree: &Ast, kind: &str) -> Option<Ast> {
    let kind = kind.rsplit('.').next().unwrap_or(kind);
    let name = ["Coding", "Reference", "Attachment"].contains(&kind).then(|| format!("value{kind}"))?;
    match tree {
        Ast::Parenthesized(inner) => member_of(inner, kind),
        Ast::Identifier(identifier) if identifier.name == "value" => Some(Ast::identifier(name)),
        Ast::PropertyAccess(access) if access.property == "value" => Some(Ast::property_access((*access.object).clone(), name)),
        _ => None,
    }
}

fn is_value(tree: &Ast) -> bool {
    match tree {
        Ast::Parenthesized(inner) => is_value(inner),
        Ast::Identifier(identifier) => identifier.name == "value",
        Ast::PropertyAccess(access) => access.property == "value",
        _ => false,
    }
}

/// What a type is asked of, not yet asked for another.
fn plain_value(tree: &Ast, inside: &dyn Fn(&Ast) -> Option<Box<Ast>>) -> Option<Ast> {
    match tree {
        Ast::Parenthesized(inner) => plain_value(inner, inside),
        Ast::Identifier(identifier) if identifier.name == "value" => Some(tree.clone()),
        Ast::PropertyAccess(access) if access.property == "value" => Some(Ast::property_access(*inside(&access.object)?, "value")),
        _ => inside(tree).map(|tree| *tree),
    }
}

/// `Coding`, `FHIR.Coding`
pub(super) fn type_name(tree: &Ast) -> Option<String> {
    match tree {
        Ast::Identifier(identifier) => Some(identifier.name.clone()),
        Ast::PropertyAccess(access) => matches!(access.object.as_ref(), Ast::Identifier(_)).then(|| access.property.clone()),
        Ast::TypeInfo(info) => Some(info.name.clone()),
        _ => None,
    }
}

/// A quantity stands in it, other than a duration by which something is later or earlier.
pub(super) fn has_quantity(tree: &Ast) -> bool {
    match tree {
        Ast::Literal(literal) => matches!(literal.value, LiteralValue::Quantity { .. }),
        Ast::BinaryOperation(binary) if matches!(binary.operator, Op::Add | Op::Subtract) => {
            [&binary.left, &binary.right].into_iter().any(|side| !is_duration(side) && has_quantity(side))
        }
        _ => children(tree).into_iter().any(has_quantity),
    }
}

fn is_duration(tree: &Ast) -> bool {
    quantity(tree).is_some_and(|(_, unit)| crate::fhirpath::is_duration(&unit))
}

/// Do both trees say the same, places and parentheses aside?
pub(super) fn same(left: &Ast, right: &Ast) -> bool {
    fn plain(value: serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::Object(mut members) => {
                members.remove("location");
                match members.remove("Parenthesized") {
                    Some(inside) if members.is_empty() => plain(inside),
                    _ => Value::Object(members.into_iter().map(|(name, value)| (name, plain(value))).collect()),
                }
            }
            Value::Array(elements) => Value::Array(elements.into_iter().map(plain).collect()),
            other => other,
        }
    }
    let of = |tree: &Ast| serde_json::to_value(tree).ok().map(plain);
    of(left).is_some_and(|left| Some(left) == of(right))
}
