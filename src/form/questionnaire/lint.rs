//! What is questionable in a Questionnaire that can be read: conditions that no answer can meet, bounds that leave no answer,
//! options that stand there twice. An error is what leaves a response that cannot be judged; the rest are warnings.

use std::collections::HashSet;

use super::{Bound, Comparand, Comparison, EnableWhen, Item, ItemKind, Operator, OptionValue, Questionnaire};
use crate::issue::Issue;

/// Every such defect, with its place.
pub fn lint(questionnaire: &Questionnaire) -> Vec<Issue> {
    let mut found = Vec::new();
    for item in questionnaire.items() {
        for (position, condition) in item.enable_when.iter().enumerate() {
            let defect = condition_defect(questionnaire, condition);
            found.extend(defect.map(|message| at(item, &format!("enableWhen[{position}]"), message)));
            let question = questionnaire.item(condition.question);
            if is_out_of_bounds(condition, question) {
                let message = format!("no answer within the bounds of `{}` meets the condition", question.link_id);
                found.push(warning(item, &format!("enableWhen[{position}]"), message));
            }
        }
        if item.enable_when.len() > 1 && item.enable_behavior_missing {
            let message =
                "several conditions stand here, and no `enableBehavior` says whether all of them count or any (que-12)".to_owned();
            found.push(at(item, "enableBehavior", message));
        }
        bounds_defects(item, &mut found);
        twice(item, &mut found);
        redefined(questionnaire, item, &mut found);
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

fn is_out_of_bounds(condition: &EnableWhen, question: &Item) -> bool {
    let Comparand::Number(wanted) = &condition.answer else { return false };
    let is_number = |bound: &Option<Bound>| match bound {
        Some(Bound::Number(number)) => Some(*number),
        _ => None,
    };
    let (least, most) = (is_number(&question.bounds.min), is_number(&question.bounds.max));
    let Operator::Is(comparison) = condition.operator else { return false };
    match comparison {
        Comparison::Equal => least.is_some_and(|least| *wanted < least) || most.is_some_and(|most| *wanted > most),
        Comparison::Greater => most.is_some_and(|most| most <= *wanted),
        Comparison::GreaterOrEqual => most.is_some_and(|most| most < *wanted),
        Comparison::Less => least.is_some_and(|least| least >= *wanted),
        Comparison::LessOrEqual => least.is_some_and(|least| least > *wanted),
        Comparison::NotEqual => false,
    }
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

fn twice(item: &Item, found: &mut Vec<Issue>) {
    for (position, option) in item.options.iter().enumerate().filter(|_| item.value_set.is_none()) {
        // few items have many options
        if item.options[..position.min(MANY)].iter().any(|earlier| earlier.value == option.value) {
            let message = format!("an option of `{}` stands there twice", item.link_id);
            found.push(warning(item, &format!("answerOption[{position}]"), message));
        }
    }
}

/// SDC: a variable hides one of the same name further out, which is hardly meant.
fn redefined(questionnaire: &Questionnaire, item: &Item, found: &mut Vec<Issue>) {
    let Some(expressions) = item.expressions.as_deref().filter(|it| !it.variables.is_empty()) else { return };
    let above = std::iter::successors(item.parent, |&above| questionnaire.item(above).parent);
    let around = above.filter_map(|above| questionnaire.item(above).expressions.as_deref()).chain([&questionnaire.expressions]);
    let known: HashSet<&str> = around.flat_map(|it| &it.variables).map(|variable| variable.name.as_str()).collect();
    for variable in expressions.variables.iter().filter(|variable| known.contains(variable.name.as_str())) {
        let message = format!("the variable `{}` of `{}` hides one of the same name further out", variable.name, item.link_id);
        found.push(warning(item, "extension", message));
    }
}

fn at(item: &Item, name: &str, message: String) -> Issue {
    Issue::error("invalid", "questionnaire", format!("{}.{name}", item.place), message).about(&item.link_id)
}

fn warning(item: &Item, name: &str, message: String) -> Issue {
    Issue::warning("invalid", "questionnaire", format!("{}.{name}", item.place), message).about(&item.link_id)
}

/// Of so many options the earlier ones are compared.
const MANY: usize = 1_000;
