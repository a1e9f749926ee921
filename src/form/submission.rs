//! The submission: what a form platform sends, as documented in `fixtures/README.md`.
//!
//! The wire's shape is read here, in one function, into borrowed parts; nothing else knows it.

use neuvola_fhir::{Node, Place};

use super::decode::{Object, wrong_kind};
use crate::identity::{self, Identifier};
use crate::issue::{Issue, Issues};
use crate::plan::decision::{Decision, read_decision};

/// A family's form, as sent.
#[derive(Debug)]
pub struct Submission<'d> {
    /// The platform's own id of this submission: the same id is the same write.
    pub id: Identifier,
    /// When the family filled it in (R4 instant).
    pub authored: &'d str,
    /// The language that the client reads: fi, sv or en.
    pub language: &'d str,
    /// Canonical of the ConceptMap for a vendor's field and option names.
    pub vocabulary: Option<&'d str>,
    pub persons: Vec<Person<'d>>,
    pub professional: Vec<Section<'d>>,
    pub decision: Option<Decision<'d>>,
    pub author: Option<Party<'d>>,
    pub organization: Option<Party<'d>>,
    pub custodian: Option<Party<'d>>,
    /// `urn:oid:` of the palvelutapahtuma.
    pub service_event: Option<&'d str>,
}

/// One person of the family.
#[derive(Debug)]
pub struct Person<'d> {
    /// The platform's name for the person within this submission.
    pub key: &'d str,
    pub role: &'d str,
    pub identifier: Option<Identifier>,
    pub participation: Participation,
    /// How the identity is known: code of the known-by code system.
    pub known_by: Option<&'static str>,
    pub filled: Option<Filled<'d>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Participation {
    Answered,
    AskedNoAnswer,
    NoSuchPerson,
}

/// What was filled in.
#[derive(Clone, Copy, Debug)]
pub enum Filled<'d> {
    /// linkId (or the vendor's field) to answer.
    Answers(&'d Node<'d>),
    /// A ready QuestionnaireResponse.
    Response(&'d Node<'d>),
}

/// The nurse's section about one person.
#[derive(Debug)]
pub struct Section<'d> {
    pub about: &'d str,
    pub filled: Option<Filled<'d>>,
}

/// A professional, organisation or custodian.
#[derive(Debug)]
pub struct Party<'d> {
    pub identifier: Identifier,
    pub name: Option<&'d str>,
}

/// Reads a submission, with every fault of shape: unknown and missing members, wrong kinds, malformed identifiers.
///
/// Where the faults leave it clear who answered what, the submission is given beside them, so that faults of the answers
/// can be told in the same refusal.
///
/// # Errors
/// The faults, where too little is left to look at the answers.
pub fn read_submission<'d>(node: &'d Node<'d>) -> Result<(Submission<'d>, Vec<Issue>), Vec<Issue>> {
    let mut issues = Issues::default();
    match submission(node, &mut issues) {
        Some(submission) => Ok((submission, issues.into_list())),
        None => Err(issues.into_list()),
    }
}

