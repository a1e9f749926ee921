//! What is wrong with a response and what would make it right, as data: [`words`](super::words) says it in each language.
//!
//! What is told here comes from the Questionnaire or from FHIR, never from what somebody sent.

mod unchecked;

use neuvola_fhir::FaultKind;

pub use self::unchecked::{Unchecked, Why};
use crate::texts::Texts;

/// One fault of a response. The question's linkId stands in the issue.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    // what FHIR itself asks
    WrongKind { wanted: &'static str, given: &'static str },
    WrongForm { wanted: &'static str },
    NoSuchDay,
    NoSuchTime,
    WrongCode { codes: Listed },
    MissingMember { name: &'static str },
    UnknownMember { known: Listed },
    SeveralValues,
    Invariant { key: &'static str },
    ModifierExtension,
    NotR4 { why: String },
    Unreadable(FaultKind),
    // which Questionnaire
    NotAResponse,
    NoQuestionnaire,
    NotContained,
    UnknownQuestionnaire,
    UnknownVersion { versions: Listed },
    NoneInForce { versions: Listed },
    SeveralInForce { versions: Listed },
    // what stands where
    UnknownLinkId { may_stand: Listed },
    WrongParent { parent: Option<String>, in_answer: bool },
    AnswerOfGroup { holds: Listed },
    OnlyShown { member: &'static str },
    ItemsOfQuestion,
    Order { before: String },
    Repeated { count: usize, is_question: bool, repeats: bool },
    OneOnly { count: usize },
    TooMany { most: usize, count: usize },
    TooFew { least: usize, count: usize },
    ItemText { text: Texts },
    // what is asked
    MissingAnswer { wanted: Wanted },
    MissingGroup { holds: Listed },
    EmptyGroup { holds: Listed },
    Disabled { when: When },
    Declined,
    // what an answer is
    NoValue { wanted: Wanted },
    WrongType { wanted: Wanted, given: &'static str },
    SameAnswer,
    ReadOnly { wanted: Listed },
    LineBreak,
    OtherSystem { system: String },
    NotAnOption { wanted: Wanted },
    NotListed { expression: String },
    NotOffered { expression: String },
    Exclusive { options: Listed },
    TooShort { least: usize },
    TooLong { most: usize },
    TooLarge { bytes: String },
    Form { pattern: String, example: String },
    TooLow { least: String, is_time: bool },
    TooHigh { most: String, is_time: bool },
    Decimals { most: u32 },
    NoUnit { units: Listed },
    NoUnitToCompare { bound: String, unit: String },
    OtherUnit { units: Listed },
    MimeType { types: Listed },
    Size,
    RefersNowhere,
    RefersToNoType { types: Listed },
    ReferenceType { types: Listed },
    SubjectType { types: Listed },
    // what expressions say
    Constraint { key: String, human: String, expression: String },
    Calculated { expression: String },
    CalculatedFromNothing { missing: Option<String> },
    // what is no fault of whoever answered; a defect of the Questionnaire in English: what, and what would mend it
    NotChecked { what: Unchecked, why: Why, more: usize },
    Defect { what: String, remedy: String },
    MoreDefects { count: usize },
}

/// Some of a list, and how many more there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listed {
    pub shown: Vec<Choice>,
    pub more: usize,
}

/// One of a list: what a machine writes, and what a person reads.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    pub code: String,
    pub display: Texts,
}

/// What answers a question.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wanted {
    /// `valueCoding`
    pub value: &'static str,
    /// Text will do as well.
    pub in_own_words: bool,
    pub options: Listed,
    /// The code system of all options.
    pub system: String,
    pub least: String,
    pub most: String,
    pub units: Listed,
}

/// The conditions under which an item is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    pub conditions: Vec<Condition>,
    pub more: usize,
    pub any: bool,
    /// In FHIRPath, where no condition is written.
    pub expression: String,
}

/// A question's linkId, the sign and what it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    pub question: String,
    pub sign: &'static str,
    pub comparand: String,
}

impl Listed {
    /// The first few of `total`.
    pub fn of<C: Into<Choice>>(total: usize, all: impl IntoIterator<Item = C>) -> Self {
        let shown: Vec<Choice> = all.into_iter().take(MOST).map(Into::into).collect();
        Self { more: total.saturating_sub(shown.len()), shown }
    }

    pub fn of_names<'n>(names: impl IntoIterator<Item = &'n str, IntoIter: ExactSizeIterator>) -> Self {
        let names = names.into_iter();
        Self::of(names.len(), names)
    }

    pub const fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }
}

