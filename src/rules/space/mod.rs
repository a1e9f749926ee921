//! The space of all answers that rules read: every family that the forms allow, as numbers.
//!
//! A family is a number for each question: 0 where nothing is answered, else one of its possible answers. What `enableWhen`
//! disables is not answered. A question inside a group that repeats stands for one occurrence.

mod build;
mod values;

use crate::form::answers::{Answer, Answers, Slot};
use crate::form::questionnaire::{Comparand, Item, Operator, Questionnaire};
use crate::form::validate::compare;
use values::Values;

/// The Questionnaires of one role, in one version of the rules.
#[derive(Debug, Clone, Copy)]
pub struct Pages<'q> {
    pub own: &'q Questionnaire,
    pub professional: Option<&'q Questionnaire>,
}

/// Some questions with all that they can be answered, each behind those that its enablement hangs on.
#[derive(Debug)]
pub struct Space<'q> {
    questions: Vec<Question<'q>>,
}

/// One question of the space.
#[derive(Debug)]
pub struct Question<'q> {
    pub item: &'q Item,
    /// Of the professional's section.
    pub professional: bool,
    values: Values<'q>,
    /// The values are all that there are, not a few for many.
    is_all: bool,
    /// It is asked where each of these holds.
    levels: Vec<Level<'q>>,
    /// Other questions are asked depending on its answer.
    is_gate: bool,
    /// By version of the rules: its place in that Questionnaire, and its answers as that one weighs them.
    versions: Vec<Option<(usize, Values<'q>)>>,
}

/// The condition of an item, or of one around it.
#[derive(Debug)]
struct Level<'q> {
    any: bool,
    tests: Vec<Test<'q>>,
}

#[derive(Debug)]
enum Test<'q> {
    /// What stands below a question is asked where that has an answer.
    Answered(usize),
    Holds(usize, Operator, &'q Comparand),
}

/// One question left without its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    Deleted,
    /// "I prefer not to answer".
    Declined,
}

impl<'q> Space<'q> {
    pub fn questions(&self) -> &[Question<'q>] {
        &self.questions
    }

    /// Whether the answers are all that there are.
    pub fn is_all(&self) -> bool {
        self.questions.iter().all(|question| question.is_all)
    }

    /// Every family with an answer to all that is asked, in order, until `see` has seen enough (`false`).
    pub fn each(&self, see: &mut impl FnMut(&[u32]) -> bool) {
        self.descend(&mut vec![0; self.questions.len()], 0, see);
    }

    fn descend(&self, family: &mut Vec<u32>, at: usize, see: &mut impl FnMut(&[u32]) -> bool) -> bool {
        let Some(question) = self.questions.get(at) else { return see(family) };
        if !self.is_asked(family, at) || question.count() == 0 {
            family[at] = 0;
            return self.descend(family, at + 1, see);
        }
        (1..=question.count()).all(|number| {
            family[at] = number;
            self.descend(family, at + 1, see)
        })
    }

    /// How many families there are; `None` for more than `most`.
    pub fn count(&self, most: u64) -> Option<u64> {
        let mut count = 0;
        self.each(&mut |_| {
            count += 1;
            count <= most
        });
        (count <= most).then_some(count)
    }

    /// The family of this number in the series of `seed`.
    pub fn sample(&self, seed: u64, number: u64) -> Vec<u32> {
        let mut dice = Dice::new(seed, number);
        let mut family = vec![0; self.questions.len()];
        for (at, question) in self.questions.iter().enumerate() {
            if self.is_asked(&family, at) && question.count() > 0 {
                family[at] = 1 + dice.below(question.count());
            }
        }
        family
    }

    /// The family with another answer to one question; what is no longer asked loses its answer. `None` where something would
    /// be asked that it has not answered.
    pub fn changed(&self, family: &[u32], at: usize, number: u32) -> Option<Vec<u32>> {
        let mut changed = family.to_vec();
        changed[at] = number;
        if self.questions[at].is_gate {
            for (behind, question) in self.questions.iter().enumerate().skip(at + 1) {
                match (self.is_asked(&changed, behind), changed[behind]) {
                    (true, 0) if question.count() > 0 => return None,
                    (true, _) => {}
                    (false, _) => changed[behind] = 0,
                }
            }
        }
        Some(changed)
    }

    /// The family without one answer, and without what was asked because of it.
    pub fn without(&self, family: &[u32], at: usize) -> Vec<u32> {
        let mut changed = family.to_vec();
        changed[at] = 0;
        if self.questions[at].is_gate {
            for behind in at + 1..changed.len() {
                if changed[behind] != 0 && !self.is_asked(&changed, behind) {
                    changed[behind] = 0;
                }
            }
        }
        changed
    }

