//! What extensions ask of an answer: lengths, bounds, units, counts.
//!
//! Sources: R4's extension registry <https://hl7.org/fhir/R4/extensibility-registry.html> and SDC 4.0
//! <https://hl7.org/fhir/uv/sdc/>; where both name one under different urls, both are read.

use std::ops::Deref;
use std::sync::LazyLock;

use neuvola_fhir::Node;
use rust_decimal::Decimal;

use super::expression::What;
use super::item::comparand;
use super::{Comparand, decimal, extension};
use crate::fhirpath::pattern_size;
use crate::issue::Issue;
use crate::shape::resources::RESOURCES;

/// What an answer may not exceed.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Characters, as `minLength`.
    pub max_length: Option<usize>,
    pub min_length: Option<usize>,
    pub min: Option<Bound>,
    pub max: Option<Bound>,
    pub min_quantity: Option<QuantityBound>,
    pub max_quantity: Option<QuantityBound>,
    pub max_decimal_places: Option<u32>,
    pub min_occurs: Option<usize>,
    pub max_occurs: Option<usize>,
    pub regex: Option<regex_lite::Regex>,
    /// About how many states it has.
    pub regex_states: u64,
    /// The form in words, as in `nnn-nnn` (`entryFormat`).
    pub entry_format: String,
    /// What it is given, if nobody may change it and nothing computes it.
    pub given: Vec<Comparand>,
    /// Of an attachment, in bytes.
    pub max_size: Option<Decimal>,
    pub mime_types: Vec<String>,
    /// Resource types that a reference may name; empty for any.
    pub reference_types: Vec<String>,
}

/// The bounds of an item, which mostly has none: then it holds none, and items stay small enough to lie near each other.
#[derive(Clone, Debug)]
pub struct Bounded(Option<Box<Bounds>>);

impl Deref for Bounded {
    type Target = Bounds;

    fn deref(&self) -> &Bounds {
        static NONE: LazyLock<Bounds> = LazyLock::new(Bounds::default);
        self.0.as_deref().unwrap_or_else(|| &*NONE)
    }
}

/// `minValue` or `maxValue`.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    Number(Decimal),
    /// Date, dateTime or time, as written.
    Time(String),
}

/// `minQuantity` or `maxQuantity`: compared in the same unit only.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantityBound {
    pub value: Decimal,
    pub unit: Unit,
}

/// A unit, by its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub system: Option<String>,
    pub code: String,
    pub display: String,
}

impl Bounded {
    pub(super) fn read(node: &Node<'_>, link_id: &str, unchecked: &mut Vec<&'static str>, defects: &mut impl FnMut(Issue)) -> Self {
        let has = |name: &str| node.member(name).is_some();
        let may_have_some = has("maxLength") || has("extension") || has("readOnly");
        Self(may_have_some.then(|| Box::new(Bounds::read(node, link_id, unchecked, defects))))
    }
}

impl Bounds {
    fn read(node: &Node<'_>, link_id: &str, unchecked: &mut Vec<&'static str>, defects: &mut impl FnMut(Issue)) -> Self {
        let count = |url| extension(node, url).and_then(|it| it.member("valueInteger")?.as_number()?.parse().ok());
        let mut bound = |url, name| {
            let extension = extension(node, url)?;
            let bound = Bound::read(extension);
            if bound.is_none() && computed(extension).is_none() && extension.member("valueQuantity").is_none() {
                unchecked.push(name); // of a type that is no bound, or too long to count with
            }
            bound
        };
        let (min, max) = (bound(MIN_VALUE, "`minValue`"), bound(MAX_VALUE, "`maxValue`"));
        let regex = extension(node, REGEX).and_then(|it| it.text("valueString")).and_then(|pattern| {
            let whole = regex_lite::Regex::new(&format!("^(?:{pattern})$")).ok().filter(|_| pattern_size(pattern) <= LARGEST_PATTERN);
            if whole.is_none() {
                unchecked.push("`regex`");
                let is_foreign = LOOKING.iter().any(|sign| pattern.contains(sign));
                defects(if is_foreign {
                    let message = format!("the regex of `{link_id}` looks around or back, which is not evaluated here");
                    Issue::warning("not-supported", "questionnaire", "extension", message)
                } else {
                    Issue::error(
                        "invalid",
                        "questionnaire",
                        "extension",
                        format!("the regex of `{link_id}` does not compile, or is too large"),
                    )
                });
            }
            whole
        });
        let quantity = |urls: [&str; 3]| {
            let value = urls.iter().find_map(|url| extension(node, url)?.member("valueQuantity"))?;
            Some(QuantityBound { value: decimal(value.member("value")?.as_number()?)?, unit: Unit::of_quantity(value) })
        };
        let (min_quantity, max_quantity) = (quantity(MIN_QUANTITY), quantity(MAX_QUANTITY));
        let mut reference_types: Vec<String> =
            extensions(node, REFERENCE_RESOURCE).filter_map(|it| it.text("valueCode")).map(str::to_owned).collect();
        match extensions(node, REFERENCE_PROFILE).map(core_type).collect::<Option<Vec<_>>>() {
            Some(types) if reference_types.is_empty() => reference_types.extend(types.into_iter().map(str::to_owned)),
            Some(_) => {}
            None => unchecked.push("`referenceProfile`"),
        }
        Self {
            max_length: node.member("maxLength").and_then(|it| it.as_number()?.parse().ok()),
            min_length: count(MIN_LENGTH),
            min,
            max,
            min_quantity,
            max_quantity,
            max_decimal_places: extension(node, MAX_DECIMAL_PLACES).and_then(|it| it.member("valueInteger")?.as_number()?.parse().ok()),
            min_occurs: count(MIN_OCCURS),
            max_occurs: count(MAX_OCCURS),
            regex_states: regex.as_ref().map_or(0, |regex| pattern_size(regex.as_str())),
            regex,
            entry_format: extension(node, ENTRY_FORMAT).and_then(|it| it.text("valueString")).unwrap_or_default().to_owned(),
            given: given(node),
            max_size: extension(node, MAX_SIZE).and_then(|it| decimal(it.member("valueDecimal")?.as_number()?)),
            mime_types: extensions(node, MIME_TYPE).filter_map(|it| it.text("valueCode")).map(str::to_owned).collect(),
            reference_types,
        }
    }
}

