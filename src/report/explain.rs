//! The same as readable text, in the reader's language: what is proposed, and why each rule said what it said. Sentences that
//! can be read out: questions and answers in words, numbers as the language writes them, lines that fit a terminal.

use std::fmt::Write as _;

use super::guidance::{Telling, question};
use super::words::Words;
use crate::form::questionnaire::{Item, ItemKind, OptionValue, Questionnaire};
use crate::pipeline::{FamilyReadView, FamilyRuleView, PersonPreview, Preview, Proposal, ReadView, RuleView};
use crate::profiles::Profiles;
use crate::segment::family::FamilyRule;
use crate::segment::rule::{Rule, RuleSet};
use crate::segment::{Outcome, ReadState};

/// What the rules say of one response.
pub fn explain(proposal: &Proposal<'_>, profiles: &Profiles, language: &str) -> String {
    let telling = Telling { rule_set: proposal.rule_set, rules: proposal.rules, profiles, language };
    let mut text = Lines::default();
    headed(&mut text, proposal.rule_set, language);
    let words = Words::of(language);
    proposal.warnings.iter().for_each(|issue| text.put(0, &format!("{}: {}", words.note, issue.message)));
    person(&mut text, &proposal.view(profiles, language), telling, &words);
    text.0
}

/// What the rules say of everybody in a submission, in `language` or else the client's. `None` if what was previewed is not of
/// these profiles.
pub fn explain_form(preview: &Preview, profiles: &Profiles, language: Option<&str>) -> Option<String> {
    let language = language.unwrap_or(&preview.language);
    let rule_set = profiles.rule_sets().iter().find(|rule_set| rule_set.canonical() == preview.rule_set)?;
    let words = Words::of(language);
    let mut text = Lines::default();
    headed(&mut text, rule_set, language);
    for shown in &preview.persons {
        let role = profiles.coded_in("form-role", &shown.role);
        let role = role.as_ref().map_or(shown.role.as_str(), |role| role.display.text(language));
        text.blank();
        text.put(0, &format!("=== {role} ({})", shown.person));
        person(&mut text, shown, Telling { rule_set, rules: rule_set.role(&shown.role)?, profiles, language }, &words);
    }
    if !preview.family.is_empty() {
        text.blank();
        text.put(0, &format!("=== {}", words.family));
        let of = |person: &str| {
            let role = &preview.persons.iter().find(|shown| shown.person == person)?.role;
            Some(Telling { rule_set, rules: rule_set.role(role)?, profiles, language })
        };
        for shown in &preview.family {
            let rule = rule_set.family.as_ref().and_then(|view| view.rules.iter().find(|rule| rule.id == shown.id))?;
            observed(&mut text, shown, (rule, profiles, language), of, &words);
        }
    }
    Some(text.0)
}

/// What was observed of the whole family. Each answer is told with the person whose it is.
fn observed<'t>(
    text: &mut Lines,
    rule: &FamilyRuleView,
    (known, profiles, language): (&FamilyRule, &Profiles, &str),
    of: impl Fn(&str) -> Option<Telling<'t>>,
    words: &Words,
) {
    text.put(2, &format!("[{}] {} ({})", outcome(rule.outcome, words), known.subject.display.text(language), rule.id));
    text.put(6, known.sentence.text(language));
    if !rule.inputs.is_empty() {
        text.put(6, words.answers);
    }
    for FamilyReadView { person, link_id, professional, state } in &rule.inputs {
        let told = of(person).map_or_else(|| link_id.clone(), |telling| answered((link_id, *professional, state), telling, words));
        text.put(8, &format!("- {person}: {told}"));
    }
    if !rule.undecided.is_empty() {
        text.put(6, words.undecided);
    }
    for FamilyReadView { person, link_id, professional, .. } in &rule.undecided {
        let told = of(person).map_or_else(|| link_id.clone(), |telling| asked(link_id, *professional, telling, words).0);
        text.put(8, &format!("- {person}: {told}"));
    }
    if let Some(why) = rule.why {
        text.put(6, &format!("{}: {why}", words.why));
    }
    let guidance = known.guidance.as_deref().filter(|_| rule.guidance.is_some()).and_then(|canonical| profiles.guidance(canonical));
    if let Some(first) = guidance.and_then(|guidance| guidance.text.text(language).lines().next()) {
        text.put(6, &format!("{}: {}", words.guidance, first.replace("**", "")));
    }
}

