//! The submission's responses: mapped or ready, printed, read, validated; places of faults led back to what was sent.

use std::sync::Arc;

use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::QuestionnaireResponse;
use neuvola_fhir::{Node, Place, read};

use super::is_answered;
use super::places::Names;
use crate::form::map::{Frame, map_answers, print};
use crate::form::questionnaire::{ItemKind, Questionnaire};
use crate::form::submission::{Filled, Participation, Submission};
use crate::form::validate::{ValidatedResponse, validate};
use crate::form::vocabulary::Vocabulary;
use crate::issue::{Issue, Issues, Severity};
use crate::plan::{OWN_RESPONSE, PROFESSIONAL_RESPONSE, response_profile};
use crate::profiles::Profiles;
use crate::refusal::Refusal;
use crate::segment::rule::{MustAnswer, RuleSet};

/// One response of the submission.
#[derive(Debug)]
pub struct Document {
    /// Index into the submission's persons.
    pub person: usize,
    pub part: Part,
    questionnaire: Arc<Questionnaire>,
    pub response: QuestionnaireResponse,
    /// The response as we print it, where that is not `bytes`.
    printed: Option<Vec<u8>>,
    pub bytes: Vec<u8>,
    /// Where its answers stand in what was sent.
    place: String,
    /// Sent as a QuestionnaireResponse: faults keep their FHIRPath.
    is_ready: bool,
    unmapped: Vec<String>,
    names: Names,
}

/// Whose word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Own,
    Professional,
}

impl Part {
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Own => OWN_RESPONSE,
            Self::Professional => PROFESSIONAL_RESPONSE,
        }
    }
}

/// All responses of a submission, and the faults found while making them.
#[derive(Debug)]
pub struct Documents {
    list: Vec<Document>,
    issues: Vec<Issue>,
}

/// Makes the responses. The submission's own `faults` and those of mapping are kept and told together with those of
/// validation.
///
/// # Errors
/// Persons, roles or vocabularies that the form does not know.
pub fn documents(
    submission: &Submission<'_>,
    faults: Vec<Issue>,
    rule_set: &RuleSet,
    profiles: &Profiles,
    body: &[u8],
) -> Result<Documents, Refusal> {
    let mut issues = Issues::default();
    check_persons(submission, rule_set, &mut issues);
    let vocabulary = match submission.vocabulary {
        None => None,
        Some(canonical) => {
            let found = profiles.vocabulary(canonical);
            if found.is_none() {
                issues.push(Issue::error("not-found", "unknown-vocabulary", "vocabulary", "there is no such ConceptMap"));
            }
            found
        }
    };
    if issues.has_errors() {
        return Err(Refusal::Invalid(faults.into_iter().chain(issues.into_list()).collect()));
    }
    issues.extend(faults);
    let mut maker = Maker { submission, profiles, vocabulary, body, issues: &mut issues, list: Vec::new() };
    for (person, sent) in submission.persons.iter().enumerate() {
        let Some(rules) = rule_set.role(sent.role) else { continue };
        // what somebody who did not answer is said to have answered is a fault already, and nothing to look into
        if let Some(filled) = sent.filled.filter(|_| is_answered(sent.participation)) {
            maker.make(person, Part::Own, &rules.questionnaire, filled, &format!("persons[{person}]"));
        }
        let section = submission.professional.iter().position(|section| section.about == sent.key);
        if let Some((index, filled)) = section.and_then(|index| Some((index, submission.professional[index].filled?))) {
            let place = format!("professional[{index}]");
            match &rules.professional {
                Some(questionnaire) if is_answered(sent.participation) => {
                    maker.make(person, Part::Professional, questionnaire, filled, &place)
                }
                Some(_) => maker.issues.push(Issue::error(
                    "business-rule",
                    "section-about-absent",
                    place,
                    "the section is about somebody who did not answer",
                )),
                None => maker.issues.push(Issue::error(
                    "business-rule",
                    "no-section",
                    place,
                    "the form has no professional's section for this role",
                )),
            }
        }
    }
    let list = maker.list;
    Ok(Documents { list, issues: issues.into_list() })
}

