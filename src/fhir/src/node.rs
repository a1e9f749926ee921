//! The borrowed tree that incoming FHIR is read as.

use std::borrow::Cow;

/// A value and where it stands in its document (byte offsets, `start..end`).
#[derive(Clone, Debug, PartialEq)]
pub struct Node<'a> {
    pub value: Value<'a>,
    pub start: usize,
    pub end: usize,
}

/// What a JSON document can hold. Numbers stay text, so that no digit is lost.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Only inside an array, where FHIR pairs primitives with their extensions.
    Null,
    Bool(bool),
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    /// Members in document order, names unique.
    Object(Vec<(Cow<'a, str>, Node<'a>)>),
}

/// The kind of a value, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Null,
    Boolean,
    Number,
    String,
    Array,
    Object,
}

impl Kind {
    /// As JSON names it, with its article.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::String => "a string",
            Self::Array => "an array",
            Self::Object => "an object",
        }
    }
}

impl<'a> Node<'a> {
    pub const fn kind(&self) -> Kind {
        match self.value {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Boolean,
            Value::Number(_) => Kind::Number,
            Value::String(_) => Kind::String,
            Value::Array(_) => Kind::Array,
            Value::Object(_) => Kind::Object,
        }
    }

    /// The member `name`, if this is an object that has it.
    pub fn member(&self, name: &str) -> Option<&Node<'a>> {
        self.members().iter().find(|(key, _)| key == name).map(|(_, node)| node)
    }

    /// The members of an object; none for anything else.
    pub fn members(&self) -> &[(Cow<'a, str>, Node<'a>)] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The elements of an array; none for anything else.
    pub fn elements(&self) -> &[Node<'a>] {
        match &self.value {
            Value::Array(elements) => elements,
            _ => &[],
        }
    }

    /// The elements of the array member `name`; none where it is absent or no array.
    pub fn list(&self, name: &str) -> &[Node<'a>] {
        self.member(name).map_or(&[], Node::elements)
    }

    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub const fn as_bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// A number's own digits.
    pub const fn as_number(&self) -> Option<&'a str> {
        match self.value {
            Value::Number(digits) => Some(digits),
            _ => None,
        }
    }

    /// The string member `name`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_str()
    }
}
