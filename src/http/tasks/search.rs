//! `GET /fhir/Task` and `POST /fhir/Task/_search`. <https://hl7.org/fhir/R4/http.html#search>
//!
//! | asked | answered |
//! |---|---|
//! | what is understood | 200, a searchset |
//! | a value, modifier or chain that makes no sense; a cursor that is none | 400 |
//! | a parameter that nobody knows | 200 and an outcome entry; 400 with `Prefer: handling=strict` |
//! | a body that is no form / too large / too slow | 415 / 413 / 408 |
//! | the store is busy | 503 |

use axum::extract::Request;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use url::form_urlencoded;

use super::super::body;
use super::super::media::{FHIR_JSON, STRICT, kept_format, prefers, sends};
use super::bundle::{Mode, Searchset};
use crate::caller::Caller;
use crate::issue::{Issue, Severity};
use crate::refusal::{Media, Refusal};
use crate::task::print::{print_reduced, print_subset};
use crate::task::search::{Cursor, CursorKey, Parties, Search, Sight, Subset, World, sight, viewer};
use crate::task::status::Side;
use crate::task::store::{Filter, Keyed, Page, Query, StoreError, Stored, TaskStore, Viewer};

/// All that a search needs.
pub struct Searching<'a> {
    pub store: &'a dyn TaskStore,
    pub parties: &'a dyn Parties,
    pub caller: &'a Caller,
    /// `https://adapter.example/fhir`
    pub base: &'a str,
    pub cursors: &'a CursorKey,
    pub now: Timestamp,
}

/// What a request asks.
pub struct Asked {
    /// Of the URL, then of the body.
    pub pairs: Vec<(String, String)>,
    /// `Prefer: handling=strict`
    pub strict: bool,
}

impl Asked {
    /// Parameters of the URL, and with POST of the body.
    ///
    /// # Errors
    /// 415, 413; 400 if the body breaks off. How long to wait is for who calls.
    pub async fn read(request: Request) -> Result<Self, Refusal> {
        let mut pairs = Vec::new();
        let decode = |text: &[u8], pairs: &mut Vec<(String, String)>| {
            // one more than is allowed is enough to refuse it
            pairs.extend(form_urlencoded::parse(text).take(MOST_PAIRS).map(|(name, value)| (name.into_owned(), value.into_owned())));
        };
        decode(request.uri().query().unwrap_or_default().as_bytes(), &mut pairs);
        let strict = prefers(request.headers(), STRICT);
        if request.method() == Method::POST {
            if !sends(Media::Form, request.headers()) {
                return Err(Refusal::MediaType(Media::Form));
            }
            decode(&body::read(request.into_body(), 0, MOST_BODY).await?, &mut pairs);
        }
        Ok(Self { pairs, strict })
    }
}

