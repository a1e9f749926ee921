//! Knowledge as data: what lies in `profiles/`, loaded, compiled and cross-checked. A defect is refused at the start,
//! naming file and element.

mod artifact;
mod check;
mod library;
mod remedy;
mod terminology;

use std::cmp::Ordering;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use neuvola_fhir::{Fault, Limits, Node, read, to_json_document};

pub use artifact::{Artifact, Guidance, KNOWLEDGE, Service, Visits};
pub use library::{Library, Profile, is_valid};

use crate::fhirpath::Kept;
use crate::form::questionnaire::Questionnaire;
use crate::form::vocabulary::Vocabulary;
use crate::issue::Issue;
use crate::segment::load::{self, load};
use crate::segment::rule::{Coded, RuleSet};

/// All knowledge that one adapter holds.
#[derive(Debug)]
pub struct Profiles {
    artifacts: Vec<Artifact>,
    library: Library,
    services: Vec<Service>,
    guidance: Vec<Guidance>,
    vocabularies: Vec<Vocabulary>,
    rule_sets: Vec<RuleSet>,
    warnings: Vec<Defect>,
}

/// Something wrong with the knowledge.
#[derive(Clone, Debug)]
pub struct Defect {
    pub file: String,
    pub issue: Issue,
}

/// One file of knowledge.
#[derive(Clone, Debug)]
pub struct File {
    pub name: String,
    pub content: Vec<u8>,
}

impl Profiles {
    /// What travels in the binary.
    pub fn shipped_files() -> Vec<File> {
        SHIPPED
            .files()
            .filter(|&file| is_json(file.path()))
            .map(|file| File { name: format!("profiles/{}", file.path().display()), content: file.contents().to_vec() })
            .collect()
    }

    /// The JSON and XML files of a folder, folders in it included; or one file.
    ///
    /// # Errors
    /// What could not be read.
    pub fn files_of(path: &Path) -> std::io::Result<Vec<File>> {
        if path.is_file() {
            return Ok(vec![File { name: path.display().to_string(), content: std::fs::read(path)? }]);
        }
        let mut entries: Vec<PathBuf> = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        entries.sort();
        let mut files = Vec::new();
        for entry in entries {
            if entry.is_dir() {
                files.extend(Self::files_of(&entry)?);
            } else if is_json(&entry) || is_xml(&entry) {
                files.push(File { name: entry.display().to_string(), content: std::fs::read(&entry)? });
            }
        }
        Ok(files)
    }

    /// Loads and cross-checks.
    ///
    /// # Errors
    /// Every defect, with its file and element; two artifacts with one canonical and version are one.
    pub fn load(files: Vec<File>) -> Result<Self, Vec<Defect>> {
        Self::load_layers(vec![files])
    }

    /// Of two artifacts with one canonical and version the one of the later layer counts; within a layer they are a defect.
    fn load_layers(layers: Vec<Vec<File>>) -> Result<Self, Vec<Defect>> {
        let mut defects = Vec::new();
        let mut profiles = Self {
            artifacts: Vec::new(),
            library: Library::default(),
            services: Vec::new(),
            guidance: Vec::new(),
            vocabularies: Vec::new(),
            rule_sets: Vec::new(),
            warnings: Vec::new(),
        };
        for (layer, files) in layers.into_iter().enumerate() {
            for file in files {
                match Artifact::read(file, layer) {
                    Ok(Some(artifact)) => profiles.put(artifact, &mut defects),
                    Ok(None) => {}
                    Err(found) => defects.extend(found),
                }
            }
        }
        profiles.compile(&mut defects);
        check::check(&profiles, &mut defects);
        remedy::explain(&profiles.artifacts, &mut defects);
        let mut warnings = std::mem::take(&mut profiles.warnings);
        remedy::explain(&profiles.artifacts, &mut warnings);
        profiles.warnings = warnings;
        if defects.is_empty() { Ok(profiles) } else { Err(defects) }
    }

    /// `files` over the shipped knowledge. Of a rule set that is among them, in whatever version, the shipped ones are left out:
    /// the given one is meant.
    ///
    /// # Errors
    /// Every defect, with its file and element.
    pub fn over_shipped(files: Vec<File>) -> Result<Self, Vec<Defect>> {
        let given: Vec<String> = files.iter().filter_map(|file| plan_url(&file.content)).collect();
        let is_meant = |file: &File| plan_url(&file.content).is_none_or(|url| !given.contains(&url));
        Self::load_layers(vec![Self::shipped_files().into_iter().filter(is_meant).collect(), files])
    }

    /// The shipped knowledge, and over it that of `folders`.
    ///
    /// # Errors
    /// Every defect, with its file and element.
    pub fn with_folders(folders: &[PathBuf]) -> Result<Self, Vec<Defect>> {
        let mut files = Vec::new();
        for folder in folders {
            let unreadable = |error: std::io::Error| {
                vec![Defect {
                    file: folder.display().to_string(),
                    issue: Issue::error("not-found", "profiles", "", format!("cannot be read: {}", error.kind())),
                }]
            };
            files.extend(Self::files_of(folder).map_err(unreadable)?);
        }
        Self::load_layers(vec![Self::shipped_files(), files])
    }

