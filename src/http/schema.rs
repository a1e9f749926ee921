//! Our own JSON, described for the OpenAPI document. Nothing is read into or printed from these: the shape is read in
//! [`crate::form::submission`] and printed in [`crate::report`], and a test compares.
#![allow(dead_code, reason = "they are read by utoipa's macro only")]

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
    components
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
        .schema_from::<Named>()
        .schema_from::<Rule>()
        .schema_from::<Input>()
        .schema_from::<Contact>()
        .schema_from::<ContactPerson>()
        .schema_from::<Span>()
        .schema_from::<Picture>()
        .schema_from::<Taker>()
        .schema_from::<ContactReceipt>()
        .schema_from::<ContactOwner>()
        .schema("JsonPatch", ObjectBuilder::new().description(Some("RFC 6902: an array of operations")).build())
        .schema("TaskSearch", ObjectBuilder::new().description(Some("Parameters of `GET /fhir/Task`")).build())
        .schema_from::<Health>()
        .schema_from::<Statistics>()
        .schema_from::<QueueStatistics>()
        .schema_from::<Cell>()
        .schema_from::<WeekdayTotal>()
        .schema_from::<HourTotal>()
        .schema_from::<Total>()
        .schema(
            "Metrics",
            ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String).description(Some("OpenMetrics' text")).build(),
        )
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
    /// Answers that would decide it.
    undecided: Vec<String>,
    /// Text for the professional, in markdown.
    guidance: Option<String>,
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

/// A contact that asks to be called back, as the chat platform sends it. Members that are not named here are refused.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Contact {
    /// The platform's own id of this contact: the same id is the same request.
    id: Identifier,
    /// When the client asked: date and time with an offset.
    received: String,
    /// maternity-child-health or family-planning
    queue: String,
    /// Code of the code system callback-topic.
    topic: String,
    /// phone, chat, text or video
    channel: String,
    /// routine, urgent, asap or stat; routine if left out
    urgency: Option<String>,
    /// At most 4000 characters.
    description: Option<String>,
    person: ContactPerson,
    /// E.164, as in +358401234567. A call or a text message needs it.
    phone: Option<String>,
    preferred_times: Option<Vec<Span>>,
    /// BCP 47
    language: Option<String>,
    interpreter: Option<bool>,
    /// The client's own neuvola: `Organization/{id}`, or the organisation's OID.
    own_clinic: Option<String>,
    /// Three digits.
    municipality: Option<String>,
    /// Codes of the code system callback-profession.
    professions: Option<Vec<String>>,
    pictures: Option<Vec<Picture>>,
    /// https
    video_link: Option<String>,
    taken_by: Option<Taker>,
}

/// Who shall be called: an identifier, or anonymous.
#[derive(ToSchema)]
struct ContactPerson {
    identifier: Option<Identifier>,
    anonymous: Option<bool>,
}

/// Both with an offset.
#[derive(ToSchema)]
struct Span {
    start: String,
    end: String,
}

/// A picture stays where it is.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Picture {
    /// https
    url: String,
    content_type: String,
    /// Bytes.
    size: i32,
    /// SHA-1, as base64.
    hash: String,
    title: Option<String>,
}

/// Who took the contact.
#[derive(ToSchema)]
struct Taker {
    name: Option<String>,
    identifier: Option<Identifier>,
}

/// Where the request went.
#[derive(ToSchema)]
struct ContactReceipt {
    /// `Task/{id}`
    task: String,
    url: String,
    /// ETag of the version.
    version: String,
    status: String,
    owner: ContactOwner,
    /// Until when somebody calls.
    due: String,
}

#[derive(ToSchema)]
struct ContactOwner {
    reference: String,
    name: Option<String>,
}

/// Contacts by weekday and hour. A count of 1 to `suppressedBelow` - 1 is suppressed: null; so is every total that it is part of.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Statistics {
    /// First day.
    from: String,
    /// Last day, included.
    until: String,
    /// Europe/Helsinki
    time_zone: String,
    suppressed_below: u64,
    queues: Vec<QueueStatistics>,
}

#[derive(ToSchema)]
struct QueueStatistics {
    queue: String,
    total: Total,
    weekdays: Vec<WeekdayTotal>,
    /// Hours that had a contact.
    hours: Vec<HourTotal>,
    /// Those that had a contact.
    cells: Vec<Cell>,
}

/// Contacts, or, where that is suppressed, between which numbers they are.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Total {
    #[schema(required = true)]
    count: Option<u64>,
    suppressed: bool,
    at_least: Option<u64>,
    at_most: Option<u64>,
}

/// On one weekday: mon to sun.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct WeekdayTotal {
    weekday: String,
    #[schema(required = true)]
    count: Option<u64>,
    suppressed: bool,
    at_least: Option<u64>,
    at_most: Option<u64>,
}

/// In the hour that begins then: 0 to 23.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct HourTotal {
    hour: i32,
    #[schema(required = true)]
    count: Option<u64>,
    suppressed: bool,
    at_least: Option<u64>,
    at_most: Option<u64>,
}

/// In one hour of one weekday.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Cell {
    weekday: String,
    hour: i32,
    #[schema(required = true)]
    count: Option<u64>,
    suppressed: bool,
    at_least: Option<u64>,
    at_most: Option<u64>,
}
