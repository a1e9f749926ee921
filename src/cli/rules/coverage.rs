//! `rules coverage`: the space of answers that the rules read, looked through.

mod json;

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::Language;
use super::print::{Lines, Watch, number, share, table};
use super::show::unknown;
use crate::cli::{BAD_DATA, CONFIGURATION, Knowledge, complain, say};
use crate::rules::coverage::{Alone, Coverage as Covered, Extent, Looked, Share, coverage};
use crate::rules::space::Absence;
use crate::rules::{Named, newest};
use crate::segment::rule::Rule;

/// The whole space of answers: rules that never fire or always lose, what nobody reads, shares, tipping answers
///
/// Segments are looked at over all that any of their rules reads, alerts and services each over what it reads itself. A space of
/// at most --whole families is looked through as a whole; of a larger one --samples, the same for the same --seed.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Coverage {
    /// The form (four-months), or a rule set's canonical; if left out, all in their newest version: with --profiles those that it gives
    rules: Option<String>,
    /// Only this role: child, parent, expecting …
    #[arg(long)]
    role: Option<String>,
    /// A space of at most so many families is looked through as a whole
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    whole: u64,
    /// Families of a larger space
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    samples: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, value_enum, default_value = "fi")]
    language: Language,
    /// One JSON document, for machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    knowledge: Knowledge,
}

impl Coverage {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(profiles) = self.knowledge.load() else { return Ok(ExitCode::from(CONFIGURATION)) };
        let found = newest(&profiles, self.rules.as_deref());
        if found.is_empty() {
            return Err(unknown(&profiles));
        }
        let extent = Extent { most: self.whole, samples: self.samples, seed: self.seed };
        let (mut all, mut wants_attention) = (Vec::<Value>::new(), false);
        let mut unlooked = Vec::new();
        for rule_set in found {
            unlooked.extend(rule_set.family.iter().flat_map(|view| &view.rules).map(|rule| rule.id.as_str()));
            for rules in rule_set.roles.iter().filter(|rules| self.role.as_deref().is_none_or(|role| role == rules.role)) {
                let title = format!("{} · {}", rule_set.canonical(), rules.role);
                let mut watch = Watch::start(&title, self.json);
                let covered = coverage(rule_set, rules, extent, &mut || watch.tick());
                watch.done();
                wants_attention |= covered.wants_attention();
                if self.json {
                    all.push(json::role(rule_set, &covered));
                } else {
                    self.show(&title, &covered);
                }
            }
        }
        if self.json {
            say(format_args!("{:#}", json!({ "roles": all, "wantsAttention": wants_attention, "notCovered": unlooked })));
        } else {
            if !unlooked.is_empty() {
                say(format_args!(
                    "Not covered, for they are about whole families: {}. Cases can state what they say.",
                    unlooked.join(", ")
                ));
            }
            if wants_attention {
                complain("something needs attention: it is marked with ✗");
            }
        }
        Ok(if wants_attention { ExitCode::from(BAD_DATA) } else { ExitCode::SUCCESS })
    }

    fn show(&self, title: &str, covered: &Covered<'_>) {
        if covered.segments.is_empty() {
            say(title);
        } else {
            say(format_args!("{title}\n{} {}", extent(covered.looked), names(&covered.questions)));
            self.segments(covered);
        }
        if !covered.alone.is_empty() {
            let heading = [("", 7), ("rule", 50), ("met", 12), ("of families", 28), ("", 40)];
            say(table(&heading, covered.alone.iter().map(alone), Lines::Heading));
        }
        self.unread(covered);
        say("");
    }

    fn segments(&self, covered: &Covered<'_>) {
        let language = self.language.code();
        say(table(&[("", 2), ("segment", 40), ("met", 12), ("decides", 12), ("share", 8), ("", 60)], self.shares(covered), Lines::Heading));
        if covered.overlaps.is_empty() {
            say("No two segments' conditions are met together.");
        } else {
            let rows = covered.overlaps.iter().map(|(one, other, count)| vec![one.id.clone(), other.id.clone(), number(*count)]);
            say(format_args!("Met together:\n{}", table(&[("segment", 40), ("and", 40), ("families", 12)], rows, Lines::Heading)));
        }
        let name = |rule: &Rule| rule.subject.display.text(language).to_owned();
        let mut tips: Vec<_> = covered.tips.iter().collect();
        tips.sort_by(|left, right| left.question.cmp(&right.question).then(right.count.cmp(&left.count)));
        if !tips.is_empty() {
            let rows = tips.iter().take(MOST_ROWS).map(|tip| vec![told(&tip.question), name(tip.from), name(tip.to), number(tip.count)]);
            let heading = [("one answer changed", 50), ("from", 30), ("to", 30), ("ways", 12)];
            say(format_args!("Which single answer tips a family into another segment:\n{}", table(&heading, rows, Lines::Heading)));
            more(tips.len());
        }
        if covered.lighter.is_empty() {
            say(format_args!("One answer deleted or declined, {} times: no family moves to a lighter segment.", number(covered.absences)));
        } else {
            let rows = covered.lighter.iter().take(MOST_ROWS).map(|it| {
                let how = if it.absence == Absence::Deleted { "deleted" } else { "declined" };
                let example: Vec<String> = it.example.iter().map(|(question, answer)| format!("{}={answer}", told(question))).collect();
                vec![format!("{} {how}", told(&it.question)), name(it.from), name(it.to), number(it.count), example.join(", ")]
            });
            let heading = [("✗ one answer less", 40), ("from", 24), ("to the lighter", 24), ("families", 10), ("such as", 60)];
            say(table(&heading, rows, Lines::Between));
            more(covered.lighter.len());
        }
    }

    fn shares(&self, covered: &Covered<'_>) -> Vec<Vec<String>> {
        let row = |(index, share_of): (usize, &Share<'_>)| {
            let name = format!("{}\n{}", share_of.rule.subject.display.text(self.language.code()), share_of.rule.id);
            let families = covered.looked.families();
            vec![
                (index + 1).to_string(),
                name,
                if share_of.rule.expression.is_none() { "–".to_owned() } else { number(share_of.met) },
                number(share_of.proposed),
                share(share_of.proposed, families),
                remark(share_of, covered.looked),
            ]
        };
        covered.segments.iter().enumerate().map(row).collect()
    }

    fn unread(&self, covered: &Covered<'_>) {
        let list: Vec<String> = covered.unread.iter().map(|unread| told(&unread.question)).collect();
        if !list.is_empty() {
            say(format_args!("No rule reads: {}.", list.join(", ")));
        }
        let alike = covered.alike.iter().map(|alike| {
            let options = alike.options.join(", ");
            if alike.is_set {
                format!("  {}: {options} (chosen or not)", told(&alike.question))
            } else {
                format!("  {}: {options}", told(&alike.question))
            }
        });
        let alike: Vec<String> = alike.collect();
        if !alike.is_empty() {
            say(format_args!("Options that no rule tells apart:\n{}", alike.join("\n")));
        }
    }
}

