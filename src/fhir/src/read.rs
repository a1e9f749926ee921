//! Bytes to [`Node`], with every structural fault and its place.
//!
//! FHIR's JSON (R4, 2.6.2 "JSON representation") forbids duplicate names, empty arrays, empty objects and nulls (save
//! inside arrays of primitives). Those are collected, all at once; only broken syntax ends the reading.

use std::borrow::Cow;
use std::collections::HashSet;

use jiter::{Jiter, JiterError, Peek};

use crate::{LineColumn, Node, Place, Value};

/// What a document may not exceed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes.
    pub size: usize,
    /// Nested arrays and objects. fhirbolt's generated code overflows a 2 MiB stack not far beyond 40 in dev builds.
    pub depth: usize,
    /// Faults listed before reading gives up.
    pub faults: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { size: 8 * 1024 * 1024, depth: 40, faults: 100 }
    }
}

/// One structural fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// The place, as a path from the root. Empty for the document as a whole.
    pub place: String,
    pub position: LineColumn,
}

/// What is wrong with the document. The texts never repeat what the document says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    #[error("the document is empty")]
    Empty,
    #[error("the document is not UTF-8")]
    NotUtf8,
    #[error("the document is not well-formed JSON: {0}")]
    Syntax(&'static str),
    #[error("the document is not well-formed XML: {0}")]
    Xml(&'static str),
    /// A rule of FHIR's XML, or of R4 where XML is read or written.
    #[error("{0}")]
    Rule(&'static str),
    #[error("the document is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the document is nested deeper than {0} levels")]
    TooDeep(usize),
    #[error("an element has more than {0} attributes")]
    TooManyAttributes(usize),
    #[error("the member stands here twice")]
    DuplicateMember,
    #[error("an array may not be empty: leave the member out")]
    EmptyArray,
    #[error("an object may not be empty: leave the member out")]
    EmptyObject,
    #[error("null is not a value: leave the member out")]
    Null,
    #[error("a text holds a control character, which R4 does not allow")]
    ControlCharacter,
    #[error("there are more faults than are listed here")]
    More,
}

/// Reads a document within the default [`Limits`].
///
/// # Errors
/// Every structural fault, in document order; broken syntax is the last one.
pub fn read(document: &[u8]) -> Result<Node<'_>, Vec<Fault>> {
    read_with(document, Limits::default())
}

/// Reads a document within `limits`.
///
/// # Errors
/// Every structural fault, in document order; broken syntax is the last one.
pub fn read_with(document: &[u8], limits: Limits) -> Result<Node<'_>, Vec<Fault>> {
    match read_anyway(document, limits) {
        (Some(node), faults) if faults.is_empty() => Ok(node),
        (_, faults) => Err(faults),
    }
}

/// Reads what can be read: the document, if its syntax holds to the end, beside every structural fault in it. What was
/// read beside a fault is good for finding further faults and for nothing else.
pub fn read_anyway(document: &[u8], limits: Limits) -> (Option<Node<'_>>, Vec<Fault>) {
    let whole = |kind, offset| (None, vec![Fault { kind, place: String::new(), position: LineColumn::of(document, offset) }]);
    if document.len() > limits.size {
        return whole(FaultKind::TooLarge(limits.size), 0);
    }
    let text = match std::str::from_utf8(document) {
        Ok(text) if text.trim_ascii().is_empty() => return whole(FaultKind::Empty, 0),
        Ok(text) => text,
        Err(error) => return whole(FaultKind::NotUtf8, error.valid_up_to()),
    };
    let mut reader = Reader { text, json: Jiter::new(document), limits, faults: Vec::new(), elements: Vec::new(), members: Vec::new() };
    let node = reader.document().ok();
    (node, reader.faults)
}

/// Reading cannot go on; the reason is among the faults.
struct Stop;