fn outcome(outcome: Outcome, words: &Words) -> &'static str {
    match outcome {
        Outcome::Met => words.met,
        Outcome::NotMet => words.not_met,
        Outcome::Indeterminate => words.indeterminate,
    }
}

fn headed(text: &mut Lines, rule_set: &RuleSet, language: &str) {
    let title = rule_set.title.text(language);
    if !title.is_empty() {
        text.put(0, title);
    }
    text.put(0, &rule_set.canonical());
}

fn person(text: &mut Lines, person: &PersonPreview, telling: Telling<'_>, words: &Words) {
    if !person.segments.is_empty() {
        let name = |code: &str| -> String {
            let rule = telling.rules.segments.iter().find(|rule| rule.subject.code == code);
            rule.map_or(code, |rule| rule.subject.display.text(telling.language)).to_owned()
        };
        let proposed = person.segment.as_ref().map_or_else(|| words.none.to_owned(), |segment| name(&segment.code));
        text.put(0, &format!("{}: {proposed}", words.proposed));
        let possible: Vec<String> = person.possible.iter().map(|segment| name(&segment.code)).collect();
        if possible.len() > 1 || person.segment.is_none() {
            text.put(0, &format!("{}: {}", words.possible, possible.join(", ")));
        }
    }
    let mut shown: &[ReadView] = &[];
    for (heading, rules) in [
        (words.segments, &person.segments),
        (words.alerts, &person.alerts),
        (words.services, &person.services),
        (words.rules, &person.others),
    ] {
        if rules.is_empty() {
            continue;
        }
        text.blank();
        text.put(0, heading);
        for view in rules {
            one(text, view, shown, telling, words);
            shown = if view.inputs.is_empty() { shown } else { &view.inputs };
        }
    }
}

/// One rule. Answers that were told of the rule before are not told again.
fn one(text: &mut Lines, view: &RuleView, shown: &[ReadView], telling: Telling<'_>, words: &Words) {
    let rule: Option<&Rule> = telling.rules.rules().find(|rule| rule.id == view.id);
    let outcome = outcome(view.outcome, words);
    let name = rule.map_or(view.subject.display.as_str(), |rule| rule.subject.display.text(telling.language));
    let sentence = rule.map_or(view.sentence.as_str(), |rule| rule.sentence.text(telling.language));
    let heading = if name.is_empty() { format!("[{outcome}] {}", view.id) } else { format!("[{outcome}] {name} ({})", view.id) };
    text.put(2, &heading);
    text.put(6, if sentence.is_empty() { view.expression.as_deref().unwrap_or_default() } else { sentence });
    view.comparisons.iter().for_each(|compared| text.put(6, &words.compared(compared)));
    if !view.inputs.is_empty() && is_same(&view.inputs, shown) {
        text.put(6, words.same_answers);
    } else if !view.inputs.is_empty() {
        text.put(6, words.answers);
        view.inputs
            .iter()
            .for_each(|read| text.put(8, &format!("- {}", answered((&read.link_id, read.professional, &read.state), telling, words))));
    }
    if view.outcome == Outcome::Indeterminate && !view.undecided.is_empty() {
        text.put(6, words.undecided);
        for name in &view.undecided {
            let (professional, link_id) = question(name);
            text.put(8, &format!("- {}", asked(link_id, professional, telling, words).0));
        }
    }
    if view.outcome == Outcome::Indeterminate
        && let Some(why) = &view.why
    {
        text.put(6, &format!("{}: {why}", words.why));
    }
    let guidance = rule.and_then(|rule| telling.profiles.guidance(rule.guidance.as_deref()?)).filter(|_| view.guidance.is_some());
    if let Some(first) = guidance.and_then(|guidance| guidance.text.text(telling.language).lines().next()) {
        text.put(6, &format!("{}: {}", words.guidance, first.replace("**", "")));
    }
}

