//! The command line. Each command is one file; all of them end in an exit code of the table in [`crate::refusal`].

mod data;
mod demo;
mod input;
mod preview;
mod process;
mod profiles;
mod replay;
mod rules;
mod serve;
mod tasks;
mod validate;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use tracing::level_filters::LevelFilter;

use crate::telemetry::Logging;

/// Forms of Finnish maternity and child health clinics (neuvola) to FHIR care plans in the patient record.
///
/// A family's form becomes QuestionnaireResponses, proven valid; rules that are data propose a segment, alerts and
/// services, each with its reasons; what professional and client decided becomes a CarePlan in the patient record.
#[derive(Debug, Parser)]
#[command(name = "neuvola-adapter", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: Logging,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play every fixture case through HTTP and show what became of it
    Demo(demo::Demo),
    /// Show what the rules say, with every reason; nothing is written
    Preview(preview::Preview),
    /// Write a decided submission to the patient record
    Process(process::Process),
    /// Make plans again from what the record holds, and say whether they are the same
    Replay(replay::Replay),
    /// Check QuestionnaireResponses against their Questionnaires
    Validate(validate::Validate),
    /// Check the knowledge: forms, rules, services, texts
    Profiles(profiles::Profiles),
    /// Look after the rules: read, check and test them, and see what a change will do before it touches a family
    Rules(rules::Rules),
    /// Serve over HTTP, on loopback
    Serve(Box<serve::Serve>),
    /// Look after the store of callback requests; nothing about a client is shown
    Tasks(tasks::Tasks),
}

/// Knowledge besides what is shipped.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct Knowledge {
    /// A folder (or file) of FHIR, in JSON or XML: Questionnaires, PlanDefinitions … Of two with one canonical and version, the given one counts
    #[arg(long = "profiles", env = "NEUVOLA_PROFILES", value_name = "DIR", value_delimiter = ':')]
    folders: Vec<PathBuf>,
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let usual = if matches!(arguments.command, Command::Serve(_)) { LevelFilter::INFO } else { LevelFilter::WARN };
    arguments.logging.start(usual);
    let result = match arguments.command {
        Command::Demo(command) => command.run(),
        Command::Preview(command) => command.run(),
        Command::Process(command) => command.run(),
        Command::Replay(command) => command.run(),
        Command::Validate(command) => command.run(),
        Command::Profiles(command) => command.run(),
        Command::Rules(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Tasks(command) => command.run(),
    };
    result.unwrap_or_else(|error| {
        complain(format_args!("neuvola-adapter: {error:#}"));
        ExitCode::from(error.downcast_ref::<Mistake>().map_or(INTERNAL, |mistake| mistake.exit))
    })
}

/// Something wrong around a command that is no bug of ours, with its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Mistake {
    what: String,
    exit: u8,
}

impl Mistake {
    pub(crate) fn ending(exit: u8, what: impl std::fmt::Display) -> anyhow::Error {
        Self { what: what.to_string(), exit }.into()
    }
}

/// The runtime of the commands that speak to a record system. Threads get 8 MiB: fhirbolt recurses deep in dev builds.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(8 * 1024 * 1024).build()
}

#[allow(clippy::print_stdout, reason = "the command line's one way out")]
pub(crate) fn say(line: impl std::fmt::Display) {
    use std::io::Write as _;
    // a reader that goes away (`| head`) is no error of ours
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line that is printed already.
pub(crate) fn say_bytes(line: &[u8]) {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(line).and_then(|()| out.write_all(b"\n"));
}

#[allow(clippy::print_stderr, reason = "the command line's one way to complain")]
pub(crate) fn complain(line: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}

pub(crate) const USAGE: u8 = 64;
pub(crate) const BAD_DATA: u8 = 65;
pub(crate) const NO_INPUT: u8 = 66;
pub(crate) const INTERNAL: u8 = 70;
pub(crate) const TRY_LATER: u8 = 75;
pub(crate) const CONFIGURATION: u8 = 78;

const EXAMPLES: &str = "\
Examples:
  neuvola-adapter preview --form four-months fixtures/cases/four-months-self-managing/form.json
  neuvola-adapter preview --profiles my-rules/ --explain response.json
  neuvola-adapter process --form four-months --dry-run form.json
  neuvola-adapter replay plan.json responses.json
  neuvola-adapter validate response.json
  neuvola-adapter profiles check
  neuvola-adapter rules show four-months --language sv
  neuvola-adapter serve --sandbox --listen 127.0.0.1:8080
  neuvola-adapter tasks list --config adapter.toml

Exit codes: 0 done, 64 wrong usage, 65 bad data, 66 a file cannot be read, 70 our bug,
75 try again later, 76 the record system refused, 78 defective knowledge or configuration.";
