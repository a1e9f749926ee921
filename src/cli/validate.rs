//! `validate`: QuestionnaireResponses against their Questionnaires, one OperationOutcome a file.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::{BAD_DATA, CONFIGURATION, Mistake, NO_INPUT, USAGE, complain, input, say};
use crate::issue::Issue;
use crate::outcome;
use crate::profiles::{Library, Profile, Profiles, is_valid};

/// Check QuestionnaireResponses against their Questionnaires, and Questionnaires themselves
///
/// One OperationOutcome a file, as JSON lines. A response is checked against the Questionnaire that it names: one given,
/// shipped, or contained in it. A Questionnaire among the files is itself checked. A file that cannot be read does not stop
/// those after it; 65 is the exit when any file is not valid, else 66 when any could not be read.
#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// Print each file's name before its outcome
    #[arg(long)]
    named: bool,
    /// A Questionnaire that responses may answer; alone, without files, it is checked itself. May be given several times
    #[arg(long = "questionnaire", value_name = "FILE")]
    questionnaires: Vec<PathBuf>,
    /// A folder (or file) of Questionnaires, ValueSets and CodeSystems, in JSON or XML, besides what is shipped
    #[arg(long = "profiles", env = "NEUVOLA_PROFILES", value_name = "DIR", value_delimiter = ':')]
    folders: Vec<PathBuf>,
    /// The files, in JSON or XML; `-` is standard input
    files: Vec<PathBuf>,
}

impl Validate {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        if self.files.is_empty() && self.questionnaires.is_empty() {
            return Err(Mistake::ending(USAGE, "name the files to check"));
        }
        let shipped = match Profiles::with_folders(&[]) {
            Ok(profiles) => profiles,
            Err(defects) => {
                defects.iter().for_each(|defect| complain(format_args!("{}: {}", defect.file, defect.issue.message)));
                return Ok(ExitCode::from(CONFIGURATION));
            }
        };
        let library = self.library(shipped.library())?;
        let files = if self.files.is_empty() { &self.questionnaires } else { &self.files };
        let (mut all_valid, mut all_read) = (true, true);
        for file in files {
            let issues = match input::read(file) {
                Ok(content) => {
                    let issues = library.check(&content, Profile::Core);
                    all_valid &= is_valid(&issues);
                    issues
                }
                Err(mistake) => {
                    all_read = false;
                    complain(format_args!("neuvola-adapter: {mistake:#}"));
                    let issue = Issue::error("exception", "unreadable", "", "the file cannot be read");
                    vec![issue.remedy("name a file that is there and may be read")]
                }
            };
            let outcome = outcome::print(&issues);
            let outcome = String::from_utf8_lossy(&outcome);
            if self.named { say(format_args!("{} {outcome}", file.display())) } else { say(outcome) }
        }
        Ok(match (all_valid, all_read) {
            (true, true) => ExitCode::SUCCESS,
            (true, false) => ExitCode::from(NO_INPUT),
            (false, _) => ExitCode::from(BAD_DATA),
        })
    }

    /// Codes first, then what names them.
    fn library(&self, shipped: &Library) -> anyhow::Result<Library> {
        let mut library = shipped.clone();
        let mut files = Vec::new();
        for folder in &self.folders {
            files.extend(Profiles::files_of(folder).map_err(|error| cannot_read(folder, &error))?);
        }
        for file in &files {
            let is_readable = with_node(Path::new(&file.name), &file.content, |node| {
                library.learn(node);
                Vec::new()
            });
            if !is_readable {
                return Err(Mistake::ending(BAD_DATA, format_args!("{} cannot be read as FHIR", file.name)));
            }
        }
        for file in &files {
            with_node(Path::new(&file.name), &file.content, |node| match node.text("resourceType") {
                Some("Questionnaire") => library.add(node),
                _ => Vec::new(),
            });
        }
        let is_only = self.questionnaires.len() == 1;
        for path in &self.questionnaires {
            let content = input::read(path)?;
            let mut is_one = false;
            with_node(path, &content, |node| {
                is_one = node.text("resourceType") == Some("Questionnaire");
                match (is_one, is_only) {
                    (false, _) => Vec::new(),
                    (true, true) => library.add_meant(node),
                    (true, false) => library.add(node),
                }
            });
            if !is_one && !self.files.is_empty() {
                return Err(Mistake::ending(BAD_DATA, format_args!("{} is no readable Questionnaire", path.display())));
            }
        }
        Ok(library)
    }
}

/// What is wrong with the knowledge is told on the side: it does not make a response invalid.
/// Whether it could be read.
fn with_node(path: &Path, content: &[u8], work: impl FnOnce(&neuvola_fhir::Node<'_>) -> Vec<Issue>) -> bool {
    let json = neuvola_fhir::to_json_document(content, neuvola_fhir::Limits::default());
    let (is_readable, issues) = match json.as_deref().map_err(Clone::clone).and_then(neuvola_fhir::read) {
        Ok(node) => (true, work(&node)),
        Err(faults) => (false, faults.into_iter().map(Issue::from).collect()),
    };
    let more = issues.len().saturating_sub(MOST_TOLD);
    for issue in issues.into_iter().take(MOST_TOLD) {
        let place = if issue.place.is_empty() { String::new() } else { format!("{}: ", issue.place) };
        let position = issue.position.map(|it| format!(":{}:{}", it.line, it.column)).unwrap_or_default();
        complain(format_args!("{}{position}: {place}{}", path.display(), issue.message));
    }
    if more > 0 {
        complain(format_args!("{}: {more} more like these", path.display()));
    }
    is_readable
}

/// Lines about one file of knowledge.
const MOST_TOLD: usize = 100;

fn cannot_read(path: &Path, error: &std::io::Error) -> anyhow::Error {
    Mistake::ending(NO_INPUT, format_args!("{}: {error}", path.display()))
}
