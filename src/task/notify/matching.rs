//! Whom an event is for.

use super::criteria::Criterion;
use crate::task::store::{Event, Viewer};

/// Whether `event` is to be told to somebody with these eyes and filters.
///
/// They must see the Task or have seen it until this event, as its owner (the queues that they serve included), its requester or a
/// former owner; and all filters must hold of what the Task is now, or of what it was before: that it left a filter is told too.
pub fn matches(viewer: &Viewer, criteria: &[Criterion], event: &Event) -> bool {
    let formerly = formerly(viewer, event);
    let holds = |moment| criteria.iter().all(|criterion| criterion.holds(moment, &formerly));
    sees(viewer, event, &formerly) && (holds(&event.now) || event.before.as_ref().is_some_and(holds))
}

fn sees(viewer: &Viewer, event: &Event, formerly: &[&str]) -> bool {
    let Viewer::Party { owners, requesters, .. } = viewer else { return true };
    let owned = |owner: &String| owners.contains(owner);
    owned(&event.now.owner)
        || event.before.as_ref().is_some_and(|before| owned(&before.owner))
        || requesters.contains(&event.requester)
        || !formerly.is_empty()
}

/// Those of the viewer's organisations that owned it before.
fn formerly<'e>(viewer: &Viewer, event: &'e Event) -> Vec<&'e str> {
    let Viewer::Party { formerly, .. } = viewer else { return Vec::new() };
    event.formerly.iter().filter(|organization| formerly.contains(organization)).map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::status::Status;
    use crate::task::store::Moment;

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
    fn a_former_owner_learns_what_becomes_of_the_task() {
        let own = [Criterion::Owner(vec![A.to_owned()])];
        let handed = event(Some(moment(Status::Accepted, A)), moment(Status::Requested, B), &[A]);
        let completed = event(Some(moment(Status::Accepted, B)), moment(Status::Completed, B), &[A]);
        for event in [&handed, &completed] {
            assert!(matches(&owner("a", &[]), &own, event));
            assert!(matches(&owner("a", &[]), &[], event));
        }
        assert!(!matches(&requester("advice"), &own, &completed), "to others it is b's");
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
