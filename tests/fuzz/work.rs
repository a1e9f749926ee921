//! What is done with each input, by the fuzzer and by the integration tests: it is read, checked against what it names, against
//! every shipped Questionnaire, compiled as if it were a Questionnaire itself, and checked against that.

use std::sync::LazyLock;

use neuvola_adapter::form::questionnaire::{Questionnaire, lint};
use neuvola_adapter::form::validate::examine;
use neuvola_adapter::issue::{Issue, Severity};
use neuvola_adapter::profiles::{Profile, Profiles};
use neuvola_fhir::{Node, read};

pub fn work(document: &[u8]) {
    static PROFILES: LazyLock<Profiles> =
        LazyLock::new(|| Profiles::load(Profiles::shipped_files()).expect("the shipped knowledge has no defect"));
    let issues = PROFILES.library().check(document, Profile::Core);
    assert!(issues.len() <= MOST, "{} issues", issues.len());
    let Ok(node) = read(document) else { return };
    for questionnaire in PROFILES.questionnaires() {
        against(&node, questionnaire);
    }
    let compiled = Questionnaire::compile(&node);
    let _ = lint(&compiled.questionnaire);
    against(&node, &compiled.questionnaire);
}

/// A proof, or an error; and not too much to tell.
fn against(node: &Node<'_>, questionnaire: &Questionnaire) {
    let (proof, issues) = examine(node, questionnaire);
    assert_eq!(proof.is_none(), issues.iter().any(|issue: &Issue| issue.severity == Severity::Error));
    assert!(issues.len() <= MOST, "{} issues", issues.len());
}

/// The listed ones of the response and of what it contains, each with one that tells of the rest; two of how it names its
/// Questionnaire.
const MOST: usize = 204;
