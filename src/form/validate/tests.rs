//! The rules, each by a Questionnaire of few items and a response to it.

use serde_json::{Value, json};

use super::examine;
use crate::form::questionnaire::Questionnaire;

/// Severity, fault and place of every issue.
fn judged(items: &Value, answers: &Value) -> Vec<String> {
    judged_whole(&json!({"item": items}), &json!({"status": "completed", "item": answers}))
}

fn judged_whole(questionnaire: &Value, response: &Value) -> Vec<String> {
    let mut whole = json!({"resourceType": "Questionnaire", "status": "active", "url": "http://example.org/q", "version": "1"});
    whole.as_object_mut().expect("an object").extend(questionnaire.as_object().expect("an object").clone());
    let document = serde_json::to_vec(&whole).expect("it prints");
    let compiled = Questionnaire::compile(&neuvola_fhir::read(&document).expect("well-formed"));
    let mut whole = json!({"resourceType": "QuestionnaireResponse", "authored": "2026-06-01T10:00:00+03:00"});
    whole.as_object_mut().expect("an object").extend(response.as_object().expect("an object").clone());
    let document = serde_json::to_vec(&whole).expect("it prints");
    let node = neuvola_fhir::read(&document).expect("well-formed");
    let (_, issues) = examine(&node, &compiled.questionnaire);
    let place = |place: &str| place.trim_start_matches("QuestionnaireResponse").trim_start_matches('.').to_owned();
    issues.iter().map(|issue| format!("{} {} {}", issue.severity.code(), issue.fault, place(&issue.place)).trim_end().to_owned()).collect()
}

fn fhirpath(expression: &str) -> Value {
    json!({"language": "text/fhirpath", "expression": expression})
}

fn extended(url: &str, expression: &str) -> Value {
    json!([{"url": url, "valueExpression": fhirpath(expression)}])
}

fn answered(link_id: &str, value: &Value) -> Value {
    json!({"linkId": link_id, "answer": [value]})
}

fn coded(code: &str) -> Value {
    json!({"valueCoding": {"system": "http://example.org/c", "code": code}})
}

/// A scored question.
fn scored(link_id: &str) -> Value {
    let option = |code: &str, weight: u32| {
        let mut option = coded(code);
        option["extension"] = json!([{"url": WEIGHT, "valueDecimal": weight}]);
        option
    };
    json!({"linkId": link_id, "type": "choice", "answerOption": [option("none", 0), option("much", 3)]})
}

fn total(expression: &str) -> Value {
    json!({"linkId": "total", "type": "integer", "readOnly": true, "extension": extended(CALCULATED, expression)})
}

const ALL: &str = "%resource.item.answer.value.weight().sum()";
const NOTHING: [&str; 0] = [];
const WEIGHT: &str = "http://hl7.org/fhir/StructureDefinition/itemWeight";
const CALCULATED: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression";
const ENABLE_WHEN: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression";
const ANSWERS: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-answerExpression";
const TOGGLE: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-answerOptionsToggleExpression";
const CQF: &str = "http://hl7.org/fhir/StructureDefinition/cqf-expression";
const MAX_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/maxValue";
const MAX_QUANTITY: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-maxQuantity";
const UNIT_OPTION: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption";
const UNIT_VALUE_SET: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitValueSet";
const UNIT_OPEN: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-unitOpen";
const RESOURCE: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-referenceResource";
const KANTA: &str = "http://phr.kanta.fi/StructureDefinition/fiphr-ext-questionnaire-enablewhen";
const CONSTRAINT: &str = "http://hl7.org/fhir/StructureDefinition/targetConstraint";
const LAUNCH_CONTEXT: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-launchContext";

