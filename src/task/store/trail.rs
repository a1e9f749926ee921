//! What became of a Task and who was told: for operators.

use jiff::Timestamp;
use uuid::Uuid;

use super::row::words;
use super::sql::{Database, Row, Sql, Work};
use super::{Author, Notified, Step, StoreError, Tombstone};

pub(super) async fn trail(db: &dyn Database, id: Uuid) -> Result<Vec<Step>, StoreError> {
    let mut work = db.reading().await?;
    let sql = "SELECT v.version, v.last_updated, v.caller, v.request_id FROM task t JOIN task_version v ON v.task = t.serial \
               WHERE t.id = $1 ORDER BY v.version";
    let mut rows = work.all(Sql::new(sql, [id.into()])).await?;
    if rows.is_empty() {
        // the audit has no index by Task: this is asked rarely, and every commit would pay for it
        let sql = "SELECT version, at, caller, request_id FROM audit WHERE task = $1 ORDER BY seq";
        rows = work.all(Sql::new(sql, [id.into()])).await?;
    }
    rows.iter().map(step).collect()
}

pub(super) async fn tombstone(db: &dyn Database, id: Uuid) -> Result<Option<Tombstone>, StoreError> {
    stone(&mut db.reading().await?, id).await
}

pub(super) async fn stone(work: &mut Work, id: Uuid) -> Result<Option<Tombstone>, StoreError> {
    let sql = "SELECT requester, finished_at, purged_at, owner, formerly FROM tombstone WHERE id = $1";
    let Some(row) = work.first(Sql::new(sql, [id.into()])).await? else { return Ok(None) };
    let owners = [words(&row.text(3)?), words(&row.text(4)?)].concat();
    Ok(Some(Tombstone { requester: row.text(0)?, owners, finished_at: row.time(1)?, purged_at: row.maybe_time(2)? }))
}

pub(super) async fn notified(db: &dyn Database, id: Uuid) -> Result<Vec<Notified>, StoreError> {
    let sql = "SELECT m.subscription, m.number, e.version FROM event e JOIN subscription_event m ON m.seq = e.seq \
               WHERE e.task = $1 ORDER BY m.subscription, m.number";
    let one = |row: &Row| Ok(Notified { subscription: row.uuid(0)?, number: row.count(1)?, version: row.count(2)? });
    db.reading().await?.all(Sql::new(sql, [id.into()])).await?.iter().map(one).collect()
}

pub(super) async fn held(db: &dyn Database) -> Result<Vec<(Uuid, Option<Timestamp>)>, StoreError> {
    let sql = Sql::new("SELECT id, held_until FROM subscription ORDER BY id", []);
    db.reading().await?.all(sql).await?.iter().map(|row| Ok((row.uuid(0)?, row.maybe_time(1)?))).collect()
}

fn step(row: &Row) -> Result<Step, StoreError> {
    Ok(Step { version: row.count(0)?, at: row.time(1)?, by: Author { caller: row.text(2)?, request_id: row.text(3)? } })
}
