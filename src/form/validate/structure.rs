//! First pass: what is in the response, matched to the Questionnaire.

use neuvola_fhir::{Kind, Node, Place};

use super::value;
use crate::form::answers::Answer;
use crate::form::questionnaire::{ItemKind, Questionnaire, is_declined};
use crate::issue::{Issue, Issues};

/// All items of a response, in document order: what stands below an occurrence follows it.
#[derive(Debug, Default)]
pub(super) struct Found<'q, 'd> {
    occurrences: Vec<Occurrence<'q, 'd>>,
    roots: Vec<usize>,
    by_item: ByItem,
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
        let above = holder.occurrence.map(|above| self.found.occurrences[above].item);
        let mut latest = None;
        for (position, node) in node.list("item").iter().enumerate() {
            let here = list.element(position);
            let Some(index) = self.matching(node, above, latest, &here) else { continue };
            if latest.is_some_and(|latest| index < latest) {
                let link_id = &self.questionnaire.item(index).link_id;
                let message = format!("`{link_id}` does not stand in the Questionnaire's order");
                self.issues.push(Issue::error("structure", "order", here, message).about(link_id));
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

    /// The Questionnaire's item for `node`, if it may stand here: below `above`. What has no linkId is told by its shape.
    fn matching(&mut self, node: &Node<'_>, above: Option<usize>, latest: Option<usize>, here: &Place<'_>) -> Option<usize> {
        let link_id = node.text("linkId").filter(|link_id| !link_id.is_empty())?;
        let Some(index) = self.questionnaire.find_near(link_id, above, latest) else {
            let issue = Issue::error("not-found", "unknown-link-id", here, "the Questionnaire has no item with this `linkId`");
            self.issues.push(issue.remedy("leave the item out, or name the Questionnaire and version that has it"));
            return None;
        };
        let parent = self.questionnaire.item(index).parent;
        if parent != above {
            let message = format!("`{link_id}` does not belong here");
            let belongs = parent.map_or("at the top".to_owned(), |parent| format!("under `{}`", self.questionnaire.item(parent).link_id));
            self.issues.push(Issue::error("structure", "wrong-parent", here, message).remedy(format!("put it {belongs}")).about(link_id));
            return None;
        }
        Some(index)
    }

    fn item(&mut self, node: &'d Node<'d>, index: usize, at: usize, here: &Place<'_>) {
        let item = self.questionnaire.item(index);
        let link_id = &item.link_id;
        let mut misshapen = |name: &str, message: String, remedy: &str| {
            self.issues.push(Issue::error("structure", "wrong-shape", here.member(name), message).remedy(remedy).about(link_id));
        };
        let (has_answer, has_items) = (node.member("answer").is_some(), node.member("item").is_some());
        match item.kind {
            ItemKind::Group | ItemKind::Display if has_answer => {
                return misshapen("answer", format!("`{link_id}` is no question and takes no answer"), "leave the answer out");
            }
            ItemKind::Display if has_items => {
                return misshapen("item", format!("`{link_id}` is only shown and holds nothing"), "leave the items out");
            }
            ItemKind::Group => return self.items(node, Holder { occurrence: Some(at), answer: None }, here),
            ItemKind::Display => return,
            _ if has_items => {
                misshapen("item", format!("`{link_id}` is a question"), "put what belongs to an answer into `answer.item`");
            }
            _ => {}
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
                let message = format!("`{link_id}` has an answer without a value");
                self.issues.push(Issue::error("structure", "wrong-shape", place, message).about(link_id));
            }
            return;
        };
        if let Some(message) = value::fault(item, name, value) {
            let issue = Issue::error("value", "wrong-type", place.member("value"), format!("`{link_id}` {message}"));
            self.issues.push(issue.about(link_id));
            return;
        }
        let declined =
            name == "valueCoding" && is_declined(value.text("system").unwrap_or_default(), value.text("code").unwrap_or_default());
        let given = Given { position, name, value, answer: Answer::of(item, name, value), declined };
        self.found.occurrences[at].values.push(given);
    }
}
