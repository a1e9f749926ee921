//! QuestionnaireResponses as they lie in files: each person's own, with the professional's about the same person.

use neuvola_fhir::{Limits, Node, read, to_json_document};

use super::Person;
use crate::form::validate::{ValidatedResponse, validate};
use crate::profiles::{Profiles, by_version, split};
use crate::rules::judge::Judge;
use crate::rules::said::Said;
use crate::segment::rule::{RoleRules, RuleSet};

/// One file.
#[derive(Debug)]
pub struct Response {
    pub name: String,
    /// JSON or XML.
    pub content: Vec<u8>,
}

/// Each response under these rules, in the order given: nothing for a professional's that goes with somebody's own; why not, for
/// one that cannot be read.
pub(super) fn under(responses: &[Response], profiles: &Profiles) -> Vec<(String, Result<Option<Person>, String>)> {
    let documents: Vec<_> = responses.iter().map(|it| to_json_document(&it.content, Limits::default())).collect();
    let nodes: Vec<Option<Node<'_>>> = documents.iter().map(|document| read(document.as_deref().ok()?).ok()).collect();
    let told = responses.iter().zip(&nodes).map(|(response, node)| {
        let said = node.as_ref().map_or_else(|| Err("it is not readable as FHIR".to_owned()), |node| one(node, &nodes, profiles));
        (response.name.clone(), said)
    });
    told.collect()
}

fn one(node: &Node<'_>, all: &[Option<Node<'_>>], profiles: &Profiles) -> Result<Option<Person>, String> {
    if node.text("resourceType") != Some("QuestionnaireResponse") {
        return Err("it is no QuestionnaireResponse".to_owned());
    }
    let authored = node.text("authored").unwrap_or_default();
    let url = url_of(node);
    if let Some((rule_set, rules)) = rules_of(profiles, authored, |rules| rules.questionnaire.url == url) {
        let own = validated(node, &rules.questionnaire)?;
        let professional = match &rules.professional {
            None => None,
            Some(page) => {
                let about = subject(node);
                let mut about_the_same =
                    all.iter().flatten().filter(|it| url_of(it) == page.url && about.is_some() && subject(it) == about);
                about_the_same.next().map(|node| validated(node, page)).transpose()?
            }
        };
        let answers = (own, professional);
        let segmentation = Judge { rule_set, rules }.segment(answers.0.answers(), answers.1.as_ref().map(ValidatedResponse::answers));
        let form = if rule_set.form.is_empty() { rule_set.url.clone() } else { rule_set.form.clone() };
        let said = Said::of(&segmentation, rules, true);
        return Ok(Some(Person { key: String::new(), form, role: rules.role.clone(), said }));
    }
    if let Some((_, rules)) = rules_of(profiles, authored, |rules| rules.professional.as_ref().is_some_and(|page| page.url == url)) {
        let has_own = all.iter().flatten().any(|it| url_of(it) == rules.questionnaire.url && subject(it) == subject(node));
        return if has_own { Ok(None) } else { Err("there is no response of the person whom it is about".to_owned()) };
    }
    Err("no rules are about its Questionnaire".to_owned())
}

/// Those in force when it was authored, the newest of them; the newest of all, if none was.
fn rules_of<'p>(profiles: &'p Profiles, authored: &str, is_it: impl Fn(&RoleRules) -> bool) -> Option<(&'p RuleSet, &'p RoleRules)> {
    let all = profiles.rule_sets().iter().flat_map(|rule_set| rule_set.roles.iter().map(move |rules| (rule_set, rules)));
    let in_force = |rule_set: &RuleSet| authored.is_empty() || rule_set.is_effective(authored);
    let by_age =
        |left: &RuleSet, right: &RuleSet| in_force(left).cmp(&in_force(right)).then_with(|| by_version(&left.version, &right.version));
    all.filter(|(_, rules)| is_it(rules)).max_by(|(left, _), (right, _)| by_age(left, right))
}

fn validated<'q, 'd>(node: &'d Node<'d>, page: &'q crate::form::questionnaire::Questionnaire) -> Result<ValidatedResponse<'q, 'd>, String> {
    validate(node, page).map_err(|issues| {
        let first = issues.first().map_or_else(String::new, |issue| format!(": {} at {}", issue.message, issue.place));
        format!("it is not valid against {}, {} faults{first}", page.canonical(), issues.len())
    })
}

fn url_of<'n>(node: &'n Node<'_>) -> &'n str {
    split(node.text("questionnaire").unwrap_or_default()).0
}

/// Whom it is about.
fn subject(node: &Node<'_>) -> Option<String> {
    let subject = node.member("subject")?;
    if let Some(reference) = subject.text("reference") {
        return Some(reference.to_owned());
    }
    let identifier = subject.member("identifier")?;
    Some(format!("{}|{}", identifier.text("system").unwrap_or_default(), identifier.text("value")?))
}
