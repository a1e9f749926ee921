//! A plan as it stands in a record, read back: what was decided, by whom, under which rules. The other way round of
//! [`super::care_plan`], for who wants to make the same plan again.

use neuvola_fhir::Node;

use super::SERVICE_EVENT;
use super::decision::{Acknowledgement, PlanDecision, ServiceDecision};
use super::fhir::OURS;
use crate::form::submission::Party;
use crate::identity::Identifier;
use crate::issue::Issue;
use crate::record::{Concept, Declined, PlanReference};

/// What one of our plans says of its making.
#[derive(Debug)]
pub struct StoredPlan<'d> {
    /// Canonical of the rule set, with its version.
    pub rule_set: &'d str,
    pub language: &'d str,
    /// R4 instant.
    pub decided: &'d str,
    pub author: Party<'d>,
    /// Who performs what was accepted; nobody, if nothing was.
    pub organization: Option<Party<'d>>,
    pub service_event: Option<&'d str>,
    pub decision: PlanDecision<'d>,
    pub declined_before: Vec<Declined>,
    /// References to the responses that it was made from.
    pub responses: Vec<&'d str>,
}

impl<'d> StoredPlan<'d> {
    /// Whether a CarePlan says that we wrote it.
    pub fn is_ours(plan: &Node<'_>) -> bool {
        let profiles = plan.member("meta").map_or(&[][..], |meta| meta.list("profile"));
        let claims =
            |profile: &Node<'_>| profile.as_str().and_then(|url| url.strip_prefix(OURS)) == Some("/StructureDefinition/neuvola-care-plan");
        profiles.iter().any(claims) || ours(plan, "segmentation").next().is_some()
    }

    /// Reads a CarePlan.
    ///
    /// # Errors
    /// What of our plans it lacks, each with its place.
    pub fn read(plan: &'d Node<'d>) -> Result<Self, Vec<Issue>> {
        let mut lacks = Vec::new();
        let mut wanted = |place: &str, found: Option<&'d str>| {
            if found.is_none() {
                let issue = Issue::error("required", "not-ours", format!("CarePlan.{place}"), format!("our plans have `{place}`"));
                lacks.push(issue.remedy("replay what neuvola-adapter wrote, as the record holds it"));
            }
            found.unwrap_or_default()
        };
        let segmentation = ours(plan, "segmentation").next();
        let part = |name| segmentation.and_then(|it| part(it, name));
        let code = |coding: Option<&'d Node<'d>>| coding?.member("valueCoding")?.text("code");
        let string = |part: Option<&'d Node<'d>>| part?.text("valueString");

        let rule_set = wanted("instantiatesCanonical", plan.list("instantiatesCanonical").first().and_then(Node::as_str));
        let language = wanted("language", plan.text("language"));
        let decided = wanted("created", plan.text("created"));
        let segment = wanted("extension.where(url.endsWith('/segmentation'))", code(part("agreed")));
        let proposal = wanted("extension.where(url.endsWith('/segmentation'))", string(part("proposal")));
        let author = plan.member("author").and_then(party);
        wanted("author.identifier", author.as_ref().map(|_| ""));
        let Some(author) = author.filter(|_| lacks.is_empty()) else { return Err(lacks) };

        let details = || plan.list("activity").iter().filter_map(|activity| activity.member("detail"));
        let decision = PlanDecision {
            about: "",
            proposal,
            segment,
            rationale: string(part("rationale")),
            services: details().filter_map(service).collect(),
            alerts: ours(plan, "alert-acknowledgement").filter_map(acknowledgement).collect(),
            goals: plan.list("contained").iter().filter_map(|goal| goal.member("description")?.text("text")).collect(),
            wishes: string(ours(plan, "wishes").next()),
            delayed_until: None,
            guardian_restriction: None,
            replaces: plan.list("replaces").first().and_then(|earlier| reference(earlier.text("reference")?)),
        };
        Ok(Self {
            rule_set,
            language,
            decided,
            author,
            organization: details().find_map(|detail| detail.list("performer").first().and_then(party)),
            service_event: plan
                .list("extension")
                .iter()
                .find(|it| it.text("url") == Some(SERVICE_EVENT))
                .and_then(|it| it.text("valueOid")),
            decision,
            declined_before: ours(plan, "declined-before").filter_map(declined).collect(),
            responses: plan.list("supportingInfo").iter().filter_map(|info| info.text("reference")).collect(),
        })
    }
}

/// A service of ours: a declined one is cancelled and has nobody who performs it. What the record's users added names no
/// ActivityDefinition.
fn service<'d>(detail: &'d Node<'d>) -> Option<ServiceDecision<'d>> {
    detail.list("instantiatesCanonical").first()?;
    let accepted = detail.text("status") != Some("cancelled") || detail.member("performer").is_some();
    let reason = detail.member("statusReason").and_then(first_code).filter(|_| !accepted);
    Some(ServiceDecision { service: first_code(detail.member("code")?)?, accepted, reason })
}

fn acknowledgement<'d>(extension: &'d Node<'d>) -> Option<Acknowledgement<'d>> {
    let alerts = extension.list("extension").iter().filter(|it| it.text("url") == Some("alert"));
    let alerts = alerts.filter_map(|alert| part(alert, "code")?.member("valueCoding")?.text("code")).collect();
    Some(Acknowledgement { alerts, action: part(extension, "action")?.text("valueString")? })
}

fn declined(extension: &Node<'_>) -> Option<Declined> {
    let concept = |name| part(extension, name).and_then(|part| part.member("valueCodeableConcept")).map(concept);
    Some(Declined { service: concept("service")?, reason: concept("reason") })
}

fn concept(concept: &Node<'_>) -> Concept {
    let coding = concept.list("coding").first();
    let of_coding = |name| coding.and_then(|coding| coding.text(name)).map(str::to_owned);
    let text = concept.text("text").map(str::to_owned);
    Concept { system: of_coding("system"), code: of_coding("code"), display: of_coding("display"), text }
}

fn party<'d>(reference: &'d Node<'d>) -> Option<Party<'d>> {
    let identifier = reference.member("identifier")?;
    let identifier = Identifier { system: identifier.text("system")?.to_owned(), value: identifier.text("value")?.to_owned() };
    Some(Party { identifier, name: reference.text("display") })
}

/// Relative, wherever the record stands.
fn reference(text: &str) -> Option<PlanReference> {
    PlanReference::parse(&text[text.rfind("CarePlan/")?..])
}

fn first_code<'d>(concept: &'d Node<'d>) -> Option<&'d str> {
    concept.list("coding").first()?.text("code")
}

fn part<'d>(extension: &'d Node<'d>, name: &str) -> Option<&'d Node<'d>> {
    extension.list("extension").iter().find(|part| part.text("url") == Some(name))
}

fn ours<'d>(resource: &'d Node<'d>, name: &'static str) -> impl Iterator<Item = &'d Node<'d>> {
    let is_it = move |url: &str| url.strip_prefix(OURS).and_then(|rest| rest.strip_prefix("/StructureDefinition/")) == Some(name);
    resource.list("extension").iter().filter(move |it| it.text("url").is_some_and(is_it))
}
