//! Notifications, and the answers of `$status` and `$events`: the same status, as Parameters, in front of a Bundle.
//!
//! * notification: <https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription-notification-r4.html>
//! * status: <https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription-status-r4.html>
//! * what an empty and an id-only one holds: <https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/payloads.html>
//!
//! A history Bundle wants `request` and `response` in every entry (bdl-3, bdl-4): the status stands there as if it was asked for,
//! and each Task as if it was just written, without its content.

use jiff::Timestamp;
use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::{
    Bundle, BundleEntry, BundleEntryRequest, BundleEntryResponse, BundleEntrySearch, BundleLink, Parameters, ParametersParameter,
    ParametersParameterValue as Value,
};
use neuvola_fhir::model::types::{CodeableConcept, Meta, Reference};
use uuid::Uuid;

use super::subscription::Content;
use super::{BACKPORT, TOPIC};
use crate::task::store::{Event, Subscribed};

/// `subscription-notification-type`, <https://hl7.org/fhir/R4B/valueset-subscription-notification-type.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Handshake,
    Heartbeat,
    Event,
    QueryStatus,
    QueryEvent,
}

impl Kind {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Heartbeat => "heartbeat",
            Self::Event => "event-notification",
            Self::QueryStatus => "query-status",
            Self::QueryEvent => "query-event",
        }
    }
}

/// A notification, or the answer of `$events`. The same events give the same Bundle, so that a repeat is recognised by its id.
///
/// `base` is our own FHIR base, as those who are told know us.
pub fn notification(base: &str, kept: &Subscribed, content: Content, kind: Kind, events: &[(u64, Event)], now: Timestamp) -> Vec<u8> {
    let name = match (events.first(), events.last()) {
        (Some((first, _)), Some((last, _))) => format!("{} {first} {last}", kind.code()),
        _ => format!("{} {now}", kind.code()),
    };
    let url = format!("{base}/Subscription/{}/$status", kept.id);
    let id = Uuid::new_v5(&kept.id, format!("status {name}").as_bytes());
    let status = status(base, kept, id, content, kind, events);
    let first = written(format!("urn:uuid:{id}"), "GET", &url, "200");
    let mut entry = vec![BundleEntry { resource: Some(status), ..first }];
    if content == Content::IdOnly {
        entry.extend(latest(events).map(|event| task(base, event)));
    }
    let id = Uuid::new_v5(&kept.id, name.as_bytes());
    print(Bundle {
        id: Some(id.to_string().into()),
        meta: profile("subscription-notification-r4"),
        r#type: "history".into(),
        timestamp: Some(now.to_string().into()),
        entry,
        ..Default::default()
    })
}

/// The answer of `$status`.
pub fn statuses(base: &str, kept: &[(Subscribed, Content)], url: &str) -> Vec<u8> {
    let entry = kept.iter().map(|(kept, content)| {
        let id = Uuid::new_v5(&kept.id, b"query-status");
        BundleEntry {
            full_url: Some(format!("urn:uuid:{id}").into()),
            resource: Some(status(base, kept, id, *content, Kind::QueryStatus, &[])),
            search: Some(BundleEntrySearch { mode: Some("match".into()), ..Default::default() }),
            ..Default::default()
        }
    });
    print(Bundle {
        r#type: "searchset".into(),
        total: u32::try_from(kept.len()).ok().map(Into::into),
        link: vec![BundleLink { relation: "self".into(), url: url.into(), ..Default::default() }],
        entry: entry.collect(),
        ..Default::default()
    })
}

fn status(base: &str, kept: &Subscribed, id: Uuid, content: Content, kind: Kind, events: &[(u64, Event)]) -> Resource {
    let mut parameter = vec![
        named("subscription", reference(format!("{base}/Subscription/{}", kept.id))),
        named("status", Value::Code(kept.status.as_str().into())),
        named("type", Value::Code(kind.code().into())),
        named("events-since-subscription-start", Value::String(kept.progress.matched.to_string().into())),
    ];
    if content == Content::IdOnly {
        parameter.insert(1, named("topic", Value::Canonical(TOPIC.into())));
    }
    parameter.extend(events.iter().map(|(number, event)| {
        let mut part = vec![
            named("event-number", Value::String(number.to_string().into())),
            named("timestamp", Value::Instant(event.at.to_string().into())),
        ];
        if content == Content::IdOnly {
            part.push(named("focus", reference(format!("{base}/Task/{}", event.task))));
        }
        ParametersParameter { name: "notification-event".into(), part, ..Default::default() }
    }));
    parameter.extend(kept.progress.error.as_deref().map(|error| {
        let error = CodeableConcept { text: Some(error.into()), ..Default::default() };
        named("error", Value::CodeableConcept(Box::new(error)))
    }));
    let (id, meta) = (Some(id.to_string().into()), profile("subscription-status-r4"));
    Resource::Parameters(Box::new(Parameters { id, meta, parameter, ..Default::default() }))
}

/// The last event of each Task.
fn latest(events: &[(u64, Event)]) -> impl Iterator<Item = &Event> {
    let is_last = move |index: usize, event: &Event| !events[index + 1..].iter().any(|(_, later)| later.task == event.task);
    events.iter().enumerate().filter(move |(index, (_, event))| is_last(*index, event)).map(|(_, (_, event))| event)
}

fn task(base: &str, event: &Event) -> BundleEntry {
    let full_url = format!("{base}/Task/{}", event.task);
    if event.before.is_none() {
        return written(full_url, "POST", "Task", "201");
    }
    written(full_url, "PUT", &format!("Task/{}", event.task), "200")
}

