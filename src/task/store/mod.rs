//! Where Tasks are kept: a port with two real implementations, SQLite and PostgreSQL, held to one contract.
//!
//! * **Sealed**: bodies are sealed with an AEAD; identifiers are searched through a keyed hash. What stands in clear columns
//!   ([`Index`]) holds nothing about the client.
//! * **Compare and set**: an update names the version that it changes. Task, its version, its event and its audit row
//!   commit together.
//! * **One order**: each commit takes the next `seq` and the next `last_updated` of one ledger row, which stays locked until it
//!   has committed. So no reader sees a number before every lower one is there, on either database, whoever writes;
//!   `last_updated` is strictly increasing (1 ms steps) and never goes back, whatever an adapter's clock says.
//!
//! ```text
//! TaskStore (port) ─ relational ┬ tasks · trail · subscriptions · counts · upkeep · known ─ row, seal
//!                               ├ search ─ filter
//!                               └ sql ─ sqlite | postgres
//! ```

mod counts;
mod filter;
mod known;
mod postgres;
mod query;
mod relational;
mod row;
mod seal;
mod search;
mod sql;
mod sqlite;
mod subscriptions;
mod tasks;
mod trail;
mod types;
mod upkeep;

use std::path::PathBuf;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

pub use postgres::Postgres;
pub use query::{Filter, Keyed, List, Missable, Page, Position, Query, Range, Sort, SortKey, Text, Time, Viewer};
pub use seal::{InvalidKeys, Keys};
pub use sqlite::{Place, Sqlite};
pub use types::{
    Author, Change, Changed, Created, Event, Found, Index, Moment, NewTask, Notified, Priority, Progress, Scope, Step, Stored, Subscribed,
    Tag, Tally, Tombstone, Waiting,
};

/// Why the store did not do it. No message holds a client's data or the database's own words.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Locked, out of connections, or not there just now: nothing was stored, repeating is safe.
    #[error("the store is busy or cannot be reached")]
    Busy(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// A body that no configured key opens, or that was changed.
    #[error("a row of the store cannot be opened")]
    Sealed,
    #[error("the store failed: {0}")]
    Broken(Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Keys(#[from] WrongKeys),
    /// Its file, or the one that it is copied to.
    #[error("`{}`: {why}", .file.display())]
    File { file: PathBuf, why: &'static str },
    /// What is configured leads to no store of ours.
    #[error("{0}")]
    Setting(String),
}

/// The keys that a store is opened with are not those that it was kept with. Named by their ids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongKeys {
    #[error(
        "the key `{0}` is not the one that this store knows by that id: give the service the key file that it had; a new key gets a new id"
    )]
    Another(String),
    #[error(
        "there are requests under the key `{0}`, which is not configured: name it behind the first key; `tasks rehash` frees them of it"
    )]
    Missing(String),
    #[error(
        "purged requests are remembered under the key `{0}`, which is not configured: name it behind the first key; \
         `tasks rehash --forget-purged` frees the store of it"
    )]
    MissingForPurged(String),
}

impl StoreError {
    /// Exit code of the command line, from `sysexits.h`.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Busy(_) => 75,
            Self::Broken(_) => 70,
            Self::File { .. } => 66,
            Self::Sealed | Self::Keys(_) | Self::Setting(_) => 78,
        }
    }
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

    /// Creates one, unless it is there or its caller has `most` already: then `false`, and nothing was stored. Callers who add
    /// at the same time are counted one after the other.
    async fn add_subscription(&self, subscription: &Subscribed, most: u32) -> Result<bool, StoreError>;
    /// Changes one that still is at version `from`; otherwise `false`, and nothing was stored. It loses its holder, whose next
    /// [`TaskStore::advance`] is `false`; `seen`, `matched` and `delivered` never go back.
    async fn change_subscription(&self, subscription: &Subscribed, from: u64) -> Result<bool, StoreError>;
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

    /// Who made which version of a Task, in order; of a purged one too.
    async fn trail(&self, id: Uuid) -> Result<Vec<Step>, StoreError>;
    /// What is left of a purged Task.
    async fn tombstone(&self, id: Uuid) -> Result<Option<Tombstone>, StoreError>;
    /// Events of a Task that matched a subscription that is still there, in order of subscription and number.
    async fn notified(&self, id: Uuid) -> Result<Vec<Notified>, StoreError>;
    /// Until when some adapter has taken each subscription to deliver for it; `None`: no adapter has.
    async fn held(&self) -> Result<Vec<(Uuid, Option<Timestamp>)>, StoreError>;

    async fn waiting(&self, now: Timestamp) -> Result<Vec<Waiting>, StoreError>;
    /// Both days included. Contacts (`created`) stand in the hour of their `authoredOn`, the rest in that in which it was done.
    async fn tallies(&self, from: jiff::civil::Date, until: jiff::civil::Date) -> Result<Vec<Tally>, StoreError>;

    /// Removes Tasks that were finished before `before`, history and matched events included, leaving tombstones of `now`; at most `most`
    /// at a time. How many. Events older than that go too, once every subscription that is not `off` has looked at them and
    /// delivered those that matched.
    async fn purge(&self, before: Timestamp, now: Timestamp, most: u32) -> Result<u64, StoreError>;
    /// Hashes and seals again, with the current key, what older keys did; at most `most` rows at a time. How many.
    async fn rehash(&self, most: u32) -> Result<u64, StoreError>;
    /// Forgets what older keys hashed of purged Tasks, which [`TaskStore::rehash`] cannot hash again. How many hashes.
    async fn forget_older(&self) -> Result<u64, StoreError>;
    /// Whether it answers, and the keys are still those of what is in it.
    async fn ready(&self) -> Result<(), StoreError>;
}
