//! `profiles check`: every defect of the knowledge, with file and element.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{CONFIGURATION, Mistake, NO_INPUT, complain, say};
use crate::profiles::{Defect, Profiles as Store};

/// Check the knowledge: forms, rules, services, texts
#[derive(Debug, Args)]
pub(crate) struct Profiles {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Cross-check every canonical, linkId, code, translation and expression
    Check {
        /// Folders or files to check instead of what is shipped
        paths: Vec<PathBuf>,
    },
}

impl Profiles {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Command::Check { paths } = self.command;
        let files = if paths.is_empty() {
            Store::shipped_files()
        } else {
            let mut files = Vec::new();
            for path in &paths {
                files
                    .extend(Store::files_of(path).map_err(|error| Mistake::ending(NO_INPUT, format_args!("{}: {error}", path.display())))?);
            }
            files
        };
        let count = files.len();
        match Store::load(files) {
            Ok(profiles) => {
                let rule_sets: Vec<_> = profiles.rule_sets().iter().map(|rule_set| rule_set.canonical()).collect();
                say(format_args!(
                    "{count} files, {} Questionnaires, {} services: no defect",
                    profiles.questionnaires().len(),
                    profiles.services().len()
                ));
                rule_sets.iter().for_each(|canonical| say(format_args!("  rule set {canonical}")));
                Ok(ExitCode::SUCCESS)
            }
            Err(defects) => {
                defects.iter().for_each(|defect| say(line(defect)));
                complain(format_args!("defects: {}", defects.len()));
                Ok(ExitCode::from(CONFIGURATION))
            }
        }
    }
}

fn line(defect: &Defect) -> String {
    let position = defect.issue.position.map(|it| format!(":{}:{}", it.line, it.column)).unwrap_or_default();
    format!("{}{position}: {}: {}", defect.file, defect.issue.place, defect.issue.message)
}
