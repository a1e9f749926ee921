//! The sample rule sets: soundness against brute force, and what a missing or declined answer may do.

use std::collections::HashMap;
use std::path::Path;

use neuvola_adapter::form::questionnaire::AnswerOption;
use neuvola_adapter::form::validate::validate;
use neuvola_adapter::segment::condition::Condition;
use neuvola_adapter::segment::rule::{RoleRules, RuleSet};
use neuvola_adapter::segment::{Outcome, segment};
use neuvola_fhir::read;
use octofhir_fhirpath::parser::parse_ast;
use proptest::prelude::*;
use serde_json::Value;

use super::completions::{Completions, relevant};
use super::family::PROFILES;
use super::filled::{Filled, GAPS, USUAL, declined, fill};
use super::tape::{Tape, config, tape};
use super::three_valued::{brute_force, outcome_of};

#[test]
fn every_shipped_condition_is_lowered() {
    for rule in PROFILES.rule_sets().iter().flat_map(|rule_set| &rule_set.roles).flat_map(RoleRules::rules) {
        assert_eq!(rule.expression.is_some(), rule.condition.is_some(), "{}", rule.id);
        assert!(!rule.condition.as_ref().is_some_and(Condition::has_engine), "{} runs in the engine", rule.id);
    }
}

proptest! {
    #![proptest_config(config(60))]

    #[test]
    fn the_sample_rules_say_what_all_completions_say(numbers in tape(160)) {
        let tape = &mut Tape::of(&numbers);
        let (rule_set, rules) = role(tape);
        let variables = variables(rule_set, rules);
        let trees = variables.iter().map(|(name, meaning)| (name.clone(), parse_ast(meaning).expect("it compiles"))).collect();
        let (own, professional) = (fill(&rules.questionnaire, GAPS, tape), fill(section(rules), GAPS, tape));
        let said = say(rule_set, rules, &own, &professional);
        for (id, expression, outcome) in said.rules {
            let text = variables.iter().fold(expression.clone(), |text, (name, meaning)| text.replace(&format!("%{name}"), meaning));
            let (read, read_there) = (relevant(own.questionnaire, &text), relevant(professional.questionnaire, &text));
            let all = Completions::of(&own, |item| read.contains(&item));
            let there = Completions::of(&professional, |item| read_there.contains(&item));
            let Some(said) = brute_force(&expression, &all, Some(&there), &trees) else { continue };
            prop_assert!(outcome == outcome_of(&said) || (!all.is_all && outcome == Outcome::Indeterminate),
                "{id}: {outcome:?}, but {said:?}\n{:?}\n{:?}", own.entries, professional.entries);
        }
    }
}

proptest! {
    #![proptest_config(config(40))]

    /// A single deleted or declined answer, with what it enabled: nothing that was decided turns into its opposite, and
    /// nobody is proposed a lighter segment.
    #[test]
    fn an_answer_less_is_never_lighter(numbers in tape(160), has_gaps in any::<bool>()) {
        let tape = &mut Tape::of(&numbers);
        let (rule_set, rules) = role(tape);
        let habits = if has_gaps { GAPS } else { USUAL };
        let forms = [fill(&rules.questionnaire, habits, tape), fill(section(rules), habits, tape)];
        let before = say(rule_set, rules, &forms[0], &forms[1]);
        for (which, form) in forms.iter().enumerate() {
            for item in form.answered() {
                let question = form.questionnaire.item(item);
                // where empty means none, leaving it empty is an answer
                let deleted = (!question.empty_means_none).then(|| form.with(item, &[]));
                let declined = question.options.iter().any(AnswerOption::is_declined).then(|| form.with(item, &[declined()]));
                for less in deleted.into_iter().chain(declined) {
                    let after = if which == 0 { say(rule_set, rules, &less, &forms[1]) } else { say(rule_set, rules, &forms[0], &less) };
                    let about = format!("{} less in {}", question.link_id, form.questionnaire.id);
                    prop_assert!(weight(&after.proposed) >= weight(&before.proposed),
                        "{about}: {} becomes {}\n{forms:?}", before.proposed, after.proposed, forms = [&forms[0].entries, &forms[1].entries]);
                    for (id, _, before) in &before.rules {
                        // of two rules for one service the surer one is told
                        let Some((_, _, after)) = after.rules.iter().find(|(other, _, _)| other == id) else { continue };
                        prop_assert!(before == after || *after == Outcome::Indeterminate, "{about}: {id} from {before:?} to {after:?}");
                    }
                }
            }
        }
    }
}

struct Say {
    proposed: String,
    /// Id, expression and outcome of each rule with a condition; services of segments are left out, for they are only
    /// asked about with the segment that is proposed.
    rules: Vec<(String, String, Outcome)>,
}

fn say(rule_set: &RuleSet, rules: &RoleRules, own: &Filled<'_>, professional: &Filled<'_>) -> Say {
    let documents = [own, professional].map(|filled| serde_json::to_vec(&filled.response("in-progress")).expect("it prints"));
    let nodes = [read(&documents[0]).expect("JSON"), read(&documents[1]).expect("JSON")];
    let own = validate(&nodes[0], own.questionnaire).unwrap_or_else(|issues| panic!("{issues:#?}"));
    let professional = validate(&nodes[1], professional.questionnaire).unwrap_or_else(|issues| panic!("{issues:#?}"));
    let segmentation = segment(rules, rule_set, own.answers(), Some(professional.answers()));
    let services = segmentation.services.iter().filter(|reason| rules.services.iter().any(|rule| rule.id == reason.rule.id));
    let reasons = segmentation.segments.iter().chain(&segmentation.alerts).chain(services);
    Say {
        proposed: segmentation.proposed.expect("a segment").subject.code.clone(),
        rules: reasons.filter_map(|reason| Some((reason.rule.id.clone(), reason.rule.expression.clone()?, reason.outcome))).collect(),
    }
}

fn role(tape: &mut Tape<'_>) -> (&'static RuleSet, &'static RoleRules) {
    let rule_set = tape.one_of(PROFILES.rule_sets());
    (rule_set, tape.one_of(&rule_set.roles))
}

fn section(rules: &'static RoleRules) -> &'static neuvola_adapter::form::questionnaire::Questionnaire {
    rules.professional.as_deref().expect("every shipped role has a professional's section")
}

/// From light to heavy. That nobody could decide is heaviest: it wants a person's eyes.
fn weight(segment: &str) -> Option<usize> {
    ["self-managing", "supported", "cooperation", "network", "clinical-review"].iter().position(|known| *known == segment)
}

/// A role's variables, as the PlanDefinition has them.
fn variables(rule_set: &RuleSet, rules: &RoleRules) -> HashMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("profiles/PlanDefinition-{}.json", rule_set.form));
    let plan: Value = serde_json::from_slice(&std::fs::read(path).expect("the file")).expect("JSON");
    let position = rule_set.roles.iter().position(|role| role.role == rules.role).expect("its own role");
    let extensions = plan["action"][position]["extension"].as_array().expect("variables");
    let part = |extension: &Value, name: &str| extension["valueExpression"][name].as_str().map(str::to_owned);
    extensions.iter().filter_map(|extension| Some((part(extension, "name")?, part(extension, "expression")?))).collect()
}
