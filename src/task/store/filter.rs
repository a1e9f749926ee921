//! Filters as conditions over `task` as `t`.

use super::seal::Keys;
use super::sql::{Sql, Value};
use super::{Filter, Keyed, List, Missable, Priority, Range, Text, Time};

/// How a branch of a search names what may lie in either of two places.
#[derive(Clone, Copy)]
pub(super) struct Names {
    pub last_updated: &'static str,
}

/// Few Tasks hold it, and an index finds them: the search begins there.
pub(super) fn is_selective(filter: &Filter) -> bool {
    matches!(filter, Filter::Id { not: false, .. } | Filter::Asked { .. } | Filter::Keyed { not: false, .. })
}

/// Does it ask about what a former owner still sees? Anything else would tell them about the client.
pub(super) fn is_for_former_owners(filter: &Filter) -> bool {
    let text = |column| matches!(column, Text::Status | Text::Owner | Text::Requester | Text::Code | Text::Intent);
    match filter {
        Filter::Id { .. } => true,
        Filter::Text { column, .. } | Filter::Missing { what: Missable::Text(column), .. } => text(*column),
        Filter::Time { column, .. } | Filter::Missing { what: Missable::Time(column), .. } => *column == Time::LastUpdated,
        Filter::Listed { .. } | Filter::Tag { .. } | Filter::Keyed { .. } | Filter::Asked { .. } | Filter::Missing { .. } => false,
    }
}

/// `SELECT` of the Tasks' serials that a selective filter leaves.
pub(super) fn selection(sql: &mut Sql, keys: &Keys, filter: &Filter) {
    match filter {
        Filter::Id { any, .. } => within(sql.push("SELECT serial FROM task WHERE id"), any.iter().copied(), false),
        Filter::Keyed { any, kind, .. } => {
            within(sql.push("SELECT DISTINCT task AS serial FROM term WHERE hash"), hashes(keys, *kind, any), false);
        }
        Filter::Asked { system, value } => {
            within(sql.push("SELECT DISTINCT task AS serial FROM asked WHERE hash"), asked(keys, system.as_deref(), value), false);
        }
        Filter::Listed { .. } | Filter::Text { .. } | Filter::Tag { .. } | Filter::Time { .. } | Filter::Missing { .. } => {
            sql.push("SELECT serial FROM task");
        }
    }
}

pub(super) fn condition(sql: &mut Sql, keys: &Keys, filter: &Filter, names: Names) {
    match filter {
        Filter::Id { any, not } => within(sql.push("t.id"), any.iter().copied(), *not),
        Filter::Text { column: Text::Priority, any, not } => {
            let ranks = any.iter().filter_map(|code| Priority::from_code(code)).map(Priority::rank);
            within(sql.push("t.priority"), ranks, *not);
        }
        Filter::Text { column, any, not } => text(sql, *column, any, *not),
        Filter::Listed { list, any, not } => {
            exists(sql, *not, "listed x WHERE x.task = t.serial AND x.list = ").bind(list_code(*list)).push(" AND x.value");
            within(sql, any, false);
            sql.push(")");
        }
        Filter::Tag { any, not } => {
            exists(sql, *not, "term x WHERE x.task = t.serial AND x.kind = ").bind(Keyed::Tag.code());
            if !any.contains(&(None, None)) {
                within(sql.push(" AND x.hash"), tags(keys, any), false);
            }
            sql.push(")");
        }
        Filter::Time { column: Time::Period, any } => either(sql.push("("), any, period).push(")").done(),
        Filter::Time { column, any } => {
            let column = instant(*column, names);
            either(sql.push("("), any, |sql, range| within_range(sql, column, range)).push(")").done();
        }
        Filter::Keyed { kind, any, not } => {
            exists(sql, *not, "term x WHERE x.task = t.serial AND x.hash");
            within(sql, hashes(keys, *kind, any), false);
            sql.push(")");
        }
        Filter::Asked { system, value } => {
            exists(sql, false, "asked x WHERE x.task = t.serial AND x.hash");
            within(sql, asked(keys, system.as_deref(), value), false);
            sql.push(")");
        }
        Filter::Missing { what, missing } => absent(sql, *what, *missing, names),
    }
}

/// ` IN (…)`, or ` = …`; with nothing to be in, nothing is.
pub(super) fn within<V: Into<Value>>(sql: &mut Sql, values: impl IntoIterator<Item = V>, not: bool) {
    let mut values: Vec<Value> = values.into_iter().map(Into::into).collect();
    match (values.len(), not) {
        (0, false) => sql.push(" IS NULL AND 1 = 0").done(),
        (0, true) => sql.push(" IS NOT NULL").done(), // of columns that always have a value
        (1, not) => {
            if let Some(value) = values.pop() {
                sql.push(if not { " <> " } else { " = " }).bind(value);
            }
        }
        (_, not) => sql.push(if not { " NOT IN (" } else { " IN (" }).bind_all(values).push(")").done(),
    }
}

