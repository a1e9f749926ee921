//! Creating, reading and changing Tasks. Whoever writes holds the ledger's row until the commit: checks made in between hold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::row::{self, ASKED, Payload, STORED, TERM, index_columns, insert, stored};
use super::seal::Keys;
use super::sql::{Database, Row, Sql, Value, Work, broken};
use super::{Author, Change, Changed, Created, Found, Index, Keyed, Moment, NewTask, Scope, StoreError, Stored, trail};
use crate::task::calendar::HELSINKI;
use crate::task::status::Status::{Completed, Rejected};

/// What a commit is numbered with.
#[derive(Clone, Copy)]
pub(super) struct Tick {
    pub seq: i64,
    pub at: Timestamp,
}

pub(super) async fn create(db: &dyn Database, task: NewTask) -> Result<Created, StoreError> {
    let keys = db.keys();
    let mut work = db.writing().await?;
    let tick = tick(&mut work, task.now, 1).await?;
    if let Some(earlier) = earlier(&mut work, keys, &task).await? {
        work.forget().await?;
        return Ok(earlier);
    }
    let scope =
        Scope { status: task.index.status, owner: task.index.owner.clone(), requester: task.index.requester.clone(), formerly: Vec::new() };
    let stored = Stored { id: task.id, version: 1, last_updated: tick.at, body: task.body.clone(), scope };
    insert_new(&mut work, keys, vec![(tick, task)]).await?;
    work.commit().await?;
    Ok(Created::New(stored))
}

/// Many at once, in one transaction, without looking whether any was asked for before.
pub(super) async fn fill(db: &dyn Database, tasks: Vec<NewTask>) -> Result<(), StoreError> {
    let Some(now) = tasks.iter().map(|task| task.now).max() else { return Ok(()) };
    let mut work = db.writing().await?;
    let count = i64::try_from(tasks.len()).map_err(|_| broken("too many"))?;
    let last = tick(&mut work, now, count).await?;
    let numbered = tasks.into_iter().zip(1 - count..=0).map(|(task, back)| {
        let at = Timestamp::from_millisecond(last.at.as_millisecond() + back).unwrap_or(last.at);
        (Tick { seq: last.seq + back, at }, task)
    });
    insert_new(&mut work, db.keys(), numbered.collect()).await?;
    work.commit().await
}

pub(super) async fn read(db: &dyn Database, id: Uuid) -> Result<Found, StoreError> {
    let mut work = db.reading().await?;
    let sql = format!("SELECT {STORED} FROM task t JOIN task_version v ON v.seq = t.seq WHERE t.id = $1");
    if let Some(row) = work.first(Sql::new(&sql, [id.into()])).await? {
        return stored(&row, db.keys()).map(Found::Task);
    }
    Ok(trail::stone(&mut work, id).await?.map_or(Found::Nothing, Found::Purged))
}

pub(super) async fn version(db: &dyn Database, id: Uuid, version: u64) -> Result<Option<Stored>, StoreError> {
    let sql = format!("SELECT {STORED} FROM task t JOIN task_version v ON v.task = t.serial WHERE t.id = $1 AND v.version = $2");
    let row = db.reading().await?.first(Sql::new(&sql, [id.into(), version.into()])).await?;
    row.map(|row| stored(&row, db.keys())).transpose()
}

pub(super) async fn history(db: &dyn Database, id: Uuid, before: Option<u64>, limit: u32) -> Result<Vec<Stored>, StoreError> {
    let sql = format!(
        "SELECT {STORED} FROM task t JOIN task_version v ON v.task = t.serial WHERE t.id = $1 AND v.version < $2 \
         ORDER BY v.version DESC LIMIT $3"
    );
    let sql = Sql::new(&sql, [id.into(), before.unwrap_or(u64::MAX).into(), limit.into()]);
    db.reading().await?.all(sql).await?.iter().map(|row| stored(row, db.keys())).collect()
}

