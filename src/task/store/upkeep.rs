//! What is done from time to time: purging what is long finished, and sealing anew under the current key.

use jiff::Timestamp;
use uuid::Uuid;

use super::row::{ASKED, Payload, TERM, asked_rows, insert, term_rows};
use super::seal::Keys;
use super::sql::{Database, Row, Sql, Value, Work};
use super::tasks::lock;
use super::{StoreError, subscriptions};

/// In one transaction.
pub(super) async fn purge(db: &dyn Database, before: Timestamp, now: Timestamp, most: u32) -> Result<u64, StoreError> {
    let most = most.min(MOST_AT_ONCE);
    let mut work = db.writing().await?;
    lock(&mut work).await?;
    let sql = "SELECT serial, id, requester, finished_at, owner, formerly FROM task WHERE finished_at < $1 ORDER BY finished_at LIMIT $2";
    let purged = work.all(Sql::new(sql, [before.into(), most.into()])).await?;
    let serials = purged.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()?;
    if !purged.is_empty() {
        let ids = purged.iter().map(|row| row.uuid(1)).collect::<Result<Vec<_>, _>>()?;
        let stone = |row: &Row| {
            let (requester, owner, formerly) = (row.text(2)?, row.text(4)?, row.text(5)?);
            Ok(vec![row.bytes(1)?.into(), requester.into(), row.int(3)?.into(), now.into(), owner.into(), formerly.into()])
        };
        let stones = purged.iter().map(stone).collect::<Result<_, StoreError>>()?;
        insert(&mut work, "tombstone", "id, requester, finished_at, purged_at, owner, formerly", stones, "").await?;
        let mut sql = Sql::new("INSERT INTO tombstone_term (hash, requester, id, key_id) ", []);
        sql.push("SELECT k.hash, t.requester, t.id, k.key_id FROM asked k JOIN task t ON t.serial = k.task ");
        sql.push("WHERE k.with_system = 1 AND k.task IN (").bind_all(serials.iter().copied()).push(")");
        work.run(sql).await?;
        let mut sql = Sql::new("DELETE FROM subscription_event WHERE seq IN (SELECT seq FROM event WHERE task IN (", []);
        work.run(sql.bind_all(ids.iter().copied()).push("))").take()).await?;
        let mut sql = Sql::new("DELETE FROM event WHERE task IN (", []);
        work.run(sql.bind_all(ids).push(")").take()).await?;
        for table in ["former", "listed", "term", "asked", "task_version", "task"] {
            let column = if table == "task" { "serial" } else { "task" };
            let mut sql = Sql::new(&format!("DELETE FROM {table} WHERE {column} IN ("), []);
            work.run(sql.bind_all(serials.iter().copied()).push(")").take()).await?;
        }
    }
    forget_events(&mut work, before, most).await?;
    work.commit().await?;
    Ok(serials.len() as u64)
}

/// Events that nobody waits for: older than `before`, looked at by every subscription that is not off, and delivered.
async fn forget_events(work: &mut Work, before: Timestamp, most: u32) -> Result<(), StoreError> {
    let sql = "SELECT e.seq FROM event e WHERE e.at < $1 \
        AND NOT EXISTS (SELECT 1 FROM subscription s WHERE s.status <> 'off' AND s.seen < e.seq) \
        AND NOT EXISTS (SELECT 1 FROM subscription_event m JOIN subscription s ON s.id = m.subscription \
            WHERE m.seq = e.seq AND m.number > s.delivered AND s.status <> 'off') \
        ORDER BY e.seq LIMIT $2";
    let rows = work.all(Sql::new(sql, [before.into(), most.into()])).await?;
    let seqs = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<_>, _>>()?;
    if !seqs.is_empty() {
        for table in ["subscription_event", "event"] {
            let mut sql = Sql::new(&format!("DELETE FROM {table} WHERE seq IN ("), []);
            work.run(sql.bind_all(seqs.iter().copied()).push(")").take()).await?;
        }
    }
    Ok(())
}

