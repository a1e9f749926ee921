//! Rows and what they stand for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::seal::{Bound, Keys};
use super::sql::{Row, Sql, Value, Work, broken};
use super::{Event, Index, Keyed, Moment, Scope, StoreError, Stored};
use crate::identity::Identifier;

/// The columns that [`stored`] reads, of `task` as `t` and `task_version` as `v`.
pub(super) const STORED: &str = "t.id, v.version, v.last_updated, v.status, v.owner, v.requester, v.formerly, v.body, v.key_id";

/// How many columns those are.
pub(super) const STORED_COLUMNS: usize = 9;

/// The columns that [`event`] reads, of `event` as `e`.
pub(super) const EVENT: &str = "e.seq, e.task, e.version, e.at, e.status, e.owner, e.queue, e.due, \
    e.before_status, e.before_owner, e.before_queue, e.before_due, e.requester, e.formerly";

/// The columns of [`term_rows`].
pub(super) const TERM: &str = "hash, task, kind, with_system, key_id";

/// The columns of [`asked_rows`].
pub(super) const ASKED: &str = "hash, task, with_system, key_id";

/// What is sealed with each version: its body, and the identifiers that are hashed beside it, to hash them again some day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Payload {
    /// Of the first version only.
    pub request: Option<[u8; 32]>,
    pub terms: Vec<(Keyed, Identifier)>,
    pub body: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Header {
    request: Option<String>,
    /// Kind, system, value.
    terms: Vec<(String, String, String)>,
}

impl Payload {
    pub(super) fn seal(&self, keys: &Keys, id: Uuid, version: u64) -> Result<Vec<u8>, StoreError> {
        let header = Header {
            request: self.request.map(|request| BASE64.encode(request)),
            terms: self.terms.iter().map(|(kind, it)| (kind.code().to_owned(), it.system.clone(), it.value.clone())).collect(),
        };
        let header = serde_json::to_vec(&header).map_err(|_| broken("a header"))?;
        let mut open = Vec::with_capacity(4 + header.len() + self.body.len() + 16);
        open.extend_from_slice(&u32::try_from(header.len()).map_err(|_| broken("a header"))?.to_be_bytes());
        open.extend_from_slice(&header);
        open.extend_from_slice(&self.body);
        keys.seal(task_bound(id, version), open)
    }

    pub(super) fn open(keys: &Keys, id: Uuid, version: u64, key: &str, sealed: Vec<u8>) -> Result<Self, StoreError> {
        let open = keys.open(task_bound(id, version), key, sealed)?;
        let (header, body) = split(&open)?;
        let header: Header = serde_json::from_slice(header).map_err(|_| StoreError::Sealed)?;
        let request = header.request.map(|text| BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(StoreError::Sealed));
        let term = |(kind, system, value): (String, String, String)| Some((Keyed::from_code(&kind)?, Identifier { system, value }));
        let terms = header.terms.into_iter().map(term).collect::<Option<_>>().ok_or(StoreError::Sealed)?;
        Ok(Self { request: request.transpose()?, terms, body: body.to_vec() })
    }
}

/// A Task's version from [`STORED`].
pub(super) fn stored(row: &Row, keys: &Keys) -> Result<Stored, StoreError> {
    let (id, version) = (row.uuid(0)?, row.count(1)?);
    let open = keys.open(task_bound(id, version), &row.text(8)?, row.bytes(7)?)?;
    Ok(Stored {
        id,
        version,
        last_updated: row.time(2)?,
        body: split(&open)?.1.to_vec(),
        scope: Scope { status: row.status(3)?, owner: row.text(4)?, requester: row.text(5)?, formerly: words(&row.text(6)?) },
    })
}

/// An event from [`EVENT`].
pub(super) fn event(row: &Row, first: usize) -> Result<Event, StoreError> {
    let at = |column: usize| first + column;
    let before = match row.maybe_text(at(8))? {
        None => None,
        Some(_) => {
            Some(Moment { status: row.status(at(8))?, owner: row.text(at(9))?, queue: row.text(at(10))?, due: row.maybe_time(at(11))? })
        }
    };
    Ok(Event {
        seq: row.int(at(0))?,
        task: row.uuid(at(1))?,
        version: row.count(at(2))?,
        at: row.time(at(3))?,
        now: Moment { status: row.status(at(4))?, owner: row.text(at(5))?, queue: row.text(at(6))?, due: row.maybe_time(at(7))? },
        before,
        requester: row.text(at(12))?,
        formerly: words(&row.text(at(13))?),
    })
}

