//! However somebody says that they prefer not to answer, no rule takes it for an answer.

use neuvola_adapter::pipeline::propose;
use neuvola_adapter::profiles::{File, Profiles};
use neuvola_adapter::segment::Outcome;
use serde_json::{Value, json};

#[test]
fn a_question_that_is_declined_is_open_to_every_rule_lowered_or_not() {
    let profiles = profiles();
    let refused = json!([{ "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "asked-declined" }]);
    let option = json!({ "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "asked-declined" });
    let ways = [
        ("left out", None),
        ("by a reason on the item", Some(json!({ "linkId": "m", "extension": refused }))),
        ("by a reason on the answer", Some(json!({ "linkId": "m", "answer": [{ "extension": refused }] }))),
        ("by an option", Some(json!({ "linkId": "m", "answer": [{ "valueCoding": option }] }))),
    ];
    for (way, item) in ways {
        let response = response(item.into_iter().collect());
        let proposal = propose(response.to_string().as_bytes(), None, None, &profiles).unwrap_or_else(|refusal| panic!("{way}: {refusal}"));
        assert_eq!(proposal.segmentation.others.len(), CONDITIONS.len());
        for reason in &proposal.segmentation.others {
            assert_eq!(reason.outcome, Outcome::Indeterminate, "{way}: {:?}", reason.rule.expression);
        }
    }
}

#[test]
fn an_answer_beside_the_refusal_to_answer_is_a_fault() {
    let profiles = profiles();
    let refused = json!([{ "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "asked-declined" }]);
    let both = json!({ "linkId": "m", "answer": [{ "valueCoding": { "system": "urn:s", "code": "x" } }, { "extension": refused }] });
    let refusal = propose(response(vec![both]).to_string().as_bytes(), None, None, &profiles).expect_err("a fault");
    assert!(refusal.issues().iter().any(|issue| issue.fault == "declined-and-answered"), "{refusal:?}");
}

fn profiles() -> Profiles {
    let file = |(name, resource): (&str, Value)| File { name: name.to_owned(), content: resource.to_string().into_bytes() };
    let files = [("questionnaire.json", questionnaire()), ("plan.json", plan())].map(file);
    Profiles::over_shipped(files.into()).expect("no defect")
}

const CONDITIONS: [&str; 8] = [
    "'z' in %resource.item.where(linkId='m').answer.value.code",
    "%resource.item.where(linkId='m').answer.value.all(code != 'z')",
    "%resource.item.where(linkId='m').answer.value.where(code='z').exists()",
    "%resource.item.where(linkId='m').answer.value.code contains 'x'",
    "%resource.item.where(linkId='m').answer.value.weight().sum() >= 2",
    "('x' | 'z').subsetOf(%resource.item.where(linkId='m').answer.value.code)",
    "%resource.item.where(linkId='m').answer.value.code.exclude('x').exists()",
    "%resource.item.where(linkId='m').answer.value.weight().where($this >= 2).count() >= 1",
];

fn questionnaire() -> Value {
    let option = |code: &str, weight: u8| {
        let extension = json!([{ "url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": weight }]);
        json!({ "extension": extension, "valueCoding": { "system": "urn:s", "code": code } })
    };
    let declined =
        json!({ "valueCoding": { "system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "asked-declined" } });
    json!({
        "resourceType": "Questionnaire", "url": "urn:q", "version": "1", "status": "active",
        "item": [{ "linkId": "m", "type": "choice", "repeats": true, "answerOption": [option("x", 1), option("z", 2), declined] }]
    })
}

fn plan() -> Value {
    let action = |expression: &&str| json!({ "condition": [{ "kind": "applicability", "expression": { "language": "text/fhirpath", "expression": expression } }] });
    json!({
        "resourceType": "PlanDefinition", "url": "urn:p", "version": "1", "status": "active",
        "relatedArtifact": [{ "type": "depends-on", "resource": "urn:q|1" }],
        "action": CONDITIONS.iter().map(action).collect::<Vec<_>>()
    })
}

fn response(items: Vec<Value>) -> Value {
    let mut response = json!({
        "resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "urn:q|1", "authored": "2026-11-05T10:00:00+02:00"
    });
    if !items.is_empty() {
        response["item"] = items.into();
    }
    response
}
