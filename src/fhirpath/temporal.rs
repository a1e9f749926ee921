//! Dates, dateTimes and times: how they compare (<http://hl7.org/fhirpath/N1/#comparison>), and what becomes of them when a
//! duration is added (<http://hl7.org/fhirpath/N1/#datetime-arithmetic>).
//!
//! The engine's own leave out a date beside a dateTime, know no leap day's birthday, and take the dateTimes of a resource for text.

use std::cmp::Ordering;

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use jiff::{Span, Unit};
use octofhir_fhirpath::FhirPathValue;
use octofhir_fhirpath::core::{PrecisionDate, PrecisionDateTime, PrecisionTime};
use rust_decimal::Decimal;

/// A point in time, as far as it is stated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment {
    kind: Kind,
    at: DateTime,
    /// The last component that is stated.
    precision: Unit,
    offset: Option<Offset>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Date,
    DateTime,
    Time,
}

/// Nothing can be said: the other side's offset is not known, or they are of kinds that do not compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Incomparable;

impl Moment {
    pub fn of(value: &FhirPathValue) -> Option<Self> {
        match value {
            FhirPathValue::Date(date, ..) => Self::read(&date.to_string()),
            FhirPathValue::DateTime(it, ..) => {
                let read = Self::read(&it.to_string())?;
                Some(Self { kind: Kind::DateTime, offset: read.offset.filter(|_| it.tz_specified), ..read })
            }
            FhirPathValue::Time(time, ..) => Self::read(&time.to_string()),
            _ => None,
        }
    }

    /// As FHIR writes dates, dateTimes and times; a time of day may begin with `T`.
    pub fn read(text: &str) -> Option<Self> {
        if !text.is_ascii() {
            return None;
        }
        if let Some(time) = text.strip_prefix('T').or_else(|| (text.get(2..3) == Some(":")).then_some(text)) {
            let at = DateTime::from_parts(Date::constant(2000, 1, 1), time.parse::<Time>().ok()?);
            return Some(Self { kind: Kind::Time, at, precision: precision_of(time), offset: None });
        }
        let date = |text: String, precision| {
            let at = DateTime::from_parts(text.parse::<Date>().ok()?, Time::midnight());
            Some(Self { kind: Kind::Date, at, precision, offset: None })
        };
        match (text.len(), text.split_once('T')) {
            (4, _) => date(format!("{text}-01-01"), Unit::Year),
            (7, _) => date(format!("{text}-01"), Unit::Month),
            (10, None) => date(text.to_owned(), Unit::Day),
            (_, Some((_, time))) => {
                let pieces = Pieces::parse(text).ok()?;
                let precision = precision_of(&time[..time.find(['Z', '+', '-']).unwrap_or(time.len())]);
                let at = DateTime::from_parts(pieces.date(), pieces.time()?);
                Some(Self { kind: Kind::DateTime, at, precision, offset: pieces.to_numeric_offset() })
            }
            _ => None,
        }
    }

    pub const fn offset(&self) -> Option<Offset> {
        self.offset
    }

    /// As a dateTime, which may be stated to the day only.
    pub fn date_time(self) -> Option<Self> {
        (self.kind != Kind::Time).then_some(Self { kind: Kind::DateTime, ..self })
    }

    pub fn date(self) -> Option<Self> {
        (self.kind != Kind::Time).then_some(Self { kind: Kind::Date, precision: self.precision.max(Unit::Day), offset: None, ..self })
    }

    pub fn time(self) -> Option<Self> {
        self.has_time().then_some(Self { kind: Kind::Time, offset: None, ..self })
    }

    /// A day for sure, not just a number of some digits.
    pub fn is_day(&self) -> bool {
        self.kind != Kind::Time && self.precision <= Unit::Day
    }

    /// `None`: they agree as far as both are stated, and one is stated further. `here` is the offset of whoever asks.
    ///
    /// # Errors
    /// [`Incomparable`]
    pub fn compare(self, other: Self, here: Option<Offset>) -> Result<Option<Ordering>, Incomparable> {
        if (self.kind == Kind::Time) != (other.kind == Kind::Time) {
            return Err(Incomparable);
        }
        let (left, right) = if self.has_time() && other.has_time() && self.kind != Kind::Time {
            match (self.offset.or(here), other.offset.or(here)) {
                (Some(left), Some(right)) => (self.moved(left, Offset::UTC)?, other.moved(right, Offset::UTC)?),
                _ if self.offset == other.offset => (self, other),
                _ => return Err(Incomparable),
            }
        } else {
            (self.seen_from(here)?, other.seen_from(here)?)
        };
        let common = left.stated().min(right.stated());
        let ordering = left.fields()[..common].cmp(&right.fields()[..common]);
        Ok(Some(ordering).filter(|ordering| ordering.is_ne() || left.stated() == right.stated()))
    }

