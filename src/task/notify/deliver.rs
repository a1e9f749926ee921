//! Delivering, for as long as the process runs: it leases the Subscriptions that no other adapter has, and gives each its
//! turn ([`super::turn`]), many at once, each in one turn at a time. Another adapter takes over when a lease runs out.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, RwLock, Semaphore};
use tokio::task::JoinSet;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::clock::Clock;
use crate::net::{Authorities, ClientSettings, Guard, NetError, Poster};
use crate::task::store::{StoreError, Subscribed, TaskStore, Viewer};

/// How patient it is, and whom it trusts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How often it looks for other adapters' commits, and for what is due.
    pub poll: Duration,
    /// How long others leave its Subscriptions alone after its last sign of life.
    pub lease: Duration,
    /// Endpoints that are posted to at once.
    pub concurrency: usize,
    /// After the first failure; then twice as long each time.
    pub first_pause: Duration,
    pub longest_pause: Duration,
    /// How long it tries before it gives up and the Subscription is a dead letter.
    pub patience: Duration,
    /// Whose certificates endpoints may show, beside those of the system.
    pub authorities: Authorities,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            poll: Duration::from_secs(1),
            lease: Duration::from_secs(30),
            concurrency: 32,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_mins(15),
            patience: Duration::from_hours(24),
            authorities: Authorities::default(),
        }
    }
}

impl Settings {
    /// How long to wait after so many failures in a row.
    pub(super) fn pause(&self, failures: u32) -> Duration {
        let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).and_then(|factor| self.first_pause.checked_mul(factor));
        doubled.unwrap_or(self.longest_pause).min(self.longest_pause)
    }

    /// Whether so many failures in a row are too many: their pauses together are longer than the patience.
    pub(super) fn gives_up(&self, failures: u32) -> bool {
        let mut waited = Duration::ZERO;
        (1..=failures).any(|failure| {
            waited = waited.saturating_add(self.pause(failure));
            waited > self.patience
        })
    }
}

/// What a caller sees, by its name; `None` for one that is not configured any more.
pub trait Eyes: Send + Sync {
    fn of(&self, caller: &str) -> Option<Viewer>;
}

impl<F: Fn(&str) -> Option<Viewer> + Send + Sync> Eyes for F {
    fn of(&self, caller: &str) -> Option<Viewer> {
        self(caller)
    }
}

/// What delivers.
pub struct Delivery {
    pub(super) store: Arc<dyn TaskStore>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) eyes: Arc<dyn Eyes>,
    pub(super) guard: Arc<Guard>,
    pub(super) poster: Poster,
    /// Our own FHIR base: `https://adapter.example/fhir`.
    pub(super) base: String,
    pub(super) settings: Settings,
    /// This process, among those that share the store.
    pub(super) holder: Uuid,
    /// Up to which event nothing further matches, by Subscription and its version: spares a write for every commit that is not
    /// for it.
    looked: Mutex<HashMap<Uuid, (u64, i64)>>,
    /// The versions that were leased last. A turn that began with another must not record anything: its Subscription was
    /// changed meanwhile and leased again, by this process itself.
    pub(super) leased: RwLock<HashMap<Uuid, u64>>,
    busy: Mutex<HashSet<Uuid>>,
    slots: Arc<Semaphore>,
}

impl Delivery {
    /// # Errors
    /// [`NetError::Settings`] if TLS cannot start.
    pub fn new(
        store: Arc<dyn TaskStore>,
        clock: Arc<dyn Clock>,
        eyes: Arc<dyn Eyes>,
        guard: Arc<Guard>,
        base: String,
        settings: Settings,
    ) -> Result<Self, NetError> {
        let authorities = settings.authorities.clone();
        let client = ClientSettings { timeout: LONGEST, body_cap: MOST_ANSWERED, authorities, ..ClientSettings::default() };
        let poster = Poster::new(&client, Arc::clone(&guard))?;
        let slots = Arc::new(Semaphore::new(settings.concurrency));
        let (looked, leased, busy) = (Mutex::default(), RwLock::default(), Mutex::default());
        Ok(Self { store, clock, eyes, guard, poster, base, settings, holder: Uuid::new_v4(), looked, leased, busy, slots })
    }

