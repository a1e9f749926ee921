//! The CarePlan that professional and client agreed on (profile `neuvola-care-plan`).
//!
//! R4 has no "declined": a declined service is an activity with `detail.status` cancelled and a `statusReason`. Visits are
//! `scheduledTiming.repeat` (count, duration). Goals are contained. <https://hl7.org/fhir/R4/careplan.html>

use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::{CarePlan, CarePlanActivity, CarePlanActivityDetail, CarePlanActivityDetailScheduled, Goal};
use neuvola_fhir::model::types::{CodeableConcept, Coding, Extension, ExtensionValue, Narrative, Period, Reference, Timing, TimingRepeat};

use super::decision::{Agreed, AgreedService};
use super::fhir::{OURS, coding, complex, concept, extension, literal, meta, party, text, urn};
use super::{Frame, day, narrative};
use crate::form::submission::Party;
use crate::profiles::{Profiles, Service, Visits};
use crate::record::{Concept, Declined};
use crate::segment::rule::{Coded, RuleSet};
use crate::segment::{Outcome, Reason, Segmentation};

/// The plan as it is written. Subject and references to what is written with it are filled in by the transaction.
pub fn care_plan(agreed: &Agreed<'_, '_>, segmentation: &Segmentation<'_>, frame: Frame<'_>, key: &str, responses: &[String]) -> CarePlan {
    let language = frame.language;
    let goals: Vec<Resource> = agreed
        .decision
        .goals
        .iter()
        .enumerate()
        .map(|(index, goal)| Resource::Goal(Box::new(contained_goal(index, goal, frame.decided))))
        .collect();
    let goal = (0..goals.len()).map(|index| literal(&format!("#goal-{}", index + 1))).collect();
    let activity = agreed.services.iter().map(|service| activity(service, language, Some(frame.organization))).collect();
    CarePlan {
        meta: Some(Box::new(meta(&format!("{OURS}/StructureDefinition/neuvola-care-plan")))),
        identifier: vec![urn(key)],
        status: "active".into(),
        extension: extensions(agreed, segmentation, frame),
        text: Some(Box::new(Narrative {
            status: "generated".into(),
            div: narrative::narrative(agreed, frame).into(),
            ..Default::default()
        })),
        author: Some(Box::new(party(frame.author, "Practitioner"))),
        created: Some(frame.decided.into()),
        period: Some(Box::new(Period { start: Some(day(frame.decided).into()), ..Default::default() })),
        replaces: agreed.decision.replaces.iter().map(|earlier| literal(&earlier.reference())).collect(),
        supporting_info: responses.iter().map(|response| literal(response)).collect(),
        contained: goals,
        goal,
        activity,
        ..base(frame.rule_set, frame.profiles, language)
    }
}

/// What a preview shows: the proposal's services, nothing decided. Our profile is that of decided plans; this claims none.
pub fn draft(segmentation: &Segmentation<'_>, rule_set: &RuleSet, profiles: &Profiles, subject: Reference, language: &str) -> CarePlan {
    let services = segmentation.offered().filter_map(|reason| {
        let service = profiles.service(&reason.rule.subject.code)?;
        Some(AgreedService { service, visits: service.visits(Some(reason)), declined: None })
    });
    let activity = services.map(|service| activity(&service, language, None)).collect();
    CarePlan { status: "draft".into(), subject: Box::new(subject), activity, ..base(rule_set, profiles, language) }
}

fn base(rule_set: &RuleSet, profiles: &Profiles, language: &str) -> CarePlan {
    let category = profiles.coded_in("care-plan-category", CATEGORY).map(|coded| concept(&coded, language));
    CarePlan {
        language: Some(language.into()),
        instantiates_canonical: vec![rule_set.canonical().into()],
        intent: "plan".into(),
        category: category.into_iter().collect(),
        title: Some(format!("{}: {}", rule_set.title.text(language), narrative::plan_word(language)).into()),
        subject: Box::new(Reference::default()),
        ..Default::default()
    }
}

