//! What an item may hold in a *completion*: the three-valued logic's ground.
//!
//! A completion gives every enabled question that is unanswered or declined a valid answer (a repeating one any set,
//! none included), recomputes enablement, and repeats. [`Family::domain`] says for an item what completions can make of it;
//! with some answers tried it says what those completions do. Without trials it is told once and remembered.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use rust_decimal::Decimal;

use super::complete::Sight;
use super::condition::{self, Derived, Input, Source};
use super::outcome::{Outcome, Outcomes};
use super::possible::possible_answers;
use super::range::Range;
use super::rule::RoleRules;
use crate::fhirpath::{Budget, Kept};
use crate::form::answers::{Answer, Answers};
use crate::form::questionnaire::{AnswerOption, Bound, Comparand, EnableWhen, Item, ItemKind, Operator};
use crate::form::validate::compare;

/// The answers about one person: the person's own and the professional's.
pub struct Family<'q, 'd, 'f> {
    pub own: &'f Answers<'q, 'd>,
    pub professional: Option<&'f Answers<'q, 'd>>,
    derived: &'f Derived,
    kept: Option<&'f Kept>,
    domains: [Vec<OnceCell<Domain<'f, 'q, 'd>>>; 2],
    /// Of the parts that rules share, nothing tried.
    pub(super) numbers: Vec<OnceCell<Range>>,
    pub(super) conditions: Vec<OnceCell<Outcomes>>,
    /// Of the same, in the completion that is being tried.
    pub(super) tried: RefCell<Tried>,
    /// The family as the engine sees it, nothing tried.
    pub(super) sight: OnceCell<Option<Sight>>,
    /// Of all that the engine evaluates for this person.
    budget: Rc<Budget>,
    depth: Cell<usize>,
}

impl<'q, 'd, 'f> Family<'q, 'd, 'f> {
    pub fn new(rules: &'f RoleRules, own: &'f Answers<'q, 'd>, professional: Option<&'f Answers<'q, 'd>>) -> Self {
        let cells = |answers: &Answers<'_, '_>| vec![OnceCell::new(); answers.questionnaire().items().len()];
        Self {
            own,
            professional,
            derived: &rules.derived,
            kept: rules.kept.as_ref(),
            domains: [cells(own), professional.map(cells).unwrap_or_default()],
            numbers: vec![OnceCell::new(); rules.shared.0],
            conditions: vec![OnceCell::new(); rules.shared.1],
            tried: RefCell::default(),
            sight: OnceCell::new(),
            budget: Rc::new(Budget::of_response()),
            depth: Cell::new(0),
        }
    }

    /// The Questionnaire itself, where rules read it.
    pub const fn kept(&self) -> Option<&'f Kept> {
        self.kept
    }

    pub(super) const fn budget(&self) -> &Rc<Budget> {
        &self.budget
    }

    pub(super) const fn derived(&self) -> &'f Derived {
        self.derived
    }

    pub fn answers(&self, source: Source) -> Option<&'f Answers<'q, 'd>> {
        match source {
            Source::Own => Some(self.own),
            Source::Professional => self.professional,
        }
    }
}

/// What shared parts came to in one completion.
#[derive(Debug, Default)]
pub struct Tried {
    pub(super) numbers: Vec<Option<Range>>,
    pub(super) conditions: Vec<Option<Outcomes>>,
}

impl Tried {
    /// Another completion.
    pub(super) fn forget(&mut self) {
        self.numbers.clear();
        self.conditions.clear();
    }
}

/// What completions can make of one item.
#[derive(Debug, Clone)]
pub enum Domain<'a, 'q, 'd> {
    /// These answers, in every completion. None of them: absent for sure.
    Known(&'a [Answer<'q, 'd>]),
    /// These answers or none: its condition is not yet decided.
    KnownOrAbsent(&'a [Answer<'q, 'd>]),
    /// Something valid; perhaps several, perhaps none.
    Open { options: &'q [AnswerOption], kind: ItemKind, bounds: (Option<Decimal>, Option<Decimal>), arity: Arity, maybe_absent: bool },
}

/// How many answers an open question may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    One,
    /// Of a repeating question: any set of them.
    Set,
    /// Of a question inside something that repeats: any of them, any number of times.
    Bag,
}

/// The answers given to one item while trying.
pub type Trial<'q, 'd> = (Input, Vec<Answer<'q, 'd>>);

/// A truth value of enablement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    Yes,
    No,
    Perhaps,
}