    /// Delivers until `stop`, woken by `changed` after each commit of this process; then ends what was begun.
    pub async fn run(self: Arc<Self>, changed: Arc<Notify>, stop: impl Future<Output = ()> + Send) {
        let mut turns = JoinSet::new();
        tokio::pin!(stop);
        loop {
            self.begin(&mut turns).await;
            // commits come in bursts: one look for many
            tokio::select! {
                () = &mut stop => break,
                () = tokio::time::sleep(BREATH) => {}
            }
            tokio::select! {
                () = &mut stop => break,
                () = changed.notified() => {}
                () = tokio::time::sleep(self.settings.poll) => {}
            }
            while turns.try_join_next().is_some() {}
        }
        while turns.join_next().await.is_some() {}
    }

    /// Gives every Subscription that can be leased one turn, and waits for all of them.
    pub async fn once(self: &Arc<Self>) {
        let mut turns = JoinSet::new();
        self.begin(&mut turns).await;
        while turns.join_next().await.is_some() {}
    }

    async fn begin(self: &Arc<Self>, turns: &mut JoinSet<()>) {
        let (leased, last) = match self.lease().await {
            Ok(leased) => leased,
            Err(error) => return tracing::warn!(%error, "subscriptions cannot be looked at"),
        };
        for kept in leased {
            let Some(busy) = Busy::begin(self, kept.id) else { continue };
            let delivery = Arc::clone(self);
            let span = tracing::info_span!("subscription", id = %kept.id);
            let turn = async move {
                let _busy = busy;
                let Ok(_slot) = delivery.slots.acquire().await else { return };
                if let Err(error) = delivery.turn(kept, last).await {
                    tracing::warn!(%error, "a subscription's turn broke off");
                }
            };
            turns.spawn(turn.instrument(span));
        }
    }

    async fn lease(&self) -> Result<(Vec<Subscribed>, i64), StoreError> {
        let now = self.clock.now();
        let until = now.checked_add(self.settings.lease).unwrap_or(now);
        let mut versions = self.leased.write().await;
        let leased = self.store.lease(self.holder, now, until).await?;
        *versions = leased.iter().map(|kept| (kept.id, kept.version)).collect();
        drop(versions);
        let last = if leased.is_empty() { 0 } else { self.store.last_seq().await? };
        self.looked().retain(|id, _| leased.iter().any(|kept| kept.id == *id));
        Ok((leased, last))
    }

    pub(super) fn looked(&self) -> MutexGuard<'_, HashMap<Uuid, (u64, i64)>> {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn busy(&self) -> MutexGuard<'_, HashSet<Uuid>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That a Subscription has its turn.
struct Busy(Arc<Delivery>, Uuid);

impl Busy {
    fn begin(delivery: &Arc<Delivery>, id: Uuid) -> Option<Self> {
        let free = delivery.busy().insert(id);
        free.then(|| Self(Arc::clone(delivery), id))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy().remove(&self.1);
    }
}

/// Between two looks.
const BREATH: Duration = Duration::from_millis(20);
/// For one notification, whatever a Subscription asks for.
const LONGEST: Duration = Duration::from_secs(60);
/// Bytes of an endpoint's answer, which nobody reads.
const MOST_ANSWERED: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_end_with_the_patience() {
        let settings = Settings::default();
        let seconds: Vec<u64> = [1, 2, 3, 10, 11, 40, u32::MAX].map(|failures| settings.pause(failures).as_secs()).into();
        assert_eq!(seconds, [1, 2, 4, 512, 900, 900, 900]);
        let tries = (1..).find(|failures| settings.gives_up(*failures)).unwrap();
        assert_eq!(tries, 105, "10 to reach the longest pause, then every quarter of an hour");
        assert!(settings.gives_up(u32::MAX));
    }
}
