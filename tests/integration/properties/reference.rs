//! R4's and SDC's rules for a response, as plain and as slow as can be: every question is answered by looking through
//! everything again. Nothing of the validator is used here.

use std::collections::{BTreeSet, HashMap};

use rust_decimal::Decimal;
use serde_json::Value;

use super::webs::below;

/// What cannot be told is between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Truth {
    No,
    Unknown,
    Yes,
}

/// An item of the Questionnaire.
pub struct Definition<'v> {
    pub node: &'v Value,
    pub parent: Option<usize>,
}

/// An item of the response that stands where the Questionnaire has it.
pub struct Entry<'v> {
    pub definition: usize,
    pub node: &'v Value,
    pub place: String,
    /// From the response down: the entries that hold it, each with the answer that does.
    path: Vec<Step>,
    /// Position and value[x] of the answers that are of the right type.
    pub values: Vec<(usize, &'v str, &'v Value)>,
}

#[derive(Clone, Copy, PartialEq)]
struct Step {
    entry: usize,
    answer: Option<usize>,
}

pub struct Reference<'v> {
    pub definitions: Vec<Definition<'v>>,
    by_link_id: HashMap<&'v str, usize>,
    pub entries: Vec<Entry<'v>>,
    /// Severity, fault and place.
    pub faults: Vec<(&'static str, &'static str, String)>,
    /// The linkIds of what cannot be checked: one cause is told once.
    pub unchecked: BTreeSet<&'v str>,
    is_whole: bool,
    /// What stands in the wrong place, with its definition and what holds it.
    strays: Vec<(usize, &'v Value, Vec<Step>)>,
    /// What is missing, with what should hold it: one stray is one that is not.
    missing: Vec<(usize, Vec<Step>, String)>,
}

impl<'v> Reference<'v> {
    pub fn of(questionnaire: &'v Value, response: &'v Value) -> Self {
        let is_whole = !matches!(response["status"].as_str(), Some("in-progress" | "stopped"));
        let mut reference = Self {
            definitions: Vec::new(),
            by_link_id: HashMap::new(),
            entries: Vec::new(),
            faults: Vec::new(),
            unchecked: BTreeSet::new(),
            is_whole,
            strays: Vec::new(),
            missing: Vec::new(),
        };
        reference.define(below(questionnaire), None);
        reference.shape(response, "QuestionnaireResponse");
        reference.walk(response, &[], "QuestionnaireResponse", None);
        reference.inside(&[], "QuestionnaireResponse", None);
        reference.find_missing();
        reference.faults.sort();
        reference
    }

    fn define(&mut self, items: &'v [Value], parent: Option<usize>) {
        for node in items {
            let index = self.definitions.len();
            self.by_link_id.insert(node["linkId"].as_str().expect("a linkId"), index);
            self.definitions.push(Definition { node, parent });
            self.define(below(node), Some(index));
        }
    }

    fn error(&mut self, fault: &'static str, place: impl Into<String>) {
        self.faults.push(("error", fault, place.into()));
    }

    /// What unfinished responses may break for now.
    fn soft(&mut self, fault: &'static str, place: impl Into<String>) {
        self.faults.push((if self.is_whole { "error" } else { "warning" }, fault, place.into()));
    }

    fn shape(&mut self, holder: &Value, place: &str) {
        for (position, item) in below(holder).iter().enumerate() {
            let place = format!("{place}.item[{position}]");
            if item.get("linkId").is_none() {
                self.error("missing-member", format!("{place}.linkId"));
            }
            if item.get("item").is_some() && item.get("answer").is_some() {
                self.error("r4-invariant", &place);
            }
            self.shape(item, &place);
            for (position, answer) in answers(item).iter().enumerate() {
                self.shape(answer, &format!("{place}.answer[{position}]"));
            }
        }
    }

