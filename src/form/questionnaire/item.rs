//! One item and its parts, read from the resource.

use neuvola_fhir::{Node, Place};
use rust_decimal::Decimal;

use super::{AnswerOption, Bound, Bounds, Comparand, Item, ItemKind, OptionValue, Unit, decimal, extension};
use crate::issue::Issue;
use crate::texts::Texts;

impl Item {
    pub(super) fn read(node: &Node<'_>, parent: Option<usize>, place: &Place<'_>, defects: &mut Vec<Issue>) -> Self {
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
            });
        }
        let value = match node.members().iter().find(|(name, _)| name.starts_with("value"))? {
            (name, value) if name == "valueInteger" => OptionValue::Integer(decimal(value.as_number()?)?),
            (_, value) => OptionValue::Text(value.as_str()?.to_owned()),
        };
        Some(Self { value, display: Texts::default(), weight: weight_of(node) })
    }

    pub fn coded(system: &str, code: &str, display: Texts, weight: Option<Decimal>) -> Self {
        Self { value: OptionValue::Coding { system: system.to_owned(), code: code.to_owned() }, display, weight }
    }
}

impl Comparand {
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(text) => format!("'{text}'"),
            Self::Coding { code, .. } => format!("`{code}`"),
        }
    }
}

pub(super) fn comparand(node: &Node<'_>) -> Option<Comparand> {
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

fn extensions<'n, 'a>(node: &'n Node<'a>, url: &'static str) -> impl Iterator<Item = &'n Node<'a>> {
    node.list("extension").iter().filter(move |extension| extension.text("url") == Some(url))
}

fn extension_ending<'n, 'a>(node: &'n Node<'a>, end: &str) -> Option<&'n Node<'a>> {
    node.list("extension").iter().find(|extension| extension.text("url").is_some_and(|url| url.ends_with(end)))
}

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
