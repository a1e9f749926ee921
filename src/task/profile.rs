//! What our profile asks of a Task beyond R4: `profiles/StructureDefinition-callback-task.json` says the same to others.

use jiff::Timestamp;
use neuvola_fhir::{Node, Place};

use super::codes::{Codes, system};
use super::status::Status;
use super::store::Priority;
use crate::identity;
use crate::issue::{Issue, Issues};

/// Notes everything that breaks the profile. The shape was checked before.
pub(super) fn check(task: &Node<'_>, codes: &Codes, issues: &mut Issues) {
    let root = Place::root("Task");
    word(task, "status", &Status::ALL.map(Status::code), root, issues);
    word(task, "intent", &["order"], root, issues);
    word(task, "priority", &Priority::ALL.map(Priority::code), root, issues);
    for (name, of) in CODED {
        match task.member(name) {
            Some(concept) => coded(concept, of, codes, root.member(name), issues),
            None if name == "code" => issues.push(missing(root.member(name), "it says that this is a callback request")),
            None => {}
        }
    }
    for (index, concept) in task.list("performerType").iter().enumerate() {
        coded(concept, "callback-profession", codes, root.member("performerType").element(index), issues);
    }
    reference(task, "requester", &["Organization/"], root, issues);
    reference(task, "owner", &["Organization/", "HealthcareService/"], root, issues);
    person(task, root, issues);
    identifiers(task, root, issues);
    if task.member("authoredOn").is_none() {
        issues.push(missing(root.member("authoredOn"), "when the client asked"));
    } else if task.text("authoredOn").is_some_and(|text| text.parse::<Timestamp>().is_err()) {
        issues.push(Issue::error("value", "wrong-type", root.member("authoredOn"), "`authoredOn` needs a time and an offset"));
    }
    let due = task.member("restriction").and_then(|restriction| restriction.member("period")).and_then(|period| period.text("end"));
    if due.is_none_or(|end| end.parse::<Timestamp>().is_err()) {
        let place = "Task.restriction.period.end";
        issues.push(Issue::error("required", "missing-member", place, "the deadline is missing, or has no time and offset"));
    }
    for (name, most) in [("description", 4000)] {
        if task.text(name).is_some_and(|text| text.chars().count() > most) {
            issues.push(Issue::error("too-long", "too-long", root.member(name), format!("`{name}` is longer than {most} characters")));
        }
    }
    for name in ["note", "input", "output", "identifier", "partOf", "performerType"] {
        if task.list(name).len() > MOST {
            issues.push(Issue::error("too-long", "too-long", root.member(name), format!("there are more than {MOST} of `{name}`")));
        }
    }
    if task.text("status") == Some("entered-in-error") && task.member("statusReason").is_none() {
        issues.push(missing(root.member("statusReason"), "an error says what was wrong").remedy(one_of(codes, "callback-status-reason")));
    }
    super::parameters::check(task, codes, issues);
}

/// `(system, code)` of the codings of a CodeableConcept.
pub(super) fn codings(concept: &Node<'_>) -> Vec<(String, String)> {
    let coding = |coding: &Node<'_>| Some((coding.text("system").unwrap_or_default().to_owned(), coding.text("code")?.to_owned()));
    concept.list("coding").iter().filter_map(coding).collect()
}

/// The queue's code, as the input says.
pub(super) fn queue(task: &Node<'_>) -> Option<String> {
    let of_queue = task.list("input").iter().find(|input| super::parameters::kind(input, "callback-input") == Some("queue"))?;
    codings(of_queue.member("valueCodeableConcept")?).into_iter().find(|(of, _)| *of == system("callback-queue")).map(|(_, code)| code)
}

/// One of a concept's codings must be of our system; codes of our system must be known.
pub(super) fn coded(concept: &Node<'_>, of: &str, codes: &Codes, place: Place<'_>, issues: &mut Issues) {
    let ours = system(of);
    let found = codings(concept);
    for (_, code) in found.iter().filter(|(of, _)| *of == ours) {
        if !codes.has(of, code) {
            issues.push(
                Issue::error("code-invalid", "unknown-code", place, format!("the code is not in `{ours}`")).remedy(one_of(codes, of)),
            );
        }
    }
    if REQUIRED.contains(&of) && !found.iter().any(|(of, _)| *of == ours) {
        issues.push(Issue::error("code-invalid", "unknown-code", place, format!("a code of `{ours}` is wanted")).remedy(one_of(codes, of)));
    }
}

