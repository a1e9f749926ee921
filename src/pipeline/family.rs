//! The family view of a preview: made for a preview only, of all responses, and of nothing else in it.

use super::Family;
use super::preview::Named;
use crate::form::submission::{Participation, Submission};
use crate::form::validate::ValidatedResponse;
use crate::profiles::Profiles;
use crate::segment::Outcome;
use crate::segment::ReadState;
use crate::segment::family::{FamilyRead, Member, Observed, observe};
use crate::segment::rule::RuleSet;

/// One observation about the family, met or not.
#[derive(Debug)]
pub struct FamilyRuleView {
    pub id: String,
    pub subject: Named,
    pub outcome: Outcome,
    pub sentence: String,
    pub expression: String,
    pub inputs: Vec<FamilyReadView>,
    pub undecided: Vec<FamilyReadView>,
    /// Why it cannot be told, where answers alone do not say so.
    pub why: Option<&'static str>,
    /// The text for the professional, for what was met or cannot be ruled out.
    pub guidance: Option<String>,
}

/// One question that an observation read, and whose answer it is.
#[derive(Debug)]
pub struct FamilyReadView {
    pub person: String,
    pub link_id: String,
    pub professional: bool,
    pub state: ReadState,
}

/// Those who were asked belong to it, whether they answered or not.
pub(super) fn family_view(
    submission: &Submission<'_>,
    rule_set: &RuleSet,
    families: &[Family<'_, '_>],
    profiles: &Profiles,
) -> Vec<FamilyRuleView> {
    let Some(view) = &rule_set.family else { return Vec::new() };
    let (mut keys, mut members) = (Vec::new(), Vec::new());
    let asked = submission.persons.iter().enumerate().filter(|(_, person)| person.participation != Participation::NoSuchPerson);
    for (index, person) in asked {
        let Some(rules) = rule_set.role(person.role) else { continue };
        let answered = families.iter().find(|family| family.person == index);
        let own = answered.map(|family| family.own.answers());
        let professional = answered.and_then(|family| family.professional).map(ValidatedResponse::answers);
        keys.push(person.key);
        members.push(Member { rules, own, professional });
    }
    let language = submission.language;
    let read = |read: FamilyRead<'_>| FamilyReadView {
        person: keys[read.member].to_owned(),
        link_id: read.link_id.to_owned(),
        professional: read.professional,
        state: read.state,
    };
    let shown = |observed: Observed<'_>| {
        let Observed { rule, outcome, inputs, undecided, why } = observed;
        let guidance = rule.guidance.as_deref().filter(|_| outcome != Outcome::NotMet).and_then(|canonical| profiles.guidance(canonical));
        FamilyRuleView {
            id: rule.id.clone(),
            subject: Named {
                system: rule.subject.system.clone(),
                code: rule.subject.code.clone(),
                display: rule.subject.display.text(language).to_owned(),
            },
            outcome,
            sentence: rule.sentence.text(language).to_owned(),
            expression: rule.expression.clone(),
            inputs: inputs.into_iter().map(read).collect(),
            undecided: undecided.into_iter().map(read).collect(),
            why,
            guidance: guidance.map(|guidance| guidance.text.text(language).to_owned()),
        }
    };
    observe(view, &members, submission.authored).into_iter().map(shown).collect()
}

#[cfg(test)]
mod tests;
