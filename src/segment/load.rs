//! PlanDefinition -> [`RuleSet`]: every defect with its element.
//!
//! One action a role, whose own actions are the rules: segments in order, alerts, services. What a rule is about stands
//! in `action.code`: `rule-kind` and the segment's, alert's or role's own code. R4
//! <https://hl7.org/fhir/R4/plandefinition.html>.

use std::sync::Arc;

use neuvola_fhir::{Node, Place};

use super::condition::{Condition, Scope, lower};
use super::rule::{Coded, MustAnswer, RoleRules, Rule, RuleSet};
use crate::form::questionnaire::Questionnaire;
use crate::issue::Issue;
use crate::texts::Texts;

/// What a PlanDefinition may name.
pub trait Known {
    /// The Questionnaire of this canonical, version included.
    fn questionnaire(&self, canonical: &str) -> Option<Arc<Questionnaire>>;
    /// The service (ActivityDefinition) of this canonical: its code.
    fn service(&self, canonical: &str) -> Option<Coded>;
    /// Is there a guidance text (Library) of this canonical?
    fn has_guidance(&self, canonical: &str) -> bool;
    /// Is the code in this code system?
    fn has_code(&self, system: &str, code: &str) -> bool;
}

/// Reads a PlanDefinition.
///
/// # Errors
/// Every defect found.
pub fn load(node: &Node<'_>, known: &impl Known) -> Result<RuleSet, Vec<Issue>> {
    let mut defects = Vec::new();
    let root = Place::root("PlanDefinition");
    let questionnaires = questionnaires(node, known, &root, &mut defects);
    let topic = node.list("topic").iter().flat_map(|topic| topic.list("coding")).find(|coding| is_of(coding, "form"));
    let period = |name| node.member("effectivePeriod").and_then(|period| period.text(name)).map(str::to_owned);
    let list = root.member("action");
    let mut roles = Vec::new();
    for (index, action) in node.list("action").iter().enumerate() {
        let here = list.element(index);
        let mut loader = Loader { known, defects: &mut defects };
        roles.extend(loader.role(action, &questionnaires, &here));
    }
    if roles.is_empty() {
        defects.push(Issue::error("required", "rule-set", list, "the rule set has no rules for anybody"));
    }
    let rule_set = RuleSet {
        url: node.text("url").unwrap_or_default().to_owned(),
        version: node.text("version").unwrap_or_default().to_owned(),
        title: Texts::of(node, "title"),
        form: topic.and_then(|coding| coding.text("code")).or_else(|| node.text("id")).unwrap_or_default().to_owned(),
        effective: (period("start"), period("end")),
        roles,
    };
    if rule_set.url.is_empty() || rule_set.version.is_empty() {
        defects.push(Issue::error("required", "rule-set", root, "a rule set needs `url` and `version`"));
    }
    refuse_same_ids(&rule_set, &root, &mut defects);
    if defects.is_empty() { Ok(rule_set) } else { Err(defects) }
}

fn questionnaires(node: &Node<'_>, known: &impl Known, root: &Place<'_>, defects: &mut Vec<Issue>) -> Vec<Arc<Questionnaire>> {
    let list = root.member("relatedArtifact");
    let mut found = Vec::new();
    for (index, artifact) in node.list("relatedArtifact").iter().enumerate() {
        let canonical = artifact.text("resource").unwrap_or_default();
        if artifact.text("type") != Some("depends-on") || !canonical.contains("/Questionnaire/") {
            continue;
        }
        match known.questionnaire(canonical) {
            Some(questionnaire) => found.push(questionnaire),
            None => defects.push(Issue::error(
                "not-found",
                "rule-set",
                list.element(index).member("resource"),
                format!("`{canonical}` does not resolve"),
            )),
        }
    }
    found
}

struct Loader<'l, K> {
    known: &'l K,
    defects: &'l mut Vec<Issue>,
}

