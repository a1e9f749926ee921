//! What a Questionnaire says in FHIRPath: conditions, calculations, constraints, variables.
//!
//! Sources: SDC 4.0 <https://hl7.org/fhir/uv/sdc/expressions.html>, R4's `questionnaire-constraint`, and
//! `targetConstraint` of FHIR's extension pack.

use neuvola_fhir::Node;

use super::OptionValue;
use super::extension;
use super::extensions::{self, extensions};
use super::options::option_value;
use crate::fhirpath::Plan;
use crate::issue::{Issue, Severity};

/// The expressions of one item, or of the Questionnaire as a whole.
#[derive(Clone, Debug, Default)]
pub struct Expressions {
    /// Each sees those before it, and those of the items around it.
    pub variables: Vec<Named>,
    /// The names of those that cannot be read.
    pub unread: Vec<String>,
    pub enable_when: Option<Expression>,
    /// The condition is asked of the response, not of the item (Kanta's extension).
    pub enable_when_of_response: bool,
    pub calculated: Option<Expression>,
    /// What an answer must be one of.
    pub answers: Option<Expression>,
    /// Options that are offered under a condition.
    pub toggles: Vec<Toggle>,
    /// Bounds and flags that are computed.
    pub computed: Vec<Computed>,
    pub constraints: Vec<Constraint>,
}

/// A FHIRPath expression that parses.
#[derive(Debug, Clone)]
pub struct Expression {
    pub text: String,
    pub plan: Plan,
}

/// One `answerOptionsToggleExpression`.
#[derive(Debug, Clone)]
pub struct Toggle {
    pub options: Vec<OptionValue>,
    pub expression: Expression,
}

/// `cqf-expression` on the value of another extension, or of an element.
#[derive(Debug, Clone)]
pub struct Computed {
    pub what: What,
    pub expression: Expression,
    /// A value is written beside it, which counts for those that cannot evaluate: what only the expression forbids is no error.
    pub beside_a_value: bool,
}

/// What may be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    MinValue,
    MaxValue,
    MinQuantity,
    MaxQuantity,
    MinOccurs,
    MaxOccurs,
    Required,
    Repeats,
    ReadOnly,
}

/// A variable.
#[derive(Debug, Clone)]
pub struct Named {
    pub name: String,
    pub expression: Expression,
}

/// A `questionnaire-constraint` or `targetConstraint`.
#[derive(Debug, Clone)]
pub struct Constraint {
    pub key: String,
    /// Error or warning.
    pub severity: Severity,
    pub expression: Expression,
    /// What it says to people.
    pub human: String,
    /// FHIRPath from its context to what is at fault.
    pub location: Option<Expression>,
}

