//! The callback stories, played and shown. Each has an adapter of its own, for it moves the clock.

use std::sync::Arc;

use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::style::HorizontalLine;
use tabled::settings::{Modify, Style, Theme, Width};

use crate::cli::complain;
use crate::configuration::{Configuration, fresh_token};
use crate::fixtures::stories::Story;
use crate::installation::Installation;
use crate::player::{self, Played, PlayedStep};
use crate::profiles::Profiles;

pub(super) async fn play(story: &Story, profiles: &Arc<Profiles>) -> anyhow::Result<Played> {
    let secret = fresh_token()?;
    let mut number = 0;
    let mut token = || {
        number += 1;
        format!("{secret}{number}")
    };
    let (configuration, callers) = Configuration::sandbox(&mut token)
        .map_err(|mistakes| anyhow::anyhow!("{} mistakes in the sandbox's configuration", mistakes.len()))?;
    // nothing outlives the story, and nobody else has the store
    let installation = Installation::sandbox(configuration, None, [0; 32], profiles, None).await?;
    let mut stage = player::Stage::set(installation, &callers, Arc::clone(profiles), story.start, story.has_endpoint()).await?;
    let played = player::play(story, &mut stage).await;
    stage.strike().await;
    Ok(played)
}

/// One row a step.
pub(super) fn table(played: &[Played]) -> String {
    let mut rows = Builder::new();
    rows.push_record(["story", "who", "what", "answer", "status", "owner"]);
    let mut begins = Vec::new();
    for one in played {
        begins.push(rows.count_records());
        for (index, step) in one.steps.iter().enumerate() {
            let what = if step.differences.is_empty() { step.what.clone() } else { format!("✗ {}", step.what) };
            let name = if index == 0 { one.story.as_str() } else { "" };
            let owner = step.owner.rsplit('/').next().unwrap_or_default();
            rows.push_record([name, &step.who, &what, &step.answer, &step.status, owner]);
        }
    }
    let mut table = rows.build();
    let mut theme = Theme::from_style(Style::modern_rounded());
    theme.remove_horizontal_lines();
    for row in begins {
        theme.insert_horizontal_line(row, HorizontalLine::inherit(Style::modern_rounded()));
    }
    table.with(theme);
    for (column, width) in [(0, 36), (1, 16), (2, 40), (3, 34), (4, 16), (5, 24)] {
        table.with(Modify::new(Columns::one(column)).with(Width::wrap(width).keep_words(true)));
    }
    table.to_string()
}

pub(super) fn json(one: &Played) -> Value {
    let step = |step: &PlayedStep| {
        json!({
            "at": step.at.to_string(),
            "who": step.who,
            "what": step.what,
            "answer": step.answer,
            "status": step.status,
            "owner": step.owner,
        })
    };
    let steps: Vec<_> = one.steps.iter().map(step).collect();
    let differences: Vec<_> = told(one).collect();
    json!({ "story": one.story, "purpose": one.purpose, "steps": steps, "differences": differences })
}

/// What is not as the story says, on standard error.
pub(super) fn differences(played: &[Played]) {
    for one in played {
        told(one).for_each(|difference| complain(format_args!("{}: {difference}", one.story)));
    }
}

pub(super) fn summary(played: &[Played]) -> String {
    let steps: usize = played.iter().map(|one| one.steps.len()).sum();
    let wrong = wrong(played);
    format!("{} stories: {} steps as told, {wrong} not", played.len(), steps - wrong)
}

/// Steps.
pub(super) fn wrong(played: &[Played]) -> usize {
    played.iter().map(Played::differences).sum()
}

fn told(one: &Played) -> impl Iterator<Item = String> {
    let steps = one.steps.iter().enumerate();
    steps.flat_map(|(index, step)| step.differences.iter().map(move |difference| format!("step {}: {difference}", index + 1)))
}
