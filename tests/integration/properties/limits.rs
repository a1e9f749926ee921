//! The reference evaluator's view of one answer: what it breaks, and how it compares.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

use super::reference::Truth;

/// Severity and fault of everything that the answer breaks; `count` answers stand together.
pub fn broken(item: &Value, name: &str, value: &Value, count: usize) -> Vec<(&'static str, &'static str)> {
    let mut faults = Vec::new();
    let mut error = |is_broken: bool, fault: &'static str| {
        if is_broken {
            faults.push(("error", fault));
        }
    };
    if let Some(options) = item["answerOption"].as_array()
        && !(item["type"] == "open-choice" && name == "valueString")
    {
        let same = |option: &&Value| match option.get("valueCoding") {
            Some(coding) => coding["system"] == value["system"] && coding["code"] == value["code"],
            None => option.get(name) == Some(value),
        };
        let chosen = options.iter().find(same);
        error(chosen.is_none(), "not-an-option");
        let is_exclusive = chosen.and_then(|option| extension(option, "questionnaire-optionExclusive")).is_some();
        error(is_exclusive && count > 1, "exclusive-option");
    }
    let digits = match name {
        "valueInteger" | "valueDecimal" => Some(value.to_string()),
        "valueQuantity" => Some(value["value"].to_string()),
        _ => None,
    };
    if let Some(digits) = &digits {
        let most = extension(item, "maxDecimalPlaces").and_then(|it| it["valueInteger"].as_i64());
        error(most.is_some_and(|most| decimal_places(digits) > most), "decimal-places");
    }
    if let Some(text) = value.as_str().filter(|_| matches!(name, "valueString" | "valueUri")) {
        let length = text.chars().count() as u64;
        error(item["maxLength"].as_u64().is_some_and(|most| length > most), "too-long");
        error(extension(item, "minLength").and_then(|it| it["valueInteger"].as_u64()).is_some_and(|least| length < least), "too-short");
    }
    let kind = if name == "valueQuantity" { "Quantity" } else { "Value" };
    let (least, most) = (extension(item, &format!("min{kind}")), extension(item, &format!("max{kind}")));
    let bounds: Vec<(&Value, &str, &'static str)> = [(least, "<", "too-low"), (most, ">", "too-high")]
        .into_iter()
        .filter_map(|(bound, operator, fault)| Some((bound?.get(name)?, operator, fault)))
        .collect();
    if name == "valueQuantity" && !bounds.is_empty() && value["code"] != "kg" {
        faults.push(if value.get("code").is_none() { ("error", "unit") } else { ("warning", "not-checked") });
        return faults;
    }
    let is_sure = |(bound, operator, _): &(&Value, &str, &str)| relation(name, value, name, bound, operator) == Truth::Yes;
    let (crossed, kept): (Vec<_>, Vec<_>) = bounds.into_iter().partition(is_sure);
    faults.extend(crossed.iter().map(|(.., fault)| ("error", *fault)));
    // what lies in the year, month or day of a bound is within it
    let is_open = |(bound, operator, _): &(&Value, &str, &str)| {
        let is_within = value.as_str().zip(bound.as_str()).is_some_and(|(text, bound)| text.starts_with(bound));
        relation(name, value, name, bound, operator) == Truth::Unknown && !is_within
    };
    if crossed.is_empty() && kept.iter().any(is_open) {
        faults.push(("warning", "not-checked"));
    }
    faults
}

/// The option that stands alone.
pub fn is_exclusive(item: &Value, coding: &Value) -> bool {
    let is_it = |option: &&Value| {
        let listed = &option["valueCoding"];
        listed.is_object() && listed["system"] == coding["system"] && listed["code"] == coding["code"]
    };
    let option = item["answerOption"].as_array().and_then(|options| options.iter().find(is_it));
    option.and_then(|option| extension(option, "questionnaire-optionExclusive")).is_some()
}

/// Whether the answer meets the condition.
pub fn compare(name: &str, value: &Value, condition: &Value) -> Truth {
    let (wanted_name, wanted) =
        condition.as_object().expect("an object").iter().find(|(name, _)| name.starts_with("answer")).expect("an answer[x]");
    let operator = condition["operator"].as_str().expect("an operator");
    relation(name, value, &wanted_name.replacen("answer", "value", 1), wanted, operator)
}

