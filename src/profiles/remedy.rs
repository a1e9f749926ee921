//! What a defect wants: its line and column, and how to mend it.

use super::{Artifact, Defect};
use crate::form::locate::locate;
use crate::issue::Issue;

/// Gives every defect a position, where its element can be found, and a remedy, where it has none of its own.
pub(super) fn explain(artifacts: &[Artifact], defects: &mut [Defect]) {
    for defect in defects.iter_mut() {
        // what was XML has its lines elsewhere
        let is_json = |artifact: &&Artifact| artifact.file == defect.file && !artifact.file.ends_with(".xml");
        if let Some(artifact) = artifacts.iter().find(is_json) {
            let issues = std::slice::from_mut(&mut defect.issue);
            artifact.with_node(|node| locate(&artifact.content, node, issues));
        }
        if defect.issue.remedy.is_empty() {
            defect.issue.remedy = remedy(&defect.issue).to_owned();
        }
    }
}

/// How to mend it.
pub(super) fn remedy(issue: &Issue) -> &'static str {
    let by_kind = || by_kind(issue.fault, issue.code, last_name(&issue.place), is_of_rule(&issue.place));
    of_family(issue.fault, &issue.message).unwrap_or_else(by_kind)
}

/// Of a rule or variable that names `%family` where there is none, or a person where there is the family.
fn of_family(fault: &str, message: &str) -> Option<&'static str> {
    (fault == "rule-set" && message.contains("`%family`")).then_some(
        "a rule about a person reads that person's responses only, a family view (an action of the kind `family`) reads `%family` only: \
         move the rule there, or leave the variable out",
    )
}

/// By who found it, what kind it is, and the element's own name.
fn by_kind(fault: &str, code: &str, element: &str, in_rule: bool) -> &'static str {
    match (fault, code, element) {
        ("unreadable", ..) => "mend the JSON at this place; FHIR allows no empty strings, arrays and objects, and no member twice",
        (_, "duplicate", "version") => "give the changed one another version, or leave one of the two out",
        (_, "not-found", "") => "name a folder or file that is there and may be read",
        (_, "not-found", "resource" | "definitionCanonical") => {
            "correct the canonical, version included, or give the resource that it names"
        }
        (_, "not-found", "answerValueSet") => "give the ValueSet, and the CodeSystem that it includes, or list the options as answerOption",
        ("rule-set", "duplicate", _) => "give every rule an id of its own, services within segments included",
        ("rule-set", "required", "PlanDefinition") => "state `url` and `version`: a plan names the rules that made it by both",
        ("rule-set", "required", _) => "add an action for each role, with the code of the role and its rules as actions in it",
        ("rule-set", _, "condition") => {
            "correct the linkId, option, variable or function that the message names; profiles/README.md tells how rules are written"
        }
        ("rule-set", _, "documentation") => "correct the canonical, or give the Library with the guidance text",
        ("rule-set", _, "code") => "use a code of the code system that is meant (form-role, rule-kind, segment, alert), or add it there",
        ("rule-set", _, "extension") => "leave one variable of that name",
        ("rule-set", _, "action") if in_rule => {
            "segments stand heaviest first, each with a condition that an earlier one leaves open, and a catch-all without a condition last"
        }
        ("rule-set", ..) => "compare with a shipped PlanDefinition: neuvola-adapter rules show",
        ("questionnaire", "required", _) => "add the element",
        ("questionnaire", _, "linkId") => "give every item a linkId of its own",
        ("questionnaire", _, "type") => "use an item type of R4",
        ("questionnaire", _, "enableWhen") => {
            "name a question of this Questionnaire, not itself or what hangs on it, and an answer that it can get"
        }
        ("questionnaire", _, "enableBehavior") => "say `all` or `any`",
        ("questionnaire", _, "answerOption") => "leave one of the options",
        ("questionnaire", ..) => "correct the element: the bound, type or expression that the message names",
        ("profiles", "required", "url") => "give it a `url`: that is how others name it",
        _ => "correct the element that the message names, or give the resource that it lacks",
    }
}

/// The last member's name in a FHIRPath: `PlanDefinition.action[0].condition[1]` is about `condition`.
fn last_name(place: &str) -> &str {
    let last = place.rsplit('.').next().unwrap_or_default();
    last.split('[').next().unwrap_or_default()
}

/// Below a role's action, where segments, alerts and services stand.
fn is_of_rule(place: &str) -> bool {
    place.matches(".action").count() > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_name_of_a_place_leaves_indexes_out() {
        assert_eq!(last_name("PlanDefinition.action[0].action[3].condition[0]"), "condition");
        assert_eq!(last_name(""), "");
    }

    #[test]
    fn what_nobody_thought_of_has_a_remedy_too() {
        assert!(!by_kind("new", "new", "new", false).is_empty());
    }
}
