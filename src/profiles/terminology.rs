//! Code systems and value sets, as far as our own knowledge needs them: enumerated ones.

use std::collections::HashMap;

use neuvola_fhir::Node;
use rust_decimal::Decimal;

use crate::form::questionnaire::{AnswerOption, decimal, extension};
use crate::segment::rule::Coded;
use crate::texts::Texts;

#[derive(Debug, Default)]
pub(super) struct Terminology {
    systems: HashMap<String, HashMap<String, Concept>>,
    value_sets: HashMap<String, Vec<Member>>,
}

#[derive(Debug, Clone)]
struct Concept {
    display: Texts,
    weight: Option<Decimal>,
}

#[derive(Debug)]
enum Member {
    /// The whole code system.
    System(String),
    Concept {
        system: String,
        code: String,
        display: Texts,
    },
}

impl Terminology {
    pub(super) fn add(&mut self, node: &Node<'_>) {
        let url = node.text("url").unwrap_or_default().to_owned();
        if node.text("resourceType") == Some("CodeSystem") {
            let mut concepts = HashMap::new();
            collect(node, &mut concepts);
            self.systems.insert(url, concepts);
            return;
        }
        let includes = node.member("compose").map_or(&[][..], |compose| compose.list("include"));
        let mut members = Vec::new();
        for include in includes {
            let system = include.text("system").unwrap_or_default();
            let concepts = include.list("concept");
            if concepts.is_empty() {
                members.push(Member::System(system.to_owned()));
            }
            members.extend(concepts.iter().map(|concept| Member::Concept {
                system: system.to_owned(),
                code: concept.text("code").unwrap_or_default().to_owned(),
                display: designated(concept),
            }));
        }
        self.value_sets.insert(url, members);
    }

    /// The code system is here, and the code is not in it.
    pub(super) fn lacks(&self, system: &str, code: &str) -> bool {
        self.systems.get(system).is_some_and(|concepts| !concepts.contains_key(code))
    }

    /// Value sets of code systems and codes that are not here though their kind is ours; concepts without a translation.
    pub(super) fn dangling(&self) -> Vec<(&'static str, String, String)> {
        let mut found = Vec::new();
        for (url, members) in &self.value_sets {
            for member in members {
                match member {
                    Member::System(system) if !self.systems.contains_key(system) => {
                        found.push(("ValueSet", url.clone(), format!("the code system `{system}` does not resolve")));
                    }
                    Member::Concept { system, code, .. } if self.lacks(system, code) => {
                        found.push(("ValueSet", url.clone(), format!("`{code}` is not in its code system")));
                    }
                    _ => {}
                }
            }
        }
        for (url, concepts) in &self.systems {
            for (code, concept) in concepts {
                if let Some(language) = ["sv", "en"].into_iter().find(|language| !concept.display.has(language)) {
                    found.push(("CodeSystem", url.clone(), format!("`{code}` has no designation in `{language}`")));
                }
            }
        }
        found.sort();
        found
    }

    pub(super) fn coded(&self, system: &str, code: &str) -> Option<Coded> {
        let concept = self.systems.get(system)?.get(code)?;
        Some(Coded { system: system.to_owned(), code: code.to_owned(), display: concept.display.clone() })
    }

    pub(super) fn coded_in(&self, id: &str, code: &str) -> Option<Coded> {
        let end = format!("/CodeSystem/{id}");
        let system = self.systems.keys().find(|url| url.ends_with(&end))?;
        self.coded(system, code)
    }

    /// The options that a value set gives; `None` if it is unknown.
    pub(super) fn expand(&self, url: &str) -> Option<Vec<AnswerOption>> {
        let mut options = Vec::new();
        for member in self.value_sets.get(url)? {
            match member {
                Member::Concept { system, code, display } => {
                    let known = self.systems.get(system).and_then(|concepts| concepts.get(code));
                    options.push(AnswerOption::coded(system, code, display.clone(), known.and_then(|concept| concept.weight)));
                }
                Member::System(system) => {
                    let mut codes: Vec<_> = self.systems.get(system)?.iter().collect();
                    codes.sort_by_key(|(code, _)| code.as_str());
                    options.extend(
                        codes.into_iter().map(|(code, concept)| AnswerOption::coded(system, code, concept.display.clone(), concept.weight)),
                    );
                }
            }
        }
        Some(options)
    }
}

fn collect(node: &Node<'_>, concepts: &mut HashMap<String, Concept>) {
    for concept in node.list("concept") {
        let weight = extension(concept, ORDINAL_VALUE).and_then(|it| decimal(it.member("valueDecimal")?.as_number()?));
        concepts.insert(concept.text("code").unwrap_or_default().to_owned(), Concept { display: designated(concept), weight });
        collect(concept, concepts);
    }
}

/// A display with its designations.
fn designated(concept: &Node<'_>) -> Texts {
    let designations =
        concept.list("designation").iter().filter_map(|it| Some((it.text("language")?.to_owned(), it.text("value")?.to_owned())));
    Texts::new(concept.text("display").unwrap_or_default(), designations.collect())
}

const ORDINAL_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/ordinalValue";
