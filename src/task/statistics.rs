//! Contacts by weekday and hour, for planning shifts: counts only, of whom nothing is known but when they asked.
//!
//! A small count may tell of somebody. A cell of 1 to [`SMALL`] - 1 contacts is *suppressed*: its count is `null`. So is every
//! total that a suppressed cell is part of, whatever the cell's value; it is bounded instead, by what any cells of that
//! size would make of it. Hence what is shown is the same for all values that the suppressed cells could have. Cells that are
//! not listed had no contact.
//!
//! Nor can two answers be subtracted. What is asked for is made of whole calendar months, and each month is suppressed by
//! itself before months are added up: every answer follows from what the months alone would show, however they overlap. A month
//! that is not over grows between two questions: it is told in steps of [`SMALL`], so that one contact more is seldom seen, and
//! its number never.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use serde_json::{Map, Value, json};

use super::store::Tally;

/// Counts from 1 up to, and without, this one are not shown; those of a month that is not over are told in steps of it.
pub const SMALL: u64 = 5;

/// Contacts of some months, by queue.
#[derive(Clone, Debug)]
pub struct Statistics {
    months: Months,
    queues: BTreeMap<String, Cells>,
}

/// Whole calendar months, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Months {
    /// First day of the first month.
    pub from: Date,
    /// Last day of the last month.
    pub until: Date,
    /// First day of the month that it is: this one and those after it are not over.
    running: Date,
}

/// By weekday (0 is Monday) and hour, in Europe/Helsinki; then by the first day of the month.
type Cells = BTreeMap<(i8, i8), BTreeMap<Date, u64>>;

/// Between which numbers a count is; both the same where it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Told {
    least: u64,
    most: u64,
}

impl Months {
    /// Those that the days from `from` to `until` lie in.
    pub fn around(from: Date, until: Date, today: Date) -> Self {
        Self { from: from.first_of_month(), until: until.last_of_month(), running: today.first_of_month() }
    }

    fn starts(self) -> impl Iterator<Item = Date> {
        self.from.series(1.month()).take_while(move |month| *month <= self.until)
    }
}

impl Statistics {
    /// `queues` are there even if nobody asked.
    pub fn of<'q>(tallies: &[Tally], months: Months, queues: impl IntoIterator<Item = &'q str>) -> Self {
        let mut counted: BTreeMap<String, Cells> = queues.into_iter().map(|queue| (queue.to_owned(), Cells::new())).collect();
        let within = |tally: &&Tally| tally.day >= months.from && tally.day <= months.until;
        for tally in tallies.iter().filter(within).filter(|tally| tally.what == "created" && tally.count > 0) {
            let cells = counted.entry(tally.queue.clone()).or_default();
            let cell = cells.entry((tally.day.weekday().to_monday_zero_offset(), tally.hour)).or_default();
            *cell.entry(tally.day.first_of_month()).or_default() += tally.count;
        }
        Self { months, queues: counted }
    }

    pub fn print(&self) -> Value {
        let queues: Vec<Value> = self.queues.iter().map(|(queue, cells)| self.queue(queue, cells)).collect();
        let month = |start: Date| start.strftime("%Y-%m").to_string();
        let (over, running): (Vec<_>, Vec<_>) = self.months.starts().partition(|start| *start < self.months.running);
        json!({
            "from": self.months.from.to_string(),
            "until": self.months.until.to_string(),
            "months": over.into_iter().map(month).collect::<Vec<_>>(),
            "unfinishedMonths": running.into_iter().map(month).collect::<Vec<_>>(),
            "timeZone": "Europe/Helsinki",
            "suppressedBelow": SMALL,
            "queues": queues,
        })
    }

    fn queue(&self, queue: &str, cells: &Cells) -> Value {
        let told: BTreeMap<(i8, i8), Told> = cells.iter().map(|(cell, months)| (*cell, self.cell(months))).collect();
        let sum = |within: &dyn Fn(i8, i8) -> bool| {
            told.iter().filter(|((weekday, hour), _)| within(*weekday, *hour)).fold(Told::default(), |sum, (_, told)| sum.and(*told))
        };
        let cells = told.iter().map(|(&(weekday, hour), told)| told.shown([("weekday", name(weekday).into()), ("hour", hour.into())]));
        let weekdays = (0..7).map(|weekday| sum(&|of, _| of == weekday).shown([("weekday", name(weekday).into())]));
        let hours = (0..24).filter(|hour| told.keys().any(|(_, of)| of == hour));
        let hours = hours.map(|hour| sum(&|_, of| of == hour).shown([("hour", hour.into())]));
        json!({
            "queue": queue,
            "total": sum(&|_, _| true).shown([]),
            "weekdays": weekdays.collect::<Vec<_>>(),
            "hours": hours.collect::<Vec<_>>(),
            "cells": cells.collect::<Vec<_>>(),
        })
    }

    /// Each month by itself, then together.
    fn cell(&self, months: &BTreeMap<Date, u64>) -> Told {
        months.iter().fold(Told::default(), |sum, (month, count)| sum.and(Told::of(*count, *month < self.months.running)))
    }
}

