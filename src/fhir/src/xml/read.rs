//! XML to elements, with every fault and its place. Only what is not well-formed, or opens a door, ends the reading.

use std::borrow::Cow;

use super::markup::{Attribute, Broken, Kind, MOST_ATTRIBUTES, TOO_MANY, Tag, Token, Tokens, is_character, is_space};
use super::shape::{Child, Known, Primitive, Seen, Shape};
use super::{BOM, FHIR, narrative};
use crate::read::{Fault, FaultKind, Limits};
use crate::{LineColumn, Place};

/// An element as it was read: every name is one of R4's.
pub(super) struct Element<'a> {
    pub(super) name: &'static str,
    pub(super) many: bool,
    pub(super) shape: Shape,
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) url: Option<Cow<'a, str>>,
    /// Of a primitive; a narrative's `div`.
    pub(super) value: Option<Cow<'a, str>>,
    /// In R4's order; what holds a resource has that one.
    pub(super) children: Vec<Element<'a>>,
}

/// The one resource of a document.
///
/// # Errors
/// Every fault, in document order.
pub(super) fn resource(document: &[u8], limits: Limits) -> Result<Element<'_>, Vec<Fault>> {
    let whole = |kind, offset| vec![Fault { kind, place: String::new(), position: LineColumn::of(document, offset) }];
    if document.len() > limits.size {
        return Err(whole(FaultKind::TooLarge(limits.size), 0));
    }
    let text = match std::str::from_utf8(document.strip_prefix(BOM).unwrap_or(document)) {
        Ok(text) if text.trim_ascii().is_empty() => return Err(whole(FaultKind::Empty, 0)),
        Ok(text) => text,
        Err(error) => return Err(whole(FaultKind::NotUtf8, error.valid_up_to())),
    };
    let wrong = |(at, character): &(usize, char)| !is_character(*character) || *at == 0 && *character == MARK;
    if let Some((at, _)) = text.char_indices().find(wrong) {
        return Err(whole(FaultKind::Xml("a character is none of XML's"), at));
    }
    let mut reader = Reader { text, tokens: Tokens::of(text), limits, faults: Vec::new(), namespaces: Vec::new(), seen: Seen::default() };
    match reader.document() {
        Ok(Some(element)) if reader.faults.is_empty() => Ok(element),
        _ => Err(reader.faults),
    }
}

/// Reading cannot go on; the reason is among the faults.
struct Stop;

struct Reader<'a> {
    text: &'a str,
    tokens: Tokens<'a>,
    limits: Limits,
    faults: Vec<Fault>,
    /// Prefixes that are declared here, the nearest last; the default is the empty one.
    namespaces: Vec<(&'a str, Cow<'a, str>)>,
    seen: Seen,
}

