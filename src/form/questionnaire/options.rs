//! The options of a question, and which of them an answer is: among many as quickly as among few.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use neuvola_fhir::Node;
use rust_decimal::Decimal;

use super::extensions::OPTION_EXCLUSIVE;
use super::{Item, ItemKind, decimal, extension, is_declined, weight_on};
use crate::texts::Texts;

/// One permitted answer.
#[derive(Clone, Debug)]
pub struct AnswerOption {
    pub value: OptionValue,
    pub display: Texts,
    /// `ordinalValue` or `itemWeight`.
    pub weight: Option<Decimal>,
    /// `questionnaire-optionExclusive`: chosen, it stands alone.
    pub exclusive: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum OptionValue {
    Coding {
        system: String,
        code: String,
    },
    Text(String),
    Integer(Decimal),
    /// A date or a time, as written.
    Time(String),
    Reference(String),
}

/// The options in the order of their values; of equal ones the first is meant. All values lie in one text, so that a look-up
/// touches little memory.
#[derive(Clone, Debug, Default)]
pub(super) struct ByValue {
    order: Vec<Entry>,
    text: String,
    /// What those without a code are shown as, in every language.
    shown: HashMap<String, usize>,
}

#[derive(Clone, Debug)]
struct Entry {
    position: usize,
    kind: OptionKind,
    /// The value, or the code of a Coding; behind it the system.
    value: Range<usize>,
    system: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum OptionKind {
    Coding,
    Text,
    Integer,
    Time,
    Reference,
}

impl AnswerOption {
    pub(super) fn read(node: &Node<'_>) -> Option<Self> {
        let exclusive = extension(node, OPTION_EXCLUSIVE).and_then(|it| it.member("valueBoolean")?.as_bool()).unwrap_or(false);
        let coding = node.member("valueCoding");
        Some(Self {
            value: option_value(node)?,
            display: coding.map_or_else(Texts::default, |coding| Texts::of(coding, "display")),
            weight: weight_on(node).or_else(|| weight_on(coding?)),
            exclusive,
        })
    }

    pub fn coded(system: &str, code: &str, display: Texts, weight: Option<Decimal>) -> Self {
        Self { value: OptionValue::Coding { system: system.to_owned(), code: code.to_owned() }, display, weight, exclusive: false }
    }

    /// Code and system; empty for what is no Coding.
    pub fn coding(&self) -> (&str, &str) {
        match &self.value {
            OptionValue::Coding { system, code } => (code, system),
            _ => ("", ""),
        }
    }

    /// "I prefer not to answer": the question counts as open.
    pub fn is_declined(&self) -> bool {
        matches!(&self.value, OptionValue::Coding { system, code } if is_declined(system, code))
    }
}

impl OptionValue {
    const fn kind(&self) -> OptionKind {
        match self {
            Self::Coding { .. } => OptionKind::Coding,
            Self::Text(_) => OptionKind::Text,
            Self::Integer(_) => OptionKind::Integer,
            Self::Time(_) => OptionKind::Time,
            Self::Reference(_) => OptionKind::Reference,
        }
    }

    /// The value and, of a Coding, its system.
    fn parts(&self) -> (Cow<'_, str>, &str) {
        match self {
            Self::Coding { system, code } => (code.into(), system),
            Self::Text(text) | Self::Time(text) | Self::Reference(text) => (text.into(), ""),
            Self::Integer(number) => (digits(*number).into(), ""),
        }
    }
}

impl OptionKind {
    /// Whether it is given as a value of this name.
    fn is_named(self, name: &str) -> bool {
        match self {
            Self::Coding => name == "valueCoding",
            Self::Text => name == "valueString",
            Self::Integer => name == "valueInteger",
            Self::Reference => name == "valueReference",
            Self::Time => matches!(name, "valueDate" | "valueTime"),
        }
    }
}

impl ByValue {
    pub(super) fn of(options: &[AnswerOption]) -> Self {
        let mut it = Self::default();
        for (position, option) in options.iter().enumerate() {
            let (value, system) = option.value.parts();
            let begin = it.text.len();
            it.text.push_str(&value);
            let value = begin..it.text.len();
            it.text.push_str(system);
            it.order.push(Entry { position, kind: option.value.kind(), value, system: it.text.len() });
            if matches!(&option.value, OptionValue::Coding { code, .. } if code.is_empty()) {
                option.display.each().for_each(|text| _ = it.shown.entry(text.to_owned()).or_insert(position));
            }
        }
        let text = &it.text;
        it.order.sort_by(|one, other| one.key(text).cmp(&other.key(text)));
        it
    }

