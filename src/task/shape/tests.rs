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

fn fits(kind: Type, path: &str, name: &str) -> bool {
    match kind {
        Type::Boolean => name == "boolean",
        Type::Integer => name == "integer" || name == "unsignedInt",
        Type::PositiveInt => name == "positiveInt",
        Type::Decimal => name == "decimal",
        Type::Text => name == "string" || name == "markdown",
        // a logical id is one of the strings
        Type::Code => name == "code" || name == "id" || path == "Task.id",
        Type::Uri => ["uri", "url", "canonical"].contains(&name),
        Type::Date => name == "date",
        Type::DateTime => name == "dateTime",
        Type::Instant => name == "instant",
        Type::Base64 => name == "base64Binary",
        Type::Of(elements) => TYPES.iter().any(|(of, theirs)| (*of == name || *of == path) && std::ptr::eq(*theirs, elements)),
        Type::Any => ["Extension", "Narrative", "Reference"].contains(&name),
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