struct Reader<'a> {
    text: &'a str,
    json: Jiter<'a>,
    limits: Limits,
    faults: Vec<Fault>,
    /// Of arrays and objects that are still open, the innermost last: each leaves as a list of just its size, so that a
    /// large tree stays close together in memory.
    elements: Vec<Node<'a>>,
    members: Vec<(Cow<'a, str>, Node<'a>)>,
}

impl<'a> Reader<'a> {
    fn document(&mut self) -> Result<Node<'a>, Stop> {
        let root = Place::root("");
        let peek = self.json.peek().map_err(|error| self.syntax(&error, &root))?;
        let node = self.value(peek, &root, 0)?;
        self.json.finish().map_err(|error| self.syntax(&error, &root))?;
        Ok(node)
    }

    fn value(&mut self, peek: Peek, place: &Place<'_>, depth: usize) -> Result<Node<'a>, Stop> {
        let start = self.json.current_index();
        let value = match peek {
            Peek::Array => Value::Array(self.array(place, depth + 1, start)?),
            Peek::Object => Value::Object(self.object(place, depth + 1, start)?),
            Peek::String => {
                let text = self.json.known_str().map(|text| borrowed(self.text, text)).map_err(|error| self.syntax(&error, place))?;
                // written out they are no JSON; escaped they are, and only then the text is a copy
                if matches!(&text, Cow::Owned(text) if text.contains(is_forbidden)) {
                    self.fault(FaultKind::ControlCharacter, place, start)?;
                }
                Value::String(text)
            }
            Peek::True | Peek::False => Value::Bool(self.json.known_bool(peek).map_err(|error| self.syntax(&error, place))?),
            Peek::Null => {
                self.json.known_null().map_err(|error| self.syntax(&error, place))?;
                Value::Null
            }
            _ => {
                self.json.known_number_bytes(peek).map(|_| ()).map_err(|error| self.syntax(&error, place))?;
                Value::Number(&self.text[start..self.json.current_index()])
            }
        };
        Ok(Node { value, start, end: self.json.current_index() })
    }

    fn array(&mut self, place: &Place<'_>, depth: usize, start: usize) -> Result<Vec<Node<'a>>, Stop> {
        self.check_depth(depth, place, start)?;
        let from = self.elements.len();
        let mut next = self.json.known_array().map_err(|error| self.syntax(&error, place))?;
        while let Some(peek) = next {
            let element = self.value(peek, &place.element(self.elements.len() - from), depth)?;
            self.elements.push(element);
            next = self.json.array_step().map_err(|error| self.syntax(&error, place))?;
        }
        if self.elements.len() == from {
            self.fault(FaultKind::EmptyArray, place, start)?;
        }
        Ok(self.elements.split_off(from))
    }

    fn object(&mut self, place: &Place<'_>, depth: usize, start: usize) -> Result<Vec<(Cow<'a, str>, Node<'a>)>, Stop> {
        self.check_depth(depth, place, start)?;
        let from = self.members.len();
        let mut names: HashSet<Cow<'a, str>> = HashSet::new();
        let first = self.json.known_object().map(|name| name.map(|name| named(self.text, name)));
        let mut next = first.map_err(|error| self.syntax(&error, place))?;
        while let Some(name) = next {
            let peek = {
                let here = place.member(&name);
                self.json.peek().map_err(|error| self.syntax(&error, &here))?
            };
            let node = {
                let here = place.member(&name);
                let at = self.json.current_index();
                let before = &self.members[from..];
                let twice = if before.len() < FEW { before.iter().any(|(known, _)| *known == name) } else { names.contains(&name) };
                if twice {
                    self.fault(FaultKind::DuplicateMember, &here, at)?;
                }
                if peek == Peek::Null {
                    self.fault(FaultKind::Null, &here, at)?;
                }
                self.value(peek, &here, depth)?
            };
            self.members.push((name, node));
            match &self.members[from..] {
                few if few.len() < FEW => {}
                [before @ .., (name, _)] if before.len() >= FEW => drop(names.insert(name.clone())),
                first => names.extend(first.iter().map(|(name, _)| name.clone())),
            }
            let following = self.json.next_key().map(|name| name.map(|name| named(self.text, name)));
            next = following.map_err(|error| self.syntax(&error, place))?;
        }
        if self.members.len() == from {
            self.fault(FaultKind::EmptyObject, place, start)?;
        }
        Ok(self.members.split_off(from))
    }

    fn check_depth(&mut self, depth: usize, place: &Place<'_>, offset: usize) -> Result<(), Stop> {
        if depth <= self.limits.depth {
            return Ok(());
        }
        self.fault(FaultKind::TooDeep(self.limits.depth), place, offset)?;
        Err(Stop)
    }

    fn fault(&mut self, kind: FaultKind, place: &Place<'_>, offset: usize) -> Result<(), Stop> {
        if self.faults.len() >= self.limits.faults {
            let position = LineColumn::of(self.text.as_bytes(), offset);
            self.faults.push(Fault { kind: FaultKind::More, place: String::new(), position });
            return Err(Stop);
        }
        self.faults.push(Fault { kind, place: place.to_string(), position: LineColumn::of(self.text.as_bytes(), offset) });
        Ok(())
    }

    fn syntax(&mut self, error: &JiterError, place: &Place<'_>) -> Stop {
        let kind = FaultKind::Syntax(describe(error));
        self.faults.push(Fault { kind, place: place.to_string(), position: LineColumn::of(self.text.as_bytes(), error.index) });
        Stop
    }
}

/// jiter hands out strings that live as long as its own borrow, though most are slices of the document: those are
/// found again in the document, the others (with escapes) are copied.
fn borrowed<'a>(document: &'a str, text: &str) -> Cow<'a, str> {
    let offset = (text.as_ptr() as usize).wrapping_sub(document.as_ptr() as usize);
    match document.get(offset..offset.wrapping_add(text.len())) {
        Some(slice) if offset < document.len() => Cow::Borrowed(slice),
        _ => Cow::Owned(text.to_owned()),
    }
}

