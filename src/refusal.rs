//! Why something was refused, by whose fault it is. The one table of statuses and exit codes:
//!
//! | fault | HTTP | issue.code | exit |
//! |---|---|---|---|
//! | body unreadable or not the declared type | 400 | structure, invalid | 65 |
//! | parameter of the URL or an operation not known or not right | 400 | not-supported, value, … | 65 |
//! | answers break the Questionnaire | 422 | required, value, code-invalid, … | 65 |
//! | decision does not fit | 422 | business-rule | 65 |
//! | decision answers another proposal | 409 | conflict | 65 |
//! | change of a Task that is not allowed (the answer lists what is) | 422 | business-rule | 65 |
//! | stale, or missing `If-Match` | 412 / 428 | conflict | 65 |
//! | condition of a create that several fulfil | 412 | multiple-matches | 65 |
//! | purged Task | 410 | deleted | 65 |
//! | caller unknown / not allowed | 401 / 403 | login / forbidden | 77 |
//! | the store of Tasks is busy / cannot be read | 503 / 500 | transient / exception | 75 / 70 |
//! | no such patient / several / inactive, replaced, deceased | 422 / 409 / 422 | not-found / multiple-matches / business-rule | 65 |
//! | earlier plan: not there, deleted, another patient's, in error / not active, or changed since | 422 / 409 | not-found, deleted, business-rule / conflict | 65 |
//! | unknown form, artifact or path in the URL | 404 | not-found | 65 |
//! | form not in force on the day it was filled in | 422 | business-rule | 65 |
//! | same submission id, other content; or the plan was corrected since | 409 | duplicate | 65 |
//! | method, Accept, Content-Type | 405 / 406 / 415 | not-supported | 64 |
//! | too large | 413 | too-long | 65 |
//! | the body came too slowly | 408 | timeout | - |
//! | we are saturated | 503 | throttled | 75 |
//! | not ready: the record system does not answer the health check | 503 | transient | 75 |
//! | record system refused the resource, or its answer makes no sense | 502 | processing | 76 |
//! | record system unreachable or busy | 503 | transient | 75 |
//! | record system too slow: outcome unknown, safe to repeat | 504 | timeout | 75 |
//! | our credentials refused there | 500 | exception | 78 |
//! | our bug | 500 | exception | 70 |
//! | defective profile | does not start | invalid | 78 |

use std::time::Duration;

use neuvola_fhir::Fault;

use crate::caller::Unknown;
use crate::issue::Issue;
use crate::record::{PatientFault, PlanFault, RecordError};
use crate::task::store::StoreError;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the body cannot be read")]
    Unreadable(Vec<Issue>),
    /// What was asked beside the body: parameters of the URL or of an operation.
    #[error("the request cannot be understood")]
    Request(Vec<Issue>),
    #[error("the body does not say what it must")]
    Invalid(Vec<Issue>),
    #[error("the decision does not fit")]
    Decision(Vec<Issue>),
    /// Each issue names a person and the proposal that the rules now make.
    #[error("the decision answers another proposal")]
    ProposalChanged(Vec<Issue>),
    #[error("there is no such form")]
    UnknownForm(String),
    /// In the body's place, what became of the look-up.
    #[error("a person cannot be written for")]
    Patients(Vec<(String, PatientFault)>),
    /// Where a decision names an earlier plan that it cannot replace, and why.
    #[error("an earlier plan cannot be replaced")]
    Earlier(Vec<(String, PlanFault)>),
    /// Places of the persons whose content differs.
    #[error("the submission was written before, with other content")]
    Duplicate(Vec<String>),
    #[error("the plan was changed since it was written")]
    Corrected(Vec<String>),
    /// What a Task's change breaks, and what would be allowed.
    #[error("the change is not allowed")]
    Change(Vec<Issue>),
    /// The id under which a contact, or a Task of that identifier, was sent before.
    #[error("it was sent before, with other content")]
    Known(String),
    /// The version that is there now, if the caller may know.
    #[error("somebody else changed it")]
    Stale(Option<u64>),
    #[error("the version that is changed is not named")]
    Unconditional,
    #[error("several fulfil the condition")]
    SeveralMatch,
    #[error("it was purged")]
    Gone(String),
    #[error("the caller is unknown: {0}")]
    Login(Unknown),
    #[error("the caller may not do that")]
    Forbidden(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("the patient record is not ready: {0}")]
    NotReady(RecordError),
    #[error("not found")]
    NotFound(String),
    /// The methods that are allowed, as in `Allow`.
    #[error("method not allowed")]
    Method(String),
    #[error("not acceptable")]
    NotAcceptable,
    #[error("not acceptable: another version of FHIR")]
    OtherVersion,
    #[error("unsupported media type")]
    MediaType(Media),
    #[error("too large")]
    TooLarge(usize),
    #[error("the body came too slowly")]
    Slow,
    #[error("saturated")]
    Saturated,
    #[error("internal error")]
    Bug,
}

