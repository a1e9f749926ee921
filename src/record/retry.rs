//! When a call to the record is repeated: timing and bounds, in one place.
//!
//! Outages (no connection, 502, 503, 504, 429, no answer in time) get few tries, lost races more; both end at the
//! call's deadline. Pauses grow and are jittered; a `Retry-After` prolongs one, or ends the call if it asks for more
//! than we wait. Only what is safe to repeat comes here, and in this port that is everything.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::RecordError;

/// Bounds of repeating.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Tries in outages, the first included.
    pub tries: usize,
    /// Tries after lost races, the first included: the winner's work is found by the repeat, so these end well.
    pub race_tries: usize,
    /// One call of the port, all its requests, tries and pauses.
    pub deadline: Duration,
    /// The first pause; the others double.
    pub first_pause: Duration,
    /// No pause is longer; a `Retry-After` beyond it is passed on to our caller.
    pub longest_pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: 3,
            race_tries: 6,
            deadline: Duration::from_secs(20),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(3),
        }
    }
}

/// An attempt that failed, and whether another may help.
#[derive(Debug)]
pub(super) struct Setback {
    pub(super) error: RecordError,
    pub(super) again: Again,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Again {
    Never,
    /// An outage; wait at least this long.
    Outage(Duration),
    LostRace,
}

impl Setback {
    pub(super) fn last(error: RecordError) -> Self {
        Self { error, again: Again::Never }
    }
}

/// One call of the port under way: what is left of its time.
pub(super) struct Course {
    retry: Retry,
    begin: Instant,
}

impl Retry {
    #[allow(clippy::disallowed_methods, reason = "measures what is left of a call's time")]
    pub(super) fn begin(self) -> Course {
        Course { retry: self, begin: Instant::now() }
    }

    fn pauses(&self, tries: usize) -> ExponentialBackoff {
        ExponentialBuilder::new()
            .with_min_delay(self.first_pause)
            .with_max_delay(self.longest_pause)
            .with_max_times(tries.saturating_sub(1))
            .with_jitter()
            // Without its `std` feature backon jitters from one constant seed: racers would meet again and again.
            .with_jitter_seed(RandomState::new().hash_one(0_u8))
            .build()
    }
}

impl Course {
    /// Attempts until one succeeds, another cannot help, or the bounds are reached; then the last error.
    /// `attempt` gets the time that is left.
    pub(super) async fn repeat<T, F, Fut>(&self, interaction: &'static str, mut attempt: F) -> Result<T, RecordError>
    where
        F: FnMut(Duration) -> Fut,
        Fut: Future<Output = Result<T, Setback>>,
    {
        let mut outages = self.retry.pauses(self.retry.tries);
        let mut races = self.retry.pauses(self.retry.race_tries);
        loop {
            let Setback { error, again } = match attempt(self.left()).await {
                Ok(value) => return Ok(value),
                Err(setback) => setback,
            };
            let pause = match again {
                Again::Never => None,
                Again::Outage(least) => outages.next().map(|pause| pause.max(least)),
                Again::LostRace => races.next(),
            };
            // backon adds the jitter on top of its longest delay, hence twice.
            let Some(pause) = pause.filter(|pause| *pause <= self.retry.longest_pause * 2 && *pause < self.left()) else {
                return Err(error);
            };
            let pause_ms = pause.as_millis();
            match again {
                // two of us met: nothing is wrong
                Again::LostRace => tracing::debug!(interaction, pause_ms, "a race was lost, the transaction is repeated"),
                _ => tracing::warn!(interaction, pause_ms, reason = %error, "the record system is asked again"),
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn left(&self) -> Duration {
        self.retry.deadline.saturating_sub(self.begin.elapsed())
    }
}
