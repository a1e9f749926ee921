//! A Questionnaire, read once and held ready: items in document order, found by linkId.
//!
//! Sources: R4 <https://hl7.org/fhir/R4/questionnaire.html>, SDC 4.0 extensions, `ordinalValue` and `itemWeight`.

mod comparison;
mod compile;
mod expression;
mod extensions;
mod invariants;
mod item;
mod lint;
mod options;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

pub use comparison::Comparison;
pub use compile::Compiled;
pub use expression::{Computed, Constraint, Expression, Expressions, Named, Toggle, What};
pub use extensions::{Bound, Bounded, Bounds, QuantityBound, Unit, UnitOpen};
pub(crate) use item::UNREAD_CONDITION;
pub use lint::lint;
pub use options::{AnswerOption, OptionValue};

use neuvola_fhir::Node;
use rust_decimal::Decimal;

use crate::fhirpath::{ITEM_WEIGHT, Kept, ORDINAL_VALUE};
use crate::issue::Issue;
use crate::texts::Texts;

/// One version of a Questionnaire.
#[derive(Clone, Debug, Default)]
pub struct Questionnaire {
    pub id: String,
    pub url: String,
    pub version: String,
    pub title: Texts,
    /// The form it belongs to, by its code in the form code system; empty for a Questionnaire of nobody's form.
    pub form: String,
    /// Whom it is about and who fills it in, by its code in the form-role code system.
    pub role: String,
    /// `effectivePeriod`, as written.
    pub effective: (Option<String>, Option<String>),
    /// Whom a response may be about (`subjectType`); empty for anybody.
    pub subject_types: Vec<String>,
    /// What is said of the whole response.
    pub expressions: Expressions,
    /// What is wrong with it, as whoever has a response checked is told: the first few, and how many more.
    pub defects: Vec<Issue>,
    /// The resource itself, where an expression reads it.
    pub kept: Option<Kept>,
    /// What is known of a person, a visit, …, when the form is opened; nothing of it when a response is judged.
    pub launch_contexts: Vec<String>,
    /// Variables that some item defines and nobody here can read.
    pub unread_variables: Vec<String>,
    items: Vec<Item>,
    by_link_id: HashMap<String, usize>,
    roots: Vec<usize>,
    /// All items, each behind those that its enablement hangs on.
    order: Vec<usize>,
    conditions: usize,
}

/// One item. Items stand in document order, so an item's descendants are the range behind it.
#[derive(Clone, Debug)]
pub struct Item {
    pub link_id: String,
    /// `Questionnaire.item[0].item[2]`
    pub place: String,
    pub text: Texts,
    pub kind: ItemKind,
    pub parent: Option<usize>,
    pub children: Vec<usize>,
    pub required: bool,
    pub repeats: bool,
    pub read_only: bool,
    pub options: Vec<AnswerOption>,
    /// Answers of the same type that are no option may be given as well (R5's `optionsOrType`).
    pub options_open: bool,
    /// Canonical of `answerValueSet`, where the options come from there.
    pub value_set: Option<String>,
    /// The value set is here, and not every code of it can be told.
    pub value_set_unexpanded: bool,
    /// The options are known: listed, or the value set has been expanded.
    pub has_options: bool,
    pub enable_when: Vec<EnableWhen>,
    /// One of its conditions cannot be read: whether it is asked is not known.
    pub conditions_unread: bool,
    pub enable_any: bool,
    /// No `enableBehavior` says which of several conditions count.
    pub enable_behavior_missing: bool,
    pub bounds: Bounded,
    /// Boxed: few items have any.
    pub expressions: Option<Box<Expressions>>,
    /// What is demanded of its answers and cannot be checked here, as a noun each.
    pub unchecked: Vec<&'static str>,
    /// An unanswered item means "none" (our own extension).
    pub empty_means_none: bool,
    /// The unit that a bare number has, for quantities.
    pub unit: Option<Unit>,
    pub units: Vec<Unit>,
    pub unit_open: UnitOpen,
    /// Canonical of `unitValueSet`, whose units are among `units` once they are known.
    pub unit_value_set: Option<String>,
    pub units_unknown: bool,
    /// Its text is computed or rendered otherwise: what a response shows may differ.
    pub text_varies: bool,
    /// The item itself, where an expression reads it.
    pub kept: Option<Kept>,
    /// Something below it says something in an expression.
    pub has_expressions_below: bool,
    /// The first item behind it that does not stand below it.
    end: usize,
    /// Its linkId stands before it already: that one is meant.
    is_twin: bool,
    by_value: options::ByValue,
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

/// One `enableWhen`.
#[derive(Clone, Debug)]
pub struct EnableWhen {
    /// Its number among all of the Questionnaire's.
    pub number: usize,
    pub question: usize,
    /// The nearest item that holds both; `None` is the response itself. Answers are looked for below its occurrence.
    pub scope: Option<usize>,
    pub operator: Operator,
    pub answer: Comparand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Exists,
    Is(Comparison),
}

#[derive(Clone, Debug, PartialEq)]
pub enum Comparand {
    Boolean(bool),
    Number(Decimal),
    Text(String),
    /// Date, dateTime or time, as written.
    Time(String),
    Coding {
        system: Option<String>,
        code: String,
    },
    /// Compared in the same unit only: nothing is converted.
    Quantity {
        value: Decimal,
        unit: Option<Unit>,
    },
    Reference(String),
}

impl Questionnaire {
    /// `url|version`
    pub fn canonical(&self) -> String {
        format!("{}|{}", self.url, self.version)
    }

