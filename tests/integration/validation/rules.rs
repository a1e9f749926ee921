//! `fixtures/validation/RULES.md`: each rule, its source, its code, its cases.

use std::collections::BTreeSet;
use std::path::Path;

use super::cases;
use crate::judge::root;

/// What validation is made of; all that it can tell stands in these.
const SOURCES: [&str; 6] =
    ["src/form/validate", "src/shape", "src/shape.rs", "src/profiles/library.rs", "src/issue/told.rs", "src/issue/told"];

/// The fault codes of issues that are made in these sources.
fn told() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for source in SOURCES {
        gather(&root().join(source), &mut texts);
    }
    // `Issue::error("code", "fault"` and `=> ("code", "fault")`, on one line or several
    let made = regex_lite::Regex::new(r#"(?:Issue::(?:error|warning)|=> )\(\s*"[a-z-]+",\s*"([a-z0-9-]+)""#).unwrap();
    let found = texts.iter().flat_map(|text| made.captures_iter(text).map(|found| found[1].to_owned()).collect::<Vec<_>>());
    // what reading alone tells, and the cap
    found.chain(["unreadable", "more-faults"].map(str::to_owned)).collect()
}

fn gather(path: &Path, texts: &mut Vec<String>) {
    if path.is_dir() {
        std::fs::read_dir(path).unwrap().for_each(|entry| gather(&entry.unwrap().path(), texts));
    } else {
        texts.push(std::fs::read_to_string(path).unwrap());
    }
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The rows of a table that has these columns, cell by cell.
fn rows(text: &str, columns: usize) -> Vec<Vec<&str>> {
    let lines = text.lines().filter(|line| line.starts_with("| "));
    let rows = lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>());
    rows.filter(|row| row.len() == columns).collect()
}

#[test]
fn every_fault_of_validation_stands_in_the_table_of_rules_and_in_the_readme() {
    let (rules, readme) = (read("fixtures/validation/RULES.md"), read("README.md"));
    let in_rules: BTreeSet<&str> = rows(&rules, 5).iter().flat_map(|row| quoted(row[3]).collect::<Vec<_>>()).collect();
    let faults = readme.split("## Fault codes").nth(1).unwrap();
    let in_readme: BTreeSet<&str> = rows(faults, 3).iter().flat_map(|row| quoted(row[0]).collect::<Vec<_>>()).collect();
    let told = told();
    assert!(told.len() > 30, "{told:?}");
    let missing: Vec<_> = told.iter().filter(|fault| !in_rules.contains(fault.as_str())).collect();
    assert!(missing.is_empty(), "not in RULES.md: {missing:?}");
    let missing: Vec<_> = told.iter().filter(|fault| !in_readme.contains(fault.as_str())).collect();
    assert!(missing.is_empty(), "not in README.md: {missing:?}");
}

#[test]
fn every_case_stands_with_its_rule_and_shows_its_fault() {
    let text = read("fixtures/validation/RULES.md");
    let cases = cases();
    let mut named = BTreeSet::new();
    for row in rows(&text, 5) {
        let mut shown = BTreeSet::new();
        for pattern in quoted(row[4]) {
            let fits = |name: &str| pattern.strip_suffix('*').map_or(name == pattern, |start| name.starts_with(start));
            let before = named.len();
            for case in cases.iter().filter(|case| fits(&case.name)) {
                named.insert(case.name.as_str());
                shown.extend(case.issues.iter().map(|issue| issue.split(' ').nth(2).unwrap().to_owned()));
            }
            assert!(named.len() > before || cases.iter().any(|case| fits(&case.name)), "no case {pattern}");
        }
        if row[4].contains('`') {
            for fault in quoted(row[3]) {
                assert!(shown.contains(fault), "no case of {:?} shows `{fault}`", row[0]);
            }
        }
    }
    let unnamed: Vec<_> = cases.iter().map(|case| case.name.as_str()).filter(|name| !named.contains(name)).collect();
    assert!(unnamed.is_empty(), "no rule names {unnamed:?}");
}
