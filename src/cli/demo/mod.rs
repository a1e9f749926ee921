//! `demo`: every fixture case through HTTP, from the family's form to the plan in the patient record, and every callback
//! story, from the contact to its end.

mod play;
mod show;
mod stage;
mod stories;
mod wire;

use std::process::ExitCode;

use clap::Args;

use super::serve::asked_to_stop;
use super::{CONFIGURATION, USAGE, complain, runtime, say};
use crate::{fixtures, player};
use play::{Played, play};
use stage::Stage;

/// Play every fixture case and callback story through HTTP and show what became of it
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Demo {
    /// Base URL of a patient record's FHIR R4 API to write to, instead of the sandbox. Its synthetic patients are put there first, conditionally
    #[arg(long, value_name = "URL")]
    record: Option<String>,
    /// Leave sandbox and adapter running afterwards, to be looked at
    #[arg(long)]
    keep: bool,
    /// One JSON object a line, for machines
    #[arg(long)]
    json: bool,
    /// Play only the cases and stories whose name contains this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
}

impl Demo {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let (mut cases, mut told) = match (fixtures::cases(), fixtures::stories::stories()) {
            (Ok(cases), Ok(stories)) => (cases, stories),
            (Err(defects), _) | (_, Err(defects)) => {
                defects.iter().for_each(complain);
                return Ok(ExitCode::from(CONFIGURATION));
            }
        };
        if let Some(only) = &self.only {
            cases.retain(|case| case.name.contains(only.as_str()));
            told.retain(|story| story.name.contains(only.as_str()));
            if cases.is_empty() && told.is_empty() {
                complain(format_args!("--only {only}: no case or story has that in its name"));
                return Ok(ExitCode::from(USAGE));
            }
        }
        runtime()?.block_on(async {
            let stage = Stage::set(self.record.as_deref()).await?;
            if !self.json {
                say(format_args!("adapter  http://{}", stage.adapter));
                say(format_args!("record   {}{}", stage.record, if self.record.is_some() { "" } else { "   (sandbox, in memory)" }));
                say("");
            }
            let progress = show::progress(cases.len() + told.len(), self.json);
            let mut played = Vec::new();
            for case in &cases {
                progress.set_message(case.name.clone());
                let one = play(case, &stage).await?;
                if self.json {
                    say(show::json(&one));
                }
                played.push(one);
                progress.inc(1);
            }
            let mut lived = Vec::new();
            for story in &told {
                progress.set_message(story.name.clone());
                let one = stories::play(story, &stage.profiles).await?;
                if self.json {
                    say(stories::json(&one));
                }
                lived.push(one);
                progress.inc(1);
            }
            progress.finish_and_clear();
            self.show(&played, &lived);
            if self.keep {
                complain(format_args!("running until interrupted: http://{} and {}", stage.adapter, stage.record));
                asked_to_stop()?.await;
            }
            stage.strike().await;
            let wrong = played.iter().any(|one| !one.differences.is_empty()) || stories::wrong(&lived) > 0;
            Ok(if !wrong { ExitCode::SUCCESS } else { ExitCode::from(1) })
        })
    }

    /// Differences on standard error; what was played too, unless machines were told already.
    fn show(&self, cases: &[Played], lived: &[player::Played]) {
        if !self.json && !cases.is_empty() {
            say(show::table(cases));
            say("");
        }
        show::differences(cases);
        if !self.json && !cases.is_empty() {
            say(show::summary(cases));
        }
        if !self.json && !lived.is_empty() {
            say("");
            say(stories::table(lived));
            say("");
        }
        stories::differences(lived);
        if !self.json && !lived.is_empty() {
            say(stories::summary(lived));
        }
    }
}

const EXAMPLES: &str = "\
Exit 1 if a case does not do what its case.json says, or a step of a story not what the story says. Stories have adapters of
their own and end with them. Nothing is written twice: play it again against the same record,
and every plan is recognised.

Examples:
  neuvola-adapter demo
  neuvola-adapter demo --keep              then open the record's URL in a browser
  neuvola-adapter demo --record http://127.0.0.1:8090/fhir
  neuvola-adapter demo --json --only four-months";
