//! A Questionnaire, read once and held ready: items in document order, found by linkId.
//!
//! Sources: R4 <https://hl7.org/fhir/R4/questionnaire.html>, SDC 4.0 extensions, `ordinalValue` and `itemWeight`.

use std::collections::HashMap;
use std::ops::Range;

use neuvola_fhir::{Node, Place};
use rust_decimal::Decimal;

use crate::issue::Issue;
use crate::texts::Texts;

/// One version of a Questionnaire.
#[derive(Debug)]
pub struct Questionnaire {
    pub id: String,
    pub url: String,
    pub version: String,
    pub title: Texts,
    /// The form it belongs to, by its code in the form code system; empty for a Questionnaire of nobody's form.
    pub form: String,
    /// Whom it is about and who fills it in, by its code in the form-role code system.
    pub role: String,
    items: Vec<Item>,
    by_link_id: HashMap<String, usize>,
    roots: Vec<usize>,
}

/// One item. Items stand in document order, so an item's descendants are the range behind it.
#[derive(Debug)]
pub struct Item {
    pub link_id: String,
    pub text: Texts,
    pub kind: ItemKind,
    pub parent: Option<usize>,
    pub children: Vec<usize>,
    pub required: bool,
    pub repeats: bool,
    pub options: Vec<AnswerOption>,
    /// Canonical of `answerValueSet`, where the options come from there.
    pub value_set: Option<String>,
    pub enable_when: Vec<EnableWhen>,
    pub enable_any: bool,
    pub bounds: Bounds,
    /// An unanswered item means "none" (our own extension).
    pub empty_means_none: bool,
    /// The unit that a bare number has, for quantities.
    pub unit: Option<Unit>,
    pub units: Vec<Unit>,
}

/// `Questionnaire.item.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    Group,
    Display,
    Boolean,
    Decimal,
    Integer,
    Date,
    DateTime,
    Time,
    String,
    Text,
    Url,
    Choice,
    OpenChoice,
    Attachment,
    Reference,
    Quantity,
}

/// What an answer may not exceed.
#[derive(Debug, Default)]
pub struct Bounds {
    pub max_length: Option<usize>,
    pub min_length: Option<usize>,
    pub min: Option<Bound>,
    pub max: Option<Bound>,
    pub min_occurs: Option<usize>,
    pub max_occurs: Option<usize>,
    pub regex: Option<regex_lite::Regex>,
}

/// `minValue` or `maxValue`.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    Number(Decimal),
    /// Date or dateTime, compared at the precision of the shorter.
    Time(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub system: Option<String>,
    pub code: String,
    pub display: String,
}

/// One permitted answer.
#[derive(Debug)]
pub struct AnswerOption {
    pub value: OptionValue,
    pub display: Texts,
    /// `ordinalValue` or `itemWeight`.
    pub weight: Option<Decimal>,
    /// Of a code system that is not ours: its display is not ours to translate.
    pub is_foreign: bool,
}

#[derive(Debug, PartialEq)]
pub enum OptionValue {
    Coding { system: String, code: String },
    Text(String),
    Integer(Decimal),
}

impl AnswerOption {
    /// "I prefer not to answer": the question counts as open.
    pub fn is_declined(&self) -> bool {
        matches!(&self.value, OptionValue::Coding { system, code } if is_declined(system, code))
    }
}

