//! The same as readable text, in the reader's language: what is proposed, and why each rule said what it said.

use std::fmt::Write as _;

use rust_decimal::Decimal;

use crate::form::questionnaire::Questionnaire;
use crate::pipeline::{FamilyRuleView, Preview, Proposal, ReadView, RuleView};
use crate::segment::rule::RoleRules;
use crate::segment::{Compared, Outcome, Read, ReadState, Reason, Segmentation};

/// What the rules say of one response.
pub fn explain(proposal: &Proposal<'_>, language: &str) -> String {
    let words = Words::of(language);
    let Proposal { rule_set, rules, segmentation, .. } = proposal;
    let mut text = String::new();
    let title = rule_set.title.text(language);
    let _ = writeln!(text, "{} ({})", if title.is_empty() { &rule_set.url } else { title }, rule_set.canonical());
    proposed(&mut text, segmentation, language, &words);
    let groups = [
        (words.segments, &segmentation.segments),
        (words.alerts, &segmentation.alerts),
        (words.services, &segmentation.services),
        (words.rules, &segmentation.others),
    ];
    for (heading, reasons) in groups.into_iter().filter(|(_, reasons)| !reasons.is_empty()) {
        let _ = writeln!(text, "\n{heading}");
        reasons.iter().for_each(|reason| one(&mut text, reason, segmentation, rules, language, &words));
    }
    text
}

/// What the rules say of everybody in a submission.
pub fn explain_form(preview: &Preview, language: &str) -> String {
    let words = Words::of(language);
    let mut text = String::new();
    let _ = writeln!(text, "{} ({})", preview.form, preview.rule_set);
    for person in &preview.persons {
        let _ = writeln!(text, "\n=== {} ({})", person.person, person.role);
        match &person.segment {
            Some(segment) => {
                let _ = writeln!(text, "{}: {} ({})", words.proposed, segment.display, segment.code);
            }
            None => {
                let _ = writeln!(text, "{}: {}", words.proposed, words.none);
            }
        }
        let possible: Vec<&str> = person.possible.iter().map(|segment| segment.display.as_str()).collect();
        let _ = writeln!(text, "{}: {}", words.possible, possible.join(", "));
        for (heading, rules) in [(words.segments, &person.segments), (words.alerts, &person.alerts), (words.services, &person.services)] {
            let _ = writeln!(text, "\n{heading}");
            rules.iter().for_each(|rule| viewed(&mut text, rule, &words));
        }
    }
    if !preview.family.is_empty() {
        let _ = writeln!(text, "\n=== {}", words.family);
        preview.family.iter().for_each(|rule| observed(&mut text, rule, &words));
    }
    text
}

fn observed(text: &mut String, rule: &FamilyRuleView, words: &Words) {
    heading(text, rule.outcome, &rule.id, &rule.sentence, words);
    for one in &rule.inputs {
        read(text, &format!("{} · {}", one.person, one.link_id), "", one.professional, &one.state, words);
    }
    undecided(text, &rule.undecided.iter().map(|one| format!("{} · {}", one.person, one.link_id)).collect::<Vec<_>>(), words);
    if let Some(why) = rule.why {
        let _ = writeln!(text, "      {why}");
    }
    guided(text, rule.guidance.as_deref(), words);
}

fn guided(text: &mut String, guidance: Option<&str>, words: &Words) {
    if let Some(guidance) = guidance {
        let _ = writeln!(text, "      {}: {}", words.guidance, guidance.lines().next().unwrap_or_default());
    }
}

fn proposed(text: &mut String, segmentation: &Segmentation<'_>, language: &str, words: &Words) {
    if segmentation.segments.is_empty() {
        return;
    }
    let name = |rule: &crate::segment::rule::Rule| rule.subject.display.text(language).to_owned();
    let _ = writeln!(text, "{}: {}", words.proposed, segmentation.proposed.map_or_else(|| words.none.to_owned(), name));
    let possible: Vec<String> = segmentation.possible.iter().map(|rule| name(rule)).collect();
    let _ = writeln!(text, "{}: {}", words.possible, possible.join(", "));
}

fn one(text: &mut String, reason: &Reason<'_>, segmentation: &Segmentation<'_>, rules: &RoleRules, language: &str, words: &Words) {
    let rule = reason.rule;
    let sentence = rule.sentence.text(language);
    heading(text, reason.outcome, &rule.id, sentence, words);
    for compared in &reason.comparisons {
        comparison(text, compared, words);
    }
    for Read { link_id, professional, state } in segmentation.inputs(reason) {
        let questionnaire: Option<&Questionnaire> = if *professional { rules.professional.as_deref() } else { Some(&rules.questionnaire) };
        let question = questionnaire.and_then(|it| Some(it.item(it.find(link_id)?).text.text(language)));
        read(text, link_id, question.unwrap_or_default(), *professional, state, words);
    }
    undecided(text, &segmentation.undecided(reason, rules).collect::<Vec<_>>(), words);
    if let Some(why) = reason.why() {
        let _ = writeln!(text, "      {why}");
    }
}

