//! What the Questionnaire says in FHIRPath, over what was found: `enableWhenExpression`, `constraint`, `targetConstraint`,
//! `calculatedExpression`. An expression sees the response without what is disabled, and every coded answer with its weight.
//!
//! Source: SDC 4.0 <https://hl7.org/fhir/uv/sdc/expressions.html>. An expression that fails decides nothing: it is told as
//! not checked, never as passed.

use std::collections::{HashMap, HashSet};

use neuvola_fhir::{Node, Value as NodeValue};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::Demand;
use super::enable::{Enabled, Enablement, Expressed};
use super::structure::{Found, Holder};
use crate::fhirpath::{self, ITEM_WEIGHT, Outcome, Session};
use crate::form::answers::Answer;
use crate::form::questionnaire::{Constraint, Expressions, Item, Questionnaire, Severity};
use crate::issue::{Issue, Issues};

/// What enableWhenExpressions come to. One may hang on an answer that another disables: it is asked again until nothing changes.
pub(super) fn enablement(response: &Node<'_>, questionnaire: &Questionnaire, found: &Found<'_, '_>) -> Expressed {
    let mut expressed = Expressed::default();
    if questionnaire.items().iter().all(|item| item.expressions.as_ref().is_none_or(|it| it.enable_when.is_none())) {
        return expressed;
    }
    for _ in 0..ROUNDS {
        let next = {
            let enablement = Enablement::of(questionnaire, found, &expressed);
            let ground = Ground::new(response, questionnaire, found, &enablement);
            let mut next = Expressed::default();
            ground.each_holder(|holder, session, index, item| {
                let Some(expression) = item.expressions.as_ref().and_then(|it| it.enable_when.as_ref()) else { return };
                let here = ground.here(index, holder);
                let session = ground.item_session(session, item, here.first().copied());
                let state = match session.evaluate(&expression.text).as_deref() {
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
        expressed = next;
    }
    expressed
}

/// Constraints and calculations.
pub(super) fn check(
    response: &Node<'_>,
    questionnaire: &Questionnaire,
    found: &Found<'_, '_>,
    enablement: &Enablement<'_, '_, '_>,
    demand: Demand,
    issues: &mut Issues,
) {
    let ground = Ground::new(response, questionnaire, found, enablement);
    let root = "QuestionnaireResponse";
    for constraint in &questionnaire.expressions.constraints {
        constrain(&ground.root, constraint, root, None, demand, issues);
    }
    ground.each_holder(|holder, session, index, item| {
        let Some(expressions) = item.expressions.as_deref() else { return };
        for &at in ground.here(index, holder) {
            if enablement.occurrence(at) == Enabled::No {
                continue;
            }
            let session = ground.item_session(session, item, Some(at));
            let place = found.place(at);
            for constraint in &expressions.constraints {
                constrain(&session, constraint, &place, Some(item), demand, issues);
            }
            ground.calculated(&session, expressions, item, at, issues);
            if expressions.enable_when.is_some() && enablement.own(index, holder) == Enabled::Perhaps {
                issues.push(not_checked(&place, "enableWhenExpression", item));
            }
            if expressions.answers.is_some() && !found.occurrence(at).values.is_empty() {
                issues.push(not_checked(&place, "answerExpression", item));
            }
        }
    });
}

/// SDC: what is not true is broken, nothing included.
fn constrain(session: &Session, constraint: &Constraint, place: &str, item: Option<&Item>, demand: Demand, issues: &mut Issues) {
    let outcome = session.evaluate(&constraint.expression.text);
    if matches!(outcome.as_deref(), Some([Outcome::Boolean(true)])) {
        return;
    }
    let about = |issue: Issue| item.map_or(issue.clone(), |item| issue.about(&item.link_id));
    let key = &constraint.key;
    if outcome.is_none() {
        let message = format!("the constraint `{key}` was not checked: its expression fails here");
        return issues.push(about(Issue::warning("not-supported", "not-checked", place, message)));
    }
    let says = if constraint.human.is_empty() { "it does not hold" } else { &constraint.human };
    let message = format!("constraint `{key}`: {says}");
    let is_error = constraint.severity == Severity::Error && demand == Demand::Whole;
    let issue = if is_error {
        Issue::error("invariant", "constraint", place, message)
    } else {
        Issue::warning("invariant", "constraint", place, message)
    };
    issues.push(about(issue));
}

fn not_checked(place: &str, name: &str, item: &Item) -> Issue {
    let message = format!("the {name} of `{}` was not checked: what it needs is not here", item.link_id);
    Issue::warning("not-supported", "not-checked", place, message).about(&item.link_id)
}

/// The response as expressions see it.
struct Ground<'a, 'q, 'd> {
    questionnaire: &'q Questionnaire,
    found: &'a Found<'q, 'd>,
    root: Session,
    hidden: HashSet<*const Node<'d>>,
    weights: HashMap<*const Node<'d>, Decimal>,
}

impl<'a, 'q, 'd> Ground<'a, 'q, 'd> {
    fn new(response: &Node<'d>, questionnaire: &'q Questionnaire, found: &'a Found<'q, 'd>, enablement: &Enablement<'_, '_, '_>) -> Self {
        let mut hidden = HashSet::new();
        let mut weights = HashMap::new();
        for at in 0..found.len() {
            let occurrence = found.occurrence(at);
            if enablement.occurrence(at) == Enabled::No {
                hidden.insert(std::ptr::from_ref(occurrence.node));
            }
            for given in &occurrence.values {
                if let Some(weight) = given.answer.as_ref().and_then(Answer::weight) {
                    weights.insert(std::ptr::from_ref(given.value), weight);
                }
            }
        }
        let root = Session::new(seen(response, &hidden, &weights), None, response.text("authored").unwrap_or_default());
        for variable in &questionnaire.expressions.variables {
            root.define(&variable.name, &variable.expression.text);
        }
        Self { questionnaire, found, root, hidden, weights }
    }

    /// Every item of the Questionnaire in every holder that there is, with the session of what holds it.
    fn each_holder(&self, mut visit: impl FnMut(Holder, &Session, usize, &Item)) {
        self.inside(Holder::RESPONSE, None, &self.root, &mut visit);
    }

    fn inside(&self, holder: Holder, above: Option<usize>, session: &Session, visit: &mut impl FnMut(Holder, &Session, usize, &Item)) {
        for &index in self.questionnaire.children(above) {
            let item = self.questionnaire.item(index);
            visit(holder, session, index, item);
        }
        for &at in self.found.held(holder) {
            let index = self.found.occurrence(at).item;
            let item = self.questionnaire.item(index);
            if !item.has_expressions_below {
                continue;
            }
            let nested = self.item_session(session, item, Some(at));
            if item.is_question() {
                for position in 0..self.found.occurrence(at).node.list("answer").len() {
                    self.inside(Holder { occurrence: Some(at), answer: Some(position) }, Some(index), &nested, visit);
                }
            } else {
                self.inside(Holder { occurrence: Some(at), answer: None }, Some(index), &nested, visit);
            }
        }
    }

    /// An item's occurrences stand nowhere but in their holder.
    fn here(&self, index: usize, holder: Holder) -> &[usize] {
        self.found.below(index, holder)
    }

    /// The item as focus, its variables defined.
    fn item_session(&self, around: &Session, item: &Item, at: Option<usize>) -> Session {
        let node = at.map(|at| seen(self.found.occurrence(at).node, &self.hidden, &self.weights));
        let session = around.at_item(node, Some(json!({"linkId": item.link_id})));
        for variable in item.expressions.iter().flat_map(|it| &it.variables) {
            session.define(&variable.name, &variable.expression.text);
        }
        session
    }

    /// A stated value against what it is computed from.
    fn calculated(&self, session: &Session, expressions: &Expressions, item: &Item, at: usize, issues: &mut Issues) {
        let Some(expression) = &expressions.calculated else { return };
        let occurrence = self.found.occurrence(at);
        let [given] = occurrence.values.as_slice() else { return };
        let place = format!("{}.answer[{}].value", self.found.place(at), given.position);
        let outcome = session.evaluate(&expression.text);
        let (Some(answer), Some([computed])) = (&given.answer, outcome.as_deref()) else {
            if outcome.as_deref().is_none_or(|values| !values.is_empty()) {
                issues.push(not_checked(&place, "calculatedExpression", item));
            } else {
                let message = format!("`{}` is stated, though what it is computed from is not answered", item.link_id);
                issues.push(Issue::warning("business-rule", "calculated", place, message).about(&item.link_id));
            }
            return;
        };
        if agrees(answer, computed) {
            return;
        }
        let message = format!("`{}` is another value than its expression gives", item.link_id);
        let issue = if item.read_only {
            Issue::error("business-rule", "calculated", place, message)
        } else {
            Issue::warning("business-rule", "calculated", place, message)
        };
        issues.push(issue.remedy("compute it again from the answers, or leave it out").about(&item.link_id));
    }
}

fn agrees(answer: &Answer<'_, '_>, computed: &Outcome) -> bool {
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

/// A node for the engine: without what is hidden, and with weights.
fn seen<'d>(node: &Node<'d>, hidden: &HashSet<*const Node<'d>>, weights: &HashMap<*const Node<'d>, Decimal>) -> Value {
    match &node.value {
        NodeValue::Array(elements) => {
            let shown = elements.iter().filter(|element| !hidden.contains(&std::ptr::from_ref(*element)));
            Value::Array(shown.map(|element| seen(element, hidden, weights)).collect())
        }
        NodeValue::Object(members) => {
            let mut object: Map<String, Value> = members
                .iter()
                .map(|(name, member)| (name.clone().into_owned(), seen(member, hidden, weights)))
                .filter(|(_, value)| value.as_array().is_none_or(|elements| !elements.is_empty()))
                .collect();
            if let Some(weight) = weights.get(&std::ptr::from_ref(node)) {
                let number = weight.to_string().parse().map_or(Value::Null, Value::Number);
                let extensions = object.entry("extension").or_insert_with(|| json!([]));
                if let Some(extensions) = extensions.as_array_mut() {
                    extensions.push(json!({"url": ITEM_WEIGHT, "valueDecimal": number}));
                }
            }
            Value::Object(object)
        }
        _ => fhirpath::json(node),
    }
}

/// Conditions that hang on each other deeper than this stay as they are.
const ROUNDS: usize = 8;