fn constraint(expression: &str, location: Option<&str>) -> Value {
    let mut parts = vec![
        json!({"url": "key", "valueId": "k-1"}),
        json!({"url": "severity", "valueCode": "error"}),
        json!({"url": "expression", "valueExpression": fhirpath(expression)}),
        json!({"url": "human", "valueString": "it must hold"}),
    ];
    parts.extend(location.map(|location| json!({"url": "location", "valueString": location})));
    json!([{"url": CONSTRAINT, "extension": parts}])
}

#[test]
fn expressions_read_the_questionnaire_and_its_item() {
    let item = |expression: &str| json!([{"linkId": "a", "type": "string", "text": "Why", "extension": constraint(expression, None)}]);
    let answers = json!([answered("a", &json!({"valueString": "so"}))]);
    assert_eq!(judged(&item("%qitem.text = 'Why'"), &answers), NOTHING);
    assert_eq!(judged(&item("%questionnaire.item.where(linkId = 'a').text = 'Why'"), &answers), NOTHING);
    assert_eq!(judged(&item("%qitem.text = 'What'"), &answers), ["error constraint item[0]"]);
}

#[test]
fn a_bound_may_be_computed_and_what_does_not_compute_is_told() {
    let item = |expression: &str| {
        let extension = json!([{"url": MAX_VALUE, "_valueInteger": {"extension": extended(CQF, expression)}}]);
        json!([{"linkId": "most", "type": "integer"}, {"linkId": "a", "type": "integer", "extension": extension}])
    };
    let answers = json!([answered("most", &json!({"valueInteger": 5})), answered("a", &json!({"valueInteger": 6}))]);
    let of_most = "%resource.item.where(linkId = 'most').answer.value";
    assert_eq!(judged(&item(of_most), &answers), ["error too-high item[1].answer[0].value"]);
    assert_eq!(judged(&item(&format!("{of_most} + 1")), &answers), NOTHING);
    assert_eq!(judged(&item("%patient.age"), &answers), ["warning not-checked item[1]"]);
}

#[test]
fn what_is_required_or_repeats_may_be_computed() {
    let item = |shadow: &str, expression: &str| {
        let mut item = json!({"linkId": "a", "type": "string"});
        item[shadow] = json!({"extension": extended(CQF, expression)});
        json!([item])
    };
    assert_eq!(judged_whole(&json!({"item": item("_required", "true")}), &json!({"status": "completed"})), ["error missing-answer"]);
    assert_eq!(judged_whole(&json!({"item": item("_required", "true")}), &json!({"status": "in-progress"})), NOTHING);
    assert_eq!(judged_whole(&json!({"item": item("_required", "false")}), &json!({"status": "completed"})), NOTHING);
    let two = json!([{"linkId": "a", "answer": [{"valueString": "one"}, {"valueString": "two"}]}]);
    assert_eq!(judged(&item("_repeats", "true"), &two), NOTHING);
    assert_eq!(judged(&item("_repeats", "false"), &two), ["error too-many-answers item[0]"]);
    assert_eq!(judged(&item("_answerValueSet", "'x'"), &json!([two[0]]))[0], "error too-many-answers item[0]");
}

#[test]
fn an_option_is_offered_while_its_toggle_holds() {
    let toggle = json!([{"url": TOGGLE, "extension": [
        {"url": "option", "valueCoding": coded("red")["valueCoding"]},
        {"url": "expression", "valueExpression": fhirpath("%resource.item.where(linkId = 'y').answer.value = true")}]}]);
    let items = json!([
        {"linkId": "y", "type": "boolean"},
        {"linkId": "a", "type": "choice", "extension": toggle, "answerOption": [coded("red"), coded("green")]}]);
    let answers = |yes: bool, code: &str| json!([answered("y", &json!({"valueBoolean": yes})), answered("a", &coded(code))]);
    assert_eq!(judged(&items, &answers(true, "red")), NOTHING);
    assert_eq!(judged(&items, &answers(false, "green")), NOTHING);
    assert_eq!(judged(&items, &answers(false, "red")), ["error not-an-option item[1].answer[0].value"]);
}

