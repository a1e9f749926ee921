//! What a change of rules does: each case under the old and the new rules, and why what moves moves.

mod generated;
mod responses;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::said::{About, RuleSaid, Said, preview};
use crate::fixtures::Case;
use crate::profiles::Profiles;
use crate::segment::Outcome;

pub use responses::Response;

/// All cases that were looked at.
#[derive(Debug, Default)]
pub struct Impact {
    /// Persons by form and role.
    pub flows: BTreeMap<(String, String), Flows>,
    pub moved: Vec<Moved>,
    /// Persons.
    pub looked: Looked,
    /// Cases that the rules are not asked about, under the old or the new ones, with what is said of them.
    pub refused: Vec<Refused>,
}

/// How many go from which segment to which.
#[derive(Debug, Default)]
pub struct Flows {
    pub steps: BTreeMap<(Option<String>, Option<String>), u64>,
}

/// Persons looked at, by where they come from.
#[derive(Debug, Default, Clone, Copy)]
pub struct Looked {
    pub golden: u64,
    pub responses: u64,
    pub generated: u64,
}

/// One case to which the change makes a difference.
#[derive(Debug)]
pub struct Moved {
    /// The case's or file's name, or `generated 17`.
    pub case: String,
    /// Whom it is about, in a case of several persons.
    pub person: String,
    pub form: String,
    pub role: String,
    pub segment: Step<Option<String>>,
    /// Where no segment is proposed before and after: those that are possible.
    pub possible: Step<Vec<String>>,
    /// The segments' rules whose outcome differs: why.
    pub why: Vec<Change>,
    /// Alerts, services and other rules that differ in their outcome.
    pub others: Vec<Change>,
}

/// Before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step<T> {
    pub before: T,
    pub after: T,
}

/// One rule's outcome before and after; `None` where there is no such rule, or the service is not offered.
#[derive(Debug)]
pub struct Change {
    pub about: About,
    pub id: String,
    pub code: String,
    pub outcome: Step<Option<Outcome>>,
    /// From the nearest threshold.
    pub distance: Step<Option<Decimal>>,
    /// What the rule read.
    pub reads: Vec<String>,
}

/// A case of which the rules were not asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    pub case: String,
    pub why: Step<Option<String>>,
}

/// One person under one side's rules.
#[derive(Debug)]
struct Person {
    key: String,
    form: String,
    role: String,
    said: Said,
}

impl Impact {
    /// Whether anything moves: a segment, an alert, a service, or whether a case can be read.
    pub fn moves(&self) -> bool {
        !self.moved.is_empty() || self.refused.iter().any(Refused::is_new)
    }

    /// A case with its submission.
    pub fn golden(&mut self, case: &Case, old: &Profiles, new: &Profiles) {
        let before = of_submission(case, old);
        let after = of_submission(case, new);
        self.looked.golden += self.compare(&case.name, before, after);
    }

    /// QuestionnaireResponses; those of professionals go with the person's own.
    pub fn responses(&mut self, responses: &[Response], old: &Profiles, new: &Profiles) {
        let (before, after) = (responses::under(responses, old), responses::under(responses, new));
        for ((name, before), (_, after)) in before.into_iter().zip(after) {
            match (before, after) {
                // a professional's, told with the person's own
                (Ok(None), Ok(None)) => {}
                (before, after) => {
                    let side = |it: Result<Option<Person>, String>| it.map(|person| person.into_iter().collect());
                    self.looked.responses += self.compare(&name, side(before), side(after));
                }
            }
        }
    }

    fn compare(&mut self, case: &str, before: Result<Vec<Person>, String>, after: Result<Vec<Person>, String>) -> u64 {
        let (before, after) = match (before, after) {
            (Ok(before), Ok(after)) => (before, after),
            (before, after) => {
                let why = Step { before: before.err(), after: after.err() };
                self.refused.push(Refused { case: case.to_owned(), why });
                return 0;
            }
        };
        let mut count = 0;
        for one in before {
            let Some(other) = after.iter().find(|other| other.key == one.key) else { continue };
            count += 1;
            self.put(case, &one.key, (&one.form, &one.role), &one.said, &other.said);
        }
        count
    }

