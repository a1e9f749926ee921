//! A filled-in Questionnaire, made up from the compiled Questionnaire itself: valid answers, `enableWhen` honoured,
//! some declined, some missing. It prints itself as our own `answers` and as an R4 QuestionnaireResponse.

use neuvola_adapter::form::questionnaire::{
    AnswerOption, Bound, Comparand, Comparison, EnableWhen, Item, ItemKind, Operator, OptionValue, Questionnaire,
};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::tape::Tape;

#[derive(Clone)]
pub struct Filled<'q> {
    pub questionnaire: &'q Questionnaire,
    pub entries: Vec<Entry>,
}

/// One item of the response. A repeated group is several entries.
#[derive(Clone, Debug)]
pub struct Entry {
    pub item: usize,
    pub given: Vec<Given>,
    /// Below the group, or below the first answer.
    pub below: Vec<Entry>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    Boolean(bool),
    /// Digits of a number.
    Number(String),
    Coding {
        system: String,
        code: String,
    },
    /// An integer or string option, or free text.
    Text(String),
    /// A date, dateTime or time.
    Time(String),
    Quantity {
        digits: String,
        code: String,
        system: Option<String>,
        display: String,
        only: bool,
    },
}

/// How much is filled in.
#[derive(Clone, Copy)]
pub struct Habits {
    /// Of a hundred optional questions, how many are answered.
    pub optional: usize,
    pub declined: usize,
    /// Of a hundred required ones, how many are left out all the same: the response is then no longer a completed one.
    pub missing: usize,
}

pub const USUAL: Habits = Habits { optional: 60, declined: 8, missing: 0 };
pub const GAPS: Habits = Habits { optional: 60, declined: 15, missing: 25 };

pub fn fill<'q>(questionnaire: &'q Questionnaire, habits: Habits, tape: &mut Tape<'_>) -> Filled<'q> {
    let mut filler = Filler { questionnaire, habits, tape, seen: Vec::new() };
    let entries = filler.below(None);
    Filled { questionnaire, entries }
}

struct Filler<'q, 'f, 't> {
    questionnaire: &'q Questionnaire,
    habits: Habits,
    tape: &'f mut Tape<'t>,
    /// What was answered so far, in the scopes that are open.
    seen: Vec<(usize, Given)>,
}

impl Filler<'_, '_, '_> {
    fn below(&mut self, parent: Option<usize>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for &index in self.questionnaire.children(parent) {
            let item = self.questionnaire.item(index);
            if item.kind == ItemKind::Display || !is_enabled(item, &self.seen) {
                continue;
            }
            if item.kind == ItemKind::Group {
                let wanted = if !item.repeats { 1 } else { self.tape.below(3) };
                let outside = self.seen.len();
                let mut inside = Vec::new();
                for _ in 0..wanted {
                    let below = self.below(Some(index));
                    // one occurrence does not see the other's answers; what stands outside sees all of them
                    inside.extend(self.seen.drain(outside..));
                    if !below.is_empty() {
                        entries.push(Entry { item: index, given: Vec::new(), below });
                    }
                }
                self.seen.extend(inside);
                continue;
            }
            let is_left_out = if item.required { self.tape.chance(self.habits.missing) } else { !self.tape.chance(self.habits.optional) };
            let is_declined = item.options.iter().any(AnswerOption::is_declined) && self.tape.chance(self.habits.declined);
            if is_left_out {
                continue;
            }
            let given = if is_declined { vec![declined()] } else { answers(item, self.tape) };
            self.seen.extend(given.iter().map(|given| (index, given.clone())));
            let below = self.below(Some(index));
            entries.push(Entry { item: index, given, below });
        }
        entries
    }
}

/// Valid answers to one question, one or (where it repeats) several.
pub fn answers(item: &Item, tape: &mut Tape<'_>) -> Vec<Given> {
    let options: Vec<Given> = item.options.iter().filter(|option| !option.is_declined()).map(Given::of).collect();
    match item.kind {
        ItemKind::Choice | ItemKind::OpenChoice => {
            let mut given: Vec<Given> =
                if item.repeats { tape.some_of(&options).into_iter().cloned().collect() } else { vec![tape.one_of(&options).clone()] };
            if item.kind == ItemKind::OpenChoice && tape.chance(25) {
                given.truncate(if item.repeats { given.len() } else { 0 });
                given.push(Given::Text((*tape.one_of(&TEXTS)).to_owned()));
            }
            given
        }
        ItemKind::Boolean => vec![Given::Boolean(tape.below(2) == 1)],
        ItemKind::Integer => vec![Given::Number(number(item, tape).trunc().to_string())],
        ItemKind::Decimal => vec![Given::Number(number(item, tape).to_string())],
        ItemKind::Quantity => {
            let units = if item.units.is_empty() { item.unit.as_slice() } else { &item.units };
            let unit = tape.one_of(units);
            vec![Given::Quantity {
                digits: number(item, tape).to_string(),
                code: unit.code.clone(),
                system: unit.system.clone(),
                display: unit.display.clone(),
                only: units.len() == 1,
            }]
        }
        ItemKind::Date => vec![Given::Time((*tape.one_of(&["2026-11-01", "2024-02-29", "2025", "2023-07"])).to_owned())],
        ItemKind::DateTime => vec![Given::Time("2026-11-02T18:20:00+02:00".to_owned())],
        ItemKind::Time => vec![Given::Time("18:20:00".to_owned())],
        ItemKind::String | ItemKind::Text => {
            let most = item.bounds.max_length.unwrap_or(100);
            let text = if tape.chance(10) { "ä".repeat(most) } else { tape.one_of(&TEXTS).chars().take(most).collect() };
            vec![Given::Text(text)]
        }
        kind => panic!("no answer is made up for {kind:?}"),
    }
}

