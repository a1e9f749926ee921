//! Dates and times that are searched for. <https://hl7.org/fhir/R4/search.html#date>
//!
//! A value stands for the whole of what it names: `2026` is a year, `2026-11-16T09:00` a minute. What names no zone is local
//! to Europe/Helsinki, wherever the server stands.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::task::calendar::HELSINKI;
use crate::task::store::Range;

/// `ge2026-11-16` and its like, as half-open milliseconds.
///
/// # Errors
/// What is wrong, without the value.
pub fn range(text: &str) -> Result<Range, &'static str> {
    let prefixed = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let (prefix, value) = if prefixed { text.split_at_checked(2).ok_or(MALFORMED)? } else { ("eq", text) };
    let Span { from, until } = Span::parse(value)?;
    let between = |from, until| Range { from, until, not: false };
    // what comes after the end of time is nothing
    let after = || between(until.or(Some(Timestamp::MAX)), None);
    Ok(match prefix {
        "eq" => between(Some(from), until),
        "ne" => Range { not: true, ..between(Some(from), until) },
        "gt" | "sa" => after(),
        "lt" | "eb" => between(None, Some(from)),
        "ge" => between(Some(from), None),
        "le" => between(None, until),
        "ap" => return Err("`ap` is not supported: name a range with `ge` and `le`"),
        _ => return Err("the prefix is none of eq, ne, gt, lt, ge, le, sa, eb"),
    })
}

/// A year, a month or a day of Finland: where it begins, and where the next does (`None`: at the end of time).
pub fn days(text: &str) -> Option<(Timestamp, Option<Timestamp>)> {
    Span::of_days(text).map(|span| (span.from, span.until))
}

/// `from <= t < until`, in whole milliseconds.
struct Span {
    from: Timestamp,
    /// None: to the end of time.
    until: Option<Timestamp>,
}

impl Span {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
        match time {
            None => Self::of_days(date).ok_or(MALFORMED),
            Some(time) => Self::of_time(date, time).ok_or(MALFORMED),
        }
    }

    /// A year, a month or a day.
    fn of_days(text: &str) -> Option<Self> {
        let year = i16::try_from(digits(text.get(..4)?)?).ok().filter(|year| *year > 0)?;
        let month = |at| text.get(at).and_then(digits).and_then(|month| i8::try_from(month).ok());
        let (first, next) = match (text.len(), text.get(4..5), text.get(7..8)) {
            (4, ..) => (Date::new(year, 1, 1).ok()?, Date::new(year + 1, 1, 1).ok()),
            (7, Some("-"), _) => {
                let first = Date::new(year, month(5..7)?, 1).ok()?;
                (first, first.last_of_month().tomorrow().ok())
            }
            (10, Some("-"), Some("-")) => {
                let day = Date::new(year, month(5..7)?, month(8..10)?).ok()?;
                (day, day.tomorrow().ok())
            }
            _ => return None,
        };
        let midnight = |day: Date| local(day.to_datetime(Time::midnight()));
        Some(Self { from: midnight(first)?, until: next.and_then(midnight) })
    }

    /// A minute, a second or a part of one.
    fn of_time(date: &str, text: &str) -> Option<Self> {
        let (clock, zone) = zone(text)?;
        let number = |at: std::ops::Range<usize>| clock.get(at).and_then(digits).and_then(|number| i8::try_from(number).ok());
        let (second, fraction, lasts) = match (clock.len(), clock.get(2..3)?, clock.get(5..6), clock.get(8..9)) {
            (5, ":", ..) => (0, 0, SignedDuration::from_secs(60)),
            (8, ":", Some(":"), _) => (number(6..8)?, 0, SignedDuration::from_secs(1)),
            (10..=18, ":", Some(":"), Some(".")) => {
                let places = u32::try_from(clock.len() - 9).ok()?;
                let unit = 10_u32.checked_pow(9_u32.checked_sub(places)?)?;
                let fraction = digits(clock.get(9..)?)?.checked_mul(unit)?;
                (number(6..8)?, i32::try_from(fraction).ok()?, SignedDuration::from_nanos(i64::from(unit)))
            }
            _ => return None,
        };
        let day = (date.len() == 10).then(|| Self::day(date)).flatten()?;
        let at = day.to_datetime(Time::new(number(0..2)?, number(3..5)?, second, fraction).ok()?);
        let from = match zone {
            Some(offset) => offset.to_timestamp(at).unwrap_or(Timestamp::MAX),
            None => local(at).unwrap_or(Timestamp::MAX),
        };
        let until = from.checked_add(lasts).ok().and_then(whole);
        Some(Self { from: whole(from).unwrap_or(Timestamp::MAX), until })
    }

    fn day(text: &str) -> Option<Date> {
        let part = |at| text.get(at).and_then(digits);
        let apart = text.get(4..5) == Some("-") && text.get(7..8) == Some("-");
        let year = i16::try_from(part(0..4)?).ok().filter(|year| apart && *year > 0)?;
        Date::new(year, i8::try_from(part(5..7)?).ok()?, i8::try_from(part(8..10)?).ok()?).ok()
    }
}

