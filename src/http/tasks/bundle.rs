//! A page of a search as a Bundle, put together of what is printed already. <https://hl7.org/fhir/R4/bundle.html#searchset>

use serde_json::json;
use uuid::Uuid;

use crate::issue::Issue;
use crate::outcome;

/// A searchset in the making.
pub(super) struct Searchset {
    entries: Vec<u8>,
    links: Vec<(&'static str, String)>,
    total: Option<u64>,
}

/// Why an entry is there.
#[derive(Clone, Copy)]
pub(super) enum Mode {
    Match,
    Include,
}

impl Searchset {
    pub(super) const fn new(total: Option<u64>) -> Self {
        Self { entries: Vec::new(), links: Vec::new(), total }
    }

    pub(super) fn link(&mut self, relation: &'static str, url: String) {
        self.links.push((relation, url));
    }

    pub(super) fn entry(&mut self, url: &str, resource: &[u8], mode: Mode) {
        let mode = match mode {
            Mode::Match => "match",
            Mode::Include => "include",
        };
        self.push(url, resource, mode);
    }

    /// What is to be told besides; nothing, if there is nothing.
    pub(super) fn tell(&mut self, issues: &[Issue]) {
        if !issues.is_empty() {
            self.push(&format!("urn:uuid:{}", Uuid::new_v4()), &outcome::print(issues), "outcome");
        }
    }

    pub(super) fn print(self) -> Vec<u8> {
        let total = self.total.map_or_else(String::new, |total| format!(r#""total":{total},"#));
        let links: Vec<_> = self.links.into_iter().map(|(relation, url)| json!({ "relation": relation, "url": url }).to_string()).collect();
        let head = format!(r#"{{"resourceType":"Bundle","type":"searchset",{total}"link":[{}]"#, links.join(","));
        let mut printed = Vec::with_capacity(head.len() + self.entries.len() + 16);
        printed.extend_from_slice(head.as_bytes());
        // FHIR knows no empty arrays
        if !self.entries.is_empty() {
            printed.extend_from_slice(br#","entry":["#);
            printed.extend_from_slice(&self.entries);
            printed.push(b']');
        }
        printed.push(b'}');
        printed
    }

    /// `url` and `mode` hold nothing that JSON would escape.
    fn push(&mut self, url: &str, resource: &[u8], mode: &str) {
        if !self.entries.is_empty() {
            self.entries.push(b',');
        }
        self.entries.extend_from_slice(format!(r#"{{"fullUrl":"{url}","resource":"#).as_bytes());
        self.entries.extend_from_slice(resource);
        self.entries.extend_from_slice(format!(r#","search":{{"mode":"{mode}"}}}}"#).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_searchset_is_put_together_of_printed_resources() {
        let mut set = Searchset::new(Some(2));
        set.link("self", "http://a.example/fhir/Task?status=a%22b".to_owned());
        set.entry("http://a.example/fhir/Task/1", br#"{"id":"1"}"#, Mode::Match);
        set.entry("http://a.example/fhir/Organization/2", br#"{"id":"2"}"#, Mode::Include);
        set.tell(&[]);
        set.tell(&[Issue::information("informational", "valid", "told")]);
        let set: Value = serde_json::from_slice(&set.print()).unwrap();
        let modes: Vec<_> = set["entry"].as_array().unwrap().iter().map(|entry| &entry["search"]["mode"]).collect();
        assert_eq!(modes, ["match", "include", "outcome"]);
        assert_eq!((&set["total"], &set["entry"][1]["resource"]["id"]), (&json!(2), &json!("2")));
    }

    #[test]
    fn an_empty_searchset_has_no_entries() {
        let set: Value = serde_json::from_slice(&Searchset::new(None).print()).unwrap();
        assert_eq!(set, json!({ "resourceType": "Bundle", "type": "searchset", "link": [] }));
    }
}