    /// The first in the order of values that is not less.
    fn least(&self, kind: OptionKind, value: &str, system: &str) -> Option<(&Entry, (OptionKind, &str, &str))> {
        let from = self.order.partition_point(|entry| entry.key(&self.text) < (kind, value, system));
        self.order.get(from).map(|entry| (entry, entry.key(&self.text)))
    }
}

impl Entry {
    fn key<'t>(&self, text: &'t str) -> (OptionKind, &'t str, &'t str) {
        (self.kind, &text[self.value.clone()], &text[self.value.end..self.system])
    }
}

impl Item {
    /// The option with this code.
    pub fn option(&self, system: &str, code: &str) -> Option<&AnswerOption> {
        self.option_at(OptionKind::Coding, code, system)
    }

    /// The option without a code that is shown so.
    pub fn option_shown(&self, display: &str) -> Option<&AnswerOption> {
        self.by_value.shown.get(display).map(|&position| &self.options[position])
    }

    /// The option that is no Coding and has this value, named as in `valueInteger`.
    pub fn option_given(&self, name: &str, value: &Node<'_>) -> Option<&AnswerOption> {
        if self.options.is_empty() {
            return None;
        }
        match name {
            "valueInteger" | "valueDecimal" => self.option_at(OptionKind::Integer, &digits(decimal(value.as_number()?)?), ""),
            "valueReference" => self.option_at(OptionKind::Reference, value.text("reference")?, ""),
            "valueDate" | "valueTime" => self.option_at(OptionKind::Time, value.as_str()?, ""),
            _ => self.option_at(OptionKind::Text, value.as_str()?, ""),
        }
    }

    /// A string that must come from a value set is one of its codes (SDC).
    pub fn has_code(&self, code: &str) -> bool {
        let least = self.by_value.least(OptionKind::Coding, code, "");
        least.is_some_and(|(_, (kind, known, _))| kind == OptionKind::Coding && known == code)
    }

    /// Among the options is one that is given as a value of this name.
    pub fn has_options_of(&self, name: &str) -> bool {
        let kinds = [OptionKind::Coding, OptionKind::Text, OptionKind::Integer, OptionKind::Time, OptionKind::Reference];
        kinds.into_iter().any(|kind| kind.is_named(name) && self.by_value.least(kind, "", "").is_some_and(|(least, _)| least.kind == kind))
    }

    fn option_at(&self, kind: OptionKind, value: &str, system: &str) -> Option<&AnswerOption> {
        let (entry, key) = self.by_value.least(kind, value, system)?;
        (key == (kind, value, system)).then(|| &self.options[entry.position])
    }

    /// The options that answer the question: all but the declined one.
    pub fn answering_options(&self) -> impl Iterator<Item = &AnswerOption> {
        self.options.iter().filter(|option| !option.is_declined())
    }

    /// A question with a finite list of answers, none of them free.
    pub fn is_closed_choice(&self) -> bool {
        self.kind == ItemKind::Choice
    }
}

/// One number, one text: 2 and 2.0 are the same.
fn digits(number: Decimal) -> String {
    number.normalize().to_string()
}

/// The `value[x]` of an option, or of an extension that names one.
pub(super) fn option_value(node: &Node<'_>) -> Option<OptionValue> {
    let (name, value) = node.members().iter().find(|(name, _)| name.starts_with("value"))?;
    Some(match name.as_ref() {
        "valueCoding" => {
            let part = |name| value.text(name).unwrap_or_default().to_owned();
            OptionValue::Coding { system: part("system"), code: part("code") }
        }
        "valueInteger" => OptionValue::Integer(decimal(value.as_number()?)?),
        "valueDate" | "valueTime" => OptionValue::Time(value.as_str()?.to_owned()),
        "valueReference" => OptionValue::Reference(value.text("reference")?.to_owned()),
        _ => OptionValue::Text(value.as_str()?.to_owned()),
    })
}
