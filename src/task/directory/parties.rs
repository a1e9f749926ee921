//! The directory as searches for Tasks see it.

use std::borrow::Cow;

use super::{Directory, REGISTER};
use crate::task::search::{Kind, Matching, Parties};

impl Parties for Directory {
    fn by_identifier(&self, kind: Kind, system: Option<&str>, value: &str) -> Vec<String> {
        if kind != Kind::Organization || system.is_some_and(|system| system != REGISTER) {
            return Vec::new();
        }
        let found = self.organizations.iter().filter(|held| held.identifier == value);
        found.map(|held| format!("Organization/{}", held.id)).collect()
    }

    fn by_name(&self, kind: Kind, text: &str, matching: Matching) -> Vec<String> {
        let wanted = folded(text);
        let matches = |name: &str| match matching {
            Matching::Begins => folded(name).starts_with(&wanted),
            Matching::Contains => folded(name).contains(&wanted),
            Matching::Exact => name == text,
        };
        match kind {
            Kind::Organization => {
                let found = self.organizations.iter().filter(|held| matches(&held.name));
                found.map(|held| format!("Organization/{}", held.id)).collect()
            }
            Kind::HealthcareService => {
                let names = |held: &super::Service| [&held.name.fi, &held.name.sv, &held.name.en].into_iter().any(|name| matches(name));
                let found = self.services.iter().filter(|held| names(held));
                found.map(|held| format!("HealthcareService/{}", held.id)).collect()
            }
        }
    }

    fn knows(&self, reference: &str) -> bool {
        self.knows(reference)
    }

    fn has_queue(&self, queue: &str) -> bool {
        self.service_of(queue).is_some()
    }

    fn served_by(&self, organization: &str) -> Vec<String> {
        let served = self.services.iter().filter(|held| held.served_by.iter().any(|id| id == organization));
        served.map(|held| format!("HealthcareService/{}", held.id)).collect()
    }

    fn printed(&self, reference: &str) -> Option<Cow<'_, [u8]>> {
        let resource = match reference.split_once('/')? {
            ("Organization", id) => &self.organization(id)?.resource,
            ("HealthcareService", id) => &self.service(id)?.resource,
            _ => return None,
        };
        Some(Cow::Borrowed(resource))
    }
}

/// Without case and accents, as R4 compares strings (<https://hl7.org/fhir/R4/search.html#string>): the letters of the languages
/// that names here are in.
fn folded(text: &str) -> String {
    let plain = |letter: char| match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' => 'a',
        'ç' | 'č' => 'c',
        'è' | 'é' | 'ê' | 'ë' | 'ē' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' | 'ŋ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' => 'o',
        'š' => 's',
        'ŧ' => 't',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ý' | 'ÿ' => 'y',
        'ž' => 'z',
        'đ' => 'd',
        other => other,
    };
    // a letter and its accent may also come as two characters
    let is_accent = |letter: &char| ('\u{300}'..='\u{36f}').contains(letter);
    text.to_lowercase().chars().filter(|letter| !is_accent(letter)).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Configuration;

    #[test]
    fn tasks_are_found_through_those_whom_they_name() {
        let directory = Configuration::sandbox(&mut || "t".to_owned()).unwrap().0.directory;
        let parties: &dyn Parties = &directory;
        let lapua = ["Organization/lapua"];
        let oid = "urn:oid:1.2.246.10.99999990.10.408";
        assert_eq!(parties.by_identifier(Kind::Organization, None, oid), lapua);
        assert_eq!(parties.by_identifier(Kind::Organization, Some(REGISTER), oid), lapua);
        assert!(parties.by_identifier(Kind::Organization, Some(""), oid).is_empty());
        assert!(parties.by_identifier(Kind::HealthcareService, None, oid).is_empty());
        assert_eq!(parties.by_name(Kind::Organization, "LAPUAN", Matching::Begins), lapua);
        for name in ["seinaj", "SEINÄJ", "Seina\u{308}j"] {
            assert_eq!(parties.by_name(Kind::Organization, name, Matching::Begins), ["Organization/seinajoki"], "{name}");
        }
        assert!(parties.has_queue("family-planning") && !parties.has_queue("foo"));
        assert!(parties.by_name(Kind::Organization, "lapuan neuvola (mallidata)", Matching::Exact).is_empty());
        assert_eq!(parties.by_name(Kind::HealthcareService, "familje", Matching::Contains), ["HealthcareService/family-planning"]);
        assert_eq!(parties.served_by("ilmajoki"), ["HealthcareService/maternity-child-health"]);
        assert!(parties.printed("Organization/lapua").is_some() && parties.printed("Organization/family-planning").is_none());
    }
}
