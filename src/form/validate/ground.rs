//! The response as expressions see it: without what is disabled, and every coded answer with its weight.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use neuvola_fhir::{Node, Place, Value as NodeValue};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::enable::{Enabled, Enablement};
use super::structure::{Found, Holder};
use crate::fhirpath::{self, Budget, Failure, ITEM_WEIGHT, Session, WEIGHTS};
use crate::form::answers::Answer;
use crate::form::questionnaire::{Expression, Item, Questionnaire};
use crate::issue::told::Why;

/// What the expressions of one response stand on.
pub(super) struct Ground<'a, 'q, 'd> {
    pub questionnaire: &'q Questionnaire,
    pub found: &'a Found<'q, 'd>,
    pub root: Session,
    response: &'d Node<'d>,
    view: View<'d>,
    budget: Rc<Budget>,
}

/// What the response looks like to an expression.
struct View<'d> {
    hidden: HashSet<*const Node<'d>>,
    /// By the Coding; for another value by its answer.
    weights: HashMap<*const Node<'d>, Decimal>,
    /// The answers whose Coding has the weight that counts.
    weighed: HashSet<*const Node<'d>>,
}

impl<'a, 'q, 'd> Ground<'a, 'q, 'd> {
    pub(super) fn new(
        response: &'d Node<'d>,
        questionnaire: &'q Questionnaire,
        found: &'a Found<'q, 'd>,
        enablement: &Enablement<'_, '_, '_>,
        budget: &Rc<Budget>,
    ) -> Self {
        let authored = response.text("authored").unwrap_or_default();
        let view = View::of(questionnaire, found, enablement);
        let root = Session::new(view.seen(response, false), questionnaire.kept.as_ref(), authored, budget);
        for variable in &questionnaire.expressions.variables {
            root.define(&variable.name, &variable.expression.plan);
        }
        Self { questionnaire, found, root, response, view, budget: Rc::clone(budget) }
    }

    /// Why an expression came to nothing.
    pub(super) fn why(&self, failure: Failure) -> Why {
        match failure {
            Failure::UnknownVariable(name) if self.questionnaire.unread_variables.contains(&name) => Why::FailedVariable(name),
            failure => Why::of(failure, &self.questionnaire.launch_contexts),
        }
    }