/// One `enableWhen`.
#[derive(Debug)]
pub struct EnableWhen {
    pub question: usize,
    /// The nearest item that holds both; `None` is the response itself. Answers are looked for below its occurrence.
    pub scope: Option<usize>,
    pub operator: Operator,
    pub answer: Comparand,
    /// As a sentence, for the fault's message.
    pub sentence: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Exists,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

#[derive(Debug, PartialEq)]
pub enum Comparand {
    Boolean(bool),
    Number(Decimal),
    Text(String),
    Coding { system: Option<String>, code: String },
}

impl Questionnaire {
    /// Reads a Questionnaire.
    ///
    /// # Errors
    /// Every defect found, with its place.
    pub fn compile(node: &Node<'_>) -> Result<Self, Vec<Issue>> {
        let mut defects = Vec::new();
        let root = Place::root("Questionnaire");
        for name in ["url", "version"] {
            if node.text(name).is_none_or(str::is_empty) {
                defects.push(Issue::error("required", "questionnaire", root.member(name), format!("a Questionnaire has no `{name}`")));
            }
        }
        let coded = |system: &str| node.list("code").iter().find(|code| code.text("system").is_some_and(|known| known.ends_with(system)));
        let mut questionnaire = Self {
            id: node.text("id").unwrap_or_default().to_owned(),
            url: node.text("url").unwrap_or_default().to_owned(),
            version: node.text("version").unwrap_or_default().to_owned(),
            title: Texts::of(node, "title"),
            form: coded("/CodeSystem/form").and_then(|code| code.text("code")).unwrap_or_default().to_owned(),
            role: coded("/CodeSystem/form-role").and_then(|code| code.text("code")).unwrap_or_default().to_owned(),
            items: Vec::new(),
            by_link_id: HashMap::new(),
            roots: Vec::new(),
        };
        let mut raw = Vec::new();
        questionnaire.collect(node, None, &root, &mut raw, &mut defects);
        for (index, (item, place)) in raw.iter().enumerate() {
            questionnaire.link_conditions(index, item, place, &mut defects);
        }
        questionnaire.refuse_cycles(&raw, &mut defects);
        if defects.is_empty() { Ok(questionnaire) } else { Err(defects) }
    }

    /// `url|version`
    pub fn canonical(&self) -> String {
        format!("{}|{}", self.url, self.version)
    }

    pub fn items(&self) -> &[Item] {
        &self.items
    }

    pub fn item(&self, index: usize) -> &Item {
        &self.items[index]
    }

    pub fn find(&self, link_id: &str) -> Option<usize> {
        self.by_link_id.get(link_id).copied()
    }

    /// The items directly below `parent`; the top ones for `None`.
    pub fn children(&self, parent: Option<usize>) -> &[usize] {
        parent.map_or(&self.roots, |parent| &self.items[parent].children)
    }

    /// Below `ancestor`, itself not included.
    pub fn descendants(&self, ancestor: usize) -> Range<usize> {
        let mut end = ancestor + 1;
        while end < self.items.len() && self.is_below(end, ancestor) {
            end += 1;
        }
        ancestor + 1..end
    }

    /// The options of `answerValueSet`, once the value sets are known.
    pub fn fill_options(&mut self, index: usize, options: Vec<AnswerOption>) {
        self.items[index].options = options;
    }

    /// Marks the options whose code system is not among the `ours`.
    pub fn mark_foreign(&mut self, ours: impl Fn(&str) -> bool) {
        for option in self.items.iter_mut().flat_map(|item| &mut item.options) {
            if let OptionValue::Coding { system, .. } = &option.value {
                option.is_foreign = !ours(system);
            }
        }
    }

    /// Is inside a group that may occur several times.
    pub fn is_in_repeated_group(&self, index: usize) -> bool {
        std::iter::successors(self.items[index].parent, |&parent| self.items[parent].parent)
            .any(|ancestor| self.items[ancestor].kind == ItemKind::Group && self.items[ancestor].repeats)
    }

    fn is_below(&self, index: usize, ancestor: usize) -> bool {
        std::iter::successors(self.items[index].parent, |&parent| self.items[parent].parent).any(|parent| parent == ancestor)
    }

    fn collect<'n, 'a>(
        &mut self,
        node: &'n Node<'a>,
        parent: Option<usize>,
        place: &Place<'_>,
        raw: &mut Vec<(&'n Node<'a>, String)>,
        defects: &mut Vec<Issue>,
    ) {
        let list = place.member("item");
        for (position, child) in node.list("item").iter().enumerate() {
            let here = list.element(position);
            let index = self.items.len();
            let item = Item::read(child, parent, &here, defects);
            if self.by_link_id.insert(item.link_id.clone(), index).is_some() {
                defects.push(Issue::error(
                    "duplicate",
                    "questionnaire",
                    here.member("linkId"),
                    format!("the linkId `{}` stands here twice", item.link_id),
                ));
            }
            self.items.push(item);
            raw.push((child, here.to_string()));
            match parent {
                Some(parent) => self.items[parent].children.push(index),
                None => self.roots.push(index),
            }
            self.collect(child, Some(index), &here, raw, defects);
        }
    }

