//! Resources as somebody read them from a record: alone or in Bundles, in any order.

use std::collections::BTreeMap;

use neuvola_fhir::Node;

use crate::issue::Issue;
use crate::plan::StoredPlan;
use crate::refusal::Refusal;

/// The plans and responses among them.
#[derive(Debug, Default)]
pub struct Held<'d> {
    /// Those that we wrote: they say so by their profile, or by the segmentation in them.
    pub plans: Vec<Resourced<'d>>,
    /// How many plans are others'.
    pub foreign: usize,
    responses: Vec<Resourced<'d>>,
    /// How many of a type a search said that there are.
    announced: BTreeMap<String, u64>,
}

/// A resource and the document that it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Resourced<'d> {
    pub(super) node: &'d Node<'d>,
    pub(super) document: &'d [u8],
    /// `Bundle.entry.fullUrl`
    full_url: Option<&'d str>,
}

impl<'d> Held<'d> {
    /// Takes what there is in a resource or a Bundle.
    pub fn take(&mut self, node: &'d Node<'d>, document: &'d [u8]) {
        self.announce(node);
        self.take_one(Resourced { node, document, full_url: None });
        for entry in node.list("entry").iter().filter(|_| node.text("resourceType") == Some("Bundle")) {
            if let Some(node) = entry.member("resource") {
                self.take_one(Resourced { node, document, full_url: entry.text("fullUrl") });
            }
        }
    }

    /// A search's own number of what it found, all pages together.
    fn announce(&mut self, bundle: &Node<'_>) {
        let total: Option<u64> = bundle.member("total").and_then(Node::as_number).and_then(|total| total.parse().ok());
        let matched = |entry: &&Node<'_>| entry.member("search").is_none_or(|search| search.text("mode") != Some("include"));
        let first = bundle.list("entry").iter().find(matched).and_then(|entry| entry.member("resource")?.text("resourceType"));
        if let (Some("searchset"), Some(total), Some(kind)) = (bundle.text("type"), total, first) {
            let known = self.announced.entry(kind.to_owned()).or_default();
            *known = total.max(*known);
        }
    }

    /// Of which types a search found more than is here, with how many there are and how many are here.
    pub fn cut_off(&self) -> Vec<(&str, u64, usize)> {
        let held = |kind: &str| match kind {
            "CarePlan" => self.plans.len() + self.foreign,
            "QuestionnaireResponse" => self.responses.len(),
            _ => usize::MAX,
        };
        let counted = self.announced.iter().map(|(kind, total)| (kind.as_str(), *total, held(kind)));
        counted.filter(|(_, total, held)| usize::try_from(*total).is_ok_and(|total| total > *held)).collect()
    }

    /// What is held twice, in overlapping answers of a record, counts once.
    fn take_one(&mut self, resource: Resourced<'d>) {
        let list = match resource.node.text("resourceType") {
            Some("CarePlan") if !StoredPlan::is_ours(resource.node) => {
                self.foreign += 1;
                return;
            }
            Some("CarePlan") => &mut self.plans,
            Some("QuestionnaireResponse") => &mut self.responses,
            _ => return,
        };
        if !list.iter().any(|known| known.text() == resource.text()) {
            list.push(resource);
        }
    }