#[test]
fn an_answer_expression_lists_the_answers_unless_it_needs_what_is_not_here() {
    let items = |expression: &str| {
        json!([{"linkId": "list", "type": "string", "repeats": true},
            {"linkId": "a", "type": "string", "extension": extended(ANSWERS, expression)}])
    };
    let answers = |text: &str| json!([{"linkId": "list", "answer": [{"valueString": "x"}, {"valueString": "y"}]}, answered("a", &json!({"valueString": text}))]);
    let listed = items("%resource.item.where(linkId = 'list').answer.value");
    assert_eq!(judged(&listed, &answers("y")), NOTHING);
    assert_eq!(judged(&listed, &answers("z")), ["error not-an-option item[1].answer[0].value"]);
    let context = json!([{"url": LAUNCH_CONTEXT, "extension": [{"url": "name", "valueCoding": {"code": "patient"}}]}]);
    let whole = json!({"extension": context, "item": items("%patient.name.given")});
    let response = json!({"status": "completed", "item": answers("z")});
    assert_eq!(judged_whole(&whole, &response), ["warning not-checked item[1].answer[0].value"]);
}

#[test]
fn a_constraint_is_told_where_its_location_leads() {
    let group = |location: Option<&str>| {
        json!([{"linkId": "g", "type": "group", "extension": constraint("item.answer.value.count() = 2", location),
            "item": [{"linkId": "a", "type": "string"}, {"linkId": "b", "type": "string"}]}])
    };
    let answers = json!([{"linkId": "g", "item": [answered("a", &json!({"valueString": "x"}))]}]);
    assert_eq!(judged(&group(Some("item.where(linkId = 'a')")), &answers), ["error constraint item[0].item[0]"]);
    assert_eq!(judged(&group(Some("item.answer")), &answers), ["error constraint item[0].item[0].answer[0]"]);
    assert_eq!(judged(&group(Some("item.where(linkId = 'b')")), &answers), ["error constraint item[0]"]);
    let absent = judged_whole(&json!({"item": group(None)}), &json!({"status": "completed"}));
    assert_eq!(absent, NOTHING, "what is absent breaks nothing");
}

#[test]
fn a_constraint_of_the_whole_only_warns_while_the_response_is_in_progress() {
    let whole = json!({"extension": constraint("item.exists()", None), "item": [{"linkId": "a", "type": "string"}]});
    assert_eq!(judged_whole(&whole, &json!({"status": "in-progress"})), ["warning constraint"]);
    assert_eq!(judged_whole(&whole, &json!({"status": "completed"})), ["error constraint"]);
}

#[test]
fn kantas_condition_is_asked_of_the_response() {
    let items = json!([{"linkId": "y", "type": "boolean"}, {"linkId": "a", "type": "string", "required": true,
        "extension": [{"url": KANTA, "valueString": "item.where(linkId = 'y').answer.value = true"}]}]);
    let said = |yes: bool| answered("y", &json!({"valueBoolean": yes}));
    let text = answered("a", &json!({"valueString": "x"}));
    assert_eq!(judged(&items, &json!([said(true), text])), NOTHING);
    assert_eq!(judged(&items, &json!([said(true)])), ["error missing-answer"]);
    assert_eq!(judged(&items, &json!([said(false)])), NOTHING);
    assert_eq!(judged(&items, &json!([said(false), text])), ["error disabled-answer item[1]"]);
}

#[test]
fn a_total_with_a_missing_answer_is_unknown_and_not_smaller() {
    let items = json!([scored("a"), scored("b"), total(ALL)]);
    let stated = |value: u32| answered("total", &json!({"valueInteger": value}));
    let both = |value| json!([answered("a", &coded("much")), answered("b", &coded("none")), stated(value)]);
    assert_eq!(judged(&items, &both(3)), NOTHING);
    assert_eq!(judged(&items, &both(4)), ["error calculated item[2].answer[0].value"]);
    for value in [3, 4] {
        let missing = json!([answered("a", &coded("much")), stated(value)]);
        assert_eq!(judged(&items, &missing), ["warning calculated item[1].answer[0].value"], "{value}");
    }
    let declined = json!({"valueCoding": {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "asked-declined"}});
    let mut items = items;
    items[1]["answerOption"].as_array_mut().expect("an array").push(declined.clone());
    let answers = json!([answered("a", &coded("much")), answered("b", &declined), stated(4)]);
    assert_eq!(judged(&items, &answers), ["warning calculated item[2].answer[0].value"]);
}