impl Told {
    /// Of one cell of one month.
    fn of(count: u64, over: bool) -> Self {
        match count {
            0 => Self::default(),
            1..SMALL => Self { least: 1, most: SMALL - 1 },
            _ if over => Self { least: count, most: count },
            _ => {
                let least = count - count % SMALL;
                Self { least, most: least + SMALL - 1 }
            }
        }
    }

    const fn and(self, other: Self) -> Self {
        Self { least: self.least + other.least, most: self.most + other.most }
    }

    fn shown<const N: usize>(self, of: [(&str, Value); N]) -> Value {
        let mut shown: Map<String, Value> = of.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let suppressed = self.least != self.most;
        shown.insert("count".to_owned(), if suppressed { Value::Null } else { self.least.into() });
        shown.insert("suppressed".to_owned(), suppressed.into());
        if suppressed {
            shown.insert("atLeast".to_owned(), self.least.into());
            shown.insert("atMost".to_owned(), self.most.into());
        }
        Value::Object(shown)
    }
}

/// FHIR's code, <https://hl7.org/fhir/R4/valueset-days-of-week.html>
fn name(weekday: i8) -> &'static str {
    match Weekday::from_monday_zero_offset(weekday) {
        Ok(Weekday::Monday) => "mon",
        Ok(Weekday::Tuesday) => "tue",
        Ok(Weekday::Wednesday) => "wed",
        Ok(Weekday::Thursday) => "thu",
        Ok(Weekday::Friday) => "fri",
        Ok(Weekday::Saturday) => "sat",
        _ => "sun",
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn tally(day: Date, hour: i8, queue: &str, owner: &str, count: u64) -> Tally {
        Tally { day, hour, queue: queue.to_owned(), owner: owner.to_owned(), what: "created".to_owned(), count }
    }

    fn of(tallies: &[Tally], from: Date, until: Date) -> Value {
        Statistics::of(tallies, Months::around(from, until, TODAY), ["a", "b"]).print()
    }

    fn hidden(least: u64, most: u64) -> Value {
        json!({"count": null, "suppressed": true, "atLeast": least, "atMost": most})
    }

    const TODAY: Date = date(2026, 12, 7);
    const NOVEMBER: Date = date(2026, 11, 10);

    #[test]
    fn cells_are_added_up_over_days_and_owners() {
        let (monday, next) = (date(2026, 11, 9), date(2026, 11, 16));
        let mut tallies = vec![tally(monday, 8, "a", "Organization/x", 3), tally(monday, 8, "a", "Organization/y", 3)];
        tallies.push(tally(next, 8, "a", "Organization/x", 1));
        tallies.push(Tally { what: "completed".to_owned(), ..tally(next, 8, "a", "Organization/x", 40) });
        let statistics = of(&tallies, NOVEMBER, NOVEMBER);
        let a = &statistics["queues"][0];
        assert_eq!(a["cells"], json!([{"weekday": "mon", "hour": 8, "count": 7, "suppressed": false}]));
        assert_eq!(a["total"], json!({"count": 7, "suppressed": false}));
        assert_eq!(statistics["queues"][1]["total"], json!({"count": 0, "suppressed": false}));
    }

    #[test]
    fn a_small_cell_takes_every_total_that_it_is_part_of_with_it() {
        let (monday, tuesday) = (date(2026, 11, 9), date(2026, 11, 10));
        let tallies = [tally(monday, 8, "a", "x", 4), tally(monday, 9, "a", "x", 5), tally(tuesday, 9, "a", "x", 6)];
        let statistics = of(&tallies, NOVEMBER, NOVEMBER);
        let a = &statistics["queues"][0];
        assert_eq!(a["total"], hidden(12, 15));
        assert_eq!((&a["weekdays"][0]["count"], &a["weekdays"][1]["count"]), (&Value::Null, &6.into()));
        assert_eq!((&a["hours"][0]["count"], &a["hours"][1]["count"]), (&Value::Null, &11.into()));
    }

    #[test]
    fn days_become_the_months_that_they_lie_in() {
        let tallies = [tally(date(2026, 11, 2), 8, "a", "x", 5), tally(date(2026, 11, 30), 8, "a", "x", 6)];
        let day = of(&tallies, date(2026, 11, 2), date(2026, 11, 2));
        assert_eq!((&day["from"], &day["until"]), (&"2026-11-01".into(), &"2026-11-30".into()));
        assert_eq!((&day["months"], &day["unfinishedMonths"]), (&json!(["2026-11"]), &json!([])));
        assert_eq!(day["queues"][0]["total"]["count"], 11);
        let two = of(&tallies, date(2026, 11, 30), date(2027, 1, 1));
        assert_eq!((&two["months"], &two["unfinishedMonths"]), (&json!(["2026-11"]), &json!(["2026-12", "2027-01"])));
    }

    #[test]
    fn a_month_without_one_more_contact_cannot_be_subtracted_from_one_with_it() {
        let (october, november) = (date(2026, 10, 5), date(2026, 11, 2));
        let tallies = [tally(october, 8, "a", "x", 7), tally(november, 8, "a", "x", 1)];
        let total = |from, until| of(&tallies, from, until)["queues"][0]["total"].clone();
        assert_eq!(total(october, october), json!({"count": 7, "suppressed": false}));
        assert_eq!(total(october, november), hidden(8, 11), "not 8, though 8 is no small number");
    }

    #[test]
    fn a_month_that_is_not_over_is_told_in_steps() {
        let total = |count| of(&[tally(TODAY, 8, "a", "x", count)], TODAY, TODAY)["queues"][0]["total"].clone();
        for (count, least, most) in [(1, 1, 4), (4, 1, 4), (5, 5, 9), (9, 5, 9), (10, 10, 14)] {
            assert_eq!(total(count), hidden(least, most), "{count}");
        }
        assert_eq!(total(0), json!({"count": 0, "suppressed": false}));
    }

    proptest! {
        /// Whatever ranges are asked for, all answers together are the same for every value that a suppressed cell of a month
        /// could have: so none can be computed from them.
        #[test]
        fn no_suppressed_cell_can_be_computed_from_any_answers(
            counts in prop::collection::btree_map((0_i32..120, 7_i8..12, 0_usize..2), 1_u64..12, 1..16),
            ranges in prop::collection::vec((0_i32..120, 0_i32..60), 1..4),
        ) {
            let first = date(2026, 9, 1);
            let day = |days: i32| first.checked_add(days.days()).unwrap();
            let tallies: Vec<Tally> =
                counts.iter().map(|(&(days, hour, queue), &count)| tally(day(days), hour, ["a", "b"][queue], "x", count)).collect();
            let answers = |tallies: &[Tally]| -> Vec<Value> {
                ranges.iter().map(|&(from, days)| of(tallies, day(from), day(from + days))).collect()
            };
            let shown = answers(&tallies);
            // the same months' cells, by what their answer alone tells
            let truth = Statistics::of(&tallies, Months::around(first, day(150), TODAY), ["a", "b"]);
            for (queue, cells) in &truth.queues {
                for (cell, months) in cells {
                    for (month, count) in months {
                        let told = Told::of(*count, *month < truth.months.running);
                        for other in (told.least..=told.most).filter(|other| other != count) {
                            let same = |tally: &&Tally| {
                                &tally.queue == queue
                                    && (tally.day.weekday().to_monday_zero_offset(), tally.hour) == *cell
                                    && tally.day.first_of_month() == *month
                            };
                            let one = tallies.iter().find(same).unwrap();
                            let mut changed: Vec<Tally> = tallies.iter().filter(|tally| !same(tally)).cloned().collect();
                            changed.push(Tally { count: other, ..one.clone() });
                            prop_assert_eq!(answers(&changed), shown.clone());
                        }
                    }
                }
            }
            for small in 1..SMALL {
                let told = format!("\"count\":{small},");
                prop_assert!(shown.iter().all(|answer| !answer.to_string().contains(&told)));
            }
        }
    }
}
