//! The walls of the house (design, section 6), read off the source tree.

use std::fs;
use std::path::{Path, PathBuf};

use neuvola_adapter::identity;
use regex_lite::Regex;

#[test]
fn dependencies_stay_behind_their_walls() {
    // what is named, and the places that may name it
    let walls: [(&str, &[&str]); 10] = [
        (r"\bfhirbolt", &["src/fhir/"]),
        (r"\baxum", &["src/http/", "src/http.rs", "src/sandbox/"]),
        (r"\breqwest", &["src/net.rs", "src/net/", "src/record/"]),
        (r"\bsqlx\b", &["src/task/store/"]),
        (r"\boctofhir_", &["src/fhirpath.rs", "src/fhirpath/", "src/segment/condition.rs", "src/segment/condition/"]),
        (r"\b(FhirPathEngine|EvaluationContext|evaluator::)", &["src/fhirpath.rs", "src/fhirpath/"]),
        (r"\b(SystemTime|Timestamp::now|Zoned::now|TimeZone::system)\b", &["src/clock.rs"]),
        (r"\bTimeZone::(get|posix)\b", &["src/task/calendar.rs"]),
        (r"\banyhow\b", &["src/main.rs", "src/cli/", "src/cli.rs"]),
        (r"\bprintln!|\beprintln!|\bprint!|\beprint!", &["src/cli/", "src/cli.rs", "src/build.rs"]),
    ];
    let mut breaches = Vec::new();
    for (name, allowed) in walls {
        let allowed = |file: &str| allowed.iter().any(|place| file.starts_with(place));
        breaches.extend(lines_of_code("src").filter(|line| !allowed(&line.file)).filter_map(|line| line.matching(name)));
    }
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn form_segment_plan_and_rules_are_plain_synchronous_code() {
    let pure = |file: &str| ["src/form", "src/segment", "src/plan", "src/rules"].iter().any(|folder| file.starts_with(folder));
    let breaches: Vec<_> = lines_of_code("src")
        .filter(|line| pure(&line.file))
        .filter_map(|line| line.matching(r"\basync\b|\btokio\b|\.await\b|Arc<dyn\b|\bInstant\b|std::(fs|net|env)\b"))
        .collect();
    assert_eq!(breaches, Vec::<String>::new());
}

#[test]
fn no_file_is_too_long_to_read() {
    let files: Vec<(String, usize)> = sources(&["src", "tests"]).into_iter().map(|(file, text)| (file, text.lines().count())).collect();
    for (file, lines) in files.iter().filter(|(_, lines)| *lines > 300) {
        println!("{file} has {lines} lines: 300 is what a review likes");
    }
    // tests are told of above; the service's own files are held to it
    let long: Vec<_> = files.into_iter().filter(|(file, lines)| *lines > 400 && file.starts_with("src")).collect();
    assert_eq!(long, Vec::<(String, usize)>::new(), "more than 400 lines");
}

#[test]
fn no_test_is_ignored() {
    let ignored = format!("#[{}", "ignore");
    let breaches: Vec<_> = lines_of_code("src").chain(lines_of_code("tests")).filter(|line| line.code.contains(&ignored)).collect();
    assert!(breaches.is_empty(), "{breaches:#?}");
}

#[test]
fn every_fault_code_stands_in_the_readme_and_the_readme_has_no_other() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let table = readme.split("\n## Fault codes").nth(1).unwrap().split("\n## ").next().unwrap();
    let cells = table.lines().filter(|line| line.starts_with("| `")).filter_map(|line| line.split('|').nth(1));
    let known: std::collections::BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    // an issue-type of R4, and our own code behind it: where issues are made, or what they are made of is listed
    let types = "invalid|structure|required|value|invariant|login|unknown|forbidden|processing|not-supported|duplicate|multiple-matches|\
                 not-found|deleted|too-long|code-invalid|extension|business-rule|conflict|transient|exception|timeout|incomplete|throttled|\
                 informational";
    let pattern = Regex::new(&format!(r#"\(\s*"(?:{types})",\s*"([a-z0-9-]+)""#)).unwrap();
    let mut unknown = std::collections::BTreeSet::new();
    let mut all = String::new();
    for (path, text) in sources(&["src"]) {
        let text = text.split("#[cfg(test)]").next().unwrap();
        all.push_str(text);
        // defects of the knowledge, told with their files; and what a server's own issues are called
        if ["src/profiles/", "src/segment/load/", "src/record/answer.rs"].iter().any(|known| path.starts_with(known)) {
            continue;
        }
        let found = pattern.captures_iter(text).filter_map(|found| Some(found.get(1)?.as_str().to_owned()));
        unknown.extend(found.filter(|code| !known.contains(code.as_str())).map(|code| format!("{path}: {code}")));
    }
    assert!(unknown.is_empty(), "not in the README: {unknown:#?}");
    let nobodys: Vec<_> = known.iter().filter(|code| !all.contains(&format!("\"{code}\""))).collect();
    assert!(nobodys.is_empty() && known.len() > 150, "in the README alone: {nobodys:?}");
}

/// A type is named after what it is, not after what it does for others.
#[test]
fn no_type_is_a_manager() {
    // FHIR's and the clinic's own noun: a service that a family is offered
    let nouns = ["Service", "AgreedService"];
    let type_name = Regex::new(r"\b(?:struct|enum|trait|type|union)\s+([A-Z]\w*)").expect("a pattern");
    let suffix = Regex::new(r"(Manager|Service|Helper|Helpers|Util|Utils|Dto|DTO)$").expect("a pattern");
    let breaches: Vec<_> = lines_of_code("src")
        .chain(lines_of_code("tests"))
        .filter_map(|line| {
            let name = type_name.captures(&line.code)?[1].to_owned();
            (suffix.is_match(&name) && !nouns.contains(&name.as_str())).then(|| format!("{}: {name}", line.file))
        })
        .collect();
    assert_eq!(breaches, Vec::<String>::new());
}

/// Individual numbers from 900 to 999 are nobody's: the authority keeps them for tests.
#[test]
fn no_real_identity_code_is_in_the_repository() {
    let code = Regex::new(r"(?-u:\b)\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y](?-u:\b)").expect("a pattern");
    let mut breaches = Vec::new();
    for path in files_below(&root(), &|_| true) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        for found in code.find_iter(&text).map(|found| found.as_str()) {
            if identity::check(identity::IDENTITY_CODE, found).is_ok() && &found[7..8] != "9" {
                breaches.push(format!("{}: {}…", relative(&path), &found[..7]));
            }
        }
    }
    assert_eq!(breaches, Vec::<String>::new());
}

#[derive(Debug)]
struct Line {
    file: String,
    number: usize,
    /// Without its comment.
    code: String,
}

impl Line {
    fn matching(self, pattern: &str) -> Option<String> {
        let found = Regex::new(pattern).expect("a pattern").find(&self.code)?.as_str().to_owned();
        Some(format!("{}:{}: {found}", self.file, self.number))
    }
}

fn lines_of_code(folder: &'static str) -> impl Iterator<Item = Line> {
    sources(&[folder]).into_iter().flat_map(|(file, text)| {
        let lines: Vec<Line> = text
            .lines()
            .enumerate()
            .map(|(index, line)| Line { file: file.clone(), number: index + 1, code: without_comment(line).to_owned() })
            .collect();
        lines
    })
}

/// Cut at `//`, unless it is part of a URL.
fn without_comment(line: &str) -> &str {
    let end = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':')).map_or(line.len(), |(at, _)| at);
    &line[..end]
}

/// Rust files with their text, in order of their names. This one names what it forbids.
fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let is_rust = |path: &Path| path.extension().is_some_and(|extension| extension == "rs");
    let mut files: Vec<(String, String)> = folders
        .iter()
        .flat_map(|folder| files_below(&root().join(folder), &is_rust))
        .map(|path| (relative(&path), fs::read_to_string(&path).expect("UTF-8")))
        .filter(|(file, _)| file != "tests/integration/architecture.rs")
        .collect();
    files.sort();
    assert!(files.len() > 5, "the source tree was not found");
    files
}

fn files_below(folder: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (path, name) = (entry.path(), entry.file_name());
        let is_ours = ![".git", "target", "node_modules"].iter().any(|other| name == *other);
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if is_ours {
                files.extend(files_below(&path, wanted));
            }
        } else if is_ours && wanted(&path) {
            files.push(path);
        }
    }
    files
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
