//! What the Questionnaire says in FHIRPath, over what was found: `enableWhenExpression`, `constraint`, `targetConstraint`,
//! `calculatedExpression`. An expression sees the response without what is disabled, and every coded answer with its weight.
//!
//! Source: SDC 4.0 <https://hl7.org/fhir/uv/sdc/expressions.html>. An expression that fails decides nothing: it is told as
//! not checked, never as passed.

use std::cell::Cell;
use std::rc::Rc;

use neuvola_fhir::Node;

use super::Demand;
use super::computed::{Spot, not_checked, offered};
use super::enable::{Enabled, Enablement, Expressed};
use super::ground::Ground;
use super::missing::Missing;
use super::structure::Found;
use super::tell::Tell;
use super::wanted;
use crate::fhirpath::{Budget, Outcome, Session};
use crate::form::answers::Answer;
use crate::form::questionnaire::{Constraint, Expressions, Item, Questionnaire, What};
use crate::issue::told::Told;
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
    for round in 1..=ROUNDS {
        let mut next = {
            let enablement = Enablement::of(questionnaire, found, &expressed);
            let ground = Ground::new(response, questionnaire, found, &enablement, budget);
            let missing = Missing { questionnaire, found, enablement: &enablement };
            let mut next = Expressed::default();
            ground.each_holder(|holder, session, index, item| {
                let Some(expressions) = item.expressions.as_deref() else { return };
                let Some(expression) = &expressions.enable_when else { return };
                let outcome = if expressions.enable_when_of_response {
                    ground.root.evaluate(&expression.plan)
                } else {
                    let here = ground.here(index, holder);
                    ground.item_session(session, item, here.first().copied()).evaluate(&expression.plan)
                };
                let state = match outcome.as_deref() {
                    _ if missing.stray(Some(index), expression).is_some() => Enabled::Perhaps,
                    Some([Outcome::Boolean(true)]) => Enabled::Yes,
                    Some([] | [Outcome::Boolean(false)]) => Enabled::No,
                    _ => Enabled::Perhaps,
                };
                next.insert((index, holder), state);
            });
            next
        };
        if next == expressed {
            break;
        }
        if round == ROUNDS {
            // they chase each other: what still changes is not decided
            next.iter_mut().filter(|(at, state)| expressed.get(*at) != Some(&**state)).for_each(|(_, state)| *state = Enabled::Perhaps);
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
    let missing = Missing { questionnaire, found, enablement };
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
            if expressions.enable_when.is_some() && enablement.own(index, holder) == Enabled::Perhaps {
                check.issues.push(not_checked(&found.place(at), "enableWhenExpression", item));
            }
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
        let contexts = &self.ground.questionnaire.launch_contexts;
        let is_known = expressions.answers.iter().all(|answers| !contexts.iter().any(|name| answers.names(name)));
        for given in &self.ground.found.occurrence(at).values {
            let place = || format!("{}.answer[{}].value", self.ground.found.place(at), given.position);
            let mut tell = Tell { link_id: &item.link_id, place: &place, issues: self.issues, matching: &Cell::new(0) };
            offered(session, expressions, given, &mut tell, is_known);
        }
    }

    /// SDC: what is not true is broken, nothing included.
    fn constrain(&mut self, session: &Session, constraint: &Constraint, of: Option<(usize, usize)>) {
        let outcome = session.evaluate(&constraint.expression.plan);
        let place = of.map_or_else(|| "QuestionnaireResponse".to_owned(), |(_, at)| self.ground.found.place(at));
        let about = |issue: Issue| of.map_or(issue.clone(), |(index, _)| issue.about(&self.ground.questionnaire.item(index).link_id));
        let key = &constraint.key;
        if outcome.is_none() {
            let message = format!("the constraint `{key}` was not checked: its expression fails here");
            return self.issues.push(about(Issue::warning("not-supported", "not-checked", place, message)));
        }
        if let Some(question) = self.missing.of_constraint(of, &constraint.expression) {
            let message = format!("the constraint `{key}` was not checked: `{}` is not answered", question.link_id);
            return self.issues.push(about(Issue::warning("not-supported", "not-checked", place, message)));
        }
        if matches!(outcome.as_deref(), Some([Outcome::Boolean(true)])) {
            return;
        }
        if let Some(question) = self.missing.stray(of.map(|(index, _)| index), &constraint.expression) {
            let message = format!("the constraint `{key}` was not checked: `{}` stands in the wrong place", question.link_id);
            return self.issues.push(about(Issue::warning("not-supported", "not-checked", place, message)));
        }
        let place = constraint.location.as_ref().and_then(|location| self.ground.located(of.map(|(_, at)| at), location)).unwrap_or(place);
        let (human, expression) = (wanted::expression(&constraint.human), wanted::expression(&constraint.expression.text));
        let issue = about(Issue::of(Told::Constraint { key: key.clone(), human, expression }, "", place));
        self.issues.push(if constraint.severity == Severity::Error { self.demand.soft(issue) } else { issue.as_warning() });
    }

    /// A stated value against what it is computed from.
    fn calculated(&mut self, session: &Session, expressions: &Expressions, index: usize, at: usize) {
        let Some(expression) = &expressions.calculated else { return };
        let item = self.ground.questionnaire.item(index);
        let occurrence = self.ground.found.occurrence(at);
        let [given] = occurrence.values.as_slice() else { return };
        let place = format!("{}.answer[{}].value", self.ground.found.place(at), given.position);
        if let Some(question) = self.missing.stray(Some(index), expression) {
            let message = format!("`{}` was not computed again: `{}` stands in the wrong place", item.link_id, question.link_id);
            return self.issues.push(Issue::warning("not-supported", "not-checked", &place, message).about(&item.link_id));
        }
        let mut warn = |missing: Option<&Item>| {
            let missing = missing.map(|item| item.link_id.clone());
            self.issues.push(Issue::of(Told::CalculatedFromNothing { missing }, &item.link_id, &place).as_warning());
        };
        if let Some(question) = self.missing.of_calculation(index, at, expression) {
            return warn(Some(question));
        }
        let outcome = session.evaluate(&expression.plan);
        let (Some(answer), Some([computed])) = (&given.answer, outcome.as_deref()) else {
            if outcome.as_deref().is_some_and(<[Outcome]>::is_empty) {
                return warn(None);
            }
            return self.issues.push(not_checked(&place, "calculatedExpression", item));
        };
        if agrees(answer, computed) {
            return;
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
