//! `preview`: what the rules say, of a family's submission or of single responses. Nothing is written.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{BAD_DATA, CONFIGURATION, Knowledge, Mistake, USAGE, complain, input, say, say_bytes};
use crate::clock;
use crate::outcome;
use crate::pipeline::{Context, Prepared, Until, prepare, propose};
use crate::refusal::Refusal;
use crate::report;

/// Show what the rules say, with every reason; nothing is written
///
/// With `--form`: of a submission, all of its persons. Without: of QuestionnaireResponses (JSON or XML), one JSON object a
/// response and line. Any PlanDefinition among the profiles will do: its rules are FHIRPath conditions over the response.
#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// The form of a submission: pregnancy, four-months, eighteen-months or four-years
    #[arg(long, conflicts_with_all = ["plan", "professional"])]
    form: Option<String>,
    /// The PlanDefinition whose rules are asked, where several are about the response's Questionnaire
    #[arg(long, value_name = "CANONICAL")]
    plan: Option<String>,
    /// The professional's response about the same person
    #[arg(long, value_name = "FILE")]
    professional: Option<PathBuf>,
    /// As readable text instead of JSON
    #[arg(long)]
    explain: bool,
    /// As FHIR: a GuidanceResponse a response; of a submission a Bundle, with draft plans and the view of the family
    #[arg(long, conflicts_with = "explain")]
    fhir: bool,
    /// Of texts: fi, sv or en. Left out: Finnish; of a submission the language that the client reads
    #[arg(long, value_parser = ["fi", "sv", "en"])]
    language: Option<String>,
    #[command(flatten)]
    knowledge: Knowledge,
    /// The submission, or the responses; `-` is standard input
    #[arg(default_value = "-")]
    files: Vec<PathBuf>,
}

impl Preview {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(profiles) = self.knowledge.load_for(self.plan.as_deref()) else { return Ok(ExitCode::from(CONFIGURATION)) };
        let Some(form) = &self.form else {
            let language = self.language.as_deref().unwrap_or("fi");
            let professional = self.professional.as_deref().map(input::read).transpose()?;
            let mut all_well = true;
            for file in &self.files {
                let content = input::read(file)?;
                match propose(&content, professional.as_deref(), self.plan.as_deref(), &profiles) {
                    Ok(proposal) if self.explain => say(report::explain(&proposal, &profiles, language)),
                    Ok(proposal) if self.fhir => {
                        let printed = report::guidance_of(&proposal, &profiles, language);
                        say(String::from_utf8_lossy(&printed.ok_or_else(|| anyhow::anyhow!("the guidance is no R4"))?));
                    }
                    Ok(proposal) => {
                        let printed = report::proposal(&proposal, &name(file), language);
                        say_bytes(&printed);
                    }
                    Err(refusal) => {
                        all_well = false;
                        refuse(&refusal);
                    }
                }
            }
            return Ok(if all_well { ExitCode::SUCCESS } else { ExitCode::from(BAD_DATA) });
        };
        let [file] = self.files.as_slice() else { return Err(Mistake::ending(USAGE, "with --form, one submission at a time")) };
        let body = input::read(file)?;
        let context = Context { profiles: &profiles, caller: "", now: clock::now() };
        match prepare(&body, form, Until::Preview, context) {
            Ok(Prepared::Preview(preview)) => {
                if self.fhir {
                    let printed = report::guidance_of_form(&preview, &profiles).ok_or_else(|| anyhow::anyhow!("the guidance is no R4"))?;
                    say(String::from_utf8_lossy(&printed));
                } else if self.explain {
                    let explained = report::explain_form(&preview, &profiles, self.language.as_deref());
                    say(explained.ok_or_else(|| anyhow::anyhow!("the rules are not there"))?);
                } else {
                    say(format_args!("{:#}", report::preview(&preview)));
                }
                Ok(ExitCode::SUCCESS)
            }
            Ok(Prepared::Plans(_)) => Ok(refuse(&Refusal::Bug)),
            Err(refusal) => Ok(refuse(&refusal)),
        }
    }
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

/// The OperationOutcome on standard output, the exit code of the table.
pub(super) fn refuse(refusal: &Refusal) -> ExitCode {
    say(String::from_utf8_lossy(&outcome::print(&refusal.issues())));
    complain(format_args!("{refusal}"));
    ExitCode::from(refusal.exit_code())
}