fn submission<'d>(node: &'d Node<'d>, issues: &mut Issues) -> Option<Submission<'d>> {
    let mut object = Object::open(node, Place::root(""), issues)?;
    let id = object.required("id");
    let authored = object.required_instant("authored");
    let language = object.word("language", &LANGUAGES);
    let vocabulary = object.optional_text("vocabulary");
    object.required("persons");
    let persons = object.list("persons");
    let professional = object.list("professional");
    let decision = object.optional("decision");
    let [author, organization, custodian] =
        ["author", "organization", "custodian"].map(|name| object.optional(name).map(|node| (name, node)));
    let service_event = object.optional_text("serviceEvent");
    let (root, issues) = object.inner();

    let id = id.and_then(|id| read_identifier(id, root.member("id"), issues));
    let (persons_place, professional_place) = (root.member("persons"), root.member("professional"));
    let (persons_sent, sections_sent) = (persons.len(), professional.len());
    let persons: Vec<_> =
        persons.iter().enumerate().filter_map(|(index, node)| person(node, persons_place.element(index), issues)).collect();
    let professional: Vec<_> =
        professional.iter().enumerate().filter_map(|(index, node)| section(node, professional_place.element(index), issues)).collect();
    let decision = decision.and_then(|decision| read_decision(decision, root.member("decision"), issues));
    let [author, organization, custodian] =
        [author, organization, custodian].map(|party| party.and_then(|(name, node)| read_party(node, root.member(name), issues)));
    if service_event.is_some_and(|oid| !identity::is_oid_uri(oid)) {
        let issue = Issue::error("value", "wrong-type", root.member("serviceEvent"), "`serviceEvent` is not an OID");
        issues.push(issue.remedy("write it as urn:oid:1.2.246.10…"));
    }
    if custodian.as_ref().is_some_and(|custodian| custodian.identifier.system != CUSTODIANS) {
        let issue = Issue::error(
            "code-invalid",
            "identifier",
            root.member("custodian").member("identifier").member("system"),
            "the custodian is not of the register of public custodians",
        );
        issues.push(issue.remedy(format!("use the system {CUSTODIANS}")));
    }
    refuse_same_keys(&persons, &professional, issues);
    object.close();
    // places are told by position, and answers are read by the vocabulary: without these, later faults would mislead
    let is_clear = persons_sent > 0
        && persons.len() == persons_sent
        && professional.len() == sections_sent
        && vocabulary.is_some() == node.member("vocabulary").is_some();
    if !is_clear {
        return None;
    }
    // an `id` or `language` that could not be read is refused already and only stood in for
    let id = id.unwrap_or_else(|| Identifier { system: String::new(), value: String::new() });
    Some(Submission {
        id,
        authored: authored?,
        language: LANGUAGES[language.unwrap_or_default()],
        vocabulary,
        persons,
        professional,
        decision,
        author,
        organization,
        custodian,
        service_event,
    })
}

fn person<'d>(node: &'d Node<'d>, place: Place<'_>, issues: &mut Issues) -> Option<Person<'d>> {
    let mut object = Object::open(node, place, issues)?;
    let key = object.required_text("key");
    let role = object.required_text("role");
    let identifier = object.optional("identifier");
    let known_by = object.optional("knownBy").is_some().then(|| object.word("knownBy", &KNOWN_BY)).flatten();
    let participation = object.word("participation", &PARTICIPATION).map(|index| PARTICIPATIONS[index]);
    let filled = filled(&mut object);
    let (here, issues) = object.inner();
    let given = identifier.is_some();
    let identifier = identifier.and_then(|node| read_identifier(node, here.member("identifier"), issues));
    match participation {
        Some(Participation::Answered) => {
            if !given {
                issues.push(Issue::error(
                    "required",
                    "missing-member",
                    here.member("identifier"),
                    "a person who answered needs an `identifier`",
                ));
            }
            if known_by.is_none() && node.member("knownBy").is_none() {
                let issue = Issue::error("required", "missing-member", here.member("knownBy"), "`knownBy` is missing");
                issues.push(issue.remedy(format!("say how the person's identity is known: {}", KNOWN_BY.join(", "))));
            }
            if filled.is_none() && node.member("answers").is_none() && node.member("response").is_none() {
                let issue = Issue::error("required", "missing-member", here, "a person who answered needs `answers` or a `response`");
                issues.push(issue);
            }
        }
        Some(_) if filled.is_some() => {
            issues.push(
                Issue::error("business-rule", "answers-of-absent", here, "somebody who did not answer has no answers")
                    .remedy("set `participation` to answered, or leave the answers out"),
            );
        }
        _ => {}
    }
    object.close();
    let known_by = known_by.map(|index| KNOWN_BY[index]);
    Some(Person { key: key?, role: role?, identifier, participation: participation?, known_by, filled })
}

fn section<'d>(node: &'d Node<'d>, place: Place<'_>, issues: &mut Issues) -> Option<Section<'d>> {
    let mut object = Object::open(node, place, issues)?;
    let about = object.required_text("about");
    let filled = filled(&mut object);
    let (here, issues) = object.inner();
    if filled.is_none() && node.member("answers").is_none() && node.member("response").is_none() {
        issues.push(Issue::error("required", "missing-member", here, "a professional's section needs `answers` or a `response`"));
    }
    object.close();
    Some(Section { about: about?, filled })
}