    /// Its url, and those of the value sets and code systems that its options come from.
    pub fn names(&self) -> Vec<&str> {
        let mut names = vec![self.url.as_str()];
        for item in &self.items {
            names.extend(item.value_set.as_deref());
            names.extend(item.options.iter().filter_map(|option| match &option.value {
                OptionValue::Coding { system, .. } => Some(system.as_str()),
                _ => None,
            }));
        }
        names.dedup();
        names
    }

    /// By `effectivePeriod`, whole days included. What does not say when it was authored is taken to be in time.
    pub fn is_in_force(&self, authored: &str) -> bool {
        let reaches = |bound: &Option<String>, beyond: Ordering| {
            bound.as_deref().is_none_or(|bound| {
                let shared = authored.len().min(bound.len()).min("2026-01-01".len());
                authored.get(..shared).zip(bound.get(..shared)).is_none_or(|(day, bound)| day.cmp(bound) != beyond)
            })
        };
        reaches(&self.effective.0, Ordering::Less) && reaches(&self.effective.1, Ordering::Greater)
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

    /// As [`Self::find`], at once where `link_id` is what comes behind `latest` below `above`, or is `latest` again.
    pub fn find_near(&self, link_id: &str, above: Option<usize>, latest: Option<usize>) -> Option<usize> {
        let next = match (latest, above) {
            (Some(latest), _) => self.items.get(latest)?.end,
            (None, Some(above)) => above + 1,
            (None, None) => 0,
        };
        let is_it = |&index: &usize| self.items.get(index).is_some_and(|item| !item.is_twin && item.link_id == link_id);
        Some(next).filter(is_it).or_else(|| latest.filter(is_it)).or_else(|| self.find(link_id))
    }

    /// The items directly below `parent`; the top ones for `None`.
    pub fn children(&self, parent: Option<usize>) -> &[usize] {
        parent.map_or(&self.roots, |parent| &self.items[parent].children)
    }

    /// Below `ancestor`, itself not included.
    pub fn descendants(&self, ancestor: usize) -> Range<usize> {
        ancestor + 1..self.items[ancestor].end
    }

    /// The options of `answerValueSet`, once the value sets are known.
    pub fn fill_options(&mut self, index: usize, options: Vec<AnswerOption>) {
        let item = &mut self.items[index];
        (item.by_value, item.options) = (options::ByValue::of(&options), options);
        item.has_options = true;
    }

    /// Of `answerValueSet` or `unitValueSet`: it is here, and cannot be expanded.
    pub fn leave_unexpanded(&mut self, index: usize) {
        self.items[index].value_set_unexpanded = true;
    }

    /// The units of `unitValueSet`, once the value sets are known.
    pub fn fill_units(&mut self, index: usize, units: Vec<Unit>) {
        self.items[index].units.extend(units);
        self.items[index].units_unknown = false;
    }

    /// The weight of an option that has none of its own.
    pub fn fill_weights(&mut self, weight: impl Fn(&str, &str) -> Option<Decimal>) {
        for option in self.items.iter_mut().flat_map(|item| &mut item.options).filter(|option| option.weight.is_none()) {
            if let OptionValue::Coding { system, code } = &option.value {
                option.weight = weight(system, code);
            }
        }
    }

    /// All items, each behind those that its enablement hangs on: its parent and the questions of its conditions.
    pub fn in_order_of_enablement(&self) -> &[usize] {
        &self.order
    }

    /// How many `enableWhen` there are.
    pub const fn conditions(&self) -> usize {
        self.conditions
    }

    /// Whether anything is said in an expression.
    pub fn has_expressions(&self) -> bool {
        let speaks = |&root: &usize| self.items[root].expressions.is_some() || self.items[root].has_expressions_below;
        !self.expressions.is_empty() || self.roots.iter().any(speaks)
    }

    /// The outermost group or question around it that may occur several times.
    pub fn repeated_around(&self, index: usize) -> Option<usize> {
        self.ancestors(index).filter(|&ancestor| self.items[ancestor].repeats).last()
    }

    /// From its parent up.
    pub fn ancestors(&self, index: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(self.items[index].parent, |&parent| self.items[parent].parent)
    }
}

/// Digits to an exact number; exponents too.
pub fn decimal(digits: &str) -> Option<Decimal> {
    digits.parse().ok().or_else(|| Decimal::from_scientific(digits).ok())
}

/// `ordinalValue` or `itemWeight` on an option, a Coding, an answer or a concept.
pub fn weight_on(node: &Node<'_>) -> Option<Decimal> {
    [ORDINAL_VALUE, ITEM_WEIGHT].iter().find_map(|url| decimal(extension(node, url)?.member("valueDecimal")?.as_number()?))
}

/// "I prefer not to answer", in FHIR's own code system.
pub fn is_declined(system: &str, code: &str) -> bool {
    system == DATA_ABSENT_REASON && code == DECLINED
}

/// The first extension with this url.
pub fn extension<'n, 'a>(node: &'n Node<'a>, url: &str) -> Option<&'n Node<'a>> {
    node.list("extension").iter().find(|extension| extension.text("url") == Some(url))
}

pub const DATA_ABSENT_REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
pub const DECLINED: &str = "asked-declined";
