//! Small Questionnaires and rules, made up: every kind of question that rules read, conditions of `enableWhen` between
//! them, groups that repeat, questions below answers.

use neuvola_adapter::form::questionnaire::{AnswerOption, ItemKind, Questionnaire};
use serde_json::{Map, Value, json};

use super::tape::Tape;

/// A Questionnaire of three to six questions, as FHIR.
pub fn questionnaire(tape: &mut Tape<'_>) -> Value {
    let mut maker = Maker { tape, questions: Vec::new(), groups: 0 };
    let count = 3 + maker.tape.below(4);
    let mut items = Vec::new();
    while maker.questions.len() < count {
        items.push(maker.item(0));
    }
    json!({ "resourceType": "Questionnaire", "id": "made-up", "url": "urn:made-up", "version": "1", "status": "draft", "item": items })
}

struct Maker<'m, 't> {
    tape: &'m mut Tape<'t>,
    /// Number and kind of each question so far.
    questions: Vec<Kind>,
    groups: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Boolean,
    Choice,
    Choices,
    Integer,
    Text,
    /// Options or free text, one or several.
    Open,
    Opens,
}

impl Maker<'_, '_> {
    fn item(&mut self, depth: usize) -> Value {
        let conditions = self.conditions();
        let mut item = match self.tape.below(10) {
            8 if depth == 0 => self.group(false),
            9 if depth == 0 => self.group(true),
            kind => self.question(KINDS[kind % KINDS.len()], depth),
        };
        if let [_, ..] = conditions.as_slice() {
            item["enableWhen"] = conditions.into();
            item["enableBehavior"] = json!(self.tape.one_of(&["all", "any"]));
        }
        item
    }

    fn group(&mut self, repeats: bool) -> Value {
        self.groups += 1;
        let link_id = format!("g{}", self.groups);
        let count = 1 + self.tape.below(2);
        let items: Vec<Value> = (0..count).map(|_| self.item(1)).collect();
        json!({ "linkId": link_id, "type": "group", "repeats": repeats, "item": items })
    }

    fn question(&mut self, kind: Kind, depth: usize) -> Value {
        let number = self.questions.len();
        self.questions.push(kind);
        let link_id = format!("q{number}");
        let mut extensions = Vec::new();
        let mut item = match kind {
            Kind::Boolean => json!({ "linkId": link_id, "type": "boolean" }),
            Kind::Text => json!({ "linkId": link_id, "type": "string" }),
            Kind::Integer => {
                let (least, most) = (self.tape.below(2), 2 + self.tape.below(2));
                for (name, value) in [("minValue", least), ("maxValue", most)] {
                    extensions.push(json!({ "url": format!("http://hl7.org/fhir/StructureDefinition/{name}"), "valueInteger": value }));
                }
                json!({ "linkId": link_id, "type": "integer" })
            }
            kind => {
                let options = self.options();
                let (name, repeats) = match kind {
                    Kind::Choice => ("choice", false),
                    Kind::Choices => ("choice", true),
                    Kind::Open => ("open-choice", false),
                    _ => ("open-choice", true),
                };
                json!({ "linkId": link_id, "type": name, "repeats": repeats, "answerOption": options })
            }
        };
        if self.tape.chance(15) {
            let url = "https://neuvola-adapter.example/fhir/StructureDefinition/empty-means-none";
            extensions.push(json!({ "url": url, "valueBoolean": true }));
        }
        if !extensions.is_empty() {
            item["extension"] = extensions.into();
        }
        if depth < 2 && !matches!(kind, Kind::Choices | Kind::Opens) && self.tape.chance(15) {
            let below = self.item(2);
            item["item"] = json!([below]);
        }
        item
    }

