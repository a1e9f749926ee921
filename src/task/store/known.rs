//! Whether the keys given are those of the store: asked when it is opened, before anything is read or written, and again
//! whenever it is asked whether it is ready. A wrong key would let repeats in as new requests, and seal what no other opens.

use uuid::Uuid;

use super::row::{Payload, task_bound};
use super::seal::{Bound, Keys};
use super::sql::{Database, Sql, Work};
use super::tasks::lock;
use super::{Keyed, StoreError, WrongKeys, subscriptions, upkeep};
use crate::identity::Identifier;

/// Proves every key; one that was never here is remembered from now on.
pub(super) async fn open(db: &dyn Database) -> Result<(), StoreError> {
    let keys = db.keys();
    if check(&mut db.reading().await?, keys).await?.is_empty() {
        return Ok(());
    }
    let mut work = db.writing().await?;
    lock(&mut work).await?;
    for id in check(&mut work, keys).await? {
        opens_its_own(&mut work, keys, id).await?;
        let proof = keys.proof(id).unwrap_or_default();
        let sql = "INSERT INTO sealing_key (id, proof) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET proof = excluded.proof";
        work.run(Sql::new(sql, [id.into(), proof.into()])).await?;
    }
    work.commit().await
}

/// The ids of keys that the store has no proof of.
///
/// # Errors
/// [`WrongKeys`]
pub(super) async fn check<'k>(work: &mut Work, keys: &'k Keys) -> Result<Vec<&'k str>, StoreError> {
    let mut new: Vec<&str> = keys.ids().collect();
    for row in work.all(Sql::new("SELECT id, proof FROM sealing_key ORDER BY id", [])).await? {
        let id = row.text(0)?;
        if !keys.ids().any(|own| own == id) {
            needs(work, id).await?;
        } else if let Some(proof) = row.maybe_bytes(1)? {
            keys.prove(&id, &proof)?;
            new.retain(|own| *own != id);
        }
    }
    Ok(new)
}

/// A key that is not given: is there anything that needs it?
async fn needs(work: &mut Work, id: String) -> Result<(), StoreError> {
    for (table, purged) in [("task_version", false), ("subscription", false), ("tombstone_term", true)] {
        let sql = format!("SELECT 1 FROM {table} WHERE key_id = $1 LIMIT 1");
        if work.first(Sql::new(&sql, [(&id).into()])).await?.is_some() {
            return Err(if purged { WrongKeys::MissingForPurged(id) } else { WrongKeys::Missing(id) }.into());
        }
    }
    Ok(())
}

/// Where a row of either table is.
type Place = fn(Uuid, u64) -> Bound<'static>;

/// A key that was used before there were proofs opens what was sealed under its id. One damaged row says nothing yet.
async fn opens_its_own(work: &mut Work, keys: &Keys, id: &str) -> Result<(), StoreError> {
    let tasks = "SELECT t.id, v.version, v.body FROM task_version v JOIN task t ON t.serial = v.task WHERE v.key_id = $1 LIMIT 10";
    let subscribed = "SELECT id, version, body FROM subscription WHERE key_id = $1 LIMIT 10";
    let bounds: [(&str, Place); 2] = [(tasks, task_bound), (subscribed, subscriptions::bound)];
    let mut closed = false;
    for (sql, bound) in bounds {
        for row in work.all(Sql::new(sql, [id.into()])).await? {
            if keys.open(bound(row.uuid(0)?, row.count(1)?), id, row.bytes(2)?).is_ok() {
                return Ok(());
            }
            closed = true;
        }
    }
    if closed { Err(WrongKeys::Another(id.to_owned()).into()) } else { Ok(()) }
}

/// Seals and hashes what earlier versions of this program kept in clear. How many Tasks; damaged ones wait.
pub(super) async fn close_clear(db: &dyn Database) -> Result<u64, StoreError> {
    let keys = db.keys();
    let waiting = "SELECT task FROM clear LIMIT 1";
    if db.reading().await?.first(Sql::new(waiting, [])).await?.is_none() {
        return Ok(0);
    }
    let mut work = db.writing().await?;
    lock(&mut work).await?;
    let sql = "SELECT t.serial, t.id, t.version, v.seq, v.body, v.key_id FROM task t JOIN task_version v ON v.seq = t.seq \
        WHERE t.serial IN (SELECT task FROM clear)";
    let mut closed = 0;
    for row in work.all(Sql::new(sql, [])).await? {
        let (serial, id, version) = (row.int(0)?, row.uuid(1)?, row.count(2)?);
        let Ok(mut payload) = Payload::open(keys, id, version, &row.text(5)?, row.bytes(4)?) else { continue };
        for clear in work.all(Sql::new("SELECT kind, system, value FROM clear WHERE task = $1", [serial.into()])).await? {
            let kind = Keyed::from_code(&clear.text(0)?).ok_or(StoreError::Sealed)?;
            payload.terms.push((kind, Identifier { system: clear.text(1)?, value: clear.text(2)? }));
        }
        upkeep::seal_anew(&mut work, keys, row.int(3)?, serial, id, version, true, &payload).await?;
        work.run(Sql::new("DELETE FROM clear WHERE task = $1", [serial.into()])).await?;
        closed += 1;
    }
    work.commit().await?;
    Ok(closed)
}
