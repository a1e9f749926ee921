//! An update, held against what is there.

use serde_json::{Map, Value, json};

use super::attempt::{Update, put_count, told};
use super::{Actor, Allowed, Options, amendable, options, refused, rows};
use crate::issue::Issue;
use crate::task::callback::{CallbackTask, SUBSETTED};
use crate::task::codes::system;
use crate::task::status::{Owner, Side, Status, Transition};

/// Makes of `old` what `new` says, if `actor` may.
///
/// What the adapter keeps itself is put right, not refused: time and author of a new note; and of a Task that goes to another
/// owner, unless the update says another, the business status and the reason why the last one did not want it.
///
/// # Errors
/// Everything that is not allowed, then everything that is.
pub fn apply(old: &CallbackTask, mut new: CallbackTask, update: Update, actor: &Actor<'_>) -> Result<Allowed, Vec<Issue>> {
    whole(&new.body)?;
    let attempt = told(old, &new, update);
    put_count(old, &mut new, 0);
    let is_attempt = attempt.as_ref().is_ok_and(|attempt| *attempt);
    let passed_on = new.index.status == Status::Requested && new.index.owner != old.index.owner;
    let readdressed = if passed_on && !is_attempt { readdressed(old) } else { None };
    // said by the update itself, it is as if it were not
    if readdressed.is_some() && new.body.get("businessStatus") == readdressed.as_ref() {
        stands_as(old, &mut new);
    }
    let mut changed = changed(&old.body, &new.body);
    if changed.is_empty() && attempt.as_ref().is_ok_and(|attempt| !attempt) {
        return Ok(Allowed { task: old.clone(), unchanged: true, attempt: false });
    }
    let reason_stays = !changed.iter().any(|name| name == "statusReason");
    let mut issues = immutable(old, &new, &changed);
    let attempt = attempt.unwrap_or_else(|issue| {
        issues.push(*issue);
        false
    });
    // told once
    changed.retain(|name| !issues.iter().any(|issue| issue.place.strip_prefix("Task.") == Some(name.as_str())));
    // the same words, said again: it is a change all the same, of who may make it
    if attempt && !changed.iter().any(|name| name == "businessStatus") {
        changed.push("businessStatus".to_owned());
    }
    let sides = actor.sides(&old.index.owner, &old.index.requester);
    let side = if changed.is_empty() {
        None
    } else if old.index.status == new.index.status && old.index.owner == new.index.owner {
        amended(old, &changed, &sides, &mut issues)
    } else {
        moved(old, &new, &changed, actor, &sides, &mut issues)
    };
    let Some(side) = side.filter(|_| issues.is_empty()) else {
        return Err(refused(issues, &options(actor, old)));
    };
    if attempt {
        put_count(old, &mut new, 1);
    }
    if let Some(status) = readdressed.filter(|_| new.index.business_status == old.index.business_status) {
        new.body.insert("businessStatus".to_owned(), status);
        new.index.business_status = Some("readdressed".to_owned());
    }
    if passed_on && reason_stays {
        new.body.shift_remove("statusReason");
    }
    sign_notes(old, &mut new, actor, side, attempt);
    Ok(Allowed { task: new, unchanged: false, attempt })
}

/// The business status of a Task that goes to another owner: the attempts stay counted.
fn readdressed(old: &CallbackTask) -> Option<Value> {
    let Value::Object(mut status) = old.body.get("businessStatus")?.clone() else { return None };
    status.insert("coding".to_owned(), json!([{"system": system("callback-business-status"), "code": "readdressed"}]));
    status.shift_remove("text");
    Some(Value::Object(status))
}

fn stands_as(old: &CallbackTask, new: &mut CallbackTask) {
    if let Some(kept) = old.body.get("businessStatus") {
        new.body.insert("businessStatus".to_owned(), kept.clone());
        new.index.business_status.clone_from(&old.index.business_status);
    }
}