impl<K: Known> Loader<'_, K> {
    fn defect(&mut self, place: impl ToString, message: impl Into<String>) {
        self.defects.push(Issue::error("invalid", "rule-set", place, message));
    }

    fn role(&mut self, action: &Node<'_>, questionnaires: &[Arc<Questionnaire>], place: &Place<'_>) -> Option<RoleRules> {
        let Some(role) = coding(action, "form-role").and_then(|coding| coding.text("code")) else {
            self.defect(place.member("code"), "the action has no code of the form-role code system");
            return None;
        };
        let of_role = |role: &str| questionnaires.iter().find(|questionnaire| questionnaire.role == role).cloned();
        let Some(questionnaire) = of_role(role) else {
            self.defect(place.member("code"), format!("no Questionnaire of the rule set is for the role `{role}`"));
            return None;
        };
        let professional = of_role(&format!("professional-{role}"));
        let variables = self.variables(action, place);
        let scope = Scope { own: &questionnaire, professional: professional.as_deref(), variables: &variables };
        let (mut segments, mut alerts, mut services) = (Vec::new(), Vec::new(), Vec::new());
        let list = place.member("action");
        for (index, action) in action.list("action").iter().enumerate() {
            let here = list.element(index);
            let kind = coding(action, "rule-kind").and_then(|coding| coding.text("code"));
            match kind {
                Some("segment") => segments.extend(self.rule(action, "segment", &scope, &here)),
                Some("alert") => alerts.extend(self.rule(action, "alert", &scope, &here)),
                Some("service") => services.extend(self.service(action, &scope, &here)),
                _ => self.defect(here.member("code"), "the action is neither a segment's, an alert's nor a service's rule"),
            }
        }
        self.refuse_unreachable(&segments, &list);
        let must_answer = match action.text("requiredBehavior") {
            Some("must") => MustAnswer::Must,
            Some("must-unless-documented") => MustAnswer::MustUnlessDocumented,
            _ => MustAnswer::Could,
        };
        Some(RoleRules { role: role.to_owned(), must_answer, questionnaire, professional, segments, alerts, services })
    }

    fn variables(&mut self, action: &Node<'_>, place: &Place<'_>) -> Vec<(String, String)> {
        let mut variables: Vec<(String, String)> = Vec::new();
        for extension in action.list("extension") {
            let url = extension.text("url").unwrap_or_default();
            if !url.ends_with("/StructureDefinition/rule-variable") && url != HL7_VARIABLE {
                continue;
            }
            let expression = extension.member("valueExpression");
            let part = |name| expression.and_then(|expression| expression.text(name)).unwrap_or_default().to_owned();
            if variables.iter().any(|(name, _)| *name == part("name")) {
                self.defect(place.member("extension"), format!("the variable `{}` stands here twice", part("name")));
            }
            variables.push((part("name"), part("expression")));
        }
        variables
    }

    fn rule(&mut self, action: &Node<'_>, system: &str, scope: &Scope<'_>, place: &Place<'_>) -> Option<Rule> {
        let Some(subject) = coding(action, system) else {
            self.defect(place.member("code"), format!("the action has no code of the {system} code system"));
            return None;
        };
        let subject = Coded {
            system: subject.text("system").unwrap_or_default().to_owned(),
            code: subject.text("code").unwrap_or_default().to_owned(),
            display: Texts::of(subject, "display"),
        };
        if !self.known.has_code(&subject.system, &subject.code) {
            self.defect(place.member("code"), format!("`{}` is not in its code system", subject.code));
        }
        let list = place.member("action");
        let nested = action.list("action").iter().enumerate();
        let services = nested.filter_map(|(index, action)| self.service(action, scope, &list.element(index))).collect();
        Some(self.finish(action, subject, services, scope, place))
    }

    fn service(&mut self, action: &Node<'_>, scope: &Scope<'_>, place: &Place<'_>) -> Option<Rule> {
        let canonical = action.text("definitionCanonical").unwrap_or_default();
        let Some(subject) = self.known.service(canonical) else {
            self.defect(place.member("definitionCanonical"), format!("the service `{canonical}` does not resolve"));
            return None;
        };
        Some(self.finish(action, subject, Vec::new(), scope, place))
    }

    fn finish(&mut self, action: &Node<'_>, subject: Coded, services: Vec<Rule>, scope: &Scope<'_>, place: &Place<'_>) -> Rule {
        let conditions = action.list("condition");
        if conditions.len() > 1 {
            self.defect(place.member("condition"), "a rule has one condition");
        }
        let expression =
            conditions.first().and_then(|condition| condition.member("expression")).and_then(|expression| expression.text("expression"));
        let condition = expression.and_then(|expression| match lower(expression, scope) {
            Ok(condition) => Some(condition),
            Err(defect) => {
                self.defect(place.member("condition"), defect.to_string());
                None
            }
        });
        let guidance = action.list("documentation").iter().find_map(|artifact| artifact.text("resource")).map(str::to_owned);
        if let Some(canonical) = guidance.as_deref().filter(|canonical| !self.known.has_guidance(canonical)) {
            self.defect(place.member("documentation"), format!("the guidance `{canonical}` does not resolve"));
        }
        let id = action.text("id").unwrap_or_default().to_owned();
        if id.is_empty() {
            self.defect(place, "a rule needs an `id`");
        }
        let (title, sentence) = (Texts::of(action, "title"), Texts::of(action, "description"));
        Rule { id, subject, title, sentence, expression: expression.map(str::to_owned), condition, guidance, services }
    }

    /// The last segment's rule holds always, and only the last.
    fn refuse_unreachable(&mut self, segments: &[Rule], place: &Place<'_>) {
        match segments.last() {
            None => self.defect(place, "there is no segment rule"),
            Some(last) if last.expression.is_some() => {
                self.defect(place, format!("the last segment rule, `{}`, has a condition: a catch-all without one is wanted", last.id))
            }
            Some(_) => {}
        }
        for (index, rule) in segments.iter().enumerate().take(segments.len().saturating_sub(1)) {
            let always = rule.expression.is_none() || matches!(rule.condition, Some(Condition::Constant(true)));
            if always {
                self.defect(place, format!("`{}` holds always, so that the rules after it are never reached", rule.id));
            }
            if let Some(earlier) =
                segments[..index].iter().find(|earlier| earlier.condition.is_some() && earlier.condition == rule.condition)
            {
                self.defect(place, format!("`{}` can never be reached: `{}` before it has the same condition", rule.id, earlier.id));
            }
            if matches!(rule.condition, Some(Condition::Constant(false))) {
                self.defect(place, format!("`{}` can never be met", rule.id));
            }
        }
    }
}

