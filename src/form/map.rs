//! Wire form -> QuestionnaireResponse: one per person and Questionnaire.
//!
//! Answers come flat, by linkId (or by the vendor's field names, through its ConceptMap); they leave as R4's nested
//! items in the Questionnaire's order. What cannot be mapped is a fault with its place in what was sent; what is mapped
//! is not yet proven valid, that is `validate`'s word.

use std::borrow::Cow;

use neuvola_fhir::model::resources::{
    QuestionnaireResponse, QuestionnaireResponseItem, QuestionnaireResponseItemAnswer, QuestionnaireResponseItemAnswerValue as AnswerValue,
};
use neuvola_fhir::model::{Resource, types};
use neuvola_fhir::{Node, Place, Value};

use super::questionnaire::{AnswerOption, Item, ItemKind, OptionValue, Questionnaire};
use super::vocabulary::Vocabulary;
use crate::issue::{Issue, Issues};

/// A mapped response, and which questions could not be mapped (they have their fault already).
#[derive(Debug)]
pub struct Mapped {
    pub response: QuestionnaireResponse,
    pub unmapped: Vec<String>,
}

/// What goes onto every response besides the answers.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'d> {
    pub authored: &'d str,
    pub language: &'d str,
}

/// Maps `answers`, an object of linkId (or vendor field) to answer.
pub fn map_answers(
    answers: &Node<'_>,
    questionnaire: &Questionnaire,
    vocabulary: Option<&Vocabulary>,
    frame: Frame<'_>,
    place: &Place<'_>,
    issues: &mut Issues,
) -> Mapped {
    let mut mapper = Mapper { questionnaire, vocabulary, language: frame.language, issues, unmapped: Vec::new() };
    let by_item = mapper.by_item(answers, None, place);
    let item = mapper.items(None, &by_item);
    let unmapped = mapper.unmapped;
    let response = QuestionnaireResponse {
        language: Some(frame.language.into()),
        questionnaire: Some(questionnaire.canonical().into()),
        status: "completed".into(),
        authored: Some(frame.authored.into()),
        item,
        ..Default::default()
    };
    Mapped { response, unmapped }
}

/// Prints a response as it will be validated, and gives it back.
pub fn print(response: QuestionnaireResponse) -> (QuestionnaireResponse, Vec<u8>) {
    let resource = Resource::QuestionnaireResponse(Box::new(response));
    let bytes = neuvola_fhir::print(&resource);
    match resource {
        Resource::QuestionnaireResponse(response) => (*response, bytes),
        _ => unreachable!("it was a response a line ago"),
    }
}

struct Mapper<'m> {
    questionnaire: &'m Questionnaire,
    vocabulary: Option<&'m Vocabulary>,
    language: &'m str,
    issues: &'m mut Issues,
    unmapped: Vec<String>,
}

/// What was sent for one item, with its place.
struct Sent<'n, 'a> {
    item: usize,
    field: &'n str,
    node: &'n Node<'a>,
    place: String,
}

impl<'m> Mapper<'m> {
    fn by_item<'n, 'a>(&mut self, answers: &'n Node<'a>, within: Option<usize>, place: &Place<'_>) -> Vec<Sent<'n, 'a>> {
        let mut by_item: Vec<Sent<'n, 'a>> = Vec::new();
        for (field, node) in answers.members() {
            let here = place.member(field);
            let Some(link_id) = self.link_id(field) else {
                self.issues.push(Issue::error("not-found", "unknown-field", here, "the vocabulary has no such field"));
                continue;
            };
            let Some(item) = self.questionnaire.find(&link_id) else {
                let message = format!("`{}` has no such question", self.questionnaire.id);
                self.issues.push(Issue::error("not-found", "unknown-link-id", here, message));
                continue;
            };
            if self.holder(item) != within {
                let message = format!("`{link_id}` does not belong here");
                self.issues.push(
                    Issue::error("structure", "wrong-parent", here, message)
                        .remedy("answers of a repeated group stand in its own array of objects"),
                );
                continue;
            }
            if by_item.iter().any(|sent| sent.item == item) {
                self.issues.push(Issue::error("duplicate", "same-question", here, format!("`{link_id}` is answered twice")));
                continue;
            }
            by_item.push(Sent { item, field, node, place: here.to_string() });
        }
        by_item
    }

