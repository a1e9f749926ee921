//! Fixtures for integration testers: complete submissions with what must become of them, and the patients they speak of.
//!
//! They lie in `fixtures/` and travel in the binary; `fixtures/README.md` tells their format. A case states the segment and
//! the reasons, not only that something was written. [`Expectation::differences`] compares it with what really came.

mod compare;
mod expectation;
pub mod stories;

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};
use serde::Deserialize;
use serde_json::Value;

pub use compare::{Actual, Answer, Record};
pub use expectation::{Expectation, ExpectedIssue, ExpectedPreview, ExpectedRefusal, ExpectedWrite, Stated};

/// One folder of `fixtures/cases`.
#[derive(Debug, Clone)]
pub struct Case {
    /// The folder's name.
    pub name: String,
    /// What the case shows, in a sentence or three.
    pub purpose: String,
    /// The form in the URL or after `--form`: `four-months`.
    pub form: String,
    /// Resources with ids of their own that the record must hold before, each to be put there once.
    pub record: Vec<&'static [u8]>,
    /// Submissions to be written first, in this order; each must be accepted.
    pub before: Vec<&'static [u8]>,
    /// `form.json`, byte for byte.
    pub submission: &'static [u8],
    pub expect: Expectation,
}

/// One file of `fixtures/patients`: a synthetic Patient that the cases need in the record.
#[derive(Debug, Clone)]
pub struct Patient {
    /// `Patient-{name}.json`; also the value of the identifier that tells it from all others ([`PATIENT_SYSTEM`]).
    pub name: String,
    /// The resource as FHIR JSON.
    pub body: &'static [u8],
}

/// A fixture that cannot be read: a mistake in `fixtures/`, for whoever writes them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {message}")]
pub struct Defect {
    pub file: String,
    pub message: String,
}

/// System of the identifier that each fixture patient has for itself. Identity codes do not tell them apart: one pair
/// shares a code on purpose. A conditional create asks for this one.
pub const PATIENT_SYSTEM: &str = "https://neuvola-adapter.example/fhir/sid/fixture";

/// All cases, by name.
///
/// # Errors
/// Every defect of every case.
pub fn cases() -> Result<Vec<Case>, Vec<Defect>> {
    let mut cases = Vec::new();
    let mut defects = Vec::new();
    for folder in FIXTURES.get_dir("cases").into_iter().flat_map(Dir::dirs) {
        match read_case(folder) {
            Ok(case) => cases.push(case),
            Err(defect) => defects.push(defect),
        }
    }
    cases.sort_by(|one: &Case, other| one.name.cmp(&other.name));
    if defects.is_empty() { Ok(cases) } else { Err(defects) }
}

/// All patients, by name.
pub fn patients() -> Vec<Patient> {
    let files = FIXTURES.get_dir("patients").into_iter().flat_map(Dir::files);
    let mut patients: Vec<Patient> = files
        .filter_map(|file| {
            let name = file.path().file_name()?.to_str()?.strip_prefix("Patient-")?.strip_suffix(".json")?;
            Some(Patient { name: name.to_owned(), body: file.contents() })
        })
        .collect();
    patients.sort_by(|one, other| one.name.cmp(&other.name));
    patients
}

/// `case.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseFile {
    purpose: String,
    form: String,
    #[serde(default)]
    record: Vec<String>,
    #[serde(default)]
    before: Vec<String>,
    expect: Expectation,
}

fn read_case(folder: &'static Dir<'static>) -> Result<Case, Defect> {
    let mut files: BTreeMap<String, &'static [u8]> = BTreeMap::new();
    collect(folder, folder, &mut files);
    case(folder.path(), &files).map_err(|defect| Defect { file: format!("fixtures/{}", defect.file), ..defect })
}

/// The case that these files are, by their path within `folder`.
///
/// # Errors
/// What is wrong with it.
pub fn case(folder: &Path, files: &BTreeMap<String, &'static [u8]>) -> Result<Case, Defect> {
    let defect = |file: &str, message: String| Defect { file: format!("{}/{file}", folder.display()), message };
    let mut wanted = vec!["case.json".to_owned(), SUBMISSION.to_owned()];
    let file = |name: &str| files.get(name).copied().ok_or_else(|| defect(name, "the file is missing".to_owned()));

    let read: CaseFile = serde_json::from_slice(file("case.json")?).map_err(|error| defect("case.json", error.to_string()))?;
    let CaseFile { purpose, form, record, before, mut expect } = read;
    let submission = file(SUBMISSION)?;
    let sent_before = before.iter().map(|name| file(name)).collect::<Result<_, _>>()?;
    let held = record.iter().map(|name| file(name)).collect::<Result<_, _>>()?;
    wanted.extend(before.into_iter().chain(record));
    for (person, write) in expect.written.iter_mut().flatten() {
        for kind in &write.kinds {
            let name = format!("expected/{person}.{kind}.json");
            if let Some(bytes) = files.get(&name) {
                let resource: Value = serde_json::from_slice(bytes).map_err(|error| defect(&name, error.to_string()))?;
                write.resources.insert(kind.clone(), resource);
                wanted.push(name);
            }
        }
    }
    expect.check().map_err(|message| defect("case.json", message))?;
    if let Some(stray) = files.keys().find(|name| !wanted.contains(name)) {
        return Err(defect(stray, "nothing reads this file".to_owned()));
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Case { name, purpose, form, record: held, before: sent_before, submission, expect })
}

/// All files below `folder`, by their path within `root`.
fn collect(root: &Dir<'static>, folder: &'static Dir<'static>, files: &mut BTreeMap<String, &'static [u8]>) {
    for file in folder.files() {
        let path = file.path().strip_prefix(root.path()).unwrap_or(file.path());
        files.insert(path.display().to_string(), file.contents());
    }
    folder.dirs().for_each(|below| collect(root, below, files));
}

const SUBMISSION: &str = "form.json";
static FIXTURES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fixtures");
