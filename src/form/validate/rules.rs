//! Second pass: the Questionnaire's rules over what was found.

use std::borrow::Cow;

use neuvola_fhir::Node;

use super::enable::{Enabled, Enablement};
use super::structure::{Found, Holder};
use super::tell::Tell;
use super::{Demand, answer};
use crate::form::answers::Answers;
use crate::form::questionnaire::{Bounds, Item, ItemKind, Questionnaire};
use crate::issue::{Issue, Issues, Severity};

pub(super) fn check<'q, 'd>(
    response: &'d Node<'d>,
    questionnaire: &'q Questionnaire,
    found: &Found<'q, 'd>,
    enablement: &Enablement<'_, 'q, 'd>,
    demand: Demand,
    issues: &mut Issues,
) -> Answers<'q, 'd> {
    let answers = Answers::unanswered(questionnaire);
    let mut check = Check { response, questionnaire, found, enablement, demand, issues, answers };
    check.inside(Holder::RESPONSE, None);
    check.answers
}

struct Check<'q, 'd, 'f, 'e, 'i> {
    response: &'d Node<'d>,
    questionnaire: &'q Questionnaire,
    found: &'f Found<'q, 'd>,
    enablement: &'f Enablement<'e, 'q, 'd>,
    demand: Demand,
    issues: &'i mut Issues,
    answers: Answers<'q, 'd>,
}

impl<'q> Check<'q, '_, '_, '_, '_> {
    /// All items that the Questionnaire has below `above`, in this holder.
    fn inside(&mut self, holder: Holder, above: Option<usize>) {
        let found = self.found;
        let item_of = |&at: &usize| found.occurrence(at).item;
        let mut held = Cow::Borrowed(found.held(holder));
        if !held.is_sorted_by_key(item_of) {
            held.to_mut().sort_by_key(item_of);
        }
        let mut rest = &*held;
        for &index in self.questionnaire.children(above) {
            let item = self.questionnaire.item(index);
            let (here, behind) = rest.split_at(rest.iter().take_while(|&at| item_of(at) == index).count());
            rest = behind;
            // they stand in one holder, and are asked or not together
            match here.first().map_or_else(|| self.enablement.item(index, holder), |&at| self.enablement.occurrence(at)) {
                Enabled::No => here.iter().for_each(|&at| self.disabled(item, at)),
                enabled => self.enabled(index, item, holder, here, enabled),
            }
        }
    }

    /// Told once, at the outermost; what holds no answer may stay.
    fn disabled(&mut self, item: &Item, at: usize) {
        if !self.has_answers(at) {
            return;
        }
        let mut conditions: Vec<_> = item.enable_when.iter().take(SENTENCES).map(|condition| condition.sentence.as_str()).collect();
        if item.enable_when.len() > SENTENCES {
            conditions.push("…");
        }
        let when = match (&*conditions, item.expressions.as_ref().and_then(|it| it.enable_when.as_ref())) {
            ([], _) => "its enableWhenExpression says so".to_owned(),
            _ => conditions.join(if item.enable_any { " or " } else { " and " }),
        };
        let message = format!("`{}` is answered though it is disabled: it is asked only when {when}", item.link_id);
        let issue = self.soft(Issue::error("business-rule", "disabled-answer", self.found.place(at), message));
        self.issues.push(issue.remedy("leave the item out, or correct the answer that disables it").about(&item.link_id));
    }

    fn has_answers(&self, at: usize) -> bool {
        let occurrence = self.found.occurrence(at);
        !occurrence.values.is_empty()
            || occurrence.node.member("answer").is_some()
            || occurrence.children.iter().any(|&child| self.has_answers(child))
    }

    /// SDC: a required group needs an answer in it, if anything in it is asked.
    fn is_unfilled(&self, group: usize, at: usize) -> bool {
        let holder = Holder { occurrence: Some(at), answer: None };
        let asks =
            |&child: &usize| self.questionnaire.item(child).kind != ItemKind::Display && self.enablement.own(child, holder) != Enabled::No;
        !self.has_answers(at) && self.questionnaire.children(Some(group)).iter().any(asks)
    }

    // an absent optional group asks for nothing inside it
    fn enabled(&mut self, index: usize, item: &'q Item, holder: Holder, here: &[usize], enabled: Enabled) {
        let link_id = &item.link_id;
        self.note_open(index, here);
        // what is perhaps not asked is not demanded
        let must = self.demand == Demand::Whole && enabled == Enabled::Yes;
        if here.is_empty() {
            if item.required && must && item.kind != ItemKind::Display && self.can_hold(item, holder) {
                let what = if item.kind == ItemKind::Group { "a required group is missing" } else { "a required answer is missing" };
                let issue = Issue::error("required", "missing-answer", self.found.holder_place(holder), format!("{what}: `{link_id}`"));
                self.issues.push(issue.about(link_id));
            }
            return;
        }
        self.repeated(item, here);
        if item.kind == ItemKind::Group {
            self.occurs(item, here.len(), here[0], must);
        }
        for &at in here {
            self.text(item, at);
            if item.is_question() {
                self.question(index, item, at, must);
                for position in 0..self.found.occurrence(at).node.list("answer").len() {
                    self.inside(Holder { occurrence: Some(at), answer: Some(position) }, Some(index));
                }
            } else if item.kind == ItemKind::Group {
                let inside = Holder { occurrence: Some(at), answer: None };
                if item.required && must && self.is_unfilled(index, at) {
                    let message = format!("a required group holds nothing: `{link_id}`");
                    self.issues.push(Issue::error("required", "missing-answer", self.found.place(at), message).about(link_id));
                }
                self.inside(inside, Some(index));
            }
        }
    }