/// A member's name. The usual ones are kept once for all members, so that looking for one does not touch the document again.
fn named<'a>(document: &'a str, name: &str) -> Cow<'a, str> {
    let usual = match name {
        "answer" => "answer",
        "code" => "code",
        "display" => "display",
        "extension" => "extension",
        "item" => "item",
        "linkId" => "linkId",
        "system" => "system",
        "text" => "text",
        "unit" => "unit",
        "url" => "url",
        "value" => "value",
        "valueBoolean" => "valueBoolean",
        "valueCoding" => "valueCoding",
        "valueDate" => "valueDate",
        "valueDateTime" => "valueDateTime",
        "valueDecimal" => "valueDecimal",
        "valueInteger" => "valueInteger",
        "valueQuantity" => "valueQuantity",
        "valueString" => "valueString",
        _ => return borrowed(document, name),
    };
    Cow::Borrowed(usual)
}

/// jiter's own texts may quote the document; these do not.
fn describe(error: &JiterError) -> &'static str {
    use jiter::{JiterErrorType, JsonErrorType as Json};
    match &error.error_type {
        JiterErrorType::JsonError(kind) => match kind {
            Json::EofWhileParsingList => "it ends inside an array",
            Json::EofWhileParsingObject => "it ends inside an object",
            Json::EofWhileParsingString => "it ends inside a string",
            Json::EofWhileParsingValue => "it ends where a value should stand",
            Json::ExpectedColon => "a colon is missing",
            Json::ExpectedListCommaOrEnd => "a comma or the end of the array is missing",
            Json::ExpectedObjectCommaOrEnd => "a comma or the end of the object is missing",
            Json::TrailingComma => "a comma too many",
            Json::TrailingCharacters => "something follows the document's end",
            Json::KeyMustBeAString => "a member's name must be a string",
            Json::InvalidNumber | Json::NumberOutOfRange => "a number is malformed",
            Json::ControlCharacterWhileParsingString => "a control character stands in a string",
            Json::InvalidEscape
            | Json::LoneLeadingSurrogateInHexEscape
            | Json::UnexpectedEndOfHexEscape
            | Json::InvalidUnicodeCodePoint => "an escape in a string is malformed",
            Json::RecursionLimitExceeded => "it is nested too deep",
            _ => "a value is malformed",
        },
        JiterErrorType::WrongType { .. } => "a value is malformed",
    }
}

