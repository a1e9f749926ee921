//! What validation needs to know: Questionnaires, and the codes that they name. The shipped ones, and over them whatever is
//! given.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use neuvola_fhir::{Fault, Limits, Node, Place, read, to_json_document};

use super::remedy::remedy;
use super::split;
use super::terminology::{FOREIGN, OUR_OWN, Terminology};
use crate::form::locate::locate;
use crate::form::questionnaire::{Compiled, Questionnaire, lint};
use crate::form::validate::examine;
use crate::issue::told::{Listed, Told, clipped};
use crate::issue::{Issue, Issues, Severity};

/// What a response is held to besides its Questionnaire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    #[default]
    Core,
    /// <https://hl7.org/fhir/uv/sdc/StructureDefinition-sdc-questionnaireresponse.html>
    Sdc,
}

impl Profile {
    /// By its canonical, with or without a version.
    pub fn named(canonical: &str) -> Option<Self> {
        match split(canonical).0 {
            "http://hl7.org/fhir/StructureDefinition/QuestionnaireResponse" => Some(Self::Core),
            "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaireresponse" => Some(Self::Sdc),
            _ => None,
        }
    }
}

/// Questionnaires and terminology. Cloning shares the Questionnaires.
#[derive(Clone, Debug, Default)]
pub struct Library {
    questionnaires: Vec<Arc<Questionnaire>>,
    /// Where they stand among them.
    by_url: HashMap<String, Vec<usize>>,
    pub(super) terminology: Terminology,
    /// The only one given by name: it is meant where a response names none.
    meant: Option<Arc<Questionnaire>>,
}

impl Library {
    pub fn questionnaires(&self) -> &[Arc<Questionnaire>] {
        &self.questionnaires
    }

    /// Takes a Questionnaire, of which a response may be checked though it is defective. One of the same canonical and version
    /// is replaced. Its value sets are those known by now, its own contained ones first.
    pub fn add(&mut self, node: &Node<'_>) -> Vec<Issue> {
        self.compile_and_put(node).1
    }

    /// Takes a Questionnaire of somebody who is not trusted with our memory and time: its expressions are not run.
    pub fn add_foreign(&mut self, node: &Node<'_>, is_meant: bool) {
        let questionnaire = Arc::new(self.compile_foreign(node));
        self.meant = is_meant.then(|| Arc::clone(&questionnaire)).or_else(|| self.meant.take());
        self.put(questionnaire);
    }

    /// As [`Self::add`]; and this one is meant where a response names none.
    pub fn add_meant(&mut self, node: &Node<'_>) -> Vec<Issue> {
        let (questionnaire, defects) = self.compile_and_put(node);
        self.meant = Some(questionnaire);
        defects
    }

    fn compile_and_put(&mut self, node: &Node<'_>) -> (Arc<Questionnaire>, Vec<Issue>) {
        let (questionnaire, defects) = self.compile(node);
        let questionnaire = Arc::new(questionnaire);
        self.put(Arc::clone(&questionnaire));
        (questionnaire, defects)
    }

    /// Takes a CodeSystem or ValueSet; anything else is left aside.
    pub fn learn(&mut self, node: &Node<'_>) {
        if matches!(node.text("resourceType"), Some("CodeSystem" | "ValueSet")) {
            self.terminology.add(node);
        }
    }

    pub(super) fn put(&mut self, questionnaire: Arc<Questionnaire>) {
        let of_url = self.by_url.entry(questionnaire.url.clone()).or_default();
        let is_same = |&&at: &&usize| !questionnaire.url.is_empty() && self.questionnaires[at].version == questionnaire.version;
        if let Some(&at) = of_url.iter().find(is_same) {
            self.questionnaires[at] = questionnaire;
        } else {
            of_url.push(self.questionnaires.len());
            self.questionnaires.push(questionnaire);
        }
    }

    /// Of somebody who is not trusted with our memory and time.
    fn compile_foreign(&self, node: &Node<'_>) -> Questionnaire {
        self.compile_within(node, FOREIGN).0
    }

    /// Compiles and lints, with its options from the value sets that are known.
    pub fn compile(&self, node: &Node<'_>) -> (Questionnaire, Vec<Issue>) {
        self.compile_within(node, OUR_OWN)
    }

    fn compile_within(&self, node: &Node<'_>, most: usize) -> (Questionnaire, Vec<Issue>) {
        let Compiled { mut questionnaire, mut defects } = Questionnaire::compile(node);
        let contained = node.list("contained");
        let unresolved = if contained.is_empty() {
            self.terminology.complete(&mut questionnaire, most)
        } else {
            let mut terminology = self.terminology.clone();
            contained.iter().for_each(|node| terminology.add_contained(node));
            terminology.complete(&mut questionnaire, most)
        };
        for (index, element, canonical) in unresolved {
            let item = questionnaire.item(index);
            let message =
                format!("the value set `{canonical}` of `{}` is not known here: answers are not checked against it", item.link_id);
            let place = format!("{}.{element}", item.place);
            defects.push(Issue::warning("not-found", "questionnaire", place, message).about(&item.link_id));
        }
        defects.extend(lint(&questionnaire));
        questionnaire.defects = told(&defects);
        (questionnaire, defects)
    }

