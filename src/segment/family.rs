//! The family view: what rules observe over every response of a submission, for professionals alone. Nothing of it is written anywhere.
//!
//! Three-valued as everything: a completion answers what is unanswered or declined, in every response. A response that is not there (of
//! somebody who was asked and did not answer, or a section that is not filled in yet) may come with any answers, or never: both are
//! completions. Each is written down and the engine evaluates the condition over all; where there are too many, the parts of the
//! condition are decided by themselves. What stays open is indeterminate, with the reason.

use std::cell::OnceCell;
use std::rc::Rc;

use super::condition::{Connective, Input, OverFamily, Page, Source};
use super::domain::{Domain, Family, Trial};
use super::outcome::{Outcome, Outcomes, and, implies, or, xor};
use super::possible::{deciders, possible_sets};
use super::reason::{ReadState, state};
use super::rule::{Coded, RoleRules};
use crate::fhirpath::{self, Budget, Kept, Session};
use crate::form::answers::{Answer, Answers};
use crate::texts::Texts;

/// What a plan observes of a family.
#[derive(Debug)]
pub struct FamilyView {
    /// The Questionnaires of the form.
    pub pages: Vec<Page>,
    pub rules: Vec<FamilyRule>,
}

/// An observation.
#[derive(Debug)]
pub struct FamilyRule {
    /// `PlanDefinition.action.id`
    pub id: String,
    pub subject: Coded,
    pub title: Texts,
    pub sentence: Texts,
    pub expression: String,
    pub condition: OverFamily,
    /// Canonical of the guidance (Library).
    pub guidance: Option<String>,
}

/// Somebody in the submission, whose responses are there or not.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a, 'q, 'd> {
    pub rules: &'q RoleRules,
    pub own: Option<&'a Answers<'q, 'd>>,
    pub professional: Option<&'a Answers<'q, 'd>>,
}

/// One rule and what became of it.
#[derive(Debug)]
pub struct Observed<'r> {
    pub rule: &'r FamilyRule,
    pub outcome: Outcome,
    pub inputs: Vec<FamilyRead<'r>>,
    /// The questions whose answers would decide it.
    pub undecided: Vec<FamilyRead<'r>>,
    /// Why it cannot be told, where answers alone do not say so.
    pub why: Option<&'static str>,
}

/// One question of one response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyRead<'r> {
    /// Which of the members.
    pub member: usize,
    pub link_id: &'r str,
    pub professional: bool,
    pub state: ReadState,
}

/// What the view says. `members` in the submission's order.
pub fn observe<'r>(view: &'r FamilyView, members: &[Member<'_, '_, '_>], authored: &str) -> Vec<Observed<'r>> {
    let open: Vec<(Answers<'_, '_>, Option<Answers<'_, '_>>)> = members
        .iter()
        .map(|member| (Answers::anything(&member.rules.questionnaire), member.rules.professional.as_deref().map(Answers::anything)))
        .collect();
    let families: Vec<Family<'_, '_, '_>> = members
        .iter()
        .zip(&open)
        .map(|(member, (own, professional))| {
            Family::new(member.rules, member.own.unwrap_or(own), member.professional.or(professional.as_ref()))
        })
        .collect();
    let mut responses = Vec::new();
    for (index, (member, family)) in members.iter().zip(&families).enumerate() {
        for (source, is_there) in [(Source::Own, member.own.is_some()), (Source::Professional, member.professional.is_some())] {
            let page = view.pages.iter().position(|page| page.role == member.rules.role && page.source == source);
            if let Some(page) = page.filter(|_| family.answers(source).is_some()) {
                responses.push(Response { member: index, family, source, page, is_there, as_it_is: OnceCell::new() });
            }
        }
    }
    let everybody = Everybody { view, responses, authored, budget: Rc::new(Budget::of_response()) };
    view.rules.iter().map(|rule| everybody.observe(rule)).collect()
}

struct Everybody<'r, 'f, 'a, 'q, 'd> {
    view: &'r FamilyView,
    responses: Vec<Response<'f, 'a, 'q, 'd>>,
    authored: &'f str,
    budget: Rc<Budget>,
}

/// A response, or the place of one that may come.
struct Response<'f, 'a, 'q, 'd> {
    member: usize,
    family: &'f Family<'q, 'd, 'a>,
    source: Source,
    page: usize,
    is_there: bool,
    as_it_is: OnceCell<Option<Written>>,
}

