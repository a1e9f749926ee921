//! First pass: what is in the response, matched to the Questionnaire.

use neuvola_fhir::{Kind, Node, Place};

use super::stray::Strays;
use super::{value, wanted};
use crate::form::answers::Answer;
use crate::form::questionnaire::{Item, ItemKind, Questionnaire, is_declined};
use crate::issue::told::Told;
use crate::issue::{Issue, Issues};

/// All items of a response, in document order: what stands below an occurrence follows it.
#[derive(Debug, Default)]
pub(super) struct Found<'q, 'd> {
    occurrences: Vec<Occurrence<'q, 'd>>,
    roots: Vec<usize>,
    by_item: ByItem,
    /// What stands in the wrong place.
    pub strays: Strays<'q, 'd>,
}

/// The occurrences of each of the Questionnaire's items, in document order.
#[derive(Debug, Default)]
struct ByItem {
    /// Item for item.
    all: Vec<usize>,
    /// Where those of each item end; they begin where the item's before it end.
    ends: Vec<usize>,
}

/// One item of the response.
#[derive(Debug)]
pub(super) struct Occurrence<'q, 'd> {
    /// The Questionnaire's item.
    pub item: usize,
    pub node: &'d Node<'d>,
    pub holder: Holder,
    /// Position among its holder's `item`s.
    position: usize,
    pub values: Vec<Given<'q, 'd>>,
    pub children: Vec<usize>,
    /// The first occurrence behind it that does not stand below it.
    end: usize,
}

/// What holds items: the response, a group, or one answer of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Holder {
    pub occurrence: Option<usize>,
    /// The position of the answer in its question.
    pub answer: Option<usize>,
}

/// One `answer`, its value typed as far as it could be.
#[derive(Debug)]
pub(super) struct Given<'q, 'd> {
    /// Its position among the item's answers.
    pub position: usize,
    pub name: &'d str,
    pub value: &'d Node<'d>,
    pub answer: Option<Answer<'q, 'd>>,
    pub declined: bool,
}

impl<'q, 'd> Given<'q, 'd> {
    pub(super) fn of(item: &'q Item, position: usize, name: &'d str, value: &'d Node<'d>) -> Self {
        let part = |name| value.text(name).unwrap_or_default();
        let declined = name == "valueCoding" && is_declined(part("system"), part("code"));
        Self { position, name, value, answer: Answer::of(item, name, value), declined }
    }
}

impl Holder {
    pub(super) const RESPONSE: Self = Self { occurrence: None, answer: None };
}

impl<'q, 'd> Found<'q, 'd> {
    pub(super) fn len(&self) -> usize {
        self.occurrences.len()
    }

    pub(super) fn occurrence(&self, index: usize) -> &Occurrence<'q, 'd> {
        &self.occurrences[index]
    }

    /// What the holder holds, in document order.
    pub(super) fn held(&self, holder: Holder) -> &[usize] {
        let Some(above) = holder.occurrence else { return &self.roots };
        let all = &self.occurrences[above].children;
        let from = all.partition_point(|&at| self.occurrences[at].holder.answer < holder.answer);
        let to = all.partition_point(|&at| self.occurrences[at].holder.answer <= holder.answer);
        &all[from..to]
    }

    /// The item's occurrences in the holder, however deep.
    pub(super) fn below(&self, item: usize, holder: Holder) -> &[usize] {
        let all = self.by_item.of(item);
        if holder == Holder::RESPONSE {
            return all;
        }
        let ([first, ..], [.., last]) = (self.held(holder), self.held(holder)) else { return &[] };
        let from = all.partition_point(|at| at < first);
        let to = all.partition_point(|&at| at < self.occurrences[*last].end);
        &all[from..to]
    }

    /// Up from the holder to the response, which is the last.
    pub(super) fn climb(&self, holder: Holder) -> impl Iterator<Item = Holder> {
        std::iter::successors(Some(holder), |holder| holder.occurrence.map(|at| self.occurrences[at].holder))
    }

    /// What the occurrence is to those below it: a group itself, a question by each of its answers.
    pub(super) fn holders(&self, at: usize, is_question: bool) -> impl Iterator<Item = Holder> {
        let answers = self.occurrences[at].node.list("answer").len();
        let group = (!is_question).then_some(Holder { occurrence: Some(at), answer: None });
        let each = (0..if is_question { answers } else { 0 }).map(move |position| Holder { occurrence: Some(at), answer: Some(position) });
        group.into_iter().chain(each)
    }

    /// FHIRPath of the occurrence; printed only for a fault.
    pub(super) fn place(&self, index: usize) -> String {
        let here = &self.occurrences[index];
        format!("{}.item[{}]", self.holder_place(here.holder), here.position)
    }

    pub(super) fn holder_place(&self, holder: Holder) -> String {
        let above = holder.occurrence.map_or_else(|| "QuestionnaireResponse".to_owned(), |above| self.place(above));
        holder.answer.map_or_else(|| above.clone(), |answer| format!("{above}.answer[{answer}]"))
    }
}

impl ByItem {
    fn new(occurrences: &[Occurrence<'_, '_>], items: usize) -> Self {
        let mut begins = vec![0; items + 1];
        occurrences.iter().for_each(|occurrence| begins[occurrence.item + 1] += 1);
        for item in 1..=items {
            begins[item] += begins[item - 1];
        }
        let (mut all, mut ends) = (vec![0; occurrences.len()], begins);
        for (at, occurrence) in occurrences.iter().enumerate() {
            all[ends[occurrence.item]] = at;
            ends[occurrence.item] += 1;
        }
        Self { all, ends }
    }

