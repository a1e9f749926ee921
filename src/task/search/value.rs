//! Values as they are written: alternatives by comma, tokens by `|`, with `\` before what is meant literally.
//! <https://hl7.org/fhir/R4/search.html#escaping>

/// `system|code`, in its four forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// Whatever the system.
    Code(String),
    /// An empty system: none.
    Both(String, String),
    /// Any code of it.
    System(String),
}

/// `a,b\,c` is `a` and `b\,c`: escapes stay for whoever takes the parts further apart.
pub(super) fn alternatives(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = unescaped(rest, b',') {
        parts.push(&rest[..at]);
        rest = &rest[at + 1..];
    }
    parts.push(rest);
    parts
}

/// `None` for one that says nothing.
pub(super) fn token(text: &str) -> Option<Token> {
    let Some(at) = unescaped(text, b'|') else {
        return Some(Token::Code(plain(text))).filter(|_| !text.is_empty());
    };
    match (plain(&text[..at]), plain(&text[at + 1..])) {
        (system, code) if !code.is_empty() => Some(Token::Both(system, code)),
        (system, _) if !system.is_empty() => Some(Token::System(system)),
        _ => None,
    }
}

/// Without its escapes.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(meant) if character == '\\' && ESCAPED.contains(*meant) => plain.extend(characters.next()),
            _ => plain.push(character),
        }
    }
    plain
}

/// Where `wanted` stands without a `\` before it.
fn unescaped(text: &str, wanted: u8) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let here = !escaped && byte == wanted;
        escaped = !escaped && byte == b'\\';
        here
    })
}

const ESCAPED: &str = ",|$\\";

#[cfg(test)]
mod tests {
    use super::*;

    fn both(system: &str, code: &str) -> Option<Token> {
        Some(Token::Both(system.to_owned(), code.to_owned()))
    }

    #[test]
    fn values_are_parted_where_nothing_escapes() {
        assert_eq!(alternatives("a,b"), ["a", "b"]);
        assert_eq!(alternatives(r"a\,b,c\\,d"), [r"a\,b", r"c\\", "d"]);
        assert_eq!(alternatives(",ä"), ["", "ä"]);
        assert_eq!(plain(r"a\,b\|c\$d\\e\f\"), r"a,b|c$d\e\f\");
    }

    #[test]
    fn tokens_have_four_forms() {
        assert_eq!(token("a"), Some(Token::Code("a".to_owned())));
        assert_eq!(token("s:1|a"), both("s:1", "a"));
        assert_eq!(token("|a"), both("", "a"));
        assert_eq!(token("s:1|"), Some(Token::System("s:1".to_owned())));
        assert_eq!(token(r"a\|b"), Some(Token::Code("a|b".to_owned())));
        assert_eq!(token(r"s:1|a|b"), both("s:1", "a|b"));
        assert_eq!(token(""), None);
        assert_eq!(token("|"), None);
    }
}
