//! Where a value stands: as a path of steps, and as line and column.

use std::fmt;

/// One step down a document.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// A member of an object.
    Name(&'a str),
    /// An element of an array, counted from 0.
    Index(usize),
}

/// A path from the document's root, kept on the stack while walking: it costs nothing until it is printed.
///
/// Prints as FHIRPath does: `QuestionnaireResponse.item[0].answer[1].value`. A name that is no plain
/// identifier is put in brackets: `persons[0].answers['life.money']`.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

impl<'a> Place<'a> {
    /// The root, named by the resource's type or left empty.
    pub const fn root(name: &'a str) -> Self {
        Self { parent: None, step: Step::Name(name) }
    }

    /// The member `name` of what stands here.
    pub const fn member(&'a self, name: &'a str) -> Place<'a> {
        Place { parent: Some(self), step: Step::Name(name) }
    }

    /// The element `index` of what stands here.
    pub const fn element(&'a self, index: usize) -> Place<'a> {
        Place { parent: Some(self), step: Step::Index(index) }
    }

    fn is_empty_root(&self) -> bool {
        self.parent.is_none() && matches!(self.step, Step::Name(""))
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(out)?;
        }
        match self.step {
            Step::Index(index) => write!(out, "[{index}]"),
            // a root may be a path itself
            Step::Name(name) if self.parent.is_none() => out.write_str(name),
            Step::Name(name) if !is_plain(name) => {
                out.write_str("['")?;
                name.chars().take(LONGEST_NAME).try_for_each(|c| if c == '\'' { out.write_str("\\'") } else { write!(out, "{c}") })?;
                out.write_str("']")
            }
            Step::Name(name) => {
                if self.parent.is_some_and(|parent| !parent.is_empty_root()) {
                    out.write_str(".")?;
                }
                out.write_str(name)
            }
        }
    }
}

/// Line and column, both counted from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineColumn {
    pub line: usize,
    pub column: usize,
}

impl LineColumn {
    /// The place of the byte at `offset`; past the end it is the end.
    pub fn of(document: &[u8], offset: usize) -> Self {
        Self { line: 1, column: 1 }.past(&document[..offset.min(document.len())])
    }

    /// Behind `text`, which begins here.
    #[must_use]
    pub fn past(self, text: &[u8]) -> Self {
        // each character has one byte that continues none
        let characters = |text: &[u8]| text.iter().filter(|&&byte| byte & 0xC0 != 0x80).count();
        match text.iter().rposition(|&byte| byte == b'\n') {
            None => Self { column: self.column + characters(text), ..self },
            Some(newline) => Self {
                line: self.line + text[..=newline].iter().filter(|&&byte| byte == b'\n').count(),
                column: characters(&text[newline + 1..]) + 1,
            },
        }
    }
}

fn is_plain(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
}

/// A hostile name is cut in messages.
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_prints_as_fhirpath_does() {
        let root = Place::root("QuestionnaireResponse");
        let items = root.member("item");
        let item = items.element(2);
        assert_eq!(item.member("answer").to_string(), "QuestionnaireResponse.item[2].answer");
    }

    #[test]
    fn a_name_with_dots_is_put_in_brackets() {
        let root = Place::root("");
        let answers = root.member("answers");
        assert_eq!(answers.member("life.money").to_string(), "answers['life.money']");
    }

    #[test]
    fn line_and_column_count_from_one() {
        assert_eq!(LineColumn::of("{\n  \"ä\": 1".as_bytes(), 9), LineColumn { line: 2, column: 7 });
    }
}
