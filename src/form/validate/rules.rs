//! Second pass: the Questionnaire's rules over what was found.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashSet;

use neuvola_fhir::Node;

use super::enable::{Enabled, Enablement};
use super::structure::{Found, Holder};
use super::tell::{MATCHING, Tell};
use super::{Demand, answer, enable, wanted};
use crate::form::answers::{Answer, Answers};
use crate::form::questionnaire::{Bounds, Comparison, DECLINED, Item, ItemKind, Operator, Questionnaire, UNREAD_CONDITION, extension};
use crate::issue::told::{Told, Unchecked, Why};
use crate::issue::{Issue, Issues};

pub(super) fn check<'q, 'd>(
    response: &'d Node<'d>,
    questionnaire: &'q Questionnaire,
    found: &Found<'q, 'd>,
    enablement: &Enablement<'_, 'q, 'd>,
    demand: Demand,
    issues: &mut Issues,
) -> Answers<'q, 'd> {
    let answers = Answers::unanswered(questionnaire);
    let mut check =
        Check { response, questionnaire, found, enablement, demand, issues, answers, missing: Vec::new(), matching: Cell::new(MATCHING) };
    check.inside(Holder::RESPONSE, None);
    check.tell_missing();
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
    /// What is missing, and where, as long as it may stand somewhere else.
    missing: Vec<(usize, Holder, Issue)>,
    /// What patterns may still cost.
    matching: Cell<u64>,
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
                Enabled::No => {
                    self.answers.slot_mut(index).not_asked = true;
                    here.iter().for_each(|&at| self.disabled(item, at));
                }
                enabled => self.enabled(index, item, holder, here, enabled),
            }
        }
    }

    /// Told once, at the outermost; what holds no answer may stay.
    fn disabled(&mut self, item: &Item, at: usize) {
        if !self.has_answers(at) {
            return;
        }
        let issue = Issue::of(Told::Disabled { when: wanted::when(self.questionnaire, item) }, &item.link_id, self.found.place(at));
        self.issues.push(self.demand.soft(issue));
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
        if enabled == Enabled::Perhaps {
            self.perhaps(index, item, holder, here);
        }
        self.note_open(index, here);
        // what is perhaps not asked is not demanded
        let must = self.demand == Demand::Whole && enabled == Enabled::Yes;
        if here.is_empty() {
            if item.required && must && item.kind != ItemKind::Display && self.can_hold(item, holder) {
                let told = if item.kind == ItemKind::Group {
                    Told::MissingGroup { holds: wanted::asks(self.questionnaire, index) }
                } else {
                    Told::MissingAnswer { wanted: wanted::wanted(item) }
                };
                self.miss(index, holder, Issue::of(told, link_id, self.found.holder_place(holder)));
            }
            return;
        }
        self.repeated(item, here);
        if item.kind == ItemKind::Group {
            self.occurs(item, here.len(), here[0], must);
        }
        for &at in here {
            self.text(item, at);
            self.subject(item, at);
            if item.is_question() {
                self.question(index, item, at, must);
                for position in 0..self.found.occurrence(at).node.list("answer").len() {
                    self.inside(Holder { occurrence: Some(at), answer: Some(position) }, Some(index));
                }
            } else if item.kind == ItemKind::Group {
                let inside = Holder { occurrence: Some(at), answer: None };
                if item.required && must && self.is_unfilled(index, at) {
                    let told = Told::EmptyGroup { holds: wanted::asks(self.questionnaire, index) };
                    self.miss(index, inside, Issue::of(told, link_id, self.found.place(at)));
                }
                self.inside(inside, Some(index));
            }
        }
    }

    /// A condition that units or precision leave open, where something hangs on it.
    fn perhaps(&mut self, index: usize, item: &'q Item, holder: Holder, here: &[usize]) {
        if self.enablement.own(index, holder) != Enabled::Perhaps {
            return;
        }
        let hangs_on_it = !here.is_empty() || (item.required && self.demand == Demand::Whole);
        let open = self.enablement.undecided(item, holder).map(|(condition, why)| {
            let what = Unchecked::Asked(wanted::one_condition(self.questionnaire, condition));
            (what, why)
        });
        // of what is answered it is told with the answer
        let is_unread = here.is_empty() && item.unchecked.contains(&UNREAD_CONDITION);
        let unread = is_unread.then_some((Unchecked::Part(UNREAD_CONDITION), Why::Unreadable));
        for (what, why) in open.into_iter().chain(unread).filter(|_| hangs_on_it) {
            let place = here.first().map_or_else(|| self.found.holder_place(holder), |&at| self.found.place(at));
            self.issues.push(Issue::not_checked(what, why, &item.link_id, place));
        }
    }

    fn miss(&mut self, item: usize, holder: Holder, issue: Issue) {
        if self.found.strays.is_empty() {
            return self.issues.push(issue);
        }
        self.missing.push((item, holder, issue));
    }

    /// What stands in the wrong place is not missing as well.
    fn tell_missing(&mut self) {
        let missing: Vec<_> = self.missing.iter().map(|(item, holder, _)| (*item, *holder)).collect();
        let explained = self.found.strays.explain(self.found, self.questionnaire, &missing);
        let told = std::mem::take(&mut self.missing).into_iter().enumerate().filter(|(number, _)| !explained.contains(number));
        self.issues.extend(told.map(|(_, (.., issue))| issue));
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
        let told = Told::Repeated { count: here.len(), is_question: item.is_question(), repeats: item.repeats };
        let issue = Issue::of(told, link_id, self.found.place(*second));
        self.issues.push(if item.repeats { issue.as_warning() } else { issue });
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
            let place = format!("{}.text", self.found.place(at));
            self.issues.push(Issue::of(Told::ItemText { text: item.text.clone() }, &item.link_id, place));
        }
    }

    /// SDC: whom the items around it are about is a reference.
    fn subject(&mut self, item: &Item, at: usize) {
        let marked = extension(self.found.occurrence(at).node, IS_SUBJECT).and_then(|it| it.member("valueBoolean")?.as_bool());
        if marked == Some(true) && item.kind != ItemKind::Reference {
            let message = format!("`{}` is marked as the subject of what is around it, and is no reference", item.link_id);
            let issue = Issue::warning("invariant", "sdc-profile", self.found.place(at), message);
            self.issues.push(issue.remedy("leave the extension `isSubject` out").about(&item.link_id));
        }
    }

    fn question(&mut self, index: usize, item: &'q Item, at: usize, must: bool) {
        let occurrence = self.found.occurrence(at);
        let given = &occurrence.values;
        let link_id = &item.link_id;
        let count = occurrence.node.list("answer").len();
        let refused = is_refused(occurrence.node) || (given.len() < count && occurrence.node.list("answer").iter().any(is_refused));
        self.answers.slot_mut(index).declined |= refused;
        if count == 0 {
            if item.required && must {
                self.issues.push(Issue::of(Told::MissingAnswer { wanted: wanted::wanted(item) }, link_id, self.found.place(at)));
            }
            return;
        }
        if count > 1 && !item.repeats {
            self.issues.push(Issue::of(Told::OneOnly { count }, link_id, self.found.place(at)));
        }
        self.occurs(item, count, at, must);
        if given.len() + usize::from(refused) > 1 && (refused || given.iter().any(|it| it.declined)) {
            self.issues.push(Issue::of(Told::Declined, link_id, self.found.place(at)));
        }
        for one in given {
            let place = || format!("{}.answer[{}].value", self.found.place(at), one.position);
            let mut tell = Tell { link_id, place: &place, issues: self.issues, matching: &self.matching };
            answer::check(item, one, given.len(), self.response, &mut tell);
        }
        self.oddities(item, at);
        let slot = self.answers.slot_mut(index);
        slot.declined |= given.iter().any(|it| it.declined);
        slot.values.extend(given.iter().filter_map(|it| it.answer.clone()));
    }

    /// What R4 does not forbid, and is hardly meant: another answer than a read-only item is given, and one answer twice.
    fn oddities(&mut self, item: &Item, at: usize) {
        let given = &self.found.occurrence(at).values;
        let place = |position: usize| format!("{}.answer[{position}].value", self.found.place(at));
        let fixed = &item.bounds.given;
        for one in given.iter().filter(|it| !fixed.is_empty() && !it.declined) {
            let differs =
                |answer| fixed.iter().all(|fixed| enable::compared(answer, Operator::Is(Comparison::Equal), fixed) == Some(false));
            if one.answer.as_ref().is_some_and(differs) {
                let told = Told::ReadOnly { wanted: wanted::given(fixed) };
                self.issues.push(Issue::of(told, &item.link_id, place(one.position)).as_warning());
            }
        }
        if given.len() < 2 || !item.repeats {
            return;
        }
        let mut seen = HashSet::new();
        for one in given.iter() {
            if let Some(Answer::Coding { system, code, option, .. }) = &one.answer
                && !code.is_empty()
                && option.is_none_or(|option| !option.exclusive)
                && !seen.insert((*system, *code))
            {
                self.issues.push(Issue::of(Told::SameAnswer, &item.link_id, place(one.position)).as_warning());
            }
        }
    }

    fn occurs(&mut self, item: &Item, count: usize, at: usize, must: bool) {
        let place = || self.found.place(at);
        self.issues.extend(occurs(item, &item.bounds, count, &place, self.demand, must));
    }
}

/// R4's way of saying "I prefer not to answer" without a value: `data-absent-reason` on the item, the answer or its value.
fn is_refused(node: &Node<'_>) -> bool {
    let says_so = |node: &Node<'_>| extension(node, DATA_ABSENT).and_then(|it| it.text("valueCode")).is_some_and(|code| code == DECLINED);
    says_so(node) || node.members().iter().any(|(name, member)| name.starts_with("_value") && says_so(member))
}

/// `minOccurs`, where it must be met, and `maxOccurs`: answers of a question, items of a group.
pub(super) fn occurs(item: &Item, bounds: &Bounds, count: usize, place: &dyn Fn() -> String, demand: Demand, must: bool) -> Option<Issue> {
    let link_id = &item.link_id;
    if let Some(least) = bounds.min_occurs.filter(|&least| must && count < least) {
        return Some(Issue::of(Told::TooFew { least, count }, link_id, place()));
    }
    let most = bounds.max_occurs.filter(|&most| count > most)?;
    Some(demand.soft(Issue::of(Told::TooMany { most, count }, link_id, place())))
}

const DATA_ABSENT: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const IS_SUBJECT: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaireresponse-isSubject";
