//! `replay`, the real binary, over what records hold.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::binary::neuvola_adapter;

/// What it printed and how it ended.
#[derive(Debug)]
pub struct Replayed {
    pub exit: i32,
    /// One a plan.
    pub lines: Vec<Value>,
    pub stderr: String,
}

/// Over these resources, as one Bundle.
pub fn replay(arguments: &[&str], resources: &[Value]) -> Replayed {
    let entries: Vec<Value> = resources.iter().map(|resource| json!({ "resource": resource })).collect();
    replay_text(arguments, &json!({ "resourceType": "Bundle", "type": "collection", "entry": entries }).to_string())
}

/// Over a document.
pub fn replay_text(arguments: &[&str], document: &str) -> Replayed {
    let file = Scratch(std::env::temp_dir().join(format!("neuvola-replay-{}.json", Uuid::new_v4())));
    fs::write(&file.0, document).unwrap();
    let output = neuvola_adapter(&[&["replay"], arguments, &[file.0.to_str().unwrap()]].concat()).output().unwrap();
    let lines = std::str::from_utf8(&output.stdout).unwrap().lines();
    Replayed {
        exit: output.status.code().unwrap(),
        lines: lines.map(|line| serde_json::from_str(line).unwrap()).collect(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// All are the same, and nothing was added to them.
pub fn all_the_same(resources: &[Value]) {
    let replayed = replay(&[], resources);
    let is_ours = |resource: &&Value| resource["meta"]["profile"].to_string().contains("StructureDefinition/neuvola-care-plan");
    let plans = resources.iter().filter(is_ours).count();
    assert!(plans > 0);
    assert_eq!(replayed.lines.len(), plans, "{}", replayed.stderr);
    for line in &replayed.lines {
        assert_eq!((&line["same"], &line["differences"], &line["since"]), (&json!(true), &json!([]), &json!([])), "{line}");
    }
    assert_eq!(replayed.exit, 0, "{}", replayed.stderr);
}

struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}
