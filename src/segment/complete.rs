//! A completion written down as a QuestionnaireResponse, for expressions that only the engine can evaluate: what is disabled
//! left out, what is tried put in, totals computed again, every coded answer with its weight.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use neuvola_fhir::Node;
use rust_decimal::Decimal;
use serde_json::{Map, Number, Value, json};

use super::condition::{Foreign, Input, Source, Variable, is_computed};
use super::domain::{Domain, Family, Trial, Truth};
use crate::fhirpath::{self, ORDINAL_VALUE, Outcome, Session, WEIGHTS};
use crate::form::answers::Answer;
use crate::form::questionnaire::{Item, ItemKind, Questionnaire};

/// One completion as the engine sees it.
pub struct Sight {
    session: Session,
    /// Computed items of which nobody knows what they come to.
    unknown: Vec<Input>,
    /// With the variables that expressions stand on, by their list.
    bound: RefCell<Vec<Bound>>,
}

/// Variables, and the session that has them.
type Bound = (Arc<[Variable]>, Rc<Session>);

impl Sight {
    /// What the expression comes to; `None` for an error.
    pub fn evaluate(&self, foreign: &Foreign) -> Option<Vec<Outcome>> {
        if foreign.computed.iter().any(|input| self.unknown.contains(input)) {
            return None;
        }
        let known =
            self.bound.borrow().iter().find(|(variables, _)| Arc::ptr_eq(variables, &foreign.variables)).map(|(_, it)| Rc::clone(it));
        let session = known.unwrap_or_else(|| {
            let session = Rc::new(self.session.child());
            for variable in foreign.variables.iter() {
                if let Some(plan) = &variable.plan {
                    session.define(&variable.name, plan);
                }
            }
            self.bound.borrow_mut().push((Arc::clone(&foreign.variables), Rc::clone(&session)));
            session
        });
        session.evaluate(&foreign.plan)
    }
}

impl<'q: 'd, 'd> Family<'q, 'd, '_> {
    /// The completion that the trials make.
    pub fn sight_of(&self, trials: &[Trial<'q, 'd>]) -> Option<Sight> {
        let authored = self.own.response().and_then(|response| response.text("authored")).unwrap_or_default();
        let (own, mut unknown) = Completion { family: self, source: Source::Own, trials }.document(authored)?;
        let session = Session::new(own, self.kept(), authored, self.budget());
        if self.professional.is_some() {
            let (professional, more) = Completion { family: self, source: Source::Professional, trials }.document(authored)?;
            session.give("professional", professional);
            unknown.extend(more);
        }
        Some(Sight { session, unknown, bound: RefCell::default() })
    }

    /// One of the person's responses in the completion that the trials make, and what in it is not known.
    pub fn document(&self, source: Source, trials: &[Trial<'q, 'd>], authored: &str) -> Option<(Value, Vec<Input>)> {
        let (mut document, unknown) = Completion { family: self, source, trials }.document(authored)?;
        if self.answers(source)?.response().is_none() {
            document["questionnaire"] = self.answers(source)?.questionnaire().canonical().into();
        }
        Some((document, unknown))
    }
}

struct Completion<'c, 'q, 'd, 'f> {
    family: &'c Family<'q, 'd, 'f>,
    source: Source,
    trials: &'c [Trial<'q, 'd>],
}

/// What calculated items come to, by item; `None`: nobody can say.
type Totals = HashMap<usize, Option<Value>>;

