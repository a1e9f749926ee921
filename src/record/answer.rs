//! What the record's answers say: JSON, an error to tell or to repeat after, a stored resource.
//!
//! <https://hl7.org/fhir/R4/http.html#Status-Codes>, <https://hl7.org/fhir/R4/operationoutcome.html>

use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{DATE, HeaderMap, HeaderName, RETRY_AFTER};
use serde_json::Value;

use super::retry::{Again, Setback};
use super::{Coding, DIGEST_SYSTEM, KEY_SYSTEM, RecordError, RecordIssue, Stored};
use crate::net::{Answer, NetError};

/// What we tell our caller to wait when the record says nothing about it.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);
/// What we believe of a `Retry-After` at most.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The JSON of a successful answer (`null` for an empty body), or what to do about another.
pub(super) fn read(answer: &Answer) -> Result<Value, Setback> {
    match answer.status {
        200..=299 if answer.body.is_empty() => Ok(Value::Null),
        200..=299 => serde_json::from_slice(&answer.body).map_err(|_| Setback::last(RecordError::Unintelligible("not JSON"))),
        status => {
            let outcome: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            Err(refusal(status, retry_after(&answer.headers), &outcome))
        }
    }
}

/// What a status other than success means, of an answer or of one entry in it.
pub(super) fn refusal(status: u16, asked: Option<Duration>, outcome: &Value) -> Setback {
    let retry_after = asked.unwrap_or(DEFAULT_RETRY_AFTER);
    let outage = |error| Setback { error, again: Again::Outage(asked.unwrap_or_default()) };
    match status {
        300..=399 => Setback::last(RecordError::Misdirected),
        401 | 403 => Setback::last(RecordError::CredentialsRefused),
        429 | 503 => outage(RecordError::Busy { retry_after }),
        502 => outage(RecordError::Unreachable { retry_after }),
        408 | 504 => outage(RecordError::TooSlow),
        status => Setback::last(RecordError::Refused { status, issues: issues(outcome) }),
    }
}

impl From<NetError> for Setback {
    fn from(error: NetError) -> Self {
        let outage = |error| Self { error, again: Again::Outage(Duration::ZERO) };
        let retry_after = DEFAULT_RETRY_AFTER;
        match error {
            NetError::Unreachable(_) | NetError::BrokenOff(_) => outage(RecordError::Unreachable { retry_after }),
            NetError::TimedOut(_) => outage(RecordError::TooSlow),
            NetError::TooLarge { .. } => Self::last(RecordError::Unintelligible("too large")),
            NetError::Settings => Self::last(RecordError::Unreachable { retry_after }),
        }
    }
}

/// Seconds, or a date against the answer's own `Date` (so that nobody's clock is compared with ours).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok().map(str::trim);
    let asked = text(RETRY_AFTER)?;
    let wait = match asked.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let then = rfc2822::parse(asked).ok()?.timestamp();
            let now = rfc2822::parse(text(DATE)?).ok()?.timestamp();
            Duration::try_from(then.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// The resource of a Bundle entry or of a read, with its key, if it carries one of ours.
pub(super) fn stored(resource: &Value, created: bool) -> Option<Stored> {
    Some(Stored {
        resource_type: text(resource, "resourceType")?.to_owned(),
        id: id_of(resource)?.to_owned(),
        version: resource.pointer("/meta/versionId").and_then(Value::as_str).map(str::to_owned),
        key: tag(resource, KEY_SYSTEM)?,
        digest: tag(resource, DIGEST_SYSTEM),
        status: text(resource, "status").map(str::to_owned),
        created,
    })
}

/// The logical id, if it is one (<https://hl7.org/fhir/R4/datatypes.html#id>).
pub(super) fn id_of(resource: &Value) -> Option<&str> {
    text(resource, "id").filter(|id| is_id(id))
}

pub(super) fn is_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    (1..=64).contains(&text.len()) && text.bytes().all(allowed) && text != "." && text != ".."
}

pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

/// The elements of a list; none if there is no list.
pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn codings(value: &Value, pointer: &str) -> Vec<Coding> {
    let coding = |value: &Value| {
        Some(Coding { system: text(value, "system").unwrap_or_default().to_owned(), code: text(value, "code")?.to_owned() })
    };
    list(value, pointer).filter_map(coding).collect()
}

