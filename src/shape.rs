//! The shape of a resource: which elements R4 gives a type, of which kind and how many. Walked once over what came in, so that
//! every fault is told with its place; a parser into types stops at the first and names none.
//!
//! Sources: <https://hl7.org/fhir/R4/json.html>, <https://hl7.org/fhir/R4/datatypes.html> and each type's own page.

pub mod datatypes;
pub mod primitive;
pub mod questionnaire_response;
pub mod resources;

use neuvola_fhir::{Kind, Node, Place};

use crate::issue::told::{Listed, Told};
use crate::issue::{Issue, Issues};
use primitive::Impossible;

/// A type: its elements, and what must hold between them. One without elements is not looked into.
#[derive(Debug)]
pub struct Shape {
    pub elements: &'static [Element],
    /// The type's invariants.
    pub rules: &'static [Rule],
}

/// One element of a type.
#[derive(Debug)]
pub struct Element {
    pub name: &'static str,
    pub kind: Type,
    pub many: bool,
    pub required: bool,
    /// One of a `value[x]`.
    pub choice: bool,
}

/// What an element holds.
#[derive(Clone, Copy, Debug)]
pub enum Type {
    Boolean,
    Integer,
    UnsignedInt,
    PositiveInt,
    Decimal,
    /// `string` and `markdown`.
    Text,
    Id,
    Code,
    /// A code of a required binding.
    OneOf(&'static [&'static str]),
    /// `uri`, `url`, `canonical`, `oid`, `uuid`.
    Uri,
    Date,
    DateTime,
    Time,
    Instant,
    Base64,
    Xhtml,
    Of(&'static Shape),
    /// Another resource: its own parser judges it.
    Resource,
}

/// An invariant of R4: its key, and whether it holds.
#[derive(Debug)]
pub struct Rule {
    pub key: &'static str,
    pub holds: fn(&Node<'_>) -> bool,
}

/// An element that may stand once.
pub const fn one(name: &'static str, kind: Type) -> Element {
    Element { name, kind, many: false, required: false, choice: false }
}

/// An element that may stand several times.
pub const fn many(name: &'static str, kind: Type) -> Element {
    Element { name, kind, many: true, required: false, choice: false }
}

/// An element that must stand once.
pub const fn must(name: &'static str, kind: Type) -> Element {
    Element { name, kind, many: false, required: true, choice: false }
}

/// One of a `value[x]`.
pub const fn choice(name: &'static str, kind: Type) -> Element {
    Element { name, kind, many: false, required: false, choice: true }
}

/// Notes every element of `resource` that `shape` does not have, that is of another type, or that is missing.
pub fn check(shape: &'static Shape, resource: &Node<'_>, root: &Place<'_>, issues: &mut Issues) {
    walk(shape, resource, root, true, issues);
}

fn walk(shape: &'static Shape, node: &Node<'_>, place: &Place<'_>, is_root: bool, issues: &mut Issues) {
    if node.kind() != Kind::Object {
        issues.push(wrong(place, node, "an object"));
        return;
    }
    if shape.elements.is_empty() {
        return;
    }
    for element in shape.elements.iter().filter(|element| element.required) {
        // an extension may stand for a value that is not there
        if node.member(element.name).is_none() && !has_shadow(node, element.name) {
            issues.push(Issue::of(Told::MissingMember { name: element.name }, "", place.member(element.name)));
        }
    }
    let mut choices = 0;
    for (name, value) in node.members() {
        let here = place.member(name);
        match shape.elements.iter().find(|element| element.name == name) {
            Some(element) => {
                choices += usize::from(element.choice);
                // FHIRPath knows `value` alone
                let is_value = element.choice && name.starts_with("value");
                let here = if is_value { place.member("value") } else { here };
                member(element, value, &here, issues);
            }
            None if is_root && name == "resourceType" => {}
            None => other(shape, name, value, &here, issues),
        }
    }
    if choices > 1 {
        issues.push(Issue::of(Told::SeveralValues, "", place));
    }
    for rule in shape.rules.iter().filter(|rule| !(rule.holds)(node)) {
        issues.push(Issue::of(Told::Invariant { key: rule.key }, "", place));
    }
}

fn member(element: &'static Element, value: &Node<'_>, place: &Place<'_>, issues: &mut Issues) {
    if element.name == "modifierExtension" {
        return issues.push(Issue::of(Told::ModifierExtension, "", place));
    }
    if !element.many {
        return value_of(element.kind, value, place, issues);
    }
    if value.kind() != Kind::Array {
        issues.push(wrong(place, value, "an array"));
        return;
    }
    for (index, one) in value.elements().iter().enumerate() {
        // null stands in an array of primitives where only `_name` says something
        if one.kind() != Kind::Null || matches!(element.kind, Type::Of(_) | Type::Resource) {
            value_of(element.kind, one, &place.element(index), issues);
        }
    }
}

/// `_name`, a primitive's own id and extensions (<https://hl7.org/fhir/R4/json.html#primitive>); or nothing that R4 knows.
fn other(shape: &'static Shape, name: &str, value: &Node<'_>, place: &Place<'_>, issues: &mut Issues) {
    let plain = name.strip_prefix('_');
    match plain.and_then(|plain| shape.elements.iter().find(|element| element.name == plain)) {
        Some(element) if !matches!(element.kind, Type::Of(_) | Type::Resource) => {
            let several: &[Node<'_>] = if element.many { value.elements() } else { std::slice::from_ref(value) };
            for one in several.iter().filter(|one| one.kind() != Kind::Null) {
                walk(&datatypes::ELEMENT, one, place, false, issues);
            }
        }
        _ => {
            let known = Listed::of_names(shape.elements.iter().map(|element| element.name));
            issues.push(Issue::of(Told::UnknownMember { known }, "", place));
        }
    }
}

fn value_of(kind: Type, value: &Node<'_>, place: &Place<'_>, issues: &mut Issues) {
    match kind {
        Type::Of(shape) => return walk(shape, value, place, false, issues),
        Type::Resource => {
            if value.text("resourceType").is_none() {
                issues.push(Issue { code: "structure", ..Issue::of(Told::WrongForm { wanted: "a FHIR resource" }, "", place) });
            }
            return;
        }
        _ => {}
    }
    if let Err(wanted) = primitive::check(kind, value) {
        issues.push(match (value.kind(), kind) {
            (Kind::String, Type::OneOf(codes)) => {
                let codes = Listed::of_names(codes.iter().copied());
                Issue::of(Told::WrongCode { codes }, "", place)
            }
            (Kind::String, _) => match primitive::impossible(kind, value.as_str().unwrap_or_default()) {
                Some(Impossible::Day) => Issue::of(Told::NoSuchDay, "", place),
                Some(Impossible::Time) => Issue::of(Told::NoSuchTime, "", place),
                None => Issue::of(Told::WrongForm { wanted }, "", place),
            },
            _ => wrong(place, value, wanted),
        });
    }
}

fn has_shadow(node: &Node<'_>, name: &str) -> bool {
    node.members().iter().any(|(shadow, _)| shadow.strip_prefix('_') == Some(name))
}

fn wrong(place: &Place<'_>, node: &Node<'_>, wanted: &'static str) -> Issue {
    Issue::of(Told::WrongKind { wanted, given: node.kind().name() }, "", place)
}
