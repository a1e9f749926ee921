//! What R4 and SDC demand of an item by itself, read off the resource: que-1 to que-13 (que-2, que-7 and que-12 with
//! linkIds and conditions), sdc-1, sdc-behave-2, isSubject.
//!
//! Sources: <https://hl7.org/fhir/R4/questionnaire.html#invs>, <https://hl7.org/fhir/uv/sdc/StructureDefinition-sdc-questionnaire.html>.
//! R4's own are errors; what SDC alone asks for, and what is only odd, is a warning: responses can be judged all the same.

use neuvola_fhir::{Node, Place};

use super::extensions::{extensions, unit_value_set};
use super::{Item, ItemKind, extension};
use crate::issue::Issue;

/// Notes what the item breaks.
pub(super) fn invariants(node: &Node<'_>, item: &Item, place: &Place<'_>, defects: &mut Vec<Issue>) {
    let has = |name: &str| node.member(name).is_some();
    let count = |name: &str| node.list(name).len();
    let (kind, link_id) = (item.kind, &item.link_id);
    let is_shown = matches!(kind, ItemKind::Group | ItemKind::Display);
    let mut tell = |broken: bool, is_error: bool, name: &str, message: &str| {
        if broken {
            let message = format!("`{link_id}` {message}");
            let make = if is_error { Issue::error } else { Issue::warning };
            defects.push(make("invariant", "questionnaire", place.member(name).to_string(), message).about(link_id));
        }
    };
    let mut error = |broken: bool, name: &str, message: &str| tell(broken, true, name, message);
    error(kind == ItemKind::Group && !has("item"), "item", "is a group and holds nothing (que-1)");
    error(kind == ItemKind::Display && has("item"), "item", "is only shown and holds items (que-1)");
    error(kind == ItemKind::Display && has("code"), "code", "is only shown and has a code (que-3)");
    error(has("answerOption") && has("answerValueSet"), "answerValueSet", "has options and a value set (que-4)");
    error((has("answerOption") || has("answerValueSet")) && !takes_options(kind), "answerOption", "is of a type without options (que-5)");
    error(kind == ItemKind::Display && (has("required") || has("repeats")), "required", "is only shown, and so never required (que-6)");
    error(is_shown && has("initial"), "initial", "takes no answer and has an initial one (que-8)");
    error(kind == ItemKind::Display && has("readOnly"), "readOnly", "is only shown, and so never read-only (que-9)");
    error(has("maxLength") && !takes_length(kind), "maxLength", "is of a type without a length (que-10)");
    error(has("answerOption") && has("initial"), "initial", "has options and an initial answer that is not marked among them (que-11)");
    error(count("initial") > 1 && !item.repeats, "initial", "does not repeat and has several initial answers (que-13)");
    let mut warning = |broken: bool, name: &str, message: &str| tell(broken, false, name, message);
    let initials = node.list("answerOption").iter().filter(|it| it.member("initialSelected").and_then(Node::as_bool) == Some(true));
    warning(initials.count() > 1 && !item.repeats, "answerOption", "does not repeat and has several options selected at first");
    warning(link_id.chars().count() > LONGEST_LINK_ID, "linkId", "has a linkId of more than 255 characters (que-15)");
    let extended = |url: &'static str| extension(node, url).is_some();
    let listed = has("answerOption") || has("answerValueSet");
    warning(listed && extended(ANSWER_EXPRESSION), "extension", "has options and an answerExpression (sdc-1)");
    warning(
        has("enableWhen") && extended(ENABLE_WHEN_EXPRESSION),
        "enableWhen",
        "has an enableWhen and an enableWhenExpression (sdc-behave-2)",
    );
    warning(has("initial") && extended(INITIAL_EXPRESSION), "initial", "has an initial answer and an initialExpression (sdc-behave-1)");
    let asks_for_some = item.bounds.min_occurs.is_some_and(|least| least > 0);
    warning(asks_for_some && !item.required, "extension", "has a minOccurs and is not required: it may be left out all the same");
    warning(
        is_subject(node) && kind != ItemKind::Reference,
        "extension",
        "is the subject of what is around it, and no reference (isSubject)",
    );
    let is_silent = item.is_question() && !has("text") && !has("_text");
    warning(is_silent, "text", "is a question without a text");
    let units = extensions(node, UNIT).count() > 0 && !matches!(kind, ItemKind::Integer | ItemKind::Decimal | ItemKind::Quantity);
    warning(units || (unit_value_set(node).is_some() && kind != ItemKind::Quantity), "extension", "has a unit and is no quantity");
}

/// SDC: whatever is around the item is about whom it names; one item in a group.
pub(super) fn is_subject(node: &Node<'_>) -> bool {
    extension(node, IS_SUBJECT).and_then(|it| it.member("valueBoolean")?.as_bool()) == Some(true)
}

/// que-5
fn takes_options(kind: ItemKind) -> bool {
    use ItemKind::{Choice, Date, DateTime, Decimal, Integer, OpenChoice, Quantity, String, Time};
    matches!(kind, Choice | OpenChoice | Decimal | Integer | Date | DateTime | Time | String | Quantity)
}

/// que-10
fn takes_length(kind: ItemKind) -> bool {
    use ItemKind::{Boolean, Decimal, Integer, OpenChoice, String, Text, Url};
    matches!(kind, Boolean | Decimal | Integer | String | Text | Url | OpenChoice)
}

const IS_SUBJECT: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-isSubject";
const LONGEST_LINK_ID: usize = 255;
const UNIT: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit";
const ANSWER_EXPRESSION: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-answerExpression";
const ENABLE_WHEN_EXPRESSION: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression";
const INITIAL_EXPRESSION: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-initialExpression";
