//! What would make it right: every fault says so, and says as much in each language.

use std::collections::BTreeSet;

use serde_json::Value;

use super::cases;
use super::faces;

/// The text in a language, from the `translation` extension.
fn translated<'v>(shadow: &'v Value, language: &str) -> Option<&'v str> {
    let parts = shadow["extension"].as_array()?.iter().map(|it| &it["extension"]);
    let mut of_language = parts.filter(|parts| parts[0]["valueCode"] == language);
    of_language.next().and_then(|parts| parts[1]["valueString"].as_str())
}

/// Names and numbers: what a language may not leave out.
fn particulars(text: &str) -> BTreeSet<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    let numbers = text.split('`').step_by(2).flat_map(|plain| plain.split(|c: char| !c.is_ascii_digit() && c != '-'));
    quoted.chain(numbers.filter(|number| number.chars().all(|c| c.is_ascii_digit()))).filter(|it| !it.is_empty()).collect()
}

#[test]
fn every_error_and_all_that_is_not_checked_says_what_would_make_it_right_in_each_language() {
    let mut told = String::new();
    let mut seen = BTreeSet::new();
    for case in cases() {
        let is_told = |issue: &&Value| {
            let fault = issue["details"]["coding"][0]["code"].as_str().unwrap();
            issue["severity"] == "error" || ["not-checked", "questionnaire", "same-answer", "read-only"].contains(&fault)
        };
        for issue in faces::outcome(&case)["issue"].as_array().unwrap().iter().filter(is_told) {
            let (what, remedy) = (&issue["details"], &issue["diagnostics"]);
            let fault = what["coding"][0]["code"].as_str().unwrap();
            seen.insert(fault.to_owned());
            let Some(remedy) = remedy.as_str() else {
                told.push_str(&format!("{}: `{fault}` has no remedy\n", case.name));
                continue;
            };
            let what_is = what["text"].as_str().unwrap();
            for (english, shadow) in [(what_is, &what["_text"]), (remedy, &issue["_diagnostics"])] {
                if english.ends_with('.') || english.chars().count() > 1_000 {
                    told.push_str(&format!("{}: {english}\n", case.name));
                }
                for language in ["fi", "sv"] {
                    let Some(text) = translated(shadow, language) else {
                        told.push_str(&format!("{}: `{fault}` says nothing in {language}: {english}\n", case.name));
                        continue;
                    };
                    let lost: Vec<_> = particulars(english).into_iter().filter(|part| !text.contains(part)).collect();
                    if !lost.is_empty() || text == english {
                        told.push_str(&format!("{}: {language} lacks {lost:?}: {english} / {text}\n", case.name));
                    }
                }
            }
        }
    }
    assert!(told.is_empty(), "\n{told}");
    assert!(seen.len() > 30, "{seen:?}");
}