#[test]
fn silence_that_means_none_leaves_a_total_known() {
    let mut items = json!([scored("a"), scored("b"), total(ALL)]);
    items[1]["extension"] = json!([{"url": "https://neuvola.example/fhir/StructureDefinition/empty-means-none", "valueBoolean": true}]);
    let answers = |value: u32| json!([answered("a", &coded("much")), answered("total", &json!({"valueInteger": value}))]);
    assert_eq!(judged(&items, &answers(3)), NOTHING);
    assert_eq!(judged(&items, &answers(4)), ["error calculated item[1].answer[0].value"]);
}

#[test]
fn a_total_reads_what_it_names_also_by_variables_and_nearby_only() {
    let variable = json!([{"url": "http://hl7.org/fhir/StructureDefinition/variable", "valueExpression":
        {"language": "text/fhirpath", "name": "a", "expression": "item.where(linkId = 'a').answer.value.weight()"}}]);
    let items = json!([{"linkId": "g", "type": "group", "repeats": true, "extension": variable,
        "item": [scored("a"), scored("b"), total("%a.sum()")]}]);
    let stated = answered("total", &json!({"valueInteger": 3}));
    let answers = json!([
        {"linkId": "g", "item": [answered("a", &coded("much")), stated]},
        {"linkId": "g", "item": [answered("b", &coded("much")), stated]}]);
    assert_eq!(judged(&items, &answers), ["warning calculated item[1].item[1].answer[0].value"]);
}

#[test]
fn a_constraint_over_an_unknown_total_is_not_checked() {
    let items = json!([scored("a"), scored("b"), {"linkId": "c", "type": "string", "extension": constraint(&format!("{ALL} > 3"), None)}]);
    let text = answered("c", &json!({"valueString": "x"}));
    assert_eq!(judged(&items, &json!([answered("a", &coded("much")), text])), ["warning not-checked item[1]"]);
    assert_eq!(judged(&items, &json!([answered("a", &coded("much")), answered("b", &coded("none")), text])), ["error constraint item[2]"]);
}

#[test]
fn disabled_answers_never_reach_a_score() {
    let mut items = json!([{"linkId": "y", "type": "boolean"}, scored("a"), scored("b"), total(ALL)]);
    items[2]["enableWhen"] = json!([{"question": "y", "operator": "=", "answerBoolean": true}]);
    let answers = |value: u32| {
        let stated = answered("total", &json!({"valueInteger": value}));
        json!({"status": "in-progress", "item": [answered("y", &json!({"valueBoolean": false})), answered("a", &coded("much")),
            answered("b", &coded("much")), stated]})
    };
    assert_eq!(judged_whole(&json!({"item": items}), &answers(3)), ["warning disabled-answer item[2]"]);
    let found = judged_whole(&json!({"item": items}), &answers(6));
    assert_eq!(found, ["warning disabled-answer item[2]", "error calculated item[3].answer[0].value"]);
    // by an expression too
    items[2].as_object_mut().expect("an object").remove("enableWhen");
    items[2]["extension"] = extended(ENABLE_WHEN, "%resource.item.where(linkId = 'y').answer.value");
    assert_eq!(judged_whole(&json!({"item": items}), &answers(3)), ["warning disabled-answer item[2]"]);
}

