//! How large values are.

use octofhir_fhirpath::core::node::FhirNode;
use octofhir_fhirpath::core::{WrappedExtension, WrappedPrimitiveElement};
use octofhir_fhirpath::{Collection, FhirPathValue};
use serde_json::Value;

/// What a collection holds. What several values share, parts of a resource, is not theirs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    pub values: u64,
    pub bytes: u64,
    /// Of its longest string.
    pub longest: u64,
    /// How many have a unit, and may be converted.
    pub quantities: u64,
}

impl Size {
    pub fn of(collection: &Collection) -> Self {
        collection.iter().map(Self::of_value).fold(Self::default(), Self::and)
    }

    pub fn of_all(collections: &[Collection]) -> Self {
        collections.iter().map(Self::of).fold(Self::default(), Self::and)
    }

    fn of_value(value: &FhirPathValue) -> Self {
        let bytes = match value {
            FhirPathValue::String(text, _, element) => text.len() + element.as_ref().map_or(0, element_bytes),
            FhirPathValue::Boolean(_, _, element)
            | FhirPathValue::Integer(_, _, element)
            | FhirPathValue::Decimal(_, _, element)
            | FhirPathValue::Date(_, _, element)
            | FhirPathValue::DateTime(_, _, element)
            | FhirPathValue::Time(_, _, element)
            | FhirPathValue::Resource(_, _, element) => element.as_ref().map_or(0, element_bytes),
            FhirPathValue::Quantity { unit, code, system, .. } => [unit, code, system].into_iter().flatten().map(String::len).sum(),
            FhirPathValue::Collection(values) => return Self::of(values),
            FhirPathValue::Empty => 0,
        };
        let quantities = u64::from(units(value).next().is_some());
        Self { values: 1, bytes: VALUE + bytes as u64, longest: bytes as u64, quantities }
    }

    pub fn and(self, other: Self) -> Self {
        Self {
            values: self.values + other.values,
            bytes: self.bytes + other.bytes,
            longest: self.longest.max(other.longest),
            quantities: self.quantities + other.quantities,
        }
    }
}

/// Whether every unit is one as people write them: the engine reads them recursively, and multiplies by exponents one by one.
/// Text counts where it becomes a quantity.
pub(super) fn are_moderate_units(collection: &Collection, is_text: bool) -> bool {
    collection.iter().all(|value| match value {
        FhirPathValue::String(text, ..) => !is_text || is_moderate_unit(text),
        FhirPathValue::Collection(values) => are_moderate_units(values, is_text),
        other => units(other).all(is_moderate_unit),
    })
}

/// A number before it, as in `72.5 kg`, is no exponent.
fn is_moderate_unit(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || "+-. ".contains(c));
    let numbers = unit.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let product = numbers.fold(1u64, |product, digits| product.saturating_mul(digits.parse::<u64>().unwrap_or(u64::MAX).max(1)));
    text.len() <= 64 && text.matches('(').count() <= 4 && product <= 2000
}

fn units(value: &FhirPathValue) -> impl Iterator<Item = &str> {
    let stated = match value {
        FhirPathValue::Quantity { unit, code, .. } => [unit.as_deref(), code.as_deref()],
        FhirPathValue::Resource(node, ..) if node.get("value").is_some() => ["unit", "code"].map(|name| node.get(name)?.as_str()),
        _ => [None, None],
    };
    stated.into_iter().flatten()
}

/// What all of it takes to walk, whatever is shared; counted up to the limit.
pub(super) fn depth(collection: &Collection, limit: u64) -> u64 {
    let mut count = 0;
    for value in collection {
        count += match value {
            FhirPathValue::Resource(node, ..) => node_depth(node, limit.saturating_sub(count)),
            FhirPathValue::Collection(values) => depth(values, limit.saturating_sub(count)),
            other => 1 + Size::of_value(other).longest / 16,
        };
        if count > limit {
            break;
        }
    }
    count
}

/// The nodes of a tree, long strings counting for more; counted up to the limit.
pub(super) fn node_depth(node: &FhirNode, limit: u64) -> u64 {
    let mut count = 1;
    let mut add = |node: &FhirNode| {
        count += node_depth(node, limit.saturating_sub(count));
        count <= limit
    };
    match node {
        FhirNode::Str(text) => count + text.len() as u64 / 16,
        FhirNode::Array(elements) => {
            elements.iter().all(add);
            count
        }
        FhirNode::Object(members) => {
            members.iter().all(|(_, member)| add(member));
            count
        }
        _ => count,
    }
}

fn element_bytes(element: &WrappedPrimitiveElement) -> usize {
    element.id.as_ref().map_or(0, String::len) + element.extensions.iter().map(extension_bytes).sum::<usize>()
}

fn extension_bytes(extension: &WrappedExtension) -> usize {
    let nested: usize = extension.extensions.iter().map(extension_bytes).sum();
    128 + extension.url.len() + extension.value.as_ref().map_or(0, json_bytes) + nested
}

fn json_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => 32 + text.len(),
        Value::Array(elements) => 32 + elements.iter().map(json_bytes).sum::<usize>(),
        Value::Object(members) => 32 + members.iter().map(|(name, member)| 64 + name.len() + json_bytes(member)).sum::<usize>(),
        _ => 32,
    }
}

/// Every value takes this, whatever it is.
pub(super) const VALUE: u64 = std::mem::size_of::<FhirPathValue>() as u64;
