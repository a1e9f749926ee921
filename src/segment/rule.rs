//! A rule set: what a PlanDefinition says, compiled and tied to its Questionnaires.

use std::sync::Arc;

use super::condition::{Condition, Derived, Input, Number};
use super::family::FamilyView;
use crate::fhirpath::Kept;
use crate::form::questionnaire::Questionnaire;
use crate::issue::Issue;
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
    /// It, or a Questionnaire that it is about, was given over what is shipped.
    pub is_given: bool,
    /// What is observed of a whole family, for professionals alone.
    pub family: Option<FamilyView>,
    /// What is odd about it and does not keep it from being used: of rules that are not written for us.
    pub warnings: Vec<Issue>,
}

/// The rules for one role of person.
#[derive(Debug)]
pub struct RoleRules {
    /// Code of the form-role code system; empty in a plan that knows no roles.
    pub role: String,
    pub must_answer: MustAnswer,
    pub questionnaire: Arc<Questionnaire>,
    pub professional: Option<Arc<Questionnaire>>,
    /// In order of decision; the last is the catch-all, without a condition.
    pub segments: Vec<Rule>,
    pub alerts: Vec<Rule>,
    pub services: Vec<Rule>,
    /// Rules about none of these: actions of plans that do not speak of segments.
    pub others: Vec<Rule>,
    /// What the Questionnaires compute.
    pub derived: Derived,
    /// The person's Questionnaire itself, where rules read it.
    pub kept: Option<Kept>,
    /// How many numbers the rules share.
    pub shared: (usize, usize),
}

impl RoleRules {
    /// Without rules yet.
    pub fn new(role: &str, questionnaire: Arc<Questionnaire>, professional: Option<Arc<Questionnaire>>) -> Self {
        Self {
            role: role.to_owned(),
            must_answer: MustAnswer::Could,
            derived: Derived::of(&questionnaire, professional.as_deref()),
            questionnaire,
            professional,
            segments: Vec::new(),
            alerts: Vec::new(),
            services: Vec::new(),
            others: Vec::new(),
            kept: None,
            shared: (0, 0),
        }
    }

    /// Every rule, those nested in segments behind theirs.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let all = self.segments.iter().chain(&self.alerts).chain(&self.services).chain(&self.others);
        all.flat_map(|rule| std::iter::once(rule).chain(&rule.services))
    }
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
#[derive(Debug, Clone)]
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
    /// Every question that the condition reads.
    pub inputs: Vec<Input>,
    /// Values that depend on answers (R4 `dynamicValue`).
    pub dynamic: Vec<Dynamic>,
    /// Canonical of the guidance (Library).
    pub guidance: Option<String>,
    /// Services offered with a segment.
    pub services: Vec<Rule>,
}

/// A value of what is proposed, computed from answers.
#[derive(Debug, Clone)]
pub struct Dynamic {
    /// Where it goes in what is made of the definition, as in `timing.repeat.count`.
    pub path: String,
    pub expression: String,
    pub number: Number,
}

/// A code with its display.
#[derive(Debug, Clone, Default)]
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
