//! Being told: rest-hook Subscriptions of R4 in the shape that the Subscriptions R5 Backport IG gives them (STU 1.1,
//! <https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/>, the parts for R4; the profiles as in its source,
//! <https://github.com/HL7/fhir-subscription-backport-ig>).
//!
//! ```text
//! Subscription ─ subscription, criteria: what is wanted ─ store
//! Event ─ matching: for them? ─ numbered (in the store) ─ deliver, turn: handshake, events, heartbeat ─ bundle ─ endpoint
//! ```
//!
//! An event gets its number in the same commit in which it is noted as matching, and numbers are delivered in order, each at
//! least once: what the endpoint did not take with 2xx is sent again, later and later. What it does not take for too long is a
//! *dead letter*: the Subscription stands in `error`, goes on counting, and sends nothing until its caller sets it to
//! `requested` again; then the handshake is repeated and everything outstanding follows.
//!
//! A notification says which Task something happened to and nothing else: whoever may know more reads it.

pub mod bundle;
pub mod criteria;
pub mod deliver;
#[cfg(test)]
mod endpoint;
pub mod matching;
pub mod subscription;
#[cfg(test)]
mod subscription_tests;
#[cfg(test)]
mod tests;
mod turn;

use super::store::{StoreError, Subscribed, TaskStore};

/// `SubscriptionTopic` that there is: a callback Task was created or changed, or changed hands.
pub const TOPIC: &str = "https://neuvola-adapter.example/fhir/SubscriptionTopic/callback-task-changed";

/// What the IG's profiles and extensions are named with.
const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";

/// `Subscription.status`, <https://hl7.org/fhir/R4/valueset-subscription-status.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The handshake has not been answered yet.
    Requested,
    Active,
    /// A dead letter.
    Error,
    /// Its caller, or its end, put it off.
    Off,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Requested, Self::Active, Self::Error, Self::Off];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Active => "active",
            Self::Error => "error",
            Self::Off => "off",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// A Subscription that operators must look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: uuid::Uuid,
    pub caller: String,
    /// Our own words.
    pub error: String,
    /// Events that its endpoint has not taken.
    pub outstanding: u64,
    pub last_delivery: Option<jiff::Timestamp>,
}

/// Everything that could not be delivered.
///
/// # Errors
/// What the store says.
pub async fn dead_letters(store: &dyn TaskStore) -> Result<Vec<DeadLetter>, StoreError> {
    let dead = |kept: &Subscribed| State::from_code(&kept.status) == Some(State::Error);
    let letter = |kept: Subscribed| DeadLetter {
        id: kept.id,
        caller: kept.caller,
        error: kept.progress.error.unwrap_or_default(),
        outstanding: kept.progress.matched.saturating_sub(kept.progress.delivered),
        last_delivery: kept.progress.last_delivery,
    };
    Ok(store.subscriptions(None).await?.into_iter().filter(dead).map(letter).collect())
}
