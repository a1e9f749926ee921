//! The chat platform's contact, as JSON of our own, to a Task. `fixtures/tasks/README.md` documents the members.

mod places;

use jiff::Timestamp;
use neuvola_fhir::{Node, Place};
use serde_json::{Map, Value, json};

use super::codes::{Codes, system};
use super::parameters::is_phone_number;
use super::store::Priority;
use crate::form::Object;
use crate::form::submission::read_identifier;
use crate::issue::{Issue, Issues};

pub use places::Places;

/// A contact that asks to be called back.
#[derive(Debug)]
pub struct Contact {
    /// As a Task, without what the adapter says itself: who requests, who shall own it, until when.
    pub task: Map<String, Value>,
    /// The client's own neuvola: a reference, or an organisation's identifier.
    pub own: Option<String>,
}

/// Reads a contact, every fault at once, each with its place in the platform's own JSON.
///
/// # Errors
/// The faults.
pub fn contact(document: &[u8], codes: &Codes) -> Result<Contact, Vec<Issue>> {
    let node = neuvola_fhir::read(document).map_err(|faults| faults.into_iter().map(Issue::from).collect::<Vec<_>>())?;
    let mut issues = Issues::default();
    let contact = read(&node, codes, &mut issues);
    match contact {
        Some(contact) if !issues.has_errors() => Ok(contact),
        _ => Err(issues.into_list()),
    }
}

fn read(node: &Node<'_>, codes: &Codes, issues: &mut Issues) -> Option<Contact> {
    let words = |of: &str| codes.in_system(of).iter().map(String::as_str).collect::<Vec<_>>();
    let mut object = Object::open(node, Place::root(""), issues)?;
    let id = object.required("id");
    let received = object.required_instant("received");
    let queues = words("callback-queue");
    let queue = object.word("queue", &queues).map(|index| queues[index]);
    let topics = words("callback-topic");
    let topic = object.word("topic", &topics).map(|index| topics[index]);
    let channels = words("callback-channel");
    let channel = object.word("channel", &channels).map(|index| channels[index]);
    let urgency = if object.optional("urgency").is_some() {
        object.word("urgency", &Priority::ALL.map(Priority::code)).map(|index| Priority::ALL[index].code())
    } else {
        None
    };
    let description = object.bounded_text("description", 4000);
    let person = object.required("person");
    let phone = object.optional_text("phone");
    let language = object.bounded_text("language", 35);
    let interpreter = object.optional_bool("interpreter");
    let own = object.bounded_text("ownClinic", 128);
    let municipality = object.optional_text("municipality");
    let professions = object.texts("professions", 64);
    let (times, pictures) = (object.list("preferredTimes"), object.list("pictures"));
    let video = object.bounded_text("videoLink", 2000);
    let taken_by = object.optional("takenBy");

    let (root, issues) = object.inner();
    for (name, number) in [("preferredTimes", times.len()), ("pictures", pictures.len()), ("professions", professions.len())] {
        if number > MOST {
            issues.push(Issue::error("too-long", "too-long", root.member(name), format!("there are more than {MOST} of `{name}`")));
        }
    }
    let id = id.and_then(|id| read_identifier(id, root.member("id"), issues));
    let person = person.and_then(|person| read_person(person, root.member("person"), issues));
    let mut inputs = Vec::new();
    inputs.extend(queue.map(|code| input("queue", "valueCodeableConcept", concept("callback-queue", code))));
    inputs.extend(channel.map(|code| input("channel", "valueCodeableConcept", concept("callback-channel", code))));
    match phone {
        Some(number) if is_phone_number(number) => {
            inputs.push(input("phone", "valueContactPoint", json!({"system": "phone", "value": number})));
        }
        Some(_) => {
            let issue =
                Issue::error("value", "phone-number", root.member("phone"), "the phone number is none of any country, in E.164's form");
            issues.push(issue.remedy("+358401234567: a plus, the country, no spaces"));
        }
        None if matches!(channel, Some("phone" | "text")) => {
            issues.push(Issue::error("required", "missing-member", root.member("phone"), "a call or a text message needs `phone`"));
        }
        None => {}
    }
    let list = root.member("preferredTimes");
    inputs.extend(times.iter().enumerate().filter_map(|(index, time)| preferred(time, list.element(index), issues)));
    inputs.extend(
        language.map(|code| input("language", "valueCodeableConcept", json!({"coding": [{"system": "urn:ietf:bcp:47", "code": code}]}))),
    );
    if language.is_some_and(|code| !super::parameters::is_language(code)) {
        issues.push(
            Issue::error("code-invalid", "unknown-word", root.member("language"), "the language is no code of BCP 47")
                .remedy("fi, sv, en, so, ar …"),
        );
    }
    inputs.extend(interpreter.map(|needed| input("interpreter", "valueBoolean", needed.into())));
    if let Some(code) = municipality {
        if code.len() != 3 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
            issues.push(Issue::error("value", "municipality", root.member("municipality"), "a municipality's code has three digits"));
        }
        inputs.push(input("municipality", "valueCodeableConcept", json!({"coding": [{"system": MUNICIPALITIES, "code": code}]})));
    }
    let list = root.member("pictures");
    inputs.extend(pictures.iter().enumerate().filter_map(|(index, node)| picture(node, list.element(index), issues)));
    inputs.extend(video.map(|url| input("video-link", "valueUrl", url.into())));
    if video.is_some_and(|url| !url.starts_with("https://") || url.contains(char::is_whitespace)) {
        issues.push(Issue::error("value", "not-https", root.member("videoLink"), "the link must be https"));
    }
    inputs.extend(taken_by.and_then(|node| taker(node, root.member("takenBy"), issues)));
    for (index, _) in professions.iter().enumerate().filter(|(_, code)| !codes.has("callback-profession", code)) {
        let list = root.member("professions");
        let issue = Issue::error("code-invalid", "unknown-word", list.element(index), "the profession is not known");
        issues.push(issue.remedy(format!("one of: {}", codes.in_system("callback-profession").join(", "))));
    }
    object.close();

    let id = id?;
    let mut task = Map::new();
    let mut put = |name: &str, value: Value| task.insert(name.to_owned(), value);
    put("resourceType", "Task".into());
    put("identifier", json!([{"system": id.system, "value": id.value}]));
    put("status", "requested".into());
    put("intent", "order".into());
    put("priority", urgency.unwrap_or("routine").into());
    put("code", concept("callback-task-code", "callback"));
    if let Some(text) = description {
        put("description", text.into());
    }
    if let Some(Value::Object(identifier)) = person? {
        put("for", json!({"identifier": identifier}));
    }
    put("authoredOn", received?.into());
    put("reasonCode", concept("callback-topic", topic?));
    if !professions.is_empty() {
        put("performerType", professions.iter().map(|code| concept("callback-profession", code)).collect());
    }
    put("input", Value::Array(inputs));
    Some(Contact { task, own: own.map(str::to_owned) })
}