/// The time, and its zone if it names one. A plus that a query made a space is a plus.
fn zone(text: &str) -> Option<(&str, Option<Offset>)> {
    if let Some(clock) = text.strip_suffix('Z') {
        return Some((clock, Some(Offset::UTC)));
    }
    let Some(at) = text.find(['+', '-', ' ']) else { return Some((text, None)) };
    let (clock, offset) = text.split_at(at);
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let two = |part: &str| digits(part).filter(|_| part.len() == 2).and_then(|number| i32::try_from(number).ok());
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    let seconds = hours * 3600 + minutes * 60;
    if minutes > 59 || seconds > FARTHEST_ZONE {
        return None;
    }
    let signed = if offset.starts_with('-') { -seconds } else { seconds };
    Some((clock, Some(Offset::from_seconds(signed).ok()?)))
}

fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

fn local(at: DateTime) -> Option<Timestamp> {
    HELSINKI.to_timestamp(at).ok()
}

/// The next whole millisecond: what is stored has whole ones, so that no comparison changes by it.
fn whole(at: Timestamp) -> Option<Timestamp> {
    let nanoseconds = at.as_nanosecond();
    let milliseconds = nanoseconds.div_euclid(1_000_000) + i128::from(nanoseconds.rem_euclid(1_000_000) > 0);
    Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()
}

const MALFORMED: &str =
    "a date is YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm[:ss[.fraction]] with Z or an offset, after eq, ne, gt, lt, ge, le, sa or eb";
/// R4: 14 hours.
const FARTHEST_ZONE: i32 = 14 * 3600;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let Ok(Range { from, until, not }) = range(text) else { return "refused".to_owned() };
        let end = |end: Option<Timestamp>| end.map_or_else(|| "..".to_owned(), |end| end.to_string());
        format!("{}{} {}", if not { "not " } else { "" }, end(from), end(until))
    }

    #[test]
    fn a_value_stands_for_the_whole_of_what_it_names() {
        for (text, expected) in [
            ("2026", "2025-12-31T22:00:00Z 2026-12-31T22:00:00Z"),
            ("2026-02", "2026-01-31T22:00:00Z 2026-02-28T22:00:00Z"),
            ("2026-11-16", "2026-11-15T22:00:00Z 2026-11-16T22:00:00Z"),
            ("2026-11-16T09:00Z", "2026-11-16T09:00:00Z 2026-11-16T09:01:00Z"),
            ("2026-11-16T09:00:30+02:00", "2026-11-16T07:00:30Z 2026-11-16T07:00:31Z"),
            ("2026-11-16T09:00:30.5-03:30", "2026-11-16T12:30:30.5Z 2026-11-16T12:30:30.6Z"),
            ("2026-11-16T09:00:30.001Z", "2026-11-16T09:00:30.001Z 2026-11-16T09:00:30.002Z"),
            ("2026-11-16T09:00", "2026-11-16T07:00:00Z 2026-11-16T07:01:00Z"),
            ("9999-12-31", "9999-12-30T22:00:00Z .."),
            ("le9999-12-31T23:59:59Z", ".. .."),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn days_of_the_clock_changes_have_23_and_25_hours() {
        assert_eq!(told("2026-03-29"), "2026-03-28T22:00:00Z 2026-03-29T21:00:00Z");
        assert_eq!(told("2026-10-25"), "2026-10-24T21:00:00Z 2026-10-25T22:00:00Z");
    }

    #[test]
    fn prefixes_open_the_range() {
        for (text, expected) in [
            ("eq2026-11-16", "2026-11-15T22:00:00Z 2026-11-16T22:00:00Z"),
            ("ne2026-11-16", "not 2026-11-15T22:00:00Z 2026-11-16T22:00:00Z"),
            ("gt2026-11-16", "2026-11-16T22:00:00Z .."),
            ("sa2026-11-16", "2026-11-16T22:00:00Z .."),
            ("lt2026-11-16", ".. 2026-11-15T22:00:00Z"),
            ("eb2026-11-16", ".. 2026-11-15T22:00:00Z"),
            ("ge2026-11-16", "2026-11-15T22:00:00Z .."),
            ("le2026-11-16", ".. 2026-11-16T22:00:00Z"),
            ("ap2026-11-16", "refused"),
            ("xx2026-11-16", "refused"),
            ("g2026", "refused"),
        ] {
            assert_eq!(told(text), expected, "{text}");
        }
    }

    #[test]
    fn a_plus_that_became_a_space_is_a_plus() {
        assert_eq!(told("ge2026-11-16T10:00:00 02:00"), told("ge2026-11-16T10:00:00+02:00"));
        assert_eq!(told("ge2026-11-16T10:00:00 02:00"), "2026-11-16T08:00:00Z ..");
    }

    #[test]
    fn finer_than_milliseconds_is_rounded_up() {
        assert_eq!(told("ge2026-11-16T10:00:00.0001Z"), "2026-11-16T10:00:00.001Z ..");
        assert_eq!(told("ge2026-11-16T10:00:00.000000000Z"), "2026-11-16T10:00:00Z ..");
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "today",
            "20261116",
            "2026-13",
            "2026-02-30",
            "2026-1-1",
            "2026-11-16T",
            "2026-11-16T09",
            "2026-11-16T24:00",
            "2026-11-16T09:60Z",
            "2026-11-16T09:00:60Z",
            "2026-11T09:00Z",
            "2026-11-16T09:00+2",
            "2026-11-16T09:00+15:00",
            "2026-11-16T09:00+02:60",
            "2026-11-16Z",
            "2026-11-16T09:00:00.Z",
            "2026-11-16T09:00:00.0000000001Z",
            "+2026",
            "0000",
            "ä026",
            "20ä6-11",
            "2026-11-16T0ä:00Z",
            "ä",
            "gé2026",
            " 2026",
        ] {
            assert_eq!(told(text), "refused", "{text}");
        }
    }
}
