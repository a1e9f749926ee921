//! Contacts by weekday and hour, for planning shifts: counts only, of whom nothing is known but when they came in.
//!
//! A small count may tell of somebody. A cell of 1 to [`SMALL`] - 1 contacts is *suppressed*: its count is `null`. So is every
//! total that a suppressed cell is part of, whatever the cell's value; it is bounded instead, by what any cells of that
//! size would make of it. Hence what is shown is the same for all values that the suppressed cells could have. Cells that are
//! not listed had no contact.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};
use serde_json::{Map, Value, json};

use super::store::Tally;

/// Counts from 1 up to, and without, this one are not shown.
pub const SMALL: u64 = 5;

/// Contacts of some days, by queue.
#[derive(Clone, Debug)]
pub struct Statistics {
    from: Date,
    until: Date,
    queues: BTreeMap<String, Cells>,
}

/// By weekday (0 is Monday) and hour, in Europe/Helsinki.
type Cells = BTreeMap<(i8, i8), u64>;

impl Statistics {
    /// Of the days `from` to `until`, both included; `queues` are there even if nobody asked.
    pub fn of<'q>(tallies: &[Tally], from: Date, until: Date, queues: impl IntoIterator<Item = &'q str>) -> Self {
        let mut counted: BTreeMap<String, Cells> = queues.into_iter().map(|queue| (queue.to_owned(), Cells::new())).collect();
        for tally in tallies.iter().filter(|tally| tally.what == "created" && tally.count > 0) {
            let cells = counted.entry(tally.queue.clone()).or_default();
            *cells.entry((tally.day.weekday().to_monday_zero_offset(), tally.hour)).or_default() += tally.count;
        }
        Self { from, until, queues: counted }
    }

    pub fn print(&self) -> Value {
        let queues: Vec<Value> = self.queues.iter().map(|(queue, cells)| printed(queue, cells)).collect();
        json!({
            "from": self.from.to_string(),
            "until": self.until.to_string(),
            "timeZone": "Europe/Helsinki",
            "suppressedBelow": SMALL,
            "queues": queues,
        })
    }
}

fn printed(queue: &str, cells: &Cells) -> Value {
    let one = |(&(weekday, hour), &count): (&(i8, i8), &u64)| {
        let mut cell = object([("weekday", name(weekday).into()), ("hour", hour.into())]);
        cell.extend(shown(&[count]));
        Value::Object(cell)
    };
    let weekdays = (0..7).map(|weekday| {
        let mut total = object([("weekday", name(weekday).into())]);
        total.extend(shown(&of(cells, |cell| cell.0 == weekday)));
        Value::Object(total)
    });
    let hours = (0..24).filter_map(|hour| {
        let counts = of(cells, |cell| cell.1 == hour);
        if counts.is_empty() {
            return None;
        }
        let mut total = object([("hour", hour.into())]);
        total.extend(shown(&counts));
        Some(Value::Object(total))
    });
    json!({
        "queue": queue,
        "total": shown(&of(cells, |_| true)),
        "weekdays": weekdays.collect::<Vec<_>>(),
        "hours": hours.collect::<Vec<_>>(),
        "cells": cells.iter().map(one).collect::<Vec<_>>(),
    })
}

fn of(cells: &Cells, within: impl Fn(&(i8, i8)) -> bool) -> Vec<u64> {
    cells.iter().filter(|(cell, _)| within(cell)).map(|(_, count)| *count).collect()
}

/// The sum of cells, if it tells no more than they do.
fn shown(counts: &[u64]) -> Map<String, Value> {
    let small = counts.iter().filter(|count| **count < SMALL).count() as u64;
    let rest: u64 = counts.iter().filter(|count| **count >= SMALL).sum();
    if small == 0 {
        return object([("count", rest.into()), ("suppressed", false.into())]);
    }
    let (least, most) = (rest + small, rest + small * (SMALL - 1));
    object([("count", Value::Null), ("suppressed", true.into()), ("atLeast", least.into()), ("atMost", most.into())])
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
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

    fn printed(tallies: &[Tally]) -> Value {
        Statistics::of(tallies, date(2026, 11, 2), date(2026, 11, 29), ["a", "b"]).print()
    }

    #[test]
    fn cells_are_added_up_over_days_and_owners() {
        let (monday, next) = (date(2026, 11, 9), date(2026, 11, 16));
        let mut tallies = vec![tally(monday, 8, "a", "Organization/x", 3), tally(monday, 8, "a", "Organization/y", 3)];
        tallies.push(tally(next, 8, "a", "Organization/x", 1));
        tallies.push(Tally { what: "completed".to_owned(), ..tally(next, 8, "a", "Organization/x", 40) });
        let statistics = printed(&tallies);
        let a = &statistics["queues"][0];
        assert_eq!(a["cells"], json!([{"weekday": "mon", "hour": 8, "count": 7, "suppressed": false}]));
        assert_eq!(a["total"], json!({"count": 7, "suppressed": false}));
        assert_eq!(statistics["queues"][1]["total"], json!({"count": 0, "suppressed": false}));
    }

    #[test]
    fn a_small_cell_takes_every_total_that_it_is_part_of_with_it() {
        let (monday, tuesday) = (date(2026, 11, 9), date(2026, 11, 10));
        let statistics = printed(&[tally(monday, 8, "a", "x", 4), tally(monday, 9, "a", "x", 5), tally(tuesday, 9, "a", "x", 6)]);
        let a = &statistics["queues"][0];
        let hidden = |least: u64, most: u64| json!({"count": null, "suppressed": true, "atLeast": least, "atMost": most});
        assert_eq!(a["total"], hidden(12, 15));
        assert_eq!((&a["weekdays"][0]["count"], &a["weekdays"][1]["count"]), (&Value::Null, &6.into()));
        assert_eq!((&a["hours"][0]["count"], &a["hours"][1]["count"]), (&Value::Null, &11.into()));
    }

    proptest! {
        /// What is shown is the same for every value that a suppressed cell could have: so none can be computed.
        #[test]
        fn no_suppressed_cell_can_be_computed(
            counts in prop::collection::btree_map((0_i8..28, 7_i8..17, 0_usize..2), 1_u64..9, 1..60),
        ) {
            let first = date(2026, 11, 2);
            let tallies: Vec<Tally> = counts.iter().map(|(&(day, hour, queue), &count)| {
                tally(first.checked_add(jiff::Span::new().days(day)).unwrap(), hour, ["a", "b"][queue], "x", count)
            }).collect();
            let truth = Statistics::of(&tallies, first, date(2026, 11, 29), ["a", "b"]);
            let shown = truth.print();
            for (queue, cells) in &truth.queues {
                for (cell, count) in cells.iter().filter(|(_, count)| **count < SMALL) {
                    for other in (1..SMALL).filter(|other| other != count) {
                        let mut changed = truth.clone();
                        changed.queues.get_mut(queue).unwrap().insert(*cell, other);
                        prop_assert_eq!(changed.print(), shown.clone());
                    }
                }
            }
            let text = shown.to_string();
            for small in 1..SMALL {
                let told = format!("\"count\":{small},");
                prop_assert!(!text.contains(&told));
            }
        }
    }
}
