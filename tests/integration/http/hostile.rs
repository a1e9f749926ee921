//! What nobody should send. Each time: a clear OperationOutcome, nothing written, and the process lives.

use std::time::Duration;

use neuvola_adapter::config::Limits;
use serde_json::json;

use super::wire::Wire;
use crate::world::{CHILD, World, form};

/// Every route that reads a body.
const POSTS: [&str; 5] = [
    "/forms/four-months/submissions",
    "/forms/four-months/preview",
    "/fhir/QuestionnaireResponse/$validate",
    "/fhir/Questionnaire/$process-response",
    "/fhir/Questionnaire/four-months-child/$process-response",
];

const MEBIBYTE: usize = 1024 * 1024;

/// Nothing was written, and the process answers.
async fn unharmed(world: &World) {
    world.nothing_is_written().await;
    world.get("/health/live").await.expect(200);
}

#[tokio::test]
async fn what_is_no_json_of_fhir_is_refused_with_every_fault_and_its_place() {
    let world = World::new().await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: Vec<(Vec<u8>, usize)> = vec![
        (b"".to_vec(), 1),
        (b"  \n ".to_vec(), 1),
        (b"{".to_vec(), 1),
        (b"{\"id\": ".to_vec(), 1),
        (b"\xff\xfe{}".to_vec(), 1),
        (b"{\"a\":\"\x00\"}".to_vec(), 1),
        (b"{} {}".to_vec(), 1),
        (b"<Patient/>".to_vec(), 1),
        (b"{\"a\":1,\"a\":2,\"b\":[],\"c\":{},\"d\":null}".to_vec(), 4),
        (deep.into_bytes(), 1),
        (format!("{{\"a\":{}}}", "9".repeat(MEBIBYTE)).into_bytes(), 1),
    ];
    for path in POSTS {
        for (body, faults) in &bodies {
            let answer = world.post_text(path, body.clone()).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert!(matches!(answer.status, 400 | 422), "{path} {shown}: {}", answer.text);
            assert!(answer.refused(answer.status).len() >= *faults, "{path} {shown}: {}", answer.text);
        }
    }
    let text = world.post_text(POSTS[0], "{\n \"a\": 1,\n \"a\": 2}").await.text;
    assert!(text.contains("operationoutcome-issue-line") && text.contains("\"valueInteger\":3"), "{text}");
    unharmed(&world).await;
}

#[tokio::test]
async fn json_that_is_something_else_is_refused() {
    let world = World::new().await;
    for path in POSTS {
        for body in
            ["1", "\"text\"", "true", "[1]", "{\"resourceType\":\"Bundle\",\"type\":\"batch\"}", "{\"resourceType\":\"Parameters\"}"]
        {
            let answer = world.post_text(path, body).await;
            assert!(matches!(answer.status, 400 | 422), "{path} {body}: {}", answer.text);
            answer.refused(answer.status);
        }
    }
    unharmed(&world).await;
}

