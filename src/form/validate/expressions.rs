//! What the Questionnaire says in FHIRPath, over what was found: `enableWhenExpression`, `constraint`, `targetConstraint`,
//! `calculatedExpression`. An expression sees the response without what is disabled, and every coded answer with its weight.
//!
//! Source: SDC 4.0 <https://hl7.org/fhir/uv/sdc/expressions.html>. An expression that fails decides nothing: it is told as
//! not checked, never as passed.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use neuvola_fhir::Node;

use super::Demand;
use super::computed::{BOOLEAN, Spot, offered};
use super::enable::{Enabled, Enablement, Expressed};
use super::ground::Ground;
use super::missing::Missing;
use super::structure::Found;
use super::tell::Tell;
use super::wanted;
use crate::fhirpath::{Budget, Outcome, Session};
use crate::form::answers::Answer;
use crate::form::questionnaire::{Constraint, Expressions, Item, Questionnaire, What};
use crate::issue::told::{Told, Unchecked, Why};
use crate::issue::{Issue, Issues, Severity};

/// What enableWhenExpressions come to. One may hang on an answer that another disables: it is asked again until nothing changes.
pub(super) fn enablement<'q, 'd>(
    response: &'d Node<'d>,
    questionnaire: &'q Questionnaire,
    found: &Found<'q, 'd>,
    budget: &Rc<Budget>,
) -> Expressed {
    let mut expressed = Expressed::default();
    if questionnaire.items().iter().all(|item| item.expressions.as_ref().is_none_or(|it| it.enable_when.is_none())) {
        return expressed;
    }
    let mut unsettled = HashSet::new();
    for round in 1..=ROUNDS {
        let mut next = {
            let enablement = Enablement::of(questionnaire, found, &expressed);
            let ground = Ground::new(response, questionnaire, found, &enablement, budget);
            let missing = Missing { questionnaire, found, enablement: &enablement, known: RefCell::default() };
            let mut next = Expressed::default();
            ground.each_holder(|holder, session, index, item| {
                let Some(expressions) = item.expressions.as_deref() else { return };
                let Some(expression) = &expressions.enable_when else { return };
                let outcome = if expressions.enable_when_of_response {
                    ground.root.judge(&expression.plan)
                } else {
                    let here = ground.here(index, holder);
                    ground.item_session(session, item, here.first().copied()).judge(&expression.plan)
                };
                let state = match (missing.stray(Some(index), expression), outcome.as_deref()) {
                    (Some(stray), _) => Err(Why::Stray(stray.link_id.clone())),
                    (None, Ok([Outcome::Boolean(true)])) => Ok(Enabled::Yes),
                    (None, Ok([] | [Outcome::Boolean(false)])) => Ok(Enabled::No),
                    (None, Ok(_)) => Err(Why::Gives { wanted: BOOLEAN }),
                    (None, Err(failure)) => Err(ground.why(failure.clone())),
                };
                next.states.insert((index, holder), *state.as_ref().unwrap_or(&Enabled::Perhaps));
                next.doubts.extend(state.err().map(|why| ((index, holder), why)));
            });
            next
        };
        if next.states == expressed.states {
            break;
        }
        let changes = next.states.iter().filter(|(at, state)| expressed.states.get(*at) != Some(*state)).map(|(at, _)| *at);
        unsettled.extend(changes.filter(|_| round > ROUNDS / 2));
        if round == ROUNDS {
            // they chase each other: what still changes is not decided
            for at in &unsettled {
                next.states.insert(*at, Enabled::Perhaps);
                next.doubts.entry(*at).or_insert(Why::Circle);
            }
        }
        expressed = next;
    }
    expressed
}

