//! Questionnaires that are webs: groups in groups, questions below answers, repeats, and conditions from anywhere to anywhere
//! (forwards too, as long as they do not go in a circle). As FHIR's JSON, beside responses to them.

use serde_json::{Value, json};

use super::tape::Tape;

/// A Questionnaire of up to some twenty items.
pub fn questionnaire(tape: &mut Tape<'_>) -> Value {
    let mut count = 0;
    let top = 2 + tape.below(5);
    let mut items: Vec<Value> = (0..top).map(|_| item(tape, &mut count, 0)).collect();
    let mut links = Vec::new();
    collect(&items, None, &mut links);
    for index in 0..links.len() {
        if !tape.chance(40) {
            continue;
        }
        let conditions: Vec<Value> = (0..=tape.below(3)).filter_map(|_| condition(tape, index, &mut links)).collect();
        let Some(node) = find(&mut items, &format!("i{index}")).filter(|_| !conditions.is_empty()) else { continue };
        node["enableWhen"] = conditions.into();
        match tape.below(3) {
            0 => node["enableBehavior"] = json!("all"),
            1 => node["enableBehavior"] = json!("any"),
            _ => {}
        }
    }
    json!({ "resourceType": "Questionnaire", "url": "urn:web", "version": "1", "status": "active", "item": items })
}

/// What conditions need to know of an item.
struct Link {
    kind: String,
    /// Items that must be decided before it.
    after: Vec<usize>,
}

fn collect(items: &[Value], parent: Option<usize>, links: &mut Vec<Link>) {
    for item in items {
        let index = links.len();
        links.push(Link { kind: item["type"].as_str().expect("a type").to_owned(), after: parent.into_iter().collect() });
        collect(below(item), Some(index), links);
    }
}

fn item(tape: &mut Tape<'_>, count: &mut usize, depth: usize) -> Value {
    let link_id = format!("i{count}");
    *count += 1;
    let kind = if depth < 3 && tape.chance(35) { "group" } else { *tape.one_of(&KINDS) };
    let mut node = json!({ "linkId": link_id, "type": kind });
    if kind == "display" {
        return node;
    }
    for (name, percent) in [("required", 20), ("repeats", 30)] {
        if tape.chance(percent) {
            node[name] = json!(true);
        }
    }
    let mut extensions = Vec::new();
    rules(kind, tape, &mut node, &mut extensions);
    for (name, number, percent) in [("questionnaire-minOccurs", 2, 8), ("questionnaire-maxOccurs", 2, 15)] {
        if node["repeats"] == true && tape.chance(percent) {
            extensions.push(extension(name, "valueInteger", json!(number)));
        }
    }
    if !extensions.is_empty() {
        node["extension"] = extensions.into();
    }
    let wanted = if kind == "group" { 1 + tape.below(3) } else { usize::from(depth < 2 && tape.chance(20)) };
    if wanted > 0 && *count < 24 {
        node["item"] = (0..wanted).map(|_| item(tape, count, depth + 1)).collect();
    } else if kind == "group" {
        node["type"] = json!("boolean");
    }
    node
}

