//! Rules of R4's types beyond names and kinds (<https://hl7.org/fhir/R4/datatypes.html#invs>): what others would call an
//! invalid Task is not taken in, so that none is given out.

use neuvola_fhir::{Node, Place};

use super::super::callback::instant;
use super::super::profile::is_id;
use crate::issue::{Issue, Issues};
use crate::shape::primitive;
use crate::shape::resources::RESOURCES;

/// Names `scheme:rest`.
pub(super) fn is_absolute(text: &str) -> bool {
    let is_scheme = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    text.split_once(':').is_some_and(|(scheme, rest)| is_scheme(scheme) && !rest.is_empty()) && !text.contains(char::is_whitespace)
}

pub(super) fn is_base64(text: &str) -> bool {
    primitive::base64(text).is_some_and(|bytes| !bytes.is_empty())
}

/// A reference's form (<https://hl7.org/fhir/R4/references.html#literal>) and the types that it may lead to; any, if none is named.
pub(super) fn reference(reference: &Node<'_>, targets: &[&str], place: Place<'_>, issues: &mut Issues) {
    let mut wrong = |name: &str, message: &str, wanted: &[&str]| {
        let issue = Issue::error("value", "wrong-reference", place.member(name), message.to_owned());
        issues.push(if wanted.is_empty() { issue } else { issue.remedy(format!("one of: {}", wanted.join(", "))) });
    };
    let literal = reference.text("reference").map(leads_to);
    let leads = match literal {
        Some(None) => return wrong("reference", "this is no `{type}/{id}`, and no absolute URI", &[]),
        Some(Some(of)) => of,
        None => None,
    };
    let said = reference.text("type");
    if said.is_some_and(|said| !RESOURCES.contains(&said)) {
        return wrong("type", "this is no type of R4's", &[]);
    }
    if let (Some(said), Some(leads)) = (said, leads)
        && said != leads
    {
        return wrong("type", "`reference` leads to another type", &[]);
    }
    if let Some(of) = leads.or(said)
        && !targets.is_empty()
        && !targets.contains(&of)
    {
        wrong(if leads.is_some() { "reference" } else { "type" }, "this element refers to other types", targets);
    }
}

/// The type that a literal reference leads to, as far as it tells; `None` if it is none.
fn leads_to(text: &str) -> Option<Option<&str>> {
    let plain = text.split_once("/_history/").map_or(text, |(plain, version)| if is_id(version) { plain } else { text });
    let mut parts = plain.rsplitn(3, '/');
    let (id, of, before) = (parts.next(), parts.next(), parts.next());
    let of = of.filter(|of| RESOURCES.contains(of) && id.is_some_and(is_id));
    if is_absolute(text) { Some(of) } else { of.filter(|_| before.is_none()).map(Some) }
}

/// per-1
pub(super) fn period(period: &Node<'_>, place: Place<'_>, issues: &mut Issues) {
    let bound = |name: &str, end: bool| period.text(name).and_then(|text| instant(text, end));
    if matches!((bound("start", false), bound("end", true)), (Some(start), Some(end)) if start > end) {
        issues.push(Issue::error("value", "wrong-period", place, "`start` comes after `end`"));
    }
}

/// ext-1, and each has a `url`.
pub(super) fn extension(extension: &Node<'_>, place: Place<'_>, inner: bool, issues: &mut Issues) {
    let is_url = |url: &str| if inner { !url.is_empty() && !url.contains(char::is_whitespace) } else { is_absolute(url) };
    if !extension.text("url").is_some_and(is_url) {
        issues.push(Issue::error("value", "wrong-type", place.member("url"), "an extension has a `url`, an absolute one"));
    }
    let values = extension.members().iter().filter(|(name, _)| name.trim_start_matches('_').starts_with("value"));
    let mut values: Vec<&str> = values.map(|(name, _)| name.trim_start_matches('_')).collect();
    values.dedup();
    let within = extension.list("extension");
    if values.len() + usize::from(!within.is_empty()) != 1 {
        issues.push(Issue::error("invariant", "several-values", place, "an extension has one value, or extensions"));
    }
    let list = place.member("extension");
    within.iter().enumerate().for_each(|(index, one)| self::extension(one, list.element(index), true, issues));
}