    fn link_conditions(&mut self, index: usize, node: &Node<'_>, place: &str, defects: &mut Vec<Issue>) {
        for (position, condition) in node.list("enableWhen").iter().enumerate() {
            let here = format!("{place}.enableWhen[{position}]");
            match self.condition(index, condition) {
                Ok(condition) => self.items[index].enable_when.push(condition),
                Err(message) => defects.push(Issue::error("invalid", "questionnaire", here, message)),
            }
        }
    }

    fn condition(&self, index: usize, node: &Node<'_>) -> Result<EnableWhen, String> {
        let link_id = node.text("question").unwrap_or_default();
        let question = self.find(link_id).ok_or_else(|| format!("the question `{link_id}` is not in this Questionnaire"))?;
        let sign = node.text("operator").unwrap_or_default();
        let operator = match sign {
            "exists" => Operator::Exists,
            "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" => Operator::GreaterOrEqual,
            "<=" => Operator::LessOrEqual,
            _ => return Err("the operator is none of R4's".to_owned()),
        };
        let answer = comparand(node).ok_or("the answer[x] to compare with is missing or of a kind that cannot be compared")?;
        if operator == Operator::Exists && !matches!(answer, Comparand::Boolean(_)) {
            return Err("`exists` is compared with a boolean".to_owned());
        }
        let kind = self.items[question].kind;
        if matches!(kind, ItemKind::Group | ItemKind::Display) {
            return Err(format!("`{link_id}` is no question"));
        }
        if let Comparand::Coding { code, .. } = &answer
            && self.items[question].value_set.is_none()
            && kind == ItemKind::Choice
            && !self.items[question]
                .options
                .iter()
                .any(|option| matches!(&option.value, OptionValue::Coding { code: known, .. } if known == code))
        {
            return Err(format!("`{code}` is no option of `{link_id}`"));
        }
        let ancestors: Vec<usize> = std::iter::successors(self.items[index].parent, |&parent| self.items[parent].parent).collect();
        let scope = ancestors.into_iter().find(|&ancestor| ancestor == question || self.is_below(question, ancestor));
        let sentence = format!("`{link_id}` {sign} {}", answer.sentence());
        Ok(EnableWhen { question, scope, operator, answer, sentence })
    }

