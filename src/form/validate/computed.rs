//! Bounds and flags that an expression gives, options offered under a condition, and answers that an expression lists.
//!
//! Source: SDC 4.0 <https://hl7.org/fhir/uv/sdc/expressions.html>, `cqf-expression`. What an expression does not tell is not
//! checked, never passed.

use std::cell::Cell;

use super::Demand;
use super::enable::Enabled;
use super::expressions::agrees;
use super::ground::Ground;
use super::structure::Given;
use super::tell::Tell;
use super::{answer, rules, wanted};
use crate::fhirpath::{Failure, Outcome, Session};
use crate::form::questionnaire::{Bound, Bounds, Computed, Expressions, Item, OptionValue, QuantityBound, Unit, What};
use crate::issue::told::{Told, Unchecked, Why};
use crate::issue::{Issue, Issues};

/// One item in one holder, where it stands or could stand.
pub(super) struct Spot<'s, 'q, 'd> {
    pub item: &'q Item,
    /// Its occurrences.
    pub here: &'s [usize],
    pub enabled: Enabled,
    pub demand: Demand,
    pub ground: &'s Ground<'s, 'q, 'd>,
    pub holder_place: &'s dyn Fn() -> String,
}

impl Spot<'_, '_, '_> {
    /// What is computed of the item as a whole.
    pub(super) fn check(&self, session: &Session, computed: &Computed, issues: &mut Issues) {
        let outcome = session.judge(&computed.expression.plan).map_err(|failure| self.ground.why(failure));
        let mut found = Issues::default();
        let is_told = match (computed.what, outcome.as_deref()) {
            (_, Ok([])) => true,
            (What::Required, Ok([Outcome::Boolean(required)])) => {
                if *required {
                    self.required(&mut found);
                }
                true
            }
            (What::Repeats, Ok([Outcome::Boolean(repeats)])) => {
                if !*repeats {
                    self.single(&mut found);
                }
                true
            }
            (What::ReadOnly, Ok([Outcome::Boolean(_)])) => true,
            (what, Ok([value])) => {
                let bounds = bounds(what, value);
                bounds.iter().for_each(|bounds| self.bounded(bounds, &mut found));
                bounds.is_some()
            }
            _ => false,
        };
        for issue in found.into_list() {
            issues.push(if computed.beside_a_value { issue.as_warning() } else { issue });
        }
        if !is_told && (!self.here.is_empty() || computed.what == What::Required) {
            let place = self.here.first().map_or_else(|| (self.holder_place)(), |&at| self.ground.found.place(at));
            let (name, wanted) = what_is(computed.what);
            let why = outcome.err().unwrap_or(Why::Gives { wanted });
            issues.push(Issue::not_checked(Unchecked::Part(name), why, &self.item.link_id, place));
        }
    }

    fn required(&self, issues: &mut Issues) {
        let is_empty = |&&at: &&usize| {
            let occurrence = self.ground.found.occurrence(at);
            if self.item.is_question() { occurrence.node.member("answer").is_none() } else { occurrence.children.is_empty() }
        };
        if self.demand != Demand::Whole || self.enabled != Enabled::Yes {
            return;
        }
        let place = match self.here {
            [] => (self.holder_place)(),
            here => match here.iter().find(is_empty) {
                Some(&at) => self.ground.found.place(at),
                None => return,
            },
        };
        let link_id = &self.item.link_id;
        issues.push(Issue::of(Told::MissingAnswer { wanted: wanted::wanted(self.item) }, link_id, place));
    }

    fn single(&self, issues: &mut Issues) {
        let link_id = &self.item.link_id;
        let found = self.ground.found;
        if let [_, second, ..] = self.here {
            let told = Told::Repeated { count: self.here.len(), is_question: self.item.is_question(), repeats: false };
            issues.push(Issue::of(told, link_id, found.place(*second)));
        }
        for &at in self.here {
            let count = found.occurrence(at).node.list("answer").len();
            if count > 1 {
                issues.push(Issue::of(Told::OneOnly { count }, link_id, found.place(at)));
            }
        }
    }

    fn bounded(&self, bounds: &Bounds, issues: &mut Issues) {
        let found = self.ground.found;
        let must = self.demand == Demand::Whole && self.enabled == Enabled::Yes;
        let counted = |at: usize, count: usize| rules::occurs(self.item, bounds, count, &|| found.place(at), self.demand, must);
        if !self.item.is_question() {
            issues.extend(self.here.first().and_then(|&at| counted(at, self.here.len())));
            return;
        }
        for &at in self.here {
            let occurrence = found.occurrence(at);
            let count = occurrence.node.list("answer").len();
            issues.extend((count > 0).then(|| counted(at, count)).flatten());
            for given in occurrence.values.iter().filter(|given| !given.declined) {
                let place = || format!("{}.answer[{}].value", found.place(at), given.position);
                answer::bounds(bounds, given, &mut Tell { link_id: &self.item.link_id, place: &place, issues, matching: &Cell::new(0) });
            }
        }
    }
}