fn number(item: &Item, tape: &mut Tape<'_>) -> Decimal {
    let bound = |bound: &Option<Bound>, otherwise: u32| match bound {
        Some(Bound::Number(number)) => *number,
        _ => otherwise.into(),
    };
    let (least, most) = (bound(&item.bounds.min, 0), bound(&item.bounds.max, 40));
    // halves, so that decimals have some
    let steps = usize::try_from((most - least) * Decimal::TWO).unwrap_or(40);
    let value = least + Decimal::from(tape.below(steps + 1)) / Decimal::TWO;
    value.normalize()
}

pub fn declined() -> Given {
    Given::Coding { system: "http://terminology.hl7.org/CodeSystem/data-absent-reason".to_owned(), code: "asked-declined".to_owned() }
}

/// R4's `enableWhen`, over what was answered.
fn is_enabled(item: &Item, seen: &[(usize, Given)]) -> bool {
    let mut held = item.enable_when.iter().map(|condition| holds(condition, seen));
    if item.enable_any { item.enable_when.is_empty() || held.any(|held| held) } else { held.all(|held| held) }
}

fn holds(condition: &EnableWhen, seen: &[(usize, Given)]) -> bool {
    let mut given = seen.iter().filter(|(item, _)| *item == condition.question).map(|(_, given)| given);
    match (condition.operator, &condition.answer) {
        (Operator::Exists, Comparand::Boolean(wanted)) => given.next().is_some() == *wanted,
        (operator, wanted) => given.any(|given| given.compares(operator, wanted)),
    }
}

impl Given {
    pub fn of(option: &AnswerOption) -> Self {
        match &option.value {
            OptionValue::Coding { system, code } => Self::Coding { system: system.clone(), code: code.clone() },
            OptionValue::Text(text) => Self::Text(text.clone()),
            OptionValue::Integer(number) => Self::Number(number.to_string()),
            OptionValue::Time(text) => Self::Time(text.clone()),
            OptionValue::Reference(text) => panic!("no reference is made up: {text}"),
        }
    }

    pub fn compares(&self, operator: Operator, wanted: &Comparand) -> bool {
        let ordering = match (self, wanted) {
            (Self::Boolean(left), Comparand::Boolean(right)) => left.cmp(right),
            (Self::Number(left) | Self::Quantity { digits: left, .. }, Comparand::Number(right)) => {
                left.parse::<Decimal>().expect("a number").cmp(right)
            }
            (Self::Text(left), Comparand::Text(right)) | (Self::Time(left), Comparand::Time(right)) => left.cmp(right),
            (Self::Coding { system, code }, Comparand::Coding { system: wanted, code: right }) => {
                // codes are equal or not; they have no order
                let same = code == right && wanted.as_ref().is_none_or(|wanted| wanted == system);
                return operator == Operator::Is(if same { Comparison::Equal } else { Comparison::NotEqual });
            }
            _ => return false,
        };
        match operator {
            Operator::Is(Comparison::Equal) => ordering.is_eq(),
            Operator::Is(Comparison::NotEqual) => ordering.is_ne(),
            Operator::Is(Comparison::Greater) => ordering.is_gt(),
            Operator::Is(Comparison::Less) => ordering.is_lt(),
            Operator::Is(Comparison::GreaterOrEqual) => ordering.is_ge(),
            Operator::Is(Comparison::LessOrEqual) => ordering.is_le(),
            Operator::Exists => true,
        }
    }

    pub fn is_declined(&self) -> bool {
        *self == declined()
    }

    fn wire(&self, kind: ItemKind) -> Value {
        match self {
            Self::Boolean(value) => json!(value),
            Self::Number(digits) if matches!(kind, ItemKind::Choice) => json!(digits),
            Self::Number(digits) => digits_of(digits),
            Self::Coding { code, .. } => json!(code),
            Self::Text(text) if kind == ItemKind::OpenChoice => json!({ "text": text }),
            Self::Text(text) | Self::Time(text) => json!(text),
            Self::Quantity { digits, only: true, .. } => digits_of(digits),
            Self::Quantity { digits, code, .. } => json!({ "value": digits_of(digits), "unit": code }),
        }
    }