impl Expressions {
    pub(super) fn read(node: &Node<'_>, link_id: &str, unchecked: &mut Vec<&'static str>, defects: &mut impl FnMut(Issue)) -> Self {
        let whose = if link_id.is_empty() { "the Questionnaire".to_owned() } else { format!("`{link_id}`") };
        let mut refuse = |name: &'static str, why: &str| {
            if !unchecked.contains(&name) {
                unchecked.push(name);
            }
            let message = format!("the {name} of {whose} {why}");
            // R4 and SDC allow it
            let make = if why == FOREIGN { Issue::warning } else { Issue::error };
            defects(make(if why == FOREIGN { "not-supported" } else { "invalid" }, "questionnaire", "extension", message));
        };
        let mut single = |url, name| {
            let extension = extension(node, url)?;
            Expression::read(extension.member("valueExpression"), name, &mut refuse)
        };
        let mut enable_when = single(ENABLE_WHEN_EXPRESSION, "`enableWhenExpression`");
        let calculated = single(CALCULATED_EXPRESSION, "`calculatedExpression`");
        let answers = single(ANSWER_EXPRESSION, "`answerExpression`");
        let (mut variables, mut unread): (Vec<Named>, Vec<String>) = (Vec::new(), Vec::new());
        for extension in extensions(node, VARIABLE) {
            let value = extension.member("valueExpression");
            let name = value.and_then(|value| value.text("name")).unwrap_or_default().to_owned();
            let Some(expression) = Expression::read(value, "`variable`", &mut refuse) else {
                unread.push(name);
                continue;
            };
            if name.is_empty() {
                refuse("`variable`", "has no name");
            } else if variables.iter().any(|known| known.name == name) {
                refuse("`variable`", "has a name that stands there twice");
            } else {
                variables.push(Named { name, expression });
            }
        }
        let mut enable_when_of_response = false;
        if enable_when.is_none()
            && let Some(text) = extension(node, KANTA_ENABLE_WHEN).and_then(|it| it.text("valueString"))
        {
            enable_when = Expression::parse(text, "`enableWhenExpression`", &mut refuse);
            enable_when_of_response = enable_when.is_some();
        }
        let toggles = extensions(node, TOGGLE).filter_map(|extension| Toggle::read(extension, &mut refuse)).collect();
        let computed = Computed::of(node, &mut refuse);
        let constraints = [CONSTRAINT, TARGET_CONSTRAINT]
            .into_iter()
            .flat_map(|url| extensions(node, url))
            .filter_map(|extension| Constraint::read(extension, &mut refuse))
            .collect();
        Self { variables, unread, enable_when, enable_when_of_response, calculated, answers, toggles, computed, constraints }
    }

    /// Every one, whatever it is for.
    pub fn all(&self) -> impl Iterator<Item = &Expression> {
        let single = self.enable_when.iter().chain(&self.calculated).chain(&self.answers);
        let listed = self.toggles.iter().map(|it| &it.expression).chain(self.computed.iter().map(|it| &it.expression));
        let constraints = self.constraints.iter().flat_map(|it| std::iter::once(&it.expression).chain(&it.location));
        self.variables.iter().map(|it| &it.expression).chain(single).chain(listed).chain(constraints)
    }

    pub fn is_empty(&self) -> bool {
        self.all().next().is_none() && self.unread.is_empty()
    }
}

impl Expression {
    fn read(value: Option<&Node<'_>>, name: &'static str, refuse: &mut impl FnMut(&'static str, &str)) -> Option<Self> {
        let language = value.and_then(|value| value.text("language")).unwrap_or("text/fhirpath");
        let Some(text) = value.and_then(|value| value.text("expression")) else {
            refuse(name, "has no expression");
            return None;
        };
        if language != "text/fhirpath" {
            refuse(name, FOREIGN);
            return None;
        }
        Self::parse(text, name, refuse)
    }

    fn parse(text: &str, name: &'static str, refuse: &mut impl FnMut(&'static str, &str)) -> Option<Self> {
        let expression = Self::of(text);
        if expression.is_none() {
            refuse(name, "does not compile");
        }
        expression
    }

    fn of(text: &str) -> Option<Self> {
        Some(Self { text: text.to_owned(), plan: Plan::of(text)? })
    }

    /// It reads the variable.
    pub fn names(&self, variable: &str) -> bool {
        let follows = |rest: &str| rest.strip_prefix('`').unwrap_or(rest).strip_prefix(variable).is_some_and(ends_a_name);
        self.text.split('%').skip(1).any(follows)
    }

    /// The strings that stand in it.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.text.split('\'').skip(1).step_by(2)
    }

    /// It adds up what answers weigh.
    pub fn is_a_total(&self) -> bool {
        ["weight()", "ordinal()", "sum()"].iter().any(|function| self.text.contains(function))
    }
}

fn ends_a_name(rest: &str) -> bool {
    !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

impl Toggle {
    fn read(node: &Node<'_>, refuse: &mut impl FnMut(&'static str, &str)) -> Option<Self> {
        let parts = node.list("extension");
        let named = |name: &'static str| parts.iter().filter(move |it| it.text("url") == Some(name));
        let value = named("expression").next().and_then(|it| it.member("valueExpression"));
        let expression = Expression::read(value, "`answerOptionsToggleExpression`", refuse)?;
        Some(Self { options: named("option").filter_map(option_value).collect(), expression })
    }
}

