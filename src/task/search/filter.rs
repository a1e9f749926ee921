//! One parameter with its values, as a filter of the store.

use uuid::Uuid;

use super::date;
use super::parameters::{By, Codes, Kind, Parameter, Place};
use super::value::{Token, alternatives, plain, token};
use super::{Key, Matching, World};
use crate::issue::Issue;
use crate::task::store::{Filter, Keyed, Text};

/// What one parameter asks.
#[derive(Default)]
pub(super) struct Found {
    /// None: whatever there is, or nothing at all.
    pub(super) filter: Option<Filter>,
    pub(super) nothing: bool,
    pub(super) hint: Vec<Issue>,
}

/// # Errors
/// A modifier, chain or value that makes no sense.
pub(super) fn of(parameter: &'static Parameter, key: &Key<'_>, value: &str, world: World<'_>) -> Result<Found, Box<Issue>> {
    let asked = Asked { parameter, key, value, world };
    if key.modifier == Some("missing") && key.chain.is_none() {
        return asked.missing();
    }
    match parameter.by {
        By::Id => asked.ids(),
        By::Tag => asked.tags(),
        By::Keyed(kind) => {
            let not = asked.not()?;
            asked.keyed(kind, not)
        }
        By::Patient => asked.patient(),
        By::Code(codes) => asked.codes(codes),
        By::Time(column) => {
            asked.unmodified()?;
            let any = asked.each(|text| date::range(&plain(text)).map_err(|why| asked.wrong(why)))?;
            Ok(Filter::Time { column, any }.into())
        }
        By::Party(column, kinds) => asked.party(column, kinds),
        By::Focus => asked.focus(),
        By::PartOf => asked.part_of(),
    }
}

struct Asked<'a> {
    parameter: &'static Parameter,
    key: &'a Key<'a>,
    value: &'a str,
    world: World<'a>,
}