    fn options(&mut self) -> Vec<Value> {
        let count = 2 + self.tape.below(2);
        let mut options: Vec<Value> = ["a", "b", "c"][..count]
            .iter()
            .map(|code| {
                let mut option = json!({ "valueCoding": { "system": "urn:codes", "code": code } });
                if self.tape.chance(75) {
                    let weight = [0, 1, 2, 3, -1][self.tape.below(5)];
                    let url = "http://hl7.org/fhir/StructureDefinition/itemWeight";
                    option["extension"] = json!([{ "url": url, "valueDecimal": weight }]);
                }
                option
            })
            .collect();
        if self.tape.chance(50) {
            let system = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
            options.push(json!({ "valueCoding": { "system": system, "code": "asked-declined" } }));
        }
        options
    }

    /// None, one or two, over the questions so far.
    fn conditions(&mut self) -> Vec<Value> {
        let count = if self.questions.is_empty() { 0 } else { [0, 0, 1, 1, 2][self.tape.below(5)] };
        (0..count)
            .map(|_| {
                let number = self.tape.below(self.questions.len());
                let mut condition: Map<String, Value> = Map::from_iter([("question".to_owned(), json!(format!("q{number}")))]);
                let (operator, name, answer) = match self.questions[number] {
                    _ if self.tape.chance(25) => ("exists", "answerBoolean", json!(!self.tape.chance(40))),
                    Kind::Text => ("=", "answerString", json!("Kaikki hyvin.")),
                    Kind::Boolean => (*self.tape.one_of(&["=", "!="]), "answerBoolean", json!(!self.tape.chance(50))),
                    Kind::Integer => (*self.tape.one_of(&["=", ">", "<=", "!="]), "answerInteger", json!(1 + self.tape.below(2))),
                    _ => {
                        let code = *self.tape.one_of(&["a", "b"]);
                        (*self.tape.one_of(&["=", "!="]), "answerCoding", json!({ "system": "urn:codes", "code": code }))
                    }
                };
                condition.insert("operator".to_owned(), json!(operator));
                condition.insert(name.to_owned(), answer);
                Value::Object(condition)
            })
            .collect()
    }
}

/// A rule's expression over the Questionnaire's questions.
pub fn expression(questionnaire: &Questionnaire, tape: &mut Tape<'_>) -> String {
    Rules { questionnaire, tape }.condition(0)
}

struct Rules<'r, 't> {
    questionnaire: &'r Questionnaire,
    tape: &'r mut Tape<'t>,
}

impl Rules<'_, '_> {
    fn condition(&mut self, depth: usize) -> String {
        let choice = self.tape.below(if depth < 2 { 10 } else { 5 });
        if choice < 5 {
            return self.test();
        }
        let (left, right) = (self.condition(depth + 1), self.condition(depth + 1));
        match choice {
            5 | 6 => format!("({left} and {right})"),
            7 => format!("({left} or {right})"),
            8 if self.tape.chance(50) => format!("({left} xor {right})"),
            8 => format!("({left} implies {right})"),
            _ => format!("({left}).not()"),
        }
    }

    fn test(&mut self) -> String {
        let index = self.question(|_| true);
        let (path, item) = (self.path(index), self.questionnaire.item(index));
        if self.tape.chance(35) {
            return self.comparison();
        }
        let end = *self.tape.one_of(&["exists()", "empty()"]);
        match item.kind {
            _ if self.tape.chance(15) => format!("{path}.answer.{end}"),
            ItemKind::Choice | ItemKind::OpenChoice => {
                let codes: Vec<&str> = item.options.iter().filter(|option| !option.is_declined()).filter_map(AnswerOption::code).collect();
                let code = *self.tape.one_of(&codes);
                match self.tape.below(7) {
                    4 => format!("{path}.answer.value.code.{end}"),
                    5 => format!("{path}.answer.value.where(code = '{code}').code = '{code}'"),
                    6 => format!("{path}.answer.value.where(code in ('{}' | '{code}')).code != '{code}'", codes[0]),
                    0 => format!("{path}.answer.value.code = '{code}'"),
                    1 => format!("{path}.answer.value.code != '{code}'"),
                    2 => format!("{path}.answer.value.code in ('{}' | '{code}')", codes[0]),
                    _ => format!("{path}.answer.value.where(code = '{code}').{end}"),
                }
            }
            ItemKind::Boolean => match self.tape.below(3) {
                0 => format!("{path}.answer.value"),
                1 => format!("{path}.answer.value = {}", self.tape.chance(50)),
                _ => format!("{path}.answer.value != {}", self.tape.chance(50)),
            },
            ItemKind::Integer => self.comparison(),
            _ => format!("{path}.answer.value = 'Kaikki hyvin.'"),
        }
    }

