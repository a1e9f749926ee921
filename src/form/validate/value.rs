//! Types of values: is this `value[x]` the one that the item asks for?

use neuvola_fhir::Node;

use super::wanted;
use crate::form::questionnaire::{Item, ItemKind};
use crate::issue::told::Told;

/// Why a value (named `name`, as in `valueInteger`) cannot answer `item`. Whether the value itself is well-formed is told by
/// its shape.
pub(super) fn fault(item: &Item, name: &str) -> Option<Told> {
    let wanted = item.kind.value_name();
    let fits = name == wanted
        || match item.kind {
            ItemKind::OpenChoice if name == "valueString" => true,
            ItemKind::Choice | ItemKind::OpenChoice => is_type_of_an_option(item, name),
            _ => false,
        };
    if !fits {
        let given = KNOWN.iter().find(|known| **known == name).unwrap_or(&"value[x]");
        return Some(Told::WrongType { wanted: wanted::wanted(item), given });
    }
    None
}

/// A text that says nothing is no answer; it is told with the shape.
pub(super) fn is_blank(value: &Node<'_>) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// Options may be integers, dates, times, strings and references as well; where an expression gives them any of these may be meant.
fn is_type_of_an_option(item: &Item, name: &str) -> bool {
    if item.value_set.is_some() || item.options.is_empty() {
        let computed = item.expressions.as_ref().is_some_and(|it| it.answers.is_some());
        return computed && item.value_set.is_none() && OPTIONS.contains(&name);
    }
    item.has_options_of(name)
}

const OPTIONS: [&str; 5] = ["valueString", "valueInteger", "valueDate", "valueTime", "valueReference"];

/// R4's values of an answer.
const KNOWN: [&str; 12] = [
    "valueBoolean",
    "valueDecimal",
    "valueInteger",
    "valueDate",
    "valueDateTime",
    "valueTime",
    "valueString",
    "valueUri",
    "valueAttachment",
    "valueCoding",
    "valueReference",
    "valueQuantity",
];
