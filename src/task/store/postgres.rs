//! In PostgreSQL, when several adapters share the work.

use std::str::FromStr as _;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

use super::seal::Keys;
use super::sql::{Database, Work, failure};
use super::{NewTask, StoreError, tasks};

/// A store in PostgreSQL.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
    keys: Keys,
}

impl Postgres {
    /// Connects (`postgres://user:password@host/database?sslmode=verify-full`), and brings the tables up to date: one
    /// adapter after another.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn connect(url: &SecretString, keys: Keys) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(url.expose_secret()).map_err(failure)?;
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
        let pool = pool.connect_with(options).await.map_err(failure)?;
        sqlx::migrate!("src/task/store/migrations/postgres").run(&pool).await.map_err(|error| failure(error.into()))?;
        Ok(Self { pool, keys })
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

/// How long anybody waits for a connection.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 10;
