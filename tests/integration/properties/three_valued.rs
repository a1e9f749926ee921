//! Three-valued truth against brute force: *met* is true in every completion, *not met* false or empty in every one, and
//! everything else indeterminate (design, section 4). Whether a question will be answered at all is not told by a completion:
//! what asks for that may be indeterminate though all completions agree.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use neuvola_adapter::form::questionnaire::Questionnaire;
use neuvola_adapter::form::validate::validate;
use neuvola_adapter::segment::condition::{Scope, lower};
use neuvola_adapter::segment::rule::{Coded, RoleRules, Rule, RuleSet};
use neuvola_adapter::segment::{Outcome, segment};
use neuvola_adapter::texts::Texts;
use neuvola_fhir::read;
use octofhir_fhirpath::ast::ExpressionNode;
use octofhir_fhirpath::parser::parse_ast;
use proptest::prelude::*;

use super::completions::{Completions, relevant};
use super::filled::{Filled, Habits, fill};
use super::interpreter::{Said, World, say};
use super::made_up;
use super::tape::{Tape, config, tape};

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn made_up_rules_say_what_all_completions_say(numbers in tape(140)) {
        let tape = &mut Tape::of(&numbers);
        let document = serde_json::to_vec(&made_up::questionnaire(tape)).expect("it prints");
        let questionnaire = Arc::new(Questionnaire::compile_strictly(&read(&document).expect("JSON")).expect("no defect"));
        let habits = Habits { missing: 40, declined: 30, optional: 45 };
        let filled = fill(&questionnaire, habits, tape);
        let expressions: Vec<String> = (0..8).map(|_| made_up::expression(&questionnaire, tape)).collect();
        let outcomes = outcomes(&questionnaire, &filled, &expressions);
        for (expression, outcome) in expressions.iter().zip(outcomes) {
            let found = relevant(&questionnaire, expression);
            let own = Completions::of(&filled, |item| found.contains(&item));
            let Some(said) = brute_force(expression, &own, None, &HashMap::new()) else { continue };
            let expected = outcome_of(&said);
            let told = || format!("{expression}\n{outcome:?}, but {said:?}\n{}\n{:?}", String::from_utf8_lossy(&document), filled.entries);
            let asks_presence = [".exists()", ".empty()", ".count()"].iter().any(|function| expression.contains(function));
            if own.is_all && !asks_presence {
                prop_assert_eq!(outcome, expected, "{}", told());
            } else if outcome != Outcome::Indeterminate {
                prop_assert_eq!(outcome, expected, "{}", told());
            }
        }
    }
}

/// What is said over all completions; `None` if they are too many.
pub fn brute_force(
    expression: &str,
    own: &Completions<'_>,
    professional: Option<&Completions<'_>>,
    variables: &HashMap<String, ExpressionNode>,
) -> Option<BTreeSet<Said>> {
    let tree = parse_ast(expression).expect("it compiles");
    let own_count = own.count().filter(|&count| count <= MOST)?;
    let count = own_count.checked_mul(professional.map_or(Some(1), Completions::count)?).filter(|&count| count <= MOST)?;
    let said = (0..count).map(|number| {
        let (own, professional) =
            (own.nth(number % own_count), professional.map_or_else(Vec::new, |professional| professional.nth(number / own_count)));
        say(&tree, &World { own: &own, professional: &professional, variables })
    });
    Some(said.collect())
}

pub fn outcome_of(said: &BTreeSet<Said>) -> Outcome {
    if said.iter().all(|one| *one == Said::True) {
        Outcome::Met
    } else if said.iter().all(|one| matches!(one, Said::False | Said::Empty)) {
        Outcome::NotMet
    } else {
        Outcome::Indeterminate
    }
}

/// What the adapter says.
fn outcomes(questionnaire: &Arc<Questionnaire>, filled: &Filled<'_>, expressions: &[String]) -> Vec<Outcome> {
    let scope = Scope { strict: true, ..Scope::of(questionnaire, None, &[]) };
    let alerts = expressions.iter().map(|expression| {
        let condition = lower(expression, &scope).unwrap_or_else(|defect| panic!("{defect}: {expression}"));
        assert!(!condition.has_engine(), "not lowered: {expression}");
        Rule {
            id: String::new(),
            subject: Coded { system: String::new(), code: String::new(), display: Texts::default() },
            title: Texts::default(),
            sentence: Texts::default(),
            expression: Some(expression.clone()),
            inputs: condition.inputs(),
            dynamic: Vec::new(),
            condition: Some(condition),
            guidance: None,
            services: Vec::new(),
        }
    });
    let rules = RoleRules { alerts: alerts.collect(), ..RoleRules::new("person", Arc::clone(questionnaire), None) };
    let rule_set = RuleSet {
        url: "urn:made-up".to_owned(),
        version: "1".to_owned(),
        title: Texts::default(),
        form: String::new(),
        effective: (None, None),
        family: None,
        roles: Vec::new(),
        is_given: false,
        warnings: Vec::new(),
    };
    let document = serde_json::to_vec(&filled.response("in-progress")).expect("it prints");
    let node = read(&document).expect("JSON");
    let response = validate(&node, questionnaire).unwrap_or_else(|issues| panic!("{issues:#?}\n{}", String::from_utf8_lossy(&document)));
    segment(&rules, &rule_set, response.answers(), None).alerts.iter().map(|reason| reason.outcome).collect()
}

/// Completions tried.
const MOST: usize = 2_000;
