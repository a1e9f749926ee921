//! Second pass: the Questionnaire's rules over what was found.

use rust_decimal::Decimal;

use super::structure::{Found, Given};
use super::{Demand, enable};
use crate::form::answers::{Answer, Answers};
use crate::form::questionnaire::{Bound, Item, ItemKind, OptionValue, Questionnaire};
use crate::issue::{Issue, Issues};

pub(super) fn check<'q, 'd>(
    questionnaire: &'q Questionnaire,
    found: &Found<'q, 'd>,
    demand: Demand,
    issues: &mut Issues,
) -> Answers<'q, 'd> {
    let mut check = Check { questionnaire, found, demand, issues, answers: Answers::unanswered(questionnaire), disabled: Vec::new() };
    check.below(None, None);
    check.answers
}

struct Check<'q, 'd, 'f, 'i> {
    questionnaire: &'q Questionnaire,
    found: &'f Found<'q, 'd>,
    demand: Demand,
    issues: &'i mut Issues,
    answers: Answers<'q, 'd>,
    /// By occurrence: stands there though disabled.
    disabled: Vec<bool>,
}

impl<'q> Check<'q, '_, '_, '_> {
    /// All items that the Questionnaire has below `parent_item`, in the occurrence `parent`.
    fn below(&mut self, parent: Option<usize>, parent_item: Option<usize>) {
        let mut present: Vec<(usize, usize)> = self.found.below(parent).iter().map(|&at| (self.found.occurrence(at).item, at)).collect();
        present.sort_by_key(|&(item, _)| item);
        for &index in self.questionnaire.children(parent_item) {
            let item = self.questionnaire.item(index);
            let from = present.partition_point(|&(it, _)| it < index);
            let to = present.partition_point(|&(it, _)| it <= index);
            let here: Vec<usize> = present[from..to].iter().map(|&(_, at)| at).collect();
            if enable::is_enabled(self.questionnaire, self.found, item, parent, &self.disabled) {
                self.enabled(index, item, parent, &here);
            } else {
                self.disabled(item, &here);
            }
        }
    }

    fn disabled(&mut self, item: &Item, here: &[usize]) {
        for &occurrence in here {
            let conditions: Vec<_> = item.enable_when.iter().map(|condition| condition.sentence.as_str()).collect();
            let message = format!(
                "`{}` is answered though it is disabled: it is asked only when {}",
                item.link_id,
                conditions.join(if item.enable_any { " or " } else { " and " })
            );
            self.issues.push(
                Issue::error("business-rule", "disabled-answer", self.found.place(occurrence), message)
                    .remedy("leave the item out, or correct the answer that disables it")
                    .about(&item.link_id),
            );
            if self.disabled.len() <= occurrence {
                self.disabled.resize(occurrence + 1, false);
            }
            self.disabled[occurrence] = true;
        }
    }

    // an absent optional group asks for nothing inside it
    fn enabled(&mut self, index: usize, item: &'q Item, parent: Option<usize>, here: &[usize]) {
        let link_id = &item.link_id;
        self.note_open(index, here);
        if here.is_empty() {
            if item.required && self.demand == Demand::Whole && item.kind != ItemKind::Display {
                let place = parent.map_or_else(|| "QuestionnaireResponse".to_owned(), |parent| self.found.place(parent));
                let what = if item.kind == ItemKind::Group { "a required group is missing" } else { "a required answer is missing" };
                self.issues.push(Issue::error("required", "missing-answer", place, format!("{what}: `{link_id}`")).about(link_id));
            }
            return;
        }
        if here.len() > 1 && !(item.kind == ItemKind::Group && item.repeats) {
            let remedy = if item.kind == ItemKind::Group { "leave one" } else { "put all answers into one item" };
            let message = format!("`{link_id}` stands here {} times", here.len());
            self.issues.push(Issue::error("structure", "repeated-item", self.found.place(here[1]), message).remedy(remedy).about(link_id));
        }
        if item.kind == ItemKind::Group {
            self.occurs(item, here.len(), here[0]);
        }
        for &occurrence in here {
            if item.is_question() {
                self.question(index, item, occurrence);
            }
            self.below(Some(occurrence), Some(index));
        }
    }

    /// What is asked here and not answered, over all occurrences of what repeats.
    fn note_open(&mut self, index: usize, here: &[usize]) {
        let is_question = self.questionnaire.item(index).is_question();
        let is_answered = |&occurrence: &usize| !is_question || !self.found.occurrence(occurrence).values.is_empty();
        if here.is_empty() {
            self.answers.slot_mut(index).open = true;
            self.questionnaire.descendants(index).for_each(|below| self.answers.slot_mut(below).open = true);
        } else if !here.iter().all(is_answered) {
            self.answers.slot_mut(index).open = true;
        } else if self.questionnaire.repeated_around(index).is_none() {
            self.answers.slot_mut(index).open = false;
            if self.questionnaire.item(index).repeats {
                self.questionnaire.descendants(index).for_each(|below| self.answers.slot_mut(below).open = false);
            }
        }
    }

    fn question(&mut self, index: usize, item: &'q Item, occurrence: usize) {
        let given = &self.found.occurrence(occurrence).values;
        let link_id = &item.link_id;
        if given.is_empty() {
            if item.required && self.demand == Demand::Whole {
                self.issues.push(
                    Issue::error(
                        "required",
                        "missing-answer",
                        self.found.place(occurrence),
                        format!("a required answer is missing: `{link_id}`"),
                    )
                    .about(link_id),
                );
            }
            return;
        }
        if given.len() > 1 && !item.repeats {
            let message = format!("`{link_id}` takes one answer and has {}", given.len());
            self.issues.push(Issue::error("structure", "too-many-answers", self.found.place(occurrence), message).about(link_id));
        }
        self.occurs(item, given.len(), occurrence);
        if given.len() > 1 && given.iter().any(|it| it.declined) {
            let message = format!("`{link_id}` is declined and answered at once");
            self.issues.push(Issue::error("business-rule", "declined-and-answered", self.found.place(occurrence), message).about(link_id));
        }
        for (position, given) in given.iter().enumerate() {
            if let Some(message) = refusal(item, given) {
                let (code, fault, text) = message;
                let place = format!("{}.answer[{position}].value", self.found.place(occurrence));
                self.issues.push(Issue::error(code, fault, place, format!("`{link_id}` {text}")).about(link_id));
            }
        }
        let slot = self.answers.slot_mut(index);
        slot.declined |= given.iter().any(|it| it.declined);
        slot.values.extend(given.iter().filter_map(|it| it.answer.clone()));
    }

    fn occurs(&mut self, item: &Item, count: usize, occurrence: usize) {
        let link_id = &item.link_id;
        if let Some(least) = item.bounds.min_occurs.filter(|&least| count < least && self.demand == Demand::Whole) {
            let message = format!("`{link_id}` needs at least {least} and has {count}");
            self.issues.push(Issue::error("required", "too-few", self.found.place(occurrence), message).about(link_id));
        }
        if let Some(most) = item.bounds.max_occurs.filter(|&most| count > most) {
            let message = format!("`{link_id}` takes at most {most} and has {count}");
            self.issues.push(Issue::error("structure", "too-many-answers", self.found.place(occurrence), message).about(link_id));
        }
    }
}

