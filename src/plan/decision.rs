//! The decision: what the professional and the client agreed on, and whether it answers what the rules propose.
//!
//! Proposal and decision are two records. The decision may differ, with a rationale; a declined service stays declined;
//! an alert, an indeterminate one too, wants an answer before anything is written.

use neuvola_fhir::{Node, Place};

use crate::digest::Digest;
use crate::form::Object;
use crate::issue::{Issue, Issues};
use crate::profiles::{Profiles, Service, Visits};
use crate::record::PlanReference;
use crate::segment::rule::{Coded, RoleRules};
use crate::segment::{Outcome, Reason, Segmentation};
use crate::shape::primitive::is_date;

/// As sent: one part a person, each going into that person's record and nowhere else.
#[derive(Debug)]
pub struct Decision<'d> {
    /// When it was made (R4 instant).
    pub decided: &'d str,
    pub plans: Vec<PlanDecision<'d>>,
}

/// What was decided about one person.
#[derive(Debug)]
pub struct PlanDecision<'d> {
    pub about: &'d str,
    /// The proposal that it answers.
    pub proposal: &'d str,
    pub segment: &'d str,
    pub rationale: Option<&'d str>,
    pub services: Vec<ServiceDecision<'d>>,
    pub alerts: Vec<Acknowledgement<'d>>,
    pub goals: Vec<&'d str>,
    pub wishes: Option<&'d str>,
    /// First day on which the client may see it in OmaKanta.
    pub delayed_until: Option<&'d str>,
    /// Code 1 to 4 of disclosure to guardians (1.2.246.537.5.40202.201901).
    pub guardian_restriction: Option<&'d str>,
    /// The earlier plan that this one replaces.
    pub replaces: Option<PlanReference>,
}

#[derive(Debug)]
pub struct ServiceDecision<'d> {
    pub service: &'d str,
    pub accepted: bool,
    /// Code of the decline-reason code system.
    pub reason: Option<&'d str>,
}

/// One answer to one or several alerts.
#[derive(Debug)]
pub struct Acknowledgement<'d> {
    pub alerts: Vec<&'d str>,
    pub action: &'d str,
}

/// A decision that fits the proposal.
#[derive(Debug)]
pub struct Agreed<'r, 'd> {
    pub decision: &'r PlanDecision<'d>,
    pub proposed: &'r Coded,
    pub segment: &'r Coded,
    pub services: Vec<AgreedService<'r>>,
    pub alerts: Vec<AgreedAlert<'r>>,
}

#[derive(Debug)]
pub struct AgreedService<'r> {
    pub service: &'r Service,
    /// As the rules compute them from the answers.
    pub visits: Visits,
    /// Why the client declined; `None`: accepted.
    pub declined: Option<Coded>,
}

#[derive(Debug)]
pub struct AgreedAlert<'r> {
    pub alerts: Vec<&'r Reason<'r>>,
    pub action: &'r str,
}

impl PlanDecision<'_> {
    /// Every word of it, whatever the spaces of the JSON that it came in.
    pub fn digest(&self, digest: &mut Digest) {
        let optional = [self.rationale, self.wishes, self.delayed_until, self.guardian_restriction];
        digest.part(self.about).part(self.proposal).part(self.segment);
        for part in optional {
            digest.part(part.map_or("-", |_| "+")).part(part.unwrap_or_default());
        }
        for service in &self.services {
            digest
                .part("service")
                .part(service.service)
                .part(if service.accepted { "accepted" } else { "declined" })
                .part(service.reason.unwrap_or_default());
        }
        for acknowledged in &self.alerts {
            digest.part("acknowledged").part(acknowledged.action);
            for alert in &acknowledged.alerts {
                digest.part(alert);
            }
        }
        for goal in &self.goals {
            digest.part("goal").part(goal);
        }
        if let Some(PlanReference { id, version }) = &self.replaces {
            digest.part("replaces").part(id).part(version.as_deref().unwrap_or_default());
        }
    }
}

/// Reads the wire's `decision`.
pub fn read_decision<'d>(node: &'d Node<'d>, place: Place<'_>, issues: &mut Issues) -> Option<Decision<'d>> {
    let mut object = Object::open(node, place, issues)?;
    let decided = object.required_instant("decided");
    object.required("plans");
    let plans = object.list("plans");
    let (here, issues) = object.inner();
    let list = here.member("plans");
    let plans: Vec<_> = plans.iter().enumerate().filter_map(|(index, node)| read_plan(node, list.element(index), issues)).collect();
    object.close();
    Some(Decision { decided: decided?, plans })
}

