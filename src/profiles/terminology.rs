//! Code systems and value sets, as far as our own knowledge needs them: enumerated ones.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use neuvola_fhir::Node;
use rust_decimal::Decimal;

use crate::form::questionnaire::{AnswerOption, decimal, extension};
use crate::segment::rule::Coded;
use crate::texts::Texts;

/// Shared: cloned for a Questionnaire that brings its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Terminology {
    systems: HashMap<String, Arc<HashMap<String, Concept>>>,
    value_sets: HashMap<String, Arc<Vec<Member>>>,
    /// Code systems of which not every code is here.
    partial: HashSet<String>,
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
    /// All of another value set.
    Set(String),
    /// What is taken away.
    Without(Vec<Member>),
    /// Filters and what else only a terminology server can tell.
    Unknown,
}

impl Terminology {
    pub(super) fn add(&mut self, node: &Node<'_>) {
        let url = node.text("url").unwrap_or_default().to_owned();
        if node.text("resourceType") == Some("CodeSystem") {
            let mut concepts = HashMap::new();
            collect(node, &mut concepts);
            if node.text("content").is_some_and(|content| content != "complete") {
                self.partial.insert(url.clone());
            }
            self.systems.insert(url, Arc::new(concepts));
        } else {
            self.value_sets.insert(url, Arc::new(members(node)));
        }
    }

    /// A contained value set is named by `#id`.
    pub(super) fn add_contained(&mut self, node: &Node<'_>) {
        match node.text("resourceType") {
            Some("ValueSet") => {
                let id = format!("#{}", node.text("id").unwrap_or_default().trim_start_matches('#'));
                self.value_sets.insert(id, Arc::new(members(node)));
            }
            Some("CodeSystem") => self.add(node),
            _ => {}
        }
    }

    /// The code system is here, and the code is not in it.
    pub(super) fn lacks(&self, system: &str, code: &str) -> bool {
        self.systems.get(system).is_some_and(|concepts| !concepts.contains_key(code))
    }

    /// Value sets of code systems and codes that are not here though their kind is ours; concepts without a translation.
    pub(super) fn dangling(&self) -> Vec<(&'static str, String, String)> {
        let mut found = Vec::new();
        for (url, members) in &self.value_sets {
            for member in members.iter() {
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
            for (code, concept) in concepts.iter() {
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

    /// The options that a value set gives; `None` if not every code of it can be told.
    pub(super) fn expand(&self, url: &str) -> Option<Vec<AnswerOption>> {
        self.all_of(self.value_sets.get(url)?, 0)
    }

    fn all_of(&self, members: &[Member], depth: usize) -> Option<Vec<AnswerOption>> {
        let mut options: Vec<AnswerOption> = Vec::new();
        if depth > DEEPEST {
            return None;
        }
        for member in members {
            match member {
                Member::Concept { system, code, display } => {
                    let known = self.systems.get(system).and_then(|concepts| concepts.get(code));
                    let own = known.map(|concept| concept.display.clone()).filter(|_| display.is_empty());
                    let weight = known.and_then(|concept| concept.weight);
                    options.push(AnswerOption::coded(system, code, own.unwrap_or_else(|| display.clone()), weight));
                }
                Member::System(system) => {
                    let concepts = self.systems.get(system).filter(|_| !self.partial.contains(system))?;
                    let mut codes: Vec<_> = concepts.iter().collect();
                    codes.sort_by_key(|(code, _)| code.as_str());
                    let coded =
                        |(code, concept): (&String, &Concept)| AnswerOption::coded(system, code, concept.display.clone(), concept.weight);
                    options.extend(codes.into_iter().map(coded));
                }
                Member::Set(url) => options.extend(self.all_of(self.value_sets.get(url)?, depth + 1)?),
                Member::Without(members) => {
                    let without = self.all_of(members, depth + 1)?;
                    options.retain(|option| !without.iter().any(|other| other.value == option.value));
                }
                Member::Unknown => return None,
            }
        }
        Some(options)
    }
}

/// Its expansion, if it brings one; else what it is composed of.
fn members(node: &Node<'_>) -> Vec<Member> {
    let expansion = node.member("expansion").filter(|it| it.member("contains").is_some());
    if let Some(expansion) = expansion {
        let mut members = Vec::new();
        contained(expansion, &mut members);
        return members;
    }
    let Some(compose) = node.member("compose") else { return vec![Member::Unknown] };
    let mut members: Vec<Member> = compose.list("include").iter().flat_map(include).collect();
    let without: Vec<Member> = compose.list("exclude").iter().flat_map(include).collect();
    if !without.is_empty() {
        members.push(Member::Without(without));
    }
    members
}

fn include(node: &Node<'_>) -> Vec<Member> {
    let sets = node.list("valueSet");
    if node.member("filter").is_some() || sets.len() > 1 || (!sets.is_empty() && node.member("system").is_some()) {
        return vec![Member::Unknown];
    }
    if let [set] = sets {
        return vec![Member::Set(set.as_str().unwrap_or_default().split('|').next().unwrap_or_default().to_owned())];
    }
    let system = node.text("system").unwrap_or_default();
    let concepts = node.list("concept");
    if concepts.is_empty() {
        return vec![Member::System(system.to_owned())];
    }
    let concept = |concept: &Node<'_>| Member::Concept {
        system: system.to_owned(),
        code: concept.text("code").unwrap_or_default().to_owned(),
        display: designated(concept),
    };
    concepts.iter().map(concept).collect()
}

fn contained(node: &Node<'_>, into: &mut Vec<Member>) {
    for concept in node.list("contains") {
        if let Some(code) = concept.text("code").filter(|_| concept.member("abstract").and_then(Node::as_bool) != Some(true)) {
            let system = concept.text("system").unwrap_or_default().to_owned();
            into.push(Member::Concept { system, code: code.to_owned(), display: designated(concept) });
        }
        contained(concept, into);
    }
}

fn collect(node: &Node<'_>, concepts: &mut HashMap<String, Concept>) {
    for concept in node.list("concept") {
        let weight =
            [ORDINAL_VALUE, ITEM_WEIGHT].iter().find_map(|url| decimal(extension(concept, url)?.member("valueDecimal")?.as_number()?));
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
const ITEM_WEIGHT: &str = "http://hl7.org/fhir/StructureDefinition/itemWeight";
/// Value sets of value sets of ….
const DEEPEST: usize = 16;
