//! Whom an event is for.

use super::criteria::Criterion;
use crate::task::store::{Event, Moment, Viewer};

/// Whether `event` is to be told to somebody with these eyes and filters.
///
/// All filters must hold of what the Task is now, or of what it was right before: that it leaves a filter is told too, once. And
/// that moment must be one that they may see: now, as its owner (the queues that they serve included), its requester or a former
/// owner; before, as the owner of then too. So nobody learns from a filter who has a Task that is not theirs.
pub fn matches(viewer: &Viewer, criteria: &[Criterion], event: &Event) -> bool {
    let holds = |moment: &Moment| criteria.iter().all(|criterion| criterion.holds(moment));
    let owned = |moment: &Moment| match viewer {
        Viewer::Everything => true,
        Viewer::Party { owners, .. } => owners.contains(&moment.owner),
    };
    let sees = owned(&event.now) || is_party(viewer, event);
    sees && holds(&event.now) || event.before.as_ref().is_some_and(|before| (sees || owned(before)) && holds(before))
}

/// Its requester, or one that owned it.
fn is_party(viewer: &Viewer, event: &Event) -> bool {
    let Viewer::Party { requesters, formerly, .. } = viewer else { return true };
    requesters.contains(&event.requester) || event.formerly.iter().any(|organization| formerly.contains(organization))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::status::Status;

    fn moment(status: Status, owner: &str) -> Moment {
        Moment { status, owner: owner.to_owned(), queue: "family-planning".to_owned(), due: None }
    }

    fn event(before: Option<Moment>, now: Moment, formerly: &[&str]) -> Event {
        Event {
            seq: 1,
            task: uuid::Uuid::nil(),
            version: 1,
            at: "2026-11-16T09:00:00Z".parse().unwrap(),
            now,
            before,
            requester: "Organization/advice".to_owned(),
            formerly: formerly.iter().map(|&organization| organization.to_owned()).collect(),
        }
    }

    fn owner(organization: &str, queues: &[&str]) -> Viewer {
        let organization = format!("Organization/{organization}");
        let owners = queues.iter().map(|queue| format!("HealthcareService/{queue}")).chain([organization.clone()]).collect();
        Viewer::Party { owners, requesters: Vec::new(), formerly: vec![organization] }
    }

    fn requester(organization: &str) -> Viewer {
        Viewer::Party { owners: Vec::new(), requesters: vec![format!("Organization/{organization}")], formerly: Vec::new() }
    }

    const A: &str = "Organization/a";
    const B: &str = "Organization/b";
    const QUEUE: &str = "HealthcareService/queue";

    #[test]
    fn an_event_is_for_the_owner_the_requester_and_nobody_else() {
        let event = event(None, moment(Status::Requested, A), &[]);
        assert!(matches(&owner("a", &[]), &[], &event));
        assert!(matches(&requester("advice"), &[], &event));
        assert!(!matches(&owner("b", &["queue"]), &[], &event));
        assert!(!matches(&requester("other"), &[], &event));
    }

    #[test]
    fn those_who_serve_a_queue_are_told_that_somebody_claimed_from_it() {
        let claimed = event(Some(moment(Status::Requested, QUEUE)), moment(Status::Accepted, A), &[]);
        let filters = [Criterion::Owner(vec![QUEUE.to_owned()]), Criterion::Status(vec![Status::Requested])];
        assert!(matches(&owner("b", &["queue"]), &filters, &claimed));
        let completed = event(Some(moment(Status::Accepted, A)), moment(Status::Completed, A), &[]);
        assert!(!matches(&owner("b", &["queue"]), &[], &completed), "then it is no longer theirs");
    }

    #[test]
    fn a_former_owner_learns_what_becomes_of_the_task_and_its_filters_mean_what_they_say() {
        let own = [Criterion::Owner(vec![A.to_owned()])];
        let handed = event(Some(moment(Status::Accepted, A)), moment(Status::Requested, B), &[A]);
        let completed = event(Some(moment(Status::Accepted, B)), moment(Status::Completed, B), &[A]);
        let elsewhere = [Criterion::Owner(vec![B.to_owned()])];
        for event in [&handed, &completed] {
            assert!(matches(&owner("a", &[]), &[], event), "status and new owner");
            assert!(matches(&owner("a", &[]), &elsewhere, event));
        }
        assert!(matches(&owner("a", &[]), &own, &handed), "it leaves");
        assert!(!matches(&owner("a", &[]), &own, &completed), "it left before");
        assert!(!matches(&requester("advice"), &own, &completed));
    }

    #[test]
    fn nobody_learns_from_a_filter_who_claimed_what_a_queue_owned() {
        let claimed = event(Some(moment(Status::Requested, QUEUE)), moment(Status::Accepted, A), &[]);
        let of_a = [Criterion::Owner(vec![A.to_owned()])];
        let accepted = [Criterion::Status(vec![Status::Accepted])];
        for filters in [&of_a[..], &accepted[..]] {
            assert!(!matches(&owner("b", &["queue"]), filters, &claimed));
            assert!(matches(&owner("a", &["queue"]), filters, &claimed));
            assert!(matches(&requester("advice"), filters, &claimed));
        }
    }

    #[test]
    fn leaving_a_filter_is_told_and_what_stays_outside_is_not() {
        let requested = [Criterion::Status(vec![Status::Requested])];
        let accepted = event(Some(moment(Status::Requested, A)), moment(Status::Accepted, A), &[]);
        let begun = event(Some(moment(Status::Accepted, A)), moment(Status::InProgress, A), &[]);
        assert!(matches(&owner("a", &[]), &requested, &accepted));
        assert!(!matches(&owner("a", &[]), &requested, &begun));
    }

    #[test]
    fn the_filters_hold_together_before_or_now_and_not_one_here_and_one_there() {
        let filters = [Criterion::Owner(vec![B.to_owned()]), Criterion::Status(vec![Status::Accepted])];
        let handed = event(Some(moment(Status::Accepted, A)), moment(Status::Requested, B), &[A]);
        assert!(!matches(&owner("b", &[]), &filters, &handed));
    }
}
