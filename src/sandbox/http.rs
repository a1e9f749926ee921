//! Every route of the sandbox in one table. <https://hl7.org/fhir/R4/http.html>

use std::net::TcpListener;

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Request as HttpRequest, State};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use crate::sandbox::answer::{self, Call};
use crate::sandbox::fault::{Fault, information};
use crate::sandbox::paging::Pages;
use crate::sandbox::request::{self, Action, IfMatch, Request, resource_of};
use crate::sandbox::search::{Search, pairs};
use crate::sandbox::store::{Cause, Key, Version, instant};
use crate::sandbox::{MOUNT, Sandbox, capability, kinds, page, transaction};

/// The largest body that is read.
const BODY: usize = 8 * 1024 * 1024;

/// The endpoint, all its routes under [`MOUNT`].
pub fn router(sandbox: Sandbox) -> Router {
    let routes = Router::new()
        .route("/metadata", get(metadata))
        .route("/$reset", post(reset))
        .route("/{kind}", get(search).post(create))
        .route("/{kind}/_search", post(search_by_form))
        .route("/{kind}/{id}", get(read).put(update).delete(delete))
        .route("/{kind}/{id}/_history", get(history))
        .route("/{kind}/{id}/_history/{version}", get(read_version));
    Router::new()
        .route(MOUNT, get(front).post(transact))
        .route(&format!("{MOUNT}/"), get(front).post(transact))
        .nest(MOUNT, routes)
        .fallback(async || Fault::new(404, "not-found", "there is nothing under this path"))
        .method_not_allowed_fallback(async || Fault::new(405, "not-supported", "this cannot be done here"))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(from_fn(tell))
        .with_state(sandbox)
}

/// Serves on a socket until the task is dropped.
///
/// # Errors
/// What the socket says.
pub async fn serve(listener: TcpListener, sandbox: Sandbox) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    axum::serve(tokio::net::TcpListener::from_std(listener)?, router(sandbox)).await
}

/// Tells that something was answered, never the query, a header or a body; and puts axum's own refusals into FHIR.
async fn tell(request: HttpRequest, next: Next) -> Response {
    let method = request.method().clone();
    let mut answer = next.run(request).await;
    let status = answer.status();
    if (status.is_client_error() || status.is_server_error()) && !answer::is_fhir(&answer) {
        answer = Fault::new(status.as_u16(), "invalid", "the request cannot be understood").into_response();
    }
    tracing::debug!(%method, status = answer.status().as_u16(), "the sandbox answered");
    answer
}

async fn metadata(State(sandbox): State<Sandbox>, call: Call) -> Response {
    call.resource(&capability::statement(&call.base, sandbox.now()))
}

async fn reset(State(sandbox): State<Sandbox>, call: Call) -> Result<Response, Fault> {
    sandbox.write(|contents| {
        contents.store.clear();
        contents.pages = Pages::default();
        Ok(call.resource(&information("the sandbox is empty")))
    })
}

async fn front(State(sandbox): State<Sandbox>, call: Call) -> Result<Response, Fault> {
    if call.query.iter().any(|(name, _)| name == "_getpages") {
        let bundle = sandbox.read(|contents| contents.pages.page(&call.query, &call.base));
        return bundle.map(|bundle| call.resource(&bundle));
    }
    let view = sandbox.read(|contents| page::View::of(&contents.store));
    Ok(view.response())
}

async fn transact(State(sandbox): State<Sandbox>, call: Call, body: Result<Bytes, BytesRejection>) -> Result<Response, Fault> {
    let requests = request::transaction(call.body(&sandbox, body)?)?;
    let now = sandbox.now();
    let done = sandbox.write(|contents| transaction::run(&mut contents.store, requests, &call.base, now))?;
    Ok(call.transaction(&done))
}

