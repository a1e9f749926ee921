//! Searches. A search is a sum of branches, each of which one index answers in order: one per owner, requester or former
//! owner, and status. So its time hangs on the size of a page, not on how many Tasks there are.

use super::filter::{self, Names, is_for_former_owners, is_selective, within};
use super::row::{STORED, STORED_COLUMNS, stored};
use super::seal::Keys;
use super::sql::{Database, Row, Sql};
use super::{Filter, Page, Position, Query, Sort, SortKey, StoreError, Text, Viewer};

pub(super) async fn search(db: &dyn Database, query: &Query) -> Result<Page, StoreError> {
    let order = order(&query.sort);
    let Some(sql) = page(db.keys(), query, &order) else { return Ok(Page::default()) };
    let mut rows = db.reading().await?.all(sql).await?;
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = match rows.last() {
        Some(last) if has_more => Some(position(last, &order)?),
        _ => None,
    };
    let mut page = Page { next, ..Page::default() };
    for row in &rows {
        match stored(row, db.keys()) {
            Ok(task) => page.tasks.push(task),
            Err(StoreError::Sealed) => page.damaged.push(row.uuid(0)?),
            Err(error) => return Err(error),
        }
    }
    Ok(page)
}

pub(super) async fn count(db: &dyn Database, query: &Query) -> Result<u64, StoreError> {
    let wanted = Wanted::new(&query.filters);
    let branches = branches(&query.viewer, &wanted);
    let mut sql = Sql::new("SELECT CAST(SUM(b.n) AS BIGINT) FROM (", []);
    for (at, branch) in branches.iter().enumerate() {
        sql.push(if at > 0 { " UNION ALL SELECT COUNT(*) AS n FROM " } else { "SELECT COUNT(*) AS n FROM " });
        branch.push_from(&mut sql, db.keys(), &wanted);
    }
    sql.push(") AS b");
    if branches.is_empty() {
        return Ok(0);
    }
    db.reading().await?.first(sql).await?.map_or(Ok(0), |row| row.count(0))
}

/// `None`: nothing can be found.
fn page(keys: &Keys, query: &Query, order: &[Sort]) -> Option<Sql> {
    let wanted = Wanted::new(&query.filters);
    let mut branches = branches(&query.viewer, &wanted);
    if branches.is_empty() {
        return None;
    }
    let size: usize = branches.iter().map(|branch| branch.size(&wanted)).sum();
    if size <= MOST_BRANCHES && wanted.selective.is_none() {
        branches = branches.into_iter().flat_map(|branch| branch.split(&wanted)).collect();
    }
    let keys_of_page: String = (0..order.len()).map(|at| format!(", p.k{at}")).collect();
    let mut sql = Sql::new(&format!("SELECT {STORED}, t.serial{keys_of_page} FROM ("), []);
    for (at, branch) in branches.iter().enumerate() {
        sql.push(if at > 0 { " UNION ALL SELECT * FROM (SELECT t.serial AS serial" } else { "SELECT * FROM (SELECT t.serial AS serial" });
        for (at, sort) in order.iter().enumerate() {
            sql.push(&format!(", {} AS k{at}", branch.key(*sort)));
        }
        sql.push(" FROM ");
        branch.push_from(&mut sql, keys, &wanted);
        if let Some(after) = &query.after {
            sql.push(" AND ");
            beyond(&mut sql, branch, order, after);
        }
        // as literals, so that PostgreSQL plans for a few rows
        sql.push(&format!("{} LIMIT {}) AS b{at}", ordered(order, ""), u64::from(query.limit) + 1));
    }
    sql.push(&format!("{} LIMIT {}", ordered(order, ""), u64::from(query.limit) + 1));
    sql.push(") AS p CROSS JOIN task t CROSS JOIN task_version v WHERE t.serial = p.serial AND v.seq = t.seq");
    sql.push(&ordered(order, "p."));
    Some(sql)
}

/// What filters say about the columns that branches go by, and the others.
struct Wanted<'a> {
    statuses: Option<Vec<String>>,
    owners: Option<Vec<String>>,
    requesters: Option<Vec<String>>,
    selective: Option<&'a Filter>,
    others: Vec<&'a Filter>,
    former_owners_too: bool,
}

impl<'a> Wanted<'a> {
    fn new(filters: &'a [Filter]) -> Self {
        let mut wanted = Self {
            statuses: None,
            owners: None,
            requesters: None,
            selective: None,
            others: Vec::new(),
            former_owners_too: filters.iter().all(is_for_former_owners),
        };
        for filter in filters {
            match filter {
                Filter::Text { column: Text::Status, any, not: false } => narrow(&mut wanted.statuses, any),
                Filter::Text { column: Text::Owner, any, not: false } => narrow(&mut wanted.owners, any),
                Filter::Text { column: Text::Requester, any, not: false } => narrow(&mut wanted.requesters, any),
                filter if wanted.selective.is_none() && is_selective(filter) => wanted.selective = Some(filter),
                filter => wanted.others.push(filter),
            }
        }
        wanted
    }
}

