//! The validator against the reference evaluator, over made-up Questionnaires and responses to them.

use std::collections::BTreeSet;

use neuvola_adapter::form::questionnaire::Questionnaire;
use neuvola_adapter::form::validate::{examine, validate};
use neuvola_adapter::issue::{Issue, Severity};
use neuvola_fhir::read;
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::reference::{Reference, Truth, answers};
use super::tape::{Tape, config, tape};
use super::webs::{below, questionnaire, response, value};

proptest! {
    #![proptest_config(config(600))]

    #[test]
    fn every_fault_and_place_is_that_of_the_reference_evaluator(numbers in tape(300), changes in tape(40)) {
        let (web, mut sent) = pair(&numbers);
        let changes = &mut Tape::of(&changes);
        for _ in 0..changes.below(4) {
            change(&mut sent, changes);
        }
        let Reference { faults: expected, unchecked, .. } = Reference::of(&web, &sent);
        prop_assume!(expected.len() < 100);
        let (is_valid, found) = faults(&web, &sent);
        prop_assert_eq!(&found, &expected, "\n{}\n{}", web, sent);
        prop_assert_eq!(is_valid, expected.iter().all(|(severity, ..)| *severity != "error"));
        let told = not_checked(&web, &sent);
        prop_assert_eq!(told, unchecked.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), "\n{}\n{}", web, sent);
    }

    #[test]
    fn what_is_hidden_never_makes_an_answer_missing(numbers in tape(300)) {
        let (web, sent) = pair(&numbers);
        let (_, before) = faults(&web, &sent);
        let mut shown = sent.clone();
        remove(&mut shown, "QuestionnaireResponse", &before.iter().filter(|it| it.1 == "disabled-answer").map(|it| it.2.as_str()).collect());
        let (_, after) = faults(&web, &shown);
        let missing = |faults: &[(&str, &str, String)]| faults.iter().filter(|it| matches!(it.1, "missing-answer" | "too-few")).count();
        // a required group that held nothing else is empty now
        prop_assert!(missing(&before) <= missing(&after), "\n{}\n{}", web, sent);
        prop_assert!(after.iter().all(|it| it.1 != "disabled-answer"), "what is left is disabled by what was taken\n{}\n{}", web, sent);
    }

    #[test]
    fn no_disabled_answer_reaches_what_rules_read(numbers in tape(300)) {
        let (web, mut sent) = pair(&numbers);
        sent["status"] = json!("in-progress");
        let reference = Reference::of(&web, &sent);
        let (document, definition) = (sent.to_string(), web.to_string());
        let (node, definition) = (read(document.as_bytes()).expect("JSON"), read(definition.as_bytes()).expect("JSON"));
        let compiled = Questionnaire::compile(&definition).questionnaire;
        let Ok(proof) = validate(&node, &compiled) else { return Ok(()) };
        for index in 0..compiled.items().len() {
            let given = proof.answers().slot(index).values.len();
            prop_assert_eq!(given, reference.answers_of(index).len(), "`{}`\n{}\n{}", compiled.item(index).link_id, web, sent);
        }
    }

    #[test]
    fn no_disabled_answer_reaches_a_score(numbers in tape(300)) {
        let (web, mut sent) = pair(&numbers);
        sent["status"] = json!("in-progress");
        let reference = Reference::of(&web, &sent);
        let is_perhaps = |at: usize| reference.is_entry_asked(at) == Truth::Unknown;
        prop_assume!(!(0..reference.entries.len()).any(is_perhaps));
        let (mut count, mut score) = (0, Decimal::ZERO);
        for definition in 0..reference.definitions.len() {
            let given = reference.answers_of(definition);
            count += given.len();
            score += given.into_iter().map(|value| reference.weight(definition, value)).sum::<Decimal>();
        }
        let link_ids: Vec<String> =
            reference.definitions.iter().map(|it| format!("'{}'", it.node["linkId"].as_str().unwrap_or_default())).collect();
        let seen = format!("%resource.descendants().where(linkId in ({})).answer.value", link_ids.join(" | "));
        let mut web = web.clone();
        let silence = json!([{"url": "https://example.org/StructureDefinition/empty-means-none", "valueBoolean": true}]);
        mean_none(&mut web, &silence);
        web["extension"] = json!([variable("seen", &format!("{seen}.count()"))]);
        let score = i64::try_from(score.normalize().mantissa()).expect("small");
        let totals = [("count", "%seen".to_owned(), json!(count)), ("score", format!("{seen}.weight().sum()"), json!(score))];
        let from = below(&sent).len();
        for (link_id, expression, total) in totals {
            let url = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression";
            let calculated = json!([{ "url": url, "valueExpression": { "language": "text/fhirpath", "expression": expression } }]);
            push(&mut web, json!({ "linkId": link_id, "type": "integer", "readOnly": true, "extension": calculated }));
            // to the engine a sum of nothing is nothing
            if link_id == "count" || total != 0 {
                push(&mut sent, json!({ "linkId": link_id, "answer": [{ "valueInteger": total }] }));
            }
        }
        let (_, found) = faults(&web, &sent);
        let is_total = |place: &str| (from..from + 2).any(|at| place.starts_with(&format!("QuestionnaireResponse.item[{at}]")));
        let told: Vec<_> = found.iter().filter(|it| is_total(&it.2)).collect();
        prop_assert!(told.is_empty(), "{told:?}\n{}\n{}", web, sent);
    }

    #[test]
    fn without_an_optional_item_on_which_nothing_hangs_a_valid_response_stays_valid(numbers in tape(300), which in any::<u16>()) {
        let (web, mut sent) = pair(&numbers);
        // what is wrong with it is taken out until nothing is
        for _ in 0..8 {
            let (is_valid, found) = faults(&web, &sent);
            if is_valid {
                break;
            }
            remove(&mut sent, "QuestionnaireResponse", &found.iter().filter_map(|it| item_of(&it.2)).collect());
        }
        if !faults(&web, &sent).0 {
            return Ok(());
        }
        let reference = Reference::of(&web, &sent);
        let text = web.to_string();
        let is_free = |at: &usize| {
            let node = reference.definitions[reference.entries[*at].definition].node;
            let mut link_ids = Vec::new();
            named(std::slice::from_ref(node), &mut link_ids);
            let parent = |definition: &usize| reference.definitions[*definition].parent;
            let mut above = std::iter::successors(parent(&reference.entries[*at].definition), parent);
            node["required"] != true
                && above.all(|above| reference.definitions[above].node["required"] != true)
                && link_ids.iter().all(|link_id| !text.contains(&format!("\"question\":\"{link_id}\"")))
        };
        let free: Vec<usize> = (0..reference.entries.len()).filter(is_free).collect();
        if free.is_empty() {
            return Ok(());
        }
        let chosen = &reference.entries[free[usize::from(which) % free.len()]];
        let holder = chosen.place.rsplit_once(".item[").map_or("", |(holder, _)| holder);
        let all = reference.entries.iter().filter(|it| it.definition == chosen.definition && it.place.rsplit_once(".item[").is_some_and(|it| it.0 == holder));
        let mut without = sent.clone();
        remove(&mut without, "QuestionnaireResponse", &all.map(|it| it.place.as_str()).collect());
        let (is_valid, found) = faults(&web, &without);
        prop_assert!(is_valid, "{found:?}\n{}\n{}\n{}", web, sent, without);
    }
}