    fn comparison(&mut self) -> String {
        let operator = *self.tape.one_of(&[">=", "<", "=", "!=", ">", "<="]);
        // to FHIRPath several numbers are unequal to one; the adapter leaves that undecided
        let single = matches!(operator, "=" | "!=");
        let left = self.number(0, single);
        let right = if self.tape.chance(20) { self.number(1, single) } else { self.tape.below(7).to_string() };
        format!("{left} {operator} {right}")
    }

    fn number(&mut self, depth: usize, single: bool) -> String {
        let index = self.question(is_measured);
        let path = self.path(index);
        let kind = self.questionnaire.item(index).kind;
        let is_single = !self.questionnaire.item(index).repeats && self.questionnaire.repeated_around(index).is_none();
        let measure = match (kind, self.tape.below(5)) {
            (ItemKind::Integer, _) => "",
            (_, 0) => ".where(code = 'a').weight()",
            _ => ".weight()",
        };
        match self.tape.below(if depth == 0 { 6 } else { 4 }) {
            0 if is_measured(kind) && kind != ItemKind::Integer => {
                let all: Vec<String> = (0..self.questionnaire.items().len())
                    .filter(|&index| matches!(self.questionnaire.item(index).kind, ItemKind::Choice | ItemKind::OpenChoice))
                    .map(|index| format!("'{}'", self.questionnaire.item(index).link_id))
                    .collect();
                format!("descendants().where(linkId in ({})).answer.value.weight().sum()", all.join(" | "))
            }
            0 | 1 if is_measured(kind) && (is_single || !single) => format!("{path}.answer.value{measure}"),
            2 if is_measured(kind) => format!("{path}.answer.value{measure}.sum()"),
            3 if is_measured(kind) && kind != ItemKind::Integer => format!("{path}.answer.value.code.count()"),
            0..=3 => format!("{path}.answer.value.count()"),
            _ => {
                let operator = *self.tape.one_of(&["+", "-", "*"]);
                format!("({} {operator} {})", self.number(1, single), self.number(1, single))
            }
        }
    }

    /// A question, if possible of a kind that is wanted.
    fn question(&mut self, wanted: fn(ItemKind) -> bool) -> usize {
        let all: Vec<usize> = (0..self.questionnaire.items().len()).filter(|&index| self.questionnaire.item(index).is_question()).collect();
        let some: Vec<usize> = all.iter().copied().filter(|&index| wanted(self.questionnaire.item(index).kind)).collect();
        *self.tape.one_of(if some.is_empty() { &all } else { &some })
    }

    fn path(&mut self, index: usize) -> String {
        let item = self.questionnaire.item(index);
        match item.parent.map(|parent| self.questionnaire.item(parent)) {
            _ if self.tape.chance(75) => format!("descendants().where(linkId = '{}')", item.link_id),
            None => format!("item.where(linkId = '{}')", item.link_id),
            Some(group) if group.kind == ItemKind::Group => {
                format!("%resource.descendants().where(linkId = '{}').item.where(linkId = '{}')", group.link_id, item.link_id)
            }
            Some(question) => {
                format!("descendants().where(linkId = '{}').answer.item.where(linkId = '{}')", question.link_id, item.link_id)
            }
        }
    }
}

const fn is_measured(kind: ItemKind) -> bool {
    matches!(kind, ItemKind::Choice | ItemKind::OpenChoice | ItemKind::Integer)
}

const KINDS: [Kind; 8] = [Kind::Choice, Kind::Boolean, Kind::Choices, Kind::Integer, Kind::Choice, Kind::Text, Kind::Open, Kind::Opens];