#[test]
fn an_answer_brings_its_own_weight_only_where_its_option_has_none() {
    let weighed = |code: &str| {
        let mut answer = coded(code);
        answer["valueCoding"]["extension"] = json!([{"url": WEIGHT, "valueDecimal": 9}]);
        answer["extension"] = json!([{"url": WEIGHT, "valueDecimal": 9}]);
        answer
    };
    let mut items = json!([scored("a"), total("%resource.item.where(linkId = 'a').answer.weight().sum()")]);
    let answers = |code: &str, value: u32| json!([answered("a", &weighed(code)), answered("total", &json!({"valueInteger": value}))]);
    assert_eq!(judged(&items, &answers("much", 3)), NOTHING);
    assert_eq!(judged(&items, &answers("much", 9)), ["error calculated item[1].answer[0].value"]);
    items[0]["answerOption"].as_array_mut().expect("an array").push(coded("other"));
    assert_eq!(judged(&items, &answers("other", 9)), NOTHING);
}

#[test]
fn options_that_are_no_codings_weigh_as_well() {
    let option = json!({"valueInteger": 7, "extension": [{"url": WEIGHT, "valueDecimal": 2}]});
    let items = json!([{"linkId": "a", "type": "integer", "answerOption": [option]}, total("%resource.item.answer.ordinal().sum()")]);
    let answers = |value: u32| json!([answered("a", &json!({"valueInteger": 7})), answered("total", &json!({"valueInteger": value}))]);
    assert_eq!(judged(&items, &answers(2)), NOTHING);
    assert_eq!(judged(&items, &answers(7)), ["error calculated item[1].answer[0].value"]);
}

#[test]
fn a_unit_is_one_of_those_listed_unless_it_may_be_another() {
    let ucum = "http://unitsofmeasure.org";
    let items = |open: Option<&str>| {
        let mut extension = vec![json!({"url": UNIT_OPTION, "valueCoding": {"system": ucum, "code": "kg"}})];
        extension.extend(open.map(|open| json!({"url": UNIT_OPEN, "valueCode": open})));
        json!([{"linkId": "a", "type": "quantity", "extension": extension}])
    };
    let refused = ["error unit item[0].answer[0].value"];
    let of = |quantity: Value| json!([answered("a", &json!({"valueQuantity": quantity}))]);
    let listed = of(json!({"value": 3, "system": ucum, "code": "kg", "unit": "kilo"}));
    let other = of(json!({"value": 3, "system": ucum, "code": "g"}));
    let words = of(json!({"value": 3, "unit": "kg"}));
    for open in [None, Some("optionsOrType"), Some("optionsOrString")] {
        assert_eq!(judged(&items(open), &listed), NOTHING, "{open:?}");
    }
    assert_eq!(
        (judged(&items(None), &other), judged(&items(None), &words)),
        (refused.map(str::to_owned).into(), refused.map(str::to_owned).into())
    );
    assert_eq!(judged(&items(Some("optionsOrType")), &other), NOTHING);
    assert_eq!(judged(&items(Some("optionsOrType")), &words), refused);
    assert_eq!(judged(&items(Some("optionsOrString")), &other), refused);
    assert_eq!(judged(&items(Some("optionsOrString")), &words), NOTHING);
    let unknown =
        json!([{"linkId": "a", "type": "quantity", "extension": [{"url": UNIT_VALUE_SET, "valueCanonical": "http://example.org/vs"}]}]);
    assert_eq!(judged(&unknown, &other), ["warning not-checked item[0].answer[0].value"]);
}

#[test]
fn a_quantity_is_never_converted_to_its_bounds_unit() {
    let bound = json!({"value": 5, "system": "http://unitsofmeasure.org", "code": "kg"});
    let items = json!([{"linkId": "a", "type": "quantity", "extension": [{"url": MAX_QUANTITY, "valueQuantity": bound}]}]);
    let of = |code: &str, comparator: Option<&str>| {
        let mut quantity = json!({"value": 6, "system": "http://unitsofmeasure.org", "code": code});
        comparator.into_iter().for_each(|it| quantity["comparator"] = json!(it));
        judged(&items, &json!([answered("a", &json!({"valueQuantity": quantity}))]))
    };
    assert_eq!(of("kg", None), ["error too-high item[0].answer[0].value"]);
    assert_eq!(of("g", None), ["warning not-checked item[0].answer[0].value"]);
    assert_eq!(of("kg", Some("<")), ["warning not-checked item[0].answer[0].value"]);
}

