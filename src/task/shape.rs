//! The shape of a Task: which elements R4 has, of which type and how many (<https://hl7.org/fhir/R4/task.html>), walked once
//! over what came in, so that every fault is told with its place. fhirbolt's own parser, which proves it once more before
//! anything is stored, stops at the first and names no place.

mod narrative;
mod values;

use neuvola_fhir::{Kind, Node, Place, Value};

use super::parameters::is_language;
use crate::issue::{Issue, Issues};
use crate::shape::primitive::{is_date, is_date_time};

/// One element of a type.
struct Element {
    name: &'static str,
    kind: Type,
    many: bool,
    required: bool,
    /// Marked Σ in R4.
    summary: bool,
}

#[derive(Clone, Copy)]
enum Type {
    Boolean,
    Integer,
    PositiveInt,
    Decimal,
    /// Any text that says something.
    Text,
    Code,
    Uri,
    Date,
    DateTime,
    Instant,
    Base64,
    /// One of the codes of a binding that R4 requires.
    OneOf(&'static [&'static str]),
    /// BCP 47, by its form.
    Language,
    /// A URI with a scheme.
    Absolute,
    Of(&'static [Element]),
    Period,
    /// To one of these types; to any, if none is named.
    Reference(&'static [&'static str]),
    Extension,
    /// xhtml, without what could do anything.
    Div,
    /// R4 has it, and it is not taken here.
    Refused,
}

impl Type {
    const fn is_complex(self) -> bool {
        matches!(self, Self::Of(_) | Self::Period | Self::Reference(_) | Self::Extension | Self::Div | Self::Refused)
    }
}

impl Element {
    const fn summary(self) -> Self {
        Self { summary: true, ..self }
    }
}

const fn one(name: &'static str, kind: Type) -> Element {
    Element { name, kind, many: false, required: false, summary: false }
}

const fn many(name: &'static str, kind: Type) -> Element {
    Element { name, kind, many: true, required: false, summary: false }
}

const fn must(name: &'static str, kind: Type) -> Element {
    Element { name, kind, many: false, required: true, summary: false }
}

/// Notes every element that R4's Task does not have, is of another type, or is missing.
pub fn check(task: &Node<'_>, issues: &mut Issues) {
    let root = Place::root("Task");
    if task.kind() != Kind::Object {
        issues.push(Issue::error("structure", "wrong-type", "", "a FHIR resource is wanted, as a JSON object"));
        return;
    }
    match task.text("resourceType") {
        Some("Task") => walk(TASK, task, root, issues),
        Some(_) => issues.push(Issue::error("structure", "wrong-resource", "", "the resource is no Task")),
        None => {
            issues.push(Issue::error("required", "missing-member", "", "`resourceType` is missing").remedy("`\"resourceType\": \"Task\"`"))
        }
    }
}

/// Whether R4's Task has an element of that name.
pub(super) fn has(name: &str) -> bool {
    TASK.iter().any(|element| element.name == name)
}

/// Whether R4 counts an element of Task into the summary.
pub(super) fn in_summary(name: &str) -> bool {
    TASK.iter().any(|element| element.name == name && element.summary)
}

fn walk(elements: &[Element], node: &Node<'_>, place: Place<'_>, issues: &mut Issues) {
    if node.kind() != Kind::Object {
        issues.push(wrong(&place, node, "an object"));
        return;
    }
    for element in elements.iter().filter(|element| element.required && node.member(element.name).is_none()) {
        let message = format!("`{}` is missing", element.name);
        issues.push(Issue::error("required", "missing-member", place.member(element.name), message));
    }
    let mut choices = 0;
    for (name, value) in node.members() {
        let here = place.member(name);
        // a primitive's own id and extensions, `_name` (R4, json.html#primitive)
        let (plain, is_shadow) = name.strip_prefix('_').map_or((&**name, false), |plain| (plain, true));
        let is_it = |element: &&Element| element.name == plain || (element.name == "extension" && plain == "modifierExtension");
        let taken = |element: &&Element| !matches!(element.kind, Type::Refused) || plain == "modifierExtension";
        let Some(element) = elements.iter().find(is_it).filter(taken) else {
            if plain == "resourceType" && !is_shadow {
                continue;
            }
            issues.push(Issue::error("structure", "unknown-member", here, "there is no such element here").remedy(known(elements)));
            continue;
        };
        choices += usize::from(plain.starts_with("value") && elements.iter().filter(|other| other.name.starts_with("value")).count() > 1);
        if is_shadow {
            if element.kind.is_complex() {
                issues.push(Issue::error("structure", "unknown-member", here, "only primitive values have an `_` beside them"));
            }
            continue;
        }
        if plain == "modifierExtension" {
            issues.push(Issue::error("extension", "modifier-extension", here, "no modifier extension is understood here"));
        } else if element.many {
            if value.kind() != Kind::Array {
                issues.push(wrong(&here, value, "an array"));
            }
            for (index, item) in value.elements().iter().enumerate() {
                value_of(element.kind, item, here.element(index), issues);
            }
        } else {
            value_of(element.kind, value, here, issues);
        }
    }
    if choices > 1 {
        issues.push(Issue::error("structure", "several-values", place, "there can be one `value[x]` only"));
    }
}

