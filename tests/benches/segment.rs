//! Sixty conditions over a form of a hundred questions (`sixty/`): the rules alone, and from a response's bytes to printed reasons.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot start may say so bluntly")]

use std::path::PathBuf;

use criterion::{Criterion, criterion_group, criterion_main};
use neuvola_adapter::form::validate::examine_draft;
use neuvola_adapter::pipeline::propose;
use neuvola_adapter::profiles::Profiles;
use neuvola_adapter::report;
use neuvola_adapter::segment::{Outcome, segment};
use neuvola_fhir::read;

criterion_group!(benches, rules, whole);
criterion_main!(benches);

/// Compiled, warm, every reason included: what the aim of 100 µs is about.
fn rules(criterion: &mut Criterion) {
    let profiles = Profiles::with_folders(&[folder().join("profiles")]).unwrap();
    for plan in PLANS {
        let rule_set = profiles.rule_sets().iter().find(|rule_set| rule_set.url == canonical(plan)).unwrap();
        let rules = &rule_set.roles[0];
        for response in RESPONSES {
            let document = document(response);
            let node = read(&document).unwrap();
            let (valid, issues) = examine_draft(&node, &rules.questionnaire);
            let valid = valid.unwrap_or_else(|| panic!("{issues:#?}"));
            let said = segment(rules, rule_set, valid.answers(), None);
            let count = |outcome: Outcome| said.others.iter().filter(|reason| reason.outcome == outcome).count();
            let counts = [Outcome::Met, Outcome::NotMet, Outcome::Indeterminate].map(count);
            assert_eq!(counts.iter().sum::<usize>(), 60, "{plan} {response}");
            assert!(response == "with-gaps" || counts == [30, 30, 0], "{plan} {response}: {counts:?}");
            criterion.bench_function(&format!("segment: {plan}, {response}"), |bencher| {
                bencher.iter(|| segment(rules, rule_set, valid.answers(), None));
            });
        }
    }
}

/// As `preview` does it: read, validate, segment, print.
fn whole(criterion: &mut Criterion) {
    let profiles = Profiles::with_folders(&[folder().join("profiles")]).unwrap();
    for plan in PLANS {
        let canonical = canonical(plan);
        for response in RESPONSES {
            let document = document(response);
            criterion.bench_function(&format!("bytes to reasons as JSON: {plan}, {response}"), |bencher| {
                bencher.iter(|| report::proposal(&propose(&document, None, Some(&canonical), &profiles).unwrap(), response, "fi"));
            });
        }
    }
}

fn document(response: &str) -> Vec<u8> {
    std::fs::read(folder().join(format!("responses/{response}.json"))).unwrap()
}

fn canonical(plan: &str) -> String {
    format!("https://bench.example/fhir/PlanDefinition/{plan}")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/benches/sixty")
}

/// The same conditions by two paths: `descendants()`, and the shortest that says the same.
const PLANS: [&str; 2] = ["sixty", "sixty-direct"];

const RESPONSES: [&str; 2] = ["complete", "with-gaps"];