fn text(sql: &mut Sql, column: Text, any: &[String], not: bool) {
    let (name, may_be_absent) = match column {
        Text::Status => ("t.status", false),
        Text::BusinessStatus => ("t.business_status", true),
        Text::Code => ("t.code", false),
        Text::Intent => ("t.intent", false),
        Text::Priority => ("t.priority", false),
        Text::Queue => ("t.queue", false),
        Text::Owner => ("t.owner", false),
        Text::Requester => ("t.requester", false),
    };
    if not && may_be_absent {
        sql.push("(").push(name).push(" IS NULL OR ").push(name);
        within(sql, any, true);
        sql.push(")");
    } else {
        within(sql.push(name), any, not);
    }
}

fn within_range(sql: &mut Sql, column: &str, range: &Range) {
    sql.push(if range.not { "NOT (" } else { "(" }).push(column).push(" IS NOT NULL");
    if let Some(from) = range.from {
        sql.push(" AND ").push(column).push(" >= ").bind(from);
    }
    if let Some(until) = range.until {
        sql.push(" AND ").push(column).push(" < ").bind(until);
    }
    sql.push(")");
    if range.not {
        sql.push(" AND ").push(column).push(" IS NOT NULL");
    }
}

/// Within a range that has both ends; touching one that is open.
fn period(sql: &mut Sql, range: &Range) {
    sql.push("(t.period_start IS NOT NULL OR t.period_end IS NOT NULL) AND ").push(if range.not { "NOT (1 = 1" } else { "(1 = 1" });
    match (range.from, range.until) {
        (Some(from), Some(until)) => {
            sql.push(" AND t.period_start IS NOT NULL AND t.period_end IS NOT NULL AND t.period_start >= ").bind(from);
            sql.push(" AND t.period_end < ").bind(until);
        }
        (Some(from), None) => sql.push(" AND (t.period_end IS NULL OR t.period_end >= ").bind(from).push(")").done(),
        (None, Some(until)) => sql.push(" AND (t.period_start IS NULL OR t.period_start < ").bind(until).push(")").done(),
        (None, None) => {}
    }
    sql.push(")");
}

fn absent(sql: &mut Sql, what: Missable, missing: bool, names: Names) {
    let is = if missing { " IS NULL" } else { " IS NOT NULL" };
    match what {
        Missable::Text(Text::BusinessStatus) => sql.push("t.business_status").push(is).done(),
        Missable::Text(_) => sql.push(if missing { "1 = 0" } else { "1 = 1" }).done(),
        Missable::Time(Time::Period) if missing => sql.push("t.period_start IS NULL AND t.period_end IS NULL").done(),
        Missable::Time(Time::Period) => sql.push("(t.period_start IS NOT NULL OR t.period_end IS NOT NULL)").done(),
        Missable::Time(column) => sql.push(instant(column, names)).push(is).done(),
        Missable::Keyed(Keyed::Patient) => sql.push(if missing { "t.anonymous = 1" } else { "t.anonymous = 0" }).done(),
        Missable::Keyed(kind) => exists(sql, missing, "term x WHERE x.task = t.serial AND x.kind = ").bind(kind.code()).push(")").done(),
        Missable::List(list) => {
            exists(sql, missing, "listed x WHERE x.task = t.serial AND x.list = ").bind(list_code(list)).push(")").done();
        }
        Missable::Tag => absent(sql, Missable::Keyed(Keyed::Tag), missing, names),
    }
}

fn exists<'a>(sql: &'a mut Sql, not: bool, of: &str) -> &'a mut Sql {
    sql.push(if not { "NOT EXISTS (SELECT 1 FROM " } else { "EXISTS (SELECT 1 FROM " }).push(of)
}

fn either<'a, T>(sql: &'a mut Sql, any: &[T], each: impl Fn(&mut Sql, &T)) -> &'a mut Sql {
    if any.is_empty() {
        sql.push("1 = 0");
    }
    for (at, one) in any.iter().enumerate() {
        sql.push(if at > 0 { " OR (" } else { "(" });
        each(sql, one);
        sql.push(")");
    }
    sql
}

fn hashes(keys: &Keys, kind: Keyed, any: &[(Option<String>, String)]) -> Vec<Vec<u8>> {
    any.iter().flat_map(|(system, value)| keys.terms(kind, system.as_deref(), value)).collect()
}

/// As they are hashed among the others: what was asked for with an identifier has that identifier.
fn asked(keys: &Keys, system: Option<&str>, value: &str) -> Vec<Vec<u8>> {
    keys.terms(Keyed::Identifier, system, value).collect()
}

fn tags(keys: &Keys, any: &[(Option<String>, Option<String>)]) -> Vec<Vec<u8>> {
    any.iter().flat_map(|(system, code)| keys.terms(Keyed::Tag, system.as_deref(), code.as_deref().unwrap_or_default())).collect()
}

fn instant(column: Time, names: Names) -> &'static str {
    match column {
        Time::LastUpdated => names.last_updated,
        Time::AuthoredOn => "t.authored_on",
        Time::Due => "t.due",
        Time::Period => "t.period_start",
    }
}

const fn list_code(list: List) -> &'static str {
    match list {
        List::Performer => "performer",
    }
}