    /// Those of responses that a plan refers to; what else it refers to is left aside.
    ///
    /// # Errors
    /// One that is not here, or is here in several versions.
    pub(super) fn responses_of(&self, references: &[&str]) -> Result<Vec<Resourced<'d>>, Refusal> {
        let (mut found, mut issues) = (Vec::new(), Vec::new());
        for (index, &reference) in references.iter().enumerate() {
            let mut refuse = |code, fault, message: &str, remedy: &str| {
                let message = format!("`{reference}`: {message}");
                let issue = Issue::error(code, fault, format!("CarePlan.supportingInfo[{index}]"), message);
                issues.push(issue.remedy(remedy));
            };
            match self.responses.iter().filter(|response| response.is(reference)).collect::<Vec<_>>().as_slice() {
                [one] => found.push(**one),
                [] if reference.contains("QuestionnaireResponse/") || reference.starts_with("urn:uuid:") => {
                    refuse(
                        "not-found",
                        "response-missing",
                        "the plan was made from a response that is not among those given",
                        "give it too",
                    );
                }
                [] => {}
                _ => refuse(
                    "multiple-matches",
                    "several-responses",
                    "the response is given in several versions",
                    "give the one that was decided on",
                ),
            }
        }
        if issues.is_empty() { Ok(found) } else { Err(Refusal::Invalid(issues)) }
    }

    /// The responses of each person, in the order in which they came.
    pub(super) fn by_subject(&self) -> Vec<Vec<Resourced<'d>>> {
        let mut persons: Vec<(Option<&str>, Vec<Resourced<'d>>)> = Vec::new();
        for response in &self.responses {
            let subject = response.node.member("subject");
            let whose = subject.and_then(|subject| subject.text("reference").or_else(|| subject.member("identifier")?.text("value")));
            match persons.iter_mut().find(|(known, _)| *known == whose) {
                Some((_, responses)) => responses.push(*response),
                None => persons.push((whose, vec![*response])),
            }
        }
        persons.into_iter().map(|(_, responses)| responses).collect()
    }
}

impl<'d> Resourced<'d> {
    /// Relative where the record gave it an id.
    pub fn reference(&self) -> String {
        match (self.node.text("resourceType"), self.node.text("id")) {
            (Some(kind), Some(id)) => format!("{kind}/{id}"),
            _ => self.full_url.or_else(|| self.identifier()).unwrap_or_default().to_owned(),
        }
    }

    /// Whether both say whose they are, and say another.
    pub(super) fn is_of_another(&self, other: &Self) -> bool {
        let subject = |it: &Self| it.node.member("subject");
        let reference = |it: &Self| subject(it)?.text("reference").map(|text| text.rsplit('/').take(2).collect::<Vec<_>>().join("/"));
        let identifier = |it: &Self| {
            let identifier = subject(it)?.member("identifier")?;
            Some((identifier.text("system")?.to_owned(), identifier.text("value")?.to_owned()))
        };
        let differ = reference(self).zip(reference(other)).map(|(one, another)| one != another);
        differ.or_else(|| identifier(self).zip(identifier(other)).map(|(one, another)| one != another)).unwrap_or_default()
    }

    /// Where faults of it stand: there may be others of its kind.
    pub(super) fn place(&self) -> String {
        let kind = self.node.text("resourceType").unwrap_or_default();
        self.node.text("id").map_or_else(|| kind.to_owned(), |id| format!("{kind}.where(id = '{id}')"))
    }

    /// By id, wherever the record stands, at this version if one is named; by the address in its Bundle; by its identifier.
    fn is(&self, reference: &str) -> bool {
        if self.full_url == Some(reference) || self.identifier() == Some(reference) {
            return true;
        }
        let (resource, version) =
            reference.split_once("/_history/").map_or((reference, None), |(resource, version)| (resource, Some(version)));
        let held = self.node.member("meta").and_then(|meta| meta.text("versionId"));
        let mut parts = resource.rsplit('/');
        parts.next().is_some_and(|id| self.node.text("id") == Some(id))
            && parts.next() == self.node.text("resourceType")
            && version.is_none_or(|version| held == Some(version))
    }

    /// The one that we give is a URI by itself.
    fn identifier(&self) -> Option<&'d str> {
        let identifier = self.node.member("identifier")?;
        let identifier = identifier.elements().first().unwrap_or(identifier);
        (identifier.text("system") == Some("urn:ietf:rfc:3986")).then(|| identifier.text("value")).flatten()
    }

    fn text(&self) -> &'d [u8] {
        &self.document[self.node.start..self.node.end]
    }
}
