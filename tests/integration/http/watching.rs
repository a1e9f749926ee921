//! Metrics and statistics of callback requests, as those who operate and plan read them.

use serde_json::{Value, json};

use crate::world::World;

/// Leaves a contact of that number at that time; the id of its Task.
async fn leave(world: &World, number: u32, received: &str) -> String {
    let contact = json!({
        "id": {"system": "https://chat.example/contacts", "value": format!("contact-{number}")},
        "received": received, "queue": "maternity-child-health", "topic": "baby-care", "channel": "chat",
        "person": {"anonymous": true}
    });
    let receipt = world.post("/callback-requests", &contact).await.expect(201);
    receipt["task"].as_str().unwrap().to_owned()
}

/// What a sample of the text says.
fn sample(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).map(str::to_owned)
}

#[tokio::test]
async fn metrics_tell_who_waits_and_how_requests_were_answered() {
    let world = World::with_tasks().await;
    let task = leave(&world, 1, "2026-11-16T10:00:00+02:00").await;
    let request = world.client.get(format!("{}/metrics", world.adapter)).header("Accept", "application/openmetrics-text");
    let answer = world.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert!(answer.text.ends_with("# EOF\n"));
    let queue = r#"queue="maternity-child-health""#;
    let owner = r#"owner="HealthcareService/maternity-child-health""#;
    for (name, value) in [
        (format!("neuvola_callback_waiting{{{queue},{owner}}}"), "1"),
        (format!("neuvola_callback_unassigned{{{queue}}}"), "1"),
        (format!("neuvola_callback_waiting{{{queue},owner=\"Organization/lapua\"}}"), "0"),
        (format!("neuvola_callback_oldest_seconds{{{queue},{owner}}}"), "3600"),
        (r#"neuvola_http_requests_total{method="POST",route="/callback-requests",status="201"}"#.to_owned(), "1"),
    ] {
        assert_eq!(sample(&answer.text, &name).as_deref(), Some(value), "{name}\n{}", answer.text);
    }
    let id = task.trim_start_matches("Task/");
    assert!(!answer.text.contains(id) && !answer.text.contains("contact-1"), "nothing about a client");
}

#[tokio::test]
async fn statistics_count_contacts_by_weekday_and_hour_of_whole_months_and_suppress_what_is_small() {
    let world = World::with_tasks().await;
    let of = |statistics: &Value| {
        let queues = statistics["queues"].as_array().unwrap();
        queues.iter().find(|queue| queue["queue"] == "maternity-child-health").unwrap().clone()
    };
    let hidden = |least: u64, most: u64| json!({"count": null, "suppressed": true, "atLeast": least, "atMost": most});
    let october = "/callback-requests/statistics?from=2026-10-14&until=2026-10-16";
    for number in 0..4 {
        leave(&world, number, "2026-10-12T10:10:00+03:00").await;
    }
    let statistics = world.get(october).await.expect(200);
    assert_eq!((&statistics["from"], &statistics["until"]), (&"2026-10-01".into(), &"2026-10-31".into()));
    let queue = of(&statistics);
    // the hour in which the client asked, whenever it was left here
    assert_eq!(queue["cells"], json!([{"weekday": "mon", "hour": 10, "count": null, "suppressed": true, "atLeast": 1, "atMost": 4}]));
    assert_eq!(queue["total"], hidden(1, 4));
    for number in 4..7 {
        leave(&world, number, "2026-10-19T10:50:00+03:00").await;
    }
    let queue = of(&world.get(october).await.expect(200));
    assert_eq!(queue["cells"], json!([{"weekday": "mon", "hour": 10, "count": 7, "suppressed": false}]));
    assert_eq!(queue["total"], json!({"count": 7, "suppressed": false}));

    // a month more or less does not tell of the one contact in it
    leave(&world, 7, "2026-09-07T10:10:00+03:00").await;
    let both = world.get("/callback-requests/statistics?from=2026-09-30&until=2026-10-01").await.expect(200);
    assert_eq!((&both["months"], &both["unfinishedMonths"]), (&json!(["2026-09", "2026-10"]), &json!([])));
    assert_eq!(of(&both)["total"], hidden(8, 11));
    // nor does asking twice while a month runs
    for number in 8..14 {
        leave(&world, number, "2026-11-16T10:10:00+02:00").await;
    }
    let running = world.get("/callback-requests/statistics?from=2026-11-16").await.expect(200);
    assert_eq!((&running["unfinishedMonths"], &of(&running)["total"]), (&json!(["2026-11"]), &hidden(5, 9)));
    assert_eq!(world.get("/callback-requests/statistics?from=today").await.refused(400), ["parameter"]);
}

#[tokio::test]
async fn who_sends_forms_reads_neither() {
    let world = World::with_directory().await;
    assert_eq!(world.get("/metrics").await.status, 401);
    assert_eq!(world.get("/callback-requests/statistics").await.status, 401);
}

#[tokio::test]
async fn openapi_tells_that_tasks_may_be_out_of_reach() {
    let world = World::new().await;
    let document = world.get("/openapi.json").await.expect(200);
    for path in ["/fhir/Task", "/fhir/Task/{id}", "/fhir/Task/{id}/_history", "/callback-requests/statistics", "/metrics"] {
        assert!(document["paths"][path]["get"]["responses"]["503"].is_object(), "{path}");
    }
    assert!(
        document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]["application/openmetrics-text; version=1.0.0; charset=utf-8"]
            .is_object()
    );
}
