//! A form vendor's own field and option names, from a ConceptMap (R4 <https://hl7.org/fhir/R4/conceptmap.html>).
//!
//! A group whose target is a Questionnaire maps fields to linkIds. A group whose source ends in `/{field}` maps that
//! field's option codes to a code system's; a field without such a group sends its answers as they are.

use std::collections::HashMap;

use neuvola_fhir::Node;

#[derive(Debug)]
pub struct Vocabulary {
    pub url: String,
    pub version: String,
    /// Questionnaire url -> field -> linkId
    fields: HashMap<String, HashMap<String, String>>,
    /// field -> option -> (system, code)
    options: HashMap<String, HashMap<String, (String, String)>>,
}

impl Vocabulary {
    pub fn compile(node: &Node<'_>) -> Self {
        let mut vocabulary = Self {
            url: node.text("url").unwrap_or_default().to_owned(),
            version: node.text("version").unwrap_or_default().to_owned(),
            fields: HashMap::new(),
            options: HashMap::new(),
        };
        for group in node.list("group") {
            let target = group.text("target").unwrap_or_default();
            if target.contains("/Questionnaire/") {
                vocabulary.fields.entry(target.to_owned()).or_default().extend(pairs(group));
            } else if let Some((_, field)) = group.text("source").unwrap_or_default().rsplit_once('/') {
                let codes = pairs(group).map(|(from, to)| (from, (target.to_owned(), to)));
                vocabulary.options.entry(field.to_owned()).or_default().extend(codes);
            }
        }
        vocabulary
    }

    pub fn link_id(&self, questionnaire: &str, field: &str) -> Option<&str> {
        self.fields.get(questionnaire)?.get(field).map(String::as_str)
    }

    pub fn options_of(&self, field: &str) -> Option<&HashMap<String, (String, String)>> {
        self.options.get(field)
    }

    pub fn option(&self, field: &str, word: &str) -> Option<(&str, &str)> {
        self.options.get(field)?.get(word).map(|(system, code)| (system.as_str(), code.as_str()))
    }

    /// (Questionnaire url, field, linkId), for cross-checks.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.fields
            .iter()
            .flat_map(|(url, fields)| fields.iter().map(move |(field, link_id)| (url.as_str(), field.as_str(), link_id.as_str())))
    }

    /// (field, system, code), for cross-checks.
    pub fn targets(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.options
            .iter()
            .flat_map(|(field, options)| options.values().map(move |(system, code)| (field.as_str(), system.as_str(), code.as_str())))
    }
}

fn pairs<'n>(group: &'n Node<'_>) -> impl Iterator<Item = (String, String)> + 'n {
    group
        .list("element")
        .iter()
        .filter_map(|element| Some((element.text("code")?.to_owned(), element.list("target").first()?.text("code")?.to_owned())))
}
