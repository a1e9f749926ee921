//! The segments' rules together, over the space of all that any of them reads.

use std::collections::BTreeMap;

use super::unread::Apart;
use super::{Coverage, Extent, Ground, Lighter, Looked, Share, Tip};
use crate::rules::Named;
use crate::rules::judge::{Judge, Part, Verdict};
use crate::rules::space::{Absence, Pages, Space};
use crate::segment::rule::Rule;

pub(super) fn look<'r>(ground: &Ground<'r>, apart: &mut Apart, tick: &mut dyn FnMut()) -> Coverage<'r> {
    let Ground { judge, pages, extent, .. } = *ground;
    let of_segments = ground.everything.iter().filter(|(rule, _)| ground.is_segment(rule));
    let reads: Vec<Named> = of_segments.flat_map(|(_, reads)| reads).cloned().collect();
    let space = ground.space(&reads, apart);
    let looked = ground.looked(&space, space.keys(MOST_KEYS).and_then(|_| space.count(extent.most)));
    let mut look = Look { space: &space, pages, part: Part::segments(judge), tick, apart, counts: Counts::default() };
    match looked {
        Looked::Whole { .. } => look.whole(),
        Looked::Sample { .. } => look.sample(extent),
    }
    look.counts.told(judge, &space, looked)
}

struct Look<'l, 'r> {
    space: &'l Space<'r>,
    pages: Pages<'r>,
    part: Part<'r>,
    tick: &'l mut dyn FnMut(),
    apart: &'l mut Apart,
    counts: Counts,
}

/// Rules by their position.
#[derive(Default)]
struct Counts {
    /// By what was met, what was open and what was proposed.
    verdicts: BTreeMap<(u64, u64, Option<usize>), u64>,
    /// By question, from and to.
    tips: BTreeMap<(usize, usize, usize), u64>,
    /// By question, whether it was declined, from and to.
    lighter: BTreeMap<(usize, bool, usize, usize), Losses>,
    absences: u64,
}

struct Losses {
    count: u64,
    /// The first such family.
    family: Vec<u32>,
}

impl Look<'_, '_> {
    fn ask(&mut self, family: &[u32], declined: Option<usize>) -> Verdict {
        (self.tick)();
        self.part.verdict(&self.space.answers(0, self.pages, family, declined))
    }

    /// Each family once; then from each one answer changed, and one taken away, by what is known by then.
    fn whole(&mut self) {
        let keys = self.space.keys(MOST_KEYS).unwrap_or_default() as usize;
        let mut proposed = vec![0_u8; keys];
        let (mut deleted, mut declined) = (vec![0_u8; keys], vec![0_u8; keys]);
        let space = self.space;
        space.each(&mut |family| {
            let verdict = self.ask(family, None);
            proposed[space.key(family) as usize] = packed(verdict.proposed);
            *self.counts.verdicts.entry((verdict.met, verdict.open, verdict.proposed)).or_default() += 1;
            true
        });
        space.each(&mut |family| {
            let from = proposed[space.key(family) as usize];
            for at in (0..family.len()).filter(|&at| family[at] != 0) {
                for other in space.questions()[at].beside(family[at]) {
                    if let Some(changed) = space.changed(family, at, other) {
                        let to = proposed[space.key(&changed) as usize];
                        self.tipped(at, (family[at], other), unpacked(from), unpacked(to));
                    }
                }
                let without = space.without(family, at);
                let key = space.key(&without) as usize;
                for (absence, known) in [(Absence::Deleted, &mut deleted), (Absence::Declined, &mut declined)] {
                    if absence == Absence::Declined && !space.questions()[at].can_be_declined() {
                        continue;
                    }
                    if known[key] == 0 {
                        known[key] = packed(self.ask(&without, (absence == Absence::Declined).then_some(at)).proposed);
                    }
                    self.lost(at, absence, unpacked(from), unpacked(known[key]), family);
                }
            }
            true
        });
    }

    /// Each sample once; of each one other answer to each question in turn, and each answer taken away.
    fn sample(&mut self, extent: Extent) {
        for number in 0..extent.samples {
            let family = self.space.sample(extent.seed, number);
            let verdict = self.ask(&family, None);
            *self.counts.verdicts.entry((verdict.met, verdict.open, verdict.proposed)).or_default() += 1;
            for at in (0..family.len()).filter(|&at| family[at] != 0) {
                let beside = self.space.questions()[at].beside(family[at]);
                let turn = number as usize % beside.len().max(1);
                if let Some(&other) = beside.get(turn)
                    && let Some(changed) = self.space.changed(&family, at, other)
                {
                    let to = self.ask(&changed, None).proposed;
                    self.tipped(at, (family[at], other), verdict.proposed, to);
                }
                let without = self.space.without(&family, at);
                let after = self.ask(&without, None).proposed;
                self.lost(at, Absence::Deleted, verdict.proposed, after, &family);
                if self.space.questions()[at].can_be_declined() {
                    let after = self.ask(&without, Some(at)).proposed;
                    self.lost(at, Absence::Declined, verdict.proposed, after, &family);
                }
            }
        }
    }

