//! R4's primitive types (<https://hl7.org/fhir/R4/datatypes.html#primitive>): does this JSON value have the form?

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use neuvola_fhir::Node;

use super::Type;

/// Whether `value` has the form of `kind`.
///
/// # Errors
/// What is wanted instead, as a noun.
pub fn check(kind: Type, value: &Node<'_>) -> Result<(), &'static str> {
    let text = value.as_str();
    let (fits, wanted) = match kind {
        Type::Boolean => (value.as_bool().is_some(), "a boolean"),
        Type::Integer => (value.as_number().is_some_and(|digits| is_integer(digits, i32::MIN)), "an integer of 32 bits"),
        Type::UnsignedInt => (value.as_number().is_some_and(|digits| is_integer(digits, 0)), "an integer from 0"),
        Type::PositiveInt => (value.as_number().is_some_and(|digits| is_integer(digits, 1)), "an integer from 1"),
        Type::Decimal => (value.as_number().is_some(), "a number"),
        Type::Text => (text.is_some_and(|text| !text.trim().is_empty()), "a text that says something"),
        Type::Id => (text.is_some_and(is_id), "an id (letters, digits, `-` and `.`, at most 64)"),
        Type::Code => (text.is_some_and(is_code), "a code (no white space around it or doubled in it)"),
        Type::OneOf(codes) => (text.is_some_and(|text| codes.contains(&text)), "one of R4's codes for it"),
        Type::Uri => (text.is_some_and(is_uri), "a URI without white space"),
        Type::Date => (text.is_some_and(is_date), "a date (year, month or day)"),
        Type::DateTime => (text.is_some_and(is_date_time), "a dateTime (with seconds and an offset, if it has a time)"),
        Type::Time => (text.is_some_and(is_time), "a time (hh:mm:ss)"),
        Type::Instant => (text.is_some_and(|text| text.contains('T') && is_date_time(text)), "an instant (with seconds and an offset)"),
        Type::Base64 => (text.is_some_and(|text| base64(text).is_some()), "base64"),
        Type::Xhtml => (text.is_some_and(|text| text.trim_start().starts_with("<div")), "a `<div>` of XHTML"),
        Type::Of(_) | Type::Resource => (true, ""),
    };
    if fits { Ok(()) } else { Err(wanted) }
}

/// What has the form of a date or a time and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Impossible {
    Day,
    Time,
}

/// Whether a text is wrong only because there is no such day or time.
pub fn impossible(kind: Type, text: &str) -> Option<Impossible> {
    let (day, time) = match kind {
        Type::Date => (text, None),
        Type::DateTime | Type::Instant => text.split_once('T').map_or((text, None), |(day, time)| (day, Some(time))),
        Type::Time => ("", Some(text)),
        _ => return None,
    };
    let is_a_day = matches!(kind, Type::Time) || is_date(day);
    if !is_a_day {
        return (has_form(day, "0000") || has_form(day, "0000-00") || has_form(day, "0000-00-00")).then_some(Impossible::Day);
    }
    let clock = time?.get(.."00:00:00".len())?;
    (has_form(clock, "00:00:00") && !is_time(clock)).then_some(Impossible::Time)
}

/// Digits where the pattern has a zero.
fn has_form(text: &str, pattern: &str) -> bool {
    let fits = |(is, wanted): (u8, u8)| if wanted == b'0' { is.is_ascii_digit() } else { is == wanted };
    text.len() == pattern.len() && text.bytes().zip(pattern.bytes()).all(fits)
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

/// R4 `time`: hh:mm:ss, fractions allowed.
pub fn is_time(text: &str) -> bool {
    text.len() >= 8
        && !text.contains(',')
        && text.as_bytes().get(2) == Some(&b':')
        && text.as_bytes().get(5) == Some(&b':')
        && text.parse::<jiff::civil::Time>().is_ok()
}

/// `Z`, or hours and minutes up to 14:00.
fn is_offset(text: &str) -> bool {
    let number = |range| text.get(range).and_then(|digits: &str| digits.parse::<u8>().ok());
    match (text.len(), text.get(3..4), number(1..3), number(4..6)) {
        (6, Some(":"), Some(hours), Some(minutes)) => minutes < 60 && (hours < 14 || (hours, minutes) == (14, 0)),
        _ => text == "Z",
    }
}

/// R4 `uri`: something, and no white space.
pub fn is_uri(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

fn is_integer(digits: &str, least: i32) -> bool {
    digits.parse::<i32>().is_ok_and(|number| number >= least)
}

fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

fn is_code(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains("  ") && !text.contains(['\t', '\n', '\r'])
}

/// What an R4 `base64Binary` holds; white space may stand anywhere in it.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64_STANDARD.decode(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_have_three_precisions_and_must_exist() {
        assert!(["2026", "2026-02", "2026-02-28"].iter().all(|text| is_date(text)));
        assert!(["2026-02-30", "2026-13", "26", "2026-2-1", "tomorrow", ""].iter().all(|text| !is_date(text)));
    }

    #[test]
    fn a_day_or_time_that_does_not_exist_is_told_from_what_is_none() {
        let is = |kind, text| impossible(kind, text);
        for text in ["2021-02-30", "2021-13", "0000"] {
            assert_eq!(is(Type::Date, text), Some(Impossible::Day), "{text}");
        }
        assert_eq!(is(Type::DateTime, "2021-02-30T10:00:00Z"), Some(Impossible::Day));
        assert_eq!(is(Type::DateTime, "2021-02-28T24:00:00Z"), Some(Impossible::Time));
        assert_eq!(is(Type::Time, "24:00:00"), Some(Impossible::Time));
        assert_eq!(is(Type::Time, "10:60:00.5"), Some(Impossible::Time));
        for (kind, text) in
            [(Type::Date, "30.2.2021"), (Type::DateTime, "2021-02-28T10:00:00"), (Type::Time, "10:00"), (Type::Uri, "2021-02-30")]
        {
            assert_eq!(is(kind, text), None, "{text}");
        }
    }

    #[test]
    fn an_instant_needs_its_offset() {
        assert!(["2026-11-02T18:20:00+02:00", "2026-11-02T18:20:00Z", "2026-11"].iter().all(|text| is_date_time(text)));
        let broken = ["2026-11-02T18:20:00", "2026-11-02T18:20Z", "2026-11-02 18:20:00Z", "2026-11-02T25:00:00Z"];
        assert!(broken.iter().all(|text| !is_date_time(text)));
    }

    #[test]
    fn a_code_has_no_white_space_around_it() {
        assert!(["a", "a b"].iter().all(|text| is_code(text)));
        assert!(["", " a", "a ", "a  b", "a\nb"].iter().all(|text| !is_code(text)));
    }
}
