//! What a Subscription filters by: `Task?owner=…&status=…&queue=…&due=…` in the extension `backport-filter-criteria`
//! (<https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-filter-criteria.html>), with the meaning
//! that a search gives it: all parameters must hold, any of the values of one will do.

use jiff::Timestamp;
use url::form_urlencoded;

use crate::issue::{Issue, Issues};
use crate::task::codes::Codes;
use crate::task::directory::Directory;
use crate::task::search;
use crate::task::status::Status;
use crate::task::store::{Moment, Range};

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Criterion {
    /// `Organization/…` or `HealthcareService/…`
    Owner(Vec<String>),
    Status(Vec<Status>),
    Queue(Vec<String>),
    Due(Vec<Range>),
}

impl Criterion {
    /// Of one moment.
    pub fn holds(&self, moment: &Moment) -> bool {
        match self {
            Self::Owner(any) => any.contains(&moment.owner),
            Self::Status(any) => any.contains(&moment.status),
            Self::Queue(any) => any.contains(&moment.queue),
            Self::Due(any) => moment.due.is_some_and(|due| any.iter().any(|range| range_holds(range, due))),
        }
    }
}

fn range_holds(range: &Range, due: Timestamp) -> bool {
    let within = range.from.is_none_or(|from| from <= due) && range.until.is_none_or(|until| due < until);
    within != range.not
}

/// Filters that nothing can ever pass: by an owner or a queue that is not known here.
pub fn unknown(criteria: &[Criterion], directory: &Directory, codes: &Codes) -> Vec<Issue> {
    let fault = |message: &str, remedy: String| Issue::error("not-found", "filter", "Subscription.criteria", message).remedy(remedy);
    let of_one = |criterion: &Criterion| match criterion {
        Criterion::Owner(any) if any.iter().any(|owner| !directory.knows(owner)) => {
            let remedy = "GET /fhir/Organization and /fhir/HealthcareService tell who is".to_owned();
            Some(fault("`owner` is nobody who is known here", remedy))
        }
        Criterion::Queue(any) if any.iter().any(|queue| !codes.has("callback-queue", queue)) => {
            Some(fault("`queue` is no code of a queue", format!("one of: {}", codes.in_system("callback-queue").join(", "))))
        }
        _ => None,
    };
    criteria.iter().filter_map(of_one).collect()
}

/// Reads one filter. `base` is our own FHIR base: references may be absolute.
pub fn read(text: &str, place: &str, base: &str, criteria: &mut Vec<Criterion>, issues: &mut Issues) {
    let mut fault = |code, message: &str, remedy: &str| issues.push(Issue::error(code, "filter", place, message).remedy(remedy));
    let Some(query) = text.strip_prefix("Task?") else {
        return fault("value", "a filter is a search for Tasks", "Task?owner=…&status=…&queue=…&due=…");
    };
    let begin = criteria.len();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let values = || value.split(',').map(str::trim).filter(|value| !value.is_empty());
        if values().next().is_none() {
            fault("value", "a filter has a parameter without a value", "leave it out");
            continue;
        }
        let criterion = match &*name {
            "owner" => values().map(|value| owner(value, base)).collect::<Option<_>>().map(Criterion::Owner),
            "status" => values().map(status).collect::<Option<_>>().map(Criterion::Status),
            "queue" => values().map(queue).collect::<Option<_>>().map(Criterion::Queue),
            "due" => values().map(|value| search::range(value).ok()).collect::<Option<_>>().map(Criterion::Due),
            _ => {
                fault("not-supported", "a filter has a parameter that is not known here", "filter by owner, status, queue or due");
                continue;
            }
        };
        match (criterion, &*name) {
            (Some(criterion), _) => criteria.push(criterion),
            (None, "owner") => fault("value", "`owner` is no reference to an owner", "Organization/… or HealthcareService/…"),
            (None, "status") => fault("code-invalid", "`status` is no status of a callback Task", "requested, received, accepted, …"),
            (None, "queue") => fault("code-invalid", "`queue` is no code of a queue", "the code alone, or system|code"),
            (None, _) => fault("value", "`due` is no date", "as in a search: 2026-11-16, lt2026-11-16T16:00:00Z"),
        }
    }
    if criteria.len() == begin && !issues.has_errors() {
        issues.push(Issue::error("value", "filter", place, "a filter without parameters").remedy("leave it out"));
    }
}

fn owner(value: &str, base: &str) -> Option<String> {
    let relative = value.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(value);
    let (kind, id) = relative.split_once('/')?;
    let well_formed = (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    (matches!(kind, "Organization" | "HealthcareService") && well_formed).then(|| relative.to_owned())
}

fn status(value: &str) -> Option<Status> {
    Status::from_code(code(value, STATUS)?)
}

fn queue(value: &str) -> Option<String> {
    let code = code(value, QUEUE)?;
    let well_formed = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    well_formed.then(|| code.to_owned())
}

/// `code` or `system|code`
fn code<'v>(value: &'v str, system: &str) -> Option<&'v str> {
    let code = match value.split_once('|') {
        Some((given, code)) if given == system => code,
        Some(_) => return None,
        None => value,
    };
    (!code.is_empty()).then_some(code)
}

