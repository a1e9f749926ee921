//! Runs requests as one, all or nothing. A single create, update or delete is a transaction of one.
//! <https://hl7.org/fhir/R4/http.html#transaction>
//!
//! Order: deletes; then every create looks whether it is there already and every update checks its version; then, with all
//! final ids known, references are rewritten and resolved; then all is written and must hold together; then reads.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::sandbox::fault::Fault;
use crate::sandbox::paging;
use crate::sandbox::references;
use crate::sandbox::request::{Action, Request, check_new_id};
use crate::sandbox::search::{Criteria, Search, pairs};
use crate::sandbox::store::{Cause, Key, Store, Version};

/// What became of one request.
pub(super) struct Done {
    pub(super) status: u16,
    pub(super) key: Option<Key>,
    /// The version now current, a deletion included.
    pub(super) version: Option<Version>,
    /// What a read or search inside the transaction found.
    pub(super) shown: Option<Arc<Value>>,
    pub(super) note: &'static str,
}

/// What is to be written for a request once all ids are known.
struct Write {
    at: usize,
    key: Key,
    body: Map<String, Value>,
    cause: Cause,
    condition: Option<Criteria>,
}

/// The work on one transaction.
struct Run<'s> {
    store: &'s mut Store,
    base: &'s str,
    now: Timestamp,
    places: Vec<Option<String>>,
    done: Vec<Option<Done>>,
    writes: Vec<Write>,
    /// `fullUrl`s, and the conditions of creates as conditional references, with what they finally mean.
    finals: HashMap<String, String>,
}

/// Runs them; the caller undoes what was written when this fails. One answer for each request, in their order.
///
/// # Errors
/// 400 for a request that cannot be run, a reference that leads nowhere or a `fullUrl` given twice; 404 and 412 for a
/// conditional reference that meets none or several; 409 for a delete that would break references; 412 for a condition
/// that several resources meet, that the resource itself does not meet, and for a stale `If-Match`.
pub(super) fn run(store: &mut Store, requests: Vec<Request>, base: &str, now: Timestamp) -> Result<Vec<Done>, Fault> {
    refuse_twins(&requests)?;
    let places = requests.iter().map(|request| request.place.clone()).collect();
    let done = requests.iter().map(|_| None).collect();
    let mut run = Run { store, base, now, places, done, writes: Vec::new(), finals: HashMap::new() };
    let mut requests: Vec<_> = requests.into_iter().enumerate().collect();
    // a condition may name another entry (`target=urn:uuid:…`): those wait until the others are decided
    requests.sort_by_key(|(_, request)| match &request.action {
        Action::Delete { .. } => 0,
        Action::Create { condition, .. } if condition.as_deref().is_some_and(|condition| condition.contains("urn")) => 2,
        Action::Create { .. } | Action::Update { .. } => 1,
        Action::Read { .. } | Action::Search { .. } => 3,
    });
    let mut reads = Vec::new();
    for (at, request) in requests {
        let Request { full_url, kind, action, .. } = request;
        match action {
            Action::Delete { id, wanted } => run.in_place(at, |run| {
                let key = Key { kind, id };
                if let Some(wanted) = wanted {
                    wanted.admit(run.store.live(&key))?;
                }
                run.delete(at, key)
            })?,
            Action::Create { body, condition } => run.in_place(at, |run| run.create(at, kind, full_url, body, condition))?,
            Action::Update { id, body, wanted } => run.in_place(at, |run| {
                let key = Key { kind, id };
                if let Some(wanted) = wanted {
                    wanted.admit(run.store.live(&key))?;
                }
                run.update(at, key, full_url, body)
            })?,
            Action::Read { id } => reads.push((at, kind, Ok(id))),
            Action::Search { query } => reads.push((at, kind, Err(query))),
        }
    }
    run.write_all()?;
    for (at, kind, what) in reads {
        run.in_place(at, |run| run.show(at, kind, what))?;
    }
    Ok(run.done.into_iter().flatten().collect())
}

