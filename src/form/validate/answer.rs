//! One answer against what its question takes: options, units, bounds, forms.

use std::cmp::Ordering;

use neuvola_fhir::Node;
use rust_decimal::Decimal;

use super::structure::Given;
use super::tell::Tell;
use super::{reference, temporal, units, wanted};
use crate::form::answers::Answer;
use crate::form::questionnaire::{Bound, Bounds, Item, ItemKind, QuantityBound, Unit, decimal};
use crate::issue::told::{LONGEST_EXPRESSION, LONGEST_NAME, Listed, Told, Unchecked, Why, clipped};
use crate::shape::primitive::base64;

/// Notes why the item does not take this answer, which stands among `count` of them.
pub(super) fn check(item: &Item, given: &Given<'_, '_>, count: usize, response: &Node<'_>, tell: &mut Tell<'_>) {
    if given.declined {
        return;
    }
    if !is_an_option(item, given) {
        let system = wanted::other_system(item, given.value.text("code").filter(|_| given.name == "valueCoding").unwrap_or_default());
        tell.refuse(match system {
            Some(system) => Told::OtherSystem { system: system.to_owned() },
            None => Told::NotAnOption { wanted: wanted::wanted(item) },
        });
    }
    if count > 1 && is_exclusive(item, given) {
        tell.refuse(Told::Exclusive { options: wanted::exclusive(item) });
    }
    bounds(&item.bounds, given, tell);
    match given.name {
        "valueQuantity" => units::check(item, given.value, tell),
        "valueAttachment" => of_attachment(item, given.value, tell),
        "valueReference" => reference::check(item, given.value, response, tell),
        _ => {}
    }
    if item.kind == ItemKind::String && given.value.as_str().is_some_and(|text| text.contains(['\n', '\r'])) {
        tell.warn(Told::LineBreak);
    }
    if let Some(canonical) = item.value_set.as_deref().filter(|_| !item.has_options)
        && matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice)
    {
        tell.not_checked(Unchecked::ValueSet, value_set(item, canonical));
    }
    for name in &item.unchecked {
        tell.not_checked(Unchecked::Part(name), Why::Unreadable);
    }
}

/// One whose codes are not known.
pub(super) fn value_set(item: &Item, canonical: &str) -> Why {
    let canonical = clipped(canonical, LONGEST_EXPRESSION);
    match canonical.starts_with('#') {
        _ if item.value_set_unexpanded => Why::Unexpanded(canonical),
        true => Why::ContainedValueSet(canonical),
        false => Why::ValueSet(canonical),
    }
}

/// Lengths, forms, least and most.
pub(super) fn bounds(bounds: &Bounds, given: &Given<'_, '_>, tell: &mut Tell<'_>) {
    match given.name {
        "valueString" | "valueUri" => given.value.as_str().into_iter().for_each(|text| of_text(bounds, text, tell)),
        "valueInteger" | "valueDecimal" => of_number(bounds, given.value, tell),
        "valueDate" | "valueDateTime" | "valueTime" => given.value.as_str().into_iter().for_each(|text| of_time(bounds, text, tell)),
        "valueQuantity" => of_quantity(bounds, given.value, tell),
        _ => {}
    }
}

fn is_an_option(item: &Item, given: &Given<'_, '_>) -> bool {
    if !item.has_options || (item.kind == ItemKind::OpenChoice && given.name == "valueString") {
        return true;
    }
    let value = given.value;
    if item.options_open && given.name == item.kind.value_name() {
        return true;
    }
    if given.name == "valueCoding" {
        return matches!(&given.answer, Some(Answer::Coding { option: Some(_), .. }));
    }
    let is_code = || item.kind == ItemKind::String && value.as_str().is_some_and(|text| item.has_code(text));
    item.option_given(given.name, value).is_some() || is_code()
}

fn is_exclusive(item: &Item, given: &Given<'_, '_>) -> bool {
    let option = match &given.answer {
        Some(Answer::Coding { option, .. }) => *option,
        _ => item.option_given(given.name, given.value),
    };
    option.is_some_and(|option| option.exclusive)
}

fn of_text(bounds: &Bounds, text: &str, tell: &mut Tell<'_>) {
    let length = text.chars().count();
    if let Some(most) = bounds.max_length.filter(|&most| length > most) {
        tell.refuse(Told::TooLong { most });
    }
    if let Some(least) = bounds.min_length.filter(|&least| length < least) {
        tell.refuse(Told::TooShort { least });
    }
    let Some(regex) = &bounds.regex else { return };
    if !tell.spend((text.len() as u64).saturating_mul(bounds.regex_states)) {
        return tell.not_checked(Unchecked::Part("`regex`"), Why::LongTexts);
    }
    if !regex.is_match(text) {
        let example = clipped(&bounds.entry_format, LONGEST_NAME);
        tell.refuse(Told::Form { pattern: wanted::pattern(bounds), example });
    }
}

