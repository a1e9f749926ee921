//! R4's data types: <https://hl7.org/fhir/R4/datatypes.html>, <https://hl7.org/fhir/R4/extensibility.html>

use neuvola_fhir::Node;

use super::{Rule, Shape, Type, choice, many, must, one};

/// What stands beside a primitive as `_name`.
pub static ELEMENT: Shape = Shape { elements: &[ID, many("extension", Type::Of(&EXTENSION))], rules: &[] };

pub static META: Shape = Shape {
    elements: &[
        one("versionId", Type::Id),
        one("lastUpdated", Type::Instant),
        one("source", Type::Uri),
        many("profile", Type::Uri),
        many("security", Type::Of(&CODING)),
        many("tag", Type::Of(&CODING)),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[],
};

pub static NARRATIVE: Shape = Shape {
    elements: &[
        must("status", Type::OneOf(&["generated", "extensions", "additional", "empty"])),
        must("div", Type::Xhtml),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[],
};

pub static IDENTIFIER: Shape = Shape {
    elements: &[
        one("system", Type::Uri),
        one("value", Type::Text),
        one("use", Type::OneOf(&["usual", "official", "temp", "secondary", "old"])),
        one("type", Type::Of(&CODEABLE_CONCEPT)),
        one("period", Type::Of(&PERIOD)),
        one("assigner", Type::Of(&REFERENCE)),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[],
};

pub static REFERENCE: Shape = Shape {
    elements: &[
        one("reference", Type::Text),
        one("type", Type::Uri),
        one("identifier", Type::Of(&IDENTIFIER)),
        one("display", Type::Text),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[],
};

pub static CODEABLE_CONCEPT: Shape = Shape {
    elements: &[many("coding", Type::Of(&CODING)), one("text", Type::Text), ID, many("extension", Type::Of(&EXTENSION))],
    rules: &[],
};

pub static CODING: Shape = Shape {
    elements: &[
        one("system", Type::Uri),
        one("code", Type::Code),
        one("display", Type::Text),
        one("version", Type::Text),
        one("userSelected", Type::Boolean),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[],
};

pub static PERIOD: Shape = Shape {
    elements: &[one("start", Type::DateTime), one("end", Type::DateTime), ID, many("extension", Type::Of(&EXTENSION))],
    rules: &[],
};

pub static QUANTITY: Shape = Shape {
    elements: &[
        one("value", Type::Decimal),
        one("unit", Type::Text),
        one("system", Type::Uri),
        one("code", Type::Code),
        one("comparator", Type::OneOf(&["<", "<=", ">=", ">"])),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[Rule { key: "qty-3", holds: |node| node.member("code").is_none() || node.member("system").is_some() }],
};

pub static ATTACHMENT: Shape = Shape {
    elements: &[
        one("contentType", Type::Code),
        one("language", Type::Code),
        one("data", Type::Base64),
        one("url", Type::Uri),
        one("size", Type::UnsignedInt),
        one("hash", Type::Base64),
        one("title", Type::Text),
        one("creation", Type::DateTime),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[Rule { key: "att-1", holds: |node| node.member("data").is_none() || node.member("contentType").is_some() }],
};

static RATIO: Shape = Shape {
    elements: &[
        one("numerator", Type::Of(&QUANTITY)),
        one("denominator", Type::Of(&QUANTITY)),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[],
};

static RANGE: Shape = Shape {
    elements: &[one("low", Type::Of(&QUANTITY)), one("high", Type::Of(&QUANTITY)), ID, many("extension", Type::Of(&EXTENSION))],
    rules: &[],
};

static ANNOTATION: Shape = Shape {
    elements: &[
        choice("authorReference", Type::Of(&REFERENCE)),
        choice("authorString", Type::Text),
        one("time", Type::DateTime),
        must("text", Type::Text),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[],
};

static CONTACT_POINT: Shape = Shape {
    elements: &[
        one("system", Type::OneOf(&["phone", "fax", "email", "pager", "url", "sms", "other"])),
        one("value", Type::Text),
        one("use", Type::OneOf(&["home", "work", "temp", "old", "mobile"])),
        one("rank", Type::PositiveInt),
        one("period", Type::Of(&PERIOD)),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[],
};

static EXPRESSION: Shape = Shape {
    elements: &[
        one("description", Type::Text),
        one("name", Type::Id),
        must("language", Type::Code),
        one("expression", Type::Text),
        one("reference", Type::Uri),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[],
};

/// The types that seldom stand in an extension of a response are looked at as far as that they are objects.
static OPEN: Shape = Shape { elements: &[], rules: &[] };

pub static EXTENSION: Shape = Shape {
    elements: &[
        must("url", Type::Uri),
        choice("valueCoding", Type::Of(&CODING)),
        choice("valueBoolean", Type::Boolean),
        choice("valueInteger", Type::Integer),
        choice("valueDecimal", Type::Decimal),
        choice("valueString", Type::Text),
        choice("valueMarkdown", Type::Text),
        choice("valueCode", Type::Code),
        choice("valueId", Type::Id),
        choice("valueUri", Type::Uri),
        choice("valueUrl", Type::Uri),
        choice("valueCanonical", Type::Uri),
        choice("valueOid", Type::Uri),
        choice("valueUuid", Type::Uri),
        choice("valueUnsignedInt", Type::UnsignedInt),
        choice("valuePositiveInt", Type::PositiveInt),
        choice("valueDate", Type::Date),
        choice("valueDateTime", Type::DateTime),
        choice("valueInstant", Type::Instant),
        choice("valueTime", Type::Time),
        choice("valueBase64Binary", Type::Base64),
        choice("valueCodeableConcept", Type::Of(&CODEABLE_CONCEPT)),
        choice("valueIdentifier", Type::Of(&IDENTIFIER)),
        choice("valueReference", Type::Of(&REFERENCE)),
        choice("valuePeriod", Type::Of(&PERIOD)),
        choice("valueQuantity", Type::Of(&QUANTITY)),
        choice("valueAge", Type::Of(&QUANTITY)),
        choice("valueCount", Type::Of(&QUANTITY)),
        choice("valueDistance", Type::Of(&QUANTITY)),
        choice("valueDuration", Type::Of(&QUANTITY)),
        choice("valueRange", Type::Of(&RANGE)),
        choice("valueRatio", Type::Of(&RATIO)),
        choice("valueAttachment", Type::Of(&ATTACHMENT)),
        choice("valueAnnotation", Type::Of(&ANNOTATION)),
        choice("valueContactPoint", Type::Of(&CONTACT_POINT)),
        choice("valueExpression", Type::Of(&EXPRESSION)),
        choice("valueMeta", Type::Of(&META)),
        choice("valueMoney", Type::Of(&OPEN)),
        choice("valueAddress", Type::Of(&OPEN)),
        choice("valueHumanName", Type::Of(&OPEN)),
        choice("valueSampledData", Type::Of(&OPEN)),
        choice("valueSignature", Type::Of(&OPEN)),
        choice("valueTiming", Type::Of(&OPEN)),
        choice("valueContactDetail", Type::Of(&OPEN)),
        choice("valueContributor", Type::Of(&OPEN)),
        choice("valueDataRequirement", Type::Of(&OPEN)),
        choice("valueParameterDefinition", Type::Of(&OPEN)),
        choice("valueRelatedArtifact", Type::Of(&OPEN)),
        choice("valueTriggerDefinition", Type::Of(&OPEN)),
        choice("valueUsageContext", Type::Of(&OPEN)),
        choice("valueDosage", Type::Of(&OPEN)),
        ID,
        many("extension", Type::Of(&EXTENSION)),
    ],
    rules: &[Rule { key: "ext-1", holds: |node| has_value(node) != node.member("extension").is_some() }],
};

const ID: super::Element = one("id", Type::Text);

fn has_value(node: &Node<'_>) -> bool {
    node.members().iter().any(|(name, _)| name.trim_start_matches('_').starts_with("value"))
}
