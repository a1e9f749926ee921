//! Names and the drawing.

use std::collections::HashMap;
use std::path::Path;

use crate::cli::rules::Language;
use crate::profiles::Profiles;
use crate::rules::drawing::{Panel, Words, svg};
use crate::rules::impact::{Flows, Impact};
use crate::segment::rule::Rule;

/// The segments' names in one language, and their order.
pub(super) struct Names<'p> {
    language: Language,
    names: HashMap<&'p str, &'p str>,
    /// By form and role, heaviest first.
    order: HashMap<(&'p str, &'p str), Vec<&'p str>>,
}

impl<'p> Names<'p> {
    pub(super) fn of(sides: [&'p Profiles; 2], language: Language) -> Self {
        let mut names = Self { language, names: HashMap::new(), order: HashMap::new() };
        for rule_set in sides.into_iter().flat_map(Profiles::rule_sets) {
            let form = if rule_set.form.is_empty() { &rule_set.url } else { &rule_set.form };
            for rules in &rule_set.roles {
                let order = names.order.entry((form, &rules.role)).or_default();
                for Rule { subject, .. } in &rules.segments {
                    names.names.entry(&subject.code).or_insert(subject.display.text(language.code()));
                    if !order.contains(&subject.code.as_str()) {
                        order.push(&subject.code);
                    }
                }
            }
        }
        names
    }

    /// The segment's name; what there is to say where none is proposed.
    pub(super) fn segment(&self, code: Option<&str>) -> String {
        let Some(code) = code else { return self.language.of(["(avoin)", "(öppen)", "(open)"]).to_owned() };
        let name = self.names.get(code).filter(|name| !name.is_empty());
        name.map_or(code, |name| *name).to_owned()
    }
}

/// A panel for each role in which somebody moves; for all, where nobody does.
pub(super) fn drawing(found: &Impact, names: &Names<'_>, old: &Path, new: &Path) -> String {
    let moves = |flows: &Flows| flows.steps.keys().any(|(from, to)| from != to);
    let is_still = !found.flows.values().any(moves);
    let panels = found.flows.iter().filter(|(_, flows)| is_still || moves(flows));
    let panels: Vec<Panel> = panels
        .map(|((form, role), flows)| {
            let mut codes: Vec<Option<&str>> = names.order.get(&(form, role)).into_iter().flatten().map(|code| Some(*code)).collect();
            codes.push(None);
            let place = |code: &Option<String>| codes.iter().position(|known| *known == code.as_deref()).unwrap_or(codes.len() - 1);
            Panel {
                title: format!("{form} · {role}"),
                flows: flows.steps.iter().map(|((from, to), count)| (place(from), place(to), *count)).collect(),
                segments: codes.iter().map(|code| names.segment(*code)).collect(),
            }
        })
        .collect();
    let last = |path: &Path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let what = names.language.of(["Säännöt muuttuvat", "Reglerna ändras", "The rules change"]);
    let words = Words {
        title: format!("{what}: {} → {}", last(old), last(new)),
        before: names.language.of(["ennen", "före", "before"]).to_owned(),
        after: names.language.of(["jälkeen", "efter", "after"]).to_owned(),
    };
    svg(&words, &panels)
}
