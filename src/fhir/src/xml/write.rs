//! JSON to XML. The JSON is ours or was accepted before; it is checked against R4 all the same, because what stands in
//! the wrong place would be lost.

use super::markup::{escape, is_character};
use super::shape::{Child, Known, Primitive, Seen, Shape};
use super::{FHIR, narrative};
use crate::read::{Fault, FaultKind, Limits, read_with};
use crate::{LineColumn, Node, Place, Value};

/// One resource as XML, in R4's order of elements.
///
/// # Errors
/// The first element that R4 does not know there, or whose value cannot stand in XML.
pub fn xml_of_json(document: &[u8]) -> Result<Vec<u8>, Fault> {
    let limits = Limits { size: usize::MAX, faults: 1, ..Limits::default() };
    let node = read_with(document, limits).map_err(|faults| {
        let empty = Fault { kind: FaultKind::Empty, place: String::new(), position: LineColumn::of(document, 0) };
        faults.into_iter().next().unwrap_or(empty)
    })?;
    let mut writer = Writer { document, out: Vec::with_capacity(document.len() + document.len() / 2), seen: Seen::default() };
    writer.out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    writer.resource(&node, &Place::root(""), Some(FHIR))?;
    Ok(writer.out)
}

struct Writer<'a> {
    document: &'a [u8],
    out: Vec<u8>,
    seen: Seen,
}

