//! Creating, reading and changing; repeats, keys and seals.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use neuvola_adapter::task::status::Status;
use neuvola_adapter::task::store::{Changed, Created, Filter, Found, Index, Keyed, NewTask};
use uuid::Uuid;

use super::world::*;

pub async fn what_was_created_is_read(world: &World) {
    let store = world.open().await;
    let new = world.task(identified("c-1"));
    let Created::New(created) = store.create(new.clone()).await.unwrap() else { panic!("new") };
    assert_eq!((created.id, created.version, &created.body), (new.id, 1, &new.body));
    assert_eq!((created.scope.status, created.scope.owner.as_str()), (Status::Requested, QUEUE));
    assert_eq!(created.last_updated, new.now);
    assert_eq!(read(&*store, new.id).await, created);
    assert_eq!(store.version(new.id, 1).await.unwrap(), Some(created.clone()));
    assert!(matches!(store.read(Uuid::new_v4()).await.unwrap(), Found::Nothing));
    assert_eq!(store.version(new.id, 2).await.unwrap(), None);
    let again = world.open().await;
    assert_eq!(read(&*again, new.id).await, created, "by another adapter");
    store.ready().await.unwrap();
}

pub async fn every_version_is_kept(world: &World) {
    let store = world.open().await;
    let first = world.create(&*store, identified("c-1")).await;
    let second = world.update(&*store, &first, owned(SEINAJOKI, Status::Accepted)).await;
    let third = world.update(&*store, &second, owned(LAPUA, Status::Requested)).await;
    assert_eq!(second.scope.formerly, Vec::<String>::new(), "a queue is no former owner");
    assert_eq!(third.scope.formerly, [SEINAJOKI]);
    assert_eq!(store.version(first.id, 2).await.unwrap(), Some(second.clone()));
    assert_eq!(store.history(first.id, None, 10).await.unwrap(), [third.clone(), second.clone(), first.clone()]);
    assert_eq!(store.history(first.id, Some(3), 1).await.unwrap(), [second]);
    assert_eq!(store.history(Uuid::new_v4(), None, 10).await.unwrap(), []);
    let back = world.update(&*store, &third, owned(SEINAJOKI, Status::Accepted)).await;
    assert_eq!(back.scope.formerly, [LAPUA], "who owns it again is not a former owner");
    assert_eq!(read(&*store, first.id).await, back);
}

pub async fn a_repeat_of_the_same_request_is_nothing_new(world: &World) {
    let store = world.open().await;
    let first = world.task(identified("c-1"));
    let Created::New(created) = store.create(first.clone()).await.unwrap() else { panic!("new") };
    let seq = store.last_seq().await.unwrap();
    let repeat = NewTask { id: Uuid::new_v4(), now: world.now(), ..first };
    let Created::Existing { task, same_request: true } = store.create(repeat.clone()).await.unwrap() else { panic!("existing") };
    assert_eq!(task, created);
    assert!(matches!(store.read(repeat.id).await.unwrap(), Found::Nothing));
    assert_eq!(store.last_seq().await.unwrap(), seq);
    assert_eq!(found(&*store, &everything(Vec::new())).await, [created.id]);
}

pub async fn the_same_identifier_with_other_content_is_told_apart(world: &World) {
    let store = world.open().await;
    let created = world.create(&*store, identified("c-1")).await;
    let other = NewTask { request: [9; 32], ..world.task(identified("c-1")) };
    let Created::Existing { task, same_request: false } = store.create(other).await.unwrap() else { panic!("existing") };
    assert_eq!(task, created);
}

pub async fn identifiers_are_per_requester(world: &World) {
    let store = world.open().await;
    world.create(&*store, identified("c-1")).await;
    world.create(&*store, Index { requester: LAPUA.to_owned(), ..identified("c-1") }).await;
    assert_eq!(found(&*store, &everything(Vec::new())).await.len(), 2);
}

