//! `replay`: plans made again from what the record holds, and whether they are the same.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use neuvola_fhir::{Limits, Node, read, to_json_document};
use serde_json::json;

use super::preview::refuse;
use super::{BAD_DATA, CONFIGURATION, Knowledge, Mistake, USAGE, complain, input, say};
use crate::form::submission::{Submission, read_submission};
use crate::issue::Issue;
use crate::outcome;
use crate::pipeline::{Held, Replay as Replayed, Sent, replay, replay_decision};
use crate::profiles::Profiles;
use crate::refusal::Refusal;
use crate::report;

/// Make plans again from what the record holds, and say whether they are the same
///
/// The files are CarePlans and the QuestionnaireResponses that they were made from, as the record gives them: single resources or
/// Bundles, in JSON or XML, in any order; what else is in them is left aside. Each plan is made again under the rule set and the
/// Questionnaires that it names, in those very versions, and compared, ids and instants apart. One JSON object a plan: `same`, the
/// `differences`, what was added to it `since`, the segmentation with every reason, and the plan. Exit 0 when all are the same.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The submission with the decision as it was sent, instead of the plans' own word. Without CarePlans among the files, plans are
    /// made from it and the responses
    #[arg(long, value_name = "FILE")]
    decision: Option<PathBuf>,
    /// Of the decision: the `key` of the person whose responses these are, where two parents could be meant
    #[arg(long, value_name = "KEY", requires = "decision")]
    about: Option<String>,
    /// The rule set with its version, where no CarePlan names it
    #[arg(long, value_name = "CANONICAL|VERSION", requires = "decision")]
    plan: Option<String>,
    #[command(flatten)]
    knowledge: Knowledge,
    /// What the record holds; `-` is standard input
    #[arg(default_value = "-")]
    files: Vec<PathBuf>,
}

impl Replay {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(profiles) = self.knowledge.load() else { return Ok(ExitCode::from(CONFIGURATION)) };
        match self.replays(&profiles) {
            Ok((replays, is_whole)) => {
                let all_same = replays.iter().fold(is_whole, |all_same, (plan, replay)| tell(plan, replay) && all_same);
                Ok(if all_same { ExitCode::SUCCESS } else { ExitCode::from(BAD_DATA) })
            }
            Err(error) => error.downcast().map(|refusal: Refusal| refuse(&refusal)),
        }
    }

    /// Each plan by its reference, each person without one by those of the responses; and whether the record's answers are whole.
    fn replays<'p>(&self, profiles: &'p Profiles) -> anyhow::Result<(Vec<Made<'p>>, bool)> {
        let contents = self.files.iter().map(|file| input::read(file)).collect::<anyhow::Result<Vec<_>>>()?;
        let json = |content| to_json_document(content, Limits::default()).map_err(Refusal::unreadable);
        let documents = contents.iter().map(|content| json(content)).collect::<Result<Vec<_>, _>>()?;
        let nodes = documents.iter().map(|document| read(document).map_err(Refusal::unreadable)).collect::<Result<Vec<_>, _>>()?;
        let mut held = Held::default();
        nodes.iter().zip(&documents).for_each(|(node, document)| held.take(node, document));

        for (kind, total, held) in held.cut_off() {
            complain(format_args!("the record has {total} of {kind}, and {held} are given: give its other pages too (`next`)"));
        }
        if held.foreign > 0 {
            complain(format_args!("{} CarePlans do not say that they are neuvola-adapter's: left aside", held.foreign));
        }

        let sent = self.decision.as_deref().map(input::read).transpose()?;
        let sent = sent.as_ref().map(|sent| read(sent).map_err(Refusal::unreadable)).transpose()?;
        let submission = sent.as_ref().map(submission).transpose()?;
        let sent = submission.as_ref().map(|submission| Sent { submission, about: self.about.as_deref() });
        let replays = match (held.plans.as_slice(), sent, &self.plan) {
            ([], Some(sent), Some(rule_set)) => replay_decision(&held, sent, rule_set, profiles),
            ([], Some(_), None) => return Err(Mistake::ending(USAGE, "no CarePlan names the rule set: name it with `--plan`")),
            ([], None, _) => {
                let issue = Issue::error("not-found", "not-ours", "", "there is no CarePlan of neuvola-adapter's in the files");
                let remedy = "give CarePlans with the responses that they name; or `--decision` and `--plan` with the responses";
                return Err(Refusal::Invalid(vec![issue.remedy(remedy)]).into());
            }
            (plans, sent, _) => plans.iter().map(|plan| (plan.reference(), replay(*plan, &held, sent, profiles))).collect(),
        };
        Ok((replays, held.cut_off().is_empty()))
    }
}

/// What is made again, by its name.
type Made<'p> = (String, Result<Replayed<'p>, Refusal>);

/// Whole, with a decision in it.
fn submission<'d>(node: &'d Node<'d>) -> Result<Submission<'d>, Refusal> {
    let (submission, faults) = read_submission(node).map_err(Refusal::Invalid)?;
    if faults.is_empty() { Ok(submission) } else { Err(Refusal::Invalid(faults)) }
}

/// One line; and whether all is well.
fn tell(plan: &str, replay: &Result<Replayed<'_>, Refusal>) -> bool {
    match replay {
        Ok(replay) => {
            say(report::replay(plan, replay));
            let different = replay.likeness.as_ref().map_or(0, |likeness| likeness.differences.len());
            if different > 0 {
                complain(format_args!("{plan}: {different} elements differ"));
            }
            different == 0
        }
        Err(refusal) => {
            let outcome: serde_json::Value = serde_json::from_slice(&outcome::print(&refusal.issues())).unwrap_or_default();
            say(json!({ "plan": plan, "same": null, "outcome": outcome }));
            complain(format_args!("{plan}: {refusal}"));
            false
        }
    }
}
