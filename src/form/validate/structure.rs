//! First pass: what is in the response, matched to the Questionnaire.

use neuvola_fhir::{Node, Place};

use super::value;
use crate::form::answers::Answer;
use crate::form::questionnaire::{ItemKind, Questionnaire, is_declined};
use crate::issue::{Issue, Issues};

/// All items of a response, in document order.
#[derive(Debug, Default)]
pub(super) struct Found<'q, 'd> {
    occurrences: Vec<Occurrence<'q, 'd>>,
    roots: Vec<usize>,
}

/// One item of the response.
#[derive(Debug)]
pub(super) struct Occurrence<'q, 'd> {
    /// The Questionnaire's item.
    pub item: usize,
    pub parent: Option<usize>,
    /// Position among its parent's (or its parent's answer's) `item`s.
    position: usize,
    /// The parent's answer that it is nested under.
    under_answer: Option<usize>,
    pub values: Vec<Given<'q, 'd>>,
    pub children: Vec<usize>,
}

/// One `answer`, its value typed as far as it could be.
#[derive(Debug)]
pub(super) struct Given<'q, 'd> {
    pub name: &'d str,
    pub value: &'d Node<'d>,
    pub answer: Option<Answer<'q, 'd>>,
    pub declined: bool,
}

impl<'q, 'd> Found<'q, 'd> {
    pub(super) fn occurrence(&self, index: usize) -> &Occurrence<'q, 'd> {
        &self.occurrences[index]
    }

    /// What stands directly below `parent`; the top for `None`.
    pub(super) fn below(&self, parent: Option<usize>) -> &[usize] {
        parent.map_or(&self.roots, |parent| &self.occurrences[parent].children)
    }

    /// FHIRPath of the occurrence; printed only for a fault.
    pub(super) fn place(&self, index: usize) -> String {
        let here = &self.occurrences[index];
        let above = here.parent.map_or_else(|| "QuestionnaireResponse".to_owned(), |parent| self.place(parent));
        let answer = here.under_answer.map(|answer| format!(".answer[{answer}]")).unwrap_or_default();
        format!("{above}{answer}.item[{}]", here.position)
    }
}

pub(super) fn walk<'q, 'd>(response: &'d Node<'_>, questionnaire: &'q Questionnaire, issues: &mut Issues) -> Found<'q, 'd> {
    let mut walker = Walker { questionnaire, found: Found::default(), issues };
    walker.items(response, None, None, &Place::root("QuestionnaireResponse"));
    walker.found
}

struct Walker<'q, 'd, 'i> {
    questionnaire: &'q Questionnaire,
    found: Found<'q, 'd>,
    issues: &'i mut Issues,
}

