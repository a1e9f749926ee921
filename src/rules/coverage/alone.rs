//! Alerts and services, each over the space of what it alone reads.

use std::collections::HashMap;

use super::unread::Apart;
use super::{Alone, Ground, Kind, Looked};
use crate::rules::judge::Part;
use crate::segment::Outcome;

pub(super) fn look<'r>(ground: &Ground<'r>, apart: &mut Apart, tick: &mut dyn FnMut()) -> Vec<Alone<'r>> {
    let Ground { judge, pages, extent, .. } = *ground;
    let stated = ground.everything.iter().filter(|(rule, _)| rule.expression.is_some() && !ground.is_segment(rule));
    let mut all = Vec::new();
    for (rule, reads) in stated {
        let space = ground.space(reads, apart);
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
        let looked = ground.looked(&space, space.count(extent.most));
        match looked {
            Looked::Whole { .. } => space.each(&mut |family| {
                see(family, None);
                true
            }),
            Looked::Sample { families, seed } => {
                (0..families).for_each(|number| see(&space.sample(seed, number), Some(number as usize)));
            }
        }
        let kind = match () {
            () if judge.rules.alerts.iter().any(|alert| alert.id == rule.id) => Kind::Alert,
            () if judge.rules.others.iter().any(|other| other.id == rule.id) => Kind::Other,
            () => Kind::Service,
        };
        all.push(Alone { rule, kind, looked, met, open });
    }
    all
}