async fn create(
    State(sandbox): State<Sandbox>,
    Path(kind): Path<String>,
    call: Call,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Fault> {
    let kind = kinds::kind(&kind)?;
    let body = resource_of(kind, Value::Object(call.body(&sandbox, body)?))?;
    let condition = call.header("if-none-exist").map(String::from);
    write(&sandbox, &call, kind, Action::Create { body, condition })
}

async fn update(
    State(sandbox): State<Sandbox>,
    Path((kind, id)): Path<(String, String)>,
    call: Call,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Fault> {
    let kind = kinds::kind(&kind)?;
    let body = resource_of(kind, Value::Object(call.body(&sandbox, body)?))?;
    let wanted = call.header("if-match").map(IfMatch::parse).transpose()?;
    write(&sandbox, &call, kind, Action::Update { id, body, wanted })
}

async fn delete(State(sandbox): State<Sandbox>, Path((kind, id)): Path<(String, String)>, call: Call) -> Result<Response, Fault> {
    let wanted = call.header("if-match").map(IfMatch::parse).transpose()?;
    write(&sandbox, &call, kinds::kind(&kind)?, Action::Delete { id, wanted })
}

async fn read(State(sandbox): State<Sandbox>, Path((kind, id)): Path<(String, String)>, call: Call) -> Result<Response, Fault> {
    known(&sandbox, &kind, id).and_then(|(_, versions)| show(&call, versions.last()))
}

async fn read_version(
    State(sandbox): State<Sandbox>,
    Path((kind, id, number)): Path<(String, String, String)>,
    call: Call,
) -> Result<Response, Fault> {
    known(&sandbox, &kind, id).and_then(|(_, versions)| {
        let version = versions.iter().find(|version| version.number.to_string() == number);
        show(&call, version)
    })
}

async fn history(State(sandbox): State<Sandbox>, Path((kind, id)): Path<(String, String)>, call: Call) -> Result<Response, Fault> {
    known(&sandbox, &kind, id).map(|(key, versions)| {
        let entries: Vec<_> = versions.iter().rev().map(|version| history_entry(&call.base, &key, version)).collect();
        let link = format!("{}/{key}/_history", call.base);
        call.resource(&json!({
            "resourceType": "Bundle", "id": uuid::Uuid::new_v4().to_string(), "type": "history", "total": entries.len(),
            "link": [{"relation": "self", "url": link}], "entry": entries
        }))
    })
}

async fn search(State(sandbox): State<Sandbox>, Path(kind): Path<String>, call: Call) -> Result<Response, Fault> {
    let link = format!("{}/{kind}{}{}", call.base, if call.raw_query.is_empty() { "" } else { "?" }, call.raw_query);
    find(&sandbox, &call, &kind, &call.query, &link)
}

async fn search_by_form(
    State(sandbox): State<Sandbox>,
    Path(kind): Path<String>,
    call: Call,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Fault> {
    let form = "application/x-www-form-urlencoded";
    if call.header("content-type").and_then(|given| given.split(';').next()).map(str::trim) != Some(form) {
        return Err(Fault::new(415, "not-supported", format!("a search by POST is a form: {form}")));
    }
    let body = answer::bytes(body)?;
    let body = std::str::from_utf8(&body).map_err(|_| Fault::invalid("the form is not UTF-8"))?;
    let parameters: Vec<_> = call.query.iter().cloned().chain(pairs(body)).collect();
    // the link to itself leaves the parameters out: they may be identity codes
    find(&sandbox, &call, &kind, &parameters, &format!("{}/{kind}/_search", call.base))
}

fn find(sandbox: &Sandbox, call: &Call, kind: &str, parameters: &[(String, String)], link: &str) -> Result<Response, Fault> {
    let search = Search::parse(kinds::kind(kind)?, parameters, &call.base)?;
    let bundle = sandbox.write(|contents| {
        let found = search.run(&contents.store);
        Ok(contents.pages.first(found, search.page, &call.base, link))
    })?;
    Ok(call.resource(&bundle))
}

/// One write as a transaction of one.
fn write(sandbox: &Sandbox, call: &Call, kind: &'static str, action: Action) -> Result<Response, Fault> {
    let request = Request { place: None, full_url: None, kind, action };
    let now = sandbox.now();
    let done = sandbox.write(|contents| transaction::run(&mut contents.store, vec![request], &call.base, now))?;
    Ok(done.first().map_or_else(|| call.transaction(&done), |done| call.written(done)))
}

/// The versions of a resource, oldest first; 404 when there never was one.
fn known(sandbox: &Sandbox, kind: &str, id: String) -> Result<(Key, Vec<Version>), Fault> {
    let key = Key { kind: kinds::kind(kind)?, id };
    let versions = sandbox.read(|contents| contents.store.versions(&key).to_vec());
    if versions.is_empty() { Err(Fault::new(404, "not-found", "there is no such resource")) } else { Ok((key, versions)) }
}

/// A version; 404 when there is none of that number, 410 when it is a deletion.
fn show(call: &Call, version: Option<&Version>) -> Result<Response, Fault> {
    let version = version.ok_or_else(|| Fault::new(404, "not-found", "there is no such version"))?;
    let body = version.body.as_deref().ok_or_else(|| Fault::new(410, "deleted", "the resource was deleted"))?;
    Ok(call.version(version, body))
}

fn history_entry(base: &str, key: &Key, version: &Version) -> Value {
    let (method, status) = match version.cause {
        Cause::Post => ("POST", "201 Created"),
        Cause::Put => ("PUT", if version.number == 1 { "201 Created" } else { "200 OK" }),
        Cause::Delete => ("DELETE", "204 No Content"),
    };
    let url = if method == "POST" { key.kind.to_owned() } else { key.to_string() };
    let mut entry = json!({
        "fullUrl": format!("{base}/{key}"),
        "request": {"method": method, "url": url},
        "response": {"status": status, "etag": answer::etag(version), "lastModified": instant(version.at)}
    });
    if let Some(body) = &version.body {
        entry["resource"] = (**body).clone();
    }
    entry
}