impl Truth {
    const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Perhaps,
        }
    }

    const fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::No, Self::No) => Self::No,
            _ => Self::Perhaps,
        }
    }

    const fn of(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

impl<'q: 'd, 'd, 'f> Family<'q, 'd, 'f> {
    /// What completions can make of `input`, given what is tried.
    pub fn domain<'t>(&self, input: Input, trials: &'t [Trial<'q, 'd>]) -> Domain<'t, 'q, 'd>
    where
        'f: 't,
    {
        if !trials.is_empty() {
            return self.told(input, trials);
        }
        let known = self.domains[input.source as usize].get(input.item);
        known.map_or(Domain::Known(&[]), |cell| cell.get_or_init(|| self.told(input, &[])).clone())
    }

    fn told<'t>(&self, input: Input, trials: &'t [Trial<'q, 'd>]) -> Domain<'t, 'q, 'd>
    where
        'f: 't,
    {
        let Some(answers) = self.answers(input.source) else { return Domain::Known(&[]) };
        let questionnaire = answers.questionnaire();
        if let Some(around) = questionnaire.repeated_around(input.item) {
            return self.repeated_domain(input, around, trials);
        }
        let item = questionnaire.item(input.item);
        let enabled = self.enabled(input, trials);
        if enabled == Truth::No {
            return Domain::Known(&[]);
        }
        let known = |answers| if enabled == Truth::Perhaps { Domain::KnownOrAbsent(answers) } else { Domain::Known(answers) };
        let slot = answers.slot(input.item);
        if !slot.values.is_empty() && !slot.declined {
            return known(&slot.values);
        }
        if item.empty_means_none && !slot.declined {
            return Domain::Known(&[]);
        }
        if let Some((_, answers)) = trials.iter().find(|(tried, _)| *tried == input) {
            return known(answers);
        }
        let maybe_absent = item.repeats || enabled == Truth::Perhaps;
        open(item, if item.repeats { Arity::Set } else { Arity::One }, maybe_absent)
    }

    /// Inside something that repeats (`around`), answers of all occurrences stand together, and which answer enables
    /// which is no longer told: if anything there is open, all is.
    fn repeated_domain<'t>(&self, input: Input, around: usize, trials: &'t [Trial<'q, 'd>]) -> Domain<'t, 'q, 'd>
    where
        'f: 't,
    {
        let Some(answers) = self.answers(input.source) else { return Domain::Known(&[]) };
        let questionnaire = answers.questionnaire();
        let (item, slot) = (questionnaire.item(input.item), answers.slot(input.item));
        let is_asked = self.held(Input { item: around, ..input }, trials);
        if is_asked == Truth::No {
            return Domain::Known(&[]);
        }
        let is_decided = |question: usize| matches!(self.domain(Input { item: question, ..input }, &[]), Domain::Known(_));
        let inside = || std::iter::once(input.item).chain(questionnaire.ancestors(input.item)).take_while(|&index| index != around);
        let mut conditions = inside().flat_map(|index| &questionnaire.item(index).enable_when);
        let is_open = slot.declined || (slot.open && !item.empty_means_none);
        let is_expressed = |index: usize| questionnaire.item(index).expressions.as_ref().is_some_and(|it| it.enable_when.is_some());
        if is_open
            || is_asked == Truth::Perhaps
            || conditions.any(|condition| !is_decided(condition.question))
            || (inside().any(is_expressed) && slot.values.is_empty())
        {
            return open(item, Arity::Bag, true);
        }
        Domain::Known(&slot.values)
    }

    /// Will the item be asked in every completion, in none, or in some?
    pub fn enabled(&self, input: Input, trials: &[Trial<'q, 'd>]) -> Truth {
        let Some(answers) = self.answers(input.source) else { return Truth::No };
        let questionnaire = answers.questionnaire();
        let item = questionnaire.item(input.item);
        let expressed = item.expressions.as_ref().is_some_and(|it| it.enable_when.is_some());
        if item.parent.is_none() && item.enable_when.is_empty() && !expressed && !item.conditions_unread {
            return Truth::Yes;
        }
        // a Questionnaire whose conditions go in a circle is told as defective, and never decided here
        if self.depth.get() > DEEPEST {
            return Truth::Perhaps;
        }
        self.depth.set(self.depth.get() + 1);
        let enabled = self.enabled_there(input, item, expressed, trials);
        self.depth.set(self.depth.get() - 1);
        enabled
    }

    fn enabled_there(&self, input: Input, item: &Item, expressed: bool, trials: &[Trial<'q, 'd>]) -> Truth {
        let above = item.parent.map_or(Truth::Yes, |parent| self.held(Input { item: parent, ..input }, trials));
        if above == Truth::No {
            return Truth::No;
        }
        let by_expression = if expressed { self.expressed(input, trials) } else { Truth::Yes };
        let unread = if item.conditions_unread { Truth::Perhaps } else { Truth::Yes };
        let above = above.and(by_expression).and(unread);
        if item.enable_when.is_empty() {
            return above;
        }
        let truths = || item.enable_when.iter().map(|condition| self.holds(condition, input.source, trials));
        let (any, all) = (truths().fold(Truth::No, Truth::or), truths().fold(Truth::Yes, Truth::and));
        let own = match (item.enable_behavior_missing, item.enable_any) {
            // nothing says whether one or all are meant
            (true, _) => same(any, all),
            (false, true) => any,
            (false, false) => all,
        };
        above.and(own)
    }

    /// By its `enableWhenExpression`: in every completion if it is lowered, else as it was validated where that cannot change.
    fn expressed(&self, input: Input, trials: &[Trial<'q, 'd>]) -> Truth {
        if let Some(condition) = self.derived.asked(input) {
            return match self.outcomes(condition, trials) {
                Outcomes::TRUE => Truth::Yes,
                outcomes if outcomes.outcome() == Outcome::NotMet => Truth::No,
                _ => Truth::Perhaps,
            };
        }
        let Some(answers) = self.answers(input.source).filter(|answers| answers.response().is_some()) else { return Truth::Perhaps };
        let is_settled = |reads: &[Input]| reads.iter().all(|&read| read == input || matches!(self.domain(read, trials), Domain::Known(_)));
        match self.derived.reads(input) {
            Some(reads) if is_settled(reads) => Truth::of(!answers.slot(input.item).not_asked),
            _ => Truth::Perhaps,
        }
    }

    /// Can something stand below it? Below a question only where the question has an answer.
    fn held(&self, input: Input, trials: &[Trial<'q, 'd>]) -> Truth {
        let is_question = self.answers(input.source).is_some_and(|answers| answers.questionnaire().item(input.item).is_question());
        if !is_question {
            return self.enabled(input, trials);
        }
        match self.domain(input, trials) {
            Domain::Known(answers) => Truth::of(!answers.is_empty()),
            Domain::KnownOrAbsent(_) | Domain::Open { maybe_absent: true, .. } => Truth::Perhaps,
            Domain::Open { .. } => Truth::Yes,
        }
    }

    fn holds(&self, condition: &EnableWhen, source: Source, trials: &[Trial<'q, 'd>]) -> Truth {
        let input = Input { source, item: condition.question };
        if self.answers(source).is_some_and(|answers| condition::is_computed(answers.questionnaire(), condition.question)) {
            return self.holds_of_computed(condition, input, trials);
        }
        let of_answers = |answers: &[Answer<'_, '_>]| {
            Truth::of(match (condition.operator, &condition.answer) {
                (Operator::Exists, Comparand::Boolean(wanted)) => answers.is_empty() != *wanted,
                (operator, comparand) => answers.iter().any(|answer| compare(answer, operator, comparand)),
            })
        };
        match self.domain(input, trials) {
            Domain::Known(answers) => of_answers(answers),
            Domain::KnownOrAbsent(answers) => same(of_answers(answers), of_answers(&[])),
            Domain::Open { options, kind, bounds, arity, maybe_absent } => {
                let mut truths = Vec::new();
                if maybe_absent {
                    truths.push(of_answers(&[]));
                }
                match possible_answers(options, kind, bounds) {
                    Some(answers) if arity == Arity::One => {
                        truths.extend(answers.iter().map(|answer| of_answers(std::slice::from_ref(answer))))
                    }
                    _ if condition.operator == Operator::Exists => truths.push(Truth::of(condition.answer == Comparand::Boolean(true))),
                    _ => truths.push(Truth::Perhaps),
                }
                truths.into_iter().reduce(same).unwrap_or(Truth::Perhaps)
            }
        }
    }

    /// A total is what its answers make it, whatever is stated.
    fn holds_of_computed(&self, condition: &EnableWhen, input: Input, trials: &[Trial<'q, 'd>]) -> Truth {
        let (Some(number), Comparand::Number(wanted)) = (self.derived.calculated(input), &condition.answer) else { return Truth::Perhaps };
        let Operator::Is(comparison) = condition.operator else { return Truth::Perhaps };
        match self.range(number, trials).compare(comparison, Range::exactly(*wanted)).outcome() {
            Outcome::Met => Truth::Yes,
            Outcome::NotMet => Truth::No,
            Outcome::Indeterminate => Truth::Perhaps,
        }
    }
}

fn open<'a, 'q, 'd>(item: &'q Item, arity: Arity, maybe_absent: bool) -> Domain<'a, 'q, 'd> {
    let number = |bound: &Option<Bound>| match bound {
        Some(Bound::Number(number)) => Some(*number),
        _ => None,
    };
    let bounds = (number(&item.bounds.min), number(&item.bounds.max));
    Domain::Open { options: &item.options, kind: item.kind, bounds, arity, maybe_absent }
}

fn same(left: Truth, right: Truth) -> Truth {
    if left == right { left } else { Truth::Perhaps }
}

/// Conditions that hang on conditions deeper than this decide nothing.
const DEEPEST: usize = 256;
