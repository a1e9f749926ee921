//! Purging, and what is counted.

use jiff::civil::date;
use neuvola_adapter::task::status::Status;
use neuvola_adapter::task::store::{Changed, Created, Filter, Found, Index, Keyed, NewTask, Waiting};
use uuid::Uuid;

use super::world::*;

pub async fn purge_leaves_a_tombstone(world: &World) {
    let store = world.open().await;
    let request = world.task(Index { part_of: vec!["Task/1".to_owned()], patient: Some(patient("010594Y9032")), ..identified("c-1") });
    let Created::New(task) = store.create(request.clone()).await.unwrap() else { panic!("new") };
    let open = world.create(&*store, identified("c-2")).await;
    assert_eq!(store.tombstone(open.id).await.unwrap(), None);
    let task = world.update(&*store, &task, Index { status: Status::Accepted, owner: LAPUA.to_owned(), ..request.index.clone() }).await;
    let task =
        world.update(&*store, &task, Index { status: Status::Completed, owner: SEINAJOKI.to_owned(), ..request.index.clone() }).await;
    assert_eq!(store.purge(task.last_updated, world.now(), 100).await.unwrap(), 0, "not yet");

    assert_eq!(store.purge(world.now(), world.now(), 100).await.unwrap(), 1);
    let Found::Purged(stone) = store.read(task.id).await.unwrap() else { panic!("purged") };
    assert_eq!(store.tombstone(task.id).await.unwrap(), Some(stone.clone()));
    assert_eq!((stone.requester.as_str(), stone.finished_at), (ADVICE, task.last_updated));
    assert_eq!(stone.owners, [SEINAJOKI, LAPUA], "whose it was");
    assert!(stone.purged_at > Some(stone.finished_at));
    let trail: Vec<_> = store.trail(task.id).await.unwrap().into_iter().map(|step| (step.version, step.by.caller)).collect();
    assert_eq!(trail, [(1, "chat".to_owned()), (2, "ehr".to_owned()), (3, "ehr".to_owned())], "the audit outlives it");
    assert_eq!(store.version(task.id, 1).await.unwrap(), None);
    assert_eq!(store.history(task.id, None, 10).await.unwrap(), []);
    assert!(matches!(store.change(world.change(&task, index())).await.unwrap(), Changed::Gone));
    assert_eq!(found(&*store, &everything(Vec::new())).await, [open.id]);
    let by_patient = Filter::Keyed { kind: Keyed::Patient, any: vec![(None, "010594Y9032".to_owned())], not: false };
    assert_eq!(found(&*store, &everything(vec![by_patient])).await, NOBODY);
    assert!(store.events(0, 100).await.unwrap().iter().all(|event| event.task != task.id));
    for table in ["DELETE FROM former", "DELETE FROM listed", "DELETE FROM asked WHERE task = 1", "DELETE FROM term WHERE task = 1"] {
        assert_eq!(world.tamper(table).await, 0, "{table}");
    }

    let repeat = NewTask { id: Uuid::new_v4(), ..request.clone() };
    assert!(matches!(store.create(repeat.clone()).await.unwrap(), Created::Purged(id) if id == task.id));
    let rotated = world.open_with(&["b", "a"]).await;
    assert!(matches!(rotated.create(repeat.clone()).await.unwrap(), Created::Purged(_)), "after a rotation too");
    let elsewhere = Index { requester: LAPUA.to_owned(), ..request.index };
    assert!(matches!(store.create(NewTask { index: elsewhere, ..repeat }).await.unwrap(), Created::New(_)), "another requester's");
}

pub async fn purge_takes_no_more_than_it_was_told(world: &World) {
    let store = world.open().await;
    for _ in 0..5 {
        world.create(&*store, owned(LAPUA, Status::Cancelled)).await;
    }
    let now = world.now();
    assert_eq!(store.purge(now, world.now(), 2).await.unwrap(), 2);
    assert_eq!(store.purge(now, world.now(), 2).await.unwrap(), 2);
    assert_eq!(store.purge(now, world.now(), 2).await.unwrap(), 1);
    assert_eq!(store.purge(now, world.now(), 2).await.unwrap(), 0);
}