    fn r4(&self, kind: ItemKind) -> (String, Value) {
        let (name, value) = match self {
            Self::Boolean(value) => ("valueBoolean", json!(value)),
            Self::Number(digits) if kind == ItemKind::Decimal => ("valueDecimal", digits_of(digits)),
            Self::Number(digits) => ("valueInteger", digits_of(digits)),
            Self::Coding { system, code } => ("valueCoding", json!({ "system": system, "code": code })),
            Self::Text(text) => ("valueString", json!(text)),
            Self::Time(text) => (kind.value_name(), json!(text)),
            Self::Quantity { digits, code, system, display, .. } => {
                let mut quantity = json!({ "value": digits_of(digits), "unit": display });
                if let Some(system) = system {
                    quantity["system"] = json!(system);
                    quantity["code"] = json!(code);
                }
                ("valueQuantity", quantity)
            }
        };
        (name.to_owned(), value)
    }
}

fn digits_of(digits: &str) -> Value {
    serde_json::from_str(digits).expect("digits")
}

impl<'q> Filled<'q> {
    /// As `answers` of a submission; `None` if nothing is answered.
    pub fn answers(&self) -> Option<Value> {
        let mut answers = Map::new();
        self.put(&self.entries, &mut answers);
        (!answers.is_empty()).then_some(Value::Object(answers))
    }

    fn put(&self, entries: &[Entry], answers: &mut Map<String, Value>) {
        for entry in entries {
            let item = self.questionnaire.item(entry.item);
            match item.kind {
                ItemKind::Group if item.repeats => {
                    let mut object = Map::new();
                    self.put(&entry.below, &mut object);
                    let list = answers.entry(item.link_id.clone()).or_insert_with(|| json!([]));
                    list.as_array_mut().expect("an array").push(Value::Object(object));
                }
                ItemKind::Group => self.put(&entry.below, answers),
                kind => {
                    let values: Vec<Value> = entry.given.iter().map(|given| given.wire(kind)).collect();
                    let value = if item.repeats { Value::Array(values) } else { values[0].clone() };
                    answers.insert(item.link_id.clone(), value);
                    self.put(&entry.below, answers);
                }
            }
        }
    }

    /// As a QuestionnaireResponse.
    pub fn response(&self, status: &str) -> Value {
        let mut response = json!({
            "resourceType": "QuestionnaireResponse",
            "questionnaire": self.questionnaire.canonical(),
            "status": status,
            "authored": "2026-11-10T18:20:00+02:00",
        });
        let items = self.items(&self.entries);
        if !items.is_empty() {
            response["item"] = items.into();
        }
        response
    }

    fn items(&self, entries: &[Entry]) -> Vec<Value> {
        let mut items = Vec::new();
        for entry in entries {
            let item = self.questionnaire.item(entry.item);
            let mut node = json!({ "linkId": item.link_id });
            let below = self.items(&entry.below);
            if item.kind == ItemKind::Group {
                node["item"] = below.into();
            } else {
                let mut answers: Vec<Value> =
                    entry.given.iter().map(|given| Value::Object(Map::from_iter([given.r4(item.kind)]))).collect();
                if !below.is_empty() {
                    answers[0]["item"] = below.into();
                }
                node["answer"] = answers.into();
            }
            items.push(node);
        }
        items
    }

    /// Every answered question, in document order.
    pub fn answered(&self) -> Vec<usize> {
        fn collect(entries: &[Entry], into: &mut Vec<usize>) {
            for entry in entries {
                if !entry.given.is_empty() && !into.contains(&entry.item) {
                    into.push(entry.item);
                }
                collect(&entry.below, into);
            }
        }
        let mut answered = Vec::new();
        collect(&self.entries, &mut answered);
        answered
    }

    /// With other answers to one question (none: deleted), and without what they no longer enable.
    pub fn with(&self, item: usize, given: &[Given]) -> Filled<'q> {
        let mut seen = Vec::new();
        Filled { questionnaire: self.questionnaire, entries: self.changed(&self.entries, item, given, &mut seen) }
    }

    fn changed(&self, entries: &[Entry], changed: usize, given: &[Given], seen: &mut Vec<(usize, Given)>) -> Vec<Entry> {
        let mut kept = Vec::new();
        // of the occurrences of one group, seen by what follows and not by each other
        let mut inside = Vec::new();
        for (position, entry) in entries.iter().enumerate() {
            if position > 0 && entries[position - 1].item != entry.item {
                seen.append(&mut inside);
            }
            let item = self.questionnaire.item(entry.item);
            if !is_enabled(item, seen) {
                continue;
            }
            let given_here = if entry.item == changed { given } else { &entry.given };
            let is_group = item.kind == ItemKind::Group;
            if !is_group && given_here.is_empty() {
                continue;
            }
            let outside = seen.len();
            seen.extend(given_here.iter().map(|given| (entry.item, given.clone())));
            let below = self.changed(&entry.below, changed, given, seen);
            if is_group && item.repeats {
                inside.extend(seen.drain(outside..));
            }
            if !is_group || !below.is_empty() {
                kept.push(Entry { item: entry.item, given: given_here.to_vec(), below });
            }
        }
        seen.append(&mut inside);
        kept
    }
}

const TEXTS: [&str; 5] = ["Kaikki hyvin.", "<b>& \"lainaus\"</b>", "ÄÖÅ 😀 \u{202e}", "rivi\nrivi\ttabulaattori", "\\u0000 {} []"];