/// What is asked of the answers.
fn rules(kind: &str, tape: &mut Tape<'_>, node: &mut Value, extensions: &mut Vec<Value>) {
    let bounds: Option<(&str, &str, Value, Value)> = match kind {
        "integer" => Some(("", "valueInteger", json!(1), json!(3))),
        "decimal" => Some(("", "valueDecimal", digits("0.5"), digits("2.50"))),
        "date" => Some(("", "valueDate", json!("2025-06"), json!("2026-02-01"))),
        "dateTime" => Some(("", "valueDateTime", json!("2025-06-01T12:00:00+03:00"), json!("2026-01-01"))),
        "time" => Some(("", "valueTime", json!("08:00:00"), json!("16:00:00"))),
        "quantity" => Some(("SDC", "valueQuantity", quantity("1", Some("kg")), quantity("5", Some("kg")))),
        _ => None,
    };
    if let Some((registry, name, least, most)) = bounds {
        let of = |end: &str| if registry.is_empty() { format!("{end}Value") } else { format!("{end}Quantity") };
        if tape.chance(40) {
            extensions.push(extension(&of("min"), name, least));
        }
        if tape.chance(40) {
            extensions.push(extension(&of("max"), name, most));
        }
    }
    if matches!(kind, "decimal" | "quantity") && tape.chance(30) {
        extensions.push(extension("maxDecimalPlaces", "valueInteger", json!(1)));
    }
    if matches!(kind, "string" | "text" | "url" | "open-choice") && tape.chance(40) {
        node["maxLength"] = json!(5);
    }
    if matches!(kind, "string" | "text") && tape.chance(20) {
        extensions.push(extension("minLength", "valueInteger", json!(2)));
    }
    if matches!(kind, "choice" | "open-choice") || kind == "integer" && tape.chance(15) {
        let all = if kind == "integer" { vec![json!({ "valueInteger": 1 }), json!({ "valueInteger": 2 })] } else { codings() };
        let mut options = all;
        for (index, option) in options.iter_mut().enumerate() {
            let mut own = Vec::new();
            if tape.chance(10) {
                own.push(extension("questionnaire-optionExclusive", "valueBoolean", json!(true)));
            }
            if tape.chance(60) {
                own.push(extension("itemWeight", "valueDecimal", json!(index + 1)));
            }
            if !own.is_empty() {
                option["extension"] = own.into();
            }
        }
        node["answerOption"] = options.into();
    }
}

fn codings() -> Vec<Value> {
    vec![
        json!({ "valueCoding": { "system": "urn:s", "code": "a" } }),
        json!({ "valueCoding": { "system": "urn:s", "code": "b" } }),
        json!({ "valueCoding": { "system": "urn:t", "code": "a" } }),
        json!({ "valueCoding": { "code": "c" } }),
    ]
}

/// Over any question, unless that would go in a circle.
fn condition(tape: &mut Tape<'_>, index: usize, links: &mut [Link]) -> Option<Value> {
    let question = tape.below(links.len());
    if matches!(links[question].kind.as_str(), "group" | "display") || reaches(links, question, index) {
        return None;
    }
    links[index].after.push(question);
    let mut condition = json!({ "question": format!("i{question}") });
    if tape.chance(20) {
        condition["operator"] = json!("exists");
        condition["answerBoolean"] = json!(!tape.chance(40));
        return Some(condition);
    }
    condition["operator"] = json!(tape.one_of(&["=", "!=", ">", "<", ">=", "<="]));
    let kind = if tape.chance(5) { *tape.one_of(&KINDS) } else { links[question].kind.as_str() };
    let (name, value) = match kind {
        "attachment" | "url" | "display" => ("valueString".to_owned(), json!("ab")),
        kind => value(kind, tape),
    };
    condition[name.replacen("value", "answer", 1)] = value;
    Some(condition)
}

fn reaches(links: &[Link], from: usize, to: usize) -> bool {
    from == to || links[from].after.iter().any(|&next| reaches(links, next, to))
}

/// A response in which much is answered, whether it is asked or not.
pub fn response(questionnaire: &Value, status: &str, tape: &mut Tape<'_>) -> Value {
    let mut response = json!({ "resourceType": "QuestionnaireResponse", "questionnaire": "urn:web|1", "status": status });
    put(&mut response, fill(below(questionnaire), tape));
    response
}

fn fill(items: &[Value], tape: &mut Tape<'_>) -> Vec<Value> {
    let mut filled = Vec::new();
    for item in items {
        let kind = item["type"].as_str().expect("a type");
        let is_wanted = tape.chance(if item["required"] == true { 90 } else { 65 });
        if !is_wanted || kind == "display" {
            continue;
        }
        let times = if item["repeats"] == true { 1 + tape.below(3) } else { 1 };
        if kind == "group" {
            for _ in 0..times {
                let mut node = json!({ "linkId": item["linkId"] });
                put(&mut node, fill(below(item), tape));
                filled.push(node);
            }
            continue;
        }
        let answers: Vec<Value> = (0..times)
            .map(|_| {
                let mut answer = json!({});
                let (name, value) = value(kind, tape);
                answer[name] = value;
                put(&mut answer, fill(below(item), tape));
                answer
            })
            .collect();
        filled.push(json!({ "linkId": item["linkId"], "answer": answers }));
    }
    filled
}