    fn refuse_cycles(&self, raw: &[(&Node<'_>, String)], defects: &mut Vec<Issue>) {
        // 0 unseen, 1 on the way, 2 done
        let mut state = vec![0_u8; self.items.len()];
        for (start, (_, place)) in raw.iter().enumerate() {
            if self.on_a_cycle(start, &mut state) {
                defects.push(Issue::error(
                    "invalid",
                    "questionnaire",
                    format!("{place}.enableWhen"),
                    "the conditions of enableWhen go in a circle",
                ));
            }
        }
    }

    fn on_a_cycle(&self, index: usize, state: &mut [u8]) -> bool {
        match state[index] {
            1 => return true,
            2 => return false,
            _ => state[index] = 1,
        }
        let depends = self.items[index].enable_when.iter().map(|condition| condition.question).chain(self.items[index].parent);
        let circular = depends.into_iter().any(|next| self.on_a_cycle(next, state));
        state[index] = 2;
        circular
    }
}

impl Item {
    fn read(node: &Node<'_>, parent: Option<usize>, place: &Place<'_>, defects: &mut Vec<Issue>) -> Self {
        let mut defect = |name: &str, message: String| defects.push(Issue::error("invalid", "questionnaire", place.member(name), message));
        let link_id = node.text("linkId").unwrap_or_default().to_owned();
        if link_id.is_empty() {
            defect("linkId", "an item has no linkId".to_owned());
        }
        let kind = node.text("type").and_then(ItemKind::of).unwrap_or_else(|| {
            defect("type", format!("the type of `{link_id}` is none of R4's"));
            ItemKind::Display
        });
        let flag = |name: &str| node.member(name).and_then(Node::as_bool).unwrap_or(false);
        let bounds = Bounds::read(node, &link_id, &mut defect);
        let unit = extension(node, QUESTIONNAIRE_UNIT).and_then(|it| it.member("valueCoding")).map(Unit::read);
        let units = extensions(node, UNIT_OPTION).filter_map(|it| it.member("valueCoding")).map(Unit::read).collect();
        Self {
            text: Texts::of(node, "text"),
            kind,
            parent,
            children: Vec::new(),
            required: flag("required"),
            repeats: flag("repeats"),
            options: node.list("answerOption").iter().filter_map(AnswerOption::read).collect(),
            value_set: node.text("answerValueSet").map(str::to_owned),
            enable_when: Vec::new(),
            enable_any: node.text("enableBehavior") == Some("any"),
            bounds,
            empty_means_none: extension_ending(node, "/StructureDefinition/empty-means-none")
                .and_then(|it| it.member("valueBoolean")?.as_bool())
                .unwrap_or(false),
            unit,
            units,
            link_id,
        }
    }

    /// A question with a finite list of answers, none of them free.
    pub fn is_closed_choice(&self) -> bool {
        self.kind == ItemKind::Choice
    }
}

impl ItemKind {
    fn of(code: &str) -> Option<Self> {
        Some(match code {
            "group" => Self::Group,
            "display" => Self::Display,
            "boolean" => Self::Boolean,
            "decimal" => Self::Decimal,
            "integer" => Self::Integer,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "time" => Self::Time,
            "string" => Self::String,
            "text" => Self::Text,
            "url" => Self::Url,
            "choice" => Self::Choice,
            "open-choice" => Self::OpenChoice,
            "attachment" => Self::Attachment,
            "reference" => Self::Reference,
            "quantity" => Self::Quantity,
            _ => return None,
        })
    }

    /// The value[x] that answers it, as R4 names it.
    pub const fn value_name(self) -> &'static str {
        match self {
            Self::Group | Self::Display => "",
            Self::Boolean => "valueBoolean",
            Self::Decimal => "valueDecimal",
            Self::Integer => "valueInteger",
            Self::Date => "valueDate",
            Self::DateTime => "valueDateTime",
            Self::Time => "valueTime",
            Self::String | Self::Text => "valueString",
            Self::Url => "valueUri",
            Self::Choice | Self::OpenChoice => "valueCoding",
            Self::Attachment => "valueAttachment",
            Self::Reference => "valueReference",
            Self::Quantity => "valueQuantity",
        }
    }
}

impl Bounds {
    fn read(node: &Node<'_>, link_id: &str, defect: &mut impl FnMut(&str, String)) -> Self {
        let count = |url| extension(node, url).and_then(|it| it.member("valueInteger")?.as_number()?.parse().ok());
        let bound = |url| extension(node, url).and_then(Bound::read);
        let regex = extension(node, REGEX).and_then(|it| it.text("valueString")).and_then(|pattern| {
            let whole = regex_lite::Regex::new(&format!("^(?:{pattern})$"));
            whole.map_err(|_| defect("extension", format!("the regex of `{link_id}` does not compile"))).ok()
        });
        let bounds = Self {
            max_length: node.member("maxLength").and_then(|it| it.as_number()?.parse().ok()),
            min_length: count(MIN_LENGTH),
            min: bound(MIN_VALUE),
            max: bound(MAX_VALUE),
            min_occurs: count(MIN_OCCURS),
            max_occurs: count(MAX_OCCURS),
            regex,
        };
        if let (Some(Bound::Number(min)), Some(Bound::Number(max))) = (&bounds.min, &bounds.max)
            && min > max
        {
            defect("extension", format!("the bounds of `{link_id}` leave no possible answer"));
        }
        bounds
    }
}

impl Bound {
    fn read(extension: &Node<'_>) -> Option<Self> {
        let (name, value) = extension.members().iter().find(|(name, _)| name.starts_with("value"))?;
        match name.as_ref() {
            "valueInteger" | "valueDecimal" => decimal(value.as_number()?).map(Self::Number),
            "valueDate" | "valueDateTime" | "valueTime" => value.as_str().map(|text| Self::Time(text.to_owned())),
            _ => None,
        }
    }
}

impl Unit {
    fn read(coding: &Node<'_>) -> Self {
        let code = coding.text("code").unwrap_or_default();
        Self {
            system: coding.text("system").map(str::to_owned),
            code: code.to_owned(),
            display: coding.text("display").unwrap_or(code).to_owned(),
        }
    }
}

impl AnswerOption {
    fn read(node: &Node<'_>) -> Option<Self> {
        let weight_of = |holder: &Node<'_>| {
            [ORDINAL_VALUE, ITEM_WEIGHT].iter().find_map(|url| decimal(extension(holder, url)?.member("valueDecimal")?.as_number()?))
        };
        if let Some(coding) = node.member("valueCoding") {
            let part = |name| coding.text(name).unwrap_or_default().to_owned();
            return Some(Self {
                value: OptionValue::Coding { system: part("system"), code: part("code") },
                display: Texts::of(coding, "display"),
                weight: weight_of(node).or_else(|| weight_of(coding)),
                is_foreign: false,
            });
        }
        let value = match node.members().iter().find(|(name, _)| name.starts_with("value"))? {
            (name, value) if name == "valueInteger" => OptionValue::Integer(decimal(value.as_number()?)?),
            (_, value) => OptionValue::Text(value.as_str()?.to_owned()),
        };
        Some(Self { value, display: Texts::default(), weight: weight_of(node), is_foreign: false })
    }

