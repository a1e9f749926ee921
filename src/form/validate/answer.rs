//! One answer against what its question takes: options, units, bounds, forms.

use std::cmp::Ordering;

use base64::Engine as _;
use neuvola_fhir::Node;
use rust_decimal::Decimal;

use super::structure::Given;
use super::temporal;
use crate::form::answers::Answer;
use crate::form::questionnaire::{Bound, Item, ItemKind, OptionValue, QuantityBound, Unit, decimal};
use crate::issue::{Issue, Issues, Severity};

/// Notes why the item does not take this answer, which stands among `count` of them.
pub(super) fn check(item: &Item, given: &Given<'_, '_>, count: usize, place: &dyn Fn() -> String, issues: &mut Issues) {
    let mut refuse = |code: &'static str, fault: &'static str, text: String| {
        issues.push(Issue::error(code, fault, place(), format!("`{}` {text}", item.link_id)).about(&item.link_id));
    };
    if given.declined {
        return;
    }
    if !is_an_option(item, given) {
        refuse("code-invalid", "not-an-option", "has an answer that is none of its options".to_owned());
    }
    if count > 1 && is_exclusive(item, given) {
        refuse("business-rule", "exclusive-option", "has an answer that stands alone, and others beside it".to_owned());
    }
    let mut is_told = true;
    match given.name {
        "valueString" | "valueUri" => given.value.as_str().into_iter().for_each(|text| of_text(item, text, &mut refuse)),
        "valueInteger" | "valueDecimal" => of_number(item, given.value, &mut refuse),
        "valueDate" | "valueDateTime" | "valueTime" => given.value.as_str().into_iter().for_each(|text| of_time(item, text, &mut refuse)),
        "valueQuantity" => is_told = of_quantity(item, given, &mut refuse),
        "valueAttachment" => of_attachment(item, given.value, &mut refuse),
        "valueReference" => of_reference(item, given.value, &mut refuse),
        _ => {}
    }
    if !is_told {
        let message = format!("whether the answer of `{}` is within its bounds was not checked: their units differ", item.link_id);
        issues.push(Issue::warning("not-supported", "not-checked", place(), message).about(&item.link_id));
    }
    if item.kind == ItemKind::String && given.value.as_str().is_some_and(|text| text.contains(['\n', '\r'])) {
        let message = format!("`{}` takes one line, and its answer has several", item.link_id);
        issues.push(Issue::warning("value", "line-break", place(), message).about(&item.link_id));
    }
    if !item.has_options && item.value_set.is_some() && matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice) {
        let message =
            format!("whether the answer of `{}` is in its value set was not checked: the value set is not known here", item.link_id);
        let issue = Issue { severity: Severity::Warning, ..Issue::error("not-found", "not-checked", place(), message) };
        issues.push(issue.remedy("give the value set, or its expansion, with --profiles").about(&item.link_id));
    }
    for name in &item.unchecked {
        let message = format!("the {name} of `{}` was not checked: it cannot be read here", item.link_id);
        issues.push(Issue::warning("not-supported", "not-checked", place(), message).about(&item.link_id));
    }
}

fn is_an_option(item: &Item, given: &Given<'_, '_>) -> bool {
    if !item.has_options || (item.kind == ItemKind::OpenChoice && given.name == "valueString") {
        return true;
    }
    let value = given.value;
    if given.name == "valueCoding" {
        return matches!(&given.answer, Some(Answer::Coding { option: Some(_), .. }));
    }
    item.options.iter().any(|option| match (&option.value, &given.answer) {
        (OptionValue::Integer(one), Some(Answer::Number(other))) => one == other,
        (OptionValue::Text(text), _) => value.as_str() == Some(text),
        (OptionValue::Time(text), _) => value.as_str() == Some(text),
        (OptionValue::Reference(text), _) => value.text("reference") == Some(text),
        // a string that must come from a value set is one of its codes (SDC)
        (OptionValue::Coding { code, .. }, _) => item.kind == ItemKind::String && value.as_str() == Some(code),
        _ => false,
    })
}

fn is_exclusive(item: &Item, given: &Given<'_, '_>) -> bool {
    if let Some(Answer::Coding { option, .. }) = &given.answer {
        return option.is_some_and(|option| option.exclusive);
    }
    item.options.iter().filter(|option| option.exclusive).any(|option| match &option.value {
        OptionValue::Coding { .. } => false,
        OptionValue::Integer(number) => matches!(&given.answer, Some(Answer::Number(other)) if other == number),
        OptionValue::Text(text) | OptionValue::Time(text) => given.value.as_str() == Some(text),
        OptionValue::Reference(text) => given.value.text("reference") == Some(text),
    })
}

fn of_text(item: &Item, text: &str, refuse: &mut impl FnMut(&'static str, &'static str, String)) {
    let bounds = &item.bounds;
    length(item, text.chars().count(), refuse);
    if bounds.regex.as_ref().is_some_and(|regex| !regex.is_match(text)) {
        refuse("value", "regex", "does not have the form that is asked for".to_owned());
    }
}

fn length(item: &Item, length: usize, refuse: &mut impl FnMut(&'static str, &'static str, String)) {
    if let Some(most) = item.bounds.max_length.filter(|&most| length > most) {
        refuse("too-long", "too-long", format!("is longer than {most} characters"));
    }
    if let Some(least) = item.bounds.min_length.filter(|&least| length < least) {
        refuse("value", "too-short", format!("is shorter than {least} characters"));
    }
}