/// What a body must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// Our own.
    Json,
    /// In JSON or XML.
    Fhir,
    /// RFC 6902.
    Patch,
    /// Of a search.
    Form,
    /// What says that it is FHIR of another version.
    OtherVersion,
}

impl Media {
    fn issue(self) -> Issue {
        let (what, kinds) = match self {
            Self::Json => ("JSON", "application/json or application/fhir+json in UTF-8"),
            Self::Fhir => ("FHIR, in JSON or XML,", "application/fhir+json, application/fhir+xml, or plain JSON or XML, in UTF-8"),
            Self::Patch => ("a JSON Patch", "application/json-patch+json"),
            Self::Form => ("a form", "application/x-www-form-urlencoded"),
            Self::OtherVersion => ("FHIR R4", "R4, as `fhirVersion=4.0` or without `fhirVersion`"),
        };
        let issue = Issue::error("not-supported", "content-type", "", format!("only {what} is read here"));
        issue.remedy(format!("send {kinds}, not compressed, and say so in Content-Type"))
    }
}

impl Refusal {
    /// A document that cannot be read: every fault with its place.
    pub fn unreadable(faults: Vec<Fault>) -> Self {
        Self::Unreadable(faults.into_iter().map(Issue::from).collect())
    }

    /// HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unreadable(_) | Self::Request(_) => 400,
            Self::Invalid(_) | Self::Decision(_) | Self::Change(_) => 422,
            Self::Login(_) => 401,
            Self::Forbidden(_) => 403,
            Self::Known(_) => 409,
            Self::Gone(_) => 410,
            Self::Stale(_) | Self::SeveralMatch => 412,
            Self::Unconditional => 428,
            Self::Store(StoreError::Busy(_) | StoreError::Keys(_)) => 503,
            Self::Store(_) => 500,
            Self::Patients(faults) if faults.iter().all(|(_, fault)| matches!(fault, PatientFault::Several(_))) => 409,
            Self::Patients(_) => 422,
            Self::Earlier(faults) if faults.iter().all(|(_, fault)| matches!(fault, PlanFault::NotActive | PlanFault::Changed)) => 409,
            Self::Earlier(_) => 422,
            Self::ProposalChanged(_) | Self::Duplicate(_) | Self::Corrected(_) => 409,
            Self::UnknownForm(_) | Self::NotFound(_) => 404,
            Self::Method(_) => 405,
            Self::NotAcceptable | Self::OtherVersion => 406,
            Self::Slow => 408,
            Self::MediaType(_) => 415,
            Self::TooLarge(_) => 413,
            Self::Saturated | Self::NotReady(_) => 503,
            Self::Record(error) => match error {
                RecordError::Unreachable { .. } | RecordError::Busy { .. } => 503,
                RecordError::TooSlow => 504,
                RecordError::Refused { .. } | RecordError::Unintelligible(_) | RecordError::Misdirected => 502,
                RecordError::Stale(_) => 409,
                RecordError::CredentialsRefused => 500,
            },
            Self::Bug => 500,
        }
    }

    /// Exit code of the command line, from `sysexits.h`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Record(error) => match error {
                RecordError::Unreachable { .. } | RecordError::Busy { .. } | RecordError::TooSlow => 75,
                RecordError::Refused { .. } | RecordError::Unintelligible(_) | RecordError::Misdirected => 76,
                RecordError::Stale(_) => 65,
                RecordError::CredentialsRefused => 78,
            },
            Self::Saturated | Self::NotReady(_) => 75,
            Self::Login(_) | Self::Forbidden(_) => 77,
            Self::Store(error) => error.exit_code(),
            Self::Method(_) | Self::NotAcceptable | Self::OtherVersion | Self::MediaType(_) => 64,
            Self::Bug => 70,
            _ => 65,
        }
    }

    /// When to come again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Record(RecordError::Unreachable { retry_after } | RecordError::Busy { retry_after }) => Some(*retry_after),
            Self::Record(RecordError::TooSlow)
            | Self::Saturated
            | Self::NotReady(_)
            | Self::Store(StoreError::Busy(_) | StoreError::Keys(_)) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// What is wrong, every fault with its place.
    pub fn issues(&self) -> Vec<Issue> {
        match self {
            Self::Unreadable(issues)
            | Self::Request(issues)
            | Self::Invalid(issues)
            | Self::Decision(issues)
            | Self::Change(issues)
            | Self::ProposalChanged(issues) => issues.clone(),
            Self::Known(_) | Self::Stale(_) | Self::Unconditional | Self::SeveralMatch | Self::Gone(_) | Self::Store(_) => vec![task(self)],
            Self::Login(why) => {
                vec![
                    Issue::error("login", "login", "", why.to_string())
                        .remedy("send `Authorization: Bearer` with the token that you were given"),
                ]
            }
            Self::Forbidden(what) => vec![Issue::error("forbidden", "forbidden", "", what.clone())],
            Self::UnknownForm(known) => {
                vec![Issue::error("not-found", "unknown-form", "", "there is no such form").remedy(format!("known: {known}"))]
            }
            Self::Patients(faults) => faults.iter().map(|(place, fault)| patient(place, *fault)).collect(),
            Self::Earlier(faults) => faults.iter().map(|(place, fault)| earlier(place, *fault)).collect(),
            Self::Duplicate(places) => {
                let remedy = "a submission id stands for one content: send a changed form under a new id";
                places
                    .iter()
                    .map(|place| {
                        Issue::error(
                            "duplicate",
                            "other-content",
                            place,
                            "this submission id was written before with other content for this person",
                        )
                        .remedy(remedy)
                    })
                    .collect()
            }
            Self::Corrected(places) => {
                let remedy = "read the plan in the record; a new plan needs a new submission id";
                places
                    .iter()
                    .map(|place| {
                        Issue::error(
                            "duplicate",
                            "changed-since",
                            place,
                            "what was written under this submission id was changed or annulled since",
                        )
                        .remedy(remedy)
                    })
                    .collect()
            }
            Self::Record(error) => record(error),
            Self::NotReady(error) => vec![Issue::error("transient", "record-not-ready", "", error.to_string())],
            Self::NotFound(what) => vec![
                Issue::error("not-found", "not-found", "", format!("{what} is not here"))
                    .remedy("GET /openapi.json and GET /fhir/metadata tell what is"),
            ],
            Self::Method(allowed) => {
                vec![Issue::error("not-supported", "method", "", "the method is not supported here").remedy(format!("allowed: {allowed}"))]
            }
            Self::NotAcceptable => vec![
                Issue::error("not-supported", "accept", "", "nothing that is accepted can be answered")
                    .remedy("accept application/json; under /fhir, and of previews, also application/fhir+json or application/fhir+xml"),
            ],
            Self::OtherVersion => vec![
                Issue::error("not-supported", "accept", "", "another version of FHIR is asked for, and R4 alone is answered here")
                    .remedy("accept `fhirVersion=4.0`, or leave `fhirVersion` out"),
            ],
            Self::MediaType(wanted) => vec![wanted.issue()],
            Self::TooLarge(most) => vec![Issue::error("too-long", "too-large", "", format!("the body is larger than {most} bytes"))],
            Self::Slow => vec![
                Issue::error("timeout", "slow-body", "", "the body did not come in time; nothing was written")
                    .remedy("send it whole, at once"),
            ],
            Self::Saturated => vec![
                Issue::error("throttled", "saturated", "", "too many requests are under way")
                    .remedy("repeat after the time in Retry-After"),
            ],
            Self::Bug => vec![Issue::error("exception", "internal", "", "something went wrong on our side; repeating is safe")],
        }
    }
}

