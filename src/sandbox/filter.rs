//! One search parameter with its values: what it admits. <https://hl7.org/fhir/R4/search.html#ptypes>

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde_json::Value;

use crate::sandbox::fault::Fault;
use crate::sandbox::kinds;
use crate::sandbox::store::{Version, items};

/// What one parameter asks: any of its values will do.
pub(super) enum Filter {
    Id(Vec<String>),
    LastUpdated(Vec<Span>),
    Tag(Vec<Token>),
    Security(Vec<Token>),
    Identifier(Vec<Token>),
    Status(Vec<String>),
    /// Element, and the relative references or bare ids that it may hold.
    Reference(&'static str, Vec<Target>),
}

/// `system|code`, `system|`, `|code` or `code`.
pub(super) struct Token {
    system: System,
    pub(super) code: Option<String>,
}

enum System {
    Any,
    None,
    Is(String),
}

/// `Patient/12`, or `12` of any type.
pub(super) struct Target {
    kind: Option<String>,
    id: String,
}

/// A prefix and the half-open interval that the given precision stands for.
pub(super) struct Span {
    prefix: Prefix,
    from: Timestamp,
    until: Timestamp,
}

#[derive(Clone, Copy)]
enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
}

impl Filter {
    /// Reads a parameter of a type; `base` is our own base URL, which references may begin with.
    pub(super) fn parse(kind: &str, parameter: &str, text: &str, base: &str) -> Result<Filter, Fault> {
        let (name, modifier) = parameter.split_once(':').map_or((parameter, None), |(name, modifier)| (name, Some(modifier)));
        let common = kinds::COMMON.iter().any(|(common, _)| *common == name);
        if !common && !kinds::parameters(kind).contains(&name) {
            return Err(Fault::not_supported(format!("`{kind}` cannot be searched by `{parameter}` here")));
        }
        let reference = kinds::parameter_type(name) == "reference";
        if let Some(modifier) = modifier
            && (!reference || kinds::kind(modifier).is_err())
        {
            return Err(Fault::not_supported(format!("the modifier `:{modifier}` is not supported on `{name}`")));
        }
        let values = split(text, ',');
        if values.iter().any(|value| value.is_empty()) {
            return Err(Fault::invalid(format!("the search parameter `{name}` has an empty value")));
        }
        let tokens = || values.iter().map(|value| Token::parse(name, value)).collect::<Result<Vec<_>, _>>();
        Ok(match name {
            "_id" => Filter::Id(values.iter().map(|value| unescape(value)).collect()),
            "_lastUpdated" => Filter::LastUpdated(values.iter().map(|value| Span::parse(value)).collect::<Result<_, _>>()?),
            "_tag" => Filter::Tag(tokens()?),
            "_security" => Filter::Security(tokens()?),
            "identifier" => Filter::Identifier(tokens()?),
            "status" => Filter::Status(values.iter().map(|value| status(value)).collect::<Result<_, _>>()?),
            _ => {
                let implied = modifier.or((name == "patient").then_some("Patient"));
                let targets = values.iter().map(|value| Target::parse(name, value, implied, base)).collect::<Result<_, _>>()?;
                Filter::Reference(kinds::reference_element(kind, name), targets)
            }
        })
    }

    /// Whether this version is one that was asked for.
    pub(super) fn admits(&self, id: &str, version: &Version) -> bool {
        let Some(body) = version.body.as_deref() else { return false };
        match self {
            Filter::Id(ids) => ids.iter().any(|wanted| wanted == id),
            Filter::LastUpdated(spans) => spans.iter().any(|span| span.admits(version.at)),
            Filter::Tag(tokens) => any_token(tokens, items(&body["meta"], "tag"), "code"),
            Filter::Security(tokens) => any_token(tokens, items(&body["meta"], "security"), "code"),
            Filter::Identifier(tokens) => any_token(tokens, items(body, "identifier"), "value"),
            Filter::Status(codes) => codes.iter().any(|code| body["status"] == *code.as_str()),
            Filter::Reference(element, targets) => {
                let mut references = items(body, element).iter().filter_map(|reference| reference["reference"].as_str());
                references.any(|reference| targets.iter().any(|target| target.is(reference)))
            }
        }
    }

    /// The codes of which a match must have one, when the store knows who has them.
    pub(super) fn codes(&self) -> Option<Vec<&str>> {
        match self {
            Filter::Tag(tokens) | Filter::Identifier(tokens) => tokens.iter().map(|token| token.code.as_deref()).collect(),
            _ => None,
        }
    }
}

impl Token {
    fn parse(name: &str, text: &str) -> Result<Token, Fault> {
        let parts = split(text, '|');
        let code = |code: &str| (!code.is_empty()).then(|| unescape(code));
        match parts.as_slice() {
            [only] => Ok(Token { system: System::Any, code: code(only) }),
            ["", ""] => Err(Fault::invalid(format!("`|` alone says nothing in `{name}`"))),
            ["", only] => Ok(Token { system: System::None, code: code(only) }),
            [system, only] => Ok(Token { system: System::Is(unescape(system)), code: code(only) }),
            _ => Err(Fault::invalid(format!("more than one `|` in a value of `{name}`; escape it as `\\|`"))),
        }
    }

    fn is(&self, coded: &Value, code: &str) -> bool {
        let system = coded["system"].as_str();
        (match &self.system {
            System::Any => true,
            System::None => system.is_none(),
            System::Is(wanted) => system == Some(wanted),
        }) && self.code.as_deref().is_none_or(|wanted| coded[code] == *wanted)
    }
}

