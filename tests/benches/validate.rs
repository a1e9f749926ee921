//! Bytes of a response to its verdict, reading included: 10 to 10,000 items in four forms. The time per item should stay flat.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot start may say so bluntly")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use neuvola_adapter::profiles::{Library, Profile, is_valid};
use neuvola_fhir::read;
use serde_json::{Value, json};

criterion_group!(benches, sizes, faults);
criterion_main!(benches);

fn sizes(criterion: &mut Criterion) {
    for (form, make) in FORMS {
        let mut group = criterion.benchmark_group(format!("validate {form}"));
        for size in SIZES {
            let (library, response) = ready(make(size));
            assert!(is_valid(&library.check(&response, Profile::Core)), "{form} {size}: {:#?}", library.check(&response, Profile::Core));
            group.throughput(Throughput::Elements(size as u64));
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| bencher.iter(|| library.check(&response, Profile::Core)));
        }
    }
}

/// Nothing in it is right.
fn faults(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("validate faults");
    for size in SIZES {
        let (questionnaire, mut response) = flat(size);
        response["item"].as_array_mut().unwrap().iter_mut().for_each(|item| item["answer"] = json!([{ "valueUri": "urn:x" }]));
        let (library, response) = ready((questionnaire, response));
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| bencher.iter(|| library.check(&response, Profile::Core)));
    }
}

fn ready((questionnaire, response): (Value, Value)) -> (Library, Vec<u8>) {
    let questionnaire = serde_json::to_vec(&questionnaire).unwrap();
    let mut library = Library::default();
    let defects = library.add(&read(&questionnaire).unwrap());
    assert!(defects.is_empty(), "{defects:#?}");
    (library, serde_json::to_vec(&response).unwrap())
}

/// One question behind the other, of every usual kind, each with a rule.
fn flat(size: usize) -> (Value, Value) {
    pair((0..size).map(question).collect(), (0..size).map(answered).collect())
}

/// Ten in a group, ten groups in a group, and so on.
fn nested(size: usize) -> (Value, Value) {
    pair(grouped((0..size).map(question).collect(), true), grouped((0..size).map(answered).collect(), false))
}

fn grouped(mut items: Vec<Value>, is_definition: bool) -> Vec<Value> {
    let mut level = 0;
    while items.len() > 10 {
        let groups = items.chunks(10).enumerate().map(|(number, below)| {
            let mut group = json!({ "linkId": format!("g{level}-{number}"), "item": below });
            if is_definition {
                group["type"] = json!("group");
                group["required"] = json!(true);
            }
            group
        });
        items = groups.collect();
        level += 1;
    }
    items
}

/// Each hangs on one before it, on the first, and on one behind it.
fn web(size: usize) -> (Value, Value) {
    let questions = (0..size).map(|number| {
        let mut item = question(number);
        let on = |number: usize| json!({ "question": format!("q{number}"), "operator": "exists", "answerBoolean": true });
        if number > 0 {
            let mut conditions = vec![on(number - 1), json!({ "question": "q0", "operator": "=", "answerBoolean": true })];
            if number % 10 == 1 && number + 8 < size {
                // nothing behind it hangs on it
                conditions = vec![on(number + 8)];
            } else if number % 10 == 2 {
                conditions.remove(0);
            }
            item["enableWhen"] = conditions.into();
            item["enableBehavior"] = json!("all");
        }
        item
    });
    pair(questions.collect(), (0..size).map(answered).collect())
}

/// One group of five, over and over, with conditions in it, and a question below an answer.
fn repeated(size: usize) -> (Value, Value) {
    let mut questions: Vec<Value> = (0..5).map(question).collect();
    for (number, question) in questions.iter_mut().enumerate().skip(1) {
        question["enableWhen"] = json!([{ "question": format!("q{}", number - 1), "operator": "exists", "answerBoolean": true }]);
    }
    let below = questions.pop().unwrap();
    questions[3]["item"] = json!([below]);
    let group = json!({ "linkId": "g", "type": "group", "repeats": true, "item": questions });
    let occurrences = (0..size / 5).map(|_| {
        let mut items: Vec<Value> = (0..5).map(answered).collect();
        let below = items.pop().unwrap();
        items[3]["answer"][0]["item"] = json!([below]);
        json!({ "linkId": "g", "item": items })
    });
    pair(vec![group], occurrences.collect())
}

fn pair(questions: Vec<Value>, items: Vec<Value>) -> (Value, Value) {
    let questionnaire =
        json!({ "resourceType": "Questionnaire", "url": "urn:bench", "version": "1", "status": "active", "item": questions });
    let response = json!({
        "resourceType": "QuestionnaireResponse",
        "questionnaire": "urn:bench|1",
        "status": "completed",
        "authored": "2026-11-10T18:20:00+02:00",
        "item": items,
    });
    (questionnaire, response)
}

fn question(number: usize) -> Value {
    let bound = |end: &str| json!({ "url": format!("http://hl7.org/fhir/StructureDefinition/{end}Value"), "valueInteger": 7 });
    let mut item = match number % 5 {
        0 => json!({ "type": "boolean" }),
        1 => json!({ "type": "integer", "extension": [bound("min"), bound("max")] }),
        2 => {
            let options = ["a", "b", "c", "d", "e"].map(|code| json!({ "valueCoding": { "system": "urn:s", "code": code } }));
            json!({ "type": "choice", "answerOption": options })
        }
        3 => json!({ "type": "string", "maxLength": 40 }),
        _ => json!({ "type": "date" }),
    };
    item["linkId"] = json!(format!("q{number}"));
    item["text"] = json!(format!("Question number {number}"));
    item["required"] = json!(true);
    item
}

fn answered(number: usize) -> Value {
    let value = match number % 5 {
        0 => json!({ "valueBoolean": true }),
        1 => json!({ "valueInteger": 7 }),
        2 => json!({ "valueCoding": { "system": "urn:s", "code": "d", "display": "The fourth" } }),
        3 => json!({ "valueString": "Everything is as it was." }),
        _ => json!({ "valueDate": "2026-11-02" }),
    };
    json!({ "linkId": format!("q{number}"), "text": format!("Question number {number}"), "answer": [value] })
}

#[allow(clippy::type_complexity, reason = "named once")]
const FORMS: [(&str, fn(usize) -> (Value, Value)); 4] = [("flat", flat), ("nested", nested), ("web", web), ("repeated", repeated)];

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