    pub fn artifacts(&self) -> &[Artifact] {
        &self.artifacts
    }

    pub fn questionnaires(&self) -> &[Arc<Questionnaire>] {
        self.library.questionnaires()
    }

    /// What validation needs of it.
    pub const fn library(&self) -> &Library {
        &self.library
    }

    pub fn rule_sets(&self) -> &[RuleSet] {
        &self.rule_sets
    }

    /// What is odd about knowledge that is not written for us, and does not keep it from being used.
    pub fn warnings(&self) -> &[Defect] {
        &self.warnings
    }

    /// Those, without what is odd about other plans than this one.
    pub fn warnings_for(&self, plan: &str) -> impl Iterator<Item = &Defect> {
        let url = plan.split('|').next().unwrap_or(plan).to_owned();
        let is_about = move |file: &str| self.artifacts.iter().any(|it| it.file == file && (it.url == url || it.url.is_empty()));
        self.warnings.iter().filter(move |defect| !defect.issue.place.starts_with("PlanDefinition") || is_about(&defect.file))
    }

    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The rule set of `form` in force on `day`; the latest version of several.
    pub fn rule_set(&self, form: &str, day: &str) -> Option<&RuleSet> {
        self.rule_sets
            .iter()
            .filter(|rule_set| rule_set.form == form && rule_set.is_effective(day))
            .max_by(|left, right| by_version(&left.version, &right.version))
    }

    pub fn has_form(&self, form: &str) -> bool {
        self.rule_sets.iter().any(|rule_set| rule_set.form == form)
    }

    pub fn service(&self, code: &str) -> Option<&Service> {
        self.services.iter().find(|service| service.coded.code == code)
    }

    pub fn guidance(&self, canonical: &str) -> Option<&Guidance> {
        self.guidance.iter().find(|guidance| guidance.canonical == canonical)
    }

    /// The vocabulary of this canonical; without a version the only one of its url.
    pub fn vocabulary(&self, canonical: &str) -> Option<&Vocabulary> {
        let (url, version) = split(canonical);
        let mut found = self
            .vocabularies
            .iter()
            .filter(|vocabulary| vocabulary.url == url && version.is_none_or(|version| version == vocabulary.version));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// The Questionnaire that a response names: exactly its version; without one the only one of its url.
    pub fn questionnaire(&self, canonical: &str) -> Option<&Arc<Questionnaire>> {
        let (url, version) = split(canonical);
        let mut found = self
            .questionnaires()
            .iter()
            .filter(|questionnaire| questionnaire.url == url && version.is_none_or(|version| version == questionnaire.version));
        let first = found.next()?;
        found.next().is_none().then_some(first)
    }

    /// A code's display in its code system.
    pub fn coded(&self, system: &str, code: &str) -> Option<Coded> {
        self.library.terminology.coded(system, code)
    }

    /// The code system whose url ends in `/CodeSystem/{id}`.
    pub fn coded_in(&self, id: &str, code: &str) -> Option<Coded> {
        self.library.terminology.coded_in(id, code)
    }

    fn put(&mut self, artifact: Artifact, defects: &mut Vec<Defect>) {
        let Some(known) = self.artifacts.iter_mut().find(|known| known.is_same(&artifact)) else {
            return self.artifacts.push(artifact);
        };
        if known.layer == artifact.layer && !known.says_the_same(&artifact) {
            let message = format!(
                "`{}|{}` stands in {} as well, with other content: give the changed one another version",
                artifact.url, artifact.version, known.file
            );
            defects.push(artifact.defect(Issue::error("duplicate", "profiles", format!("{}.version", artifact.resource_type), message)));
        }
        *known = artifact;
    }

    fn compile(&mut self, defects: &mut Vec<Defect>) {
        let artifacts = std::mem::take(&mut self.artifacts);
        let of = |wanted: &'static str| artifacts.iter().filter(move |artifact| artifact.resource_type == wanted);
        for artifact in of("CodeSystem").chain(of("ValueSet")) {
            artifact.with_node(|node| self.library.terminology.add(node));
        }
        for artifact in of("Questionnaire") {
            if !artifact.is_ours() {
                artifact.with_node(|node| {
                    let found = self.library.add(node).into_iter();
                    self.warnings.extend(found.map(|issue| artifact.defect(issue)));
                });
                continue;
            }
            match artifact.with_node(Questionnaire::compile_strictly) {
                Some(Ok(mut questionnaire)) => {
                    self.expand(&mut questionnaire, artifact, defects);
                    self.library.put(Arc::new(questionnaire));
                }
                Some(Err(found)) => defects.extend(found.into_iter().map(|issue| artifact.defect(issue))),
                None => {}
            }
        }
        self.services.extend(of("ActivityDefinition").filter_map(|artifact| artifact.with_node(Service::read)));
        self.guidance.extend(of("Library").filter_map(|artifact| artifact.with_node(Guidance::read)));
        self.vocabularies.extend(of("ConceptMap").filter_map(|artifact| artifact.with_node(Vocabulary::compile)));
        for artifact in of("PlanDefinition") {
            match artifact.with_node(|node| load(node, &Known { profiles: self, artifacts: &artifacts })) {
                Some(Ok(mut rule_set)) => {
                    let is_given = |url: &str| artifacts.iter().any(|known| known.layer > 0 && known.url == split(url).0);
                    let asked = rule_set.roles.iter().flat_map(|rules| [Some(&rules.questionnaire), rules.professional.as_ref()]).flatten();
                    let names: Vec<&str> = asked.flat_map(|asked| asked.names()).collect();
                    rule_set.is_given = artifact.layer > 0 || names.into_iter().any(is_given);
                    self.warnings.extend(rule_set.warnings.iter().map(|issue| artifact.defect(issue.clone())));
                    self.rule_sets.push(rule_set);
                }
                Some(Err(found)) => defects.extend(found.into_iter().map(|issue| artifact.defect(issue))),
                None => {}
            }
        }
        self.artifacts = artifacts;
    }

    /// What value sets and code systems say of it.
    fn expand(&self, questionnaire: &mut Questionnaire, artifact: &Artifact, defects: &mut Vec<Defect>) {
        for (index, element, canonical) in self.library.terminology.complete(questionnaire, terminology::OUR_OWN) {
            let item = questionnaire.item(index);
            let message = format!("the value set `{canonical}` of `{}` does not resolve", item.link_id);
            defects.push(artifact.defect(Issue::error("not-found", "profiles", format!("{}.{element}", item.place), message)));
        }
    }
}

/// What a plan may name, while the plans are compiled.
struct Known<'k> {
    profiles: &'k Profiles,
    artifacts: &'k [Artifact],
}