    fn put(&mut self, case: &str, person: &str, (form, role): (&str, &str), before: &Said, after: &Said) {
        let flows = self.flows.entry((form.to_owned(), role.to_owned())).or_default();
        *flows.steps.entry((before.segment.clone(), after.segment.clone())).or_default() += 1;
        let segment = Step { before: before.segment.clone(), after: after.segment.clone() };
        let is_open = before.segment.is_none() && after.segment.is_none();
        let possible = if is_open { Step { before: before.possible.clone(), after: after.possible.clone() } } else { Step::default() };
        let mut changes = changes(before, after);
        let others: Vec<Change> = changes.extract_if(.., |change| change.about != About::Segment).collect();
        if segment.before == segment.after && possible.before == possible.after && others.is_empty() {
            return;
        }
        self.moved.push(Moved {
            case: case.to_owned(),
            person: person.to_owned(),
            form: form.to_owned(),
            role: role.to_owned(),
            segment,
            possible,
            why: changes,
            others,
        });
    }
}

impl Moved {
    /// The segment itself, not only an alert or a service.
    pub fn is_in_segment(&self) -> bool {
        self.segment.before != self.segment.after || self.possible.before != self.possible.after
    }
}

impl Refused {
    /// It was read before and is not now, or the other way about.
    pub const fn is_new(&self) -> bool {
        self.why.before.is_some() != self.why.after.is_some()
    }
}

impl Default for Step<Vec<String>> {
    fn default() -> Self {
        Self { before: Vec::new(), after: Vec::new() }
    }
}

fn of_submission(case: &Case, profiles: &Profiles) -> Result<Vec<Person>, String> {
    let preview = preview(case.submission, &case.form, profiles).map_err(|refusal| refusal.to_string())?;
    let person = |it: &crate::pipeline::PersonPreview| Person {
        key: it.person.clone(),
        form: preview.form.clone(),
        role: it.role.clone(),
        said: Said::of_preview(it),
    };
    Ok(preview.persons.iter().map(person).collect())
}

/// The rules whose outcome differs. A service that is not offered is as one that there is not.
fn changes(before: &Said, after: &Said) -> Vec<Change> {
    let outcome = |rule: Option<&RuleSaid>| {
        rule.map(|rule| rule.outcome).filter(|outcome| *outcome != Outcome::NotMet || rule.is_some_and(|it| it.about == About::Segment))
    };
    let mut changes = Vec::new();
    let added = after.rules.iter().filter(|rule| !before.rules.iter().any(|other| same(other, rule)));
    for rule in before.rules.iter().chain(added) {
        let (one, other) = (before.rules.iter().find(|it| same(it, rule)), after.rules.iter().find(|it| same(it, rule)));
        let step = Step { before: outcome(one), after: outcome(other) };
        if step.before != step.after {
            let distance = |rule: Option<&RuleSaid>| rule.and_then(|rule| rule.distance);
            let mut reads = one.map(|it| it.reads.clone()).unwrap_or_default();
            reads.extend(other.iter().flat_map(|it| &it.reads).filter(|read| !one.is_some_and(|it| it.reads.contains(read))).cloned());
            let distance = Step { before: distance(one), after: distance(other) };
            changes.push(Change { about: rule.about, id: rule.id.clone(), code: rule.code.clone(), outcome: step, distance, reads });
        }
    }
    changes
}

/// Segments and others are told by their ids, alerts and services by what they are about.
fn same(one: &RuleSaid, other: &RuleSaid) -> bool {
    one.about == other.about
        && match one.about {
            About::Segment | About::Other => one.id == other.id,
            About::Alert | About::Service => one.code == other.code,
        }
}
