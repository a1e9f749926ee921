//! Reading our own JSON with every fault at once.
//!
//! serde stops at the first fault; a form platform's developer at 2 a.m. wants them all. [`Object`] reads members by
//! name, notes what is missing or of the wrong kind, and on [`Object::close`] what nobody asked for.

use neuvola_fhir::{Kind, Node, Place, Value};

use crate::issue::{Issue, Issues};
use crate::shape::primitive::is_date_time;

/// An object being read.
pub struct Object<'n, 'a, 'p, 'i> {
    node: &'n Node<'a>,
    place: Place<'p>,
    issues: &'i mut Issues,
    known: Vec<&'static str>,
}

impl<'n, 'a, 'p, 'i> Object<'n, 'a, 'p, 'i> {
    /// Notes a fault and gives `None` if `node` is no object.
    pub fn open(node: &'n Node<'a>, place: Place<'p>, issues: &'i mut Issues) -> Option<Self> {
        if node.kind() == Kind::Object {
            return Some(Self { node, place, issues, known: Vec::new() });
        }
        issues.push(wrong_kind(&place, node, "an object"));
        None
    }

    pub fn optional(&mut self, name: &'static str) -> Option<&'n Node<'a>> {
        if !self.known.contains(&name) {
            self.known.push(name);
        }
        self.node.member(name)
    }

    pub fn required(&mut self, name: &'static str) -> Option<&'n Node<'a>> {
        let found = self.optional(name);
        if found.is_none() {
            let place = self.place.member(name).to_string();
            self.issues.push(Issue::error("required", "missing-member", place, format!("`{name}` is missing")));
        }
        found
    }

    /// A string that says something.
    pub fn optional_text(&mut self, name: &'static str) -> Option<&'n str> {
        let node = self.optional(name)?;
        self.text_of(name, node)
    }

    pub fn required_text(&mut self, name: &'static str) -> Option<&'n str> {
        let node = self.required(name)?;
        self.text_of(name, node)
    }

    /// A string of at most `most` characters.
    pub fn bounded_text(&mut self, name: &'static str, most: usize) -> Option<&'n str> {
        let text = self.optional_text(name)?;
        if text.chars().count() > most {
            let place = self.place.member(name).to_string();
            self.issues.push(Issue::error("too-long", "too-long", place, format!("`{name}` is longer than {most} characters")));
            return None;
        }
        Some(text)
    }

    /// One of the words in `words`, by position.
    pub fn word(&mut self, name: &'static str, words: &[&str]) -> Option<usize> {
        let text = self.required_text(name)?;
        let found = words.iter().position(|word| *word == text);
        if found.is_none() {
            let place = self.place.member(name).to_string();
            self.issues.push(Issue::error("code-invalid", "unknown-word", place, format!("`{name}` is none of: {}", words.join(", "))));
        }
        found
    }

    /// A date and time with an offset, as R4's `instant` has it.
    pub fn required_instant(&mut self, name: &'static str) -> Option<&'n str> {
        let text = self.required_text(name)?;
        if text.contains('T') && is_date_time(text) {
            return Some(text);
        }
        let place = self.place.member(name).to_string();
        let issue = Issue::error("value", "wrong-type", place, format!("`{name}` is not a date and time with an offset"));
        self.issues.push(issue.remedy("write it as 2026-11-02T18:20:00+02:00"));
        None
    }

    pub fn optional_bool(&mut self, name: &'static str) -> Option<bool> {
        let node = self.optional(name)?;
        let value = node.as_bool();
        if value.is_none() {
            let issue = wrong_kind(&self.place.member(name), node, "a boolean");
            self.issues.push(issue);
        }
        value
    }

    /// The elements of an array member; none where it is absent.
    pub fn list(&mut self, name: &'static str) -> &'n [Node<'a>] {
        match self.optional(name) {
            Some(Node { value: Value::Array(elements), .. }) => elements,
            Some(node) => {
                let issue = wrong_kind(&self.place.member(name), node, "an array");
                self.issues.push(issue);
                &[]
            }
            None => &[],
        }
    }

    /// Strings of an array member.
    pub fn texts(&mut self, name: &'static str, most: usize) -> Vec<&'n str> {
        let nodes = self.list(name);
        let mut texts = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            let list = self.place.member(name);
            let here = list.element(index);
            match node.as_str().map(str::trim) {
                Some(text) if text.is_empty() || text.chars().count() > most => {
                    let message = format!("a text of 1 to {most} characters is wanted");
                    self.issues.push(Issue::error("value", "wrong-length", here, message));
                }
                Some(text) => texts.push(text),
                None => self.issues.push(wrong_kind(&here, node, "a string")),
            }
        }
        texts
    }

    /// Where members of this object stand, and where faults go.
    pub fn inner(&mut self) -> (&Place<'p>, &mut Issues) {
        (&self.place, self.issues)
    }

    /// Names what is there and unknown.
    pub fn close(self) {
        for (name, _) in self.node.members() {
            if !self.known.iter().any(|known| known == name) {
                let remedy = format!("known here: {}", self.known.join(", "));
                self.issues.push(
                    Issue::error("structure", "unknown-member", self.place.member(name), "the member is not known here").remedy(remedy),
                );
            }
        }
    }

    fn text_of(&mut self, name: &'static str, node: &'n Node<'a>) -> Option<&'n str> {
        let place = self.place.member(name);
        match node.as_str().map(str::trim) {
            Some("") => {
                self.issues.push(Issue::error("value", "blank", place, format!("`{name}` is blank")));
                None
            }
            None => {
                self.issues.push(wrong_kind(&place, node, "a string"));
                None
            }
            text => text,
        }
    }
}

pub fn wrong_kind(place: &Place<'_>, node: &Node<'_>, wanted: &str) -> Issue {
    Issue::error("structure", "wrong-type", place, format!("{wanted} is wanted here, not {}", node.kind().name()))
}