fn viewed(text: &mut String, rule: &RuleView, words: &Words) {
    heading(text, rule.outcome, &rule.id, &rule.sentence, words);
    rule.comparisons.iter().for_each(|compared| comparison(text, compared, words));
    for ReadView { link_id, professional, state } in &rule.inputs {
        read(text, link_id, "", *professional, state, words);
    }
    undecided(text, &rule.undecided, words);
    guided(text, rule.guidance.as_deref(), words);
}

fn heading(text: &mut String, outcome: Outcome, id: &str, sentence: &str, words: &Words) {
    let outcome = match outcome {
        Outcome::Met => words.met,
        Outcome::NotMet => words.not_met,
        Outcome::Indeterminate => words.indeterminate,
    };
    let _ = writeln!(text, "  [{outcome}] {id}: {sentence}");
}

fn comparison(text: &mut String, compared: &Compared, words: &Words) {
    let digits = |number: Option<Decimal>| number.map_or_else(|| "?".to_owned(), |it| it.normalize().to_string());
    let number = if compared.least == compared.greatest {
        digits(compared.least)
    } else {
        format!("{}–{}", digits(compared.least), digits(compared.greatest))
    };
    let distance = compared.distance().map(|it| format!(" ({} {})", words.distance, it.normalize())).unwrap_or_default();
    let _ = writeln!(text, "      {number} {} {}{distance}", compared.comparison.sign(), digits(compared.threshold));
}

fn read(text: &mut String, link_id: &str, question: &str, professional: bool, state: &ReadState, words: &Words) {
    let what = match state {
        ReadState::Answered(values) => values.join(", "),
        ReadState::Declined => words.declined.to_owned(),
        ReadState::Missing => words.missing.to_owned(),
        ReadState::NotAsked => words.not_asked.to_owned(),
    };
    let whose = if professional { words.professional } else { "" };
    let question = if question.is_empty() { String::new() } else { format!(" ({question})") };
    let _ = writeln!(text, "      {whose}{link_id}{question}: {what}");
}

fn undecided(text: &mut String, questions: &[String], words: &Words) {
    if !questions.is_empty() {
        let _ = writeln!(text, "      {}: {}", words.undecided, questions.join(", "));
    }
}

struct Words {
    proposed: &'static str,
    none: &'static str,
    possible: &'static str,
    segments: &'static str,
    alerts: &'static str,
    services: &'static str,
    rules: &'static str,
    family: &'static str,
    met: &'static str,
    not_met: &'static str,
    indeterminate: &'static str,
    declined: &'static str,
    missing: &'static str,
    not_asked: &'static str,
    undecided: &'static str,
    distance: &'static str,
    professional: &'static str,
    guidance: &'static str,
}

impl Words {
    fn of(language: &str) -> Self {
        match language {
            "sv" => Self {
                proposed: "Förslag",
                none: "inget ännu",
                possible: "Möjliga",
                segments: "Segment",
                alerts: "Larm",
                services: "Tjänster",
                rules: "Regler",
                family: "Familjen som helhet (endast för yrkesutbildade, skrivs ingenstans)",
                met: "uppfylls",
                not_met: "uppfylls inte",
                indeterminate: "kan inte avgöras",
                declined: "vill inte svara",
                missing: "obesvarad",
                not_asked: "inte ställd",
                undecided: "avgörs av svaren på",
                distance: "avstånd",
                professional: "[yrkesperson] ",
                guidance: "Anvisning",
            },
            "en" => Self {
                proposed: "Proposed",
                none: "nothing yet",
                possible: "Possible",
                segments: "Segments",
                alerts: "Alerts",
                services: "Services",
                rules: "Rules",
                family: "The family as a whole (for professionals only, written nowhere)",
                met: "met",
                not_met: "not met",
                indeterminate: "indeterminate",
                declined: "declined to answer",
                missing: "not answered",
                not_asked: "not asked",
                undecided: "would be decided by",
                distance: "distance",
                professional: "[professional] ",
                guidance: "Guidance",
            },
            _ => Self {
                proposed: "Ehdotus",
                none: "ei vielä",
                possible: "Mahdolliset",
                segments: "Asiakkuudet",
                alerts: "Hälytykset",
                services: "Palvelut",
                rules: "Säännöt",
                family: "Perhe kokonaisuutena (vain ammattilaiselle, ei kirjata mihinkään)",
                met: "täyttyy",
                not_met: "ei täyty",
                indeterminate: "ei ratkea",
                declined: "ei halua vastata",
                missing: "ei vastattu",
                not_asked: "ei kysytty",
                undecided: "ratkaisisi vastaus kysymyksiin",
                distance: "etäisyys",
                professional: "[ammattilainen] ",
                guidance: "Ohje",
            },
        }
    }
}
