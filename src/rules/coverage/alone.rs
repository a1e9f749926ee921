//! Alerts and services, each over the space of what it alone reads.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::unread::Apart;
use super::{Alone, Extent, Kind, Looked};
use crate::rules::Named;
use crate::rules::judge::{Judge, Part};
use crate::rules::space::{Pages, Space};
use crate::segment::Outcome;
use crate::segment::rule::Rule;

pub(super) fn look<'r>(
    judge: Judge<'r>,
    pages: Pages<'r>,
    everything: &[(&'r Rule, Vec<Named>)],
    thresholds: &[Decimal],
    extent: Extent,
    apart: &mut Apart,
    tick: &mut dyn FnMut(),
) -> Vec<Alone<'r>> {
    let is_segment = |rule: &Rule| judge.rules.segments.iter().any(|segment| segment.id == rule.id);
    let stated = everything.iter().filter(|(rule, _)| rule.expression.is_some() && !is_segment(rule));
    let mut all = Vec::new();
    for (rule, reads) in stated {
        let space = Space::of(&[pages], reads, thresholds);
        apart.read(&space);
        let part = Part::rule(judge, rule);
        let mut outcomes: HashMap<Vec<u32>, Outcome> = HashMap::new();
        let mut ask = |family: &[u32]| {
            *outcomes.entry(family.to_vec()).or_insert_with(|| {
                tick();
                part.outcome(&space.answers(0, pages, family, None))
            })
        };
        let (mut met, mut open) = (0, 0);
        let mut see = |family: &[u32], turn: Option<usize>| {
            let here = ask(family);
            met += u64::from(here == Outcome::Met);
            open += u64::from(here == Outcome::Indeterminate);
            for at in (0..family.len()).filter(|&at| family[at] != 0) {
                let question = &space.questions()[at];
                let beside = question.beside(family[at]);
                for (position, &other) in beside.iter().enumerate() {
                    // of a sample one other answer in turn
                    let is_due = turn.is_none_or(|turn| turn % beside.len() == position);
                    if is_due
                        && let Some(changed) = space.changed(family, at, other)
                        && ask(&changed) != here
                    {
                        apart.told(question, family[at], other);
                    }
                }
            }
        };
        let looked = match space.count(extent.most) {
            Some(families) => {
                space.each(&mut |family| {
                    see(family, None);
                    true
                });
                Looked::Whole { families, is_all: space.is_all() }
            }
            None => {
                (0..extent.samples).for_each(|number| see(&space.sample(extent.seed, number), Some(number as usize)));
                Looked::Sample { families: extent.samples, seed: extent.seed }
            }
        };
        let kind = match () {
            () if judge.rules.alerts.iter().any(|alert| alert.id == rule.id) => Kind::Alert,
            () if judge.rules.others.iter().any(|other| other.id == rule.id) => Kind::Other,
            () => Kind::Service,
        };
        all.push(Alone { rule, kind, looked, met, open });
    }
    all
}
