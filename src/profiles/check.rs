//! Cross-checks that no single artifact can make: translations, vocabularies, names that must resolve.

use super::{Defect, Profiles};
use crate::form::answers::Answers;
use crate::form::questionnaire::{AnswerOption, DATA_ABSENT_REASON, OptionValue, Questionnaire};
use crate::issue::Issue;
use crate::segment::rule::{RoleRules, Rule, RuleSet};
use crate::segment::{Outcome, segment};
use crate::texts::Texts;

pub(super) fn check(profiles: &Profiles, defects: &mut Vec<Defect>) {
    for questionnaire in profiles.questionnaires() {
        if let Some(rule_form) = (!questionnaire.form.is_empty()).then_some(&questionnaire.form)
            && profiles.coded_in("form", rule_form).is_none()
        {
            push(
                profiles,
                defects,
                "Questionnaire",
                &questionnaire.url,
                "Questionnaire.code",
                format!("the form `{rule_form}` is not in its code system"),
            );
        }
        if !questionnaire.form.is_empty() {
            texts_of(questionnaire, profiles, defects);
            options_of(questionnaire, profiles, defects);
        }
    }
    for rule_set in profiles.rule_sets.iter().filter(|rule_set| !rule_set.form.is_empty()) {
        for rules in &rule_set.roles {
            never_met(rules, rule_set, profiles, defects);
            rules.rules().for_each(|rule| translated(rule, &rule_set.url, profiles, defects));
        }
    }
    vocabularies(profiles, defects);
    for (resource_type, url, message) in profiles.library.terminology.dangling(|system| is_ours(profiles, system)) {
        push(
            profiles,
            defects,
            resource_type,
            &url,
            &format!("{resource_type}.{}", if resource_type == "ValueSet" { "compose.include" } else { "concept" }),
            message,
        );
    }
    for guidance in profiles.guidance.iter().filter(|guidance| guidance.text.is_empty()) {
        push(profiles, defects, "Library", super::split(&guidance.canonical).0, "Library.content", "the guidance has no text".to_owned());
    }
}

/// Shipped, or asked for by a form: families read it in their language.
fn is_ours(profiles: &Profiles, system: &str) -> bool {
    let is_shipped = profiles.artifacts.iter().any(|artifact| artifact.url == system && artifact.layer == 0);
    let names = |option: &AnswerOption| matches!(&option.value, OptionValue::Coding { system: named, .. } if named == system);
    let forms = profiles.questionnaires().iter().filter(|questionnaire| !questionnaire.form.is_empty());
    is_shipped || forms.flat_map(|form| form.items()).flat_map(|item| &item.options).any(names)
}

fn texts_of(questionnaire: &Questionnaire, profiles: &Profiles, defects: &mut Vec<Defect>) {
    for item in questionnaire.items() {
        let shown = item.options.iter().filter(|option| !option.display.is_empty()).map(|option| &option.display);
        for text in shown.chain((!item.text.is_empty()).then_some(&item.text)) {
            if let Some(language) = missing_language(text) {
                let message = format!("`{}` has a text without its translation into `{language}`", item.link_id);
                push(profiles, defects, "Questionnaire", &questionnaire.url, "Questionnaire.item", message);
            }
        }
    }
}

/// A code of an option is in its code system, where that is here.
fn options_of(questionnaire: &Questionnaire, profiles: &Profiles, defects: &mut Vec<Defect>) {
    for item in questionnaire.items() {
        for option in &item.options {
            if let OptionValue::Coding { system, code } = &option.value
                && profiles.library.terminology.lacks(system, code)
            {
                let message = format!("`{code}`, an option of `{}`, is not in its code system", item.link_id);
                push(profiles, defects, "Questionnaire", &questionnaire.url, "Questionnaire.item.answerOption", message);
            }
        }
    }
}

/// What is not met though everything is still open can never be met: the rules' own logic tells it.
fn never_met(rules: &RoleRules, rule_set: &RuleSet, profiles: &Profiles, defects: &mut Vec<Defect>) {
    let own = Answers::anything(&rules.questionnaire);
    let professional = rules.professional.as_deref().map(Answers::anything);
    let open = segment(rules, rule_set, &own, professional.as_ref());
    for reason in open.segments.iter().chain(&open.alerts).chain(&open.services).filter(|reason| reason.outcome == Outcome::NotMet) {
        let message = format!("`{}` can never be met, whatever is answered", reason.rule.id);
        push(profiles, defects, "PlanDefinition", &rule_set.url, "PlanDefinition.action.condition", message);
    }
}

fn translated(rule: &Rule, url: &str, profiles: &Profiles, defects: &mut Vec<Defect>) {
    for (name, text) in [("title", &rule.title), ("description", &rule.sentence)] {
        if text.is_empty() {
            push(profiles, defects, "PlanDefinition", url, "PlanDefinition.action", format!("the rule `{}` has no `{name}`", rule.id));
        } else if let Some(language) = missing_language(text) {
            push(
                profiles,
                defects,
                "PlanDefinition",
                url,
                "PlanDefinition.action",
                format!("the {name} of `{}` is not translated into `{language}`", rule.id),
            );
        }
    }
}

fn vocabularies(profiles: &Profiles, defects: &mut Vec<Defect>) {
    for vocabulary in &profiles.vocabularies {
        for (url, field, link_id) in vocabulary.fields() {
            match profiles.questionnaires().iter().find(|questionnaire| questionnaire.url == url) {
                None => push(
                    profiles,
                    defects,
                    "ConceptMap",
                    &vocabulary.url,
                    "ConceptMap.group.target",
                    format!("the Questionnaire `{url}` does not resolve"),
                ),
                Some(questionnaire) if questionnaire.find(link_id).is_none() => {
                    push(
                        profiles,
                        defects,
                        "ConceptMap",
                        &vocabulary.url,
                        "ConceptMap.group.element",
                        format!("`{field}` leads to `{link_id}`, which `{}` does not have", questionnaire.id),
                    );
                }
                Some(_) => {}
            }
        }
        for (field, system, code) in vocabulary.targets() {
            let ours = system.contains("/CodeSystem/") && system != DATA_ABSENT_REASON;
            if ours && profiles.coded(system, code).is_none() {
                push(
                    profiles,
                    defects,
                    "ConceptMap",
                    &vocabulary.url,
                    "ConceptMap.group.element",
                    format!("an option of `{field}` leads to `{code}`, which its code system does not have"),
                );
            }
        }
    }
}

fn missing_language(text: &Texts) -> Option<&'static str> {
    ["sv", "en"].into_iter().find(|language| !text.has(language))
}

fn push(profiles: &Profiles, defects: &mut Vec<Defect>, resource_type: &str, url: &str, place: &str, message: String) {
    let file = profiles
        .artifacts
        .iter()
        .find(|artifact| artifact.resource_type == resource_type && artifact.url == url)
        .map_or_else(String::new, |artifact| artifact.file.clone());
    defects.push(Defect { file, issue: Issue::error("invalid", "profiles", place, message) });
}
