//! The fuzz target's work (`tests/fuzz`) on stable Rust: seeds from the fixtures and the shipped Questionnaires, changed byte
//! by byte and piece by piece, the same in every run.

#[path = "../fuzz/work.rs"]
mod work;

use std::fs;
use std::path::{Path, PathBuf};

use work::work;

#[test]
fn no_changed_document_makes_reading_compiling_or_validating_panic() {
    let seeds = seeds();
    assert!(seeds.len() > 20, "the seeds are not where they were");
    let rounds: usize = std::env::var("FUZZ_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(3);
    let mut dice = Dice(20_261_116);
    for round in 0..rounds {
        for seed in &seeds {
            let mut document = seed.clone();
            for _ in 0..=dice.below(3) {
                let other = &seeds[dice.below(seeds.len())];
                change(&mut document, other, round, &mut dice);
            }
            work(&document);
        }
    }
}

#[test]
fn what_once_was_found_is_still_survived() {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/found");
    files(&found, &|_| true).iter().for_each(|file| work(&fs::read(file).expect("readable")));
}

/// Small ones only: a change in a small document is more likely to matter.
fn seeds() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = files(&root.join("fixtures/cases"), &|name| name.ends_with("questionnaire-response.json"));
    found.extend(files(&root.join("profiles"), &|name| name.starts_with("Questionnaire-")));
    let mut seeds: Vec<Vec<u8>> = found.iter().map(|file| fs::read(file).expect("readable")).collect();
    seeds.extend(SMALL.iter().map(|text| text.as_bytes().to_vec()));
    seeds
}

fn files(folder: &Path, is_wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    let of = |path: PathBuf| {
        if path.is_dir() {
            return files(&path, is_wanted);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if is_wanted(&name) { vec![path] } else { Vec::new() }
    };
    paths.into_iter().flat_map(of).collect()
}

fn change(document: &mut Vec<u8>, other: &[u8], round: usize, dice: &mut Dice) {
    if document.is_empty() {
        return;
    }
    let at = dice.below(document.len());
    match (round + dice.below(8)) % 8 {
        0 => document[at] ^= 1 << dice.below(8),
        1 => document.truncate(at),
        2 => drop(document.drain(at..(at + dice.below(64)).min(document.len()))),
        3 => {
            let from = dice.below(other.len());
            let piece = &other[from..(from + dice.below(256)).min(other.len())];
            document.splice(at..at, piece.iter().copied());
        }
        // one value for another: the JSON stays whole
        4 | 5 => {
            let Some(colon) = document[at..].iter().position(|&byte| byte == b':').map(|ahead| at + ahead + 1) else { return };
            let end = document[colon..].iter().position(|byte| b",}]\n".contains(byte)).map_or(document.len(), |ahead| colon + ahead);
            let word = WORDS[dice.below(WORDS.len())];
            document.splice(colon..end, word.bytes());
        }
        6 => {
            let word = NAMES[dice.below(NAMES.len())];
            let Some(open) = document[at..].iter().position(|&byte| byte == b'{').map(|ahead| at + ahead + 1) else { return };
            document.splice(open..open, format!("\"{word}\":[{{}}],").bytes());
        }
        _ => {
            let piece = document[at..(at + dice.below(512)).min(document.len())].to_vec();
            document.splice(at..at, piece);
        }
    }
}

/// Knuth's MMIX generator.
struct Dice(u64);

impl Dice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % count.max(1)
    }
}

const SMALL: [&str; 4] = [
    r#"{"resourceType":"QuestionnaireResponse","status":"completed","item":[{"linkId":"a","answer":[{"valueDecimal":1e400}]}]}"#,
    r#"{"resourceType":"Questionnaire","item":[{"linkId":"a","type":"integer","item":[{"linkId":"b","type":"choice","enableWhen":[{"question":"a","operator":">","answerInteger":3}]}]}]}"#,
    r##"{"resourceType":"QuestionnaireResponse","questionnaire":"#q","contained":[{"resourceType":"Questionnaire","id":"q","item":[{"linkId":"a","type":"quantity","required":true}]}],"item":[{"linkId":"a","answer":[{"valueQuantity":{"value":1}}]}]}"##,
    r#"{"resourceType":"Questionnaire","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/variable","valueExpression":{"name":"x","expression":"%x + item.where(linkId = 'a')"}}],"item":[{"linkId":"a","type":"date","extension":[{"url":"http://hl7.org/fhir/StructureDefinition/regex","valueString":"(a+)+$"}]}]}"#,
];

const WORDS: [&str; 14] = [
    "null",
    "true",
    "-0",
    "1e400",
    "123456789012345678901234567890.5",
    "\"\"",
    "\"a\"",
    "\"2026-02-30\"",
    "\"2026-11-02T18:20:00Z\"",
    "\"\\ud83d\\ude00\"",
    "{}",
    "[]",
    "[{\"linkId\":\"a\"}]",
    "{\"value\":-1e-30,\"code\":\"kg\"}",
];

const NAMES: [&str; 8] = ["item", "answer", "extension", "enableWhen", "contained", "answerOption", "_linkId", "valueCoding"];
