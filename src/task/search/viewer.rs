//! Whose eyes: what a caller may see, from whom it speaks for.

use super::Parties;
use crate::caller::{Caller, Role};
use crate::task::change::{OWNERS, REQUESTERS};
use crate::task::store::{Scope, Viewer};

/// What a caller sees of one Task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sight {
    Nothing,
    /// As a former owner: how it stands and who owns it.
    Reduced,
    Whole,
}

/// Those whose Tasks a caller sees. Nobody's, for operators and form platforms.
pub fn viewer(caller: &Caller, parties: &dyn Parties) -> Viewer {
    let organizations: Vec<String> = caller.organizations.iter().map(|id| format!("Organization/{id}")).collect();
    let spoken_for = |roles: &[Role]| if caller.is_any(roles) { organizations.clone() } else { Vec::new() };
    let formerly = spoken_for(OWNERS);
    let mut owners = formerly.clone();
    if !formerly.is_empty() {
        owners.extend(caller.organizations.iter().flat_map(|id| parties.served_by(id)));
        owners.sort_unstable();
        owners.dedup();
    }
    Viewer::Party { owners, requesters: spoken_for(REQUESTERS), formerly }
}

/// How much of a Task these eyes see.
pub fn sight(viewer: &Viewer, scope: &Scope) -> Sight {
    match viewer {
        Viewer::Everything => Sight::Whole,
        Viewer::Party { owners, requesters, .. } if owners.contains(&scope.owner) || requesters.contains(&scope.requester) => Sight::Whole,
        Viewer::Party { formerly, .. } if scope.formerly.iter().any(|owner| formerly.contains(owner)) => Sight::Reduced,
        Viewer::Party { .. } => Sight::Nothing,
    }
}