fn check_persons(submission: &Submission<'_>, rule_set: &RuleSet, issues: &mut Issues) {
    let roles: Vec<_> = rule_set.roles.iter().map(|rules| rules.role.as_str()).collect();
    for (index, person) in submission.persons.iter().enumerate() {
        if rule_set.role(person.role).is_none() {
            issues.push(
                Issue::error("not-found", "unknown-role", format!("persons[{index}].role"), "the form has no such role")
                    .remedy(format!("known: {}", roles.join(", "))),
            );
        }
    }
    for rules in &rule_set.roles {
        let mut of_role = submission.persons.iter().filter(|person| person.role == rules.role).peekable();
        let named = of_role.peek().is_some();
        let answered = of_role.any(|person| person.participation == Participation::Answered);
        match rules.must_answer {
            MustAnswer::Must if !answered => {
                issues.push(Issue::error(
                    "required",
                    "must-answer",
                    "persons",
                    format!("somebody with the role `{}` must have answered", rules.role),
                ));
            }
            MustAnswer::MustUnlessDocumented if !named => {
                let remedy = "name the person with `participation` asked-no-answer or no-such-person";
                issues.push(
                    Issue::error("required", "must-answer", "persons", format!("nobody has the role `{}`", rules.role)).remedy(remedy),
                );
            }
            _ => {}
        }
    }
    if !submission.persons.iter().any(|person| is_answered(person.participation)) {
        issues.push(Issue::error("required", "must-answer", "persons", "nobody has answered"));
    }
}

struct Maker<'m> {
    submission: &'m Submission<'m>,
    profiles: &'m Profiles,
    vocabulary: Option<&'m Vocabulary>,
    body: &'m [u8],
    issues: &'m mut Issues,
    list: Vec<Document>,
}

impl Maker<'_> {
    fn make(&mut self, person: usize, part: Part, questionnaire: &Arc<Questionnaire>, filled: Filled<'_>, place: &str) {
        let document = match filled {
            Filled::Answers(answers) => self.mapped(person, part, questionnaire, answers, format!("{place}.answers")),
            Filled::Response(response) => self.ready(person, part, questionnaire, response, format!("{place}.response")),
        };
        self.list.extend(document);
    }

    fn mapped(
        &mut self,
        person: usize,
        part: Part,
        questionnaire: &Arc<Questionnaire>,
        answers: &Node<'_>,
        place: String,
    ) -> Option<Document> {
        let decided = self.submission.decision.as_ref().map(|decision| decision.decided);
        let authored = if part == Part::Professional { decided.unwrap_or(self.submission.authored) } else { self.submission.authored };
        let frame = Frame { authored, language: self.submission.language };
        // the professional's section comes in our own words, whoever made the family's form
        let vocabulary = self.vocabulary.filter(|_| part == Part::Own);
        let mapped = map_answers(answers, questionnaire, vocabulary, frame, &Place::root(&place), self.issues);
        let (response, bytes) = print(with_profile(mapped.response));
        Some(Document {
            person,
            part,
            questionnaire: Arc::clone(questionnaire),
            response,
            printed: None,
            bytes,
            place,
            is_ready: false,
            unmapped: mapped.unmapped,
            names: Names::new(questionnaire, vocabulary),
        })
    }

    fn ready(&mut self, person: usize, part: Part, questionnaire: &Arc<Questionnaire>, node: &Node<'_>, place: String) -> Option<Document> {
        refuse_unsafe(node, &place, self.issues);
        let mut refuse = |member: &str, code, fault, message: String, remedy: String| {
            self.issues.push(Issue::error(code, fault, format!("{place}{member}"), message).remedy(remedy))
        };
        if node.text("resourceType") != Some("QuestionnaireResponse") {
            refuse("", "structure", "not-a-response", "a QuestionnaireResponse is wanted".to_owned(), String::new());
            return None;
        }
        let named = node.text("questionnaire").and_then(|canonical| self.profiles.questionnaire(canonical));
        if named.is_none_or(|named| named.canonical() != questionnaire.canonical()) {
            refuse(
                ".questionnaire",
                "not-found",
                "other-questionnaire",
                "the response answers another Questionnaire than this role's, or another version".to_owned(),
                format!("wanted: {}", questionnaire.canonical()),
            );
            return None;
        }
        if !matches!(node.text("status"), Some("completed" | "amended")) && self.submission.decision.is_some() {
            refuse(
                ".status",
                "business-rule",
                "not-completed",
                "a decision is made on a completed response".to_owned(),
                "set `status` to completed or amended".to_owned(),
            );
        }
        let subject = node.member("subject").and_then(|subject| subject.member("identifier"));
        let identifier = self.submission.persons[person].identifier.as_ref();
        if subject.zip(identifier).is_some_and(|(subject, identifier)| {
            subject.text("value") != Some(&identifier.value) || subject.text("system") != Some(&identifier.system)
        }) {
            refuse(
                ".subject",
                "business-rule",
                "other-subject",
                "the response is about another person than `identifier` says".to_owned(),
                String::new(),
            );
        }
        let bytes = self.body[node.start..node.end].to_vec();
        match neuvola_fhir::parse(&bytes) {
            Ok(Resource::QuestionnaireResponse(response)) => {
                let (response, printed) = print(with_profile(*response));
                Some(Document {
                    person,
                    part,
                    questionnaire: Arc::clone(questionnaire),
                    response,
                    printed: Some(printed),
                    bytes,
                    place,
                    is_ready: true,
                    unmapped: Vec::new(),
                    names: Names::new(questionnaire, None),
                })
            }
            Ok(_) => None,
            Err(error) => {
                refuse("", "structure", "not-r4", error.to_string(), "check the elements and their types against R4".to_owned());
                None
            }
        }
    }
}

