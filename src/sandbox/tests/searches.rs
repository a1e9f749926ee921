//! Searches, by GET and by form, and their pages.

use serde_json::{Value, json};

use super::{Client, ID, KEY, patient, plan, tagged};

fn ids(bundle: &Value) -> Vec<&str> {
    let entries = bundle["entry"].as_array().map_or(&[][..], Vec::as_slice);
    entries.iter().map(|entry| entry["resource"]["id"].as_str().unwrap()).collect()
}

async fn found(client: &Client, search: &str) -> Vec<String> {
    ids(&client.get(search).await.expect(200)).into_iter().map(String::from).collect()
}

#[tokio::test]
async fn tokens_are_matched_by_system_and_code() {
    let client = Client::new();
    client.patient("A").await;
    client.patient("B").await;
    client.post("/Patient", &json!({"resourceType": "Patient", "identifier": [{"value": "A"}]})).await.expect(201);
    for (value, expected) in [
        (format!("{ID}%7CA"), vec!["1"]),
        ("A".into(), vec!["1", "3"]),
        ("%7CA".into(), vec!["3"]),
        (format!("{ID}%7C"), vec!["1", "2"]),
        (format!("{ID}%7CA,{ID}%7CB"), vec!["1", "2"]),
        (format!("{ID}%7Ca"), vec![]),
        ("A&identifier=B".into(), vec![]),
    ] {
        assert_eq!(found(&client, &format!("/Patient?identifier={value}")).await, expected, "{value}");
    }
}

#[tokio::test]
async fn escaped_characters_belong_to_the_value() {
    let client = Client::new();
    client.post("/Patient", &patient(r"a,b|c$d\e")).await.expect(201);
    client.patient("a").await;
    let form = format!("identifier={ID}%7Ca%5C%2Cb%5C%7Cc%5C%24d%5C%5Ce");
    assert_eq!(ids(&client.search_by_form("/Patient/_search", &form).await.expect(200)), ["1"]);
}

#[tokio::test]
async fn a_search_by_form_keeps_what_was_asked_out_of_every_link() {
    let client = Client::new();
    for _ in 0..3 {
        client.patient("MARKED").await;
    }
    let answer = client.search_by_form("/Patient/_search", &format!("identifier={ID}%7CMARKED&_count=2")).await.expect(200);
    assert_eq!((&answer["total"], answer["link"].as_array().unwrap().len()), (&json!(3), 2));
    assert!(!answer["link"].to_string().contains("MARKED"));
}

#[tokio::test]
async fn a_result_is_walked_page_by_page() {
    let client = Client::new();
    for at in 0..25 {
        client.patient(&at.to_string()).await;
    }
    let mut seen = Vec::new();
    let mut next = Some("/Patient?_count=10".to_owned());
    while let Some(path) = next {
        let page = client.get(&path).await.expect(200);
        assert_eq!(page["total"], 25);
        seen.extend(ids(&page).into_iter().map(|id| id.parse::<u32>().unwrap()));
        let links = page["link"].as_array().unwrap();
        let link = links.iter().find(|link| link["relation"] == "next").map(|link| link["url"].as_str().unwrap().to_owned());
        next = link.map(|link| link.strip_prefix("http://record.test/fhir").unwrap().to_owned());
        client.patient("late").await; // does not shift the pages
    }
    assert_eq!(seen, (1..=25).collect::<Vec<_>>());
    assert_eq!(found(&client, "/Patient").await.len(), 20);
    assert_eq!(client.get("/Patient?_count=0").await.json().get("entry"), None);
    assert_eq!(client.total("/Patient?_summary=count").await, 28);
    let lost = "?_getpages=c757873d-ec9a-4326-a141-556f43239520&_getpagesoffset=0&_count=10";
    assert_eq!(client.get(lost).await.refused(410), "expired");
    assert_eq!(client.get("?_getpages=1").await.refused(400), "invalid");
}

