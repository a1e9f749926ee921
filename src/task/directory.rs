//! Who there is: organisations, the services (queues) that they serve, who answers whom, and where a request goes.
//! Read from the configuration, and served under `/fhir` as it stands here.

mod fhir;
mod parties;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::deadline::{self, Policy, Turn};
use super::opening::Opening;
use super::store::Priority;
use crate::caller::Caller;

/// Everybody. An empty one knows nobody and routes nowhere.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    organizations: Vec<Organization>,
    services: Vec<Service>,
    /// (queue, municipality) to `Organization/{id}`.
    routes: BTreeMap<(String, String), String>,
    /// By reference.
    openings: BTreeMap<String, Opening>,
    policy: Policy,
}

/// A unit: a neuvola, the advice service, the county itself.
#[derive(Clone, Debug)]
pub struct Organization {
    pub id: String,
    /// `urn:oid:1.2.246.10.…`, in the register of social and health care organisations ([`REGISTER`]).
    pub identifier: String,
    pub name: String,
    /// As it is served: R4 JSON.
    pub resource: Vec<u8>,
}

/// A queue: while unclaimed it owns its requests.
#[derive(Clone, Debug)]
pub struct Service {
    pub id: String,
    /// Code of `callback-queue`; no two services have the same.
    pub queue: String,
    pub name: Names,
    /// Id of an organisation.
    pub provided_by: String,
    /// The same as a reference.
    pub provider: String,
    /// Ids of organisations; they see and claim what lies in the queue.
    pub served_by: Vec<String>,
    pub resource: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    pub fi: String,
    pub sv: String,
    pub en: String,
}

/// What routing goes by.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Code of `callback-queue`.
    pub queue: &'a str,
    /// The client's own neuvola, if known: `Organization/{id}`.
    pub own: Option<&'a str>,
    /// Three digits, in `urn:oid:1.2.246.537.6.21.2003`.
    pub municipality: Option<&'a str>,
}

/// Where a request goes, and why there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routed {
    /// `Organization/{id}` or `HealthcareService/{id}`
    pub owner: String,
    pub why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Own,
    /// The own neuvola is closed on the day that the request is due.
    OwnSubstitute,
    Municipality,
    MunicipalitySubstitute,
    /// Nobody else is known, or those who are closed have no substitute.
    Queue,
}

impl Why {
    pub const fn text(self) -> &'static str {
        match self {
            Self::Own => "the client's own clinic",
            Self::OwnSubstitute => "stands in for the client's own clinic, which is closed",
            Self::Municipality => "the clinic of the client's municipality",
            Self::MunicipalitySubstitute => "stands in for the clinic of the client's municipality, which is closed",
            Self::Queue => "the queue: no clinic is known that is open",
        }
    }
}

impl Directory {
    /// How long after it was made a request is still taken.
    pub const fn taken_late(&self) -> jiff::SignedDuration {
        self.policy.taken_late
    }

    /// `openings` by reference, of everybody; routes from (queue, municipality) to an organisation's id. That what is named
    /// is there was checked by whoever calls: [`crate::configuration`].
    pub(crate) fn new(
        mut organizations: Vec<Organization>,
        mut services: Vec<Service>,
        openings: BTreeMap<String, Opening>,
        routes: impl IntoIterator<Item = ((String, String), String)>,
        policy: Policy,
    ) -> Self {
        let routes = routes.into_iter().map(|(from, to)| (from, format!("Organization/{to}"))).collect();
        let mut directory = Self { organizations: Vec::new(), services: Vec::new(), routes, openings, policy };
        for organization in &mut organizations {
            organization.resource = fhir::organization(organization);
        }
        directory.organizations = organizations;
        for service in &mut services {
            service.resource = fhir::service(service, &directory);
        }
        directory.services = services;
        directory
    }

    pub fn organizations(&self) -> &[Organization] {
        &self.organizations
    }

    pub fn services(&self) -> &[Service] {
        &self.services
    }