/// Part of a search: no Task is in two.
#[derive(Clone)]
struct Branch {
    by: By,
    /// One index entry after another, in order of `last_updated`.
    is_split: bool,
    statuses: Option<Vec<String>>,
    owners: Allowed,
    requesters: Allowed,
    /// Former owners whose Tasks are in an earlier branch.
    not_formerly: Vec<String>,
}

#[derive(Clone)]
enum By {
    Column,
    FormerOwner(Vec<String>),
}

/// What a column may hold.
#[derive(Clone, Default)]
struct Allowed {
    only: Option<Vec<String>>,
    not: Vec<String>,
}

impl Allowed {
    fn new(only: Option<&Vec<String>>, not: &[String]) -> Self {
        match only {
            None => Self { only: None, not: not.to_vec() },
            Some(only) => Self { only: Some(only.iter().filter(|one| !not.contains(one)).cloned().collect()), not: Vec::new() },
        }
    }

    /// Those of `seen` that are wanted.
    fn among(wanted: Option<&Vec<String>>, seen: &[String]) -> Self {
        let mut only: Option<Vec<String>> = wanted.cloned();
        narrow(&mut only, seen);
        Self { only, not: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.only.as_ref().is_some_and(Vec::is_empty)
    }

    fn condition(&self, sql: &mut Sql, column: &str) {
        if let Some(only) = &self.only {
            within(sql.push(" AND ").push(column), only, false);
        }
        if !self.not.is_empty() {
            within(sql.push(" AND ").push(column), &self.not, true);
        }
    }
}

fn branches(viewer: &Viewer, wanted: &Wanted<'_>) -> Vec<Branch> {
    let (owners, requesters) = (wanted.owners.as_ref(), wanted.requesters.as_ref());
    let branch = |by, owners, requesters| Branch {
        by,
        is_split: false,
        statuses: wanted.statuses.clone(),
        owners,
        requesters,
        not_formerly: Vec::new(),
    };
    let mut all = match viewer {
        Viewer::Everything => vec![branch(By::Column, Allowed::new(owners, &[]), Allowed::new(requesters, &[]))],
        Viewer::Party { owners: owning, requesters: requesting, formerly } => {
            let mut all = vec![
                branch(By::Column, Allowed::among(owners, owning), Allowed::new(requesters, &[])),
                branch(By::Column, Allowed::new(owners, owning), Allowed::among(requesters, requesting)),
            ];
            if wanted.former_owners_too && !formerly.is_empty() {
                let by = By::FormerOwner(formerly.clone());
                all.push(branch(by, Allowed::new(owners, owning), Allowed::new(requesters, requesting)));
            }
            all
        }
    };
    all.retain(|branch| !branch.owners.is_empty() && !branch.requesters.is_empty() && !branch.statuses.as_ref().is_some_and(Vec::is_empty));
    all
}

impl Branch {
    /// How many branches it splits into.
    fn size(&self, wanted: &Wanted<'_>) -> usize {
        let statuses = wanted.statuses.as_ref().map_or(1, Vec::len);
        match &self.by {
            By::FormerOwner(organizations) => organizations.len(),
            By::Column => self.split_by().map_or(1, |(_, values)| values.len()) * statuses,
        }
    }

    fn split_by(&self) -> Option<(bool, &Vec<String>)> {
        let owners = self.owners.only.as_ref().map(|values| (true, values));
        let requesters = self.requesters.only.as_ref().map(|values| (false, values));
        match (owners, requesters) {
            (Some((_, owners)), Some(requesters)) if owners.len() > requesters.1.len() => Some(requesters),
            (owners, requesters) => owners.or(requesters),
        }
    }

    fn split(self, wanted: &Wanted<'_>) -> Vec<Self> {
        let mut parts: Vec<Self> = match (&self.by, self.split_by()) {
            (By::FormerOwner(organizations), _) => {
                let part = |(at, organization): (usize, &String)| Self {
                    by: By::FormerOwner(vec![organization.clone()]),
                    is_split: true,
                    not_formerly: organizations[..at].to_vec(),
                    ..self.clone()
                };
                return organizations.iter().enumerate().map(part).collect();
            }
            (By::Column, None) => vec![self.clone()],
            (By::Column, Some((by_owner, values))) => values
                .iter()
                .map(|value| {
                    let mut part = self.clone();
                    let side = if by_owner { &mut part.owners } else { &mut part.requesters };
                    side.only = Some(vec![value.clone()]);
                    part
                })
                .collect(),
        };
        if let Some(statuses) = &wanted.statuses {
            let with = |part: Self, status: &String| Self { statuses: Some(vec![status.clone()]), ..part };
            parts = parts.into_iter().flat_map(|part| statuses.iter().map(move |status| with(part.clone(), status))).collect();
        }
        parts
    }

    fn names(&self) -> Names {
        Names { last_updated: if self.joins_former() { "f.last_updated" } else { "t.last_updated" } }
    }

    fn joins_former(&self) -> bool {
        self.is_split && matches!(self.by, By::FormerOwner(_))
    }