impl<'q: 'd, 'd> Completion<'_, 'q, 'd, '_> {
    /// The document, and what in it is not known.
    fn document(&self, authored: &str) -> Option<(Value, Vec<Input>)> {
        let questionnaire = self.questionnaire()?;
        let computed: Vec<usize> = (0..questionnaire.items().len())
            .filter(|&item| is_computed(questionnaire, item) && questionnaire.repeated_around(item).is_none())
            .collect();
        let mut totals = Totals::new();
        let mut document = self.with(&totals)?;
        if computed.is_empty() {
            return Some((document, Vec::new()));
        }
        for _ in 0..ROUNDS {
            let again = self.totals(&document, &computed, questionnaire, authored);
            if again == totals {
                let unknown = totals.iter().filter(|&(&item, total)| total.is_none() && !self.is_given(item));
                let unknown = unknown.map(|(&item, _)| Input { source: self.source, item }).collect();
                return Some((document, unknown));
            }
            totals = again;
            document = self.with(&totals)?;
        }
        None // they chase each other
    }

    fn totals(&self, document: &Value, computed: &[usize], questionnaire: &Questionnaire, authored: &str) -> Totals {
        let session = Session::new(document.clone(), questionnaire.kept.as_ref(), authored, self.family.budget());
        questionnaire.expressions.variables.iter().for_each(|it| session.define(&it.name, &it.expression.plan));
        let mut totals = Totals::new();
        for &index in computed {
            let item = questionnaire.item(index);
            let Some(expressions) = item.expressions.as_deref() else { continue };
            let Some(calculated) = &expressions.calculated else { continue };
            let (mut there, mut shown) = (session.child(), Some(document));
            for around in questionnaire.ancestors(index).collect::<Vec<_>>().into_iter().rev().chain([index]) {
                let around = questionnaire.item(around);
                shown = shown.and_then(|shown| below(shown, &around.link_id));
                // one that is not there yet is all the same what its expressions look at
                let focus = shown.cloned().unwrap_or_else(|| json!({ "linkId": around.link_id }));
                there = there.at_item(Some(focus), around.kept.as_ref());
                let variables = around.expressions.iter().flat_map(|it| &it.variables);
                variables.for_each(|it| there.define(&it.name, &it.expression.plan));
            }
            match there.evaluate(&calculated.plan).as_deref() {
                Some([]) => {}
                Some([outcome]) => drop(totals.insert(index, computed_answer(item, outcome))),
                _ => drop(totals.insert(index, None)),
            }
        }
        totals
    }

    fn questionnaire(&self) -> Option<&'q Questionnaire> {
        Some(self.family.answers(self.source)?.questionnaire())
    }

    fn with(&self, totals: &Totals) -> Option<Value> {
        let answers = self.family.answers(self.source)?;
        let questionnaire = answers.questionnaire();
        let mut document = Map::new();
        let top = match answers.response() {
            Some(response) => {
                let members = response.members().iter().filter(|(name, _)| name != "item");
                document.extend(members.map(|(name, member)| (name.clone().into_owned(), fhirpath::json(member))));
                response.list("item").iter().collect()
            }
            None => {
                document.insert("resourceType".to_owned(), "QuestionnaireResponse".into());
                Vec::new()
            }
        };
        let items = self.items(questionnaire, questionnaire.children(None), &top, totals);
        if !items.is_empty() {
            document.insert("item".to_owned(), Value::Array(items));
        }
        Some(Value::Object(document))
    }

    /// The items of one level, of which `nodes` are those that the response has.
    fn items(&self, questionnaire: &Questionnaire, level: &[usize], nodes: &[&Node<'d>], totals: &Totals) -> Vec<Value> {
        let mut items = Vec::new();
        for &index in level {
            let item = questionnaire.item(index);
            let input = Input { source: self.source, item: index };
            let here: Vec<&Node<'d>> = nodes.iter().copied().filter(|node| node.text("linkId") == Some(item.link_id.as_str())).collect();
            if self.family.enabled(input, self.trials) == Truth::No {
                continue;
            }
            if item.repeats && (!item.is_question() || self.is_given(index)) {
                items.extend(here.into_iter().map(|node| shown(questionnaire, node)));
                continue;
            }
            let mut object = Map::new();
            object.insert("linkId".to_owned(), item.link_id.as_str().into());
            let below = |nodes: &[&Node<'d>]| self.items(questionnaire, questionnaire.children(Some(index)), nodes, totals);
            if item.is_question() {
                let given: Vec<&Node<'d>> = here.iter().flat_map(|node| node.list("answer")).collect();
                let mut answers = self.answers(questionnaire, index, &given, totals);
                let Some(first) = answers.first_mut().and_then(Value::as_object_mut) else { continue };
                let nested: Vec<&Node<'d>> = given.iter().flat_map(|answer| answer.list("item")).collect();
                let children = below(&nested);
                first.remove("item");
                if !children.is_empty() {
                    first.insert("item".to_owned(), Value::Array(children));
                }
                object.insert("answer".to_owned(), Value::Array(answers));
            } else {
                let nested: Vec<&Node<'d>> = here.iter().flat_map(|node| node.list("item")).collect();
                let children = below(&nested);
                if here.is_empty() && children.is_empty() {
                    continue;
                }
                if !children.is_empty() {
                    object.insert("item".to_owned(), Value::Array(children));
                }
            }
            items.push(Value::Object(object));
        }
        items
    }

    /// Answered, and not declined beside it.
    fn is_given(&self, index: usize) -> bool {
        self.family.answers(self.source).is_some_and(|answers| {
            let slot = answers.slot(index);
            !slot.declined && !slot.values.is_empty()
        })
    }

    fn answers(&self, questionnaire: &Questionnaire, index: usize, given: &[&Node<'d>], totals: &Totals) -> Vec<Value> {
        let item = questionnaire.item(index);
        if is_computed(questionnaire, index) {
            return match totals.get(&index) {
                Some(Some(total)) => vec![total.clone()],
                // nobody else can say what it comes to
                Some(None) => given.iter().map(|answer| weighed(item, answer)).collect(),
                None => Vec::new(),
            };
        }
        let is_given =
            self.is_given(index) && self.family.answers(self.source).is_some_and(|it| it.slot(index).values.len() == given.len());
        match self.family.domain(Input { source: self.source, item: index }, self.trials) {
            Domain::Known(answers) | Domain::KnownOrAbsent(answers) => {
                if is_given && !answers.is_empty() {
                    return given.iter().map(|answer| weighed(item, answer)).collect();
                }
                answers.iter().filter_map(|answer| tried(item, answer)).collect()
            }
            // not read by whoever asks
            Domain::Open { .. } => Vec::new(),
        }
    }
}

/// The item with this linkId right below an item, below one of its answers, or at the top of a response.
fn below<'v>(shown: &'v Value, link_id: &str) -> Option<&'v Value> {
    let items = |holder: &'v Value| holder.get("item").and_then(Value::as_array).into_iter().flatten();
    let answers = shown.get("answer").and_then(Value::as_array).into_iter().flatten();
    items(shown).chain(answers.flat_map(items)).find(|item| item.get("linkId").and_then(Value::as_str) == Some(link_id))
}