/// The type whose own definition in R4 is the profile that is named.
fn core_type<'n>(extension: &'n Node<'_>) -> Option<&'n str> {
    let canonical = extension.text("valueCanonical").or_else(|| extension.text("valueUri"))?;
    let name = canonical.split('|').next()?.strip_prefix("http://hl7.org/fhir/StructureDefinition/")?;
    RESOURCES.contains(&name).then_some(name)
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
    fn of_coding(coding: &Node<'_>) -> Self {
        let code = coding.text("code").unwrap_or_default();
        Self {
            system: coding.text("system").map(str::to_owned),
            code: code.to_owned(),
            display: coding.text("display").unwrap_or(code).to_owned(),
        }
    }

    /// The quantity is in this unit, by its code; by its name only where the unit has no code.
    pub fn is_of(&self, quantity: &Node<'_>) -> bool {
        if self.code.is_empty() {
            return !self.display.is_empty() && quantity.text("unit") == Some(&self.display);
        }
        quantity.text("code") == Some(&self.code) && (self.system.is_none() || self.system.as_deref() == quantity.text("system"))
    }

    /// Whether numbers in the two may be compared: one code, and no other system where both name one.
    pub fn is_same(&self, code: &str, system: Option<&str>) -> bool {
        self.code == code && self.system.as_deref().zip(system).is_none_or(|(left, right)| left == right)
    }

    /// The code, or the unit where there is no code.
    pub fn of_quantity(quantity: &Node<'_>) -> Self {
        let code = quantity.text("code").or_else(|| quantity.text("unit")).unwrap_or_default();
        Self {
            system: quantity.text("system").map(str::to_owned),
            code: code.to_owned(),
            display: quantity.text("unit").unwrap_or(code).to_owned(),
        }
    }
}

/// R4: a read-only answer is what `initial` gives it, unless something else fills it in.
fn given(node: &Node<'_>) -> Vec<Comparand> {
    let is_true = |node: &Node<'_>, name: &str| node.member(name).and_then(Node::as_bool) == Some(true);
    if !is_true(node, "readOnly") || FILLING.iter().any(|url| extension(node, url).is_some()) {
        return Vec::new();
    }
    let selected = node.list("answerOption").iter().filter(|option| is_true(option, "initialSelected"));
    let all: Option<Vec<Comparand>> = node.list("initial").iter().chain(selected).map(|it| comparand(it, "value")).collect();
    all.unwrap_or_default()
}

/// Which units may be given beside those that are listed (SDC `unitOpen`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UnitOpen {
    #[default]
    No,
    /// Any coded one; of this code system, if one is named.
    Coded(Option<String>),
    /// One in words.
    Text,
}

impl UnitOpen {
    pub(super) fn of(node: &Node<'_>) -> Self {
        match extension(node, UNIT_OPEN).and_then(|it| it.text("valueCode")) {
            Some("optionsOrType") => {
                let system =
                    extension(node, UNIT_SUPPLEMENTAL_SYSTEM).and_then(|it| it.text("valueCanonical").or_else(|| it.text("valueUri")));
                Self::Coded(system.map(|system| system.split('|').next().unwrap_or_default().to_owned()))
            }
            Some("optionsOrString") => Self::Text,
            _ => Self::No,
        }
    }
}