/// `{"identifier": …}`, or `{"anonymous": true}`: that nobody is named must be said.
fn read_person(node: &Node<'_>, place: Place<'_>, issues: &mut Issues) -> Option<Option<Value>> {
    let mut object = Object::open(node, place, issues)?;
    let identifier = object.optional("identifier");
    let anonymous = object.optional_bool("anonymous");
    let (here, issues) = object.inner();
    let read = match (identifier, anonymous) {
        (Some(node), None | Some(false)) => {
            read_identifier(node, here.member("identifier"), issues).map(|id| Some(json!({"system": id.system, "value": id.value})))
        }
        (None, Some(true)) => Some(None),
        _ => {
            let issue = Issue::error("business-rule", "person", here, "a person has an `identifier`, or is `anonymous`");
            issues.push(issue.remedy("`{\"identifier\": {\"system\": \"urn:oid:1.2.246.21\", \"value\": …}}` or `{\"anonymous\": true}`"));
            None
        }
    };
    object.close();
    read
}

fn preferred(node: &Node<'_>, place: Place<'_>, issues: &mut Issues) -> Option<Value> {
    let mut object = Object::open(node, place, issues)?;
    let (start, end) = (object.required_instant("start"), object.required_instant("end"));
    let (here, issues) = object.inner();
    let instant = |text: Option<&str>| text.and_then(|text| text.parse::<Timestamp>().ok());
    if let (Some(from), Some(until)) = (instant(start), instant(end))
        && from >= until
    {
        issues.push(Issue::error("value", "wrong-period", here, "`start` comes before `end`"));
    }
    object.close();
    Some(input("preferred-time", "valuePeriod", json!({"start": start?, "end": end?})))
}

/// A picture stays where it is; what comes is where, how large, and its SHA-1 (as R4's Attachment has it).
fn picture(node: &Node<'_>, place: Place<'_>, issues: &mut Issues) -> Option<Value> {
    let mut object = Object::open(node, place, issues)?;
    let (url, content_type, hash) = (object.required_text("url"), object.required_text("contentType"), object.required_text("hash"));
    let title = object.bounded_text("title", 200);
    let size = object.required("size").and_then(|size| size.as_number()?.parse::<i32>().ok()).filter(|size| *size > 0);
    let (here, issues) = object.inner();
    if node.member("size").is_some() && size.is_none() {
        issues.push(Issue::error("value", "wrong-type", here.member("size"), "`size` is a number of bytes"));
    }
    if url.is_some_and(|url| !url.starts_with("https://") || url.contains(char::is_whitespace)) {
        issues.push(Issue::error("value", "not-https", here.member("url"), "a picture has an https `url`"));
    }
    if hash.is_some_and(|hash| !super::parameters::is_sha1(hash)) {
        issues.push(Issue::error("value", "wrong-type", here.member("hash"), "`hash` is a SHA-1, as base64"));
    }
    object.close();
    let mut attachment = json!({"contentType": content_type?, "url": url?, "size": size?, "hash": hash?});
    if let Some(title) = title {
        attachment["title"] = title.into();
    }
    Some(input("picture", "valueAttachment", attachment))
}

fn taker(node: &Node<'_>, place: Place<'_>, issues: &mut Issues) -> Option<Value> {
    let mut object = Object::open(node, place, issues)?;
    let (name, identifier) = (object.bounded_text("name", 200), object.optional("identifier"));
    let (here, issues) = object.inner();
    let identifier = identifier.and_then(|node| read_identifier(node, here.member("identifier"), issues));
    if name.is_none() && identifier.is_none() {
        issues.push(Issue::error("required", "missing-member", here, "who took the contact has a `name` or an `identifier`"));
    }
    object.close();
    let mut reference = Map::new();
    if let Some(id) = identifier {
        reference.insert("identifier".to_owned(), json!({"system": id.system, "value": id.value}));
    }
    if let Some(name) = name {
        reference.insert("display".to_owned(), name.into());
    }
    Some(input("taken-by", "valueReference", Value::Object(reference)))
}

fn input(code: &str, name: &str, value: Value) -> Value {
    let mut input = json!({"type": concept("callback-input", code)});
    input[name] = value;
    input
}

/// A CodeableConcept of one of our codes.
pub(super) fn concept(of: &str, code: &str) -> Value {
    json!({"coding": [{"system": system(of), "code": code}]})
}

/// Of any list.
const MOST: usize = 40;

/// The code system of municipalities (HL7 Finland base profiles).
pub(super) const MUNICIPALITIES: &str = "urn:oid:1.2.246.537.6.21.2003";
