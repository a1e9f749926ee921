//! Every completion of a response, by brute force: each open question gets each of its valid answers, all combinations
//! are tried, and in each of them enablement is computed anew. As slow as it is plain.

use std::collections::HashSet;

use neuvola_adapter::form::questionnaire::{Bound, Comparand, EnableWhen, ItemKind, Operator, Questionnaire};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::filled::{Entry, Filled, Given};
use super::interpreter::{Whole, weight};

/// All completions of one response.
pub struct Completions<'q> {
    questionnaire: &'q Questionnaire,
    slots: Vec<Slot>,
    /// The group of each occurrence of a repeated group.
    occurrences: Vec<usize>,
    /// Every valid answer is tried; otherwise there are more of them, and only some are.
    pub is_all: bool,
}

/// One question, or one question in one occurrence of a repeated group, and what it may hold.
struct Slot {
    item: usize,
    occurrence: Option<usize>,
    options: Vec<Vec<Given>>,
}

impl<'q> Completions<'q> {
    /// Of `filled`. Questions that are not `relevant` stay as they are.
    pub fn of(filled: &Filled<'q>, relevant: impl Fn(usize) -> bool) -> Self {
        let mut all = Self { questionnaire: filled.questionnaire, slots: Vec::new(), occurrences: Vec::new(), is_all: true };
        let entries: Vec<&Entry> = filled.entries.iter().collect();
        all.collect(None, &entries, None, &relevant);
        all
    }

    pub fn count(&self) -> Option<usize> {
        self.slots.iter().try_fold(1_usize, |count, slot| count.checked_mul(slot.options.len()))
    }

    /// The completion that takes from each slot the option that `number` says, digit by digit.
    pub fn nth(&self, mut number: usize) -> Vec<Whole> {
        let chosen: Vec<&[Given]> = self
            .slots
            .iter()
            .map(|slot| {
                let option = &slot.options[number % slot.options.len()];
                number /= slot.options.len();
                option.as_slice()
            })
            .collect();
        self.build(None, None, &chosen)
    }

    fn collect(&mut self, parent: Option<usize>, entries: &[&Entry], occurrence: Option<usize>, relevant: &impl Fn(usize) -> bool) {
        let questionnaire = self.questionnaire;
        for &index in questionnaire.children(parent) {
            let item = questionnaire.item(index);
            let here: Vec<&Entry> = entries.iter().copied().filter(|entry| entry.item == index).collect();
            match item.kind {
                ItemKind::Display => {}
                ItemKind::Group if item.repeats => {
                    // how many more there might have been is not tried, and what is open there need only be judged safely
                    self.is_all &= !questionnaire.descendants(index).any(relevant);
                    for entry in here {
                        self.occurrences.push(index);
                        let number = self.occurrences.len() - 1;
                        self.collect(Some(index), &entry.below.iter().collect::<Vec<_>>(), Some(number), relevant);
                    }
                }
                _ => {
                    if item.kind != ItemKind::Group {
                        let given = here.first().map_or(&[][..], |entry| &entry.given);
                        let options = self.options(index, given, relevant(index));
                        self.slots.push(Slot { item: index, occurrence, options });
                    }
                    let below: Vec<&Entry> = here.iter().flat_map(|entry| &entry.below).collect();
                    self.collect(Some(index), &below, occurrence, relevant);
                }
            }
        }
    }