fn extent(looked: Looked) -> String {
    match looked {
        Looked::Whole { families, is_all: true } => format!("All {} families that differ in", number(families)),
        Looked::Whole { families, is_all: false } => {
            format!("{} families (a few numbers and texts stand for all others) that differ in", number(families))
        }
        Looked::Sample { families, seed } => {
            format!("A sample of {} families (seed {seed}, each answer as likely as any other) that differ in", number(families))
        }
    }
}

fn remark(share: &Share<'_>, looked: Looked) -> String {
    let mut remarks = Vec::new();
    if share.never_fires() {
        remarks.push(format!("✗ is never met{}", doubt(looked)));
    } else if share.rule.expression.is_some() && share.always_loses() {
        remarks.push(format!("✗ always loses to an earlier one{}", doubt(looked)));
    }
    remarks.extend(share.loses_to.iter().map(|(rule, count)| format!("loses {} to {}", number(*count), rule.id)));
    if share.open > 0 {
        remarks.push(format!("cannot be told: {}", number(share.open)));
    }
    if share.uncovered > 0 {
        remarks.push(format!("✗ {} answered everything and no rule covers them", number(share.uncovered)));
    }
    if share.rule.expression.is_none() {
        remarks.push("catch-all".to_owned());
    }
    remarks.join("\n")
}

fn alone(alone: &Alone<'_>) -> Vec<String> {
    let remark = match (alone.never_fires(), alone.open) {
        (true, _) => format!("✗ is never met{}", doubt(alone.looked)),
        (false, 0) => String::new(),
        (false, open) => format!("cannot be told: {}", number(open)),
    };
    let families = number(alone.looked.families());
    let of = if matches!(alone.looked, Looked::Sample { .. }) { format!("{families} sampled") } else { families };
    vec![alone.kind.code().to_owned(), alone.rule.id.clone(), number(alone.met), of, remark]
}

const fn doubt(looked: Looked) -> &'static str {
    if looked.is_proof() { "" } else { " among those looked at" }
}

fn told(question: &Named) -> String {
    if question.professional { format!("%professional {}", question.link_id) } else { question.link_id.clone() }
}

fn names(questions: &[Named]) -> String {
    questions.iter().map(told).collect::<Vec<_>>().join(", ")
}

fn more(count: usize) {
    if count > MOST_ROWS {
        say(format_args!("… and {} more: --json has all", count - MOST_ROWS));
    }
}

const MOST_ROWS: usize = 60;
const AFTER_HELP: &str = "\
Exit 65 where something needs attention: a rule that is never met, a segment that always loses to an earlier one, families that
answered everything and fall to the catch-all all the same, or a family that one answer less (deleted, or declined) moves to a lighter segment. Segments stand heaviest first; the catch-all is not lighter.";