    fn walk(&mut self, holder: &'v Value, path: &[Step], place: &str, parent: Option<usize>) {
        let mut latest = 0;
        for (position, node) in below(holder).iter().enumerate() {
            let place = format!("{place}.item[{position}]");
            let Some(link_id) = node["linkId"].as_str() else { continue };
            let Some(&definition) = self.by_link_id.get(link_id) else {
                self.error("unknown-link-id", place);
                continue;
            };
            if self.definitions[definition].parent != parent {
                self.error("wrong-parent", place);
                self.strays.push((definition, node, path.to_vec()));
                continue;
            }
            if definition < latest {
                self.error("order", &place);
            }
            latest = definition;
            let entry = self.entries.len();
            self.entries.push(Entry { definition, node, place: place.clone(), path: path.to_vec(), values: Vec::new() });
            let inside = |answer| [path, &[Step { entry, answer }]].concat();
            let (has_answers, has_items) = (node.get("answer").is_some(), node.get("item").is_some());
            match self.kind(definition) {
                "group" => {
                    if has_answers && !has_items {
                        self.error("wrong-shape", format!("{place}.answer"));
                    }
                    self.walk(node, &inside(None), &place, Some(definition));
                }
                kind => {
                    // both are qrs-1
                    match (kind, has_answers, has_items) {
                        ("display", true, false) => self.error("wrong-shape", format!("{place}.answer")),
                        (_, false, true) => self.error("wrong-shape", format!("{place}.item")),
                        _ => {}
                    }
                    for stray in below(node) {
                        if let Some(&definition) = stray["linkId"].as_str().and_then(|link_id| self.by_link_id.get(link_id)) {
                            self.strays.push((definition, stray, inside(None)));
                        }
                    }
                    if kind == "display" {
                        continue;
                    }
                    for (position, answer) in answers(node).iter().enumerate() {
                        let place = format!("{place}.answer[{position}]");
                        self.answer(entry, position, answer, &place);
                        self.walk(answer, &inside(Some(position)), &place, Some(definition));
                    }
                }
            }
        }
    }

    fn answer(&mut self, entry: usize, position: usize, answer: &'v Value, place: &str) {
        let members = answer.as_object().expect("an object");
        let Some((name, value)) = members.iter().find(|(name, _)| name.starts_with("value")) else {
            return self.error("wrong-shape", place);
        };
        if self.takes(self.entries[entry].definition, name) {
            self.entries[entry].values.push((position, name, value));
        } else {
            self.error("wrong-type", format!("{place}.value"));
        }
    }

    /// Whether the question takes this value[x].
    fn takes(&self, definition: usize, name: &str) -> bool {
        match self.kind(definition) {
            "text" | "string" => name == "valueString",
            "url" => name == "valueUri",
            "choice" => name == "valueCoding",
            "open-choice" => name == "valueCoding" || name == "valueString",
            kind => name.to_lowercase() == format!("value{}", kind.to_lowercase()),
        }
    }

    /// The rules for what stands, or should stand, in one holder.
    fn inside(&mut self, path: &[Step], place: &str, parent: Option<usize>) {
        for definition in 0..self.definitions.len() {
            if self.definitions[definition].parent != parent {
                continue;
            }
            let here: Vec<usize> =
                (0..self.entries.len()).filter(|&at| self.entries[at].definition == definition && self.entries[at].path == path).collect();
            match self.is_asked(definition, path) {
                Truth::No => self.not_asked(&here),
                asked => {
                    let hangs_on_it = !here.is_empty() || (self.definitions[definition].node["required"] == true && self.is_whole);
                    if hangs_on_it && self.own(definition, path) == Truth::Unknown && self.is_left_open(definition, path) {
                        self.unchecked.insert(self.link_id(definition));
                    }
                    self.asked(definition, asked == Truth::Yes && self.is_whole, &here, path, place);
                }
            }
        }
    }

