//! The knowledge under `/fhir`: read by id, searched by what names it. <https://hl7.org/fhir/R4/http.html#read>

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::{Bundle, BundleEntry, BundleEntrySearch, BundleLink};
use uuid::Uuid;

use super::media::FHIR_JSON;
use super::search::{Page, Search};
use super::segment::Segment;
use crate::app::App;
use crate::digest::Digest;
use crate::issue::{Issue, Severity};
use crate::outcome;
use crate::profiles::{Artifact, Profiles, by_version};
use crate::refusal::Refusal;

/// `GET /fhir/{type}/{id}`: the file as it is, with a digest of it as ETag.
pub(super) async fn read(
    kind: &'static str,
    State(app): State<Arc<App>>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let artifact = current(&app.profiles, kind, &id)?;
    let mut digest = Digest::new();
    digest.bytes(&artifact.content);
    let etag = format!("W/\"{}\"", digest.short());
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok()).flat_map(|tags| tags.split(',')).map(str::trim);
    let unchanged = known.into_iter().any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag.trim_start_matches("W/"));
    let fresh = [(CACHE_CONTROL, "no-cache".to_owned()), (ETAG, etag)];
    if unchanged {
        return Ok((StatusCode::NOT_MODIFIED, fresh).into_response());
    }
    Ok((fresh, [(CONTENT_TYPE, FHIR_JSON)], artifact.content.clone()).into_response())
}

/// `GET /fhir/{type}`: a searchset, a page at a time.
pub(super) async fn search(kind: &'static str, State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let search = Search::parse(request.uri().query().unwrap_or_default())?;
    if !search.ignored.is_empty() && is_strict(request.headers()) {
        let as_error = |issue| Issue { severity: Severity::Error, ..issue };
        return Err(Refusal::Request(search.ignored.into_iter().map(as_error).collect()));
    }
    let found: Vec<&Artifact> =
        app.profiles.artifacts().iter().filter(|artifact| artifact.resource_type == kind && search.finds(artifact)).collect();
    let base = format!("{}/fhir/{kind}", app.base);
    let bundle = bundle(&found, &search, &base)?;
    Ok(([(CONTENT_TYPE, FHIR_JSON)], neuvola_fhir::print(&Resource::Bundle(Box::new(bundle)))).into_response())
}

/// The latest version of what has this id.
pub(super) fn current<'p>(profiles: &'p Profiles, kind: &str, id: &str) -> Result<&'p Artifact, Refusal> {
    let of_id = profiles.artifacts().iter().filter(|artifact| artifact.resource_type == kind && artifact.id == id && !id.is_empty());
    let latest = of_id.max_by(|left, right| by_version(&left.version, &right.version));
    latest.ok_or_else(|| Refusal::NotFound(format!("the {kind} of that id")))
}

fn bundle(found: &[&Artifact], search: &Search, base: &str) -> Result<Bundle, Refusal> {
    let Page { from, until, links } = search.page(found.len(), base);
    let mut entry = Vec::new();
    for artifact in &found[from..until] {
        entry.push(BundleEntry {
            full_url: Some(if artifact.id.is_empty() {
                artifact.url.as_str().into()
            } else {
                format!("{base}/{}", artifact.id).as_str().into()
            }),
            resource: Some(neuvola_fhir::parse(&artifact.content).map_err(|_| Refusal::Bug)?),
            search: mode("match"),
            ..Default::default()
        });
    }
    if !search.ignored.is_empty() {
        entry.push(BundleEntry {
            full_url: Some(format!("urn:uuid:{}", Uuid::new_v4()).as_str().into()),
            resource: Some(outcome::resource(&search.ignored)),
            search: mode("outcome"),
            ..Default::default()
        });
    }
    let link = |(relation, url): (&str, String)| BundleLink { relation: relation.into(), url: url.as_str().into(), ..Default::default() };
    Ok(Bundle {
        r#type: "searchset".into(),
        total: u32::try_from(found.len()).ok().map(Into::into),
        link: links.into_iter().map(link).collect(),
        entry,
        ..Default::default()
    })
}

fn mode(mode: &str) -> Option<BundleEntrySearch> {
    Some(BundleEntrySearch { mode: Some(mode.into()), ..Default::default() })
}

/// `Prefer: handling=strict`, <https://hl7.org/fhir/R4/search.html#errors>
pub(super) fn is_strict(headers: &HeaderMap) -> bool {
    let preferences = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    preferences.flat_map(|value| value.split([',', ';'])).any(|preference| preference.trim().eq_ignore_ascii_case("handling=strict"))
}
