//! Faults in English, Finnish and Swedish, for those who fill in forms and those who help them: what is wrong, and what would
//! make it right. One file a language says all that [`Told`] holds; `general` has a sentence for what is told in English alone.

mod english;
mod finnish;
mod general;
mod swedish;
mod unchecked;

use super::told::{Choice, Listed, Told, Wanted, When};
use crate::texts::Texts;

/// What is wrong, and what would make it right.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub what: String,
    pub remedy: String,
}

/// In English: lower case, no final period.
pub fn in_english(told: &Told, link_id: &str) -> Said {
    english::said(told, &format!("`{link_id}`"))
}

/// In each language but English, as sentences.
pub fn in_languages(told: &Told, link_id: &str) -> [(&'static str, Said); 2] {
    let id = format!("`{link_id}`");
    [("fi", finnish::said(told, &id)), ("sv", swedish::said(told, &id))]
}

pub use general::in_general;

/// How a language puts things together.
struct Tongue {
    code: &'static str,
    and: &'static str,
    or: &'static str,
    more: fn(usize) -> String,
    one_of: &'static str,
    own_words: &'static str,
    /// The unit of a quantity is one of …
    unit: &'static str,
    at_least: &'static str,
    at_most: &'static str,
    /// `{}` is the question's linkId.
    is_answered: &'static str,
    is_not_answered: &'static str,
    expression: &'static str,
}

fn say(what: impl Into<String>, remedy: impl Into<String>) -> Said {
    Said { what: what.into(), remedy: remedy.into() }
}

impl Tongue {
    fn all(&self, listed: &Listed) -> String {
        self.joined(listed, self.and)
    }

    fn any(&self, listed: &Listed) -> String {
        self.joined(listed, self.or)
    }

    fn joined(&self, listed: &Listed, word: &str) -> String {
        let mut names: Vec<String> = listed.shown.iter().map(|choice| self.choice(choice)).collect();
        let word = if listed.more == 0 { word } else { self.and };
        names.extend((listed.more > 0).then(|| (self.more)(listed.more)));
        together(names, word)
    }

    /// `code` (as it is shown)
    fn choice(&self, choice: &Choice) -> String {
        let display = self.shown(&choice.display);
        match (choice.code.as_str(), display.as_str()) {
            ("", display) => display.to_owned(),
            (code, display) if display.is_empty() || display == code => format!("`{code}`"),
            (code, display) => format!("`{code}` ({display})"),
        }
    }

    fn shown(&self, text: &Texts) -> String {
        super::told::clipped(text.text(self.code), super::told::LONGEST_NAME)
    }

    /// What answers a question; for those who write FHIR with the value[x].
    fn wanted(&self, wanted: &Wanted, with_value: bool) -> String {
        let mut parts = Vec::new();
        if with_value {
            parts.push(format!("`{}`", wanted.value));
        }
        if !wanted.options.is_empty() {
            parts.push(format!("{} {}", self.one_of, self.any(&wanted.options)));
        }
        if with_value && !wanted.system.is_empty() {
            parts.push(format!("`system` `{}`", wanted.system));
        }
        if wanted.in_own_words {
            parts.push(self.own_words.to_owned());
        }
        if !wanted.least.is_empty() {
            parts.push(format!("{} {}", self.at_least, wanted.least));
        }
        if !wanted.most.is_empty() {
            parts.push(format!("{} {}", self.at_most, wanted.most));
        }
        if !wanted.units.is_empty() {
            parts.push(format!("{} {}", self.unit, self.any(&wanted.units)));
        }
        parts.join(", ")
    }

    fn when(&self, when: &When) -> String {
        let conditions = when.conditions.iter().map(|condition| match (condition.sign, condition.comparand.as_str()) {
            ("exists", "true") => self.is_answered.replace("{}", &format!("`{}`", condition.question)),
            ("exists", _) => self.is_not_answered.replace("{}", &format!("`{}`", condition.question)),
            (sign, comparand) => format!("`{}` {sign} {comparand}", condition.question),
        });
        let mut conditions: Vec<String> = conditions.collect();
        conditions.extend((when.more > 0).then(|| (self.more)(when.more)));
        conditions.extend((!when.expression.is_empty()).then(|| format!("{} `{}`", self.expression, when.expression)));
        let word = if when.any { self.or } else { self.and };
        conditions.join(&format!(" {word} "))
    }
}

/// `a`, `b` and `c`
fn together(mut names: Vec<String>, word: &str) -> String {
    match (names.pop(), names.is_empty()) {
        (Some(last), false) => format!("{} {word} {last}", names.join(", ")),
        (last, _) => last.unwrap_or_default(),
    }
}

/// The questions that conditions ask about, each once.
fn asked(when: &When) -> Vec<String> {
    let mut asked: Vec<String> = when.conditions.iter().map(|condition| format!("`{}`", condition.question)).collect();
    asked.dedup();
    asked
}

#[cfg(test)]
mod tests;
