//! R4's QuestionnaireResponse: <https://hl7.org/fhir/R4/questionnaireresponse.html>

use super::datatypes::{ATTACHMENT, CODING, EXTENSION, IDENTIFIER, META, NARRATIVE, QUANTITY, REFERENCE};
use super::{Rule, Shape, Type, choice, many, must, one};

pub static QUESTIONNAIRE_RESPONSE: Shape = Shape {
    elements: &[
        many("item", Type::Of(&ITEM)),
        one("id", Type::Id),
        one("meta", Type::Of(&META)),
        one("implicitRules", Type::Uri),
        one("language", Type::Code),
        one("text", Type::Of(&NARRATIVE)),
        many("contained", Type::Resource),
        many("extension", Type::Of(&EXTENSION)),
        many("modifierExtension", Type::Of(&EXTENSION)),
        one("identifier", Type::Of(&IDENTIFIER)),
        many("basedOn", Type::Of(&REFERENCE)),
        many("partOf", Type::Of(&REFERENCE)),
        one("questionnaire", Type::Uri),
        must("status", Type::OneOf(&["in-progress", "completed", "amended", "entered-in-error", "stopped"])),
        one("subject", Type::Of(&REFERENCE)),
        one("encounter", Type::Of(&REFERENCE)),
        one("authored", Type::DateTime),
        one("author", Type::Of(&REFERENCE)),
        one("source", Type::Of(&REFERENCE)),
    ],
    rules: &[],
};

pub static ITEM: Shape = Shape {
    elements: &[
        must("linkId", Type::Text),
        one("text", Type::Text),
        many("answer", Type::Of(&ANSWER)),
        many("item", Type::Of(&ITEM)),
        one("definition", Type::Uri),
        one("id", Type::Text),
        many("extension", Type::Of(&EXTENSION)),
        many("modifierExtension", Type::Of(&EXTENSION)),
    ],
    rules: &[Rule { key: "qrs-1", holds: |node| node.member("answer").is_none() || node.member("item").is_none() }],
};

pub static ANSWER: Shape = Shape {
    elements: &[
        choice("valueCoding", Type::Of(&CODING)),
        choice("valueBoolean", Type::Boolean),
        choice("valueInteger", Type::Integer),
        choice("valueDecimal", Type::Decimal),
        choice("valueString", Type::Text),
        choice("valueDate", Type::Date),
        choice("valueDateTime", Type::DateTime),
        choice("valueTime", Type::Time),
        choice("valueUri", Type::Uri),
        choice("valueAttachment", Type::Of(&ATTACHMENT)),
        choice("valueQuantity", Type::Of(&QUANTITY)),
        choice("valueReference", Type::Of(&REFERENCE)),
        many("item", Type::Of(&ITEM)),
        one("id", Type::Text),
        many("extension", Type::Of(&EXTENSION)),
        many("modifierExtension", Type::Of(&EXTENSION)),
    ],
    rules: &[],
};