    fn of(&self, item: usize) -> &[usize] {
        let begin = item.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.all[begin..self.ends[item]]
    }
}

pub(super) fn walk<'q, 'd>(response: &'d Node<'d>, questionnaire: &'q Questionnaire, issues: &mut Issues) -> Found<'q, 'd> {
    let mut walker = Walker { questionnaire, found: Found::default(), issues };
    walker.items(response, Holder::RESPONSE, &Place::root("QuestionnaireResponse"));
    let mut found = walker.found;
    found.by_item = ByItem::new(&found.occurrences, questionnaire.items().len());
    found
}

struct Walker<'q, 'd, 'i> {
    questionnaire: &'q Questionnaire,
    found: Found<'q, 'd>,
    issues: &'i mut Issues,
}

impl<'q, 'd> Walker<'q, 'd, '_> {
    /// The `item`s of the node that is `holder`.
    fn items(&mut self, node: &'d Node<'d>, holder: Holder, place: &Place<'_>) {
        let list = place.member("item");
        let mut latest = None;
        for (position, node) in node.list("item").iter().enumerate() {
            let here = list.element(position);
            let Some(index) = self.matching(node, holder, latest, &here) else { continue };
            if let Some(latest) = latest.filter(|&latest| index < latest) {
                let before = self.questionnaire.item(latest).link_id.clone();
                self.issues.push(Issue::of(Told::Order { before }, &self.questionnaire.item(index).link_id, here));
            }
            latest = Some(index);
            let at = self.found.occurrences.len();
            let values = Vec::with_capacity(node.list("answer").len());
            let occurrence = Occurrence { item: index, node, holder, position, values, children: Vec::new(), end: at + 1 };
            self.found.occurrences.push(occurrence);
            match holder.occurrence {
                Some(above) => self.found.occurrences[above].children.push(at),
                None => self.found.roots.push(at),
            }
            self.item(node, index, at, &here);
            self.found.occurrences[at].end = self.found.occurrences.len();
        }
    }

    /// The Questionnaire's item for `node`, if it may stand here. What has no linkId is told by its shape.
    fn matching(&mut self, node: &'d Node<'d>, holder: Holder, latest: Option<usize>, here: &Place<'_>) -> Option<usize> {
        let link_id = node.text("linkId").filter(|link_id| !link_id.is_empty())?;
        let expected = holder.occurrence.map(|above| self.found.occurrences[above].item);
        let Some(index) = self.questionnaire.find_near(link_id, expected, latest) else {
            let may_stand = wanted::holds(self.questionnaire, expected);
            self.issues.push(Issue::of(Told::UnknownLinkId { may_stand }, "", here));
            return None;
        };
        let parent = self.questionnaire.item(index).parent;
        if parent != expected {
            let parent = parent.map(|parent| self.questionnaire.item(parent));
            let in_answer = parent.is_some_and(Item::is_question);
            let told = Told::WrongParent { parent: parent.map(|parent| parent.link_id.clone()), in_answer };
            self.issues.push(Issue::of(told, link_id, here));
            self.found.strays.take(self.questionnaire, node, holder.occurrence);
            return None;
        }
        Some(index)
    }

    fn item(&mut self, node: &'d Node<'d>, index: usize, at: usize, here: &Place<'_>) {
        let item = self.questionnaire.item(index);
        let link_id = &item.link_id;
        let mut misshapen = |name: &str, told: Told| self.issues.push(Issue::of(told, link_id, here.member(name)));
        let (has_answer, has_items) = (node.member("answer").is_some(), node.member("item").is_some());
        // both are told with the shape (qrs-1)
        match (item.kind, has_answer, has_items) {
            (ItemKind::Group, true, false) => {
                misshapen("answer", Told::AnswerOfGroup { holds: wanted::holds(self.questionnaire, Some(index)) });
            }
            (ItemKind::Group, ..) => {}
            (ItemKind::Display, true, false) => misshapen("answer", Told::OnlyShown { member: "answer" }),
            (ItemKind::Display, false, true) => misshapen("item", Told::OnlyShown { member: "item" }),
            (_, false, true) => misshapen("item", Told::ItemsOfQuestion),
            _ => {}
        }
        if item.kind == ItemKind::Group {
            return self.items(node, Holder { occurrence: Some(at), answer: None }, here);
        }
        node.list("item").iter().for_each(|node| self.found.strays.take(self.questionnaire, node, Some(at)));
        if item.kind == ItemKind::Display {
            return;
        }
        let list = here.member("answer");
        for (position, answer) in node.list("answer").iter().enumerate() {
            let place = list.element(position);
            self.answer(answer, index, at, position, &place);
            self.items(answer, Holder { occurrence: Some(at), answer: Some(position) }, &place);
        }
    }

    fn answer(&mut self, answer: &'d Node<'d>, index: usize, at: usize, position: usize, place: &Place<'_>) {
        let item = self.questionnaire.item(index);
        let link_id = &item.link_id;
        let mut values = answer.members().iter().filter(|(name, _)| name.starts_with("value"));
        let Some((name, value)) = values.next() else {
            // an extension may say why there is no value
            if answer.kind() == Kind::Object && !answer.members().iter().any(|(name, _)| name == "extension" || name.starts_with("_value"))
            {
                self.issues.push(Issue::of(Told::NoValue { wanted: wanted::wanted(item) }, link_id, place));
            }
            return;
        };
        if let Some(told) = value::fault(item, name) {
            return self.issues.push(Issue::of(told, link_id, place.member("value")));
        }
        if value::is_blank(value) {
            return;
        }
        let given = Given::of(item, position, name, value);
        self.found.occurrences[at].values.push(given);
    }
}
