//! What R4 knows of each element, read off fhirbolt's tables.

use std::collections::HashMap;

use fhirbolt_shared::element_map::ElementSet;
use fhirbolt_shared::element_map::r4::ELEMENT_MAP;
use fhirbolt_shared::type_hints::r4::TYPE_HINTS;

/// A type with elements: a resource, a data type, or a part of one.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// `Patient`, `Patient.contact`, `Coding`
    pub(super) path: &'static str,
    children: &'static ElementSet,
}

/// An element of a type.
#[derive(Clone, Copy)]
pub(super) struct Child {
    pub(super) name: &'static str,
    /// Its place in the order of elements.
    pub(super) index: usize,
    pub(super) many: bool,
    pub(super) shape: Shape,
}

#[derive(Clone, Copy)]
pub(super) enum Shape {
    Primitive(Primitive),
    Complex(Known),
    /// Holds any one resource.
    Resource,
    /// `Narrative.div`
    Xhtml,
}

/// How JSON writes a primitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Primitive {
    Text,
    Boolean,
    /// With a sign.
    Integer,
    /// Without.
    Unsigned,
    Decimal,
}

impl Known {
    /// A type of resource.
    pub(super) fn resource(name: &str) -> Option<Self> {
        Self::at(name).filter(Self::is_resource)
    }

    /// What every primitive has: an id and extensions.
    pub(super) fn primitive() -> Option<Self> {
        Self::at(PRIMITIVE)
    }

    fn at(path: &str) -> Option<Self> {
        ELEMENT_MAP.get_entry(path).map(|(path, children)| Self { path, children: *children })
    }

    pub(super) fn is_resource(&self) -> bool {
        !self.path.contains('.') && self.children.contains("implicitRules")
    }

    /// Whether XML writes the element as an attribute: the id of all that is no resource, and an extension's url.
    pub(super) fn is_attribute(&self, name: &str) -> bool {
        name == "id" && !self.is_resource() || name == "url" && self.path == EXTENSION
    }

    fn child(&self, index: usize) -> Option<Child> {
        let name = *self.children.index(index)?;
        if self.path == PRIMITIVE && name == "value" {
            return None;
        }
        let common = match name {
            "extension" | "modifierExtension" => Some((true, Shape::Complex(Self::at(EXTENSION)?))),
            "id" => Some((false, TEXT)),
            "implicitRules" | "language" if self.is_resource() => Some((false, TEXT)),
            "meta" if self.is_resource() => Some((false, Shape::Complex(Self::at("Meta")?))),
            "text" if self.is_resource() => Some((false, Shape::Complex(Self::at("Narrative")?))),
            "contained" if self.is_resource() => Some((true, Shape::Resource)),
            _ => None,
        };
        let (many, shape) = match common {
            Some(common) => common,
            None => {
                let path = format!("{}.{name}", self.path);
                (TYPE_HINTS.array_paths.contains(path.as_str()), Self::shape(&path)?)
            }
        };
        Some(Child { name, index, many, shape })
    }

    fn shape(path: &str) -> Option<Shape> {
        let hints = &TYPE_HINTS;
        Some(match hints.type_paths.get(path) {
            Some(&"Resource") => Shape::Resource,
            Some(kind) => Shape::Complex(Self::at(kind)?),
            None if path == "Narrative.div" => Shape::Xhtml,
            None if hints.boolean_paths.contains(path) => Shape::Primitive(Primitive::Boolean),
            None if hints.decimal_paths.contains(path) => Shape::Primitive(Primitive::Decimal),
            None if hints.integer_paths.contains(path) => Shape::Primitive(Primitive::Integer),
            None if hints.unsigned_integer_paths.contains(path) || hints.positive_integer_paths.contains(path) => {
                Shape::Primitive(Primitive::Unsigned)
            }
            None if hints.all_primitives_paths.contains(path) => TEXT,
            None => Shape::Complex(Self::at(hints.content_reference_paths.get(path).copied().unwrap_or(path))?),
        })
    }
}

/// Elements that a document has shown already: documents repeat themselves, and the tables are slow to ask.
#[derive(Default)]
pub(super) struct Seen(HashMap<(usize, usize, usize), Option<Child>>);

impl Seen {
    /// The element of that name, if the type has it.
    pub(super) fn child(&mut self, known: Known, name: &str) -> Option<Child> {
        let index = known.children.get_index(name)?;
        // the tables' own names never move
        let key = (known.path.as_ptr().addr(), known.path.len(), index);
        *self.0.entry(key).or_insert_with(|| known.child(index))
    }
}

impl Primitive {
    /// Whether the text, as it stands in XML or JSON, is of this kind. Texts are judged elsewhere.
    pub(super) fn holds(self, text: &str) -> bool {
        match self {
            Self::Text => !text.is_empty(),
            Self::Boolean => matches!(text, "true" | "false"),
            Self::Integer => is_whole(text.strip_prefix('-').unwrap_or(text)) && text != "-0",
            Self::Unsigned => is_whole(text),
            Self::Decimal => is_decimal(text),
        }
    }
}

/// Digits without a leading zero.
fn is_whole(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// <https://hl7.org/fhir/R4/datatypes.html#decimal>, which is JSON's number too.
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(mantissa, exponent)| (mantissa, Some(exponent)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    is_whole(whole)
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|exponent| is_digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

const TEXT: Shape = Shape::Primitive(Primitive::Text);
const EXTENSION: &str = "Extension";
const PRIMITIVE: &str = "string";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_of_every_type_has_a_shape() {
        let mut elements = 0;
        for (path, children) in ELEMENT_MAP.entries() {
            let known = Known::at(path).expect("known");
            // primitives have a `value` of their own, which is no element
            if path.starts_with(|c: char| c.is_ascii_lowercase()) {
                continue;
            }
            for name in children.iter().filter(|name| !known.is_attribute(name)) {
                assert!(Seen::default().child(known, name).is_some(), "{path}.{name}");
                elements += 1;
            }
        }
        assert!(elements > 5_000, "{elements}");
    }

    #[test]
    fn numbers_are_told_from_what_looks_like_them() {
        for text in ["0", "-1", "1.50", "0.0", "1E-22", "-0.5e+3"] {
            assert!(Primitive::Decimal.holds(text), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "1e+", "NaN", "1 ", "0x1", "1,5"] {
            assert!(!Primitive::Decimal.holds(text), "{text}");
            assert!(!Primitive::Integer.holds(text), "{text}");
        }
        assert!(Primitive::Integer.holds("-12") && !Primitive::Unsigned.holds("-12"));
        assert!(Primitive::Boolean.holds("true") && !Primitive::Boolean.holds("True"));
    }
}