    /// Every issue of a QuestionnaireResponse or Questionnaire document, in JSON or XML; errors among them if it is not valid.
    pub fn check(&self, document: &[u8], profile: Profile) -> Vec<Issue> {
        let unreadable = |faults: Vec<Fault>| faults.into_iter().map(Issue::from).collect();
        let json = match to_json_document(document, Limits::default()) {
            Ok(json) => json,
            Err(faults) => return unreadable(faults),
        };
        let (is_json, document) = (matches!(json, Cow::Borrowed(_)), &*json);
        let node = match read(document) {
            Ok(node) => node,
            Err(faults) => return unreadable(faults),
        };
        let mut issues = self.issues_of(document, &node, profile);
        if is_json {
            locate(document, &node, &mut issues);
        }
        issues
    }

    /// As [`Self::check`], of a resource that stands in `document` and was read with it: lines are the document's.
    pub fn check_within(&self, document: &[u8], node: &Node<'_>, profile: Profile) -> Vec<Issue> {
        let mut issues = self.issues_of(document, node, profile);
        locate(document, node, &mut issues);
        issues
    }

    fn issues_of(&self, document: &[u8], node: &Node<'_>, profile: Profile) -> Vec<Issue> {
        match node.text("resourceType") {
            Some("Questionnaire") => capped(self.compile(node).1),
            Some("QuestionnaireResponse") => self.check_response(document, node, profile),
            _ => vec![Issue::of(Told::NotAResponse, "", "resourceType")],
        }
    }

    fn check_response(&self, document: &[u8], node: &Node<'_>, profile: Profile) -> Vec<Issue> {
        let (questionnaire, mut issues) = self.questionnaire_of(node);
        let questionnaire = match &questionnaire {
            Some(questionnaire) => questionnaire.as_ref(),
            // its own shape can be told all the same
            None => &Questionnaire::default(),
        };
        let is_known = !questionnaire.items().is_empty();
        let (_, found) = examine(node, questionnaire);
        issues.extend(questionnaire.defects.iter().cloned());
        issues.extend(found.into_iter().filter(|issue| is_known || issue.fault != "unknown-link-id"));
        if let Some(contained) = contained_questionnaire(node) {
            let of_questionnaire = issues.iter_mut().filter(|issue| issue.fault == "questionnaire");
            of_questionnaire.for_each(|issue| issue.place = issue.place.replacen("Questionnaire", &contained, 1));
        }
        let refused = node.list("contained").iter().enumerate().filter_map(|(index, contained)| {
            let error = neuvola_fhir::parse(&document[contained.start..contained.end]).err()?;
            let place = format!("QuestionnaireResponse.contained[{index}]");
            Some(Issue::of(Told::NotR4 { why: error.to_string() }, "", place))
        });
        issues.extend(capped(refused));
        let claims = node.member("meta").map_or(&[][..], |meta| meta.list("profile"));
        let claims_sdc = claims.iter().filter_map(Node::as_str).any(|canonical| Profile::named(canonical) == Some(Profile::Sdc));
        if profile == Profile::Sdc || claims_sdc {
            sdc(node, &mut issues);
        }
        issues
    }

    /// The Questionnaire that the response answers, and what is to be said of how it names it.
    fn questionnaire_of(&self, node: &Node<'_>) -> (Option<Cow<'_, Questionnaire>>, Vec<Issue>) {
        let place = Place::root("QuestionnaireResponse");
        let place = place.member("questionnaire");
        let Some(canonical) = node.text("questionnaire").filter(|canonical| !canonical.is_empty()) else {
            return match &self.meant {
                Some(meant) => {
                    let message = "the response names no Questionnaire; it was checked against the one that is given";
                    let warning = Issue::warning("business-rule", "no-questionnaire", place, message);
                    (Some(Cow::Borrowed(meant)), vec![warning.remedy(format!("write `questionnaire`: `{}`", meant.canonical()))])
                }
                None => (None, vec![Issue::of(Told::NoQuestionnaire, "", place)]),
            };
        };
        if let Some(id) = canonical.strip_prefix('#') {
            return match node.list("contained").iter().find(|it| is_questionnaire(it, id)) {
                Some(contained) => (Some(Cow::Owned(self.compile_foreign(contained))), Vec::new()),
                None => (None, vec![Issue::of(Told::NotContained, "", place)]),
            };
        }
        match self.resolve(canonical, node.text("authored").unwrap_or_default()) {
            Ok(questionnaire) => {
                let authored = node.text("authored").unwrap_or_default();
                let late = !questionnaire.is_in_force(authored);
                let message = "the Questionnaire was not in force when the response was authored";
                let warning = late.then(|| {
                    let issue = Issue::warning("business-rule", "not-in-force", "QuestionnaireResponse.authored", message);
                    issue.remedy("name the version that was answered, or correct `authored`")
                });
                (Some(Cow::Borrowed(questionnaire)), warning.into_iter().collect())
            }
            Err(told) => match self.meant.as_deref().filter(|meant| meant.url.is_empty()) {
                // it has no canonical to be named by
                Some(meant) => {
                    let message = "the given Questionnaire has no `url`; the response was checked against it all the same";
                    (Some(Cow::Borrowed(meant)), vec![Issue::warning("business-rule", "no-questionnaire", place, message)])
                }
                None => (None, vec![Issue::of(told, "", place)]),
            },
        }
    }

