//! The forms of the exchange: media types, limits, unknown paths, the statement, the page.

use axum::body::Body;
use serde_json::json;

use super::{Client, check, clock, patient, plan};
use crate::sandbox::{Sandbox, router};

#[tokio::test]
async fn bodies_are_fhir_json_that_passes_the_strict_look() {
    let client = Client::new();
    let send = async |content_type: &'static str, body: &'static str| {
        client.send("POST", "/Patient", &[("content-type", content_type)], body).await
    };
    let good = r#"{"resourceType":"Patient"}"#;
    for accepted in ["application/fhir+json", "application/json; charset=UTF-8", "application/fhir+json; fhirVersion=4.0"] {
        send(accepted, good).await.expect(201);
    }
    for refused in ["application/fhir+xml", "text/plain", "application/json; charset=latin1", "application/fhir+json; fhirVersion=5.0"] {
        assert_eq!(send(refused, good).await.refused(415), "not-supported");
    }
    assert_eq!(client.send("POST", "/Patient", &[], good).await.refused(415), "not-supported");
    for broken in ["", "{\"resour", "[]", "{}", r#"{"resourceType":"Patient","refused":1}"#, r#"{"resourceType":"Patient","meta":1}"#] {
        send("application/json", broken).await.refused(400);
    }
    let deep = format!("{{\"resourceType\":\"Patient\",\"x\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
    client.send("POST", "/Patient", &[("content-type", "application/json")], deep).await.refused(400);
    assert_eq!(client.total("/Patient").await, 3);
}

#[tokio::test]
async fn only_json_is_answered() {
    let client = Client::new();
    let accept = async |accept: &'static str| client.send("GET", "/metadata", &[("accept", accept)], Body::empty()).await;
    for good in ["application/fhir+json", "application/json", "*/*", "application/fhir+xml, application/*;q=0.5"] {
        assert_eq!(accept(good).await.header("content-type"), "application/fhir+json;charset=utf-8");
    }
    assert_eq!(accept("application/fhir+xml").await.refused(406), "not-supported");
    assert_eq!(client.get("/metadata?_format=xml").await.refused(406), "not-supported");
    assert_eq!(client.get("/metadata?_format=application/fhir%2Bjson").await.status, 200);
    let browser = accept("text/html,application/xml;q=0.9,*/*;q=0.8").await;
    assert_eq!(browser.header("content-type"), "application/json;charset=utf-8");
    assert!(browser.text.contains("\n  "));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_answered_in_fhir() {
    let client = Client::new();
    client.get("/a/b/c/d/e").await.refused(404);
    client.get("/Patient/1").await.refused(404);
    client.get("/Nonsense/1").await.refused(404);
    client.get("/Patient/%FF").await.refused(400);
    client.send("PATCH", "/Patient/1", &[], "{}").await.refused(405);
    client.send("PUT", "/Patient", &[], "{}").await.refused(405);
    client.send("DELETE", "", &[], Body::empty()).await.refused(405);
}

#[tokio::test]
async fn a_large_body_is_refused() {
    let client = Client::new();
    let large = format!("{{\"resourceType\":\"Patient\",\"x\":\"{}\"}}", "x".repeat(9 * 1024 * 1024));
    let answer = client.send("POST", "/Patient", &[("content-type", "application/json")], large).await;
    assert_eq!(answer.refused(413), "too-long");
}

#[tokio::test]
async fn a_full_sandbox_says_so_and_keeps_what_it_has() {
    let client = Client(router(Sandbox::with_capacity(check, clock, 2)));
    client.patient("A").await;
    let both = json!([super::create("urn:uuid:a", patient("B")), super::create("urn:uuid:b", patient("C"))]);
    assert_eq!(client.transact(both).await.refused(507), "too-costly");
    client.patient("B").await;
    assert_eq!(client.post("/Patient", &patient("C")).await.refused(507), "too-costly");
    assert_eq!(client.total("/Patient").await, 2);
}

#[tokio::test]
async fn a_reset_empties_it_and_gives_no_id_twice() {
    let client = Client::new();
    client.patient("A").await;
    client.send("POST", "/$reset", &[], Body::empty()).await.expect(200);
    assert_eq!(client.total("/Patient").await, 0);
    assert_eq!(client.patient("A").await, "2");
}

#[tokio::test]
async fn the_statement_says_what_can_be_searched() {
    let statement = Client::new().get("/metadata").await.expect(200);
    assert_eq!((&statement["resourceType"], &statement["fhirVersion"]), (&json!("CapabilityStatement"), &json!("4.0.1")));
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let client = Client::new();
    for resource in resources {
        let kind = resource["type"].as_str().unwrap();
        for parameter in resource["searchParam"].as_array().unwrap() {
            let value = if parameter["type"] == "date" { "2025" } else { "x" };
            let search = format!("/{kind}?{}={value}", parameter["name"].as_str().unwrap());
            assert_eq!(client.total(&search).await, 0, "{search}");
        }
    }
}

#[tokio::test]
async fn the_front_page_shows_patients_and_their_plans_without_what_could_act() {
    let client = Client::new();
    assert!(client.get("/").await.text.contains("no patients"));
    let person = json!({"resourceType": "Patient", "name": [{"given": ["Aino"], "family": "<Esimerkki>"}], "birthDate": "2024-08-01"});
    client.post("/Patient", &person).await.expect(201);
    let mut written = plan("Patient/1");
    written["title"] = json!("Suunnitelma");
    written["text"] = json!({"status": "generated", "div": "<div><p onclick=\"x()\">Hei</p><script>x()</script></div>"});
    written["activity"] = json!([{"detail": {"status": "scheduled", "code": {"text": "Kotikäynti"}}}]);
    client.post("/CarePlan", &written).await.expect(201);
    let page = client.get("").await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html;charset=utf-8"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    for shown in
        ["Aino &lt;Esimerkki&gt;", "Suunnitelma", "Kotikäynti", "<p>Hei</p>", "href=\"/fhir/CarePlan/2\"", "href=\"/fhir/Patient/1\""]
    {
        assert!(page.text.contains(shown), "{shown}: {}", page.text);
    }
    assert!(!page.text.contains("script") && !page.text.contains("onclick"));
}