/// Tombstones keep their hashes: what they were made of is gone. So their key is needed until [`forget_older`].
pub(super) async fn rehash(db: &dyn Database, most: u32) -> Result<u64, StoreError> {
    let keys = db.keys();
    let older: Vec<&str> = keys.older().collect();
    if older.is_empty() {
        return Ok(0);
    }
    let most = most.min(MOST_AT_ONCE);
    let mut work = db.writing().await?;
    lock(&mut work).await?;
    let mut sql = Sql::new("SELECT v.seq, v.task, v.version, t.id, t.version, v.body, v.key_id FROM task_version v ", []);
    sql.push("JOIN task t ON t.serial = v.task WHERE v.key_id IN (").bind_all(older.iter().copied()).push(") LIMIT ").bind(most);
    let versions = work.all(sql).await?;
    for row in &versions {
        let (seq, serial, version, id) = (row.int(0)?, row.int(1)?, row.count(2)?, row.uuid(3)?);
        let payload = Payload::open(keys, id, version, &row.text(6)?, row.bytes(5)?)?;
        seal_anew(&mut work, keys, seq, serial, id, version, version == row.count(4)?, &payload).await?;
    }
    let left = most - u32::try_from(versions.len()).unwrap_or(most).min(most);
    let mut sql = Sql::new("SELECT id, version, body, key_id FROM subscription WHERE key_id IN (", []);
    sql.bind_all(older).push(") LIMIT ").bind(left);
    let subscriptions = work.all(sql).await?;
    for row in &subscriptions {
        let (id, version): (Uuid, u64) = (row.uuid(0)?, row.count(1)?);
        let open = keys.open(subscriptions::bound(id, version), &row.text(3)?, row.bytes(2)?)?;
        let sealed: Value = keys.seal(subscriptions::bound(id, version), open)?.into();
        let values = [sealed, keys.current().into(), id.into()];
        work.run(Sql::new("UPDATE subscription SET body = $1, key_id = $2 WHERE id = $3", values)).await?;
    }
    work.commit().await?;
    Ok((versions.len() + subscriptions.len()) as u64)
}

/// A version, and all that is hashed of it, under the current key.
#[allow(clippy::too_many_arguments, reason = "one row's columns")]
pub(super) async fn seal_anew(
    work: &mut Work,
    keys: &Keys,
    seq: i64,
    serial: i64,
    id: Uuid,
    version: u64,
    is_present: bool,
    payload: &Payload,
) -> Result<(), StoreError> {
    let values = [payload.seal(keys, id, version)?.into(), keys.current().into(), seq.into()];
    work.run(Sql::new("UPDATE task_version SET body = $1, key_id = $2 WHERE seq = $3", values)).await?;
    if let Some(request) = payload.request {
        let values = [keys.request(&request).into(), keys.current().into(), serial.into()];
        work.run(Sql::new("UPDATE task SET request_hash = $1, request_key = $2 WHERE serial = $3", values)).await?;
        work.run(Sql::new("DELETE FROM asked WHERE task = $1", [serial.into()])).await?;
        insert(work, "asked", ASKED, asked_rows(keys, serial, &payload.terms), "").await?;
    }
    if is_present {
        work.run(Sql::new("DELETE FROM term WHERE task = $1", [serial.into()])).await?;
        insert(work, "term", TERM, term_rows(keys, serial, &payload.terms), "").await?;
    }
    Ok(())
}

/// Forgets what older keys hashed of purged Tasks: what is asked for again under such an identifier is new. How many hashes.
pub(super) async fn forget_older(db: &dyn Database) -> Result<u64, StoreError> {
    let older: Vec<&str> = db.keys().older().collect();
    if older.is_empty() {
        return Ok(0);
    }
    let mut work = db.writing().await?;
    lock(&mut work).await?;
    let mut sql = Sql::new("DELETE FROM tombstone_term WHERE key_id IN (", []);
    let forgotten = work.run(sql.bind_all(older).push(")").take()).await?;
    work.commit().await?;
    Ok(forgotten)
}

/// So that whoever waits for the ledger waits shortly.
const MOST_AT_ONCE: u32 = 1000;
