//! Subscriptions: versions, leases, progress and matched events.

use futures_util::future::join_all;
use jiff::ToSpan as _;
use neuvola_adapter::task::status::Status;
use neuvola_adapter::task::store::{Moment, Notified, Progress, Subscribed};
use uuid::Uuid;

use super::world::*;

pub fn subscription() -> Subscribed {
    Subscribed {
        id: Uuid::from_u128(5),
        version: 1,
        last_updated: at("2026-11-16T07:00:00Z"),
        caller: "ehr".to_owned(),
        status: "requested".to_owned(),
        body: br#"{"channel":{"header":["Authorization: Bearer secret"]}}"#.to_vec(),
        progress: Progress::default(),
    }
}

pub async fn a_subscription_is_changed_from_its_version(world: &World) {
    let store = world.open().await;
    let first = subscription();
    assert!(store.add_subscription(&first, 20).await.unwrap());
    assert!(!store.add_subscription(&first, 20).await.unwrap(), "it is there");
    assert_eq!(store.subscription(first.id).await.unwrap(), Some(first.clone()));
    let second = Subscribed { version: 2, status: "off".to_owned(), body: b"{}".to_vec(), ..first.clone() };
    assert!(store.change_subscription(&second, 1).await.unwrap());
    assert!(!store.change_subscription(&second, 1).await.unwrap(), "stale");
    assert_eq!(store.subscription(first.id).await.unwrap(), Some(second.clone()));
    let other = Subscribed { id: Uuid::from_u128(4), caller: "other".to_owned(), ..first.clone() };
    assert!(store.add_subscription(&other, 20).await.unwrap());
    assert_eq!(store.subscriptions(None).await.unwrap(), [other, second.clone()]);
    assert_eq!(store.subscriptions(Some("ehr")).await.unwrap(), [second]);
    assert!(store.delete_subscription(first.id).await.unwrap());
    assert!(!store.delete_subscription(first.id).await.unwrap());
    assert_eq!(store.subscription(first.id).await.unwrap(), None);
}

pub async fn a_caller_has_so_many_at_most_however_many_come_at_once(world: &World) {
    let stores = [world.open().await, world.open().await, world.open().await];
    let of = |caller: &str, number: u128| Subscribed { id: Uuid::from_u128(number), caller: caller.to_owned(), ..subscription() };
    let adding = (0..30).map(|number| {
        let (store, new) = (&stores[number % 3], of("ehr", 100 + number as u128));
        async move { store.add_subscription(&new, 20).await.unwrap() }
    });
    let added = join_all(adding).await.into_iter().filter(|added| *added).count();
    assert_eq!((added, stores[0].subscriptions(Some("ehr")).await.unwrap().len()), (20, 20));
    assert!(stores[1].add_subscription(&of("other", 7), 20).await.unwrap(), "each has their own");
    let one = stores[2].subscriptions(Some("ehr")).await.unwrap().remove(0);
    assert!(stores[1].delete_subscription(one.id).await.unwrap());
    assert!(stores[2].add_subscription(&one, 20).await.unwrap(), "there is room again");
}

pub async fn a_lease_has_one_holder_until_it_ends(world: &World) {
    let (one, other) = (world.open().await, world.open().await);
    let subscription = subscription();
    one.add_subscription(&subscription, 20).await.unwrap();
    let (a, b) = (Uuid::new_v4(), Uuid::new_v4());
    let now = world.now();
    let until = now + 10.seconds();
    assert_eq!(one.lease(a, now, until).await.unwrap(), std::slice::from_ref(&subscription));
    assert_eq!(other.lease(b, now, until).await.unwrap(), []);
    assert_eq!(one.lease(a, now + 9.seconds(), until + 9.seconds()).await.unwrap().len(), 1, "held on");
    assert_eq!(other.lease(b, until, until + 9.seconds()).await.unwrap(), []);
    let progress = Progress { seen: 3, ..Progress::default() };
    assert!(one.advance(a, subscription.id, "active", &progress, &[]).await.unwrap());
    let taken = other.lease(b, until + 9.seconds(), until + 60.seconds()).await.unwrap();
    assert_eq!((taken.len(), &taken[0].progress, taken[0].status.as_str()), (1, &progress, "active"));
    assert!(!one.advance(a, subscription.id, "error", &Progress::default(), &[(1, 1)]).await.unwrap(), "it lost it");
    assert_eq!(other.subscription(subscription.id).await.unwrap().unwrap().progress, progress);
}

