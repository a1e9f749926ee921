//! The port over any database that holds the tables: what both have in common, which is nearly all.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use super::row::{EVENT, event};
use super::sql::{Database, Sql, broken};
use super::{
    Change, Changed, Created, Event, Found, NewTask, Notified, Page, Progress, Query, Step, StoreError, Stored, Subscribed, Tally,
    TaskStore, Tombstone, Waiting, counts, known, search, subscriptions, tasks, trail, upkeep,
};

#[async_trait]
impl<D: Database> TaskStore for D {
    async fn create(&self, task: NewTask) -> Result<Created, StoreError> {
        tasks::create(self, task).await
    }

    async fn read(&self, id: Uuid) -> Result<Found, StoreError> {
        tasks::read(self, id).await
    }

    async fn version(&self, id: Uuid, version: u64) -> Result<Option<Stored>, StoreError> {
        tasks::version(self, id, version).await
    }

    async fn history(&self, id: Uuid, before: Option<u64>, limit: u32) -> Result<Vec<Stored>, StoreError> {
        tasks::history(self, id, before, limit).await
    }

    async fn change(&self, change: Change) -> Result<Changed, StoreError> {
        tasks::change(self, change).await
    }

    async fn search(&self, query: &Query) -> Result<Page, StoreError> {
        search::search(self, query).await
    }

    async fn count(&self, query: &Query) -> Result<u64, StoreError> {
        search::count(self, query).await
    }

    async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let sql = format!("SELECT {EVENT} FROM event e WHERE e.seq > $1 ORDER BY e.seq LIMIT $2");
        let rows = self.reading().await?.all(Sql::new(&sql, [after.into(), limit.into()])).await?;
        rows.iter().map(|row| event(row, 0)).collect()
    }

    async fn last_seq(&self) -> Result<i64, StoreError> {
        let row = self.reading().await?.first(Sql::new("SELECT seq FROM ledger", [])).await?;
        row.ok_or_else(|| broken("the ledger"))?.int(0)
    }

    async fn add_subscription(&self, subscription: &Subscribed, most: u32) -> Result<bool, StoreError> {
        subscriptions::add(self, subscription, most).await
    }

    async fn change_subscription(&self, subscription: &Subscribed, from: u64) -> Result<bool, StoreError> {
        subscriptions::change(self, subscription, from).await
    }

    async fn subscription(&self, id: Uuid) -> Result<Option<Subscribed>, StoreError> {
        subscriptions::read(self, id).await
    }

    async fn subscriptions(&self, caller: Option<&str>) -> Result<Vec<Subscribed>, StoreError> {
        subscriptions::all(self, caller).await
    }

    async fn delete_subscription(&self, id: Uuid) -> Result<bool, StoreError> {
        subscriptions::delete(self, id).await
    }

    async fn lease(&self, holder: Uuid, now: Timestamp, until: Timestamp) -> Result<Vec<Subscribed>, StoreError> {
        subscriptions::lease(self, holder, now, until).await
    }

    async fn advance(&self, holder: Uuid, id: Uuid, status: &str, progress: &Progress, matched: &[(u64, i64)]) -> Result<bool, StoreError> {
        subscriptions::advance(self, holder, id, status, progress, matched).await
    }

    async fn matched(&self, id: Uuid, from: u64, until: u64, limit: u32) -> Result<Vec<(u64, Event)>, StoreError> {
        subscriptions::matched(self, id, from, until, limit).await
    }

    async fn trail(&self, id: Uuid) -> Result<Vec<Step>, StoreError> {
        trail::trail(self, id).await
    }

    async fn tombstone(&self, id: Uuid) -> Result<Option<Tombstone>, StoreError> {
        trail::tombstone(self, id).await
    }

    async fn notified(&self, id: Uuid) -> Result<Vec<Notified>, StoreError> {
        trail::notified(self, id).await
    }

    async fn held(&self) -> Result<Vec<(Uuid, Option<Timestamp>)>, StoreError> {
        trail::held(self).await
    }

    async fn waiting(&self, now: Timestamp) -> Result<Vec<Waiting>, StoreError> {
        counts::waiting(self, now).await
    }

    async fn tallies(&self, from: jiff::civil::Date, until: jiff::civil::Date) -> Result<Vec<Tally>, StoreError> {
        counts::tallies(self, from, until).await
    }

    async fn purge(&self, before: Timestamp, now: Timestamp, most: u32) -> Result<u64, StoreError> {
        upkeep::purge(self, before, now, most).await
    }

    async fn rehash(&self, most: u32) -> Result<u64, StoreError> {
        upkeep::rehash(self, most).await
    }

    async fn forget_older(&self) -> Result<u64, StoreError> {
        upkeep::forget_older(self).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.last_seq().await?;
        known::check(&mut self.reading().await?, self.keys()).await.map(|_| ())
    }
}
