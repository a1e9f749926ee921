//! Searches and conditions. <https://hl7.org/fhir/R4/search.html>

use std::sync::Arc;

use serde_json::Value;
use url::form_urlencoded;

use crate::sandbox::fault::Fault;
use crate::sandbox::filter::Filter;
use crate::sandbox::kinds;
use crate::sandbox::store::{Key, Store, Version};

const PAGE: usize = 20;
const LARGEST_PAGE: usize = 500;

/// What must all hold of the resources of a type; also the condition of a conditional create or reference.
pub(super) struct Criteria {
    kind: &'static str,
    filters: Vec<Filter>,
}

/// A search: criteria, and how to give the result.
pub(super) struct Search {
    criteria: Criteria,
    order: Order,
    descending: bool,
    /// How many a page; none when only the number is asked.
    pub(super) page: usize,
}

#[derive(Clone, Copy)]
enum Order {
    /// As first written.
    Creation,
    Id,
    Updated,
}

impl Criteria {
    /// A condition as in `ifNoneExist`: percent-encoded parameters, with or without `Type?` before them.
    ///
    /// # Errors
    /// 400 for an unknown parameter, a result parameter, or no parameter at all: that would match everything.
    pub(super) fn parse(kind: &'static str, condition: &str, base: &str) -> Result<Criteria, Fault> {
        let own = condition.strip_prefix(kind).and_then(|rest| rest.strip_prefix('?'));
        let query = own.or(condition.strip_prefix('?')).unwrap_or(condition);
        let pairs = form_urlencoded::parse(query.as_bytes());
        let filters = pairs.map(|(name, value)| Filter::parse(kind, &name, &value, base)).collect::<Result<Vec<_>, _>>()?;
        if filters.is_empty() {
            return Err(Fault::invalid("a condition needs at least one search parameter"));
        }
        Ok(Criteria { kind, filters })
    }

    /// Who meets them, in the order of their first writing.
    pub(super) fn matches(&self, store: &Store) -> Vec<Key> {
        self.found(store).into_iter().map(|(id, _)| Key { kind: self.kind, id: id.to_owned() }).collect()
    }

    /// Whether that version meets them.
    pub(super) fn admit(&self, id: &str, version: &Version) -> bool {
        self.filters.iter().all(|filter| filter.admits(id, version))
    }

    fn found<'s>(&self, store: &'s Store) -> Vec<(&'s str, &'s Version)> {
        let mut found: Vec<_> = match self.filters.iter().find_map(Filter::codes) {
            Some(codes) => {
                let mut ids: Vec<_> = codes.iter().flat_map(|code| store.with_code(self.kind, code)).collect();
                ids.sort_unstable();
                ids.dedup();
                let version = |id: &str| store.live(&Key { kind: self.kind, id: id.to_owned() });
                ids.into_iter().filter_map(|id| Some((id, version(id)?))).collect()
            }
            None => store.all(self.kind).collect(),
        };
        found.retain(|(id, version)| self.admit(id, version));
        found.sort_by_cached_key(|(id, _)| {
            store.versions(&Key { kind: self.kind, id: (*id).to_owned() }).first().map_or(0, |version| version.order)
        });
        found
    }
}

impl Search {
    /// Reads decoded parameters; `base` is our own base URL.
    ///
    /// # Errors
    /// 400 for whatever is not known here: a search that ignores a parameter gives wrong answers.
    pub(super) fn parse(kind: &'static str, pairs: &[(String, String)], base: &str) -> Result<Search, Fault> {
        let mut search = Search { criteria: Criteria { kind, filters: Vec::new() }, order: Order::Creation, descending: false, page: PAGE };
        let mut only_number = false;
        for (name, value) in pairs {
            match name.as_str() {
                "_format" | "_pretty" => {} // seen to where the answer is made
                "_count" => {
                    let count: usize = value.parse().map_err(|_| Fault::invalid("`_count` takes a whole number"))?;
                    search.page = count.min(LARGEST_PAGE);
                }
                "_total" if matches!(value.as_str(), "none" | "estimate" | "accurate") => {}
                "_summary" if value == "count" => only_number = true,
                "_summary" if value == "false" => {}
                "_sort" => {
                    search.descending = value.starts_with('-');
                    search.order = match value.trim_start_matches('-') {
                        "_lastUpdated" => Order::Updated,
                        "_id" => Order::Id,
                        _ => return Err(Fault::not_supported("`_sort` takes `_lastUpdated`, `-_lastUpdated`, `_id` or `-_id`")),
                    };
                }
                _ => search.criteria.filters.push(Filter::parse(kind, name, value, base)?),
            }
        }
        if only_number {
            search.page = 0;
        }
        Ok(search)
    }

    /// Everything that was asked for, in order.
    pub(super) fn run(&self, store: &Store) -> Vec<Arc<Value>> {
        let mut found = self.criteria.found(store);
        match self.order {
            Order::Creation => {}
            Order::Id => found.sort_by_key(|(id, _)| *id),
            Order::Updated => found.sort_by_key(|(_, version)| (version.at, version.order)),
        }
        if self.descending {
            found.reverse();
        }
        found.into_iter().filter_map(|(_, version)| version.body.clone()).collect()
    }
}

/// Decodes `a=b&c=d`.
pub(super) fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Splits `Type?query` or `Type/id`, as in references and the URLs of entries.
pub(super) fn split_url(url: &str) -> Result<(&'static str, Option<&str>, Option<&str>), Fault> {
    let (path, query) = url.split_once('?').map_or((url, None), |(path, query)| (path, Some(query)));
    let (kind, id) = path.split_once('/').map_or((path, None), |(kind, id)| (kind, Some(id)));
    let kind = kinds::kind(kind).map_err(|_| Fault::invalid("a URL here is `Type`, `Type/id` or `Type?query`, relative to the base"))?;
    Ok((kind, id, query))
}
