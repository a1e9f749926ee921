//! One way to talk to either database: statements with numbered parameters, rows by position, and errors without the
//! database's own words.

use std::fmt;

use jiff::Timestamp;
use sqlx::migrate::MigrateError;
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, Transaction};
use uuid::Uuid;

use super::StoreError;
use super::seal::Keys;
use crate::task::status::Status;

/// A database that holds the tables.
#[async_trait::async_trait]
pub(super) trait Database: Send + Sync {
    fn keys(&self) -> &Keys;
    /// A connection to read through.
    async fn reading(&self) -> Result<Work, StoreError>;
    /// A transaction; nothing of it is there before it is committed.
    async fn writing(&self) -> Result<Work, StoreError>;
}

/// A statement in the making. Only our own text is pushed; every value is a parameter.
#[derive(Clone, Default)]
pub(super) struct Sql {
    text: String,
    values: Vec<Value>,
}

/// A parameter.
#[derive(Clone)]
pub(super) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// A connection in use.
pub(super) enum Work {
    SqliteReads(PoolConnection<sqlx::Sqlite>),
    SqliteWrites(Transaction<'static, sqlx::Sqlite>),
    PostgresReads(PoolConnection<sqlx::Postgres>),
    PostgresWrites(Transaction<'static, sqlx::Postgres>),
}

pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Sql {
    /// The whole of it.
    pub(super) fn take(&mut self) -> Self {
        std::mem::take(self)
    }

    /// For arms that say no more.
    pub(super) fn done(&mut self) {}

    /// Parameters are `$1`, `$2` … in the order of `values`.
    pub(super) fn new(text: &str, values: impl IntoIterator<Item = Value>) -> Self {
        Self { text: text.to_owned(), values: values.into_iter().collect() }
    }

    pub(super) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub(super) fn bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// `$1, $2, $3`
    pub(super) fn bind_all<V: Into<Value>>(&mut self, values: impl IntoIterator<Item = V>) -> &mut Self {
        for (at, value) in values.into_iter().enumerate() {
            if at > 0 {
                self.text.push_str(", ");
            }
            self.bind(value);
        }
        self
    }
}

macro_rules! bound {
    ($sql:expr) => {
        $sql.values.into_iter().fold(sqlx::query(AssertSqlSafe($sql.text)), |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
            Value::Bytes(value) => query.bind(value),
        })
    };
}

impl Work {
    pub(super) async fn all(&mut self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        match self {
            Self::SqliteReads(on) => bound!(sql).fetch_all(&mut **on).await.map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Self::SqliteWrites(on) => bound!(sql).fetch_all(&mut **on).await.map(|rows| rows.into_iter().map(Row::Sqlite).collect()),
            Self::PostgresReads(on) => bound!(sql).fetch_all(&mut **on).await.map(|rows| rows.into_iter().map(Row::Postgres).collect()),
            Self::PostgresWrites(on) => bound!(sql).fetch_all(&mut **on).await.map(|rows| rows.into_iter().map(Row::Postgres).collect()),
        }
        .map_err(failure)
    }

    pub(super) async fn first(&mut self, sql: Sql) -> Result<Option<Row>, StoreError> {
        Ok(self.all(sql).await?.into_iter().next())
    }

    /// How many rows it touched.
    pub(super) async fn run(&mut self, sql: Sql) -> Result<u64, StoreError> {
        match self {
            Self::SqliteReads(on) => bound!(sql).execute(&mut **on).await.map(|done| done.rows_affected()),
            Self::SqliteWrites(on) => bound!(sql).execute(&mut **on).await.map(|done| done.rows_affected()),
            Self::PostgresReads(on) => bound!(sql).execute(&mut **on).await.map(|done| done.rows_affected()),
            Self::PostgresWrites(on) => bound!(sql).execute(&mut **on).await.map(|done| done.rows_affected()),
        }
        .map_err(failure)
    }

    /// A transaction that is dropped instead is rolled back.
    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::SqliteWrites(on) => on.commit().await,
            Self::PostgresWrites(on) => on.commit().await,
            Self::SqliteReads(_) | Self::PostgresReads(_) => Ok(()),
        }
        .map_err(|error| match failure(error) {
            // it may have committed: "nothing was stored" would be a lie
            StoreError::Busy(cause) => StoreError::Broken(cause.unwrap_or_else(|| cause_of("commit"))),
            other => other,
        })
    }

    /// Ends it without a trace, and waits until that is done.
    pub(super) async fn forget(self) -> Result<(), StoreError> {
        match self {
            Self::SqliteWrites(on) => on.rollback().await.map_err(failure),
            Self::PostgresWrites(on) => on.rollback().await.map_err(failure),
            Self::SqliteReads(_) | Self::PostgresReads(_) => Ok(()),
        }
    }
}

macro_rules! column {
    ($row:expr, $at:expr) => {
        match $row {
            Row::Sqlite(row) => row.try_get($at),
            Row::Postgres(row) => row.try_get($at),
        }
        .map_err(failure)
    };
}

