//! The patient record over FHIR R4 REST.
//!
//! <https://hl7.org/fhir/R4/http.html>. Every look-up says `Cache-Control: no-cache`: records answer equal searches from
//! a cache, even right after a create. Bodies and URLs are never logged; an identity code travels in bodies only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use reqwest::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, IF_MATCH};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::answer::{id_of, list, read, stored, text};
use super::patients::{any_of, choose};
use super::retry::{Again, Course, Retry, Setback};
use super::transaction::{Told, answers, bundle, or_lost_race, told, updates};
use super::{
    Coding, EarlierPlan, Entry, Identifier, Patient, PatientFault, PatientRecord, PlanFault, RecordError, Sought, Stored, Transaction,
    Update,
};
use crate::net::{BaseUrl, Client};

/// A record system at a base URL.
#[derive(Clone, Debug)]
pub struct FhirApi {
    pub(super) base: BaseUrl,
    pub(super) client: Client,
    pub(super) retry: Retry,
}

impl FhirApi {
    pub fn new(base: BaseUrl, client: Client, retry: Retry) -> Self {
        Self { base, client, retry }
    }
}

#[async_trait]
impl PatientRecord for FhirApi {
    async fn find_patients(&self, identifiers: &[Identifier]) -> Result<Vec<Result<Patient, PatientFault>>, RecordError> {
        if identifiers.is_empty() {
            return Ok(Vec::new());
        }
        let course = self.retry.begin();
        let mut page = self.search_patients(&course, identifiers).await?;
        if page.has_more && identifiers.len() > 1 {
            // The next page is not followed: its link may carry the search, and that an identity code.
            let one = |i| self.search_patients(&course, std::slice::from_ref(i));
            let pages = try_join_all(identifiers.iter().map(one)).await?;
            page.resources = pages.into_iter().flat_map(|page| page.resources).collect();
        }
        let answer = |identifier| choose(identifier, &page.resources);
        Ok(identifiers.iter().map(answer).collect())
    }

    async fn find_written(&self, resource_type: &str, keys: &[Coding]) -> Result<Vec<Stored>, RecordError> {
        self.find(&self.retry.begin(), resource_type, keys).await
    }

    async fn submit(&self, transaction: &Transaction) -> Result<Vec<Stored>, RecordError> {
        if transaction.entries.is_empty() {
            return Ok(Vec::new());
        }
        let course = self.retry.begin();
        let body = bundle(transaction, &self.base.to_string());
        // What a record that is not atomic created in attempts that failed otherwise: it is this call's too.
        let made = Mutex::new(Vec::new());
        let is_repeat = AtomicBool::new(false);
        let (body, making, is_repeat) = (&body, &made, &is_repeat);
        let attempt = |left| async move {
            if is_repeat.swap(true, Ordering::Relaxed) {
                self.expect_unchanged(&transaction.updates, left).await?;
            }
            let told = self.post_transaction(body.clone(), left).await?;
            without_passing_faults(told, &transaction.updates, making)
        };
        let told = course.repeat("transaction", attempt).await;
        let made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
        let refused = match told {
            Ok(told) => return self.settle(&course, transaction, told, &made).await,
            Err(error @ (RecordError::Refused { .. } | RecordError::Stale(_))) => error,
            Err(error) => return Err(error),
        };
        self.annul(&made).await?;
        if matches!(refused, RecordError::Refused { .. }) {
            // whatever status it gave: a version that is not the one read explains it
            course.repeat("read", |left| self.expect_unchanged(&transaction.updates, left)).await?;
        }
        Err(refused)
    }

    async fn annul(&self, stored: &[Stored]) -> Result<(), RecordError> {
        let course = self.retry.begin();
        let mut first_error = None;
        // Backwards: what refers to others (Provenance) comes last in a transaction and goes first.
        for stored in stored.iter().rev().filter(|stored| stored.created) {
            let attempt = |left| self.annul_one(stored, left);
            if let Err(error) = course.repeat("annul", attempt).await {
                tracing::error!(
                    resource_type = stored.resource_type,
                    id = stored.id,
                    reason = %error,
                    "a resource of ours could not be annulled"
                );
                first_error = first_error.or(Some(error));
            }
        }
        first_error.map_or(Ok(()), Err)
    }

    async fn find_plan(&self, sought: &Sought) -> Result<Result<EarlierPlan, PlanFault>, RecordError> {
        self.earlier_plan(&self.retry.begin(), sought).await
    }

    async fn restore(&self, updates: &[Update], stored: &[Stored]) -> Result<(), RecordError> {
        self.restore_all(&self.retry.begin(), updates, stored).await
    }

    async fn ready(&self) -> Result<(), RecordError> {
        let url = self.base.at(&["metadata"]);
        let request = self.client.request(Method::GET, url);
        let statement = self.ask(request, READY_TIMEOUT).await.map_err(|setback| setback.error)?;
        let is_r4 = text(&statement, "resourceType") == Some("CapabilityStatement")
            && text(&statement, "fhirVersion").is_some_and(|version| version.starts_with("4.0"));
        is_r4.then_some(()).ok_or(RecordError::Unintelligible("not a FHIR R4 record"))
    }
}

