//! What could not be checked, and why: as data, for every language to say.

use super::{LONGEST_NAME, Told, When, clipped};
use crate::fhirpath::Failure;
use crate::issue::Issue;

/// What was not checked of a question, or of the response.
#[derive(Clone, Debug, PartialEq)]
pub enum Unchecked {
    /// An extension or element of the Questionnaire's, as it is written.
    Part(&'static str),
    /// By its key.
    Constraint(String),
    /// Least and most.
    Bounds,
    Unit,
    ValueSet,
    ReferenceType,
    /// Whether it is asked, by these conditions of it; none where no one of them is at fault.
    Asked(When),
}

/// Why not.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// Expressions take more steps or memory than a response has for all of them.
    Costly,
    /// The patterns of a response take more than it has for them.
    LongTexts,
    /// Conditions times answers.
    ManyAnswers,
    /// Conditions hang on each other in a circle, or change each other for ever.
    Circle,
    UnknownVariable(String),
    /// A variable whose own expression fails.
    FailedVariable(String),
    UnknownFunction(String),
    /// Known when the form is opened, and not when a response is judged.
    LaunchContext(String),
    /// It fails on what it reads.
    Fails,
    /// It gives something else than this.
    Gives {
        wanted: &'static str,
    },
    /// It cannot be compiled, is in another language, or is of a type that says nothing here.
    Unreadable,
    /// A question that it reads, and whose answer stands elsewhere.
    Stray(String),
    /// A question that it reads.
    Unanswered(String),
    OtherUnit,
    /// A quantity with a comparator.
    NotExact,
    /// A date or time that says less than is compared with.
    Precision,
    /// More digits than can be compared.
    Digits,
    /// By its canonical.
    ValueSet(String),
    /// By its `#id`.
    ContainedValueSet(String),
    /// It is here, and not every code of it can be told.
    Unexpanded(String),
    /// An attachment elsewhere that does not say how large it is.
    NoSize,
    /// A reference that does not tell.
    NotTold,
}

impl Why {
    /// `launch` are the names that are known when a form is opened.
    pub fn of(failure: Failure, launch: &[String]) -> Self {
        let named = |name: String| clipped(&name, LONGEST_NAME);
        match failure {
            Failure::Costly => Self::Costly,
            Failure::UnknownVariable(name) if launch.contains(&name) => Self::LaunchContext(named(name)),
            Failure::UnknownVariable(name) => Self::UnknownVariable(named(name)),
            Failure::FailedVariable(name) => Self::FailedVariable(named(name)),
            Failure::UnknownFunction(name) => Self::UnknownFunction(named(name)),
            Failure::Fails => Self::Fails,
        }
    }

    /// One thing that keeps any number of questions from being checked.
    const fn is_common(&self) -> bool {
        matches!(
            self,
            Self::Costly
                | Self::LongTexts
                | Self::ManyAnswers
                | Self::UnknownVariable(_)
                | Self::FailedVariable(_)
                | Self::UnknownFunction(_)
                | Self::LaunchContext(_)
                | Self::ValueSet(_)
                | Self::ContainedValueSet(_)
                | Self::Unexpanded(_)
        )
    }

    pub(super) const fn code(&self) -> (&'static str, &'static str) {
        match self {
            Self::ValueSet(_) | Self::ContainedValueSet(_) | Self::Unexpanded(_) => ("not-found", "not-checked"),
            Self::Costly | Self::LongTexts | Self::ManyAnswers => ("too-costly", "not-checked"),
            _ => ("not-supported", "not-checked"),
        }
    }
}

impl Issue {
    /// What could not be checked is a warning.
    pub fn not_checked(what: Unchecked, why: Why, link_id: &str, place: impl ToString) -> Self {
        Self::of(Told::NotChecked { what, why, more: 0 }, link_id, place).as_warning()
    }

    /// Takes in what could not be checked for the same cause, or the same defect of the Questionnaire; what is a person's fault
    /// is told at each place. False if it is another.
    pub(in crate::issue) fn absorb(&mut self, other: &Self) -> bool {
        let is_same_question = self.link_id == other.link_id;
        match (self.told.as_deref_mut(), other.told.as_deref()) {
            (Some(Told::NotChecked { what, why, more }), Some(Told::NotChecked { what: other, why: because, more: further })) => {
                let is_same = why == because && (why.is_common() || (is_same_question && what == other));
                if is_same {
                    *more += 1 + further;
                }
                is_same
            }
            (Some(mine @ Told::Defect { .. }), Some(defect)) => mine == defect && self.place == other.place,
            _ => false,
        }
    }
}
