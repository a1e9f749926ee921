//! How the tools ask the rules: the one place that speaks to [`crate::segment`].

use crate::form::answers::Answers;
use crate::segment::rule::{RoleRules, Rule, RuleSet};
use crate::segment::{Read, Reason, segment, services_of};

/// The rules of one role, to be asked many times.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'r> {
    pub rule_set: &'r RuleSet,
    pub rules: &'r RoleRules,
}

impl<'r> Judge<'r> {
    /// Every rule with all that it reads: segments, alerts, services; a segment's own services behind it.
    pub fn everything(self) -> Vec<(&'r Rule, Vec<Read>)> {
        let own = Answers::anything(&self.rules.questionnaire);
        let professional = self.rules.professional.as_deref().map(Answers::anything);
        let open = segment(self.rules, self.rule_set, &own, professional.as_ref());
        let found = |reasons: &[Reason<'r>], rule: &'r Rule| {
            let reason = reasons.iter().find(|reason| reason.rule.id == rule.id);
            (rule, reason.map(|reason| reason.inputs.clone()).unwrap_or_default())
        };
        let mut all = Vec::new();
        for rule in &self.rules.segments {
            let offered = services_of(self.rules, &rule.subject.code, &own, professional.as_ref());
            all.push(found(&open.segments, rule));
            all.extend(rule.services.iter().map(|service| found(&offered, service)));
        }
        // of no segment: those that are offered always
        let offered = services_of(self.rules, "", &own, professional.as_ref());
        all.extend(self.rules.alerts.iter().map(|rule| found(&open.alerts, rule)));
        all.extend(self.rules.services.iter().map(|rule| found(&offered, rule)));
        all
    }
}
