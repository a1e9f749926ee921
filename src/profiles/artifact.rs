//! One artifact, and the small ones that are read whole: services and guidance.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use neuvola_fhir::Node;

use super::{Defect, File};
use crate::issue::Issue;
use crate::segment::Reason;
use crate::segment::rule::Coded;
use crate::texts::Texts;

/// A knowledge resource as it lies in its file.
#[derive(Debug)]
pub struct Artifact {
    pub file: String,
    pub resource_type: String,
    pub id: String,
    pub url: String,
    pub version: String,
    pub name: String,
    pub title: String,
    pub status: String,
    pub content: Vec<u8>,
    /// What was given counts over what is shipped.
    pub layer: usize,
    /// A Questionnaire of a form: it has our codes.
    pub ours: bool,
}

impl Artifact {
    /// `None`: readable, but no knowledge of ours (an example, a package's index).
    pub(super) fn read(file: File, layer: usize) -> Result<Option<Self>, Vec<Defect>> {
        let file = file.in_json()?;
        let node = file.node()?;
        let resource_type = node.text("resourceType").unwrap_or_default().to_owned();
        if !KNOWLEDGE.contains(&resource_type.as_str()) {
            return Ok(None);
        }
        let text = |name| node.text(name).unwrap_or_default().to_owned();
        let ours = node.list("code").iter().any(|code| code.text("system").is_some_and(|system| system.ends_with("/CodeSystem/form")));
        let (id, url, version) = (text("id"), text("url"), text("version"));
        let (name, title, status) = (text("name"), text("title"), text("status"));
        drop(node);
        let artifact = Self { file: file.name, resource_type, id, url, version, name, title, status, content: file.content, layer, ours };
        if artifact.url.is_empty() && !(layer > 0 && matches!(artifact.resource_type.as_str(), "PlanDefinition" | "Questionnaire")) {
            return Err(vec![artifact.defect(Issue::error(
                "required",
                "profiles",
                format!("{}.url", artifact.resource_type),
                "the artifact has no `url`",
            ))]);
        }
        Ok(Some(artifact))
    }

    /// Reads the content; it was readable when it was loaded.
    pub(super) fn with_node<T>(&self, see: impl FnOnce(&Node<'_>) -> T) -> Option<T> {
        neuvola_fhir::read(&self.content).ok().map(|node| see(&node))
    }

    /// Written for us: it must be without a defect.
    pub(super) const fn is_ours(&self) -> bool {
        self.ours || self.layer == 0
    }

    pub(super) fn defect(&self, issue: Issue) -> Defect {
        Defect { file: self.file.clone(), issue }
    }

    /// White space and the order of members aside.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let value = |artifact: &Self| serde_json::from_slice::<serde_json::Value>(&artifact.content).ok();
        value(self) == value(other)
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        let (left, right) = ((&self.url, &self.version, &self.resource_type), (&other.url, &other.version, &other.resource_type));
        left == right && (!self.url.is_empty() || self.id == other.id)
    }
}

/// What can be offered to a family (ActivityDefinition).
#[derive(Debug)]
pub struct Service {
    pub canonical: String,
    pub coded: Coded,
    pub title: Texts,
    pub description: Texts,
    /// R4 resource type that a record system would make of it.
    pub kind: String,
    /// How many visits.
    pub count: Option<u32>,
    /// How long one is, in minutes.
    pub minutes: Option<u32>,
    /// How often: so many in so long.
    pub rhythm: Option<Rhythm>,
}

/// How many visits and how long each, as the service says or as a rule computes it from the answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Visits {
    pub count: Option<u32>,
    pub minutes: Option<u32>,
}

impl Service {
    /// With what the rule's `dynamicValue`s come to (R4 <https://hl7.org/fhir/R4/plandefinition.html>): `timing.repeat.count` and
    /// `timing.repeat.duration`. What missing answers leave open stays as the service says.
    pub fn visits(&self, reason: Option<&Reason<'_>>) -> Visits {
        let computed = |end: &str| {
            let value = reason?.value(end)?;
            value.is_integer().then(|| u32::try_from(value).ok()).flatten().filter(|&value| value > 0)
        };
        Visits { count: computed("repeat.count").or(self.count), minutes: computed("repeat.duration").or(self.minutes) }
    }
}

#[derive(Debug, Clone)]
pub struct Rhythm {
    pub frequency: u32,
    pub period: String,
    /// UCUM unit of time, as R4's `units-of-time`.
    pub unit: String,
}

impl Service {
    pub(super) fn read(node: &Node<'_>) -> Self {
        let coding = node.member("code").and_then(|code| code.list("coding").first());
        let part = |name| coding.and_then(|coding| coding.text(name)).unwrap_or_default().to_owned();
        let repeat = node.member("timingTiming").and_then(|timing| timing.member("repeat"));
        let digits = |name: &str| repeat.and_then(|repeat| repeat.member(name)).and_then(Node::as_number);
        let number = |name: &str| digits(name).and_then(|digits| digits.parse().ok());
        let rhythm = number("frequency").zip(digits("period")).zip(repeat.and_then(|repeat| repeat.text("periodUnit")));
        Self {
            canonical: canonical(node),
            coded: Coded {
                system: part("system"),
                code: part("code"),
                display: coding.map(|coding| Texts::of(coding, "display")).unwrap_or_default(),
            },
            title: Texts::of(node, "title"),
            description: Texts::of(node, "description"),
            kind: node.text("kind").unwrap_or("ServiceRequest").to_owned(),
            count: number("count"),
            minutes: number("duration").filter(|_| repeat.and_then(|repeat| repeat.text("durationUnit")) == Some("min")),
            rhythm: rhythm.map(|((frequency, period), unit)| Rhythm { frequency, period: period.to_owned(), unit: unit.to_owned() }),
        }
    }
}

/// A text for the professional (Library, markdown a language).
#[derive(Debug)]
pub struct Guidance {
    pub canonical: String,
    pub title: Texts,
    pub text: Texts,
}

impl Guidance {
    pub(super) fn read(node: &Node<'_>) -> Self {
        let mut texts = node.list("content").iter().filter_map(|attachment| {
            let content = BASE64_STANDARD.decode(attachment.text("data")?).ok()?;
            Some((attachment.text("language")?.to_owned(), String::from_utf8(content).ok()?))
        });
        let main = texts.next().map(|(_, text)| text).unwrap_or_default();
        let translations = texts.collect();
        Self { canonical: canonical(node), title: Texts::of(node, "title"), text: Texts::new(main, translations) }
    }
}

fn canonical(node: &Node<'_>) -> String {
    format!("{}|{}", node.text("url").unwrap_or_default(), node.text("version").unwrap_or_default())
}

/// The resource types that knowledge comes in.
pub const KNOWLEDGE: [&str; 10] = [
    "ActivityDefinition",
    "CodeSystem",
    "ConceptMap",
    "Library",
    "OperationDefinition",
    "PlanDefinition",
    "Questionnaire",
    "SearchParameter",
    "StructureDefinition",
    "ValueSet",
];
