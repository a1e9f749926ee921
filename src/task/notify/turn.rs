//! One Subscription's turn: what is new gets its numbers, then the handshake, what is outstanding, or a heartbeat goes out.
//! <https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html>

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use super::State;
use super::bundle::{self, Kind};
use super::deliver::Delivery;
use super::matching::matches;
use super::subscription::Wanted;
use crate::net::NotPosted;
use crate::task::store::{Event, StoreError, Subscribed, Viewer};

impl Delivery {
    /// `last` is the newest event that there was when the turn was given.
    pub(super) async fn turn(&self, kept: Subscribed, last: i64) -> Result<(), StoreError> {
        let Some(state) = State::from_code(&kept.status).filter(|state| *state != State::Off) else { return Ok(()) };
        let mut turn = Turn { delivery: self, kept, state };
        let wanted = Wanted::kept(&turn.kept, &self.base, &self.guard);
        let (Some(wanted), Some(viewer)) = (wanted, self.eyes.of(&turn.kept.caller)) else {
            if state != State::Error {
                turn.give_up("its caller or its endpoint is not allowed any more".to_owned()).await?;
            }
            return Ok(());
        };
        if wanted.end.is_some_and(|end| end <= self.clock.now()) {
            turn.state = State::Off;
            turn.kept.progress.next_try = None;
            return turn.record(&[]).await.map(|_| ());
        }
        if !turn.look(&wanted, &viewer, last).await? || state == State::Error {
            return Ok(());
        }
        while turn.send(&wanted).await? {}
        Ok(())
    }
}

struct Turn<'d> {
    delivery: &'d Delivery,
    kept: Subscribed,
    state: State,
}