#[test]
fn faults_are_capped_and_the_last_says_how_many_more() {
    let web = json!({ "resourceType": "Questionnaire", "url": "urn:web", "version": "1", "status": "active", "item": [{ "linkId": "a", "type": "integer" }] });
    let items: Vec<Value> = (0..5_000).map(|number| json!({ "linkId": format!("x{number}") })).collect();
    let sent = json!({ "resourceType": "QuestionnaireResponse", "status": "completed", "item": items });
    let (definition, document) = (web.to_string(), sent.to_string());
    let compiled = Questionnaire::compile(&read(definition.as_bytes()).expect("JSON")).questionnaire;
    let node = read(document.as_bytes()).expect("JSON");
    let (proof, issues) = examine(&node, &compiled);
    assert!(proof.is_none());
    assert_eq!((issues.len(), issues[100].fault, issues[100].message.as_str()), (101, "more-faults", "4900 more faults are not listed"));
}

fn pair(numbers: &[u16]) -> (Value, Value) {
    let tape = &mut Tape::of(numbers);
    let status = *tape.one_of(&["completed", "completed", "amended", "in-progress", "stopped"]);
    let web = questionnaire(tape);
    let sent = response(&web, status, tape);
    (web, sent)
}

/// Whether it passes, and what is told, in the reference evaluator's order; but what is not checked.
fn faults(web: &Value, sent: &Value) -> (bool, Vec<(&'static str, &'static str, String)>) {
    let (is_valid, issues) = examined(web, sent);
    let issues = issues.into_iter().filter(|it| it.fault != "not-checked");
    let mut found: Vec<_> = issues.map(|it| (it.severity.code(), it.fault, it.place)).collect();
    found.sort();
    (is_valid, found)
}

/// The linkIds of what is not checked.
fn not_checked(web: &Value, sent: &Value) -> BTreeSet<String> {
    let issues = examined(web, sent).1.into_iter().filter(|it| it.fault == "not-checked");
    issues.filter_map(|it| it.link_id).collect()
}

