//! What the rules say of one person as FHIR: a GuidanceResponse, with its reasons as contained Parameters and the draft plan.
//!
//! R4 <https://hl7.org/fhir/R4/guidanceresponse.html>. The trace follows the profile `segmentation-trace`: one parameter `rule` a
//! rule, fired or not. Where answers would decide, the status is `data-required` and `dataRequirement` names the questions.

use neuvola_fhir::model::Resource;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::pipeline::{PersonPreview, Preview, ReadView, RuleView};
use crate::segment::{Compared, Outcome};

/// Everybody of a submission, as a collection.
pub fn guidance_of_form(preview: &Preview) -> Option<Vec<u8>> {
    let entry = |person: &PersonPreview| {
        let name = format!("{} {} {}", preview.rule_set, person.person, person.proposal);
        let url = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).urn().to_string();
        json!({ "fullUrl": url, "resource": guidance(person, &preview.rule_set) })
    };
    let entries: Vec<Value> = preview.persons.iter().map(entry).collect();
    let bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": entries });
    printed(&bundle)
}

/// One person.
pub fn guidance_of(person: &PersonPreview, rule_set: &str) -> Option<Vec<u8>> {
    printed(&guidance(person, rule_set))
}

/// Through the strict reader: what it takes is R4.
fn printed(resource: &Value) -> Option<Vec<u8>> {
    let resource: Resource = neuvola_fhir::parse(&serde_json::to_vec(resource).ok()?).ok()?;
    Some(neuvola_fhir::print(&resource))
}

fn guidance(person: &PersonPreview, rule_set: &str) -> Value {
    let groups = [("segment", &person.segments), ("alert", &person.alerts), ("service", &person.services), ("rule", &person.others)];
    let rules = || groups.iter().flat_map(|(kind, rules)| rules.iter().map(move |rule| (*kind, rule)));
    let mut trace = vec![
        json!({ "name": "proposal", "valueString": person.proposal }),
        json!({ "name": "questionnaire", "valueCanonical": person.questionnaire }),
    ];
    trace.extend(person.possible.iter().map(|it| json!({ "name": "possible", "valueCode": it.code })));
    trace.extend(rules().map(|(kind, rule)| json!({ "name": "rule", "part": parts(kind, rule) })));
    let trace = json!({ "resourceType": "Parameters", "id": "trace", "meta": { "profile": [TRACE] }, "parameter": trace });
    let plan = person.plan.as_deref().and_then(|plan| serde_json::from_slice::<Value>(plan).ok()).map(|mut plan| {
        plan["id"] = "plan".into();
        plan
    });
    let open: Vec<&str> = rules().flat_map(|(_, rule)| rule.undecided.iter().map(String::as_str)).collect();
    let is_settled = open.is_empty() && (person.segment.is_some() || person.segments.is_empty());
    let mut resource = json!({
        "resourceType": "GuidanceResponse",
        "contained": [trace],
        "moduleCanonical": rule_set,
        "status": if is_settled { "success" } else { "data-required" },
        "outputParameters": { "reference": "#trace" },
    });
    if let Some(plan) = plan {
        if let Some(subject) = plan.get("subject").filter(|subject| subject.as_object().is_some_and(|subject| !subject.is_empty())) {
            resource["subject"] = subject.clone();
        }
        resource["contained"].as_array_mut().into_iter().for_each(|contained| contained.push(plan.clone()));
        resource["result"] = json!({ "reference": "#plan" });
    }
    if let Some(segment) = &person.segment {
        resource["reasonCode"] = json!([{ "coding": [{ "system": segment.system, "code": segment.code }], "text": segment.display }]);
    }
    let required = requirements(person, &open);
    if !required.is_empty() {
        resource["dataRequirement"] = required.into();
    }
    resource
}

/// The questions whose answers would decide, of either response.
fn requirements(person: &PersonPreview, open: &[&str]) -> Vec<Value> {
    let mut own: Vec<&str> = open.iter().copied().filter(|link_id| !link_id.starts_with(PROFESSIONAL)).collect();
    let mut professional: Vec<&str> = open.iter().filter_map(|link_id| link_id.strip_prefix(PROFESSIONAL)).collect();
    let questionnaires = [(Some(&person.questionnaire), &mut own), (person.professional_questionnaire.as_ref(), &mut professional)];
    let requirement = |(questionnaire, link_ids): (Option<&String>, &mut Vec<&str>)| {
        link_ids.sort_unstable();
        link_ids.dedup();
        let questionnaire = questionnaire?;
        let codes: Vec<Value> = link_ids.iter().map(|link_id| json!({ "code": link_id })).collect();
        let filters = json!([
            { "path": "questionnaire", "code": [{ "code": questionnaire }] },
            { "path": "item.linkId", "code": codes },
        ]);
        (!link_ids.is_empty()).then(|| json!({ "type": "QuestionnaireResponse", "codeFilter": filters }))
    };
    questionnaires.into_iter().filter_map(requirement).collect()
}

fn parts(kind: &str, rule: &RuleView) -> Vec<Value> {
    let text = |name: &str, value: &str| json!({ "name": name, "valueString": value });
    let mut parts = vec![text("id", &rule.id), json!({ "name": "kind", "valueCode": kind })];
    if !rule.subject.code.is_empty() {
        parts.push(json!({ "name": "code", "valueCode": rule.subject.code }));
    }
    parts.push(json!({ "name": "outcome", "valueCode": rule.outcome.code() }));
    parts.extend((!rule.sentence.is_empty()).then(|| text("sentence", &rule.sentence)));
    parts.extend(rule.expression.as_deref().map(|expression| text("expression", expression)));
    parts.extend(rule.inputs.iter().map(input));
    parts.extend(rule.comparisons.iter().map(compared));
    parts.extend(rule.distance.map(|distance| decimal("distance", distance)));
    if rule.outcome == Outcome::Indeterminate {
        parts.extend(rule.undecided.iter().map(|link_id| text("undecided", link_id)));
    }
    parts
}

fn input(read: &ReadView) -> Value {
    let (state, values) = read.state.told();
    let mut part = vec![
        json!({ "name": "linkId", "valueString": read.link_id }),
        json!({ "name": "professional", "valueBoolean": read.professional }),
        json!({ "name": "state", "valueCode": state }),
    ];
    part.extend(values.iter().filter(|value| !value.is_empty()).map(|value| json!({ "name": "value", "valueString": value })));
    json!({ "name": "input", "part": part })
}

fn compared(compared: &Compared) -> Value {
    let mut part = vec![json!({ "name": "comparison", "valueString": compared.comparison.sign() })];
    part.extend(compared.least.map(|least| decimal("least", least)));
    part.extend(compared.greatest.map(|greatest| decimal("greatest", greatest)));
    part.extend(compared.threshold.map(|threshold| decimal("threshold", threshold)));
    part.extend(compared.distance().map(|distance| decimal("distance", distance)));
    json!({ "name": "comparison", "part": part })
}

fn decimal(name: &str, value: Decimal) -> Value {
    json!({ "name": name, "valueDecimal": super::number(Some(value)) })
}

/// Profile of the trace.
const TRACE: &str = "https://neuvola-adapter.example/fhir/StructureDefinition/segmentation-trace";
/// How questions of the professional's section are named among the undecided ones.
const PROFESSIONAL: &str = "%professional ";
