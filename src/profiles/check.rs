//! Cross-checks that no single artifact can make: translations, vocabularies, names that must resolve.

use neuvola_fhir::{Node, Place};

use super::{Defect, Profiles, split};
use crate::form::answers::Answers;
use crate::form::questionnaire::{AnswerOption, DATA_ABSENT_REASON, Item, OptionValue, Questionnaire};
use crate::issue::Issue;
use crate::segment::rule::{RoleRules, RuleSet};
use crate::segment::{Outcome, Reason, segment, services_of};
use crate::texts::Texts;

pub(super) fn check(profiles: &Profiles, defects: &mut Vec<Defect>) {
    let mut check = Check { profiles, defects };
    for questionnaire in profiles.questionnaires().iter().filter(|questionnaire| !questionnaire.form.is_empty()) {
        if profiles.coded_in("form", &questionnaire.form).is_none() {
            let message = format!("the form `{}` is not in its code system", questionnaire.form);
            let remedy = "add the form to the code system `form`, or use one of its codes";
            check.push("Questionnaire", &questionnaire.canonical(), "Questionnaire.code", message, remedy);
        }
        check.texts_of(questionnaire);
        check.options_of(questionnaire);
    }
    for rule_set in profiles.rule_sets.iter().filter(|rule_set| !rule_set.form.is_empty()) {
        for rules in &rule_set.roles {
            check.never_met(rules, rule_set);
            rules.rules().for_each(|rule| check.translated(&rule.id, &rule.title, &rule.sentence, rule_set));
        }
        for rule in rule_set.family.iter().flat_map(|view| &view.rules) {
            check.translated(&rule.id, &rule.title, &rule.sentence, rule_set);
        }
    }
    check.vocabularies();
    for (resource_type, url, message) in profiles.library.terminology.dangling(|system| is_ours(profiles, system)) {
        let element = if resource_type == "ValueSet" { "compose.include" } else { "concept" };
        let remedy = "correct the system or code, or give the CodeSystem that has it";
        check.push(resource_type, &url, &format!("{resource_type}.{element}"), message, remedy);
    }
    for guidance in profiles.guidance.iter().filter(|guidance| guidance.text.is_empty()) {
        let remedy = "add the text, base64 in `content.data`, with its `language`";
        check.push("Library", &guidance.canonical, "Library.content", "the guidance has no text".to_owned(), remedy);
    }
}

/// Shipped, or asked for by a form: families read it in their language.
fn is_ours(profiles: &Profiles, system: &str) -> bool {
    let is_shipped = profiles.artifacts.iter().any(|artifact| artifact.url == system && artifact.layer == 0);
    let names = |option: &AnswerOption| matches!(&option.value, OptionValue::Coding { system: named, .. } if named == system);
    let forms = profiles.questionnaires().iter().filter(|questionnaire| !questionnaire.form.is_empty());
    is_shipped || forms.flat_map(|form| form.items()).flat_map(|item| &item.options).any(names)
}

struct Check<'c> {
    profiles: &'c Profiles,
    defects: &'c mut Vec<Defect>,
}

