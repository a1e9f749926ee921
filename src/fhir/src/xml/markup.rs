//! XML's letters: tokens with their places, attributes, references.

use std::borrow::Cow;

use quick_xml::errors::{Error, IllFormedError, SyntaxError};
use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// A piece of a document.
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// Where the next one begins.
    pub(super) end: usize,
}

#[derive(Clone, Copy)]
pub(super) enum Kind<'a> {
    Start(Tag<'a>),
    /// `<name/>`
    Empty(Tag<'a>),
    End,
    Text(&'a str),
    /// `&name;`, without the signs.
    Reference(&'a str),
    Cdata,
    Comment,
    /// `<?xml …?>`, without the signs.
    Declaration(&'a str),
    Instruction,
    DocumentType,
    Eof,
}

/// The inside of a start tag.
#[derive(Clone, Copy)]
pub(super) struct Tag<'a> {
    /// With its prefix, if it has one.
    pub(super) name: &'a str,
    /// What follows the name.
    rest: &'a str,
    /// Where the rest begins.
    offset: usize,
}

#[derive(Clone, Copy)]
pub(super) struct Attribute<'a> {
    /// With its prefix, if it has one.
    pub(super) name: &'a str,
    /// As it is written.
    raw: &'a str,
    pub(super) offset: usize,
}

/// Something that is not well-formed: what, and where.
pub(super) struct Broken(pub(super) &'static str, pub(super) usize);

/// A document's tokens.
pub(super) struct Tokens<'a> {
    text: &'a str,
    reader: Reader<&'a [u8]>,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let mut reader = Reader::from_str(text);
        let config = reader.config_mut();
        config.check_comments = true;
        config.check_end_names = true;
        Self { text, reader }
    }

    pub(super) fn next(&mut self) -> Result<Token<'a>, Broken> {
        let start = self.position();
        let event = self.reader.read_event();
        let end = self.position();
        let event = event.map_err(|error| Broken(describe(&error), start))?;
        let raw = self.text.get(start..end).unwrap_or_default();
        let kind = match event {
            Event::Start(_) => Kind::Start(Tag::of(raw, start, 1)),
            Event::Empty(_) => Kind::Empty(Tag::of(raw, start, 2)),
            Event::End(_) => Kind::End,
            Event::Text(_) => Kind::Text(raw),
            Event::GeneralRef(_) => Kind::Reference(raw.trim_start_matches('&').trim_end_matches(';')),
            Event::CData(_) => Kind::Cdata,
            Event::Comment(_) => Kind::Comment,
            Event::Decl(_) => Kind::Declaration(raw.trim_start_matches("<?xml").trim_end_matches("?>")),
            Event::PI(_) => Kind::Instruction,
            Event::DocType(_) => Kind::DocumentType,
            Event::Eof => Kind::Eof,
        };
        Ok(Token { kind, start, end })
    }

    fn position(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX).min(self.text.len())
    }
}

impl<'a> Tag<'a> {
    /// Of `<name …>`, which begins at `start` and ends with that many signs.
    fn of(raw: &'a str, start: usize, signs: usize) -> Self {
        let inside = raw.get(1..raw.len().saturating_sub(signs)).unwrap_or_default();
        let end = inside.find(is_space).unwrap_or(inside.len());
        let (name, rest) = inside.split_at(end);
        Self { name, rest, offset: start + 1 + end }
    }

    /// Of what a declaration says.
    pub(super) const fn inside(rest: &'a str, offset: usize) -> Self {
        Self { name: "", rest, offset }
    }

    /// Its attributes, each name once.
    ///
    /// # Errors
    /// The first that is not well-formed.
    pub(super) fn attributes(&self) -> Result<Vec<Attribute<'a>>, Broken> {
        let mut found: Vec<Attribute<'a>> = Vec::new();
        let mut rest = self.rest;
        loop {
            let here = |rest: &str| self.offset + self.rest.len() - rest.len();
            let trimmed = rest.trim_start_matches(is_space);
            let at = here(trimmed);
            if trimmed.is_empty() {
                return Ok(found);
            }
            if trimmed.len() == rest.len() {
                return Err(Broken("a space is missing between two attributes", at));
            }
            let (name, after) = trimmed.split_once('=').ok_or(Broken("an attribute has no value", at))?;
            let name = name.trim_end_matches(is_space);
            if !is_name(name) {
                return Err(Broken("an attribute has a malformed name", at));
            }
            let after = after.trim_start_matches(is_space);
            let quote =
                after.chars().next().filter(|quote| matches!(quote, '"' | '\'')).ok_or(Broken("an attribute's value wants quotes", at))?;
            let (raw, after) = after[1..].split_once(quote).ok_or(Broken("it ends inside an attribute", at))?;
            if found.iter().any(|known| known.name == name) {
                return Err(Broken("an attribute stands there twice", at));
            }
            if found.len() == MOST_ATTRIBUTES {
                return Err(Broken(TOO_MANY, at));
            }
            found.push(Attribute { name, raw, offset: at });
            rest = after;
        }
    }
}