pub async fn matched_events_are_kept_by_number(world: &World) {
    let store = world.open().await;
    let subscription = subscription();
    store.add_subscription(&subscription, 20).await.unwrap();
    let task = world.create(&*store, index()).await;
    let claimed = world.update(&*store, &task, owned(SEINAJOKI, Status::Accepted)).await;
    world.update(&*store, &claimed, owned(LAPUA, Status::Requested)).await;
    let events = store.events(0, 10).await.unwrap();
    assert_eq!(events.iter().map(|event| (event.seq, event.version)).collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 3)]);
    let moment = |owner: &str, status| Moment { status, owner: owner.to_owned(), queue: "maternity-child-health".to_owned(), due: None };
    assert_eq!((&events[0].before, &events[0].now), (&None, &moment(QUEUE, Status::Requested)));
    assert_eq!(events[2].before, Some(moment(SEINAJOKI, Status::Accepted)));
    assert_eq!((events[2].formerly.as_slice(), events[2].at > events[1].at), ([SEINAJOKI.to_owned()].as_slice(), true));
    assert_eq!(store.events(1, 1).await.unwrap(), events[1..2]);

    let (holder, now) = (Uuid::new_v4(), world.now());
    store.lease(holder, now, now + 10.seconds()).await.unwrap();
    let progress = Progress { seen: 3, matched: 2, delivered: 1, next_try: Some(now), last_delivery: Some(now), ..Progress::default() };
    assert!(store.advance(holder, subscription.id, "active", &progress, &[(1, 1), (2, 3)]).await.unwrap());
    assert_eq!(store.subscription(subscription.id).await.unwrap().unwrap().progress, progress);
    let matched = store.matched(subscription.id, 1, 9, 10).await.unwrap();
    assert_eq!(matched, [(1, events[0].clone()), (2, events[2].clone())]);
    assert_eq!(store.matched(subscription.id, 2, 2, 10).await.unwrap().len(), 1);
    assert_eq!(store.matched(subscription.id, 1, 9, 1).await.unwrap().len(), 1);
    assert_eq!(store.matched(Uuid::new_v4(), 1, 9, 10).await.unwrap(), []);
}

pub async fn a_change_of_a_subscription_takes_it_from_its_holder(world: &World) {
    let store = world.open().await;
    let first = subscription();
    store.add_subscription(&first, 20).await.unwrap();
    let (holder, now) = (Uuid::new_v4(), world.now());
    store.lease(holder, now, now + 60.seconds()).await.unwrap();
    let progress = Progress { seen: 9, matched: 4, delivered: 3, ..Progress::default() };
    assert!(store.advance(holder, first.id, "active", &progress, &[]).await.unwrap());
    let changed = Subscribed { version: 2, status: "off".to_owned(), ..first.clone() };
    assert!(store.change_subscription(&changed, 1).await.unwrap());
    assert!(!store.advance(holder, first.id, "active", &progress, &[]).await.unwrap());
    let now = store.subscription(first.id).await.unwrap().unwrap();
    assert_eq!((now.status.as_str(), &now.progress), ("off", &progress), "what is counted does not go back");
}

pub async fn purge_keeps_events_that_are_not_delivered(world: &World) {
    let store = world.open().await;
    let subscription = subscription();
    store.add_subscription(&subscription, 20).await.unwrap();
    for _ in 0..4 {
        world.create(&*store, index()).await;
    }
    let (holder, now) = (Uuid::new_v4(), world.now());
    let seqs = async || store.events(0, 10).await.unwrap().iter().map(|event| event.seq).collect::<Vec<_>>();
    store.purge(now, world.now(), 10).await.unwrap();
    assert_eq!(seqs().await, [1, 2, 3, 4], "nobody looked at them");
    store.lease(holder, now, now + 60.seconds()).await.unwrap();
    let progress = Progress { seen: 3, matched: 2, delivered: 1, ..Progress::default() };
    assert!(store.advance(holder, subscription.id, "active", &progress, &[(1, 1), (2, 2)]).await.unwrap());
    store.purge(now, world.now(), 10).await.unwrap();
    assert_eq!(seqs().await, [2, 4], "1 was delivered, 3 is not its concern");
    assert_eq!(store.matched(subscription.id, 1, 9, 10).await.unwrap().len(), 1);
}

pub async fn it_is_known_who_was_told_of_a_task_and_who_delivers(world: &World) {
    let store = world.open().await;
    let subscription = subscription();
    store.add_subscription(&subscription, 20).await.unwrap();
    assert_eq!(store.held().await.unwrap(), [(subscription.id, None)]);
    let (task, other) = (world.create(&*store, index()).await, world.create(&*store, index()).await);
    world.update(&*store, &task, owned(SEINAJOKI, Status::Accepted)).await;
    let (holder, now) = (Uuid::new_v4(), world.now());
    store.lease(holder, now, now + 10.seconds()).await.unwrap();
    assert_eq!(store.held().await.unwrap(), [(subscription.id, Some(now + 10.seconds()))]);
    let progress = Progress { seen: 3, matched: 3, delivered: 1, ..Progress::default() };
    assert!(store.advance(holder, subscription.id, "active", &progress, &[(1, 1), (2, 2), (3, 3)]).await.unwrap());
    let told = |number, version| Notified { subscription: subscription.id, number, version };
    assert_eq!(store.notified(task.id).await.unwrap(), [told(1, 1), told(3, 2)]);
    assert_eq!(store.notified(other.id).await.unwrap(), [told(2, 1)]);
    store.delete_subscription(subscription.id).await.unwrap();
    assert_eq!(store.notified(task.id).await.unwrap(), []);
}