fn refuse_same_ids(rule_set: &RuleSet, root: &Place<'_>, defects: &mut Vec<Issue>) {
    let mut ids: Vec<&str> = rule_set
        .roles
        .iter()
        .flat_map(|role| role.segments.iter().chain(&role.alerts).chain(&role.services))
        .flat_map(|rule| std::iter::once(rule).chain(&rule.services))
        .map(|rule| rule.id.as_str())
        .collect();
    ids.sort_unstable();
    for pair in ids.windows(2) {
        if pair[0] == pair[1] {
            defects.push(Issue::error("duplicate", "rule-set", root.member("action"), format!("two rules have the id `{}`", pair[0])));
        }
    }
}

fn coding<'n, 'a>(action: &'n Node<'a>, system: &str) -> Option<&'n Node<'a>> {
    action.list("code").iter().flat_map(|code| code.list("coding")).find(|coding| is_of(coding, system))
}

fn is_of(coding: &Node<'_>, system: &str) -> bool {
    coding.text("system").is_some_and(|url| url.rsplit_once("/CodeSystem/").is_some_and(|(_, id)| id == system))
}

/// Not allowed on a PlanDefinition by HL7's own context, yet met in the wild: accepted on input.
const HL7_VARIABLE: &str = "http://hl7.org/fhir/StructureDefinition/variable";
