//! `Task.input` (what was asked) and `Task.output` (how it ended).

use jiff::Timestamp;
use neuvola_fhir::{Node, Place};

use super::codes::{Codes, system};
use super::profile::{coded, codings, one_of};
use crate::issue::{Issue, Issues};

/// A kind of input or output: its code, the values that it may have, whether there may be several.
struct Kind {
    code: &'static str,
    values: &'static [&'static str],
    several: bool,
}

const fn kind_of(code: &'static str, values: &'static [&'static str], several: bool) -> Kind {
    Kind { code, values, several }
}

const INPUTS: [Kind; 10] = [
    kind_of("queue", &["valueCodeableConcept"], false),
    kind_of("channel", &["valueCodeableConcept"], false),
    kind_of("phone", &["valueContactPoint"], false),
    kind_of("preferred-time", &["valuePeriod"], true),
    kind_of("language", &["valueCodeableConcept"], false),
    kind_of("interpreter", &["valueBoolean"], false),
    kind_of("municipality", &["valueCodeableConcept"], false),
    kind_of("picture", &["valueAttachment"], true),
    kind_of("video-link", &["valueUrl"], false),
    kind_of("taken-by", &["valueReference"], false),
];

const OUTPUTS: [Kind; 5] = [
    kind_of("advice-given", &["valueBoolean", "valueString"], true),
    kind_of("appointment-booked", &["valueReference", "valueIdentifier"], true),
    kind_of("moved-to-video", &["valueBoolean", "valueUrl"], true),
    kind_of("passed-on", &["valueReference", "valueCodeableConcept", "valueString"], true),
    kind_of("not-reached", &["valueBoolean"], false),
];

/// Notes what is wrong with inputs and outputs.
pub(super) fn check(task: &Node<'_>, codes: &Codes, issues: &mut Issues) {
    each(task, "input", "callback-input", &INPUTS, codes, issues);
    each(task, "output", "callback-output", &OUTPUTS, codes, issues);
    for code in ["queue", "channel"] {
        if !task.list("input").iter().any(|input| kind(input, "callback-input") == Some(code)) {
            let issue = Issue::error("required", "missing-input", "Task.input", format!("an input of the type `{code}` is missing"));
            issues.push(issue.remedy(one_of(codes, &format!("callback-{code}"))));
        }
    }
    let of_kind = |code: &str| task.list("input").iter().find(|input| kind(input, "callback-input") == Some(code));
    let channel = of_kind("channel").and_then(|input| input.member("valueCodeableConcept")).map(codings).unwrap_or_default();
    if channel.iter().any(|(_, code)| code == "phone" || code == "text") && of_kind("phone").is_none() {
        issues.push(Issue::error("required", "missing-input", "Task.input", "a call or a text message needs an input of the type `phone`"));
    }
}

/// The code of an input or output in our own system.
pub(super) fn kind<'n>(parameter: &'n Node<'_>, of: &str) -> Option<&'n str> {
    let ours = system(of);
    let codings = parameter.member("type").map_or(&[][..], |kind| kind.list("coding"));
    codings.iter().find(|coding| coding.text("system") == Some(&ours))?.text("code")
}

fn each(task: &Node<'_>, name: &str, of: &str, kinds: &[Kind], codes: &Codes, issues: &mut Issues) {
    let root = Place::root("Task");
    let list = root.member(name);
    let mut seen: Vec<&str> = Vec::new();
    for (index, parameter) in task.list(name).iter().enumerate() {
        let place = list.element(index);
        let values: Vec<&str> = parameter.members().iter().map(|(name, _)| &**name).filter(|name| name.starts_with("value")).collect();
        let known = kind(parameter, of).and_then(|code| kinds.iter().find(|kind| kind.code == code));
        let Some(known) = known else {
            let issue = Issue::error("code-invalid", "unknown-code", place.member("type"), format!("the type is not in `{}`", system(of)));
            issues.push(issue.remedy(one_of(codes, of)));
            continue;
        };
        let code = known.code;
        let ours = parameter.member("type").map(codings).unwrap_or_default();
        if ours.iter().filter(|(of_system, _)| *of_system == system(of)).count() > 1 {
            issues.push(Issue::error("business-rule", "several-inputs", place.member("type"), "there can be one type of ours only"));
        }
        if !known.several && seen.contains(&code) {
            issues.push(Issue::error("business-rule", "several-inputs", place, format!("there can be one `{code}` only")));
        }
        seen.push(code);
        match values.as_slice() {
            [value] if known.values.contains(value) => {
                if let Some(node) = parameter.member(value) {
                    valued(code, node, codes, place.member(value), issues);
                }
            }
            _ => {
                let message = format!("`{code}` takes {}", known.values.join(" or "));
                issues.push(Issue::error("value", "wrong-type", place, message));
            }
        }
    }
}

fn valued(code: &str, value: &Node<'_>, codes: &Codes, place: Place<'_>, issues: &mut Issues) {
    match code {
        "queue" => coded(value, "callback-queue", codes, place, issues),
        "channel" => coded(value, "callback-channel", codes, place, issues),
        "phone" => {
            let given = value.text("value").filter(|_| value.text("system") == Some("phone"));
            if !given.is_some_and(is_phone_number) {
                let issue = Issue::error("value", "phone-number", place, "the phone number is none of any country, in E.164's form");
                issues.push(issue.remedy("`{\"system\": \"phone\", \"value\": \"+358401234567\"}`: a plus, the country, no spaces"));
            }
        }
        "language" if !codings(value).iter().any(|(of, code)| of == "urn:ietf:bcp:47" && is_language(code)) => {
            let issue = Issue::error("code-invalid", "unknown-code", place, "the language is no code of BCP 47");
            issues.push(issue.remedy("`{\"coding\": [{\"system\": \"urn:ietf:bcp:47\", \"code\": \"fi\"}]}`"));
        }
        "preferred-time" => {
            let bound = |name: &str| value.text(name).and_then(|text| text.parse::<Timestamp>().ok());
            if !matches!((bound("start"), bound("end")), (Some(start), Some(end)) if start < end) {
                issues.push(Issue::error(
                    "value",
                    "wrong-period",
                    place,
                    "`start` and `end` have a time and an offset, and `start` comes first",
                ));
            }
        }
        "picture" => picture(value, place, issues),
        "video-link" if !value.as_str().is_some_and(|url| url.starts_with("https://")) => {
            issues.push(Issue::error("value", "not-https", place, "the link must be https"));
        }
        _ => {}
    }
}

/// A reference with size and hash; the picture itself only if it is tiny.
fn picture(value: &Node<'_>, place: Place<'_>, issues: &mut Issues) {
    if value.text("data").is_some_and(|data| data.len() > MOST_INLINE) {
        let issue = Issue::error("too-long", "inline-picture", place.member("data"), format!("more than {MOST_INLINE} characters inline"));
        issues.push(issue.remedy("leave the picture where it is, and send `url`, `size` and `hash`"));
    }
    if value.member("contentType").is_none() {
        issues.push(Issue::error("required", "missing-member", place.member("contentType"), "a picture has a `contentType`"));
    }
    if value.member("data").is_none() {
        if !value.text("url").is_some_and(|url| url.starts_with("https://")) {
            issues.push(Issue::error("value", "not-https", place.member("url"), "a picture has an https `url`"));
        }
        let size = value.member("size").and_then(|size| size.as_number()?.parse::<u32>().ok());
        if size.is_none_or(|size| size == 0) {
            issues.push(Issue::error("required", "missing-member", place.member("size"), "a picture has a `size` in bytes"));
        }
        if !value.text("hash").is_some_and(is_sha1) {
            issues.push(Issue::error("required", "missing-member", place.member("hash"), "a picture has a `hash`: SHA-1, as base64"));
        }
    }
}

/// BCP 47 by its shape: a language of two or three letters, then subtags.
pub(super) fn is_language(text: &str) -> bool {
    let mut tags = text.split('-');
    let letters = |tag: &str| tag.bytes().all(|byte| byte.is_ascii_alphabetic());
    tags.next().is_some_and(|tag| (2..=3).contains(&tag.len()) && letters(tag))
        && tags.all(|tag| (1..=8).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// 20 bytes, as R4's Attachment has it.
pub(super) fn is_sha1(text: &str) -> bool {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.decode(text).is_ok_and(|hash| hash.len() == 20)
}

/// E.164 as it is written, and a number that its country's plan has.
pub(super) fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && phonenumber::parse(None, text).is_ok_and(|number| number.is_valid())
}

/// Characters of base64.
const MOST_INLINE: usize = 8 * 1024;