    fn link_id<'n>(&self, field: &'n str) -> Option<Cow<'n, str>> {
        match self.vocabulary {
            Some(vocabulary) => vocabulary.link_id(&self.questionnaire.url, field).map(|link_id| Cow::Owned(link_id.to_owned())),
            None => Some(Cow::Borrowed(field)),
        }
    }

    /// The repeated group whose objects hold this item's answers.
    fn holder(&self, item: usize) -> Option<usize> {
        let parent = |index: usize| self.questionnaire.item(index).parent;
        std::iter::successors(parent(item), |&up| parent(up)).find(|&up| self.is_repeated_group(up))
    }

    fn is_repeated_group(&self, index: usize) -> bool {
        let item = self.questionnaire.item(index);
        item.kind == ItemKind::Group && item.repeats
    }

    /// The items below `parent`, as far as something was sent for them.
    fn items(&mut self, parent: Option<usize>, sent: &[Sent<'_, '_>]) -> Vec<QuestionnaireResponseItem> {
        let questionnaire = self.questionnaire;
        let mut items = Vec::new();
        for &index in questionnaire.children(parent) {
            let item = questionnaire.item(index);
            let own = sent.iter().find(|sent| sent.item == index);
            match item.kind {
                ItemKind::Display => {}
                ItemKind::Group if item.repeats => items.extend(own.map_or_else(Vec::new, |own| self.repeated_group(index, own))),
                ItemKind::Group => {
                    if let Some(own) = own {
                        self.issues.push(Issue::error(
                            "structure",
                            "wrong-type",
                            &own.place,
                            format!("`{}` is a group and takes no answer", item.link_id),
                        ));
                    }
                    let below = self.items(Some(index), sent);
                    if !below.is_empty() {
                        items.push(QuestionnaireResponseItem { item: below, ..self.empty(item) });
                    }
                }
                _ => {
                    let mut answer = own.map_or_else(Vec::new, |own| self.answers(item, own));
                    let nested = self.items(Some(index), sent);
                    match answer.first_mut() {
                        Some(first) => first.item = nested,
                        None if !nested.is_empty() => {
                            let message = format!("`{}` is not answered, but a question under it is", item.link_id);
                            self.issues.push(Issue::error("structure", "wrong-parent", "", message).about(&item.link_id));
                        }
                        None => {}
                    }
                    if !answer.is_empty() {
                        items.push(QuestionnaireResponseItem { answer, ..self.empty(item) });
                    }
                }
            }
        }
        items
    }

    fn repeated_group(&mut self, index: usize, own: &Sent<'_, '_>) -> Vec<QuestionnaireResponseItem> {
        let item = self.questionnaire.item(index);
        let Value::Array(objects) = &own.node.value else {
            self.issues.push(Issue::error("structure", "wrong-type", &own.place, format!("`{}` takes an array of objects", item.link_id)));
            return Vec::new();
        };
        let place = Place::root(&own.place);
        let mut items = Vec::new();
        for (position, object) in objects.iter().enumerate() {
            let here = place.element(position);
            let sent = self.by_item(object, Some(index), &here);
            let below = self.items(Some(index), &sent);
            if below.is_empty() {
                self.issues.push(Issue::error("structure", "wrong-type", here, "an object with at least one answer is wanted"));
            } else {
                items.push(QuestionnaireResponseItem { item: below, ..self.empty(item) });
            }
        }
        items
    }

    fn empty(&self, item: &Item) -> QuestionnaireResponseItem {
        QuestionnaireResponseItem { link_id: item.link_id.as_str().into(), text: item.text.in_r4(self.language), ..Default::default() }
    }

    fn answers(&mut self, item: &Item, sent: &Sent<'_, '_>) -> Vec<QuestionnaireResponseItemAnswer> {
        let nodes = match &sent.node.value {
            Value::Array(nodes) => nodes.as_slice(),
            _ => std::slice::from_ref(sent.node),
        };
        let mut answers = Vec::new();
        for (position, node) in nodes.iter().enumerate() {
            let place = if matches!(sent.node.value, Value::Array(_)) { format!("{}[{position}]", sent.place) } else { sent.place.clone() };
            match self.value(item, sent.field, node) {
                Ok(value) => answers.push(QuestionnaireResponseItemAnswer { value: Some(value), ..Default::default() }),
                Err(fault) => {
                    let (code, name, message) = fault;
                    self.issues.push(Issue::error(code, name, place, format!("`{}` {message}", item.link_id)).about(&item.link_id));
                    self.unmapped.push(item.link_id.clone());
                }
            }
        }
        answers
    }

    fn value(&self, item: &Item, field: &str, node: &Node<'_>) -> Result<AnswerValue, Refusal> {
        match item.kind {
            ItemKind::Choice | ItemKind::OpenChoice => self.choice(item, field, node),
            ItemKind::Boolean => match node.as_bool().or_else(|| self.vendor_boolean(field, node)) {
                Some(value) => Ok(AnswerValue::Boolean(value.into())),
                None => Err(wanted("true or false")),
            },
            ItemKind::Integer => match node.as_number().and_then(|digits| digits.parse::<i32>().ok()) {
                Some(value) => Ok(AnswerValue::Integer(value.into())),
                None => Err(wanted("a whole number")),
            },
            ItemKind::Decimal => match node.as_number() {
                Some(digits) => Ok(AnswerValue::Decimal(digits.into())),
                None => Err(wanted("a number")),
            },
            ItemKind::Quantity => quantity(item, node),
            ItemKind::Date => text(node, "a date such as 2026-11-02").map(|text| AnswerValue::Date(text.into())),
            ItemKind::DateTime => {
                text(node, "a date and time such as 2026-11-02T18:20:00+02:00").map(|text| AnswerValue::DateTime(text.into()))
            }
            ItemKind::Time => text(node, "a time such as 18:20:00").map(|text| AnswerValue::Time(text.into())),
            ItemKind::String | ItemKind::Text => text(node, "a string that is not blank").map(|text| AnswerValue::String(text.into())),
            ItemKind::Url => text(node, "a URI").map(|text| AnswerValue::Uri(text.into())),
            ItemKind::Attachment | ItemKind::Reference | ItemKind::Group | ItemKind::Display => {
                Err(("not-supported", "not-in-this-shape", "can only be answered by a ready QuestionnaireResponse".to_owned()))
            }
        }
    }

    fn vendor_boolean(&self, field: &str, node: &Node<'_>) -> Option<bool> {
        match self.vocabulary?.option(field, &word(node)?)? {
            (_, "true") => Some(true),
            (_, "false") => Some(false),
            _ => None,
        }
    }

    fn choice(&self, item: &Item, field: &str, node: &Node<'_>) -> Result<AnswerValue, Refusal> {
        if item.kind == ItemKind::OpenChoice
            && let Some(free) =
                node.member("text").and_then(Node::as_str).filter(|free| !free.trim().is_empty() && node.members().len() == 1)
        {
            return Ok(AnswerValue::String(free.into()));
        }
        let sent = word(node).ok_or_else(|| wanted("the code of one of its options"))?;
        let option = match self.vocabulary.and_then(|vocabulary| vocabulary.options_of(field)) {
            Some(options) => options.get(sent.as_ref()).and_then(|(system, code)| item.option(system, code)),
            None => item.options.iter().find(|option| match &option.value {
                OptionValue::Coding { code, .. } => *code == sent,
                OptionValue::Text(text) | OptionValue::Time(text) | OptionValue::Reference(text) => *text == sent,
                OptionValue::Integer(number) => number.to_string() == sent,
            }),
        };
        option.map(|option| option_value(option, self.language)).ok_or_else(|| {
            let codes: Vec<_> = item.options.iter().filter_map(AnswerOption::code).take(20).collect();
            (
                "code-invalid",
                "not-an-option",
                if self.vocabulary.is_some() {
                    "has an answer that the vocabulary does not know".to_owned()
                } else {
                    format!("has none of its options: {}", codes.join(", "))
                },
            )
        })
    }
}

