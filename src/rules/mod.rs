//! Tools for those who own the rules: a rule set as a table, the whole space of its answers looked through, and what a change
//! of rules does to families.
//!
//! Pure: no I/O, no clock; the same input gives the same output. How rules are asked is told in [`judge`] alone.

pub mod coverage;
pub mod drawing;
pub mod golden;
pub mod impact;
pub mod judge;
pub mod listing;
pub mod said;
pub mod space;

use crate::profiles::{Profiles, by_version};
use crate::segment::rule::RuleSet;

/// A question by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Of the professional's section.
    pub professional: bool,
    pub link_id: String,
}

/// The rule sets that are meant by a form's code, a canonical, its url or the end of that. If nothing is named: those that were given over
/// what is shipped, or where none were, all. In the order of their canonicals.
pub fn rule_sets<'p>(profiles: &'p Profiles, named: Option<&str>) -> Vec<&'p RuleSet> {
    let are_given = profiles.rule_sets().iter().any(|rule_set| rule_set.is_given);
    let is_meant = |rule_set: &&RuleSet| {
        let id = rule_set.url.rsplit('/').next().unwrap_or_default();
        match named {
            None => rule_set.is_given || !are_given,
            Some(name) => [rule_set.form.as_str(), &rule_set.url, id].contains(&name) || rule_set.canonical() == name,
        }
    };
    in_order(profiles.rule_sets().iter().filter(is_meant).collect())
}

/// Of each rule set that is meant its newest version.
pub fn newest<'p>(profiles: &'p Profiles, named: Option<&str>) -> Vec<&'p RuleSet> {
    latest(&rule_sets(profiles, named))
}

/// Of each rule set there is its newest version.
pub fn newest_of_all(profiles: &Profiles) -> Vec<&RuleSet> {
    latest(&in_order(profiles.rule_sets().iter().collect()))
}

fn in_order(mut found: Vec<&RuleSet>) -> Vec<&RuleSet> {
    found.sort_by(|left, right| left.url.cmp(&right.url).then_with(|| by_version(&left.version, &right.version)));
    found
}

fn latest<'p>(all: &[&'p RuleSet]) -> Vec<&'p RuleSet> {
    let is_newest = |index: &usize| all.get(index + 1).is_none_or(|next| next.url != all[*index].url);
    (0..all.len()).filter(is_newest).map(|index| all[index]).collect()
}
