//! PlanDefinition -> [`RuleSet`]: every defect with its element.
//!
//! A rule set of ours has one action a role, whose own actions are the rules: segments in order, alerts, services. What a rule is about stands
//! in `action.code`: `rule-kind` and the segment's, alert's or role's own code. R4
//! <https://hl7.org/fhir/R4/plandefinition.html>. Any other plan is read by [`foreign`].

mod family;
mod foreign;
mod variables;

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use neuvola_fhir::{Node, Place, Value};

use super::condition::{Condition, Defect, Scope, Shared, Wanted, lower, lower_number, prove};
use super::rule::{Coded, Dynamic, MustAnswer, RoleRules, Rule, RuleSet};
use crate::fhirpath::Kept;
use crate::form::questionnaire::Questionnaire;
use crate::issue::{Issue, Severity};
use crate::texts::Texts;

/// What a PlanDefinition may name.
pub trait Known {
    /// The Questionnaire of this canonical, version included.
    fn questionnaire(&self, canonical: &str) -> Option<Arc<Questionnaire>>;
    /// Every Questionnaire of nobody's form.
    fn unclaimed(&self) -> Vec<Arc<Questionnaire>>;
    /// The Questionnaire itself, for expressions that read it.
    fn kept(&self, questionnaire: &Questionnaire) -> Option<Kept>;
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
    let is_ours = topic.is_some() || node.list("action").iter().any(|action| coding(action, "form-role").is_some());
    let keeps = mentions(node, "%questionnaire");
    let mut loader = Loader { known, defects: &mut defects, shared: RefCell::default(), keeps, places: HashMap::new() };
    let mut family = None;
    let roles: Vec<RoleRules> = if is_ours {
        let variables = loader.variables(node, &Vec::new(), &root);
        loader.refuse_family(&variables, &root);
        family = loader.family(node, &questionnaires, &root);
        let actions = node.list("action").iter().enumerate().filter(|(_, action)| !family::is_family(action));
        actions.filter_map(|(index, action)| loader.role(action, &questionnaires, &variables, &list.element(index))).collect()
    } else {
        // one that names a Questionnaire which is not here is about none that is
        let is_named = loader.defects.iter().any(|defect| defect.code == "not-found");
        if questionnaires.is_empty() && is_named { Vec::new() } else { loader.foreign(node, &questionnaires, &root) }
    };
    if roles.is_empty() {
        defects.push(Issue::error("required", "rule-set", list, "the rule set has no rules for anybody"));
    }
    let mut rule_set = RuleSet {
        url: node.text("url").unwrap_or_default().to_owned(),
        version: node.text("version").unwrap_or_default().to_owned(),
        title: Texts::of(node, "title"),
        form: topic.and_then(|coding| coding.text("code")).or_else(|| node.text("id")).unwrap_or_default().to_owned(),
        effective: (period("start"), period("end")),
        roles,
        is_given: false,
        family,
        warnings: Vec::new(),
    };
    if !is_ours {
        let id = format!("PlanDefinition/{}", node.text("id").unwrap_or_default());
        rule_set.url = if rule_set.url.is_empty() { id } else { rule_set.url };
        rule_set.form.clear();
        rule_set.roles.iter().take(1).for_each(|role| same_ids(role.rules().map(|rule| rule.id.as_str()), &root, &mut defects));
        rule_set.warnings = defects;
        rule_set.warnings.iter_mut().for_each(|issue| issue.severity = Severity::Warning);
        return Ok(rule_set);
    }
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
        if !canonical.contains("Questionnaire/") || canonical.contains("QuestionnaireResponse/") {
            match known.questionnaire(canonical) {
                Some(questionnaire) => found.push(questionnaire),
                None => continue,
            }
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
    let named = node.list("library").iter().filter_map(Node::as_str).chain(definitions(node));
    for questionnaire in named.filter_map(|canonical| known.questionnaire(canonical)) {
        if !found.iter().any(|known| Arc::ptr_eq(known, &questionnaire)) {
            found.push(questionnaire);
        }
    }
    found
}

/// What actions define or take, wherever they stand.
fn definitions<'n>(node: &'n Node<'_>) -> Vec<&'n str> {
    let mut found = Vec::new();
    for action in node.list("action") {
        found.extend(action.text("definitionCanonical").or_else(|| action.text("definitionUri")));
        found.extend(action.list("input").iter().flat_map(|input| input.list("profile")).filter_map(Node::as_str));
        found.extend(definitions(action));
    }
    found
}

struct Loader<'l, K> {
    known: &'l K,
    defects: &'l mut Vec<Issue>,
    shared: RefCell<Shared>,
    /// Its expressions read the Questionnaire itself.
    keeps: bool,
    /// Where variables stand, by name and expression.
    places: HashMap<(String, String), String>,
}