impl Computed {
    fn of(node: &Node<'_>, refuse: &mut impl FnMut(&'static str, &str)) -> Vec<Self> {
        let mut all = Vec::new();
        for (urls, what, name) in extensions::COMPUTED {
            let Some(extension) = urls.iter().find_map(|url| extension(node, url)) else { continue };
            let Some(by) = extensions::computed(extension) else { continue };
            let beside_a_value = match extension.member("valueQuantity") {
                Some(quantity) => quantity.member("value").is_some(),
                None => extension.members().iter().any(|(name, _)| name.starts_with("value")),
            };
            all.extend(Expression::computing(by, name, refuse).map(|expression| Self { what, expression, beside_a_value }));
        }
        for (element, shadow, what, name) in FLAGS {
            let Some(by) = node.member(shadow).and_then(extensions::computing) else { continue };
            let beside_a_value = node.member(element).is_some();
            all.extend(Expression::computing(by, name, refuse).map(|expression| Self { what, expression, beside_a_value }));
        }
        all
    }
}

impl Expression {
    /// Of `cqf-expression`, or of `cqf-calculatedValue`, which may name a variable.
    fn computing(by: &Node<'_>, name: &'static str, refuse: &mut impl FnMut(&'static str, &str)) -> Option<Self> {
        match by.text("valueString") {
            Some(variable) => Self::parse(&format!("%{variable}"), name, refuse),
            None => Self::read(by.member("valueExpression"), name, refuse),
        }
    }
}

impl Constraint {
    fn read(node: &Node<'_>, refuse: &mut impl FnMut(&'static str, &str)) -> Option<Self> {
        let name = "`constraint`";
        let part = |name: &str| node.list("extension").iter().find(|it| it.text("url") == Some(name));
        let text = |name: &str| {
            let value = part(name)?;
            ["valueId", "valueString", "valueCode", "valueMarkdown"].iter().find_map(|kind| value.text(kind))
        };
        let expression = match part("expression").and_then(|it| it.member("valueExpression")) {
            Some(value) => Expression::read(Some(value), name, refuse)?,
            None => match text("expression") {
                Some(text) => Expression::parse(text, name, refuse)?,
                None => {
                    refuse(name, "has no expression");
                    return None;
                }
            },
        };
        Some(Self {
            key: text("key").unwrap_or_default().to_owned(),
            severity: if text("severity") == Some("warning") { Severity::Warning } else { Severity::Error },
            expression,
            human: text("human").unwrap_or_default().to_owned(),
            location: text("location").and_then(Expression::of),
        })
    }
}

const FOREIGN: &str = "is in another language than FHIRPath, and not evaluated here";
const FLAGS: [(&str, &str, What, &str); 3] = [
    ("required", "_required", What::Required, "`required`"),
    ("repeats", "_repeats", What::Repeats, "`repeats`"),
    ("readOnly", "_readOnly", What::ReadOnly, "`readOnly`"),
];
const VARIABLE: &str = "http://hl7.org/fhir/StructureDefinition/variable";
const CONSTRAINT: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-constraint";
const TARGET_CONSTRAINT: &str = "http://hl7.org/fhir/StructureDefinition/targetConstraint";
const ENABLE_WHEN_EXPRESSION: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression";
const CALCULATED_EXPRESSION: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression";
const ANSWER_EXPRESSION: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-answerExpression";
const TOGGLE: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-answerOptionsToggleExpression";
/// FHIRPath over the response. <https://simplifier.net/finnishphr>
const KANTA_ENABLE_WHEN: &str = "http://phr.kanta.fi/StructureDefinition/fiphr-ext-questionnaire-enablewhen";
