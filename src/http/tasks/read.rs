//! Reading a Task: now (`read`), as it was (`vread`), and all of it (`history`).
//! <https://hl7.org/fhir/R4/http.html#read>, [#vread](https://hl7.org/fhir/R4/http.html#vread),
//! [#history](https://hl7.org/fhir/R4/http.html#history)

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::http::header::{CONTENT_TYPE, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use super::super::edge::{RequestId, Who};
use super::super::media::{FHIR_JSON, format_in, kept_format};
use super::super::segment::Segment;
use super::super::version::etag;
use super::{Asking, id_of, nothing};
use crate::app::App;
use crate::issue::Issue;
use crate::refusal::Refusal;
use crate::task::print::{print, print_reduced};
use crate::task::search::Sight;
use crate::task::store::Stored;

/// `GET /fhir/Task/{id}`
pub(in crate::http) async fn read(
    State(app): State<Arc<App>>,
    who: Who,
    request_id: RequestId,
    id: Segment,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let asking = Asking::new(&app, &who, &request_id)?;
    let (task, _) = asking.seen(id_of(&id)?).await?;
    let known = headers.get_all(IF_NONE_MATCH).iter().filter_map(|tags| tags.to_str().ok()).flat_map(|tags| tags.split(','));
    let current = etag(task.version);
    if known.map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == current.trim_start_matches("W/")) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        asking.date(&mut response, &task);
        return Ok(response);
    }
    Ok(asking.answer(StatusCode::OK, &task, &HeaderMap::new()))
}

/// `GET /fhir/Task/{id}/_history/{version}`
pub(in crate::http) async fn version(
    State(app): State<Arc<App>>,
    who: Who,
    request_id: RequestId,
    Path((id, version)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let asking = Asking::new(&app, &who, &request_id)?;
    let id = id_of(&Segment(id))?;
    let (_, sight) = asking.seen(id).await?;
    let number = version.parse::<u64>().ok().filter(|number| number.to_string() == version).ok_or_else(nothing)?;
    let task = asking.tasks.store.version(id, number).await?.ok_or_else(nothing)?;
    let mut response = (StatusCode::OK, [(CONTENT_TYPE, FHIR_JSON)], shown(&task, sight)).into_response();
    asking.date(&mut response, &task);
    Ok(response)
}

/// `GET /fhir/Task/{id}/_history`: newest first; `_count`, and `_before` in the link to the next page.
pub(in crate::http) async fn history(
    State(app): State<Arc<App>>,
    who: Who,
    request_id: RequestId,
    id: Segment,
    request: Request,
) -> Result<Response, Refusal> {
    let asking = Asking::new(&app, &who, &request_id)?;
    let id = id_of(&id)?;
    let (now, sight) = asking.seen(id).await?;
    let (mut count, mut before) = (50, None);
    for (name, value) in form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()) {
        let number = value.parse::<u64>();
        match (&*name, number) {
            ("_count", Ok(number)) => count = u32::try_from(number.clamp(1, 100)).unwrap_or(100),
            ("_before", Ok(number)) => before = Some(number),
            ("_format" | "_pretty", _) => {}
            ("_count" | "_before", Err(_)) => {
                return Err(Refusal::Request(vec![Issue::error("value", "parameter", "", format!("`{name}` is no number"))]));
            }
            _ => {
                let issue = Issue::error("not-supported", "parameter", "", "a history knows `_count` only");
                return Err(Refusal::Request(vec![issue]));
            }
        }
    }
    let versions = asking.tasks.store.history(id, before, count).await?;
    let url = format!("{}/fhir/Task/{id}", app.base);
    let bundle =
        printed(&url, &versions, sight, now.version, &Pages { count, format: kept_format(format_in(request.uri().query()).as_deref()) });
    Ok((StatusCode::OK, [(CONTENT_TYPE, FHIR_JSON)], bundle).into_response())
}

fn shown(task: &Stored, sight: Sight) -> Vec<u8> {
    if sight == Sight::Whole { print(task) } else { print_reduced(task) }
}

/// How the links to other pages are written.
struct Pages {
    count: u32,
    format: Option<&'static str>,
}

/// A Bundle of type `history`, composed of what is printed already.
fn printed(url: &str, versions: &[Stored], sight: Sight, total: u64, pages: &Pages) -> Vec<u8> {
    let base = url.rsplit_once("/Task/").map_or(url, |(base, _)| base);
    let alone = pages.format.map_or_else(String::new, |format| format!("?_format={format}"));
    let beside = pages.format.map_or_else(String::new, |format| format!("&_format={format}"));
    let mut links = format!(r#"{{"relation":"self","url":"{url}/_history{alone}"}}"#);
    if let Some(last) = versions.last().filter(|last| last.version > 1) {
        links
            .push_str(&format!(r#",{{"relation":"next","url":"{url}/_history?_count={}&_before={}{beside}"}}"#, pages.count, last.version));
    }
    let mut bundle = format!(r#"{{"resourceType":"Bundle","type":"history","total":{total},"link":[{links}]"#).into_bytes();
    for (index, task) in versions.iter().enumerate() {
        bundle.extend_from_slice(if index == 0 { br#","entry":["# } else { b"," });
        bundle.extend_from_slice(format!(r#"{{"fullUrl":"{url}","resource":"#).as_bytes());
        bundle.extend_from_slice(&shown(task, sight));
        let (method, target, status) =
            if task.version == 1 { ("POST", "Task", "201 Created") } else { ("PUT", &url[base.len() + 1..], "200 OK") };
        let (tag, at) = (etag(task.version).replace('"', "\\\""), format!("{:.3}", task.last_updated));
        let rest = format!(
            r#","request":{{"method":"{method}","url":"{target}"}},"response":{{"status":"{status}","etag":"{tag}","lastModified":"{at}"}}}}"#
        );
        bundle.extend_from_slice(rest.as_bytes());
    }
    bundle.extend_from_slice(if versions.is_empty() { b"}" } else { b"]}" });
    bundle
}
