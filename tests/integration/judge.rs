//! HL7's own validator (`tests/judge`), called: files in, a verdict for each.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

/// What the validator says of a file.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    pub file: String,
    pub errors: usize,
    pub issues: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub severity: String,
    pub expression: Option<String>,
    pub message_id: Option<String>,
    pub message: String,
}

/// A warning that is right to leave: the validator's name for it, a part of its words, and why.
pub type Known = (&'static str, &'static str, &'static str);

impl Finding {
    pub fn is(&self, (id, words, _): &Known) -> bool {
        self.severity == "warning" && self.message_id.as_deref() == Some(id) && self.message.contains(words)
    }
}

/// One start of it, for all that lies in these folders.
pub fn judge(folders: &[&Path]) -> Vec<Verdict> {
    judge_and_define(&[], folders).1
}

/// With more definitions.
pub fn judge_with(definitions: &Path, folders: &[&Path]) -> Vec<Verdict> {
    let mut judge = Command::new(root().join("tests/judge/run"));
    judge.arg("--profiles").arg(definitions);
    called(judge, &[], folders).1
}

/// With R4's own StructureDefinitions of these types.
pub fn judge_and_define(types: &[&str], folders: &[&Path]) -> (Vec<Value>, Vec<Verdict>) {
    called(Command::new(root().join("tests/judge/run")), types, folders)
}

fn called(mut judge: Command, types: &[&str], folders: &[&Path]) -> (Vec<Value>, Vec<Verdict>) {
    for of in types {
        judge.args(["--definition", of]);
    }
    let output = judge.arg("--exit-zero").args(folders).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut lines = lines.lines();
    let definitions = lines.by_ref().take(types.len()).map(|line| serde_json::from_str(line).unwrap()).collect();
    (definitions, lines.map(|line| serde_json::from_str(line).unwrap()).collect())
}

pub fn write(folder: &Path, files: impl IntoIterator<Item = (String, Value)>) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, resource) in files {
        std::fs::write(folder.join(name), format!("{resource:#}")).unwrap();
    }
}

pub fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// Told on standard output, past the harness, which keeps what passing tests print to itself.
pub fn left_out(what: &str) -> bool {
    let quick = std::env::var("NEUVOLA_TESTS").is_ok_and(|tests| tests == "quick");
    if quick {
        let _ = writeln!(std::io::stdout(), "NEUVOLA_TESTS=quick: {what} LEFT OUT");
    }
    quick
}