    fn tipped(&mut self, at: usize, (one, other): (u32, u32), from: Option<usize>, to: Option<usize>) {
        if let Some((from, to)) = from.zip(to).filter(|(from, to)| from != to) {
            *self.counts.tips.entry((at, from, to)).or_default() += 1;
            self.apart.told(&self.space.questions()[at], one, other);
        }
    }

    /// Heavier ones stand first; the catch-all, which is last, is not lighter: it asks for a review.
    fn lost(&mut self, at: usize, absence: Absence, from: Option<usize>, to: Option<usize>, family: &[u32]) {
        self.counts.absences += 1;
        let last = self.part.count().saturating_sub(1);
        if let Some((from, to)) = from.zip(to).filter(|(from, to)| to > from && *to < last) {
            let lighter = self
                .counts
                .lighter
                .entry((at, absence == Absence::Declined, from, to))
                .or_insert_with(|| Losses { count: 0, family: family.to_vec() });
            lighter.count += 1;
        }
    }
}

impl Counts {
    fn told<'r>(self, judge: Judge<'r>, space: &Space<'r>, looked: Looked) -> Coverage<'r> {
        let rules = &judge.rules.segments;
        let sum = |wanted: &dyn Fn(u64, u64, Option<usize>) -> bool| -> u64 {
            let those = self.verdicts.iter().filter(|((met, open, proposed), _)| wanted(*met, *open, *proposed));
            those.map(|(_, count)| count).sum()
        };
        let is_set = |bits: u64, index: usize| index < 64 && bits >> index & 1 == 1;
        let conditions = rules.iter().enumerate().filter(|(_, rule)| rule.expression.is_some());
        let conditions: u64 = conditions.map(|(index, _)| 1_u64.checked_shl(u32::try_from(index).unwrap_or(64)).unwrap_or_default()).sum();
        let share = |(index, rule): (usize, &'r Rule)| {
            let loses_to = rules[..index].iter().enumerate().map(|(earlier, other)| {
                (
                    other,
                    if rule.expression.is_some() { sum(&|met, _, proposed| is_set(met, index) && proposed == Some(earlier)) } else { 0 },
                )
            });
            Share {
                rule,
                met: sum(&|met, _, _| is_set(met, index)),
                open: sum(&|_, open, _| is_set(open, index)),
                proposed: sum(&|_, _, proposed| proposed == Some(index)),
                uncovered: if rule.expression.is_none() { sum(&|met, open, _| met & conditions == 0 && open & conditions == 0) } else { 0 },
                loses_to: loses_to.filter(|(_, count)| *count > 0).collect(),
            }
        };
        let stated: Vec<(usize, &Rule)> = rules.iter().enumerate().filter(|(_, rule)| rule.expression.is_some()).collect();
        let pairs = stated.iter().flat_map(|one| stated.iter().filter(|other| other.0 > one.0).map(move |other| (*one, *other)));
        let overlaps = pairs.map(|((one, left), (other, right))| (left, right, sum(&|met, _, _| is_set(met, one) && is_set(met, other))));
        let name = |at: usize| space.questions()[at].name();
        let tips = self.tips.iter().map(|((at, from, to), count)| Tip {
            question: name(*at),
            from: &rules[*from],
            to: &rules[*to],
            count: *count,
        });
        let lighter = self.lighter.iter().map(|((at, is_declined, from, to), losses)| Lighter {
            question: name(*at),
            absence: if *is_declined { Absence::Declined } else { Absence::Deleted },
            from: &rules[*from],
            to: &rules[*to],
            count: losses.count,
            example: space.told(&losses.family),
        });
        Coverage {
            role: &judge.rules.role,
            looked,
            questions: (0..space.questions().len()).map(name).collect(),
            segments: rules.iter().enumerate().map(share).collect(),
            overlaps: overlaps.filter(|(.., count)| *count > 0).collect(),
            tips: tips.collect(),
            lighter: lighter.collect(),
            absences: self.absences,
            alone: Vec::new(),
            unread: Vec::new(),
            alike: Vec::new(),
        }
    }
}

impl<'r> Space<'r> {
    /// Question and answer of what is answered.
    pub fn told(&self, family: &[u32]) -> Vec<(Named, String)> {
        let answered = self.questions().iter().zip(family).filter(|(_, number)| **number != 0);
        answered.map(|(question, number)| (question.name(), question.token(*number))).collect()
    }
}

/// 0 is not known yet, 1 is no segment.
fn packed(proposed: Option<usize>) -> u8 {
    proposed.map_or(1, |index| (index + 2).min(255) as u8)
}

fn unpacked(packed: u8) -> Option<usize> {
    usize::from(packed).checked_sub(2)
}

/// A table with more places is not kept.
const MOST_KEYS: u64 = 20_000_000;
