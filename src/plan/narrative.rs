//! The plan in words that a parent can read, in the client's language: R4 Narrative, xhtml.
//!
//! It says what was agreed and what was declined, the goals and the client's own wishes. It never repeats an answer, a
//! score, an alert or a reason: a guardian reads the child's plan in OmaKanta, and somebody may read over a shoulder.

use maud::html;

use super::decision::{Agreed, AgreedService};
use super::{Frame, day};
use crate::record::Declined;

pub fn narrative(agreed: &Agreed<'_, '_>, frame: Frame<'_>) -> String {
    let language = frame.language;
    let words = words(language);
    let (declined, accepted): (Vec<_>, Vec<_>) = agreed.services.iter().partition(|service| service.declined.is_some());
    let markup = html! {
        div xmlns="http://www.w3.org/1999/xhtml" lang=(language) xml:lang=(language) {
            h2 { (words.title) }
            p { (words.made) " " (local_day(frame.decided)) ". " (frame.rule_set.title.text(language)) "." }
            p { (words.segment) ": " b { (agreed.segment.display.text(language)) } }
            @if !agreed.decision.goals.is_empty() {
                h3 { (words.goals) }
                ul { @for goal in &agreed.decision.goals { li { (goal) } } }
            }
            @if let Some(wishes) = agreed.decision.wishes {
                h3 { (words.wishes) }
                p { (wishes) }
            }
            @if !accepted.is_empty() {
                h3 { (words.accepted) }
                ul { @for agreed in accepted { li { (visits(agreed, language)) } } }
            }
            @if !declined.is_empty() {
                h3 { (words.declined) }
                ul {
                    @for agreed in declined {
                        li {
                            (agreed.service.coded.display.text(language))
                            @if let Some(reason) = &agreed.declined { ": " (reason.display.text(language)) }
                        }
                    }
                }
            }
        }
    };
    markup.into_string()
}

/// Adds to the narrative what was declined in the plan that this one replaces.
pub fn declined_before(narrative: &mut String, declined: &[Declined], language: &str) {
    let section = html! {
        h3 { (words(language).declined_before) }
        ul {
            @for Declined { service, reason } in declined {
                li {
                    (service.words())
                    @if let Some(reason) = reason { ": " (reason.words()) }
                }
            }
        }
    };
    let end = narrative.rfind("</div>").unwrap_or(narrative.len());
    narrative.insert_str(end, &section.into_string());
}

/// "Plan" within a title.
pub fn plan_word(language: &str) -> &'static str {
    words(language).plan
}

fn visits(agreed: &AgreedService<'_>, language: &str) -> String {
    let name = agreed.service.coded.display.text(language);
    let words = words(language);
    match (agreed.visits.count, agreed.visits.minutes) {
        (Some(1), Some(minutes)) => format!("{name}: {minutes} min"),
        (Some(count), Some(minutes)) => format!("{name}: {count} {}, {minutes} min", words.times),
        (Some(count), None) if count > 1 => format!("{name}: {count} {}", words.times),
        (None, Some(minutes)) => format!("{name}: {minutes} min"),
        _ => name.to_owned(),
    }
}

/// 16.11.2026, as the three languages all understand it.
fn local_day(instant: &str) -> String {
    match day(instant).split('-').collect::<Vec<_>>().as_slice() {
        [year, month, day] => format!("{}.{}.{year}", day.trim_start_matches('0'), month.trim_start_matches('0')),
        _ => String::new(),
    }
}

struct Words {
    title: &'static str,
    plan: &'static str,
    made: &'static str,
    segment: &'static str,
    goals: &'static str,
    wishes: &'static str,
    accepted: &'static str,
    declined: &'static str,
    declined_before: &'static str,
    times: &'static str,
}

fn words(language: &str) -> &'static Words {
    match language {
        "sv" => &SWEDISH,
        "en" => &ENGLISH,
        _ => &FINNISH,
    }
}

const FINNISH: Words = Words {
    title: "Neuvolan suunnitelma",
    plan: "suunnitelma",
    made: "Laadittu yhdessä",
    segment: "Sovittu asiakkuus",
    goals: "Tavoitteet",
    wishes: "Omat toiveesi",
    accepted: "Sovitut palvelut",
    declined: "Palvelut, joita ei otettu vastaan",
    declined_before: "Palvelut, joita ei otettu vastaan edellisessä suunnitelmassa",
    times: "kertaa",
};

const SWEDISH: Words = Words {
    title: "Rådgivningens plan",
    plan: "plan",
    made: "Uppgjord tillsammans",
    segment: "Överenskommet kundsegment",
    goals: "Mål",
    wishes: "Dina egna önskemål",
    accepted: "Överenskomna tjänster",
    declined: "Tjänster som inte togs emot",
    declined_before: "Tjänster som inte togs emot i den tidigare planen",
    times: "gånger",
};

const ENGLISH: Words = Words {
    title: "Clinic plan",
    plan: "plan",
    made: "Made together on",
    segment: "Agreed customer segment",
    goals: "Goals",
    wishes: "Your own wishes",
    accepted: "Services agreed on",
    declined: "Services declined",
    declined_before: "Services declined in the earlier plan",
    times: "times",
};
