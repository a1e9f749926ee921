//! What stands in the wrong place: one fault each, told where it stands. What it would have answered where it belongs is not
//! told as missing too, and a condition that its answer might meet is not taken for unmet.

use std::collections::{HashMap, HashSet};

use neuvola_fhir::Node;

use super::structure::{Found, Given, Holder};
use super::value;
use crate::form::questionnaire::{Expression, Item, ItemKind, Questionnaire};

/// The strays of one response.
#[derive(Debug, Default)]
pub(super) struct Strays<'q, 'd> {
    /// By the Questionnaire's item, of strays and of what stands below them: answers.
    answers: HashMap<usize, Vec<Given<'q, 'd>>>,
    outermost: Vec<Stray>,
}

/// One item in the wrong place, with an answer in it.
#[derive(Debug)]
struct Stray {
    item: usize,
    /// The occurrence that holds it.
    above: Option<usize>,
}

impl<'q, 'd> Strays<'q, 'd> {
    /// Notes an item that stands in the wrong place, in that occurrence.
    pub(super) fn take(&mut self, questionnaire: &'q Questionnaire, node: &'d Node<'d>, above: Option<usize>) {
        let Some(item) = node.text("linkId").and_then(|link_id| questionnaire.find(link_id)) else { return };
        if is_answered(node) {
            self.outermost.push(Stray { item, above });
        }
        self.note(questionnaire, node);
    }

    fn note(&mut self, questionnaire: &'q Questionnaire, node: &'d Node<'d>) {
        let answers = node.list("answer");
        if let Some(index) = node.text("linkId").and_then(|link_id| questionnaire.find(link_id)) {
            let item = questionnaire.item(index);
            let given = answers.iter().enumerate().filter_map(|(position, answer)| {
                let (name, value) = answer.members().iter().find(|(name, _)| name.starts_with("value"))?;
                value::fault(item, name).is_none().then(|| Given::of(item, position, name, value))
            });
            self.answers.entry(index).or_default().extend(given);
        }
        let below = answers.iter().flat_map(|answer| answer.list("item")).chain(node.list("item"));
        below.for_each(|node| self.note(questionnaire, node));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.answers.is_empty()
    }

    /// The answers of a question that stand in the wrong place.
    pub(super) fn answers(&self, question: usize) -> &[Given<'q, 'd>] {
        self.answers.get(&question).map_or(&[], Vec::as_slice)
    }

    /// The first stray that the expressions name.
    pub(super) fn named(&self, questionnaire: &'q Questionnaire, texts: &[&Expression]) -> Option<&'q Item> {
        if self.is_empty() {
            return None;
        }
        let mut named = texts.iter().flat_map(|text| text.literals()).filter_map(|literal| questionnaire.find(literal));
        named.find(|index| self.answers.contains_key(index)).map(|index| questionnaire.item(index))
    }

    /// Which of what is missing (an item, and what should hold it) is there as a stray. Each stray stands for one of its own
    /// linkId, the nearest, and for one of each group around it.
    pub(super) fn explain(&self, found: &Found<'_, '_>, questionnaire: &Questionnaire, missing: &[(usize, Holder)]) -> HashSet<usize> {
        let groups = |item: usize| questionnaire.ancestors(item).take_while(|&above| questionnaire.item(above).kind == ItemKind::Group);
        let stands_for = |item: usize| std::iter::once(item).chain(groups(item));
        let wanted: HashSet<usize> = self.outermost.iter().flat_map(|stray| stands_for(stray.item)).collect();
        // by item and an occurrence above: what is missing there, the first one last
        let mut below: HashMap<(usize, Option<usize>), Vec<usize>> = HashMap::new();
        for (number, &(item, holder)) in missing.iter().enumerate().rev().filter(|(_, (item, _))| wanted.contains(item)) {
            found.climb(holder).for_each(|above| below.entry((item, above.occurrence)).or_default().push(number));
        }
        let mut explained = HashSet::new();
        for stray in &self.outermost {
            for item in stands_for(stray.item) {
                let around = found.climb(Holder { occurrence: stray.above, answer: None });
                let nearest = around.map(|above| above.occurrence).find_map(|above| {
                    let there = below.get_mut(&(item, above))?;
                    while there.last().is_some_and(|number| explained.contains(number)) {
                        there.pop();
                    }
                    there.pop()
                });
                explained.extend(nearest);
            }
        }
        explained
    }
}

/// It, or something below it, has an answer.
fn is_answered(node: &Node<'_>) -> bool {
    !node.list("answer").is_empty() || node.list("item").iter().any(is_answered)
}