    /// Every item that says something in an expression, in every holder that there is, with the session of what holds it.
    pub(super) fn each_holder(&self, mut visit: impl FnMut(Holder, &Session, usize, &'q Item)) {
        self.inside(Holder::RESPONSE, None, &self.root, &mut visit);
    }

    fn inside(&self, holder: Holder, above: Option<usize>, session: &Session, visit: &mut impl FnMut(Holder, &Session, usize, &'q Item)) {
        for &index in self.questionnaire.children(above) {
            let item = self.questionnaire.item(index);
            if item.expressions.is_some() {
                visit(holder, session, index, item);
            }
            if !item.has_expressions_below {
                continue;
            }
            for &at in self.here(index, holder) {
                let own =
                    item.expressions.as_ref().filter(|it| !it.variables.is_empty()).map(|_| self.item_session(session, item, Some(at)));
                let nested = own.as_ref().unwrap_or(session);
                for holder in self.found.holders(at, item.is_question()) {
                    self.inside(holder, Some(index), nested, visit);
                }
            }
        }
    }

    /// The item's occurrences in the holder: they stand nowhere else below it.
    pub(super) fn here(&self, index: usize, holder: Holder) -> &[usize] {
        self.found.below(index, holder)
    }

    /// The item as focus, its variables defined.
    pub(super) fn item_session(&self, around: &Session, item: &Item, at: Option<usize>) -> Session {
        let node = at.map(|at| self.view.seen(self.found.occurrence(at).node, false));
        let session = around.at_item(node, item.kept.as_ref());
        for variable in item.expressions.iter().flat_map(|it| &it.variables) {
            session.define(&variable.name, &variable.expression.plan);
        }
        session
    }

    /// The place in the response that the expression leads to, from the item or from the response. It sees no variables.
    pub(super) fn located(&self, at: Option<usize>, location: &Expression) -> Option<String> {
        if !self.budget.take(self.found.len() as u64 * OCCURRENCE) {
            return None;
        }
        let root = Session::new(self.view.seen(self.response, true), self.questionnaire.kept.as_ref(), "", &self.budget);
        let session = at.map(|at| root.at_item(Some(self.view.seen(self.found.occurrence(at).node, true)), None));
        let marks = session.as_ref().unwrap_or(&root).texts(&location.plan, MARK);
        let target = marks.first()?.parse().ok()?;
        place_of(self.response, target, &Place::root("QuestionnaireResponse"))
    }
}

impl<'d> View<'d> {
    fn of(questionnaire: &Questionnaire, found: &Found<'_, 'd>, enablement: &Enablement<'_, '_, '_>) -> Self {
        let mut view = Self { hidden: HashSet::new(), weights: HashMap::new(), weighed: HashSet::new() };
        for at in 0..found.len() {
            let occurrence = found.occurrence(at);
            if enablement.occurrence(at) == Enabled::No {
                view.hidden.insert(std::ptr::from_ref(occurrence.node));
            }
            let answers = occurrence.node.list("answer");
            for given in &occurrence.values {
                let Some(answer) = answers.get(given.position).map(std::ptr::from_ref) else { continue };
                // a listed option weighs what the Questionnaire says, whatever the answer claims
                if let Some(Answer::Coding { option: Some(option), .. }) = &given.answer
                    && let Some(weight) = option.weight
                {
                    view.weights.insert(std::ptr::from_ref(given.value), weight);
                    view.weighed.insert(answer);
                } else if let Some(weight) = questionnaire.item(occurrence.item).weight_of(given.name, given.value) {
                    view.weights.insert(answer, weight);
                }
            }
        }
        view
    }

    /// A node for the engine; with marks every object says which it is.
    fn seen(&self, node: &'d Node<'d>, marked: bool) -> Value {
        match &node.value {
            NodeValue::Array(elements) => {
                let shown = elements.iter().filter(|element| !self.hidden.contains(&std::ptr::from_ref(*element)));
                Value::Array(shown.map(|element| self.seen(element, marked)).collect())
            }
            NodeValue::Object(members) => {
                let mut object: Map<String, Value> = members
                    .iter()
                    .map(|(name, member)| (name.clone().into_owned(), self.seen(member, marked)))
                    .filter(|(_, value)| value.as_array().is_none_or(|elements| !elements.is_empty()))
                    .collect();
                self.weigh(node, &mut object);
                if marked {
                    object.insert(MARK.to_owned(), Value::String(std::ptr::from_ref(node).addr().to_string()));
                }
                Value::Object(object)
            }
            _ => fhirpath::json(node),
        }
    }

    fn weigh(&self, node: &'d Node<'d>, object: &mut Map<String, Value>) {
        let node = std::ptr::from_ref(node);
        let weight = self.weights.get(&node);
        if weight.is_none() && !self.weighed.contains(&node) {
            return;
        }
        let mut extensions: Vec<Value> = object.get("extension").and_then(Value::as_array).cloned().unwrap_or_default();
        extensions.retain(|it| it.get("url").and_then(Value::as_str).is_none_or(|url| !WEIGHTS.contains(&url)));
        if let Some(weight) = weight {
            let number = weight.to_string().parse().map_or(Value::Null, Value::Number);
            extensions.push(json!({"url": ITEM_WEIGHT, "valueDecimal": number}));
        }
        if extensions.is_empty() {
            object.remove("extension");
        } else {
            object.insert("extension".to_owned(), Value::Array(extensions));
        }
    }
}

/// Down to the node at this address.
fn place_of(node: &Node<'_>, target: usize, place: &Place<'_>) -> Option<String> {
    if std::ptr::from_ref(node).addr() == target {
        return Some(place.to_string());
    }
    match &node.value {
        NodeValue::Array(elements) => {
            elements.iter().enumerate().find_map(|(position, element)| place_of(element, target, &place.element(position)))
        }
        NodeValue::Object(members) => members.iter().find_map(|(name, member)| {
            let name = if name.starts_with("value") { "value" } else { name.as_ref() };
            place_of(member, target, &place.member(name))
        }),
        _ => None,
    }
}

/// What an occurrence takes to be shown once more.
const OCCURRENCE: u64 = 50;
/// No element of FHIR's has such a name.
const MARK: &str = "#";
