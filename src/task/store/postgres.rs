//! In PostgreSQL, when several adapters share the work.

use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::seal::Keys;
use super::sql::{Database, Work, failure, not_migrated};
use super::{NewTask, StoreError, known, tasks};

/// A store in PostgreSQL.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
    keys: Keys,
}

impl Postgres {
    /// Connects (`postgres://user:password@host/database?sslmode=verify-full`), brings the tables up to date (one adapter
    /// after another), and proves the keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn connect(url: &SecretString, keys: Keys) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url.expose_secret()).map_err(|_| StoreError::Setting("its URL cannot be read".into()))?;
        // the order of commits rests on seeing, after waiting for the ledger's row, what the one before did
        let options = options.application_name("neuvola-adapter").options([
            ("default_transaction_isolation", "read committed"),
            ("synchronous_commit", "on"),
            ("lock_timeout", "10s"),
            ("statement_timeout", "30s"),
            ("idle_in_transaction_session_timeout", "30s"),
            ("jit", "off"),
        ]);
        let pool = PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE);
        let pool = pool.connect_with(options).await.map_err(refused)?;
        sqlx::migrate!("src/task/store/migrations/postgres").run(&pool).await.map_err(not_migrated)?;
        let store = Self { pool, keys };
        known::open(&store).await?;
        known::close_clear(&store).await?;
        Ok(store)
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
        self.pool.close().await;
    }
}

#[async_trait]
impl Database for Postgres {
    fn keys(&self) -> &Keys {
        &self.keys
    }

    async fn reading(&self) -> Result<Work, StoreError> {
        self.pool.acquire().await.map(Work::PostgresReads).map_err(failure)
    }

    async fn writing(&self) -> Result<Work, StoreError> {
        self.pool.begin().await.map(Work::PostgresWrites).map_err(failure)
    }
}

/// Who may not come in learns where to look. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn refused(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|told| told.code()).unwrap_or_default().into_owned();
    match code.get(..2) {
        Some("28") => StoreError::Setting(format!("the database does not know the user and password of its URL (SQLSTATE {code})")),
        Some("3D") => StoreError::Setting(format!("there is no such database as its URL names (SQLSTATE {code})")),
        _ => failure(error),
    }
}

/// How long anybody waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 10;
