//! One request, explained to whoever is called about it at night: how it came to stand where it stands, what may be done and by
//! whom, and who was told. Nothing about the client.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Open;
use crate::caller::{Caller, Role};
use crate::task::calendar::{HELSINKI, day_of};
use crate::task::callback::CallbackTask;
use crate::task::change::{Actor, Options, options};
use crate::task::deadline::Haste;
use crate::task::notify::State;
use crate::task::status::{Side, Status};
use crate::task::store::{Author, Index, Notified, Step, Stored, Subscribed};

/// What is known of one request.
pub(super) struct Facts<'f> {
    pub(super) task: &'f Stored,
    /// Newest first.
    pub(super) versions: &'f [Stored],
    pub(super) trail: &'f [Step],
    pub(super) notified: &'f [Notified],
    pub(super) subscriptions: &'f [Subscribed],
    pub(super) open: &'f Open,
    pub(super) now: Timestamp,
}

/// One version, and what it changed.
pub(super) struct Lived<'f> {
    pub(super) version: &'f Stored,
    /// Absent for the first.
    pub(super) before: Option<Status>,
    pub(super) by: Option<&'f Author>,
    pub(super) business_status: Option<String>,
    pub(super) attempts: u32,
}

/// An event that a Subscription counted.
pub(super) struct Delivered<'f> {
    pub(super) event: &'f Notified,
    pub(super) to: &'f Subscribed,
}

/// What one side may do next.
pub(super) struct Next {
    pub(super) side: Side,
    /// `Organization/{id}` or `HealthcareService/{id}`
    pub(super) who: String,
    /// By name.
    pub(super) callers: Vec<String>,
    pub(super) options: Options,
}