fn put(holder: &mut Value, items: Vec<Value>) {
    if !items.is_empty() {
        holder["item"] = items.into();
    }
}

/// One of a few values of the type: the same as elsewhere, near it, or beyond what is asked for.
pub fn value(kind: &str, tape: &mut Tape<'_>) -> (String, Value) {
    let texts: (&str, &[&str]) = match kind {
        "string" | "text" => ("valueString", &["abc", "ab", "ääkköset", "x"]),
        "date" => ("valueDate", &["2025-06-15", "2025", "2025-06", "2026-02-02", "2024-01-01"]),
        "dateTime" => {
            ("valueDateTime", &["2025-06-01T12:00:00+03:00", "2025-06-01T09:00:00Z", "2025", "2026-01-02", "2024-12-31T23:59:59-05:00"])
        }
        "time" => ("valueTime", &["09:30:00", "08:00:00", "07:59:59", "23:00:00.5"]),
        "url" => ("valueUri", &["urn:x", "http://example.org/"]),
        _ => ("", &[]),
    };
    if !texts.0.is_empty() {
        return (texts.0.to_owned(), json!(tape.one_of(texts.1)));
    }
    let (name, value) = match kind {
        "boolean" => ("valueBoolean", json!(tape.below(2) == 0)),
        "integer" => ("valueInteger", json!(1 + tape.below(5))),
        "decimal" => ("valueDecimal", digits(*tape.one_of(&["1", "1.0", "2.55", "0.25", "25e-1", "-3"]))),
        "open-choice" if tape.chance(30) => ("valueString", json!(tape.one_of(&["abc", "else than that"]))),
        "quantity" => {
            let digits = *tape.one_of(&["2", "2.00", "0.5", "7"]);
            ("valueQuantity", quantity(digits, *tape.one_of(&[Some("kg"), Some("kg"), Some("g"), None])))
        }
        "reference" => ("valueReference", json!({ "reference": tape.one_of(&["Patient/1", "Patient/2"]) })),
        "attachment" => ("valueAttachment", json!({ "contentType": "text/plain", "data": "YQ==" })),
        // the last is none of the options
        _ => ("valueCoding", {
            let mut all = codings();
            all.push(json!({ "valueCoding": { "system": "urn:s", "code": "c" } }));
            let at = if tape.chance(6) { 4 } else { tape.below(4) };
            all[at]["valueCoding"].take()
        }),
    };
    (name.to_owned(), value)
}

fn quantity(number: &str, unit: Option<&str>) -> Value {
    let mut quantity = json!({ "value": digits(number) });
    if let Some(unit) = unit {
        quantity["system"] = json!("http://unitsofmeasure.org");
        quantity["code"] = json!(unit);
    }
    quantity
}

fn extension(name: &str, kind: &str, value: Value) -> Value {
    let folder = if name.ends_with("Quantity") { "uv/sdc/StructureDefinition/sdc-questionnaire-" } else { "StructureDefinition/" };
    let mut extension = json!({ "url": format!("http://hl7.org/fhir/{folder}{name}") });
    extension[kind] = value;
    extension
}

fn digits(digits: &str) -> Value {
    serde_json::from_str(digits).expect("digits")
}

/// The items directly below.
pub fn below(node: &Value) -> &[Value] {
    node["item"].as_array().map_or(&[], Vec::as_slice)
}

fn find<'v>(items: &'v mut [Value], link_id: &str) -> Option<&'v mut Value> {
    items.iter_mut().find_map(|item| {
        if item["linkId"] == link_id {
            return Some(item);
        }
        find(item.get_mut("item")?.as_array_mut()?, link_id)
    })
}

const KINDS: [&str; 16] = [
    "boolean",
    "integer",
    "choice",
    "string",
    "decimal",
    "date",
    "open-choice",
    "dateTime",
    "time",
    "text",
    "url",
    "quantity",
    "reference",
    "attachment",
    "display",
    "choice",
];
