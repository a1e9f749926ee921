//! A QuestionnaireResponse against its Questionnaire: every fault at once, each with its place.
//!
//! The response's shape first (R4's own elements), then what is in it is matched to the Questionnaire's items and typed
//! ([`structure`]), then it is told what is asked ([`enable`]), and last come the Questionnaire's rules ([`rules`],
//! [`expressions`]) over what was found: a hidden required item never blocks, a disabled answer never passes. Sources: R4
//! <https://hl7.org/fhir/R4/questionnaireresponse.html>, SDC 4.0 <https://hl7.org/fhir/uv/sdc/>.

mod answer;
mod computed;
mod enable;
mod expressions;
mod ground;
mod missing;
mod reference;
mod rules;
mod stray;
mod structure;
mod tell;
mod temporal;
#[cfg(test)]
mod tests;
mod units;
mod value;
mod wanted;

pub(crate) use enable::compare;

use std::rc::Rc;

use neuvola_fhir::{Node, Place};

use super::answers::Answers;
use super::questionnaire::Questionnaire;
use crate::fhirpath::Budget;
use crate::issue::told::{Unchecked, When, Why};
use crate::issue::{Issue, Issues};
use crate::shape::{self, questionnaire_response::QUESTIONNAIRE_RESPONSE};
use enable::{Enablement, Expressed};

/// A response that passed, with its answers. Having one is the proof.
#[derive(Debug)]
pub struct ValidatedResponse<'q, 'd> {
    answers: Answers<'q, 'd>,
    authored: &'d str,
}

impl<'q, 'd> ValidatedResponse<'q, 'd> {
    pub const fn answers(&self) -> &Answers<'q, 'd> {
        &self.answers
    }

    /// `QuestionnaireResponse.authored`, as written; empty if absent.
    pub const fn authored(&self) -> &'d str {
        self.authored
    }
}

/// What is required of a response depends on its status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// `completed`, `amended`.
    Whole,
    /// `in-progress`, `stopped`: what is there must be right, nothing need be there.
    Partial,
    /// `entered-in-error`.
    None,
}

impl Demand {
    /// What is unfinished may break it for now.
    fn soft(self, issue: Issue) -> Issue {
        if self == Self::Partial { issue.as_warning() } else { issue }
    }
}

/// Validates `response` (a QuestionnaireResponse) against `questionnaire`.
///
/// # Errors
/// Every fault, capped; warnings among them.
pub fn validate<'q, 'd>(response: &'d Node<'d>, questionnaire: &'q Questionnaire) -> Result<ValidatedResponse<'q, 'd>, Vec<Issue>> {
    let (proof, issues) = examine(response, questionnaire);
    proof.ok_or(issues)
}

/// Validates, and tells of warnings where it passes too. Without a proof there is an error among the issues.
pub fn examine<'q, 'd>(response: &'d Node<'d>, questionnaire: &'q Questionnaire) -> (Option<ValidatedResponse<'q, 'd>>, Vec<Issue>) {
    let demand = match response.text("status") {
        Some("in-progress" | "stopped") => Demand::Partial,
        Some("entered-in-error") => Demand::None,
        _ => Demand::Whole,
    };
    examine_as(demand, response, questionnaire)
}

/// As if it were still being filled in, whatever its status: what is there must be right, nothing need be there.
pub fn examine_draft<'q, 'd>(response: &'d Node<'d>, questionnaire: &'q Questionnaire) -> (Option<ValidatedResponse<'q, 'd>>, Vec<Issue>) {
    examine_as(Demand::Partial, response, questionnaire)
}

fn examine_as<'q, 'd>(
    demand: Demand,
    response: &'d Node<'d>,
    questionnaire: &'q Questionnaire,
) -> (Option<ValidatedResponse<'q, 'd>>, Vec<Issue>) {
    let mut issues = Issues::default();
    shape::check(&QUESTIONNAIRE_RESPONSE, response, &Place::root("QuestionnaireResponse"), &mut issues);
    let answers = if demand == Demand::None {
        Answers::unanswered(questionnaire)
    } else {
        reference::subject(response, questionnaire, &mut issues);
        let found = structure::walk(response, questionnaire, &mut issues);
        let speaks = questionnaire.has_expressions();
        let budget = Rc::new(Budget::of_response());
        let expressed = if speaks { expressions::enablement(response, questionnaire, &found, &budget) } else { Expressed::default() };
        let enablement = Enablement::of(questionnaire, &found, &expressed);
        let answers = rules::check(response, questionnaire, &found, &enablement, demand, &mut issues);
        if speaks {
            expressions::check(response, questionnaire, &found, &enablement, (demand, &budget), &mut issues);
        }
        if enablement.is_exhausted() {
            let what = Unchecked::Asked(When::default());
            issues.push(Issue::not_checked(what, Why::ManyAnswers, "", "QuestionnaireResponse"));
        }
        answers
    };
    if issues.has_errors() {
        return (None, issues.into_list());
    }
    let authored = response.text("authored").unwrap_or_default();
    (Some(ValidatedResponse { answers: answers.of_response(response), authored }), issues.into_list())
}