impl<'f> Facts<'f> {
    /// Oldest first.
    pub(super) fn life(&self) -> Vec<Lived<'f>> {
        let mut before = None;
        let lived = |version: &'f Stored| {
            let index = index(version);
            Lived {
                version,
                before: before.replace(version.scope.status),
                by: self.trail.iter().find(|step| step.version == version.version).map(|step| &step.by),
                business_status: index.as_ref().and_then(|index| index.business_status.clone()),
                attempts: index.map_or(0, |index| index.attempts),
            }
        };
        self.versions.iter().rev().map(lived).collect()
    }

    /// Why it stands where it stands, in sentences.
    pub(super) fn standing(&self) -> Vec<String> {
        let mut told = vec![self.state()];
        told.push(self.deadline());
        let attempts: Vec<Lived<'_>> = self.life();
        let last = attempts.windows(2).filter(|pair| pair[1].attempts > pair[0].attempts).map(|pair| &pair[1]).next_back();
        if let Some(last) = last {
            let (times, at) = (last.attempts, local(last.version.last_updated));
            told.push(format!("calls without an answer: {times}, the last one {at}"));
        }
        let owner = &self.task.scope.owner;
        if self.is_waiting() && !self.open.directory.knows(owner) {
            told.push(format!("ATTENTION: {owner}, its owner, is not in the configuration"));
        }
        if self.is_waiting() && self.waited_for().is_some_and(|next| next.callers.is_empty()) {
            told.push("ATTENTION: no caller is configured that may do anything about it".to_owned());
        }
        told
    }

    /// Of each side: the answer of `$allowed-transitions` to somebody who stands there alone.
    pub(super) fn next(&self) -> [Next; 2] {
        let scope = &self.task.scope;
        let organizations = match scope.owner.split_once('/') {
            Some(("HealthcareService", id)) => self.open.directory.service(id).map(|service| service.served_by.clone()).unwrap_or_default(),
            _ => id_of(&scope.owner),
        };
        let task = CallbackTask::stored(&self.task.body);
        let nothing = |status| Options { status, list: Vec::new(), amend: Vec::new(), attempt: false };
        let next = |side, role, who: &str, organizations| {
            let caller = Caller { name: String::new(), roles: vec![role], organizations };
            let actor = self.actor(&caller);
            let may = |caller: &&Caller| self.actor(caller).sides(&scope.owner, &scope.requester).contains(&side);
            Next {
                side,
                who: who.to_owned(),
                callers: self.open.callers.all().filter(may).map(|caller| caller.name.clone()).collect(),
                options: task.as_ref().map_or_else(|| nothing(scope.status), |task| options(&actor, task)),
            }
        };
        [
            next(Side::Owner, Role::Owner, &scope.owner, organizations),
            next(Side::Requester, Role::Requester, &scope.requester, id_of(&scope.requester)),
        ]
    }

    pub(super) fn notifications(&self) -> Vec<Delivered<'f>> {
        let to = |event: &Notified| self.subscriptions.iter().find(|kept| kept.id == event.subscription);
        self.notified.iter().filter_map(|event| Some(Delivered { event, to: to(event)? })).collect()
    }

    pub(super) fn json(&self) -> Value {
        let scope = &self.task.scope;
        let index = index(self.task);
        let life = self.life().into_iter().map(|lived| lived.json(self.open));
        let next = self.next();
        let of_side = |next: &Next| {
            let one = |option: &crate::task::change::Option| {
                let elements = option.elements.iter();
                let elements = elements.map(|it| json!({ "element": it.path, "required": it.required, "value": it.value }));
                json!({ "to": option.to.code(), "what": option.what, "change": elements.collect::<Vec<_>>() })
            };
            let transitions: Vec<Value> = next.options.list.iter().map(one).collect();
            let (side, amend) = (next.side.name(), &next.options.amend);
            json!({ "side": side, "who": next.who, "callers": next.callers, "transitions": transitions, "amend": amend })
        };
        let event = |told: &Delivered<'_>| {
            json!({
                "subscription": told.to.id.to_string(), "caller": told.to.caller, "state": told.to.status,
                "event": told.event.number, "version": told.event.version, "delivered": told.is_done(), "error": told.to.progress.error,
            })
        };
        json!({
            "id": self.task.id.to_string(),
            "version": self.task.version,
            "status": scope.status.code(),
            "queue": index.as_ref().map(|index| &index.queue),
            "owner": scope.owner,
            "requester": scope.requester,
            "formerOwners": scope.formerly,
            "priority": index.as_ref().map(|index| index.priority.code()),
            "authoredOn": index.as_ref().map(|index| index.authored_on.to_string()),
            "due": index.as_ref().and_then(|index| index.due).map(|due| due.to_string()),
            "overdue": index.as_ref().and_then(|index| self.overdue(index)).is_some(),
            "waiting": self.is_waiting(),
            "alarm": scope.status.is_alarm(),
            "since": self.since().to_string(),
            "attempts": index.as_ref().map(|index| index.attempts),
            "standing": self.standing(),
            "life": life.collect::<Vec<_>>(),
            "next": next.iter().map(of_side).collect::<Vec<_>>(),
            "notifications": self.notifications().iter().map(event).collect::<Vec<_>>(),
        })
    }

    fn state(&self) -> String {
        let scope = &self.task.scope;
        let (status, owner, requester, since) = (scope.status, &scope.owner, &scope.requester, self.since());
        let when = format!("since {} ({})", local(since), spell(since.duration_until(self.now)));
        match status {
            Status::Requested if owner.starts_with("HealthcareService/") => format!("unclaimed in the queue {owner} {when}"),
            Status::Requested => format!("waits for {owner} to claim it {when}"),
            Status::Received => format!("{owner} has seen it and not claimed it {when}"),
            Status::Accepted => format!("{owner} has claimed it and not begun {when}"),
            Status::InProgress => format!("{owner} works on it {when}"),
            Status::OnHold => format!("{owner} has paused it {when}"),
            Status::Rejected | Status::Failed => {
                format!("ATTENTION: {status} by {owner}, and nobody works on it {when}: it waits for {requester} to ask another owner")
            }
            Status::Completed | Status::Cancelled | Status::EnteredInError => {
                let days = self.open.settings.purge_after_days;
                format!("finished: {status} {when}; it is purged {days} days after it was finished")
            }
        }
    }

    /// How the deadline came about, by today's configuration: it was computed once, when the request was made.
    fn deadline(&self) -> String {
        let (Some(index), Some(first)) = (index(self.task), self.versions.last().and_then(index)) else {
            return "its deadline cannot be read".to_owned();
        };
        let Some(due) = index.due else { return "it has no deadline".to_owned() };
        let policy = self.open.directory.policy();
        let (made, owner, priority) = (first.authored_on, &first.owner, first.priority);
        let computed = self.open.directory.deadline(owner, made, priority);
        let haste = match policy.haste(priority) {
            Haste::None => String::new(),
            Haste::SameDay => ", which is the same day whatever the cut-off,".to_owned(),
            Haste::Within(time) => format!(", which is {} minutes of opening time,", time.as_mins()),
        };
        let day = if day_of(due) == day_of(made) { "the same day" } else { "no longer the same day" };
        let from = format!("priority `{}`{haste} and the opening hours of {owner}", priority.code());
        let how = match due.as_second().cmp(&computed.as_second()) {
            std::cmp::Ordering::Equal => {
                let (cut_off, made) = (policy.cut_off.strftime("%H:%M"), local(made));
                format!("asked for {made}, so by the cut-off {cut_off}, {from} it is due {day}")
            }
            std::cmp::Ordering::Less => {
                format!("earlier than {from} ask ({}): its requester wanted that, or they were configured otherwise then", local(computed))
            }
            std::cmp::Ordering::Greater => {
                format!("later than {from} ask today ({}): they were configured otherwise then", local(computed))
            }
        };
        match self.overdue(&index) {
            Some(late) => format!("ATTENTION: overdue, due {} ({} ago); {how}", local(due), spell(late)),
            None => format!("due {}; {how}", local(due)),
        }
    }

    fn overdue(&self, index: &Index) -> Option<SignedDuration> {
        index.due.filter(|due| self.is_waiting() && *due < self.now).map(|due| due.duration_until(self.now))
    }

    fn is_waiting(&self) -> bool {
        self.task.scope.status.is_waiting()
    }

    /// The side that must do something.
    fn waited_for(&self) -> Option<Next> {
        let side = if self.task.scope.status.is_alarm() { Side::Requester } else { Side::Owner };
        self.next().into_iter().find(|next| next.side == side)
    }

    /// When it came to its status and owner.
    fn since(&self) -> Timestamp {
        let stood = |version: &&Stored| version.scope.status == self.task.scope.status && version.scope.owner == self.task.scope.owner;
        self.versions.iter().take_while(stood).last().unwrap_or(self.task).last_updated
    }

    fn actor<'a>(&'a self, caller: &'a Caller) -> Actor<'a> {
        Actor { caller, directory: &self.open.directory, now: self.now }
    }
}