pub async fn tallies_survive_purge(world: &World) {
    let store = world.open().await;
    world.set_now(at("2026-11-16T22:30:00Z")); // after midnight in Helsinki
    let task = world.create(&*store, index()).await;
    world.create(&*store, index()).await;
    let task = world.update(&*store, &task, Index { attempts: 1, ..owned(LAPUA, Status::InProgress) }).await;
    let task = world.update(&*store, &task, Index { attempts: 2, ..owned(LAPUA, Status::OnHold) }).await;
    let task = world.update(&*store, &task, Index { attempts: 2, ..owned(LAPUA, Status::Rejected) }).await;
    world.set_now(at("2026-11-17T00:00:00Z"));
    let done = world.update(&*store, &task, Index { attempts: 2, ..owned(LAPUA, Status::Completed) }).await;
    assert_eq!(store.purge(world.now(), world.now(), 10).await.unwrap(), 1);
    assert!(matches!(store.read(done.id).await.unwrap(), Found::Purged(_)));

    let tallies = store.tallies(date(2026, 11, 16), date(2026, 11, 16)).await.unwrap();
    let told: Vec<_> = tallies.iter().map(|tally| (tally.hour, tally.owner.as_str(), tally.what.as_str(), tally.count)).collect();
    assert_eq!(told, [(8, QUEUE, "created", 2)], "by `authoredOn`");
    let tallies = store.tallies(date(2026, 11, 17), date(2026, 11, 17)).await.unwrap();
    let told: Vec<_> = tallies.iter().map(|tally| (tally.hour, tally.owner.as_str(), tally.what.as_str(), tally.count)).collect();
    assert_eq!(told, [(0, LAPUA, "attempted", 2), (0, LAPUA, "rejected", 1), (2, LAPUA, "completed", 1)]);
    assert!(tallies.iter().all(|tally| tally.queue == "maternity-child-health" && tally.day == date(2026, 11, 17)));
    assert_eq!(store.tallies(date(2026, 11, 15), date(2026, 11, 15)).await.unwrap(), []);
}

pub async fn contacts_are_counted_in_the_hour_of_authored_on(world: &World) {
    let store = world.open().await;
    world.set_now(at("2026-11-18T12:00:00Z"));
    for authored_on in [
        "2026-10-25T00:30:00Z", // 03:30 summer time, and once more an hour later
        "2026-10-25T01:30:00Z",
        "2026-03-29T01:30:00Z", // 04:30: there is no 03:30
        "2026-11-15T22:00:00Z", // midnight in Helsinki, a Monday
    ] {
        world.create(&*store, Index { authored_on: at(authored_on), ..index() }).await;
    }
    let tallies = store.tallies(date(2026, 1, 1), date(2026, 12, 31)).await.unwrap();
    let told: Vec<_> = tallies.iter().map(|tally| (tally.day, tally.hour, tally.what.as_str(), tally.count)).collect();
    let created = |day, hour, count| (day, hour, "created", count);
    assert_eq!(told, [created(date(2026, 3, 29), 4, 1), created(date(2026, 10, 25), 3, 2), created(date(2026, 11, 16), 0, 1)]);
}

pub async fn those_who_wait_are_counted(world: &World) {
    let store = world.open().await;
    let (early, late) = (at("2026-11-16T06:00:00Z"), at("2026-11-16T07:00:00Z"));
    world.create(&*store, Index { authored_on: late, due: Some(late), ..index() }).await;
    world.create(&*store, Index { authored_on: early, due: Some(early), ..index() }).await;
    world.create(&*store, Index { authored_on: early, ..owned(LAPUA, Status::Failed) }).await;
    world.create(&*store, owned(LAPUA, Status::Completed)).await;
    let row = |owner: &str, status, count, oldest, overdue| Waiting {
        queue: "maternity-child-health".to_owned(),
        owner: owner.to_owned(),
        status,
        count,
        oldest: Some(oldest),
        overdue,
    };
    let expected = [row(QUEUE, Status::Requested, 2, early, 1), row(LAPUA, Status::Failed, 1, early, 0)];
    assert_eq!(store.waiting(late).await.unwrap(), expected);
}