impl Check<'_> {
    fn texts_of(&mut self, questionnaire: &Questionnaire) {
        for item in questionnaire.items() {
            if let Some(language) = missing_language(&item.text).filter(|_| !item.text.is_empty()) {
                self.untranslated(questionnaire, item, "text", language);
            }
            for (index, option) in item.options.iter().enumerate().filter(|(_, option)| !option.display.is_empty()) {
                if let Some(language) = missing_language(&option.display) {
                    let element = if item.value_set.is_some() { "answerValueSet".to_owned() } else { format!("answerOption[{index}]") };
                    self.untranslated(questionnaire, item, &element, language);
                }
            }
        }
    }

    fn untranslated(&mut self, questionnaire: &Questionnaire, item: &Item, element: &str, language: &str) {
        let message = format!("`{}` has a text without its translation into `{language}`", item.link_id);
        let remedy = format!("add the text in `{language}`: the `translation` extension, `designation` in code systems and value sets");
        self.push("Questionnaire", &questionnaire.canonical(), &format!("{}.{element}", item.place), message, remedy);
    }

    /// A code of an option is in its code system, where that is here.
    fn options_of(&mut self, questionnaire: &Questionnaire) {
        for item in questionnaire.items() {
            for (index, option) in item.options.iter().enumerate() {
                if let OptionValue::Coding { system, code } = &option.value
                    && self.profiles.library.terminology.lacks(system, code)
                {
                    let message = format!("`{code}`, an option of `{}`, is not in its code system", item.link_id);
                    let element = if item.value_set.is_some() { "answerValueSet".to_owned() } else { format!("answerOption[{index}]") };
                    let place = format!("{}.{element}", item.place);
                    self.push("Questionnaire", &questionnaire.canonical(), &place, message, "add the code there, or correct it here");
                }
            }
        }
    }

    /// What is not met though everything is still open can never be met: the rules' own logic tells it.
    fn never_met(&mut self, rules: &RoleRules, rule_set: &RuleSet) {
        let own = Answers::anything(&rules.questionnaire);
        let professional = rules.professional.as_deref().map(Answers::anything);
        let open = segment(rules, rule_set, &own, professional.as_ref());
        let offered = rules.segments.iter().flat_map(|rule| services_of(rules, &rule.subject.code, &own, professional.as_ref()));
        let offered: Vec<Reason<'_>> = offered.collect();
        let mut told: Vec<&str> = Vec::new();
        for reason in open.segments.iter().chain(&open.alerts).chain(&open.services).chain(&offered) {
            let id = reason.rule.id.as_str();
            if reason.outcome != Outcome::NotMet || told.contains(&id) {
                continue;
            }
            told.push(id);
            let place = format!("{}.condition[0]", self.place_of(rule_set, id));
            let remedy = "compare the threshold with what the answers can sum to, or take the rule out";
            let message = format!("`{id}` can never be met, whatever is answered");
            self.push("PlanDefinition", &rule_set.canonical(), &place, message, remedy);
        }
    }

    fn translated(&mut self, id: &str, title: &Texts, sentence: &Texts, rule_set: &RuleSet) {
        for (name, text) in [("title", title), ("description", sentence)] {
            let (message, remedy) = if text.is_empty() {
                let remedy = format!("add `{name}`: the rule in words that a family could read, threshold included");
                (format!("the rule `{id}` has no `{name}`"), remedy)
            } else if let Some(language) = missing_language(text) {
                let remedy = format!("add the `translation` extension with `{language}` to `_{name}`");
                (format!("the {name} of `{id}` is not translated into `{language}`"), remedy)
            } else {
                continue;
            };
            let place = format!("{}.{name}", self.place_of(rule_set, id));
            self.push("PlanDefinition", &rule_set.canonical(), &place, message, remedy);
        }
    }

    fn vocabularies(&mut self) {
        for vocabulary in &self.profiles.vocabularies {
            for (url, field, link_id) in vocabulary.fields() {
                let questionnaire = self.profiles.questionnaires().iter().find(|questionnaire| questionnaire.url == url);
                let (element, message) = match questionnaire {
                    None => ("target", format!("the Questionnaire `{url}` does not resolve")),
                    Some(it) if it.find(link_id).is_none() => {
                        ("element", format!("`{field}` leads to `{link_id}`, which `{}` does not have", it.id))
                    }
                    Some(_) => continue,
                };
                let remedy = "lead the field to a question that is there";
                self.push("ConceptMap", &vocabulary.url, &format!("ConceptMap.group.{element}"), message, remedy);
            }
            for (field, system, code) in vocabulary.targets() {
                let ours = system.contains("/CodeSystem/") && system != DATA_ABSENT_REASON;
                if ours && self.profiles.coded(system, code).is_none() {
                    let message = format!("an option of `{field}` leads to `{code}`, which its code system does not have");
                    let remedy = "lead the option to a code that is there";
                    self.push("ConceptMap", &vocabulary.url, "ConceptMap.group.element", message, remedy);
                }
            }
        }
    }

    /// Where the rule stands in its PlanDefinition.
    fn place_of(&self, rule_set: &RuleSet, rule: &str) -> String {
        let artifact = self.profiles.artifact("PlanDefinition", &rule_set.canonical());
        let found = artifact.and_then(|artifact| artifact.with_node(|node| action(node, rule, &Place::root("PlanDefinition"))));
        found.flatten().unwrap_or_else(|| "PlanDefinition.action".to_owned())
    }

    fn push(&mut self, resource_type: &str, canonical: &str, place: &str, message: String, remedy: impl Into<String>) {
        let file = self.profiles.artifact(resource_type, canonical).map_or_else(String::new, |artifact| artifact.file.clone());
        self.defects.push(Defect { file, issue: Issue::error("invalid", "profiles", place, message).remedy(remedy) });
    }
}

impl Profiles {
    /// The artifact of this canonical; of its url, where that names no version.
    fn artifact(&self, resource_type: &str, canonical: &str) -> Option<&super::Artifact> {
        let (url, version) = split(canonical);
        let mut of_type = self.artifacts.iter().filter(|artifact| artifact.resource_type == resource_type && artifact.url == url);
        of_type.find(|artifact| version.is_none_or(|version| artifact.version == version))
    }
}

/// The place of the action with this id, below `node`.
fn action(node: &Node<'_>, id: &str, place: &Place<'_>) -> Option<String> {
    let list = place.member("action");
    node.list("action").iter().enumerate().find_map(|(index, child)| {
        let here = list.element(index);
        if child.text("id") == Some(id) { Some(here.to_string()) } else { action(child, id, &here) }
    })
}

fn missing_language(text: &Texts) -> Option<&'static str> {
    ["sv", "en"].into_iter().find(|language| !text.has(language))
}
