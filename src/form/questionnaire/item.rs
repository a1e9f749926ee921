//! One item and its parts, read from the resource.

use neuvola_fhir::{Node, Place};

use super::expression::Expressions;
use super::extensions::{Bounded, CQF_EXPRESSION, Unit, UnitOpen, computing, unit_value_set, units};
use super::options::{AnswerOption, ByValue};
use super::{Comparand, Item, ItemKind, Operator, decimal, extension};
use crate::issue::Issue;
use crate::texts::Texts;

impl Item {
    pub(super) fn read(node: &Node<'_>, parent: Option<usize>, place: &Place<'_>, defects: &mut Vec<Issue>) -> Self {
        let mut defect = |name: &str, message: String| defects.push(Issue::error("invalid", "questionnaire", place.member(name), message));
        let link_id = node.text("linkId").unwrap_or_default().to_owned();
        if link_id.is_empty() {
            defect("linkId", "an item has no linkId".to_owned());
        }
        let mut kind = node.text("type").and_then(ItemKind::of).unwrap_or_else(|| {
            defect("type", format!("the type of `{link_id}` is none of R4's"));
            ItemKind::Display
        });
        let openness = extension(node, ANSWER_CONSTRAINT).and_then(|it| it.text("valueCode"));
        if kind == ItemKind::Choice && openness == Some("optionsOrString") {
            kind = ItemKind::OpenChoice;
        }
        let flag = |name: &str| node.member(name).and_then(Node::as_bool).unwrap_or(false);
        let is_computed = |shadow: &str| node.member(shadow).and_then(computing).is_some();
        let mut unchecked = Vec::new();
        let mut defect = |issue: Issue| defects.push(Issue { place: place.member(&issue.place).to_string(), ..issue });
        let bounds = Bounded::read(node, &link_id, &mut unchecked, &mut defect);
        let (unit, units) = units(node);
        let expressions = Expressions::read(node, &link_id, &mut unchecked, &mut defect);
        if is_computed("_answerValueSet") {
            unchecked.push("`answerValueSet`");
        }
        let options: Vec<AnswerOption> = node.list("answerOption").iter().filter_map(AnswerOption::read).collect();
        Self {
            place: place.to_string(),
            text: Texts::of(node, "text"),
            kind,
            parent,
            children: Vec::new(),
            required: flag("required"),
            // where it is computed the expression tells
            repeats: flag("repeats") || (node.member("repeats").is_none() && is_computed("_repeats")),
            read_only: flag("readOnly"),
            has_options: !options.is_empty(),
            by_value: ByValue::of(&options),
            options,
            options_open: openness == Some("optionsOrType"),
            value_set: node.text("answerValueSet").map(str::to_owned),
            value_set_unexpanded: false,
            enable_when: Vec::new(),
            conditions_unread: unchecked.contains(&UNREAD_CONDITION),
            enable_any: node.text("enableBehavior") == Some("any"),
            enable_behavior_missing: node.member("enableBehavior").is_none(),
            bounds,
            expressions: (!expressions.is_empty()).then(|| Box::new(expressions)),
            unchecked,
            empty_means_none: extension_ending(node, "/StructureDefinition/empty-means-none")
                .and_then(|it| it.member("valueBoolean")?.as_bool())
                .unwrap_or(false),
            unit,
            units,
            unit_open: UnitOpen::of(node),
            unit_value_set: unit_value_set(node),
            units_unknown: unit_value_set(node).is_some(),
            kept: None,
            has_expressions_below: false,
            end: 0,
            is_twin: false,
            text_varies: node.member("_text").is_some_and(|shadow| extension(shadow, CQF_EXPRESSION).is_some()),
            link_id,
        }
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

impl Operator {
    /// As R4 writes it.
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::Is(comparison) => comparison.sign(),
        }
    }
}

impl Comparand {
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Boolean(value) => value.to_string(),
            Self::Number(value) => value.to_string(),
            Self::Text(text) | Self::Time(text) | Self::Reference(text) => format!("'{text}'"),
            Self::Coding { code, .. } => format!("`{code}`"),
            Self::Quantity { value, unit } => unit.as_ref().map_or_else(|| value.to_string(), |unit| format!("{value} {}", unit.display)),
        }
    }
}

/// `answer[x]`, or what else begins so.
pub(super) fn comparand(node: &Node<'_>, begin: &str) -> Option<Comparand> {
    let (kind, value) = node.members().iter().find_map(|(name, value)| Some((name.strip_prefix(begin)?, value)))?;
    Some(match kind {
        "Boolean" => Comparand::Boolean(value.as_bool()?),
        "Integer" | "Decimal" => Comparand::Number(decimal(value.as_number()?)?),
        "Quantity" => Comparand::Quantity {
            value: decimal(value.member("value")?.as_number()?)?,
            unit: (value.member("code").is_some() || value.member("unit").is_some()).then(|| Unit::of_quantity(value)),
        },
        "Coding" => Comparand::Coding { system: value.text("system").map(str::to_owned), code: value.text("code")?.to_owned() },
        "String" | "Uri" => Comparand::Text(value.as_str()?.to_owned()),
        "Date" | "DateTime" | "Time" => Comparand::Time(value.as_str()?.to_owned()),
        "Reference" => Comparand::Reference(value.text("reference")?.to_owned()),
        _ => return None,
    })
}

fn extension_ending<'n, 'a>(node: &'n Node<'a>, end: &str) -> Option<&'n Node<'a>> {
    node.list("extension").iter().find(|extension| extension.text("url").is_some_and(|url| url.ends_with(end)))
}

/// As it stands among what is not checked.
pub(crate) const UNREAD_CONDITION: &str = "`enableWhenExpression`";
/// R5's `answerConstraint`, written in R4.
const ANSWER_CONSTRAINT: &str = "http://hl7.org/fhir/5.0/StructureDefinition/extension-Questionnaire.item.answerConstraint";