/// R4 `instant`: seconds and an offset must be there.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shaped = bytes.get(10) == Some(&b'T') && bytes.get(13) == Some(&b':') && bytes.get(16) == Some(&b':') && text.is_ascii();
    if shaped && !text.contains('[') { text.parse().ok() } else { None }
}

const STATUS: &str = "http://hl7.org/fhir/task-status";
const QUEUE: &str = "https://neuvola-adapter.example/fhir/CodeSystem/callback-queue";

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://adapter.example/fhir";

    fn criteria(text: &str) -> Result<Vec<Criterion>, Vec<Issue>> {
        let (mut criteria, mut issues) = (Vec::new(), Issues::default());
        read(text, "Subscription.criteria", BASE, &mut criteria, &mut issues);
        if issues.has_errors() { Err(issues.into_list()) } else { Ok(criteria) }
    }

    fn holds(text: &str, moment: &Moment) -> bool {
        criteria(text).unwrap_or_else(|issues| panic!("{text}: {issues:?}")).iter().all(|criterion| criterion.holds(moment))
    }

    fn moment() -> Moment {
        let due = Some("2026-11-16T14:00:00Z".parse().unwrap());
        let (owner, queue) = ("Organization/seinajoki".to_owned(), "family-planning".to_owned());
        Moment { status: Status::Requested, owner, queue, due }
    }

    #[test]
    fn all_parameters_must_hold_and_any_value_of_one_will_do() {
        for text in [
            "Task?owner=Organization/seinajoki",
            "Task?owner=Organization/kauhava,Organization/seinajoki&status=requested",
            "Task?owner=https://adapter.example/fhir/Organization/seinajoki",
            "Task?status=http://hl7.org/fhir/task-status%7Crequested",
            "Task?queue=https://neuvola-adapter.example/fhir/CodeSystem/callback-queue|family-planning",
            "Task?queue=family-planning&due=lt2026-11-17&due=ge2026-11-16",
        ] {
            assert!(holds(text, &moment()), "{text}");
        }
        for text in ["Task?status=requested&status=accepted", "Task?owner=HealthcareService/seinajoki", "Task?queue=maternity-child-health"]
        {
            assert!(!holds(text, &moment()), "{text}");
        }
    }

    #[test]
    fn due_is_compared_as_a_search_compares_it() {
        let yes = "2026-11-16 eq2026-11-16 le2026-11-16 ge2026-11-16 lt2026-11-17 gt2026-11-15 2026-11-16T16:00:00+02:00 \
                   le2026-11-16T14:00:00Z ge2026-11-16T14:00:00Z ne2026-11-15 gt2026-11-16T13:59:59Z \
                   2026 ge2026-11 sa2026-11-15 eb2026-11-17 2026-11-16T16:00 le2026-11-16T16:00:00+02:00";
        for due in yes.split_whitespace() {
            assert!(holds(&format!("Task?due={due}"), &moment()), "{due}");
        }
        let no = "lt2026-11-16 gt2026-11-16 2026-11-15 lt2026-11-16T14:00:00Z gt2026-11-16T14:00:00Z ne2026-11-16 2026-11-16T14:00:00.001Z";
        for due in no.split_whitespace() {
            assert!(!holds(&format!("Task?due={due}"), &moment()), "{due}");
        }
        let night = Moment { due: Some("2026-11-16T22:30:00Z".parse().unwrap()), ..moment() };
        assert!(holds("Task?due=2026-11-17", &night), "a day begins in Finland");
        assert!(!holds("Task?due=ge2000-01-01", &Moment { due: None, ..moment() }), "without a deadline nothing holds");
    }

    #[test]
    fn what_cannot_be_filtered_by_is_refused_without_being_repeated() {
        for text in [
            "owner=Organization/a",
            "Task?",
            "Task",
            "Encounter?status=planned",
            "Task?patient=Patient/010190-999X",
            "Task?status:not=requested",
            "Task?status=draft",
            "Task?status=",
            "Task?owner=seinajoki",
            "Task?owner=Patient/1",
            "Task?owner=https://other.example/fhir/Organization/a",
            "Task?queue=http://a|b",
            "Task?due=ap2026-11-16",
            "Task?due=2026-13-01",
            "Task?due=2026-11-16T14",
            "Task?due=today",
        ] {
            let issues = criteria(text).expect_err(text);
            assert!(!format!("{issues:?}").contains("999X"), "{issues:?}");
        }
    }
}
