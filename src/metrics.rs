//! What Prometheus is told: <https://prometheus.io/docs/specs/om/open_metrics_spec/>. Counts and durations, nothing about a
//! client; labels are routes, and what the configuration names (anybody else is `other`), so that there are not too many.
//!
//! What is counted here is this process's; how many wait, and how Subscriptions stand, is asked of the store at each scrape.

mod standing;

use std::fmt;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::task::directory::Directory;
use crate::task::status::Status;
use crate::task::store::{Index, Stored};

pub use standing::Standing;

/// What this process counts.
pub struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    durations: Family<Asked, Histogram, fn() -> Histogram>,
    first_attempts: Family<Whose, Histogram, fn() -> Histogram>,
    completions: Family<Whose, Histogram, fn() -> Histogram>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Asked {
    method: &'static str,
    route: String,
}

/// A queue, and who owns what lies in it.
#[derive(Clone, Debug, Hash, PartialEq, Eq, PartialOrd, Ord, EncodeLabelSet)]
struct Whose {
    queue: String,
    owner: String,
}

impl Whose {
    fn of(queue: &str, owner: &str, directory: &Directory) -> Self {
        let queue = directory.service_of(queue).map_or(OTHER, |service| &service.queue);
        let owner = if directory.knows(owner) { owner } else { OTHER };
        Self { queue: queue.to_owned(), owner: owner.to_owned() }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        let durations: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(|| Histogram::new(ANSWERS));
        let first_attempts: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(|| Histogram::new(CALLBACKS));
        let completions: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(|| Histogram::new(CALLBACKS));
        registry.register("http_requests", "Requests that were answered, by route; gone: the client went away", requests.clone());
        let what = "From the head of a request to the head of its answer";
        registry.register_with_unit("http_request_duration", what, Unit::Seconds, durations.clone());
        let what = "From authoredOn to the first attempt to reach the client, or to completion without one";
        registry.register_with_unit("callback_first_attempt", what, Unit::Seconds, first_attempts.clone());
        let what = "From authoredOn to completion";
        registry.register_with_unit("callback_completion", what, Unit::Seconds, completions.clone());
        Self { registry, requests, durations, first_attempts, completions }
    }
}

impl Metrics {
    /// A request that was answered, or, without a status, whose client went away. `route` is a template, never a path.
    pub fn answered(&self, method: &'static str, route: &str, status: Option<u16>, seconds: f64) {
        let route = route.to_owned();
        self.durations.get_or_create(&Asked { method, route: route.clone() }).observe(seconds);
        let status = status.map_or_else(|| "gone".to_owned(), |status| status.to_string());
        self.requests.get_or_create(&Answered { method, route, status }).inc();
    }

    /// A change that was committed. `attempt`: the client was called once more, without an answer.
    pub fn changed(&self, before: &Index, after: &Index, attempt: bool, committed: &Stored, directory: &Directory) {
        let whose = Whose::of(&after.queue, &after.owner, directory);
        let seconds = committed.last_updated.duration_since(after.authored_on).as_secs_f64().max(0.0);
        let completed = after.status == Status::Completed && before.status != Status::Completed;
        let tried = |index: &Index| index.attempts > 0 || index.business_status.as_deref().is_some_and(|code| REACHED.contains(&code));
        if (attempt || completed || tried(after)) && !tried(before) {
            self.first_attempts.get_or_create(&whose).observe(seconds);
        }
        if completed {
            self.completions.get_or_create(&whose).observe(seconds);
        }
    }

    /// OpenMetrics' text, with how things stand in the store, if there is one.
    ///
    /// # Errors
    /// None that a `String` would make.
    pub fn print(&self, standing: Option<&Standing>, directory: &Directory) -> Result<String, fmt::Error> {
        let mut text = String::new();
        if let Some(standing) = standing {
            encode_registry(&mut text, &standing.registry(directory))?;
        }
        encode_registry(&mut text, &self.registry)?;
        encode_eof(&mut text)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Metrics").finish_non_exhaustive()
    }
}

const PREFIX: &str = "neuvola";
/// Whom the configuration does not name, any more.
const OTHER: &str = "other";
/// Business statuses of somebody who was spoken with.
const REACHED: [&str; 2] = ["contacted", "awaiting-client"];
/// Seconds: from a read to a slow record system.
const ANSWERS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
/// Seconds: 5, 15, 30 minutes; 1, 2, 4, 8 hours; 1, 2, 3, 4, 7, 14 days.
const CALLBACKS: [f64; 13] = {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 60.0 * MINUTE;
    const DAY: f64 = 24.0 * HOUR;
    [
        5.0 * MINUTE,
        15.0 * MINUTE,
        30.0 * MINUTE,
        HOUR,
        2.0 * HOUR,
        4.0 * HOUR,
        8.0 * HOUR,
        DAY,
        2.0 * DAY,
        3.0 * DAY,
        4.0 * DAY,
        7.0 * DAY,
        14.0 * DAY,
    ]
};
