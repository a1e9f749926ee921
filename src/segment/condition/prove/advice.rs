//! How what is proven is told, and how to mend it: in words that those who own the rules can follow.

use octofhir_fhirpath::ast::ExpressionNode as Ast;

use super::types::{Class, Type};
use super::{Known, Prover};
use crate::form::questionnaire::{Item, OptionValue, Questionnaire};
use crate::segment::condition::Defect;
use crate::segment::condition::Literal;
use crate::segment::condition::misspelt::nearest;
use crate::segment::condition::syntax::print;

pub(super) fn no_member(prover: &Prover<'_>, types: &[Type], name: &str, tree: &Ast) {
    let given = types.first().map(Type::said).unwrap_or_default();
    let what = format!("{given} has no element `{name}`, so that {} is always empty", shown(tree));
    let names: Vec<&str> = types.iter().flat_map(Type::names).collect();
    let is_coding = types.iter().all(|it| matches!(it, Type::Value(Class::Coding, _)));
    let remedy = if matches!(types, [Type::Response(_), ..]) && prover.scope().variables.iter().any(|(known, _)| known == name) {
        format!("a variable is written with a percent sign: `%{name}`")
    } else if is_coding && name == "coding" {
        "leave out `.coding`: the answer's value is the Coding itself, its code is `.value.code`".to_owned()
    } else if let Some(near) = nearest(name, names.iter().copied()) {
        format!("write `{near}`, if that is meant")
    } else if matches!(types, [Type::Item(..), ..]) && name.starts_with("value") {
        "write `.answer.value`: a value stands in an answer of the item".to_owned()
    } else if names.is_empty() {
        format!("leave out `.{name}`")
    } else {
        format!("known there: {}", listed(&names))
    };
    prover.tell(what, remedy);
}

pub(super) fn nothing_there(prover: &Prover<'_>, types: &[Type], name: &str, tree: &Ast) {
    let links: Vec<String> = types.iter().flat_map(|it| links(prover, it)).map(|it| format!("`{it}`")).collect();
    let (what, remedy) = match name {
        "answer" => ("is no question and has no answers", "name a question"),
        "item" => ("has no items directly below it", "what belongs to an answer stands under it: `.answer.item`"),
        _ => ("has no answers", "name a question"),
    };
    prover.tell(format!("{} {what}, so that {} is always empty", listed(&links), shown(tree)), remedy.to_owned());
}

pub(super) fn never_of_type(prover: &Prover<'_>, types: &[Type], name: &str, tree: &Ast) {
    let given = types.first().map(Type::said).unwrap_or_default();
    prover.tell(
        format!("the answer is {given}, never `{name}`, so that {} is always empty", shown(tree)),
        "write `.value`, without a type, or the type that the question has".to_owned(),
    );
}

pub(super) fn never_compared(prover: &Prover<'_>, sides: &[Known; 2], parts: [&Ast; 2], is_order: bool, tree: &Ast) {
    let first = |side: &Known| side.0.iter().flatten().next().cloned();
    let [Some(left), Some(right)] = [first(&sides[0]), first(&sides[1])] else { return };
    let verdict = if is_order { "neither is the greater" } else { "they are never equal" };
    let what = format!("{} compares {} with {}: {verdict}", shown(tree), left.said(), right.said());
    let text = |tree: &Ast| print(tree).unwrap_or_default();
    let class = |it: &Type| if let Type::Value(class, _) = it { Some(*class) } else { None };
    let (of, other, literal) = if class(&left).is_some_and(is_literal_like) && class(&right).is_some_and(|it| !is_literal_like(it)) {
        (&right, class(&left), text(parts[0]))
    } else {
        (&left, class(&right), text(parts[1]))
    };
    let remedy = match (class(of), other) {
        (Some(Class::Coding), Some(Class::Text | Class::Code)) => format!("compare its code: `.value.code = {literal}`"),
        (Some(Class::Coding | Class::Code), Some(Class::Number)) => {
            "compare its weight (`.value.ordinal()`), where the options have weights, or its code".to_owned()
        }
        (Some(Class::Coding | Class::Code), Some(Class::Boolean)) => "compare its code with an option: `.value.code = 'yes'`".to_owned(),
        (Some(Class::Quantity), Some(Class::Number)) => {
            let unit = sides[0].inputs().into_iter().chain(sides[1].inputs()).find_map(|input| prover.item(input)?.unit.as_ref());
            let unit = unit.map_or("kg", |unit| unit.code.as_str());
            format!("compare with a quantity, `{literal} '{unit}'`, or the number alone: `.value.value`")
        }
        (Some(Class::Boolean), Some(Class::Text)) => "write `= true` or `= false`, without quotes".to_owned(),
        (Some(Class::Boolean), _) => "write `= true` or `= false`".to_owned(),
        (Some(Class::Number), Some(Class::Text)) => "write the number without quotes, with a decimal point".to_owned(),
        (None, _) => "compare its value: `.answer.value`".to_owned(),
        _ => "compare things of one kind".to_owned(),
    };
    prover.tell(what, remedy);
}

