//! The composition root: what every request shares.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use crate::caller::{Caller, Callers};
use crate::clock::Clock;
use crate::config::Limits;
use crate::metrics::Metrics;
use crate::net::Guard;
use crate::pipeline::Context;
use crate::profiles::Profiles;
use crate::record::PatientRecord;
use crate::refusal::Refusal;
use crate::task::codes::Codes;
use crate::task::directory::Directory;
use crate::task::search::CursorKey;
use crate::task::store::TaskStore;

/// The service, assembled.
pub struct App {
    pub profiles: Arc<Profiles>,
    pub record: Arc<dyn PatientRecord>,
    pub clock: Arc<dyn Clock>,
    pub callers: Callers,
    /// Callback requests, where they are configured.
    pub tasks: Option<Tasks>,
    /// `http://127.0.0.1:8080`: what links in answers begin with.
    pub base: String,
    pub limits: Limits,
    /// Empty unless a configuration fills it.
    pub directory: Arc<Directory>,
    pub metrics: Arc<Metrics>,
    slots: Arc<Semaphore>,
}

/// What callback requests need.
#[derive(Clone)]
pub struct Tasks {
    pub store: Arc<dyn TaskStore>,
    pub directory: Arc<Directory>,
    /// Told after each commit: there may be something to notify of.
    pub changed: Arc<Notify>,
    /// Where notifications may be posted to.
    pub guard: Arc<Guard>,
    pub codes: Arc<Codes>,
    /// Seals the cursors of pages; the same on all adapters of one store.
    pub cursors: Arc<CursorKey>,
}

/// The right to be worked on. Whoever waits for all of them has waited for all work.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
}

impl App {
    pub fn new(
        profiles: Arc<Profiles>,
        record: Arc<dyn PatientRecord>,
        clock: Arc<dyn Clock>,
        callers: Callers,
        base: String,
        limits: Limits,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(limits.concurrency as usize));
        let base = base.trim_end_matches('/').to_owned();
        Self { profiles, record, clock, callers, tasks: None, base, limits, directory: Arc::default(), metrics: Arc::default(), slots }
    }

    /// With those whom the configuration names.
    #[must_use]
    pub fn with_directory(mut self, directory: Arc<Directory>) -> Self {
        self.directory = directory;
        self
    }

    #[must_use]
    pub fn with_tasks(mut self, tasks: Tasks) -> Self {
        self.directory = Arc::clone(&tasks.directory);
        self.tasks = Some(tasks);
        self
    }

    /// What callback requests need.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] where they are not configured.
    pub fn tasks(&self) -> Result<&Tasks, Refusal> {
        self.tasks.as_ref().ok_or_else(|| Refusal::NotFound("the service of callback requests (no store is configured)".to_owned()))
    }

    pub fn context<'a>(&'a self, caller: &'a Caller) -> Context<'a> {
        Context { profiles: &self.profiles, caller: &caller.name, now: self.clock.now() }
    }

    /// A slot, if there is one: nobody queues, the caller is told to come again.
    ///
    /// # Errors
    /// [`Refusal::Saturated`].
    pub fn slot(&self) -> Result<Slot, Refusal> {
        let permit = Arc::clone(&self.slots).try_acquire_owned().map_err(|_| Refusal::Saturated)?;
        Ok(Slot { _permit: permit })
    }

    /// Does `work` to its end, even if the client goes away meanwhile: a write is never left half done.
    ///
    /// # Errors
    /// What `work` says; [`Refusal::Bug`] if it panicked.
    pub async fn finish<T: Send + 'static>(
        &self,
        slot: Slot,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        let work = async move {
            let _slot = slot;
            work.await
        };
        tokio::spawn(work.in_current_span()).await.unwrap_or(Err(Refusal::Bug))
    }

    /// Waits for everything that was begun, at most so long; whether all of it ended.
    pub async fn idle(&self, most: Duration) -> bool {
        tokio::time::timeout(most, self.slots.acquire_many(self.limits.concurrency)).await.is_ok()
    }
}