/// R4 `string`: no character below 32 but tab, carriage return and line feed.
fn is_forbidden(character: char) -> bool {
    character < ' ' && !matches!(character, '\t' | '\r' | '\n')
}

/// Up to here names are compared one by one; beyond, in a set.
const FEW: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(document: &str) -> Vec<FaultKind> {
        read(document.as_bytes()).expect_err("a fault").into_iter().map(|fault| fault.kind).collect()
    }

    #[test]
    fn numbers_keep_their_digits() {
        let node = read(br#"{"a":1.500,"b":99999999999999999999,"c":1E-22}"#).expect("well-formed");
        let digits: Vec<_> = node.members().iter().filter_map(|(_, node)| node.as_number()).collect();
        assert_eq!(digits, ["1.500", "99999999999999999999", "1E-22"]);
    }

    #[test]
    fn a_string_without_escapes_is_not_copied() {
        let node = read(br#"{"a":"plain","b":"esc\naped"}"#).expect("well-formed");
        let copied: Vec<_> = node.members().iter().map(|(_, node)| matches!(&node.value, Value::String(Cow::Owned(_)))).collect();
        assert_eq!(copied, [false, true]);
    }

    #[test]
    fn every_structural_fault_is_listed_with_its_place() {
        let faults = read(br#"{"a":1,"a":2,"b":[],"c":{"d":{}},"e":null}"#).expect_err("faults");
        let places: Vec<_> = faults.iter().map(|fault| (fault.kind, fault.place.as_str())).collect();
        assert_eq!(
            places,
            [(FaultKind::DuplicateMember, "a"), (FaultKind::EmptyArray, "b"), (FaultKind::EmptyObject, "c.d"), (FaultKind::Null, "e"),]
        );
    }

    #[test]
    fn a_duplicate_is_found_among_many_members() {
        let many: String = (0..40).map(|n| format!("\"m{n}\":{n},")).collect();
        assert_eq!(kinds(&format!("{{{many}\"m3\":0}}")), [FaultKind::DuplicateMember]);
    }

    #[test]
    fn broken_syntax_says_where() {
        let faults = read(b"{\n \"a\": [1,\n").expect_err("truncated");
        assert_eq!((faults[0].position.line, faults[0].place.as_str()), (3, "a"));
        assert_eq!(kinds("{\"a\":1} x"), [FaultKind::Syntax("something follows the document's end")]);
        assert_eq!(kinds("  "), [FaultKind::Empty]);
    }

    #[test]
    fn depth_is_capped_without_using_the_stack() {
        let deep = "[".repeat(100_000);
        assert_eq!(kinds(&deep), [FaultKind::TooDeep(40)]);
    }

    #[test]
    fn faults_are_capped_and_the_last_says_so() {
        let many = format!("{{{}\"z\":1}}", "\"a\":[],".repeat(500));
        let kinds = kinds(&many);
        assert_eq!((kinds.len(), kinds.last()), (101, Some(&FaultKind::More)));
    }

    #[test]
    fn a_control_character_in_a_text_is_refused_with_its_place() {
        let faults = read(br#"{"a":"tab\tis fine","b":"nul\u0000"}"#).expect_err("a fault");
        assert_eq!((faults.len(), faults[0].kind, faults[0].place.as_str()), (1, FaultKind::ControlCharacter, "b"));
    }

    #[test]
    fn something_that_is_not_utf_8_is_refused() {
        let faults = read(b"{\"a\":\"\xff\"}").expect_err("not UTF-8");
        assert_eq!(faults[0].kind, FaultKind::NotUtf8);
    }
}
