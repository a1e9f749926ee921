//! A QuestionnaireResponse against its Questionnaire: every fault at once, each with its place.
//!
//! Two passes. The first ([`structure`]) walks the response once, matches items to the Questionnaire's and types their
//! values. The second ([`rules`]) walks the Questionnaire's items over what was found: enablement first, then
//! `required`, repeats, options and bounds, so that a hidden required item never blocks and a disabled answer never
//! passes. Sources: R4 <https://hl7.org/fhir/R4/questionnaireresponse.html>, SDC 4.0 (`sdcqr-2`: a repeated question is
//! one item with many answers, a repeated group many items).

mod enable;
mod rules;
mod structure;
mod value;

pub(crate) use enable::compare;
pub use value::{is_date, is_date_time};

use neuvola_fhir::{Node, Place};

use super::answers::Answers;
use super::questionnaire::Questionnaire;
use crate::issue::{Issue, Issues};

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

/// Validates `response` (a QuestionnaireResponse) against `questionnaire`.
///
/// # Errors
/// Every fault, capped; warnings among them.
pub fn validate<'q, 'd>(response: &'d Node<'d>, questionnaire: &'q Questionnaire) -> Result<ValidatedResponse<'q, 'd>, Vec<Issue>> {
    let mut issues = Issues::default();
    let root = Place::root("QuestionnaireResponse");
    let demand = demand(response, &root, &mut issues);
    if let Some(authored) = response.member("authored")
        && !authored.as_str().is_some_and(value::is_date_time)
    {
        issues.push(Issue::error("value", "wrong-type", root.member("authored"), "`authored` is not a dateTime"));
    }
    let found = structure::walk(response, questionnaire, &mut issues);
    let answers = match demand {
        Demand::None => Answers::unanswered(questionnaire),
        demand => rules::check(questionnaire, &found, demand, &mut issues),
    };
    let answers = answers.of_response(response);
    if issues.has_errors() {
        Err(issues.into_list())
    } else {
        Ok(ValidatedResponse { answers, authored: response.text("authored").unwrap_or_default() })
    }
}

fn demand(response: &Node<'_>, root: &Place<'_>, issues: &mut Issues) -> Demand {
    match response.text("status") {
        Some("completed" | "amended") => Demand::Whole,
        Some("in-progress" | "stopped") => Demand::Partial,
        Some("entered-in-error") => Demand::None,
        Some(_) => {
            issues.push(
                Issue::error("code-invalid", "status", root.member("status"), "the status is none of R4's").remedy("use `completed`"),
            );
            Demand::Whole
        }
        None => {
            issues.push(Issue::error("required", "status", root.member("status"), "the response has no status").remedy("use `completed`"));
            Demand::Whole
        }
    }
}
