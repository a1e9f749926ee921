//! How an answer or a number is compared: by `enableWhen`, and by rules.

use std::cmp::Ordering;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

impl Comparison {
    /// By its sign, as R4 and FHIRPath write it.
    pub fn of(sign: &str) -> Option<Self> {
        let all = [Self::Equal, Self::NotEqual, Self::Greater, Self::Less, Self::GreaterOrEqual, Self::LessOrEqual];
        all.into_iter().find(|comparison| comparison.sign() == sign)
    }

    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Greater => ">",
            Self::Less => "<",
            Self::GreaterOrEqual => ">=",
            Self::LessOrEqual => "<=",
        }
    }

    /// Of two that stand in this order.
    pub const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Greater => ordering.is_gt(),
            Self::Less => ordering.is_lt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }

    /// Of two that have no order.
    pub const fn holds_of(self, are_same: bool) -> bool {
        match self {
            Self::Equal => are_same,
            Self::NotEqual => !are_same,
            _ => false,
        }
    }

    /// With its sides changed.
    pub const fn mirrored(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Greater => Self::Less,
            Self::Less => Self::Greater,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::LessOrEqual => Self::GreaterOrEqual,
        }
    }
}
