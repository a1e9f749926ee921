//! What a search asks for, and its pages. <https://hl7.org/fhir/R4/search.html>

use url::form_urlencoded;

use super::questionnaire::unknown_parameter;
use crate::issue::{Issue, Issues};
use crate::profiles::Artifact;
use crate::refusal::Refusal;

/// A parameter that is understood, for every type of knowledge.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// R4's `search-param-type`.
    pub(super) kind: &'static str,
    pub(super) what: &'static str,
    value: fn(&Artifact) -> &str,
}

pub(super) static PARAMETERS: [Parameter; 6] = [
    Parameter { name: "_id", kind: "token", what: "Logical id", value: |artifact| &artifact.id },
    Parameter { name: "name", kind: "string", what: "Computable name; :exact, :contains", value: |artifact| &artifact.name },
    Parameter { name: "status", kind: "token", what: "draft, active, retired or unknown", value: |artifact| &artifact.status },
    Parameter { name: "title", kind: "string", what: "Title in Finnish; :exact, :contains", value: |artifact| &artifact.title },
    Parameter { name: "url", kind: "uri", what: "Canonical URL, without version", value: |artifact| &artifact.url },
    Parameter { name: "version", kind: "token", what: "Business version", value: |artifact| &artifact.version },
];

/// A search that was understood, save what is `ignored`.
pub(super) struct Search {
    filters: Vec<Filter>,
    count: usize,
    offset: usize,
    /// Parameters that nobody here knows.
    pub(super) ignored: Vec<Issue>,
}

/// One parameter: any of its values will do.
struct Filter {
    parameter: &'static Parameter,
    /// As written, for links.
    name: String,
    value: String,
    contained: Match,
}

#[derive(Clone, Copy)]
enum Match {
    Begins,
    Exact,
    Contains,
}

/// A page of what was found, and the links from it.
pub(super) struct Page {
    pub(super) from: usize,
    pub(super) until: usize,
    pub(super) links: Vec<(&'static str, String)>,
}

impl Search {
    /// # Errors
    /// Modifiers and values that make no sense: those are never left aside.
    pub(super) fn parse(query: &str) -> Result<Self, Refusal> {
        let (mut ignored, mut wrong) = (Issues::default(), Issues::default());
        let mut search = Self { filters: Vec::new(), count: COUNT, offset: 0, ignored: Vec::new() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (plain, modifier) = name.split_once(':').map_or((&*name, None), |(name, modifier)| (name, Some(modifier)));
            let number = || value.parse::<usize>().ok().filter(|_| modifier.is_none());
            match (plain, PARAMETERS.iter().find(|parameter| parameter.name == plain)) {
                ("_format", _) => {}
                ("_count", _) => match number() {
                    Some(count) => search.count = count.min(MOST),
                    None => wrong.push(Issue::error("value", "parameter", "", "`_count` is no number")),
                },
                ("_offset", _) => match number() {
                    Some(offset) => search.offset = offset,
                    None => wrong.push(Issue::error("value", "parameter", "", "`_offset` is no number")),
                },
                (_, None) => ignored.push(Issue { severity: crate::issue::Severity::Warning, ..unknown_parameter(plain, "") }),
                (_, Some(parameter)) => match matching(parameter, modifier) {
                    // a parameter without a value asks for nothing (R4, 3.1.1.4.1)
                    Some(_) if value.trim().is_empty() => {}
                    Some(contained) => {
                        let (name, value) = (name.clone().into_owned(), value.into_owned());
                        search.filters.push(Filter { parameter, name, value, contained });
                    }
                    None => {
                        let message = format!("`{plain}` has no such modifier here");
                        wrong.push(Issue::error("not-supported", "parameter", "", message));
                    }
                },
            }
        }
        if wrong.has_errors() {
            return Err(Refusal::Request(wrong.into_list()));
        }
        search.ignored = ignored.into_list();
        Ok(search)
    }

    pub(super) fn finds(&self, artifact: &Artifact) -> bool {
        self.filters.iter().all(|filter| filter.finds((filter.parameter.value)(artifact)))
    }

    pub(super) fn page(&self, total: usize, base: &str) -> Page {
        let from = self.offset.min(total);
        let until = from.saturating_add(self.count).min(total);
        let mut links = vec![("self", self.link(base, self.offset))];
        if until < total && self.count > 0 {
            links.push(("next", self.link(base, until)));
        }
        if from > 0 && self.count > 0 {
            links.push(("previous", self.link(base, from.saturating_sub(self.count))));
        }
        Page { from, until, links }
    }

