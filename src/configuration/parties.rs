//! Organisations, services and routes, checked against each other.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::{Date, Time};
use toml::value::Datetime;

use super::{Entry, Mistakes, is_id, wire};
use crate::identity::is_oid_uri;
use crate::task::deadline::Policy;
use crate::task::directory::{Directory, Names, Organization, Service};
use crate::task::opening::{Closed, Hours, Opening};

pub(super) fn build(
    organizations: Vec<Entry<wire::Organization>>,
    services: Vec<Entry<wire::Service>>,
    routes: Vec<Entry<wire::Route>>,
    policy: Policy,
    units: &BTreeSet<String>,
    mistakes: &mut Mistakes,
) -> Directory {
    let reference = |kind: &str, id: &String| (id.clone(), format!("{kind}/{id}"));
    let mut everybody: BTreeMap<_, _> = services.iter().map(|entry| reference("HealthcareService", &entry.id)).collect();
    everybody.extend(units.iter().map(|id| reference("Organization", id)));
    let queues: BTreeSet<String> = services.iter().filter_map(|entry| entry.read.as_ref()).map(|service| service.queue.clone()).collect();
    let some_unread = services.iter().any(|entry| entry.read.is_none());

    let mut check = Check { everybody, used: BTreeSet::new(), openings: BTreeMap::new(), mistakes };
    let mut known = Vec::new();
    for Entry { table, read, .. } in organizations {
        let Some(given) = read else { continue };
        check.id(&table, &given.id);
        check.opening(&table, &format!("Organization/{}", given.id), given.hours, given.closed);
        if !is_oid_uri(&given.identifier) || !given.identifier.starts_with(REGISTERED) {
            check.mistakes.add(&table, "identifier", "no identifier of the register", format!("an OID as a URI, `{REGISTERED}…`"));
        } else if known.iter().any(|known: &Organization| known.identifier == given.identifier) {
            check.mistakes.add(&table, "identifier", "another organization has it", "give each its own");
        }
        check.name(&table, "name", &given.name);
        known.push(Organization { id: given.id, identifier: given.identifier, name: given.name, resource: Vec::new() });
    }
    let mut served: Vec<Service> = Vec::new();
    for Entry { table, read, .. } in services {
        let Some(given) = read else { continue };
        check.id(&table, &given.id);
        check.opening(&table, &format!("HealthcareService/{}", given.id), given.hours, given.closed);
        if !is_id(&given.queue) {
            check.mistakes.add(&table, "queue", "no code", "letters, digits, `-`, `.`");
        }
        if served.iter().any(|known| known.queue == given.queue) {
            check.mistakes.add(&table, "queue", "another service has it", "one service a queue");
        }
        for (key, name) in [("name.fi", &given.name.fi), ("name.sv", &given.name.sv), ("name.en", &given.name.en)] {
            check.name(&table, key, name);
        }
        if given.served_by.is_empty() {
            check.mistakes.add(&table, "served-by", "nobody would see what lies in the queue", "name at least one organization");
        }
        let named = [("provided-by", &given.provided_by)].into_iter().chain(given.served_by.iter().map(|id| ("served-by", id)));
        for (key, id) in named {
            known_unit(units, &table, key, id, check.mistakes);
        }
        let name = Names { fi: given.name.fi, sv: given.name.sv, en: given.name.en };
        let (provided_by, provider) = (given.provided_by.clone(), format!("Organization/{}", given.provided_by));
        let (id, queue, served_by) = (given.id, given.queue, given.served_by);
        served.push(Service { id, queue, name, provided_by, provider, served_by, resource: Vec::new() });
    }
    let mut table_of_routes = BTreeMap::new();
    for Entry { table, read, .. } in routes {
        let Some(given) = read else { continue };
        if !queues.contains(&given.queue) && !some_unread {
            check.mistakes.add(&table, "queue", format!("no service has the queue `{}`", given.queue), "give a service that queue");
        }
        if given.municipality.len() != 3 || !given.municipality.bytes().all(|byte| byte.is_ascii_digit()) {
            check.mistakes.add(&table, "municipality", "no municipality code", "three digits in quotes, as \"005\"");
        }
        known_unit(units, &table, "to", &given.to, check.mistakes);
        if table_of_routes.insert((given.queue, given.municipality), given.to).is_some() {
            check.mistakes.add(&table, "municipality", "another route has this queue and municipality", "keep one");
        }
    }
    let (openings, mistakes) = (check.openings, check.mistakes);
    let directory = Directory::new(known, served, openings, table_of_routes, policy);
    if mistakes.list.is_empty() {
        for reference in directory.unanswered() {
            let message = "closed for more than a year, with nobody to stand in";
            mistakes.add(reference, "closed", message, "name a substitute that is open, or take it out of the file");
        }
    }
    directory
}