    fn not_asked(&mut self, here: &[usize]) {
        for &at in here {
            // the entry itself, or one below it
            let is_answered = self.entries.iter().enumerate().any(|(index, entry)| {
                (index == at || entry.path.iter().any(|step| step.entry == at)) && entry.node.get("answer").is_some()
            });
            if is_answered {
                self.soft("disabled-answer", self.entries[at].place.clone());
            }
        }
    }

    fn asked(&mut self, definition: usize, must: bool, here: &[usize], path: &[Step], place: &str) {
        let node = self.definitions[definition].node;
        let kind = self.kind(definition);
        let (required, repeats, is_group) = (node["required"] == true && must, node["repeats"] == true, kind == "group");
        if here.is_empty() && required && self.can_hold(definition, path) {
            self.missing.push((definition, path.to_vec(), place.to_owned()));
        }
        if here.len() > 1 && !(repeats && is_group) {
            let place = self.entries[here[1]].place.clone();
            self.faults.push((if repeats { "warning" } else { "error" }, "repeated-item", place));
        }
        if is_group && !here.is_empty() {
            self.count(definition, here.len(), must, &self.entries[here[0]].place.clone());
        }
        for &at in here {
            let place = self.entries[at].place.clone();
            let node = self.entries[at].node;
            let inside = |answer| [path, &[Step { entry: at, answer }]].concat();
            if is_group {
                let is_answer = |(index, entry): (usize, &Entry<'_>)| {
                    (index == at || entry.path.iter().any(|step| step.entry == at)) && entry.node.get("answer").is_some()
                };
                if required && !self.entries.iter().enumerate().any(is_answer) && self.asks(definition, &inside(None)) {
                    self.missing.push((definition, inside(None), place.clone()));
                }
                self.inside(&inside(None), &place, Some(definition));
            } else if kind != "display" {
                self.question(at, required, repeats, must);
                for position in 0..answers(node).len() {
                    self.inside(&inside(Some(position)), &format!("{place}.answer[{position}]"), Some(definition));
                }
            }
        }
    }

    /// Each stray with an answer in it is one that is not missing, of its own and of the groups around it: the nearest.
    fn find_missing(&mut self) {
        let strays = std::mem::take(&mut self.strays);
        for (definition, _, path) in strays.iter().filter(|(_, node, _)| is_answered(node)) {
            let groups = self.above(*definition).into_iter().take_while(|&above| self.kind(above) == "group");
            for wanted in [*definition].into_iter().chain(groups.collect::<Vec<_>>()) {
                let shared = |other: &[Step]| path.iter().zip(other).take_while(|(left, right)| left.entry == right.entry).count();
                let mut nearest: Option<usize> = None;
                for (number, (_, holder, _)) in self.missing.iter().enumerate().filter(|(_, missing)| missing.0 == wanted) {
                    if nearest.is_none_or(|known| shared(holder) > shared(&self.missing[known].1)) {
                        nearest = Some(number);
                    }
                }
                nearest.map(|number| self.missing.remove(number));
            }
        }
        self.strays = strays;
        for (.., place) in std::mem::take(&mut self.missing) {
            self.error("missing-answer", place);
        }
    }

    /// A group of which nothing is asked is not required.
    fn can_hold(&self, group: usize, path: &[Step]) -> bool {
        let is_asked = |&child: &usize| self.definitions[child].parent == Some(group) && self.is_asked(child, path) != Truth::No;
        self.kind(group) != "group" || (0..self.definitions.len()).any(|child| is_asked(&child))
    }

    /// A question or a group is asked in it.
    fn asks(&self, group: usize, path: &[Step]) -> bool {
        let is_below = |&child: &usize| self.definitions[child].parent == Some(group) && self.kind(child) != "display";
        (0..self.definitions.len()).filter(is_below).any(|child| self.is_asked(child, path) != Truth::No)
    }