/// What a Task's REST refuses before its content counts.
fn task(refusal: &Refusal) -> Issue {
    match refusal {
        Refusal::Known(id) => {
            Issue::error("duplicate", "other-request", "", "this identifier was sent before by this requester, with other content")
                .remedy(format!("see {id}; a changed request needs an identifier of its own, or is a change of that Task"))
        }
        Refusal::Stale(current) => {
            Issue::error("conflict", "stale", "", "somebody else changed it since the version in If-Match").remedy(current.map_or_else(
                || "it is no longer yours to see".to_owned(),
                |version| format!("read it again (it is at version {version} now) and repeat the change with that version's ETag"),
            ))
        }
        Refusal::Unconditional => Issue::error("conflict", "no-if-match", "", "a change must name the version that it changes")
            .remedy("send If-Match with the ETag of the version that you read, as in `If-Match: W/\"1\"`"),
        Refusal::SeveralMatch => Issue::error("multiple-matches", "several-match", "", "several fulfil the condition in If-None-Exist"),
        Refusal::Gone(what) => Issue::error("deleted", "purged", "", format!("{what} was finished and purged")),
        Refusal::Store(StoreError::Busy(_)) => Issue::error("transient", "store-busy", "", "the store of callback requests is busy")
            .remedy("nothing was stored: repeat the same request after the time in Retry-After"),
        Refusal::Store(StoreError::Keys(_)) => {
            Issue::error("transient", "store", "", "requests in the store are under a key that is not configured here: the log names it")
        }
        _ => Issue::error("exception", "store", "", "the store of callback requests failed; nothing was stored"),
    }
}

