//! What was read as XML, printed as JSON: <https://hl7.org/fhir/R4/json.html>

use super::read::Element;
use super::shape::{Primitive, Shape};

/// A resource.
pub(super) fn print(resource: &Element<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(4096);
    object(resource, &mut out);
    out
}

/// An element with elements; a resource with its type.
fn object(element: &Element<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    let begin = out.len();
    if let Shape::Complex(known) = element.shape
        && known.is_resource()
    {
        member("resourceType", begin, out);
        string(known.path, out);
    }
    for (name, value) in [("id", &element.id), ("url", &element.url)] {
        if let Some(value) = value {
            member(name, begin, out);
            string(value, out);
        }
    }
    // those of one name stand together
    for same in element.children.chunk_by(|left, right| left.name == right.name) {
        let Some(first) = same.first() else { continue };
        match first.shape {
            Shape::Primitive(kind) => primitives(same, kind, begin, out),
            _ => {
                member(first.name, begin, out);
                listed(same, out, value);
            }
        }
    }
    out.push(b'}');
}

/// Primitives, and beside them their ids and extensions.
fn primitives(same: &[Element<'_>], kind: Primitive, begin: usize, out: &mut Vec<u8>) {
    let Some(first) = same.first() else { return };
    if same.iter().any(|element| element.value.is_some()) {
        member(first.name, begin, out);
        listed(same, out, |element, out| match &element.value {
            Some(value) if kind == Primitive::Text => string(value, out),
            Some(value) => out.extend_from_slice(value.as_bytes()),
            None => out.extend_from_slice(b"null"),
        });
    }
    let has_more = |element: &Element<'_>| element.id.is_some() || !element.children.is_empty();
    if same.iter().any(has_more) {
        member(&format!("_{}", first.name), begin, out);
        listed(same, out, |element, out| if has_more(element) { object(element, out) } else { out.extend_from_slice(b"null") });
    }
}

fn value(element: &Element<'_>, out: &mut Vec<u8>) {
    match (element.shape, element.children.first()) {
        (Shape::Resource, Some(resource)) => object(resource, out),
        (Shape::Xhtml, _) => string(element.value.as_deref().unwrap_or_default(), out),
        _ => object(element, out),
    }
}

fn listed<'e, 'a>(same: &'e [Element<'a>], out: &mut Vec<u8>, print: impl Fn(&'e Element<'a>, &mut Vec<u8>)) {
    let many = same.first().is_some_and(|first| first.many);
    if many {
        out.push(b'[');
    }
    for (index, element) in same.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        print(element, out);
    }
    if many {
        out.push(b']');
    }
}

fn member(name: &str, begin: usize, out: &mut Vec<u8>) {
    if out.len() > begin {
        out.push(b',');
    }
    string(name, out);
    out.push(b':');
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}
