//! A rule set as a list that a nurse can read.

use super::Named;
use super::judge::Judge;
use crate::profiles::Profiles;
use crate::segment::condition::{Page, Source};
use crate::segment::family::FamilyRule;
use crate::segment::rule::{RoleRules, Rule, RuleSet};

/// The rules of one role, in order.
#[derive(Debug)]
pub struct Listing {
    pub role: String,
    pub rules: Vec<Listed>,
}

/// One rule, in one language.
#[derive(Debug)]
pub struct Listed {
    /// Segments are asked in this order; alerts and services have none.
    pub order: Option<usize>,
    pub id: String,
    pub kind: Kind,
    pub code: String,
    pub display: String,
    pub sentence: String,
    /// `None` holds always.
    pub expression: Option<String>,
    pub questions: Vec<Question>,
    /// The title of its guidance text.
    pub guidance: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Segment,
    /// The segment of those whom no other rule decides about.
    CatchAll,
    Alert,
    /// Offered whatever the segment.
    Always,
    /// An action of a plan that does not speak of segments.
    Other,
    /// Of the family as a whole.
    Observation,
    /// Offered with the segment of this name.
    With(String),
}

#[derive(Debug)]
pub struct Question {
    pub link_id: String,
    /// Of the professional's section.
    pub professional: bool,
    pub text: String,
}

/// Every role's rules in `language`.
pub fn listings(rule_set: &RuleSet, profiles: &Profiles, language: &str) -> Vec<Listing> {
    let of_role = |rules: &RoleRules| {
        let judge = Judge { rule_set, rules };
        let list = judge.everything().into_iter().map(|(rule, reads)| listed(rule, &reads, rules, profiles, language));
        Listing { role: rules.role.clone(), rules: list.collect() }
    };
    rule_set.roles.iter().map(of_role).collect()
}

/// The family view's rules in `language`.
pub fn family_listing(rule_set: &RuleSet, profiles: &Profiles, language: &str) -> Option<Listing> {
    let view = rule_set.family.as_ref()?;
    let observed = |rule: &FamilyRule| {
        let mut questions: Vec<Question> = Vec::new();
        for &(page, item) in &rule.condition.inputs {
            let Page { source, questionnaire, .. } = &view.pages[page];
            let item = questionnaire.item(item);
            let (link_id, professional) = (item.link_id.clone(), *source == Source::Professional);
            questions.push(Question { link_id, professional, text: item.text.text(language).to_owned() });
        }
        let guidance = rule.guidance.as_deref().and_then(|canonical| profiles.guidance(canonical));
        Listed {
            order: None,
            id: rule.id.clone(),
            kind: Kind::Observation,
            code: rule.subject.code.clone(),
            display: rule.subject.display.text(language).to_owned(),
            sentence: rule.sentence.text(language).to_owned(),
            expression: Some(rule.expression.clone()),
            questions,
            guidance: guidance.map(|guidance| guidance.title.text(language).to_owned()),
        }
    };
    Some(Listing { role: "family".to_owned(), rules: view.rules.iter().map(observed).collect() })
}

fn listed(rule: &Rule, reads: &[Named], rules: &RoleRules, profiles: &Profiles, language: &str) -> Listed {
    let (kind, order) = kind(rule, rules, language);
    let guidance = rule.guidance.as_deref().and_then(|canonical| profiles.guidance(canonical));
    Listed {
        order,
        id: rule.id.clone(),
        kind,
        code: rule.subject.code.clone(),
        display: rule.subject.display.text(language).to_owned(),
        sentence: rule.sentence.text(language).to_owned(),
        expression: rule.expression.clone(),
        questions: reads.iter().map(|read| question(read, rules, language)).collect(),
        guidance: guidance.map(|guidance| guidance.title.text(language).to_owned()),
    }
}

fn kind(rule: &Rule, rules: &RoleRules, language: &str) -> (Kind, Option<usize>) {
    let is_it = |other: &Rule| other.id == rule.id;
    if let Some(index) = rules.segments.iter().position(is_it) {
        let is_last = index + 1 == rules.segments.len() && rule.expression.is_none();
        return (if is_last { Kind::CatchAll } else { Kind::Segment }, Some(index + 1));
    }
    let with = rules.segments.iter().find(|segment| segment.services.iter().any(is_it));
    let kind = match with {
        Some(segment) => Kind::With(segment.subject.display.text(language).to_owned()),
        None if rules.alerts.iter().any(is_it) => Kind::Alert,
        None if rules.others.iter().any(is_it) => Kind::Other,
        None => Kind::Always,
    };
    (kind, None)
}

/// What the question asks, as the form has it.
fn question(read: &Named, rules: &RoleRules, language: &str) -> Question {
    let questionnaire = if read.professional { rules.professional.as_deref() } else { Some(rules.questionnaire.as_ref()) };
    let item = questionnaire.and_then(|it| it.find(&read.link_id).map(|index| it.item(index)));
    let text = item.map_or("", |item| item.text.text(language)).to_owned();
    Question { link_id: read.link_id.clone(), professional: read.professional, text }
}