impl Searching<'_> {
    /// # Errors
    /// 400 for what makes no sense; what the store says.
    pub async fn answer(&self, asked: Asked) -> Result<Response, Refusal> {
        let bundle = self.bundle(asked).await?;
        Ok(([(CONTENT_TYPE, FHIR_JSON)], bundle).into_response())
    }

    /// The searchset, printed.
    ///
    /// # Errors
    /// 400 for what makes no sense; what the store says.
    pub async fn bundle(&self, asked: Asked) -> Result<Vec<u8>, Refusal> {
        let cursor = self.cursor(&asked.pairs)?;
        let format = asked.pairs.iter().find(|(name, _)| name == "_format").map(|(_, format)| format.as_str());
        let format = kept_format(format);
        let (pairs, after) = cursor.map_or((asked.pairs, None), |cursor| (cursor.search, cursor.after));
        let search = Search::parse(&pairs, World { parties: self.parties, base: self.base }).map_err(Refusal::Request)?;
        if asked.strict && !search.unknown.is_empty() {
            let as_error = |issue| Issue { severity: Severity::Error, ..issue };
            return Err(Refusal::Request(search.unknown.into_iter().map(as_error).collect()));
        }
        let query = Query { after, ..search.query(viewer(self.caller, self.parties)) };
        let shape = &search.shape;
        let total = if shape.total || shape.counts_only { Some(self.count(&search, &query).await?) } else { None };
        let page = if shape.counts_only { Page::default() } else { self.page(&search, &query).await? };

        let mut set = Searchset::new(total);
        self.link(&mut set, &search, &query, &page, format)?;
        for task in &page.tasks {
            self.show(&mut set, task, &query.viewer, &shape.subset, Mode::Match);
        }
        self.include(&mut set, &search, &page.tasks);
        let mut told = [search.unknown.clone(), search.hints.clone()].concat();
        told.extend(damaged(&page));
        if shape.parts {
            told.extend(self.include_parts(&mut set, &query.viewer, &page.tasks).await?);
        }
        set.tell(&told);
        Ok(set.print())
    }

    /// The cursor, if the request shows one.
    fn cursor(&self, pairs: &[(String, String)]) -> Result<Option<Cursor>, Refusal> {
        let beside = |name: &str| !matches!(name, "_cursor" | "_format" | "_pretty");
        let mut cursors = pairs.iter().filter(|(name, _)| name == "_cursor").map(|(_, value)| value);
        match (cursors.next(), cursors.next()) {
            (None, _) => Ok(None),
            (Some(_), Some(_)) => Err(Refusal::Request(vec![Issue::error("value", "cursor", "", "`_cursor` is there twice")])),
            (Some(_), None) if pairs.iter().any(|(name, _)| beside(name)) => {
                let issue = Issue::error("value", "cursor", "", "`_cursor` stands alone")
                    .remedy("follow the link as it is: it holds the whole search");
                Err(Refusal::Request(vec![issue]))
            }
            (Some(text), None) => {
                self.cursors.open(&self.caller.name, text, self.now).map(Some).map_err(|issue| Refusal::Request(vec![*issue]))
            }
        }
    }

    async fn count(&self, search: &Search, query: &Query) -> Result<u64, StoreError> {
        if search.nothing || sees_nobody(&query.viewer) { Ok(0) } else { self.store.count(query).await }
    }

    async fn page(&self, search: &Search, query: &Query) -> Result<Page, StoreError> {
        if search.nothing || sees_nobody(&query.viewer) { Ok(Page::default()) } else { self.store.search(query).await }
    }

    /// Links keep the `_format` that was asked for.
    fn link(&self, set: &mut Searchset, search: &Search, query: &Query, page: &Page, format: Option<&str>) -> Result<(), Refusal> {
        let with_format = |pairs: &[(String, String)]| {
            let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(format.map(|format| ("_format", format)));
            form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        };
        let sealed = |after| {
            let cursor = Cursor { search: search.understood.clone(), after };
            let too_long =
                || Refusal::Request(vec![Issue::error("too-long", "parameter", "", "the search is too long to be gone on with")]);
            let text = self.cursors.seal(&self.caller.name, &cursor, self.now).ok_or_else(too_long)?;
            Ok::<_, Refusal>(format!("{}/Task?{}", self.base, with_format(&[("_cursor".to_owned(), text)])))
        };
        let here = if search.private || query.after.is_some() {
            sealed(query.after.clone())?
        } else {
            self.written(&with_format(&search.understood))
        };
        set.link("self", here);
        if let Some(next) = &page.next {
            set.link("next", sealed(Some(next.clone()))?);
        }
        Ok(())
    }

    /// What was understood, and nothing else.
    fn written(&self, query: &str) -> String {
        if query.is_empty() { format!("{}/Task", self.base) } else { format!("{}/Task?{query}", self.base) }
    }

    fn show(&self, set: &mut Searchset, task: &Stored, viewer: &Viewer, subset: &Subset, mode: Mode) {
        let printed = match sight(viewer, &task.scope) {
            Sight::Whole => print_subset(task, subset),
            Sight::Reduced => print_reduced(task),
            Sight::Nothing => return,
        };
        set.entry(&format!("{}/Task/{}", self.base, task.id), &printed, mode);
    }

    /// Organizations and HealthcareServices, each once.
    fn include(&self, set: &mut Searchset, search: &Search, tasks: &[Stored]) {
        let mut wanted: Vec<&str> = Vec::new();
        for include in &search.shape.include {
            let references = tasks.iter().map(|task| match include.side {
                Side::Owner => task.scope.owner.as_str(),
                Side::Requester => task.scope.requester.as_str(),
            });
            wanted.extend(references.filter(|reference| include.wants(reference)));
        }
        wanted.sort_unstable();
        wanted.dedup();
        for reference in wanted {
            if let Some(printed) = self.parties.printed(reference) {
                set.entry(&format!("{}/{reference}", self.base), &printed, Mode::Include);
            }
        }
    }

    /// Tasks that are part of one on the page, and are not on it themselves. What is to be told of that.
    async fn include_parts(&self, set: &mut Searchset, viewer: &Viewer, tasks: &[Stored]) -> Result<Option<Issue>, StoreError> {
        if tasks.is_empty() {
            return Ok(None);
        }
        let references = tasks.iter().flat_map(|task| [format!("Task/{}", task.id), format!("{}/Task/{}", self.base, task.id)]);
        let filter = Filter::Keyed { kind: Keyed::PartOf, any: references.map(|reference| (None, reference)).collect(), not: false };
        let query = Query { viewer: viewer.clone(), filters: vec![filter], sort: Vec::new(), limit: MOST_PARTS, after: None };
        let parts = self.store.search(&query).await?;
        for part in parts.tasks.iter().filter(|part| tasks.iter().all(|task| task.id != part.id)) {
            self.show(set, part, viewer, &Subset::Whole, Mode::Include);
        }
        let cut = || {
            Issue::warning("incomplete", "parts-cut", "", format!("more than {MOST_PARTS} Tasks are part of these: not all are here"))
                .remedy("search by `part-of`")
        };
        Ok(parts.next.map(|_| cut()))
    }
}

/// The others are found all the same; whoever polls learns that something is missing, and so does the log.
fn damaged(page: &Page) -> Option<Issue> {
    let (first, others) = page.damaged.split_first()?;
    for task in &page.damaged {
        tracing::error!(%task, "a Task's row does not open: it was damaged or changed");
    }
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
    let message = format!("Task/{first}{more} cannot be read and is left out: its row in the store is damaged");
    Some(Issue::warning("incomplete", "store", "", message).remedy("tell the operator of the adapter"))
}

fn sees_nobody(viewer: &Viewer) -> bool {
    match viewer {
        Viewer::Everything => false,
        Viewer::Party { owners, requesters, formerly } => owners.is_empty() && requesters.is_empty() && formerly.is_empty(),
    }
}

const MOST_BODY: usize = 64 * 1024;
const MOST_PAIRS: usize = 100;
/// Tasks of `_revinclude` on a page.
const MOST_PARTS: u32 = 200;
