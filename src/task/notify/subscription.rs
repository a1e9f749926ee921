//! What a Subscription wants: read once, with every fault and its place; kept as the JSON it came as, without what is ours to say.
//!
//! <https://hl7.org/fhir/R4/subscription.html>,
//! <https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription.html>

use std::time::Duration;

use jiff::Timestamp;
use neuvola_fhir::Node;
use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::Subscription;
use neuvola_fhir::model::types::Meta;
use url::Url;

use super::criteria::{self, Criterion, instant};
use super::{BACKPORT, State, TOPIC};
use crate::issue::{Issue, Issues};
use crate::net::{Guard, may_send};
use crate::task::store::Subscribed;

/// A Subscription that can be served.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What its caller sets: `requested` or `off`.
    pub state: State,
    /// After it the Subscription is off.
    pub end: Option<Timestamp>,
    pub criteria: Vec<Criterion>,
    pub endpoint: Url,
    /// Secrets.
    pub headers: Vec<(String, String)>,
    pub content: Content,
    pub heartbeat: Option<Duration>,
    pub timeout: Duration,
    /// Events in one notification at most.
    pub most: u32,
}

/// How much a notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// That something happened.
    Empty,
    /// To which Task.
    IdOnly,
}

impl Wanted {
    /// Reads a resource. `base` is our own FHIR base; `before` is what it replaces: a header that is sent back masked, as it was
    /// read, keeps its value, as long as the endpoint stays on its host.
    ///
    /// # Errors
    /// Every fault with its place; no value is repeated.
    pub fn read(resource: &Node<'_>, base: &str, guard: &Guard, before: Option<&Self>) -> Result<Self, Vec<Issue>> {
        let mut issues = Issues::default();
        let wanted = Reading { base, guard, before, issues: &mut issues }.subscription(resource);
        match wanted {
            Some(wanted) if !issues.has_errors() => Ok(wanted),
            _ => Err(issues.into_list()),
        }
    }

    /// What is stored; `None` if it cannot be served any more, because less is allowed than when it came.
    pub fn kept(kept: &Subscribed, base: &str, guard: &Guard) -> Option<Self> {
        let document = document(kept);
        Self::read(&neuvola_fhir::read(&document).ok()?, base, guard, None).ok()
    }

    /// What is to be stored of a document that was read as this.
    ///
    /// # Errors
    /// An element that R4 does not know.
    pub fn body(&self, document: &[u8]) -> Result<Vec<u8>, Vec<Issue>> {
        let unknown = || vec![Issue::error("structure", "not-r4", "Subscription", "an element is unknown to R4, or of the wrong type")];
        let Ok(Resource::Subscription(mut subscription)) = neuvola_fhir::parse(document) else { return Err(unknown()) };
        subscription.text = None;
        subscription.channel.header = self.headers.iter().map(|(name, value)| format!("{name}: {value}").into()).collect();
        let printed = neuvola_fhir::print(&Resource::Subscription(subscription));
        let Ok(serde_json::Value::Object(mut members)) = serde_json::from_slice(&printed) else { return Err(unknown()) };
        for ours in ["resourceType", "id", "meta", "status", "error"] {
            members.shift_remove(ours);
        }
        serde_json::to_vec(&members).map_err(|_| unknown())
    }
}

/// As it is read back: with what is ours to say, and without secrets. `None` if what is stored is no Subscription.
pub fn resource(kept: &Subscribed) -> Option<Subscription> {
    let Ok(Resource::Subscription(subscription)) = neuvola_fhir::parse(&document(kept)) else { return None };
    let mut subscription = *subscription;
    subscription.id = Some(kept.id.to_string().into());
    subscription.meta = Some(Box::new(Meta {
        version_id: Some(kept.version.to_string().into()),
        last_updated: Some(kept.last_updated.to_string().into()),
        profile: vec![format!("{BACKPORT}subscription").into()],
        ..Default::default()
    }));
    subscription.error = kept.progress.error.as_deref().map(Into::into);
    for header in &mut subscription.channel.header {
        let name = header.value.as_deref().and_then(|header| header.split_once(':')).map_or("", |(name, _)| name);
        *header = format!("{name}: {MASK}").into();
    }
    Some(subscription)
}

fn document(kept: &Subscribed) -> Vec<u8> {
    let status = State::from_code(&kept.status).unwrap_or(State::Off).code();
    let mut document = format!(r#"{{"resourceType":"Subscription","status":"{status}","#).into_bytes();
    document.extend_from_slice(kept.body.strip_prefix(b"{").unwrap_or_default());
    document
}

struct Reading<'r> {
    base: &'r str,
    guard: &'r Guard,
    before: Option<&'r Wanted>,
    issues: &'r mut Issues,
}