impl Lived<'_> {
    fn json(&self, open: &Open) -> Value {
        json!({
            "version": self.version.version,
            "at": self.version.last_updated.to_string(),
            "caller": self.by.map(|by| &by.caller),
            "organizations": self.by.map(|by| open.organizations(&by.caller)),
            "requestId": self.by.map(|by| &by.request_id),
            "from": self.before.map(Status::code),
            "to": self.version.scope.status.code(),
            "businessStatus": self.business_status,
            "attempts": self.attempts,
            "owner": self.version.scope.owner,
        })
    }
}

impl Delivered<'_> {
    /// Its endpoint took it.
    pub(super) const fn is_done(&self) -> bool {
        self.event.number <= self.to.progress.delivered
    }

    pub(super) fn how(&self) -> String {
        let progress = &self.to.progress;
        if self.is_done() {
            return "delivered".to_owned();
        }
        let error = progress.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
        match State::from_code(&self.to.status) {
            Some(State::Error) => format!("not delivered: a dead letter{error}"),
            Some(State::Off) => "not delivered: the Subscription is off".to_owned(),
            _ => format!("waits, failed tries: {}{error}", progress.failures),
        }
    }
}

/// In Finland, for people.
pub(super) fn local(at: Timestamp) -> String {
    at.to_zoned(HELSINKI.clone()).strftime("%a %Y-%m-%d %H:%M:%S%:z").to_string()
}

/// `2 d 3 h`, `3 h 5 min`, `0 min`
fn spell(time: SignedDuration) -> String {
    let minutes = time.as_mins().max(0);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

fn index(version: &Stored) -> Option<Index> {
    CallbackTask::stored(&version.body).map(|task| task.index)
}

fn id_of(organization: &str) -> Vec<String> {
    organization.strip_prefix("Organization/").map(str::to_owned).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_are_told_in_two_units() {
        for (minutes, told) in [(-5, "0 min"), (0, "0 min"), (59, "59 min"), (60, "1 h 0 min"), (1439, "23 h 59 min"), (1500, "1 d 1 h")] {
            assert_eq!(spell(SignedDuration::from_mins(minutes)), told);
        }
    }
}
