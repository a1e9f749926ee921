//! One order of commits, whoever writes and whatever their clocks say.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{join, join_all};
use jiff::{Timestamp, ToSpan as _};
use neuvola_adapter::task::status::Status;
use neuvola_adapter::task::store::{Filter, Range, StoreError, Time};
use secrecy::ExposeSecret as _;
use sqlx::Executor as _;

use super::world::*;

pub async fn nobody_sees_a_number_before_every_lower_one(world: &World) {
    let stores = [world.open().await, world.open().await, world.open().await];
    let is_over = AtomicBool::new(false);
    let writers = join_all((0..8).map(|writer| {
        let store = &stores[writer % 2];
        async move {
            for _ in 0..8 {
                let task = world.create(&**store, index()).await;
                world.update(&**store, &task, owned(LAPUA, Status::Received)).await;
            }
        }
    }));
    let reader = async {
        let (mut seen, mut polled): (Vec<i64>, Vec<_>) = (Vec::new(), Vec::new());
        let mut last = Timestamp::MIN;
        loop {
            let ends = is_over.load(Ordering::SeqCst);
            let events = stores[2].events(seen.last().copied().unwrap_or(0), 1000).await.unwrap();
            let reached = stores[2].last_seq().await.unwrap();
            seen.extend(events.iter().map(|event| event.seq));
            assert!(seen.iter().copied().eq(1..=seen.len() as i64), "{seen:?}");
            assert!(reached >= seen.len() as i64);
            let page = stores[2].search(&since(last)).await.unwrap();
            if let Some(newest) = page.tasks.last() {
                last = newest.last_updated + 1.milliseconds();
            }
            polled.extend(page.tasks.into_iter().map(|task| (task.id, task.version)));
            if ends {
                return (seen, polled);
            }
        }
    };
    let (_, (seen, polled)) = join(
        async {
            writers.await;
            is_over.store(true, Ordering::SeqCst);
        },
        reader,
    )
    .await;
    assert_eq!(seen.len(), 128);
    let ends = polled.iter().filter(|(_, version)| *version == 2).count();
    assert_eq!(ends, 64, "the last version of each Task was polled, once");
}

pub async fn writers_wait_for_the_one_who_holds_the_ledger(world: &World) {
    let (store, reader) = (world.open().await, world.open().await);
    world.create(&*store, index()).await;
    let held = hold(world).await;
    let write = world.create(&*store, index());
    let meanwhile = async {
        for _ in 0..10 {
            assert_eq!(reader.last_seq().await.unwrap(), 1);
            assert_eq!(reader.events(0, 10).await.unwrap().len(), 1);
            assert_eq!(found(&*reader, &everything(Vec::new())).await.len(), 1);
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        held.commit().await;
    };
    let (later, ()) = join(write, meanwhile).await;
    assert_eq!(reader.last_seq().await.unwrap(), 3, "2 was the other's");
    assert!(later.last_updated.as_millisecond() > FAR, "and later than the other's, whose clock is ahead");
}

pub async fn who_waits_too_long_is_told_that_the_store_is_busy(world: &World) {
    let store = world.open().await;
    let held = hold(world).await;
    let waiting = tokio::time::timeout(Duration::from_secs(25), store.create(world.task(index()))).await;
    assert!(matches!(waiting, Ok(Err(StoreError::Busy(_)))));
    held.commit().await;
    world.create(&*store, index()).await;
    assert_eq!(store.last_seq().await.unwrap(), 2);
}

pub async fn last_updated_never_goes_back(world: &World) {
    let (one, other) = (world.open().await, world.open().await);
    let noon = at("2026-11-16T10:00:00Z");
    let mut last = Timestamp::MIN;
    for (store, clock) in [(&one, noon), (&other, noon), (&one, noon - 1.hours()), (&other, noon - 2.hours()), (&one, noon)] {
        world.set_now(clock);
        let created = world.create(&**store, index()).await;
        assert!(created.last_updated > last);
        world.set_now(clock - 1.hours());
        let changed = world.update(&**store, &created, index()).await;
        assert_eq!(changed.last_updated, created.last_updated + 1.milliseconds());
        last = changed.last_updated;
    }
    world.set_now(noon + 1.hours());
    assert_eq!(world.create(&*one, index()).await.last_updated, noon + 1.hours());
}

fn since(last: Timestamp) -> neuvola_adapter::task::store::Query {
    let from = (last > Timestamp::MIN).then_some(last);
    let mut query = everything(vec![Filter::Time { column: Time::LastUpdated, any: vec![Range { from, until: None, not: false }] }]);
    query.limit = 1000;
    query
}

/// A transaction of another adapter's, which has taken its number and is not committed.
enum Held {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

async fn hold(world: &World) -> Held {
    let take = "UPDATE ledger SET seq = seq + 1, last_updated = 4102444800000";
    match &world.home {
        Home::Sqlite(folder) => {
            let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", folder.file().display())).await.unwrap();
            let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
            transaction.execute(take).await.unwrap();
            Held::Sqlite(transaction)
        }
        Home::Postgres(url) => {
            let mut transaction = sqlx::PgPool::connect(url.expose_secret()).await.unwrap().begin().await.unwrap();
            transaction.execute(take).await.unwrap();
            Held::Postgres(transaction)
        }
        Home::Elsewhere => panic!("open it elsewhere"),
    }
}

impl Held {
    async fn commit(self) {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await.unwrap(),
            Self::Postgres(transaction) => transaction.commit().await.unwrap(),
        }
    }
}

/// The first of January 2100.
const FAR: i64 = 4_102_444_800_000;
