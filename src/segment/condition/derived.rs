//! What a Questionnaire computes, lowered: `enableWhenExpression`, and `calculatedExpression` where a condition asks for it.
//!
//! What cannot be lowered is not told from missing answers: the response's own validation says it, where nothing is open.

use std::collections::HashMap;

use octofhir_fhirpath::parser::parse_ast;

use super::lower::is_calculated;
use super::scope::{Lowering, Scope};
use super::{Condition, Input, Number, Source};
use crate::form::questionnaire::Questionnaire;

/// Per item.
#[derive(Debug, Default)]
pub struct Derived {
    calculated: HashMap<Input, Number>,
    asked: HashMap<Input, Condition>,
    /// What an `enableWhenExpression` reads that is not lowered.
    reads: HashMap<Input, Vec<Input>>,
    is_empty: bool,
}

impl Derived {
    /// Of one person's Questionnaires.
    pub fn of(own: &Questionnaire, professional: Option<&Questionnaire>) -> Self {
        let scope = Scope::of(own, professional, &[]);
        let mut derived = Self { is_empty: true, ..Self::default() };
        for (source, questionnaire) in [(Source::Own, Some(own)), (Source::Professional, professional)] {
            let Some(questionnaire) = questionnaire else { continue };
            for (item, expressions) in
                questionnaire.items().iter().enumerate().filter_map(|(at, item)| Some((at, item.expressions.as_ref()?)))
            {
                let input = Input { source, item };
                let lowering = Lowering::of_questionnaire(&scope, input, expressions.enable_when_of_response);
                if let Some(expression) = &expressions.enable_when
                    && let Ok(tree) = parse_ast(&expression.text)
                {
                    scope.steps.set(0);
                    match lowering.condition(&tree) {
                        Ok(condition) if condition.weight() <= HEAVIEST => drop(derived.asked.insert(input, condition)),
                        _ => drop(derived.reads.insert(input, lowering.inputs(&tree))),
                    }
                }
                scope.steps.set(0);
                if expressions.calculated.is_some()
                    && let Ok(number) = lowering.calculated(input)
                    && number.weight() <= HEAVIEST
                {
                    derived.calculated.insert(input, number);
                }
                derived.is_empty &= expressions.enable_when.is_none() && expressions.calculated.is_none();
            }
        }
        derived.break_circles(&scope);
        derived
    }

    /// The Questionnaires compute nothing.
    pub const fn is_empty(&self) -> bool {
        self.is_empty
    }

    pub fn calculated(&self, input: Input) -> Option<&Number> {
        self.calculated.get(&input)
    }

    pub fn asked(&self, input: Input) -> Option<&Condition> {
        self.asked.get(&input)
    }

    pub fn reads(&self, input: Input) -> Option<&[Input]> {
        self.reads.get(&input).map(Vec::as_slice)
    }

    /// A condition that leads back to itself decides nothing.
    fn break_circles(&mut self, scope: &Scope<'_>) {
        let circular: Vec<Input> = self.asked.keys().filter(|&&input| self.leads_to(input, scope)).copied().collect();
        circular.iter().for_each(|input| drop(self.asked.remove(input)));
    }

    fn leads_to(&self, goal: Input, scope: &Scope<'_>) -> bool {
        let (mut seen, mut next) = (Vec::new(), vec![goal]);
        while let Some(input) = next.pop() {
            let questionnaire = match input.source {
                Source::Own => Some(scope.own),
                Source::Professional => scope.professional,
            };
            let Some(questionnaire) = questionnaire else { continue };
            let mut before: Vec<Input> = questionnaire.item(input.item).parent.map(|item| Input { item, ..input }).into_iter().collect();
            before.extend(questionnaire.item(input.item).enable_when.iter().map(|it| Input { item: it.question, ..input }));
            before.extend(self.asked.get(&input).map(Condition::inputs).unwrap_or_default());
            before.extend(self.calculated.get(&input).map(Number::inputs).unwrap_or_default());
            for one in before {
                if one == goal {
                    return true;
                }
                if !seen.contains(&one) {
                    seen.push(one);
                    next.push(one);
                }
            }
        }
        false
    }
}

impl<'s> Lowering<'s> {
    fn of_questionnaire(scope: &'s Scope<'s>, input: Input, of_response: bool) -> Self {
        Self::of_rule(scope).within(input).focused(of_response)
    }
}

/// What names its variables so often that it would cost more is not told from missing answers.
const HEAVIEST: u64 = 4096;

/// Is it computed, whatever becomes of it?
pub fn is_computed(questionnaire: &Questionnaire, item: usize) -> bool {
    is_calculated(questionnaire.item(item))
}
