//! Types of values: is this `value[x]` the one that the item asks for?

use neuvola_fhir::Node;

use crate::form::questionnaire::{Item, ItemKind};

/// Why `value` (named `name`, as in `valueInteger`) cannot answer `item`; the text follows the question's name. Whether the
/// value itself is well-formed is told by its shape.
pub(super) fn fault(item: &Item, name: &str, value: &Node<'_>) -> Option<String> {
    let wanted = item.kind.value_name();
    let fits = name == wanted
        || match item.kind {
            ItemKind::OpenChoice if name == "valueString" => true,
            ItemKind::Choice | ItemKind::OpenChoice => is_type_of_an_option(item, name),
            _ => false,
        };
    if !fits {
        let given = if KNOWN.contains(&name) { name } else { "value[x]" };
        let own = if item.kind == ItemKind::OpenChoice { " or, in own words, `valueString`" } else { "" };
        return Some(format!("takes `{wanted}`{own}, not `{given}`"));
    }
    (item.kind == ItemKind::String && value.as_str().is_some_and(|text| text.trim().is_empty()))
        .then(|| "has an answer that says nothing".to_owned())
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