impl Writer<'_> {
    fn resource(&mut self, node: &Node<'_>, place: &Place<'_>, namespace: Option<&str>) -> Result<(), Fault> {
        let known = node.text("resourceType").and_then(Known::resource);
        let Some(known) = known else { return Err(self.fault("a resource of R4 is wanted", node, place)) };
        let root = Place::root(known.path);
        let place = if namespace.is_some() { &root } else { place };
        self.open(known.path);
        if let Some(namespace) = namespace {
            self.attribute("xmlns", namespace);
        }
        self.out.push(b'>');
        self.children(known, node, place, true)?;
        self.close(known.path);
        Ok(())
    }

    /// A value and, beside it, a primitive's id and extensions: one of them is there.
    fn element(&mut self, child: &Child, value: Option<&Node<'_>>, beside: Option<&Node<'_>>, place: &Place<'_>) -> Result<(), Fault> {
        match (child.shape, value) {
            (Shape::Primitive(kind), value) => self.primitive(child.name, kind, value, beside, place),
            (Shape::Complex(known), Some(node)) => {
                self.expect_object(node, place)?;
                self.open(child.name);
                self.id(node, place)?;
                if let Some(url) = node.member("url").filter(|_| known.is_attribute("url")) {
                    let text = self.text(url, &place.member("url"))?;
                    self.attribute("url", text);
                }
                self.content(child.name, known, node, place)
            }
            (Shape::Resource, Some(node)) => {
                self.open(child.name);
                self.out.push(b'>');
                self.resource(node, place, None)?;
                self.close(child.name);
                Ok(())
            }
            (Shape::Xhtml, Some(node)) => {
                let div = self.text(node, place)?;
                narrative::check(div).map_err(|broken| self.fault(broken.0, node, place))?;
                self.out.extend_from_slice(div.as_bytes());
                Ok(())
            }
            (_, None) => Ok(()),
        }
    }

    fn primitive(
        &mut self,
        name: &str,
        kind: Primitive,
        value: Option<&Node<'_>>,
        beside: Option<&Node<'_>>,
        place: &Place<'_>,
    ) -> Result<(), Fault> {
        let any = value.or(beside);
        let value = value.filter(|node| node.value != Value::Null);
        let beside = beside.filter(|node| node.value != Value::Null);
        if let (None, None, Some(node)) = (value, beside, any) {
            return Err(self.fault("an element may not be empty: leave it out", node, place));
        }
        self.open(name);
        if let Some(beside) = beside {
            self.expect_object(beside, place)?;
            self.id(beside, place)?;
        }
        if let Some(node) = value {
            let text = match (&node.value, kind) {
                (Value::Bool(true), Primitive::Boolean) => "true",
                (Value::Bool(false), Primitive::Boolean) => "false",
                (Value::String(_), Primitive::Text) => self.text(node, place)?,
                (Value::Number(digits), Primitive::Integer | Primitive::Unsigned | Primitive::Decimal) if kind.holds(digits) => *digits,
                _ => return Err(self.fault("the value is not of the element's type", node, place)),
            };
            self.attribute("value", text);
        }
        match (beside, Known::primitive()) {
            (Some(beside), Some(known)) => self.content(name, known, beside, place),
            _ => {
                self.out.extend_from_slice(b"/>");
                Ok(())
            }
        }
    }

    /// The rest of an element whose start tag is open.
    fn content(&mut self, name: &str, known: Known, node: &Node<'_>, place: &Place<'_>) -> Result<(), Fault> {
        self.out.push(b'>');
        let begin = self.out.len();
        self.children(known, node, place, false)?;
        if self.out.len() > begin {
            self.close(name);
        } else {
            self.out.pop();
            self.out.extend_from_slice(b"/>");
        }
        Ok(())
    }

    fn children(&mut self, known: Known, node: &Node<'_>, place: &Place<'_>, is_resource: bool) -> Result<(), Fault> {
        // each member's place in R4's order, and whether it is the one beside
        let mut members: Vec<(Child, bool, &Node<'_>)> = Vec::with_capacity(node.members().len());
        for (name, value) in node.members() {
            if is_resource && name == "resourceType" || known.is_attribute(name) {
                continue;
            }
            let child = self.seen.child(known, name).map(|child| (child, false)).or_else(|| {
                let child = self.seen.child(known, name.strip_prefix('_')?)?;
                matches!(child.shape, Shape::Primitive(_)).then_some((child, true))
            });
            let Some((child, is_beside)) = child else {
                return Err(self.fault("R4 knows no such element here", value, &place.member(name)));
            };
            members.push((child, is_beside, value));
        }
        members.sort_by_key(|(child, is_beside, _)| (child.index, *is_beside));
        for same in members.chunk_by(|(left, ..), (right, ..)| left.index == right.index) {
            let Some((child, _, _)) = same.first() else { continue };
            let value = same.iter().find(|(_, is_beside, _)| !is_beside).map(|(_, _, node)| *node);
            let beside = same.iter().find(|(_, is_beside, _)| *is_beside).map(|(_, _, node)| *node);
            let here = place.member(child.name);
            for node in value.iter().chain(&beside) {
                if child.many != matches!(node.value, Value::Array(_)) {
                    let what = if child.many { "an array is wanted" } else { "an array is not wanted" };
                    return Err(self.fault(what, node, &here));
                }
            }
            if !child.many {
                self.element(child, value, beside, &here)?;
                continue;
            }
            let (values, besides) = (value.map_or(&[][..], Node::elements), beside.map_or(&[][..], Node::elements));
            for index in 0..values.len().max(besides.len()) {
                self.element(child, values.get(index), besides.get(index), &here.element(index))?;
            }
        }
        Ok(())
    }

    fn id(&mut self, node: &Node<'_>, place: &Place<'_>) -> Result<(), Fault> {
        if let Some(id) = node.member("id") {
            let text = self.text(id, &place.member("id"))?;
            self.attribute("id", text);
        }
        Ok(())
    }

    fn expect_object(&self, node: &Node<'_>, place: &Place<'_>) -> Result<(), Fault> {
        if matches!(node.value, Value::Object(_)) { Ok(()) } else { Err(self.fault("an object is wanted", node, place)) }
    }

    fn text<'n>(&self, node: &'n Node<'_>, place: &Place<'_>) -> Result<&'n str, Fault> {
        match node.as_str() {
            Some("") => Err(self.fault("a text may not be empty", node, place)),
            Some(text) if text.chars().all(is_character) => Ok(text),
            Some(_) => Err(self.fault("a text holds a character that XML does not know", node, place)),
            None => Err(self.fault("the value is not of the element's type", node, place)),
        }
    }

    fn fault(&self, what: &'static str, node: &Node<'_>, place: &Place<'_>) -> Fault {
        Fault { kind: FaultKind::Rule(what), place: place.to_string(), position: LineColumn::of(self.document, node.start) }
    }

    fn open(&mut self, name: &str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(b' ');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"=\"");
        escape(value, &mut self.out);
        self.out.push(b'"');
    }

    fn close(&mut self, name: &str) {
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }
}
