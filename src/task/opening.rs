//! When somebody is open: the hours of a week, and the spells in which it is closed.

use jiff::civil::{Date, Time, Weekday};

use super::calendar::is_working_day;

/// Opening hours in Europe/Helsinki.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// By weekday, Monday first; in order, not overlapping.
    pub week: [Vec<Hours>; 7],
    /// Not overlapping.
    pub closed: Vec<Closed>,
}

/// `from <= t < until` on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    pub from: Time,
    pub until: Time,
}

/// A spell in which nobody is there, both days included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    pub from: Date,
    pub to: Date,
    /// Who answers meanwhile: `Organization/{id}` or `HealthcareService/{id}`.
    pub substitute: Option<String>,
}

impl Opening {
    /// Monday to Friday, 08:00 to 16:00.
    pub fn office() -> Self {
        let hours = Hours { from: Time::constant(8, 0, 0, 0), until: Time::constant(16, 0, 0, 0) };
        Self { week: std::array::from_fn(|weekday| if weekday < 5 { vec![hours] } else { Vec::new() }), closed: Vec::new() }
    }

    /// The hours of a working day, whether or not they are closed in that spell.
    pub fn hours(&self, day: Date) -> &[Hours] {
        if is_working_day(day) { self.of(day.weekday()) } else { &[] }
    }

    pub fn of(&self, weekday: Weekday) -> &[Hours] {
        usize::try_from(weekday.to_monday_zero_offset()).ok().and_then(|weekday| self.week.get(weekday)).map_or(&[], Vec::as_slice)
    }

    pub fn closed_on(&self, day: Date) -> Option<&Closed> {
        self.closed.iter().find(|spell| spell.from <= day && day <= spell.to)
    }

    /// Has hours on some weekday from Monday to Friday: otherwise no time limit would ever end.
    pub fn is_ever(&self) -> bool {
        self.week.iter().take(5).any(|hours| !hours.is_empty())
    }
}
