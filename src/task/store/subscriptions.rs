//! Subscriptions, who delivers for them, and how far that is.

use jiff::Timestamp;
use uuid::Uuid;

use super::row::{EVENT, event, insert};
use super::seal::{Bound, Keys};
use super::sql::{Database, Row, Sql, Value, broken};
use super::tasks::lock;
use super::{Event, Progress, StoreError, Subscribed};

const COLUMNS: &str = "id, version, last_updated, caller, status, body, key_id, \
    seen, matched, delivered, failures, next_try, last_delivery, error";

/// Under the ledger's lock: whoever counts sees what others have added.
pub(super) async fn add(db: &dyn Database, subscription: &Subscribed, most: u32) -> Result<bool, StoreError> {
    let values = values(subscription, db.keys())?;
    let mut work = db.writing().await?;
    lock(&mut work).await?;
    let count = work.first(Sql::new("SELECT COUNT(*) FROM subscription WHERE caller = $1", [(&subscription.caller).into()])).await?;
    if count.ok_or_else(|| broken("a count"))?.count(0)? >= u64::from(most) {
        work.forget().await?;
        return Ok(false);
    }
    let mut sql = Sql::new(&format!("INSERT INTO subscription ({COLUMNS}) VALUES ("), []);
    sql.bind_all(values).push(") ON CONFLICT (id) DO NOTHING");
    let rows = work.run(sql).await?;
    work.commit().await?;
    Ok(rows == 1)
}

/// It loses its holder, so that nobody goes on with what it was; what is counted never goes back.
pub(super) async fn change(db: &dyn Database, subscription: &Subscribed, from: u64) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE subscription SET ", []);
    for (at, (column, value)) in COLUMNS.split(", ").zip(values(subscription, db.keys())?).enumerate() {
        sql.push(if at > 0 { ", " } else { "" }).push(column).push(" = ");
        if ["seen", "matched", "delivered"].contains(&column) {
            sql.push("CASE WHEN ").push(column).push(" > ").bind(value.clone()).push(" THEN ").push(column);
            sql.push(" ELSE ").bind(value).push(" END");
        } else {
            sql.bind(value);
        }
    }
    sql.push(", holder = NULL, held_until = NULL WHERE id = ").bind(subscription.id).push(" AND version = ").bind(from);
    let mut work = db.writing().await?;
    let rows = work.run(sql).await?;
    work.commit().await?;
    Ok(rows == 1)
}

/// In the order of [`COLUMNS`].
fn values(subscription: &Subscribed, keys: &Keys) -> Result<Vec<Value>, StoreError> {
    let Subscribed { id, version, last_updated, caller, status, body, progress } = subscription;
    let sealed = keys.seal(bound(*id, *version), body.clone())?;
    let mut values: Vec<Value> =
        vec![(*id).into(), (*version).into(), (*last_updated).into(), caller.into(), status.into(), sealed.into(), keys.current().into()];
    values.extend(progress_values(progress));
    Ok(values)
}

pub(super) async fn read(db: &dyn Database, id: Uuid) -> Result<Option<Subscribed>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM subscription WHERE id = $1");
    let row = db.reading().await?.first(Sql::new(&sql, [id.into()])).await?;
    row.map(|row| subscribed(&row, db.keys())).transpose()
}

pub(super) async fn all(db: &dyn Database, caller: Option<&str>) -> Result<Vec<Subscribed>, StoreError> {
    let mut sql = Sql::new(&format!("SELECT {COLUMNS} FROM subscription"), []);
    if let Some(caller) = caller {
        sql.push(" WHERE caller = ").bind(caller);
    }
    sql.push(" ORDER BY id");
    db.reading().await?.all(sql).await?.iter().map(|row| subscribed(row, db.keys())).collect()
}

pub(super) async fn delete(db: &dyn Database, id: Uuid) -> Result<bool, StoreError> {
    let mut work = db.writing().await?;
    let rows = work.run(Sql::new("DELETE FROM subscription WHERE id = $1", [id.into()])).await?;
    work.run(Sql::new("DELETE FROM subscription_event WHERE subscription = $1", [id.into()])).await?;
    work.commit().await?;
    Ok(rows == 1)
}

