//! Who calls: made in one function, from what the request proves. Everything that asks "may they?" asks a [`Caller`].
//!
//! A caller proves itself with a bearer token (RFC 6750), of which only the SHA-256 is configured; signed tokens and
//! client certificates will be further kinds of [`Proof`], and nothing behind [`Callers::identify`] will notice.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use serde::Deserialize;

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Sends forms: submissions, previews, `$validate`, `$process-response`.
    FormPlatform,
    /// Leaves callback requests, and is their requester.
    ChatPlatform,
    /// Requester of Tasks, for the organisations it speaks for.
    Requester,
    /// Works on Tasks that its organisations own.
    Owner,
    /// Tests an integration: requester and owner at once, and forms, for its organisations.
    Tester,
    /// Runs the service: metrics, statistics, what could not be delivered. Sees no client's data.
    Operator,
}

impl Role {
    pub const ALL: [Self; 6] = [Self::FormPlatform, Self::ChatPlatform, Self::Requester, Self::Owner, Self::Tester, Self::Operator];

    pub const fn code(self) -> &'static str {
        match self {
            Self::FormPlatform => "form-platform",
            Self::ChatPlatform => "chat-platform",
            Self::Requester => "requester",
            Self::Owner => "owner",
            Self::Tester => "tester",
            Self::Operator => "operator",
        }
    }
}

/// Somebody who was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Unique among callers; part of every identifier given to what they send. Letters, digits, `-`, `_`, `.`.
    pub name: String,
    pub roles: Vec<Role>,
    /// Ids of the organisations that it speaks for (`Organization/{id}`), in the order of the configuration.
    pub organizations: Vec<String>,
}

impl Caller {
    /// Does it hold any of these roles?
    pub fn is_any(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }

    /// Whoever reaches the loopback interface while no callers are configured: forms, as before there were callers.
    pub fn loopback(name: &str) -> Self {
        Self { name: name.to_owned(), roles: vec![Role::FormPlatform], organizations: Vec::new() }
    }
}

/// Those who are known.
#[derive(Clone, Debug, Default)]
pub struct Callers {
    known: Vec<(Caller, Proof)>,
    /// Who it is that proves nothing: on loopback only.
    unproven: Option<Caller>,
}

/// How a caller proves who it is.
#[derive(Clone)]
pub enum Proof {
    /// SHA-256 of its bearer token. Tokens are random (at least 128 bits), so that no salt or slow hash is needed.
    Bearer([u8; 32]),
}

/// Nobody, and why. Never holds what was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    #[error("the request shows no token")]
    Nothing,
    #[error("the token belongs to nobody")]
    Nobody,
}

impl Callers {
    /// `unproven` is who calls without a token: give one only while listening on loopback.
    pub fn new(known: Vec<(Caller, Proof)>, unproven: Option<Caller>) -> Self {
        Self { known, unproven }
    }

    /// The same, with somebody who proves nothing.
    #[must_use]
    pub fn with_unproven(self, unproven: Option<Caller>) -> Self {
        Self { unproven, ..self }
    }

    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub fn all(&self) -> impl Iterator<Item = &Caller> {
        self.known.iter().map(|(caller, _)| caller)
    }

    /// The one place where a caller is made. `bearer` is the token of `Authorization: Bearer …`, if there was one.
    ///
    /// Every hash is compared, each in constant time: how long it takes tells nothing of which was near.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn identify(&self, bearer: Option<&str>) -> Result<&Caller, Unknown> {
        let Some(token) = bearer else { return self.unproven.as_ref().ok_or(Unknown::Nothing) };
        let shown = digest::digest(&digest::SHA256, token.as_bytes());
        let mut found = None;
        for (caller, Proof::Bearer(hash)) in &self.known {
            if constant_time::verify_slices_are_equal(hash, shown.as_ref()).is_ok() {
                found = Some(caller);
            }
        }
        found.ok_or(Unknown::Nobody)
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Bearer(…)")
    }
}
