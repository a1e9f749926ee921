//! `validate`: QuestionnaireResponses against their Questionnaires, one OperationOutcome a file.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{BAD_DATA, CONFIGURATION, Knowledge, input, say};
use crate::form::check::check;
use crate::issue::Severity;
use crate::outcome;

/// Check QuestionnaireResponses against their Questionnaires
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Print each file's name before its outcome
    #[arg(long)]
    named: bool,
    /// The responses, in JSON or XML; `-` is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    knowledge: Knowledge,
}

impl Validate {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(profiles) = self.knowledge.load() else { return Ok(ExitCode::from(CONFIGURATION)) };
        let mut all_valid = true;
        for file in &self.files {
            let content = input::read(file)?;
            let issues = check(&content, &profiles);
            all_valid &= issues.iter().all(|issue| issue.severity != Severity::Error);
            let outcome = outcome::print(&issues);
            let outcome = String::from_utf8_lossy(&outcome);
            if self.named { say(format_args!("{} {outcome}", file.display())) } else { say(outcome) }
        }
        Ok(if all_valid { ExitCode::SUCCESS } else { ExitCode::from(BAD_DATA) })
    }
}