pub async fn tasks_without_an_identifier_are_always_new(world: &World) {
    let store = world.open().await;
    let task = world.task(index());
    for _ in 0..2 {
        let again = NewTask { id: Uuid::new_v4(), ..task.clone() };
        assert!(matches!(store.create(again).await.unwrap(), Created::New(_)));
    }
}

pub async fn a_change_from_a_stale_version_stores_nothing(world: &World) {
    let store = world.open().await;
    let first = world.create(&*store, index()).await;
    let second = world.update(&*store, &first, owned(SEINAJOKI, Status::Accepted)).await;
    let seq = store.last_seq().await.unwrap();
    let stale = store.change(world.change(&first, owned(LAPUA, Status::Accepted))).await.unwrap();
    assert!(matches!(stale, Changed::Stale(2)));
    assert_eq!(read(&*store, first.id).await, second);
    assert_eq!(store.last_seq().await.unwrap(), seq);
    assert_eq!(store.events(0, 10).await.unwrap().len(), 2);
}

pub async fn what_does_not_exist_cannot_be_changed(world: &World) {
    let store = world.open().await;
    let mut change = world.change(&world.create(&*store, index()).await, index());
    change.id = Uuid::new_v4();
    assert!(matches!(store.change(change).await.unwrap(), Changed::Gone));
}

pub async fn of_two_changes_at_once_one_wins(world: &World) {
    let (one, other) = (world.open().await, world.open().await);
    let mut task = world.create(&*one, index()).await;
    for _ in 0..10 {
        let changes = [one.change(world.change(&task, index())), other.change(world.change(&task, index()))];
        let answers: Vec<Changed> = join_all(changes).await.into_iter().map(Result::unwrap).collect();
        let done: Vec<_> = answers.iter().filter_map(|answer| if let Changed::Done(task) = answer { Some(task) } else { None }).collect();
        assert_eq!(done.len(), 1, "{answers:?}");
        assert!(answers.iter().any(|answer| matches!(answer, Changed::Stale(version) if *version == task.version + 1)));
        task = done[0].clone();
    }
}

pub async fn a_hundred_claims_at_once_take_each_task_once(world: &World) {
    let stores = [world.open().await, world.open().await];
    let mut tasks = Vec::new();
    for _ in 0..20 {
        tasks.push(world.create(&*stores[0], index()).await);
    }
    let claims = (0..100).map(|caller| {
        let (store, tasks) = (&stores[caller % 2], &tasks);
        async move {
            let mut mine = Vec::new();
            for at in 0..3 {
                let task = &tasks[(caller + at * 7) % tasks.len()];
                let claim = owned(&format!("Organization/o{caller}"), Status::Accepted);
                if let Changed::Done(task) = store.change(world.change(task, claim)).await.unwrap() {
                    mine.push(task.id);
                }
            }
            mine
        }
    });
    let claimed: Vec<Uuid> = join_all(claims).await.into_iter().flatten().collect();
    assert_eq!(claimed.len(), tasks.len());
    assert_eq!(claimed.iter().collect::<BTreeSet<_>>().len(), tasks.len());
}

pub async fn repeats_at_once_create_one_task(world: &World) {
    let stores = [world.open().await, world.open().await];
    let task = world.task(identified("c-1"));
    let repeats = (0..20).map(|at| stores[at % 2].create(NewTask { id: Uuid::new_v4(), ..task.clone() }));
    let created: Vec<_> = join_all(repeats).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(created.iter().filter(|created| matches!(created, Created::New(_))).count(), 1);
    assert!(created.iter().all(|created| matches!(created, Created::New(_) | Created::Existing { same_request: true, .. })));
}

