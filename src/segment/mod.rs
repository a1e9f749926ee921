//! The client segmentation: one proposal a person, with the reasons of every rule, fired or not.
//!
//! Pure, total and deterministic: no I/O, no clock, no error. Unknown is a third answer and never counts as no.

pub mod condition;
mod domain;
mod evaluate;
pub mod load;
mod outcome;
mod range;
pub mod rule;

pub use domain::Family;
pub use outcome::Outcome;

use crate::digest::Digest;
use crate::form::answers::Answers;
use condition::{Input, Source};
use domain::Domain;
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
    /// Names this proposal: a decision says which one it answers.
    pub proposal: String,
}

/// One rule and what became of it.
#[derive(Debug)]
pub struct Reason<'r> {
    pub rule: &'r Rule,
    pub outcome: Outcome,
    /// What the rule read.
    pub inputs: Vec<Read>,
    /// The questions whose answers would decide it.
    pub undecided: Vec<String>,
}

/// One question that a rule read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    pub link_id: String,
    /// From the professional's section.
    pub professional: bool,
    pub state: ReadState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadState {
    /// Codes, digits or dates; free text is not repeated.
    Answered(Vec<String>),
    /// "I prefer not to answer".
    Declined,
    /// Not answered, or not yet.
    Missing,
    /// Not asked: disabled, or empty where empty means none.
    NotAsked,
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
    let family = Family { own, professional: professional.or(open.as_ref()) };
    let section_is_missing = professional.is_none() && open.is_some();

    let segments: Vec<Reason<'r>> = rules.segments.iter().map(|rule| reason(rule, &family)).collect();
    let alerts: Vec<Reason<'r>> = rules.alerts.iter().map(|rule| reason(rule, &family)).collect();
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
    Segmentation { proposed, possible, segments, alerts, services, proposal }
}

/// The services of the agreed segment, and those offered whatever the segment: each once, the segment's own first.
pub fn services_of<'r>(
    rules: &'r RoleRules,
    segment: &str,
    own: &Answers<'_, '_>,
    professional: Option<&Answers<'_, '_>>,
) -> Vec<Reason<'r>> {
    let family = Family { own, professional };
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

    /// The reason that decided, for a one-line answer to "why?".
    pub fn main_reason(&self) -> Option<&Reason<'r>> {
        self.segments.iter().find(|reason| reason.outcome != Outcome::NotMet)
    }
}

fn services<'r>(offered: &'r [Rule], always: &'r [Rule], family: &Family<'_, '_, '_>) -> Vec<Reason<'r>> {
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

fn reason<'r>(rule: &'r Rule, family: &Family<'_, '_, '_>) -> Reason<'r> {
    let Some(condition) = &rule.condition else {
        return Reason { rule, outcome: Outcome::Met, inputs: Vec::new(), undecided: Vec::new() };
    };
    let outcome = evaluate::outcome(condition, family);
    let undecided = if outcome == Outcome::Indeterminate { evaluate::undecided(condition, family) } else { Vec::new() };
    Reason {
        rule,
        outcome,
        inputs: condition.inputs().into_iter().filter_map(|input| read(input, family)).collect(),
        undecided: undecided.into_iter().filter_map(|input| name(input, family)).collect(),
    }
}

fn read(input: Input, family: &Family<'_, '_, '_>) -> Option<Read> {
    let answers = family.answers(input.source)?;
    let item = answers.questionnaire().item(input.item);
    let state = match family.domain(input, &[]) {
        Domain::Known([]) => ReadState::NotAsked,
        Domain::Known(answers) | Domain::KnownOrAbsent(answers) => {
            ReadState::Answered(answers.iter().map(crate::form::answers::Answer::token).collect())
        }
        _ if answers.slot(input.item).declined => ReadState::Declined,
        // inside what repeats: answered here and open there
        _ if !answers.slot(input.item).values.is_empty() => {
            ReadState::Answered(answers.slot(input.item).values.iter().map(crate::form::answers::Answer::token).collect())
        }
        _ => ReadState::Missing,
    };
    Some(Read { link_id: item.link_id.clone(), professional: input.source == Source::Professional, state })
}

fn name(input: Input, family: &Family<'_, '_, '_>) -> Option<String> {
    let link_id = &family.answers(input.source)?.questionnaire().item(input.item).link_id;
    Some(match input.source {
        Source::Own => link_id.clone(),
        Source::Professional => format!("%professional {link_id}"),
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
