//! What is questionable in a Questionnaire that can be read: conditions that no answer can meet, bounds that leave no answer.

use super::{Bound, Comparand, EnableWhen, Item, ItemKind, Operator, OptionValue, Questionnaire};
use crate::issue::Issue;

/// Every such defect, placed by linkId.
pub fn lint(questionnaire: &Questionnaire) -> Vec<Issue> {
    let mut found = Vec::new();
    for item in questionnaire.items() {
        item.enable_when.iter().filter_map(|condition| condition_defect(questionnaire, condition)).for_each(|message| {
            found.push(at(item, "enableWhen", message));
        });
        if item.enable_when.len() > 1 && item.enable_behavior_missing {
            let message = "several conditions stand here, and no `enableBehavior` says whether all of them count or any".to_owned();
            found.push(at(item, "enableBehavior", message));
        }
        bounds_defects(item, &mut found);
        shape_defects(item, &mut found);
    }
    found
}

fn condition_defect(questionnaire: &Questionnaire, condition: &EnableWhen) -> Option<String> {
    let question = questionnaire.item(condition.question);
    let link_id = &question.link_id;
    let fits = match (&condition.answer, question.kind) {
        _ if condition.operator == Operator::Exists => true,
        (Comparand::Boolean(_), ItemKind::Boolean)
        | (Comparand::Number(_), ItemKind::Integer | ItemKind::Decimal)
        | (Comparand::Quantity { .. }, ItemKind::Quantity)
        | (Comparand::Text(_), ItemKind::String | ItemKind::Text | ItemKind::Url)
        | (Comparand::Time(_), ItemKind::Date | ItemKind::DateTime | ItemKind::Time)
        | (Comparand::Reference(_), ItemKind::Reference)
        | (_, ItemKind::Choice | ItemKind::OpenChoice) => true,
        // no answer[x] is a uri or an attachment
        _ => false,
    };
    if !fits {
        return Some(format!("the answer to compare with is of another type than `{link_id}` takes"));
    }
    let Comparand::Coding { code, system } = &condition.answer else { return None };
    let is_option = question.options.iter().any(|option| match &option.value {
        OptionValue::Coding { code: known, system: from } => known == code && system.as_deref().is_none_or(|system| system == from),
        _ => false,
    });
    (question.has_options && question.kind == ItemKind::Choice && !is_option).then(|| format!("`{code}` is no option of `{link_id}`"))
}

fn bounds_defects(item: &Item, found: &mut Vec<Issue>) {
    let bounds = &item.bounds;
    let crossed = match (&bounds.min, &bounds.max) {
        (Some(Bound::Number(min)), Some(Bound::Number(max))) => min > max,
        (Some(Bound::Time(min)), Some(Bound::Time(max))) => min > max,
        _ => false,
    };
    let none = crossed
        || bounds.min_length.zip(bounds.max_length).is_some_and(|(least, most)| least > most)
        || bounds.min_occurs.zip(bounds.max_occurs).is_some_and(|(least, most)| least > most)
        || matches!((&bounds.min_quantity, &bounds.max_quantity), (Some(min), Some(max)) if min.unit == max.unit && min.value > max.value);
    if none {
        found.push(at(item, "extension", format!("the bounds of `{}` leave no possible answer", item.link_id)));
    }
    if bounds.max_occurs.is_some_and(|most| most > 1) && !item.repeats {
        found.push(at(item, "extension", format!("`{}` may occur several times by maxOccurs, and does not repeat", item.link_id)));
    }
}

fn shape_defects(item: &Item, found: &mut Vec<Issue>) {
    if item.kind == ItemKind::Display && (item.required || item.repeats || item.read_only || !item.children.is_empty()) {
        let message =
            format!("`{}` is only shown: it is not required, does not repeat and holds nothing (que-1, que-6, que-9)", item.link_id);
        found.push(at(item, "type", message));
    }
    if item.has_options && item.value_set.is_none() && !TAKE_OPTIONS.contains(&item.kind) {
        found.push(at(item, "answerOption", format!("`{}` is of a type that takes no options (que-5)", item.link_id)));
    }
}

fn at(item: &Item, name: &str, message: String) -> Issue {
    Issue::error("invalid", "questionnaire", format!("Questionnaire.descendants().where(linkId='{}').{name}", item.link_id), message)
        .about(&item.link_id)
}

const TAKE_OPTIONS: [ItemKind; 9] = [
    ItemKind::Choice,
    ItemKind::OpenChoice,
    ItemKind::Decimal,
    ItemKind::Integer,
    ItemKind::Date,
    ItemKind::DateTime,
    ItemKind::Time,
    ItemKind::String,
    ItemKind::Quantity,
];