fn tag(resource: &Value, system: &str) -> Option<String> {
    list(resource, "/meta/tag").find(|tag| text(tag, "system") == Some(system)).and_then(|tag| text(tag, "code")).map(str::to_owned)
}

/// The issues of an OperationOutcome, without anything that might quote a value.
fn issues(outcome: &Value) -> Vec<RecordIssue> {
    if text(outcome, "resourceType") != Some("OperationOutcome") {
        return Vec::new();
    }
    let known = |issue: &Value, name, codes: &[&str], otherwise: &str| {
        text(issue, name).filter(|code| codes.contains(code)).unwrap_or(otherwise).to_owned()
    };
    let issue = |issue: &Value| RecordIssue {
        severity: known(issue, "severity", &SEVERITIES, "error"),
        code: known(issue, "code", &ISSUE_TYPES, "processing"),
        expression: list(issue, "/expression")
            .chain(list(issue, "/location"))
            .filter_map(Value::as_str)
            .filter(|expression| is_plain_path(expression))
            .take(MOST_EXPRESSIONS)
            .map(str::to_owned)
            .collect(),
    };
    list(outcome, "/issue").take(MOST_ISSUES).map(issue).collect()
}

/// `Bundle.entry[0].resource.ofType(CarePlan).status`, and nothing that could hold an identity code or a name:
/// steps are FHIR element names (letters, not many), types, and small indexes.
fn is_plain_path(expression: &str) -> bool {
    let is_name = |name: &str| (1..=40).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphabetic());
    let is_index = |index: &str| (1..=4).contains(&index.len()) && index.bytes().all(|b| b.is_ascii_digit());
    let is_step = |step: &str| match step.split_once(['[', '(']) {
        None => is_name(step),
        Some((name, rest)) => {
            is_name(name)
                && (rest.strip_suffix(']').is_some_and(is_index)
                    || rest.strip_suffix(')').is_some_and(|name| name.is_empty() || is_name(name)))
        }
    };
    expression.len() <= 200 && expression.split('.').all(is_step)
}

const MOST_ISSUES: usize = 20;
const MOST_EXPRESSIONS: usize = 5;
const SEVERITIES: [&str; 4] = ["fatal", "error", "warning", "information"];
const ISSUE_TYPES: [&str; 31] = [
    "invalid",
    "structure",
    "required",
    "value",
    "invariant",
    "security",
    "login",
    "unknown",
    "expired",
    "forbidden",
    "suppressed",
    "processing",
    "not-supported",
    "duplicate",
    "multiple-matches",
    "not-found",
    "deleted",
    "too-long",
    "code-invalid",
    "extension",
    "too-costly",
    "business-rule",
    "conflict",
    "transient",
    "lock-error",
    "no-store",
    "exception",
    "timeout",
    "incomplete",
    "throttled",
    "informational",
];

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let wait = |asked: &'static str, date: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(asked));
            if let Some(date) = date {
                headers.insert(DATE, HeaderValue::from_static(date));
            }
            retry_after(&headers).map(|wait| wait.as_secs())
        };
        let noon = Some("Wed, 21 Oct 2026 12:00:00 GMT");
        assert_eq!(wait("7", None), Some(7));
        assert_eq!(wait("999999999", None), Some(3600));
        assert_eq!(wait("Wed, 21 Oct 2026 12:01:30 GMT", noon), Some(90));
        assert_eq!(wait("Wed, 21 Oct 2026 11:00:00 GMT", noon), Some(0));
        assert_eq!(wait("Wed, 21 Oct 2026 12:01:30 GMT", None), None);
        assert_eq!(wait("soon", noon), None);
    }

    #[test]
    fn issues_lose_everything_that_may_quote_a_value() {
        let told = issues(&json!({"resourceType": "OperationOutcome", "issue": [{
            "severity": "error", "code": "Virtanen",
            "diagnostics": "010101-900R", "details": {"text": "Virtanen"},
            "expression": ["CarePlan.activity[0].detail.ofType(Quantity)", "CarePlan.subject.where(id='010101-900R')",
                "Patient.identifier[010101-900R]", "010101-900R", "a b"],
            "location": ["/f:Patient"]
        }]}));
        assert_eq!(
            told,
            [RecordIssue {
                severity: "error".into(),
                code: "processing".into(),
                expression: vec!["CarePlan.activity[0].detail.ofType(Quantity)".into()],
            }]
        );
    }
}
