//! A callback request: a Task of our profile, proven to be one. Having a [`CallbackTask`] is the proof.
//!
//! The FHIR document itself is kept, whole: what an EHR adds to a Task (`executionPeriod`, `encounter`, an extension) is
//! there when it is read again. Beside it stands what decisions and searches need.

use jiff::Timestamp;
use neuvola_fhir::Node;
use serde_json::{Map, Value};

use super::codes::{Codes, system};
use super::status::Status;
use super::store::{Index, Priority, Tag};
use super::{profile, search, shape};
use crate::identity::Identifier;
use crate::issue::{Issue, Issues};

/// Its profile.
pub const PROFILE: &str = "https://neuvola-adapter.example/fhir/StructureDefinition/callback-task";

/// A Task that our profile allows.
#[derive(Clone, Debug)]
pub struct CallbackTask {
    /// Without what changes by itself: see [`Stored::body`](super::store::Stored::body). `meta` comes first.
    pub body: Map<String, Value>,
    pub index: Index,
}

/// Why a document is no callback request.
#[derive(Debug)]
pub enum Unfit {
    /// It is no JSON, or no R4 Task.
    NotR4(Vec<Issue>),
    /// Our profile asks for something else.
    NotOurs(Vec<Issue>),
}

/// The marker of a resource that is not all there (R4, <https://hl7.org/fhir/R4/valueset-observation-value.html>).
pub const SUBSETTED: &str = "SUBSETTED";

impl CallbackTask {
    /// Proves a whole Task, every fault at once.
    ///
    /// # Errors
    /// What is wrong with it, each fault with its place.
    pub fn prove(task: Map<String, Value>, codes: &Codes) -> Result<Self, Unfit> {
        let document = serde_json::to_vec(&task).map_err(|_| not_r4())?;
        let node = neuvola_fhir::read(&document).map_err(|faults| Unfit::NotR4(faults.into_iter().map(Issue::from).collect()))?;
        let mut issues = Issues::default();
        shape::check(&node, &mut issues);
        if issues.has_errors() {
            return Err(Unfit::NotR4(issues.into_list()));
        }
        profile::check(&node, codes, &mut issues);
        let index = index(&node);
        if issues.has_errors() {
            return Err(Unfit::NotOurs(issues.into_list()));
        }
        let index = index.ok_or_else(not_r4)?;
        // the parser has the last word on what is R4
        neuvola_fhir::parse(&document).map_err(|_| not_r4())?;
        Ok(Self { body: own(task), index })
    }

    /// As it was stored: proven before, by the codes of that day.
    pub fn stored(body: &[u8]) -> Option<Self> {
        let index = index(&neuvola_fhir::read(body).ok()?)?;
        Some(Self { body: serde_json::from_slice(body).ok()?, index })
    }

    /// The bytes to store.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.body).unwrap_or_default()
    }
}

/// Shapes a Task's document for the store: what changes by itself goes, our profile comes first.
fn own(mut task: Map<String, Value>) -> Map<String, Value> {
    let mut meta = match task.shift_remove("meta") {
        Some(Value::Object(meta)) => meta,
        _ => Map::new(),
    };
    for name in ["resourceType", "id", "lastModified", "_lastModified"] {
        task.shift_remove(name);
    }
    // another profile is a claim that nobody here proved
    for name in ["profile", "_profile", "versionId", "lastUpdated", "_versionId", "_lastUpdated"] {
        meta.shift_remove(name);
    }
    let mut first = Map::new();
    first.insert("profile".to_owned(), Value::from(vec![PROFILE]));
    first.extend(meta);
    let mut own = Map::new();
    own.insert("meta".to_owned(), Value::Object(first));
    own.extend(task);
    own.values_mut().for_each(without_displays);
    own
}

/// The words for our own codes are the code systems' to say, in three languages; a copy of another wording is an error to
/// validators.
fn without_displays(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(without_displays),
        Value::Object(object) => {
            if object.get("system").and_then(Value::as_str).is_some_and(|system| system.starts_with(SYSTEMS)) {
                object.shift_remove("display");
            }
            object.values_mut().for_each(without_displays);
        }
        _ => {}
    }
}

/// Whatever reaches here was checked; this says so instead of panicking.
fn not_r4() -> Unfit {
    Unfit::NotR4(vec![Issue::error("structure", "not-r4", "Task", "the document is no R4 Task")])
}

fn index(task: &Node<'_>) -> Option<Index> {
    // codes of others may say anything: they are sealed with the rest
    let ours = |concept: &Node<'_>, of: &str| {
        let of = system(of);
        profile::codings(concept).into_iter().filter(move |(other, _)| *other == of).map(|(_, code)| code)
    };
    let coded = |name: &str, of: &str| ours(task.member(name)?, of).next();
    let reference = |name: &str| task.member(name)?.text("reference").map(str::to_owned);
    let period = |name: &str, bound: &str| instant(task.member(name)?.text(bound)?, bound == "end");
    let due = task.member("restriction").and_then(|restriction| restriction.member("period")).and_then(|period| period.text("end"));
    let identifier = |node: &Node<'_>| Some(Identifier { system: node.text("system")?.to_owned(), value: node.text("value")?.to_owned() });
    let tag =
        |node: &Node<'_>| Some(Tag { system: node.text("system").unwrap_or_default().to_owned(), code: node.text("code")?.to_owned() });
    Some(Index {
        status: Status::from_code(task.text("status")?)?,
        business_status: coded("businessStatus", "callback-business-status"),
        code: coded("code", "callback-task-code")?,
        intent: task.text("intent")?.to_owned(),
        priority: Priority::from_code(task.text("priority").unwrap_or("routine"))?,
        queue: profile::queue(task)?,
        owner: reference("owner")?,
        requester: reference("requester")?,
        performers: task.list("performerType").iter().flat_map(|concept| ours(concept, "callback-profession")).collect(),
        focus: reference("focus"),
        part_of: task.list("partOf").iter().filter_map(|part| part.text("reference").map(str::to_owned)).collect(),
        authored_on: instant(task.text("authoredOn")?, false)?,
        due: due.and_then(|end| instant(end, true)),
        period_start: period("executionPeriod", "start"),
        period_end: period("executionPeriod", "end"),
        tags: task.member("meta").map_or(&[][..], |meta| meta.list("tag")).iter().filter_map(tag).collect(),
        attempts: attempts(task),
        identifiers: task.list("identifier").iter().filter_map(identifier).collect(),
        patient: task.member("for").and_then(|person| person.member("identifier")).and_then(identifier),
        group: task.member("groupIdentifier").and_then(identifier),
    })
}

/// The beginning of what a dateTime stands for, or its end; days are Finland's.
pub(super) fn instant(text: &str, end: bool) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let (from, until) = search::days(text)?;
    if end { until?.checked_sub(jiff::Span::new().milliseconds(1)).ok() } else { Some(from) }
}

/// How often the client was called without an answer: the extension on `businessStatus`.
fn attempts(task: &Node<'_>) -> u32 {
    let extensions = task.member("businessStatus").map_or(&[][..], |status| status.list("extension"));
    let of_attempts = extensions.iter().find(|extension| extension.text("url") == Some(ATTEMPTS));
    of_attempts.and_then(|extension| extension.member("valuePositiveInt")?.as_number()?.parse().ok()).unwrap_or(0)
}

/// What our code systems begin with.
const SYSTEMS: &str = "https://neuvola-adapter.example/fhir/CodeSystem/";

/// The extension that counts attempts, on `Task.businessStatus`.
pub const ATTEMPTS: &str = "https://neuvola-adapter.example/fhir/StructureDefinition/callback-attempts";
