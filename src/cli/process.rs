//! `preview` and `process`: a submission in, JSON out.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::{CONFIGURATION, Knowledge, Mistake, USAGE, complain, input, runtime, say};
use crate::clock;
use crate::net::{BaseUrl, Client, ClientSettings, PlainHttp};
use crate::outcome;
use crate::pipeline::{Context, Prepared, Until, prepare, submit};
use crate::profiles::Profiles;
use crate::record::{DryRun, FhirApi, PatientRecord, Retry};
use crate::refusal::Refusal;
use crate::report;

/// Show what the rules say of a submission, with every reason; nothing is written
#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// The form: pregnancy, four-months, eighteen-months or four-years
    #[arg(long)]
    form: String,
    /// The submission; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    #[command(flatten)]
    knowledge: Knowledge,
}

/// Write a decided submission to the patient record
#[derive(Debug, Args)]
pub(crate) struct Process {
    /// The form: pregnancy, four-months, eighteen-months or four-years
    #[arg(long)]
    form: String,
    /// The submission; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Base URL of the patient record's FHIR R4 API
    #[arg(long, value_name = "URL", required_unless_present = "dry_run", conflicts_with = "dry_run")]
    record: Option<String>,
    /// Go the whole way but write nowhere
    #[arg(long)]
    dry_run: bool,
    /// Whose submission ids these are: part of every identifier that is given
    #[arg(long, env = "NEUVOLA_CALLER", default_value = "loopback")]
    caller: String,
    #[command(flatten)]
    knowledge: Knowledge,
}

impl Preview {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(profiles) = self.knowledge.load() else { return Ok(ExitCode::from(CONFIGURATION)) };
        let body = input::read(&self.file)?;
        let context = Context { profiles: &profiles, caller: "", now: clock::now() };
        match prepare(&body, &self.form, Until::Preview, context) {
            Ok(Prepared::Preview(preview)) => {
                say(format_args!("{:#}", report::preview(&preview)));
                Ok(ExitCode::SUCCESS)
            }
            Ok(Prepared::Plans(_)) => Ok(refused(&Refusal::Bug)),
            Err(refusal) => Ok(refused(&refusal)),
        }
    }
}

impl Process {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(profiles) = self.knowledge.load() else { return Ok(ExitCode::from(CONFIGURATION)) };
        let record: Arc<dyn PatientRecord> = match &self.record {
            Some(base) => connect(base)?,
            None => Arc::new(DryRun),
        };
        let body = input::read(&self.file)?;
        let context = Context { profiles: &profiles, caller: &self.caller, now: clock::now() };
        let plans = match prepare(&body, &self.form, Until::Plans, context) {
            Ok(Prepared::Plans(plans)) => plans,
            Ok(Prepared::Preview(_)) => return Ok(refused(&Refusal::Bug)),
            Err(refusal) => return Ok(refused(&refusal)),
        };
        match runtime()?.block_on(submit(&plans, record.as_ref())) {
            Ok(receipt) => {
                if self.dry_run {
                    complain("dry run: nothing was written, and the references are made up");
                }
                say(format_args!("{:#}", report::receipt(&receipt)));
                Ok(ExitCode::SUCCESS)
            }
            Err(refusal) => Ok(refused(&refusal)),
        }
    }
}

impl Knowledge {
    /// Shipped and given knowledge; its defects are told, and `None` is given.
    pub(crate) fn load(&self) -> Option<Profiles> {
        match Profiles::with_folders(&self.folders) {
            Ok(profiles) => Some(profiles),
            Err(defects) => {
                for defect in &defects {
                    complain(format_args!("{}: {}: {}", defect.file, defect.issue.place, defect.issue.message));
                }
                complain(format_args!("defects in the knowledge: {}", defects.len()));
                None
            }
        }
    }
}

/// A record system behind a base URL.
pub(crate) fn connect(base: &str) -> anyhow::Result<Arc<dyn PatientRecord>> {
    let base = BaseUrl::parse(base, PlainHttp::LoopbackOnly).map_err(|fault| Mistake::ending(USAGE, format_args!("--record: {fault}")))?;
    let client = Client::new(&ClientSettings::default()).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    Ok(Arc::new(FhirApi::new(base, client, Retry::default())))
}

/// The OperationOutcome on standard output, the exit code of the table.
fn refused(refusal: &Refusal) -> ExitCode {
    say(String::from_utf8_lossy(&outcome::print(&refusal.issues())));
    complain(format_args!("{refusal}"));
    ExitCode::from(refusal.exit_code())
}
