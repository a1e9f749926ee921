//! A space from what rules read: the questions, those that decide whether they are asked, and what each can be answered.

use rust_decimal::Decimal;

use super::values::{Known, Values};
use super::{Level, Pages, Question, Space, Test};
use crate::form::questionnaire::{Item, Questionnaire};
use crate::rules::Named;

impl<'q> Space<'q> {
    /// The space of what is read, in one or several versions of the rules; a question is taken from the first that has it.
    /// `thresholds` are numbers that stand in the rules.
    pub fn of(versions: &[Pages<'q>], reads: &[Named], thresholds: &[Decimal]) -> Self {
        let mut found = Found { versions, places: Vec::new(), seen: Vec::new() };
        for read in reads {
            found.read(read);
        }
        found.places.sort_by_key(|place| (place.professional, place.version, place.order));
        let mut questions: Vec<Question<'q>> = found.places.iter().map(|place| found.question(place, thresholds)).collect();
        let gates: Vec<usize> =
            questions.iter().flat_map(|question| &question.levels).flat_map(|level| &level.tests).map(Test::at).collect();
        gates.into_iter().for_each(|at| questions[at].is_gate = true);
        Self { questions }
    }
}

struct Found<'v, 'q> {
    versions: &'v [Pages<'q>],
    places: Vec<Place>,
    /// Looked at already: version, whose, item.
    seen: Vec<(usize, bool, usize)>,
}

/// Where a question stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    version: usize,
    professional: bool,
    item: usize,
    /// Behind all that its enablement hangs on.
    order: usize,
}

impl<'q> Found<'_, 'q> {
    fn questionnaire(&self, version: usize, professional: bool) -> Option<&'q Questionnaire> {
        let pages = self.versions.get(version)?;
        if professional { pages.professional } else { Some(pages.own) }
    }

    fn read(&mut self, read: &Named) {
        let first = (0..self.versions.len()).find_map(|version| {
            let item = self.questionnaire(version, read.professional)?.find(&read.link_id)?;
            Some((version, item))
        });
        if let Some((version, item)) = first {
            self.put(version, read.professional, item);
        }
    }

    /// The question and, before it in the end, those that decide whether it is asked. Of what is computed, what it is computed of.
    fn put(&mut self, version: usize, professional: bool, index: usize) {
        let Some(questionnaire) = self.questionnaire(version, professional) else { return };
        let item = questionnaire.item(index);
        if self.position(professional, &item.link_id).is_some() || self.seen.contains(&(version, professional, index)) {
            return;
        }
        self.seen.push((version, professional, index));
        let calculated = item.expressions.as_deref().and_then(|expressions| expressions.calculated.as_ref());
        if item.is_question() && calculated.is_none() {
            let order = questionnaire.in_order_of_enablement().iter().position(|&it| it == index).unwrap_or_default();
            self.places.push(Place { version, professional, item: index, order });
        }
        let computed_of = calculated.into_iter().flat_map(|it| it.literals()).filter_map(|link_id| questionnaire.find(link_id));
        let around: Vec<usize> = std::iter::once(index).chain(questionnaire.ancestors(index)).collect();
        let conditions = around.iter().flat_map(|&it| &questionnaire.item(it).enable_when).map(|condition| condition.question);
        let above = around.iter().copied().filter(|&it| it != index && questionnaire.item(it).is_question());
        let further: Vec<usize> = computed_of.chain(conditions).chain(above).filter(|&it| it != index).collect();
        further.into_iter().for_each(|it| self.put(version, professional, it));
    }

    fn item(&self, place: &Place) -> Option<&'q Item> {
        Some(self.questionnaire(place.version, place.professional)?.item(place.item))
    }

    fn position(&self, professional: bool, link_id: &str) -> Option<usize> {
        let is_it = |place: &Place| place.professional == professional && self.item(place).is_some_and(|item| item.link_id == link_id);
        self.places.iter().position(is_it)
    }

    fn question(&self, place: &Place, thresholds: &[Decimal]) -> Question<'q> {
        let Some(home) = self.questionnaire(place.version, place.professional) else { unreachable!("it was found there") };
        let item = home.item(place.item);
        let everywhere: Vec<Option<(usize, &'q Item)>> = (0..self.versions.len())
            .map(|version| {
                let questionnaire = self.questionnaire(version, place.professional)?;
                questionnaire.find(&item.link_id).map(|index| (index, questionnaire.item(index)))
            })
            .collect();
        let others =
            everywhere.iter().flatten().map(|(_, other)| *other).filter(|other| other.kind == item.kind && !std::ptr::eq(*other, item));
        let items: Vec<&'q Item> = std::iter::once(item).chain(others).collect();
        let Known { values, is_all } = Values::of(&items, thresholds);
        let versions = everywhere.iter().map(|known| known.map(|(index, known)| (index, values.as_of(known)))).collect();
        let levels = std::iter::once(place.item).chain(home.ancestors(place.item)).flat_map(|it| self.levels(home, place, it));
        Question { item, professional: place.professional, levels: levels.collect(), is_gate: false, values, is_all, versions }
    }

    /// What must hold of one item for `place`, itself or below it, to be asked.
    fn levels(&self, home: &'q Questionnaire, place: &Place, index: usize) -> Vec<Level<'q>> {
        let item = home.item(index);
        let at = |index: usize| self.position(place.professional, &home.item(index).link_id);
        let mut levels = Vec::new();
        if index != place.item && item.is_question() {
            levels.extend(at(index).map(|at| Level { any: false, tests: vec![Test::Answered(at)] }));
        }
        let tests = item.enable_when.iter().filter_map(|it| Some(Test::Holds(at(it.question)?, it.operator, &it.answer)));
        let tests: Vec<_> = tests.collect();
        if !tests.is_empty() {
            levels.push(Level { any: item.enable_any, tests });
        }
        levels
    }
}

impl Test<'_> {
    const fn at(&self) -> usize {
        match self {
            Self::Answered(at) | Self::Holds(at, ..) => *at,
        }
    }
}
