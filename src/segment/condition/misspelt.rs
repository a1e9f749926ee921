//! What does not compile, or names what is not there: where, and how to mend it, for people who write rules and no programs.

use octofhir_fhirpath::BinaryOperator as Op;
use octofhir_fhirpath::ast::ExpressionNode as Ast;
use octofhir_fhirpath::parser::parse_ast;

use super::allowed::ALLOWED_FUNCTIONS;
use super::scope::{Defect, Scope};
use super::syntax::{print, visit};

impl Defect {
    /// Of an expression that does not parse.
    pub(super) fn syntax(expression: &str) -> Self {
        let slip = slip(expression).unwrap_or_else(|| by_parser(expression));
        Self::Syntax { what: slip.what, remedy: slip.remedy }
    }

    /// What keeps it from compiling, if anything does.
    pub fn of_syntax(expression: &str) -> Option<Self> {
        parse_ast(expression).is_err().then(|| Self::syntax(expression))
    }

    /// How to mend it; empty where the message tells.
    pub fn remedy(&self, scope: &Scope<'_>) -> String {
        match self {
            Self::Syntax { remedy, .. } => remedy.clone(),
            Self::UnknownVariable(name) => {
                let known: Vec<&str> =
                    scope.variables.iter().map(|(known, _)| known.as_str()).chain(["resource", "professional"]).collect();
                let all: Vec<String> = known.iter().map(|name| format!("`%{name}`")).collect();
                match nearest(name, known.iter().copied()) {
                    Some(near) => format!("write `%{near}`, if that is meant; known are {}", all.join(", ")),
                    None => format!("name one that is known ({}), or define it beside the rules", all.join(", ")),
                }
            }
            Self::ForbiddenFunction(name) => match nearest(name, ALLOWED_FUNCTIONS) {
                Some(near) => format!("write `{near}()`, if that is meant"),
                None => "use the functions that profiles/README.md tells of".to_owned(),
            },
            Self::Circle(_) => "let each variable name only those that do not lead back to it".to_owned(),
            // their remedy is told with those of all other defects
            Self::Family | Self::NotInFamily(_) | Self::NoFocus(_) | Self::UnknownInFamily(_) => String::new(),
            Self::UnknownQuestion(..) | Self::UnknownOption(..) | Self::BrokenVariable(_) | Self::NotEvaluated => String::new(),
        }
    }
}

/// How an expression in which `and` stands beside `or` without parentheses is read; `None` where there is nothing to doubt.
pub fn reading(expression: &str) -> Option<String> {
    let tree = parse_ast(expression).ok()?;
    let is_loose = |operator| matches!(operator, Op::Or | Op::Xor | Op::Implies);
    let is_and = |side: &Ast| matches!(side, Ast::BinaryOperation(inner) if inner.operator == Op::And);
    let mut is_mixed = false;
    visit(&tree, &mut |node| {
        if let Ast::BinaryOperation(binary) = node {
            is_mixed |= is_loose(binary.operator) && (is_and(&binary.left) || is_and(&binary.right));
        }
    });
    if is_mixed { print(&tree) } else { None }
}

/// The name that is nearest to what was written, if one is near.
pub(super) fn nearest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = written.to_lowercase();
    let most = match written.chars().count() {
        0..3 => 0,
        3..5 => 1,
        _ => 2,
    };
    let known = names.into_iter().map(|name| (strsim::osa_distance(&lower, &name.to_lowercase()), name));
    known.min_by_key(|(distance, _)| *distance).filter(|(distance, _)| *distance <= most).map(|(_, name)| name)
}

struct Slip {
    what: String,
    remedy: String,
}

