//! `rules impact`: which cases a change of rules moves, from where to where, and why.

mod drawn;
mod json;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::Language;
use super::cases::Cases;
use super::check::given;
use super::print::{Lines, Watch, number, table};
use crate::cli::{BAD_DATA, CONFIGURATION, Mistake, NO_INPUT, complain, say};
use crate::profiles::Profiles;
use crate::rules::coverage::Extent;
use crate::rules::impact::{Change, Impact as Found, Moved, Response};
use crate::segment::Outcome;
use drawn::Names;

/// Which cases a change of rules moves from which segment to which, and why
///
/// Each case is asked about under the old and under the new rules. A folder (or file) of knowledge counts over what is shipped; of a
/// rule set that is in it, in whatever version, the shipped one is left out.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Impact {
    /// The rules as they are: a folder or file, or `shipped`
    old: PathBuf,
    /// The rules as they will be: a folder or file, or `shipped`
    new: PathBuf,
    /// Cases of one's own: folders like those of fixtures/cases, QuestionnaireResponses, folders of either; instead of fixtures/cases
    /// and generated ones
    #[arg(long, value_name = "PATH", num_args = 1..)]
    cases: Vec<PathBuf>,
    /// So many generated families a role, or all where there are no more; 1000 where no --cases are given
    #[arg(long, value_name = "N")]
    samples: Option<u64>,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Generate only for this form (or rule set's canonical); if left out, for those that a side gives
    #[arg(long)]
    form: Option<String>,
    #[arg(long, value_enum, default_value = "fi")]
    language: Language,
    /// Rows of the table; --json has all
    #[arg(long, value_name = "N", default_value_t = 50)]
    rows: usize,
    /// Draw the flows
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// One JSON document, for machines
    #[arg(long)]
    json: bool,
}

impl Impact {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (Some(old), Some(new)) = (side(&self.old)?, side(&self.new)?) else { return Ok(ExitCode::from(CONFIGURATION)) };
        let cases = if self.cases.is_empty() { Cases::shipped()? } else { Cases::read(&self.cases)? };
        let mut found = Found::default();
        let mut watch = Watch::start("comparing", self.json);
        for case in &cases.golden {
            found.golden(case, &old, &new);
            watch.tick();
        }
        let responses: Vec<Response> = cases.documents.into_iter().map(|(name, content)| Response { name, content }).collect();
        found.responses(&responses, &old, &new);
        let samples = self.samples.unwrap_or(if self.cases.is_empty() { USUAL_SAMPLES } else { 0 });
        if samples > 0 {
            let extent = Extent { most: samples, samples, seed: self.seed };
            found.generated(&old, &new, self.form.as_deref(), extent, &mut || watch.tick());
        }
        watch.done();
        let names = Names::of([&old, &new], self.language);
        if self.json {
            say(format_args!("{:#}", json::impact(&found)));
        } else {
            self.show(&found, &names);
        }
        if let Some(file) = &self.svg {
            write(file, &drawn::drawing(&found, &names, &self.old, &self.new))?;
        }
        Ok(if found.moves() { ExitCode::from(BAD_DATA) } else { ExitCode::SUCCESS })
    }

    fn show(&self, found: &Found, names: &Names<'_>) {
        let looked = found.looked;
        let (golden, responses, generated) = (number(looked.golden), number(looked.responses), number(looked.generated));
        say(format_args!("{} → {}", self.old.display(), self.new.display()));
        say(format_args!("persons looked at: {golden} of cases, {responses} of responses, {generated} generated (seed {})\n", self.seed));
        let mut rows = Vec::new();
        for ((form, role), flows) in &found.flows {
            for ((from, to), count) in flows.steps.iter().filter(|((from, to), _)| from != to) {
                rows.push(vec![format!("{form} {role}"), names.segment(from.as_deref()), names.segment(to.as_deref()), number(*count)]);
            }
        }
        if !rows.is_empty() {
            say(table(&[("form and role", 40), ("from", 30), ("to", 30), ("persons", 10)], rows, Lines::Heading));
        }
        if !found.moved.is_empty() && self.rows > 0 {
            let rows = found.moved.iter().take(self.rows).map(|moved| row(moved, names));
            say(table(&[("case", 44), ("from", 24), ("to", 24), ("why", 74)], rows, Lines::Between));
        }
        if found.moved.len() > self.rows {
            say(format_args!("… and {} more: --rows, or --json, which has all", found.moved.len() - self.rows));
        }
        let (new, both): (Vec<_>, Vec<_>) = found.refused.iter().partition(|refused| refused.is_new());
        for refused in new {
            let (when, why) = match (&refused.why.before, &refused.why.after) {
                (Some(why), _) => ("by the old rules only", why),
                (None, why) => ("by the new rules only", why.as_ref().unwrap_or(&refused.case)),
            };
            say(format_args!("✗ {} is refused {when}: {why}", refused.case));
        }
        if !self.cases.is_empty() {
            both.iter()
                .take(self.rows)
                .for_each(|it| say(format_args!("not looked at: {}: {}", it.case, it.why.after.as_deref().unwrap_or_default())));
        } else if !both.is_empty() {
            say(format_args!("{} cases are refused by both, before any rule is asked", both.len()));
        }
        let in_segment = found.moved.iter().filter(|moved| moved.is_in_segment()).count();
        let total = looked.golden + looked.responses + looked.generated;
        say(format_args!(
            "{} move to another segment, {} more get other alerts or services, {} stay as they are",
            number(in_segment as u64),
            number((found.moved.len() - in_segment) as u64),
            number(total - found.moved.len() as u64),
        ));
    }
}

