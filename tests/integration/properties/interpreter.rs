//! The referee: what FHIRPath says of one complete response, read straight off the syntax tree. It knows only what rules
//! are made of and nothing of how the adapter evaluates them.

use std::collections::HashMap;

use neuvola_adapter::form::questionnaire::Questionnaire;
use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::{BinaryOperator as Op, LiteralValue, UnaryOperator};
use rust_decimal::Decimal;

use super::filled::Given;

/// One item of a complete response. `below` stands under the group, or under the first answer.
#[derive(Debug, Clone)]
pub struct Whole {
    pub link_id: String,
    pub given: Vec<(Given, Option<Decimal>)>,
    pub below: Vec<Whole>,
}

pub struct World<'w> {
    pub own: &'w [Whole],
    pub professional: &'w [Whole],
    pub variables: &'w HashMap<String, Ast>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Said {
    True,
    False,
    Empty,
    /// An error, or no boolean.
    Error,
}

#[derive(Clone)]
enum Thing<'w> {
    Response(&'w [Whole]),
    Item(&'w Whole),
    Answer(&'w Whole, usize),
    Value(&'w (Given, Option<Decimal>)),
    Text(String),
    Number(Decimal),
    Boolean(bool),
}

struct Error;
type Things<'w> = Result<Vec<Thing<'w>>, Error>;

pub fn weight(questionnaire: &Questionnaire, item: usize, given: &Given) -> Option<Decimal> {
    let Given::Coding { system, code } = given else { return None };
    questionnaire.item(item).option(system, code)?.weight
}

pub fn say(tree: &Ast, world: &World<'_>) -> Said {
    match world.eval(tree, &[Thing::Response(world.own)]).as_deref() {
        Ok([]) => Said::Empty,
        Ok([Thing::Boolean(true)]) => Said::True,
        Ok([Thing::Boolean(false)]) => Said::False,
        Ok([Thing::Value((Given::Boolean(value), _))]) => {
            if *value {
                Said::True
            } else {
                Said::False
            }
        }
        _ => Said::Error,
    }
}

impl<'w> World<'w> {
    fn eval(&self, tree: &Ast, focus: &[Thing<'w>]) -> Things<'w> {
        match tree {
            Ast::Parenthesized(inner) => self.eval(inner, focus),
            Ast::Literal(literal) => Ok(vec![match &literal.value {
                LiteralValue::Boolean(value) => Thing::Boolean(*value),
                LiteralValue::Integer(value) => Thing::Number((*value).into()),
                LiteralValue::Decimal(value) => Thing::Number(value.to_string().parse().expect("a number")),
                LiteralValue::String(text) => Thing::Text(text.clone()),
                _ => panic!("a literal that no rule has"),
            }]),
            Ast::Variable(variable) => match variable.name.as_str() {
                "resource" | "context" => Ok(vec![Thing::Response(self.own)]),
                "professional" => Ok(vec![Thing::Response(self.professional)]),
                name => self.eval(&self.variables[name], &[Thing::Response(self.own)]),
            },
            Ast::Identifier(identifier) => Ok(step(focus, &identifier.name)),
            Ast::PropertyAccess(access) => Ok(step(&self.eval(&access.object, focus)?, &access.property)),
            Ast::Path(path) => Ok(path.path.split('.').fold(self.eval(&path.base, focus)?, |things, name| step(&things, name))),
            Ast::FunctionCall(call) => self.call(focus, &call.name, &call.arguments),
            Ast::MethodCall(call) => self.call(&self.eval(&call.object, focus)?, &call.method, &call.arguments),
            Ast::Filter(filter) => self.filter(&self.eval(&filter.base, focus)?, &filter.condition),
            Ast::Union(union) => Ok([self.eval(&union.left, focus)?, self.eval(&union.right, focus)?].concat()),
            Ast::UnaryOperation(unary) => match (unary.operator, self.eval(&unary.operand, focus)?.as_slice()) {
                (UnaryOperator::Negate, [Thing::Number(number)]) => Ok(vec![Thing::Number(-number)]),
                (UnaryOperator::Not, things) => Ok(boolean(truth(things)?.map(|value| !value))),
                _ => Err(Error),
            },
            Ast::BinaryOperation(binary) => {
                let (left, right) = (self.eval(&binary.left, focus), self.eval(&binary.right, focus));
                operate(binary.operator, &left?, &right?)
            }
            _ => panic!("an expression that no rule has"),
        }
    }

    fn call(&self, things: &[Thing<'w>], name: &str, arguments: &[Ast]) -> Things<'w> {
        Ok(match (name, arguments) {
            ("where", [condition]) => self.filter(things, condition)?,
            ("descendants", []) => {
                let mut below = Vec::new();
                for thing in things {
                    match thing {
                        Thing::Response(items) => items.iter().for_each(|item| collect(item, &mut below)),
                        Thing::Item(item) => item.below.iter().for_each(|item| collect(item, &mut below)),
                        _ => panic!("descendants of something that no rule asks for"),
                    }
                }
                below
            }
            ("exists", []) => boolean(Some(!things.is_empty())),
            ("empty", []) => boolean(Some(things.is_empty())),
            ("not", []) => boolean(truth(things)?.map(|value| !value)),
            ("count", []) => vec![Thing::Number(things.len().into())],
            ("sum", []) => {
                let numbers = things.iter().map(|thing| thing.number().ok_or(Error)).collect::<Result<Vec<_>, _>>()?;
                vec![Thing::Number(numbers.into_iter().sum())]
            }
            ("weight" | "ordinal", []) => things
                .iter()
                .filter_map(|thing| match thing {
                    Thing::Value((_, weight)) => *weight,
                    Thing::Answer(item, index) => item.given[*index].1,
                    _ => None,
                })
                .map(Thing::Number)
                .collect(),
            _ => panic!("a function that no rule has: {name}"),
        })
    }

    fn filter(&self, things: &[Thing<'w>], condition: &Ast) -> Things<'w> {
        let mut kept = Vec::new();
        for thing in things {
            if truth(&self.eval(condition, std::slice::from_ref(thing))?)? == Some(true) {
                kept.push(thing.clone());
            }
        }
        Ok(kept)
    }
}

fn step<'w>(things: &[Thing<'w>], name: &str) -> Vec<Thing<'w>> {
    let mut next = Vec::new();
    for thing in things {
        match (thing, name) {
            (Thing::Response(items), "item") => next.extend(items.iter().map(Thing::Item)),
            // R4 puts what belongs to an answer under the answer
            (Thing::Item(item), "item") if item.given.is_empty() => next.extend(item.below.iter().map(Thing::Item)),
            (Thing::Answer(item, 0), "item") => next.extend(item.below.iter().map(Thing::Item)),
            (Thing::Item(item), "answer") => next.extend((0..item.given.len()).map(|index| Thing::Answer(item, index))),
            (Thing::Item(item), "linkId") => next.push(Thing::Text(item.link_id.clone())),
            (Thing::Answer(item, index), "value") => next.push(Thing::Value(&item.given[*index])),
            (Thing::Value((Given::Coding { code, .. }, _)), "code") => next.push(Thing::Text(code.clone())),
            (Thing::Value((Given::Quantity { digits, .. }, _)), "value") => next.push(Thing::Number(digits.parse().expect("a number"))),
            _ => {}
        }
    }
    next
}

fn collect<'w>(item: &'w Whole, into: &mut Vec<Thing<'w>>) {
    into.push(Thing::Item(item));
    item.below.iter().for_each(|item| collect(item, into));
}

fn operate<'w>(operator: Op, left: &[Thing<'w>], right: &[Thing<'w>]) -> Things<'w> {
    match operator {
        Op::And | Op::Or | Op::Xor | Op::Implies => {
            let (left, right) = (truth(left)?, truth(right)?);
            return Ok(boolean(match operator {
                Op::And if left == Some(false) || right == Some(false) => Some(false),
                Op::And => left.zip(right).map(|_| true),
                Op::Or if left == Some(true) || right == Some(true) => Some(true),
                Op::Or => left.zip(right).map(|_| false),
                Op::Xor => left.zip(right).map(|(left, right)| left != right),
                _ if left == Some(false) || right == Some(true) => Some(true),
                _ => left.zip(right).map(|_| false),
            }));
        }
        Op::Union => return Ok([left, right].concat()),
        Op::Equal | Op::NotEqual | Op::In if left.is_empty() || right.is_empty() => return Ok(Vec::new()),
        Op::Equal => return Ok(boolean(Some(same(left, right)))),
        Op::NotEqual => return Ok(boolean(Some(!same(left, right)))),
        Op::In => {
            let [one] = left else { return Err(Error) };
            return Ok(boolean(Some(right.iter().any(|other| one.is(other)))));
        }
        _ => {}
    }
    if left.len() > 1 || right.len() > 1 {
        return Err(Error);
    }
    let ([left], [right]) = (left, right) else { return Ok(Vec::new()) };
    let (left, right) = (left.number().ok_or(Error)?, right.number().ok_or(Error)?);
    Ok(match operator {
        Op::GreaterThan => boolean(Some(left > right)),
        Op::GreaterThanOrEqual => boolean(Some(left >= right)),
        Op::LessThan => boolean(Some(left < right)),
        Op::LessThanOrEqual => boolean(Some(left <= right)),
        Op::Add => vec![Thing::Number(left + right)],
        Op::Subtract => vec![Thing::Number(left - right)],
        Op::Multiply => vec![Thing::Number(left * right)],
        _ => panic!("an operator that no rule has"),
    })
}

fn same(left: &[Thing<'_>], right: &[Thing<'_>]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.is(right))
}

/// FHIRPath's singleton evaluation.
fn truth(things: &[Thing<'_>]) -> Result<Option<bool>, Error> {
    match things {
        [] => Ok(None),
        [Thing::Boolean(value) | Thing::Value((Given::Boolean(value), _))] => Ok(Some(*value)),
        [_] => Ok(Some(true)),
        _ => Err(Error),
    }
}

fn boolean<'w>(value: Option<bool>) -> Vec<Thing<'w>> {
    value.map(Thing::Boolean).into_iter().collect()
}

impl Thing<'_> {
    fn number(&self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Value((Given::Number(digits), _)) => digits.parse().ok(),
            _ => None,
        }
    }

    fn is(&self, other: &Self) -> bool {
        let text = |thing: &Self| match thing {
            Self::Text(text) | Self::Value((Given::Text(text), _)) => Some(text.clone()),
            _ => None,
        };
        let flag = |thing: &Self| match thing {
            Self::Boolean(value) | Self::Value((Given::Boolean(value), _)) => Some(*value),
            _ => None,
        };
        (self.number().is_some() && self.number() == other.number())
            || (text(self).is_some() && text(self) == text(other))
            || (flag(self).is_some() && flag(self) == flag(other))
    }
}
