//! What a Questionnaire says in FHIRPath: conditions, calculations, constraints, variables.
//!
//! Sources: SDC 4.0 <https://hl7.org/fhir/uv/sdc/expressions.html>, R4's `questionnaire-constraint`, and
//! `targetConstraint` of FHIR's extension pack.

use neuvola_fhir::Node;

use super::extension;
use super::extensions::extensions;

/// The expressions of one item, or of the Questionnaire as a whole.
#[derive(Clone, Debug, Default)]
pub struct Expressions {
    /// Each sees those before it, and those of the items around it.
    pub variables: Vec<Named>,
    pub enable_when: Option<Expression>,
    pub calculated: Option<Expression>,
    /// What an answer must be one of.
    pub answers: Option<Expression>,
    pub constraints: Vec<Constraint>,
}

/// A FHIRPath expression that parses.
#[derive(Debug, Clone)]
pub struct Expression {
    pub text: String,
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
    pub severity: Severity,
    pub expression: Expression,
    /// What it says to people.
    pub human: String,
    /// FHIRPath from its context to what is at fault.
    pub location: Option<Expression>,
}

/// `constraint-severity`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

impl Expressions {
    pub(super) fn read(node: &Node<'_>, link_id: &str, unchecked: &mut Vec<&'static str>, defect: &mut impl FnMut(&str, String)) -> Self {
        let whose = if link_id.is_empty() { "the Questionnaire".to_owned() } else { format!("`{link_id}`") };
        let mut refuse = |name: &'static str, why: &str| {
            if !unchecked.contains(&name) {
                unchecked.push(name);
            }
            defect("extension", format!("the {name} of {whose} {why}"));
        };
        let mut single = |url, name| {
            let extension = extension(node, url)?;
            Expression::read(extension.member("valueExpression"), name, &mut refuse)
        };
        let enable_when = single(ENABLE_WHEN_EXPRESSION, "`enableWhenExpression`");
        let calculated = single(CALCULATED_EXPRESSION, "`calculatedExpression`");
        let answers = single(ANSWER_EXPRESSION, "`answerExpression`");
        let mut variables: Vec<Named> = Vec::new();
        for extension in extensions(node, VARIABLE) {
            let value = extension.member("valueExpression");
            let name = value.and_then(|value| value.text("name")).unwrap_or_default().to_owned();
            let Some(expression) = Expression::read(value, "`variable`", &mut refuse) else { continue };
            if name.is_empty() {
                refuse("`variable`", "has no name");
            } else if variables.iter().any(|known| known.name == name) {
                refuse("`variable`", "has a name that stands there twice");
            } else {
                variables.push(Named { name, expression });
            }
        }
        let constraints = [CONSTRAINT, TARGET_CONSTRAINT]
            .into_iter()
            .flat_map(|url| extensions(node, url))
            .filter_map(|extension| Constraint::read(extension, &mut refuse))
            .collect();
        Self { variables, enable_when, calculated, answers, constraints }
    }

    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
            && self.enable_when.is_none()
            && self.calculated.is_none()
            && self.answers.is_none()
            && self.constraints.is_empty()
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
            refuse(name, "is in another language than FHIRPath");
            return None;
        }
        Self::parse(text, name, refuse)
    }

    fn parse(text: &str, name: &'static str, refuse: &mut impl FnMut(&'static str, &str)) -> Option<Self> {
        if !crate::fhirpath::parses(text) {
            refuse(name, "does not compile");
            return None;
        }
        Some(Self { text: text.to_owned() })
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
            location: text("location").filter(|text| crate::fhirpath::parses(text)).map(|text| Expression { text: text.to_owned() }),
        })
    }
}

const VARIABLE: &str = "http://hl7.org/fhir/StructureDefinition/variable";
const CONSTRAINT: &str = "http://hl7.org/fhir/StructureDefinition/questionnaire-constraint";
const TARGET_CONSTRAINT: &str = "http://hl7.org/fhir/StructureDefinition/targetConstraint";
const ENABLE_WHEN_EXPRESSION: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression";
const CALCULATED_EXPRESSION: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression";
const ANSWER_EXPRESSION: &str = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-answerExpression";