fn patient(place: &str, fault: PatientFault) -> Issue {
    let (code, name, remedy) = match fault {
        PatientFault::NotFound => ("not-found", "no-patient", "register the patient in the record system first"),
        PatientFault::Several(_) => ("multiple-matches", "several-patients", "merge or correct the records there first"),
        PatientFault::Inactive => ("business-rule", "inactive-patient", "activate the record there first"),
        PatientFault::Replaced => ("business-rule", "replaced-patient", "use the record that replaced it"),
        PatientFault::Deceased => ("business-rule", "deceased-patient", "no plan is written for a deceased person"),
    };
    Issue::error(code, name, place, fault.to_string()).remedy(remedy)
}

/// What is wrong with an earlier plan.
pub fn earlier(place: &str, fault: PlanFault) -> Issue {
    let (code, name, remedy) = match fault {
        PlanFault::NotFound => ("not-found", "no-earlier-plan", "name a plan of this record system, or leave `replaces` out"),
        PlanFault::Deleted => ("deleted", "earlier-plan-deleted", "leave `replaces` out"),
        PlanFault::OtherPatient => ("business-rule", "other-patients-plan", "name a plan of this person, or leave `replaces` out"),
        PlanFault::InError => ("business-rule", "earlier-plan-in-error", "it never counted: leave `replaces` out"),
        PlanFault::NotActive => ("conflict", "earlier-plan-not-active", "look at it again: another plan may have replaced it"),
        PlanFault::Changed => ("conflict", "earlier-plan-changed", "look at it again, decide, and send the decision anew"),
    };
    Issue::error(code, name, place, fault.to_string()).remedy(remedy)
}

fn record(error: &RecordError) -> Vec<Issue> {
    let message = error.to_string();
    match error {
        RecordError::Unreachable { .. } => vec![
            Issue::error("transient", "record-unreachable", "", message)
                .remedy("nothing was lost: repeat the same request after the time in Retry-After"),
        ],
        RecordError::Busy { .. } => vec![
            Issue::error("transient", "record-busy", "", message)
                .remedy("nothing was lost: repeat the same request after the time in Retry-After"),
        ],
        RecordError::TooSlow => {
            vec![Issue::error("timeout", "record-slow", "", message).remedy("repeat the same request: what was written is recognised")]
        }
        RecordError::Stale(_) => {
            vec![Issue::error("conflict", "stale-record", "", message).remedy("look at it again in the record system")]
        }
        RecordError::CredentialsRefused => vec![Issue::error("exception", "record-credentials", "", message)],
        RecordError::Unintelligible(_) | RecordError::Misdirected => vec![Issue::error("processing", "record-answer", "", message)],
        RecordError::Refused { issues, .. } => {
            let mut all = vec![Issue::error("processing", "record-refused", "", message)];
            all.extend(issues.iter().map(|issue| {
                let place = issue.expression.first().cloned().unwrap_or_default();
                Issue::error("processing", "record-issue", place, format!("the record system reports: {} ({})", issue.code, issue.severity))
            }));
            all
        }
    }
}
