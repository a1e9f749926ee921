//! The knowledge under `/fhir`: read by id, searched by what names it. <https://hl7.org/fhir/R4/http.html#read>

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::media::FHIR_JSON;
use super::search::{Parameter, Search, Told};
use super::segment::Segment;
use crate::app::App;
use crate::digest::Digest;
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
    Ok(unless_known(&artifact.content, &headers))
}

/// The bytes with a digest of them as ETag; 304 if the client has them. <https://hl7.org/fhir/R4/http.html#cread>
pub(super) fn unless_known(content: &[u8], headers: &HeaderMap) -> Response {
    let mut digest = Digest::new();
    digest.bytes(content);
    let etag = format!("W/\"{}\"", digest.short());
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok()).flat_map(|tags| tags.split(',')).map(str::trim);
    let unchanged = known.into_iter().any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag.trim_start_matches("W/"));
    let fresh = [(CACHE_CONTROL, "no-cache".to_owned()), (ETAG, etag)];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, fresh).into_response();
    }
    (fresh, [(CONTENT_TYPE, FHIR_JSON)], content.to_vec()).into_response()
}

/// `GET /fhir/{type}`: a searchset, a page at a time.
pub(super) async fn search(kind: &'static str, State(app): State<Arc<App>>, request: Request) -> Result<Response, Refusal> {
    let search = Search::parse(request.uri().query().unwrap_or_default(), &PARAMETERS)?.strictly(request.headers())?;
    let base = format!("{}/fhir/{kind}", app.base);
    let url = |artifact: &Artifact| if artifact.id.is_empty() { artifact.url.clone() } else { format!("{base}/{}", artifact.id) };
    let of_kind = app.profiles.artifacts().iter().filter(|artifact| artifact.resource_type == kind && search.finds(artifact));
    let found: Vec<_> = of_kind.map(|artifact| (url(artifact), artifact.content.as_slice())).collect();
    Ok(([(CONTENT_TYPE, FHIR_JSON)], neuvola_fhir::print(&search.bundle(&found, &base)?)).into_response())
}

/// The latest version of what has this id.
pub(super) fn current<'p>(profiles: &'p Profiles, kind: &str, id: &str) -> Result<&'p Artifact, Refusal> {
    let of_id = profiles.artifacts().iter().filter(|artifact| artifact.resource_type == kind && artifact.id == id && !id.is_empty());
    let latest = of_id.max_by(|left, right| by_version(&left.version, &right.version));
    latest.ok_or_else(|| Refusal::NotFound(format!("the {kind} of that id")))
}

const fn parameter(
    name: &'static str,
    kind: &'static str,
    what: &'static str,
    values: for<'a> fn(&'a Artifact) -> Vec<&'a str>,
) -> Parameter<Artifact> {
    Parameter { told: Told { name, kind, what }, system: "", values }
}

/// For every type of knowledge.
pub(super) static PARAMETERS: [Parameter<Artifact>; 6] = [
    parameter("_id", "token", "Logical id", |artifact| vec![&artifact.id]),
    parameter("name", "string", "Computable name; :exact, :contains", |artifact| vec![&artifact.name]),
    Parameter {
        system: "http://hl7.org/fhir/publication-status",
        ..parameter("status", "token", "draft, active, retired or unknown", |artifact| vec![&artifact.status])
    },
    parameter("title", "string", "Title in Finnish; :exact, :contains", |artifact| vec![&artifact.title]),
    parameter("url", "uri", "Canonical URL, without version", |artifact| vec![&artifact.url]),
    parameter("version", "token", "Business version", |artifact| vec![&artifact.version]),
];