fn written(full_url: String, method: &str, url: &str, status: &str) -> BundleEntry {
    BundleEntry {
        full_url: Some(full_url.into()),
        request: Some(BundleEntryRequest { method: method.into(), url: url.into(), ..Default::default() }),
        response: Some(BundleEntryResponse { status: status.into(), ..Default::default() }),
        ..Default::default()
    }
}

fn named(name: &str, value: Value) -> ParametersParameter {
    ParametersParameter { name: name.into(), value: Some(value), ..Default::default() }
}

fn reference(reference: String) -> Value {
    Value::Reference(Box::new(Reference { reference: Some(reference.into()), ..Default::default() }))
}

fn profile(name: &str) -> Option<Box<Meta>> {
    Some(Box::new(Meta { profile: vec![format!("{BACKPORT}{name}").into()], ..Default::default() }))
}

fn print(bundle: Bundle) -> Vec<u8> {
    neuvola_fhir::print(&Resource::Bundle(Box::new(bundle)))
}

#[cfg(test)]
mod tests {
    use super::super::subscription_tests::kept;
    use super::*;
    use crate::task::status::Status;
    use crate::task::store::Moment;

    const BASE: &str = "https://adapter.example/fhir";

    fn event(task: u128, seq: i64, created: bool) -> Event {
        let moment = Moment {
            status: Status::Requested,
            owner: "HealthcareService/maternity-child-health".to_owned(),
            queue: "maternity-child-health".to_owned(),
            due: None,
        };
        Event {
            seq,
            task: Uuid::from_u128(task),
            version: 1,
            at: "2026-11-16T09:00:00.001Z".parse().unwrap(),
            before: (!created).then(|| moment.clone()),
            now: moment,
            requester: "Organization/advice-service".to_owned(),
            formerly: Vec::new(),
        }
    }

    fn told(content: Content, kind: Kind, events: &[(u64, Event)]) -> serde_json::Value {
        let printed = notification(BASE, &kept(), content, kind, events, "2026-11-16T09:00:01Z".parse().unwrap());
        serde_json::from_slice(&printed).unwrap()
    }

    #[test]
    fn a_notification_names_the_tasks_and_nothing_of_them() {
        let events = [(3, event(7, 30, true)), (4, event(8, 31, false)), (5, event(7, 32, false))];
        let told = told(Content::IdOnly, Kind::Event, &events);
        assert_eq!(told["type"], "history");
        let status = &told["entry"][0]["resource"];
        assert_eq!(status["resourceType"], "Parameters");
        let names: Vec<_> = status["parameter"].as_array().unwrap().iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
        let event = "notification-event";
        assert_eq!(names, ["subscription", "topic", "status", "type", "events-since-subscription-start", event, event, event]);
        let entries: Vec<_> = told["entry"].as_array().unwrap().iter().map(|entry| entry["request"]["method"].as_str().unwrap()).collect();
        assert_eq!(entries, ["GET", "PUT", "PUT"], "one a Task");
        let text = told.to_string();
        for word in ["queue", "maternity", "owner", "requester", "Organization"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn an_empty_one_does_not_even_name_them() {
        let told = told(Content::Empty, Kind::Event, &[(3, event(7, 30, true))]);
        assert_eq!(told["entry"].as_array().unwrap().len(), 1);
        let text = told.to_string();
        assert!(!text.contains("Task/") && !text.contains("focus") && !text.contains("SubscriptionTopic"), "{text}");
    }

    #[test]
    fn the_same_events_give_the_same_bundle() {
        let events = [(3, event(7, 30, true))];
        let (first, again) = (told(Content::IdOnly, Kind::Event, &events), told(Content::IdOnly, Kind::Event, &events));
        assert_eq!(first["id"], again["id"]);
        assert_ne!(first["id"], told(Content::IdOnly, Kind::Heartbeat, &[])["id"]);
    }

    /// Renewed with `NEUVOLA_RENEW=yes cargo test --lib the_examples_that_are_judged`; HL7's validator judges the files.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "renews the examples on request")]
    fn the_examples_that_are_judged_are_what_is_printed() {
        let now = "2026-11-16T09:00:01Z".parse().unwrap();
        let mut failed = kept();
        failed.status = "error".to_owned();
        failed.progress.error = Some("given up after 57 tries: the endpoint answered 500".to_owned());
        let events = [(3, event(7, 30, true)), (4, event(8, 31, false))];
        let read_back = neuvola_fhir::print(&Resource::Subscription(Box::new(super::super::subscription::resource(&kept()).unwrap())));
        let examples = [
            ("read-back", read_back),
            ("handshake", notification(BASE, &kept(), Content::IdOnly, Kind::Handshake, &[], now)),
            ("events", notification(BASE, &kept(), Content::IdOnly, Kind::Event, &events, now)),
            ("empty", notification(BASE, &kept(), Content::Empty, Kind::Event, &events, now)),
            ("query-event", notification(BASE, &failed, Content::IdOnly, Kind::QueryEvent, &events, now)),
            ("query-status", statuses(BASE, &[(failed, Content::IdOnly)], &format!("{BASE}/Subscription/$status"))),
        ];
        for (name, printed) in examples {
            let file = format!("{}/tests/judge/cases/valid/subscription-{name}.json", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("NEUVOLA_RENEW").is_some() {
                std::fs::write(&file, [printed.as_slice(), b"\n"].concat()).unwrap();
            }
            let shipped = std::fs::read(&file).unwrap_or_default();
            assert_eq!(String::from_utf8_lossy(&printed), String::from_utf8_lossy(&shipped).trim_end(), "{name}");
        }
    }
}
