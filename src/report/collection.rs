//! A preview as FHIR: a Bundle of each person's GuidanceResponse and draft CarePlan, and of the view of the family.
//!
//! The view is Parameters of the profile `family-view`, marked `NOINTEGRATE`: it is for professionals and belongs in nobody's record.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::guidance::{Telling, guidance, printed};
use super::trace::translated;
use crate::pipeline::{PersonPreview, Preview};
use crate::profiles::Profiles;
use crate::segment::rule::RuleSet;
use crate::texts::Texts;

/// Everybody of a submission. `None` if what was previewed is not of these profiles.
pub fn guidance_of_form(preview: &Preview, profiles: &Profiles) -> Option<Vec<u8>> {
    let rule_set = profiles.rule_sets().iter().find(|rule_set| rule_set.canonical() == preview.rule_set)?;
    let mut entries = Vec::new();
    for person in &preview.persons {
        entries.extend(entries_of(person, rule_set, profiles, &preview.language)?);
    }
    let proposals: Vec<&str> = preview.persons.iter().map(|person| person.proposal.as_str()).collect();
    let family = format!("{} {}", preview.rule_set, proposals.join(" "));
    entries.push(json!({ "fullUrl": url("family", &family), "resource": family_view(preview) }));
    printed(&json!({ "resourceType": "Bundle", "type": "collection", "entry": entries }))
}

fn entries_of(person: &PersonPreview, rule_set: &RuleSet, profiles: &Profiles, language: &str) -> Option<Vec<Value>> {
    let telling = Telling { rule_set, rules: rule_set.role(&person.role)?, profiles, language };
    let mut resource = guidance(person, telling, &[]);
    let name = format!("{} {} {}", rule_set.canonical(), person.person, person.proposal);
    let mut entries = Vec::new();
    if let Some(mut plan) = person.plan.as_deref().and_then(|plan| serde_json::from_slice::<Value>(plan).ok()) {
        match plan.get("subject").filter(|subject| subject.as_object().is_some_and(|subject| !subject.is_empty())) {
            Some(subject) => resource["subject"] = subject.clone(),
            // R4 wants one, and who it is was not sent
            None => plan["subject"] = json!({ "extension": [{ "url": DATA_ABSENT_REASON, "valueCode": "unknown" }] }),
        }
        let plan_url = url("plan", &name);
        resource["result"] = json!({ "reference": plan_url });
        entries.push(json!({ "fullUrl": plan_url, "resource": plan }));
    }
    entries.insert(0, json!({ "fullUrl": url("guidance", &name), "resource": resource }));
    Some(entries)
}

/// The members of `family` in the JSON of a preview, by the same names.
fn family_view(preview: &Preview) -> Value {
    let mut parameters: Vec<Value> =
        translated("note", "valueString", note().text(&preview.language), Some(&note()), &preview.language).into_iter().collect();
    if let Value::Object(family) = super::family(preview) {
        family.iter().for_each(|(name, value)| add(&mut parameters, name, value));
    }
    let security = json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOINTEGRATE" }]);
    json!({ "resourceType": "Parameters", "meta": { "profile": [FAMILY_VIEW], "security": security }, "parameter": parameters })
}

/// One parameter a value: a list gives several, nothing none.
fn add(parameters: &mut Vec<Value>, name: &str, value: &Value) {
    let with = |kind: &str, value: Value| {
        let mut parameter = Map::new();
        parameter.insert("name".to_owned(), name.into());
        parameter.insert(kind.to_owned(), value);
        Value::Object(parameter)
    };
    match value {
        Value::Null => {}
        Value::String(text) if text.trim().is_empty() => {}
        Value::String(text) => parameters.push(with("valueString", text.trim().into())),
        Value::Bool(flag) => parameters.push(with("valueBoolean", (*flag).into())),
        Value::Number(number) => parameters.push(with("valueDecimal", number.clone().into())),
        Value::Array(list) => list.iter().for_each(|one| add(parameters, name, one)),
        Value::Object(members) => {
            let mut parts = Vec::new();
            members.iter().for_each(|(name, value)| add(&mut parts, name, value));
            parameters.extend((!parts.is_empty()).then(|| with("part", parts.into())));
        }
    }
}

/// Of what it is made: the same preview has the same.
fn url(kind: &str, name: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{kind} {name}").as_bytes()).urn().to_string()
}

fn note() -> Texts {
    let fi = "Vain ammattilaiselle. Ei kuulu kenenkään potilaskertomukseen, eikä sitä tallenneta.";
    let sv = "Endast för den yrkesutbildade. Hör inte till någons patientjournal och sparas inte.";
    let en = "For professionals only. It belongs in nobody's patient record and is stored nowhere.";
    Texts::new(fi, vec![("sv".to_owned(), sv.to_owned()), ("en".to_owned(), en.to_owned())])
}

const FAMILY_VIEW: &str = "https://neuvola-adapter.example/fhir/StructureDefinition/family-view";
const DATA_ABSENT_REASON: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
