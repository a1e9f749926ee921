//! Whose eyes: what a caller may see, from whom it speaks for.

use super::Parties;
use crate::caller::{Caller, Role};
use crate::task::change::{OWNERS, REQUESTERS};
use crate::task::store::{Scope, Tombstone, Viewer};

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

/// Whether these eyes saw a purged Task, as a whole or in part.
pub fn knew(viewer: &Viewer, stone: &Tombstone) -> bool {
    match viewer {
        Viewer::Everything => true,
        Viewer::Party { owners, requesters, formerly } => {
            requesters.contains(&stone.requester) || stone.owners.iter().any(|owner| owners.contains(owner) || formerly.contains(owner))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purged_task_is_known_to_those_whose_it_was_and_to_nobody_else() {
        let party = |owners: &[&str], requesters: &[&str], formerly: &[&str]| {
            let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            Viewer::Party { owners: all(owners), requesters: all(requesters), formerly: all(formerly) }
        };
        let at = jiff::Timestamp::UNIX_EPOCH;
        let stone = |owners: &[&str]| Tombstone {
            requester: "Organization/advice".to_owned(),
            owners: owners.iter().map(|owner| (*owner).to_owned()).collect(),
            finished_at: at,
            purged_at: Some(at),
        };
        let (lapua, advice, other) = ("Organization/lapua", "Organization/advice", "Organization/other");
        for owners in [&[lapua, other][..], &[other, lapua]] {
            assert!(knew(&party(&[lapua], &[], &[lapua]), &stone(owners)), "{owners:?}");
        }
        assert!(knew(&party(&[], &[advice], &[]), &stone(&[])));
        assert!(!knew(&party(&[lapua], &[lapua], &[lapua]), &stone(&[other])));
        assert!(!knew(&party(&[advice], &[], &[advice]), &stone(&[other])), "only its requesters see what it requested");
        assert!(!knew(&party(&[], &[], &[]), &stone(&[lapua])));
    }
}
