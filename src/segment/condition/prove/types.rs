//! What a path in an expression can lead to, by R4 and by the Questionnaire. What is not known is no type: it is never judged.

use crate::form::questionnaire::{Item, ItemKind, OptionValue};
use crate::segment::condition::{Input, Source};
use crate::shape::datatypes::{ATTACHMENT, CODING, QUANTITY, REFERENCE};
use crate::shape::questionnaire_response::{ANSWER, ITEM, QUESTIONNAIRE_RESPONSE};
use crate::shape::{Element, Shape, Type as Kind};

/// One thing that a path may lead to.
#[derive(Debug, Clone)]
pub(super) enum Type {
    Response(Source),
    /// Some of these items.
    Item(Source, Vec<usize>),
    /// Anything below these items, themselves included.
    Below(Source, Vec<usize>),
    Answer(Vec<Input>),
    /// A value; where it is an answer's, of which questions.
    Value(Class, Vec<Input>),
    /// Another type of R4, by the element that it was found in.
    Element(&'static str, &'static Shape),
}

/// What can be compared with its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Boolean,
    Number,
    Text,
    Temporal,
    Code,
    LinkId,
    Coding,
    Quantity,
}

/// What a member of a type is.
pub(super) enum Member {
    /// R4 has no such element here.
    None,
    Unknown,
    Of(Vec<Type>),
}

impl Class {
    pub(super) const fn said(self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Temporal => "a date or time",
            Self::Code => "a code",
            Self::LinkId => "a linkId",
            Self::Coding => "a Coding",
            Self::Quantity => "a quantity",
        }
    }

    const fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Code | Self::LinkId)
    }

    /// Values of both may be equal. A date that stands in quotes is no mistake everywhere.
    pub(super) const fn is_like(self, other: Self) -> bool {
        let texts = self.is_text() && other.is_text();
        let times = matches!((self, other), (Self::Temporal, Self::Text | Self::Temporal) | (Self::Text, Self::Temporal));
        let rest = matches!(
            (self, other),
            (Self::Boolean, Self::Boolean) | (Self::Number, Self::Number) | (Self::Coding, Self::Coding) | (Self::Quantity, Self::Quantity)
        );
        texts || times || rest
    }

    /// One comes before the other.
    pub(super) const fn has_order(self) -> bool {
        !matches!(self, Self::Boolean | Self::Coding)
    }

    /// By a name of FHIR's or FHIRPath's; `None` for other types.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase().as_str() {
            "boolean" => Self::Boolean,
            "integer" | "decimal" | "positiveint" | "unsignedint" => Self::Number,
            "string" | "uri" | "url" | "canonical" | "markdown" => Self::Text,
            "code" => Self::Code,
            "date" | "datetime" | "time" | "instant" => Self::Temporal,
            "coding" => Self::Coding,
            "quantity" => Self::Quantity,
            _ => return None,
        })
    }
}

impl Type {
    pub(super) fn said(&self) -> String {
        match self {
            Self::Response(_) => "the response".to_owned(),
            Self::Item(..) | Self::Below(..) => "an item".to_owned(),
            Self::Answer(_) => "an answer".to_owned(),
            Self::Value(class, _) => class.said().to_owned(),
            Self::Element(name, _) => format!("`{name}`"),
        }
    }

    /// The names of its elements.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let of = |shape: &'static Shape| {
            let choice = shape.elements.iter().any(|element| element.choice).then_some("value");
            choice.into_iter().chain(shape.elements.iter().map(|element| element.name)).collect()
        };
        match self {
            Self::Response(_) => of(&QUESTIONNAIRE_RESPONSE),
            Self::Item(..) => of(&ITEM),
            Self::Below(..) => names_below(),
            Self::Answer(_) => of(&ANSWER),
            Self::Value(Class::Coding, _) => of(&CODING),
            Self::Value(Class::Quantity, _) => of(&QUANTITY),
            Self::Value(..) => Vec::new(),
            Self::Element(_, shape) => of(shape),
        }
    }
}

/// A member of one of R4's types, where no Questionnaire has a say in it.
pub(super) fn member_of(shape: &'static Shape, name: &str) -> Member {
    let is_rest = |rest: &str| rest.starts_with(char::is_uppercase);
    let is_choice = shape.elements.iter().any(|element| element.choice && element.name.strip_prefix(name).is_some_and(is_rest));
    match shape.elements.iter().find(|element| element.name == name) {
        _ if shape.elements.is_empty() || is_choice => Member::Unknown,
        None => Member::None,
        Some(element) => of_kind(element),
    }
}

