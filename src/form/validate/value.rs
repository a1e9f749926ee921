//! Types of values: is this `value[x]` one that R4 knows, and the one that the item asks for?

use neuvola_fhir::Node;

use crate::form::questionnaire::{Item, ItemKind, decimal};

/// Why `value` (named `name`, as in `valueInteger`) cannot answer `item`; the text follows the question's name.
pub(super) fn fault(item: &Item, name: &str, value: &Node<'_>) -> Option<String> {
    let wanted = item.kind.value_name();
    let fits = match item.kind {
        ItemKind::OpenChoice => name == wanted || name == "valueString",
        // an option may be a string, integer, date or time as well
        ItemKind::Choice => {
            name == wanted || (item.value_set.is_none() && matches!(name, "valueString" | "valueInteger" | "valueDate" | "valueTime"))
        }
        _ => name == wanted,
    };
    if !fits {
        return Some(format!("takes `{wanted}`, not `{}`", if KNOWN.contains(&name) { name } else { "value[x]" }));
    }
    (!is_well_formed(name, value)).then(|| format!("has a `{wanted}` that is not well-formed"))
}

fn is_well_formed(name: &str, value: &Node<'_>) -> bool {
    let text = value.as_str();
    match name {
        "valueBoolean" => value.as_bool().is_some(),
        "valueInteger" => value.as_number().is_some_and(|digits| digits.parse::<i32>().is_ok()),
        "valueDecimal" => value.as_number().is_some_and(|digits| decimal(digits).is_some()),
        "valueDate" => text.is_some_and(is_date),
        "valueDateTime" => text.is_some_and(is_date_time),
        "valueTime" => text.is_some_and(is_time),
        "valueString" => text.is_some_and(|text| !text.trim().is_empty()),
        "valueUri" => text.is_some_and(|text| !text.is_empty() && !text.contains(char::is_whitespace)),
        "valueCoding" => {
            value.members().iter().all(|(name, part)| {
                !matches!(name.as_ref(), "system" | "code" | "display" | "version") || part.as_str().is_some_and(|text| !text.is_empty())
            }) && !value.members().is_empty()
        }
        "valueQuantity" => {
            value.member("value").is_some_and(|number| number.as_number().is_some_and(|digits| decimal(digits).is_some()))
                && ["unit", "system", "code", "comparator"].iter().all(|name| value.member(name).is_none_or(|part| part.as_str().is_some()))
        }
        _ => !value.members().is_empty(),
    }
}

/// R4 `date`: year, month or day precision, and a day that exists.
pub fn is_date(text: &str) -> bool {
    match text.len() {
        4 => is_date(&format!("{text}-01-01")),
        7 => is_date(&format!("{text}-01")),
        10 => text.parse::<jiff::civil::Date>().is_ok_and(|date| date.year() > 0),
        _ => false,
    }
}

/// R4 `dateTime`: a date, or date and time with seconds and an offset.
pub fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return is_date(text) };
    let Some((time, offset)) = time.find(['Z', '+', '-']).map(|at| time.split_at(at)) else { return false };
    date.len() == 10 && is_date(date) && is_time(time) && is_offset(offset) && text.parse::<jiff::Timestamp>().is_ok()
}

/// `Z`, or hours and minutes up to 14:00.
fn is_offset(text: &str) -> bool {
    let number = |range| text.get(range).and_then(|digits: &str| digits.parse::<u8>().ok());
    match (text.len(), text.get(3..4), number(1..3), number(4..6)) {
        (6, Some(":"), Some(hours), Some(minutes)) => minutes < 60 && (hours < 14 || (hours, minutes) == (14, 0)),
        _ => text == "Z",
    }
}

/// R4 `time`: hh:mm:ss, fractions allowed.
fn is_time(text: &str) -> bool {
    text.len() >= 8
        && !text.contains(',')
        && text.as_bytes().get(2) == Some(&b':')
        && text.as_bytes().get(5) == Some(&b':')
        && text.parse::<jiff::civil::Time>().is_ok()
}

/// R4's values of an answer.
const KNOWN: [&str; 12] = [
    "valueBoolean",
    "valueDecimal",
    "valueInteger",
    "valueDate",
    "valueDateTime",
    "valueTime",
    "valueString",
    "valueUri",
    "valueAttachment",
    "valueCoding",
    "valueReference",
    "valueQuantity",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_three_precisions_and_must_exist() {
        assert!(["2026", "2026-02", "2026-02-28"].iter().all(|text| is_date(text)));
        assert!(["2026-02-30", "2026-13", "26", "2026-2-1", "tomorrow", ""].iter().all(|text| !is_date(text)));
    }

    #[test]
    fn an_instant_needs_its_offset() {
        assert!(["2026-11-02T18:20:00+02:00", "2026-11-02T18:20:00Z", "2026-11"].iter().all(|text| is_date_time(text)));
        assert!(
            ["2026-11-02T18:20:00", "2026-11-02T18:20Z", "2026-11-02 18:20:00Z", "2026-11-02T25:00:00Z"]
                .iter()
                .all(|text| !is_date_time(text))
        );
    }
}
