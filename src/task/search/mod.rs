//! Searching Tasks: from what a query says to what the store is asked. Pure: no I/O, no clock.
//! <https://hl7.org/fhir/R4/search.html>
//!
//! ```text
//! query ─ Search::parse ─ filters ┐
//!         caller ─ viewer         ├─ store::Query
//!         _cursor ─ position      ┘
//! ```
//!
//! What makes no sense is an error that names its parameter. What nobody here knows is told, or refused if the caller wants
//! it so; it never changes what is found. A condition that nothing can meet (an unknown code, a literal `patient`) finds
//! nothing and says why.

mod cursor;
mod date;
mod filter;
mod parameters;
mod shape;
mod value;
mod viewer;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::identity::holds_identity_code;
use crate::issue::{Issue, Issues, Severity};
use crate::task::store::{Filter, Query, Sort, Viewer};

pub use cursor::{Cursor, CursorKey};
pub use date::{days, range};
pub use parameters::{Kind, PARAMETERS, Parameter, SHAPING, Shaping};
pub use shape::{Include, Shape, Subset};
pub use viewer::{Sight, knew, sight, viewer};

/// The organisations and HealthcareServices that Tasks name, as they are configured. References are `Organization/{id}` or
/// `HealthcareService/{id}`.
pub trait Parties: Send + Sync {
    /// References of those with this identifier. No `system`: in any; an empty one: without a system.
    fn by_identifier(&self, kind: Kind, system: Option<&str>, value: &str) -> Vec<String>;
    /// References of those with such a name or alias.
    fn by_name(&self, kind: Kind, text: &str, matching: Matching) -> Vec<String>;
    fn knows(&self, reference: &str) -> bool;
    /// Whether somebody here answers a queue.
    fn has_queue(&self, _queue: &str) -> bool {
        true
    }
    /// `HealthcareService/…` that an organisation (its id) serves.
    fn served_by(&self, organization: &str) -> Vec<String>;
    /// As JSON, to stand in a Bundle.
    fn printed(&self, reference: &str) -> Option<Cow<'_, [u8]>>;
}

/// How R4 compares strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// Whatever the case and the accents.
    Begins,
    /// Whatever the case and the accents.
    Contains,
    Exact,
}

/// A search that was understood, save what is `unknown`.
#[derive(Clone, Debug, Default)]
pub struct Search {
    pub filters: Vec<Filter>,
    /// Some condition cannot be met: there is no need to ask the store.
    pub nothing: bool,
    pub sort: Vec<Sort>,
    pub shape: Shape,
    /// Parameters that nobody here knows.
    pub unknown: Vec<Issue>,
    /// What was understood, but is worth a word.
    pub hints: Vec<Issue>,
    /// The parameters that were understood, as written.
    pub understood: Vec<(String, String)>,
    /// Whether a value may name a person or a contact: no link shows it then.
    pub private: bool,
}

/// What a search is read against.
#[derive(Clone, Copy)]
pub struct World<'a> {
    pub parties: &'a dyn Parties,
    /// `https://adapter.example/fhir`, without a slash at its end.
    pub base: &'a str,
}

impl Search {
    /// `pairs` as they were decoded of the query, the body or both.
    ///
    /// # Errors
    /// Everything that makes no sense, each with its parameter.
    pub fn parse(pairs: &[(String, String)], world: World<'_>) -> Result<Self, Vec<Issue>> {
        bounds(pairs)?;
        let (mut search, mut wrong) = (Self::default(), Issues::default());
        let mut unknown = Issues::default();
        for (name, value) in pairs {
            let understood = match search.read(name, value, world) {
                Ok(understood) => understood,
                Err(issue) => {
                    wrong.push(*issue);
                    continue;
                }
            };
            match understood {
                Understood::Yes => search.understood.push((name.clone(), value.clone())),
                Understood::Aside => {}
                Understood::No(issue) => unknown.push(issue),
            }
        }
        if let Err(issue) = search.shape.check() {
            wrong.push(*issue);
        }
        if wrong.has_errors() {
            return Err(wrong.into_list());
        }
        search.unknown = unknown.into_list();
        search.private |= search.understood.iter().any(|(_, value)| holds_identity_code(value));
        Ok(search)
    }