#[tokio::test]
async fn a_form_with_one_thing_broken_is_refused_wherever_it_breaks() {
    let world = World::new().await;
    world.patient(CHILD).await;
    let whole = world.decided("four-months", &form("1")).await.to_string();
    for part in (1..whole.len() - 1).filter(|part| part % 37 == 0) {
        let answer = world.post_text(POSTS[0], whole.as_bytes()[..part].to_vec()).await;
        assert_eq!(answer.status, 400, "{part}: {}", answer.text);
        answer.refused(400);
    }
    unharmed(&world).await;
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_what_is_read_is_not_read() {
    let world = World::new().await;
    let body = form("1").to_string();
    for path in POSTS {
        let own = path.starts_with("/forms/").then_some("application/fhir+xml");
        for given in own.into_iter().chain([
            "application/fhir+xml; charset=utf-16",
            "text/plain",
            "application/json; charset=latin1",
            "multipart/form-data; boundary=x",
        ]) {
            let request = world.client.post(format!("{}{path}", world.adapter)).header("content-type", given).body(body.clone());
            assert_eq!(world.send(request).await.refused(415), ["content-type"], "{given}");
        }
        let request = world.client.post(format!("{}{path}", world.adapter)).body(body.clone());
        assert_eq!(world.send(request).await.refused(415), ["content-type"]);
        let packed = world.client.post(format!("{}{path}", world.adapter)).header("content-type", "application/json");
        assert_eq!(world.send(packed.header("content-encoding", "gzip").body(body.clone())).await.refused(415), ["content-type"]);
    }
    let fhir = world.client.post(format!("{}{}", world.adapter, POSTS[1])).header("content-type", "application/fhir+json;charset=UTF-8");
    world.send(fhir.body(body)).await.expect(200);
    unharmed(&world).await;
}

#[tokio::test]
async fn a_body_at_the_limit_is_read_and_one_byte_more_is_not() {
    let world = World::with(Limits { body: 10_000, ..Limits::default() }).await;
    let padded = |length: usize| {
        let form = form("1").to_string();
        form.clone() + &" ".repeat(length - form.len())
    };
    world.post_text(POSTS[1], padded(10_000)).await.expect(200);
    assert_eq!(world.post_text(POSTS[1], padded(10_001)).await.refused(413), ["too-large"]);
    let mut wire = Wire::to(world.address).await;
    for (length, status) in [(10_000, 200), (10_001, 413)] {
        wire.post(POSTS[1], "Transfer-Encoding: chunked").await;
        let body = padded(length);
        let (first, second) = body.split_at(5_000);
        wire.say(&format!("{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n\r\n", first.len(), second.len())).await;
        assert_eq!(wire.reply().await.status, status);
    }
    unharmed(&world).await;
}

#[tokio::test]
async fn fifty_megabytes_are_refused_and_the_connection_survives() {
    let world = World::new().await;
    let mut wire = Wire::to(world.address).await;
    for path in [POSTS[0], POSTS[2], "/nowhere"] {
        let (length, status) = (50 * MEBIBYTE, if path == "/nowhere" { 404 } else { 413 });
        // written to the end before a byte of the answer is read, as many clients do
        wire.post(path, &format!("Content-Length: {length}")).await;
        wire.flood(length).await.unwrap();
        wire.reply().await.refused(status);
        wire.post(path, "Transfer-Encoding: chunked").await;
        wire.flood_chunked(length).await.unwrap();
        wire.reply().await.refused(status);
    }
    wire.say("GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(wire.reply().await.status, 200, "on the same connection");
    unharmed(&world).await;
}

#[tokio::test]
async fn who_announces_too_much_is_refused_before_sending_it() {
    let world = World::new().await;
    for more in ["Content-Length: 52428800", "Content-Length: 52428800\r\nExpect: 100-continue"] {
        let mut wire = Wire::to(world.address).await;
        wire.post(POSTS[0], more).await;
        assert_eq!(wire.reply().await.refused(413), "too-large");
    }
    unharmed(&world).await;
}

#[tokio::test]
async fn a_body_without_an_end_is_cut_off() {
    let world = World::new().await;
    let mut wire = Wire::to(world.address).await;
    wire.post(POSTS[0], "Transfer-Encoding: chunked").await;
    let flooded = wire.flood_chunked(200 * MEBIBYTE).await;
    assert!(flooded.is_err(), "the connection was closed meanwhile");
    unharmed(&world).await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_told_so_and_the_connection_closed() {
    let world = World::with(Limits { body_timeout: Duration::from_millis(300), ..Limits::default() }).await;
    for (more, part) in [("Content-Length: 100", "{\"id\":"), ("Transfer-Encoding: chunked", "5\r\n{\"id\"\r\n")] {
        let mut wire = Wire::to(world.address).await;
        wire.post(POSTS[0], more).await;
        wire.say(part).await;
        let reply = wire.reply().await;
        assert_eq!(reply.refused(408), "slow-body");
        assert!(reply.head.contains("connection: close"), "{}", reply.head);
        assert!(wire.is_closed(Duration::from_secs(5)).await);
    }
    unharmed(&world).await;
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let world = World::with(Limits { header_timeout: Duration::from_millis(300), ..Limits::default() }).await;
    for part in ["", "POST /forms/four-months/preview HTTP/1.1\r\nHost:"] {
        let mut wire = Wire::to(world.address).await;
        wire.say(part).await;
        assert!(wire.is_closed(Duration::from_secs(5)).await, "{part}");
    }
    unharmed(&world).await;
}

#[tokio::test]
async fn a_broken_chunk_is_refused() {
    let world = World::new().await;
    let mut wire = Wire::to(world.address).await;
    wire.post(POSTS[0], "Transfer-Encoding: chunked").await;
    wire.say("zz\r\n{}").await;
    assert_eq!(wire.reply().await.refused(400), "broken-off");
    unharmed(&world).await;
}

#[tokio::test]
async fn more_than_can_be_worked_on_is_turned_away_and_told_when_to_come_again() {
    let world = World::with(Limits { concurrency: 1, ..Limits::default() }).await;
    let body = form("1").to_string();
    let mut slow = Wire::to(world.address).await;
    slow.post(POSTS[1], &format!("Content-Length: {}", body.len())).await;
    slow.say(&body[..10]).await;
    let answer = loop {
        let answer = world.post(POSTS[1], &json!({})).await;
        if answer.status == 503 {
            break answer; // the slow one's head has been read
        }
    };
    assert_eq!(answer.refused(503), ["saturated"]);
    assert_eq!(answer.header("retry-after"), "1");
    world.get("/health/live").await.expect(200);
    slow.say(&body[10..]).await;
    assert_eq!(slow.reply().await.status, 200);
    world.post_text(POSTS[1], body).await.expect(200);
}
