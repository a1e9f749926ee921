//! Search results, a page at a time. <https://hl7.org/fhir/R4/http.html#paging>
//!
//! The pages of a result are found by an opaque id, so that no link carries what was searched for: a search by POST keeps
//! identity codes out of every URL, also out of `next` and `self`.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::sandbox::fault::Fault;

/// How many results are kept for paging; the oldest goes first.
const RESULTS: usize = 64;

/// Results of which not all pages were answered at once.
#[derive(Default)]
pub(super) struct Pages {
    results: VecDeque<(Uuid, Vec<Arc<Value>>)>,
}

impl Pages {
    /// The first page of a result.
    pub(super) fn first(&mut self, found: Vec<Arc<Value>>, size: usize, base: &str, link: &str) -> Value {
        let total = found.len();
        if size == 0 || total <= size {
            return searchset(base, &found[..total.min(size)], total, link, None);
        }
        let id = Uuid::new_v4();
        let bundle = searchset(base, &found[..size], total, link, Some(&page_link(base, id, size, size)));
        if self.results.len() == RESULTS {
            self.results.pop_front();
        }
        self.results.push_back((id, found));
        bundle
    }

    /// The page that a `next` link asked for.
    ///
    /// # Errors
    /// 410 when the result is no longer kept; 400 when the link is not one of ours.
    pub(super) fn page(&self, query: &[(String, String)], base: &str) -> Result<Value, Fault> {
        let value = |wanted: &str| query.iter().find_map(|(name, value)| (name == wanted).then_some(value.as_str()));
        let number = |wanted| value(wanted).and_then(|text| text.parse::<usize>().ok());
        let id = value("_getpages").and_then(|text| text.parse::<Uuid>().ok());
        let (Some(id), Some(offset), Some(size @ 1..)) = (id, number("_getpagesoffset"), number("_count")) else {
            return Err(Fault::invalid("this is no link to a page of ours"));
        };
        let found = self.results.iter().find_map(|(known, found)| (*known == id).then_some(found));
        let found = found.ok_or_else(|| Fault::new(410, "expired", "the result is no longer kept; search again"))?;
        let from = offset.min(found.len());
        let until = from.saturating_add(size).min(found.len());
        let next = (until < found.len()).then(|| page_link(base, id, until, size));
        Ok(searchset(base, &found[from..until], found.len(), &page_link(base, id, offset, size), next.as_deref()))
    }
}

fn page_link(base: &str, id: Uuid, offset: usize, size: usize) -> String {
    format!("{base}?_getpages={id}&_getpagesoffset={offset}&_count={size}&_bundletype=searchset")
}

/// A searchset of what is on the page, out of `total`.
pub(super) fn searchset(base: &str, page: &[Arc<Value>], total: usize, link: &str, next: Option<&str>) -> Value {
    let entry = |resource: &Arc<Value>| json!({"fullUrl": full_url(base, resource), "resource": **resource, "search": {"mode": "match"}});
    let mut links = vec![json!({"relation": "self", "url": link})];
    links.extend(next.map(|next| json!({"relation": "next", "url": next})));
    let mut bundle =
        json!({"resourceType": "Bundle", "id": Uuid::new_v4().to_string(), "type": "searchset", "total": total, "link": links});
    if !page.is_empty() {
        bundle["entry"] = page.iter().map(entry).collect();
    }
    bundle
}

fn full_url(base: &str, resource: &Value) -> String {
    let text = |member: &str| resource[member].as_str().unwrap_or_default();
    format!("{base}/{}/{}", text("resourceType"), text("id"))
}