/// What hands and word processors slip into expressions.
fn slip(expression: &str) -> Option<Slip> {
    let characters: Vec<char> = expression.chars().collect();
    let mut brackets: Vec<(usize, char)> = Vec::new();
    // where a text began that has not ended, and a curly quote in it that may be meant to end it
    let (mut quote, mut curly): (Option<usize>, Option<usize>) = (None, None);
    for (at, &c) in characters.iter().enumerate() {
        let (before, next) = (at.checked_sub(1).map(|at| characters[at]), characters.get(at + 1).copied());
        if quote.is_some() {
            match c {
                '\'' if before != Some('\\') => (quote, curly) = (None, None),
                '’' | '‘' | '´' => curly = curly.or(Some(at)),
                _ => {}
            }
            continue;
        }
        let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        let told = |what, remedy| at_character(&characters, at, what, remedy);
        match c {
            '\'' => quote = Some(at),
            '’' | '‘' | '‚' | '´' => {
                return told("is a curly quote", STRAIGHT);
            }
            '"' | '“' | '”' | '„' | '»' | '«' => {
                return told("is another quote", "write the straight single quote `'` on both sides of a text");
            }
            '–' | '—' | '−' | '‐' | '‑' => return told("is a dash, not a minus", "write the minus of the keyboard, `-`"),
            '≥' => return told("is no sign of FHIRPath", "write `>=`"),
            '≤' => return told("is no sign of FHIRPath", "write `<=`"),
            '≠' => return told("is no sign of FHIRPath", "write `!=`"),
            '×' | '·' => return told("is no sign of FHIRPath", "write `*`"),
            '\u{a0}' => return told("is a space that does not break", "write a plain space"),
            ',' if is_digit(before) && is_digit(next) && brackets.is_empty() => {
                return told("stands inside a number", "write a decimal point: `2.5`");
            }
            ',' if brackets.is_empty() => return told("stands outside all parentheses", "take it out; in a number write a decimal point"),
            '=' if next == Some('=') => return told("is doubled", "write one `=`"),
            '=' if matches!(next, Some('>' | '<')) => return told("stands before the angle", "write `>=` or `<=`"),
            '<' if next == Some('>') => return told("with `>` behind it is no sign of FHIRPath", "write `!=`"),
            '&' if next == Some('&') => return told("is doubled", "write `and`"),
            '|' if next == Some('|') => return told("is doubled", "write `or`"),
            '%' if !next.is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '`' | '\'')) => {
                return told(
                    "has no name behind it",
                    "write the variable's name right behind `%`, as in `%resources`; numbers take no percent sign",
                );
            }
            '(' | '[' | '{' => brackets.push((at, c)),
            ')' | ']' | '}' => match brackets.pop() {
                Some((_, open)) if matches!((open, c), ('(', ')') | ('[', ']') | ('{', '}')) => {}
                _ => return told("closes what was not opened", "take it out, or open it before"),
            },
            _ => {}
        }
    }
    if let Some(at) = curly {
        return at_character(&characters, at, "is a curly quote", STRAIGHT);
    }
    if let Some(at) = quote {
        return at_character(&characters, at, "opens a text that does not end", "close the text with `'`");
    }
    if let Some((at, _)) = brackets.pop() {
        return at_character(&characters, at, "is not closed", "close it, or take it out");
    }
    let word =
        expression.split(|c: char| !c.is_alphanumeric() && c != '\'').find(|word| ["AND", "OR", "NOT", "And", "Or", "IN"].contains(word));
    word.map(|word| Slip {
        what: format!("`{word}` is no word of FHIRPath"),
        remedy: format!("write `{}`, in small letters", word.to_lowercase()),
    })
}

fn at_character(characters: &[char], at: usize, what: &str, remedy: &str) -> Option<Slip> {
    let around: String = characters[at.saturating_sub(AROUND)..(at + AROUND + 1).min(characters.len())].iter().collect();
    let what = format!("`{}` {what}, at character {} (`{}`)", characters[at], at + 1, around.trim());
    Some(Slip { what, remedy: remedy.to_owned() })
}

/// Where the longest beginning ends that is an expression.
fn by_parser(expression: &str) -> Slip {
    let text = expression.trim();
    let ends: Vec<usize> = if text.len() > LONGEST { Vec::new() } else { text.char_indices().map(|(at, _)| at).skip(1).collect() };
    let longest = ends.into_iter().rev().find(|&at| parse_ast(&text[..at]).is_ok());
    let Some(at) = longest else {
        let remedy = "compare with the ways to write rules in profiles/README.md".to_owned();
        return Slip { what: "it does not begin as an expression does".to_owned(), remedy };
    };
    let (before, behind) = (text[..at].trim(), text[at..].trim());
    let start = before.char_indices().rev().nth(SHOWN).map_or(0, |(at, _)| at);
    let (before, behind): (&str, String) = (&before[start..], behind.chars().take(SHOWN).collect());
    let is_value =
        behind.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '%' | '\'' | '(')) && behind.contains(|c: char| !c.is_alphabetic());
    let remedy = if is_value {
        "between two values stands `and`, `or`, a comparison or a sign of reckoning; behind a function's name stand parentheses"
    } else {
        "write what is missing behind it, or take it out"
    };
    Slip { what: format!("`{behind}` does not fit behind `{before}`"), remedy: remedy.to_owned() }
}

/// What is told of an expression.
const SHOWN: usize = 40;
/// A longer one is not searched for its longest beginning.
const LONGEST: usize = 2_000;
const AROUND: usize = 12;
const STRAIGHT: &str = "write the straight quote `'` on both sides of a text";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("cod", ["system", "code", "display"]), Some("code"));
        assert_eq!(nearest("linkid", ["linkId", "text"]), Some("linkId"));
        assert_eq!(nearest("colour", ["system", "code"]), None);
        assert_eq!(nearest("7", ["0", "1"]), None);
    }

    #[test]
    fn how_and_beside_or_is_read_is_told_where_no_parentheses_do() {
        assert_eq!(reading("a or b and c").as_deref(), Some("a or (b and c)"));
        assert_eq!(reading("a or (b and c)"), None);
        assert_eq!(reading("a and b and c"), None);
    }

    #[test]
    fn every_text_that_does_not_parse_is_told_with_a_remedy() {
        for text in ["%a < 7 and", "a b", "a = = 3", "%a > 2 3", "a.", "a..b", "3 < ", "a ? b", "'a' = 'it's'", "%a ’ b", "(", "]", "%", ""]
        {
            let Some(Defect::Syntax { what, remedy }) = Defect::of_syntax(text) else { panic!("{text} compiles") };
            assert!(!what.is_empty() && !remedy.is_empty(), "{text}");
        }
    }
}
