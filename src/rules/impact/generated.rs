//! Cases that nobody wrote: out of the space of all that the old or the new rules read.

use super::Impact;
use crate::profiles::Profiles;
use crate::rules::coverage::Extent;
use crate::rules::judge::{Judge, thresholds};
use crate::rules::said::Said;
use crate::rules::space::{Pages, Space};
use crate::rules::{newest, newest_of_all};
use crate::segment::rule::{RoleRules, RuleSet};

impl Impact {
    /// Of each role that both have, in the newest version of each: all families where they are few, else a sample. Where none are named,
    /// of rule sets that a side was given.
    pub fn generated(&mut self, old: &Profiles, new: &Profiles, named: Option<&str>, extent: Extent, tick: &mut dyn FnMut()) {
        let successors = newest_of_all(new);
        let is_given = |profiles: &Profiles| profiles.rule_sets().iter().any(|rule_set| rule_set.is_given);
        let takes_all = named.is_some() || !(is_given(old) || is_given(new));
        for before in if named.is_some() { newest(old, named) } else { newest_of_all(old) } {
            let same_url = successors.iter().find(|after| after.url == before.url);
            let same_form = || successors.iter().find(|after| !before.form.is_empty() && after.form == before.form);
            let Some(after) = same_url.or_else(same_form) else { continue };
            if !(takes_all || before.is_given || after.is_given) {
                continue;
            }
            for rules in &before.roles {
                let url = &rules.questionnaire.url;
                if let Some(counterpart) = after.roles.iter().find(|it| it.role == rules.role && it.questionnaire.url == *url) {
                    self.role([(before, rules), (after, counterpart)], extent, tick);
                }
            }
        }
    }

    fn role(&mut self, sides: [(&RuleSet, &RoleRules); 2], extent: Extent, tick: &mut dyn FnMut()) {
        let judges = sides.map(|(rule_set, rules)| Judge { rule_set, rules });
        let pages = judges.map(|judge| Pages { own: &judge.rules.questionnaire, professional: judge.rules.professional.as_deref() });
        let everything = judges.iter().flat_map(|judge| judge.everything());
        let (rules, reads): (Vec<_>, Vec<_>) = everything.unzip();
        let thresholds = thresholds(rules.iter().filter_map(|rule| rule.expression.as_deref()));
        let reads: Vec<_> = reads.into_iter().flatten().collect();
        let space = Space::of(&pages, &reads, &thresholds);
        let whole = space.count(extent.most);
        let mut number = 0;
        let mut see = |family: &[u32]| {
            number += 1;
            tick();
            let said = |side: usize, with_reads: bool| {
                let answers = space.answers(side, pages[side], family, None);
                Said::of(&judges[side].ask(&answers), judges[side].rules, with_reads)
            };
            let (mut before, mut after) = (said(0, false), said(1, false));
            if before != after {
                (before, after) = (said(0, true), said(1, true));
            }
            let name = format!("generated {number}");
            let form = if judges[0].rule_set.form.is_empty() { &judges[0].rule_set.url } else { &judges[0].rule_set.form };
            self.put(&name, &judges[0].rules.role, (form, &judges[0].rules.role), &before, &after);
            self.looked.generated += 1;
        };
        if whole.is_some() {
            space.each(&mut |family| {
                see(family);
                true
            });
        } else {
            (0..extent.samples).for_each(|at| see(&space.sample(extent.seed, at)));
        }
    }
}
