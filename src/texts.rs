//! A text in its languages: the artifact's own and those of the `translation` extension.

use neuvola_fhir::Node;
use neuvola_fhir::model::types::{self, Extension, ExtensionValue};

/// Never empty where it was read from an element that has text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    main: String,
    translations: Vec<(String, String)>,
}

impl Texts {
    /// The string member `name` of `node` with its translations (`_name.extension`).
    pub fn of(node: &Node<'_>, name: &str) -> Self {
        let shadow = format!("_{name}");
        let translations =
            node.member(&shadow).map_or_else(Vec::new, |shadow| shadow.list("extension").iter().filter_map(translation).collect());
        Self { main: node.text(name).unwrap_or_default().to_owned(), translations }
    }

    /// One text, the same in every language.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { main: text.into(), translations: Vec::new() }
    }

    pub fn new(main: impl Into<String>, translations: Vec<(String, String)>) -> Self {
        Self { main: main.into(), translations }
    }

    /// The text in `language`, else in the artifact's own.
    pub fn text(&self, language: &str) -> &str {
        self.translations.iter().find(|(code, _)| code == language).map_or(&self.main, |(_, text)| text)
    }

    /// In the artifact's own language.
    pub fn main(&self) -> &str {
        &self.main
    }

    /// As an R4 string: the artifact's own text, which validators and other readers compare with the artifact, and the one
    /// in `language` as its translation.
    pub fn in_r4(&self, language: &str) -> Option<types::String> {
        if self.main.is_empty() {
            return None;
        }
        let mut string = types::String::from(self.main.as_str());
        string.extension.extend(self.has(language).then(|| translation_into(language, self.text(language))));
        Some(string)
    }

    /// The translations, each with its language.
    pub fn translations(&self) -> impl Iterator<Item = (&str, &str)> {
        self.translations.iter().map(|(language, text)| (language.as_str(), text.as_str()))
    }

    /// Every text with its language: the artifact's own is the one of ours that its translations leave over.
    pub fn in_languages(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut left = ["fi", "sv", "en"].into_iter().filter(|language| !self.has(language));
        let own = left.next().filter(|_| left.next().is_none());
        own.map(|language| (language, self.main.as_str())).into_iter().chain(self.translations())
    }

    /// It is the text in one of its languages.
    pub fn says(&self, text: &str) -> bool {
        self.main == text || self.translations.iter().any(|(_, translated)| translated == text)
    }

    /// In each of its languages.
    pub fn each(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.main.as_str()).chain(self.translations.iter().map(|(_, text)| text.as_str()))
    }

    /// In all languages together, in bytes.
    pub fn len(&self) -> usize {
        self.main.len() + self.translations.iter().map(|(code, text)| code.len() + text.len()).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.main.is_empty()
    }

    /// Has a translation into `language`.
    pub fn has(&self, language: &str) -> bool {
        self.translations.iter().any(|(code, _)| code == language)
    }
}

/// `http://hl7.org/fhir/StructureDefinition/translation`
fn translation(extension: &Node<'_>) -> Option<(String, String)> {
    (extension.text("url") == Some(TRANSLATION)).then_some(())?;
    let part = |url: &str| extension.list("extension").iter().find(|part| part.text("url") == Some(url));
    let language = part("lang").and_then(|part| part.text("valueCode"))?;
    let content = part("content").and_then(|part| part.text("valueString").or_else(|| part.text("valueMarkdown")))?;
    Some((language.to_owned(), content.to_owned()))
}

/// The `translation` extension, as it stands on a string.
pub fn translation_into(language: &str, text: &str) -> Extension {
    let part = |url: &str, value| Extension { url: url.to_owned(), value: Some(value), ..Default::default() };
    let parts = vec![part("lang", ExtensionValue::Code(language.into())), part("content", ExtensionValue::String(text.into()))];
    Extension { url: TRANSLATION.to_owned(), extension: parts, ..Default::default() }
}

const TRANSLATION: &str = "http://hl7.org/fhir/StructureDefinition/translation";