impl Reading<'_> {
    fn subscription(mut self, resource: &Node<'_>) -> Option<Wanted> {
        for (name, _) in resource.members() {
            if ["implicitRules", "modifierExtension", "contained"].contains(&&**name) {
                let place = format!("Subscription.{name}");
                self.fault("not-supported", "not-understood", &place, "it may change what the rest means", "leave it out");
            }
        }
        let state = self.state(resource.text("status"));
        if resource.text("reason").is_none_or(|reason| reason.trim().is_empty()) {
            self.fault("required", "subscription", "Subscription.reason", "`reason` is missing", "say what the Subscription is for");
        }
        let end = resource.member("end").map(|end| end.as_str().and_then(instant));
        if end == Some(None) {
            self.fault("value", "subscription", "Subscription.end", "`end` is no instant", "2027-01-01T00:00:00Z");
        }
        if resource.text("criteria") != Some(TOPIC) {
            let place = "Subscription.criteria";
            self.fault("not-supported", "topic", place, "`criteria` is not the canonical URL of a topic that there is", TOPIC);
        }
        let criteria = self.criteria(resource);
        let Some(channel) = resource.member("channel") else {
            self.fault("required", "subscription", "Subscription.channel", "`channel` is missing", "a rest-hook");
            return None;
        };
        if channel.text("type") != Some("rest-hook") {
            self.fault("not-supported", "channel", "Subscription.channel.type", "only `rest-hook` is supported", "rest-hook");
        }
        let endpoint = self.endpoint(channel.text("endpoint"));
        let headers = self.headers(channel.list("header"), endpoint.as_ref());
        let content = self.content(channel);
        let extensions = channel.list("extension");
        let heartbeat = self.number(extensions, "heartbeat-period", "valueUnsignedInt", LONGEST_HEARTBEAT);
        let timeout = self.number(extensions, "timeout", "valueUnsignedInt", LONGEST_TIMEOUT);
        let most = self.number(extensions, "max-count", "valuePositiveInt", i32::MAX.unsigned_abs());
        Some(Wanted {
            state: state?,
            end: end.flatten(),
            criteria,
            endpoint: endpoint?,
            headers,
            content: content?,
            heartbeat: heartbeat.map(|seconds| Duration::from_secs(seconds.into())),
            timeout: timeout.map_or(TIMEOUT, |seconds| Duration::from_secs(seconds.into())),
            most: most.map_or(COUNT, |most| most.min(MOST)),
        })
    }

    /// `active` asks for what `requested` asks for: whether it is active is ours to say, after the handshake. `error`, which is
    /// ours too, comes back where the store is read.
    fn state(&mut self, status: Option<&str>) -> Option<State> {
        match status.and_then(State::from_code) {
            Some(State::Off) => Some(State::Off),
            Some(_) => Some(State::Requested),
            None => {
                let place = "Subscription.status";
                self.fault("code-invalid", "subscription", place, "`status` is missing or no such status", "requested, or off");
                None
            }
        }
    }

    fn criteria(&mut self, resource: &Node<'_>) -> Vec<Criterion> {
        let mut criteria = Vec::new();
        let extensions = resource.member("_criteria").map_or(&[][..], |element| element.list("extension"));
        for (index, extension) in extensions.iter().enumerate() {
            let place = format!("Subscription.criteria.extension[{index}]");
            let ours = extension.text("url").and_then(|url| url.strip_prefix(BACKPORT)) == Some("filter-criteria");
            match extension.text("valueString") {
                Some(filter) if ours => criteria::read(filter, &place, self.base, &mut criteria, self.issues),
                None if ours => self.fault("required", "filter", &place, "the filter is missing", "valueString"),
                // what narrows in a way that is not understood would be told too much
                _ => self.fault("not-supported", "filter", &place, "the extension is not known here", "backport-filter-criteria"),
            }
        }
        if extensions.len() > MOST_FILTERS {
            self.fault("too-long", "filter", "Subscription.criteria", "there are too many filters", "at most 10");
        }
        criteria
    }

    fn endpoint(&mut self, endpoint: Option<&str>) -> Option<Url> {
        let place = "Subscription.channel.endpoint";
        let Some(endpoint) = endpoint else {
            self.fault("required", "endpoint", place, "`endpoint` is missing", "where notifications are posted to");
            return None;
        };
        match self.guard.endpoint(endpoint) {
            Ok(url) => Some(url),
            Err(fault) => {
                let remedy = "an https URL of a public host; credentials belong into `header`; the operator may allow private networks";
                self.fault("value", "endpoint", place, &fault.to_string(), remedy);
                None
            }
        }
    }

    /// A secret was given for one host: its mask stands for it while notifications go there.
    fn headers(&mut self, given: &[Node<'_>], endpoint: Option<&Url>) -> Vec<(String, String)> {
        let mut headers = Vec::new();
        let moved = self.before.zip(endpoint).is_some_and(|(before, endpoint)| before.endpoint.origin() != endpoint.origin());
        for (index, header) in given.iter().enumerate() {
            let place = format!("Subscription.channel.header[{index}]");
            let parts = header.as_str().and_then(|header| header.split_once(':'));
            let (name, value) = parts.map_or(("", ""), |(name, value)| (name.trim(), value.trim()));
            if value == MASK && moved {
                let message = "the header is masked, and `endpoint` is on another host than the one that it was given for";
                self.fault("value", "header", &place, message, "its value, or none");
            } else if value == MASK {
                let kept = self.before.and_then(|before| before.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
                match kept {
                    Some(kept) => headers.push(kept.clone()),
                    None => {
                        self.fault("value", "header", &place, "the header is masked, and there is none that it stands for", "its value")
                    }
                }
            } else if value.is_empty() || value.len() > LONGEST_HEADER || !may_send(name, value) {
                let remedy = "`Name: value`, at most 4096 characters; not a header that describes the connection or the body";
                self.fault("value", "header", &place, "the header cannot be sent", remedy);
            } else {
                headers.push((name.to_owned(), value.to_owned()));
            }
        }
        if given.len() > MOST_HEADERS {
            self.fault("too-long", "header", "Subscription.channel.header", "there are too many headers", "at most 10");
        }
        headers
    }

    fn content(&mut self, channel: &Node<'_>) -> Option<Content> {
        let place = "Subscription.channel.payload";
        if !matches!(channel.text("payload"), Some("application/fhir+json" | "application/json")) {
            self.fault("not-supported", "payload", place, "only JSON is sent", "application/fhir+json");
        }
        let extensions = channel.member("_payload").map_or(&[][..], |element| element.list("extension"));
        match of_backport(extensions, "payload-content").map(|(_, extension)| extension.text("valueCode")) {
            Some(Some("id-only")) => Some(Content::IdOnly),
            Some(Some("empty")) => Some(Content::Empty),
            Some(_) => {
                let message = "notifications say which Task it is and no more: nothing about the client leaves without being read";
                self.fault("not-supported", "payload", place, message, "id-only, or empty");
                None
            }
            None => {
                self.fault("required", "payload", place, "the extension backport-payload-content is missing", "id-only, or empty");
                None
            }
        }
    }

    fn number(&mut self, extensions: &[Node<'_>], name: &str, value: &str, most: u32) -> Option<u32> {
        let (index, extension) = of_backport(extensions, name)?;
        let number = extension.member(value).and_then(Node::as_number).and_then(|digits| digits.parse().ok());
        let within = number.filter(|number| (1..=most).contains(number));
        if within.is_none() {
            let place = format!("Subscription.channel.extension[{index}].value");
            let message = format!("`backport-{name}` is not within its bounds");
            self.fault("value", "channel", &place, &message, &format!("`{value}` from 1 to {most}"));
        }
        within
    }

    fn fault(&mut self, code: &'static str, fault: &'static str, place: &str, message: &str, remedy: &str) {
        self.issues.push(Issue::error(code, fault, place, message).remedy(remedy));
    }
}

fn of_backport<'n, 'd>(extensions: &'n [Node<'d>], name: &str) -> Option<(usize, &'n Node<'d>)> {
    let named = |extension: &Node<'_>| extension.text("url").and_then(|url| url.strip_prefix(BACKPORT)) == Some(name);
    extensions.iter().enumerate().find(|(_, extension)| named(extension))
}

/// In the place of a header's value.
const MASK: &str = "***";
const MOST_HEADERS: usize = 10;
const LONGEST_HEADER: usize = 4096;
const MOST_FILTERS: usize = 10;
/// A day.
const LONGEST_HEARTBEAT: u32 = 86_400;
const LONGEST_TIMEOUT: u32 = 60;
const TIMEOUT: Duration = Duration::from_secs(10);
const COUNT: u32 = 20;
const MOST: u32 = 100;
