//! Keys that are not those of the store, and what only the requester's own words decide.

use neuvola_adapter::task::status::Status;
use neuvola_adapter::task::store::{Created, Filter, Index, Keyed, Keys, NewTask, StoreError, TaskStore, WrongKeys};
use secrecy::SecretBox;
use std::sync::Arc;
use uuid::Uuid;

use super::world::*;

pub async fn a_key_file_that_was_exchanged_opens_nothing(world: &World) {
    let request = world.task(identified("c-1"));
    let Created::New(created) = world.open().await.create(request.clone()).await.unwrap() else { panic!("new") };
    for wrong in [exchanged("a"), with_exchanged("b", "a")] {
        let fault = refused(world.try_open(wrong).await);
        assert!(matches!(&fault, StoreError::Keys(WrongKeys::Another(id)) if id == "a"), "{fault}");
        assert_eq!(fault.exit_code(), 78);
        assert!(fault.to_string().contains("`a`"), "{fault}");
    }
    let again = world.open().await;
    assert_eq!(read(&*again, created.id).await, created, "nothing was lost of it");
    let repeat = NewTask { id: Uuid::new_v4(), ..request };
    assert!(matches!(again.create(repeat).await.unwrap(), Created::Existing { same_request: true, .. }));
}

pub async fn a_key_that_is_needed_and_not_configured_opens_nothing(world: &World) {
    world.create(&*world.open().await, identified("c-1")).await;
    let fault = refused(world.try_open(keys(&["c"])).await);
    assert!(matches!(&fault, StoreError::Keys(WrongKeys::Missing(id)) if id == "a"), "{fault}");
    assert!(fault.to_string().contains("rehash"), "{fault}");
    let rotated = world.open_with(&["b", "a"]).await;
    assert_eq!(rotated.rehash(100).await.unwrap(), 1);
    world.open_with(&["b"]).await.ready().await.unwrap();
    world.open_with(&["c", "b"]).await;
}

pub async fn a_key_that_only_purged_tasks_need_is_needed_until_they_are_forgotten(world: &World) {
    let old = world.open().await;
    let request = world.task(Index { status: Status::Completed, ..identified("c-1") });
    let Created::New(task) = old.create(request.clone()).await.unwrap() else { panic!("new") };
    assert_eq!(old.purge(world.now(), world.now(), 10).await.unwrap(), 1);
    let fault = refused(world.try_open(keys(&["b"])).await);
    assert!(matches!(&fault, StoreError::Keys(WrongKeys::MissingForPurged(id)) if id == "a"), "{fault}");
    let rotated = world.open_with(&["b", "a"]).await;
    assert_eq!(rotated.rehash(10).await.unwrap(), 0);
    let repeat = || NewTask { id: Uuid::new_v4(), ..request.clone() };
    assert!(matches!(rotated.create(repeat()).await.unwrap(), Created::Purged(id) if id == task.id));
    assert_eq!(rotated.forget_older().await.unwrap(), 1);
    assert!(matches!(world.open_with(&["b"]).await.create(repeat()).await.unwrap(), Created::New(_)));
}

pub async fn keys_from_before_there_were_proofs_are_proven_by_what_they_sealed(world: &World) {
    let created = world.create(&*world.open().await, index()).await;
    assert_eq!(world.tamper("UPDATE sealing_key SET proof = NULL").await, 1);
    let fault = refused(world.try_open(exchanged("a")).await);
    assert!(matches!(&fault, StoreError::Keys(WrongKeys::Another(id)) if id == "a"), "{fault}");
    let fault = refused(world.try_open(keys(&["b"])).await);
    assert!(matches!(&fault, StoreError::Keys(WrongKeys::Missing(id)) if id == "a"), "{fault}");
    assert_eq!(read(&*world.open().await, created.id).await, created);
    assert_eq!(world.tamper("UPDATE sealing_key SET id = id WHERE proof IS NOT NULL").await, 1, "known from now on");
}