impl<K: Known> Loader<'_, K> {
    fn defect(&mut self, place: impl ToString, message: impl Into<String>) {
        self.defects.push(Issue::error("invalid", "rule-set", place, message));
    }

    /// Tells what is wrong with an expression: that it does not compile, or what is sure to go wrong whatever is answered.
    fn judge(&mut self, expression: &str, wanted: Wanted, defect: Option<&Defect>, scope: &Scope<'_>, place: &Place<'_>) {
        let findings = match defect {
            None | Some(Defect::UnknownQuestion(..) | Defect::UnknownOption(..)) => prove(expression, wanted, scope),
            Some(_) => Vec::new(),
        };
        for finding in &findings {
            let stands = |name: &String| {
                let variable = scope.variables.iter().find(|(known, _)| known == name)?;
                self.places.get(variable).cloned()
            };
            let place = finding.variable.as_ref().and_then(stands).unwrap_or_else(|| place.to_string());
            // a variable that several rules name
            if !self.defects.iter().any(|known| known.place == place && known.message == finding.what) {
                self.defects.push(Issue::error("invalid", "rule-set", place, &finding.what).remedy(&finding.remedy));
            }
        }
        match defect {
            // told where it stands
            None | Some(Defect::BrokenVariable(_)) => {}
            Some(_) if !findings.is_empty() => {}
            Some(defect) => self.defects.push(Issue::error("invalid", "rule-set", place, defect.to_string()).remedy(defect.remedy(scope))),
        }
    }

    fn role(
        &mut self,
        action: &Node<'_>,
        questionnaires: &[Arc<Questionnaire>],
        around: &variables::Variables,
        place: &Place<'_>,
    ) -> Option<RoleRules> {
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
        let variables = self.variables(action, around, place);
        let own: Vec<_> = variables.iter().filter(|variable| !around.contains(variable)).cloned().collect();
        self.refuse_family(&own, place);
        let shared = std::mem::take(&mut self.shared);
        let scope = Scope { shared: Some(&shared), strict: true, ..Scope::of(&questionnaire, professional.as_deref(), &variables) };
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
        let kept = self.keeps.then(|| self.known.kept(&questionnaire)).flatten();
        let rules = RoleRules::new(role, Arc::clone(&questionnaire), professional.clone());
        Some(RoleRules { must_answer, segments, alerts, services, kept, shared: shared.borrow().count(), ..rules })
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
        let condition = expression.and_then(|expression| {
            let lowered = lower(expression, scope);
            self.judge(expression, Wanted::Condition, lowered.as_ref().err(), scope, &place.member("condition"));
            lowered.ok()
        });
        let guidance = self.guidance(action, place);
        let id = action.text("id").unwrap_or_default().to_owned();
        if id.is_empty() {
            self.defect(place, "a rule needs an `id`");
        }
        Rule {
            id,
            subject,
            title: Texts::of(action, "title"),
            sentence: Texts::of(action, "description"),
            expression: expression.map(str::to_owned),
            inputs: condition.as_ref().map(Condition::inputs).unwrap_or_default(),
            dynamic: self.dynamic(action, scope, place),
            condition,
            guidance,
            services,
        }
    }

    fn guidance(&mut self, action: &Node<'_>, place: &Place<'_>) -> Option<String> {
        let guidance = action.list("documentation").iter().find_map(|artifact| artifact.text("resource")).map(str::to_owned);
        if let Some(canonical) = guidance.as_deref().filter(|canonical| !self.known.has_guidance(canonical)) {
            self.defect(place.member("documentation"), format!("the guidance `{canonical}` does not resolve"));
        }
        guidance
    }

    /// R4 `dynamicValue`: numbers that depend on answers.
    fn dynamic(&mut self, action: &Node<'_>, scope: &Scope<'_>, place: &Place<'_>) -> Vec<Dynamic> {
        let list = place.member("dynamicValue");
        let mut found = Vec::new();
        for (index, value) in action.list("dynamicValue").iter().enumerate() {
            let expression = value.member("expression");
            let language = expression.and_then(|it| it.text("language")).unwrap_or("text/fhirpath");
            let (Some(path), Some(text)) = (value.text("path"), expression.and_then(|it| it.text("expression"))) else { continue };
            if language != "text/fhirpath" {
                self.defect(list.element(index), "the dynamicValue is in another language than FHIRPath");
                continue;
            }
            let lowered = lower_number(text, scope);
            self.judge(text, Wanted::Number, lowered.as_ref().err(), scope, &list.element(index));
            found.extend(lowered.ok().map(|number| Dynamic { path: path.to_owned(), expression: text.to_owned(), number }));
        }
        found
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

/// Does the text stand anywhere in it?
fn mentions(node: &Node<'_>, text: &str) -> bool {
    match &node.value {
        Value::String(string) => string.contains(text),
        Value::Array(elements) => elements.iter().any(|element| mentions(element, text)),
        Value::Object(members) => members.iter().any(|(_, member)| mentions(member, text)),
        _ => false,
    }
}

fn refuse_same_ids(rule_set: &RuleSet, root: &Place<'_>, defects: &mut Vec<Issue>) {
    let of_persons = rule_set.roles.iter().flat_map(RoleRules::rules).map(|rule| rule.id.as_str());
    let of_family = rule_set.family.iter().flat_map(|view| &view.rules).map(|rule| rule.id.as_str());
    same_ids(of_persons.chain(of_family), root, defects);
}

fn same_ids<'r>(ids: impl Iterator<Item = &'r str>, root: &Place<'_>, defects: &mut Vec<Issue>) {
    let mut ids: Vec<&str> = ids.collect();
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
