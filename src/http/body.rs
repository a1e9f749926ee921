//! Bodies: declared, bounded in size and time; and what is left of one is let run off, so that its sender reads why.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, EXPECT};
use futures_util::{Stream, StreamExt as _};

use super::media::{Format, sends, sends_other_version, sent};
use crate::app::{App, Slot};
use crate::issue::Issue;
use crate::refusal::{Media, Refusal};

/// A body and the slot to work on it.
pub(super) struct Sent {
    pub(super) bytes: Vec<u8>,
    pub(super) slot: Slot,
}

/// Reads a body of that kind; XML is handed on as JSON. What is wrong beforehand (type,
/// announced length, no slot) is told without reading a byte.
///
/// # Errors
/// 415, 413, 503, 408; 400 if it breaks off, or for every fault of the XML.
pub(super) async fn receive(app: &App, request: Request, kind: Media) -> Result<Sent, Refusal> {
    if !sends(kind, request.headers()) {
        return Err(unread(kind, request.headers()));
    }
    let announced = announced(request.headers()).unwrap_or(0);
    if announced > app.limits.body as u64 {
        return Err(Refusal::TooLarge(app.limits.body));
    }
    let slot = app.slot()?;
    let format = sent(request.headers());
    let read = read(request.into_body(), usize::try_from(announced).unwrap_or(0), app.limits.body);
    let bytes = tokio::time::timeout(app.limits.body_timeout, read).await.map_err(|_| Refusal::Slow)??;
    Ok(Sent { bytes: as_json(bytes, format, app.limits.body)?, slot })
}

/// Reads a small body in the same way: no slot is needed for so little.
///
/// # Errors
/// 415, 413, 408; 400 if it breaks off, or for every fault of the XML.
pub(super) async fn receive_small(app: &App, request: Request, kind: Media) -> Result<Vec<u8>, Refusal> {
    if !sends(kind, request.headers()) {
        return Err(unread(kind, request.headers()));
    }
    let most = small(app);
    let announced = announced(request.headers()).unwrap_or(0);
    if announced > most as u64 {
        return Err(Refusal::TooLarge(most));
    }
    let format = sent(request.headers());
    let read = read(request.into_body(), usize::try_from(announced).unwrap_or(0), most);
    let bytes = tokio::time::timeout(app.limits.body_timeout, read).await.map_err(|_| Refusal::Slow)??;
    as_json(bytes, format, most)
}

fn unread(kind: Media, headers: &HeaderMap) -> Refusal {
    Refusal::MediaType(if sends_other_version(headers) { Media::OtherVersion } else { kind })
}

/// JSON without a byte order mark. What comes out of XML has the same limit as what went in.
fn as_json(mut bytes: Vec<u8>, format: Option<Format>, most: usize) -> Result<Vec<u8>, Refusal> {
    if format != Some(Format::Xml) {
        let plain = neuvola_fhir::without_bom(&bytes).len();
        return Ok(if plain == bytes.len() { bytes } else { bytes.split_off(bytes.len() - plain) });
    }
    let json = neuvola_fhir::json_of_xml(&bytes, neuvola_fhir::Limits::default()).map_err(Refusal::unreadable)?;
    if json.len() > most { Err(Refusal::TooLarge(most)) } else { Ok(json) }
}

/// Bytes of a callback request, a Subscription or a patch at most.
pub(super) fn small(app: &App) -> usize {
    app.limits.body.min(SMALL)
}

pub(super) async fn read(body: Body, announced: usize, most: usize) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::with_capacity(announced.min(most));
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let broken = |_| Refusal::Unreadable(vec![Issue::error("incomplete", "broken-off", "", "the body broke off")]);
        let chunk = chunk.map_err(broken)?;
        if bytes.len() + chunk.len() > most {
            return Err(Refusal::TooLarge(most));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Lets run off what nobody read of the body. A server that answers and closes while its client still sends resets the
/// connection, and most clients then never see the answer. The rest is thrown away as it comes, within bounds.
pub(super) fn linger(request: Request) -> Request {
    use axum::body::HttpBody as _;
    // who asks first (`Expect: 100-continue`) sends nothing once it is refused
    if request.headers().contains_key(EXPECT) || request.body().is_end_stream() {
        return request;
    }
    request.map(|body| Body::from_stream(Lingering(Some(body.into_data_stream()))))
}

struct Lingering(Option<BodyDataStream>);

impl Stream for Lingering {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.0 else { return Poll::Ready(None) };
        let polled = stream.poll_next_unpin(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if let (Some(rest), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(LINGER, let_run_off(rest)));
        }
    }
}

async fn let_run_off(mut rest: BodyDataStream) {
    let mut left = MOST_LINGERING;
    while let Ok(Some(Ok(chunk))) = tokio::time::timeout(LINGER_IDLE, rest.next()).await {
        let Some(less) = left.checked_sub(chunk.len()) else { return };
        left = less;
    }
}

/// Several times what the longest need.
const SMALL: usize = 128 * 1024;
/// Thrown away of one body at most: a refused upload of 50 MB still hears why.
const MOST_LINGERING: usize = 64 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(10);
const LINGER_IDLE: Duration = Duration::from_secs(1);
