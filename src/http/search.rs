//! What a search asks for, and its pages. <https://hl7.org/fhir/R4/search.html>

use axum::http::HeaderMap;
use neuvola_fhir::model::Resource;
use neuvola_fhir::model::resources::{Bundle, BundleEntry, BundleEntrySearch, BundleLink};
use url::form_urlencoded;
use uuid::Uuid;

use super::media::{STRICT, format_in, kept_format, prefers};
use super::questionnaire::unknown_parameter;
use crate::issue::{Issue, Issues, Severity};
use crate::outcome;
use crate::refusal::Refusal;

/// A parameter that is understood, for what is kept as `T`.
pub(super) struct Parameter<T: 'static> {
    pub(super) told: Told,
    /// Code system of a token, if it has one.
    pub(super) system: &'static str,
    /// What a search looks at: any of these will do.
    pub(super) values: for<'a> fn(&'a T) -> Vec<&'a str>,
}

/// What is said of a parameter.
#[derive(Clone, Copy)]
pub(super) struct Told {
    pub(super) name: &'static str,
    /// R4's `search-param-type`.
    pub(super) kind: &'static str,
    pub(super) what: &'static str,
}

/// What can be searched by under `/fhir/{kind}`.
pub(super) fn told(kind: &str) -> Vec<Told> {
    fn all<T>(parameters: &[Parameter<T>]) -> Vec<Told> {
        parameters.iter().map(|parameter| parameter.told).collect()
    }
    match kind {
        "Organization" => all(&super::directory::ORGANIZATION),
        "HealthcareService" => all(&super::directory::SERVICE),
        "Subscription" => all(&super::subscriptions::PARAMETERS),
        _ => all(&super::knowledge::PARAMETERS),
    }
}

/// A search that was understood, save what is `ignored`.
pub(super) struct Search<T: 'static> {
    filters: Vec<Filter<T>>,
    count: usize,
    offset: usize,
    /// `_format`, for links.
    format: Option<&'static str>,
    /// Parameters that nobody here knows.
    pub(super) ignored: Vec<Issue>,
}

/// One parameter: any of its values will do.
struct Filter<T: 'static> {
    parameter: &'static Parameter<T>,
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