/// One page of search results: what matched, and whether there is more.
struct Page {
    resources: Vec<Value>,
    has_more: bool,
    next: Option<Url>,
}

impl FhirApi {
    pub(super) async fn ask(&self, request: RequestBuilder, left: Duration) -> Result<Value, Setback> {
        let request = request.header(ACCEPT, FHIR_JSON).header(CACHE_CONTROL, "no-cache");
        let answer = self.client.send(request, left).await;
        read(&answer.inspect_err(|error| tracing::warn!(cause = error.causes(), "no answer from the record system"))?)
    }

    async fn search_patients(&self, course: &Course, identifiers: &[Identifier]) -> Result<Page, RecordError> {
        let tokens = identifiers.iter().map(|i| (i.system.as_str(), i.value.as_str()));
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("identifier", &any_of(tokens))
            .append_pair("_count", PAGE_SIZE)
            .finish();
        let attempt = |left| {
            let request = self
                .client
                .request(Method::POST, self.base.at(&["Patient", "_search"]))
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(PREFER, "handling=strict")
                .body(form.clone());
            async move { self.page(self.ask(request, left).await?) }
        };
        course.repeat("patient search", attempt).await
    }

    async fn find(&self, course: &Course, resource_type: &str, keys: &[Coding]) -> Result<Vec<Stored>, RecordError> {
        let mut found: Vec<Stored> = Vec::new();
        for keys in keys.chunks(KEYS_A_SEARCH) {
            let tokens = keys.iter().map(|key| (key.system.as_str(), key.code.as_str()));
            let mut url = self.base.at(&[resource_type]);
            url.query_pairs_mut().append_pair("_tag", &any_of(tokens)).append_pair("_count", PAGE_SIZE);
            for page in 1.. {
                let attempt = |left| {
                    let request = self.client.request(Method::GET, url.clone()).header(PREFER, "handling=strict");
                    async move { self.page(self.ask(request, left).await?) }
                };
                let Page { resources, has_more, next } = course.repeat("search", attempt).await?;
                let ours = resources.iter().filter_map(|resource| stored(resource, false));
                found.extend(ours.filter(|stored| stored.resource_type == resource_type && keys.iter().any(|key| key.code == stored.key)));
                match next {
                    Some(next) if page < MOST_PAGES => url = next,
                    Some(_) => return Err(RecordError::Unintelligible("too many pages")),
                    None if has_more => return Err(RecordError::Misdirected),
                    None => break,
                }
            }
        }
        Ok(found)
    }

    fn page(&self, mut bundle: Value) -> Result<Page, Setback> {
        if text(&bundle, "resourceType") != Some("Bundle") {
            return Err(Setback::last(RecordError::Unintelligible("not a Bundle")));
        }
        let next = list(&bundle, "/link").find(|link| text(link, "relation") == Some("next"));
        let has_more = next.is_some();
        let next = next.and_then(|link| text(link, "url")).and_then(|link| self.base.follow(link));
        let entries = bundle.get_mut("entry").and_then(Value::as_array_mut);
        let resources = entries.into_iter().flatten().map(|entry| entry.get_mut("resource").map(Value::take).unwrap_or_default()).collect();
        Ok(Page { resources, has_more, next })
    }

    async fn post_transaction(&self, body: Vec<u8>, left: Duration) -> Result<Vec<Told>, Setback> {
        let request = self
            .client
            .request(Method::POST, self.base.at(&[]))
            .header(CONTENT_TYPE, FHIR_JSON)
            .header(PREFER, "return=representation")
            .body(body);
        let answer = self.ask(request, left).await.map_err(or_lost_race)?;
        told(&answer).ok_or(Setback::last(RecordError::Unintelligible("not the answer to a transaction")))
    }

    /// One answer an entry, or the refusal; then nothing of ours stays active.
    async fn settle(
        &self,
        course: &Course,
        transaction: &Transaction,
        told: Vec<Told>,
        made: &[Stored],
    ) -> Result<Vec<Stored>, RecordError> {
        let Transaction { entries, updates } = transaction;
        let (mut found, mut places, mut updated, mut failed) = (Vec::new(), Vec::new(), Vec::new(), None);
        for told in told {
            match told {
                Told::Created(stored) => found.push(stored),
                Told::There(place) if updates.iter().any(|update| self::updates(&place, update)) => updated.push(place),
                Told::There(place) => places.push(place),
                Told::Failed(setback) => failed = failed.or(Some(setback.error)),
                Told::Nothing => {}
            }
        }
        let reads = places.iter().map(|place| self.read_stored(course, place));
        found.extend(try_join_all(reads).await?.into_iter().flatten());
        self.look_up_missing(course, entries, &mut found).await?;
        for stored in &mut found {
            stored.created |= made.iter().any(|made| made.resource_type == stored.resource_type && made.id == stored.id);
        }
        self.look_up_updated(course, updates, &mut updated).await?;
        let created = entries.iter().map(|entry| found.iter().find(|stored| answers(stored, entry)).cloned());
        let changed = updates.iter().map(|update| updated.iter().find(|stored| self::updates(stored, update)).cloned());
        let settled: Option<Vec<Stored>> = created.chain(changed).collect();
        match settled {
            Some(settled) => Ok(settled),
            None => {
                let annulled = self.annul(&found).await;
                self.restore_all(course, updates, &updated).await?;
                annulled?;
                let (status, issues) = (200, Vec::new());
                Err(failed.unwrap_or(RecordError::Refused { status, issues }))
            }
        }
    }

