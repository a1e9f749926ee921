//! What the sandbox keeps: every version of every resource, with an undo list for the interaction that is going on.
//! <https://hl7.org/fhir/R4/http.html#versioning>

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use serde_json::{Map, Value, json};

use crate::sandbox::fault::Fault;

/// Roughly how much memory the bodies may take.
const BYTES: usize = 512 * 1024 * 1024;

/// Where a resource lies: `Patient/12`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    pub(super) kind: &'static str,
    pub(super) id: String,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// How a version came to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cause {
    Post,
    Put,
    Delete,
}

/// One version; a deletion has no body.
#[derive(Clone)]
pub(super) struct Version {
    pub(super) number: u64,
    pub(super) at: Timestamp,
    /// The how-manieth write of all: puts versions of the same instant in order.
    pub(super) order: u64,
    pub(super) cause: Cause,
    pub(super) body: Option<Arc<Value>>,
    size: usize,
}

pub(super) struct Store {
    resources: BTreeMap<&'static str, BTreeMap<String, Vec<Version>>>,
    /// Ids of resources that have, or once had, a tag or identifier of that code: a short list of candidates.
    by_code: HashMap<(&'static str, String), BTreeSet<String>>,
    /// Written since the last commit, in order.
    pending: Vec<Key>,
    last_id: u64,
    writes: u64,
    versions: usize,
    bytes: usize,
    capacity: usize,
}

impl Store {
    pub(super) fn new(capacity: usize) -> Self {
        Store {
            resources: BTreeMap::new(),
            by_code: HashMap::new(),
            pending: Vec::new(),
            last_id: 0,
            writes: 0,
            versions: 0,
            bytes: 0,
            capacity,
        }
    }

    /// Forgets every resource. Ids go on from where they were, so that an old reference hits nothing new.
    pub(super) fn clear(&mut self) {
        *self = Store { last_id: self.last_id, writes: self.writes, ..Store::new(self.capacity) };
    }

    /// All versions, oldest first; empty when there never was such a resource.
    pub(super) fn versions(&self, key: &Key) -> &[Version] {
        self.resources.get(key.kind).and_then(|ids| ids.get(&key.id)).map_or(&[], Vec::as_slice)
    }

    /// The current version, unless deleted.
    pub(super) fn live(&self, key: &Key) -> Option<&Version> {
        self.versions(key).last().filter(|version| version.body.is_some())
    }

    /// All resources of a type that are not deleted.
    pub(super) fn all(&self, kind: &str) -> impl Iterator<Item = (&str, &Version)> {
        let resources = self.resources.get(kind).into_iter().flatten();
        resources.filter_map(|(id, versions)| Some((id.as_str(), versions.last().filter(|version| version.body.is_some())?)))
    }

    /// All resources of all types that are not deleted.
    pub(super) fn everything(&self) -> impl Iterator<Item = (Key, &Version)> {
        self.resources.keys().flat_map(|kind| self.all(kind).map(|(id, version)| (Key { kind, id: id.to_owned() }, version)))
    }

    /// Ids of what may have this code as a tag or identifier; the caller looks whether it has.
    pub(super) fn with_code(&self, kind: &'static str, code: &str) -> impl Iterator<Item = &str> {
        self.by_code.get(&(kind, code.to_owned())).into_iter().flatten().map(String::as_str)
    }

    /// An id that no resource had before.
    pub(super) fn new_key(&mut self, kind: &'static str) -> Key {
        self.last_id += 1;
        Key { kind, id: self.last_id.to_string() }
    }

    /// Adds a version, unless the current one says the same already (then nothing happens, as in HAPI).
    pub(super) fn put(&mut self, key: &Key, body: &Map<String, Value>, cause: Cause, now: Timestamp) -> Result<(), Fault> {
        if let Some(current) = self.live(key)
            && current.body.as_deref() == Some(&stamped(body, key, current.number, current.at))
        {
            return Ok(());
        }
        let at = to_the_millisecond(now);
        let number = self.versions(key).len() as u64 + 1;
        let body = stamped(body, key, number, at);
        for code in codes(&body) {
            self.by_code.entry((key.kind, code.to_owned())).or_default().insert(key.id.clone());
        }
        self.add(key, Version { number, at, order: 0, cause, size: weight(&body), body: Some(Arc::new(body)) })
    }

