//! Golden cases: what the rules propose for a case, against what the case states.

use super::said::{About, RuleSaid, Said, preview};
use crate::fixtures::{Actual, Answer, Case, ExpectedPreview, Record, Stated};
use crate::outcome;
use crate::profiles::Profiles;
use crate::report;

/// What became of a case.
#[derive(Debug)]
pub struct Tested {
    pub case: String,
    pub purpose: String,
    pub form: String,
    /// By person: the proposed segment's code.
    pub persons: Vec<(String, Option<String>)>,
    /// The case is refused before any rule is asked, and says so.
    pub is_no_rules_matter: bool,
    /// In words.
    pub differences: Vec<String>,
    pub reasons: Vec<Why>,
}

/// A rule that did not do what the case states.
#[derive(Debug)]
pub struct Why {
    pub person: String,
    pub rule: RuleSaid,
    pub expected: &'static str,
    pub sentence: String,
    pub expression: Option<String>,
}

/// Asks the rules about the case; nothing is written.
pub fn test(case: &Case, profiles: &Profiles) -> Tested {
    let mut tested = Tested {
        case: case.name.clone(),
        purpose: case.purpose.clone(),
        form: case.form.clone(),
        persons: Vec::new(),
        is_no_rules_matter: false,
        differences: Vec::new(),
        reasons: Vec::new(),
    };
    let Some(expectation) = case.expect.of_rules() else { return Tested { is_no_rules_matter: true, ..tested } };
    let answer = match preview(case.submission, &case.form, profiles) {
        Ok(preview) => {
            for person in &preview.persons {
                let said = Said::of_preview(person);
                if let Some(stated) = expectation.preview.as_ref().and_then(|persons| persons.get(&person.person)) {
                    let views = person.segments.iter().chain(&person.alerts).chain(&person.services);
                    for ((rule, expected), view) in said.rules.iter().zip(views).map(|(rule, view)| ((rule, expected(stated, rule)), view))
                    {
                        if rule.outcome.code() != expected {
                            let (sentence, expression) = (view.sentence.clone(), view.expression.clone());
                            tested.reasons.push(Why { person: person.person.clone(), rule: rule.clone(), expected, sentence, expression });
                        }
                    }
                }
                tested.persons.push((person.person.clone(), said.segment));
            }
            Answer::Given(report::preview(&preview))
        }
        Err(refusal) => {
            let outcome = serde_json::from_slice(&outcome::print(&refusal.issues())).unwrap_or_default();
            Answer::Refused { status: None, outcome }
        }
    };
    let actual = Actual { preview: answer, submitted: None, record: Record::DryRun };
    tested.differences = expectation.differences(&actual);
    tested
}

/// What is not stated must be not met.
fn expected(stated: &ExpectedPreview, rule: &RuleSaid) -> &'static str {
    let found = match rule.about {
        About::Segment => stated.reasons.get(&rule.id),
        About::Alert => stated.alerts.get(&rule.code),
        About::Service | About::Other => stated.services.get(&rule.code),
    };
    found.copied().unwrap_or(Stated::NotMet).code()
}