    /// What was understood, and nothing else.
    fn link(&self, base: &str, offset: usize) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.filters.iter().map(|filter| (&filter.name, &filter.value)));
        query.append_pair("_count", &self.count.to_string());
        if offset > 0 {
            query.append_pair("_offset", &offset.to_string());
        }
        format!("{base}?{}", query.finish())
    }
}

fn matching(parameter: &Parameter, modifier: Option<&str>) -> Option<Match> {
    match (parameter.kind, modifier) {
        ("string", None) => Some(Match::Begins),
        ("string", Some("exact")) | (_, None) => Some(Match::Exact),
        ("string", Some("contains")) => Some(Match::Contains),
        _ => None,
    }
}

impl Filter {
    fn finds(&self, held: &str) -> bool {
        alternatives(&self.value).iter().any(|wanted| match (self.parameter.kind, self.contained) {
            ("token", _) => match wanted.split_once('|') {
                Some((system, code)) => code == held && (system.is_empty() || (self.parameter.name == "status" && system == STATUS)),
                None => wanted == held,
            },
            (_, Match::Exact) => wanted == held,
            (_, Match::Begins) => held.to_lowercase().starts_with(&wanted.to_lowercase()),
            (_, Match::Contains) => held.to_lowercase().contains(&wanted.to_lowercase()),
        })
    }
}

/// `a,b\,c` is `a` or `b,c`.
fn alternatives(value: &str) -> Vec<String> {
    let mut alternatives = vec![String::new()];
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        let last = alternatives.last_mut();
        match (character, last) {
            (',', _) => alternatives.push(String::new()),
            ('\\', Some(last)) => last.extend(characters.next()),
            (_, Some(last)) => last.push(character),
            (_, None) => {}
        }
    }
    alternatives
}

const COUNT: usize = 20;
/// Entries of a page at most, whatever is asked for.
pub(super) const MOST: usize = 100;
const STATUS: &str = "http://hl7.org/fhir/publication-status";

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(query: &str, held: [&str; 3]) -> bool {
        let [name, url, status] = held.map(str::to_owned);
        let (file, resource_type, id) = (String::new(), "ValueSet".to_owned(), "a".to_owned());
        let (version, title, content) = ("1.0".to_owned(), String::new(), Vec::new());
        let artifact = Artifact { file, resource_type, id, url, version, name, title, status, content, layer: 0 };
        Search::parse(query).unwrap_or_else(|refusal| panic!("{query}: {refusal}")).finds(&artifact)
    }

    #[test]
    fn artifacts_are_found_by_what_names_them() {
        let held = ["WorryTopics", "http://a.example/x,y", "active"];
        for query in [
            "",
            "name=worry",
            "name:contains=TOP",
            "name:exact=WorryTopics",
            "url=http://a.example/x%5C,y",
            "status=active",
            "status=draft,active",
            "status=http://hl7.org/fhir/publication-status%7Cactive",
            "_id=a&version=1.0",
            "version=%7C1.0",
            "name=",
        ] {
            assert!(finds(query, held), "{query}");
        }
        for query in
            ["name=topics", "name:exact=worrytopics", "url=http://a.example/x,y", "status=x%7Cactive", "_id=a&version=2", "url=http://a"]
        {
            assert!(!finds(query, held), "{query}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_and_what_is_unknown_is_told() {
        for query in ["name:missing=true", "url:below=http://a", "_count=-1", "_count=x", "_offset=a"] {
            assert!(Search::parse(query).is_err(), "{query}");
        }
        let search = Search::parse("colour=red&_format=json&010190-999X=1").unwrap();
        assert_eq!(search.ignored.len(), 2);
        assert!(!format!("{:?}", search.ignored).contains("999X"));
        assert_eq!(search.page(0, "b").links, [("self", "b?_count=20".to_owned())]);
    }

    #[test]
    fn pages_are_bounded_and_linked() {
        let page = Search::parse("_count=1000&_offset=100&name=a").unwrap().page(250, "b");
        assert_eq!((page.from, page.until), (100, 200));
        let links: Vec<_> = page.links.iter().map(|(relation, url)| format!("{relation} {url}")).collect();
        assert_eq!(links, ["self b?name=a&_count=100&_offset=100", "next b?name=a&_count=100&_offset=200", "previous b?name=a&_count=100"]);
        assert_eq!(Search::parse("_count=0").unwrap().page(9, "b").links.len(), 1);
        let beyond = Search::parse("_offset=99999999999999999999");
        assert!(beyond.is_err());
        let page = Search::parse("_offset=18446744073709551615").unwrap().page(3, "b");
        assert_eq!((page.from, page.until), (3, 3));
    }
}