fn any_token(tokens: &[Token], found: &[Value], code: &str) -> bool {
    found.iter().any(|coded| tokens.iter().any(|token| token.is(coded, code)))
}

fn status(text: &str) -> Result<String, Fault> {
    match split(text, '|').as_slice() {
        [code] | ["", code] => Ok(unescape(code)),
        _ => Err(Fault::not_supported("`status` is searched without a system here")),
    }
}

impl Target {
    fn parse(name: &str, text: &str, implied: Option<&str>, base: &str) -> Result<Target, Fault> {
        let text = unescape(text);
        let relative = text.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&text);
        let relative = relative.split_once("/_history/").map_or(relative, |(current, _)| current);
        match relative.split_once('/') {
            None => Ok(Target { kind: implied.map(String::from), id: relative.to_owned() }),
            Some((kind, id)) if kinds::kind(kind).is_ok() && !id.contains('/') => {
                if implied.is_some_and(|implied| implied != kind) {
                    return Err(Fault::invalid(format!("`{name}` refers to another type than it says")));
                }
                Ok(Target { kind: Some(kind.to_owned()), id: id.to_owned() })
            }
            Some(_) => Err(Fault::invalid(format!("`{name}` takes an id, or a reference to a resource of this server"))),
        }
    }

    fn is(&self, reference: &str) -> bool {
        let Some((kind, id)) = reference.split_once('/') else { return false };
        id == self.id && self.kind.as_deref().is_none_or(|wanted| wanted == kind)
    }
}

impl Span {
    fn parse(text: &str) -> Result<Span, Fault> {
        const PREFIXES: [(&str, Prefix); 6] =
            [("eq", Prefix::Eq), ("ne", Prefix::Ne), ("gt", Prefix::Gt), ("lt", Prefix::Lt), ("ge", Prefix::Ge), ("le", Prefix::Le)];
        let found = PREFIXES.iter().find_map(|(name, prefix)| Some((*prefix, text.strip_prefix(name)?)));
        let (prefix, text) = found.unwrap_or((Prefix::Eq, text));
        let (from, until) =
            interval(text).ok_or_else(|| Fault::invalid("`_lastUpdated` takes a date or instant, after eq, ne, gt, lt, ge or le"))?;
        Ok(Span { prefix, from, until })
    }

    fn admits(&self, at: Timestamp) -> bool {
        match self.prefix {
            Prefix::Eq => self.from <= at && at < self.until,
            Prefix::Ne => at < self.from || self.until <= at,
            Prefix::Gt => self.until <= at,
            Prefix::Lt => at < self.from,
            Prefix::Ge => self.from <= at,
            Prefix::Le => at < self.until,
        }
    }
}

/// The interval of a FHIR date or dateTime; without an offset it is taken in UTC.
fn interval(text: &str) -> Option<(Timestamp, Timestamp)> {
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"-:T.Z+".contains(&byte)) {
        return None;
    }
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    let days = |date: Date, after: jiff::Span| Some((midnight(date)?, midnight(date.checked_add(after).ok()?)?));
    match (text.len(), text.split_once('T')) {
        (4, None) => days(format!("{text}-01-01").parse().ok()?, 1.year()),
        (7, None) => days(format!("{text}-01").parse().ok()?, 1.month()),
        (10, None) => days(text.parse().ok()?, 1.day()),
        (_, Some((date, time))) if date.len() == 10 => {
            let clock = &time[..time.find(['Z', '+', '-']).unwrap_or(time.len())];
            let width = match clock.len() {
                5 => SignedDuration::from_mins(1),
                8 => SignedDuration::from_secs(1),
                10..=18 => SignedDuration::from_nanos(10_i64.pow(18 - clock.len() as u32)),
                _ => return None,
            };
            let from = if clock.len() < time.len() {
                text.parse::<Timestamp>().ok()?
            } else {
                text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp()
            };
            Some((from, from.checked_add(width).ok()?))
        }
        _ => None,
    }
}

/// Splits at unescaped separators; escapes stay. <https://hl7.org/fhir/R4/search.html#escaping>
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, character) in text.char_indices() {
        if !escaped && character == separator {
            parts.push(&text[start..at]);
            start = at + character.len_utf8();
        }
        escaped = !escaped && character == '\\';
    }
    parts.push(&text[start..]);
    parts
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.push(if character == '\\' { characters.next().unwrap_or('\\') } else { character });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_split_at_unescaped_separators_only() {
        assert_eq!(split(r"a\,b,c", ','), [r"a\,b", "c"]);
        assert_eq!(split(r"a\\,b", ','), [r"a\\", "b"]);
        assert_eq!(unescape(r"a\,b\|c\$d\\e"), r"a,b|c$d\e");
    }

    #[test]
    fn a_date_stands_for_as_long_as_its_precision_says() {
        let width = |text| interval(text).map(|(from, until)| until.duration_since(from).as_millis());
        assert_eq!(width("2025"), Some(365 * 86_400_000));
        assert_eq!(width("2025-02"), Some(28 * 86_400_000));
        assert_eq!(width("2025-02-03"), Some(86_400_000));
        assert_eq!(width("2025-02-03T10:00Z"), Some(60_000));
        assert_eq!(width("2025-02-03T10:00:00"), Some(1000));
        assert_eq!(width("2025-02-03T10:00:00.123+02:00"), Some(1));
        for wrong in ["", "20250203", "2025-13", "2025-02-03T", "2025-02-03T10", "yesterday", "2025-02-03T10:00:00 02:00"] {
            assert_eq!(width(wrong), None, "{wrong}");
        }
    }
}