/// The status stays: which side may change all of that?
fn amended(old: &CallbackTask, changed: &[String], sides: &[Side], issues: &mut Vec<Issue>) -> Option<Side> {
    let status = old.index.status;
    let may = |side: &Side, name: &String| amendable(*side, status).contains(&name.as_str());
    let side = sides.iter().find(|side| changed.iter().all(|name| may(side, name))).copied();
    // who stands on both sides may do what either may
    let together = changed.iter().all(|name| sides.iter().any(|side| may(side, name)));
    if side.is_some() || together {
        return side.or_else(|| sides.first().copied());
    }
    for name in changed.iter().filter(|name| !sides.iter().any(|side| may(side, name))) {
        let message = format!("`{name}` cannot be changed by you while the Task is `{status}`");
        issues.push(Issue::error("business-rule", "not-amendable", format!("Task.{name}"), message));
    }
    None
}

/// Status or owner change: is there a row of the machine for it?
fn moved(
    old: &CallbackTask,
    new: &CallbackTask,
    changed: &[String],
    actor: &Actor<'_>,
    sides: &[Side],
    issues: &mut Vec<Issue>,
) -> Option<Side> {
    let (from, to) = (old.index.status, new.index.status);
    let candidates: Vec<&Transition> = rows(actor, from, &old.index.owner, sides).filter(|row| row.to == to).collect();
    if candidates.is_empty() {
        let (place, message) = if from == to {
            ("Task.owner", format!("`owner` cannot be changed by you while the Task is `{from}`"))
        } else {
            ("Task.status", format!("`{from}` cannot become `{to}` by your hand"))
        };
        issues.push(Issue::error("business-rule", "transition", place, message));
        return None;
    }
    let faults: Vec<Vec<Issue>> = candidates.iter().map(|row| row_faults(row, old, new, changed, actor)).collect();
    if let Some(fits) = faults.iter().position(Vec::is_empty) {
        return Some(candidates[fits].side);
    }
    issues.extend(faults.into_iter().next().unwrap_or_default());
    None
}

fn row_faults(row: &Transition, old: &CallbackTask, new: &CallbackTask, changed: &[String], actor: &Actor<'_>) -> Vec<Issue> {
    let mut faults = Vec::new();
    let (before, after) = (&old.index.owner, &new.index.owner);
    let owner = |message: String| Issue::error("business-rule", "transition-owner", "Task.owner", message);
    match row.owner {
        Owner::Claimed if before.starts_with("HealthcareService/") => {
            let own = actor.claimants(before);
            if !own.contains(after) {
                let issue = owner(format!("`{}` claims it: `owner` becomes your own organisation in the same update", row.to));
                faults.push(issue.remedy(format!("`owner` must be {}", own.join(" or "))));
            }
        }
        Owner::Another => {
            if before == after {
                faults.push(owner("`owner` must become another".to_owned()));
            } else if !actor.directory.knows(after) {
                faults.push(
                    owner("`owner` is nobody who is known here".to_owned())
                        .remedy("GET /fhir/Organization and /fhir/HealthcareService tell who is"),
                );
            }
        }
        Owner::Kept | Owner::Claimed => {
            if before != after {
                faults.push(owner(format!("`owner` stays with a change to `{}`", row.to)));
            }
        }
    }
    if row.reason && !new.body.contains_key("statusReason") {
        faults.push(Issue::error("required", "missing-member", "Task.statusReason", "`statusReason` says why"));
    } else if row.reason && !changed.iter().any(|name| name == "statusReason") {
        // an update sends everything again: an old reason that stays may have been given for another status
        let message = format!("`statusReason` is the old one: a change to `{}` says why in the same update", row.to);
        let issue = Issue::error("business-rule", "old-reason", "Task.statusReason", message);
        faults.push(issue.remedy("another code, or a text beside it"));
    }
    // on the way out of an end, nothing but the way itself and its reason
    let free = ["status", "owner", "statusReason", "note", "meta"];
    let amendable = amendable(row.side, old.index.status);
    for name in changed.iter().filter(|name| !free.contains(&name.as_str()) && !amendable.contains(&name.as_str())) {
        let message = format!("`{name}` cannot be changed with a change to `{}`", row.to);
        faults.push(Issue::error("business-rule", "not-amendable", format!("Task.{name}"), message));
    }
    faults
}