impl Asked<'_> {
    fn missing(&self) -> Result<Found, Box<Issue>> {
        let missing = match self.value {
            "true" => true,
            "false" => false,
            _ => return Err(self.wrong("`:missing` is true or false")),
        };
        Ok(match self.parameter.missable() {
            Some(what) => Filter::Missing { what, missing }.into(),
            None => Found { nothing: missing, ..Found::default() },
        })
    }

    fn ids(&self) -> Result<Found, Box<Issue>> {
        let not = self.not()?;
        let ids = self.each(|text| match token(text) {
            Some(Token::Code(id)) => Ok(own_id(&id)),
            _ => Err(self.wrong("an id has no system")),
        })?;
        let any: Vec<Uuid> = ids.into_iter().flatten().collect();
        // an id that we never gave is nobody's: without it everything is left
        Ok(if any.is_empty() { Found { nothing: !not, ..Found::default() } } else { Filter::Id { any, not }.into() })
    }

    fn tags(&self) -> Result<Found, Box<Issue>> {
        let not = self.not()?;
        let any = self.each(|text| {
            Ok(match self.token(text)? {
                Token::Code(code) => (None, Some(code)),
                Token::Both(system, code) => (Some(system), Some(code)),
                Token::System(system) => (Some(system), None),
            })
        })?;
        Ok(Filter::Tag { any, not }.into())
    }

    fn keyed(&self, kind: Keyed, not: bool) -> Result<Found, Box<Issue>> {
        let any = self.each(|text| self.identifier(text))?;
        Ok(Filter::Keyed { kind, any, not }.into())
    }

    fn identifier(&self, text: &str) -> Result<(Option<String>, String), Box<Issue>> {
        match self.token(text)? {
            Token::Code(value) => Ok((None, value)),
            Token::Both(system, value) => Ok((Some(system), value)),
            Token::System(_) => Err(self.wrong("a system alone cannot be searched: name the value")),
        }
    }

    fn patient(&self) -> Result<Found, Box<Issue>> {
        match (self.key.modifier, self.key.chain, self.key.chain_modifier) {
            (Some("identifier"), None, None) | (None | Some("Patient"), Some("identifier"), None) => self.keyed(Keyed::Patient, false),
            (None | Some("Patient" | "Group"), None, None) => {
                self.each(|text| if text.is_empty() { Err(self.wrong("a value is empty")) } else { Ok(()) })?;
                let name = self.parameter.name;
                let hint = "no Task names its client by a literal reference: `Task.for` is an identifier".to_owned();
                let hint = Issue::warning("informational", "literal-patient", "", format!("`{name}` finds nothing: {hint}"))
                    .remedy(format!("search with `{name}:identifier`, by POST"));
                Ok(Found { hint: vec![hint], ..Found::nothing() })
            }
            _ => Err(self.unsupported("`Task.for` is an identifier: it is found by `:identifier` and `:missing`, and cannot be chained")),
        }
    }

    fn codes(&self, codes: Codes) -> Result<Found, Box<Issue>> {
        let not = self.not()?;
        let (mut any, mut whole, mut hint) = (Vec::new(), false, Vec::new());
        for value in self.each(|text| self.token(text))? {
            let code = match value {
                Token::Code(code) => code,
                Token::Both(system, code) if codes.systems.contains(&&*system) || (codes.bare && system.is_empty()) => code,
                Token::System(system) if codes.systems.contains(&&*system) => {
                    whole = true;
                    continue;
                }
                Token::Both(..) | Token::System(_) => {
                    hint.push(self.hint("names a system that no Task has there"));
                    continue;
                }
            };
            let has_queue = !matches!(codes.place, Place::Column(Text::Queue)) || self.world.parties.has_queue(&code);
            if !(codes.is_known)(&code) || !has_queue {
                hint.push(self.hint("names a code that there is not"));
            }
            any.push(code);
        }
        let filter = match codes.place {
            // every code that is stored is of that system
            place if whole => Filter::Missing { what: place.missable(), missing: not },
            _ if any.is_empty() => return Ok(Found { filter: None, nothing: !not, hint }),
            Place::Column(column) => Filter::Text { column, any, not },
            Place::List(list) => Filter::Listed { list, any, not },
        };
        Ok(Found { filter: Some(filter), nothing: false, hint })
    }

    fn party(&self, column: Text, kinds: &'static [Kind]) -> Result<Found, Box<Issue>> {
        let of_type = |name: &str| Kind::ALL.into_iter().find(|kind| kind.name() == name);
        let kinds_of = |kind: Kind| kinds.iter().copied().filter(|held| *held == kind).collect::<Vec<_>>();
        let (kinds, identifier) = match self.key.modifier {
            None => (kinds.to_vec(), false),
            Some("identifier") => (kinds.to_vec(), true),
            Some(name) if self.key.chain.is_none() && PARTY_TYPES.contains(&name) => return self.typed(column, name),
            Some(name) => (of_type(name).map(kinds_of).ok_or_else(|| self.unsupported(PARTY_MODIFIERS))?, false),
        };
        let any = match (identifier, self.key.chain, self.key.chain_modifier) {
            (false, None, None) => return self.references(column, &kinds),
            (true, None, None) | (false, Some("identifier"), None) => self.by_identifier(&kinds)?,
            (false, Some("name"), None) => self.by_name(&kinds, Matching::Begins)?,
            (false, Some("name"), Some("exact")) => self.by_name(&kinds, Matching::Exact)?,
            (false, Some("name"), Some("contains")) => self.by_name(&kinds, Matching::Contains)?,
            _ => return Err(self.unsupported("it can be chained to `identifier` and to `name` (`:exact`, `:contains`)")),
        };
        Ok(if any.is_empty() {
            Found { hint: vec![self.hint("fits nobody that is known here")], ..Found::nothing() }
        } else {
            Filter::Text { column, any, not: false }.into()
        })
    }

    fn by_identifier(&self, kinds: &[Kind]) -> Result<Vec<String>, Box<Issue>> {
        let found = self.each(|text| {
            let (system, value) = self.identifier(text)?;
            Ok(kinds.iter().flat_map(|kind| self.world.parties.by_identifier(*kind, system.as_deref(), &value)).collect::<Vec<_>>())
        })?;
        Ok(unique(found.concat()))
    }

    fn by_name(&self, kinds: &[Kind], matching: Matching) -> Result<Vec<String>, Box<Issue>> {
        let found = self.each(|text| {
            let name = Some(plain(text)).filter(|name| !name.is_empty()).ok_or_else(|| self.wrong("a value is empty"))?;
            Ok(kinds.iter().flat_map(|kind| self.world.parties.by_name(*kind, &name, matching)).collect::<Vec<_>>())
        })?;
        Ok(unique(found.concat()))
    }

    /// `owner:Organization=x`
    fn typed(&self, column: Text, kind: &str) -> Result<Found, Box<Issue>> {
        let any = self.each(|text| {
            let text = plain(text);
            let id = text.strip_prefix(kind).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&text);
            if is_id(id) { Ok(format!("{kind}/{id}")) } else { Err(self.wrong("a value is no id")) }
        })?;
        Ok(self.named(column, any))
    }

    /// `Organization/x`, the same after our base, or an id that only one has.
    fn references(&self, column: Text, kinds: &[Kind]) -> Result<Found, Box<Issue>> {
        let any = self.each(|text| {
            let text = plain(text);
            let reference = self.relative(&text);
            if let Some((kind, id)) = reference.split_once('/') {
                let literal = reference.contains(':') || (PARTY_TYPES.contains(&kind) && is_id(id));
                return if literal { Ok(vec![reference.to_owned()]) } else { Err(self.wrong("a value is no reference that fits here")) };
            }
            if !is_id(reference) {
                return Err(self.wrong("a value is no reference"));
            }
            let all: Vec<String> = kinds.iter().map(|kind| format!("{}/{reference}", kind.name())).collect();
            if all.len() > 1 && all.iter().all(|reference| self.world.parties.knows(reference)) {
                return Err(self.wrong("an id belongs to an Organization and to a HealthcareService: name the type"));
            }
            Ok(all)
        })?;
        Ok(self.named(column, any.concat()))
    }

    fn named(&self, column: Text, any: Vec<String>) -> Found {
        let known = any.iter().any(|reference| self.world.parties.knows(reference));
        let hint = if known { Vec::new() } else { vec![self.hint("names nobody that is known here")] };
        Found { hint, ..Filter::Text { column, any, not: false }.into() }
    }

    fn focus(&self) -> Result<Found, Box<Issue>> {
        if self.key.chain.is_some() {
            return Err(self.unsupported("it cannot be chained"));
        }
        let of_type = self.key.modifier;
        if of_type.is_some_and(|name| !is_type(name)) {
            return Err(self.unsupported("it takes a type and `:missing`"));
        }
        let any = self.each(|text| {
            let text = plain(text);
            let reference = self.relative(&text);
            let reference = match (of_type, reference.contains('/')) {
                (Some(kind), false) if is_id(reference) => format!("{kind}/{reference}"),
                (None, false) if !reference.contains(':') => return Err(self.wrong("a reference names its type: `ServiceRequest/x`")),
                (Some(kind), true) if !format!("/{reference}").contains(&format!("/{kind}/")) => {
                    return Err(self.wrong("the reference is of another type than its modifier"));
                }
                (Some(_), false) => return Err(self.wrong("a value is no id")),
                _ => reference.to_owned(),
            };
            Ok(self.both(reference))
        })?;
        Ok(bare(Keyed::Focus, any.concat()))
    }

    fn part_of(&self) -> Result<Found, Box<Issue>> {
        if self.key.chain.is_some() || self.key.modifier.is_some_and(|name| name != "Task") {
            return Err(self.unsupported("it takes `:Task` and `:missing`, and cannot be chained"));
        }
        let any = self.each(|text| {
            let text = plain(text);
            let reference = self.relative(&text);
            let id = reference.strip_prefix("Task/").unwrap_or(reference);
            if is_id(id) { Ok(self.both(format!("Task/{id}"))) } else { Err(self.wrong("a value is no reference to a Task")) }
        })?;
        Ok(bare(Keyed::PartOf, any.concat()))
    }

    /// What lies under our base, as seen from there.
    fn relative<'t>(&self, text: &'t str) -> &'t str {
        text.strip_prefix(self.world.base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(text)
    }

    /// As it is, and as it would be written from elsewhere.
    fn both(&self, reference: String) -> Vec<String> {
        if reference.contains(':') { vec![reference] } else { vec![format!("{}/{reference}", self.world.base), reference] }
    }

    fn each<T>(&self, read: impl Fn(&str) -> Result<T, Box<Issue>>) -> Result<Vec<T>, Box<Issue>> {
        alternatives(self.value).into_iter().map(read).collect()
    }

    fn token(&self, text: &str) -> Result<Token, Box<Issue>> {
        token(text).ok_or_else(|| self.wrong("a value is empty"))
    }

    /// Whether `:not` is asked.
    fn not(&self) -> Result<bool, Box<Issue>> {
        match self.key.modifier {
            None if self.key.chain.is_none() => Ok(false),
            Some("not") if self.key.chain.is_none() => Ok(true),
            _ => Err(self.unsupported("it takes `:not` and `:missing`")),
        }
    }

    fn unmodified(&self) -> Result<(), Box<Issue>> {
        if self.key.is_bare() { Ok(()) } else { Err(self.unsupported("it takes `:missing`")) }
    }

    fn wrong(&self, what: &str) -> Box<Issue> {
        Box::new(Issue::error("value", "parameter", "", format!("`{}`: {what}", self.parameter.name)))
    }

    fn unsupported(&self, what: &str) -> Box<Issue> {
        let message = format!("`{}` is not supported with that modifier or chain", self.parameter.name);
        Box::new(Issue::error("not-supported", "parameter", "", message).remedy(what))
    }

    fn hint(&self, what: &str) -> Issue {
        Issue::warning("informational", "finds-nothing", "", format!("`{}` {what}", self.parameter.name))
    }
}

impl Found {
    fn nothing() -> Self {
        Self { nothing: true, ..Self::default() }
    }
}

impl From<Filter> for Found {
    fn from(filter: Filter) -> Self {
        Self { filter: Some(filter), ..Self::default() }
    }
}

/// References are hashed without a system.
fn bare(kind: Keyed, references: Vec<String>) -> Found {
    Filter::Keyed { kind, any: references.into_iter().map(|reference| (None, reference)).collect(), not: false }.into()
}

/// An id that we may have given.
fn own_id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok().filter(|id| id.hyphenated().to_string() == text)
}

/// R4's `id`.
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// Looks like a type of resource.
fn is_type(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase()) && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn unique(mut references: Vec<String>) -> Vec<String> {
    references.sort_unstable();
    references.dedup();
    references
}

/// What R4 lets an owner or a requester be. Here they are Organizations and HealthcareServices.
const PARTY_TYPES: [&str; 8] =
    ["Organization", "HealthcareService", "Practitioner", "PractitionerRole", "CareTeam", "Patient", "RelatedPerson", "Device"];
const PARTY_MODIFIERS: &str = "it takes `:identifier`, `:missing`, `:Organization` and `:HealthcareService`";
