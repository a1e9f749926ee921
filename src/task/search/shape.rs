//! What the answer is to look like. <https://hl7.org/fhir/R4/search.html#modifyingresults>

use super::parameters::Kind;
use super::{Key, Understood, unknown_parameter};
use crate::issue::{Issue, Severity};
use crate::task;
use crate::task::status::Side;
use crate::task::store::{Sort, SortKey};

/// How the answer is to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Tasks on a page.
    pub count: u32,
    /// Nothing but how many.
    pub counts_only: bool,
    pub total: bool,
    pub subset: Subset,
    pub include: Vec<Include>,
    /// `_revinclude=Task:part-of`
    pub parts: bool,
    /// Parameters that were there, of those that make sense once.
    once: Vec<&'static str>,
}

/// How much of each Task is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Subset {
    #[default]
    Whole,
    /// `_summary=true`
    Summary,
    /// `_summary=text`
    Text,
    /// `_summary=data`
    Data,
    Elements(Vec<String>),
}

/// An Organization or a HealthcareService that stands beside the Tasks which name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Include {
    pub side: Side,
    /// Only of that kind.
    pub kind: Option<Kind>,
}

impl Include {
    /// Whether what is referred to is of that kind.
    pub fn wants(self, reference: &str) -> bool {
        self.kind.is_none_or(|kind| reference.split_once('/').is_some_and(|(name, _)| name == kind.name()))
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self { count: COUNT, counts_only: false, total: false, subset: Subset::Whole, include: Vec::new(), parts: false, once: Vec::new() }
    }
}

impl Shape {
    pub(super) fn read(&mut self, key: &Key<'_>, value: &str, hints: &mut Vec<Issue>) -> Result<Understood, Box<Issue>> {
        if let ("_include" | "_revinclude", None | Some("iterate" | "recurse"), None) = (key.name, key.modifier, key.chain) {
            return Ok(if key.name == "_include" { self.include(value, hints) } else { self.part_of(value) });
        }
        let Some(name) = ONCE.into_iter().find(|name| *name == key.name) else {
            return Ok(match key.name {
                "_format" | "_pretty" => Understood::Aside,
                "_cursor" => return Err(wrong("`_cursor` stands alone")),
                "_include" | "_revinclude" => return Err(wrong("`_include` and `_revinclude` take no modifier but `:iterate`")),
                _ => Understood::No(unknown_parameter(key)),
            });
        };
        if !key.is_bare() {
            return Err(wrong(&format!("`{name}` takes no modifier")));
        }
        if self.once.contains(&name) {
            return Err(wrong(&format!("`{name}` is there twice")));
        }
        if value.is_empty() {
            return Ok(Understood::Aside);
        }
        self.once.push(name);
        match (name, value) {
            ("_count", number) => self.count_to(number)?,
            ("_total", "none") | ("_summary", "false") => {}
            ("_total", "estimate" | "accurate") => self.total = true,
            ("_summary", "count") => self.counts_only = true,
            ("_summary", "true") => self.subset(Subset::Summary)?,
            ("_summary", "text") => self.subset(Subset::Text)?,
            ("_summary", "data") => self.subset(Subset::Data)?,
            ("_elements", names) => {
                let names = elements(names, hints);
                self.subset(Subset::Elements(names))?;
            }
            ("_total", _) => return Err(wrong("`_total` is none, estimate or accurate")),
            _ => return Err(wrong("`_summary` is true, text, data, count or false")),
        }
        Ok(Understood::Yes)
    }

    /// What does not go together.
    pub(super) fn check(&self) -> Result<(), Box<Issue>> {
        if self.subset == Subset::Text && (self.parts || !self.include.is_empty()) {
            return Err(wrong("`_summary=text` cannot be asked together with `_include` or `_revinclude`"));
        }
        Ok(())
    }

    fn count_to(&mut self, text: &str) -> Result<(), Box<Issue>> {
        let plain = text.bytes().all(|byte| byte.is_ascii_digit());
        match text.trim_start_matches('0') {
            _ if !plain => return Err(wrong("`_count` is a number from 0 on")),
            "" => self.counts_only = true,
            number => self.count = number.parse().unwrap_or(MOST).min(MOST),
        }
        Ok(())
    }

