//! A plan that is not written for us: every action is a rule, whatever it is about.
//!
//! A child's rule holds where its parent's does too (R4: "child actions are not applicable if the parent is not"). Of the
//! conditions of one action all must hold; only `applicability` in FHIRPath is evaluated, anything else is indeterminate,
//! with the reason. What would be a defect in a rule set of ours is a warning here.

use std::cell::RefCell;
use std::sync::Arc;

use neuvola_fhir::{Node, Place};

use super::variables::Variables;
use super::{Known, Loader, coding};
use crate::form::questionnaire::Questionnaire;
use crate::segment::condition::{Condition, Scope, Shared, Wanted, lower};
use crate::segment::rule::{Coded, RoleRules, Rule};
use crate::texts::Texts;

impl<K: Known> Loader<'_, K> {
    /// The rules for responses to each of the Questionnaires that the plan is about.
    pub(super) fn foreign(&mut self, node: &Node<'_>, named: &[Arc<Questionnaire>], root: &Place<'_>) -> Vec<RoleRules> {
        let candidates = if named.is_empty() { self.known.unclaimed() } else { named.to_vec() };
        let mut compiled: Vec<(RoleRules, usize, Vec<_>)> = Vec::new();
        for questionnaire in candidates {
            let before = std::mem::take(self.defects);
            let kept = self.keeps.then(|| self.known.kept(&questionnaire)).flatten();
            let mut rules = RoleRules { kept, ..RoleRules::new("", questionnaire, None) };
            let shared = RefCell::new(Shared::default());
            let variables = self.variables(node, &Vec::new(), root);
            let around = Around { variables: &variables, condition: None, sentence: Texts::default(), shared: &shared };
            self.actions(node, &around, &mut rules, root, "action");
            rules.shared = shared.into_inner().count();
            let defects = std::mem::replace(self.defects, before);
            compiled.push((rules, defects.len(), defects));
        }
        // a plan that names no Questionnaire is about those that it fits best
        let least = compiled.iter().map(|(_, defects, _)| *defects).min().unwrap_or_default();
        let fitting = compiled.into_iter().filter(|(_, defects, _)| !named.is_empty() || *defects == least);
        let mut all = Vec::new();
        for (rules, _, defects) in fitting {
            self.defects.extend(defects);
            all.push(rules);
        }
        all
    }

    fn actions(&mut self, node: &Node<'_>, around: &Around<'_>, rules: &mut RoleRules, place: &Place<'_>, path: &str) {
        let list = place.member("action");
        for (index, action) in node.list("action").iter().enumerate() {
            let here = list.element(index);
            let path = format!("{path}[{index}]");
            let variables = self.variables(action, around.variables, &here);
            let condition = self.applicability(action, &variables, around, rules, &here);
            let rule = self.action(action, &condition, &variables, around, rules, &here, &path);
            let list = match ["segment", "alert"].iter().find(|system| coding(action, system).is_some()) {
                Some(&"segment") => &mut rules.segments,
                Some(_) => &mut rules.alerts,
                None => &mut rules.others,
            };
            let sentence = rule.sentence.clone();
            list.push(rule);
            let inside = Around { variables: &variables, condition, sentence, shared: around.shared };
            self.actions(action, &inside, rules, &here, &format!("{path}.action"));
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one place that calls it")]
    fn action(
        &mut self,
        action: &Node<'_>,
        condition: &Option<Condition>,
        variables: &Variables,
        around: &Around<'_>,
        rules: &RoleRules,
        place: &Place<'_>,
        path: &str,
    ) -> Rule {
        let known = ["segment", "alert"].iter().find_map(|system| coding(action, system));
        let code = known.or_else(|| action.list("code").iter().flat_map(|code| code.list("coding")).next());
        let part = |name| code.and_then(|code| code.text(name)).unwrap_or_default().to_owned();
        let id = action.text("id").map_or_else(|| path.to_owned(), str::to_owned);
        let texts = |name: &str| action.text(name).map(|_| Texts::of(action, name));
        let title = texts("title").unwrap_or_default();
        let scope = Scope { shared: Some(around.shared), ..Scope::of(&rules.questionnaire, None, variables) };
        let expressions: Vec<&str> = applicabilities(action).filter_map(|expression| expression?.text("expression")).collect();
        let expression = match expressions.as_slice() {
            [] => None,
            [one] => Some((*one).to_owned()),
            several => Some(format!("({})", several.join(") and ("))),
        };
        Rule {
            subject: Coded {
                system: part("system"),
                code: part("code"),
                display: code.map(|code| Texts::of(code, "display")).unwrap_or_default(),
            },
            sentence: ["description", "textEquivalent", "title"]
                .iter()
                .find_map(|name| texts(name))
                .or_else(|| expression.clone().map(Texts::plain))
                // one that asks nothing of its own holds where the one around it does
                .unwrap_or_else(|| around.sentence.clone()),
            expression,
            inputs: condition.as_ref().map(|it| it.inputs_as_written(&expressions, variables, &rules.questionnaire)).unwrap_or_default(),
            dynamic: self.dynamic(action, &scope, place),
            condition: condition.clone(),
            guidance: None,
            services: Vec::new(),
            title,
            id,
        }
    }

    /// The conditions of the action and of those around it, all of which must hold.
    fn applicability(
        &mut self,
        action: &Node<'_>,
        variables: &Variables,
        around: &Around<'_>,
        rules: &RoleRules,
        place: &Place<'_>,
    ) -> Option<Condition> {
        let list = place.member("condition");
        let mut all = around.condition.clone();
        for (index, expression) in applicabilities(action).enumerate() {
            let here = list.element(index);
            let condition = match expression.and_then(|it| Some((it.text("language").unwrap_or("text/fhirpath"), it.text("expression")?))) {
                None => self.unknown("the condition has no expression", &here),
                Some(("text/fhirpath", text)) => self.lowered(text, variables, around.shared, rules, &here),
                Some(_) => self.unknown("the condition is in another language than FHIRPath", &here),
            };
            all = Some(match all {
                Some(before) => Condition::And(Box::new(before), Box::new(condition)),
                None => condition,
            });
        }
        all
    }

    fn lowered(&mut self, text: &str, variables: &Variables, shared: &RefCell<Shared>, rules: &RoleRules, place: &Place<'_>) -> Condition {
        let scope = |strict, shared| Scope { shared: Some(shared), strict, ..Scope::of(&rules.questionnaire, None, variables) };
        let (strict, loose) = (RefCell::default(), RefCell::default());
        let strictly = lower(text, &scope(true, &strict));
        self.judge(text, Wanted::Condition, strictly.as_ref().err(), &scope(false, &loose), place);
        lower(text, &scope(false, shared)).unwrap_or_else(|defect| Condition::Unknown(defect.to_string()))
    }

    fn unknown(&mut self, why: &str, place: &Place<'_>) -> Condition {
        self.defect(place, why);
        Condition::Unknown(why.to_owned())
    }
}

/// What an action inherits.
struct Around<'a> {
    variables: &'a Variables,
    condition: Option<Condition>,
    sentence: Texts,
    shared: &'a RefCell<Shared>,
}

/// The expressions that tell whether an action applies.
fn applicabilities<'n, 'd>(action: &'n Node<'d>) -> impl Iterator<Item = Option<&'n Node<'d>>> {
    let applies = |condition: &&Node<'_>| condition.text("kind").is_none_or(|kind| kind == "applicability");
    action.list("condition").iter().filter(applies).map(|condition| condition.member("expression"))
}