    fn options(&mut self, index: usize, given: &[Given], is_relevant: bool) -> Vec<Vec<Given>> {
        let item = self.questionnaire.item(index);
        let is_declined = given.iter().any(Given::is_declined);
        if !is_relevant {
            return vec![if is_declined { Vec::new() } else { given.to_vec() }];
        }
        if !given.is_empty() && !is_declined {
            return vec![given.to_vec()];
        }
        if item.empty_means_none && !is_declined {
            return vec![Vec::new()];
        }
        let number = |bound: &Option<Bound>| match bound {
            Some(Bound::Number(number)) => number.to_i64(),
            _ => None,
        };
        let mut single: Vec<Given> = match (item.kind, number(&item.bounds.min).zip(number(&item.bounds.max))) {
            (ItemKind::Boolean, _) => vec![Given::Boolean(false), Given::Boolean(true)],
            (ItemKind::Integer, Some((least, most))) => (least..=most).map(|number| Given::Number(number.to_string())).collect(),
            (ItemKind::Choice | ItemKind::OpenChoice, _) => {
                item.options.iter().filter(|option| !option.is_declined()).map(Given::of).collect()
            }
            (ItemKind::Integer | ItemKind::Decimal, _) => ["-100", "0", "7", "100"].map(|digits| Given::Number(digits.to_owned())).into(),
            (ItemKind::Quantity, _) => ["0", "2", "3.5", "100"]
                .map(|digits| Given::Quantity {
                    digits: digits.to_owned(),
                    code: String::new(),
                    system: None,
                    display: String::new(),
                    only: true,
                })
                .into(),
            (ItemKind::String | ItemKind::Text, _) => vec![Given::Text("a".to_owned()), Given::Text("b".to_owned())],
            _ => vec![Given::Time("2026-01-01".to_owned())],
        };
        let is_finite = match item.kind {
            ItemKind::Boolean | ItemKind::Choice => true,
            ItemKind::Integer => item.bounds.min.is_some() && item.bounds.max.is_some(),
            _ => false,
        };
        if item.kind == ItemKind::OpenChoice {
            single.push(Given::Text("muu".to_owned()));
        }
        self.is_all &= is_finite;
        if !item.repeats {
            return single.into_iter().map(|one| vec![one]).collect();
        }
        // any set, none included
        (0..1_usize << single.len().min(12))
            .map(|set| single.iter().enumerate().filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, one)| one.clone()).collect())
            .collect()
    }

    fn build(&self, parent: Option<usize>, occurrence: Option<usize>, chosen: &[&[Given]]) -> Vec<Whole> {
        let mut items = Vec::new();
        for &index in self.questionnaire.children(parent) {
            let item = self.questionnaire.item(index);
            let mut push = |given: &[Given], below: Vec<Whole>| {
                let given: Vec<(Given, Option<Decimal>)> =
                    given.iter().map(|given| (given.clone(), weight(self.questionnaire, index, given))).collect();
                if !given.is_empty() || !below.is_empty() {
                    items.push(Whole { link_id: item.link_id.clone(), given, below });
                }
            };
            match item.kind {
                ItemKind::Display => {}
                ItemKind::Group if item.repeats => {
                    for (number, _) in self.occurrences.iter().enumerate().filter(|&(_, group)| *group == index) {
                        push(&[], self.build(Some(index), Some(number), chosen));
                    }
                }
                ItemKind::Group => push(&[], self.build(Some(index), occurrence, chosen)),
                _ => {
                    let slot = self.slots.iter().position(|slot| slot.item == index && slot.occurrence == occurrence);
                    let given = slot.map_or(&[][..], |slot| self.given(slot, chosen));
                    if !given.is_empty() {
                        push(given, self.build(Some(index), occurrence, chosen));
                    }
                }
            }
        }
        items
    }

    /// What the slot holds, once its conditions are looked at.
    fn given<'c>(&self, slot: usize, chosen: &[&'c [Given]]) -> &'c [Given] {
        if self.is_enabled(slot, chosen) { chosen[slot] } else { &[] }
    }

    fn is_enabled(&self, slot: usize, chosen: &[&[Given]]) -> bool {
        let Slot { item, occurrence, .. } = self.slots[slot];
        let mut next = Some(item);
        while let Some(index) = next {
            let above = self.questionnaire.item(index);
            let holds = |condition: &EnableWhen| self.holds(condition, occurrence, chosen);
            let is_enabled = match above.enable_when.as_slice() {
                [] => true,
                conditions if above.enable_any => conditions.iter().any(holds),
                conditions => conditions.iter().all(holds),
            };
            // below an answer there is nothing without the answer
            let is_held = index == item
                || above.kind == ItemKind::Group
                || self.of_question(index, occurrence).any(|slot| !self.given(slot, chosen).is_empty());
            if !is_enabled || !is_held {
                return false;
            }
            next = above.parent;
        }
        true
    }

    fn holds(&self, condition: &EnableWhen, occurrence: Option<usize>, chosen: &[&[Given]]) -> bool {
        let mut given = self.of_question(condition.question, occurrence).flat_map(|slot| self.given(slot, chosen));
        match (condition.operator, &condition.answer) {
            (Operator::Exists, Comparand::Boolean(wanted)) => given.next().is_some() == *wanted,
            (operator, wanted) => given.any(|given| given.compares(operator, wanted)),
        }
    }

    /// The question's slots that something in `occurrence` sees: its own occurrence's, or else all.
    fn of_question(&self, question: usize, occurrence: Option<usize>) -> impl Iterator<Item = usize> {
        let own = move |slot: &Slot| slot.item == question && slot.occurrence == occurrence;
        let has_own = self.slots.iter().any(own);
        self.slots
            .iter()
            .enumerate()
            .filter(move |(_, slot)| if has_own { own(slot) } else { slot.item == question })
            .map(|(index, _)| index)
    }
}

/// The questions whose linkIds stand in `text`, and those that decide whether they are asked.
pub fn relevant(questionnaire: &Questionnaire, text: &str) -> HashSet<usize> {
    let named = |&index: &usize| text.contains(&format!("'{}'", questionnaire.item(index).link_id));
    let mut found = HashSet::new();
    let mut next: Vec<usize> = (0..questionnaire.items().len()).filter(named).collect();
    while let Some(index) = next.pop() {
        if found.insert(index) {
            let item = questionnaire.item(index);
            next.extend(item.parent);
            next.extend(item.enable_when.iter().map(|condition| condition.question));
        }
    }
    found
}