/// A start tag with what it says.
struct Opened<'a> {
    start: usize,
    is_empty: bool,
    local: &'a str,
    is_fhir: bool,
    attributes: Vec<Attribute<'a>>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Option<Element<'a>>, Stop> {
        let nowhere = Place::root("");
        let mut root = None;
        loop {
            let token = self.next(&nowhere)?;
            match token.kind {
                Kind::Declaration(inside) if token.start == 0 => self.declaration(inside, token.start)?,
                Kind::Start(tag) | Kind::Empty(tag) if root.is_none() => root = Some(self.root(&token, &tag)?),
                Kind::Start(_) | Kind::Empty(_) => {
                    return self.stop(FaultKind::Xml("a second element follows the first one"), &nowhere, token.start);
                }
                Kind::Eof if root.is_some() => return Ok(root.flatten()),
                Kind::Eof => return self.stop(FaultKind::Xml("there is no element"), &nowhere, token.start),
                _ => self.aside(&token, &nowhere)?,
            }
        }
    }

    fn root(&mut self, token: &Token<'a>, tag: &Tag<'a>) -> Result<Option<Element<'a>>, Stop> {
        let nowhere = Place::root("");
        let opened = self.open(tag, token, &nowhere)?;
        let read = match Known::resource(opened.local).filter(|_| opened.is_fhir) {
            Some(known) => {
                let child = Child { name: known.path, index: 0, many: false, shape: Shape::Complex(known) };
                Some(self.element(child, &opened, &Place::root(known.path), 0)?)
            }
            None => {
                let what = if opened.is_fhir { "a resource of R4 is wanted" } else { WRONG_NAMESPACE };
                self.fault(FaultKind::Rule(what), &nowhere, opened.start)?;
                self.skip(&opened, &nowhere)?;
                None
            }
        };
        self.namespaces.clear();
        Ok(read)
    }

    /// An element, its tag being read; `depth` is that of its parent, as JSON counts.
    fn element(&mut self, child: Child, opened: &Opened<'a>, place: &Place<'_>, depth: usize) -> Result<Element<'a>, Stop> {
        let Child { name, many, shape, .. } = child;
        let mut element = Element { name, many, shape, id: None, url: None, value: None, children: Vec::new() };
        self.attributes(&mut element, opened, place)?;
        let depth = depth + usize::from(many);
        match shape {
            Shape::Primitive(kind) => {
                if let Some(value) = &mut element.value {
                    // R4 allows a plus that JSON does not
                    if kind == Primitive::Integer && value.starts_with('+') {
                        value.to_mut().remove(0);
                    }
                    if !kind.holds(value) {
                        self.fault(FaultKind::Rule("the value is not of the element's type"), place, opened.start)?;
                    }
                }
                if let Some(known) = Known::primitive() {
                    self.children(known, &mut element, opened, place, depth + 1)?;
                }
                if element.value.is_none() && element.children.is_empty() {
                    self.fault(FaultKind::Rule("an element may not be empty: leave it out"), place, opened.start)?;
                }
            }
            Shape::Complex(known) => {
                self.check_depth(depth + 1, place, opened.start)?;
                self.children(known, &mut element, opened, place, depth + 1)?;
                if element.children.is_empty() && element.url.is_none() && !known.is_resource() {
                    self.fault(FaultKind::Rule("an element may not be empty: leave it out"), place, opened.start)?;
                }
            }
            Shape::Resource => self.contained(&mut element, opened, place, depth)?,
            Shape::Xhtml => {}
        }
        Ok(element)
    }

    fn attributes(&mut self, element: &mut Element<'a>, opened: &Opened<'a>, place: &Place<'_>) -> Result<(), Stop> {
        for attribute in &opened.attributes {
            let taken = match (attribute.name, element.shape) {
                ("xmlns", _) => continue,
                (name, _) if name.starts_with("xmlns:") || name.ends_with(":schemaLocation") => continue,
                ("id", Shape::Complex(known)) if !known.is_resource() => &mut element.id,
                ("id", Shape::Primitive(_)) => &mut element.id,
                ("url", Shape::Complex(known)) if known.is_attribute("url") => &mut element.url,
                ("value", Shape::Primitive(_)) => &mut element.value,
                _ => {
                    self.fault(FaultKind::Rule("R4 knows no such attribute here"), place, attribute.offset)?;
                    continue;
                }
            };
            match attribute.value() {
                Ok(value) if value.is_empty() => {
                    self.fault(FaultKind::Rule("an attribute may not be empty: leave it out"), place, attribute.offset)?;
                    *taken = Some(Cow::Borrowed("?"));
                }
                Ok(value) => *taken = Some(value),
                Err(broken) => return self.broken(broken, place),
            }
        }
        Ok(())
    }

    /// Elements up to the end tag, in R4's order.
    fn children(&mut self, known: Known, into: &mut Element<'a>, opened: &Opened<'a>, place: &Place<'_>, depth: usize) -> Result<(), Stop> {
        if opened.is_empty {
            return Ok(());
        }
        let (mut last, mut count) = (None, 0);
        loop {
            let token = self.next(place)?;
            let tag = match token.kind {
                Kind::End => return Ok(()),
                Kind::Start(tag) | Kind::Empty(tag) => tag,
                _ => {
                    self.aside(&token, place)?;
                    continue;
                }
            };
            let declared = self.namespaces.len();
            let inner = self.open(&tag, &token, place)?;
            let child = self.seen.child(known, inner.local).filter(|child| !known.is_attribute(child.name));
            let Some(child) = child.filter(|child| inner.is_fhir || matches!(child.shape, Shape::Xhtml)) else {
                let is_known = self.seen.child(known, inner.local).is_some();
                let what = if inner.is_fhir || !is_known { "R4 knows no such element here" } else { WRONG_NAMESPACE };
                self.fault(FaultKind::Rule(what), &place.member(inner.local), inner.start)?;
                self.skip(&inner, place)?;
                self.namespaces.truncate(declared);
                continue;
            };
            count = if last == Some(child.index) { count + 1 } else { 0 };
            let here = place.member(child.name);
            let listed = here.element(count);
            let here = if child.many { &listed } else { &here };
            if last.is_some_and(|last| child.index < last) {
                self.fault(FaultKind::Rule("the element stands too late: R4 orders them"), here, inner.start)?;
            } else if count > 0 && !child.many {
                self.fault(FaultKind::Rule("the element may stand here only once"), here, inner.start)?;
            }
            last = Some(child.index);
            let element = if matches!(child.shape, Shape::Xhtml) {
                self.narrative(child, &token, here)?
            } else {
                self.element(child, &inner, here, depth)?
            };
            into.children.push(element);
            self.namespaces.truncate(declared);
        }
    }

    /// The one resource inside of `contained`, `resource` or `outcome`.
    fn contained(&mut self, into: &mut Element<'a>, opened: &Opened<'a>, place: &Place<'_>, depth: usize) -> Result<(), Stop> {
        let mut is_open = !opened.is_empty;
        while is_open {
            let token = self.next(place)?;
            match token.kind {
                Kind::End => is_open = false,
                Kind::Start(tag) | Kind::Empty(tag) => {
                    let declared = self.namespaces.len();
                    let inner = self.open(&tag, &token, place)?;
                    match Known::resource(inner.local).filter(|_| inner.is_fhir) {
                        Some(known) if into.children.is_empty() => {
                            let child = Child { name: known.path, index: 0, many: false, shape: Shape::Complex(known) };
                            let resource = self.element(child, &inner, place, depth)?;
                            into.children.push(resource);
                        }
                        found => {
                            let what = if found.is_some() { "there may be only one resource in it" } else { "a resource of R4 is wanted" };
                            self.fault(FaultKind::Rule(what), place, inner.start)?;
                            self.skip(&inner, place)?;
                        }
                    }
                    self.namespaces.truncate(declared);
                }
                _ => self.aside(&token, place)?,
            }
        }
        if into.children.is_empty() {
            self.fault(FaultKind::Rule("a resource of R4 is wanted"), place, opened.start)?;
        }
        Ok(())
    }

    fn narrative(&mut self, child: Child, opening: &Token<'a>, place: &Place<'_>) -> Result<Element<'a>, Stop> {
        let end = match narrative::finish(&mut self.tokens, opening) {
            Ok(end) => end,
            Err(Broken(what, at)) => return self.stop(FaultKind::Rule(what), place, at),
        };
        let div = self.text.get(opening.start..end).unwrap_or_default();
        let Child { name, many, shape, .. } = child;
        Ok(Element { name, many, shape, id: None, url: None, value: Some(Cow::Borrowed(div)), children: Vec::new() })
    }

    /// What stands between elements: spaces and comments, and else a fault.
    fn aside(&mut self, token: &Token<'a>, place: &Place<'_>) -> Result<(), Stop> {
        let at = token.start;
        match token.kind {
            Kind::Comment => Ok(()),
            Kind::Text(text) if text.chars().all(is_space) => Ok(()),
            Kind::Text(_) | Kind::Reference(_) | Kind::Cdata => {
                self.fault(FaultKind::Rule("text stands outside of attributes and narratives"), place, at)
            }
            Kind::Declaration(_) => self.stop(FaultKind::Xml("its declaration stands elsewhere than at its beginning"), place, at),
            Kind::Instruction => self.stop(FaultKind::Rule("a processing instruction is not allowed"), place, at),
            Kind::DocumentType => self.stop(FaultKind::Rule("a document type is not allowed"), place, at),
            Kind::Start(_) | Kind::Empty(_) | Kind::End | Kind::Eof => self.stop(FaultKind::Xml("it ends inside an element"), place, at),
        }
    }

    /// Reads over an element that is none of ours.
    fn skip(&mut self, opened: &Opened<'a>, place: &Place<'_>) -> Result<(), Stop> {
        let mut depth = usize::from(!opened.is_empty);
        while depth > 0 {
            let token = self.next(place)?;
            match token.kind {
                Kind::Start(_) => depth += 1,
                Kind::End => depth -= 1,
                Kind::Eof | Kind::Instruction | Kind::DocumentType => self.aside(&token, place)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Declares the namespaces of a tag; who closes the element takes them back.
    fn open(&mut self, tag: &Tag<'a>, token: &Token<'a>, place: &Place<'_>) -> Result<Opened<'a>, Stop> {
        let attributes = match tag.attributes() {
            Ok(attributes) => attributes,
            Err(broken) => return self.broken(broken, place),
        };
        for attribute in &attributes {
            let prefix = if attribute.name == "xmlns" { Some("") } else { attribute.name.strip_prefix("xmlns:") };
            let Some(prefix) = prefix else { continue };
            match attribute.value() {
                Ok(namespace) => self.namespaces.push((prefix, namespace)),
                Err(broken) => return self.broken(broken, place),
            }
        }
        let (prefix, local) = tag.name.split_once(':').unwrap_or(("", tag.name));
        let is_fhir = self.namespaces.iter().rev().find(|(known, _)| *known == prefix).is_some_and(|(_, namespace)| namespace == FHIR);
        let is_empty = matches!(token.kind, Kind::Empty(_));
        Ok(Opened { start: token.start, is_empty, local, is_fhir, attributes })
    }

    fn declaration(&mut self, inside: &'a str, at: usize) -> Result<(), Stop> {
        let nowhere = Place::root("");
        let said = match Tag::inside(inside, at).attributes() {
            Ok(said) => said,
            Err(broken) => return self.broken(broken, &nowhere),
        };
        let mut has_version = false;
        for said in said {
            let value = said.value().unwrap_or_default();
            match said.name {
                "version" if value == "1.0" => has_version = true,
                "encoding" if value.eq_ignore_ascii_case("utf-8") => {}
                "encoding" => return self.stop(FaultKind::Rule("only UTF-8 is read"), &nowhere, at),
                "standalone" if matches!(&*value, "yes" | "no") => {}
                _ => return self.stop(FaultKind::Xml("its declaration is malformed, or not of XML 1.0"), &nowhere, at),
            }
        }
        if has_version { Ok(()) } else { self.stop(FaultKind::Xml("its declaration is malformed, or not of XML 1.0"), &nowhere, at) }
    }

    fn next(&mut self, place: &Place<'_>) -> Result<Token<'a>, Stop> {
        match self.tokens.next() {
            Ok(token) => Ok(token),
            Err(broken) => self.broken(broken, place),
        }
    }

    fn check_depth(&mut self, depth: usize, place: &Place<'_>, offset: usize) -> Result<(), Stop> {
        if depth <= self.limits.depth { Ok(()) } else { self.stop(FaultKind::TooDeep(self.limits.depth), place, offset) }
    }

    fn broken<T>(&mut self, Broken(what, at): Broken, place: &Place<'_>) -> Result<T, Stop> {
        let kind = if what == TOO_MANY { FaultKind::TooManyAttributes(MOST_ATTRIBUTES) } else { FaultKind::Xml(what) };
        self.stop(kind, place, at)
    }

    fn stop<T>(&mut self, kind: FaultKind, place: &Place<'_>, offset: usize) -> Result<T, Stop> {
        self.fault(kind, place, offset)?;
        Err(Stop)
    }

    fn fault(&mut self, kind: FaultKind, place: &Place<'_>, offset: usize) -> Result<(), Stop> {
        let position = LineColumn::of(self.text.as_bytes(), offset);
        if self.faults.len() >= self.limits.faults {
            self.faults.push(Fault { kind: FaultKind::More, place: String::new(), position });
            return Err(Stop);
        }
        self.faults.push(Fault { kind, place: place.to_string(), position });
        Ok(())
    }
}

/// Of byte order; one may stand at the beginning.
const MARK: char = '\u{feff}';
const WRONG_NAMESPACE: &str = "the element is not in the namespace http://hl7.org/fhir";
