//! Tasks as JSON: what is stored, with what changes by itself put back, whole or in part.

use serde_json::{Map, Value, json};

use super::callback::SUBSETTED;
use super::search::Subset;
use super::shape;
use super::store::Stored;

/// The whole Task. Its stored text is copied, not read.
pub fn print(task: &Stored) -> Vec<u8> {
    let head = head(task);
    let mut printed = Vec::with_capacity(head.len() + task.body.len());
    printed.extend_from_slice(head.as_bytes());
    match task.body.strip_prefix(BEGINNING) {
        Some(rest) => {
            printed.extend_from_slice(br#","#);
            printed.extend_from_slice(rest);
        }
        // never written so; and then it is not ours to guess
        None => printed.extend_from_slice(br#"}}"#),
    }
    printed
}

/// What a former owner sees: how it stands and who owns it, nothing about the client.
pub fn print_reduced(task: &Stored) -> Vec<u8> {
    let held: Value = serde_json::from_slice(&task.body).unwrap_or_default();
    let mut reduced = begun(task);
    reduced.insert("status".to_owned(), task.scope.status.code().into());
    for name in ["intent", "code"] {
        reduced.extend(held.get(name).map(|value| (name.to_owned(), value.clone())));
    }
    reduced.insert("lastModified".to_owned(), last_updated(task).into());
    reduced.insert("requester".to_owned(), json!({ "reference": task.scope.requester }));
    reduced.insert("owner".to_owned(), json!({ "reference": task.scope.owner }));
    serialised(reduced)
}

/// What was asked for of a Task, and what must be there. <https://hl7.org/fhir/R4/search.html#elements>
pub fn print_subset(task: &Stored, subset: &Subset) -> Vec<u8> {
    let shows = |name: &str| match subset {
        Subset::Whole => true,
        Subset::Summary => shape::in_summary(name),
        Subset::Text => name == "text",
        Subset::Data => name != "text",
        Subset::Elements(names) => names.iter().any(|wanted| wanted == name),
    };
    if *subset == Subset::Whole {
        return print(task);
    }
    let Ok(Value::Object(whole)) = serde_json::from_slice(&print(task)) else { return print_reduced(task) };
    let mut part = begun(task);
    part.extend(whole.into_iter().filter(|(name, _)| match name.as_str() {
        "resourceType" | "id" | "meta" => false,
        name => MANDATORY.contains(&name) || shows(name.trim_start_matches('_')),
    }));
    serialised(part)
}

/// Up to where the stored `meta` goes on.
fn head(task: &Stored) -> String {
    let (id, version, at) = (task.id, task.version, last_updated(task));
    format!(r#"{{"resourceType":"Task","id":"{id}","lastModified":"{at}","meta":{{"versionId":"{version}","lastUpdated":"{at}""#)
}

/// An incomplete Task: it says so, and claims no profile.
fn begun(task: &Stored) -> Map<String, Value> {
    let at = last_updated(task);
    let meta =
        json!({ "versionId": task.version.to_string(), "lastUpdated": at, "tag": [{ "system": OBSERVATION_VALUE, "code": SUBSETTED }] });
    let mut begun = Map::new();
    begun.insert("resourceType".to_owned(), "Task".into());
    begun.insert("id".to_owned(), task.id.to_string().into());
    begun.insert("meta".to_owned(), meta);
    begun
}

fn serialised(task: Map<String, Value>) -> Vec<u8> {
    Value::Object(task).to_string().into_bytes()
}

fn last_updated(task: &Stored) -> String {
    format!("{:.3}", task.last_updated)
}

/// What every stored body begins with, without the array that follows.
const BEGINNING: &[u8] = br#"{"meta":{"#;
const OBSERVATION_VALUE: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";

/// Elements that R4 or our profile cannot do without and that say nothing about the client.
const MANDATORY: [&str; 3] = ["status", "intent", "code"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::status::Status;
    use crate::task::store::Scope;

    fn stored() -> Stored {
        let body = json!({
            "meta": { "profile": ["https://neuvola-adapter.example/fhir/StructureDefinition/callback-task"] },
            "status": "requested", "intent": "order",
            "code": { "coding": [{ "code": "callback" }] },
            "text": { "status": "generated" },
            "description": "the matter", "_description": { "id": "d" },
            "for": { "identifier": { "value": "010594Y9032" } },
            "requester": { "reference": "Organization/advice" }, "owner": { "reference": "Organization/a" },
            "input": [{ "valueContactPoint": { "value": "+358401234567" } }]
        });
        let scope = Scope {
            status: Status::Requested,
            owner: "Organization/a".to_owned(),
            requester: "Organization/advice".to_owned(),
            formerly: vec!["Organization/b".to_owned()],
        };
        let last_updated = "2026-11-16T09:00:00Z".parse().unwrap();
        Stored { id: uuid::Uuid::from_u128(7), version: 3, last_updated, body: body.to_string().into_bytes(), scope }
    }

    fn read(printed: &[u8]) -> Value {
        serde_json::from_slice(printed).unwrap()
    }

    fn names(task: &Value) -> Vec<&str> {
        task.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn what_changes_by_itself_is_put_back() {
        let task = read(&print(&stored()));
        assert_eq!(task["resourceType"], "Task");
        assert_eq!(task["id"], "00000000-0000-0000-0000-000000000007");
        assert_eq!(task["lastModified"], "2026-11-16T09:00:00.000Z");
        let profile = "https://neuvola-adapter.example/fhir/StructureDefinition/callback-task";
        assert_eq!(task["meta"], json!({ "versionId": "3", "lastUpdated": "2026-11-16T09:00:00.000Z", "profile": [profile] }));
        assert_eq!(task["for"]["identifier"]["value"], "010594Y9032");
    }

    #[test]
    fn a_former_owner_sees_nothing_of_the_client() {
        let task = read(&print_reduced(&stored()));
        assert_eq!(names(&task), ["resourceType", "id", "meta", "status", "intent", "code", "lastModified", "requester", "owner"]);
        assert_eq!(task["meta"]["tag"][0]["code"], "SUBSETTED");
        assert!(task["meta"].get("profile").is_none());
    }

    #[test]
    fn subsets_keep_what_must_be_there_and_say_that_they_are() {
        let subset = |subset| read(&print_subset(&stored(), &subset));
        let elements = subset(Subset::Elements(vec!["description".to_owned()]));
        assert_eq!(names(&elements), ["resourceType", "id", "meta", "status", "intent", "code", "description", "_description"]);
        assert_eq!(elements["meta"]["tag"][0]["system"], OBSERVATION_VALUE);
        let text = subset(Subset::Text);
        assert_eq!(names(&text), ["resourceType", "id", "meta", "status", "intent", "code", "text"]);
        assert!(subset(Subset::Data).get("text").is_none());
        let summary = subset(Subset::Summary);
        assert!(summary.get("for").is_some() && summary.get("input").is_none() && summary.get("text").is_none());
        assert_eq!(subset(Subset::Whole), read(&print(&stored())));
    }
}