    /// Exactly the version that is named. Without one: the only one of this url that was in force at `authored`.
    ///
    /// # Errors
    /// Why there is none.
    pub fn resolve(&self, canonical: &str, authored: &str) -> Result<&Arc<Questionnaire>, Box<Told>> {
        let (url, version) = split(canonical);
        let of_url = self.by_url.get(url).filter(|_| !url.is_empty());
        let mut of_url: Vec<_> = of_url.into_iter().flatten().map(|&at| &self.questionnaires[at]).collect();
        if of_url.is_empty() {
            return Err(Told::UnknownQuestionnaire.into());
        }
        let versions = |all: &[&Arc<Questionnaire>]| {
            let canonicals: Vec<String> = all.iter().map(|it| it.canonical()).collect();
            Listed::of_names(canonicals.iter().map(String::as_str))
        };
        if let Some(version) = version {
            let exact = of_url.iter().find(|it| it.version == version).copied();
            return exact.ok_or_else(|| Told::UnknownVersion { versions: versions(&of_url) }.into());
        }
        let known = versions(&of_url);
        of_url.retain(|it| it.is_in_force(authored));
        match of_url.as_slice() {
            [only] => Ok(only),
            [] => Err(Told::NoneInForce { versions: known }.into()),
            several => Err(Told::SeveralInForce { versions: versions(several) }.into()),
        }
    }
}

fn is_questionnaire(node: &Node<'_>, id: &str) -> bool {
    node.text("id") == Some(id) && node.text("resourceType") == Some("Questionnaire")
}

/// Where the response contains the Questionnaire that it answers, if it does.
fn contained_questionnaire(node: &Node<'_>) -> Option<String> {
    let id = node.text("questionnaire")?.strip_prefix('#')?;
    let position = node.list("contained").iter().position(|it| is_questionnaire(it, id))?;
    Some(format!("QuestionnaireResponse.contained[{position}]"))
}

/// What is wrong with a Questionnaire, for those who have a response to it checked: no fault of theirs, and bounded.
fn told(defects: &[Issue]) -> Vec<Issue> {
    let mut of_all = defects.iter().filter(|defect| defect.severity == Severity::Error);
    let first = of_all.by_ref().take(MOST_DEFECTS).map(|defect| {
        let what = clipped(&defect.message, LONGEST_DEFECT);
        Issue::of(Told::Defect { what, remedy: remedy(defect).to_owned() }, "", &defect.place).as_warning()
    });
    let mut told: Vec<Issue> = first.collect();
    let count = of_all.count();
    told.extend((count > 0).then(|| Issue::of(Told::MoreDefects { count }, "", "Questionnaire").as_warning()));
    told
}

/// What SDC's profile asks beyond R4.
fn sdc(node: &Node<'_>, issues: &mut Vec<Issue>) {
    let root = Place::root("QuestionnaireResponse");
    for name in ["questionnaire", "authored"] {
        if node.member(name).is_none() && !issues.iter().any(|issue| issue.fault == "no-questionnaire" && name == "questionnaire") {
            let message = format!("`{name}` is missing, which SDC's profile wants");
            let remedy =
                if name == "authored" { "write when it was answered, with an offset" } else { "write its canonical: `url|version`" };
            issues.push(Issue::error("required", "missing-member", root.member(name), message).remedy(remedy));
        }
    }
    if node.member("subject").is_none() {
        let message = "SDC's profile wants a subject where one is known (sdcqr-1)";
        issues.push(Issue::warning("invariant", "sdc-profile", root.member("subject"), message).remedy("write whom the answers are about"));
    }
    for issue in issues.iter_mut().filter(|issue| issue.fault == "repeated-item") {
        issue.severity = Severity::Error; // sdcqr-2
    }
}

fn capped(issues: impl IntoIterator<Item = Issue>) -> Vec<Issue> {
    let mut capped = Issues::default();
    capped.extend(issues);
    capped.into_list()
}

/// Defects of a Questionnaire that are told with each response to it.
const MOST_DEFECTS: usize = 5;
const LONGEST_DEFECT: usize = 300;

/// Whether anything in the list makes it invalid.
pub fn is_valid(issues: &[Issue]) -> bool {
    issues.iter().all(|issue| issue.severity != Severity::Error)
}