type Refusal = (&'static str, &'static str, String);

fn wanted(what: &str) -> Refusal {
    ("value", "wrong-type", format!("takes {what}"))
}

fn text<'n>(node: &'n Node<'_>, what: &str) -> Result<&'n str, Refusal> {
    node.as_str().filter(|text| !text.trim().is_empty()).ok_or_else(|| wanted(what))
}

/// A code may come as a string or as digits.
fn word<'n>(node: &'n Node<'_>) -> Option<Cow<'n, str>> {
    match &node.value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(digits) => Some(Cow::Borrowed(digits)),
        Value::Bool(value) => Some(Cow::Owned(value.to_string())),
        _ => None,
    }
}

fn option_value(option: &AnswerOption, language: &str) -> AnswerValue {
    match &option.value {
        OptionValue::Text(text) => AnswerValue::String(text.as_str().into()),
        OptionValue::Time(text) if text.contains(':') => AnswerValue::Time(text.as_str().into()),
        OptionValue::Time(text) => AnswerValue::Date(text.as_str().into()),
        OptionValue::Reference(text) => {
            AnswerValue::Reference(Box::new(types::Reference { reference: Some(text.as_str().into()), ..Default::default() }))
        }
        OptionValue::Integer(number) => AnswerValue::Integer(number.to_string().parse::<i32>().unwrap_or_default().into()),
        OptionValue::Coding { system, code } => AnswerValue::Coding(Box::new(types::Coding {
            system: Some(system.as_str().into()),
            code: Some(code.as_str().into()),
            display: option.display.in_r4(language),
            ..Default::default()
        })),
    }
}

/// A bare number where the item has one unit, else `{value, unit}` with the unit's code.
fn quantity(item: &Item, node: &Node<'_>) -> Result<AnswerValue, Refusal> {
    let units = if item.units.is_empty() { item.unit.as_slice() } else { &item.units };
    let (digits, unit) = match node.as_number() {
        Some(digits) => (Some(digits), if let [only] = units { Some(only) } else { None }),
        None => (node.member("value").and_then(Node::as_number), units.iter().find(|unit| Some(unit.code.as_str()) == node.text("unit"))),
    };
    let codes: Vec<_> = units.iter().map(|unit| unit.code.as_str()).collect();
    let (Some(digits), Some(unit)) = (digits, unit) else {
        return Err(wanted(&format!("a number, or {{value, unit}} with one of the units: {}", codes.join(", "))));
    };
    Ok(AnswerValue::Quantity(Box::new(types::Quantity {
        value: Some(digits.into()),
        unit: Some(unit.display.as_str().into()),
        system: unit.system.as_deref().map(Into::into),
        code: Some(unit.code.as_str().into()),
        ..Default::default()
    })))
}

impl AnswerOption {
    pub fn code(&self) -> Option<&str> {
        match &self.value {
            OptionValue::Coding { code, .. } => Some(code),
            _ => None,
        }
    }
}
