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
        let folded = text.to_lowercase();
        let matches = |name: &str| match matching {
            Matching::Begins => name.to_lowercase().starts_with(&folded),
            Matching::Contains => name.to_lowercase().contains(&folded),
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
        assert!(parties.by_name(Kind::Organization, "lapuan neuvola (mallidata)", Matching::Exact).is_empty());
        assert_eq!(parties.by_name(Kind::HealthcareService, "familje", Matching::Contains), ["HealthcareService/family-planning"]);
        assert_eq!(parties.served_by("ilmajoki"), ["HealthcareService/maternity-child-health"]);
        assert!(parties.printed("Organization/lapua").is_some() && parties.printed("Organization/family-planning").is_none());
    }
}
