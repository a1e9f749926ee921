//! Whom the adapter notifies and how far that is, for operators: no secret, nothing about a client.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::Style;
use url::Url;

use super::Open;
use super::explain::local;
use crate::task::notify::State;
use crate::task::notify::subscription::resource;
use crate::task::store::{StoreError, Subscribed};

/// A Subscription as operators see it.
pub(super) struct Seen {
    kept: Subscribed,
    /// Of the topic: `Task?owner=…`
    filters: Vec<String>,
    /// Without its path, which may hold a secret.
    endpoint: String,
    /// Masked.
    headers: Vec<String>,
    held_until: Option<Timestamp>,
    /// What is wrong, and what to do.
    attention: Vec<String>,
}

pub(super) async fn all(open: &Open, now: Timestamp) -> Result<Vec<Seen>, StoreError> {
    let store = open.kept.store();
    let held = store.held().await?;
    let until = |kept: &Subscribed| held.iter().find(|(id, _)| *id == kept.id).and_then(|(_, until)| *until);
    let kept = store.subscriptions(None).await?;
    Ok(kept.into_iter().map(|kept| Seen::of(until(&kept), kept, open, now)).collect())
}

pub(super) fn table(all: &[Seen]) -> String {
    let mut rows = Builder::new();
    rows.push_record(["id", "caller", "state", "filter", "last event", "waiting", "last delivery", "failed tries", "next try"]);
    let at = |at: Option<Timestamp>| at.map(local).unwrap_or_default();
    for seen in all {
        let (kept, progress) = (&seen.kept, &seen.kept.progress);
        rows.push_record([
            kept.id.to_string(),
            kept.caller.clone(),
            seen.state(),
            seen.filters.join("\n"),
            progress.matched.to_string(),
            seen.waiting().to_string(),
            at(progress.last_delivery),
            progress.failures.to_string(),
            at(progress.next_try),
        ]);
    }
    let mut text = rows.build().with(Style::modern_rounded()).to_string();
    for seen in all {
        let (id, endpoint) = (seen.kept.id, &seen.endpoint);
        if let Some(error) = &seen.kept.progress.error {
            let _ = write!(text, "\n{id}: last error: {error} ({endpoint})");
        }
        for what in &seen.attention {
            let _ = write!(text, "\n{id}: ATTENTION: {what}");
        }
    }
    text
}

impl Seen {
    fn of(held_until: Option<Timestamp>, kept: Subscribed, open: &Open, now: Timestamp) -> Self {
        let body: Value = serde_json::from_slice(&kept.body).unwrap_or_default();
        let extensions = body["_criteria"]["extension"].as_array();
        let filters = extensions.into_iter().flatten().filter_map(|extension| extension["valueString"].as_str()).map(str::to_owned);
        let endpoint = body["channel"]["endpoint"].as_str().and_then(|endpoint| Url::parse(endpoint).ok());
        let headers = resource(&kept).map(|masked| masked.channel.header).unwrap_or_default();
        let mut seen = Self {
            filters: filters.collect(),
            endpoint: endpoint.map(|url| url.origin().ascii_serialization()).unwrap_or_default(),
            headers: headers.into_iter().filter_map(|header| header.value.as_deref().map(str::to_owned)).collect(),
            held_until,
            attention: Vec::new(),
            kept,
        };
        seen.attention = seen.wrong(open, now);
        seen
    }

    pub(super) fn json(&self) -> Value {
        let Self { kept, filters, endpoint, headers, held_until, attention } = self;
        let progress = &kept.progress;
        let at = |at: Option<Timestamp>| at.map(|at| at.to_string());
        json!({
            "id": kept.id.to_string(),
            "version": kept.version,
            "caller": kept.caller,
            "state": kept.status,
            "deadLetter": self.is_dead(),
            "filters": filters,
            "endpoint": endpoint,
            "headers": headers,
            "lastEvent": progress.matched,
            "delivered": progress.delivered,
            "waiting": self.waiting(),
            "lastDelivery": at(progress.last_delivery),
            "failures": progress.failures,
            "nextTry": at(progress.next_try),
            "error": progress.error,
            "heldUntil": at(*held_until),
            "attention": attention,
        })
    }

    pub(super) fn needs_attention(&self) -> bool {
        !self.attention.is_empty()
    }

    /// Events that its endpoint has not taken.
    fn waiting(&self) -> u64 {
        self.kept.progress.matched.saturating_sub(self.kept.progress.delivered)
    }

    fn is_dead(&self) -> bool {
        State::from_code(&self.kept.status) == Some(State::Error)
    }

    fn state(&self) -> String {
        if self.is_dead() { format!("{}: dead letter", self.kept.status) } else { self.kept.status.clone() }
    }

    fn wrong(&self, open: &Open, now: Timestamp) -> Vec<String> {
        let mut wrong = Vec::new();
        let Subscribed { id, version, caller, status, last_updated, .. } = &self.kept;
        if State::from_code(status) == Some(State::Off) {
            return wrong;
        }
        if open.callers.all().all(|known| known.name != *caller) {
            wrong.push(format!("`{caller}`, its caller, is not configured any more: nothing is sent"));
        }
        if self.is_dead() {
            wrong.push(format!(
                "a dead letter: nothing is sent, and events are still counted. When its endpoint is well again, `{caller}` revives it over \
                 HTTP: PUT /fhir/Subscription/{id} as it is read, with If-Match: W/\"{version}\" and the status `requested`; after the \
                 handshake what waits is sent ({})",
                self.waiting()
            ));
        } else if self.held_until.is_none_or(|until| until <= now) && *last_updated + GRACE < now {
            wrong.push("no adapter delivers for it: does one run on this store?".to_owned());
        }
        wrong
    }
}

/// How long a new or changed Subscription may wait for an adapter to take it.
const GRACE: SignedDuration = SignedDuration::from_mins(1);