    /// Marks as deleted what is there.
    pub(super) fn delete(&mut self, key: &Key, now: Timestamp) -> Result<(), Fault> {
        let at = to_the_millisecond(now);
        let number = self.versions(key).len() as u64 + 1;
        self.add(key, Version { number, at, order: 0, cause: Cause::Delete, size: 0, body: None })
    }

    /// What was written since the last commit.
    pub(super) fn pending(&self) -> &[Key] {
        &self.pending
    }

    pub(super) fn commit(&mut self) {
        self.pending.clear();
    }

    /// Undoes everything since the last commit.
    pub(super) fn roll_back(&mut self) {
        while let Some(key) = self.pending.pop() {
            let Some(ids) = self.resources.get_mut(key.kind) else { continue };
            let Some(versions) = ids.get_mut(&key.id) else { continue };
            let Some(undone) = versions.pop() else { continue };
            self.versions -= 1;
            self.bytes -= undone.size;
            if versions.is_empty() {
                ids.remove(&key.id);
                for code in undone.body.iter().flat_map(|body| codes(body)) {
                    if let Some(ids) = self.by_code.get_mut(&(key.kind, code.to_owned())) {
                        ids.remove(&key.id);
                    }
                }
            }
        }
    }

    fn add(&mut self, key: &Key, version: Version) -> Result<(), Fault> {
        if self.versions >= self.capacity || self.bytes + version.size > BYTES {
            return Err(Fault::new(507, "too-costly", "the sandbox is full; `POST $reset` empties it"));
        }
        self.writes += 1;
        self.versions += 1;
        self.bytes += version.size;
        let version = Version { order: self.writes, ..version };
        self.resources.entry(key.kind).or_default().entry(key.id.clone()).or_default().push(version);
        self.pending.push(key.clone());
        Ok(())
    }
}

/// The resource as kept: its type, id and meta first, `versionId` and `lastUpdated` ours.
fn stamped(body: &Map<String, Value>, key: &Key, number: u64, at: Timestamp) -> Value {
    let mut meta = Map::new();
    meta.insert("versionId".into(), number.to_string().into());
    meta.insert("lastUpdated".into(), instant(at).into());
    let given = body.get("meta").and_then(Value::as_object).into_iter().flatten();
    meta.extend(
        given.filter(|(name, _)| *name != "versionId" && *name != "lastUpdated").map(|(name, value)| (name.clone(), value.clone())),
    );
    let Value::Object(mut stamped) = json!({"resourceType": key.kind, "id": key.id, "meta": meta}) else { return Value::Null };
    let rest = body.iter().filter(|(name, _)| !matches!(name.as_str(), "resourceType" | "id" | "meta"));
    stamped.extend(rest.map(|(name, value)| (name.clone(), value.clone())));
    Value::Object(stamped)
}

fn to_the_millisecond(now: Timestamp) -> Timestamp {
    now.round(TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Trunc)).unwrap_or(now)
}

/// A FHIR instant with milliseconds.
pub(super) fn instant(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// An element that is one thing or a list of them.
pub(super) fn items<'v>(body: &'v Value, element: &str) -> &'v [Value] {
    match body.get(element) {
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

fn codes(body: &Value) -> impl Iterator<Item = &str> {
    let tags = items(&body["meta"], "tag").iter().filter_map(|tag| tag["code"].as_str());
    tags.chain(items(body, "identifier").iter().filter_map(|identifier| identifier["value"].as_str()))
}

/// A rough size in memory.
fn weight(value: &Value) -> usize {
    32 + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + weight(value)).sum(),
        _ => 0,
    }
}
