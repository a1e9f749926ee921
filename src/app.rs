//! The composition root: what every request shares.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument as _;

use crate::clock::Clock;
use crate::config::Limits;
use crate::pipeline::Context;
use crate::profiles::Profiles;
use crate::record::PatientRecord;
use crate::refusal::Refusal;

/// The service, assembled.
pub struct App {
    pub profiles: Arc<Profiles>,
    pub record: Arc<dyn PatientRecord>,
    pub clock: Arc<dyn Clock>,
    /// Whose submission ids these are, until callers can be told apart.
    pub caller: String,
    /// `http://127.0.0.1:8080`: what links in answers begin with.
    pub base: String,
    pub limits: Limits,
    slots: Arc<Semaphore>,
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
        caller: String,
        base: String,
        limits: Limits,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(limits.concurrency as usize));
        Self { profiles, record, clock, caller, base: base.trim_end_matches('/').to_owned(), limits, slots }
    }

    pub fn context(&self) -> Context<'_> {
        Context { profiles: &self.profiles, caller: &self.caller, now: self.clock.now() }
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
