//! What is told of a Questionnaire itself, with its place.

use serde_json::{Value, json};

use super::{Questionnaire, lint};

/// Severity and place of every defect.
fn told(items: &Value) -> Vec<String> {
    let whole = json!({"resourceType": "Questionnaire", "status": "active", "item": items});
    let document = serde_json::to_vec(&whole).expect("it prints");
    let compiled = Questionnaire::compile(&neuvola_fhir::read(&document).expect("well-formed"));
    let mut found = compiled.defects;
    found.extend(lint(&compiled.questionnaire));
    found.iter().map(|issue| format!("{} {}", issue.severity.code(), issue.place)).collect()
}

/// Of one item, below a group.
fn of(item: Value) -> Vec<String> {
    let mut item = item;
    for (name, value) in [("linkId", "a"), ("text", "A")] {
        if item.get(name).is_none() {
            item[name] = json!(value);
        }
    }
    let found = told(&json!([{"linkId": "first", "type": "integer", "text": "First"}, {"linkId": "g", "type": "group", "item": [item]}]));
    found.iter().map(|line| line.replace("Questionnaire.item[1].item[0].", "")).collect()
}

fn option(code: &str) -> Value {
    json!({"valueCoding": {"system": "http://example.org/c", "code": code}})
}

#[test]
fn what_r4_forbids_of_an_item_is_an_error() {
    assert_eq!(of(json!({"type": "group"})), ["error item"]);
    assert_eq!(of(json!({"type": "display", "item": [{"linkId": "b", "type": "string", "text": "B"}]})), ["error item"]);
    assert_eq!(of(json!({"type": "display", "code": [{"code": "x"}]})), ["error code"]);
    assert_eq!(
        of(json!({"type": "choice", "answerOption": [option("x")], "answerValueSet": "http://example.org/v"})),
        ["error answerValueSet"]
    );
    assert_eq!(of(json!({"type": "boolean", "answerOption": [option("x")]})), ["error answerOption"]);
    assert_eq!(of(json!({"type": "display", "required": false})), ["error required"]);
    assert_eq!(of(json!({"type": "display", "readOnly": true})), ["error readOnly"]);
    assert_eq!(of(json!({"type": "date", "maxLength": 3})), ["error maxLength"]);
    assert_eq!(of(json!({"type": "string", "initial": [{"valueString": "x"}, {"valueString": "y"}]})), ["error initial"]);
    assert_eq!(of(json!({"type": "choice", "answerOption": [option("x")], "initial": [option("x")]})), ["error initial"]);
}

#[test]
fn what_sdc_asks_for_or_is_only_odd_is_a_warning() {
    assert_eq!(of(json!({"type": "choice", "answerOption": [option("x"), option("x")]})), ["warning answerOption[1]"]);
    assert_eq!(of(json!({"type": "string", "text": ""})).len(), 0, "an empty text is told by its shape");
    let link_id = "x".repeat(256);
    assert_eq!(of(json!({"type": "string", "linkId": link_id})), ["warning linkId"]);
    let least = json!([{"url": "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs", "valueInteger": 2}]);
    assert_eq!(of(json!({"type": "string", "repeats": true, "extension": least})), ["warning extension"]);
    let expression = json!({"language": "text/fhirpath", "expression": "true"});
    let url = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression";
    let conditions = json!([{"question": "first", "operator": "exists", "answerBoolean": true}]);
    let both = json!({"type": "string", "enableWhen": conditions, "extension": [{"url": url, "valueExpression": expression}]});
    assert_eq!(of(both), ["warning enableWhen"]);
    assert_eq!(told(&json!([{"linkId": "a", "type": "string"}])), ["warning Questionnaire.item[0].text"]);
}

#[test]
fn a_condition_that_no_answer_within_the_bounds_meets_is_told() {
    let bound = json!([{"url": "http://hl7.org/fhir/StructureDefinition/maxValue", "valueInteger": 5}]);
    let items = |operator: &str, value: u32| {
        json!([{"linkId": "a", "type": "integer", "text": "A", "extension": bound},
            {"linkId": "b", "type": "string", "text": "B", "enableWhen": [{"question": "a", "operator": operator, "answerInteger": value}]}])
    };
    for (operator, value) in [("=", 6), (">", 5), (">=", 6)] {
        assert_eq!(told(&items(operator, value)), ["warning Questionnaire.item[1].enableWhen[0]"], "{operator} {value}");
    }
    for (operator, value) in [("=", 5), (">", 4), (">=", 5), ("<", 6), ("!=", 9)] {
        assert_eq!(told(&items(operator, value)), Vec::<String>::new(), "{operator} {value}");
    }
}

