//! A record system in trouble, as the adapter's callers see it: whose fault, when to come again, and nothing that the record
//! said word for word.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use neuvola_adapter::config::Limits;
use neuvola_adapter::net::{BaseUrl, Client, ClientSettings, PlainHttp};
use neuvola_adapter::record::{FhirApi, Retry};
use serde_json::json;

use crate::recorder::{Recorder, serve};
use crate::world::{Answer, CHILD, World, form, start_sandbox};

const PATH: &str = "/forms/four-months/submissions";

/// An adapter that soon gives up, before a record at `base`.
async fn before(base: &str) -> World {
    let settings = ClientSettings { timeout: Duration::from_millis(200), ..ClientSettings::default() };
    let retry = Retry {
        deadline: Duration::from_secs(2),
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(20),
        ..Retry::default()
    };
    let api = FhirApi::new(BaseUrl::parse(base, PlainHttp::LoopbackOnly).unwrap(), Client::new(&settings).unwrap(), retry);
    World::before(base.to_owned(), Arc::new(api), Limits::default()).await
}

/// What a caller is told when the record answers everything so.
async fn answered_with(answer: fn() -> Response) -> Answer {
    let record = serve(axum::Router::new().fallback(async move || answer()));
    told(&before(&format!("{record}/fhir")).await).await
}

/// The answer to a submission; what was told is FHIR, quotes nobody, and the process lives.
async fn told(world: &World) -> Answer {
    let submission = world.decided("four-months", &form("1")).await;
    let answer = world.post(PATH, &submission).await;
    assert!(!answer.text.contains(CHILD) && !answer.text.contains("Virtanen"), "{}", answer.text);
    world.get("/health/live").await.expect(200);
    answer
}

fn outcome(diagnostics: &str) -> String {
    json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "value", "diagnostics": diagnostics,
        "expression": ["CarePlan.title", "Patient.where(name='Virtanen')"]}]})
    .to_string()
}

#[tokio::test]
async fn a_busy_record_is_503_with_its_own_retry_after_passed_on() {
    for answer in [
        || (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "120")]).into_response(),
        || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "120")]).into_response(),
    ] {
        let answer = answered_with(answer).await;
        assert_eq!(answer.refused(503), ["record-busy"]);
        assert_eq!(answer.header("retry-after"), "120");
    }
    let answer = answered_with(|| StatusCode::SERVICE_UNAVAILABLE.into_response()).await;
    assert_eq!(answer.refused(503), ["record-busy"]);
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0, "one of ours, if it says none");
}

#[tokio::test]
async fn a_record_behind_a_broken_gateway_is_503() {
    let answer = answered_with(|| StatusCode::BAD_GATEWAY.into_response()).await;
    assert_eq!(answer.refused(503), ["record-unreachable"]);
    assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn a_slow_record_is_504_and_repeating_is_said_to_be_safe() {
    let answer = answered_with(|| StatusCode::GATEWAY_TIMEOUT.into_response()).await;
    assert_eq!(answer.refused(504), ["record-slow"]);
    assert!(!answer.header("retry-after").is_empty());
    assert!(answer.text.contains("repeat"), "{}", answer.text);

    let silent = serve(axum::Router::new().fallback(async || std::future::pending::<()>().await));
    let answer = told(&before(&format!("{silent}/fhir")).await).await;
    assert_eq!(answer.refused(504), ["record-slow"]);
}

#[tokio::test]
async fn refused_credentials_are_500_and_no_fault_of_the_caller_s() {
    for answer in [|| StatusCode::UNAUTHORIZED.into_response(), || StatusCode::FORBIDDEN.into_response()] {
        let answer = answered_with(answer).await;
        assert_eq!(answer.refused(500), ["record-credentials"]);
        assert_eq!(answer.header("retry-after"), "");
    }
}

#[tokio::test]
async fn an_answer_without_sense_is_502() {
    let answers: [fn() -> Response; 6] = [
        || "<html>Virtanen</html>".into_response(),
        || "{\"resourceType\":".into_response(),
        || "{\"resourceType\":\"Patient\",\"name\":\"Virtanen\"}".into_response(),
        || "[]".into_response(),
        || StatusCode::NO_CONTENT.into_response(),
        || (StatusCode::FOUND, [("location", "http://elsewhere.example/?name=Virtanen")]).into_response(),
    ];
    for answer in answers {
        let answer = answered_with(answer).await;
        assert_eq!(answer.refused(502), ["record-answer"]);
        assert_eq!(answer.header("retry-after"), "", "it would not help");
    }
}

#[tokio::test]
async fn a_refusal_of_the_record_s_is_502_with_its_kind_and_place_but_not_its_words() {
    for status in [400, 404, 422, 500] {
        let record = serve(
            axum::Router::new()
                .fallback(async move || (StatusCode::from_u16(status).unwrap(), outcome("Virtanen 010594Y9032")).into_response()),
        );
        let answer = told(&before(&format!("{record}/fhir")).await).await;
        assert_eq!(answer.refused(502), ["record-refused", "record-issue CarePlan.title"], "{status}");
        assert!(!answer.text.contains("010594Y9032"));
    }
}

/// Is this the transaction?
fn writes(parts: &axum::http::request::Parts) -> bool {
    parts.method == Method::POST && parts.uri.path().trim_end_matches('/') == "/fhir"
}

/// A recorder before a sandbox that is ill while it writes, until it is well.
fn ill(failure: fn() -> Response) -> (Recorder, String, Arc<AtomicBool>) {
    let is_well = Arc::new(AtomicBool::new(false));
    let well = Arc::clone(&is_well);
    let (recorder, base) =
        Recorder::interfering(&start_sandbox(), move |parts| (writes(parts) && !well.load(Ordering::SeqCst)).then(failure));
    (recorder, base, is_well)
}

#[tokio::test]
async fn what_fails_while_it_is_written_leaves_nothing_and_is_written_once_when_sent_again() {
    #[allow(clippy::type_complexity, reason = "a table, read once")]
    let failures: [(fn() -> Response, u16, &[&str], usize); 5] = [
        (|| StatusCode::SERVICE_UNAVAILABLE.into_response(), 503, &["record-busy"], 3),
        (|| StatusCode::BAD_GATEWAY.into_response(), 503, &["record-unreachable"], 3),
        (|| StatusCode::GATEWAY_TIMEOUT.into_response(), 504, &["record-slow"], 3),
        (|| StatusCode::INTERNAL_SERVER_ERROR.into_response(), 502, &["record-refused"], 3),
        // asked once: another answer is not to be had
        (|| (StatusCode::BAD_REQUEST, outcome("Virtanen")).into_response(), 502, &["record-refused", "record-issue CarePlan.title"], 1),
    ];
    for (failure, status, faults, tries) in failures {
        let (recorder, base, is_well) = ill(failure);
        let world = before(&base).await;
        world.patient(CHILD).await;
        assert_eq!(told(&world).await.refused(status), faults);
        assert_eq!(recorder.take().iter().filter(|exchange| exchange.is_transaction()).count(), tries, "{faults:?}");
        world.nothing_is_written().await;

        is_well.store(true, Ordering::SeqCst);
        let first = told(&world).await;
        first.expect(201);
        let again = told(&world).await;
        again.expect(200);
        assert_eq!(again.text, first.text);
        assert_eq!(world.held("CarePlan").await, 1);
    }
}
