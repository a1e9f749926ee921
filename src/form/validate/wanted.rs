//! What would make a fault right, read off the Questionnaire: options, units, bounds, conditions.

use rust_decimal::Decimal;

use crate::form::questionnaire::{AnswerOption, Bound, Bounds, Comparand, EnableWhen, Item, ItemKind, OptionValue, Questionnaire, Unit};
use crate::issue::told::{Choice, Condition, LONGEST_EXPRESSION, LONGEST_NAME, Listed, Wanted, When, clipped};
use crate::texts::Texts;

/// What answers the item.
pub(super) fn wanted(item: &Item) -> Wanted {
    let bounds = &item.bounds;
    let number = |bound: &Option<Bound>| bound.as_ref().map(bound_text).unwrap_or_default();
    let quantity = |value: Decimal, unit: &Unit| format!("{value} {}", unit.display);
    let least = bounds.min_quantity.as_ref().map_or_else(|| number(&bounds.min), |it| quantity(it.value, &it.unit));
    let most = bounds.max_quantity.as_ref().map_or_else(|| number(&bounds.max), |it| quantity(it.value, &it.unit));
    Wanted {
        value: item.options.first().map_or(item.kind.value_name(), |option| value_name(item, &option.value)),
        in_own_words: item.kind == ItemKind::OpenChoice,
        options: options(item.options.len(), item.options.iter()),
        system: one_system(item),
        least,
        most,
        units: units(item),
    }
}

/// Those that stand alone.
pub(super) fn exclusive(item: &Item) -> Listed {
    let all = || item.options.iter().filter(|option| option.exclusive);
    options(all().count(), all())
}

/// The system of the options that have this code, if only the system is another.
pub(super) fn other_system<'q>(item: &'q Item, code: &str) -> Option<&'q str> {
    let mut systems = item.options.iter().filter_map(|option| match &option.value {
        OptionValue::Coding { system, code: known } if known == code && !system.is_empty() => Some(system.as_str()),
        _ => None,
    });
    systems.next().filter(|_| !code.is_empty())
}

/// As far as the item has a list of them.
pub(super) fn units(item: &Item) -> Listed {
    let choice = |unit: &Unit| match &unit.system {
        Some(system) if !unit.code.is_empty() => {
            Choice { code: clipped(&unit.code, LONGEST_NAME), display: Texts::plain(format!("{}, {}", unit.display, system)) }
        }
        _ => Choice { code: String::new(), display: Texts::plain(unit.display.as_str()) },
    };
    Listed::of(item.units.len(), item.units.iter().map(choice))
}

/// As it stands in a quantity.
pub(super) fn unit(unit: &Unit) -> String {
    let system = unit.system.as_ref().map(|system| format!("`system` `{system}`, ")).unwrap_or_default();
    if unit.code.is_empty() { format!("`{}`", unit.display) } else { format!("{system}`code` `{}`", unit.code) }
}

/// The linkIds below an item, or at the top.
pub(super) fn holds(questionnaire: &Questionnaire, above: Option<usize>) -> Listed {
    let children = questionnaire.children(above);
    Listed::of(children.len(), children.iter().map(|&child| questionnaire.item(child).link_id.as_str()))
}

/// The questions below an item, or at the top: what is only shown is not answered.
pub(super) fn asks(questionnaire: &Questionnaire, above: usize) -> Listed {
    let asked =
        || questionnaire.children(Some(above)).iter().map(|&child| questionnaire.item(child)).filter(|it| it.kind != ItemKind::Display);
    Listed::of(asked().count(), asked().map(|item| item.link_id.as_str()))
}

/// When the item is asked, as far as one condition says it.
pub(super) fn one_condition(questionnaire: &Questionnaire, it: &EnableWhen) -> When {
    When { conditions: vec![condition(questionnaire, it)], ..When::default() }
}

fn condition(questionnaire: &Questionnaire, it: &EnableWhen) -> Condition {
    Condition {
        question: clipped(&questionnaire.item(it.question).link_id, LONGEST_NAME),
        sign: it.operator.sign(),
        comparand: comparand(&it.answer),
    }
}

/// When the item is asked.
pub(super) fn when(questionnaire: &Questionnaire, item: &Item) -> When {
    let expression = item.expressions.as_ref().and_then(|it| it.enable_when.as_ref());
    When {
        conditions: item.enable_when.iter().take(CONDITIONS).map(|it| condition(questionnaire, it)).collect(),
        more: item.enable_when.len().saturating_sub(CONDITIONS),
        any: item.enable_any,
        expression: expression.map(|it| clipped(&it.text, LONGEST_EXPRESSION)).unwrap_or_default(),
    }
}

pub(super) fn expression(text: &str) -> String {
    clipped(text, LONGEST_EXPRESSION)
}

/// What the whole of an answer must match, as the Questionnaire writes it.
pub(super) fn pattern(bounds: &Bounds) -> String {
    let whole = bounds.regex.as_ref().map(|regex| regex.as_str()).unwrap_or_default();
    clipped(whole.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$")).unwrap_or(whole), LONGEST_EXPRESSION)
}

pub(super) fn bound_text(bound: &Bound) -> String {
    match bound {
        Bound::Number(number) => number.to_string(),
        Bound::Time(text) => text.clone(),
    }
}

/// What a read-only item is given.
pub(super) fn given(all: &[Comparand]) -> Listed {
    let names: Vec<String> = all.iter().map(|it| it.sentence().trim_matches(['`', '\'']).to_owned()).collect();
    Listed::of_names(names.iter().map(String::as_str))
}

fn comparand(answer: &Comparand) -> String {
    clipped(&answer.sentence(), LONGEST_NAME)
}

fn options<'q>(total: usize, all: impl Iterator<Item = &'q AnswerOption>) -> Listed {
    Listed::of(total, all.map(choice))
}

fn choice(option: &AnswerOption) -> Choice {
    let code = match &option.value {
        OptionValue::Coding { code, .. } => code.clone(),
        OptionValue::Integer(number) => number.to_string(),
        OptionValue::Text(text) | OptionValue::Time(text) | OptionValue::Reference(text) => text.clone(),
    };
    Choice { code: clipped(&code, LONGEST_NAME), display: option.display.clone() }
}

fn value_name(item: &Item, option: &OptionValue) -> &'static str {
    match option {
        OptionValue::Coding { .. } if item.kind == ItemKind::String => "valueString",
        OptionValue::Coding { .. } => "valueCoding",
        OptionValue::Text(_) => "valueString",
        OptionValue::Integer(_) => "valueInteger",
        OptionValue::Time(text) if text.contains(':') => "valueTime",
        OptionValue::Time(_) => "valueDate",
        OptionValue::Reference(_) => "valueReference",
    }
}

/// The code system of those that are listed, if there is one.
fn one_system(item: &Item) -> String {
    let mut systems = item.options.iter().take(SYSTEMS).map(|option| match &option.value {
        OptionValue::Coding { system, .. } => system.as_str(),
        _ => "",
    });
    let first = systems.next().unwrap_or_default();
    if item.kind != ItemKind::String && systems.all(|system| system == first) { clipped(first, LONGEST_EXPRESSION) } else { String::new() }
}

/// Conditions of one item that a fault lists.
const CONDITIONS: usize = 5;
/// Options whose systems are compared.
const SYSTEMS: usize = 100;
