//! The one place that builds HTTP clients.
//!
//! Every client of ours verifies certificates (rustls), follows no redirect, uses no proxy from the environment, gives
//! up after a time, reads at most so many bytes of an answer, and tells errors without the URL they happened at.
//! A base URL is parsed once ([`BaseUrl`]) and is `https`, or `http` to the loopback interface.

mod authorities;
mod guard;
mod post;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use authorities::{Authorities, NoAuthority};
pub use guard::{EndpointFault, Guard, Network, NoNetwork};
pub use post::{NotPosted, Poster, Taken, may_send};
pub use reqwest::Method;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use url::{Host, Url};

/// How a client behaves. `Default` suits a record system in the same data centre.
#[derive(Clone, Debug)]
pub struct ClientSettings {
    /// Until the connection stands, TLS included.
    pub connect_timeout: Duration,
    /// One request, from its sending to the last byte of its answer.
    pub timeout: Duration,
    /// Bytes of an answer's body that are read at most.
    pub body_cap: usize,
    pub user_agent: String,
    /// Sent with every request.
    pub authorization: Option<Authorization>,
    /// Trusted beside those of the system.
    pub authorities: Authorities,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            body_cap: 8 * 1024 * 1024,
            user_agent: concat!("neuvola-adapter/", env!("CARGO_PKG_VERSION")).to_owned(),
            authorization: None,
            authorities: Authorities::default(),
        }
    }
}

/// What goes into the `Authorization` header. Its Debug shows nothing.
#[derive(Clone)]
pub struct Authorization(HeaderValue);

impl Authorization {
    /// A bearer token (RFC 6750).
    ///
    /// # Errors
    /// [`NetError::Settings`] if the token holds what no header may hold.
    pub fn bearer(token: &str) -> Result<Self, NetError> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| NetError::Settings)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorization(…)")
    }
}

/// A client with its limits. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    timeout: Duration,
    body_cap: usize,
}

impl Client {
    /// # Errors
    /// [`NetError::Settings`] if TLS cannot start or the user agent is no header value.
    pub fn new(settings: &ClientSettings) -> Result<Self, NetError> {
        Self::build(settings, None)
    }

    #[allow(clippy::disallowed_methods, reason = "the one place that builds clients")]
    fn build(settings: &ClientSettings, resolver: Option<post::Resolver>) -> Result<Self, NetError> {
        let mut headers = HeaderMap::new();
        if let Some(Authorization(value)) = &settings.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        let mut builder = reqwest::Client::builder();
        if let Some(resolver) = resolver {
            builder = builder.dns_resolver(Arc::new(resolver));
        }
        let inner = builder
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .user_agent(&settings.user_agent)
            .default_headers(headers)
            .tls_certs_merge(settings.authorities.certificates())
            .build()
            .map_err(|_| NetError::Settings)?;
        Ok(Self { inner, timeout: settings.timeout, body_cap: settings.body_cap })
    }

    /// Starts a request, to be finished by [`Client::send`].
    pub fn request(&self, method: reqwest::Method, url: Url) -> reqwest::RequestBuilder {
        self.inner.request(method, url)
    }

    /// Sends a request and reads the whole answer, whatever its status, within `left` and the client's own timeout.
    ///
    /// # Errors
    /// All of [`NetError`]; none of them names the URL.
    pub async fn send(&self, request: reqwest::RequestBuilder, left: Duration) -> Result<Answer, NetError> {
        let mut response = request.timeout(self.timeout.min(left)).send().await.map_err(NetError::of)?;
        let status = response.status().as_u16();
        let cap = self.body_cap;
        let announced = response.content_length().unwrap_or(0);
        if announced > cap as u64 {
            return Err(NetError::TooLarge { cap });
        }
        let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
        while let Some(chunk) = response.chunk().await.map_err(NetError::of)? {
            if body.len() + chunk.len() > cap {
                return Err(NetError::TooLarge { cap });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers: std::mem::take(response.headers_mut()), body })
    }
}

/// An answer, read to its end.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// Why no answer came, or not a whole one. Sources carry no URL.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    #[error("the connection could not be made")]
    Unreachable(#[source] reqwest::Error),
    #[error("no whole answer in time")]
    TimedOut(#[source] reqwest::Error),
    #[error("the connection broke before the answer was whole")]
    BrokenOff(#[source] reqwest::Error),
    #[error("the answer has more than {cap} bytes")]
    TooLarge { cap: usize },
    #[error("the settings make no HTTP client or request")]
    Settings,
}

impl NetError {
    /// The error and its causes in one line, for the log: says "connection refused" or "certificate expired", names no URL.
    pub fn causes(&self) -> String {
        let mut line = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            line = format!("{line}: {error}");
            cause = error.source();
        }
        line
    }

    fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_builder() {
            Self::Settings
        } else if error.is_connect() {
            // A connect timeout is one of these too: nothing was sent.
            Self::Unreachable(error)
        } else if error.is_timeout() {
            Self::TimedOut(error)
        } else {
            Self::BrokenOff(error)
        }
    }
}

