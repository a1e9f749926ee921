//! References between resources: rewriting those of a transaction, resolving conditional ones, and referential integrity.
//! <https://hl7.org/fhir/R4/http.html#trules>, <https://hl7.org/fhir/R4/references.html>

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::sandbox::fault::Fault;
use crate::sandbox::kinds;
use crate::sandbox::search::{Criteria, split_url};
use crate::sandbox::store::{Key, Store};

/// Members that hold a uri, url, oid or uuid in which a `fullUrl` is replaced. `Identifier.value` and other strings are
/// not among them.
const URLS: [&str; 7] = ["reference", "url", "uri", "valueUri", "valueUrl", "valueUuid", "valueOid"];

/// Puts the final references where the resource uses the `fullUrl`s of its transaction: in references, in other urls
/// and in the links of the narrative.
pub(super) fn rewrite(body: &mut Map<String, Value>, finals: &HashMap<String, String>) {
    visit(body, &mut |member, text| {
        if URLS.contains(&member) {
            if let Some(found) = finals.get(text.as_str()) {
                found.clone_into(text);
            }
        } else if member == "div" && text.contains("=\"urn:") {
            for (full_url, found) in finals {
                *text = text.replace(&format!("=\"{full_url}\""), &format!("=\"{found}\""));
            }
        }
        Ok(())
    })
    .unwrap_or_default(); // the visitor has no error
}

/// Resolves conditional references, drops the version of versioned ones (as HAPI does), and refuses what cannot lead to a
/// resource of ours.
pub(super) fn settle(body: &mut Map<String, Value>, store: &Store, base: &str) -> Result<(), Fault> {
    visit(body, &mut |member, text| {
        if member != "reference" || text.starts_with('#') {
            return Ok(());
        }
        if text.starts_with("urn:") {
            return Err(Fault::invalid("a `urn:` reference that is no `fullUrl` of the transaction"));
        }
        if text.split('?').next().is_some_and(|path| path.contains("://")) {
            return Err(Fault::not_supported("absolute references are not taken; refer to a resource here as `Type/id`"));
        }
        let (kind, id, query) = split_url(text).map_err(|_| Fault::invalid("a reference is `Type/id` or `Type?identifier=…`"))?;
        match (id, query) {
            (Some(id), None) => {
                let id = id.split_once("/_history/").map_or(id, |(id, _)| id).to_owned();
                *text = Key { kind, id }.to_string();
                Ok(())
            }
            (None, Some(query)) => match Criteria::parse(kind, query, base)?.matches(store).as_slice() {
                [one] => {
                    *text = one.to_string();
                    Ok(())
                }
                [] => Err(Fault::new(404, "not-found", format!("no `{kind}` meets a conditional reference"))),
                found => Err(Fault::new(412, "multiple-matches", format!("{} `{kind}` meet a conditional reference", found.len()))),
            },
            _ => Err(Fault::invalid("a reference is `Type/id` or `Type?identifier=…`")),
        }
    })
}

/// Sees that whatever the pending writes refer to is there, and nothing refers to what they delete.
pub(super) fn hold(store: &Store) -> Result<(), Fault> {
    let mut deleted = HashSet::new();
    for key in store.pending() {
        let Some(version) = store.live(key) else {
            deleted.insert(key.to_string());
            continue;
        };
        for reference in version.body.iter().flat_map(|body| outgoing(body)) {
            if !leads_somewhere(store, reference) {
                return Err(Fault::new(400, "not-found", format!("`{}` refers to `{reference}`, which is not here", key.kind)));
            }
        }
    }
    if deleted.is_empty() {
        return Ok(());
    }
    for (key, version) in store.everything() {
        if version.body.iter().flat_map(|body| outgoing(body)).any(|reference| deleted.contains(reference)) {
            return Err(Fault::new(409, "conflict", format!("`{key}` refers to what would be deleted")));
        }
    }
    Ok(())
}

fn leads_somewhere(store: &Store, reference: &str) -> bool {
    let Some((kind, id)) = reference.split_once('/') else { return false };
    kinds::kind(kind).is_ok_and(|kind| store.live(&Key { kind, id: id.to_owned() }).is_some())
}

/// The references to other resources, of a resource as it is kept.
pub(super) fn outgoing(body: &Value) -> Vec<&str> {
    let mut found = Vec::new();
    collect(body, &mut found);
    found
}

fn collect<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => {
            for (member, value) in members {
                match value {
                    Value::String(text) if member == "reference" && !text.starts_with('#') => found.push(text),
                    _ => collect(value, found),
                }
            }
        }
        _ => {}
    }
}

/// Calls `change` with every member that is a string, at any depth.
fn visit<F>(members: &mut Map<String, Value>, change: &mut F) -> Result<(), Fault>
where
    F: FnMut(&str, &mut String) -> Result<(), Fault>,
{
    for (member, value) in members.iter_mut() {
        match value {
            Value::String(text) => change(member, text)?,
            other => visit_value(other, change)?,
        }
    }
    Ok(())
}

fn visit_value<F>(value: &mut Value, change: &mut F) -> Result<(), Fault>
where
    F: FnMut(&str, &mut String) -> Result<(), Fault>,
{
    match value {
        Value::Object(members) => visit(members, change),
        Value::Array(items) => items.iter_mut().try_for_each(|item| visit_value(item, change)),
        _ => Ok(()),
    }
}
