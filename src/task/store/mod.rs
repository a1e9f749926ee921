//! Where Tasks are kept: a port with two real implementations, SQLite and PostgreSQL, held to one contract.
//!
//! * **Sealed**: bodies are sealed with an AEAD; identifiers are searched through a keyed hash. What stands in clear columns
//!   ([`Index`]) holds nothing about the client.
//! * **Compare and set**: an update names the version that it changes. Task, its version, its event and its audit row
//!   commit together.
//! * **One order**: each commit takes the next `seq` and the next `last_updated` of one ledger row, which stays locked until it
//!   has committed. So no reader sees a number before every lower one is there, on either database, whoever writes;
//!   `last_updated` is strictly increasing (1 ms steps) and never goes back, whatever an adapter's clock says.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::status::Status;
use crate::identity::Identifier;

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
    pub focus: Option<String>,
    pub part_of: Vec<String>,
    pub authored_on: Timestamp,
    /// `restriction.period.end`
    pub due: Option<Timestamp>,
    /// `executionPeriod`
    pub period_start: Option<Timestamp>,
    pub period_end: Option<Timestamp>,
    pub tags: Vec<Tag>,
    /// How often the client was called without an answer.
    pub attempts: u32,
    // kept as keyed hashes only
    pub identifiers: Vec<Identifier>,
    pub patient: Option<Identifier>,
    pub group: Option<Identifier>,
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
    /// This requester has one with one of these identifiers; nothing was stored.
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
    Purged,
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

/// One search. All filters must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub viewer: Viewer,
    pub filters: Vec<Filter>,
    /// At most three; `last_updated` ascending if empty. Ties are broken by order of creation.
    pub sort: Vec<Sort>,
    /// At most this many; one more is looked for, to know whether there is a next page.
    pub limit: u32,
    pub after: Option<Position>,
}

/// Whose eyes. A Task is found if any of these hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// The command line and our own work.
    Everything,
    Party {
        /// `Organization/…` spoken for as owner, and `HealthcareService/…` that those serve.
        owners: Vec<String>,
        /// `Organization/…` spoken for as requester.
        requesters: Vec<String>,
        /// `Organization/…` that may have owned it before.
        formerly: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    Id(Vec<Uuid>),
    /// The column is (not) one of these. A column without a value is not any of them.
    Text {
        column: Text,
        any: Vec<String>,
        not: bool,
    },
    /// One of several values is (none is) one of these.
    Listed {
        list: List,
        any: Vec<String>,
        not: bool,
    },
    /// `(system, code)`; either may be left open.
    Tag {
        any: Vec<(Option<String>, Option<String>)>,
        not: bool,
    },
    /// Half-open ranges, any of which will do. A column without a value is in none.
    Time {
        column: Time,
        any: Vec<Range>,
    },
    /// Through the keyed hash. Without a system: that value in any. Without a value: never given.
    Keyed {
        kind: Keyed,
        any: Vec<(Option<String>, String)>,
        not: bool,
    },
    Missing {
        what: Missable,
        missing: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    Status,
    BusinessStatus,
    Code,
    Intent,
    Priority,
    Queue,
    Owner,
    Requester,
    Focus,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    Performer,
    PartOf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Time {
    LastUpdated,
    AuthoredOn,
    Due,
    /// Of `executionPeriod`, whose bounds may be open.
    Period,
}

/// `from <= t < until`; an open end is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// For `ne`: outside of the range.
    pub not: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keyed {
    Identifier,
    Patient,
    Group,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missable {
    Text(Text),
    List(List),
    Time(Time),
    Keyed(Keyed),
    Tag,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sort {
    pub by: SortKey,
    pub descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SortKey {
    LastUpdated,
    AuthoredOn,
    /// By rank.
    Priority,
    /// Those without come last, in either direction.
    Due,
}

/// The last entry of a page: what it is sorted by (milliseconds or rank), and its number in order of creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    pub keys: Vec<Option<i64>>,
    pub serial: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub tasks: Vec<Stored>,
    /// Where the next page begins, if there is more.
    pub next: Option<Position>,
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

/// Why the store did not do it. No message holds a client's data or the database's own words.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Locked, out of connections, or not there just now: nothing was stored, repeating is safe.
    #[error("the store is busy or cannot be reached")]
    Busy(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// A body that no configured key opens, or that was changed.
    #[error("a row of the store cannot be opened")]
    Sealed,
    #[error("the store failed")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The port.
#[async_trait]
pub trait TaskStore: Send + Sync {
    async fn create(&self, task: NewTask) -> Result<Created, StoreError>;
    async fn read(&self, id: Uuid) -> Result<Found, StoreError>;
    async fn version(&self, id: Uuid, version: u64) -> Result<Option<Stored>, StoreError>;
    /// Versions below `before`, newest first.
    async fn history(&self, id: Uuid, before: Option<u64>, limit: u32) -> Result<Vec<Stored>, StoreError>;
    async fn change(&self, change: Change) -> Result<Changed, StoreError>;
    async fn search(&self, query: &Query) -> Result<Page, StoreError>;
    /// How many a search finds, whatever its limit and position.
    async fn count(&self, query: &Query) -> Result<u64, StoreError>;

    /// Events after `seq`, in order.
    async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// The `seq` of the last commit.
    async fn last_seq(&self) -> Result<i64, StoreError>;

    /// Creates or, with the version that it was made from, changes. `false`: stale, nothing was stored.
    async fn put_subscription(&self, subscription: &Subscribed, from: Option<u64>) -> Result<bool, StoreError>;
    async fn subscription(&self, id: Uuid) -> Result<Option<Subscribed>, StoreError>;
    /// All, or those of a caller, in order of their ids.
    async fn subscriptions(&self, caller: Option<&str>) -> Result<Vec<Subscribed>, StoreError>;
    async fn delete_subscription(&self, id: Uuid) -> Result<bool, StoreError>;
    /// Takes subscriptions that are not taken by another adapter, until `until`; again for those already taken by `holder`.
    async fn lease(&self, holder: Uuid, now: Timestamp, until: Timestamp) -> Result<Vec<Subscribed>, StoreError>;
    /// Records progress and newly matched events (number, seq), if `holder` still holds it.
    async fn advance(&self, holder: Uuid, id: Uuid, status: &str, progress: &Progress, matched: &[(u64, i64)]) -> Result<bool, StoreError>;
    /// Events that matched, by their numbers, `from..=until`, in order.
    async fn matched(&self, id: Uuid, from: u64, until: u64, limit: u32) -> Result<Vec<(u64, Event)>, StoreError>;

    async fn waiting(&self, now: Timestamp) -> Result<Vec<Waiting>, StoreError>;
    async fn tallies(&self, from: jiff::civil::Date, until: jiff::civil::Date) -> Result<Vec<Tally>, StoreError>;

    /// Removes Tasks that were finished before `before`, history and matched events included, leaving tombstones; at most `most`
    /// at a time. How many.
    async fn purge(&self, before: Timestamp, most: u32) -> Result<u64, StoreError>;
    /// Hashes and seals again, with the current key, what older keys did; at most `most` rows at a time. How many.
    async fn rehash(&self, most: u32) -> Result<u64, StoreError>;
    /// Whether it answers.
    async fn ready(&self) -> Result<(), StoreError>;
}