impl<'a> Attribute<'a> {
    /// Its value, normalised as XML 1.0 (3.3.3) says: written out line breaks and tabs are spaces, referred to they stay.
    ///
    /// # Errors
    /// A `<`, or a reference that is not well-formed or not predefined.
    pub(super) fn value(&self) -> Result<Cow<'a, str>, Broken> {
        if !self.raw.contains(['&', '<', '\t', '\n', '\r']) {
            return Ok(Cow::Borrowed(self.raw));
        }
        let mut value = String::with_capacity(self.raw.len());
        let mut rest = self.raw;
        while let Some(at) = rest.find(['&', '<', '\t', '\n', '\r']) {
            value.push_str(&rest[..at]);
            let (sign, after) = rest[at..].split_at(1);
            rest = after;
            match sign {
                "<" => return Err(Broken("a `<` stands in an attribute", self.offset)),
                "&" => {
                    let (name, after) = rest.split_once(';').ok_or(Broken("a reference is malformed", self.offset))?;
                    value.push(resolve(name).map_err(|what| Broken(what, self.offset))?);
                    rest = after;
                }
                // together they are one line break
                "\r" if rest.starts_with('\n') => {}
                _ => value.push(' '),
            }
        }
        value.push_str(rest);
        Ok(Cow::Owned(value))
    }
}

/// The character that a reference means: `amp`, `#10`, `#xA`.
pub(super) fn resolve(name: &str) -> Result<char, &'static str> {
    let number = match name {
        "amp" => return Ok('&'),
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        _ => name.strip_prefix('#').ok_or("an entity is not one of the five that XML knows by itself")?,
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |digits| (digits, 16));
    let is_digits = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let character = is_digits.then(|| u32::from_str_radix(digits, radix).ok()).flatten().and_then(char::from_u32);
    character.filter(|character| is_character(*character)).ok_or("a reference names no character of XML")
}

/// XML 1.0, 2.2.
pub(super) fn is_character(character: char) -> bool {
    !matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// A name with at most one prefix, in the letters that FHIR and XHTML need.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    name.split_once(':').map_or_else(|| plain(name), |(prefix, local)| plain(prefix) && plain(local))
}

pub(super) const fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\n' | '\r')
}

/// Writes a value so that it is read back as it is.
pub(super) fn escape(value: &str, out: &mut Vec<u8>) {
    for byte in value.bytes() {
        match byte {
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            b'\t' => out.extend_from_slice(b"&#9;"),
            b'\n' => out.extend_from_slice(b"&#10;"),
            b'\r' => out.extend_from_slice(b"&#13;"),
            byte => out.push(byte),
        }
    }
}

/// quick-xml's own texts may quote the document; these do not.
fn describe(error: &Error) -> &'static str {
    match error {
        Error::Syntax(SyntaxError::InvalidBangMarkup) => "a declaration is malformed",
        Error::Syntax(SyntaxError::UnclosedComment) => "it ends inside a comment",
        Error::Syntax(_) => "it ends inside a tag",
        Error::IllFormed(IllFormedError::MismatchedEndTag { .. } | IllFormedError::UnmatchedEndTag(_)) => {
            "an end tag closes another element than was opened"
        }
        Error::IllFormed(IllFormedError::DoubleHyphenInComment) => "two hyphens stand in a comment",
        Error::IllFormed(IllFormedError::UnclosedReference) => "a reference is malformed",
        _ => "a tag is malformed",
    }
}

/// Few need more than three; namespaces are looked up among them.
pub(super) const MOST_ATTRIBUTES: usize = 32;
/// Well-formed, and more than is read.
pub(super) const TOO_MANY: &str = "an element has too many attributes";