fn relation(name: &str, value: &Value, wanted_name: &str, wanted: &Value, operator: &str) -> Truth {
    let equality = |same: bool| truth((operator == "=" && same) || (operator == "!=" && !same));
    let ordering = match (sort(name), sort(wanted_name)) {
        ("boolean", "boolean") => value.as_bool().cmp(&wanted.as_bool()),
        ("number", "number") => decimal(value).cmp(&decimal(wanted)),
        ("quantity", "number") => decimal(&value["value"]).cmp(&decimal(wanted)),
        ("quantity", "quantity") => {
            if wanted.get("code").is_some() && wanted["code"] != value["code"] {
                return Truth::Unknown;
            }
            decimal(&value["value"]).cmp(&decimal(&wanted["value"]))
        }
        ("text", "text") => value.as_str().cmp(&wanted.as_str()),
        ("time", "time") => match in_time(value.as_str().expect("a text"), wanted.as_str().expect("a text")) {
            Some(ordering) => ordering,
            None => return Truth::Unknown,
        },
        ("coding", "coding") => {
            return equality(value["code"] == wanted["code"] && (wanted.get("system").is_none() || wanted["system"] == value["system"]));
        }
        ("reference", "reference") => return equality(value["reference"] == wanted["reference"]),
        ("text", "coding") | ("coding", "text") => return equality(false),
        _ => return Truth::No,
    };
    truth(match operator {
        "=" => ordering.is_eq(),
        "!=" => ordering.is_ne(),
        ">" => ordering.is_gt(),
        "<" => ordering.is_lt(),
        ">=" => ordering.is_ge(),
        _ => ordering.is_le(),
    })
}

/// What can be compared with each other.
fn sort(name: &str) -> &'static str {
    match name {
        "valueBoolean" => "boolean",
        "valueInteger" | "valueDecimal" => "number",
        "valueQuantity" => "quantity",
        "valueString" | "valueUri" => "text",
        "valueDate" | "valueDateTime" | "valueTime" => "time",
        "valueCoding" => "coding",
        "valueReference" => "reference",
        _ => "",
    }
}

/// By instants where both are, by the time of day where both are, else by the span of days that each may mean.
fn in_time(left: &str, right: &str) -> Option<std::cmp::Ordering> {
    let is_time = |text: &str| text.as_bytes()[2] == b':';
    let is_instant = |text: &str| text.contains('T');
    if is_time(left) || is_time(right) {
        return (is_time(left) && is_time(right)).then(|| left.cmp(right));
    }
    if is_instant(left) && is_instant(right) {
        let instant = |text: &str| text.parse::<Timestamp>().expect("an instant");
        return Some(instant(left).cmp(&instant(right)));
    }
    let day = |text: &str| text.split('T').next().unwrap_or_default().to_owned();
    let padded = |text: &str, end: &str| format!("{}{}", day(text), &end[day(text).len()..]);
    let (first, last) = (|text: &str| padded(text, "0000-01-01"), |text: &str| padded(text, "0000-12-31"));
    if last(left) < first(right) {
        Some(std::cmp::Ordering::Less)
    } else if last(right) < first(left) {
        Some(std::cmp::Ordering::Greater)
    } else {
        (left == right).then_some(std::cmp::Ordering::Equal)
    }
}

/// As written: 2.50 has two, 25e-1 one.
fn decimal_places(digits: &str) -> i64 {
    let (mantissa, exponent) = digits.split_once('e').unwrap_or((digits, "0"));
    let places = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
    (places - exponent.parse::<i64>().expect("an exponent")).max(0)
}

fn decimal(value: &Value) -> Decimal {
    let digits = value.to_string();
    digits.parse().or_else(|_| Decimal::from_scientific(&digits)).expect("a number")
}

const fn truth(holds: bool) -> Truth {
    if holds { Truth::Yes } else { Truth::No }
}

/// The extension whose url ends so.
pub fn extension<'v>(node: &'v Value, name: &str) -> Option<&'v Value> {
    let is_it = |extension: &&Value| {
        extension["url"].as_str().is_some_and(|url| url.ends_with(&format!("/{name}")) || url.ends_with(&format!("-{name}")))
    };
    node["extension"].as_array()?.iter().find(is_it)
}
