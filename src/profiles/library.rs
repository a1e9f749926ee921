//! What validation needs to know: Questionnaires, and the codes that they name. The shipped ones, and over them whatever is
//! given.

use std::borrow::Cow;
use std::sync::Arc;

use neuvola_fhir::{Node, Place, read};

use super::split;
use super::terminology::Terminology;
use crate::form::locate::locate;
use crate::form::questionnaire::{Compiled, Questionnaire, lint};
use crate::form::validate::examine;
use crate::issue::{Issue, Issues, Severity};

/// Questionnaires and terminology. Cloning shares the Questionnaires.
#[derive(Clone, Debug, Default)]
pub struct Library {
    questionnaires: Vec<Arc<Questionnaire>>,
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
        let (questionnaire, defects) = self.compile(node);
        self.put(Arc::new(questionnaire));
        defects
    }

    /// As [`Self::add`]; and this one is meant where a response names none.
    pub fn add_meant(&mut self, node: &Node<'_>) -> Vec<Issue> {
        let defects = self.add(node);
        self.meant = self.questionnaires.last().cloned();
        defects
    }

    /// Takes a CodeSystem or ValueSet; anything else is left aside.
    pub fn learn(&mut self, node: &Node<'_>) {
        if matches!(node.text("resourceType"), Some("CodeSystem" | "ValueSet")) {
            self.terminology.add(node);
        }
    }

    pub(super) fn put(&mut self, questionnaire: Arc<Questionnaire>) {
        self.questionnaires.retain(|known| known.url.is_empty() || known.canonical() != questionnaire.canonical());
        self.questionnaires.push(questionnaire);
    }

    /// Compiles and lints, with its options from the value sets that are known.
    pub fn compile(&self, node: &Node<'_>) -> (Questionnaire, Vec<Issue>) {
        let Compiled { mut questionnaire, mut defects } = Questionnaire::compile(node);
        let contained = node.list("contained");
        let mut own = None;
        for index in 0..questionnaire.items().len() {
            let Some(canonical) = questionnaire.item(index).value_set.clone() else { continue };
            let options = if canonical.starts_with('#') {
                let terminology = own.get_or_insert_with(|| {
                    let mut terminology = self.terminology.clone();
                    contained.iter().for_each(|node| terminology.add_contained(node));
                    terminology
                });
                terminology.expand(&canonical)
            } else {
                self.terminology.expand(split(&canonical).0)
            };
            if let Some(options) = options {
                questionnaire.fill_options(index, options);
            }
        }
        defects.extend(lint(&questionnaire));
        (questionnaire, defects)
    }

    /// Every issue of a QuestionnaireResponse or Questionnaire document; errors among them if it is not valid.
    pub fn check(&self, document: &[u8]) -> Vec<Issue> {
        let node = match read(document) {
            Ok(node) => node,
            Err(faults) => return faults.into_iter().map(Issue::from).collect(),
        };
        let mut issues = match node.text("resourceType") {
            Some("Questionnaire") => capped(self.compile(&node).1),
            Some("QuestionnaireResponse") => self.check_response(document, &node),
            _ => vec![Issue::error("structure", "not-a-response", "resourceType", "a QuestionnaireResponse is wanted")],
        };
        locate(document, &node, &mut issues);
        issues
    }

    fn check_response(&self, document: &[u8], node: &Node<'_>) -> Vec<Issue> {
        let (questionnaire, mut issues) = self.questionnaire_of(node);
        let questionnaire = match &questionnaire {
            Some(questionnaire) => questionnaire.as_ref(),
            // its own shape can be told all the same
            None => &Questionnaire::default(),
        };
        let is_known = !questionnaire.items().is_empty();
        let (_, found) = examine(node, questionnaire);
        issues.extend(found.into_iter().filter(|issue| is_known || issue.fault != "unknown-link-id"));
        let refused = node.list("contained").iter().enumerate().filter_map(|(index, contained)| {
            let error = neuvola_fhir::parse(&document[contained.start..contained.end]).err()?;
            let place = format!("QuestionnaireResponse.contained[{index}]");
            Some(Issue::error("structure", "not-r4", place, error.to_string()))
        });
        issues.extend(capped(refused));
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
                    (Some(Cow::Borrowed(meant)), vec![Issue::warning("business-rule", "no-questionnaire", place, message)])
                }
                None => (None, vec![Issue::error("required", "no-questionnaire", place, "the response names no Questionnaire")]),
            };
        };
        if let Some(id) = canonical.strip_prefix('#') {
            let contained = node.list("contained").iter().find(|it| it.text("id") == Some(id));
            return match contained.filter(|it| it.text("resourceType") == Some("Questionnaire")) {
                Some(contained) => (Some(Cow::Owned(self.compile(contained).0)), Vec::new()),
                None => (None, vec![Issue::error("not-found", "unknown-questionnaire", place, "no such Questionnaire is contained here")]),
            };
        }
        match self.resolve(canonical, node.text("authored").unwrap_or_default()) {
            Ok(questionnaire) => {
                let authored = node.text("authored").unwrap_or_default();
                let late = !questionnaire.is_in_force(authored);
                let message = "the Questionnaire was not in force when the response was authored";
                let warning = late.then(|| Issue::warning("business-rule", "not-in-force", "QuestionnaireResponse.authored", message));
                (Some(Cow::Borrowed(questionnaire)), warning.into_iter().collect())
            }
            Err(message) => match self.meant.as_deref().filter(|meant| meant.url.is_empty()) {
                // it has no canonical to be named by
                Some(meant) => {
                    let message = "the given Questionnaire has no `url`; the response was checked against it all the same";
                    (Some(Cow::Borrowed(meant)), vec![Issue::warning("business-rule", "no-questionnaire", place, message)])
                }
                None => {
                    let issue = Issue::error("not-found", "unknown-questionnaire", place, message);
                    (None, vec![issue.remedy("give the Questionnaire, in this version, or name one that is known")])
                }
            },
        }
    }

    /// Exactly the version that is named. Without one: the only one of this url that was in force at `authored`.
    ///
    /// # Errors
    /// Why there is none, as a message.
    pub fn resolve(&self, canonical: &str, authored: &str) -> Result<&Arc<Questionnaire>, &'static str> {
        let (url, version) = split(canonical);
        let mut of_url: Vec<_> = self.questionnaires.iter().filter(|it| !url.is_empty() && it.url == url).collect();
        if let Some(version) = version {
            let mut exact = of_url.into_iter().filter(|it| it.version == version);
            return exact.next().ok_or("the Questionnaire, in this version, is not known here");
        }
        if of_url.is_empty() {
            return Err("the Questionnaire is not known here");
        }
        of_url.retain(|it| it.is_in_force(authored));
        match of_url.as_slice() {
            [only] => Ok(only),
            [] => Err("no version is named, and none was in force when the response was authored"),
            _ => Err("no version is named, and several were in force when the response was authored"),
        }
    }
}

fn capped(issues: impl IntoIterator<Item = Issue>) -> Vec<Issue> {
    let mut capped = Issues::default();
    capped.extend(issues);
    capped.into_list()
}

/// Whether anything in the list makes it invalid.
pub fn is_valid(issues: &[Issue]) -> bool {
    issues.iter().all(|issue| issue.severity != Severity::Error)
}
