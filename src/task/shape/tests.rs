use serde_json::json;

use super::*;

/// `path`, how many, `Σ` or `-`, types.
const R4: &str = include_str!("../../../tests/integration/data/r4_task.tsv");

const TYPES: [(&str, &[Element]); 13] = [
    ("Task", TASK),
    ("Meta", META),
    ("Identifier", IDENTIFIER),
    ("Reference", REFERENCE),
    ("CodeableConcept", CONCEPT),
    ("Coding", CODING),
    ("Period", PERIOD),
    ("Annotation", ANNOTATION),
    ("Task.restriction", RESTRICTION),
    ("Task.input", PARAMETER),
    ("Task.output", PARAMETER),
    ("ContactPoint", CONTACT_POINT),
    ("Attachment", ATTACHMENT),
];

/// Constants have no address of their own.
fn same(one: &[Element], other: &[Element]) -> bool {
    one.iter().map(|element| element.name).eq(other.iter().map(|element| element.name))
}

fn fits(kind: Type, path: &str, name: &str) -> bool {
    match kind {
        Type::Boolean => name == "boolean",
        Type::Integer => name == "integer" || name == "unsignedInt",
        Type::PositiveInt => name == "positiveInt",
        Type::Decimal => name == "decimal",
        Type::Text => name == "string" || name == "markdown",
        // a logical id is one of the strings
        Type::Code => name == "code" || name == "id" || path == "Task.id",
        Type::OneOf(_) | Type::Language => name == "code",
        Type::Uri | Type::Absolute => ["uri", "url", "canonical"].contains(&name),
        Type::Date => name == "date",
        Type::DateTime => name == "dateTime",
        Type::Instant => name == "instant",
        Type::Base64 => name == "base64Binary",
        Type::Of(elements) if same(elements, NARRATIVE) => name == "Narrative",
        Type::Of(elements) => TYPES.iter().any(|(of, theirs)| (*of == name || *of == path) && same(theirs, elements)),
        Type::Period => name == "Period",
        Type::Reference(_) => name == "Reference",
        Type::Extension => name == "Extension",
        Type::Div => false,
        Type::Refused => ["Task.implicitRules", "Task.contained", "Task.modifierExtension"].contains(&path),
    }
}

#[test]
fn every_element_is_as_r4_s_own_definition_has_it() {
    for row in R4.lines() {
        let [path, times, summary, types] = row.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let (parent, name) = path.rsplit_once('.').unwrap();
        let elements = TYPES.iter().find(|(of, _)| *of == parent).unwrap().1;
        let choices: Vec<(&Element, &str)> = match name.strip_suffix("[x]") {
            Some(begins) => {
                let of = |element: &&Element| element.name.starts_with(begins);
                let is_of = |element: &Element, kind: &str| element.name[begins.len()..].eq_ignore_ascii_case(kind);
                let found = elements.iter().filter(of);
                found.map(|element| (element, types.split('|').find(|kind| is_of(element, kind)).unwrap())).collect()
            }
            None => elements.iter().filter(|element| element.name == name).map(|element| (element, types)).collect(),
        };
        // `walk` sees to those of parts, whatever the type
        assert!(!choices.is_empty() || name == "modifierExtension", "{path} is missing");
        for (element, kind) in choices {
            assert!(fits(element.kind, path, kind), "{path} is of type {kind}");
            assert_eq!(element.many, times.ends_with('*'), "{path}: {times}");
            assert_eq!(element.required, times.starts_with('1') && !name.ends_with("[x]"), "{path}: {times}");
            if parent == "Task" {
                assert_eq!(element.summary, summary == "Σ", "{path}: {summary}");
            }
        }
    }
    let named = |of: &str, name: &str| R4.lines().any(|row| row.starts_with(&format!("{of}.{name}\t")));
    for (of, elements) in TYPES {
        for Element { name, .. } in elements {
            let is_choice = ["value", "author"].into_iter().any(|begins| name.starts_with(begins) && named(of, &format!("{begins}[x]")));
            assert!(named(of, name) || is_choice, "{of} has no {name}");
        }
    }
}

