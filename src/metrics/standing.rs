//! How things stand in the store, at one scrape.

use std::collections::BTreeMap;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{OTHER, PREFIX, Whose};
use crate::caller::Callers;
use crate::task::directory::Directory;
use crate::task::notify::State;
use crate::task::status::Status;
use crate::task::store::{StoreError, Subscribed, TaskStore, Waiting};

/// Who waits, and what is not delivered.
#[derive(Clone, Debug)]
pub struct Standing {
    now: Timestamp,
    waiting: Vec<Waiting>,
    subscriptions: Vec<Delivering>,
    /// Events that the slowest Subscription has not looked at.
    unseen: u64,
}

/// What is told of one Subscription.
#[derive(Clone, Debug)]
struct Delivering {
    caller: String,
    state: State,
    undelivered: u64,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct InQueue {
    queue: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct Subscriber {
    caller: String,
    status: &'static str,
}

/// Of one owner in one queue.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    waiting: i64,
    oldest: i64,
    overdue: i64,
    rejected: i64,
    failed: i64,
}

impl Standing {
    /// # Errors
    /// What the store says.
    pub async fn of(store: &dyn TaskStore, callers: &Callers, now: Timestamp) -> Result<Self, StoreError> {
        let last = store.last_seq().await?;
        let kept = store.subscriptions(None).await?;
        let off = State::Off.code();
        let unseen = kept.iter().filter(|kept| kept.status != off).map(|kept| last - kept.progress.seen).max();
        let known = |name: &str| callers.all().any(|caller| caller.name == name);
        let one = |kept: Subscribed| Delivering {
            caller: if known(&kept.caller) { kept.caller } else { OTHER.to_owned() },
            state: State::from_code(&kept.status).unwrap_or(State::Off),
            undelivered: kept.progress.matched.saturating_sub(kept.progress.delivered),
        };
        Ok(Self {
            now,
            waiting: store.waiting(now).await?,
            subscriptions: kept.into_iter().map(one).collect(),
            unseen: u64::try_from(unseen.unwrap_or(0)).unwrap_or(0),
        })
    }

    /// As gauges: zero, too, for everybody who could have something.
    pub(super) fn registry(&self, directory: &Directory) -> Registry {
        let mut registry = Registry::with_prefix(PREFIX);
        let mut gauges = |name: &str, what: &str| {
            let family = Family::<Whose, Gauge>::default();
            registry.register(name, what, family.clone());
            family
        };
        let waiting = gauges("callback_waiting", "Requests that are not finished; rejected and failed ones wait for their requester");
        let overdue = gauges("callback_overdue", "Of those, past their deadline");
        let rejected = gauges("callback_rejected", "Of those, rejected by this owner: an alarm until another one is asked");
        let failed = gauges("callback_failed", "Of those, failed with this owner: an alarm until another one is asked");
        let oldest = Family::<Whose, Gauge>::default();
        let what = "Since the oldest request that waits was made; 0 if none does";
        registry.register_with_unit("callback_oldest", what, Unit::Seconds, oldest.clone());
        for (whose, load) in self.loads(directory) {
            waiting.get_or_create(&whose).set(load.waiting);
            overdue.get_or_create(&whose).set(load.overdue);
            rejected.get_or_create(&whose).set(load.rejected);
            failed.get_or_create(&whose).set(load.failed);
            oldest.get_or_create(&whose).set(load.oldest);
        }
        self.unassigned(directory, &mut registry);
        self.subscriptions(&mut registry);
        registry
    }

    fn loads(&self, directory: &Directory) -> BTreeMap<Whose, Load> {
        let mut loads: BTreeMap<Whose, Load> = BTreeMap::new();
        for service in directory.services() {
            let serving = service.served_by.iter().map(|id| format!("Organization/{id}"));
            for owner in serving.chain([format!("HealthcareService/{}", service.id)]) {
                loads.entry(Whose::of(&service.queue, &owner, directory)).or_default();
            }
        }
        for row in &self.waiting {
            let load = loads.entry(Whose::of(&row.queue, &row.owner, directory)).or_default();
            let count = whole(row.count);
            load.waiting += count;
            load.overdue += whole(row.overdue);
            match row.status {
                Status::Rejected => load.rejected += count,
                Status::Failed => load.failed += count,
                _ => {}
            }
            let age = row.oldest.map_or(0, |oldest| self.now.duration_since(oldest).as_secs());
            load.oldest = load.oldest.max(age);
        }
        loads
    }

    fn unassigned(&self, directory: &Directory, registry: &mut Registry) {
        let family = Family::<InQueue, Gauge>::default();
        registry.register("callback_unassigned", "Requests that nobody has claimed from the queue", family.clone());
        for service in directory.services() {
            family.get_or_create(&InQueue { queue: service.queue.clone() }).set(0);
        }
        for row in self.waiting.iter().filter(|row| row.owner.starts_with("HealthcareService/") && !row.status.is_alarm()) {
            let Whose { queue, .. } = Whose::of(&row.queue, &row.owner, directory);
            family.get_or_create(&InQueue { queue }).inc_by(whole(row.count));
        }
    }

    fn subscriptions(&self, registry: &mut Registry) {
        let (number, lag) = (Family::<Subscriber, Gauge>::default(), Family::<Subscriber, Gauge>::default());
        let (dead, unseen) = (Gauge::<i64>::default(), Gauge::<i64>::default());
        registry.register("subscriptions", "Subscriptions, by their caller and status", number.clone());
        registry.register("subscription_undelivered_events", "Events that their endpoints have not taken", lag.clone());
        registry.register("subscription_dead_letters", "Subscriptions that gave up: in status error", dead.clone());
        registry.register("subscription_unseen_events", "Events that were not held against every Subscription yet", unseen.clone());
        unseen.set(whole(self.unseen));
        for one in &self.subscriptions {
            let subscriber = Subscriber { caller: one.caller.clone(), status: one.state.code() };
            number.get_or_create(&subscriber).inc();
            lag.get_or_create(&subscriber).inc_by(whole(one.undelivered));
            if one.state == State::Error {
                dead.inc();
            }
        }
    }
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