pub(super) fn never_summed(prover: &Prover<'_>, base: &Known, tree: &Ast, name: &str) {
    let given = base.0.iter().flatten().next().map(Type::said).unwrap_or_default();
    let what = format!("`{name}()` is of numbers, and {} gives {given}", shown(tree));
    prover.tell(what, format!("of coded answers take the weights: `.value.ordinal().{name}()`"));
}

pub(super) fn no_weights(prover: &Prover<'_>, items: &[&Item], tree: &Ast) {
    let links: Vec<String> = items.iter().map(|item| format!("`{}`", item.link_id)).collect();
    let what = format!("no option of {} carries a weight, so that {} has none", listed(&links), shown(tree));
    prover.tell(what, "give the options an `ordinalValue`, or name the questions whose options have one".to_owned());
}

pub(super) fn no_option(prover: &Prover<'_>, items: &[&Item], wanted: &Literal) {
    let Some(item) = items.first() else { return };
    let wanted = match wanted {
        Literal::Text(text) => text.clone(),
        Literal::Number(number) => number.to_string(),
        Literal::Boolean(value) => value.to_string(),
    };
    let mut options: Vec<String> = items.iter().flat_map(|item| &item.options).map(|option| said(&option.value)).collect();
    options.sort_unstable();
    options.dedup();
    let remedy = match nearest(&wanted, options.iter().map(String::as_str)) {
        Some(near) => format!("write `{near}`, if that is meant; the options are {}", listed(&quoted(&options))),
        None => format!("name one of the options: {}", listed(&quoted(&options))),
    };
    prover.tell(Defect::UnknownOption(item.link_id.clone(), wanted).to_string(), remedy);
}

pub(super) fn no_question(prover: &Prover<'_>, questionnaire: &Questionnaire, link_id: &str) {
    let name = if questionnaire.id.is_empty() { &questionnaire.url } else { &questionnaire.id };
    let known = questionnaire.items().iter().map(|item| item.link_id.as_str());
    let remedy = nearest(link_id, known).map_or_else(
        || "name a question by its linkId, as `rules show` lists them".to_owned(),
        |near| format!("write `{near}`, if that is meant"),
    );
    prover.tell(Defect::UnknownQuestion(name.clone(), link_id.to_owned()).to_string(), remedy);
}

pub(super) fn elsewhere(prover: &Prover<'_>, link_id: &str) {
    let what = format!("`{link_id}` does not stand directly there");
    prover.tell(what, format!("look everywhere: `descendants().where(linkId = '{link_id}')`"));
}

pub(super) fn of_wanted(class: Class) -> String {
    match class {
        Class::Boolean => "compare it with something (`= 'yes'`, `>= 3`), or ask whether it is there: `.exists()`".to_owned(),
        _ => "take a number: `.value` of a number, `.value.ordinal()` of an option, `.count()`".to_owned(),
    }
}

/// The expression, its end if it is long.
pub(super) fn shown(tree: &Ast) -> String {
    let text = print(tree).unwrap_or_else(|| "it".to_owned());
    let characters = text.chars().count();
    if characters <= LONGEST {
        return format!("`{text}`");
    }
    format!("`…{}`", text.chars().skip(characters - LONGEST).collect::<String>())
}

fn links(prover: &Prover<'_>, of: &Type) -> Vec<String> {
    match of {
        Type::Item(source, items) | Type::Below(source, items) => {
            let Some(questionnaire) = prover.questionnaire(*source) else { return Vec::new() };
            items.iter().map(|&item| questionnaire.item(item).link_id.clone()).collect()
        }
        Type::Answer(inputs) => inputs.iter().filter_map(|&input| Some(prover.item(input)?.link_id.clone())).collect(),
        _ => Vec::new(),
    }
}

fn quoted(names: &[String]) -> Vec<String> {
    names.iter().map(|name| format!("`{name}`")).collect()
}

fn listed(names: &[impl AsRef<str>]) -> String {
    let mut shown: Vec<&str> = names.iter().take(MOST).map(AsRef::as_ref).collect();
    if names.len() > MOST {
        shown.push("…");
    }
    shown.join(", ")
}

fn said(option: &OptionValue) -> String {
    match option {
        OptionValue::Coding { code, .. } => code.clone(),
        OptionValue::Text(text) | OptionValue::Time(text) | OptionValue::Reference(text) => text.clone(),
        OptionValue::Integer(number) => number.to_string(),
    }
}

/// What is mostly written down, not read.
const fn is_literal_like(class: Class) -> bool {
    matches!(class, Class::Text | Class::Number)
}

const LONGEST: usize = 90;
const MOST: usize = 8;
