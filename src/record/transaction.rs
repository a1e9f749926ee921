//! The transaction Bundle, out and back. Pure.
//!
//! <https://hl7.org/fhir/R4/http.html#transaction>. Resources are spliced in as the bytes they are. Answers are matched
//! by what they say (key tag, location), never by position: a record may give one answer for two entries.

use std::time::Duration;

use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::answer::{is_id, list, refusal, stored, text};
use super::patients::any_of;
use super::retry::{Again, Setback};
use super::{Coding, Entry, RecordError, Stored, Transaction, Update};

/// The Bundle as JSON. `base` is the record's own address, for the `fullUrl` of what is there already.
pub(super) fn bundle(transaction: &Transaction, base: &str) -> Vec<u8> {
    let mut json = br#"{"resourceType":"Bundle","type":"transaction","entry":["#.to_vec();
    for (index, entry) in transaction.entries.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        json.extend_from_slice(br#"{"fullUrl":"#);
        json.extend_from_slice(Value::from(entry.full_url.as_str()).to_string().as_bytes());
        json.extend_from_slice(br#","resource":"#);
        json.extend_from_slice(&entry.body);
        let request = serde_json::json!({
            "method": "POST",
            "url": entry.resource_type,
            "ifNoneExist": condition(&entry.key),
        });
        json.extend_from_slice(br#","request":"#);
        json.extend_from_slice(request.to_string().as_bytes());
        json.push(b'}');
    }
    for (index, update) in transaction.updates.iter().enumerate() {
        if index > 0 || !transaction.entries.is_empty() {
            json.push(b',');
        }
        let url = format!("{}/{}", update.resource_type, update.id);
        json.extend_from_slice(br#"{"fullUrl":"#);
        json.extend_from_slice(Value::from(format!("{base}/{url}")).to_string().as_bytes());
        json.extend_from_slice(br#","resource":"#);
        json.extend_from_slice(&update.after);
        let request = serde_json::json!({ "method": "PUT", "url": url, "ifMatch": format!("W/\"{}\"", update.version) });
        json.extend_from_slice(br#","request":"#);
        json.extend_from_slice(request.to_string().as_bytes());
        json.push(b'}');
    }
    json.extend_from_slice(b"]}");
    json
}

/// The one fixed condition of a create: the tag that names the resource. Two different conditions for the same
/// resource would let two be made.
fn condition(key: &Coding) -> String {
    let token = any_of([(key.system.as_str(), key.code.as_str())]);
    format!("_tag={}", byte_serialize(token.as_bytes()).collect::<String>())
}

/// What one entry of the answer says.
pub(super) enum Told {
    /// Created now, and shown with its key.
    Created(Stored),
    /// It is there, to be read to know its key and content, which are left empty.
    There(Stored),
    /// Not written; only records whose transactions are not atomic say this.
    Failed(Setback),
    /// Neither a place nor a fault.
    Nothing,
}

/// What the answer says, entry by entry; `None` if it is no answer to a transaction.
pub(super) fn told(answer: &Value) -> Option<Vec<Told>> {
    let is_ours = text(answer, "resourceType") == Some("Bundle") && text(answer, "type") == Some("transaction-response");
    is_ours.then(|| list(answer, "/entry").map(told_by).collect())
}

fn told_by(entry: &Value) -> Told {
    let response = entry.get("response").unwrap_or(&Value::Null);
    let status = text(response, "status").and_then(|status| status.get(..3)?.parse::<u16>().ok()).unwrap_or(0);
    if status >= 300 {
        let outcome = response.get("outcome").unwrap_or(&Value::Null);
        return Told::Failed(or_lost_race(refusal(status, None, outcome)));
    }
    let created = status == 201;
    if let Some(stored) = created.then(|| stored(entry.get("resource")?, true)).flatten() {
        return Told::Created(stored);
    }
    match text(response, "location").and_then(place) {
        Some(place) => Told::There(Stored { created, ..place }),
        None => Told::Nothing,
    }
}

/// 409 and 412 to conditional creates: another call made the same, now. 500 may mean that the record broke down over a
/// race (`tests/servers/README.md`); conditions make it safe to ask again.
pub(super) fn or_lost_race(setback: Setback) -> Setback {
    let again = match setback.error {
        RecordError::Refused { status: 409 | 412, .. } => Again::LostRace,
        RecordError::Refused { status: 500, .. } => Again::Outage(Duration::ZERO),
        _ => setback.again,
    };
    Setback { again, ..setback }
}

/// Type, id and version of `CarePlan/12/_history/1`, relative or absolute: of an absolute one only the end counts, we
/// never go where a location points.
fn place(location: &str) -> Option<Stored> {
    let (path, version) = match location.split_once("/_history/") {
        Some((path, version)) => (path, Some(version).filter(|version| is_id(version))),
        None => (location, None),
    };
    let (before, id) = path.rsplit_once('/')?;
    let resource_type = before.rsplit('/').next()?;
    let is_type = !resource_type.is_empty() && resource_type.bytes().all(|b| b.is_ascii_alphabetic());
    (is_type && is_id(id)).then(|| Stored {
        resource_type: resource_type.to_owned(),
        id: id.to_owned(),
        version: version.map(str::to_owned),
        key: String::new(),
        digest: None,
        status: None,
        created: false,
    })
}

/// Whether this is what was to be updated, at a version that the update made.
pub(super) fn updates(stored: &Stored, update: &Update) -> bool {
    stored.resource_type == update.resource_type
        && stored.id == update.id
        && stored.version.as_ref().is_some_and(|it| *it != update.version)
}

/// Whether what is stored is what the entry wanted there.
pub(super) fn answers(stored: &Stored, entry: &Entry) -> bool {
    stored.resource_type == entry.resource_type && stored.key == entry.key.code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundle_is_json_and_its_conditions_are_encoded() {
        let key = |code: &str| Coding { system: "https://a.example/k".into(), code: code.into() };
        let entry = Entry {
            person: 0,
            resource_type: "CarePlan",
            full_url: "urn:uuid:1".into(),
            key: key("a+b"),
            digest: key("d"),
            body: br#"{"resourceType":"CarePlan","x":1.50}"#.to_vec(),
        };
        let update = Update {
            resource_type: "CarePlan",
            id: "7".into(),
            version: "3".into(),
            before: Vec::new(),
            after: br#"{"resourceType":"CarePlan","id":"7"}"#.to_vec(),
        };
        let bytes = bundle(&Transaction { entries: vec![entry.clone(), entry], updates: vec![update] }, "https://a.example/fhir");
        let bundle: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(bundle["entry"].as_array().unwrap().len(), 3);
        let put = serde_json::json!({"method": "PUT", "url": "CarePlan/7", "ifMatch": "W/\"3\""});
        assert_eq!(
            (&bundle["entry"][2]["request"], &bundle["entry"][2]["fullUrl"]),
            (&put, &Value::from("https://a.example/fhir/CarePlan/7"))
        );
        assert_eq!(bundle["entry"][1]["request"]["ifNoneExist"], "_tag=https%3A%2F%2Fa.example%2Fk%7Ca%2Bb");
        assert!(String::from_utf8(bytes).unwrap().contains("1.50"));
    }

    #[test]
    fn places_are_read_from_the_end() {
        let read = |location| place(location).map(|place| (place.resource_type, place.id, place.version));
        let expect = |id: &str, version: Option<&str>| Some(("CarePlan".to_owned(), id.to_owned(), version.map(str::to_owned)));
        assert_eq!(read("CarePlan/12/_history/1"), expect("12", Some("1")));
        assert_eq!(read("https://a.example/fhir/CarePlan/a-1"), expect("a-1", None));
        assert_eq!(read("/CarePlan/12"), expect("12", None));
        for odd in ["CarePlan", "", "CarePlan/", "/12", "CarePlan/a b", "CarePlan/..", "a.b/1"] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