impl<T> Search<T> {
    /// # Errors
    /// Modifiers and values that make no sense: those are never left aside.
    pub(super) fn parse(query: &str, parameters: &'static [Parameter<T>]) -> Result<Self, Refusal> {
        let (mut ignored, mut wrong) = (Issues::default(), Issues::default());
        let mut search = Self {
            filters: Vec::new(),
            count: COUNT,
            offset: 0,
            format: kept_format(format_in(Some(query)).as_deref()),
            ignored: Vec::new(),
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let (plain, modifier) = name.split_once(':').map_or((&*name, None), |(name, modifier)| (name, Some(modifier)));
            let number = || value.parse::<usize>().ok().filter(|_| modifier.is_none());
            match (plain, parameters.iter().find(|parameter| parameter.told.name == plain)) {
                ("_format", _) => {}
                ("_count", _) => match number() {
                    Some(count) => search.count = count.min(MOST),
                    None => wrong.push(Issue::error("value", "parameter", "", "`_count` is no number")),
                },
                ("_offset", _) => match number() {
                    Some(offset) => search.offset = offset,
                    None => wrong.push(Issue::error("value", "parameter", "", "`_offset` is no number")),
                },
                (_, None) => ignored.push(Issue { severity: Severity::Warning, ..unknown_parameter(plain, "") }),
                (_, Some(parameter)) => match matching(parameter.told.kind, modifier) {
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

    pub(super) fn finds(&self, held: &T) -> bool {
        self.filters.iter().all(|filter| (filter.parameter.values)(held).into_iter().any(|held| filter.finds(held)))
    }

    /// `Prefer: handling=strict` refuses what is ignored otherwise.
    ///
    /// # Errors
    /// What was ignored.
    pub(super) fn strictly(self, headers: &HeaderMap) -> Result<Self, Refusal> {
        if self.ignored.is_empty() || !prefers(headers, STRICT) {
            return Ok(self);
        }
        let as_error = |issue| Issue { severity: Severity::Error, ..issue };
        Err(Refusal::Request(self.ignored.into_iter().map(as_error).collect()))
    }

    /// A page of what was found as a searchset. Each comes with its full URL and its bytes.
    ///
    /// # Errors
    /// [`Refusal::Bug`]: the bytes are no R4.
    pub(super) fn bundle(&self, found: &[(String, &[u8])], base: &str) -> Result<Resource, Refusal> {
        let Page { from, until, links } = self.page(found.len(), base);
        let mut entry = Vec::new();
        for (url, content) in &found[from..until] {
            entry.push(BundleEntry {
                full_url: Some(url.as_str().into()),
                resource: Some(neuvola_fhir::parse(content).map_err(|_| Refusal::Bug)?),
                search: mode("match"),
                ..Default::default()
            });
        }
        if !self.ignored.is_empty() {
            entry.push(BundleEntry {
                full_url: Some(format!("urn:uuid:{}", Uuid::new_v4()).as_str().into()),
                resource: Some(outcome::resource(&self.ignored)),
                search: mode("outcome"),
                ..Default::default()
            });
        }
        let link =
            |(relation, url): (&str, String)| BundleLink { relation: relation.into(), url: url.as_str().into(), ..Default::default() };
        Ok(Resource::Bundle(Box::new(Bundle {
            r#type: "searchset".into(),
            total: u32::try_from(found.len()).ok().map(Into::into),
            link: links.into_iter().map(link).collect(),
            entry,
            ..Default::default()
        })))
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
        if let Some(format) = &self.format {
            query.append_pair("_format", format);
        }
        format!("{base}?{}", query.finish())
    }
}

fn mode(mode: &str) -> Option<BundleEntrySearch> {
    Some(BundleEntrySearch { mode: Some(mode.into()), ..Default::default() })
}

fn matching(kind: &str, modifier: Option<&str>) -> Option<Match> {
    match (kind, modifier) {
        ("string", None) => Some(Match::Begins),
        ("string", Some("exact")) | (_, None) => Some(Match::Exact),
        ("string", Some("contains")) => Some(Match::Contains),
        _ => None,
    }
}

impl<T> Filter<T> {
    fn finds(&self, held: &str) -> bool {
        alternatives(&self.value).iter().any(|wanted| match (self.parameter.told.kind, self.contained) {
            ("token", _) => match wanted.split_once('|') {
                Some((system, code)) => system == self.parameter.system && (code == held || (code.is_empty() && !system.is_empty())),
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

#[cfg(test)]
mod tests {
    use super::super::knowledge::PARAMETERS;
    use super::*;
    use crate::profiles::Artifact;

    fn finds(query: &str, held: [&str; 3]) -> bool {
        let [name, url, status] = held.map(str::to_owned);
        let (file, resource_type, id) = (String::new(), "ValueSet".to_owned(), "a".to_owned());
        let (version, title, content) = ("1.0".to_owned(), String::new(), Vec::new());
        let artifact = Artifact { file, resource_type, id, url, version, name, title, status, content, layer: 0, ours: false };
        Search::parse(query, &PARAMETERS).unwrap_or_else(|refusal| panic!("{query}: {refusal}")).finds(&artifact)
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
            assert!(Search::parse(query, &PARAMETERS).is_err(), "{query}");
        }
        let search = Search::parse("colour=red&_format=json&010190-999X=1", &PARAMETERS).unwrap();
        assert_eq!(search.ignored.len(), 2);
        assert!(!format!("{:?}", search.ignored).contains("999X"));
        assert_eq!(search.page(0, "b").links, [("self", "b?_count=20&_format=json".to_owned())]);
    }

    #[test]
    fn pages_are_bounded_and_linked() {
        let page = Search::parse("_count=1000&_offset=100&name=a", &PARAMETERS).unwrap().page(250, "b");
        assert_eq!((page.from, page.until), (100, 200));
        let links: Vec<_> = page.links.iter().map(|(relation, url)| format!("{relation} {url}")).collect();
        assert_eq!(links, ["self b?name=a&_count=100&_offset=100", "next b?name=a&_count=100&_offset=200", "previous b?name=a&_count=100"]);
        assert_eq!(Search::parse("_count=0", &PARAMETERS).unwrap().page(9, "b").links.len(), 1);
        let beyond = Search::parse("_offset=99999999999999999999", &PARAMETERS);
        assert!(beyond.is_err());
        let page = Search::parse("_offset=18446744073709551615", &PARAMETERS).unwrap().page(3, "b");
        assert_eq!((page.from, page.until), (3, 3));
    }
}