fn read_plan<'d>(node: &'d Node<'d>, place: Place<'_>, issues: &mut Issues) -> Option<PlanDecision<'d>> {
    let mut object = Object::open(node, place, issues)?;
    let about = object.required_text("about");
    let proposal = object.required_text("proposal");
    let segment = object.required_text("segment");
    let rationale = object.bounded_text("rationale", LONGEST);
    let services = object.list("services");
    let alerts = object.list("alerts");
    let goals = object.texts("goals", LONGEST);
    let wishes = object.bounded_text("wishes", LONGEST);
    let delayed_until = object.optional_text("delayedUntil");
    let replaces = object.optional_text("replaces");
    let guardian_restriction =
        object.optional("guardianRestriction").is_some().then(|| object.word("guardianRestriction", &["1", "2", "3", "4"])).flatten();
    let (here, issues) = object.inner();
    if delayed_until.is_some_and(|day| day.len() != 10 || !is_date(day)) {
        issues.push(
            Issue::error("value", "wrong-type", here.member("delayedUntil"), "`delayedUntil` is not a date")
                .remedy("write it as 2026-11-30"),
        );
    }
    let earlier = replaces.and_then(PlanReference::parse);
    if replaces.is_some() && earlier.is_none() {
        issues.push(
            Issue::error("value", "wrong-type", here.member("replaces"), "`replaces` is no reference to a CarePlan of the record system")
                .remedy("write it as CarePlan/123, or CarePlan/123/_history/4 for the version that was looked at"),
        );
    }
    let (services_place, alerts_place) = (here.member("services"), here.member("alerts"));
    let services =
        services.iter().enumerate().filter_map(|(index, node)| read_service(node, services_place.element(index), issues)).collect();
    let alerts =
        alerts.iter().enumerate().filter_map(|(index, node)| read_acknowledgement(node, alerts_place.element(index), issues)).collect();
    object.close();
    Some(PlanDecision {
        about: about?,
        proposal: proposal?,
        segment: segment?,
        rationale,
        services,
        alerts,
        goals,
        wishes,
        delayed_until,
        guardian_restriction: guardian_restriction.map(|index| ["1", "2", "3", "4"][index]),
        replaces: earlier,
    })
}

fn read_service<'d>(node: &'d Node<'d>, place: Place<'_>, issues: &mut Issues) -> Option<ServiceDecision<'d>> {
    let mut object = Object::open(node, place, issues)?;
    let service = object.required_text("service");
    object.required("accepted");
    let accepted = object.optional_bool("accepted");
    let reason = object.optional_text("reason");
    object.close();
    Some(ServiceDecision { service: service?, accepted: accepted?, reason })
}

fn read_acknowledgement<'d>(node: &'d Node<'d>, place: Place<'_>, issues: &mut Issues) -> Option<Acknowledgement<'d>> {
    let mut object = Object::open(node, place, issues)?;
    object.required("alerts");
    let alerts = object.texts("alerts", 100);
    object.required("action");
    let action = object.bounded_text("action", LONGEST);
    object.close();
    Some(Acknowledgement { alerts, action: action? })
}

/// What a decision about one person leans on.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'r> {
    pub rules: &'r RoleRules,
    pub segmentation: &'r Segmentation<'r>,
    /// The services that the rules offer with the agreed segment.
    pub offered: &'r [Reason<'r>],
    pub profiles: &'r Profiles,
}

/// Fits the decision to the proposal. `place` is the plan's place in what was sent.
///
/// # Errors
/// Everything that does not fit. That it answers another proposal is not checked here.
pub fn agree<'r, 'd>(decision: &'r PlanDecision<'d>, ground: Ground<'r>, place: &str, issues: &mut Issues) -> Option<Agreed<'r, 'd>> {
    let Ground { rules, segmentation, .. } = ground;
    let mut refuse = |member: &str, fault: &'static str, message: String, remedy: String| {
        issues.push(Issue::error("business-rule", fault, format!("{place}.{member}"), message).remedy(remedy));
    };
    let proposed = &segmentation.proposed?.subject;
    let segment = rules.segments.iter().map(|rule| &rule.subject).find(|subject| subject.code == decision.segment);
    if segment.is_none() {
        let known: Vec<_> = rules.segments.iter().map(|rule| rule.subject.code.as_str()).collect();
        refuse("segment", "unknown-segment", "the rule set has no such segment".to_owned(), format!("known: {}", known.join(", ")));
    }
    if segment.is_some_and(|segment| segment.code != proposed.code) && decision.rationale.is_none() {
        let message = format!("the agreed segment differs from the proposed one, `{}`, without a `rationale`", proposed.code);
        refuse("rationale", "missing-rationale", message, "say why, in words that the client may read".to_owned());
    }
    let services = agree_services(decision, ground, &mut refuse);
    let alerts = agree_alerts(decision, segmentation, &mut refuse);
    Some(Agreed { decision, proposed, segment: segment?, services, alerts })
}