/// An item as it stands, all below it too.
fn shown(questionnaire: &Questionnaire, node: &Node<'_>) -> Value {
    let mut object = Map::new();
    let item = node.text("linkId").and_then(|link_id| questionnaire.find(link_id)).map(|index| questionnaire.item(index));
    for (name, member) in node.members() {
        let value = match (&**name, item) {
            ("item", _) => Value::Array(node.list("item").iter().map(|node| shown(questionnaire, node)).collect()),
            ("answer", Some(item)) => {
                let answers = node.list("answer").iter().map(|answer| {
                    let mut shown_answer = weighed(item, answer);
                    let below = answer.list("item");
                    if !below.is_empty() {
                        shown_answer["item"] = below.iter().map(|node| shown(questionnaire, node)).collect();
                    }
                    shown_answer
                });
                Value::Array(answers.collect())
            }
            _ => fhirpath::json(member),
        };
        object.insert(name.clone().into_owned(), value);
    }
    Value::Object(object)
}

/// An answer that was given, with the weight that the Questionnaire gives it.
fn weighed(item: &Item, answer: &Node<'_>) -> Value {
    let mut value = fhirpath::json(answer);
    let Some((name, node)) = answer.members().iter().find(|(name, _)| name.starts_with("value")) else { return value };
    if name == "valueCoding" {
        let option = item.option(node.text("system").unwrap_or_default(), node.text("code").unwrap_or_default());
        if let Some(weight) = option.and_then(|option| option.weight) {
            weigh(&mut value["valueCoding"], weight);
        }
    } else if let Some(weight) = item.weight_of(name, node) {
        weigh(&mut value, weight);
    }
    value
}