/// Constraints, calculations, and what else is computed.
pub(super) fn check<'q, 'd>(
    response: &'d Node<'d>,
    questionnaire: &'q Questionnaire,
    found: &Found<'q, 'd>,
    enablement: &Enablement<'_, 'q, 'd>,
    (demand, budget): (Demand, &Rc<Budget>),
    issues: &mut Issues,
) {
    let ground = Ground::new(response, questionnaire, found, enablement, budget);
    let missing = Missing { questionnaire, found, enablement, known: RefCell::default() };
    let mut check = Check { ground: &ground, missing: &missing, demand, issues };
    for constraint in &questionnaire.expressions.constraints {
        check.constrain(&ground.root, constraint, None);
    }
    ground.each_holder(|holder, session, index, item| {
        let Some(expressions) = item.expressions.as_deref() else { return };
        let here = ground.here(index, holder);
        if !expressions.computed.is_empty() {
            let enabled = enablement.item(index, holder);
            let holder_place = || found.holder_place(holder);
            let spot = Spot { item, here, enabled, demand, ground: &ground, holder_place: &holder_place };
            let session = ground.item_session(session, item, here.first().copied());
            let computed = expressions.computed.iter().filter(|_| enabled != Enabled::No);
            computed.for_each(|computed| spot.check(&session, computed, check.issues));
        }
        for &at in here {
            if enablement.occurrence(at) != Enabled::No {
                let session = ground.item_session(session, item, Some(at));
                check.item(&session, expressions, index, at);
            }
        }
        let hangs_on_it = !here.is_empty() || (item.required && demand == Demand::Whole);
        if let Some(why) = enablement.doubt(index, holder).filter(|_| hangs_on_it) {
            let place = here.first().map_or_else(|| found.holder_place(holder), |&at| found.place(at));
            let what = Unchecked::Part("`enableWhenExpression`");
            check.issues.push(Issue::not_checked(what, why.clone(), &item.link_id, place));
        }
    });
}

struct Check<'c, 'q, 'd> {
    ground: &'c Ground<'c, 'q, 'd>,
    missing: &'c Missing<'c, 'q, 'd>,
    demand: Demand,
    issues: &'c mut Issues,
}