fn agree_services<'r>(
    decision: &PlanDecision<'_>,
    ground: Ground<'r>,
    refuse: &mut impl FnMut(&str, &'static str, String, String),
) -> Vec<AgreedService<'r>> {
    let Ground { profiles, offered, .. } = ground;
    let mut services = Vec::new();
    for (index, decided) in decision.services.iter().enumerate() {
        let member = format!("services[{index}]");
        if decision.services[..index].iter().any(|other| other.service == decided.service) {
            refuse(&member, "same-service", "the service is decided on twice".to_owned(), "leave one".to_owned());
            continue;
        }
        let Some(service) = profiles.service(decided.service) else {
            let known: Vec<_> = profiles.services().iter().map(|service| service.coded.code.as_str()).collect();
            refuse(
                &format!("{member}.service"),
                "unknown-service",
                "there is no such service".to_owned(),
                format!("known: {}", known.join(", ")),
            );
            continue;
        };
        if decided.accepted && decided.reason.is_some() {
            refuse(
                &format!("{member}.reason"),
                "reason-of-accepted",
                "an accepted service has no reason for declining".to_owned(),
                "leave `reason` out".to_owned(),
            );
        }
        let code = decided.reason.unwrap_or("not-stated");
        let reason = profiles.coded_in("decline-reason", code);
        if reason.is_none() && !decided.accepted {
            refuse(
                &format!("{member}.reason"),
                "unknown-reason",
                "the reason is not in the decline-reason code system".to_owned(),
                "leave it out if none was given".to_owned(),
            );
        }
        let offer = offered.iter().find(|reason| reason.rule.subject.code == service.coded.code);
        services.push(AgreedService { service, visits: service.visits(offer), declined: if decided.accepted { None } else { reason } });
    }
    let undecided: Vec<_> = offered
        .iter()
        .filter(|reason| reason.outcome == Outcome::Met)
        .map(|reason| reason.rule.subject.code.as_str())
        .filter(|code| !decision.services.iter().any(|decided| decided.service == *code))
        .collect();
    if !undecided.is_empty() {
        let message = format!("offered services are neither accepted nor declined: {}", undecided.join(", "));
        refuse("services", "undecided-service", message, "add each with `accepted` true or false".to_owned());
    }
    services
}

fn agree_alerts<'r, 'd>(
    decision: &'r PlanDecision<'d>,
    segmentation: &'r Segmentation<'r>,
    refuse: &mut impl FnMut(&str, &'static str, String, String),
) -> Vec<AgreedAlert<'r>> {
    let mut alerts = Vec::new();
    for (index, acknowledged) in decision.alerts.iter().enumerate() {
        let found: Vec<_> =
            acknowledged.alerts.iter().map(|code| segmentation.alerts.iter().find(|reason| reason.rule.subject.code == *code)).collect();
        if found.is_empty() || found.iter().any(Option::is_none) {
            let known: Vec<_> = segmentation.alerts.iter().map(|reason| reason.rule.subject.code.as_str()).collect();
            refuse(
                &format!("alerts[{index}].alerts"),
                "unknown-alert",
                "the rule set has no such alert for this person".to_owned(),
                format!("known: {}", known.join(", ")),
            );
        }
        alerts.push(AgreedAlert { alerts: found.into_iter().flatten().collect(), action: acknowledged.action });
    }
    let open: Vec<_> = segmentation
        .pressing()
        .filter(|reason| !decision.alerts.iter().any(|acknowledged| acknowledged.alerts.contains(&reason.rule.subject.code.as_str())))
        .map(|reason| format!("{} ({})", reason.rule.subject.code, reason.outcome.code()))
        .collect();
    if !open.is_empty() {
        let message = format!("alerts are not acknowledged: {}", open.join(", "));
        refuse(
            "alerts",
            "unacknowledged-alert",
            message,
            "say what was done about each, or why it was not asked; one `action` may cover several".to_owned(),
        );
    }
    alerts
}

/// Longest free text of a decision, in characters.
const LONGEST: usize = 4000;
