//! Three-valued outcomes, and the sets of outcomes that completions can lead to.

use std::ops::{BitOr, BitOrAssign};

/// What a rule says of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// True in every completion.
    Met,
    /// False or empty in every completion.
    NotMet,
    /// It depends on answers that are missing, or cannot be decided.
    Indeterminate,
}

impl Outcome {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::NotMet => "not-met",
            Self::Indeterminate => "indeterminate",
        }
    }
}

/// Which of true, false, empty and error a condition can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcomes(u8);

impl Outcomes {
    pub const NONE: Self = Self(0);
    pub const TRUE: Self = Self(1);
    pub const FALSE: Self = Self(2);
    pub const EMPTY: Self = Self(4);
    pub const ERROR: Self = Self(8);
    pub const ANY: Self = Self(15);

    pub const fn of(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }

    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub const fn outcome(self) -> Outcome {
        match self.0 {
            1 => Outcome::Met,
            2 | 4 | 6 => Outcome::NotMet,
            _ => Outcome::Indeterminate,
        }
    }

    /// Every pair of what `self` and `other` can be, through one of FHIRPath's boolean tables.
    pub fn combine(self, other: Self, table: fn(Option<bool>, Option<bool>) -> Option<bool>) -> Self {
        let mut outcomes = Self::NONE;
        for left in self.singles() {
            for right in other.singles() {
                outcomes |= match (left, right) {
                    (Single::Error, _) | (_, Single::Error) => Self::ERROR,
                    (Single::Value(left), Single::Value(right)) => table(left, right).map_or(Self::EMPTY, Self::of),
                };
            }
        }
        outcomes
    }

    pub fn not(self) -> Self {
        self.combine(Self::TRUE, |value, _| value.map(|value| !value))
    }

    fn singles(self) -> impl Iterator<Item = Single> {
        [
            (Self::TRUE, Single::Value(Some(true))),
            (Self::FALSE, Single::Value(Some(false))),
            (Self::EMPTY, Single::Value(None)),
            (Self::ERROR, Single::Error),
        ]
        .into_iter()
        .filter(move |(flag, _)| self.contains(*flag))
        .map(|(_, single)| single)
    }
}

#[derive(Clone, Copy)]
enum Single {
    Value(Option<bool>),
    Error,
}

impl BitOr for Outcomes {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Outcomes {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// FHIRPath's three-valued tables (N1, "Boolean logic").
pub fn and(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

pub fn or(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

pub fn xor(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    Some(left? ^ right?)
}

pub fn implies(left: Option<bool>, right: Option<bool>) -> Option<bool> {
    or(left.map(|left| !left), right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_and_false_is_false() {
        let unknown = Outcomes::TRUE | Outcomes::FALSE;
        assert_eq!(unknown.combine(Outcomes::FALSE, and).outcome(), Outcome::NotMet);
        assert_eq!(unknown.combine(Outcomes::TRUE, or).outcome(), Outcome::Met);
        assert_eq!(unknown.combine(Outcomes::TRUE, and).outcome(), Outcome::Indeterminate);
    }

    #[test]
    fn an_error_is_never_no() {
        assert_eq!(Outcomes::ERROR.outcome(), Outcome::Indeterminate);
        assert_eq!(Outcomes::EMPTY.outcome(), Outcome::NotMet);
    }
}
