//! Cases from the disk: folders like those of `fixtures/cases`, and QuestionnaireResponses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::cli::{BAD_DATA, Mistake, NO_INPUT, input};
use crate::fixtures::{self, Case};

/// What lies in a folder of cases.
#[derive(Debug, Default)]
pub(super) struct Cases {
    pub(super) golden: Vec<Case>,
    /// Other FHIR files, by name, in JSON or XML.
    pub(super) documents: Vec<(String, Vec<u8>)>,
}

impl Cases {
    /// Those that the binary carries.
    pub(super) fn shipped() -> anyhow::Result<Self> {
        let golden = fixtures::cases().map_err(|defects| {
            let told: Vec<String> = defects.iter().map(ToString::to_string).collect();
            Mistake::ending(BAD_DATA, told.join("\n"))
        })?;
        Ok(Self { golden, documents: Vec::new() })
    }

    /// Whatever lies in folders, or files, in the order of their names.
    pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut cases = Self::default();
        paths.iter().try_for_each(|path| cases.look_into(path))?;
        Ok(cases)
    }

    fn look_into(&mut self, path: &Path) -> anyhow::Result<()> {
        if !path.is_dir() {
            self.documents.push((path.display().to_string(), input::read(path)?));
            return Ok(());
        }
        if path.join("case.json").is_file() {
            let mut files = BTreeMap::new();
            collect(path, path, &mut files)?;
            let case = fixtures::case(path, &files).map_err(|defect| Mistake::ending(BAD_DATA, defect))?;
            self.golden.push(case);
            return Ok(());
        }
        for entry in entries(path)? {
            let is_fhir = entry.extension().is_some_and(|extension| extension == "json" || extension == "xml");
            if entry.is_dir() || is_fhir {
                self.look_into(&entry)?;
            }
        }
        Ok(())
    }
}

/// All files below `folder`, by their path within `root`.
fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, &'static [u8]>) -> anyhow::Result<()> {
    for entry in entries(folder)? {
        if entry.is_dir() {
            collect(root, &entry, files)?;
        } else {
            let name = entry.strip_prefix(root).unwrap_or(&entry).display().to_string();
            // a case is kept as long as the process: those in the binary are
            files.insert(name, Box::leak(input::read(&entry)?.into_boxed_slice()));
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let unreadable = |error: std::io::Error| Mistake::ending(NO_INPUT, format_args!("{} cannot be read: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut entries = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    entries.sort();
    Ok(entries)
}