/// Whether the answers are among those that the item's expressions offer.
/// `why` tells why one comes to nothing.
pub(super) fn offered(
    session: &Session,
    expressions: &Expressions,
    given: &Given<'_, '_>,
    tell: &mut Tell<'_>,
    why: impl Fn(Failure) -> Why,
) {
    if given.declined {
        return;
    }
    if let Some(listed) = &expressions.answers {
        const NAME: Unchecked = Unchecked::Part("`answerExpression`");
        match session.judge(&listed.plan) {
            Ok(values) if values.iter().any(|value| given.answer.as_ref().is_some_and(|answer| agrees(answer, value))) => {}
            Ok(values) if values.contains(&Outcome::Other) => tell.not_checked(NAME, Why::Gives { wanted: ANSWERS }),
            Ok(_) => tell.refuse(Told::NotListed { expression: wanted::expression(&listed.text) }),
            Err(failure) => tell.not_checked(NAME, why(failure)),
        }
    }
    let is_named = |option: &&OptionValue| given.answer.as_ref().is_some_and(|answer| option.is(answer));
    let (mut is_listed, mut is_on, mut untold, mut offered_when) = (false, false, None, "");
    for toggle in expressions.toggles.iter().filter(|toggle| toggle.options.iter().any(|option| is_named(&option))) {
        (is_listed, offered_when) = (true, toggle.expression.text.as_str());
        match session.judge(&toggle.expression.plan).as_deref() {
            Ok([Outcome::Boolean(true)]) => is_on = true,
            Ok([] | [Outcome::Boolean(false)]) => {}
            Ok(_) => untold = Some(Why::Gives { wanted: BOOLEAN }),
            Err(failure) => untold = Some(why(failure.clone())),
        }
    }
    match untold {
        _ if !is_listed || is_on => {}
        None => tell.refuse(Told::NotOffered { expression: wanted::expression(offered_when) }),
        Some(why) => tell.not_checked(Unchecked::Part("`answerOptionsToggleExpression`"), why),
    }
}

fn bounds(what: What, value: &Outcome) -> Option<Bounds> {
    let mut bounds = Bounds::default();
    match (what, value) {
        (What::MinValue, Outcome::Number(number)) => bounds.min = Some(Bound::Number(*number)),
        (What::MaxValue, Outcome::Number(number)) => bounds.max = Some(Bound::Number(*number)),
        (What::MinValue, Outcome::Text(text)) => bounds.min = Some(Bound::Time(text.clone())),
        (What::MaxValue, Outcome::Text(text)) => bounds.max = Some(Bound::Time(text.clone())),
        (What::MinValue | What::MinQuantity, Outcome::Quantity { value, unit }) => bounds.min_quantity = Some(quantity(*value, unit)),
        (What::MaxValue | What::MaxQuantity, Outcome::Quantity { value, unit }) => bounds.max_quantity = Some(quantity(*value, unit)),
        (What::MinOccurs, Outcome::Number(number)) => bounds.min_occurs = Some(number.to_string().parse().ok()?),
        (What::MaxOccurs, Outcome::Number(number)) => bounds.max_occurs = Some(number.to_string().parse().ok()?),
        _ => return None,
    }
    Some(bounds)
}

fn quantity(value: rust_decimal::Decimal, unit: &str) -> QuantityBound {
    QuantityBound { value, unit: Unit { system: None, code: unit.to_owned(), display: unit.to_owned() } }
}

/// Its name, and what its expression should give.
const fn what_is(what: What) -> (&'static str, &'static str) {
    match what {
        What::MinValue => ("`minValue`", BOUND),
        What::MaxValue => ("`maxValue`", BOUND),
        What::MinQuantity => ("`minQuantity`", BOUND),
        What::MaxQuantity => ("`maxQuantity`", BOUND),
        What::MinOccurs => ("`minOccurs`", COUNT),
        What::MaxOccurs => ("`maxOccurs`", COUNT),
        What::Required => ("`required`", BOOLEAN),
        What::Repeats => ("`repeats`", BOOLEAN),
        What::ReadOnly => ("`readOnly`", BOOLEAN),
    }
}

pub(super) const BOOLEAN: &str = "a boolean";
const COUNT: &str = "an integer from 0";
const BOUND: &str = "a bound for the answer";
const ANSWERS: &str = "values that answers can be compared with";