pub(super) async fn change(db: &dyn Database, change: Change) -> Result<Changed, StoreError> {
    let keys = db.keys();
    let mut work = db.writing().await?;
    let tick = tick(&mut work, change.now, 1).await?;
    let Some(before) = Before::read(&mut work, change.id).await? else {
        work.forget().await?;
        return Ok(Changed::Gone);
    };
    if before.version != change.from {
        work.forget().await?;
        return Ok(Changed::Stale(before.version));
    }
    let Change { id, from, body, index, by, .. } = change;
    let (serial, version) = (before.serial, from + 1);
    let formerly = before.formers(&index.owner);

    let finished_at = index.status.is_finished().then(|| before.finished_at.unwrap_or(tick.at));
    let first_attempt_at = before.first_attempt_at.or((index.attempts > 0).then_some(tick.at));
    let mut columns = index_columns(&index);
    columns.extend([
        ("version", version.into()),
        ("seq", tick.seq.into()),
        ("last_updated", tick.at.into()),
        ("formerly", formerly.join(" ").into()),
        ("finished_at", finished_at.into()),
        ("first_attempt_at", first_attempt_at.into()),
    ]);
    let mut sql = Sql::new("UPDATE task SET ", []);
    for (at, (name, value)) in columns.into_iter().enumerate() {
        sql.push(if at > 0 { ", " } else { "" }).push(name).push(" = ").bind(value);
    }
    sql.push(" WHERE serial = ").bind(serial);
    work.run(sql).await?;

    for table in ["former", "listed", "term"] {
        work.run(Sql::new(&format!("DELETE FROM {table} WHERE task = $1"), [serial.into()])).await?;
    }
    let terms = row::terms(&index);
    let payload = Payload { request: None, terms, body };
    let mut rows = Rows::default();
    rows.version(keys, tick, serial, id, version, &index, &formerly, &payload, &by)?;
    rows.happened(tick, id, version, Some(&before.moment), &index, &formerly, &by);
    rows.count(tick.at, &index, before.tallies(&index));
    rows.insert(&mut work).await?;
    work.commit().await?;

    let scope = Scope { status: index.status, owner: index.owner, requester: index.requester, formerly };
    Ok(Changed::Done(Stored { id, version, last_updated: tick.at, body: payload.body, scope }))
}

/// Takes the ledger's row, and its next numbers: the last of `count`.
pub(super) async fn tick(work: &mut Work, now: Timestamp, count: i64) -> Result<Tick, StoreError> {
    let sql = "UPDATE ledger SET seq = seq + $2, \
               last_updated = CASE WHEN last_updated + 1 > $1 THEN last_updated ELSE $1 - 1 END + $2 RETURNING seq, last_updated";
    let row = work.first(Sql::new(sql, [now.into(), count.into()])).await?.ok_or_else(|| broken("the ledger"))?;
    Ok(Tick { seq: row.int(0)?, at: row.time(1)? })
}

/// Takes the ledger's row, and no number.
pub(super) async fn lock(work: &mut Work) -> Result<(), StoreError> {
    work.run(Sql::new("UPDATE ledger SET seq = seq", [])).await.map(|_| ())
}

/// What this requester asked for under one of these identifiers.
async fn earlier(work: &mut Work, keys: &Keys, task: &NewTask) -> Result<Option<Created>, StoreError> {
    let terms = task.index.identifiers.iter().flat_map(|it| keys.terms(Keyed::Identifier, Some(&it.system), &it.value));
    let terms: Vec<_> = terms.collect();
    if terms.is_empty() {
        return Ok(None);
    }
    let mut sql = Sql::new(&format!("SELECT {STORED}, t.request_hash, t.request_key FROM asked k "), []);
    sql.push("JOIN task t ON t.serial = k.task JOIN task_version v ON v.seq = t.seq WHERE t.requester = ");
    sql.bind(&task.index.requester).push(" AND k.hash IN (").bind_all(terms.clone()).push(") ORDER BY t.serial LIMIT 1");
    if let Some(row) = work.first(sql).await? {
        let (hash, key) = (row.bytes(row::STORED_COLUMNS)?, row.text(row::STORED_COLUMNS + 1)?);
        let same_request = keys.is_request(&task.request, &key, &hash)?;
        return Ok(Some(Created::Existing { task: stored(&row, keys)?, same_request }));
    }
    let mut sql = Sql::new("SELECT id FROM tombstone_term WHERE requester = ", []);
    sql.bind(&task.index.requester).push(" AND hash IN (").bind_all(terms).push(") LIMIT 1");
    work.first(sql).await?.map(|row| row.uuid(0).map(Created::Purged)).transpose()
}