/// Whether `http` may leave this machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PlainHttp {
    LoopbackOnly,
    /// For test networks; client data then travels unprotected.
    Anywhere,
}

/// A service base URL as FHIR means it: no user, query or fragment, and safe to speak to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// # Errors
    /// [`BaseUrlFault`], which never repeats the text: it may hold a password.
    pub fn parse(text: &str, plain: PlainHttp) -> Result<Self, BaseUrlFault> {
        let url = Url::parse(text.trim()).map_err(|_| BaseUrlFault::Unreadable)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BaseUrlFault::UserInfo);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(BaseUrlFault::QueryOrFragment);
        }
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if plain == PlainHttp::Anywhere || is_loopback(&url) => Ok(Self(url)),
            "http" => Err(BaseUrlFault::PlainHttp),
            _ => Err(BaseUrlFault::Scheme),
        }
    }

    /// The base followed by path segments, each percent-encoded as needed.
    pub fn at(&self, segments: &[&str]) -> Url {
        let mut url = self.0.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Whether a URL lies under this base: same origin, same path to begin with.
    pub fn holds(&self, url: &Url) -> bool {
        let (base, path) = (self.0.path().trim_end_matches('/'), url.path());
        let below = path.strip_prefix(base);
        url.origin() == self.0.origin()
            && url.username().is_empty()
            && url.password().is_none()
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The URL a link of the service means, if it stays under this base.
    pub fn follow(&self, link: &str) -> Option<Url> {
        let url = self.at(&[""]).join(link).ok()?;
        self.holds(&url).then_some(url)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Why a text is no base URL for us.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BaseUrlFault {
    #[error("not a URL")]
    Unreadable,
    #[error("a base URL is `https`, or `http` to the loopback interface")]
    Scheme,
    #[error("`http` is for the loopback interface only; use `https`")]
    PlainHttp,
    #[error("a base URL holds no user or password")]
    UserInfo,
    #[error("a base URL holds no query or fragment")]
    QueryOrFragment,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<BaseUrl, BaseUrlFault> {
        BaseUrl::parse(text, PlainHttp::LoopbackOnly)
    }

    #[test]
    fn plain_http_stays_on_loopback() {
        for text in ["http://127.0.0.1:8080/fhir", "http://[::1]/", "http://localhost:1/fhir/"] {
            assert!(parse(text).is_ok(), "{text}");
        }
        for text in ["http://ehr.example/fhir", "http://10.0.0.1/", "http://localhost.ehr.example/"] {
            assert_eq!(parse(text), Err(BaseUrlFault::PlainHttp), "{text}");
        }
        assert!(BaseUrl::parse("http://ehr.example/", PlainHttp::Anywhere).is_ok());
    }

    #[test]
    fn a_base_url_holds_no_secrets_and_no_query() {
        assert_eq!(parse("https://a:b@ehr.example/"), Err(BaseUrlFault::UserInfo));
        assert_eq!(parse("https://ehr.example/?a=b"), Err(BaseUrlFault::QueryOrFragment));
        assert_eq!(parse("https://ehr.example/#a"), Err(BaseUrlFault::QueryOrFragment));
        assert_eq!(parse("ftp://ehr.example/"), Err(BaseUrlFault::Scheme));
        assert_eq!(parse("ehr.example"), Err(BaseUrlFault::Unreadable));
    }

    #[test]
    fn links_that_leave_the_base_are_not_followed() {
        let base = parse("https://ehr.example/fhir").unwrap();
        for link in ["https://ehr.example/fhir?_page=2", "Patient?_page=2", "/fhir/Patient"] {
            assert!(base.follow(link).is_some(), "{link}");
        }
        for link in [
            "https://other.example/fhir",
            "http://ehr.example/fhir",
            "https://ehr.example:444/fhir",
            "https://ehr.example/fhirs",
            "https://ehr.example/fhir/../admin",
            "//other.example/fhir",
            "https://u@ehr.example/fhir",
        ] {
            assert!(base.follow(link).is_none(), "{link}");
        }
        assert_eq!(base.at(&["Patient", "_search"]).as_str(), "https://ehr.example/fhir/Patient/_search");
        assert_eq!(base.at(&[]).as_str(), "https://ehr.example/fhir");
    }

    #[test]
    fn an_authorization_is_not_told() {
        let told = format!("{:?}", Authorization::bearer("abc").unwrap());
        assert!(!told.contains("abc"));
    }
}