fn examined(web: &Value, sent: &Value) -> (bool, Vec<Issue>) {
    let (definition, document) = (web.to_string(), sent.to_string());
    let compiled = Questionnaire::compile(&read(definition.as_bytes()).expect("JSON"));
    let defects: Vec<&Issue> = compiled.defects.iter().filter(|it| it.severity == Severity::Error).collect();
    assert!(defects.is_empty(), "{defects:#?}\n{web}");
    let node = read(document.as_bytes()).expect("FHIR's JSON");
    let (proof, issues) = examine(&node, &compiled.questionnaire);
    (proof.is_some(), issues)
}

/// The innermost item that the place is in.
fn item_of(place: &str) -> Option<&str> {
    let at = place.rfind(".item[")?;
    Some(&place[..=at + place[at..].find(']')?])
}

fn variable(name: &str, expression: &str) -> Value {
    json!({
        "url": "http://hl7.org/fhir/StructureDefinition/variable",
        "valueExpression": { "name": name, "language": "text/fhirpath", "expression": expression },
    })
}

fn push(holder: &mut Value, item: Value) {
    match holder.get_mut("item").and_then(Value::as_array_mut) {
        Some(items) => items.push(item),
        None => holder["item"] = json!([item]),
    }
}

fn named<'v>(items: &'v [Value], link_ids: &mut Vec<&'v str>) {
    for item in items {
        link_ids.push(item["linkId"].as_str().expect("a linkId"));
        named(below(item), link_ids);
    }
}

/// Takes the items at these places away, and what is empty then.
fn remove(holder: &mut Value, place: &str, places: &BTreeSet<&str>) {
    let Some(items) = holder.get_mut("item").and_then(Value::as_array_mut) else { return };
    let mut position = 0;
    items.retain_mut(|item| {
        let here = format!("{place}.item[{position}]");
        position += 1;
        if places.contains(here.as_str()) {
            return false;
        }
        remove(item, &here, places);
        for (number, answer) in item.get_mut("answer").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
            remove(answer, &format!("{here}.answer[{number}]"), places);
        }
        true
    });
    if items.is_empty() {
        holder.as_object_mut().expect("an object").remove("item");
    }
}

/// Changes one place of a response, in a way that breaks rules and not JSON.
fn change(holder: &mut Value, tape: &mut Tape<'_>) {
    let Some(items) = holder.get_mut("item").and_then(Value::as_array_mut) else { return };
    let at = tape.below(items.len());
    let other = tape.below(items.len());
    match tape.below(15) {
        0 => items.swap(at, other),
        1 => items.push(items[at].clone()),
        2 => items[at]["linkId"] = json!("nowhere"),
        3 => items[at]["linkId"] = json!(format!("i{}", tape.below(12))),
        4 => {
            items[at].as_object_mut().expect("an object").remove("linkId");
            items[at]["id"] = json!("nameless");
        }
        5 => {
            let item = items[at].clone();
            push(&mut items[other], item);
            // there twice, or moved
            if at != other && tape.chance(50) {
                items.remove(at);
            }
        }
        6 => items[at]["answer"] = json!([{ "valueBoolean": true }]),
        7 => change(holder, tape),
        8 => {
            let Some(below) = items[at].get_mut("item").and_then(Value::as_array_mut) else { return change(holder, tape) };
            let item = below.remove(0);
            if below.is_empty() {
                items[at].as_object_mut().expect("an object").remove("item");
            }
            items.push(item);
        }
        _ => {
            let item = &mut items[at];
            if answers(item).is_empty() {
                return change(item, tape);
            }
            let list = item["answer"].as_array_mut().expect("an array");
            let answer = tape.below(list.len());
            match tape.below(5) {
                0 => list.push(list[answer].clone()),
                1 => list[answer] = json!({ "id": "silent" }),
                2 => {
                    let (name, value) = value(*tape.one_of(&["integer", "string", "choice", "quantity", "date"]), tape);
                    list[answer] = json!({});
                    list[answer][name] = value;
                }
                3 => drop(item.as_object_mut().expect("an object").remove("answer")),
                _ => change(&mut list[answer], tape),
            }
        }
    }
}

/// Whoever leaves a question open says none by it: totals are known.
fn mean_none(holder: &mut Value, silence: &Value) {
    for item in holder.get_mut("item").and_then(Value::as_array_mut).into_iter().flatten() {
        let extensions = item.get("extension").and_then(Value::as_array).cloned().unwrap_or_default();
        item["extension"] = extensions.into_iter().chain(silence.as_array().cloned().unwrap_or_default()).collect();
        mean_none(item, silence);
    }
}
