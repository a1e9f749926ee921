//! Questions that no rule reads, and options that no rule tells apart.

use std::collections::{BTreeMap, BTreeSet};

use crate::form::questionnaire::{Item, ItemKind, Questionnaire};
use crate::rules::Named;
use crate::rules::space::{Question, Space};
use crate::segment::rule::RoleRules;

/// A question whose answer changes nothing.
#[derive(Debug)]
pub struct Unread<'r> {
    pub question: Named,
    pub item: &'r Item,
}

/// Options of one question that are the same to all rules.
#[derive(Debug)]
pub struct Alike<'r> {
    pub question: Named,
    pub item: &'r Item,
    /// Of a question with several answers: chosen or not, these change nothing.
    pub is_set: bool,
    pub options: Vec<String>,
}

/// What was seen to make a difference.
#[derive(Debug, Default)]
pub(super) struct Apart {
    /// By question: its options' codes, whether several may be chosen, and which two were told apart.
    questions: BTreeMap<Named, Options>,
}

#[derive(Debug)]
struct Options {
    tokens: Vec<String>,
    is_set: bool,
    apart: BTreeSet<(u32, u32)>,
}

impl Apart {
    /// The questions of the space are read.
    pub(super) fn read(&mut self, space: &Space<'_>) {
        for question in space.questions() {
            let options = || Options { tokens: question.tokens(), is_set: question.is_set(), apart: BTreeSet::new() };
            self.questions.entry(question.name()).or_insert_with(options);
        }
    }

    pub(super) fn told(&mut self, question: &Question<'_>, one: u32, other: u32) {
        if let Some(options) = self.questions.get_mut(&question.name()) {
            options.apart.insert(question.difference(one, other));
        }
    }
}

impl Question<'_> {
    pub fn name(&self) -> Named {
        Named { professional: self.professional, link_id: self.item.link_id.clone() }
    }
}

pub(super) fn questions<'r>(rules: &'r RoleRules, apart: &Apart) -> Vec<Unread<'r>> {
    let pages = [(false, Some(rules.questionnaire.as_ref())), (true, rules.professional.as_deref())];
    let all = pages.into_iter().filter_map(|(professional, page)| Some((professional, page?)));
    let all = all.flat_map(|(professional, page): (bool, &'r Questionnaire)| page.items().iter().map(move |item| (professional, item)));
    let named = all
        .filter(|(_, item)| item.is_question())
        .map(|(professional, item)| Unread { question: Named { professional, link_id: item.link_id.clone() }, item });
    named.filter(|unread| !apart.questions.contains_key(&unread.question)).collect()
}

pub(super) fn options<'r>(rules: &'r RoleRules, apart: &Apart) -> Vec<Alike<'r>> {
    let mut all = Vec::new();
    for (question, options) in &apart.questions {
        let page = if question.professional { rules.professional.as_deref() } else { Some(rules.questionnaire.as_ref()) };
        let item = page.and_then(|page| page.find(&question.link_id).map(|index| page.item(index)));
        let Some(item) = item.filter(|item| matches!(item.kind, ItemKind::Choice | ItemKind::OpenChoice | ItemKind::Boolean)) else {
            continue;
        };
        let count = options.tokens.len() as u32;
        let is_apart = |one: u32, other: u32| options.apart.contains(&(one.min(other), one.max(other)));
        let mut groups: Vec<Vec<u32>> = Vec::new();
        if options.is_set {
            groups.push((0..count).filter(|&bit| !is_apart(bit, bit)).collect());
        } else {
            for option in 0..count {
                match groups.iter_mut().find(|group| group.iter().all(|&other| !is_apart(option, other))) {
                    Some(group) => group.push(option),
                    None => groups.push(vec![option]),
                }
            }
        }
        let least = if options.is_set { 1 } else { 2 };
        for group in groups.into_iter().filter(|group| group.len() >= least) {
            let codes = group.into_iter().map(|option| options.tokens[option as usize].clone()).collect();
            all.push(Alike { question: question.clone(), item, is_set: options.is_set, options: codes });
        }
    }
    all
}
