//! Every case of `fixtures/cases`, through the library, HTTP and the command line, compared with what it states; and
//! the fixtures themselves: nothing stated goes unlooked at, and together they cover what the forms know.

mod coverage;
mod faces;
mod mutation;
mod replayed;
mod world;

use neuvola_adapter::fixtures::{Actual, Answer, Case, Expectation, cases, patients};

use faces::Face;

fn all() -> Vec<Case> {
    cases().unwrap_or_else(|defects| panic!("{}", defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

/// Runs every case through a face; all differences of all cases are told at once.
fn every_case(face: &dyn Face, stated: impl Fn(&Case) -> Expectation) {
    let mut told = String::new();
    for case in all() {
        let expect = stated(&case);
        let differences = expect.differences(&run(&case, &expect, face));
        if !differences.is_empty() {
            told.push_str(&format!("{}:\n  {}\n", case.name, differences.join("\n  ")));
        }
    }
    assert!(told.is_empty(), "\n{told}");
}

fn run(case: &Case, expect: &Expectation, face: &dyn Face) -> Actual {
    case.record.iter().for_each(|resource| face.hold(resource));
    for body in &case.before {
        face.submit(&case.form, body);
    }
    let preview = face.preview(&case.form, case.submission);
    let submitted = expect.submits().then(|| face.submit(&case.form, case.submission));
    let record = face.record(submitted.as_ref());
    Actual { preview, submitted, record }
}

#[test]
fn every_case_does_through_the_library_what_it_states() {
    every_case(&faces::Library::new(), |case| case.expect.clone());
}

#[test]
fn every_case_does_over_http_what_it_states() {
    every_case(&faces::Http::new(), |case| case.expect.clone());
}

#[test]
fn every_case_does_on_the_command_line_what_it_states() {
    every_case(&faces::CommandLine::against_a_record(), |case| case.expect.clone());
}

#[test]
fn every_case_does_in_a_dry_run_what_it_states() {
    every_case(&faces::CommandLine::dry(), |case| case.expect.on_dry_run());
}

/// After a change of rules, every decision answers another proposal. This puts the new ones in, and nothing else: whether
/// segments and reasons are still right is for the one who changed the rules to say, in `case.json`.
/// `NEUVOLA_RENEW=yes cargo test --test integration the_proposal_that_the_rules_now_make`
#[test]
fn every_decision_answers_the_proposal_that_the_rules_now_make() {
    let renew = std::env::var_os("NEUVOLA_RENEW").is_some();
    let face = faces::Library::new();
    for case in
        all().iter().filter(|case| !case.expect.refused.as_ref().is_some_and(|it| it.issues.iter().any(|it| it.fault == "other-proposal")))
    {
        let Answer::Given(preview) = face.preview(&case.form, case.submission) else { continue };
        let files = ["form.json", "before.json"].map(|name| format!("{}/fixtures/cases/{}/{name}", env!("CARGO_MANIFEST_DIR"), case.name));
        for file in files {
            let Ok(mut text) = std::fs::read_to_string(&file) else { continue };
            let stands = text.clone();
            let submission: serde_json::Value = serde_json::from_str(&text).unwrap();
            let mut from = 0;
            for plan in submission["decision"]["plans"].as_array().into_iter().flatten() {
                let now = preview["persons"].as_array().unwrap().iter().find(|person| person["person"] == plan["about"]);
                if let (Some(now), Some(old)) = (now.and_then(|person| person["proposal"].as_str()), plan["proposal"].as_str()) {
                    let at = from + text[from..].find(old).unwrap();
                    text.replace_range(at..at + old.len(), now);
                    from = at + now.len();
                }
            }
            if renew {
                std::fs::write(file, text).unwrap();
            } else {
                assert!(text == stands, "{file} answers another proposal");
            }
        }
    }
}

/// `demo` is run twice, and platforms repeat: the whole round leaves nothing that a second one stumbles over.
#[test]
fn every_case_does_the_same_a_second_time_and_nothing_is_written_twice() {
    let face = faces::Library::new();
    every_case(&face, |case| case.expect.clone());
    let written = face.count();
    every_case(&face, |case| case.expect.clone());
    assert_eq!(face.count(), written);
}

#[test]
fn a_refused_case_writes_nothing() {
    for case in all().iter().filter(|case| case.expect.refused.is_some()) {
        let face = faces::Library::new();
        case.record.iter().for_each(|resource| face.hold(resource));
        case.before.iter().for_each(|body| drop(face.submit(&case.form, body)));
        let before = face.count();
        face.submit(&case.form, case.submission);
        assert_eq!(face.count(), before, "{}", case.name);
    }
}

#[test]
fn patients_are_told_apart_by_an_identifier_of_their_own() {
    let patients = patients();
    assert!(!patients.is_empty());
    for patient in patients {
        let resource: serde_json::Value = serde_json::from_slice(patient.body).unwrap();
        let own = serde_json::json!({ "use": "secondary", "system": neuvola_adapter::fixtures::PATIENT_SYSTEM, "value": patient.name });
        assert!(resource["identifier"].as_array().unwrap().contains(&own), "{}", patient.name);
    }
}