    pub fn organization(&self, id: &str) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.id == id)
    }

    pub fn service(&self, id: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.id == id)
    }

    pub fn service_of(&self, queue: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.queue == queue)
    }

    /// `Organization/{id}` or `HealthcareService/{id}` of somebody who is here.
    pub fn knows(&self, reference: &str) -> bool {
        self.openings.contains_key(reference)
    }

    /// Both by their ids.
    pub fn serves(&self, organization: &str, service: &str) -> bool {
        self.service(service).is_some_and(|service| service.served_by.iter().any(|id| id == organization))
    }

    /// Whose Tasks the caller's organisations may work on: `Organization/{id}` of each, then `HealthcareService/{id}` of
    /// each service that one of them serves.
    pub fn owners_of(&self, caller: &Caller) -> Vec<String> {
        let organizations = caller.organizations.iter().map(|id| format!("Organization/{id}"));
        let served = self.services.iter().filter(|service| caller.organizations.iter().any(|id| self.serves(id, &service.id)));
        organizations.chain(served.map(|service| format!("HealthcareService/{}", service.id))).collect()
    }

    /// Who shall own a request that is received at `at`: the client's own neuvola or who answers for it on the day that the
    /// request is due; else, in the same way, the one for the municipality; else the queue. `None`: nobody has that queue.
    pub fn route(&self, wanted: &Wanted<'_>, at: Timestamp) -> Option<Routed> {
        let queue = format!("HealthcareService/{}", self.service_of(wanted.queue)?.id);
        let by_municipality = wanted.municipality.and_then(|code| self.routes.get(&(wanted.queue.to_owned(), code.to_owned())));
        let own = wanted.own.filter(|own| own.starts_with("Organization/") && self.knows(own));
        let tries = [
            own.map(|own| (own, Why::Own, Why::OwnSubstitute)),
            by_municipality.map(|to| (to.as_str(), Why::Municipality, Why::MunicipalitySubstitute)),
        ];
        for (to, itself, substitute) in tries.into_iter().flatten() {
            if let Some(Turn::Answers(answer)) = deadline::turn(&self.openings, &self.policy, to, at) {
                let why = if answer.by == to { itself } else { substitute };
                return Some(Routed { owner: answer.by.to_owned(), why });
            }
        }
        Some(Routed { owner: queue, why: Why::Queue })
    }

    /// `restriction.period.end` of what `owner` (a reference) receives at `at`. Somebody unknown keeps office hours.
    pub fn deadline(&self, owner: &str, at: Timestamp, priority: Priority) -> Timestamp {
        let known = self.knows(owner).then(|| deadline::deadline(&self.openings, &self.policy, owner, at, priority));
        known.flatten().unwrap_or_else(|| {
            let office = BTreeMap::from([(owner.to_owned(), Opening::office())]);
            deadline::deadline(&office, &self.policy, owner, at, priority).unwrap_or(at)
        })
    }

    /// How a reference is called, in Finnish.
    pub fn name(&self, reference: &str) -> Option<&str> {
        let (kind, id) = reference.split_once('/')?;
        match kind {
            "Organization" => self.organization(id).map(|organization| organization.name.as_str()),
            "HealthcareService" => self.service(id).map(|service| service.name.fi.as_str()),
            _ => None,
        }
    }

    pub(crate) fn opening(&self, reference: &str) -> Option<&Opening> {
        self.openings.get(reference)
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// References of those for whom nobody would answer at all, some day: a mistake of the configuration.
    pub(crate) fn unanswered(&self) -> Vec<&str> {
        let from_spells = |opening: &Opening| -> Vec<Timestamp> {
            opening.closed.iter().map(|spell| deadline::instant(spell.from, jiff::civil::Time::midnight())).collect()
        };
        let starts: Vec<Timestamp> = self.openings.values().flat_map(from_spells).collect();
        let is_lost = |reference: &str| {
            let answered = |at: &Timestamp| deadline::deadline(&self.openings, &self.policy, reference, *at, Priority::Routine).is_some();
            !starts.iter().all(answered)
        };
        self.openings.keys().map(String::as_str).filter(|reference| is_lost(reference)).collect()
    }
}

/// The register of social and health care organisations (SOTE-organisaatiorekisteri), as HL7 Finland's base profiles name it.
pub const REGISTER: &str = "urn:oid:1.2.246.537.6.202.2008";
