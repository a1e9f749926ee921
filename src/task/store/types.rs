//! What goes into the store and what comes out of it.

use jiff::Timestamp;
use uuid::Uuid;

use crate::identity::Identifier;
use crate::task::status::Status;

/// A Task as it was at one version.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub id: Uuid,
    /// 1, 2, 3 … (`meta.versionId`, `ETag: W/"1"`).
    pub version: u64,
    /// Whole milliseconds; unique among all Tasks' versions (`meta.lastUpdated`, and `Task.lastModified`).
    pub last_updated: Timestamp,
    /// The Task as JSON without what changes by itself: `resourceType`, `id`, `meta.versionId`, `meta.lastUpdated`,
    /// `lastModified`. Begins with `{"meta":{"profile":[`, so that those can be put back without reading it.
    pub body: Vec<u8>,
    pub scope: Scope,
}

/// Who is concerned by a version of a Task, in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    pub status: Status,
    /// `Organization/{id}` or `HealthcareService/{id}`
    pub owner: String,
    /// `Organization/{id}`
    pub requester: String,
    /// Organisations that owned it before, and do not now; `Organization/{id}`.
    pub formerly: Vec<String>,
}

/// What is searched, taken from a Task's body.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    pub status: Status,
    /// Code alone.
    pub business_status: Option<String>,
    pub code: String,
    pub intent: String,
    pub priority: Priority,
    pub queue: String,
    pub owner: String,
    pub requester: String,
    /// `Task.performerType` codes.
    pub performers: Vec<String>,
    pub authored_on: Timestamp,
    /// `restriction.period.end`
    pub due: Option<Timestamp>,
    /// `executionPeriod`
    pub period_start: Option<Timestamp>,
    pub period_end: Option<Timestamp>,
    /// How often the client was called without an answer.
    pub attempts: u32,
    // kept as keyed hashes only
    pub identifiers: Vec<Identifier>,
    pub patient: Option<Identifier>,
    pub group: Option<Identifier>,
    /// Literal reference.
    pub focus: Option<String>,
    /// Literal references.
    pub part_of: Vec<String>,
    pub tags: Vec<Tag>,
}

/// `request-priority`, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    Routine,
    Urgent,
    Asap,
    Stat,
}

impl Priority {
    pub const ALL: [Self; 4] = [Self::Routine, Self::Urgent, Self::Asap, Self::Stat];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Routine => "routine",
            Self::Urgent => "urgent",
            Self::Asap => "asap",
            Self::Stat => "stat",
        }
    }

    /// 0 is least.
    pub const fn rank(self) -> i64 {
        self as i64
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|priority| priority.code() == code)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tag {
    pub system: String,
    pub code: String,
}

/// Who changes something, for audit and events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    pub caller: String,
    pub request_id: String,
}

/// A Task to be.
#[derive(Clone, Debug)]
pub struct NewTask {
    pub id: Uuid,
    pub body: Vec<u8>,
    pub index: Index,
    /// SHA-256 of what was asked, to tell a repeat from other content; kept as a keyed hash.
    pub request: [u8; 32],
    pub by: Author,
    pub now: Timestamp,
}

/// What became of a [`NewTask`].
#[derive(Clone, Debug)]
pub enum Created {
    New(Stored),
    /// This requester asked for one with one of these identifiers; nothing was stored.
    Existing {
        task: Stored,
        same_request: bool,
    },
    /// It had one, which was purged; nothing was stored.
    Purged(Uuid),
}

/// What is under an id.
#[derive(Clone, Debug)]
pub enum Found {
    Task(Stored),
    Purged(Tombstone),
    Nothing,
}

/// The next version of a Task.
#[derive(Clone, Debug)]
pub struct Change {
    pub id: Uuid,
    /// The version that it was made from.
    pub from: u64,
    pub body: Vec<u8>,
    pub index: Index,
    pub by: Author,
    pub now: Timestamp,
}

/// What became of a [`Change`].
#[derive(Clone, Debug)]
pub enum Changed {
    Done(Stored),
    /// Somebody was faster: nothing was stored. The version that is there now.
    Stale(u64),
    Gone,
}

/// Something that happened to a Task; the durable queue that notifications are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub seq: i64,
    pub task: Uuid,
    pub version: u64,
    pub at: Timestamp,
    pub now: Moment,
    /// Absent at creation.
    pub before: Option<Moment>,
    pub requester: String,
    /// Organisations that owned it before, and do not now.
    pub formerly: Vec<String>,
}

/// What subscriptions filter by, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub status: Status,
    pub owner: String,
    pub queue: String,
    pub due: Option<Timestamp>,
}

/// A Subscription as it is kept. `body` is sealed: its channel's headers are secrets.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribed {
    pub id: Uuid,
    pub version: u64,
    pub last_updated: Timestamp,
    /// The caller it belongs to.
    pub caller: String,
    /// `requested`, `active`, `error` or `off`.
    pub status: String,
    /// JSON object without `resourceType`, `id`, `meta`, `status` and `error`.
    pub body: Vec<u8>,
    pub progress: Progress,
}

/// How far its deliveries are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Every event up to here was looked at.
    pub seen: i64,
    /// Events that matched, since it began: the last event number given.
    pub matched: u64,
    /// The last event number that the endpoint took.
    pub delivered: u64,
    /// Tries of the present delivery that failed.
    pub failures: u32,
    /// Not before; `None` when nothing is to be done until something happens.
    pub next_try: Option<Timestamp>,
    pub last_delivery: Option<Timestamp>,
    /// Our own words, for operators: never what the endpoint said.
    pub error: Option<String>,
}

/// How many wait, where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub queue: String,
    pub owner: String,
    pub status: Status,
    pub count: u64,
    pub oldest: Option<Timestamp>,
    pub overdue: u64,
}

/// One row of the counts that outlive the Tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Local (Europe/Helsinki) day of the contact.
    pub day: jiff::civil::Date,
    pub hour: i8,
    pub queue: String,
    pub owner: String,
    pub what: String,
    pub count: u64,
}

/// Who made a version of a Task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub version: u64,
    pub at: Timestamp,
    pub by: Author,
}

/// What is left of a purged Task, beside its audit rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// `Organization/{id}`
    pub requester: String,
    /// `Organization/{id}` or `HealthcareService/{id}`, the last owner first; none if it was purged by a release that did not
    /// note them.
    pub owners: Vec<String>,
    pub finished_at: Timestamp,
    /// `None` if it was purged by a release that did not note it.
    pub purged_at: Option<Timestamp>,
}

/// An event of a Task as a subscription counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notified {
    pub subscription: Uuid,
    pub number: u64,
    /// Of the Task.
    pub version: u64,
}