    fn push_from(&self, sql: &mut Sql, keys: &Keys, wanted: &Wanted<'_>) {
        if let Some(selective) = wanted.selective {
            filter::selection(sql.push("("), keys, selective);
            sql.push(") AS s CROSS JOIN task t WHERE t.serial = s.serial");
        } else if self.joins_former() {
            sql.push("former f CROSS JOIN task t WHERE t.serial = f.task");
        } else {
            sql.push("task t WHERE 1 = 1");
        }
        if let By::FormerOwner(organizations) = &self.by {
            if self.joins_former() {
                within(sql.push(" AND f.organization"), organizations, false);
            } else {
                within(sql.push(" AND EXISTS (SELECT 1 FROM former x WHERE x.task = t.serial AND x.organization"), organizations, false);
                sql.push(")");
            }
        }
        if !self.not_formerly.is_empty() {
            sql.push(" AND NOT EXISTS (SELECT 1 FROM former x WHERE x.task = t.serial AND x.organization");
            within(sql, &self.not_formerly, false);
            sql.push(")");
        }
        self.owners.condition(sql, "t.owner");
        self.requesters.condition(sql, "t.requester");
        Allowed { only: self.statuses.clone(), not: Vec::new() }.condition(sql, "t.status");
        for filter in &wanted.others {
            filter::condition(sql.push(" AND "), keys, filter, self.names());
        }
    }

    /// What is sorted by. A former owner sees no order that would tell of what it does not see.
    fn key(&self, sort: Sort) -> String {
        let column = match sort.by {
            SortKey::LastUpdated => return self.names().last_updated.to_owned(),
            _ if matches!(self.by, By::FormerOwner(_)) => return absent(sort).to_string(),
            SortKey::AuthoredOn => return "t.authored_on".to_owned(),
            SortKey::Priority => return "t.priority".to_owned(),
            SortKey::Due => "t.due",
        };
        format!("COALESCE({column}, {})", absent(sort))
    }
}

/// Where the last row is.
fn position(row: &Row, order: &[Sort]) -> Result<Position, StoreError> {
    let key = |(at, sort): (usize, &Sort)| Ok(Some(row.int(STORED_COLUMNS + 1 + at)?).filter(|key| *key != absent(*sort)));
    Ok(Position { keys: order.iter().enumerate().map(key).collect::<Result<_, StoreError>>()?, serial: row.int(STORED_COLUMNS)? })
}

/// `last_updated` is unique: nothing ties after it.
fn order(sort: &[Sort]) -> Vec<Sort> {
    let mut order: Vec<Sort> = sort.to_vec();
    if order.is_empty() {
        order.push(Sort { by: SortKey::LastUpdated, descending: false });
    }
    if let Some(at) = order.iter().position(|sort| sort.by == SortKey::LastUpdated) {
        order.truncate(at + 1);
    }
    order
}

fn breaks_ties(order: &[Sort]) -> bool {
    order.last().is_none_or(|sort| sort.by != SortKey::LastUpdated)
}

fn ordered(order: &[Sort], of: &str) -> String {
    let mut parts: Vec<String> =
        order.iter().enumerate().map(|(at, sort)| format!("{of}k{at}{}", if sort.descending { " DESC" } else { "" })).collect();
    if breaks_ties(order) {
        parts.push(format!("{}serial", if of.is_empty() { "" } else { "t." }));
    }
    format!(" ORDER BY {}", parts.join(", "))
}

/// Rows after a position, in this order.
fn beyond(sql: &mut Sql, branch: &Branch, order: &[Sort], after: &Position) {
    let mut keys: Vec<(String, bool, i64)> = order
        .iter()
        .enumerate()
        .map(|(at, sort)| (branch.key(*sort), sort.descending, after.keys.get(at).copied().flatten().unwrap_or_else(|| absent(*sort))))
        .collect();
    if breaks_ties(order) {
        keys.push(("t.serial".to_owned(), false, after.serial));
    }
    // said twice, so that an index can begin there
    if let Some((key, descending, value)) = keys.first() {
        sql.push(key).push(if *descending { " <= " } else { " >= " }).bind(*value).push(" AND ");
    }
    for (at, (key, descending, value)) in keys.iter().enumerate() {
        sql.push("(").push(key).push(if *descending { " < " } else { " > " }).bind(*value);
        if at + 1 < keys.len() {
            sql.push(" OR (").push(key).push(" = ").bind(*value).push(" AND ");
        }
    }
    sql.push(&"))".repeat(keys.len() - 1)).push(")");
}

/// Stands for a key that is not there: last, in either direction.
const fn absent(sort: Sort) -> i64 {
    if sort.descending { -i64::MAX } else { i64::MAX }
}

fn narrow(to: &mut Option<Vec<String>>, any: &[String]) {
    let mut kept: Vec<String> = Vec::new();
    for one in any {
        if !kept.contains(one) && to.as_ref().is_none_or(|values| values.contains(one)) {
            kept.push(one.clone());
        }
    }
    *to = Some(kept);
}

/// Beyond this many, lists are matched instead.
const MOST_BRANCHES: usize = 64;
