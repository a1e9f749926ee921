//! Until when a callback request is to be answered (`Task.restriction.period.end`), in Europe/Helsinki.
//!
//! * A request that is received before the *cut-off* of a working day on which its addressee is open is due that day at
//!   closing time; otherwise at closing time of the next working day on which it is open. At the cut-off is not before it.
//! * A day that closes early has an early cut-off: [`Policy::least`] before closing, if that is earlier.
//! * While the addressee is closed its substitute's hours count; without a substitute those days are passed over.
//! * Urgent requests may have less time: minutes of opening time, or the same day whatever the cut-off; never more.
//! * Where the clocks change: times of day are instants found through the zone. One that is skipped means as much later as
//!   was skipped (03:30 is 04:30 summer time); of one that comes twice, the first counts. When a request was received is an
//!   instant and never doubtful.
//!
//! What the law demands (Health Care Act 1326/2010, section 51) is for the county to judge: all of it is configuration.

use std::collections::BTreeMap;

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

use super::calendar::{HELSINKI, day_of, next};
use super::opening::{Hours, Opening};
use super::store::Priority;

/// `[deadline]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Received before this time of day: due the same day.
    pub cut_off: Time,
    /// Whether anything is due on the day that it is received.
    pub same_day: bool,
    /// What must be left of the opening hours for a request to be due the same day.
    pub least: SignedDuration,
    /// How long after it was made a request is still taken: whoever could not deliver it while something was down still can.
    /// Anything older is a mistake, and would spoil every figure of waiting times.
    pub taken_late: SignedDuration,
    pub urgent: Haste,
    pub asap: Haste,
    pub stat: Haste,
}

/// How much sooner than routine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    None,
    /// Due at closing time, if it is received before that.
    SameDay,
    /// Due after so much opening time.
    Within(SignedDuration),
}

/// Who answers a request, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The addressee, or its substitute: `Organization/{id}` or `HealthcareService/{id}`.
    pub by: &'a str,
    pub until: Timestamp,
}

/// Who would answer a request that is received now, and why not the addressee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<'a> {
    Answers(Answer<'a>),
    /// It is closed on the day that it would be due, and has no substitute.
    Closed,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            cut_off: Time::constant(14, 0, 0, 0),
            same_day: true,
            least: SignedDuration::from_mins(60),
            taken_late: SignedDuration::from_hours(90 * 24),
            urgent: Haste::SameDay,
            asap: Haste::Within(SignedDuration::from_mins(120)),
            stat: Haste::Within(SignedDuration::from_mins(60)),
        }
    }
}

impl Policy {
    pub const fn haste(&self, priority: Priority) -> Haste {
        match priority {
            Priority::Routine => Haste::None,
            Priority::Urgent => self.urgent,
            Priority::Asap => self.asap,
            Priority::Stat => self.stat,
        }
    }

    /// The instant from which on a request is too late for `day`.
    fn latest(&self, day: Date, hours: &[Hours], haste: Haste) -> Option<Timestamp> {
        let closing = closing(day, hours)?;
        match (haste, self.same_day) {
            (Haste::None, false) => None,
            (Haste::None, true) => Some(instant(day, self.cut_off).min(closing.checked_sub(self.least).unwrap_or(closing))),
            (Haste::SameDay | Haste::Within(_), _) => Some(closing),
        }
    }
}

/// Whose turn it is to answer what `to` receives at `at`, as routine; `openings` by reference. `None`: nobody within
/// [`DAYS`], a mistake of the configuration that is told at start.
pub fn turn<'a>(openings: &'a BTreeMap<String, Opening>, policy: &Policy, to: &'a str, at: Timestamp) -> Option<Turn<'a>> {
    search(openings, policy, to, at, Haste::None, false)
}