#[test]
fn a_reference_tells_its_type_or_is_not_checked() {
    let items = json!([{"linkId": "a", "type": "reference", "extension": [{"url": RESOURCE, "valueCode": "Patient"}]}]);
    let of = |reference: Value| {
        let response = json!({"status": "completed", "contained": [{"resourceType": "Patient", "id": "p"}, {"resourceType": "Group", "id": "g"}],
            "item": [answered("a", &json!({"valueReference": reference}))]});
        judged_whole(&json!({"item": items}), &response)
    };
    let refused = ["error reference-type item[0].answer[0].value"];
    for right in ["Patient/1", "#p", "https://ehr.example/fhir/Patient/1/_history/2"] {
        assert_eq!(of(json!({"reference": right})), NOTHING, "{right}");
    }
    for wrong in ["Group/1", "#g", "Patientt/1", "#nobody", "https://ehr.example/fhir/Group/1"] {
        assert_eq!(of(json!({"reference": wrong})), refused, "{wrong}");
    }
    assert_eq!(of(json!({"reference": "urn:uuid:7f3d1c52-0f2b-4a43-9c0b-2f7b7a1f5a11"})), ["warning not-checked item[0].answer[0].value"]);
    assert_eq!(of(json!({"reference": "urn:uuid:7f3d1c52-0f2b-4a43-9c0b-2f7b7a1f5a11", "type": "Patient"})), NOTHING);
    assert_eq!(of(json!({"reference": "Patient/1", "type": "Group"})), refused);
}

#[test]
fn numbers_beyond_what_is_computed_with_lie_beyond_the_bounds_on_their_side() {
    let items = json!([{"linkId": "a", "type": "decimal", "extension": [{"url": MAX_VALUE, "valueDecimal": 5}]}]);
    for (digits, is_above) in
        [("123456789012345678901234567890123456789", true), ("1e400", true), ("1e-400", false), ("-1e99999999999", false)]
    {
        let response = format!(
            r#"{{"resourceType":"QuestionnaireResponse","status":"completed","item":[{{"linkId":"a","answer":[{{"valueDecimal":{digits}}}]}}]}}"#
        );
        let questionnaire =
            serde_json::to_vec(&json!({"resourceType": "Questionnaire", "status": "active", "item": items})).expect("it prints");
        let compiled = Questionnaire::compile(&neuvola_fhir::read(&questionnaire).expect("well-formed"));
        let node = neuvola_fhir::read(response.as_bytes()).expect("well-formed");
        let (_, issues) = examine(&node, &compiled.questionnaire);
        assert_eq!(issues.iter().any(|issue| issue.fault == "too-high"), is_above, "{digits}: {issues:?}");
    }
}

#[test]
fn r5s_answer_constraint_opens_the_options() {
    let url = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Questionnaire.item.answerConstraint";
    let items = |code: &str| json!([{"linkId": "a", "type": "choice", "extension": [{"url": url, "valueCode": code}], "answerOption": [coded("red")]}]);
    let text = json!([answered("a", &json!({"valueString": "blue"}))]);
    let other = json!([answered("a", &coded("blue"))]);
    assert_eq!(judged(&items("optionsOrString"), &text), NOTHING);
    assert_eq!(judged(&items("optionsOrString"), &other), ["error not-an-option item[0].answer[0].value"]);
    assert_eq!(judged(&items("optionsOrType"), &other), NOTHING);
    assert_eq!(judged(&items("optionsOnly"), &other), ["error not-an-option item[0].answer[0].value"]);
}
