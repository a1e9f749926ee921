//! `process`: a decided submission in, a receipt out.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::preview::refuse;
use super::{CONFIGURATION, Knowledge, Mistake, USAGE, complain, input, runtime, say};
use crate::clock;
use crate::net::{BaseUrl, Client, ClientSettings, PlainHttp};
use crate::pipeline::{Context, Prepared, Until, prepare, submit};
use crate::profiles::{Defect, Profiles};
use crate::record::{DryRun, FhirApi, PatientRecord, Retry};
use crate::refusal::Refusal;
use crate::report;

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
            Ok(Prepared::Preview(_)) => return Ok(refuse(&Refusal::Bug)),
            Err(refusal) => return Ok(refuse(&refusal)),
        };
        match runtime()?.block_on(submit(&plans, record.as_ref())) {
            Ok(receipt) => {
                if self.dry_run {
                    complain("dry run: nothing was written, and the references are made up");
                }
                say(format_args!("{:#}", report::receipt(&receipt)));
                Ok(ExitCode::SUCCESS)
            }
            Err(refusal) => Ok(refuse(&refusal)),
        }
    }
}

impl Knowledge {
    /// Shipped and given knowledge; its defects are told, and `None` is given.
    pub(crate) fn load(&self) -> Option<Profiles> {
        self.load_for(None)
    }

    /// For one plan: what is odd about others is not told.
    pub(crate) fn load_for(&self, plan: Option<&str>) -> Option<Profiles> {
        match Profiles::with_folders(&self.folders) {
            Ok(profiles) => {
                let all = profiles.warnings().iter();
                let warnings: Vec<_> = plan.map_or_else(|| all.collect(), |plan| profiles.warnings_for(plan).collect());
                for Defect { file, issue } in warnings.iter().take(MOST_TOLD) {
                    complain(format_args!("warning: {file}: {}: {}", issue.place, issue.message));
                }
                if warnings.len() > MOST_TOLD {
                    complain(format_args!("warnings: {} in all; `rules check` tells them", warnings.len()));
                }
                Some(profiles)
            }
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

/// Warnings that are told at the start.
const MOST_TOLD: usize = 100;

/// A record system behind a base URL.
pub(crate) fn connect(base: &str) -> anyhow::Result<Arc<dyn PatientRecord>> {
    let base = BaseUrl::parse(base, PlainHttp::LoopbackOnly).map_err(|fault| Mistake::ending(USAGE, format_args!("--record: {fault}")))?;
    let client = Client::new(&ClientSettings::default()).map_err(|fault| anyhow::anyhow!("{fault}"))?;
    Ok(Arc::new(FhirApi::new(base, client, Retry::default())))
}
