//! The codes of callback requests, taken from the knowledge: a county that adds a topic adds it there.

use std::collections::BTreeMap;

use neuvola_fhir::Node;

use crate::profiles::Profiles;

/// Codes by code system (the last part of its canonical, as in `callback-topic`).
#[derive(Clone, Debug, Default)]
pub struct Codes(BTreeMap<String, Vec<String>>);

/// What the canonicals of our artifacts begin with.
pub const CANONICAL: &str = "https://neuvola-adapter.example/fhir";

impl Codes {
    pub fn of(profiles: &Profiles) -> Self {
        let mut codes = BTreeMap::new();
        for artifact in profiles.artifacts().iter().filter(|artifact| artifact.resource_type == "CodeSystem") {
            let Some(name) = artifact.url.strip_prefix(CANONICAL).and_then(|rest| rest.strip_prefix("/CodeSystem/")) else { continue };
            if let Ok(node) = neuvola_fhir::read(&artifact.content) {
                let mut found = Vec::new();
                collect(node.list("concept"), &mut found);
                codes.insert(name.to_owned(), found);
            }
        }
        Self(codes)
    }

    /// The codes of one system; none if it is not known.
    pub fn in_system(&self, name: &str) -> &[String] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn has(&self, name: &str, code: &str) -> bool {
        self.in_system(name).iter().any(|known| known == code)
    }
}

fn collect(concepts: &[Node<'_>], found: &mut Vec<String>) {
    for concept in concepts {
        found.extend(concept.text("code").map(str::to_owned));
        collect(concept.list("concept"), found);
    }
}

/// The canonical of one of our code systems.
pub fn system(name: &str) -> String {
    format!("{CANONICAL}/CodeSystem/{name}")
}