fn is_same(one: &[ReadView], other: &[ReadView]) -> bool {
    let key = |read: &ReadView| (read.link_id.clone(), read.professional);
    one.iter().map(key).eq(other.iter().map(key))
}

/// The question and its answer, as one would say them.
fn answered((link_id, professional, state): (&str, bool, &ReadState), telling: Telling<'_>, words: &Words) -> String {
    let (question, item) = asked(link_id, professional, telling, words);
    let answer = match state {
        ReadState::Answered(values) => {
            values.iter().map(|value| shown(value, item, telling.language, words)).collect::<Vec<_>>().join(", ")
        }
        ReadState::Declined => format!("[{}]", words.declined),
        ReadState::Missing => format!("[{}]", words.missing),
        ReadState::NotAsked => format!("[{}]", words.not_asked),
    };
    let between = if question.ends_with(['?', ':', '.', '!']) { "" } else { ":" };
    format!("{question}{between} {answer}")
}

/// The question in words, with whose it is; and its item.
fn asked<'t>(link_id: &str, professional: bool, telling: Telling<'t>, words: &Words) -> (String, Option<&'t Item>) {
    let questionnaire: Option<&Questionnaire> =
        if professional { telling.rules.professional.as_deref() } else { Some(&telling.rules.questionnaire) };
    let item = questionnaire.and_then(|it| Some(it.item(it.find(link_id)?)));
    let question = item.map(|item| item.text.text(telling.language)).filter(|question| !question.trim().is_empty());
    let whose = if professional { words.professional } else { "" };
    (format!("{whose}{}", question.unwrap_or(link_id)), item)
}

/// An answer in words: the option's, a number or a day as the language writes it. Free text is not repeated.
fn shown(value: &str, item: Option<&Item>, language: &str, words: &Words) -> String {
    let is_of = |option: &OptionValue| matches!(option, OptionValue::Coding { code, .. } if code == value);
    let option = item.and_then(|item| item.options.iter().find(|option| is_of(&option.value)));
    let display = option.map(|option| option.display.text(language)).filter(|display| !display.is_empty());
    match (display, item.map(|item| item.kind)) {
        (Some(display), _) => display.to_owned(),
        (None, Some(ItemKind::Boolean)) => if value == "true" { words.yes } else { words.no }.to_owned(),
        (None, Some(ItemKind::Decimal | ItemKind::Integer | ItemKind::Quantity)) => words.digits(value),
        (None, Some(ItemKind::Date)) => words.day(value),
        (None, _) if value == "…" => words.free_text.to_owned(),
        (None, _) => value.to_owned(),
    }
}

/// Lines that fit a terminal.
#[derive(Default)]
struct Lines(String);

impl Lines {
    /// A paragraph; its later lines stand a little further in.
    fn put(&mut self, indent: usize, paragraph: &str) {
        let further = if paragraph.starts_with("- ") || paragraph.starts_with('[') { indent + 2 } else { indent };
        let mut width = 0;
        for word in paragraph.split_whitespace() {
            let long = word.chars().count();
            if width == 0 {
                let _ = write!(self.0, "{:indent$}{word}", "");
                width = indent + long;
            } else if width + 1 + long > WIDTH {
                let _ = write!(self.0, "\n{:further$}{word}", "");
                width = further + long;
            } else {
                let _ = write!(self.0, " {word}");
                width += 1 + long;
            }
        }
        if width > 0 {
            self.blank();
        }
    }

    fn blank(&mut self) {
        self.0.push('\n');
    }
}

/// Characters of a line.
const WIDTH: usize = 100;
