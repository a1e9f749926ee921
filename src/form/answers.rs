//! The answers of a validated response, indexed by item: what rules and plans read.

use neuvola_fhir::Node;
use rust_decimal::Decimal;

use super::questionnaire::{AnswerOption, Item, ItemKind, OptionValue, Questionnaire, decimal, is_declined, weight_on};

/// All answers of one response. A question inside a repeated group has its answers of all occurrences together.
#[derive(Debug)]
pub struct Answers<'q, 'd> {
    questionnaire: &'q Questionnaire,
    response: Option<&'d Node<'d>>,
    slots: Vec<Slot<'q, 'd>>,
}

/// What is known of one item.
#[derive(Debug, Default, Clone)]
pub struct Slot<'q, 'd> {
    pub values: Vec<Answer<'q, 'd>>,
    /// "I prefer not to answer" was chosen.
    pub declined: bool,
    /// Asked and not answered; inside something that repeats: in one of its occurrences, or there is none.
    pub open: bool,
    /// Validated as disabled.
    pub not_asked: bool,
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer<'q, 'd> {
    Boolean(bool),
    Number(Decimal),
    Text(&'d str),
    /// Date, dateTime or time, as written.
    Time(&'d str),
    Coding {
        system: &'d str,
        code: &'d str,
        option: Option<&'q AnswerOption>,
        /// The weight on the answer itself.
        own_weight: Option<Decimal>,
    },
    Quantity {
        value: Decimal,
        /// The code; without one the unit's text; empty for none.
        unit: &'d str,
        system: Option<&'d str>,
    },
    Reference(&'d str),
    /// Attachments: there, but nothing to compare.
    Other,
}

impl PartialEq for AnswerOption {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<'q, 'd> Answers<'q, 'd> {
    /// Nothing answered yet: everything is open.
    pub fn unanswered(questionnaire: &'q Questionnaire) -> Self {
        Self { questionnaire, response: None, slots: vec![Slot { open: true, ..Slot::default() }; questionnaire.items().len()] }
    }

    /// Anything may yet be answered: every question is open, those too whose silence means none.
    pub fn anything(questionnaire: &'q Questionnaire) -> Self {
        let mut answers = Self::unanswered(questionnaire);
        answers.slots.iter_mut().for_each(|slot| slot.declined = true);
        answers
    }

    /// Answers that nobody gave: one family of the many that a form allows. A slot for each item.
    pub const fn supposed(questionnaire: &'q Questionnaire, slots: Vec<Slot<'q, 'd>>) -> Self {
        Self { questionnaire, response: None, slots }
    }

    pub(super) fn of_response(mut self, response: &'d Node<'d>) -> Self {
        self.response = Some(response);
        self
    }

    /// The response itself; `None` while nothing is answered yet.
    pub const fn response(&self) -> Option<&'d Node<'d>> {
        self.response
    }

    pub const fn questionnaire(&self) -> &'q Questionnaire {
        self.questionnaire
    }

    pub fn slot(&self, index: usize) -> &Slot<'q, 'd> {
        &self.slots[index]
    }

    pub(super) fn slot_mut(&mut self, index: usize) -> &mut Slot<'q, 'd> {
        &mut self.slots[index]
    }
}

impl<'q, 'd> Answer<'q, 'd> {
    /// The answer that `value` (an answer's `value[x]`) gives to `item`; `None` for a declined one.
    pub(super) fn of(item: &'q Item, name: &str, value: &'d Node<'_>) -> Option<Self> {
        Some(match name {
            "valueBoolean" => Self::Boolean(value.as_bool()?),
            "valueInteger" | "valueDecimal" => Self::Number(decimal(value.as_number()?)?),
            "valueDate" | "valueDateTime" | "valueTime" => Self::Time(value.as_str()?),
            "valueString" | "valueUri" => Self::Text(value.as_str()?),
            "valueCoding" => {
                let (system, code) = (value.text("system").unwrap_or_default(), value.text("code").unwrap_or_default());
                if is_declined(system, code) {
                    return None;
                }
                let option =
                    if code.is_empty() { item.option_shown(value.text("display").unwrap_or_default()) } else { item.option(system, code) };
                Self::Coding { system, code, option, own_weight: weight_on(value) }
            }
            "valueQuantity" => Self::Quantity {
                value: decimal(value.member("value")?.as_number()?)?,
                unit: value.text("code").or_else(|| value.text("unit")).unwrap_or_default(),
                system: value.text("system"),
            },
            "valueReference" => Self::Reference(value.text("reference")?),
            _ => Self::Other,
        })
    }

    /// What FHIRPath's `.code` gives.
    pub const fn code(&self) -> Option<&'d str> {
        match self {
            Self::Coding { code, .. } => Some(code),
            _ => None,
        }
    }

    /// `weight()` of the answer (SDC 4.0). Of a listed option the Questionnaire's word counts before the answer's own.
    pub fn weight(&self) -> Option<Decimal> {
        match self {
            Self::Coding { option, own_weight, .. } => option.and_then(|option| option.weight).or(*own_weight),
            _ => None,
        }
    }

    /// For people: the display of a coded answer, the digits of a number; free text is not repeated.
    pub fn display(&self, language: &str) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Number(value) => value.normalize().to_string(),
            Self::Time(text) => (*text).to_owned(),
            Self::Coding { code, option, .. } => {
                option.map(|option| option.display.text(language)).filter(|text| !text.is_empty()).unwrap_or(code).to_owned()
            }
            Self::Quantity { value, unit, .. } => format!("{} {unit}", value.normalize()),
            Self::Text(_) | Self::Reference(_) | Self::Other => "…".to_owned(),
        }
    }
}

impl OptionValue {
    /// Is it what the answer says?
    pub fn is(&self, answer: &Answer<'_, '_>) -> bool {
        match (self, answer) {
            (Self::Coding { system, code }, Answer::Coding { system: given, code: chosen, .. }) => system == given && code == chosen,
            (Self::Integer(number), Answer::Number(given)) => number == given,
            (Self::Text(text), Answer::Text(given)) | (Self::Time(text), Answer::Time(given)) => text == given,
            (Self::Reference(text), Answer::Reference(given)) => text == given,
            _ => false,
        }
    }
}

impl Item {
    /// The weight of the option that is no Coding and has this value.
    pub fn weight_of(&self, name: &str, value: &Node<'_>) -> Option<Decimal> {
        self.option_given(name, value)?.weight
    }

    pub fn is_question(&self) -> bool {
        !matches!(self.kind, ItemKind::Group | ItemKind::Display)
    }
}

impl Answer<'_, '_> {
    /// For reasons: the code or the digits; free text is not repeated.
    pub fn token(&self) -> String {
        match self {
            Self::Coding { code, .. } => (*code).to_owned(),
            other => other.display(""),
        }
    }
}
