//! Which items are asked: `enableWhen`, `enableWhenExpression`, and both inherited from above.
//!
//! R4: the answers of the question are those in the nearest scope that the item and the question share; with several
//! answers one that satisfies is enough; a question without an answer satisfies only `exists = false`. An answer that
//! stands in a disabled item enables nothing. Source: <https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen>

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use super::structure::{Found, Given, Holder};
use super::temporal;
use crate::form::answers::Answer;
use crate::form::questionnaire::{Comparand, DECLINED, EnableWhen, Item, Operator, Questionnaire};
use crate::issue::told::Why;

/// Is an item asked? `Perhaps` where its condition cannot be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Enabled {
    No,
    Perhaps,
    Yes,
}

/// What enableWhenExpressions came to, by item and where it stands.
#[derive(Default)]
pub(super) struct Expressed {
    pub states: HashMap<(usize, Holder), Enabled>,
    /// Why one could not be decided.
    pub doubts: HashMap<(usize, Holder), Why>,
}

/// The enablement of everything in a response.
pub(super) struct Enablement<'a, 'q, 'd> {
    questionnaire: &'q Questionnaire,
    found: &'a Found<'q, 'd>,
    expressed: &'a Expressed,
    states: Vec<Enabled>,
    /// Answers that may yet be compared: conditions times answers could be any number.
    left: Cell<usize>,
    /// By condition: the scope that it was last asked in, and what it came to. Items are visited in document order, so one scope
    /// is done with before the next.
    held: RefCell<Vec<Option<(Holder, Enabled)>>>,
}

impl<'a, 'q, 'd> Enablement<'a, 'q, 'd> {
    /// Of every occurrence, each behind those that it hangs on.
    pub(super) fn of(questionnaire: &'q Questionnaire, found: &'a Found<'q, 'd>, expressed: &'a Expressed) -> Self {
        let states = vec![Enabled::Yes; found.len()];
        let held = RefCell::new(vec![None; questionnaire.conditions()]);
        let mut enablement = Self { questionnaire, found, expressed, states, left: Cell::new(MOST), held };
        for &item in questionnaire.in_order_of_enablement() {
            for &at in found.below(item, Holder::RESPONSE) {
                enablement.states[at] = enablement.item(item, found.occurrence(at).holder);
            }
        }
        enablement
    }

    /// Not everything could be compared.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left.get() == 0
    }

    pub(super) fn occurrence(&self, at: usize) -> Enabled {
        self.states[at]
    }

    /// Of an item that stands, or could stand, in `holder`.
    pub(super) fn item(&self, index: usize, holder: Holder) -> Enabled {
        let above = holder.occurrence.map_or(Enabled::Yes, |at| self.states[at]);
        above.min(self.own(index, holder))
    }

    /// By its own conditions alone.
    pub(super) fn own(&self, index: usize, holder: Holder) -> Enabled {
        let item = self.questionnaire.item(index);
        let expressed = self.expressed.states.get(&(index, holder)).copied().unwrap_or(Enabled::Yes);
        expressed.min(self.by_conditions(item, holder))
    }

    /// Why the item's expression could not be decided.
    pub(super) fn doubt(&self, index: usize, holder: Holder) -> Option<&Why> {
        self.expressed.doubts.get(&(index, holder))
    }

    /// The first condition of an item that is perhaps asked which an answer leaves open by itself, and why.
    pub(super) fn undecided(&self, item: &'q Item, holder: Holder) -> Option<(&'q EnableWhen, Why)> {
        let because = |condition: &'q EnableWhen| {
            if self.holds(condition, holder) != Enabled::Perhaps {
                return None;
            }
            let scope = self.scope(condition, holder);
            let there = self.nearest(condition, &scope).iter().filter(|&&at| self.states[at] != Enabled::No);
            let given = there.flat_map(|&at| &self.found.occurrence(at).values);
            let why = given.filter_map(|given| left_open(given, condition)).next()?;
            Some((condition, why))
        };
        if self.is_exhausted() { None } else { item.enable_when.iter().find_map(because) }
    }

    fn by_conditions(&self, item: &Item, holder: Holder) -> Enabled {
        if item.enable_when.is_empty() && !item.conditions_unread {
            return Enabled::Yes;
        }
        let unread = item.conditions_unread.then_some(Enabled::Perhaps);
        let (mut least, mut most) = (unread.unwrap_or(Enabled::Yes), unread.unwrap_or(Enabled::No));
        for condition in &item.enable_when {
            let holds = self.holds(condition, holder);
            (least, most) = (least.min(holds), most.max(holds));
        }
        match (item.enable_behavior_missing, item.enable_any) {
            // nothing says whether one or all are meant
            (true, _) if least != most => Enabled::Perhaps,
            (false, true) => most,
            _ => least,
        }
    }

    fn holds(&self, condition: &EnableWhen, holder: Holder) -> Enabled {
        let scope = self.scope(condition, holder);
        if let Some((last, known)) = self.held.borrow()[condition.number]
            && last == scope
        {
            return known;
        }
        let holds = self.satisfied(condition, scope);
        self.held.borrow_mut()[condition.number] = Some((scope, holds));
        holds
    }

    fn scope(&self, condition: &EnableWhen, holder: Holder) -> Holder {
        let item = |holder: &Holder| holder.occurrence.map(|at| self.found.occurrence(at).item);
        self.found.climb(holder).find(|holder| item(holder) == condition.scope).unwrap_or(Holder::RESPONSE)
    }

    /// The occurrences of the question. R4: the nearest is the item itself, with all its answers.
    fn nearest<'s>(&'s self, condition: &EnableWhen, scope: &'s Holder) -> &'s [usize] {
        match &scope.occurrence {
            Some(at) if self.found.occurrence(*at).item == condition.question => std::slice::from_ref(at),
            _ => self.found.below(condition.question, *scope),
        }
    }

    /// By the question's answers in the scope: an occurrence, and of a question the one answer that is come from. What is
    /// perhaps not asked has perhaps no answer.
    fn satisfied(&self, condition: &EnableWhen, scope: Holder) -> Enabled {
        let all = self.nearest(condition, &scope);
        // a question has few occurrences for its answers, or many with few
        let strays = self.found.strays.answers(condition.question);
        let count = all.iter().map(|&at| self.found.occurrence(at).values.len() + 1).sum::<usize>() + strays.len();
        match self.left.get().checked_sub(count) {
            Some(left) => self.left.set(left),
            None => {
                self.left.set(0);
                return Enabled::Perhaps;
            }
        }
        let answers = all.iter().flat_map(|&at| self.found.occurrence(at).values.iter().map(move |given| (self.states[at], given)));
        // in the wrong place, it is perhaps the answer that is meant
        let answers = answers.chain(strays.iter().map(|given| (Enabled::Perhaps, given)));
        match (condition.operator, &condition.answer) {
            // a declined answer is an answer to `exists`: the question was met
            (Operator::Exists, Comparand::Boolean(wanted)) => {
                let exists = answers.map(|(state, _)| state).max().unwrap_or(Enabled::No);
                if *wanted { exists } else { exists.not() }
            }
            (operator, comparand) => {
                answers.map(|(state, given)| state.min(satisfies(given, operator, comparand))).max().unwrap_or(Enabled::No)
            }
        }
    }
}