    /// Later by so many of these units; `None` where that is no date, or the unit is none of a calendar.
    pub fn later(self, count: Decimal, unit: &str) -> Option<Self> {
        let unit = calendar_unit(unit)?;
        if self.kind == Kind::Time && unit > Unit::Hour {
            return None;
        }
        let count = if unit > Unit::Second { count.trunc() } else { count };
        let span = match unit {
            Unit::Year => Span::new().try_years(whole(count)?),
            Unit::Month if self.precision == Unit::Year => Span::new().try_years(whole(count)? / 12),
            Unit::Month => Span::new().try_months(whole(count)?),
            exact => {
                let milliseconds = whole(count.checked_mul(Decimal::from(milliseconds_of(exact)))?)?;
                match self.precision {
                    Unit::Year => Span::new().try_years(milliseconds / (365 * DAY)),
                    Unit::Month => Span::new().try_months(milliseconds / (30 * DAY)),
                    Unit::Day => Span::new().try_days(milliseconds / DAY),
                    Unit::Second => Span::new().try_milliseconds(milliseconds),
                    // what is finer than what is stated is left off
                    stated => Span::new().try_milliseconds(milliseconds / milliseconds_of(stated) * milliseconds_of(stated)),
                }
            }
        };
        Some(Self { at: self.at.checked_add(span.ok()?).ok()?, ..self })
    }

    pub fn into_value(self) -> Option<FhirPathValue> {
        let (date, time) = (self.at.date(), self.at.time());
        let of_day = match self.precision {
            Unit::Hour => format!("{:02}", time.hour()),
            Unit::Minute => format!("{:02}:{:02}", time.hour(), time.minute()),
            _ if time.subsec_nanosecond() == 0 => format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second()),
            _ => format!("{:02}:{:02}:{:02}.{:03}", time.hour(), time.minute(), time.second(), time.millisecond()),
        };
        let of_year = match self.precision {
            Unit::Year => format!("{:04}", date.year()),
            Unit::Month => format!("{:04}-{:02}", date.year(), date.month()),
            _ => date.to_string(),
        };
        match self.kind {
            Kind::Time => PrecisionTime::parse(&of_day).map(FhirPathValue::time),
            Kind::Date => PrecisionDate::parse(&of_year).map(FhirPathValue::date),
            Kind::DateTime if !self.has_time() => {
                PrecisionDate::parse(&of_year).map(|date| FhirPathValue::datetime(PrecisionDateTime::from_date(&date)))
            }
            Kind::DateTime => {
                let offset = self.offset.map(|offset| if offset == Offset::UTC { "Z".to_owned() } else { offset.to_string() });
                let offset = offset.map(|text| if text.len() == 3 { format!("{text}:00") } else { text }).unwrap_or_default();
                PrecisionDateTime::parse(&format!("{of_year}T{of_day}{offset}")).map(FhirPathValue::datetime)
            }
        }
    }

    fn has_time(&self) -> bool {
        self.precision < Unit::Day
    }

    fn moved(self, from: Offset, to: Offset) -> Result<Self, Incomparable> {
        let at = from.to_timestamp(self.at).map(|timestamp| to.to_datetime(timestamp)).map_err(|_| Incomparable)?;
        Ok(Self { at, offset: Some(to), ..self })
    }

    /// On the day that it was there.
    fn seen_from(self, here: Option<Offset>) -> Result<Self, Incomparable> {
        match (self.offset, here) {
            (Some(offset), Some(here)) if self.has_time() => self.moved(offset, here),
            _ => Ok(self),
        }
    }

    /// How many of [`Self::fields`] are stated: seconds and their fractions are one.
    fn stated(&self) -> usize {
        match self.precision {
            Unit::Year => 1,
            Unit::Month => 2,
            Unit::Day => 3,
            Unit::Hour => 4,
            Unit::Minute => 5,
            _ => 7,
        }
    }

    fn fields(&self) -> [i32; 7] {
        let (date, time) = (self.at.date(), self.at.time());
        let parts = [date.year().into(), date.month().into(), date.day().into(), time.hour().into(), time.minute().into()];
        let [year, month, day, hour, minute] = parts;
        [year, month, day, hour, minute, time.second().into(), time.subsec_nanosecond()]
    }
}

/// A unit of calendars, or one of UCUM's that is as long for sure: `a` and `mo` are not.
pub(super) fn calendar_unit(name: &str) -> Option<Unit> {
    Some(match name {
        "year" | "years" => Unit::Year,
        "month" | "months" => Unit::Month,
        "week" | "weeks" | "wk" => Unit::Week,
        "day" | "days" | "d" => Unit::Day,
        "hour" | "hours" | "h" => Unit::Hour,
        "minute" | "minutes" | "min" => Unit::Minute,
        "second" | "seconds" | "s" => Unit::Second,
        "millisecond" | "milliseconds" | "ms" => Unit::Millisecond,
        _ => return None,
    })
}

fn precision_of(time: &str) -> Unit {
    match time.matches(':').count() {
        0 => Unit::Hour,
        1 => Unit::Minute,
        _ => Unit::Second,
    }
}

fn whole(count: Decimal) -> Option<i64> {
    i64::try_from(count.trunc()).ok()
}

const fn milliseconds_of(unit: Unit) -> i64 {
    match unit {
        Unit::Week => 7 * DAY,
        Unit::Day => DAY,
        Unit::Hour => DAY / 24,
        Unit::Minute => 60_000,
        Unit::Second => 1000,
        _ => 1,
    }
}

/// In milliseconds.
const DAY: i64 = 86_400_000;