async fn insert_new(work: &mut Work, keys: &Keys, tasks: Vec<(Tick, NewTask)>) -> Result<(), StoreError> {
    let mut rows = Rows::default();
    for (tick, NewTask { id, body, index, request, by, .. }) in tasks {
        let finished_at = index.status.is_finished().then_some(tick.at);
        let mut columns = index_columns(&index);
        columns.extend([
            ("serial", tick.seq.into()),
            ("id", id.into()),
            ("version", 1_i64.into()),
            ("seq", tick.seq.into()),
            ("last_updated", tick.at.into()),
            ("first_attempt_at", (index.attempts > 0).then_some(tick.at).into()),
            ("finished_at", finished_at.into()),
            ("formerly", "".into()),
            ("request_hash", keys.request(&request).into()),
            ("request_key", keys.current().into()),
        ]);
        let (names, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        rows.task_columns = names.join(", ");
        rows.task.push(values);
        let payload = Payload { request: Some(request), terms: row::terms(&index), body };
        rows.version(keys, tick, tick.seq, id, 1, &index, &[], &payload, &by)?;
        rows.asked.extend(row::asked_rows(keys, tick.seq, &payload.terms));
        rows.happened(tick, id, 1, None, &index, &[], &by);
        rows.count(tick.at, &index, [true, index.attempts > 0, index.status == Completed, index.status == Rejected]);
    }
    rows.insert(work).await
}

/// Rows of one commit, by table.
#[derive(Default)]
struct Rows {
    task_columns: String,
    task: Vec<Vec<Value>>,
    version: Vec<Vec<Value>>,
    former: Vec<Vec<Value>>,
    listed: Vec<Vec<Value>>,
    term: Vec<Vec<Value>>,
    asked: Vec<Vec<Value>>,
    event: Vec<Vec<Value>>,
    audit: Vec<Vec<Value>>,
    tally: BTreeMap<(String, i8, String, String, &'static str), i64>,
}

impl Rows {
    #[allow(clippy::too_many_arguments, reason = "one row's columns")]
    fn version(
        &mut self,
        keys: &Keys,
        tick: Tick,
        task: i64,
        id: Uuid,
        version: u64,
        index: &Index,
        formerly: &[String],
        payload: &Payload,
        by: &Author,
    ) -> Result<(), StoreError> {
        self.version.push(vec![
            tick.seq.into(),
            task.into(),
            version.into(),
            tick.at.into(),
            index.status.into(),
            (&index.owner).into(),
            (&index.requester).into(),
            formerly.join(" ").into(),
            payload.seal(keys, id, version)?.into(),
            keys.current().into(),
            (&by.caller).into(),
            (&by.request_id).into(),
        ]);
        self.former.extend(formerly.iter().map(|organization| vec![organization.into(), tick.at.into(), task.into()]));
        self.listed.extend(row::listed_rows(task, index));
        self.term.extend(row::term_rows(keys, task, &payload.terms));
        Ok(())
    }

    /// Its event and its audit row.
    #[allow(clippy::too_many_arguments, reason = "one row's columns")]
    fn happened(&mut self, tick: Tick, id: Uuid, version: u64, before: Option<&Moment>, index: &Index, formerly: &[String], by: &Author) {
        self.event.push(vec![
            tick.seq.into(),
            id.into(),
            version.into(),
            tick.at.into(),
            index.status.into(),
            (&index.owner).into(),
            (&index.queue).into(),
            index.due.into(),
            before.map(|before| before.status).into(),
            (&before.map(|before| before.owner.clone())).into(),
            (&before.map(|before| before.queue.clone())).into(),
            before.and_then(|before| before.due).into(),
            (&index.requester).into(),
            formerly.join(" ").into(),
        ]);
        let what = if before.is_none() { "create" } else { "change" };
        self.audit.push(vec![
            tick.seq.into(),
            tick.at.into(),
            (&by.caller).into(),
            (&by.request_id).into(),
            what.into(),
            id.into(),
            version.into(),
        ]);
    }

    /// A contact counts for the hour in which the client asked, however much later it reached us; the rest for when it was done.
    fn count(&mut self, at: Timestamp, index: &Index, counted: [bool; 4]) {
        for (what, _) in ["created", "attempted", "completed", "rejected"].into_iter().zip(counted).filter(|(_, counted)| *counted) {
            let local = if what == "created" { index.authored_on } else { at }.to_zoned(HELSINKI.clone());
            let cell = (local.date().to_string(), local.hour(), index.queue.clone(), index.owner.clone(), what);
            *self.tally.entry(cell).or_default() += 1;
        }
    }

    async fn insert(self, work: &mut Work) -> Result<(), StoreError> {
        insert(work, "task", &self.task_columns, self.task, "").await?;
        let columns = "seq, task, version, last_updated, status, owner, requester, formerly, body, key_id, caller, request_id";
        insert(work, "task_version", columns, self.version, "").await?;
        insert(work, "former", "organization, last_updated, task", self.former, "").await?;
        insert(work, "listed", "list, value, system, task", self.listed, "").await?;
        insert(work, "term", TERM, self.term, "").await?;
        insert(work, "asked", ASKED, self.asked, "").await?;
        let columns = "seq, task, version, at, status, owner, queue, due, \
                       before_status, before_owner, before_queue, before_due, requester, formerly";
        insert(work, "event", columns, self.event, "").await?;
        insert(work, "audit", "seq, at, caller, request_id, what, task, version", self.audit, "").await?;
        let tally = self.tally.into_iter().map(|((day, hour, queue, owner, what), count)| {
            vec![day.into(), i64::from(hour).into(), queue.into(), owner.into(), what.into(), count.into()]
        });
        let add = " ON CONFLICT (day, hour, queue, owner, what) DO UPDATE SET count = tally.count + excluded.count";
        insert(work, "tally", "day, hour, queue, owner, what, count", tally.collect(), add).await
    }
}

/// A Task as a change finds it.
struct Before {
    serial: i64,
    version: u64,
    moment: Moment,
    formerly: Vec<String>,
    attempts: u64,
    first_attempt_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

impl Before {
    async fn read(work: &mut Work, id: Uuid) -> Result<Option<Self>, StoreError> {
        let sql =
            "SELECT serial, version, status, owner, queue, due, formerly, attempts, first_attempt_at, finished_at FROM task WHERE id = $1";
        let row = work.first(Sql::new(sql, [id.into()])).await?;
        row.map(|row| Self::from_row(&row)).transpose()
    }

    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            serial: row.int(0)?,
            version: row.count(1)?,
            moment: Moment { status: row.status(2)?, owner: row.text(3)?, queue: row.text(4)?, due: row.maybe_time(5)? },
            formerly: row::words(&row.text(6)?),
            attempts: row.count(7)?,
            first_attempt_at: row.maybe_time(8)?,
            finished_at: row.maybe_time(9)?,
        })
    }

    /// Organisations that owned it before, when `owner` does now. A queue is nobody who could look.
    fn formers(&self, owner: &str) -> Vec<String> {
        let mut formers = self.formerly.clone();
        if self.moment.owner.starts_with("Organization/") && !formers.contains(&self.moment.owner) {
            formers.push(self.moment.owner.clone());
        }
        formers.retain(|former| former != owner);
        formers
    }

    /// Created, attempted, completed, rejected.
    fn tallies(&self, index: &Index) -> [bool; 4] {
        let became = |status| index.status == status && self.moment.status != status;
        [false, u64::from(index.attempts) > self.attempts, became(Completed), became(Rejected)]
    }
}