pub async fn an_adapter_that_lacks_another_s_new_key_is_not_ready(world: &World) {
    let old = world.open().await;
    old.ready().await.unwrap();
    let new = world.open_with(&["b", "a"]).await;
    old.ready().await.unwrap();
    world.create(&*new, index()).await;
    let fault = old.ready().await.unwrap_err();
    assert!(matches!(&fault, StoreError::Keys(WrongKeys::Missing(id)) if id == "b"), "{fault}");
    new.ready().await.unwrap();
}

pub async fn an_identifier_that_an_owner_adds_occupies_nothing(world: &World) {
    let store = world.open().await;
    let first = world.create(&*store, identified("c-1")).await;
    let guessed = Index { identifiers: vec![identifier("c-1"), identifier("c-2")], ..owned(LAPUA, Status::Accepted) };
    let first = world.update(&*store, &first, guessed.clone()).await;
    let asked = |value: &str| everything(vec![Filter::Asked { system: Some(identifier("").system), value: value.to_owned() }]);
    let has = |value: &str| everything(vec![Filter::Keyed { kind: Keyed::Identifier, any: vec![(None, value.to_owned())], not: false }]);
    assert_eq!(found(&*store, &asked("c-2")).await, NOBODY);
    assert_eq!(found(&*store, &has("c-2")).await, [first.id], "a search finds all");

    let rotated = world.open_with(&["b", "a"]).await;
    rotated.rehash(100).await.unwrap();
    let second = world.create(&*rotated, identified("c-2")).await;
    assert_eq!(found(&*rotated, &asked("c-1")).await, [first.id]);
    assert_eq!(found(&*rotated, &asked("c-2")).await, [second.id]);
    assert_eq!(found(&*rotated, &has("c-2")).await, [first.id, second.id]);

    let third = Index { identifiers: vec![identifier("c-1"), identifier("c-3")], ..owned(LAPUA, Status::Completed) };
    world.update(&*rotated, &first, third).await;
    assert_eq!(rotated.purge(world.now(), world.now(), 10).await.unwrap(), 1);
    assert!(matches!(rotated.create(world.task(identified("c-1"))).await.unwrap(), Created::Purged(id) if id == first.id));
    assert!(matches!(rotated.create(world.task(identified("c-3"))).await.unwrap(), Created::New(_)), "nor after it is purged");
}

pub async fn what_stood_in_clear_is_sealed_when_it_is_opened_again(world: &World) {
    let task = world.create(&*world.open().await, Index { patient: Some(patient("010594Y9032")), ..index() }).await;
    let before = "INSERT INTO clear (task, kind, system, value) VALUES (1, 'focus', '', 'CarePlan/1'), (1, 'tag', 'urn:t', 'x')";
    assert_eq!(world.tamper(before).await, 2);
    let rotated = world.open_with(&["b", "a"]).await;
    assert_eq!(world.tamper("DELETE FROM clear").await, 0);
    for keys in [&["b", "a"][..], &["c", "b"]] {
        rotated.rehash(100).await.unwrap();
        let store = world.open_with(keys).await;
        store.rehash(100).await.unwrap();
        for (kind, value) in [(Keyed::Focus, "CarePlan/1"), (Keyed::Tag, "x"), (Keyed::Patient, "010594Y9032")] {
            let by = Filter::Keyed { kind, any: vec![(None, value.to_owned())], not: false };
            assert_eq!(found(&*store, &everything(vec![by])).await, [task.id], "{kind:?} under {keys:?}");
        }
    }
}

fn refused(opened: Result<Arc<dyn TaskStore>, StoreError>) -> StoreError {
    opened.err().expect("it does not open")
}

/// The same id, another file.
fn exchanged(id: &str) -> Keys {
    Keys::new(vec![(id.to_owned(), SecretBox::new(Box::new([1; 32])))]).unwrap()
}

fn with_exchanged(first: &str, id: &str) -> Keys {
    Keys::new(vec![(first.to_owned(), SecretBox::new(Box::new([2; 32]))), (id.to_owned(), SecretBox::new(Box::new([1; 32])))]).unwrap()
}
