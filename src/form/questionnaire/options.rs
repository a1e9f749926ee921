//! The options of a question, and which of them an answer is: among many as quickly as among few.

use std::collections::HashMap;

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

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

/// Where each option stands, in the order of their values; of equal ones the first is meant.
#[derive(Clone, Debug, Default)]
pub(super) struct ByValue {
    order: Vec<usize>,
    /// What those without a code are shown as, in every language.
    shown: HashMap<String, usize>,
}

/// A value to look up: borrowed, and compared as options are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Coding { code: &'a str, system: &'a str },
    Text(&'a str),
    Integer(Decimal),
    Time(&'a str),
    Reference(&'a str),
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
    fn key(&self) -> Key<'_> {
        match self {
            Self::Coding { system, code } => Key::Coding { code, system },
            Self::Text(text) => Key::Text(text),
            Self::Integer(number) => Key::Integer(*number),
            Self::Time(text) => Key::Time(text),
            Self::Reference(text) => Key::Reference(text),
        }
    }

    /// Whether it is given as a value of this name.
    fn is_named(&self, name: &str) -> bool {
        match self {
            Self::Coding { .. } => name == "valueCoding",
            Self::Text(_) => name == "valueString",
            Self::Integer(_) => name == "valueInteger",
            Self::Reference(_) => name == "valueReference",
            Self::Time(_) => matches!(name, "valueDate" | "valueTime"),
        }
    }
}

impl ByValue {
    pub(super) fn of(options: &[AnswerOption]) -> Self {
        let mut order: Vec<usize> = (0..options.len()).collect();
        order.sort_by_key(|&position| options[position].value.key());
        let mut shown = HashMap::new();
        for (position, option) in options.iter().enumerate() {
            if matches!(&option.value, OptionValue::Coding { code, .. } if code.is_empty()) {
                option.display.each().for_each(|text| _ = shown.entry(text.to_owned()).or_insert(position));
            }
        }
        Self { order, shown }
    }
}

impl Item {
    /// The option with this code.
    pub fn option(&self, system: &str, code: &str) -> Option<&AnswerOption> {
        self.option_at(Key::Coding { code, system })
    }

    /// The option without a code that is shown so.
    pub fn option_shown(&self, display: &str) -> Option<&AnswerOption> {
        self.by_value.shown.get(display).map(|&position| &self.options[position])
    }

    /// The option that is no Coding and has this value, named as in `valueInteger`.
    pub fn option_given(&self, name: &str, value: &Node<'_>) -> Option<&AnswerOption> {
        match name {
            "valueInteger" | "valueDecimal" => self.option_at(Key::Integer(decimal(value.as_number()?)?)),
            "valueReference" => self.option_at(Key::Reference(value.text("reference")?)),
            "valueDate" | "valueTime" => self.option_at(Key::Time(value.as_str()?)),
            _ => self.option_at(Key::Text(value.as_str()?)),
        }
    }

    /// A string that must come from a value set is one of its codes (SDC).
    pub fn has_code(&self, code: &str) -> bool {
        let least = Key::Coding { code, system: "" };
        matches!(self.from(least).map(|option| &option.value), Some(OptionValue::Coding { code: known, .. }) if known == code)
    }

    /// Among the options is one that is given as a value of this name.
    pub fn has_options_of(&self, name: &str) -> bool {
        // the first of each kind
        let least = [Key::Coding { code: "", system: "" }, Key::Text(""), Key::Integer(Decimal::MIN), Key::Time(""), Key::Reference("")];
        least.into_iter().filter_map(|least| self.from(least)).any(|option| option.value.is_named(name))
    }

    fn option_at(&self, key: Key<'_>) -> Option<&AnswerOption> {
        self.from(key).filter(|option| option.value.key() == key)
    }

    /// The first in the order of values that is not less.
    fn from(&self, key: Key<'_>) -> Option<&AnswerOption> {
        let order = &self.by_value.order;
        let from = order.partition_point(|&position| self.options[position].value.key() < key);
        order.get(from).map(|&position| &self.options[position])
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
