//! A Narrative's `div`: well-formed, and nothing but basic formatting (txt-1, txt-2), so that no reader runs what another wrote.
//! <https://hl7.org/fhir/R4/narrative.html>

/// Whether it is one that R4 allows.
pub(super) fn is_div(text: &str) -> bool {
    let text = text.trim();
    let (mut open, mut rest, mut begun, mut says) = (Vec::new(), text, false, false);
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        let Some((tag, after)) = tag[1..].split_once('>') else { return false };
        if !is_text(before) || (open.is_empty() && !before.is_empty()) {
            return false;
        }
        says |= !before.trim().is_empty();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            if open.pop() != Some(name.trim_end()) {
                return false;
            }
            continue;
        }
        let (tag, ends) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        let is_root = open.is_empty();
        if is_root && (begun || name != "div") {
            return false;
        }
        begun = true;
        if !ELEMENTS.contains(&name) || !are_attributes(attributes, is_root) {
            return false;
        }
        says |= name == "img";
        if !ends {
            open.push(name);
        }
    }
    open.is_empty() && rest.is_empty() && says
}

fn are_attributes(mut text: &str, is_root: bool) -> bool {
    let mut names: Vec<&str> = Vec::new();
    loop {
        text = text.trim_start();
        if text.is_empty() {
            return !is_root || names.contains(&"xmlns");
        }
        let Some((name, after)) = text.split_once('=') else { return false };
        let (name, after) = (name.trim_end(), after.trim_start());
        let Some(quote) = after.chars().next().filter(|quote| ['"', '\''].contains(quote)) else { return false };
        let Some((value, after)) = after[1..].split_once(quote) else { return false };
        let fits = match name {
            "xmlns" => is_root && value == "http://www.w3.org/1999/xhtml",
            "href" | "src" => ["http://", "https://", "mailto:", "tel:", "#"].iter().any(|begins| value.starts_with(begins)),
            name => ATTRIBUTES.contains(&name),
        };
        if !fits || !is_text(value) || names.contains(&name) || !(after.is_empty() || after.starts_with(char::is_whitespace)) {
            return false;
        }
        names.push(name);
        text = after;
    }
}

/// No markup, and no entity but XML's own and numbers.
fn is_text(text: &str) -> bool {
    text.split('&').skip(1).all(|after| {
        let name = after.split_once(';').map_or("", |(name, _)| name);
        let number = name.strip_prefix('#').unwrap_or_default();
        ["amp", "lt", "gt", "quot", "apos"].contains(&name) || (number.len() < 7 && number.parse::<u32>().is_ok_and(|number| number > 31))
    }) && !text.contains("]]>")
}

const ELEMENTS: [&str; 45] = [
    "a",
    "abbr",
    "acronym",
    "b",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "tr",
    "tt",
    "ul",
];
const ATTRIBUTES: [&str; 14] =
    ["title", "class", "id", "lang", "xml:lang", "dir", "alt", "name", "border", "width", "colspan", "rowspan", "align", "valign"];