impl Documents {
    pub fn iter(&self) -> std::slice::Iter<'_, Document> {
        self.list.iter()
    }

    /// Reads what was printed.
    ///
    /// # Errors
    /// Only by our own bug.
    pub fn nodes(&self) -> Result<Vec<Node<'_>>, Refusal> {
        self.list.iter().map(|document| read(&document.bytes).map_err(|_| Refusal::Bug)).collect()
    }

    /// Validates all responses.
    ///
    /// # Errors
    /// Every fault of all of them, those of mapping first.
    pub fn validate<'v>(&'v self, nodes: &'v [Node<'v>]) -> Result<Vec<ValidatedResponse<'v, 'v>>, Refusal> {
        let mut issues = Issues::default();
        issues.extend(self.issues.iter().cloned());
        let mut responses = Vec::new();
        for (document, node) in self.list.iter().zip(nodes) {
            match validate(node, &document.questionnaire) {
                Ok(response) => responses.push(response),
                Err(found) => issues.extend(found.into_iter().flat_map(|issue| document.in_submission(issue))),
            }
        }
        if issues.has_errors() { Err(Refusal::Invalid(issues.into_list())) } else { Ok(responses) }
    }
}

impl Document {
    /// Its content as we print it: white space is no other content.
    pub fn content(&self) -> &[u8] {
        self.printed.as_deref().unwrap_or(&self.bytes)
    }

    /// A fault of the response as faults of what was sent. What mapping has already told is not told again.
    fn in_submission(&self, mut issue: Issue) -> Vec<Issue> {
        if self.is_ready {
            issue.place = issue.place.replacen("QuestionnaireResponse", &self.place, 1);
            return vec![issue];
        }
        if issue.severity != Severity::Error {
            return vec![issue];
        }
        let link_id = issue.link_id.clone().unwrap_or_default();
        if self.unmapped.contains(&link_id) {
            return Vec::new();
        }
        let (holder, answer) = self.names.holder((&issue.place, &link_id), &self.place, &self.response, &self.questionnaire);
        if issue.fault == "missing-answer"
            && let Some(group) = self.questionnaire.find(&link_id).filter(|&index| self.questionnaire.item(index).kind == ItemKind::Group)
        {
            // answers come flat: what is missing is not the group but what must be answered in it
            let mut missing = Vec::new();
            self.demanded(group, &holder, &mut missing);
            if !missing.is_empty() {
                return missing;
            }
        }
        issue.place = match &answer {
            _ if link_id.is_empty() => holder,
            Some(position) => format!("{}[{position}]", self.names.place(&holder, &link_id)),
            None => self.names.place(&holder, &link_id),
        };
        vec![issue]
    }

    /// A fault for each question below `group` that must be answered when nothing in the group is.
    fn demanded(&self, group: usize, holder: &str, missing: &mut Vec<Issue>) {
        for &index in self.questionnaire.children(Some(group)) {
            let item = self.questionnaire.item(index);
            if !item.required || !item.enable_when.is_empty() || self.unmapped.contains(&item.link_id) {
                continue;
            }
            if item.kind == ItemKind::Group {
                self.demanded(index, holder, missing);
            } else {
                let message = format!("a required answer is missing: `{}`", item.link_id);
                missing.push(
                    Issue::error("required", "missing-answer", self.names.place(holder, &item.link_id), message).about(&item.link_id),
                );
            }
        }
    }
}

/// Claims our profile: that is what it was proven against.
/// What a ready response may not bring into a record: words that change its meaning unread, and other people's data.
pub(super) fn refuse_unsafe(node: &Node<'_>, place: &str, issues: &mut Issues) {
    for name in ["implicitRules", "modifierExtension", "contained"] {
        if node.member(name).is_some() {
            let issue =
                Issue::error("not-supported", "unsafe-element", format!("{place}.{name}"), format!("`{name}` is not taken into a record"));
            issues.push(issue.remedy("leave it out"));
        }
    }
}

pub(super) fn with_profile(mut response: QuestionnaireResponse) -> QuestionnaireResponse {
    let meta = response.meta.get_or_insert_with(Box::default);
    let profile = response_profile();
    if !meta.profile.iter().any(|known| known.value.as_deref() == Some(&profile)) {
        meta.profile.push(profile.as_str().into());
    }
    response
}
