//! Our own JSON, described for the OpenAPI document. Nothing is read into or printed from these: the shape is read in
//! [`crate::form::submission`] and printed in [`crate::report`], and a test compares.
#![allow(dead_code, reason = "they are read by utoipa's macro only")]

mod tasks;

use utoipa::ToSchema;
use utoipa::openapi::schema::{AdditionalProperties, ComponentsBuilder, ObjectBuilder};

/// Adds every schema that a route names.
pub(super) fn add_to(components: ComponentsBuilder) -> ComponentsBuilder {
    let resource = |what: &str| {
        ObjectBuilder::new()
            .description(Some(what))
            .property("resourceType", ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String))
            .required("resourceType")
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .build()
    };
    tasks::add_to(components)
        .schema_from::<Submission>()
        .schema_from::<Identifier>()
        .schema_from::<Person>()
        .schema_from::<Section>()
        .schema_from::<Decision>()
        .schema_from::<PlanDecision>()
        .schema_from::<ServiceDecision>()
        .schema_from::<Acknowledgement>()
        .schema_from::<Party>()
        .schema_from::<Receipt>()
        .schema_from::<PersonReceipt>()
        .schema_from::<Written>()
        .schema_from::<Preview>()
        .schema_from::<PersonPreview>()
        .schema_from::<EarlierPlan>()
        .schema_from::<DeclinedBefore>()
        .schema_from::<Named>()
        .schema_from::<Rule>()
        .schema_from::<Input>()
        .schema_from::<NumberCompared>()
        .schema_from::<FamilyView>()
        .schema_from::<RaisedAlert>()
        .schema_from::<OpenQuestions>()
        .schema_from::<Observation>()
        .schema_from::<FamilyInput>()
        .schema_from::<Health>()
        .schema("Resource", resource("A FHIR R4 resource"))
        .schema("OperationOutcome", resource("A FHIR R4 OperationOutcome, <https://hl7.org/fhir/R4/operationoutcome.html>"))
        .schema("OpenApi", ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true))).build())
}

/// A family's form, as a form platform sends it. Members that are not named here are refused.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Submission {
    /// The platform's own id of this submission: the same id is the same write.
    id: Identifier,
    /// When the family filled it in: date and time with an offset.
    authored: String,
    /// The language that the client reads: fi, sv or en.
    language: String,
    /// Canonical of the ConceptMap for a vendor's field and option names.
    vocabulary: Option<String>,
    persons: Vec<Person>,
    professional: Option<Vec<Section>>,
    /// For a submission; a preview leaves it aside.
    decision: Option<Decision>,
    author: Option<Party>,
    organization: Option<Party>,
    custodian: Option<Party>,
    /// `urn:oid:` of the palvelutapahtuma.
    service_event: Option<String>,
}

/// A business identifier.
#[derive(ToSchema)]
struct Identifier {
    system: String,
    value: String,
}

/// One person of the family.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Person {
    /// The platform's name for the person within this submission.
    key: String,
    role: String,
    /// Required of who answered.
    identifier: Option<Identifier>,
    /// strong-authentication, guardian or professional; required of who answered.
    known_by: Option<String>,
    /// answered, asked-no-answer or no-such-person.
    participation: String,
    /// linkId, or the vendor's field, to answer.
    answers: Option<serde_json::Value>,
    /// A QuestionnaireResponse in place of `answers`.
    response: Option<serde_json::Value>,
}

/// The nurse's section about one person.
#[derive(ToSchema)]
struct Section {
    /// `key` of the person.
    about: String,
    answers: Option<serde_json::Value>,
    response: Option<serde_json::Value>,
}

/// What professional and client decided together.
#[derive(ToSchema)]
struct Decision {
    /// Date and time with an offset.
    decided: String,
    plans: Vec<PlanDecision>,
}

/// What was decided about one person; it goes into that person's record.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct PlanDecision {
    about: String,
    /// `proposal` of the preview that it answers.
    proposal: String,
    segment: String,
    /// Required where the segment is not the one proposed.
    rationale: Option<String>,
    services: Option<Vec<ServiceDecision>>,
    alerts: Option<Vec<Acknowledgement>>,
    goals: Option<Vec<String>>,
    wishes: Option<String>,
    /// First day on which the client may see it in OmaKanta.
    delayed_until: Option<String>,
    /// 1 to 4 of the code set of disclosure to guardians.
    guardian_restriction: Option<String>,
    /// An earlier plan of this person that this one replaces: `CarePlan/123`, or `CarePlan/123/_history/4` for the version that was looked at.
    replaces: Option<String>,
}

#[derive(ToSchema)]
struct ServiceDecision {
    service: String,
    accepted: bool,
    /// Why it was declined.
    reason: Option<String>,
}

