//! What evaluations may take: steps, which stand for time, and bytes.
//!
//! The engine has no limits of its own, so everything that it calls is metered ([`super::metered`], [`super::rewrite`]): each
//! call says what it is going to take, and fails when that is not left. An evaluation never leaves its thread.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use octofhir_fhirpath::FhirPathError;
use octofhir_fhirpath::core::error_code::FP0054;

/// What all expressions of one response may take together.
#[derive(Debug)]
pub struct Budget {
    steps: Cell<u64>,
    /// Bytes of what outlives an evaluation: variables, and what the engine remembers.
    kept: Cell<u64>,
}

impl Budget {
    pub const fn of_response() -> Self {
        Self { steps: Cell::new(RESPONSE_STEPS), kept: Cell::new(0) }
    }

    /// For work beside evaluations. False if it is not left.
    pub fn take(&self, steps: u64) -> bool {
        let left = self.steps.get();
        self.steps.set(left.saturating_sub(steps));
        steps <= left
    }

    pub(super) fn kept(&self) -> u64 {
        self.kept.get()
    }

    /// False if that is too much.
    pub(super) fn keep(&self, bytes: u64) -> bool {
        let kept = self.kept.get().saturating_add(bytes);
        let fits = kept <= KEPT_BYTES;
        if fits {
            self.kept.set(kept);
        }
        fits
    }

    /// What was kept since then is dropped.
    pub(super) fn release(&self, kept: u64) {
        self.kept.set(kept.min(self.kept.get()));
    }
}

/// Whether what failed did so because the budget did not suffice.
#[derive(Clone, Copy, Debug)]
pub(super) struct TooCostly(pub bool);

/// Evaluates on the budget.
///
/// # Errors
/// Whether it was too costly, rather than wrong. A panic of the engine's is wrong.
pub(super) fn within<T>(budget: &Budget, work: impl FnOnce() -> Option<T>) -> Result<T, TooCostly> {
    let steps = budget.steps.get().min(STEPS);
    let given = Meter { steps, bytes: BYTES, kept: KEPT_BYTES.saturating_sub(budget.kept()), is_out: false };
    let before = METER.replace(given);
    let done = catch_unwind(AssertUnwindSafe(work));
    let after = METER.replace(before);
    // whoever used one up is not let near the others' again and again
    let penalty = if after.is_out { RESPONSE_STEPS / 3 } else { 0 };
    budget.take((steps - after.steps).saturating_add(EVALUATION).max(penalty));
    budget.kept.set(KEPT_BYTES.saturating_sub(after.kept));
    done.ok().flatten().filter(|_| !after.is_out).ok_or(TooCostly(after.is_out))
}

/// Takes from what the evaluation has left.
pub(super) fn charge(steps: u64, bytes: u64) -> Result<(), FhirPathError> {
    change(|meter| Some(Meter { steps: meter.steps.checked_sub(steps)?, bytes: meter.bytes.checked_sub(bytes)?, ..meter }))
}

/// What was done already; it may be more than was left.
pub(super) fn spend(steps: u64) -> Result<(), FhirPathError> {
    let meter = METER.get();
    METER.set(Meter { steps: meter.steps.saturating_sub(steps), is_out: meter.is_out || steps > meter.steps, ..meter });
    charge(0, 0)
}

/// Bytes are going to be taken: they must be left.
pub(super) fn require(bytes: u64) -> Result<(), FhirPathError> {
    change(|meter| (bytes <= meter.bytes).then_some(meter))
}

/// The engine remembers it beyond the evaluation.
pub(super) fn remember(bytes: u64) -> Result<(), FhirPathError> {
    change(|meter| Some(Meter { kept: meter.kept.checked_sub(bytes)?, ..meter }))
}

/// Whatever this would be, it has no bound.
pub(super) fn refuse() -> Result<(), FhirPathError> {
    change(|_| None)
}

/// More than that need not be counted.
pub(super) fn left() -> u64 {
    METER.get().steps
}

fn change(next: impl FnOnce(Meter) -> Option<Meter>) -> Result<(), FhirPathError> {
    let meter = METER.get();
    let next = next(meter).filter(|_| !meter.is_out);
    METER.set(next.unwrap_or(Meter { is_out: true, ..meter }));
    match next {
        Some(_) => Ok(()),
        None => Err(FhirPathError::evaluation_error(FP0054, "too costly")),
    }
}

#[derive(Clone, Copy)]
struct Meter {
    steps: u64,
    bytes: u64,
    kept: u64,
    is_out: bool,
}

thread_local! {
    static METER: Cell<Meter> = const { Cell::new(Meter { steps: 0, bytes: 0, kept: 0, is_out: true }) };
}

/// Of one evaluation; a step is some 20 ns.
const STEPS: u64 = 20_000_000;
const BYTES: u64 = 64 << 20;
const RESPONSE_STEPS: u64 = 40_000_000;
const KEPT_BYTES: u64 = 64 << 20;
/// What each takes before it begins.
const EVALUATION: u64 = 500;
