//! `rules show`: a rule set as tables that a nurse can read, in her language.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::Language;
use super::print::{Lines, table};
use crate::cli::{CONFIGURATION, Knowledge, Mistake, USAGE, say};
use crate::profiles::Profiles;
use crate::rules::listing::{Kind, Listed, Listing, Question, family_listing, listings};
use crate::rules::rule_sets;
use crate::segment::rule::RuleSet;

/// The rules as tables: order, sentence, questions read, guidance
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The form (four-months), or a rule set's canonical, with or without its version; if left out, all: with --profiles those that it gives
    rules: Option<String>,
    #[arg(long, value_enum, default_value = "fi")]
    language: Language,
    /// One JSON document, for machines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    knowledge: Knowledge,
}

impl Show {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(profiles) = self.knowledge.load() else { return Ok(ExitCode::from(CONFIGURATION)) };
        let found = rule_sets(&profiles, self.rules.as_deref());
        if found.is_empty() {
            return Err(unknown(&profiles));
        }
        if self.json {
            let all: Vec<Value> = found.iter().map(|rule_set| json(rule_set, &profiles, self.language)).collect();
            say(format_args!("{:#}", json!({ "ruleSets": all })));
            return Ok(ExitCode::SUCCESS);
        }
        for rule_set in found {
            say(heading(rule_set, self.language));
            for listing in listings(rule_set, &profiles, self.language.code()) {
                say(format_args!("\n{}", role(&listing, &profiles, self.language)));
                say(rules(&listing, self.language));
            }
            if let Some(listing) = family_listing(rule_set, &profiles, self.language.code()) {
                say(format_args!("\n{}", role(&listing, &profiles, self.language)));
                say(rules(&listing, self.language));
            }
            say("");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// No such rule set: which there are.
pub(super) fn unknown(profiles: &Profiles) -> anyhow::Error {
    let mut known: Vec<&str> = profiles.rule_sets().iter().map(|rule_set| rule_set.form.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    Mistake::ending(USAGE, format_args!("there is no such rule set; known: {}", known.join(", ")))
}

fn heading(rule_set: &RuleSet, language: Language) -> String {
    let until = match &rule_set.effective {
        (None, None) => String::new(),
        (start, end) => format!(", {} – {}", start.as_deref().unwrap_or(""), end.as_deref().unwrap_or("")),
    };
    format!("{} ({}{until})", rule_set.title.text(language.code()), rule_set.canonical())
}

fn role(listing: &Listing, profiles: &Profiles, language: Language) -> String {
    let coded = profiles.coded_in("form-role", &listing.role).or_else(|| profiles.coded_in("rule-kind", &listing.role));
    coded.map_or_else(|| listing.role.clone(), |coded| coded.display.text(language.code()).to_owned())
}

fn rules(listing: &Listing, language: Language) -> String {
    let heading = [
        ("", 2),
        (language.of(["mitä", "vad", "what"]), 26),
        (language.of(["milloin", "när", "when"]), 52),
        (language.of(["luetut kysymykset", "lästa frågor", "questions read"]), 46),
        (language.of(["ohje", "anvisning", "guidance"]), 24),
    ];
    let rows = listing.rules.iter().map(|rule| {
        let order = rule.order.map(|order| order.to_string()).unwrap_or_default();
        let questions: Vec<String> = rule.questions.iter().map(|question| line(question, language)).collect();
        vec![
            order,
            format!("{}\n{}\n{}", kind(&rule.kind, language), rule.display, rule.id),
            rule.sentence.clone(),
            questions.join("\n"),
            rule.guidance.clone().unwrap_or_default(),
        ]
    });
    table(&heading, rows, Lines::Between)
}

fn line(question: &Question, language: Language) -> String {
    let whose = if question.professional { language.of([" (terveydenhoitaja)", " (hälsovårdare)", " (nurse)"]) } else { "" };
    format!("{}{whose}: {}", question.link_id, question.text)
}

fn kind(kind: &Kind, language: Language) -> String {
    match kind {
        Kind::Segment => language.of(["Asiakkuus:", "Segment:", "Segment:"]).to_owned(),
        Kind::CatchAll => language.of(["Jos mikään muu ei ratkaise:", "Om inget annat avgör:", "If nothing else decides:"]).to_owned(),
        Kind::Alert => language.of(["Huoli:", "Varning:", "Alert:"]).to_owned(),
        Kind::Observation => language.of(["Havainto:", "Iakttagelse:", "Observation:"]).to_owned(),
        Kind::Other => language.of(["Sääntö:", "Regel:", "Rule:"]).to_owned(),
        Kind::Always => language.of(["Palvelu kaikille:", "Tjänst för alla:", "Service for all:"]).to_owned(),
        Kind::With(segment) => format!("{} {segment}:", language.of(["Palvelu,", "Tjänst,", "Service with"])),
    }
}

fn json(rule_set: &RuleSet, profiles: &Profiles, language: Language) -> Value {
    let roles: Vec<Value> = listings(rule_set, profiles, language.code())
        .iter()
        .map(|listing| json!({ "role": listing.role, "rules": listing.rules.iter().map(rule).collect::<Vec<_>>() }))
        .collect();
    let family = family_listing(rule_set, profiles, language.code()).map_or_else(Vec::new, |listing| listing.rules);
    json!({
        "canonical": rule_set.canonical(),
        "form": rule_set.form,
        "title": rule_set.title.text(language.code()),
        "effective": { "start": rule_set.effective.0, "end": rule_set.effective.1 },
        "language": language.code(),
        "roles": roles,
        "family": family.iter().map(rule).collect::<Vec<_>>(),
    })
}

fn rule(rule: &Listed) -> Value {
    let (kind, with) = match &rule.kind {
        Kind::Segment => ("segment", None),
        Kind::CatchAll => ("catch-all", None),
        Kind::Alert => ("alert", None),
        Kind::Other => ("rule", None),
        Kind::Observation => ("observation", None),
        Kind::Always => ("service", None),
        Kind::With(segment) => ("service", Some(segment)),
    };
    let questions = rule.questions.iter();
    let questions = questions.map(|it| json!({ "linkId": it.link_id, "professional": it.professional, "text": it.text }));
    json!({
        "order": rule.order,
        "id": rule.id,
        "kind": kind,
        "with": with,
        "code": rule.code,
        "display": rule.display,
        "sentence": rule.sentence,
        "expression": rule.expression,
        "questions": questions.collect::<Vec<_>>(),
        "guidance": rule.guidance,
    })
}