#[test]
fn a_variable_that_hides_another_is_a_warning_and_one_that_stands_twice_an_error() {
    let url = "http://hl7.org/fhir/StructureDefinition/variable";
    let variable = json!({"url": url, "valueExpression": {"name": "v", "language": "text/fhirpath", "expression": "1"}});
    let items = |outer: Value, inner: Value| json!([{"linkId": "g", "type": "group", "extension": outer, "item": [{"linkId": "a", "type": "string", "text": "A", "extension": inner}]}]);
    assert_eq!(told(&items(json!([variable]), json!([variable]))), ["warning Questionnaire.item[0].item[0].extension"]);
    assert_eq!(
        told(&items(json!([variable, variable]), json!([{"url": "http://example.org/x", "valueInteger": 1}]))),
        ["error Questionnaire.item[0].extension"]
    );
}

fn compiled(items: &Value) -> Questionnaire {
    let whole = json!({"resourceType": "Questionnaire", "status": "active", "item": items});
    let document = serde_json::to_vec(&whole).expect("it prints");
    Questionnaire::compile(&neuvola_fhir::read(&document).expect("well-formed")).questionnaire
}

#[test]
fn an_option_of_every_kind_is_found_among_the_others_and_no_other_is() {
    let shown = |display: &str| json!({"valueCoding": {"display": display}});
    let options = json!([
        option("b"), {"valueString": "b"}, {"valueInteger": 2}, {"valueDate": "2026-02-01"}, {"valueTime": "10:00:00"}, shown("B"),
        {"valueReference": {"reference": "Patient/b"}}, option("a"), {"valueString": "a"}, {"valueInteger": 1}, shown("A"),
    ]);
    let questionnaire = compiled(&json!([{"linkId": "x", "type": "choice", "answerOption": options}]));
    let item = questionnaire.item(0);
    let position = |name: &str, value: &str| {
        let document = value.as_bytes().to_vec();
        let node = neuvola_fhir::read(&document).expect("well-formed");
        let found = item.option_given(name, &node)?;
        item.options.iter().position(|option| std::ptr::eq(option, found))
    };
    assert_eq!(position("valueString", "\"b\""), Some(1));
    assert_eq!(position("valueInteger", "2"), Some(2));
    assert_eq!(position("valueDate", "\"2026-02-01\""), Some(3));
    assert_eq!(position("valueTime", "\"10:00:00\""), Some(4));
    assert_eq!(position("valueReference", "{\"reference\":\"Patient/b\"}"), Some(6));
    assert_eq!(position("valueString", "\"a\""), Some(8));
    assert_eq!(position("valueInteger", "3").or(position("valueString", "\"c\"")).or(position("valueString", "\"2026-02-01\"")), None);
    assert!(item.option("http://example.org/c", "a").is_some() && item.option("http://example.org/d", "a").is_none());
    assert!(item.option_shown("A").is_some() && item.option_shown("C").is_none());
    assert!(item.has_code("a") && !item.has_code("c"));
    let names = ["valueCoding", "valueString", "valueInteger", "valueDate", "valueTime", "valueReference"];
    assert!(names.iter().all(|name| item.has_options_of(name)) && !item.has_options_of("valueUri"));
}

#[test]
fn what_comes_next_is_found_as_it_is_found_anywhere() {
    let items = json!([
        {"linkId": "g", "type": "group", "item": [{"linkId": "a", "type": "string"}, {"linkId": "b", "type": "string"}]},
        {"linkId": "b", "type": "string"}, {"linkId": "c", "type": "string"},
    ]);
    let questionnaire = compiled(&items);
    for link_id in ["g", "a", "b", "c", "d"] {
        for (above, latest) in [(None, None), (Some(0), None), (Some(0), Some(1)), (None, Some(0)), (None, Some(3)), (None, Some(4))] {
            assert_eq!(questionnaire.find_near(link_id, above, latest), questionnaire.find(link_id), "{link_id} {above:?} {latest:?}");
        }
    }
}