/// One answer to one or several alerts.
#[derive(ToSchema)]
struct Acknowledgement {
    alerts: Vec<String>,
    action: String,
}

/// A professional, organisation or custodian.
#[derive(ToSchema)]
struct Party {
    identifier: Identifier,
    name: Option<String>,
}

/// What was written where.
#[derive(ToSchema)]
struct Receipt {
    persons: Vec<PersonReceipt>,
}

#[derive(ToSchema)]
struct PersonReceipt {
    person: String,
    segment: Option<String>,
    /// The earlier plan that was completed with the same write.
    replaced: Option<String>,
    written: Vec<Written>,
}

#[derive(ToSchema)]
struct Written {
    kind: String,
    /// Relative to the record's base URL.
    reference: String,
    /// The identifier that we gave it.
    identifier: String,
}

/// What the rules say, for the professional.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Preview {
    form: String,
    /// Canonical of the PlanDefinition, with version.
    rule_set: String,
    persons: Vec<PersonPreview>,
    /// For professionals; written nowhere.
    family: FamilyView,
}

/// All persons at one glance.
#[derive(ToSchema)]
struct FamilyView {
    /// The heaviest segment that is proposed to anybody.
    heaviest: Option<Named>,
    /// Every alert that is not ruled out.
    alerts: Vec<RaisedAlert>,
    /// Whose answers to what would decide.
    undecided: Vec<OpenQuestions>,
    /// What the plan's family view observes over all responses; empty for a plan without one.
    observations: Vec<Observation>,
}

/// A rule over all responses of the submission, met or not. It reads several persons' answers: not to be shown to the family.
#[derive(ToSchema)]
struct Observation {
    id: String,
    code: String,
    display: String,
    /// met, not-met or indeterminate.
    outcome: String,
    sentence: String,
    expression: String,
    inputs: Vec<FamilyInput>,
    /// Answers that would decide it.
    undecided: Vec<FamilyInput>,
    /// Why it cannot be told, where answers alone do not say so.
    why: Option<String>,
    /// Text for the professional, in markdown.
    guidance: Option<String>,
}

/// One answer that an observation read, and whose it is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct FamilyInput {
    /// Key of the person whom the response is about.
    person: String,
    link_id: String,
    /// Read from the professional's section.
    professional: bool,
    /// answered, declined, missing (not there yet, or at all) or not-asked.
    state: String,
    values: Vec<String>,
}

#[derive(ToSchema)]
struct RaisedAlert {
    person: String,
    code: String,
    display: String,
    /// met or indeterminate.
    outcome: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct OpenQuestions {
    person: String,
    link_ids: Vec<String>,
}

#[derive(ToSchema)]
struct PersonPreview {
    person: String,
    role: String,
    /// What a decision must name.
    proposal: String,
    segment: Option<Named>,
    /// Segments that the missing answers leave open.
    possible: Vec<Named>,
    segments: Vec<Rule>,
    alerts: Vec<Rule>,
    services: Vec<Rule>,
    /// A draft CarePlan, once there is a segment.
    plan: Option<serde_json::Value>,
    /// Where the decision names an earlier plan.
    replaces: Option<EarlierPlan>,
}

/// An earlier plan: what was declined in it, or an `issue` that says why that is not known.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct EarlierPlan {
    reference: String,
    declined_before: Option<Vec<DeclinedBefore>>,
    issue: Option<serde_json::Value>,
}

#[derive(ToSchema)]
struct DeclinedBefore {
    code: Option<String>,
    display: String,
    reason: Option<String>,
}

#[derive(ToSchema)]
struct Named {
    code: String,
    display: String,
}

/// One rule, fired or not.
#[derive(ToSchema)]
struct Rule {
    id: String,
    code: String,
    display: String,
    /// met, not-met or indeterminate.
    outcome: String,
    sentence: String,
    expression: Option<String>,
    inputs: Vec<Input>,
    /// The number of its comparison less the threshold; of several the nearest. Null where there is none, or the number is not certain.
    distance: Option<f64>,
    comparisons: Vec<NumberCompared>,
    /// Answers that would decide it.
    undecided: Vec<String>,
    /// Text for the professional, in markdown.
    guidance: Option<String>,
}

/// A comparison of numbers, over all ways in which the missing answers could be given.
#[derive(ToSchema)]
struct NumberCompared {
    /// The least that the number can be; null for no bound.
    least: Option<f64>,
    greatest: Option<f64>,
    /// =, !=, >, <, >= or <=.
    comparison: String,
    threshold: Option<f64>,
    distance: Option<f64>,
}

/// One answer that a rule read.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Input {
    link_id: String,
    /// Read from the professional's section.
    professional: bool,
    /// answered, declined, missing or not-asked.
    state: String,
    values: Vec<String>,
}

#[derive(ToSchema)]
struct Health {
    /// up or ready.
    status: String,
}