/// What never changes, whoever asks.
fn immutable(old: &CallbackTask, new: &CallbackTask, changed: &[String]) -> Vec<Issue> {
    let mut issues = Vec::new();
    let mut never = |name: &str, why: &str| {
        issues.push(Issue::error("business-rule", "immutable", format!("Task.{name}"), format!("`{name}` never changes{why}")));
    };
    for name in changed {
        match name.as_str() {
            "requester" | "authoredOn" | "intent" | "code" | "reasonCode" | "restriction" => never(name, ""),
            "for" if old.body.contains_key("for") => never(name, " once it is there"),
            "identifier" | "note" if !begins_with(new.body.get(name), old.body.get(name)) => never(name, ": it may be added to"),
            "input" if old.index.queue != new.index.queue || queue_input(&old.body) != queue_input(&new.body) => {
                never("input", " in its queue")
            }
            _ => {}
        }
    }
    issues
}

fn queue_input(task: &Map<String, Value>) -> Option<&Value> {
    let ours = system("callback-input");
    let is_queue = |input: &&Value| {
        let codings = input["type"]["coding"].as_array();
        codings.is_some_and(|codings| codings.iter().any(|coding| coding["system"] == *ours && coding["code"] == "queue"))
    };
    task.get("input")?.as_array()?.iter().find(is_queue).map(|input| &input["valueCodeableConcept"])
}

fn begins_with(new: Option<&Value>, old: Option<&Value>) -> bool {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    list(new).starts_with(&list(old))
}

/// Names of elements that differ, primitives' `_name` counted with them.
fn changed(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for key in old.keys().chain(new.keys()) {
        let name = key.strip_prefix('_').unwrap_or(key);
        if old.get(key) != new.get(key) && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// A part of a Task, as `_elements` and `_summary` give it, is no update: told before what it lacks.
///
/// # Errors
/// That it is one.
pub fn whole(task: &Map<String, Value>) -> Result<(), Vec<Issue>> {
    if !has_tag(task, SUBSETTED) {
        return Ok(());
    }
    let issue = Issue::error("business-rule", "subsetted", "Task.meta.tag", "this is a part of the Task: what is missing would be lost");
    Err(vec![issue.remedy("read the Task without `_elements` and `_summary`, and change that")])
}

fn has_tag(task: &Map<String, Value>, code: &str) -> bool {
    let tags = task.get("meta").and_then(|meta| meta["tag"].as_array());
    tags.is_some_and(|tags| tags.iter().any(|tag| tag["code"] == code))
}

/// New notes say when and who, whatever they said; an attempt without a note gets one.
fn sign_notes(old: &CallbackTask, new: &mut CallbackTask, actor: &Actor<'_>, side: Side, attempt: bool) {
    let before = old.body.get("note").and_then(Value::as_array).map_or(0, Vec::len);
    let author = match side {
        Side::Requester => new.index.requester.clone(),
        Side::Owner if actor.speaks_for(&new.index.owner) => new.index.owner.clone(),
        Side::Owner => actor.organizations().next().unwrap_or_else(|| old.index.owner.clone()),
    };
    let time = format!("{:.0}", actor.now);
    let notes = new.body.entry("note").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(notes) = notes {
        if attempt && notes.len() == before {
            notes.push(json!({"text": format!("Soitettu, ei vastausta ({})", new.index.attempts)}));
        }
        for note in notes.iter_mut().skip(before) {
            if let Value::Object(note) = note {
                // a name is the owner's own word; an organisation is one of the actor's
                let named = note.get("authorReference").and_then(|given| given["reference"].as_str());
                let another = named.is_some_and(|named| named.starts_with("Organization/") && !actor.speaks_for(named));
                if another || !(note.contains_key("authorString") || note.contains_key("authorReference")) {
                    note.insert("authorReference".to_owned(), json!({"reference": author, "display": actor.caller.name}));
                }
                note.insert("time".to_owned(), time.as_str().into());
            }
        }
    }
    if new.body.get("note").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        new.body.shift_remove("note");
    }
}

impl Options {
    /// Whether there is anything.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.amend.is_empty()
    }
}
