//! Working days and deadlines from 2024 to 2060, before a calendar that was made by other means: `data/working_days.py`.

use jiff::civil::{Date, Time, date};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use neuvola_adapter::configuration::Configuration;
use neuvola_adapter::task::calendar::{holiday, is_working_day};
use neuvola_adapter::task::store::Priority;

/// One year of the other calendar.
struct Year {
    year: i16,
    /// Summer time begins, and ends.
    changes: [Timestamp; 2],
    /// By day of the year.
    working: Vec<bool>,
}

fn years() -> Vec<Year> {
    let read = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let change = |word: &str| word.parse().unwrap();
        let working: Vec<bool> = words[3].bytes().map(|letter| letter == b'w').collect();
        Year { year: words[0].parse().unwrap(), changes: [change(words[1]), change(words[2])], working }
    };
    let years: Vec<Year> = include_str!("data/working_days.txt").lines().map(read).collect();
    assert_eq!(years.iter().map(|year| year.year).collect::<Vec<_>>(), (2024..=2060).collect::<Vec<_>>());
    for year in &years {
        assert_eq!(year.working.len(), if date(year.year, 1, 1).in_leap_year() { 366 } else { 365 });
    }
    years
}

impl Year {
    fn is_working(&self, day: Date) -> bool {
        self.working[usize::try_from(day.day_of_year()).unwrap() - 1]
    }

    /// A time of day as an instant, by this calendar's own clock changes alone; of one that comes twice, the first.
    fn instant(&self, day: Date, time: Time) -> Timestamp {
        let summer = Offset::constant(3).to_timestamp(day.to_datetime(time)).unwrap();
        if (self.changes[0]..self.changes[1]).contains(&summer) { summer } else { summer + SignedDuration::from_hours(1) }
    }
}

#[test]
fn every_day_from_2024_to_2060_is_a_working_day_in_both_calendars_or_in_neither() {
    let mut days = 0;
    for year in years() {
        for day in date(year.year, 1, 1).series(1.day()).take_while(|day| day.year() == year.year) {
            assert_eq!(is_working_day(day), year.is_working(day), "{day}");
            days += 1;
        }
    }
    assert_eq!(days, 13_515);
}

#[test]
fn the_named_holidays_are_those_of_the_list() {
    let mut listed: Vec<Date> = Vec::new();
    for line in include_str!("data/finnish_non_working_days_2024_2035.csv").lines().skip(1) {
        listed.push(line.split(',').next().unwrap().parse().unwrap());
    }
    let days = date(2024, 1, 1).series(1.day()).take_while(|day| day.year() < 2036);
    assert_eq!(days.filter(|day| holiday(*day).is_some()).collect::<Vec<_>>(), listed);
}

#[test]
fn deadlines_agree_on_every_day_at_every_kind_of_hour_and_at_the_clock_changes() {
    let years = years();
    let directory = Configuration::sandbox(&mut || "t".to_owned()).unwrap().0.directory;
    let year_of = |day: Date| years.iter().find(|year| year.year == day.year());
    let (cut_off, closing) = (Time::constant(14, 0, 0, 0), Time::constant(16, 0, 0, 0));
    // open on working days from 8 to 16: due the same day before 14, else on the next working day
    let expected = |day: Date, received: Timestamp| {
        let year = year_of(day)?;
        if year.is_working(day) && received < year.instant(day, cut_off) {
            return Some(year.instant(day, closing));
        }
        let mut day = day.tomorrow().unwrap();
        while !year_of(day)?.is_working(day) {
            day = day.tomorrow().unwrap();
        }
        Some(year_of(day)?.instant(day, closing))
    };
    let mut compared = 0;
    let mut compare = |day: Date, received: Timestamp| {
        let Some(expected) = expected(day, received) else { return };
        assert_eq!(directory.deadline("Organization/seinajoki", received, Priority::Routine), expected, "{received}");
        compared += 1;
    };
    for year in &years {
        for day in date(year.year, 1, 1).series(1.day()).take_while(|day| day.year() == year.year) {
            for time in ["00:00", "03:30", "07:59", "13:59:59.999", "14:00", "15:59", "16:00", "23:59:59"] {
                compare(day, year.instant(day, time.parse().unwrap()));
            }
        }
        for change in year.changes {
            // three hours about the change: the skipped hour, and both passes through the doubled one
            for minutes in (-90..=90).step_by(5) {
                let received = change + SignedDuration::from_mins(minutes);
                compare(date_of(year, received), received);
            }
        }
    }
    assert!(compared > 110_000, "{compared}");
}

/// Over a summer with substitutes, and over Christmas.
#[test]
fn whoever_asks_later_is_never_answered_sooner_and_haste_never_takes_longer() {
    let directory = Configuration::sandbox(&mut || "t".to_owned()).unwrap().0.directory;
    let organizations = directory.organizations().iter().map(|held| format!("Organization/{}", held.id));
    let owners = organizations.chain(directory.services().iter().map(|held| format!("HealthcareService/{}", held.id)));
    for owner in owners {
        for (from, until) in [("2026-06-15T00:00Z", "2026-08-15T00:00Z"), ("2026-12-15T00:00Z", "2027-01-10T00:00Z")] {
            let (mut at, until): (Timestamp, Timestamp) = (from.parse().unwrap(), until.parse().unwrap());
            let mut before = [Timestamp::MIN; 4];
            while at < until {
                let due = Priority::ALL.map(|priority| directory.deadline(&owner, at, priority));
                for (priority, (due, before)) in Priority::ALL.iter().zip(due.iter().zip(&before)) {
                    assert!(
                        at < *due && before <= due && *due <= at + SignedDuration::from_hours(24 * 10),
                        "{owner} {at} {priority:?} {due}"
                    );
                    assert!(is_working_day(due.in_tz("Europe/Helsinki").unwrap().date()), "{owner} {at} {priority:?} {due}");
                }
                assert!(due.iter().all(|sooner| *sooner <= due[0]), "{owner} {at}");
                before = due;
                at += SignedDuration::from_mins(97);
            }
        }
    }
}

fn date_of(year: &Year, at: Timestamp) -> Date {
    let hours = if (year.changes[0]..year.changes[1]).contains(&at) { 3 } else { 2 };
    Offset::constant(hours).to_datetime(at).date()
}