/// A completion written down, and the totals in it that nobody can compute.
type Written = (Rc<Kept>, Vec<Input>);

/// What completions make of one response; `None`: it is not there.
type States = Vec<Option<Rc<Kept>>>;

impl<'r, 'q: 'd, 'd> Everybody<'r, '_, '_, 'q, 'd> {
    fn observe(&self, rule: &'r FamilyRule) -> Observed<'r> {
        let (outcomes, why) = self.outcomes(&rule.condition);
        let outcome = outcomes.outcome();
        let is_open = outcome == Outcome::Indeterminate;
        let undecided = if is_open { self.undecided(&rule.condition) } else { Vec::new() };
        let why = if is_open { why.or_else(|| undecided.is_empty().then_some(WHO_ANSWERS)) } else { None };
        Observed { rule, outcome, inputs: self.inputs(&rule.condition), undecided, why }
    }

    /// What the condition can come to; and why nothing more is known, where it is not for missing answers alone.
    fn outcomes(&self, condition: &OverFamily) -> (Outcomes, Option<&'static str>) {
        match self.whole(condition) {
            Ok(outcomes) if outcomes.contains(Outcomes::ERROR) => (outcomes, Some(FAILS)),
            Ok(outcomes) => (outcomes, None),
            Err(why) => match &condition.parts {
                None => (Outcomes::ANY, Some(why)),
                Some((connective, parts)) => self.parts(*connective, parts),
            },
        }
    }

    fn parts(&self, connective: Connective, parts: &[OverFamily]) -> (Outcomes, Option<&'static str>) {
        let all: Vec<_> = parts.iter().map(|part| self.outcomes(part)).collect();
        let why = all.iter().find_map(|(_, why)| *why);
        let outcomes = match (connective, all.as_slice()) {
            (Connective::Not, [(one, _)]) => one.not(),
            (Connective::And, [(left, _), (right, _)]) => left.combine(*right, and),
            (Connective::Or, [(left, _), (right, _)]) => left.combine(*right, or),
            (Connective::Xor, [(left, _), (right, _)]) => left.combine(*right, xor),
            (Connective::Implies, [(left, _), (right, _)]) => left.combine(*right, implies),
            _ => Outcomes::ANY,
        };
        (outcomes, why)
    }

    /// Every completion, if they are few.
    fn whole(&self, condition: &OverFamily) -> Result<Outcomes, &'static str> {
        let plan = condition.plan.as_ref().ok_or(TYPES)?;
        let mut states: Vec<States> = Vec::new();
        let mut count: usize = 1;
        for response in &self.responses {
            let here = self.states(response, condition)?;
            count = count.checked_mul(here.len()).filter(|&count| count <= MOST_COMPLETIONS).ok_or(MANY)?;
            states.push(here);
        }
        let mut all = Outcomes::NONE;
        for number in 0..count {
            let mut rest = number;
            let mut responses: Vec<&Kept> = Vec::new();
            for here in &states {
                responses.extend(here[rest % here.len()].as_deref());
                rest /= here.len();
            }
            let session = Session::of_family(&responses, self.authored, &self.budget);
            for variable in condition.variables.iter() {
                if let Some(plan) = &variable.plan {
                    session.define(&variable.name, plan);
                }
            }
            all |= match session.evaluate(plan).as_deref() {
                Some([]) => Outcomes::EMPTY,
                Some([fhirpath::Outcome::Boolean(value)]) => Outcomes::of(*value),
                _ => Outcomes::ERROR,
            };
            if all.contains(Outcomes::ERROR) || (all.contains(Outcomes::TRUE) && all.outcome() == Outcome::Indeterminate) {
                break;
            }
        }
        Ok(all)
    }

    fn states(&self, response: &Response<'_, '_, 'q, 'd>, condition: &OverFamily) -> Result<States, &'static str> {
        let Response { family, source, is_there, .. } = response;
        let inputs = response.inputs(condition);
        let is_counted = condition.counted.contains(&response.page);
        if !is_there && inputs.is_empty() && !is_counted {
            return Ok(vec![None]);
        }
        if !is_there && condition.reads_members {
            return Err(MEMBERS);
        }
        let mut open: Vec<(Input, Vec<Vec<Answer<'q, 'd>>>)> = Vec::new();
        for input in response.decided_by(&inputs) {
            let Some(mut sets) = possible_sets(&family.domain(input, &[])).filter(|sets| !sets.is_empty()) else { continue };
            if condition.asks_presence && sets.iter().all(|set| !set.is_empty()) {
                sets.push(Vec::new());
            }
            open.push((input, sets));
        }
        let count = open.iter().try_fold(1_usize, |count, (_, sets)| count.checked_mul(sets.len()));
        let count = count.filter(|&count| count <= MOST_COMPLETIONS).ok_or(MANY)?;
        let mut states: States = if *is_there { Vec::new() } else { vec![None] };
        for number in 0..count {
            let mut rest = number;
            let mut trials: Vec<Trial<'q, 'd>> = Vec::new();
            for (input, sets) in &open {
                trials.push((*input, sets[rest % sets.len()].clone()));
                rest /= sets.len();
            }
            if inputs.iter().any(|&input| !matches!(family.domain(input, &trials), Domain::Known(_))) {
                return Err(UNBOUNDED);
            }
            let document = || {
                let (document, unknown) = family.document(*source, &trials, self.authored)?;
                Some((Rc::new(Kept::of_json(document)), unknown))
            };
            let written = if trials.is_empty() { response.as_it_is.get_or_init(document).clone() } else { document() };
            let (kept, unknown) = written.ok_or(FAILS)?;
            if unknown.iter().any(|input| condition.computed.contains(&(response.page, input.item))) {
                return Err(FAILS);
            }
            states.push(Some(kept));
        }
        Ok(states)
    }

    fn inputs(&self, condition: &OverFamily) -> Vec<FamilyRead<'r>> {
        let of = |response| self.reads(response, response.inputs(condition));
        self.responses.iter().flat_map(of).collect()
    }

    fn undecided(&self, condition: &OverFamily) -> Vec<FamilyRead<'r>> {
        let of = |response: &Response<'_, '_, 'q, 'd>| {
            let mut inputs = response.decided_by(&response.inputs(condition));
            inputs.retain(|&input| matches!(response.family.domain(input, &[]), Domain::Open { .. }));
            inputs.sort_unstable();
            self.reads(response, inputs)
        };
        self.responses.iter().flat_map(of).collect()
    }

    fn reads(&self, response: &Response<'_, '_, 'q, 'd>, inputs: Vec<Input>) -> Vec<FamilyRead<'r>> {
        let Response { member, family, source, page, is_there, .. } = response;
        let questionnaire = &self.view.pages[*page].questionnaire;
        let read = |input: Input| {
            let state = if *is_there { state(input, family)? } else { ReadState::Missing };
            let link_id = questionnaire.item(input.item).link_id.as_str();
            Some(FamilyRead { member: *member, link_id, professional: *source == Source::Professional, state })
        };
        let questions = inputs.into_iter().filter(|input| questionnaire.item(input.item).is_question());
        questions.filter_map(read).collect()
    }
}

impl<'q: 'd, 'd> Response<'_, '_, 'q, 'd> {
    /// What the condition reads of it.
    fn inputs(&self, condition: &OverFamily) -> Vec<Input> {
        let here = condition.inputs.iter().filter(|(page, _)| *page == self.page);
        here.map(|&(_, item)| Input { source: self.source, item }).collect()
    }

    /// And what decides whether that is asked.
    fn decided_by(&self, inputs: &[Input]) -> Vec<Input> {
        let mut all = Vec::new();
        if let Some(answers) = self.family.answers(self.source) {
            inputs.iter().for_each(|&input| deciders(answers.questionnaire(), self.family.derived(), input, &mut all));
        }
        all
    }
}

/// Completions of all responses together, each of which costs a whole evaluation.
const MOST_COMPLETIONS: usize = 256;
const MANY: &str = "the missing answers could be given in more ways than are tried";
const UNBOUNDED: &str = "a missing answer may be anything, or stands in a group that repeats";
const MEMBERS: &str = "more than answers is read of a response that is not there";
const TYPES: &str = "the engine does not know the types that it compares";
const FAILS: &str = "the expression fails, or comes to something that is neither true nor false";
const WHO_ANSWERS: &str = "it depends on who answers";