    pub fn coded(system: &str, code: &str, display: Texts, weight: Option<Decimal>) -> Self {
        Self { value: OptionValue::Coding { system: system.to_owned(), code: code.to_owned() }, display, weight, is_foreign: false }
    }
}

impl Comparand {
    fn sentence(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(text) => format!("'{text}'"),
            Self::Coding { code, .. } => format!("`{code}`"),
        }
    }
}

fn comparand(node: &Node<'_>) -> Option<Comparand> {
    let (name, value) = node.members().iter().find(|(name, _)| name.starts_with("answer"))?;
    Some(match name.as_ref() {
        "answerBoolean" => Comparand::Boolean(value.as_bool()?),
        "answerInteger" | "answerDecimal" => Comparand::Number(decimal(value.as_number()?)?),
        "answerQuantity" => Comparand::Number(decimal(value.member("value")?.as_number()?)?),
        "answerCoding" => Comparand::Coding { system: value.text("system").map(str::to_owned), code: value.text("code")?.to_owned() },
        "answerString" | "answerDate" | "answerDateTime" | "answerTime" => Comparand::Text(value.as_str()?.to_owned()),
        _ => return None,
    })
}

/// Digits to an exact number; exponents too.
pub fn decimal(digits: &str) -> Option<Decimal> {
    digits.parse().ok().or_else(|| Decimal::from_scientific(digits).ok())
}

/// "I prefer not to answer", in FHIR's own code system.
pub fn is_declined(system: &str, code: &str) -> bool {
    system == DATA_ABSENT_REASON && code == DECLINED
}

/// The first extension with this url.
pub fn extension<'n, 'a>(node: &'n Node<'a>, url: &str) -> Option<&'n Node<'a>> {
    node.list("extension").iter().find(|extension| extension.text("url") == Some(url))
}

fn extensions<'n, 'a>(node: &'n Node<'a>, url: &'static str) -> impl Iterator<Item = &'n Node<'a>> {
    node.list("extension").iter().filter(move |extension| extension.text("url") == Some(url))
}

fn extension_ending<'n, 'a>(node: &'n Node<'a>, end: &str) -> Option<&'n Node<'a>> {
    node.list("extension").iter().find(|extension| extension.text("url").is_some_and(|url| url.ends_with(end)))
}

pub const DATA_ABSENT_REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
pub const DECLINED: &str = "asked-declined";
const ORDINAL_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/ordinalValue";
const ITEM_WEIGHT: &str = "http://hl7.org/fhir/StructureDefinition/itemWeight";
const QUESTIONNAIRE_UNIT: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit";
const UNIT_OPTION: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption";
const MIN_LENGTH: &str = "http://hl7.org/fhir/StructureDefinition/minLength";
const MIN_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/minValue";
const MAX_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/maxValue";
const MIN_OCCURS: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs";
const MAX_OCCURS: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs";
const REGEX: &str = "http://hl7.org/fhir/StructureDefinition/regex";