impl Row {
    pub(super) fn int(&self, at: usize) -> Result<i64, StoreError> {
        column!(self, at)
    }

    pub(super) fn maybe_int(&self, at: usize) -> Result<Option<i64>, StoreError> {
        column!(self, at)
    }

    /// A count, which is never negative.
    pub(super) fn count(&self, at: usize) -> Result<u64, StoreError> {
        u64::try_from(self.int(at)?).map_err(|_| broken("a negative count"))
    }

    pub(super) fn text(&self, at: usize) -> Result<String, StoreError> {
        column!(self, at)
    }

    pub(super) fn maybe_text(&self, at: usize) -> Result<Option<String>, StoreError> {
        column!(self, at)
    }

    pub(super) fn bytes(&self, at: usize) -> Result<Vec<u8>, StoreError> {
        column!(self, at)
    }

    pub(super) fn maybe_bytes(&self, at: usize) -> Result<Option<Vec<u8>>, StoreError> {
        column!(self, at)
    }

    pub(super) fn uuid(&self, at: usize) -> Result<Uuid, StoreError> {
        Uuid::from_slice(&self.bytes(at)?).map_err(|_| broken("an id"))
    }

    pub(super) fn time(&self, at: usize) -> Result<Timestamp, StoreError> {
        Timestamp::from_millisecond(self.int(at)?).map_err(|_| broken("an instant"))
    }

    pub(super) fn maybe_time(&self, at: usize) -> Result<Option<Timestamp>, StoreError> {
        self.maybe_int(at)?.map(|at| Timestamp::from_millisecond(at).map_err(|_| broken("an instant"))).transpose()
    }

    pub(super) fn status(&self, at: usize) -> Result<Status, StoreError> {
        Status::from_code(&self.text(at)?).ok_or_else(|| broken("a status"))
    }
}

/// What failed in bringing the tables up to date.
pub(super) fn not_migrated(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_) | MigrateError::VersionTooNew(..) => StoreError::Setting(
            "its tables are those of another version of this program: start the one that it was last opened with".into(),
        ),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => failure(error),
        _ => broken("the migrations"),
    }
}

/// What failed, by the database's code for it. Its message may quote a row: it goes no further than here.
pub(super) fn failure(error: sqlx::Error) -> StoreError {
    match &error {
        sqlx::Error::Database(told) => {
            let code = told.code().unwrap_or_default();
            let cause = cause_of(&format!("database error {code}"));
            if is_passing(&code) { StoreError::Busy(Some(cause)) } else { StoreError::Broken(cause) }
        }
        sqlx::Error::PoolTimedOut => StoreError::Busy(Some(cause_of("no connection became free in time"))),
        sqlx::Error::PoolClosed => StoreError::Busy(Some(cause_of("the store is closed"))),
        sqlx::Error::Io(told) => StoreError::Busy(Some(cause_of(&format!("input or output: {}", told.kind())))),
        sqlx::Error::Tls(_) => StoreError::Busy(Some(cause_of("TLS failed"))),
        sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => StoreError::Busy(Some(cause_of("a connection was lost"))),
        sqlx::Error::Protocol(_) => StoreError::Busy(Some(cause_of("a connection spoke out of turn"))),
        sqlx::Error::Migrate(_) => broken("the migrations"),
        sqlx::Error::Configuration(_) => broken("the configuration"),
        _ => broken("a row or parameter"),
    }
}

pub(super) fn broken(what: &str) -> StoreError {
    StoreError::Broken(cause_of(what))
}

fn cause_of(what: &str) -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(Cause(what.to_owned()))
}

/// SQLite's `SQLITE_BUSY`, `SQLITE_LOCKED` and their kin; PostgreSQL's lost connections, rollbacks, timeouts and shutdowns.
/// <https://sqlite.org/rescode.html>, <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn is_passing(code: &str) -> bool {
    let sqlite = matches!(code.parse::<u32>().map(|code| code & 0xff), Ok(5 | 6)) && code.len() < 5;
    let postgres =
        code.len() == 5 && (["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)) || ["55P03", "25P03"].contains(&code));
    sqlite || postgres
}

/// Our own words.
struct Cause(String);

impl fmt::Debug for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Cause {}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(Some(value.as_millisecond()))
    }
}

impl From<Option<Timestamp>> for Value {
    fn from(value: Option<Timestamp>) -> Self {
        Self::Int(value.map(Timestamp::as_millisecond))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

impl From<Status> for Value {
    fn from(value: Status) -> Self {
        value.code().into()
    }
}

impl From<Option<Status>> for Value {
    fn from(value: Option<Status>) -> Self {
        Self::Text(value.map(|status| status.code().to_owned()))
    }
}

impl From<Uuid> for Value {
    fn from(value: Uuid) -> Self {
        Self::Bytes(Some(value.as_bytes().to_vec()))
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}