impl Turn<'_> {
    /// Gives what matches its numbers; `false` if somebody else has the Subscription by now.
    async fn look(&mut self, wanted: &Wanted, viewer: &Viewer, last: i64) -> Result<bool, StoreError> {
        let (id, version) = (self.kept.id, self.kept.version);
        let remembered = self.delivery.looked().get(&id).filter(|(of, _)| *of == version).map_or(0, |(_, seen)| *seen);
        let mut seen = self.kept.progress.seen.max(remembered);
        while seen < last {
            let events = self.delivery.store.events(seen, PAGE).await?;
            let Some(newest) = events.last().map(|event| event.seq) else { break };
            let mut number = self.kept.progress.matched;
            let theirs = events.iter().filter(|event| matches(viewer, &wanted.criteria, event));
            let numbered: Vec<(u64, i64)> = theirs
                .map(|event| {
                    number += 1;
                    (number, event.seq)
                })
                .collect();
            seen = newest;
            if !numbered.is_empty() || seen - self.kept.progress.seen > FORGETTABLE {
                self.kept.progress.seen = seen;
                self.kept.progress.matched = number;
                if !self.record(&numbered).await? {
                    return Ok(false);
                }
            }
        }
        self.delivery.looked().insert(id, (version, seen));
        Ok(true)
    }

    /// Sends the next notification, if one is due; whether there may be another.
    async fn send(&mut self, wanted: &Wanted) -> Result<bool, StoreError> {
        let now = self.delivery.clock.now();
        let Some(kind) = self.due(wanted, now) else { return Ok(false) };
        let events = self.outstanding(kind, wanted).await?;
        let upto = events.last().map(|(number, _)| *number);
        if kind == Kind::Event && upto.is_none() {
            // purged before they were told
            self.kept.progress.delivered = self.kept.progress.matched;
            return self.record(&[]).await;
        }
        let body = bundle::notification(&self.delivery.base, &self.kept, wanted.content, kind, &events, now);
        let answer = self.delivery.poster.post(&wanted.endpoint, &wanted.headers, body, wanted.timeout).await;
        match answer {
            Ok(taken) if (200..300).contains(&taken.status) => {
                self.taken(upto);
                self.record(&[]).await
            }
            Ok(taken) if taken.status == 410 => self.give_up("the endpoint answered 410: it is gone".to_owned()).await,
            Ok(taken) if (300..400).contains(&taken.status) => {
                let what = format!("the endpoint answered {}: redirects are not followed", taken.status);
                self.failed(what, taken.retry_after).await
            }
            Ok(taken) => self.failed(format!("the endpoint answered {}", taken.status), taken.retry_after).await,
            Err(fault @ NotPosted::Forbidden) => self.give_up(fault.to_string()).await,
            Err(NotPosted::Net(error)) => self.failed(error.to_string(), None).await,
        }
    }

    fn due(&self, wanted: &Wanted, now: Timestamp) -> Option<Kind> {
        let progress = &self.kept.progress;
        if progress.next_try.is_some_and(|next| next > now) {
            return None;
        }
        let silent = |period: Duration| progress.last_delivery.and_then(|last| last.checked_add(period).ok()).is_none_or(|due| due <= now);
        match self.state {
            State::Requested => Some(Kind::Handshake),
            State::Active if progress.delivered < progress.matched => Some(Kind::Event),
            State::Active if wanted.heartbeat.is_some_and(silent) => Some(Kind::Heartbeat),
            State::Active | State::Error | State::Off => None,
        }
    }

    async fn outstanding(&self, kind: Kind, wanted: &Wanted) -> Result<Vec<(u64, Event)>, StoreError> {
        if kind != Kind::Event {
            return Ok(Vec::new());
        }
        let progress = &self.kept.progress;
        self.delivery.store.matched(self.kept.id, progress.delivered + 1, progress.matched, wanted.most).await
    }

    fn taken(&mut self, upto: Option<u64>) {
        let now = self.delivery.clock.now();
        let progress = &mut self.kept.progress;
        progress.delivered = upto.unwrap_or(progress.delivered);
        (progress.failures, progress.next_try, progress.error) = (0, None, None);
        progress.last_delivery = Some(now);
        self.state = State::Active;
    }

    /// Again later, or never.
    async fn failed(&mut self, what: String, retry_after: Option<Duration>) -> Result<bool, StoreError> {
        let settings = &self.delivery.settings;
        let failures = self.kept.progress.failures.saturating_add(1);
        self.kept.progress.failures = failures;
        if settings.gives_up(failures) {
            return self.give_up(format!("given up after {failures} tries: {what}")).await;
        }
        let pause = jittered(settings.pause(failures)).max(retry_after.unwrap_or_default().min(settings.longest_pause));
        tracing::info!(failures, seconds = pause.as_secs(), what, "a notification was not taken");
        self.kept.progress.next_try = self.delivery.clock.now().checked_add(pause).ok();
        self.kept.progress.error = Some(what);
        self.record(&[]).await?;
        Ok(false)
    }

    async fn give_up(&mut self, what: String) -> Result<bool, StoreError> {
        tracing::error!(caller = self.kept.caller, what, "notifications cannot be delivered: the subscription is in error");
        self.state = State::Error;
        self.kept.progress.next_try = None;
        self.kept.progress.error = Some(what);
        self.record(&[]).await?;
        Ok(false)
    }

    /// Whether it is still ours.
    async fn record(&mut self, numbered: &[(u64, i64)]) -> Result<bool, StoreError> {
        self.kept.status = self.state.code().to_owned();
        let delivery = self.delivery;
        let leased = delivery.leased.read().await;
        if leased.get(&self.kept.id) != Some(&self.kept.version) {
            return Ok(false);
        }
        delivery.store.advance(delivery.holder, self.kept.id, self.state.code(), &self.kept.progress, numbered).await
    }
}

/// A fifth more or less, so that those who failed together do not come again together.
fn jittered(pause: Duration) -> Duration {
    let random = f64::from(Uuid::new_v4().as_bytes()[0]) / 255.0;
    pause.mul_f64(0.8 + 0.4 * random)
}

/// Events looked at in one go.
const PAGE: u32 = 500;
/// Events that may be looked at again after a restart.
const FORGETTABLE: i64 = 1000;