pub(super) async fn lease(db: &dyn Database, holder: Uuid, now: Timestamp, until: Timestamp) -> Result<Vec<Subscribed>, StoreError> {
    let sql = format!(
        "UPDATE subscription SET holder = $1, held_until = $3 WHERE holder IS NULL OR holder = $1 OR held_until <= $2 RETURNING {COLUMNS}"
    );
    let mut work = db.writing().await?;
    lock(&mut work).await?; // two that take several in different orders would wait for each other
    let rows = work.all(Sql::new(&sql, [holder.into(), now.into(), until.into()])).await?;
    let mut taken = rows.iter().map(|row| subscribed(row, db.keys())).collect::<Result<Vec<_>, _>>()?;
    work.commit().await?;
    taken.sort_by_key(|subscription| subscription.id);
    Ok(taken)
}

pub(super) async fn advance(
    db: &dyn Database,
    holder: Uuid,
    id: Uuid,
    status: &str,
    progress: &Progress,
    matched: &[(u64, i64)],
) -> Result<bool, StoreError> {
    let mut sql = Sql::new("UPDATE subscription SET status = ", []);
    sql.bind(status);
    for (column, value) in COLUMNS.split(", ").skip(BEFORE_PROGRESS).zip(progress_values(progress)) {
        sql.push(", ").push(column).push(" = ").bind(value);
    }
    sql.push(" WHERE id = ").bind(id).push(" AND holder = ").bind(holder);
    let mut work = db.writing().await?;
    if work.run(sql).await? == 0 {
        work.forget().await?;
        return Ok(false);
    }
    let rows = matched.iter().map(|(number, seq)| vec![id.into(), (*number).into(), (*seq).into()]).collect();
    insert(&mut work, "subscription_event", "subscription, number, seq", rows, "").await?;
    work.commit().await?;
    Ok(true)
}

pub(super) async fn matched(db: &dyn Database, id: Uuid, from: u64, until: u64, limit: u32) -> Result<Vec<(u64, Event)>, StoreError> {
    let sql = format!(
        "SELECT m.number, {EVENT} FROM subscription_event m JOIN event e ON e.seq = m.seq \
         WHERE m.subscription = $1 AND m.number >= $2 AND m.number <= $3 ORDER BY m.number LIMIT $4"
    );
    let sql = Sql::new(&sql, [id.into(), from.into(), until.into(), limit.into()]);
    db.reading().await?.all(sql).await?.iter().map(|row| Ok((row.count(0)?, event(row, 1)?))).collect()
}

pub(super) const fn bound(id: Uuid, version: u64) -> Bound<'static> {
    Bound { table: "subscription", id, version }
}

/// `id` to `key_id`.
const BEFORE_PROGRESS: usize = 7;

fn progress_values(progress: &Progress) -> [Value; 7] {
    [
        progress.seen.into(),
        progress.matched.into(),
        progress.delivered.into(),
        progress.failures.into(),
        progress.next_try.into(),
        progress.last_delivery.into(),
        (&progress.error).into(),
    ]
}

fn subscribed(row: &Row, keys: &Keys) -> Result<Subscribed, StoreError> {
    let (id, version) = (row.uuid(0)?, row.count(1)?);
    Ok(Subscribed {
        id,
        version,
        last_updated: row.time(2)?,
        caller: row.text(3)?,
        status: row.text(4)?,
        body: keys.open(bound(id, version), &row.text(6)?, row.bytes(5)?)?,
        progress: Progress {
            seen: row.int(7)?,
            matched: row.count(8)?,
            delivered: row.count(9)?,
            failures: u32::try_from(row.int(10)?).unwrap_or(u32::MAX),
            next_try: row.maybe_time(11)?,
            last_delivery: row.maybe_time(12)?,
            error: row.maybe_text(13)?,
        },
    })
}
