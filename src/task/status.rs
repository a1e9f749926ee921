//! The status machine: one table, which code, documentation and tests are made from.
//! R4's values: <https://hl7.org/fhir/R4/valueset-task-status.html>

use std::fmt;

/// `Task.status`, as far as callback requests use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    Requested,
    Received,
    Accepted,
    Rejected,
    InProgress,
    OnHold,
    Completed,
    Failed,
    Cancelled,
    EnteredInError,
}

impl Status {
    pub const ALL: [Self; 10] = [
        Self::Requested,
        Self::Received,
        Self::Accepted,
        Self::Rejected,
        Self::InProgress,
        Self::OnHold,
        Self::Completed,
        Self::Failed,
        Self::Cancelled,
        Self::EnteredInError,
    ];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Received => "received",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::InProgress => "in-progress",
            Self::OnHold => "on-hold",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::EnteredInError => "entered-in-error",
        }
    }

    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// Nothing more happens to it; purged after the configured time.
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::EnteredInError)
    }

    /// The client waits for somebody to do something. Rejected and failed ones wait for the requester.
    pub const fn is_waiting(self) -> bool {
        !self.is_finished()
    }

    /// Nobody works on it, and somebody must notice.
    pub const fn is_alarm(self) -> bool {
        matches!(self, Self::Rejected | Self::Failed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.code())
    }
}

/// On which side of a Task its reader stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    Owner,
    Requester,
}

impl Side {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Requester => "requester",
        }
    }
}

/// What a change of status does to `owner`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Stays; a queue that is claimed becomes the caller's own organisation in the same update.
    Kept,
    Claimed,
    /// Must be another.
    Another,
}

/// One row of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    pub from: &'static [Status],
    pub side: Side,
    pub to: Status,
    pub owner: Owner,
    /// `statusReason` must say why: one that is set with this very change, and differs from what is there.
    pub reason: bool,
    /// For documentation and `$allowed-transitions`.
    pub what: &'static str,
}

/// What is allowed besides where nobody stands on the owner's side any more: it was taken out of the configuration.
pub static ORPHANED: Transition = {
    use Status::{Accepted, InProgress, OnHold, Received, Requested};
    let from: &[Status] = &[Requested, Received, Accepted, InProgress, OnHold];
    let what = "its owner is no longer known here: ask another";
    Transition { from, side: Side::Requester, to: Requested, owner: Owner::Another, reason: false, what }
};

/// Every change of status that there is, save [`ORPHANED`]. What is not here is refused.
pub static TRANSITIONS: [Transition; 12] = {
    use Owner::{Another, Claimed, Kept};
    use Side::{Owner as Owning, Requester};
    use Status::{Accepted, Cancelled, Completed, EnteredInError, Failed, InProgress, OnHold, Received, Rejected, Requested};
    const fn row(from: &'static [Status], side: Side, to: Status, owner: Owner, what: &'static str) -> Transition {
        Transition { from, side, to, owner, reason: matches!(to, EnteredInError), what }
    }
    const UNFINISHED: &[Status] = &[Requested, Received, Accepted, InProgress, OnHold];
    const NOT_IN_ERROR: &[Status] = &[Requested, Received, Accepted, Rejected, InProgress, OnHold, Completed, Failed, Cancelled];
    [
        row(&[Requested], Owning, Received, Kept, "seen"),
        row(&[Requested, Received], Owning, Accepted, Claimed, "claim it: status and owner in one update"),
        row(&[Requested, Received, Accepted], Owning, Rejected, Kept, "not ours; the requester finds another owner"),
        row(&[Accepted, OnHold], Owning, InProgress, Kept, "begin, or go on"),
        row(&[InProgress], Owning, OnHold, Kept, "pause"),
        row(&[Accepted, InProgress, OnHold], Owning, Completed, Kept, "done; output says how it ended"),
        row(&[InProgress, OnHold], Owning, Failed, Kept, "could not be done; the requester finds another owner"),
        row(UNFINISHED, Owning, Requested, Another, "hand it to another owner"),
        row(&[Requested, Received, Accepted], Requester, Cancelled, Kept, "no longer needed"),
        row(&[Rejected, Failed], Requester, Requested, Another, "ask another owner"),
        row(NOT_IN_ERROR, Owning, EnteredInError, Kept, "it should never have been there; statusReason says why"),
        row(NOT_IN_ERROR, Requester, EnteredInError, Kept, "it should never have been there; statusReason says why"),
    ]
};
