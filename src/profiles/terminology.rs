//! Code systems and value sets, as far as our own knowledge needs them: enumerated ones.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use neuvola_fhir::Node;
use rust_decimal::Decimal;

use crate::form::questionnaire::{AnswerOption, OptionValue, Questionnaire, Unit, decimal, weight_on};
use crate::segment::rule::Coded;
use crate::texts::Texts;

/// Shared: cloned for a Questionnaire that brings its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Terminology {
    systems: HashMap<String, Arc<HashMap<String, Concept>>>,
    value_sets: HashMap<String, Arc<Vec<Member>>>,
    /// Of the value sets that state one.
    versions: HashMap<String, String>,
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
        system: Arc<str>,
        code: String,
        display: Texts,
        weight: Option<Decimal>,
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
            self.versions.extend(node.text("version").map(|version| (url.clone(), version.to_owned())));
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
    /// Codes are translated where `is_ours` says so of their system.
    pub(super) fn dangling(&self, is_ours: impl Fn(&str) -> bool) -> Vec<(&'static str, String, String)> {
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
        for (url, concepts) in self.systems.iter().filter(|(url, _)| is_ours(url)) {
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

    /// Gives a Questionnaire what value sets and code systems say: options, units, weights. What does not resolve is told, by the
    /// item, the element and the canonical.
    pub(super) fn complete(&self, questionnaire: &mut Questionnaire, most: usize) -> Vec<(usize, &'static str, String)> {
        let mut left = most;
        let mut unresolved = Vec::new();
        for index in 0..questionnaire.items().len() {
            if let Some(canonical) = questionnaire.item(index).value_set.clone() {
                match self.expand(&canonical, &mut left) {
                    Some(options) => questionnaire.fill_options(index, options),
                    None => {
                        self.note_unexpanded(questionnaire, index, &canonical);
                        unresolved.push((index, "answerValueSet", canonical));
                    }
                }
            }
            if let Some(canonical) = questionnaire.item(index).unit_value_set.clone() {
                match self.expand(&canonical, &mut left) {
                    Some(options) => questionnaire.fill_units(index, options.into_iter().filter_map(unit).collect()),
                    None => {
                        self.note_unexpanded(questionnaire, index, &canonical);
                        unresolved.push((index, "extension", canonical));
                    }
                }
            }
        }
        questionnaire.fill_weights(|system, code| self.systems.get(system)?.get(code)?.weight);
        unresolved
    }

    fn note_unexpanded(&self, questionnaire: &mut Questionnaire, index: usize, canonical: &str) {
        if self.members(canonical).is_some() {
            questionnaire.leave_unexpanded(index);
        }
    }

    /// The options that a value set gives; `None` if not every code of it can be told, it is known in another version only (one
    /// that states none is taken for any), or they would take more than what is `left`, in bytes.
    fn expand(&self, canonical: &str, left: &mut usize) -> Option<Vec<AnswerOption>> {
        self.all_of(self.members(canonical)?, 0, left)
    }

    fn members(&self, canonical: &str) -> Option<&[Member]> {
        let (url, version) = super::split(canonical);
        let is_other = version.zip(self.versions.get(url)).is_some_and(|(wanted, known)| wanted != known);
        if is_other { None } else { self.value_sets.get(url).map(|members| members.as_slice()) }
    }

    /// Sets of sets of sets could name any number, and each code its system again.
    fn all_of(&self, members: &[Member], depth: usize, left: &mut usize) -> Option<Vec<AnswerOption>> {
        let mut options: Vec<AnswerOption> = Vec::new();
        if depth > DEEPEST {
            return None;
        }
        for member in members {
            match member {
                Member::Concept { system, code, display, weight } => {
                    let known = self.systems.get(&**system).and_then(|concepts| concepts.get(code));
                    let own = known.map(|concept| concept.display.clone()).filter(|_| display.is_empty());
                    let weight = weight.or_else(|| known.and_then(|concept| concept.weight));
                    let display = own.unwrap_or_else(|| display.clone());
                    *left = left.checked_sub(size(system, code, &display))?;
                    options.push(AnswerOption::coded(system, code, display, weight));
                }
                Member::System(system) => {
                    let concepts = self.systems.get(system).filter(|_| !self.partial.contains(system))?;
                    *left = left.checked_sub(concepts.iter().map(|(code, concept)| size(system, code, &concept.display)).sum())?;
                    let mut codes: Vec<_> = concepts.iter().collect();
                    codes.sort_by_key(|(code, _)| code.as_str());
                    let coded =
                        |(code, concept): (&String, &Concept)| AnswerOption::coded(system, code, concept.display.clone(), concept.weight);
                    options.extend(codes.into_iter().map(coded));
                }
                Member::Set(canonical) => {
                    *left = left.checked_sub(canonical.len() + 1)?;
                    options.extend(self.all_of(self.members(canonical)?, depth + 1, left)?);
                }
                Member::Without(members) => {
                    let without = self.all_of(members, depth + 1, left)?;
                    let coded: HashSet<_> = without.iter().map(AnswerOption::coding).collect();
                    options.retain(|option| !coded.contains(&option.coding()));
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
        return vec![Member::Set(set.as_str().unwrap_or_default().to_owned())];
    }
    let system = node.text("system").unwrap_or_default();
    let concepts = node.list("concept");
    if concepts.is_empty() {
        return vec![Member::System(system.to_owned())];
    }
    let system: Arc<str> = Arc::from(system);
    let concept = |concept: &Node<'_>| Member::Concept {
        system: Arc::clone(&system),
        code: concept.text("code").unwrap_or_default().to_owned(),
        display: designated(concept),
        weight: weight_on(concept),
    };
    concepts.iter().map(concept).collect()
}

fn contained(node: &Node<'_>, into: &mut Vec<Member>) {
    for concept in node.list("contains") {
        if let Some(code) = concept.text("code").filter(|_| concept.member("abstract").and_then(Node::as_bool) != Some(true)) {
            let system = Arc::from(concept.text("system").unwrap_or_default());
            into.push(Member::Concept { system, code: code.to_owned(), display: designated(concept), weight: weight_on(concept) });
        }
        contained(concept, into);
    }
}

fn collect(node: &Node<'_>, concepts: &mut HashMap<String, Concept>) {
    for concept in node.list("concept") {
        let weight = weight_on(concept).or_else(|| weight_property(concept));
        concepts.insert(concept.text("code").unwrap_or_default().to_owned(), Concept { display: designated(concept), weight });
        collect(concept, concepts);
    }
}

/// A weight as a property of the concept (`http://hl7.org/fhir/concept-properties#itemWeight`).
fn weight_property(concept: &Node<'_>) -> Option<Decimal> {
    let is_weight = |property: &&Node<'_>| matches!(property.text("code"), Some("itemWeight" | "ordinalValue"));
    let property = concept.list("property").iter().find(is_weight)?;
    decimal(property.member("valueDecimal").or_else(|| property.member("valueInteger"))?.as_number()?)
}

fn unit(option: AnswerOption) -> Option<Unit> {
    let OptionValue::Coding { system, code } = option.value else { return None };
    Some(Unit { system: Some(system), display: code.clone(), code })
}

/// A display with its designations.
fn designated(concept: &Node<'_>) -> Texts {
    let designations =
        concept.list("designation").iter().filter_map(|it| Some((it.text("language")?.to_owned(), it.text("value")?.to_owned())));
    Texts::new(concept.text("display").unwrap_or_default(), designations.collect())
}

/// What an option takes, about.
fn size(system: &str, code: &str, display: &Texts) -> usize {
    system.len() + code.len() + display.len() + 200
}

/// Bytes that the options of one Questionnaire may take: of our own knowledge, and of what comes with a request.
pub(super) const OUR_OWN: usize = 1 << 30;
pub(super) const FOREIGN: usize = 16 << 20;
/// Value sets of value sets of ….
const DEEPEST: usize = 16;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::form::questionnaire::Questionnaire;
    use crate::issue::{Issue, Severity};
    use crate::profiles::Library;

    fn with<T>(resource: &Value, work: impl FnOnce(&neuvola_fhir::Node<'_>) -> T) -> T {
        let document = serde_json::to_vec(resource).expect("it prints");
        work(&neuvola_fhir::read(&document).expect("well-formed"))
    }

    fn compiled(item: &Value, known: &[Value]) -> (Questionnaire, Vec<Issue>) {
        let mut library = Library::default();
        known.iter().for_each(|resource| with(resource, |node| library.learn(node)));
        with(&json!({"resourceType": "Questionnaire", "status": "active", "item": [item]}), |node| library.compile(node))
    }

    #[test]
    fn units_come_from_their_value_set() {
        let url = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitValueSet";
        let item = json!({"linkId": "a", "type": "quantity", "text": "A", "extension": [{"url": url, "valueCanonical": "http://example.org/v|1"}]});
        let include = json!([{"system": "http://unitsofmeasure.org", "concept": [{"code": "kg"}, {"code": "g"}]}]);
        let value_set = json!({"resourceType": "ValueSet", "url": "http://example.org/v", "compose": {"include": include}});
        let (questionnaire, issues) = compiled(&item, &[value_set]);
        let codes: Vec<&str> = questionnaire.item(0).units.iter().map(|unit| unit.code.as_str()).collect();
        assert_eq!((codes, questionnaire.item(0).units_unknown, issues), (vec!["kg", "g"], false, Vec::new()));
        let (questionnaire, issues) = compiled(&item, &[]);
        assert!(questionnaire.item(0).units_unknown);
        assert_eq!((issues[0].severity, issues[0].place.as_str()), (Severity::Warning, "Questionnaire.item[0].extension"));
    }

    #[test]
    fn an_option_without_a_weight_has_that_of_its_concept() {
        let coding = json!({"system": "http://example.org/c", "code": "x"});
        let item = json!({"linkId": "a", "type": "choice", "text": "A", "answerOption": [{"valueCoding": coding}]});
        let weight = json!([{"url": "http://hl7.org/fhir/StructureDefinition/ordinalValue", "valueDecimal": 2}]);
        let property = json!([{"code": "itemWeight", "valueDecimal": 2}]);
        for concept in [json!({"code": "x", "extension": weight}), json!({"code": "x", "property": property})] {
            let system = json!({"resourceType": "CodeSystem", "url": "http://example.org/c", "content": "complete", "concept": [concept]});
            let (questionnaire, _) = compiled(&item, &[system]);
            assert_eq!(questionnaire.item(0).options[0].weight, Some(2.into()));
        }
    }
}