fn of_kind(element: &'static Element) -> Member {
    let class = match element.kind {
        Kind::Boolean => Class::Boolean,
        Kind::Integer | Kind::UnsignedInt | Kind::PositiveInt | Kind::Decimal => Class::Number,
        Kind::Text | Kind::Id | Kind::Uri | Kind::Base64 | Kind::Xhtml => Class::Text,
        Kind::Code | Kind::OneOf(_) => Class::Text,
        Kind::Of(shape) if std::ptr::eq(shape, &CODING) => Class::Coding,
        Kind::Of(shape) if std::ptr::eq(shape, &QUANTITY) => Class::Quantity,
        Kind::Of(shape) => return Member::Of(vec![Type::Element(element.name, shape)]),
        Kind::Resource => return Member::Unknown,
        // points in time, however exact
        _ => Class::Temporal,
    };
    Member::Of(vec![Type::Value(class, Vec::new())])
}

/// What answers a question: by its type, and by its options where it has some.
pub(super) fn of_answers(input: Input, item: &Item) -> Vec<Type> {
    let value = |class| Type::Value(class, vec![input]);
    let of_option = |option: &OptionValue| match option {
        OptionValue::Coding { .. } => value(Class::Coding),
        OptionValue::Text(_) => value(Class::Text),
        OptionValue::Integer(_) => value(Class::Number),
        OptionValue::Time(_) => value(Class::Temporal),
        OptionValue::Reference(_) => Type::Element("valueReference", &REFERENCE),
    };
    let mut types: Vec<Type> = match item.kind {
        ItemKind::Group | ItemKind::Display => Vec::new(),
        ItemKind::Boolean => vec![value(Class::Boolean)],
        ItemKind::Decimal | ItemKind::Integer => vec![value(Class::Number)],
        ItemKind::Date | ItemKind::DateTime | ItemKind::Time => vec![value(Class::Temporal)],
        ItemKind::String | ItemKind::Text | ItemKind::Url => vec![value(Class::Text)],
        ItemKind::Attachment => vec![Type::Element("valueAttachment", &ATTACHMENT)],
        ItemKind::Reference => vec![Type::Element("valueReference", &REFERENCE)],
        ItemKind::Quantity => vec![value(Class::Quantity)],
        ItemKind::Choice | ItemKind::OpenChoice if item.options.is_empty() => vec![value(Class::Coding)],
        ItemKind::Choice | ItemKind::OpenChoice => item.options.iter().map(|option| of_option(&option.value)).collect(),
    };
    if item.kind == ItemKind::OpenChoice {
        types.push(value(Class::Text));
    }
    types.dedup_by(|left, right| matches!((left, right), (Type::Value(one, _), Type::Value(other, _)) if one == other));
    types
}

/// Are these the types that `valueX` or `ofType(X)` lets through? `None` where the name is not known here.
pub(super) fn is_named(of: &Type, name: &str) -> Option<bool> {
    let name = name.rsplit('.').next().unwrap_or(name);
    match (of, Class::named(name)) {
        (Type::Value(class, _), Some(wanted)) => Some(*class == wanted || (class.is_text() && wanted.is_text())),
        (Type::Element(_, shape), None) if name.eq_ignore_ascii_case("Reference") => Some(std::ptr::eq(*shape, &REFERENCE)),
        (Type::Element(_, shape), None) if name.eq_ignore_ascii_case("Attachment") => Some(std::ptr::eq(*shape, &ATTACHMENT)),
        (Type::Element(..), Some(_)) => Some(false),
        (Type::Value(..), None) if ["Reference", "Attachment", "CodeableConcept", "Period", "Range"].contains(&name) => Some(false),
        _ => None,
    }
}

/// Elements of whatever stands below an item, seldom types left out.
pub(super) fn names_below() -> Vec<&'static str> {
    let (mut seen, mut open): (Vec<&'static Shape>, Vec<&'static Shape>) = (Vec::new(), vec![&QUESTIONNAIRE_RESPONSE]);
    let mut names = vec!["value"];
    while let Some(shape) = open.pop() {
        if seen.iter().any(|known| std::ptr::eq(*known, shape)) {
            continue;
        }
        seen.push(shape);
        for element in shape.elements {
            names.push(element.name);
            if let Kind::Of(inner) = element.kind {
                open.push(inner);
            }
        }
    }
    names.sort_unstable();
    names.dedup();
    names
}
