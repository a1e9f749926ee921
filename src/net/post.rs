//! Posting to endpoints that others name: what they resolve to is checked when the connection is made, no redirect is
//! followed, and of the answer nothing counts but its status.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use url::{Host, Url};

use super::{Client, ClientSettings, Guard, NetError};

/// A client that is kept in by a [`Guard`].
#[derive(Clone, Debug)]
pub struct Poster {
    client: Client,
    guard: Arc<Guard>,
}

impl Poster {
    /// # Errors
    /// [`NetError::Settings`] if TLS cannot start or the user agent is no header value.
    pub fn new(settings: &ClientSettings, guard: Arc<Guard>) -> Result<Self, NetError> {
        Ok(Self { client: Client::build(settings, Some(Resolver(Arc::clone(&guard))))?, guard })
    }

    /// Posts JSON of FHIR.
    ///
    /// # Errors
    /// [`NotPosted`], none of which names the URL.
    pub async fn post(&self, url: &Url, headers: &[(String, String)], body: Vec<u8>, most: Duration) -> Result<Taken, NotPosted> {
        // a name goes through the resolver, an address does not
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        if address.is_some_and(|address| !self.guard.lets(address)) {
            return Err(NotPosted::Forbidden);
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let (name, mut value) = header(name, value).ok_or(NotPosted::Net(NetError::Settings))?;
            value.set_sensitive(true);
            map.append(name, value);
        }
        map.insert(CONTENT_TYPE, HeaderValue::from_static("application/fhir+json"));
        let request = self.client.request(Method::POST, url.clone()).headers(map).body(body);
        let answer = self.client.send(request, most).await;
        match answer {
            Ok(answer) => Ok(Taken { status: answer.status, retry_after: retry_after(&answer.headers) }),
            Err(NetError::Unreachable(error)) if is_forbidden(&error) => Err(NotPosted::Forbidden),
            Err(error) => Err(NotPosted::Net(error)),
        }
    }
}

/// What the endpoint said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    pub status: u16,
    pub retry_after: Option<Duration>,
}

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub enum NotPosted {
    #[error("the endpoint's address is private")]
    Forbidden,
    #[error(transparent)]
    Net(NetError),
}

/// Whether a header can be sent as it is. Names that belong to the connection or to us cannot.
pub fn may_send(name: &str, value: &str) -> bool {
    header(name, value).is_some_and(|(name, _)| !OURS.contains(&name.as_str()))
}

fn header(name: &str, value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn is_forbidden(error: &reqwest::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if error.is::<Forbidden>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The system's, without the addresses that the guard does not let.
#[derive(Debug)]
pub(super) struct Resolver(Arc<Guard>);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let known = !found.is_empty();
            let mut allowed = found.into_iter().filter(move |address| guard.lets(address.ip())).peekable();
            if known && allowed.peek().is_none() {
                return Err(Forbidden.into());
            }
            Ok(Box::new(allowed) as Addrs)
        })
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the name leads to a private address")]
struct Forbidden;

/// RFC 9110 7.6.1 and what describes the body.
const OURS: [&str; 15] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_is_not_spoken_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let poster = Poster::new(&ClientSettings::default(), Arc::default()).unwrap();
        for host in ["localhost", "127.0.0.1", "[::1]"] {
            let url = Url::parse(&format!("http://{host}:{port}/")).unwrap();
            let refused = poster.post(&url, &[], Vec::new(), Duration::from_secs(5)).await;
            assert!(matches!(refused, Err(NotPosted::Forbidden)), "{host}: {refused:?}");
        }
        let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(nobody.is_err(), "somebody connected");
    }

    #[test]
    fn headers_of_the_connection_are_ours() {
        for (name, value) in [("Authorization", "Bearer abc"), ("X-Key", "ä"), ("x", "")] {
            assert!(may_send(name, value), "{name}");
        }
        for (name, value) in
            [("Host", "a"), ("content-length", "1"), ("Transfer-Encoding", "chunked"), ("a b", "c"), ("", "c"), ("a", "b\r\nc: d")]
        {
            assert!(!may_send(name, value), "{name}");
        }
    }
}