fn weigh(holder: &mut Value, weight: Decimal) {
    let Some(object) = holder.as_object_mut() else { return };
    let extensions = object.entry("extension").or_insert_with(|| Value::Array(Vec::new()));
    let Some(list) = extensions.as_array_mut() else { return };
    let url_of = |it: &Value| it.get("url").and_then(Value::as_str).unwrap_or_default().to_owned();
    match list.iter_mut().find(|it| WEIGHTS.contains(&url_of(it).as_str())) {
        Some(known) => known["valueDecimal"] = number(weight),
        None => list.push(json!({"url": ORDINAL_VALUE, "valueDecimal": number(weight)})),
    }
}

/// An answer that a completion gives.
fn tried(item: &Item, answer: &Answer<'_, '_>) -> Option<Value> {
    Some(match answer {
        Answer::Boolean(value) => json!({ "valueBoolean": value }),
        Answer::Number(value) if item.kind == ItemKind::Decimal => json!({ "valueDecimal": number(*value) }),
        Answer::Number(value) => json!({ "valueInteger": number(*value) }),
        Answer::Text(text) => json!({ "valueString": text }),
        Answer::Time(text) if text.contains('T') => json!({ "valueDateTime": text }),
        Answer::Time(text) if text.contains(':') => json!({ "valueTime": text }),
        Answer::Time(text) => json!({ "valueDate": text }),
        Answer::Reference(text) => json!({ "valueReference": { "reference": text } }),
        Answer::Coding { system, code, option, .. } => {
            let mut coding = json!({ "system": system, "code": code });
            // `~` compares displays too
            if let Some(display) = option.map(|option| option.display.main()).filter(|display| !display.is_empty()) {
                coding["display"] = display.into();
            }
            if let Some(weight) = answer.weight() {
                weigh(&mut coding, weight);
            }
            json!({ "valueCoding": coding })
        }
        Answer::Quantity { value, unit, system } => {
            json!({ "valueQuantity": { "value": number(*value), "unit": unit, "system": system, "code": unit } })
        }
        Answer::Other => return None,
    })
}

fn computed_answer(item: &Item, outcome: &Outcome) -> Option<Value> {
    Some(match (outcome, item.kind) {
        (Outcome::Boolean(value), _) => json!({ "valueBoolean": value }),
        (Outcome::Number(value), ItemKind::Integer) => json!({ "valueInteger": number(value.normalize()) }),
        (Outcome::Number(value), ItemKind::Quantity) => {
            let unit = item.unit.as_ref().map_or("", |unit| unit.code.as_str());
            json!({ "valueQuantity": { "value": number(*value), "unit": unit, "code": unit } })
        }
        (Outcome::Number(value), _) => json!({ "valueDecimal": number(*value) }),
        (Outcome::Text(text), ItemKind::Date) => json!({ "valueDate": text }),
        (Outcome::Text(text), ItemKind::DateTime) => json!({ "valueDateTime": text }),
        (Outcome::Text(text), ItemKind::Time) => json!({ "valueTime": text }),
        (Outcome::Text(text), _) => json!({ "valueString": text }),
        (Outcome::Coding { system, code }, _) => json!({ "valueCoding": { "system": system, "code": code } }),
        (Outcome::Quantity { value, unit }, _) => json!({ "valueQuantity": { "value": number(*value), "unit": unit, "code": unit } }),
        (Outcome::Other, _) => return None,
    })
}

fn number(value: Decimal) -> Value {
    value.to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

/// Totals of totals of totals …
const ROUNDS: usize = 6;
