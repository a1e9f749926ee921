//! Numbers over all completions at once: the least and the greatest that they can be.

use rust_decimal::Decimal;

use super::condition::Comparison;
use super::outcome::Outcomes;

/// The least and the greatest that a number can be (`None`: no bound), and whether it can be empty or an error.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    pub(super) low: Option<Decimal>,
    pub(super) high: Option<Decimal>,
    pub(super) has_value: bool,
    pub(super) outcomes_besides: Outcomes,
}

impl Range {
    pub(super) const fn exactly(value: Decimal) -> Self {
        Self::between(Some(value), Some(value))
    }

    pub(super) const fn between(low: Option<Decimal>, high: Option<Decimal>) -> Self {
        Self { low, high, has_value: true, outcomes_besides: Outcomes::NONE }
    }

    pub(super) const fn besides(outcomes: Outcomes) -> Self {
        Self { low: None, high: None, has_value: false, outcomes_besides: outcomes }
    }

    pub(super) fn or(self, other: Self) -> Self {
        let outcomes_besides = self.outcomes_besides | other.outcomes_besides;
        match (self.has_value, other.has_value) {
            (true, true) => Self {
                low: self.low.zip(other.low).map(|(left, right)| left.min(right)),
                high: self.high.zip(other.high).map(|(left, right)| left.max(right)),
                has_value: true,
                outcomes_besides,
            },
            (true, false) => Self { outcomes_besides, ..self },
            (false, _) => Self { outcomes_besides, ..other },
        }
    }

    pub(super) fn times(self, other: Self) -> Self {
        let (Some(a), Some(b), Some(c), Some(d)) = (self.low, self.high, other.low, other.high) else { return Self::between(None, None) };
        let products: Option<Vec<Decimal>> =
            [(a, c), (a, d), (b, c), (b, d)].into_iter().map(|(left, right)| left.checked_mul(right)).collect();
        let products = products.unwrap_or_default();
        Self::between(products.iter().copied().reduce(Decimal::min), products.iter().copied().reduce(Decimal::max))
    }

    /// By a number that may be zero: then it is nothing.
    pub(super) fn by(self, other: Self) -> Self {
        let is_positive = other.low.is_some_and(|low| low > Decimal::ZERO);
        let is_negative = other.high.is_some_and(|high| high < Decimal::ZERO);
        if other.low == Some(Decimal::ZERO) && other.high == Some(Decimal::ZERO) {
            return Self::besides(Outcomes::EMPTY);
        }
        let bounds = [self.low, self.high, other.low, other.high];
        let quotients = if let ([Some(a), Some(b), Some(c), Some(d)], true) = (bounds, is_positive || is_negative) {
            [(a, c), (a, d), (b, c), (b, d)].into_iter().map(|(left, right)| left.checked_div(right)).collect::<Option<Vec<_>>>()
        } else {
            None
        };
        let of = |pick: fn(Decimal, Decimal) -> Decimal| quotients.as_ref().and_then(|all| all.iter().copied().reduce(pick));
        let quotient = Self::between(of(Decimal::min), of(Decimal::max));
        if is_positive || is_negative { quotient } else { quotient.or(Self::besides(Outcomes::EMPTY)) }
    }

    /// By a number that is not zero.
    pub(super) fn divided(self, by: Decimal) -> Self {
        let parts = [self.low, self.high].map(|bound| bound.and_then(|bound| bound.checked_div(by)));
        let (low, high) = if by.is_sign_negative() { (parts[1], parts[0]) } else { (parts[0], parts[1]) };
        Self { low, high, ..self }
    }

    /// The sum of some of these, each once or (`freely`) any number of times; none included.
    pub(super) fn of_several(numbers: impl Iterator<Item = Decimal>, freely: bool) -> Self {
        let (mut low, mut high) = (Some(Decimal::ZERO), Some(Decimal::ZERO));
        for number in numbers.filter(|number| !number.is_zero()) {
            let side = if number.is_sign_negative() { &mut low } else { &mut high };
            *side = if freely { None } else { add(*side, Some(number)) };
        }
        Self::between(low, high)
    }

    pub(super) fn compare(self, comparison: Comparison, other: Self) -> Outcomes {
        let besides = self.outcomes_besides | other.outcomes_besides;
        if !self.has_value || !other.has_value {
            return if besides == Outcomes::NONE { Outcomes::ERROR } else { besides };
        }
        let below = |left: Option<Decimal>, right: Option<Decimal>| left.zip(right).is_some_and(|(left, right)| left < right);
        let at_most = |left: Option<Decimal>, right: Option<Decimal>| left.zip(right).is_some_and(|(left, right)| left <= right);
        let decided = |always: bool, never: bool| match (always, never) {
            (true, _) => Outcomes::TRUE,
            (_, true) => Outcomes::FALSE,
            _ => Outcomes::TRUE | Outcomes::FALSE,
        };
        let single = self.low.is_some() && self.low == self.high && other.low == other.high && self.low == other.low;
        let apart = below(self.high, other.low) || below(other.high, self.low);
        besides
            | match comparison {
                Comparison::Less => decided(below(self.high, other.low), at_most(other.high, self.low)),
                Comparison::LessOrEqual => decided(at_most(self.high, other.low), below(other.high, self.low)),
                Comparison::Greater => decided(below(other.high, self.low), at_most(self.high, other.low)),
                Comparison::GreaterOrEqual => decided(at_most(other.high, self.low), below(self.high, other.low)),
                Comparison::Equal => decided(single, apart),
                Comparison::NotEqual => decided(apart, single),
            }
    }
}

pub(super) fn add(left: Option<Decimal>, right: Option<Decimal>) -> Option<Decimal> {
    left?.checked_add(right?)
}