pub async fn a_search_finds_what_an_older_key_hashed(world: &World) {
    let old = world.open().await;
    let anna = Index { patient: Some(patient("010594Y9032")), ..identified("c-1") };
    let created = world.create(&*old, anna).await;
    let rotated = world.open_with(&["b", "a"]).await;
    let newer = world.create(&*rotated, Index { patient: Some(patient("010594Y9032")), ..index() }).await;
    let by = |kind, system: Option<&str>, value: &str| {
        everything(vec![Filter::Keyed { kind, any: vec![(system.map(str::to_owned), value.to_owned())], not: false }])
    };
    assert_eq!(found(&*rotated, &by(Keyed::Patient, Some("urn:oid:1.2.246.21"), "010594Y9032")).await, [created.id, newer.id]);
    assert_eq!(found(&*rotated, &by(Keyed::Patient, None, "010594Y9032")).await, [created.id, newer.id]);
    assert_eq!(found(&*rotated, &by(Keyed::Patient, Some("urn:x"), "010594Y9032")).await, NOBODY);
    assert_eq!(found(&*rotated, &by(Keyed::Identifier, None, "c-1")).await, [created.id]);
    assert_eq!(found(&*rotated, &by(Keyed::Group, None, "c-1")).await, NOBODY);
}

pub async fn a_rotated_key_lets_no_double_in(world: &World) {
    let task = world.task(identified("c-1"));
    let Created::New(created) = world.open().await.create(task.clone()).await.unwrap() else { panic!("new") };
    let rotated = world.open_with(&["b", "a"]).await;
    let answer = rotated.create(NewTask { id: Uuid::new_v4(), ..task }).await.unwrap();
    assert!(matches!(answer, Created::Existing { task, same_request: true } if task == created));
}

pub async fn rehash_leaves_nothing_under_the_older_key(world: &World) {
    let old = world.open().await;
    let request = world.task(Index { patient: Some(patient("010594Y9032")), ..identified("c-1") });
    let Created::New(first) = old.create(request.clone()).await.unwrap() else { panic!("new") };
    let second = world.update(&*old, &first, Index { attempts: 1, ..request.index.clone() }).await;
    let other = world.create(&*old, identified("c-2")).await;
    assert!(old.add_subscription(&super::subscribing::subscription(), 20).await.unwrap());
    assert_eq!(old.rehash(100).await.unwrap(), 0, "nothing is older");

    let rotated = world.open_with(&["b", "a"]).await;
    assert_eq!(rotated.rehash(2).await.unwrap(), 2);
    assert_eq!(rotated.rehash(100).await.unwrap(), 2);
    assert_eq!(rotated.rehash(100).await.unwrap(), 0);

    let new = world.open_with(&["b"]).await;
    assert_eq!(new.history(first.id, None, 10).await.unwrap(), [second.clone(), first]);
    assert_eq!(read(&*new, other.id).await, other);
    assert_eq!(new.subscriptions(None).await.unwrap(), [super::subscribing::subscription()]);
    let by_patient = Filter::Keyed { kind: Keyed::Patient, any: vec![(None, "010594Y9032".to_owned())], not: false };
    assert_eq!(found(&*new, &everything(vec![by_patient])).await, [second.id]);
    let repeat = NewTask { id: Uuid::new_v4(), ..request };
    assert!(matches!(new.create(repeat).await.unwrap(), Created::Existing { task, same_request: true } if task == second));
}

pub async fn a_row_in_another_s_place_does_not_open(world: &World) {
    let store = world.open().await;
    let (first, second) = (world.create(&*store, index()).await, world.create(&*store, index()).await);
    let swap = "UPDATE task_version SET body = (SELECT body FROM task_version WHERE seq = 2) WHERE seq = 1";
    assert_eq!(world.tamper(swap).await, 1);
    assert!(is_sealed(&store.read(first.id).await));
    assert_eq!(read(&*store, second.id).await, second);
    let page = store.search(&everything(Vec::new())).await.unwrap();
    assert_eq!((page.tasks, page.damaged), (vec![second], vec![first.id]), "the others are found, and it is not passed over in silence");
}
