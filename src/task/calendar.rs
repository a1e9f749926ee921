//! Working days as section 5 of the Finnish act on reckoning of time limits (150/1930) counts them, computed for any year;
//! and the zone that clinics live in. <https://finlex.fi/fi/laki/ajantasa/1930/19300150>
//!
//! No working days are Sundays and church holidays, Independence Day, the first of May, Christmas Eve, Midsummer Eve and
//! Saturdays. New Year's Day, Epiphany and Ascension Day are church holidays; the latter two have their own days since 1992.

use std::sync::LazyLock;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// Whether time limits count this day.
pub fn is_working_day(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && holiday(day).is_none()
}

/// What is celebrated on a day that is no working day for that, in English. Sundays that are nothing else have no name.
pub fn holiday(day: Date) -> Option<&'static str> {
    let fixed = match (day.month(), day.day()) {
        (1, 1) => "New Year's Day",
        (1, 6) => "Epiphany",
        (5, 1) => "the first of May",
        (12, 6) => "Independence Day",
        (12, 24) => "Christmas Eve",
        (12, 25) => "Christmas Day",
        (12, 26) => "St Stephen's Day",
        _ => "",
    };
    if !fixed.is_empty() {
        return Some(fixed);
    }
    match (day.weekday(), day.month(), day.day()) {
        (Weekday::Friday, 6, 19..=25) => return Some("Midsummer Eve"),
        (Weekday::Saturday, 6, 20..=26) => return Some("Midsummer Day"),
        (Weekday::Saturday, 10, 31) | (Weekday::Saturday, 11, 1..=6) => return Some("All Saints' Day"),
        _ => {}
    }
    match days_after_easter(day)? {
        -2 => Some("Good Friday"),
        0 => Some("Easter Sunday"),
        1 => Some("Easter Monday"),
        39 => Some("Ascension Day"),
        49 => Some("Whit Sunday"),
        _ => None,
    }
}

fn days_after_easter(day: Date) -> Option<i32> {
    let easter = computus::gregorian(i32::from(day.year())).ok()?;
    let easter = Date::new(day.year(), i8::try_from(easter.month).ok()?, i8::try_from(easter.day).ok()?).ok()?;
    Some((day - easter).get_days())
}

/// The day after.
pub fn next(day: Date) -> Date {
    day.saturating_add(1.day())
}

/// The day that it is in Finland.
pub fn day_of(at: Timestamp) -> Date {
    at.to_zoned(HELSINKI.clone()).date()
}

/// Europe/Helsinki: as the machine knows it, so that a change of law needs no new release; on a machine that knows no time
/// zones, by the rule in force since 1996. Never UTC.
pub static HELSINKI: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::get("Europe/Helsinki").or_else(|_| TimeZone::posix(RULE)).expect("the rule is well-formed"));

/// UTC+2, in summer UTC+3 from the last Sunday of March at 03:00 to the last Sunday of October at 04:00.
const RULE: &str = "EET-2EEST,M3.5.0/3,M10.5.0/4";

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_named() {
        for (date, name) in [
            ("2026-04-03", Some("Good Friday")),
            ("2026-05-14", Some("Ascension Day")),
            ("2026-06-19", Some("Midsummer Eve")),
            ("2026-10-31", Some("All Saints' Day")),
            ("2026-11-16", None),
            ("2026-11-15", None),
        ] {
            assert_eq!(holiday(day(date)), name, "{date}");
        }
        assert!(!is_working_day(day("2026-11-15")) && !is_working_day(day("2026-11-14")) && is_working_day(day("2026-11-16")));
    }

    #[test]
    fn every_year_from_1990_to_2100_has_the_same_holidays() {
        for year in 1990..=2100 {
            let first = Date::new(year, 1, 1).unwrap();
            let days = first.series(1.day()).take_while(|day| day.year() == year);
            let mut names: Vec<_> = days.filter_map(holiday).collect();
            // Ascension Day fell on the first of May then
            let all = if year == 2008 { 14 } else { 15 };
            assert_eq!(names.len(), all, "{year}: {names:?}");
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all, "{year}: {names:?}");
        }
    }

    #[test]
    fn the_rule_is_the_zone() {
        let rule = TimeZone::posix(RULE).unwrap();
        let mut at: Timestamp = "2024-01-01T00:00Z".parse().unwrap();
        while at.to_zoned(TimeZone::UTC).year() < 2061 {
            assert_eq!(rule.to_offset(at), HELSINKI.to_offset(at), "{at}");
            at += 1.hour();
        }
    }
}