/// Until when what `to` owns is to be answered; days on which nobody answers for it are passed over.
pub fn deadline(openings: &BTreeMap<String, Opening>, policy: &Policy, to: &str, at: Timestamp, priority: Priority) -> Option<Timestamp> {
    let until = |haste| match search(openings, policy, to, at, haste, true) {
        Some(Turn::Answers(answer)) => Some(answer.until),
        _ => None,
    };
    let routine = until(Haste::None)?;
    let sooner = match policy.haste(priority) {
        Haste::None => None,
        haste => until(haste),
    };
    Some(sooner.map_or(routine, |sooner| sooner.min(routine)))
}

fn search<'a>(
    openings: &'a BTreeMap<String, Opening>,
    policy: &Policy,
    to: &'a str,
    at: Timestamp,
    haste: Haste,
    waits: bool,
) -> Option<Turn<'a>> {
    let mut left = match haste {
        Haste::Within(time) => time,
        Haste::None | Haste::SameDay => SignedDuration::ZERO,
    };
    let mut day = day_of(at);
    let today = day;
    for _ in 0..DAYS {
        match present(openings, to, day) {
            Present::Nobody => {}
            // who is closed today and opens tomorrow keeps what comes too late for today
            Present::Closed if waits || (day == today && !policy.is_before_cut_off(day, at)) => {}
            Present::Closed => return Some(Turn::Closed),
            Present::Open(by, hours) => {
                let in_time = day != today || policy.latest(day, hours, haste).is_some_and(|latest| at < latest);
                let until = if left.is_zero() { closing(day, hours) } else { spend(&mut left, day, hours, at) };
                if let Some(until) = until.filter(|_| in_time) {
                    return Some(Turn::Answers(Answer { by, until }));
                }
            }
        }
        day = next(day);
    }
    None
}

impl Policy {
    fn is_before_cut_off(&self, day: Date, at: Timestamp) -> bool {
        self.same_day && at < instant(day, self.cut_off)
    }
}

/// Who is there on a day.
enum Present<'a> {
    Open(&'a str, &'a [Hours]),
    /// No working day, or no hours on this weekday.
    Nobody,
    /// Closed for a spell, and there is no substitute.
    Closed,
}

/// `to`, or who stands in for it: a substitute may have one too.
fn present<'a>(openings: &'a BTreeMap<String, Opening>, to: &'a str, day: Date) -> Present<'a> {
    let mut reference = to;
    for _ in 0..SUBSTITUTES {
        let Some(opening) = openings.get(reference) else { return Present::Nobody };
        let Some(spell) = opening.closed_on(day) else {
            let hours = opening.hours(day);
            return if hours.is_empty() { Present::Nobody } else { Present::Open(reference, hours) };
        };
        match &spell.substitute {
            Some(substitute) => reference = substitute,
            // a day on which it would not have been open anyway closes nothing
            None => return if opening.hours(day).is_empty() { Present::Nobody } else { Present::Closed },
        }
    }
    Present::Closed
}

/// Takes a day's opening time after `at` from what is left; the instant at which nothing is left.
fn spend(left: &mut SignedDuration, day: Date, hours: &[Hours], at: Timestamp) -> Option<Timestamp> {
    for hours in hours {
        let (from, until) = (instant(day, hours.from).max(at), instant(day, hours.until));
        let open = from.duration_until(until).max(SignedDuration::ZERO);
        if *left <= open {
            return Some(from.checked_add(*left).unwrap_or(Timestamp::MAX));
        }
        *left -= open;
    }
    None
}

fn closing(day: Date, hours: &[Hours]) -> Option<Timestamp> {
    hours.last().map(|last| instant(day, last.until))
}

/// A time of day in Europe/Helsinki as an instant.
pub fn instant(day: Date, time: Time) -> Timestamp {
    // fails at the end of jiff's calendar only, in the year 9999
    HELSINKI.to_ambiguous_timestamp(day.to_datetime(time)).compatible().unwrap_or(Timestamp::MAX)
}

/// How far ahead somebody is looked for who is open.
pub const DAYS: usize = 400;
/// Substitutes of substitutes.
const SUBSTITUTES: usize = 8;
