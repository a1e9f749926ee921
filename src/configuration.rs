//! The configuration file (TOML): organisations, services, routes, deadlines, callers, the store. Its keys, with units,
//! defaults and examples, stand in `fixtures/configuration/README.md`; `fixtures/configuration/sandbox.toml` is a whole one.
//!
//! Read once, at start. Every mistake is told at once, with its table, its key and what would make it right; nothing starts
//! with one. Secrets are not in the file: hashes of tokens are, and the names of files that hold keys.

mod callers;
mod parties;
mod store;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;

use crate::caller::{Callers, Role};
use crate::net::Authorities;
use crate::task::deadline::Policy;
use crate::task::directory::Directory;

pub use store::{Key, Opened, StoreSettings};

/// The file, checked.
#[derive(Clone, Debug)]
pub struct Configuration {
    pub directory: Directory,
    /// Empty if the file has no `[[caller]]`.
    pub callers: Callers,
    pub tasks: TaskSettings,
    /// Absent if the file has no `[store]`.
    pub store: Option<StoreSettings>,
}

/// `[tasks]` and `[subscriptions]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSettings {
    /// Days after which a finished Task is removed, history included.
    pub purge_after_days: u16,
    /// Whether notifications may go to private, loopback and link-local addresses.
    pub allow_private_addresses: bool,
    /// A file of certificates (PEM) that endpoints' certificates may go back to, beside those of the system.
    pub additional_ca: Option<PathBuf>,
}

impl TaskSettings {
    /// Reads the file that is named, relative to `folder`: the configuration's own.
    ///
    /// # Errors
    /// A file that cannot be read or holds no certificates.
    pub fn authorities(&self, folder: &Path) -> Result<Authorities, Mistake> {
        let Some(file) = &self.additional_ca else { return Ok(Authorities::default()) };
        let read = std::fs::read(folder.join(file)).ok().and_then(|text| Authorities::read(&text).ok());
        read.ok_or_else(|| Mistake {
            file: file.display().to_string(),
            table: "[subscriptions]".to_owned(),
            key: "additional-ca".to_owned(),
            message: "the file cannot be read, or holds no certificates".to_owned(),
            remedy: "one or several certificates in PEM, each from `-----BEGIN CERTIFICATE-----`".to_owned(),
        })
    }
}

impl Default for TaskSettings {
    fn default() -> Self {
        Self { purge_after_days: 90, allow_private_addresses: false, additional_ca: None }
    }
}

/// A mistake in the file. Never holds a hash, a key or the store's address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {table}{key}: {message}; {remedy}", key = Dotted(key))]
pub struct Mistake {
    pub file: String,
    /// `[deadline]`, `[[organization]] seinajoki`; `line 7` where the text is no TOML.
    pub table: String,
    /// `hours.mon`; empty for the table as a whole.
    pub key: String,
    pub message: String,
    /// What would make it right.
    pub remedy: String,
}

/// A caller that the sandbox made up, with its token in clear: to be printed once. `Debug` does not show it.
#[derive(Clone)]
pub struct SandboxCaller {
    pub name: String,
    pub roles: Vec<Role>,
    pub organizations: Vec<String>,
    pub token: String,
}

/// The system has no random numbers to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random numbers")]
pub struct NoRandomness;

impl Configuration {
    /// `name` is what mistakes call the file.
    ///
    /// # Errors
    /// Every mistake.
    pub fn read(text: &str, name: &str) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Mistakes { file: name.to_owned(), list: Vec::new() };
        let configuration = build(text, &mut mistakes, &mut callers::Tokens::Configured);
        if mistakes.list.is_empty() { Ok(configuration) } else { Err(mistakes.list) }
    }

    /// The shipped sample, each of its callers with the token that `token` gives: [`fresh_token`] outside of tests.
    ///
    /// # Errors
    /// Every mistake of the sample: none, as tests see to.
    pub fn sandbox(token: &mut dyn FnMut() -> String) -> Result<(Self, Vec<SandboxCaller>), Vec<Mistake>> {
        let mut mistakes = Mistakes { file: "sandbox.toml".to_owned(), list: Vec::new() };
        let mut tokens = callers::Tokens::Given { next: token, made: Vec::new() };
        let configuration = build(SANDBOX, &mut mistakes, &mut tokens);
        let made = if let callers::Tokens::Given { made, .. } = tokens { made } else { Vec::new() };
        if mistakes.list.is_empty() { Ok((configuration, made)) } else { Err(mistakes.list) }
    }
}

/// 256 random bits, as base64url.
///
/// # Errors
/// [`NoRandomness`].
pub fn fresh_token() -> Result<String, NoRandomness> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

fn build(text: &str, mistakes: &mut Mistakes, tokens: &mut callers::Tokens<'_>) -> Configuration {
    let mut file = match toml::from_str::<toml::Table>(text) {
        Ok(file) => file,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
            mistakes.add(format!("line {line}"), "", error.message(), "write it as TOML 1.0");
            toml::Table::new()
        }
    };
    let mut take = Take { file: &mut file, mistakes };
    let (organizations, services, routes) = (take.list("organization"), take.list("service"), take.list("route"));
    let units: BTreeSet<String> = organizations.iter().map(|entry: &Entry<wire::Organization>| entry.id.clone()).collect();
    let (callers, deadline) = (take.list("caller"), take.one("deadline"));
    let (tasks, subscriptions, store) = (take.one("tasks"), take.one("subscriptions"), take.one("store"));
    for unknown in file.keys() {
        mistakes.add(format!("[{unknown}]"), "", "no such table", format!("known: {TABLES}"));
    }
    let directory = parties::build(organizations, services, routes, policy(deadline, mistakes), &units, mistakes);
    let callers = callers::build(callers, &units, tokens, mistakes);
    let store = store.and_then(|store| store::build(store, mistakes));
    Configuration { directory, callers, tasks: task_settings(tasks, subscriptions, mistakes), store }
}