    fn question(&mut self, at: usize, required: bool, repeats: bool, must: bool) {
        let Entry { definition, node, place, values, .. } = &self.entries[at];
        let (definition, place, values) = (*definition, place.clone(), values.clone());
        let count = answers(node).len();
        if count == 0 {
            if required {
                self.error("missing-answer", place);
            }
            return;
        }
        if count > 1 && !repeats {
            self.error("too-many-answers", &place);
        }
        self.count(definition, count, must, &place);
        let item = self.definitions[definition].node;
        for &(position, name, value) in &values {
            for (severity, fault) in super::limits::broken(item, name, value, values.len()) {
                match fault {
                    "not-checked" => _ = self.unchecked.insert(self.link_id(definition)),
                    fault => self.faults.push((severity, fault, format!("{place}.answer[{position}].value"))),
                }
            }
        }
        for (number, (position, name, value)) in values.iter().enumerate().filter(|_| repeats) {
            let is_same = |(_, _, other): &(usize, &str, &Value)| other["code"] == value["code"] && other["system"] == value["system"];
            if *name == "valueCoding" && values[..number].iter().any(is_same) && !super::limits::is_exclusive(item, value) {
                self.faults.push(("warning", "same-answer", format!("{place}.answer[{position}].value")));
            }
        }
    }

    fn count(&mut self, definition: usize, count: usize, must: bool, place: &str) {
        let limit =
            |name: &str| Some(super::limits::extension(self.definitions[definition].node, name)?["valueInteger"].as_u64()? as usize);
        let (least, most) = (limit("questionnaire-minOccurs"), limit("questionnaire-maxOccurs"));
        if must && least.is_some_and(|least| count < least) {
            self.error("too-few", place);
        }
        if most.is_some_and(|most| count > most) {
            self.soft("too-many-answers", place);
        }
    }

    /// Whether the item is asked in this holder: by its own conditions, and only if the holder is.
    fn is_asked(&self, definition: usize, path: &[Step]) -> Truth {
        self.own(definition, path).min(path.last().map_or(Truth::Yes, |step| self.is_entry_asked(step.entry)))
    }

    fn own(&self, definition: usize, path: &[Step]) -> Truth {
        let node = self.definitions[definition].node;
        let conditions = node["enableWhen"].as_array().map_or(&[][..], Vec::as_slice);
        let held: Vec<Truth> = conditions.iter().map(|condition| self.holds(definition, condition, path)).collect();
        let all = held.iter().copied().min().unwrap_or(Truth::Yes);
        let any = held.iter().copied().max().unwrap_or(Truth::Yes);
        match node["enableBehavior"].as_str() {
            Some("any") => any,
            Some(_) => all,
            None if all == any => all,
            None => Truth::Unknown,
        }
    }

    /// An answer that is there, and does not tell whether it meets one of the conditions.
    fn is_left_open(&self, definition: usize, path: &[Step]) -> bool {
        let conditions = self.definitions[definition].node["enableWhen"].as_array().map_or(&[][..], Vec::as_slice);
        conditions.iter().filter(|condition| self.holds(definition, condition, path) == Truth::Unknown).any(|condition| {
            let sources = self.sources(definition, condition, path).into_iter().filter(|&at| self.is_entry_asked(at) != Truth::No);
            let mut values = sources.flat_map(|at| &self.entries[at].values);
            condition["operator"] != "exists"
                && values.any(|(_, name, value)| super::limits::compare(name, value, condition) == Truth::Unknown)
        })
    }