impl<'q, 'd> Walker<'q, 'd, '_> {
    /// The `item`s of `holder`, which is the response, an item (`parent`) or one of its answers (`answer`).
    fn items(&mut self, holder: &'d Node<'_>, parent: Option<usize>, answer: Option<usize>, place: &Place<'_>) {
        let Some(list) = holder.member("item") else { return };
        let list_place = place.member("item");
        if !matches!(list.value, neuvola_fhir::Value::Array(_)) {
            self.fault("structure", "wrong-shape", &list_place, "`item` must be an array");
            return;
        }
        let mut latest = None;
        for (position, node) in list.elements().iter().enumerate() {
            let here = list_place.element(position);
            let Some(index) = self.matching(node, parent, &here) else { continue };
            if latest.is_some_and(|latest| index < latest) {
                let link_id = &self.questionnaire.item(index).link_id;
                self.issues.push(
                    Issue::error("structure", "order", here, format!("`{link_id}` does not stand in the Questionnaire's order"))
                        .about(link_id),
                );
            }
            latest = Some(index);
            let occurrence = self.found.occurrences.len();
            self.found.occurrences.push(Occurrence {
                item: index,
                parent,
                position,
                under_answer: answer,
                values: Vec::new(),
                children: Vec::new(),
            });
            match parent {
                Some(parent) => self.found.occurrences[parent].children.push(occurrence),
                None => self.found.roots.push(occurrence),
            }
            self.item(node, index, occurrence, &here);
        }
    }

    /// The Questionnaire's item for `node`, if it may stand here.
    fn matching(&mut self, node: &Node<'_>, parent: Option<usize>, here: &Place<'_>) -> Option<usize> {
        let Some(link_id) = node.text("linkId").filter(|link_id| !link_id.is_empty()) else {
            self.fault("required", "link-id", here, "an item has no `linkId`");
            return None;
        };
        let Some(index) = self.questionnaire.find(link_id) else {
            self.fault("not-found", "unknown-link-id", &here.member("linkId"), "the Questionnaire has no such linkId");
            return None;
        };
        let expected = parent.map(|parent| self.found.occurrences[parent].item);
        if self.questionnaire.item(index).parent != expected {
            let message = format!("`{link_id}` does not belong here");
            let belongs = self
                .questionnaire
                .item(index)
                .parent
                .map_or("at the top".to_owned(), |parent| format!("under `{}`", self.questionnaire.item(parent).link_id));
            self.issues.push(Issue::error("structure", "wrong-parent", here, message).remedy(format!("put it {belongs}")).about(link_id));
            return None;
        }
        Some(index)
    }

    fn item(&mut self, node: &'d Node<'_>, index: usize, occurrence: usize, here: &Place<'_>) {
        let item = self.questionnaire.item(index);
        let link_id = &item.link_id;
        let answers = node.member("answer");
        match item.kind {
            ItemKind::Group | ItemKind::Display if answers.is_some() => {
                self.issues.push(
                    Issue::error(
                        "structure",
                        "wrong-shape",
                        here.member("answer"),
                        format!("`{link_id}` is no question and takes no answer"),
                    )
                    .about(link_id),
                );
                return;
            }
            ItemKind::Display if node.member("item").is_some() => {
                self.issues.push(
                    Issue::error("structure", "wrong-shape", here.member("item"), format!("`{link_id}` is only shown and holds nothing"))
                        .about(link_id),
                );
                return;
            }
            ItemKind::Group => return self.items(node, Some(occurrence), None, here),
            ItemKind::Display => return,
            _ if node.member("item").is_some() => {
                let remedy = "put what belongs to an answer into `answer.item`";
                self.issues.push(
                    Issue::error("structure", "wrong-shape", here.member("item"), format!("`{link_id}` is a question"))
                        .remedy(remedy)
                        .about(link_id),
                );
            }
            _ => {}
        }
        let list = here.member("answer");
        for (position, answer) in node.list("answer").iter().enumerate() {
            let place = list.element(position);
            let values: Vec<_> = answer.members().iter().filter(|(name, _)| name.starts_with("value")).collect();
            if let [(name, value)] = values.as_slice() {
                if let Some(message) = value::fault(item, name, value) {
                    self.issues
                        .push(Issue::error("value", "wrong-type", place.member("value"), format!("`{link_id}` {message}")).about(link_id));
                } else {
                    let declined = name == "valueCoding"
                        && is_declined(value.text("system").unwrap_or_default(), value.text("code").unwrap_or_default());
                    let given = Given { name, value, answer: Answer::of(item, name, value), declined };
                    self.found.occurrences[occurrence].values.push(given);
                }
            } else {
                let message = if values.is_empty() { "has an answer without a value" } else { "has an answer with several values" };
                self.issues.push(Issue::error("structure", "wrong-shape", place, format!("`{link_id}` {message}")).about(link_id));
            }
            self.items(answer, Some(occurrence), Some(position), &place);
        }
    }

    fn fault(&mut self, code: &'static str, fault: &'static str, place: &Place<'_>, message: &str) {
        self.issues.push(Issue::error(code, fault, place, message));
    }
}