fn task_settings(tasks: Option<wire::Tasks>, subscriptions: Option<wire::Subscriptions>, mistakes: &mut Mistakes) -> TaskSettings {
    let mut settings = TaskSettings::default();
    if let Some(days) = tasks.and_then(|tasks| tasks.purge_after_days) {
        match u16::try_from(days).ok().filter(|days| (1..=3650).contains(days)) {
            Some(days) => settings.purge_after_days = days,
            None => mistakes.add("[tasks]", "purge-after-days", "out of bounds", "1 to 3650 days"),
        }
    }
    if let Some(given) = subscriptions {
        settings.allow_private_addresses = given.allow_private_addresses.unwrap_or_default();
        settings.additional_ca = given.additional_ca.map(PathBuf::from);
    }
    settings
}

fn policy(given: Option<wire::Deadline>, mistakes: &mut Mistakes) -> Policy {
    use jiff::SignedDuration;

    use crate::task::deadline::Haste;

    let mut policy = Policy::default();
    let Some(given) = given else { return policy };
    if let Some(text) = &given.cut_off {
        match parties::time(text) {
            Some(time) => policy.cut_off = time,
            None => mistakes.add("[deadline]", "cut-off", "no time of day", "write it as \"14:00\""),
        }
    }
    policy.same_day = given.same_day.unwrap_or(policy.same_day);
    let mut minutes = |key: &str, minutes: i64, least: i64| {
        let within = (least..=MOST_MINUTES).contains(&minutes).then(|| SignedDuration::from_mins(minutes));
        if within.is_none() {
            mistakes.add("[deadline]", key, "out of bounds", format!("{least} to {MOST_MINUTES} minutes"));
        }
        within
    };
    if let Some(least) = given.least_minutes.and_then(|least| minutes("least-minutes", least, 0)) {
        policy.least = least;
    }
    for (key, given, haste) in
        [("urgent", given.urgent, &mut policy.urgent), ("asap", given.asap, &mut policy.asap), ("stat", given.stat, &mut policy.stat)]
    {
        *haste = match given {
            Some(wire::Haste::Routine) => Haste::None,
            Some(wire::Haste::SameDay) => Haste::SameDay,
            Some(wire::Haste::Minutes(given)) => minutes(key, given, 1).map_or(*haste, Haste::Within),
            None => *haste,
        };
    }
    policy
}

/// Takes tables out of the file, each read as far as it can be.
struct Take<'a> {
    file: &'a mut toml::Table,
    mistakes: &'a mut Mistakes,
}

/// A table that was read, or what it was called where it could not be.
struct Entry<T> {
    /// `[[organization]] seinajoki`
    table: String,
    /// As it stands, if it stands: others may name it even where the rest cannot be read.
    id: String,
    read: Option<T>,
}

impl Take<'_> {
    fn one<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let table = self.file.remove(name)?;
        self.read(&format!("[{name}]"), table)
    }

    fn list<T: DeserializeOwned>(&mut self, name: &str) -> Vec<Entry<T>> {
        let given = match self.file.remove(name) {
            None => Vec::new(),
            Some(toml::Value::Array(list)) => list,
            Some(_) => {
                self.mistakes.add(format!("[{name}]"), "", "not a list of tables", format!("begin each with [[{name}]]"));
                Vec::new()
            }
        };
        let mut entries = Vec::new();
        for (index, value) in given.into_iter().enumerate() {
            let text = |key: &str| value.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
            let id = if name == "caller" { text("name") } else { text("id") };
            let called = if is_id(&id) { id.clone() } else { format!("number {}", index + 1) };
            let table = format!("[[{name}]] {called}");
            let read = self.read(&table, value);
            entries.push(Entry { table, id, read });
        }
        entries
    }

    fn read<T: DeserializeOwned>(&mut self, table: &str, value: toml::Value) -> Option<T> {
        let known = value.try_into::<T>();
        known.map_err(|error| self.mistakes.add(table, "", one_line(&error.to_string()), "see fixtures/configuration/README.md")).ok()
    }
}

/// Mistakes as they are found.
struct Mistakes {
    file: String,
    list: Vec<Mistake>,
}

impl Mistakes {
    fn add(&mut self, table: impl Into<String>, key: &str, message: impl Into<String>, remedy: impl Into<String>) {
        let (file, key) = (self.file.clone(), key.to_owned());
        self.list.push(Mistake { file, table: table.into(), key, message: message.into(), remedy: remedy.into() });
    }
}

impl fmt::Debug for SandboxCaller {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SandboxCaller").field("name", &self.name).finish_non_exhaustive()
    }
}

/// `, key`, or nothing.
struct Dotted<'a>(&'a str);

impl fmt::Display for Dotted<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(out, ", {}", self.0) }
    }
}

/// FHIR's logical id, <https://hl7.org/fhir/R4/datatypes.html#id>
fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// 32 bytes of 64 hexadecimal digits.
fn unhex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

const TABLES: &str = "organization, service, route, deadline, caller, tasks, subscriptions, store";
/// A week.
const MOST_MINUTES: i64 = 7 * 24 * 60;
const SANDBOX: &str = include_str!("../fixtures/configuration/sandbox.toml");