fn of_number(bounds: &Bounds, value: &Node<'_>, tell: &mut Tell<'_>) {
    let Some(digits) = value.as_number() else { return };
    of_text(bounds, digits, tell);
    decimal_places(bounds, digits, tell);
    if bounds.min.is_none() && bounds.max.is_none() {
        return;
    }
    let Some(number) = measured(digits) else { return tell.not_checked(Unchecked::Bounds, Why::Digits) };
    match (&bounds.min, &bounds.max) {
        (Some(Bound::Number(least)), _) if number < *least => tell.refuse(Told::TooLow { least: least.to_string(), is_time: false }),
        (_, Some(Bound::Number(most))) if number > *most => tell.refuse(Told::TooHigh { most: most.to_string(), is_time: false }),
        _ => {}
    }
}

fn decimal_places(bounds: &Bounds, digits: &str, tell: &mut Tell<'_>) {
    if let Some(most) = bounds.max_decimal_places.filter(|&most| places(digits) > i64::from(most)) {
        tell.refuse(Told::Decimals { most });
    }
}

/// Digits behind the point as written: 77.2500 has four, 1e-3 three.
fn places(digits: &str) -> i64 {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| i64::try_from(fraction.len()).unwrap_or(i64::MAX));
    (fraction - exponent.parse::<i64>().unwrap_or(0).clamp(-400, 400)).max(0)
}

/// A bound is not broken if the precision does not decide. What lies within the year, month or day that a bound names is within
/// the bound; what only might, is said.
fn of_time(bounds: &Bounds, text: &str, tell: &mut Tell<'_>) {
    let bound = |bound: &Option<Bound>| match bound {
        Some(Bound::Time(bound)) => Some((bound.clone(), temporal::compare(text, bound))),
        _ => None,
    };
    let is_open = |bound: &(String, Option<Ordering>)| bound.1.is_none() && !temporal::is_within(text, &bound.0);
    match (bound(&bounds.min), bound(&bounds.max)) {
        (Some((least, Some(Ordering::Less))), _) => tell.refuse(Told::TooLow { least, is_time: true }),
        (_, Some((most, Some(Ordering::Greater)))) => tell.refuse(Told::TooHigh { most, is_time: true }),
        (least, most) if least.iter().chain(&most).any(is_open) => tell.not_checked(Unchecked::Bounds, Why::Precision),
        _ => {}
    }
}

/// Nothing is converted from one unit into another.
fn of_quantity(bounds: &Bounds, quantity: &Node<'_>, tell: &mut Tell<'_>) {
    let Some(digits) = quantity.member("value").and_then(Node::as_number) else { return };
    decimal_places(bounds, digits, tell);
    let unit = Unit::of_quantity(quantity);
    let mut is_told = false;
    let mut bound = |bound: &Option<QuantityBound>, breaks: fn(Decimal, Decimal) -> bool, told: fn(String) -> Told| {
        let Some(bound) = bound else { return };
        let wanted = &bound.unit;
        let text = || format!("{} {}", bound.value, wanted.display);
        let same = wanted.is_same(&unit.code, unit.system.as_deref());
        match measured(digits) {
            _ if is_told => {}
            _ if !same && unit.code.is_empty() => {
                is_told = true;
                tell.refuse(Told::NoUnitToCompare { bound: text(), unit: wanted::unit(wanted) });
            }
            _ if !same || quantity.member("comparator").is_some() => {
                is_told = true;
                tell.not_checked(Unchecked::Bounds, if same { Why::NotExact } else { Why::OtherUnit });
            }
            None => tell.not_checked(Unchecked::Bounds, Why::Digits),
            Some(number) if breaks(number, bound.value) => tell.refuse(told(text())),
            Some(_) => {}
        }
    };
    bound(&bounds.min_quantity, |number, least| number < least, |least| Told::TooLow { least, is_time: false });
    bound(&bounds.max_quantity, |number, most| number > most, |most| Told::TooHigh { most, is_time: false });
}

/// What lies beyond the numbers that are computed with, in the direction of `digits`, lies beyond every bound.
fn measured(digits: &str) -> Option<Decimal> {
    decimal(digits).or_else(|| match digits.parse::<f64>().ok()? {
        tiny if tiny.abs() < 1.0 => Some(Decimal::ZERO),
        large if large > 0.0 => Some(Decimal::MAX),
        _ => Some(Decimal::MIN),
    })
}

fn of_attachment(item: &Item, value: &Node<'_>, tell: &mut Tell<'_>) {
    let bounds = &item.bounds;
    if !bounds.mime_types.is_empty() {
        let essence = value.text("contentType").map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        if essence.is_none_or(|essence| !bounds.mime_types.iter().any(|known| known.eq_ignore_ascii_case(&essence))) {
            tell.refuse(Told::MimeType { types: Listed::of_names(bounds.mime_types.iter().map(String::as_str)) });
        }
    }
    let stated = value.member("size").and_then(Node::as_number).and_then(decimal);
    if bounds.max_size.is_none() && stated.is_none() {
        return;
    }
    let size = value.text("data").and_then(base64).map(|data| Decimal::from(data.len()));
    if let (Some(size), Some(stated)) = (size, stated)
        && size != stated
    {
        tell.refuse(Told::Size);
    }
    match (bounds.max_size, size.or(stated)) {
        (Some(most), Some(size)) if size > most => tell.refuse(Told::TooLarge { bytes: most.to_string() }),
        (Some(_), None) => tell.not_checked(Unchecked::Part("`maxSize`"), Why::NoSize),
        _ => {}
    }
}