impl From<&str> for Choice {
    fn from(code: &str) -> Self {
        Self { code: clipped(code, LONGEST_NAME), display: Texts::default() }
    }
}

impl Told {
    /// R4's issue-type, and our own stable code.
    pub const fn codes(&self) -> (&'static str, &'static str) {
        match self {
            Self::WrongKind { .. } => ("structure", "wrong-type"),
            Self::WrongForm { .. } | Self::NoSuchDay | Self::NoSuchTime => ("value", "wrong-type"),
            Self::WrongCode { .. } => ("code-invalid", "wrong-type"),
            Self::MissingMember { .. } => ("required", "missing-member"),
            Self::UnknownMember { .. } => ("structure", "unknown-member"),
            Self::SeveralValues => ("structure", "several-values"),
            Self::Invariant { .. } => ("invariant", "r4-invariant"),
            Self::ModifierExtension => ("extension", "modifier-extension"),
            Self::NotR4 { .. } => ("structure", "not-r4"),
            Self::Unreadable(_) => ("structure", "unreadable"),
            Self::NotAResponse => ("structure", "not-a-response"),
            Self::NoQuestionnaire => ("required", "no-questionnaire"),
            Self::NotContained | Self::UnknownQuestionnaire | Self::UnknownVersion { .. } => ("not-found", "unknown-questionnaire"),
            Self::NoneInForce { .. } | Self::SeveralInForce { .. } => ("not-found", "unknown-questionnaire"),
            Self::UnknownLinkId { .. } => ("not-found", "unknown-link-id"),
            Self::WrongParent { .. } => ("structure", "wrong-parent"),
            Self::AnswerOfGroup { .. } | Self::OnlyShown { .. } | Self::ItemsOfQuestion => ("structure", "wrong-shape"),
            Self::NoValue { .. } => ("structure", "wrong-shape"),
            Self::Order { .. } => ("structure", "order"),
            Self::Repeated { .. } => ("structure", "repeated-item"),
            Self::OneOnly { .. } | Self::TooMany { .. } => ("structure", "too-many-answers"),
            Self::TooFew { .. } => ("required", "too-few"),
            Self::ItemText { .. } => ("invalid", "item-text"),
            Self::MissingAnswer { .. } | Self::MissingGroup { .. } | Self::EmptyGroup { .. } => ("required", "missing-answer"),
            Self::Disabled { .. } => ("business-rule", "disabled-answer"),
            Self::Declined => ("business-rule", "declined-and-answered"),
            Self::WrongType { .. } => ("value", "wrong-type"),
            Self::SameAnswer => ("duplicate", "same-answer"),
            Self::ReadOnly { .. } => ("business-rule", "read-only"),
            Self::LineBreak => ("value", "line-break"),
            Self::OtherSystem { .. } | Self::NotAnOption { .. } => ("code-invalid", "not-an-option"),
            Self::NotListed { .. } | Self::NotOffered { .. } => ("code-invalid", "not-an-option"),
            Self::Exclusive { .. } => ("business-rule", "exclusive-option"),
            Self::TooShort { .. } => ("value", "too-short"),
            Self::TooLong { .. } | Self::TooLarge { .. } => ("too-long", "too-long"),
            Self::Form { .. } => ("value", "regex"),
            Self::TooLow { .. } => ("value", "too-low"),
            Self::TooHigh { .. } => ("value", "too-high"),
            Self::Decimals { .. } => ("value", "decimal-places"),
            Self::NoUnitToCompare { .. } => ("value", "unit"),
            Self::NoUnit { .. } | Self::OtherUnit { .. } => ("code-invalid", "unit"),
            Self::MimeType { .. } => ("value", "mime-type"),
            Self::Size => ("value", "size"),
            Self::RefersNowhere | Self::RefersToNoType { .. } | Self::ReferenceType { .. } => ("value", "reference-type"),
            Self::SubjectType { .. } => ("value", "reference-type"),
            Self::Constraint { .. } => ("invariant", "constraint"),
            Self::Calculated { .. } | Self::CalculatedFromNothing { .. } => ("business-rule", "calculated"),
            Self::NotChecked { why, .. } => why.code(),
            Self::Defect { .. } | Self::MoreDefects { .. } => ("invalid", "questionnaire"),
        }
    }
}

/// No longer than that, in characters: a Questionnaire may say anything at any length.
pub fn clipped(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

/// Listed of anything.
const MOST: usize = 8;
/// Characters of one name.
pub const LONGEST_NAME: usize = 100;
/// Characters of an expression or a pattern.
pub const LONGEST_EXPRESSION: usize = 200;
