//! The family view of a plan: one action of the kind `family`, in it observations, each with a condition over `%family`.

use std::sync::Arc;

use neuvola_fhir::{Node, Place};

use super::{Known, Loader, coding};
use crate::form::questionnaire::Questionnaire;
use crate::segment::condition::{Page, Source, lower_family, reads_family};
use crate::segment::family::{FamilyRule, FamilyView};
use crate::segment::rule::Coded;
use crate::texts::Texts;

/// Is the action the family view?
pub(super) fn is_family(action: &Node<'_>) -> bool {
    coding(action, "form-role").is_none() && is_of_kind(action, "family")
}

impl<K: Known> Loader<'_, K> {
    pub(super) fn family(&mut self, node: &Node<'_>, questionnaires: &[Arc<Questionnaire>], place: &Place<'_>) -> Option<FamilyView> {
        let list = place.member("action");
        let mut view: Option<FamilyView> = None;
        for (index, action) in node.list("action").iter().enumerate().filter(|(_, action)| is_family(action)) {
            let here = list.element(index);
            if view.is_some() {
                self.defect(here, "a plan has one family view");
                continue;
            }
            let variables = self.variables(action, &Vec::new(), &here);
            let pages = pages(questionnaires);
            let inside = here.member("action");
            let rules = action.list("action").iter().enumerate();
            let rules = rules.filter_map(|(index, action)| self.observation(action, &pages, &variables, &inside.element(index)));
            let rules = rules.collect();
            view = Some(FamilyView { pages, rules });
        }
        view
    }

    fn observation(&mut self, action: &Node<'_>, pages: &[Page], variables: &[(String, String)], place: &Place<'_>) -> Option<FamilyRule> {
        let Some(subject) = coding(action, SYSTEM).filter(|_| is_of_kind(action, "observation")) else {
            self.defect(place.member("code"), format!("the action is no observation with a code of the {SYSTEM} code system"));
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
        for name in ["action", "definitionCanonical", "definitionUri", "dynamicValue"] {
            if action.member(name).is_some() {
                self.defect(place.member(name), "an observation proposes nothing: it is written nowhere");
            }
        }
        let id = action.text("id").unwrap_or_default().to_owned();
        if id.is_empty() {
            self.defect(place, "a rule needs an `id`");
        }
        let guidance = self.guidance(action, place);
        let condition = match action.list("condition") {
            [condition] => condition.member("expression"),
            _ => None,
        };
        let Some(expression) = condition
            .filter(|it| it.text("language").unwrap_or("text/fhirpath") == "text/fhirpath")
            .and_then(|expression| expression.text("expression"))
        else {
            self.defect(place.member("condition"), "an observation has one condition, in FHIRPath");
            return None;
        };
        match lower_family(expression, pages, variables) {
            Ok(condition) => Some(FamilyRule {
                id,
                subject,
                title: Texts::of(action, "title"),
                sentence: Texts::of(action, "description"),
                expression: expression.to_owned(),
                condition,
                guidance,
            }),
            Err(defect) => {
                self.defect(place.member("condition"), defect.to_string());
                None
            }
        }
    }

    /// What is about one person reads nothing of another, in its variables neither.
    pub(super) fn refuse_family(&mut self, variables: &[(String, String)], place: &Place<'_>) {
        for (name, _) in variables.iter().filter(|(_, expression)| reads_family(expression)) {
            let message = format!("the variable `{name}` reads `%family`: that stands in the family view's own action only");
            self.defect(place.member("extension"), message);
        }
    }
}

fn pages(questionnaires: &[Arc<Questionnaire>]) -> Vec<Page> {
    let of = |questionnaire: &Arc<Questionnaire>| {
        let (role, source) = match questionnaire.role.strip_prefix("professional-") {
            Some(role) => (role, Source::Professional),
            None => (questionnaire.role.as_str(), Source::Own),
        };
        Page { role: role.to_owned(), source, questionnaire: Arc::clone(questionnaire) }
    };
    questionnaires.iter().map(of).collect()
}

fn is_of_kind(action: &Node<'_>, kind: &str) -> bool {
    coding(action, "rule-kind").and_then(|coding| coding.text("code")) == Some(kind)
}

const SYSTEM: &str = "family-observation";