    /// One number for the family: those of different ones differ.
    pub fn key(&self, family: &[u32]) -> u64 {
        self.questions.iter().zip(family).fold(0, |key, (question, number)| key * u64::from(question.count() + 1) + u64::from(*number))
    }

    /// How many keys there are; `None` for more than `most`.
    pub fn keys(&self, most: u64) -> Option<u64> {
        let product = self.questions.iter().try_fold(1_u64, |keys, question| keys.checked_mul(u64::from(question.count()) + 1));
        product.filter(|keys| *keys <= most)
    }

    /// The family's answers as the Questionnaires of one version of the rules take them. One question may be declined.
    pub fn answers(
        &self,
        version: usize,
        pages: Pages<'q>,
        family: &[u32],
        declined: Option<usize>,
    ) -> (Answers<'q, 'q>, Option<Answers<'q, 'q>>) {
        let open = |questionnaire: &Questionnaire| vec![Slot { open: true, ..Slot::default() }; questionnaire.items().len()];
        let (mut own, mut professional) = (open(pages.own), pages.professional.map(open));
        for (at, (question, number)) in self.questions.iter().zip(family).enumerate() {
            let Some(Some((item, values))) = question.versions.get(version) else { continue };
            let slots = if question.professional { professional.as_mut() } else { Some(&mut own) };
            if let Some(slot) = slots.and_then(|slots| slots.get_mut(*item)) {
                slot.values = values.answers(*number);
                slot.declined = declined == Some(at);
                slot.not_asked = !self.is_asked(family, at);
                slot.open = slot.values.is_empty() && !slot.not_asked;
            }
        }
        let professional = pages.professional.zip(professional).map(|(pages, slots)| Answers::supposed(pages, slots));
        (Answers::supposed(pages.own, own), professional)
    }

    fn is_asked(&self, family: &[u32], at: usize) -> bool {
        self.questions[at].levels.iter().all(|level| {
            let mut tests = level.tests.iter().map(|test| self.holds(test, family));
            if level.any { tests.any(|holds| holds) } else { tests.all(|holds| holds) }
        })
    }

    fn holds(&self, test: &Test<'_>, family: &[u32]) -> bool {
        match test {
            Test::Answered(at) => family[*at] != 0,
            Test::Holds(at, Operator::Exists, Comparand::Boolean(wanted)) => (family[*at] != 0) == *wanted,
            Test::Holds(at, operator, comparand) => {
                let answers = self.questions[*at].values.answers(family[*at]);
                answers.iter().any(|answer| compare(answer, *operator, comparand))
            }
        }
    }
}

impl<'q> Question<'q> {
    /// Its answers have the numbers from 1 to this one.
    pub fn count(&self) -> u32 {
        self.values.count()
    }

    pub fn answers(&self, number: u32) -> Vec<Answer<'q, 'q>> {
        self.values.answers(number)
    }

    /// The answers that differ from this one in a single choice: any other, or, of a set, one option more or less.
    pub fn beside(&self, number: u32) -> Vec<u32> {
        self.values.beside(number)
    }

    /// Which two of its options tell the answers apart; of sets one, twice.
    pub fn difference(&self, one: u32, other: u32) -> (u32, u32) {
        self.values.difference(one, other)
    }

    /// The codes of its options, in the order that [`Question::difference`] counts them.
    pub fn tokens(&self) -> Vec<String> {
        self.values.tokens()
    }

    /// Several options may be chosen together.
    pub const fn is_set(&self) -> bool {
        matches!(self.values, Values::Sets { .. })
    }

    /// The answers of this number as codes or digits.
    pub fn token(&self, number: u32) -> String {
        let answers = self.answers(number);
        if answers.is_empty() { "–".to_owned() } else { answers.iter().map(Answer::token).collect::<Vec<_>>().join(" ") }
    }

    /// "I prefer not to answer" is among its options.
    pub fn can_be_declined(&self) -> bool {
        self.item.options.iter().any(|option| option.is_declined())
    }
}

/// Numbers that look random and are the same for the same seed (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>).
struct Dice(u64);

impl Dice {
    fn new(seed: u64, number: u64) -> Self {
        let mut dice = Self(seed);
        let series = dice.next();
        Self(series ^ number.wrapping_mul(0xD134_2543_DE82_EF95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one less than `count`, which is small against 2^64.
    fn below(&mut self, count: u32) -> u32 {
        (self.next() % u64::from(count)) as u32
    }
}