impl load::Known for Known<'_> {
    fn questionnaire(&self, canonical: &str) -> Option<Arc<Questionnaire>> {
        self.profiles.questionnaire(canonical).cloned()
    }

    fn unclaimed(&self) -> Vec<Arc<Questionnaire>> {
        self.profiles.questionnaires().iter().filter(|questionnaire| questionnaire.form.is_empty()).cloned().collect()
    }

    fn kept(&self, questionnaire: &Questionnaire) -> Option<Kept> {
        let is_it = |artifact: &&Artifact| artifact.url == questionnaire.url && artifact.version == questionnaire.version;
        self.artifacts.iter().filter(|artifact| artifact.resource_type == "Questionnaire").find(is_it)?.with_node(Kept::of)
    }

    fn service(&self, canonical: &str) -> Option<Coded> {
        self.profiles.services.iter().find(|service| service.canonical == canonical).map(|service| service.coded.clone())
    }

    fn has_guidance(&self, canonical: &str) -> bool {
        self.profiles.guidance(canonical).is_some()
    }

    fn has_code(&self, system: &str, code: &str) -> bool {
        self.profiles.library.terminology.coded(system, code).is_some()
    }
}

/// The url of a PlanDefinition; `None` of anything else.
fn plan_url(content: &[u8]) -> Option<String> {
    let json = to_json_document(content, Limits::default()).ok()?;
    let node = read(&json).ok()?;
    (node.text("resourceType") == Some("PlanDefinition")).then(|| node.text("url").map(str::to_owned))?
}

/// Versions in order: numbers as numbers, so that 1.10.0 is newer than 1.9.0.
pub fn by_version(left: &str, right: &str) -> Ordering {
    let parts =
        |version: &str| version.split(['.', '-', '+']).map(|part| part.parse::<u64>().map_err(|_| part.to_owned())).collect::<Vec<_>>();
    parts(left).cmp(&parts(right))
}

/// `url|version`
pub fn split(canonical: &str) -> (&str, Option<&str>) {
    canonical.split_once('|').map_or((canonical, None), |(url, version)| (url, Some(version)))
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

fn is_xml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "xml")
}

impl File {
    /// Its content as JSON, whatever it is written in.
    fn in_json(self) -> Result<Self, Vec<Defect>> {
        let json = to_json_document(&self.content, Limits::default()).map_err(|faults| self.defects(faults))?;
        Ok(Self { content: json.into_owned(), name: self.name })
    }

    /// What is read of it.
    fn node(&self) -> Result<Node<'_>, Vec<Defect>> {
        read(&self.content).map_err(|faults| self.defects(faults))
    }

    fn defects(&self, faults: Vec<Fault>) -> Vec<Defect> {
        faults.into_iter().map(|fault| Defect { file: self.name.clone(), issue: fault.into() }).collect()
    }
}

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/profiles");