    /// What the store is asked.
    pub fn query(&self, viewer: Viewer) -> Query {
        Query { viewer, filters: self.filters.clone(), sort: self.sort.clone(), limit: self.shape.count, after: None }
    }

    fn read(&mut self, name: &str, value: &str, world: World<'_>) -> Result<Understood, Box<Issue>> {
        let key = Key::of(name);
        if let Some(parameter) = Parameter::named(key.name) {
            // a parameter without a value asks for nothing (R4, 3.1.1.4.1)
            if value.is_empty() {
                return Ok(Understood::Aside);
            }
            let found = filter::of(parameter, &key, value, world)?;
            self.filters.extend(found.filter);
            self.nothing |= found.nothing;
            self.private |= parameter.names_somebody() && key.modifier != Some("missing");
            for hint in found.hint {
                if !self.hints.contains(&hint) && self.hints.len() < MOST_HINTS {
                    self.hints.push(hint);
                }
            }
            return Ok(Understood::Yes);
        }
        match key.name {
            "_sort" if key.is_bare() => shape::sort(value, &mut self.sort).map(|()| Understood::Yes),
            _ => self.shape.read(&key, value, &mut self.hints),
        }
    }
}

/// What became of a parameter.
enum Understood {
    Yes,
    /// It asks for nothing.
    Aside,
    /// Why it is left aside.
    No(Issue),
}

/// `owner:Organization.name:exact`, taken apart.
#[derive(Clone, Copy, Debug)]
struct Key<'a> {
    /// `owner`
    name: &'a str,
    /// `Organization`
    modifier: Option<&'a str>,
    /// `name`
    chain: Option<&'a str>,
    /// `exact`
    chain_modifier: Option<&'a str>,
}

impl<'a> Key<'a> {
    fn of(text: &'a str) -> Self {
        let parted = |text: &'a str| text.split_once(':').map_or((text, None), |(name, modifier)| (name, Some(modifier)));
        let (head, chain) = text.split_once('.').map_or((text, None), |(head, chain)| (head, Some(chain)));
        let (name, modifier) = parted(head);
        let (chain, chain_modifier) = chain.map_or((None, None), |chain| {
            let (chain, modifier) = parted(chain);
            (Some(chain), modifier)
        });
        Self { name, modifier, chain, chain_modifier }
    }

    const fn is_bare(&self) -> bool {
        self.modifier.is_none() && self.chain.is_none()
    }
}

fn bounds(pairs: &[(String, String)]) -> Result<(), Vec<Issue>> {
    let refused = |issue| Err(vec![issue]);
    if pairs.len() > MOST_PARAMETERS {
        return refused(Issue::error("too-long", "parameter", "", format!("there are more than {MOST_PARAMETERS} parameters")));
    }
    let length: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if length > MOST_TEXT {
        return refused(Issue::error("too-long", "parameter", "", format!("the parameters have more than {MOST_TEXT} bytes")));
    }
    for (name, value) in pairs {
        if value.chars().chain(name.chars()).any(char::is_control) {
            return refused(Issue::error("value", "parameter", "", format!("{} holds a control character", told(name))));
        }
        if value::alternatives(value).len() > MOST_VALUES {
            return refused(Issue::error("too-long", "parameter", "", format!("{} has more than {MOST_VALUES} values", told(name))));
        }
    }
    Ok(())
}

/// A parameter by its name, if that is nothing but a name.
fn told(name: &str) -> Cow<'_, str> {
    let lower = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let harmless = lower && name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_:.".contains(&byte));
    if harmless { format!("`{name}`").into() } else { "a parameter".into() }
}

fn unknown_parameter(key: &Key<'_>) -> Issue {
    let issue = Issue::error("not-supported", "parameter", "", format!("{} is not known here", told(key.name))).remedy("leave it out");
    Issue { severity: Severity::Warning, ..issue }
}

const MOST_PARAMETERS: usize = 40;
const MOST_VALUES: usize = 100;
/// Of names and values together: the whole search travels in the links between pages.
const MOST_TEXT: usize = 16 * 1024;
const MOST_HINTS: usize = 20;