type Refusal = (&'static str, &'static str, String);

/// Why the item does not take this answer.
fn refusal(item: &Item, given: &Given<'_, '_>) -> Option<Refusal> {
    option_refusal(item, given).or_else(|| bound_refusal(item, given))
}

fn option_refusal(item: &Item, given: &Given<'_, '_>) -> Option<Refusal> {
    if !matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice) || item.options.is_empty() {
        return None;
    }
    let known = match given.name {
        "valueCoding" => {
            item.option(given.value.text("system").unwrap_or_default(), given.value.text("code").unwrap_or_default()).is_some()
        }
        "valueString" if item.kind == ItemKind::OpenChoice => true,
        "valueInteger" => item.options.iter().any(
            |option| matches!((&option.value, &given.answer), (OptionValue::Integer(one), Some(Answer::Number(other))) if one == other),
        ),
        _ => item
            .options
            .iter()
            .any(|option| matches!(&option.value, OptionValue::Text(text) if Some(text.as_str()) == given.value.as_str())),
    };
    (!known).then(|| ("code-invalid", "not-an-option", "has an answer that is none of its options".to_owned()))
}

fn bound_refusal(item: &Item, given: &Given<'_, '_>) -> Option<Refusal> {
    let bounds = &item.bounds;
    let value = |fault: &'static str, text: String| Some(("value", fault, text));
    match given.answer.as_ref()? {
        Answer::Text(text) => {
            let length = text.chars().count();
            if let Some(most) = bounds.max_length.filter(|&most| length > most) {
                return Some(("too-long", "too-long", format!("is longer than {most} characters")));
            }
            if let Some(least) = bounds.min_length.filter(|&least| length < least) {
                return value("too-short", format!("is shorter than {least} characters"));
            }
            bounds
                .regex
                .as_ref()
                .filter(|regex| !regex.is_match(text))
                .and_then(|_| value("regex", "does not have the form that is asked for".to_owned()))
        }
        Answer::Number(number) => number_refusal(item, *number),
        Answer::Quantity { value: number, unit } => {
            let units = if item.units.is_empty() { item.unit.as_slice() } else { &item.units };
            if !units.is_empty() && !units.iter().any(|known| known.code == *unit) {
                return Some(("code-invalid", "unit", "has another unit than is asked for".to_owned()));
            }
            number_refusal(item, *number)
        }
        Answer::Time(text) => {
            let before = |bound: &str| text.get(..bound.len().min(text.len())) < bound.get(..bound.len().min(text.len()));
            let after = |bound: &str| text.get(..bound.len().min(text.len())) > bound.get(..bound.len().min(text.len()));
            match (&bounds.min, &bounds.max) {
                (Some(Bound::Time(least)), _) if before(least) => value("too-low", format!("is before {least}")),
                (_, Some(Bound::Time(most))) if after(most) => value("too-high", format!("is after {most}")),
                _ => None,
            }
        }
        _ => None,
    }
}

fn number_refusal(item: &Item, number: Decimal) -> Option<Refusal> {
    match (&item.bounds.min, &item.bounds.max) {
        (Some(Bound::Number(least)), _) if number < *least => Some(("value", "too-low", format!("is less than {least}"))),
        (_, Some(Bound::Number(most))) if number > *most => Some(("value", "too-high", format!("is more than {most}"))),
        _ => None,
    }
}
