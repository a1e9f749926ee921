//! Organizations and HealthcareServices, as the sample configuration tells them.

use serde_json::Value;

use crate::world::World;

fn ids(bundle: &Value) -> Vec<&str> {
    let entries = bundle["entry"].as_array().map_or(&[][..], Vec::as_slice);
    entries.iter().filter(|entry| entry["search"]["mode"] == "match").map(|entry| entry["resource"]["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn organisations_and_services_are_read_by_id() {
    let world = World::with_directory().await;
    let lapua = world.get("/fhir/Organization/lapua").await;
    let etag = lapua.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(lapua.expect(200)["identifier"][0]["system"], "urn:oid:1.2.246.537.6.202.2008");
    let request = world.client.get(format!("{}/fhir/Organization/lapua", world.adapter)).header("If-None-Match", etag);
    assert_eq!(world.send(request).await.status, 304);
    let service = world.get("/fhir/HealthcareService/maternity-child-health").await.expect(200);
    assert_eq!(service["providedBy"]["reference"], "Organization/lakeus");
    assert_eq!(service["availableTime"][0]["daysOfWeek"].as_array().unwrap().len(), 5);
    for path in ["/fhir/Organization/nobody", "/fhir/HealthcareService/lapua", "/fhir/Organization/%00"] {
        assert_eq!(world.get(path).await.refused(404), ["not-found"], "{path}");
    }
}

#[tokio::test]
async fn they_are_found_by_what_names_them() {
    let world = World::with_directory().await;
    let all = ["lakeus", "advice-service", "seinajoki", "lapua", "ilmajoki", "alajarvi"];
    for (query, found) in [
        ("Organization", &all[..]),
        ("Organization?active=true", &all),
        ("Organization?active=false", &[]),
        ("Organization?_id=lapua,ilmajoki", &["lapua", "ilmajoki"]),
        ("Organization?name=lap", &["lapua"]),
        ("Organization?name:contains=NEUVOLAN", &["advice-service"]),
        ("Organization?name:exact=Lapuan%20neuvola%20(mallidata)", &["lapua"]),
        ("Organization?identifier=urn:oid:1.2.246.10.99999990.10.408", &["lapua"]),
        ("Organization?identifier=urn:oid:1.2.246.537.6.202.2008%7Curn:oid:1.2.246.10.99999990.10.408", &["lapua"]),
        ("Organization?identifier=urn:oid:1.2.246.537.6.202.2008%7C", &all),
        ("Organization?identifier=urn:oid:1.2.3%7Curn:oid:1.2.246.10.99999990.10.408", &[]),
        ("Organization?identifier=%7Curn:oid:1.2.246.10.99999990.10.408", &[]),
        ("HealthcareService?service-type=family-planning", &["family-planning"]),
        (
            "HealthcareService?service-type=https://neuvola-adapter.example/fhir/CodeSystem/callback-queue%7Cfamily-planning",
            &["family-planning"],
        ),
        ("HealthcareService?name=ringbeg", &["maternity-child-health", "family-planning"]),
        ("HealthcareService?organization=Organization/lakeus&_count=1", &["maternity-child-health"]),
        ("HealthcareService?organization=lakeus&_count=1&_offset=1", &["family-planning"]),
        ("HealthcareService?organization=Organization/lapua", &[]),
        ("HealthcareService?identifier=a", &[]),
    ] {
        let bundle = world.get(&format!("/fhir/{query}")).await.expect(200);
        assert_eq!(ids(&bundle), found, "{query}");
        assert_eq!(bundle["type"], "searchset");
    }
    let bundle = world.get("/fhir/HealthcareService?organization=lakeus&_count=1").await.expect(200);
    assert_eq!((&bundle["total"], &bundle["link"][1]["relation"]), (&2.into(), &"next".into()));
}

#[tokio::test]
async fn unknown_parameters_are_told_or_refused_and_writing_is_not_supported() {
    let world = World::with_directory().await;
    let bundle = world.get("/fhir/Organization?colour=red").await.expect(200);
    assert_eq!(bundle["entry"][6]["search"]["mode"], "outcome");
    let request = world.client.get(format!("{}/fhir/Organization?colour=red", world.adapter)).header("Prefer", "handling=strict");
    world.send(request).await.refused(400);
    assert_eq!(world.get("/fhir/Organization?active:not=true").await.refused(400), ["parameter"]);
    world.post_text("/fhir/Organization", "{}").await.refused(405);
}

#[tokio::test]
async fn metadata_and_openapi_tell_of_them() {
    let world = World::with_directory().await;
    let metadata = world.get("/fhir/metadata").await.expect(200);
    let resources = metadata["rest"][0]["resource"].as_array().unwrap();
    for (kind, parameters) in [
        ("Organization", &["_id", "active", "identifier", "name"][..]),
        ("HealthcareService", &["_id", "active", "identifier", "name", "organization", "service-type"]),
    ] {
        let resource = resources.iter().find(|resource| resource["type"] == kind).unwrap();
        let told: Vec<_> = resource["searchParam"].as_array().unwrap().iter().map(|told| told["name"].as_str().unwrap()).collect();
        assert_eq!(told, parameters);
        assert_eq!(resource["interaction"].as_array().unwrap().len(), 2);
    }
    let document = world.get("/openapi.json").await.expect(200);
    let parameters = document["paths"]["/fhir/HealthcareService"]["get"]["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|parameter| parameter["name"] == "service-type"));
}