impl Check<'_, '_, '_> {
    fn item(&mut self, session: &Session, expressions: &Expressions, index: usize, at: usize) {
        let item = self.ground.questionnaire.item(index);
        for constraint in &expressions.constraints {
            self.constrain(session, constraint, Some((index, at)));
        }
        self.calculated(session, expressions, index, at);
        if expressions.answers.is_none() && expressions.toggles.is_empty() {
            return;
        }
        for given in &self.ground.found.occurrence(at).values {
            let place = || format!("{}.answer[{}].value", self.ground.found.place(at), given.position);
            let mut tell = Tell { link_id: &item.link_id, place: &place, issues: self.issues, matching: &Cell::new(0) };
            offered(session, expressions, given, &mut tell, |failure| self.ground.why(failure));
        }
    }

    /// SDC: what is not true is broken, nothing included.
    fn constrain(&mut self, session: &Session, constraint: &Constraint, of: Option<(usize, usize)>) {
        let outcome = session.judge(&constraint.expression.plan);
        let place = of.map_or_else(|| "QuestionnaireResponse".to_owned(), |(_, at)| self.ground.found.place(at));
        let about = |issue: Issue| of.map_or(issue.clone(), |(index, _)| issue.about(&self.ground.questionnaire.item(index).link_id));
        let key = &constraint.key;
        let not_checked = |why| about(Issue::not_checked(Unchecked::Constraint(wanted::expression(key)), why, "", &place));
        let values = match outcome {
            Ok(values) => values,
            Err(failure) => return self.issues.push(not_checked(self.ground.why(failure))),
        };
        if let Some(question) = self.missing.of_constraint(of, &constraint.expression) {
            return self.issues.push(not_checked(Why::Unanswered(question.link_id.clone())));
        }
        match values.as_slice() {
            [Outcome::Boolean(true)] => return,
            [] | [Outcome::Boolean(false)] => {}
            // a single value of another kind is true to FHIRPath, and hardly what is meant
            _ => return self.issues.push(self.no_boolean(constraint, of.map(|(index, _)| index))),
        }
        if let Some(question) = self.missing.stray(of.map(|(index, _)| index), &constraint.expression) {
            return self.issues.push(not_checked(Why::Stray(question.link_id.clone())));
        }
        let place = constraint.location.as_ref().and_then(|location| self.ground.located(of.map(|(_, at)| at), location)).unwrap_or(place);
        let (human, expression) = (wanted::expression(&constraint.human), wanted::expression(&constraint.expression.text));
        let issue = about(Issue::of(Told::Constraint { key: key.clone(), human, expression }, "", place));
        self.issues.push(if constraint.severity == Severity::Error { self.demand.soft(issue) } else { issue.as_warning() });
    }

    /// No fault of whoever answered.
    fn no_boolean(&self, constraint: &Constraint, index: Option<usize>) -> Issue {
        let place = index.map_or("Questionnaire", |index| &self.ground.questionnaire.item(index).place);
        let what = format!("the constraint `{}` gives no boolean", wanted::expression(&constraint.key));
        let remedy = format!("make it `true` or `false` whatever is answered: `{}`", wanted::expression(&constraint.expression.text));
        Issue::of(Told::Defect { what, remedy }, "", format!("{place}.extension")).as_warning()
    }

    /// A stated value against what it is computed from.
    fn calculated(&mut self, session: &Session, expressions: &Expressions, index: usize, at: usize) {
        let Some(expression) = &expressions.calculated else { return };
        let item = self.ground.questionnaire.item(index);
        let occurrence = self.ground.found.occurrence(at);
        let [given] = occurrence.values.as_slice() else { return };
        let place = format!("{}.answer[{}].value", self.ground.found.place(at), given.position);
        let not_checked = |why| Issue::not_checked(Unchecked::Part("`calculatedExpression`"), why, &item.link_id, &place);
        if let Some(question) = self.missing.stray(Some(index), expression) {
            return self.issues.push(not_checked(Why::Stray(question.link_id.clone())));
        }
        let warn = |missing: Option<&Item>| {
            let missing = missing.map(|item| item.link_id.clone());
            Issue::of(Told::CalculatedFromNothing { missing }, &item.link_id, &place).as_warning()
        };
        if let Some(question) = self.missing.of_calculation(index, at, expression) {
            return self.issues.push(warn(Some(question)));
        }
        let outcome = session.judge(&expression.plan);
        match (&given.answer, outcome.as_deref()) {
            (_, Err(failure)) => return self.issues.push(not_checked(self.ground.why(failure.clone()))),
            (_, Ok([])) => return self.issues.push(warn(None)),
            (_, Ok([Outcome::Other] | [_, _, ..])) => return self.issues.push(not_checked(Why::Gives { wanted: "one value" })),
            (None, Ok(_)) => return self.issues.push(not_checked(Why::Digits)),
            (Some(answer), Ok([computed])) if agrees(answer, computed) => return,
            (Some(_), Ok([_])) => {}
        }
        let computed_read_only = expressions.computed.iter().find(|computed| computed.what == What::ReadOnly && !computed.beside_a_value);
        let is_read_only = item.read_only
            || computed_read_only
                .is_some_and(|it| matches!(session.evaluate(&it.expression.plan).as_deref(), Some([Outcome::Boolean(true)])));
        let issue = Issue::of(Told::Calculated { expression: wanted::expression(&expression.text) }, &item.link_id, &place);
        self.issues.push(if is_read_only { issue } else { issue.as_warning() });
    }
}

pub(super) fn agrees(answer: &Answer<'_, '_>, computed: &Outcome) -> bool {
    match (answer, computed) {
        (Answer::Boolean(left), Outcome::Boolean(right)) => left == right,
        (Answer::Number(left), Outcome::Number(right)) => left == right,
        (Answer::Quantity { value, .. }, Outcome::Number(right)) => value == right,
        (Answer::Quantity { value, unit, .. }, Outcome::Quantity { value: right, unit: wanted }) => value == right && *unit == wanted,
        (Answer::Text(left) | Answer::Time(left) | Answer::Reference(left), Outcome::Text(right)) => left == right,
        (Answer::Coding { code, .. }, Outcome::Text(right)) => code == right,
        (Answer::Coding { system, code, .. }, Outcome::Coding { system: wanted, code: right }) => {
            code == right && (wanted.is_empty() || system == wanted)
        }
        _ => false,
    }
}

/// Conditions that hang on each other deeper than this stay as they are.
const ROUNDS: usize = 8;