    /// A group of which nothing is asked cannot be required to hold anything.
    fn can_hold(&self, item: &Item, holder: Holder) -> bool {
        item.kind != ItemKind::Group || item.children.iter().any(|&child| self.enablement.own(child, holder) != Enabled::No)
    }

    /// Repeated groups are many items; a repeated question is one item with many answers (R4 `repeats`; SDC's sdcqr-2 is strict).
    fn repeated(&mut self, item: &Item, here: &[usize]) {
        let [_, second, ..] = here else { return };
        if item.repeats && item.kind == ItemKind::Group {
            return;
        }
        let link_id = &item.link_id;
        let place = self.found.place(*second);
        let message = format!("`{link_id}` stands here {} times", here.len());
        let issue = if item.repeats {
            Issue::warning("structure", "repeated-item", place, message).remedy("put all answers into one item")
        } else {
            let remedy = if item.is_question() { "leave one item with one answer" } else { "leave one" };
            Issue::error("structure", "repeated-item", place, message).remedy(remedy)
        };
        self.issues.push(issue.about(link_id));
    }

    /// What is asked here and not answered, over all occurrences of what repeats.
    fn note_open(&mut self, index: usize, here: &[usize]) {
        let is_question = self.questionnaire.item(index).is_question();
        let is_answered = |&at: &usize| !is_question || !self.found.occurrence(at).values.is_empty();
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

    /// SDC: a text, if it is given, is the Questionnaire's, in one of its languages.
    fn text(&mut self, item: &Item, at: usize) {
        let node = self.found.occurrence(at).node;
        let Some(text) = node.text("text").filter(|text| !text.is_empty()) else { return };
        if !item.text.is_empty() && !item.text.says(text) && !item.text_varies {
            let message = format!("the text of `{}` is not the Questionnaire's", item.link_id);
            let issue = Issue::error("invalid", "item-text", format!("{}.text", self.found.place(at)), message);
            self.issues.push(issue.remedy("leave `text` out, or write it as the Questionnaire does").about(&item.link_id));
        }
    }

    fn question(&mut self, index: usize, item: &'q Item, at: usize, must: bool) {
        let occurrence = self.found.occurrence(at);
        let given = &occurrence.values;
        let link_id = &item.link_id;
        let count = occurrence.node.list("answer").len();
        if count == 0 {
            if item.required && must {
                let message = format!("a required answer is missing: `{link_id}`");
                self.issues.push(Issue::error("required", "missing-answer", self.found.place(at), message).about(link_id));
            }
            return;
        }
        if count > 1 && !item.repeats {
            let message = format!("`{link_id}` takes one answer and has {count}");
            self.issues.push(Issue::error("structure", "too-many-answers", self.found.place(at), message).about(link_id));
        }
        self.occurs(item, count, at, must);
        if given.len() > 1 && given.iter().any(|it| it.declined) {
            let message = format!("`{link_id}` is declined and answered at once");
            self.issues.push(Issue::error("business-rule", "declined-and-answered", self.found.place(at), message).about(link_id));
        }
        for one in given {
            let place = || format!("{}.answer[{}].value", self.found.place(at), one.position);
            let mut tell = Tell { link_id, place: &place, issues: self.issues };
            answer::check(item, one, given.len(), self.response, &mut tell);
        }
        let slot = self.answers.slot_mut(index);
        slot.declined |= given.iter().any(|it| it.declined);
        slot.values.extend(given.iter().filter_map(|it| it.answer.clone()));
    }

    fn occurs(&mut self, item: &Item, count: usize, at: usize, must: bool) {
        let place = || self.found.place(at);
        self.issues.extend(occurs(item, &item.bounds, count, &place, self.demand, must));
    }

    /// What is unfinished may break it for now.
    fn soft(&self, mut issue: Issue) -> Issue {
        if self.demand == Demand::Partial {
            issue.severity = Severity::Warning;
        }
        issue
    }
}

/// `minOccurs`, where it must be met, and `maxOccurs`: answers of a question, items of a group.
pub(super) fn occurs(item: &Item, bounds: &Bounds, count: usize, place: &dyn Fn() -> String, demand: Demand, must: bool) -> Option<Issue> {
    let link_id = &item.link_id;
    if let Some(least) = bounds.min_occurs.filter(|&least| must && count < least) {
        let message = format!("`{link_id}` needs at least {least} and has {count}");
        return Some(Issue::error("required", "too-few", place(), message).about(link_id));
    }
    let most = bounds.max_occurs.filter(|&most| count > most)?;
    let message = format!("`{link_id}` takes at most {most} and has {count}");
    let make = if demand == Demand::Whole { Issue::error } else { Issue::warning };
    Some(make("structure", "too-many-answers", place(), message).about(link_id))
}

/// Conditions of one item that a message lists.
const SENTENCES: usize = 5;