fn value_of(kind: Type, value: &Node<'_>, place: Place<'_>, issues: &mut Issues) {
    let text = value.as_str();
    let said = |text: &str| !text.trim().is_empty();
    let (fits, wanted) = match kind {
        Type::Of(elements) => return walk(elements, value, place, issues),
        Type::Period => {
            walk(PERIOD, value, place, issues);
            return values::period(value, place, issues);
        }
        Type::Reference(targets) => {
            walk(REFERENCE, value, place, issues);
            return values::reference(value, targets, place, issues);
        }
        Type::Extension => return values::extension(value, place, false, issues),
        Type::Refused => (true, ""),
        Type::OneOf(codes) => (text.is_some_and(|text| codes.contains(&text)), "one of the codes that R4 has for it"),
        Type::Language => (text.is_some_and(is_language), "a language (BCP 47)"),
        Type::Absolute => (text.is_some_and(values::is_absolute), "an absolute URI"),
        Type::Div => (text.is_some_and(narrative::is_div), "a `div` of well-formed xhtml with basic formatting and some text"),
        Type::Boolean => (value.as_bool().is_some(), "a boolean"),
        Type::Integer => (value.as_number().is_some_and(|digits| digits.parse::<i32>().is_ok()), "an integer"),
        Type::PositiveInt => {
            (value.as_number().is_some_and(|digits| digits.parse::<i32>().is_ok_and(|number| number > 0)), "a positive integer")
        }
        Type::Decimal => (value.as_number().is_some(), "a number"),
        Type::Text => (text.is_some_and(said), "a text"),
        Type::Code => (text.is_some_and(|text| said(text) && text.trim() == text), "a code"),
        Type::Uri => (text.is_some_and(|text| said(text) && !text.contains(char::is_whitespace)), "a URI"),
        Type::Date => (text.is_some_and(is_date), "a date"),
        Type::DateTime => (text.is_some_and(is_date_time), "a dateTime (with an offset, if it has a time)"),
        Type::Instant => (text.is_some_and(|text| text.contains('T') && is_date_time(text)), "an instant"),
        Type::Base64 => (text.is_some_and(values::is_base64), "base64"),
    };
    if !fits {
        issues.push(match value.value {
            Value::String(_) => Issue::error("value", "wrong-type", place, format!("{wanted} is wanted here")),
            _ => wrong(&place, value, wanted),
        });
    }
}

fn wrong(place: &Place<'_>, node: &Node<'_>, wanted: &str) -> Issue {
    Issue::error("structure", "wrong-type", place, format!("{wanted} is wanted here, not {}", node.kind().name()))
}

fn known(elements: &[Element]) -> String {
    let taken = elements.iter().filter(|element| !matches!(element.kind, Type::Refused));
    format!("known here: {}", taken.map(|element| element.name).collect::<Vec<_>>().join(", "))
}

const TASK: &[Element] = &[
    one("id", Type::Code).summary(),
    one("meta", Type::Of(META)).summary(),
    one("implicitRules", Type::Refused).summary(),
    one("language", Type::Language),
    one("text", Type::Of(NARRATIVE)),
    many("contained", Type::Refused),
    many("extension", Type::Extension),
    many("modifierExtension", Type::Refused),
    many("identifier", Type::Of(IDENTIFIER)),
    one("instantiatesCanonical", Type::Absolute).summary(),
    one("instantiatesUri", Type::Uri).summary(),
    many("basedOn", Type::Reference(&[])).summary(),
    one("groupIdentifier", Type::Of(IDENTIFIER)).summary(),
    many("partOf", Type::Reference(&["Task"])).summary(),
    must("status", Type::Code).summary(),
    one("statusReason", Type::Of(CONCEPT)).summary(),
    one("businessStatus", Type::Of(CONCEPT)).summary(),
    must("intent", Type::Code).summary(),
    one("priority", Type::Code),
    one("code", Type::Of(CONCEPT)).summary(),
    one("description", Type::Text).summary(),
    one("focus", Type::Reference(&[])).summary(),
    one("for", Type::Reference(&[])).summary(),
    one("encounter", Type::Reference(&["Encounter"])).summary(),
    one("executionPeriod", Type::Period).summary(),
    one("authoredOn", Type::DateTime),
    one("lastModified", Type::DateTime).summary(),
    one("requester", Type::Reference(&["Device", "Organization", "Patient", "Practitioner", "PractitionerRole", "RelatedPerson"]))
        .summary(),
    many("performerType", Type::Of(CONCEPT)),
    one(
        "owner",
        Type::Reference(&[
            "Practitioner",
            "PractitionerRole",
            "Organization",
            "CareTeam",
            "HealthcareService",
            "Patient",
            "Device",
            "RelatedPerson",
        ]),
    )
    .summary(),
    one("location", Type::Reference(&["Location"])).summary(),
    one("reasonCode", Type::Of(CONCEPT)),
    one("reasonReference", Type::Reference(&[])),
    many("insurance", Type::Reference(&["Coverage", "ClaimResponse"])),
    many("note", Type::Of(ANNOTATION)),
    many("relevantHistory", Type::Reference(&["Provenance"])),
    one("restriction", Type::Of(RESTRICTION)),
    many("input", Type::Of(PARAMETER)),
    many("output", Type::Of(PARAMETER)),
];