    /// Reads a resource that an answer named. `None` if it is gone or carries no key of ours.
    async fn read_stored(&self, course: &Course, place: &Stored) -> Result<Option<Stored>, RecordError> {
        let attempt = |left| self.read_resource(&place.resource_type, &place.id, left);
        let resource = course.repeat("read", attempt).await?;
        Ok(resource.and_then(|resource| stored(&resource, place.created)))
    }

    pub(super) async fn read_resource(&self, resource_type: &str, id: &str, left: Duration) -> Result<Option<Value>, Setback> {
        let request = self.client.request(Method::GET, self.base.at(&[resource_type, id]));
        match self.ask(request, left).await {
            Ok(resource) if text(&resource, "resourceType") == Some(resource_type) && id_of(&resource) == Some(id) => Ok(Some(resource)),
            Ok(_) => Err(Setback::last(RecordError::Unintelligible("not the resource asked for"))),
            Err(Setback { error: RecordError::Refused { status: 404 | 410, .. }, .. }) => Ok(None),
            Err(setback) => Err(setback),
        }
    }

    /// A record may answer for fewer entries than it was given; what it wrote is found by its key.
    async fn look_up_missing(&self, course: &Course, entries: &[Entry], found: &mut Vec<Stored>) -> Result<(), RecordError> {
        let mut missing: Vec<&Entry> = entries.iter().filter(|entry| !found.iter().any(|stored| answers(stored, entry))).collect();
        while let Some(resource_type) = missing.first().map(|entry| entry.resource_type) {
            let of_type = missing.iter().filter(|entry| entry.resource_type == resource_type);
            let keys: Vec<Coding> = of_type.map(|entry| entry.key.clone()).collect();
            found.extend(self.find(course, resource_type, &keys).await?);
            missing.retain(|entry| entry.resource_type != resource_type);
        }
        Ok(())
    }

    async fn annul_one(&self, stored: &Stored, left: Duration) -> Result<(), Setback> {
        let Stored { resource_type, id, version, .. } = stored;
        let Some(mut resource) = self.read_resource(resource_type, id, left).await? else {
            return Ok(());
        };
        if text(&resource, "status") == Some(ENTERED_IN_ERROR) {
            return Ok(());
        }
        let now = resource.pointer("/meta/versionId").and_then(Value::as_str);
        let Some(version) = version.as_deref().filter(|version| now == Some(version)) else {
            // Somebody changed it since: not ours any more to take back.
            let (status, issues) = (412, Vec::new());
            return Err(Setback::last(RecordError::Refused { status, issues }));
        };
        let if_match = format!("W/\"{version}\"");
        let url = self.base.at(&[resource_type, id]);
        let request = if text(&resource, "status").is_some() {
            resource["status"] = Value::from(ENTERED_IN_ERROR);
            self.client
                .request(Method::PUT, url)
                .header(CONTENT_TYPE, FHIR_JSON)
                .header(PREFER, "return=minimal")
                .body(resource.to_string())
        } else {
            self.client.request(Method::DELETE, url)
        };
        self.ask(request.header(IF_MATCH, if_match), left).await.map(drop)
    }
}

/// Lets an answer pass unless some entry failed for now only: then the whole is repeated, which its conditions make
/// safe, and what was made already is kept in `made`.
fn without_passing_faults(told: Vec<Told>, updates: &[Update], made: &Mutex<Vec<Stored>>) -> Result<Vec<Told>, Setback> {
    let passes = |told: &Told| matches!(told, Told::Failed(setback) if setback.again != Again::Never);
    // an update that was made would be stale the second time: then it is all undone instead
    let updated = |told: &Told| matches!(told, Told::There(place) if updates.iter().any(|update| self::updates(place, update)));
    if !told.iter().any(passes) || told.iter().any(updated) {
        return Ok(told);
    }
    let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
    let mut fault = None;
    for told in told {
        match told {
            Told::Created(stored) | Told::There(stored) if stored.created => made.push(stored),
            Told::Failed(setback) if setback.again != Again::Never => fault = Some(setback),
            _ => {}
        }
    }
    Err(fault.unwrap_or(Setback::last(RecordError::Unintelligible("no fault"))))
}

pub(super) const FHIR_JSON: &str = "application/fhir+json";
pub(super) const PREFER: &str = "prefer";
const ENTERED_IN_ERROR: &str = "entered-in-error";
const PAGE_SIZE: &str = "100";
const MOST_PAGES: usize = 20;
/// Keeps URLs under 4 kB.
const KEYS_A_SEARCH: usize = 25;
const READY_TIMEOUT: Duration = Duration::from_secs(3);
