//! What proptest draws: a tape of numbers that generators read their choices from. A tape shrinks to zeros, and zero is
//! everywhere the plainest choice; a tape that has ended gives zeros.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use proptest::test_runner::{Config, RngSeed};

pub struct Tape<'t>(std::slice::Iter<'t, u16>);

impl<'t> Tape<'t> {
    pub fn of(numbers: &'t [u16]) -> Self {
        Self(numbers.iter())
    }

    /// A number from 0 to `count` - 1.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % count.max(1)
    }

    /// True in about `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    pub fn one_of<'o, T>(&mut self, options: &'o [T]) -> &'o T {
        &options[self.below(options.len())]
    }

    /// Some of them in their order, at least one; the first only, if nothing else is drawn.
    pub fn some_of<'o, T>(&mut self, options: &'o [T]) -> Vec<&'o T> {
        let first = self.below(options.len());
        options.iter().enumerate().filter(|&(index, _)| index == first || self.chance(20)).map(|(_, option)| option).collect()
    }
}

pub fn tape(most: usize) -> impl Strategy<Value = Vec<u16>> {
    vec(any::<u16>(), most / 2..most)
}

/// The same cases in every run, on every machine; others, and more of them, with `PROPTEST_CASES=20000
/// PROPTEST_RNG_SEED=7`.
pub fn config(cases: u32) -> Config {
    let given = Config::default();
    let is_given = std::env::var_os("PROPTEST_CASES").is_some();
    let rng_seed = if given.rng_seed == RngSeed::Random { RngSeed::Fixed(20_261_116) } else { given.rng_seed };
    Config { cases: if is_given { given.cases } else { cases }, rng_seed, failure_persistence: None, max_shrink_iters: 400, ..given }
}
