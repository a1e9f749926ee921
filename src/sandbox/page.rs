//! The record, for a human to look at: patients, and for each their care plans and responses, linked to the JSON.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;

use crate::sandbox::MOUNT;
use crate::sandbox::store::{Store, items};

/// How many patients are shown, the last written first.
const SHOWN: usize = 100;

const STYLE: &str = "
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 22%, transparent) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem; margin: 0 } h3 { font-size: 1rem; margin: 1rem 0 .2rem }
section { border: 1px solid var(--line); border-radius: .6rem; padding: 1rem 1.2rem; margin: 1rem 0 }
p, ul { margin: .3rem 0 } .small { font-size: .85rem; opacity: .75 } .small a { margin-right: .8rem }
.status { font-size: .8rem; border: 1px solid var(--line); border-radius: 1rem; padding: .05rem .6rem; margin-left: .5rem }
.entered-in-error > h3 { text-decoration: line-through } details { margin: .3rem 0 }
details > div { border-left: 3px solid var(--line); padding-left: .8rem; margin: .4rem 0 }
";

/// What the page shows, taken out of the store so that it is drawn without holding it.
pub(super) struct View {
    counts: Vec<(&'static str, usize)>,
    patients: Vec<Arc<Value>>,
    left_out: usize,
    plans: HashMap<String, Vec<Arc<Value>>>,
    responses: HashMap<String, Vec<Arc<Value>>>,
}

impl View {
    pub(super) fn of(store: &Store) -> View {
        let mut patients: Vec<_> = store.all("Patient").map(|(_, version)| (version.order, version.body.clone())).collect();
        patients.sort_by_key(|(order, _)| std::cmp::Reverse(*order));
        let left_out = patients.len().saturating_sub(SHOWN);
        let counted = ["Patient", "CarePlan", "QuestionnaireResponse", "Provenance"];
        View {
            counts: counted.iter().map(|kind| (*kind, store.all(kind).count())).collect(),
            patients: patients.into_iter().take(SHOWN).filter_map(|(_, body)| body).collect(),
            left_out,
            plans: by_subject(store, "CarePlan"),
            responses: by_subject(store, "QuestionnaireResponse"),
        }
    }

    pub(super) fn response(&self) -> Response {
        let headers = [
            (CONTENT_TYPE, "text/html;charset=utf-8"),
            (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'"),
            (CACHE_CONTROL, "no-store"),
        ];
        (headers, self.markup().into_string()).into_response()
    }

    fn markup(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { "The record (sandbox)" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    h1 { "The record (sandbox)" }
                    p.small {
                        @for (kind, count) in &self.counts { a href=(format!("{MOUNT}/{kind}")) { (kind) ": " (count) } }
                        a href=(format!("{MOUNT}/metadata")) { "metadata" }
                    }
                    @if self.patients.is_empty() { p { "There are no patients yet." } }
                    @for patient in &self.patients { (self.patient(patient)) }
                    @if self.left_out > 0 { p.small { (self.left_out) " more are not shown." } }
                }
            }
        }
    }

    fn patient(&self, patient: &Value) -> Markup {
        let reference = format!("Patient/{}", text(&patient["id"]));
        let of = |found: &HashMap<String, Vec<Arc<Value>>>| found.get(&reference).cloned().unwrap_or_default();
        let (plans, responses) = (of(&self.plans), of(&self.responses));
        html! {
            section {
                h2 {
                    (name(patient))
                    @for label in items(&patient["meta"], "security") { span.status { (label["display"].as_str().unwrap_or(text(&label["code"]))) } }
                }
                p.small {
                    @if let Some(born) = patient["birthDate"].as_str() { "born " (born) " · " }
                    (link(&reference, &reference))
                    @if !plans.is_empty() { (link(&format!("CarePlan?patient={}", text(&patient["id"])), "care plans")) }
                    @if !responses.is_empty() { (link(&format!("QuestionnaireResponse?patient={}", text(&patient["id"])), "responses")) }
                }
                @for plan in &plans { (care_plan(plan)) }
                @if !responses.is_empty() { h3 { "Responses" } }
                @for response in &responses { (questionnaire_response(response)) }
            }
        }
    }
}

