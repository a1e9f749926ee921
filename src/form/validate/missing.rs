//! What a total reads and nobody answered: such a total is unknown, not smaller. A question whose silence means "none" says
//! otherwise.
//!
//! A total reads the questions that it names by linkId; one that names none reads every question that is scored.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use super::enable::{Enabled, Enablement};
use super::structure::{Found, Holder};
use crate::form::questionnaire::{Expression, Item, ItemKind, Questionnaire};

pub(super) struct Missing<'a, 'q, 'd> {
    pub questionnaire: &'q Questionnaire,
    pub found: &'a Found<'q, 'd>,
    pub enablement: &'a Enablement<'a, 'q, 'd>,
    /// What was found out of a question below a holder: every row of a group that repeats may ask the same.
    pub known: RefCell<HashMap<(usize, Holder), bool>>,
}

impl<'q> Missing<'_, 'q, '_> {
    /// The first question without an answer that the item's calculation needs, in the occurrence's own surroundings.
    pub(super) fn of_calculation(&self, index: usize, at: usize, expression: &Expression) -> Option<&'q Item> {
        let texts = self.with_variables(Some(index), expression);
        let is_number = matches!(self.questionnaire.item(index).kind, ItemKind::Integer | ItemKind::Decimal | ItemKind::Quantity);
        if !is_number && !texts.iter().any(|text| text.is_a_total()) {
            return None;
        }
        self.first(Some((index, at)), &texts, |_| true)
    }

    /// The first scored question without an answer, if the constraint adds up what answers weigh.
    pub(super) fn of_constraint(&self, of: Option<(usize, usize)>, expression: &Expression) -> Option<&'q Item> {
        let texts = self.with_variables(of.map(|(index, _)| index), expression);
        if !texts.iter().any(|text| text.is_a_total()) {
            return None;
        }
        self.first(of, &texts, is_scored)
    }

    /// A question that the expression reads and whose answer stands in the wrong place: nothing can be told by it.
    pub(super) fn stray(&self, index: Option<usize>, expression: &Expression) -> Option<&'q Item> {
        if self.found.strays.is_empty() {
            return None;
        }
        self.found.strays.named(self.questionnaire, &self.with_variables(index, expression))
    }

    /// The expression, and the variables that it reads.
    fn with_variables<'e>(&self, index: Option<usize>, expression: &'e Expression) -> Vec<&'e Expression>
    where
        'q: 'e,
    {
        let above = index.into_iter().flat_map(|index| std::iter::once(index).chain(self.questionnaire.ancestors(index)));
        let own = above.filter_map(|index| self.questionnaire.item(index).expressions.as_deref());
        let variables: Vec<_> = own.chain([&self.questionnaire.expressions]).flat_map(|it| &it.variables).collect();
        let mut texts = vec![expression];
        let mut seen = HashSet::new();
        let mut next = 0;
        while let Some(text) = texts.get(next).copied() {
            next += 1;
            for variable in &variables {
                if !seen.contains(variable.name.as_str()) && text.names(&variable.name) {
                    seen.insert(variable.name.as_str());
                    texts.push(&variable.expression);
                }
            }
        }
        texts
    }

    fn first(&self, of: Option<(usize, usize)>, texts: &[&Expression], counts: impl Fn(&Item) -> bool) -> Option<&'q Item> {
        let everywhere = texts.iter().any(|text| text.names("resource") || text.names("rootResource"));
        let is_missing = |&question: &usize| {
            let item = self.questionnaire.item(question);
            let is_asked_for =
                item.is_question() && !item.empty_means_none && counts(item) && of.is_none_or(|(index, _)| index != question);
            is_asked_for && self.is_missing(question, of.filter(|_| !everywhere))
        };
        self.read(texts).iter().copied().find(|question| is_missing(question)).map(|question| self.questionnaire.item(question))
    }

    /// The questions that the expressions read.
    fn read(&self, texts: &[&Expression]) -> Vec<usize> {
        let literals = || texts.iter().flat_map(|text| text.literals());
        let named: Vec<usize> = literals().filter_map(|literal| self.questionnaire.find(literal)).collect();
        let is_question = |&index: &usize| self.questionnaire.item(index).is_question();
        if named.iter().any(is_question) {
            return named;
        }
        let reads_all = |text: &&Expression| ["descendants()", "repeat(", "weight()", "ordinal()"].iter().any(|it| text.text.contains(it));
        if !texts.iter().any(reads_all) {
            return Vec::new();
        }
        let items = self.questionnaire.items();
        let scored = || (0..items.len()).filter(|&index| is_scored(&items[index]));
        if !named.is_empty() {
            // groups are named: what they hold
            let is_below = |&index: &usize| self.questionnaire.ancestors(index).any(|above| named.contains(&above));
            return scored().filter(is_below).collect();
        }
        let begins = |&index: &usize| literals().any(|literal| !literal.is_empty() && items[index].link_id.starts_with(literal));
        let begun: Vec<usize> =
            if texts.iter().any(|text| text.text.contains("startsWith(")) { scored().filter(begins).collect() } else { Vec::new() };
        if begun.is_empty() { scored().collect() } else { begun }
    }

    /// Somewhere the question is asked and not answered; near to `of` only, if it is given.
    fn is_missing(&self, question: usize, of: Option<(usize, usize)>) -> bool {
        let item = |holder: &Holder| holder.occurrence.map(|at| self.found.occurrence(at).item);
        let shared = of.and_then(|(index, at)| {
            let common = self.questionnaire.ancestors(question).find(|&above| self.questionnaire.ancestors(index).any(|it| it == above))?;
            self.found.climb(self.found.occurrence(at).holder).find(|holder| item(holder) == Some(common))
        });
        let mut path: Vec<usize> = std::iter::once(question).chain(self.questionnaire.ancestors(question)).collect();
        let holder = match shared {
            Some(holder) => {
                let top = path.iter().position(|&it| Some(it) == item(&holder)).unwrap_or(path.len());
                path.truncate(top);
                holder
            }
            None => Holder::RESPONSE,
        };
        path.reverse();
        let known = self.known.borrow().get(&(question, holder)).copied();
        known.unwrap_or_else(|| {
            let is_missing = self.below(&path, holder);
            self.known.borrow_mut().insert((question, holder), is_missing);
            is_missing
        })
    }

    fn below(&self, path: &[usize], holder: Holder) -> bool {
        let Some((&index, rest)) = path.split_first() else { return false };
        if self.enablement.item(index, holder) == Enabled::No {
            return false;
        }
        let here = self.found.below(index, holder);
        if here.is_empty() {
            // what would be below it is asked unless its own conditions say otherwise
            return rest.iter().all(|&below| self.enablement.own(below, holder) != Enabled::No);
        }
        let is_question = self.questionnaire.item(index).is_question();
        here.iter().any(|&at| match rest {
            [] => self.found.occurrence(at).values.iter().all(|given| given.declined),
            _ => self.found.holders(at, is_question).any(|holder| self.below(rest, holder)),
        })
    }
}

fn is_scored(item: &Item) -> bool {
    item.options.iter().any(|option| option.weight.is_some())
}