impl Run<'_> {
    fn in_place<T>(&mut self, at: usize, work: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        work(self).map_err(|fault| fault.at(self.places[at].as_deref()))
    }

    fn delete(&mut self, at: usize, key: Key) -> Result<(), Fault> {
        let note = if self.store.live(&key).is_some() {
            self.store.delete(&key, self.now)?;
            "deleted"
        } else {
            "there is no such resource, nothing was done"
        };
        self.finish(at, 204, key, note);
        Ok(())
    }

    fn create(
        &mut self,
        at: usize,
        kind: &'static str,
        full_url: Option<String>,
        body: Map<String, Value>,
        condition: Option<String>,
    ) -> Result<(), Fault> {
        let Some(condition) = condition else {
            let key = self.store.new_key(kind);
            self.name(full_url.as_deref(), &key);
            self.writes.push(Write { at, key, body, cause: Cause::Post, condition: None });
            return Ok(());
        };
        let condition = self.with_finals(&condition);
        let criteria = Criteria::parse(kind, &condition, self.base)?;
        let as_reference = format!("{kind}?{condition}");
        let twin = self.finals.get(&as_reference).and_then(|twin| self.writes.iter().find(|write| write.key.to_string() == *twin));
        match (twin.map(|twin| twin.key.clone()), criteria.matches(self.store).as_slice()) {
            (Some(key), _) => {
                // the same condition again: what the first one creates meets it
                self.name(full_url.as_deref(), &key);
                self.finish(at, 200, key, "created by an entry with the same condition");
            }
            (None, []) => {
                let key = self.store.new_key(kind);
                self.name(full_url.as_deref(), &key);
                self.finals.insert(as_reference, key.to_string());
                self.writes.push(Write { at, key, body, cause: Cause::Post, condition: Some(criteria) });
            }
            (None, [one]) => {
                let key = one.clone();
                self.name(full_url.as_deref(), &key);
                self.finish(at, 200, key, "there already, nothing was written");
            }
            (None, several) => {
                return Err(Fault::new(412, "multiple-matches", format!("{} resources meet the condition", several.len())));
            }
        }
        Ok(())
    }

    fn update(&mut self, at: usize, key: Key, full_url: Option<String>, body: Map<String, Value>) -> Result<(), Fault> {
        match body.get("id").and_then(Value::as_str) {
            Some(id) if id == key.id => {}
            Some(_) => return Err(Fault::invalid("the id in the resource is not the one in the URL")),
            None => return Err(Fault::invalid("a resource that is put has its id in it")),
        }
        if self.store.versions(&key).is_empty() {
            check_new_id(&key.id)?;
        }
        self.name(full_url.as_deref(), &key);
        self.writes.push(Write { at, key, body, cause: Cause::Put, condition: None });
        Ok(())
    }

    /// Remembers what a `fullUrl` stands for; a RESTful one also as the relative reference that it ends in.
    fn name(&mut self, full_url: Option<&str>, key: &Key) {
        let Some(full_url) = full_url else { return };
        self.finals.insert(full_url.to_owned(), key.to_string());
        if let Some(start) = full_url.rfind(&format!("/{}/", key.kind)) {
            self.finals.insert(full_url[start + 1..].to_owned(), key.to_string());
        }
    }

    fn with_finals(&self, condition: &str) -> String {
        let mut condition = condition.to_owned();
        if condition.contains("urn") {
            for (full_url, found) in self.finals.iter().filter(|(full_url, _)| full_url.starts_with("urn:")) {
                condition = condition.replace(full_url, found).replace(&full_url.replace(':', "%3A"), found);
            }
        }
        condition
    }

    fn write_all(&mut self) -> Result<(), Fault> {
        let mut writes = std::mem::take(&mut self.writes);
        for write in &mut writes {
            self.in_place(write.at, |run| {
                references::rewrite(&mut write.body, &run.finals);
                references::settle(&mut write.body, run.store, run.base)
            })?;
        }
        let mut found = Vec::with_capacity(writes.len());
        for write in &writes {
            let had = self.store.live(&write.key).is_some();
            self.in_place(write.at, |run| run.store.put(&write.key, &write.body, write.cause, run.now))?;
            found.push(had);
        }
        for (write, had) in writes.into_iter().zip(found) {
            if let (Some(condition), Some(version)) = (&write.condition, self.store.live(&write.key))
                && !condition.admit(&write.key.id, version)
            {
                let fault = Fault::precondition("the resource does not meet its own condition, so a repeat would write it again");
                return Err(fault.at(self.places[write.at].as_deref()));
            }
            let (status, note) = if had { (200, "updated") } else { (201, "created") };
            self.finish(write.at, status, write.key, note);
        }
        for at in 0..self.done.len() {
            self.refresh(at); // those answered before the first was written
        }
        references::hold(self.store)
    }

    fn show(&mut self, at: usize, kind: &'static str, what: Result<String, String>) -> Result<(), Fault> {
        let mut done = Done { status: 200, key: None, version: None, shown: None, note: "found" };
        match what {
            Ok(id) => {
                let key = Key { kind, id };
                let version = self.store.live(&key).cloned();
                let version = version.ok_or_else(|| Fault::new(404, "not-found", format!("there is no `{key}`")))?;
                done.shown.clone_from(&version.body);
                (done.key, done.version) = (Some(key), Some(version));
            }
            Err(query) => {
                let search = Search::parse(kind, &pairs(&query), self.base)?;
                let found = search.run(self.store);
                let rest = found.len();
                let link = format!("{}/{kind}?{query}", self.base);
                let page = &found[..rest.min(search.page)];
                done.shown = Some(Arc::new(paging::searchset(self.base, page, rest, &link, None)));
            }
        }
        self.done[at] = Some(done);
        Ok(())
    }

    fn finish(&mut self, at: usize, status: u16, key: Key, note: &'static str) {
        let version = self.store.versions(&key).last().cloned();
        self.done[at] = Some(Done { status, key: Some(key), version, shown: None, note });
    }

    fn refresh(&mut self, at: usize) {
        if let Some(Done { key: Some(key), version, .. }) = &mut self.done[at] {
            *version = self.store.versions(key).last().cloned();
        }
    }
}

/// 400 when two entries have the same `fullUrl`, or update or delete the same resource.
fn refuse_twins(requests: &[Request]) -> Result<(), Fault> {
    let (mut full_urls, mut targets) = (HashSet::new(), HashSet::new());
    for request in requests {
        let place = request.place.as_deref();
        if let Some(full_url) = &request.full_url
            && !full_urls.insert(full_url)
        {
            return Err(Fault::invalid("the `fullUrl` stands in the transaction twice").at(place));
        }
        if let Action::Update { id, .. } | Action::Delete { id, .. } = &request.action
            && !targets.insert((request.kind, id))
        {
            return Err(Fault::invalid("the transaction changes the same resource twice").at(place));
        }
    }
    Ok(())
}