const NARRATIVE: &[Element] = &[
    one("id", Type::Text),
    many("extension", Type::Extension),
    must("status", Type::OneOf(&["generated", "extensions", "additional", "empty"])),
    must("div", Type::Div),
];

const META: &[Element] = &[
    one("id", Type::Text),
    many("extension", Type::Extension),
    one("versionId", Type::Code),
    one("lastUpdated", Type::Instant),
    one("source", Type::Uri),
    many("profile", Type::Absolute),
    many("security", Type::Of(CODING)),
    many("tag", Type::Of(CODING)),
];

const IDENTIFIER: &[Element] = &[
    one("id", Type::Text),
    many("extension", Type::Extension),
    one("use", Type::OneOf(&["usual", "official", "temp", "secondary", "old"])),
    one("type", Type::Of(CONCEPT)),
    one("system", Type::Absolute),
    one("value", Type::Text),
    one("period", Type::Period),
    one("assigner", Type::Reference(&["Organization"])),
];

const REFERENCE: &[Element] = &[
    one("id", Type::Text),
    many("extension", Type::Extension),
    one("reference", Type::Text),
    one("type", Type::Uri),
    one("identifier", Type::Of(IDENTIFIER)),
    one("display", Type::Text),
];

const CONCEPT: &[Element] =
    &[one("id", Type::Text), many("extension", Type::Extension), many("coding", Type::Of(CODING)), one("text", Type::Text)];

const CODING: &[Element] = &[
    one("id", Type::Text),
    many("extension", Type::Extension),
    one("system", Type::Absolute),
    one("version", Type::Text),
    one("code", Type::Code),
    one("display", Type::Text),
    one("userSelected", Type::Boolean),
];

const PERIOD: &[Element] =
    &[one("id", Type::Text), many("extension", Type::Extension), one("start", Type::DateTime), one("end", Type::DateTime)];

const ANNOTATION: &[Element] = &[
    one("id", Type::Text),
    many("extension", Type::Extension),
    one("authorReference", Type::Reference(&["Practitioner", "Patient", "RelatedPerson", "Organization"])),
    one("authorString", Type::Text),
    one("time", Type::DateTime),
    must("text", Type::Text),
];

const RESTRICTION: &[Element] = &[
    one("id", Type::Text),
    many("extension", Type::Extension),
    one("repetitions", Type::PositiveInt),
    one("period", Type::Period),
    many("recipient", Type::Reference(&["Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Group", "Organization"])),
];

/// `Task.input` and `Task.output`. R4 lets any type be a value; these are those that callback requests use.
const PARAMETER: &[Element] = &[
    one("id", Type::Text),
    many("extension", Type::Extension),
    must("type", Type::Of(CONCEPT)),
    one("valueBoolean", Type::Boolean),
    one("valueInteger", Type::Integer),
    one("valueDecimal", Type::Decimal),
    one("valueString", Type::Text),
    one("valueCode", Type::Code),
    one("valueUri", Type::Uri),
    one("valueUrl", Type::Uri),
    one("valueDate", Type::Date),
    one("valueDateTime", Type::DateTime),
    one("valueInstant", Type::Instant),
    one("valuePeriod", Type::Period),
    one("valueIdentifier", Type::Of(IDENTIFIER)),
    one("valueCoding", Type::Of(CODING)),
    one("valueCodeableConcept", Type::Of(CONCEPT)),
    one("valueReference", Type::Reference(&[])),
    one("valueContactPoint", Type::Of(CONTACT_POINT)),
    one("valueAttachment", Type::Of(ATTACHMENT)),
];

const CONTACT_POINT: &[Element] = &[
    one("id", Type::Text),
    many("extension", Type::Extension),
    one("system", Type::OneOf(&["phone", "fax", "email", "pager", "url", "sms", "other"])),
    one("value", Type::Text),
    one("use", Type::OneOf(&["home", "work", "temp", "old", "mobile"])),
    one("rank", Type::PositiveInt),
    one("period", Type::Period),
];

const ATTACHMENT: &[Element] = &[
    one("id", Type::Text),
    many("extension", Type::Extension),
    one("contentType", Type::Code),
    one("language", Type::Language),
    one("data", Type::Base64),
    one("url", Type::Uri),
    one("size", Type::Integer),
    one("hash", Type::Base64),
    one("title", Type::Text),
    one("creation", Type::DateTime),
];

#[cfg(test)]
mod tests;