/// The columns of `task` that follow from its index.
pub(super) fn index_columns(index: &Index) -> Vec<(&'static str, Value)> {
    vec![
        ("status", index.status.into()),
        ("business_status", (&index.business_status).into()),
        ("code", (&index.code).into()),
        ("intent", (&index.intent).into()),
        ("priority", index.priority.rank().into()),
        ("queue", (&index.queue).into()),
        ("owner", (&index.owner).into()),
        ("requester", (&index.requester).into()),
        ("authored_on", index.authored_on.into()),
        ("due", index.due.into()),
        ("period_start", index.period_start.into()),
        ("period_end", index.period_end.into()),
        ("anonymous", i64::from(index.patient.is_none()).into()),
        ("attempts", index.attempts.into()),
    ]
}

/// What is hashed.
pub(super) fn terms(index: &Index) -> Vec<(Keyed, Identifier)> {
    let identifiers = index.identifiers.iter().map(|it| (Keyed::Identifier, it.clone()));
    let patient = index.patient.iter().map(|it| (Keyed::Patient, it.clone()));
    let group = index.group.iter().map(|it| (Keyed::Group, it.clone()));
    let bare = |kind, value: &String| (kind, Identifier { system: String::new(), value: value.clone() });
    let references = index.focus.iter().map(|it| bare(Keyed::Focus, it)).chain(index.part_of.iter().map(|it| bare(Keyed::PartOf, it)));
    let tags = index.tags.iter().map(|tag| (Keyed::Tag, Identifier { system: tag.system.clone(), value: tag.code.clone() }));
    identifiers.chain(patient).chain(group).chain(references).chain(tags).collect()
}

/// Rows of `term`, without doubles.
pub(super) fn term_rows(keys: &Keys, task: i64, terms: &[(Keyed, Identifier)]) -> Vec<Vec<Value>> {
    let mut seen = std::collections::BTreeSet::new();
    let mut rows = Vec::with_capacity(terms.len() * 2);
    for (kind, Identifier { system, value }) in terms {
        let (system, value) = (system.as_str(), value.as_str());
        // a tag is searched by its system alone too
        let forms = match kind {
            Keyed::Identifier | Keyed::Patient | Keyed::Group => vec![(Some(system), value), (None, value)],
            Keyed::Tag => vec![(Some(system), value), (None, value), (Some(system), "")],
            Keyed::Focus | Keyed::PartOf => vec![(None, value)],
        };
        for (system, value) in forms {
            let hash = keys.term(*kind, system, value);
            if seen.insert(hash.clone()) {
                let with_system = i64::from(system.is_some());
                rows.push(vec![hash.into(), task.into(), kind.code().into(), with_system.into(), keys.current().into()]);
            }
        }
    }
    rows
}

/// Rows of `asked`: the identifiers among these, once with their system and once without.
pub(super) fn asked_rows(keys: &Keys, task: i64, terms: &[(Keyed, Identifier)]) -> Vec<Vec<Value>> {
    let given: Vec<_> = terms.iter().filter(|(kind, _)| *kind == Keyed::Identifier).cloned().collect();
    let mut rows = term_rows(keys, task, &given);
    rows.iter_mut().for_each(|row| drop(row.remove(KIND)));
    rows
}

/// Rows of `listed`, without doubles.
pub(super) fn listed_rows(task: i64, index: &Index) -> Vec<Vec<Value>> {
    let performers = index.performers.iter().map(|code| ("performer", code.as_str(), ""));
    let listed: std::collections::BTreeSet<_> = performers.collect();
    listed.into_iter().map(|(list, value, system)| vec![list.into(), value.into(), system.into(), task.into()]).collect()
}

/// `INSERT INTO … VALUES …`, in as many statements as it takes; `after` follows the values.
pub(super) async fn insert(work: &mut Work, into: &str, columns: &str, rows: Vec<Vec<Value>>, after: &str) -> Result<(), StoreError> {
    let Some(width) = rows.first().map(Vec::len) else { return Ok(()) };
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let mut sql = Sql::new(&format!("INSERT INTO {into} ({columns}) VALUES "), []);
        for (at, row) in rows.by_ref().take(MOST_PARAMETERS / width.max(1)).enumerate() {
            sql.push(if at > 0 { ", (" } else { "(" }).bind_all(row).push(")");
        }
        sql.push(after);
        work.run(sql).await?;
    }
    Ok(())
}

pub(super) fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

pub(super) fn task_bound(id: Uuid, version: u64) -> Bound<'static> {
    Bound { table: "task", id, version }
}

/// Header and body.
fn split(open: &[u8]) -> Result<(&[u8], &[u8]), StoreError> {
    let (length, rest) = open.split_first_chunk::<4>().ok_or(StoreError::Sealed)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| StoreError::Sealed)?;
    rest.split_at_checked(length).ok_or(StoreError::Sealed)
}

/// Where a row of [`term_rows`] has its kind.
const KIND: usize = 2;

/// SQLite looks parameters up one after another while it prepares a statement.
const MOST_PARAMETERS: usize = 2000;