fn filled<'d>(object: &mut Object<'d, 'd, '_, '_>) -> Option<Filled<'d>> {
    let (answers, response) = (object.optional("answers"), object.optional("response"));
    let (here, issues) = object.inner();
    match (answers, response) {
        (Some(_), Some(_)) => {
            issues.push(
                Issue::error("structure", "answers-and-response", here, "`answers` and `response` stand together")
                    .remedy("send one of the two"),
            );
            None
        }
        (Some(answers), None) if answers.kind() != neuvola_fhir::Kind::Object => {
            issues.push(wrong_kind(&here.member("answers"), answers, "an object"));
            None
        }
        (None, Some(response)) if response.kind() != neuvola_fhir::Kind::Object => {
            issues.push(wrong_kind(&here.member("response"), response, "an object"));
            None
        }
        (Some(answers), None) => Some(Filled::Answers(answers)),
        (None, Some(response)) => Some(Filled::Response(response)),
        (None, None) => None,
    }
}

/// `{system, value}`; an identity code must be one.
pub fn read_identifier(node: &Node<'_>, place: Place<'_>, issues: &mut Issues) -> Option<Identifier> {
    let mut object = Object::open(node, place, issues)?;
    let system = object.required_text("system");
    let value = object.required_text("value");
    let (here, issues) = object.inner();
    if let (Some(system), Some(value)) = (system, value)
        && let Err(message) = identity::check(system, value)
    {
        let member = if identity::is_system(system) { "value" } else { "system" };
        issues.push(Issue::error("value", "identifier", here.member(member), message));
    }
    object.close();
    Some(Identifier { system: system?.to_owned(), value: value?.to_owned() })
}

fn read_party<'d>(node: &'d Node<'d>, place: Place<'_>, issues: &mut Issues) -> Option<Party<'d>> {
    let mut object = Object::open(node, place, issues)?;
    let identifier = object.required("identifier");
    let name = object.bounded_text("name", 200);
    let (here, issues) = object.inner();
    let identifier = identifier.and_then(|node| read_identifier(node, here.member("identifier"), issues));
    object.close();
    Some(Party { identifier: identifier?, name })
}

fn refuse_same_keys(persons: &[Person<'_>], professional: &[Section<'_>], issues: &mut Issues) {
    for (index, person) in persons.iter().enumerate() {
        if persons[..index].iter().any(|other| other.key == person.key) {
            issues.push(Issue::error("duplicate", "same-person", format!("persons[{index}].key"), "two persons have the same `key`"));
        }
        let same = |other: &Person<'_>| other.identifier.is_some() && other.identifier == person.identifier;
        if persons[..index].iter().any(same) {
            issues.push(Issue::error(
                "duplicate",
                "same-person",
                format!("persons[{index}].identifier"),
                "two persons have the same `identifier`",
            ));
        }
    }
    for (index, section) in professional.iter().enumerate() {
        if !persons.iter().any(|person| person.key == section.about) {
            issues.push(Issue::error(
                "not-found",
                "unknown-person",
                format!("professional[{index}].about"),
                "no person of this submission has that `key`",
            ));
        }
        if professional[..index].iter().any(|other| other.about == section.about) {
            issues.push(Issue::error(
                "duplicate",
                "same-person",
                format!("professional[{index}].about"),
                "two sections are about the same person",
            ));
        }
    }
}

/// Rekisterinpitäjärekisteri, which HL7 Finland's public custodian profile demands.
const CUSTODIANS: &str = "urn:oid:1.2.246.537.6.40174";
pub const LANGUAGES: [&str; 3] = ["fi", "sv", "en"];
const KNOWN_BY: [&str; 3] = ["strong-authentication", "guardian", "professional"];
const PARTICIPATION: [&str; 3] = ["answered", "asked-no-answer", "no-such-person"];
const PARTICIPATIONS: [Participation; 3] = [Participation::Answered, Participation::AskedNoAnswer, Participation::NoSuchPerson];