    fn subset(&mut self, subset: Subset) -> Result<(), Box<Issue>> {
        if self.subset != Subset::Whole {
            return Err(wrong("`_summary` and `_elements` cannot be asked together"));
        }
        self.subset = subset;
        Ok(())
    }

    fn include(&mut self, value: &str, hints: &mut Vec<Issue>) -> Understood {
        let mut parts = value.split(':');
        let (source, name, kind, rest) = (parts.next(), parts.next(), parts.next(), parts.next());
        let all = [Side::Owner, Side::Requester];
        let sides: &[Side] = match (source, name, kind, rest) {
            (Some("*"), None, ..) | (Some("Task"), Some("*"), None, _) => &all,
            (Some("Task"), Some("owner"), _, None) => &all[..1],
            (Some("Task"), Some("requester"), _, None) => &all[1..],
            (Some("Task"), Some("focus"), _, None) => &[],
            (Some("Task"), Some("patient" | "subject"), _, None) => {
                let message = "`Task.for` is an identifier: there is nothing to include";
                hints.push(Issue::warning("informational", "parameter", "", message));
                &[]
            }
            _ => return Understood::No(aside("`_include` is Task:owner, Task:requester, Task:focus or *")),
        };
        let wanted = kind.map(|name| Kind::ALL.into_iter().find(|kind| kind.name() == name));
        // of another type there is none
        if wanted != Some(None) {
            for side in sides {
                let include = Include { side: *side, kind: wanted.flatten() };
                if !self.include.contains(&include) {
                    self.include.push(include);
                }
            }
        }
        Understood::Yes
    }

    fn part_of(&mut self, value: &str) -> Understood {
        if !matches!(value, "Task:part-of" | "Task:part-of:Task" | "*" | "Task:*") {
            return Understood::No(aside("`_revinclude` is Task:part-of"));
        }
        self.parts = true;
        Understood::Yes
    }
}

/// `-priority,due`
pub(super) fn sort(value: &str, into: &mut Vec<Sort>) -> Result<(), Box<Issue>> {
    if !into.is_empty() {
        return Err(wrong("`_sort` is there twice: name its keys by comma"));
    }
    for text in value.split(',').filter(|_| !value.is_empty()) {
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let by = match name {
            "authored-on" => SortKey::AuthoredOn,
            "modified" | "_lastUpdated" => SortKey::LastUpdated,
            "priority" => SortKey::Priority,
            "due" => SortKey::Due,
            _ => return Err(wrong("`_sort` is by authored-on, modified, _lastUpdated, priority or due, `-` before one for the other way")),
        };
        // by the same again changes nothing
        if into.iter().all(|sort| sort.by != by) {
            into.push(Sort { by, descending });
        }
    }
    if into.len() > MOST_SORTS { Err(wrong("`_sort` takes three keys at most")) } else { Ok(()) }
}

fn elements(names: &str, hints: &mut Vec<Issue>) -> Vec<String> {
    let names = names.split(',').map(|name| name.trim().trim_start_matches("Task."));
    let (known, unknown): (Vec<&str>, Vec<&str>) = names.partition(|name| task::shape::has(name));
    if !unknown.is_empty() {
        hints.push(Issue::warning("informational", "parameter", "", "`_elements` names what a Task has not"));
    }
    known.into_iter().map(str::to_owned).collect()
}

fn wrong(message: &str) -> Box<Issue> {
    Box::new(Issue::error("value", "parameter", "", message))
}

/// Not understood, and left aside.
fn aside(message: &str) -> Issue {
    Issue { severity: Severity::Warning, ..Issue::error("not-supported", "parameter", "", message).remedy("leave it out") }
}

const COUNT: u32 = 50;
const MOST: u32 = 200;
const MOST_SORTS: usize = 3;
const ONCE: [&str; 4] = ["_count", "_total", "_summary", "_elements"];
