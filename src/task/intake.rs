//! A new request, completed: who requests it, who shall own it, until when, and what goes without saying.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::calendar::HELSINKI;
use super::callback::{CallbackTask, Unfit};
use super::change::{Actor, REQUESTERS};
use super::codes::Codes;
use super::convert::{MUNICIPALITIES, concept};
use super::directory::Wanted;
use super::profile::one_of;
use super::store::Priority;
use crate::issue::Issue;

/// What a requester may leave to the adapter, beside the Task itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// The client's own neuvola: `Organization/{id}`, or an organisation's identifier.
    pub own: Option<&'a str>,
}

/// Completes a Task that came as FHIR or was made of a contact, and reads it whole.
///
/// # Errors
/// Everything that is wrong with it.
pub fn complete(mut task: Map<String, Value>, hints: Hints<'_>, actor: &Actor<'_>, codes: &Codes) -> Result<CallbackTask, Unfit> {
    let mut issues = Vec::new();
    for (name, value) in [
        ("status", Value::from("requested")),
        ("intent", "order".into()),
        ("priority", "routine".into()),
        ("code", concept("callback-task-code", "callback")),
        ("authoredOn", format!("{:.3}", actor.now).into()),
    ] {
        task.entry(name).or_insert(value);
    }
    // nobody has called yet, whatever was sent
    task.insert("businessStatus".to_owned(), concept("callback-business-status", "waiting"));
    if task.contains_key("output") {
        issues.push(Issue::error(
            "business-rule",
            "not-requested",
            "Task.output",
            "a new Task has no `output`: the owner says how it ended",
        ));
    }
    if task["status"] != "requested" {
        let issue = Issue::error("business-rule", "not-requested", "Task.status", "a new Task is `requested`");
        issues.push(issue.remedy("leave `status` out, or say `requested`"));
    }
    // asked of new ones alone: a topic never changes, so that an older Task without one could not be worked on any more
    if !task.contains_key("reasonCode") {
        let issue = Issue::error("required", "missing-member", "Task.reasonCode", "`reasonCode` is missing: the topic of the request");
        issues.push(issue.remedy(one_of(codes, "callback-topic")));
    }
    requester(&mut task, actor, &mut issues);
    sign_notes(&mut task, actor);
    let authored = task["authoredOn"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    match authored {
        Some(authored) if authored > actor.now + SKEW => {
            let issue = Issue::error("value", "future", "Task.authoredOn", "the request was made in the future");
            issues.push(issue.remedy("a clock may be 5 minutes ahead"));
        }
        Some(authored) if authored < actor.now - OLDEST => {
            let issue = Issue::error("value", "too-old", "Task.authoredOn", "the request was made longer ago than requests are taken late");
            issues.push(issue.remedy(format!("at most {} days ago", OLDEST.as_hours() / 24)));
        }
        // clocks differ; nothing is changed before it was asked for (R4, Task inv-1)
        Some(authored) if authored > actor.now => {
            task.insert("authoredOn".to_owned(), format!("{:.3}", actor.now).into());
        }
        _ => {}
    }
    // no deadline is computed from an instant that is refused
    let asked = authored.filter(|_| issues.iter().all(|issue| issue.place != "Task.authoredOn")).unwrap_or(actor.now);
    owner(&mut task, hints, actor, asked, &mut issues);
    deadline(&mut task, actor, asked, &mut issues);
    match CallbackTask::prove(task, codes) {
        Ok(mut task) if issues.is_empty() => {
            task.index.attempts = 0;
            Ok(task)
        }
        Ok(_) => Err(Unfit::NotOurs(issues)),
        Err(Unfit::NotOurs(more)) => {
            // who is missing because nobody could be found was told
            let told = |faults: &[&str]| issues.iter().any(|issue| faults.contains(&issue.fault));
            let (requester, owner) = (told(&["requester"]), told(&["owner", "own-clinic", "no-service"]));
            let again = |issue: &Issue| match &*issue.place {
                "Task.requester" => requester,
                "Task.owner" => owner,
                _ => false,
            };
            issues.extend(more.into_iter().filter(|issue| !again(issue)));
            Err(Unfit::NotOurs(issues))
        }
        Err(unreadable) => Err(unreadable),
    }
}

/// The caller's own organisation, where it has one only; otherwise one of its own must be named.
fn requester(task: &mut Map<String, Value>, actor: &Actor<'_>, issues: &mut Vec<Issue>) {
    let own: Vec<String> = if actor.caller.is_any(REQUESTERS) { actor.organizations().collect() } else { Vec::new() };
    match task.get("requester").map(|requester| requester["reference"].as_str()) {
        None if own.len() == 1 => {
            task.insert("requester".to_owned(), json!({"reference": own[0]}));
        }
        Some(Some(named)) if own.iter().any(|own| own == named) => {}
        _ => {
            let issue =
                Issue::error("business-rule", "requester", "Task.requester", "`requester` is none of the organisations that you speak for");
            issues.push(
                issue.remedy(format!("`requester` is {}", if own.is_empty() { "nobody of yours".to_owned() } else { own.join(" or ") })),
            );
        }
    }
}

/// Notes say when, and who where they say nobody.
fn sign_notes(task: &mut Map<String, Value>, actor: &Actor<'_>) {
    let requester = task.get("requester").cloned();
    let Some(Value::Array(notes)) = task.get_mut("note") else { return };
    for note in notes {
        let Value::Object(note) = note else { continue };
        note.insert("time".to_owned(), format!("{:.0}", actor.now).into());
        if !note.contains_key("authorString") {
            note.extend(requester.clone().map(|requester| ("authorReference".to_owned(), requester)));
        }
    }
}

/// Named by the requester, or routed.
fn owner(task: &mut Map<String, Value>, hints: Hints<'_>, actor: &Actor<'_>, at: Timestamp, issues: &mut Vec<Issue>) {
    let directory = actor.directory;
    if let Some(named) = task.get("owner") {
        if !named["reference"].as_str().is_some_and(|reference| directory.knows(reference)) {
            let issue = Issue::error("business-rule", "owner", "Task.owner", "`owner` is nobody who is known here");
            issues.push(
                issue.remedy("GET /fhir/Organization and /fhir/HealthcareService tell who is; leave it out to have the request routed"),
            );
        }
        return;
    }
    let own = hints.own.map(|own| {
        let by_identifier = directory.organizations().iter().find(|organization| organization.identifier == own);
        by_identifier.map_or_else(|| own.to_owned(), |organization| format!("Organization/{}", organization.id))
    });
    if own.as_ref().is_some_and(|own| !own.starts_with("Organization/") || !directory.knows(own)) {
        let issue = Issue::error("business-rule", "own-clinic", "ownClinic", "`ownClinic` is no organisation that is known here");
        issues.push(issue.remedy("`Organization/{id}`, or the organisation's OID; GET /fhir/Organization tells who is known"));
        return;
    }
    let queue = coded(task, "queue").and_then(|value| Some(value["code"].as_str()?.to_owned()));
    let municipality = coded(task, "municipality").filter(|coding| coding["system"] == MUNICIPALITIES);
    let municipality = municipality.and_then(|coding| Some(coding["code"].as_str()?.to_owned()));
    // a missing or unknown queue is told when the Task is read
    let Some(queue) = queue else { return };
    let wanted = Wanted { queue: &queue, own: own.as_deref(), municipality: municipality.as_deref() };
    match directory.route(&wanted, at) {
        Some(routed) => {
            task.insert("owner".to_owned(), json!({"reference": routed.owner}));
        }
        None => issues.push(Issue::error("business-rule", "no-service", "Task.owner", "nobody here serves that queue")),
    }
}

/// By opening hours. The requester may ask for an earlier one, not for a later.
fn deadline(task: &mut Map<String, Value>, actor: &Actor<'_>, at: Timestamp, issues: &mut Vec<Issue>) {
    let owner = task.get("owner").and_then(|owner| owner["reference"].as_str()).unwrap_or_default();
    let priority = task["priority"].as_str().and_then(Priority::from_code).unwrap_or(Priority::Routine);
    let due = actor.directory.deadline(owner, at, priority);
    let local = due.to_zoned(HELSINKI.clone());
    // before 1921 Helsinki's offset had seconds, which no dateTime has
    let has_seconds = local.offset().seconds() % 60 != 0;
    let text = if has_seconds { format!("{due:.0}") } else { local.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string() };
    let restriction = task.entry("restriction").or_insert_with(|| json!({}));
    // another kind of value is told when the Task is read
    let Value::Object(members) = restriction else { return };
    if !members.entry("period").or_insert_with(|| json!({})).is_object() {
        return;
    }
    match restriction["period"]["end"].as_str().map(str::parse::<Timestamp>) {
        None => restriction["period"]["end"] = text.into(),
        Some(Ok(asked)) if asked < at => {
            let place = "Task.restriction.period.end";
            issues.push(Issue::error("business-rule", "deadline", place, "the deadline is before the request was made"));
        }
        Some(Ok(asked)) if asked > due => {
            let place = "Task.restriction.period.end";
            let issue = Issue::error("business-rule", "deadline", place, "the deadline is later than opening hours allow");
            issues.push(issue.remedy(format!("at the latest {text}; leave it out to have it computed")));
        }
        Some(_) => {}
    }
}

/// The first coding of an input of this type.
fn coded<'t>(task: &'t Map<String, Value>, code: &str) -> Option<&'t Value> {
    let is_kind =
        |input: &&Value| input["type"]["coding"].as_array().is_some_and(|codings| codings.iter().any(|coding| coding["code"] == code));
    task.get("input")?.as_array()?.iter().find(is_kind).map(|input| &input["valueCodeableConcept"]["coding"][0])
}

/// How long after it was made a request is still taken: whoever could not deliver it while something was down still can.
/// Anything older is a mistake, and would spoil every figure of waiting times.
const OLDEST: jiff::SignedDuration = jiff::SignedDuration::from_hours(90 * 24);
/// How much a requester's clock may be ahead of ours.
const SKEW: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