pub(super) fn one_of(codes: &Codes, of: &str) -> String {
    format!("one of: {}", codes.in_system(of).join(", "))
}

pub(super) fn missing(place: impl ToString, what: &str) -> Issue {
    let place = place.to_string();
    let name = place.rsplit('.').next().unwrap_or_default().to_owned();
    Issue::error("required", "missing-member", place, format!("`{name}` is missing: {what}"))
}

fn word(task: &Node<'_>, name: &str, words: &[&str], root: Place<'_>, issues: &mut Issues) {
    if task.text(name).is_some_and(|text| !words.contains(&text)) {
        let message = format!("`{name}` is none of those that callback requests use");
        issues
            .push(Issue::error("code-invalid", "unknown-code", root.member(name), message).remedy(format!("one of: {}", words.join(", "))));
    }
}

fn reference(task: &Node<'_>, name: &str, kinds: &[&str], root: Place<'_>, issues: &mut Issues) {
    let wanted = kinds.iter().map(|kind| format!("{kind}{{id}}")).collect::<Vec<_>>().join(" or ");
    match task.member(name).and_then(|reference| reference.text("reference")) {
        None => issues.push(missing(root.member(name), &format!("a reference, {wanted}"))),
        Some(text) if kinds.iter().any(|kind| text.strip_prefix(kind).is_some_and(is_id)) => {}
        Some(_) => issues.push(Issue::error(
            "value",
            "wrong-reference",
            root.member(name),
            format!("`{name}` is no literal reference to {wanted}"),
        )),
    }
}

/// R4 `id`.
pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}

/// Anonymous, or an identifier: the record systems' own ids mean nothing here.
fn person(task: &Node<'_>, root: Place<'_>, issues: &mut Issues) {
    let Some(person) = task.member("for") else { return };
    let place = root.member("for");
    if person.member("reference").is_some() {
        let issue = Issue::error(
            "business-rule",
            "wrong-reference",
            place.member("reference"),
            "`for` is an identifier here, no literal reference",
        );
        issues.push(issue.remedy("`\"for\": {\"identifier\": {\"system\": …, \"value\": …}}`, or no `for` for an anonymous client"));
    }
    match person.member("identifier").map(|identifier| (identifier.text("system"), identifier.text("value"))) {
        Some((Some(of), Some(value))) => {
            if let Err(fault) = identity::check(of, value) {
                issues.push(Issue::error("value", "identifier", place.member("identifier"), fault));
            }
        }
        _ => issues.push(Issue::error("required", "missing-member", place.member("identifier"), "an identifier has `system` and `value`")),
    }
}

fn identifiers(task: &Node<'_>, root: Place<'_>, issues: &mut Issues) {
    let list = root.member("identifier");
    let of_list = task.list("identifier").iter().enumerate().map(|(index, node)| (node, list.element(index)));
    let group = root.member("groupIdentifier");
    for (node, place) in of_list.chain(task.member("groupIdentifier").map(|node| (node, group))) {
        if node.text("system").is_none() || node.text("value").is_none() {
            issues.push(Issue::error("required", "missing-member", place, "an identifier has `system` and `value`"));
        } else if node.text("value").is_some_and(|value| value.len() > 256) {
            issues.push(Issue::error("too-long", "too-long", place, "an identifier's `value` has at most 256 bytes"));
        }
    }
}

/// Elements and the code systems that their codes are of.
const CODED: [(&str, &str); 4] = [
    ("code", "callback-task-code"),
    ("businessStatus", "callback-business-status"),
    ("statusReason", "callback-status-reason"),
    ("reasonCode", "callback-topic"),
];

/// Where a code of ours must be.
const REQUIRED: [&str; 6] =
    ["callback-task-code", "callback-business-status", "callback-queue", "callback-channel", "callback-input", "callback-output"];

/// Of anything that repeats.
const MOST: usize = 100;