fn care_plan(plan: &Value) -> Markup {
    let reference = format!("CarePlan/{}", text(&plan["id"]));
    html! {
        div class=(text(&plan["status"])) {
            h3 { (plan["title"].as_str().unwrap_or("Care plan")) span.status { (text(&plan["status"])) } }
            @if let Some(description) = plan["description"].as_str() { p { (description) } }
            ul {
                @for activity in items(plan, "activity") {
                    li { (concept(&activity["detail"]["code"])) span.status { (text(&activity["detail"]["status"])) } }
                }
            }
            @if let Some(div) = plan["text"]["div"].as_str() {
                details { summary { "Narrative" } div lang=[plan["language"].as_str()] { (narrative(div)) } }
            }
            p.small {
                (link(&reference, &reference))
                (link(&format!("{reference}/_history"), "history"))
                (link(&format!("Provenance?target={reference}"), "provenance"))
            }
        }
    }
}

fn questionnaire_response(response: &Value) -> Markup {
    let reference = format!("QuestionnaireResponse/{}", text(&response["id"]));
    html! {
        div {
            p.small {
                (link(&reference, &reference))
                (text(&response["questionnaire"])) " · " (text(&response["authored"]))
                span.status { (text(&response["status"])) }
            }
        }
    }
}

fn by_subject(store: &Store, kind: &str) -> HashMap<String, Vec<Arc<Value>>> {
    let mut versions: Vec<_> = store.all(kind).map(|(_, version)| version).collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version.order));
    let mut found: HashMap<String, Vec<Arc<Value>>> = HashMap::new();
    for body in versions.into_iter().filter_map(|version| version.body.as_ref()) {
        found.entry(text(&body["subject"]["reference"]).to_owned()).or_default().push(Arc::clone(body));
    }
    found
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn name(patient: &Value) -> String {
    let name = &patient["name"][0];
    let given = items(name, "given").iter().filter_map(Value::as_str);
    let parts: Vec<_> = given.chain(name["family"].as_str()).collect();
    match (name["text"].as_str(), parts.is_empty()) {
        (Some(text), _) => text.to_owned(),
        (None, false) => parts.join(" "),
        (None, true) => "(no name)".to_owned(),
    }
}

fn concept(code: &Value) -> &str {
    [&code["text"], &code["coding"][0]["display"], &code["coding"][0]["code"]].into_iter().find_map(Value::as_str).unwrap_or("(no code)")
}

fn link(path: &str, words: &str) -> Markup {
    html! { a href=(format!("{MOUNT}/{path}")) { (words) } }
}

/// The narrative with nothing but harmless elements, without attributes, and balanced: it was written by clients.
fn narrative(div: &str) -> Markup {
    #[rustfmt::skip]
    const ALLOWED: [&str; 26] = [
        "b", "blockquote", "br", "caption", "dd", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "hr", "i", "li", "ol", "p", "small",
        "span", "strong", "table", "td", "th", "tr", "ul",
    ];
    let mut shown = String::with_capacity(div.len());
    let mut open: Vec<&str> = Vec::new();
    let mut rest = div;
    while let Some((before, after)) = rest.split_once('<') {
        shown.push_str(before);
        let Some((tag, after)) = after.split_once('>') else {
            rest = ""; // a tag that does not end
            break;
        };
        rest = after;
        let closing = tag.starts_with('/');
        let named = tag.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default();
        let Some(element) = ALLOWED.iter().find(|allowed| **allowed == named) else { continue };
        if matches!(*element, "br" | "hr") {
            shown.push_str(&format!("<{element}>"));
        } else if !closing {
            shown.push_str(&format!("<{element}>"));
            if tag.ends_with('/') {
                shown.push_str(&format!("</{element}>"));
            } else {
                open.push(element);
            }
        } else if open.last() == Some(element) {
            open.pop();
            shown.push_str(&format!("</{element}>"));
        }
    }
    shown.push_str(rest);
    open.iter().rev().for_each(|element| shown.push_str(&format!("</{element}>")));
    PreEscaped(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrative_keeps_its_words_and_loses_what_could_act() {
        let shown = |div| narrative(div).into_string();
        assert_eq!(shown("<div xmlns=\"x\"><p class='a'>Hei &amp; hei<br/></p></div>"), "<div><p>Hei &amp; hei<br></p></div>");
        assert_eq!(shown("<div><script>alert(1)</script><img src=x onerror=y></div>"), "<div>alert(1)</div>");
        assert_eq!(shown("</section><p onclick='a'>x</body>"), "<p>x</p>");
        assert_eq!(shown("a<p"), "a");
    }
}
