//! What may become of a Task, and what an update makes of it: the status machine ([`TRANSITIONS`]) and the elements that each
//! side may change. Whatever is not allowed here is refused, with the list of what is.

mod apply;
mod attempt;
mod options;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use super::callback::CallbackTask;
use super::directory::Directory;
use super::status::{ORPHANED, Side, Status, TRANSITIONS, Transition};
use crate::caller::{Caller, Role};
use crate::issue::Issue;

pub use apply::{apply, whole};
pub use attempt::{SIGNAL, Update};
pub use options::{Element, Option, Options, options};

/// Who changes it, and when.
#[derive(Clone, Copy)]
pub struct Actor<'a> {
    pub caller: &'a Caller,
    pub directory: &'a Directory,
    pub now: Timestamp,
}

/// Roles that stand on the owner's side of what their organisations own.
pub const OWNERS: &[Role] = &[Role::Owner, Role::Tester];
/// Roles that stand on the requester's side of what their organisations asked for.
pub const REQUESTERS: &[Role] = &[Role::Requester, Role::ChatPlatform, Role::Tester];

impl Actor<'_> {
    /// On which sides of a Task the actor stands.
    pub fn sides(&self, owner: &str, requester: &str) -> Vec<Side> {
        let mut sides = Vec::new();
        if self.caller.is_any(OWNERS) && self.directory.owners_of(self.caller).iter().any(|own| own == owner) {
            sides.push(Side::Owner);
        }
        if self.caller.is_any(REQUESTERS) && self.speaks_for(requester) {
            sides.push(Side::Requester);
        }
        sides
    }

    /// Whether `Organization/{id}` is one of the actor's own.
    pub fn speaks_for(&self, reference: &str) -> bool {
        self.organizations().any(|own| own == reference)
    }

    /// `Organization/{id}` of each of the actor's own.
    pub fn organizations(&self) -> impl Iterator<Item = String> + '_ {
        self.caller.organizations.iter().map(|id| format!("Organization/{id}"))
    }

    /// Those of the actor's organisations that may claim what `owner` owns: itself, or who serves the queue.
    fn claimants(&self, owner: &str) -> Vec<String> {
        match owner.strip_prefix("HealthcareService/") {
            Some(service) => {
                let serving = self.caller.organizations.iter().filter(|id| self.directory.serves(id, service));
                serving.map(|id| format!("Organization/{id}")).collect()
            }
            None => self.organizations().filter(|own| own == owner).collect(),
        }
    }
}

/// An update that is allowed.
#[derive(Debug)]
pub struct Allowed {
    pub task: CallbackTask,
    /// Nothing differs: the version stays as it is.
    pub unchanged: bool,
    /// The client was called once more, without an answer.
    pub attempt: bool,
}

/// Rows of the machine for who stands on these sides of what `owner` owns.
fn rows<'a>(actor: &Actor<'_>, from: Status, owner: &str, sides: &'a [Side]) -> impl Iterator<Item = &'static Transition> + 'a {
    let orphaned = (!actor.directory.knows(owner)).then_some(&ORPHANED);
    TRANSITIONS.iter().chain(orphaned).filter(move |row| row.from.contains(&from) && sides.contains(&row.side))
}

/// Elements that a side may change while it leaves the status as it is, or with an update of the status.
pub fn amendable(side: Side, status: Status) -> &'static [&'static str] {
    match (side, status) {
        (_, Status::Completed | Status::Cancelled | Status::EnteredInError) => &[],
        (Side::Owner, _) => &OWNED,
        (Side::Requester, Status::Requested | Status::Received) => &REQUESTED,
        (Side::Requester, _) => &[],
    }
}

/// `identifier` and `note` may be added to; `for` may be set where it is absent.
const OWNED: [&str; 15] = [
    "businessStatus",
    "statusReason",
    "note",
    "output",
    "for",
    "identifier",
    "focus",
    "encounter",
    "executionPeriod",
    "location",
    "partOf",
    "groupIdentifier",
    "reasonReference",
    "meta",
    "extension",
];

/// Queue and topic, two of the inputs, stay.
const REQUESTED: [&str; 7] = ["input", "description", "priority", "performerType", "note", "statusReason", "meta"];

/// A refusal of a change, with everything that would be allowed.
fn refused(mut issues: Vec<Issue>, options: &Options) -> Vec<Issue> {
    issues.extend(options.issues());
    issues
}
