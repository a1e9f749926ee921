//! `Narrative.div`, which is cut out and put back letter by letter: <https://hl7.org/fhir/R4/narrative.html>
//!
//! It must be one well-formed `div` that stands for itself, in XHTML's namespace and without a prefix, and hold nothing
//! that runs, loads or sends. All else is for those who show it.

use std::collections::BTreeMap;

use super::XHTML;
use super::markup::{Broken, Kind, Tag, Token, Tokens, is_character, is_name, resolve};

/// Checks a whole text as a `div`.
///
/// # Errors
/// The first fault.
pub(super) fn check(text: &str) -> Result<(), Broken> {
    if let Some((at, _)) = text.char_indices().find(|(_, character)| !is_character(*character)) {
        return Err(Broken("a narrative holds a character that XML does not know", at));
    }
    if !text.starts_with('<') {
        return Err(Broken("a narrative is one div", 0));
    }
    let mut tokens = Tokens::of(text);
    let opening = tokens.next()?;
    finish(&mut tokens, &opening)?;
    match tokens.next()? {
        Token { kind: Kind::Eof, .. } => Ok(()),
        Token { start, .. } => Err(Broken("something stands beside the narrative's div", start)),
    }
}

/// Reads on to the end of the `div` that the token opens. Where it ends.
///
/// # Errors
/// The first fault.
pub(super) fn finish(tokens: &mut Tokens<'_>, opening: &Token<'_>) -> Result<usize, Broken> {
    let (tag, mut depth) = match opening.kind {
        Kind::Start(tag) => (tag, 1),
        Kind::Empty(tag) => (tag, 0),
        _ => return Err(Broken("a narrative is one div", opening.start)),
    };
    if tag.name != "div" {
        return Err(Broken("a narrative is one div, without a prefix", opening.start));
    }
    if !declares_xhtml(&tag)? {
        return Err(Broken("a narrative's div must declare XHTML's namespace, as `xmlns`", opening.start));
    }
    judge(&tag, opening.start)?;
    let mut end = opening.end;
    while depth > 0 {
        let token = tokens.next()?;
        end = token.end;
        match token.kind {
            Kind::Start(tag) => {
                judge(&tag, token.start)?;
                depth += 1;
                if depth > DEEPEST {
                    return Err(Broken("a narrative is nested too deep", token.start));
                }
            }
            Kind::Empty(tag) => judge(&tag, token.start)?,
            Kind::End => depth -= 1,
            Kind::Reference(name) => {
                resolve(name).map_err(|what| Broken(what, token.start))?;
            }
            Kind::Text(text) if text.contains("]]>") => return Err(Broken("`]]>` stands in a text", token.start)),
            Kind::Text(_) | Kind::Comment | Kind::Cdata => {}
            Kind::Instruction | Kind::Declaration(_) => return Err(Broken("a processing instruction is not allowed", token.start)),
            Kind::DocumentType => return Err(Broken("a document type is not allowed", token.start)),
            Kind::Eof => return Err(Broken("it ends inside an element", token.start)),
        }
    }
    Ok(end)
}

/// Whether two narratives are the same markup with the same words. Servers that read and print them give attributes another
/// order, characters for references, and an empty element in its other way of writing; comments may go.
pub fn is_same_narrative(one: &str, other: &str) -> bool {
    one == other || matches!((pieces(one), pieces(other)), (Ok(one), Ok(other)) if one == other)
}

/// What is left of a narrative when its spelling is taken away.
#[derive(PartialEq)]
enum Piece {
    Start(String, BTreeMap<String, String>),
    End,
    Text(String),
}

fn pieces(text: &str) -> Result<Vec<Piece>, Broken> {
    let mut tokens = Tokens::of(text);
    let mut pieces = Vec::new();
    loop {
        let token = tokens.next()?;
        let words = match token.kind {
            Kind::Start(tag) | Kind::Empty(tag) => {
                let attributes = tag.attributes()?.into_iter().map(|it| Ok((it.name.to_owned(), it.value()?.into_owned())));
                pieces.push(Piece::Start(tag.name.to_owned(), attributes.collect::<Result<_, Broken>>()?));
                if matches!(token.kind, Kind::Empty(_)) {
                    pieces.push(Piece::End);
                }
                continue;
            }
            Kind::End => {
                pieces.push(Piece::End);
                continue;
            }
            Kind::Text(words) => words.to_owned(),
            Kind::Reference(name) => resolve(name).map_err(|what| Broken(what, token.start))?.to_string(),
            Kind::Cdata => text[token.start..token.end].trim_start_matches("<![CDATA[").trim_end_matches("]]>").to_owned(),
            Kind::Eof => return Ok(pieces),
            Kind::Comment | Kind::Declaration(_) | Kind::Instruction | Kind::DocumentType => continue,
        };
        match pieces.last_mut() {
            Some(Piece::Text(before)) => before.push_str(&words),
            _ => pieces.push(Piece::Text(words)),
        }
    }
}

fn declares_xhtml(tag: &Tag<'_>) -> Result<bool, Broken> {
    let declared = tag.attributes()?.into_iter().find(|attribute| attribute.name == "xmlns");
    declared.map_or(Ok(false), |declared| Ok(declared.value()? == XHTML))
}

fn judge(tag: &Tag<'_>, at: usize) -> Result<(), Broken> {
    if !is_name(tag.name) || tag.name.contains(':') {
        return Err(Broken("an element of a narrative has a prefix or a malformed name", at));
    }
    if ACTIVE.iter().any(|active| tag.name.eq_ignore_ascii_case(active)) {
        return Err(Broken("an element of a narrative is not allowed: it runs, loads or sends something", at));
    }
    for attribute in tag.attributes()? {
        let value = attribute.value()?;
        let is_script = || {
            let mut letters = value.chars().filter(|letter| !letter.is_whitespace() && !letter.is_control());
            "javascript:".chars().all(|wanted| letters.next().is_some_and(|letter| letter.eq_ignore_ascii_case(&wanted)))
        };
        match attribute.name.split_once(':') {
            None if attribute.name == "xmlns" && value != XHTML => {
                return Err(Broken("a narrative is XHTML throughout: it changes the namespace", attribute.offset));
            }
            None if attribute.name.len() > 2 && attribute.name.is_char_boundary(2) && attribute.name[..2].eq_ignore_ascii_case("on") => {
                return Err(Broken("an attribute of a narrative is not allowed: it runs something", attribute.offset));
            }
            None if is_script() => return Err(Broken("an attribute of a narrative is not allowed: it runs something", attribute.offset)),
            None | Some(("xml", _)) => {}
            Some(_) => return Err(Broken("an attribute of a narrative has a prefix", attribute.offset)),
        }
    }
    Ok(())
}

/// R4, txt-1, by what it forbids.
const ACTIVE: [&str; 20] = [
    "script", "style", "head", "body", "html", "meta", "title", "base", "link", "iframe", "frame", "frameset", "object", "embed", "applet",
    "form", "input", "button", "select", "textarea",
];
/// Nested elements.
const DEEPEST: usize = 100;