/// `unitValueSet`
pub(super) fn unit_value_set(node: &Node<'_>) -> Option<String> {
    let extension = extension(node, UNIT_VALUE_SET)?;
    extension.text("valueCanonical").or_else(|| extension.text("valueUri")).map(str::to_owned)
}

/// The extension that computes the value of this one.
pub(super) fn computed<'n, 'a>(extension: &'n Node<'a>) -> Option<&'n Node<'a>> {
    let holds = |name: &str| name.starts_with("_value") || name == "valueQuantity";
    extension.members().iter().find(|(name, _)| holds(name)).and_then(|(_, shadow)| computing(shadow))
}

/// The extension that computes the element of which this is the shadow.
pub(super) fn computing<'n, 'a>(shadow: &'n Node<'a>) -> Option<&'n Node<'a>> {
    extension(shadow, CQF_EXPRESSION).or_else(|| extension(shadow, CQF_CALCULATED_VALUE))
}

/// The unit that a bare number has, and those to choose from.
pub(super) fn units(node: &Node<'_>) -> (Option<Unit>, Vec<Unit>) {
    let unit = extension(node, UNIT).and_then(|it| it.member("valueCoding")).map(Unit::of_coding);
    let units = extensions(node, UNIT_OPTION).filter_map(|it| it.member("valueCoding")).map(Unit::of_coding).collect();
    (unit, units)
}

pub(super) fn extensions<'n, 'a>(node: &'n Node<'a>, url: &'static str) -> impl Iterator<Item = &'n Node<'a>> {
    node.list("extension").iter().filter(move |extension| extension.text("url") == Some(url))
}

pub(super) const OPTION_EXCLUSIVE: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-optionExclusive";
const UNIT_OPEN: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-unitOpen";
pub(super) const CQF_EXPRESSION: &str = "http://hl7.org/fhir/StructureDefinition/cqf-expression";
const CQF_CALCULATED_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/cqf-calculatedValue";
const UNIT_SUPPLEMENTAL_SYSTEM: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-unitSupplementalSystem";
const UNIT_VALUE_SET: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitValueSet";
const REFERENCE_PROFILE: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-referenceProfile";
const UNIT: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unit";
const UNIT_OPTION: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption";
const MIN_LENGTH: &str = "http://hl7.org/fhir/StructureDefinition/minLength";
const MIN_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/minValue";
const MAX_VALUE: &str = "http://hl7.org/fhir/StructureDefinition/maxValue";
const MIN_QUANTITY: [&str; 3] = [
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-minQuantity",
    "http://hl7.org/fhir/StructureDefinition/questionnaire-minQuantity",
    MIN_VALUE, // later versions of it take a quantity
];
const MAX_QUANTITY: [&str; 3] = [
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-maxQuantity",
    "http://hl7.org/fhir/StructureDefinition/questionnaire-maxQuantity",
    MAX_VALUE,
];
const MAX_DECIMAL_PLACES: &str = "http://hl7.org/fhir/StructureDefinition/maxDecimalPlaces";
const MAX_SIZE: &str = "http://hl7.org/fhir/StructureDefinition/maxSize";
const MIME_TYPE: &str = "http://hl7.org/fhir/StructureDefinition/mimeType";
const REFERENCE_RESOURCE: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-referenceResource";
const MIN_OCCURS: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-minOccurs";
const MAX_OCCURS: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-maxOccurs";
const REGEX: &str = "http://hl7.org/fhir/StructureDefinition/regex";
const ENTRY_FORMAT: &str = "http://hl7.org/fhir/StructureDefinition/entryFormat";

const FILLING: [&str; 3] = [
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-initialExpression",
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression",
    "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-observationLinkPeriod",
];

/// What may be computed, by the extension whose value it is.
pub(super) const COMPUTED: [(&[&str], What, &str); 6] = [
    (&[MIN_VALUE], What::MinValue, "`minValue`"),
    (&[MAX_VALUE], What::MaxValue, "`maxValue`"),
    (&[MIN_QUANTITY[0], MIN_QUANTITY[1]], What::MinQuantity, "`minQuantity`"),
    (&[MAX_QUANTITY[0], MAX_QUANTITY[1]], What::MaxQuantity, "`maxQuantity`"),
    (&[MIN_OCCURS], What::MinOccurs, "`minOccurs`"),
    (&[MAX_OCCURS], What::MaxOccurs, "`maxOccurs`"),
];
/// In states; what people write has some dozens.
const LARGEST_PATTERN: u64 = 2_000;
/// R4 names no dialect; others look ahead and back.
const LOOKING: [&str; 5] = ["(?=", "(?!", "(?<=", "(?<!", "\\1"];