fn of_number(item: &Item, value: &Node<'_>, refuse: &mut impl FnMut(&'static str, &'static str, String)) {
    let Some(digits) = value.as_number() else { return };
    of_text(item, digits, refuse);
    if let Some(most) = item.bounds.max_decimal_places.filter(|&most| places(digits) > i64::from(most)) {
        refuse("value", "decimal-places", format!("has more than {most} decimal places"));
    }
    let Some(number) = measured(digits) else { return };
    match (&item.bounds.min, &item.bounds.max) {
        (Some(Bound::Number(least)), _) if number < *least => refuse("value", "too-low", format!("is less than {least}")),
        (_, Some(Bound::Number(most))) if number > *most => refuse("value", "too-high", format!("is more than {most}")),
        _ => {}
    }
}

/// Digits behind the point as written: 77.2500 has four, 1e-3 three.
fn places(digits: &str) -> i64 {
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let fraction = mantissa.split_once('.').map_or(0, |(_, fraction)| i64::try_from(fraction.len()).unwrap_or(i64::MAX));
    (fraction - exponent.parse::<i64>().unwrap_or(0).clamp(-400, 400)).max(0)
}

/// A bound that the precision does not decide is not broken.
fn of_time(item: &Item, text: &str, refuse: &mut impl FnMut(&'static str, &'static str, String)) {
    match (&item.bounds.min, &item.bounds.max) {
        (Some(Bound::Time(least)), _) if temporal::compare(text, least) == Some(Ordering::Less) => {
            refuse("value", "too-low", format!("is before {least}"));
        }
        (_, Some(Bound::Time(most))) if temporal::compare(text, most) == Some(Ordering::Greater) => {
            refuse("value", "too-high", format!("is after {most}"));
        }
        _ => {}
    }
}

/// Whether its bounds could be told: nothing is converted, and what is less or more than it says may be anything.
fn of_quantity(item: &Item, given: &Given<'_, '_>, refuse: &mut impl FnMut(&'static str, &'static str, String)) -> bool {
    let unit = Unit::of_quantity(given.value);
    if !item.units.is_empty() && !item.unit_open {
        let is_known =
            |known: &Unit| known.code == unit.code && known.system.is_none() | (unit.system.is_none() | (known.system == unit.system));
        if !item.units.iter().any(is_known) {
            refuse("code-invalid", "unit", "has another unit than is asked for".to_owned());
        }
    }
    let Some(digits) = given.value.member("value").and_then(Node::as_number) else { return true };
    if let Some(most) = item.bounds.max_decimal_places.filter(|&most| places(digits) > i64::from(most)) {
        refuse("value", "decimal-places", format!("has more than {most} decimal places"));
    }
    let Some(number) = measured(digits) else { return true };
    let bounds = [
        (&item.bounds.min_quantity, Ordering::Less, "too-low", "less"),
        (&item.bounds.max_quantity, Ordering::Greater, "too-high", "more"),
    ];
    let mut is_told = true;
    for (bound, beyond, fault, word) in bounds {
        let Some(QuantityBound { value, unit: wanted }) = bound else { continue };
        let is_same = wanted.code == unit.code && (wanted.system.is_none() || unit.system.is_none() || wanted.system == unit.system);
        if !is_same && unit.code.is_empty() {
            refuse("value", "unit", format!("has no unit, and must be compared with {value} {}", wanted.display));
            return true;
        }
        if !is_same || given.value.member("comparator").is_some() {
            is_told = false;
        } else if number.cmp(value) == beyond {
            refuse("value", fault, format!("is {word} than {value} {}", wanted.display));
        }
    }
    is_told
}

/// What lies beyond the numbers that are computed with, in the direction of `digits`, lies beyond every bound.
fn measured(digits: &str) -> Option<Decimal> {
    decimal(digits).or_else(|| match digits.parse::<f64>().ok()? {
        tiny if tiny.abs() < 1.0 => Some(Decimal::ZERO),
        large if large > 0.0 => Some(Decimal::MAX),
        _ => Some(Decimal::MIN),
    })
}

fn of_attachment(item: &Item, value: &Node<'_>, refuse: &mut impl FnMut(&'static str, &'static str, String)) {
    let bounds = &item.bounds;
    if !bounds.mime_types.is_empty() {
        let essence = value.text("contentType").map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        if essence.is_none_or(|essence| !bounds.mime_types.iter().any(|known| known.eq_ignore_ascii_case(&essence))) {
            refuse("value", "content-type", format!("takes {} only", bounds.mime_types.join(", ")));
        }
    }
    let stated = value.member("size").and_then(Node::as_number).and_then(decimal);
    if bounds.max_size.is_none() && stated.is_none() {
        return;
    }
    let data = value.text("data").and_then(|text| {
        let bytes: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        base64::engine::general_purpose::STANDARD.decode(bytes).ok()
    });
    let size = data.as_ref().map(|data| Decimal::from(data.len()));
    if let (Some(size), Some(stated)) = (size, stated)
        && size != stated
    {
        refuse("value", "size", "states another size than its data have".to_owned());
    }
    if let (Some(most), Some(size)) = (bounds.max_size, size.or(stated))
        && size > most
    {
        refuse("too-long", "too-long", format!("is larger than {most} bytes"));
    }
}

fn of_reference(item: &Item, value: &Node<'_>, refuse: &mut impl FnMut(&'static str, &'static str, String)) {
    let types = &item.bounds.reference_types;
    if types.is_empty() {
        return;
    }
    // `[base]/Type/id[/_history/version]`; urn:uuid, fragments and identifiers do not tell
    let reference = value.text("reference").unwrap_or_default();
    let path = reference.split("/_history/").next().unwrap_or_default();
    let named = path.rsplit('/').nth(1).filter(|_| !reference.starts_with(['#', 'u']) || reference.contains('/'));
    let told = value.text("type").or(named);
    if told.is_some_and(|told| !types.iter().any(|known| known == told)) {
        refuse("value", "reference-type", format!("takes a reference to {} only", types.join(" or ")));
    }
}