impl Enabled {
    const fn of(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }

    const fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Perhaps => Self::Perhaps,
            Self::Yes => Self::No,
        }
    }
}

/// Comparisons for one response: no form comes near it.
const MOST: usize = 5_000_000;

fn satisfies(given: &Given<'_, '_>, operator: Operator, comparand: &Comparand) -> Enabled {
    match &given.answer {
        Some(answer) => compared(answer, operator, comparand).map_or(Enabled::Perhaps, Enabled::of),
        None if given.declined => Enabled::of(is_declined_wanted(operator, comparand)),
        // a number beyond what is computed with
        None => Enabled::Perhaps,
    }
}

/// Why the answer does not tell whether it satisfies the condition.
fn left_open(given: &Given<'_, '_>, condition: &EnableWhen) -> Option<Why> {
    if given.declined || condition.operator == Operator::Exists {
        return None;
    }
    let Some(answer) = &given.answer else { return Some(Why::Digits) };
    let is_open = compared(answer, condition.operator, &condition.answer).is_none();
    is_open.then_some(if matches!(answer, Answer::Quantity { .. }) { Why::OtherUnit } else { Why::Precision })
}

/// Does the answer surely satisfy the comparison?
pub(crate) fn compare(answer: &Answer<'_, '_>, operator: Operator, comparand: &Comparand) -> bool {
    compared(answer, operator, comparand) == Some(true)
}

/// Does the answer satisfy the comparison? `None` where units or precision do not tell. What is of another kind does not.
pub(super) fn compared(answer: &Answer<'_, '_>, operator: Operator, comparand: &Comparand) -> Option<bool> {
    let Operator::Is(comparison) = operator else { return Some(true) };
    let ordering = match (answer, comparand) {
        (Answer::Boolean(left), Comparand::Boolean(right)) => left.cmp(right),
        (Answer::Number(left), Comparand::Number(right)) => left.cmp(right),
        (Answer::Quantity { value, .. }, Comparand::Number(right)) => value.cmp(right),
        (Answer::Quantity { value, unit, system }, Comparand::Quantity { value: right, unit: wanted }) => {
            if !wanted.as_ref().is_none_or(|wanted| wanted.is_same(unit, *system)) {
                return None;
            }
            value.cmp(right)
        }
        (Answer::Text(left), Comparand::Text(right)) => (*left).cmp(right.as_str()),
        (Answer::Time(left), Comparand::Time(right)) => temporal::compare(left, right)?,
        (Answer::Reference(left), Comparand::Reference(right)) => return Some(comparison.holds_of(*left == right.as_str())),
        (Answer::Coding { system, code, .. }, Comparand::Coding { system: wanted, code: right }) => {
            return Some(comparison.holds_of(code == right && wanted.as_deref().is_none_or(|wanted| wanted == *system)));
        }
        // another answer than the one to compare with, whatever it is
        (Answer::Text(_), Comparand::Coding { .. }) | (Answer::Coding { .. }, Comparand::Text(_)) => {
            return Some(comparison.holds_of(false));
        }
        _ => return Some(false),
    };
    Some(comparison.holds(ordering))
}

fn is_declined_wanted(operator: Operator, comparand: &Comparand) -> bool {
    match (operator, comparand) {
        (Operator::Is(comparison), Comparand::Coding { code, .. }) => comparison.holds_of(code == DECLINED),
        _ => false,
    }
}
