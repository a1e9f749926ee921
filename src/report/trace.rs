//! The reasons of a GuidanceResponse: Parameters under the profile `segmentation-trace`, one parameter `rule` a rule, fired or not.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::guidance::{Telling, question};
use crate::pipeline::{Named, PersonPreview, ReadView, RuleView};
use crate::record::{Concept, Declined};
use crate::segment::rule::Rule;
use crate::segment::{Compared, Outcome};
use crate::texts::Texts;

pub(super) fn trace(person: &PersonPreview, telling: Telling<'_>) -> Value {
    let mut parameters = Vec::new();
    parameters.extend(filled("person", &person.person));
    parameters.extend((!person.role.is_empty()).then(|| json!({ "name": "role", "valueCode": person.role })));
    parameters.push(text("proposal", &person.proposal));
    parameters.push(json!({ "name": "questionnaire", "valueCanonical": person.questionnaire }));
    let professional = person.professional_questionnaire.iter();
    parameters.extend(professional.map(|canonical| json!({ "name": "professionalQuestionnaire", "valueCanonical": canonical })));
    let segment = |name: &str, named: &Named| {
        let rule = telling.rules.segments.iter().find(|rule| rule.subject.code == named.code);
        json!({ "name": name, "valueCoding": coding(named, rule.map(|rule| &rule.subject.display)) })
    };
    parameters.extend(person.segment.iter().map(|named| segment("segment", named)));
    parameters.extend(person.possible.iter().map(|named| segment("possible", named)));
    for (kind, rules) in [("segment", &person.segments), ("alert", &person.alerts), ("service", &person.services), ("rule", &person.others)]
    {
        parameters.extend(rules.iter().map(|rule| json!({ "name": "rule", "part": parts(kind, rule, telling) })));
    }
    if let Some(back) = &person.replaces {
        parameters.push(json!({ "name": "replaces", "valueReference": { "reference": back.plan.reference() } }));
        parameters.extend(back.declined.iter().flatten().flatten().map(declined));
    }
    json!({ "resourceType": "Parameters", "id": "trace", "meta": { "profile": [PROFILE] }, "parameter": parameters })
}

fn parts(kind: &str, view: &RuleView, telling: Telling<'_>) -> Vec<Value> {
    let rule: Option<&Rule> = telling.rules.rules().find(|rule| rule.id == view.id);
    let mut parts = vec![text("id", &view.id), text("version", &telling.rule_set.version), json!({ "name": "kind", "valueCode": kind })];
    if !view.subject.code.is_empty() {
        parts.push(json!({ "name": "code", "valueCoding": coding(&view.subject, rule.map(|rule| &rule.subject.display)) }));
    }
    parts.push(json!({ "name": "outcome", "valueCode": view.outcome.code() }));
    parts.extend(translated("sentence", "valueString", &view.sentence, rule.map(|rule| &rule.sentence), telling.language));
    parts.extend(view.expression.as_deref().and_then(|expression| filled("expression", expression)));
    parts.extend(view.inputs.iter().map(input));
    parts.extend(view.comparisons.iter().map(compared));
    parts.extend(view.distance.map(|distance| decimal("distance", distance)));
    if view.outcome == Outcome::Indeterminate {
        parts.extend(view.undecided.iter().map(|name| {
            let (professional, link_id) = question(name);
            let part = [text("linkId", link_id), json!({ "name": "professional", "valueBoolean": professional })];
            json!({ "name": "undecided", "part": part })
        }));
        parts.extend(view.why.as_deref().map(|why| text("why", why)));
    }
    let guidance = rule.and_then(|rule| telling.profiles.guidance(rule.guidance.as_deref()?)).map(|guidance| &guidance.text);
    let shown = view.guidance.as_deref().unwrap_or_default();
    parts.extend(translated("guidance", "valueMarkdown", shown, guidance, telling.language));
    parts
}

fn input(read: &ReadView) -> Value {
    let (state, values) = read.state.told();
    let mut part = vec![
        text("linkId", &read.link_id),
        json!({ "name": "professional", "valueBoolean": read.professional }),
        json!({ "name": "state", "valueCode": state }),
    ];
    part.extend(values.iter().filter_map(|value| filled("value", value)));
    json!({ "name": "input", "part": part })
}

fn compared(compared: &Compared) -> Value {
    let mut part = vec![text("comparison", compared.comparison.sign())];
    part.extend(compared.least.map(|least| decimal("least", least)));
    part.extend(compared.greatest.map(|greatest| decimal("greatest", greatest)));
    part.extend(compared.threshold.map(|threshold| decimal("threshold", threshold)));
    part.extend(compared.distance().map(|distance| decimal("distance", distance)));
    json!({ "name": "comparison", "part": part })
}

fn declined(declined: &Declined) -> Value {
    let concept = |name: &str, concept: &Concept| {
        let mut coding = serde_json::Map::new();
        for (name, value) in [("system", &concept.system), ("code", &concept.code), ("display", &concept.display)] {
            coding.extend(value.as_deref().map(|value| (name.to_owned(), value.into())));
        }
        let mut value = serde_json::Map::new();
        value.extend((!coding.is_empty()).then(|| ("coding".to_owned(), json!([coding]))));
        value.extend(concept.text.as_deref().map(|text| ("text".to_owned(), text.into())));
        json!({ "name": name, "valueCodeableConcept": value })
    };
    let reason = declined.reason.as_ref().map(|reason| concept("reason", reason));
    json!({ "name": "declinedBefore", "part": std::iter::once(concept("service", &declined.service)).chain(reason).collect::<Vec<_>>() })
}

/// With the artifact's own display, which validators compare, and its translations.
fn coding(named: &Named, display: Option<&Texts>) -> Value {
    let mut coding = json!({ "code": named.code });
    if !named.system.is_empty() {
        coding["system"] = named.system.as_str().into();
    }
    if let Some(display) = display.filter(|display| !display.is_empty()) {
        coding["display"] = display.main().into();
        let others: Vec<Value> = display.translations().map(|(language, text)| translation(language, text)).collect();
        if !others.is_empty() {
            coding["_display"] = json!({ "extension": others });
        }
    }
    coding
}

/// As it is shown, and in its other languages.
pub(super) fn translated(name: &str, kind: &str, shown: &str, texts: Option<&Texts>, language: &str) -> Option<Value> {
    let mut parameter = json!({ "name": name, kind: Some(shown.trim()).filter(|shown| !shown.is_empty())? });
    let others: Vec<Value> =
        texts.into_iter().flat_map(Texts::in_languages).filter(|(of, _)| *of != language).map(|(of, text)| translation(of, text)).collect();
    if !others.is_empty() {
        parameter[format!("_{kind}")] = json!({ "extension": others });
    }
    Some(parameter)
}

fn translation(language: &str, text: &str) -> Value {
    let parts = json!([{ "url": "lang", "valueCode": language }, { "url": "content", "valueString": text.trim() }]);
    json!({ "url": "http://hl7.org/fhir/StructureDefinition/translation", "extension": parts })
}

fn text(name: &str, value: &str) -> Value {
    json!({ "name": name, "valueString": value })
}

/// R4 has no empty strings.
fn filled(name: &str, value: &str) -> Option<Value> {
    (!value.trim().is_empty()).then(|| text(name, value))
}

fn decimal(name: &str, value: Decimal) -> Value {
    json!({ "name": name, "valueDecimal": super::number(Some(value)) })
}

const PROFILE: &str = "https://neuvola-adapter.example/fhir/StructureDefinition/segmentation-trace";