    fn link_id(&self, definition: usize) -> &'v str {
        self.definitions[definition].node["linkId"].as_str().expect("a linkId")
    }

    pub fn is_entry_asked(&self, entry: usize) -> Truth {
        self.is_asked(self.entries[entry].definition, &self.entries[entry].path)
    }

    /// The entries whose answers a condition asks for.
    fn sources(&self, definition: usize, condition: &Value, path: &[Step]) -> Vec<usize> {
        let question = self.by_link_id[condition["question"].as_str().expect("a question")];
        // the nearest ancestor that is the question, or that the question stands below
        let scope = self.above(definition).into_iter().find(|&above| above == question || self.above(question).contains(&above));
        let step = path.iter().find(|step| Some(self.entries[step.entry].definition) == scope);
        let is_source = |&at: &usize| {
            let entry = &self.entries[at];
            entry.definition == question
                && match step {
                    None => true,
                    Some(step) if scope == Some(question) => step.entry == at,
                    Some(step) => entry.path.contains(step),
                }
        };
        (0..self.entries.len()).filter(is_source).collect()
    }

    fn holds(&self, definition: usize, condition: &Value, path: &[Step]) -> Truth {
        let question = self.by_link_id[condition["question"].as_str().expect("a question")];
        // of one that perhaps is not asked, each answer perhaps is not there
        let mut exists = Truth::No;
        let mut met = Truth::No;
        for at in self.sources(definition, condition, path) {
            let asked = self.is_entry_asked(at);
            for &(_, name, value) in &self.entries[at].values {
                exists = exists.max(asked);
                met = met.max(super::limits::compare(name, value, condition).min(asked));
            }
        }
        // what stands in the wrong place is perhaps the answer
        for &(_, stray, _) in &self.strays {
            for (name, value) in self.strayed(question, stray) {
                exists = exists.max(Truth::Unknown);
                met = met.max(super::limits::compare(name, value, condition).min(Truth::Unknown));
            }
        }
        match (condition["operator"].as_str(), condition["answerBoolean"].as_bool()) {
            (Some("exists"), Some(true)) => exists,
            (Some("exists"), _) => match exists {
                Truth::No => Truth::Yes,
                Truth::Unknown => Truth::Unknown,
                Truth::Yes => Truth::No,
            },
            _ => met,
        }
    }

    /// The answers to the question in a stray, of the right type.
    fn strayed(&self, question: usize, node: &'v Value) -> Vec<(&'v str, &'v Value)> {
        let mut found = Vec::new();
        if node["linkId"] == self.definitions[question].node["linkId"] {
            for answer in answers(node) {
                let value = answer.as_object().expect("an object").iter().find(|(name, _)| name.starts_with("value"));
                found.extend(value.filter(|(name, _)| self.takes(question, name)).map(|(name, value)| (name.as_str(), value)));
            }
        }
        let inside = below(node).iter().chain(answers(node).iter().flat_map(below));
        inside.for_each(|node| found.extend(self.strayed(question, node)));
        found
    }

    fn above(&self, definition: usize) -> Vec<usize> {
        std::iter::successors(self.definitions[definition].parent, |&parent| self.definitions[parent].parent).collect()
    }

    fn kind(&self, definition: usize) -> &'v str {
        self.definitions[definition].node["type"].as_str().expect("a type")
    }

    /// The numbers of the item's answers that are not surely out of place, in document order.
    pub fn answers_of(&self, definition: usize) -> Vec<&'v Value> {
        let of = |entry: &usize| self.entries[*entry].definition == definition && self.is_entry_asked(*entry) != Truth::No;
        (0..self.entries.len()).filter(of).flat_map(|entry| self.entries[entry].values.iter().map(|&(_, _, value)| value)).collect()
    }

    pub fn weight(&self, definition: usize, value: &Value) -> Decimal {
        let options = self.definitions[definition].node["answerOption"].as_array().map_or(&[][..], Vec::as_slice);
        let same = |option: &&Value| {
            option.get("valueCoding").is_some_and(|coding| coding["system"] == value["system"] && coding["code"] == value["code"])
        };
        let weight = options.iter().find(same).and_then(|option| super::limits::extension(option, "itemWeight")?["valueDecimal"].as_i64());
        weight.unwrap_or(0).into()
    }
}

fn is_answered(item: &Value) -> bool {
    !answers(item).is_empty() || below(item).iter().any(is_answered)
}

pub fn answers(item: &Value) -> &[Value] {
    item["answer"].as_array().map_or(&[], Vec::as_slice)
}