/// `14:00`
pub(super) fn time(text: &str) -> Option<Time> {
    let digits =
        text.len() == 5 && text.bytes().enumerate().all(|(index, byte)| if index == 2 { byte == b':' } else { byte.is_ascii_digit() });
    let (hour, minute) = text.split_once(':').filter(|_| digits)?;
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// The `key` must be the id of an organisation.
pub(super) fn known_unit(units: &BTreeSet<String>, table: &str, key: &str, id: &str, mistakes: &mut Mistakes) {
    if !units.contains(id) {
        mistakes.add(table, key, format!("there is no organization `{id}`"), "name the id of an [[organization]]");
    }
}

struct Check<'a> {
    /// Id to reference.
    everybody: BTreeMap<String, String>,
    used: BTreeSet<String>,
    openings: BTreeMap<String, Opening>,
    mistakes: &'a mut Mistakes,
}

impl Check<'_> {
    fn id(&mut self, table: &str, id: &str) {
        if !is_id(id) {
            self.mistakes.add(table, "id", "no id", "1 to 64 letters, digits, `-`, `.`");
        } else if !self.used.insert(id.to_owned()) {
            self.mistakes.add(table, "id", "used twice", "organizations and services share one set of ids: give each its own");
        }
    }

    fn name(&mut self, table: &str, key: &str, name: &str) {
        if name.trim().is_empty() || name.chars().any(char::is_control) {
            self.mistakes.add(table, key, "no name", "say how people call it, on one line");
        }
    }

    fn opening(&mut self, table: &str, reference: &str, hours: Option<wire::Week>, closed: Vec<wire::Closed>) {
        let mut opening =
            Opening { week: hours.map_or_else(|| Opening::office().week, |hours| self.week(table, hours)), closed: Vec::new() };
        if !opening.is_ever() {
            let remedy = "give hours to at least one day from Monday to Friday: deadlines count working days";
            self.mistakes.add(table, "hours", "never open", remedy);
        }
        for (index, spell) in closed.into_iter().enumerate() {
            let key = format!("closed[{index}]");
            if let Some(spell) = self.spell(table, &key, spell, reference) {
                if opening.closed.iter().any(|known| known.from <= spell.to && spell.from <= known.to) {
                    self.mistakes.add(table, &key, "overlaps another spell", "let each day be in one");
                }
                opening.closed.push(spell);
            }
        }
        opening.closed.sort_by_key(|spell| spell.from);
        self.openings.insert(reference.to_owned(), opening);
    }

    fn week(&mut self, table: &str, week: wire::Week) -> [Vec<Hours>; 7] {
        let office = week.mon_fri.map(|words| self.hours(table, "hours.mon-fri", &words)).unwrap_or_default();
        let given = [week.mon, week.tue, week.wed, week.thu, week.fri, week.sat, week.sun];
        let mut days: [Vec<Hours>; 7] = std::array::from_fn(|weekday| if weekday < 5 { office.clone() } else { Vec::new() });
        for ((day, words), name) in days.iter_mut().zip(given).zip(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]) {
            if let Some(words) = words {
                *day = self.hours(table, &format!("hours.{name}"), &words);
            }
        }
        days
    }

    fn hours(&mut self, table: &str, key: &str, words: &wire::Words) -> Vec<Hours> {
        let mut hours: Vec<Hours> = Vec::new();
        for text in &words.0 {
            let parsed = text.split_once('-').and_then(|(from, until)| Some(Hours { from: time(from)?, until: time(until)? }));
            match parsed {
                None => self.mistakes.add(table, key, "no opening hours", "write them as \"08:00-16:00\""),
                Some(Hours { from, until }) if from >= until => {
                    self.mistakes.add(table, key, "closes before it opens", "write the earlier time first, both on one day");
                }
                Some(next) if hours.last().is_some_and(|last| next.from < last.until) => {
                    self.mistakes.add(table, key, "out of order", "list the hours of a day in order, not overlapping");
                }
                Some(next) => hours.push(next),
            }
        }
        hours
    }

    fn spell(&mut self, table: &str, key: &str, spell: wire::Closed, reference: &str) -> Option<Closed> {
        let mut day = |name: &str, given: &Datetime| {
            let day = date(given);
            if day.is_none() {
                self.mistakes.add(table, &format!("{key}.{name}"), "no date", "write it as 2026-07-01, without a time");
            }
            day
        };
        let (from, to) = (day("from", &spell.from), day("to", &spell.to));
        let substitute = match &spell.substitute {
            None => None,
            Some(id) => match self.everybody.get(id) {
                Some(substitute) if substitute == reference => {
                    self.mistakes.add(table, &format!("{key}.substitute"), "stands in for itself", "name another, or nobody");
                    None
                }
                Some(substitute) => Some(substitute.clone()),
                None => {
                    let message = format!("there is no organization or service `{id}`");
                    self.mistakes.add(table, &format!("{key}.substitute"), message, "name an id of this file");
                    None
                }
            },
        };
        let (from, to) = (from?, to?);
        if from > to {
            self.mistakes.add(table, key, "ends before it begins", "write the earlier day in `from`");
        }
        Some(Closed { from, to, substitute })
    }
}

fn date(given: &Datetime) -> Option<Date> {
    let date = given.date.filter(|_| given.time.is_none() && given.offset.is_none())?;
    Date::new(i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
}

const REGISTERED: &str = "urn:oid:1.2.246.10.";