#[tokio::test]
async fn resources_are_found_by_whom_they_are_about() {
    let client = Client::new();
    client.patient("A").await;
    client.post("/CarePlan", &tagged(plan("Patient/1"), "k")).await.expect(201);
    client
        .post("/Provenance", &json!({"resourceType": "Provenance", "target": [{"reference": "CarePlan/2"}, {"reference": "Patient/1"}]}))
        .await
        .expect(201);
    for search in [
        "/CarePlan?patient=1",
        "/CarePlan?patient=Patient/1",
        "/CarePlan?subject=1",
        "/CarePlan?subject=Patient/1",
        "/CarePlan?subject:Patient=1",
        "/CarePlan?subject=http://record.test/fhir/Patient/1",
        "/CarePlan?subject=Patient/1/_history/1",
        "/CarePlan?patient=7,1&status=active",
        "/CarePlan?_tag=k",
        &format!("/CarePlan?_tag={KEY}%7Ck"),
        "/CarePlan?_id=2",
        "/Provenance?target=CarePlan/2",
        "/Provenance?target=2",
        "/Provenance?patient=1",
    ] {
        assert_eq!(client.total(search).await, 1, "{search}");
    }
    for search in ["/CarePlan?subject=Group/1", "/CarePlan?status=draft", "/CarePlan?_tag=%7Ck", "/Provenance?target=CarePlan/1"] {
        assert_eq!(client.total(search).await, 0, "{search}");
    }
}

#[tokio::test]
async fn the_time_of_the_last_change_is_searched_and_sorted_by() {
    let client = Client::new();
    for name in ["A", "B", "C"] {
        client.patient(name).await; // 00:00:01, :02, :03
    }
    for (prefixed, expected) in [
        ("eq2025-01-01T00:00:02Z", vec!["2"]),
        ("2025-01-01T02:00:02%2B02:00", vec!["2"]),
        ("ne2025-01-01T00:00:02Z", vec!["1", "3"]),
        ("gt2025-01-01T00:00:02Z", vec!["3"]),
        ("ge2025-01-01T00:00:02.000Z", vec!["2", "3"]),
        ("lt2025-01-01T00:00:02Z", vec!["1"]),
        ("le2025-01-01T00:00:02", vec!["1", "2"]),
        ("2025-01-01", vec!["1", "2", "3"]),
        ("gt2025-01", vec![]),
        ("ge2025&_lastUpdated=lt2025-01-01T00:00:03Z", vec!["1", "2"]),
    ] {
        assert_eq!(found(&client, &format!("/Patient?_lastUpdated={prefixed}")).await, expected, "{prefixed}");
    }
    client.put("/Patient/1", &json!({"resourceType": "Patient", "id": "1"})).await.expect(200);
    assert_eq!(found(&client, "/Patient?_sort=_lastUpdated").await, ["2", "3", "1"]);
    assert_eq!(found(&client, "/Patient?_sort=-_lastUpdated").await, ["1", "3", "2"]);
    assert_eq!(found(&client, "/Patient").await, ["1", "2", "3"]);
    assert_eq!(client.total("/Patient?identifier=A").await, 0);
}

#[tokio::test]
async fn what_is_not_understood_is_refused_rather_than_ignored() {
    let client = Client::new();
    for search in [
        "/Patient?unknown=1",
        "/Patient?identifier=",
        "/Patient?identifier=a,,b",
        "/Patient?identifier=%7C",
        "/Patient?identifier:contains=a",
        "/Patient?_lastUpdated=yesterday",
        "/Patient?_lastUpdated=sa2025",
        "/Patient?_sort=name",
        "/Patient?_count=many",
        "/Provenance?identifier=a",
        "/CarePlan?patient=Group/1",
        "/CarePlan?patient=http://elsewhere.example/Patient/1",
        "/CarePlan?patient.identifier=a",
    ] {
        client.get(search).await.refused(400);
    }
    client.get("/Nonsense?_id=1").await.refused(404);
    client.send("POST", "/Patient/_search", &[("content-type", "application/json")], "{}").await.refused(415);
}
