//! The client segmentation: one proposal a person, with the reasons of every rule, fired or not.
//!
//! Pure, total and deterministic: no I/O, no clock, no error. Unknown is a third answer and never counts as no.

mod complete;
pub mod condition;
mod count;
mod domain;
mod evaluate;
pub mod family;
pub mod load;
mod outcome;
mod possible;
mod range;
mod reason;
pub mod rule;
mod why;

pub use domain::Family;
pub use outcome::Outcome;
pub use reason::{Compared, Read, ReadState, Reads, Reason};

use crate::digest::Digest;
use crate::form::answers::Answers;
use condition::{Input, Source};
use reason::{reads, reason};
use rule::{RoleRules, Rule, RuleSet};

/// What the rules say of one person.
#[derive(Debug)]
pub struct Segmentation<'r> {
    /// The proposed segment; `None` while the professional's section is missing.
    pub proposed: Option<&'r Rule>,
    /// Every segment that the missing answers still leave possible, in the rules' order.
    pub possible: Vec<&'r Rule>,
    pub segments: Vec<Reason<'r>>,
    pub alerts: Vec<Reason<'r>>,
    pub services: Vec<Reason<'r>>,
    /// Rules about none of these.
    pub others: Vec<Reason<'r>>,
    /// What each question holds that any rule reads.
    pub reads: Reads<'r>,
    /// Names this proposal: a decision says which one it answers.
    pub proposal: String,
}

/// Segments one person. `professional` is `None` while that section is missing; then every segment that is still
/// possible is the answer.
pub fn segment<'r>(
    rules: &'r RoleRules,
    rule_set: &RuleSet,
    own: &Answers<'_, '_>,
    professional: Option<&Answers<'_, '_>>,
) -> Segmentation<'r> {
    let open = rules.professional.as_deref().map(Answers::unanswered);
    let family = Family::new(rules, own, professional.or(open.as_ref()));
    let section_is_missing = professional.is_none() && open.is_some();

    let segments: Vec<Reason<'r>> = rules.segments.iter().map(|rule| reason(rule, &family)).collect();
    let alerts: Vec<Reason<'r>> = rules.alerts.iter().map(|rule| reason(rule, &family)).collect();
    let others = rules.others.iter().map(|rule| reason(rule, &family)).collect();
    let deciding = segments.iter().position(|reason| reason.outcome != Outcome::NotMet);
    let possible: Vec<&Rule> = possible(&segments);
    let proposed = match deciding {
        _ if section_is_missing => None,
        // a lower rule may never win because a higher one lacked data
        Some(index) if segments[index].outcome == Outcome::Indeterminate => rules.segments.last(),
        Some(index) => Some(segments[index].rule),
        None => rules.segments.last(),
    };
    let offered = proposed.map_or(&[][..], |rule| &rule.services);
    let services = services(offered, &rules.services, &family);
    let proposal = proposal(rule_set, rules, proposed, &possible, &alerts, &services);
    Segmentation { proposed, possible, segments, alerts, services, others, reads: reads(rules, &family), proposal }
}

/// The services of the agreed segment, and those offered whatever the segment: each once, the segment's own first.
pub fn services_of<'r>(
    rules: &'r RoleRules,
    segment: &str,
    own: &Answers<'_, '_>,
    professional: Option<&Answers<'_, '_>>,
) -> Vec<Reason<'r>> {
    let family = Family::new(rules, own, professional);
    let offered = rules.segments.iter().find(|rule| rule.subject.code == segment).map_or(&[][..], |rule| &rule.services);
    services(offered, &rules.services, &family)
}

impl<'r> Segmentation<'r> {
    /// The services to be decided on: those of the proposal that are not ruled out.
    pub fn offered(&self) -> impl Iterator<Item = &Reason<'r>> {
        self.services.iter().filter(|reason| reason.outcome == Outcome::Met)
    }

    /// The alerts that want an answer from the professional: met, and those that cannot be ruled out.
    pub fn pressing(&self) -> impl Iterator<Item = &Reason<'r>> {
        self.alerts.iter().filter(|reason| reason.outcome != Outcome::NotMet)
    }

    /// What the rule read.
    pub fn inputs<'s>(&'s self, reason: &'s Reason<'_>) -> impl Iterator<Item = &'s Read<'r>> {
        reason.rule.inputs.iter().filter_map(|&input| self.reads.of(input))
    }

    /// The questions whose answers would decide it, by linkId.
    pub fn undecided<'s>(&'s self, reason: &'s Reason<'_>, rules: &'s RoleRules) -> impl Iterator<Item = String> + 's {
        reason.undecided.iter().filter_map(|&input| name(input, rules))
    }

    /// Every rule's reason.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason<'r>> {
        self.segments.iter().chain(&self.alerts).chain(&self.services).chain(&self.others)
    }

    /// The reason that decided, for a one-line answer to "why?".
    pub fn main_reason(&self) -> Option<&Reason<'r>> {
        self.segments.iter().find(|reason| reason.outcome != Outcome::NotMet)
    }
}

fn services<'r, 'q: 'd, 'd>(offered: &'r [Rule], always: &'r [Rule], family: &Family<'q, 'd, '_>) -> Vec<Reason<'r>> {
    let mut services: Vec<Reason<'r>> = Vec::new();
    for rule in offered.iter().chain(always) {
        let reason = reason(rule, family);
        match services.iter_mut().find(|known| known.rule.subject.code == rule.subject.code) {
            // the same service by two rules: the one that is surer stands
            Some(known) if rank(reason.outcome) > rank(known.outcome) => *known = reason,
            Some(_) => {}
            None => services.push(reason),
        }
    }
    services
}

const fn rank(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::NotMet => 0,
        Outcome::Indeterminate => 1,
        Outcome::Met => 2,
    }
}

fn possible<'r>(segments: &[Reason<'r>]) -> Vec<&'r Rule> {
    let mut possible = Vec::new();
    for reason in segments {
        match reason.outcome {
            Outcome::NotMet => {}
            Outcome::Indeterminate => possible.push(reason.rule),
            Outcome::Met => {
                possible.push(reason.rule);
                break;
            }
        }
    }
    possible
}

fn name(Input { source, item }: Input, rules: &RoleRules) -> Option<String> {
    Some(match source {
        Source::Own => rules.questionnaire.item(item).link_id.clone(),
        Source::Professional => format!("%professional {}", rules.professional.as_ref()?.item(item).link_id),
    })
}

/// The same proposal has the same name; another segment, alert or service gives another.
fn proposal(
    rule_set: &RuleSet,
    rules: &RoleRules,
    proposed: Option<&Rule>,
    possible: &[&Rule],
    alerts: &[Reason<'_>],
    services: &[Reason<'_>],
) -> String {
    let mut digest = Digest::new();
    digest.part(&rule_set.canonical()).part(&rules.role).part(proposed.map_or("", |rule| &rule.subject.code));
    possible.iter().for_each(|rule| {
        digest.part(&rule.subject.code);
    });
    for reason in alerts.iter().chain(services).filter(|reason| reason.outcome != Outcome::NotMet) {
        digest.part(&reason.rule.subject.code).part(reason.outcome.code());
    }
    digest.short()
}
