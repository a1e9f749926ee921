//! In a file of its own, for one adapter: <https://sqlite.org/wal.html>. One connection writes, others read.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use super::seal::Keys;
use super::sql::{Database, Sql, Work, broken, failure, not_migrated};
use super::{NewTask, StoreError, known, tasks};

/// Where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Made if it is not there, for its owner's eyes only.
    File(PathBuf),
    /// Gone when it is closed. One connection for all.
    Memory,
}

/// A store in SQLite.
#[derive(Clone, Debug)]
pub struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    keys: Keys,
}

impl Sqlite {
    /// Opens it, brings its tables up to date, and proves the keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(place: Place, keys: Keys) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().busy_timeout(PATIENCE).pragma("cache_size", CACHE).pragma("journal_size_limit", JOURNAL);
        let writer = SqlitePoolOptions::new().min_connections(1).max_connections(1).acquire_timeout(PATIENCE);
        // a connection to a file of ours is not lost while it waits
        let writer = writer.idle_timeout(None).max_lifetime(None).test_before_acquire(false);
        let (writer, readers) = match place {
            Place::Memory => {
                let pool = writer.connect_with(options.in_memory(true)).await.map_err(failure)?;
                (pool.clone(), pool)
            }
            Place::File(path) => {
                make_private(&path, false)?;
                let options = options.filename(&path).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
                let options = options.pragma("mmap_size", MAPPED);
                let writer = writer.connect_with(options.clone()).await.map_err(|error| no_store(&path, error))?;
                let readers = SqlitePoolOptions::new().max_connections(READERS).acquire_timeout(PATIENCE).test_before_acquire(false);
                (writer, readers.connect_lazy_with(options.pragma("query_only", "on")))
            }
        };
        sqlx::migrate!("src/task/store/migrations/sqlite").run(&writer).await.map_err(not_migrated)?;
        let store = Self { writer, readers, keys };
        known::open(&store).await?;
        if known::close_clear(&store).await? > 0 {
            // pages that were freed still hold what was in them
            let mut on = store.writer.acquire().await.map_err(failure)?;
            for sql in ["VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"] {
                sqlx::query(sql).execute(&mut *on).await.map_err(failure)?;
            }
        }
        Ok(store)
    }

    /// Copies it to a new file while it is in use. The copy is as sealed as it is.
    ///
    /// # Errors
    /// [`StoreError`]; also if the file is there already.
    pub async fn backup(&self, to: &Path) -> Result<(), StoreError> {
        make_private(to, true)?;
        let to = to.to_str().ok_or_else(|| broken("the backup's name"))?;
        let on = self.readers.acquire().await.map_err(failure)?;
        let mut work = Work::SqliteReads(on);
        work.run(Sql::new("PRAGMA query_only = off", [])).await?;
        let copied = work.run(Sql::new("VACUUM INTO $1", [to.into()])).await;
        work.run(Sql::new("PRAGMA query_only = on", [])).await?;
        copied.map(|_| ())
    }

    /// Many at once, in one transaction, without looking whether any was asked for before: for sandboxes and benchmarks.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn fill(&self, tasks: Vec<NewTask>) -> Result<(), StoreError> {
        tasks::fill(self, tasks).await
    }

    /// Waits for what is under way, and closes.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Database for Sqlite {
    fn keys(&self) -> &Keys {
        &self.keys
    }

    async fn reading(&self) -> Result<Work, StoreError> {
        self.readers.acquire().await.map(Work::SqliteReads).map_err(failure)
    }

    async fn writing(&self) -> Result<Work, StoreError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map(Work::SqliteWrites).map_err(failure)
    }
}

/// Journals get the file's own permissions from SQLite.
#[allow(clippy::disallowed_methods, reason = "the one file that the service keeps: sealed")]
fn make_private(path: &Path, new: bool) -> Result<(), StoreError> {
    let opened = OpenOptions::new().write(true).create(!new).create_new(new).mode(0o600).open(path);
    opened.map(|_| ()).map_err(|error| {
        let why = match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => "its folder is not there",
            ErrorKind::IsADirectory => "it is a folder",
            ErrorKind::PermissionDenied => "no permission to write it",
            ErrorKind::ReadOnlyFilesystem => "its file system is read-only",
            ErrorKind::AlreadyExists => "it is there already",
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "there is no space left",
            _ => "it cannot be opened",
        };
        StoreError::File { file: path.to_owned(), why }
    })
}

/// What SQLite says of a file that can be opened. <https://sqlite.org/rescode.html>
fn no_store(path: &Path, error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|told| told.code()?.parse::<u32>().ok()).map(|code| code & 0xff);
    match code {
        Some(11 | 26) => StoreError::Setting(format!("`{}`: it is no SQLite database", path.display())),
        Some(3 | 8 | 14) => StoreError::File { file: path.to_owned(), why: "no permission to write beside it, in its folder" },
        Some(13) => StoreError::File { file: path.to_owned(), why: "there is no space left" },
        _ => failure(error),
    }
}

/// How long anybody waits for a connection or the writer's turn.
const PATIENCE: Duration = Duration::from_secs(10);
const READERS: u32 = 8;
/// In KiB, a connection.
const CACHE: &str = "-16384";
/// The journal is cut to this many bytes after it has grown.
const JOURNAL: &str = "67108864";
/// Read through the page cache without copying.
const MAPPED: &str = "1073741824";
