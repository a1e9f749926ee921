//! A rule set: what a PlanDefinition says, compiled and tied to its Questionnaires.

use std::sync::Arc;

use super::condition::Condition;
use crate::form::questionnaire::Questionnaire;
use crate::texts::Texts;

/// The rules of one form, one version.
#[derive(Debug)]
pub struct RuleSet {
    pub url: String,
    pub version: String,
    pub title: Texts,
    /// Code of the form.
    pub form: String,
    /// First and last day on which it is in force (R4 `effectivePeriod`), inclusive.
    pub effective: (Option<String>, Option<String>),
    pub roles: Vec<RoleRules>,
}

/// The rules for one role of person.
#[derive(Debug)]
pub struct RoleRules {
    /// Code of the form-role code system.
    pub role: String,
    pub must_answer: MustAnswer,
    pub questionnaire: Arc<Questionnaire>,
    pub professional: Option<Arc<Questionnaire>>,
    /// In order of decision; the last is the catch-all, without a condition.
    pub segments: Vec<Rule>,
    pub alerts: Vec<Rule>,
    pub services: Vec<Rule>,
}

/// Who must answer (R4 `requiredBehavior`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MustAnswer {
    /// Somebody in this role must have answered.
    Must,
    /// Somebody in this role must be named; not answering is allowed when said.
    MustUnlessDocumented,
    Could,
}

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// `PlanDefinition.action.id`
    pub id: String,
    /// What the rule decides about: a segment, an alert or a service.
    pub subject: Coded,
    pub title: Texts,
    /// The rule as a sentence.
    pub sentence: Texts,
    pub expression: Option<String>,
    /// `None` holds always.
    pub condition: Option<Condition>,
    /// Canonical of the guidance (Library).
    pub guidance: Option<String>,
    /// Services offered with a segment.
    pub services: Vec<Rule>,
}

/// A code with its display.
#[derive(Debug, Clone)]
pub struct Coded {
    pub system: String,
    pub code: String,
    pub display: Texts,
}

impl RuleSet {
    /// `url|version`
    pub fn canonical(&self) -> String {
        format!("{}|{}", self.url, self.version)
    }

    pub fn role(&self, role: &str) -> Option<&RoleRules> {
        self.roles.iter().find(|rules| rules.role == role)
    }

    /// Is it in force on `day` (a date or the start of a dateTime)?
    pub fn is_effective(&self, day: &str) -> bool {
        let cut = |bound: &str| day.get(..bound.len().min(day.len())).map(|day| day.cmp(&bound[..bound.len().min(day.len())]));
        let starts = self.effective.0.as_deref().is_none_or(|start| cut(start).is_some_and(|ordering| ordering.is_ge()));
        let ends = self.effective.1.as_deref().is_none_or(|end| cut(end).is_some_and(|ordering| ordering.is_le()));
        starts && ends
    }
}