/// The rules of one side; their defects are told, and `None` is given.
fn side(path: &Path) -> anyhow::Result<Option<Profiles>> {
    let files = if path == Path::new(SHIPPED) { Vec::new() } else { given(&[path.to_owned()])? };
    match Profiles::over_shipped(files) {
        Ok(profiles) => Ok(Some(profiles)),
        Err(defects) => {
            defects.iter().for_each(|it| complain(format_args!("{}: {}: {}", it.file, it.issue.place, it.issue.message)));
            complain(format_args!("{}: defects: {}; neuvola-adapter rules check tells how to mend them", path.display(), defects.len()));
            Ok(None)
        }
    }
}

fn row(moved: &Moved, names: &Names<'_>) -> Vec<String> {
    let case = if moved.person.is_empty() { moved.case.clone() } else { format!("{} · {}", moved.case, moved.person) };
    let segment = |segment: &Option<String>, possible: &[String]| {
        if possible.is_empty() {
            return names.segment(segment.as_deref());
        }
        possible.iter().map(|code| names.segment(Some(code))).collect::<Vec<_>>().join(" or ")
    };
    let mut why = Vec::new();
    let mut read: &[String] = &[];
    for change in moved.why.iter().chain(&moved.others) {
        why.push(told(change));
        // what several rules read is told once
        if !change.reads.is_empty() && change.reads != read {
            why.push(format!("  {}", change.reads.join(", ")));
            read = &change.reads;
        }
    }
    vec![
        format!("{case}\n{}", moved.form),
        segment(&moved.segment.before, &moved.possible.before),
        segment(&moved.segment.after, &moved.possible.after),
        if why.is_empty() { "the order of the rules".to_owned() } else { why.join("\n") },
    ]
}

fn told(change: &Change) -> String {
    let outcome = |outcome: Option<Outcome>| outcome.map_or("–", Outcome::code);
    let distance = match (change.distance.before, change.distance.after) {
        (Some(before), Some(after)) if before != after => {
            format!(" (from the threshold: {} → {})", before.normalize(), after.normalize())
        }
        _ => String::new(),
    };
    let step = format!("{} → {}", outcome(change.outcome.before), outcome(change.outcome.after));
    format!("{} {}: {step}{distance}", change.about.code(), change.id)
}

#[allow(
    clippy::disallowed_methods,
    reason = "the drawing, in the file that was asked for: made-up cases or the caller's own, by segment and number"
)]
fn write(file: &Path, drawing: &str) -> anyhow::Result<()> {
    std::fs::write(file, drawing).map_err(|error| Mistake::ending(NO_INPUT, format_args!("{} cannot be written: {error}", file.display())))
}

const SHIPPED: &str = "shipped";
const USUAL_SAMPLES: u64 = 1_000;
const AFTER_HELP: &str = "\
Exit 0 where nothing moves, 65 where a segment, an alert, a service or a case's being read does. Family views are not compared.

Examples:
  neuvola-adapter rules impact shipped new-rules/
  neuvola-adapter rules impact old/ new/ --cases last-month/ --svg flows.svg
  neuvola-adapter rules impact shipped new-rules/ --form four-months --samples 20000 --json";
