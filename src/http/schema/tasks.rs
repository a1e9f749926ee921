//! What is said of callback requests: contacts, statistics, metrics.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ComponentsBuilder, ObjectBuilder, Type};

use super::Identifier;

pub(super) fn add_to(components: ComponentsBuilder) -> ComponentsBuilder {
    components
        .schema_from::<Contact>()
        .schema_from::<ContactPerson>()
        .schema_from::<Span>()
        .schema_from::<Picture>()
        .schema_from::<Taker>()
        .schema_from::<ContactReceipt>()
        .schema_from::<ContactOwner>()
        .schema("JsonPatch", ObjectBuilder::new().description(Some("RFC 6902: an array of operations")).build())
        .schema("TaskSearch", ObjectBuilder::new().description(Some("Parameters of `GET /fhir/Task`")).build())
        .schema_from::<Statistics>()
        .schema_from::<QueueStatistics>()
        .schema_from::<Cell>()
        .schema_from::<WeekdayTotal>()
        .schema_from::<HourTotal>()
        .schema_from::<Total>()
        .schema("Metrics", ObjectBuilder::new().schema_type(Type::String).description(Some("OpenMetrics' text")).build())
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

/// Contacts by weekday and hour of their `authoredOn`, in whole calendar months. Of each month by itself, a cell of 1 to
/// `suppressedBelow` - 1 contacts is suppressed, and so is every sum that it is part of: `count` is null, and `atLeast` and `atMost`
/// bound it. Hence no two answers can be subtracted to learn it. A month that is not over is told in steps of `suppressedBelow`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct Statistics {
    /// First day of the first month.
    from: String,
    /// Last day of the last month.
    until: String,
    /// Those that are over: 2026-10
    months: Vec<String>,
    /// Those that are not: their counts are told in steps.
    unfinished_months: Vec<String>,
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
