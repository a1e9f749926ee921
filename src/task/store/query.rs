//! What can be searched for.

use jiff::Timestamp;
use uuid::Uuid;

use super::Stored;

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
        /// `Organization/…` that may have owned it before. Such Tasks are found only if every filter asks about what is still
        /// shown of them (status, owner, requester, code, intent, id, last update); sorted by anything else they come last.
        formerly: Vec<String>,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    Id {
        any: Vec<Uuid>,
        not: bool,
    },
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
    /// Half-open ranges, any of which will do. A column without a value is in none, nor outside of any.
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
    /// An identifier that the requester gave when it asked. What an owner adds later is none.
    Asked {
        system: Option<String>,
        value: String,
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum List {
    Performer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Time {
    LastUpdated,
    AuthoredOn,
    Due,
    /// Of `executionPeriod`, whose bounds may be open: it lies within a range that has both ends, and touches one that is open.
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
    /// A literal reference, without a system.
    Focus,
    /// Literal references, without a system.
    PartOf,
    Tag,
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

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub tasks: Vec<Stored>,
    /// Those that were found and do not open: their rows were damaged or changed.
    pub damaged: Vec<Uuid>,
    /// Where the next page begins, if there is more.
    pub next: Option<Position>,
}