#[test]
fn what_the_official_validator_refuses_is_refused() {
    let url = "https://a.example/x";
    let div = |inner: &str| json!({"status": "generated", "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\">{inner}</div>")});
    let wrong = [
        ("executionPeriod", json!({"start": "2026-11-22T10:00:00Z", "end": "2026-11-21"})),
        ("extension", json!([{"url": url}])),
        ("extension", json!([{"url": "x", "valueCode": "b"}])),
        ("extension", json!([{"url": url, "valueCode": "b", "extension": [{"url": "a", "valueCode": "b"}]}])),
        ("identifier", json!([{"use": "foo", "system": url, "value": "1"}])),
        ("identifier", json!([{"system": "foo", "value": "1"}])),
        ("text", div("<script>alert(1)</script>")),
        ("text", div("<p onclick=\"x()\">a</p>")),
        ("text", div("<a href=\"javascript:x()\">a</a>")),
        ("text", div("<p>a")),
        ("text", div("a &nbsp;")),
        ("text", div(" ")),
        ("text", json!({"status": "generated", "div": "a"})),
        ("text", json!({"status": "generated", "div": "<div>a</div>"})),
        ("language", json!("xx yy")),
        ("authoredOn", json!("2026-11-20T10:00:00+02:00[Europe/Helsinki]")),
        ("authoredOn", json!("2026-11-20T10:00:00,5Z")),
        ("authoredOn", json!("2026-11-20T10:00:00+0200")),
        ("authoredOn", json!("2026-11-20T10:00:00+20:00")),
        ("authoredOn", json!("0000-06-30T23:00:00Z")),
        ("focus", json!({"reference": "not a ref"})),
        ("focus", json!({"reference": "Foo/1"})),
        ("focus", json!({"reference": "#x"})),
        ("focus", json!({"reference": "Patient/1", "type": "Task"})),
        ("focus", json!({"type": "Bogus", "display": "x"})),
        ("encounter", json!({"reference": "Patient/1"})),
        ("encounter", json!({"reference": "https://ehr.example/fhir/Patient/1"})),
        ("partOf", json!([{"reference": "Patient/1"}])),
        ("owner", json!({"reference": "Organization/1", "type": "Patient"})),
        ("instantiatesCanonical", json!("foo")),
        ("_focus", json!({"id": "x"})),
        ("contained", json!([{"resourceType": "Patient"}])),
    ];
    for (name, value) in wrong {
        assert!(faulty(name, &value), "{name}: {value}");
    }
    let right = [
        ("executionPeriod", json!({"start": "2026-11-22T10:00:00Z", "end": "2026-11-22"})),
        ("extension", json!([{"url": url, "extension": [{"url": "a", "valueCode": "b"}]}])),
        ("text", div("<p class=\"a\">5 &lt; 6<br/><b>x</b> &#228;</p>")),
        ("language", json!("fi-FI")),
        ("authoredOn", json!("2026-11-20T10:00:00.25-14:00")),
        ("focus", json!({"reference": "https://ehr.example/fhir/Appointment/1/_history/2"})),
        ("focus", json!({"reference": "urn:uuid:5d6f5a3c-92a5-4ef7-8f5c-0c1e6ac3a4b1"})),
        ("encounter", json!({"reference": "Encounter/1", "type": "Encounter"})),
        ("_description", json!({"id": "x"})),
    ];
    for (name, value) in right {
        assert!(!faulty(name, &value), "{name}: {value}");
    }
}

fn faulty(name: &str, value: &serde_json::Value) -> bool {
    let mut task = json!({"resourceType": "Task", "status": "requested", "intent": "order"});
    task[name] = value.clone();
    let text = task.to_string();
    let mut issues = Issues::default();
    check(&neuvola_fhir::read(text.as_bytes()).unwrap(), &mut issues);
    issues.has_errors()
}