fn extensions(agreed: &Agreed<'_, '_>, segmentation: &Segmentation<'_>, frame: Frame<'_>) -> Vec<Extension> {
    let language = frame.language;
    let coded = |url: &str, coded: &Coded| extension(url, ExtensionValue::Coding(Box::new(coding(coded, language))));
    let outcome = |outcome: Outcome| extension("outcome", ExtensionValue::Code(outcome.code().into()));
    let decision = agreed.decision;

    let mut parts = vec![coded("proposed", agreed.proposed), coded("agreed", agreed.segment)];
    parts.extend(decision.rationale.map(|rationale| extension("rationale", text(rationale))));
    parts.push(extension("proposal", text(&segmentation.proposal)));
    parts.extend(segmentation.segments.iter().filter(|reason| reason.rule.expression.is_some()).map(|reason| {
        let sentence = extension("sentence", text(reason.rule.sentence.text(language)));
        complex("reason", vec![extension("rule", text(&reason.rule.id)), outcome(reason.outcome), sentence])
    }));
    let mut extensions = vec![complex(&format!("{OURS}/StructureDefinition/segmentation"), parts)];
    for acknowledged in &agreed.alerts {
        let alert = |reason: &&Reason<'_>| complex("alert", vec![coded("code", &reason.rule.subject), outcome(reason.outcome)]);
        let mut parts: Vec<Extension> = acknowledged.alerts.iter().map(alert).collect();
        parts.push(extension("action", text(acknowledged.action)));
        extensions.push(complex(&format!("{OURS}/StructureDefinition/alert-acknowledgement"), parts));
    }
    extensions.extend(decision.wishes.map(|wishes| extension(&format!("{OURS}/StructureDefinition/wishes"), text(wishes))));
    extensions.extend(frame.service_event.map(super::service_event));
    extensions
}

/// What was declined in the plan that this one replaces: it stays to be seen, as an extension and in the narrative.
pub fn declined_before(care_plan: &mut CarePlan, declined: &[Declined]) {
    if declined.is_empty() {
        return;
    }
    let language = care_plan.language.as_ref().and_then(|it| it.value.clone()).unwrap_or_default();
    care_plan.extension.extend(declined.iter().map(|Declined { service, reason }| {
        let part = |name: &str, concept: &Concept| extension(name, ExtensionValue::CodeableConcept(Box::new(told(concept))));
        let parts = std::iter::once(part("service", service)).chain(reason.iter().map(|reason| part("reason", reason)));
        complex(&format!("{OURS}/StructureDefinition/declined-before"), parts.collect())
    }));
    if let Some(text) = &mut care_plan.text {
        narrative::declined_before(&mut text.div.value, declined, &language);
    }
}

/// As the earlier plan told it.
fn told(concept: &Concept) -> CodeableConcept {
    let coding = concept.code.as_ref().map(|code| Coding {
        system: concept.system.as_deref().map(Into::into),
        code: Some(code.as_str().into()),
        display: concept.display.as_deref().map(Into::into),
        ..Default::default()
    });
    CodeableConcept { coding: coding.into_iter().collect(), text: concept.text.as_deref().map(Into::into), ..Default::default() }
}

fn activity(agreed: &AgreedService<'_>, language: &str, organization: Option<&Party<'_>>) -> CarePlanActivity {
    let service = agreed.service;
    let declined = agreed.declined.as_ref();
    let detail = CarePlanActivityDetail {
        kind: Some(service.kind.as_str().into()),
        instantiates_canonical: vec![service.canonical.as_str().into()],
        code: Some(Box::new(concept(&service.coded, language))),
        status: if declined.is_some() { "cancelled" } else { "not-started" }.into(),
        status_reason: declined.map(|reason| Box::new(concept(reason, language))),
        scheduled: timing(service, agreed.visits).map(|timing| CarePlanActivityDetailScheduled::Timing(Box::new(timing))),
        performer: if declined.is_some() { Vec::new() } else { organization.map(|it| party(it, "Organization")).into_iter().collect() },
        description: (!service.description.is_empty()).then(|| service.description.text(language).into()),
        ..Default::default()
    };
    CarePlanActivity { detail: Some(detail), ..Default::default() }
}

/// Number, length and rhythm of visits, as far as the service says so.
fn timing(service: &Service, visits: Visits) -> Option<Timing> {
    let repeat = TimingRepeat {
        count: visits.count.map(Into::into),
        duration: visits.minutes.map(|minutes| minutes.to_string().into()),
        duration_unit: visits.minutes.map(|_| "min".into()),
        frequency: service.rhythm.as_ref().map(|rhythm| rhythm.frequency.into()),
        period: service.rhythm.as_ref().map(|rhythm| rhythm.period.as_str().into()),
        period_unit: service.rhythm.as_ref().map(|rhythm| rhythm.unit.as_str().into()),
        ..Default::default()
    };
    (visits.count.is_some() || visits.minutes.is_some() || service.rhythm.is_some())
        .then(|| Timing { repeat: Some(repeat), ..Default::default() })
}

fn contained_goal(index: usize, goal: &str, decided: &str) -> Goal {
    Goal {
        id: Some(format!("goal-{}", index + 1).into()),
        lifecycle_status: "active".into(),
        description: Box::new(CodeableConcept { text: Some(goal.into()), ..Default::default() }),
        start: Some(neuvola_fhir::model::resources::GoalStart::Date(day(decided).into())),
        ..Default::default()
    }
}

const CATEGORY: &str = "neuvola-check";
