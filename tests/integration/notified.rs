//! Notifications to an https endpoint: the real binary, and TLS as it is spoken in earnest.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::installed::{CHAT, EHR, Site, begin, client};

/// In the header that the endpoint wants.
const SECRET: &str = "QZXMERKKIXZQ";

#[tokio::test(flavor = "multi_thread")]
async fn what_an_authority_of_ours_vouches_for_is_told_over_tls_and_nobody_else() {
    let (known, unknown) = (authority(), authority());
    let site = Site::with("sqlite:tasks.sqlite", "\n[subscriptions]\nallow-private-addresses = true\nadditional-ca = \"ca.pem\"\n");
    std::fs::write(site.folder.join("ca.pem"), known.pem()).unwrap();
    let (mut vouched, mut other) = (Endpoint::start(&known).await, Endpoint::start(&unknown).await);
    let (running, url) = begin(&site.config, "trace");
    let client = client();

    let refused = subscribe(&client, &url, &other.url).await;
    let told = subscribe(&client, &url, &vouched.url).await;
    assert!(vouched.next().await.to_string().contains("handshake"));
    let contact = json!({
        "id": {"system": "https://chat.example/contacts", "value": "1"}, "received": "2026-01-05T09:00:00+02:00",
        "queue": "maternity-child-health", "topic": "baby-care", "channel": "chat", "person": {"anonymous": true}
    });
    let request = client.post(format!("{url}/callback-requests")).bearer_auth(CHAT).header(CONTENT_TYPE, "application/json");
    let receipt = sent(request.body(contact.to_string())).await;
    let notification = vouched.next().await.to_string();
    assert!(notification.contains(receipt["task"].as_str().unwrap()), "{notification}");

    let read = |id: &str| client.get(format!("{url}/fhir/Subscription/{id}")).bearer_auth(EHR);
    let error = loop {
        // it says what happened as soon as it was tried
        let subscription = sent(read(&refused)).await;
        if let Some(error) = subscription["error"].as_str() {
            break error.to_owned();
        }
    };
    assert_eq!(error, "the connection could not be made");
    assert!(other.requests.try_recv().is_err(), "nothing reached whom nobody vouches for");
    assert_eq!(sent(read(&refused)).await["status"], "requested");
    assert_eq!(sent(read(&told)).await["status"], "active");
    let stopped = running.stop();
    for text in [&stopped.stdout, &stopped.stderr] {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert!(stopped.stderr.contains("a notification was not taken"), "{}", stopped.stderr);
}

#[test]
fn a_file_that_holds_no_certificates_is_told_at_start() {
    let site = Site::with("sqlite:tasks.sqlite", "\n[subscriptions]\nadditional-ca = \"key\"\n");
    let arguments = ["serve", "--record", "http://127.0.0.1:9/fhir", "--listen", "127.0.0.1:0", "--config", site.config.to_str().unwrap()];
    let output = crate::binary::confined(crate::binary::neuvola_adapter(&arguments), &site.folder).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{told}");
    assert!(told.contains("[subscriptions], additional-ca") && told.contains("PEM"), "{told}");
}

/// An https endpoint on this machine; ends with the test.
struct Endpoint {
    url: String,
    requests: mpsc::UnboundedReceiver<Value>,
    handle: Handle<std::net::SocketAddr>,
}

impl Endpoint {
    async fn start(vouching: &CertifiedIssuer<'static, KeyPair>) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, vouching).unwrap();
        let tls = RustlsConfig::from_der(vec![certificate.der().to_vec()], key.serialize_der()).await.unwrap();
        let (heard, requests) = mpsc::unbounded_channel();
        let hear = move |headers: HeaderMap, body: Bytes| async move {
            assert_eq!(headers["authorization"], format!("Bearer {SECRET}").as_str());
            let _ = heard.send(serde_json::from_slice(&body).unwrap());
            StatusCode::NO_CONTENT
        };
        let handle: Handle<std::net::SocketAddr> = Handle::new();
        let router = Router::new().route("/notify", post(hear));
        let server = axum_server::bind_rustls("127.0.0.1:0".parse().unwrap(), tls).handle(handle.clone());
        tokio::spawn(server.serve(router.into_make_service()));
        let port = handle.listening().await.unwrap().port();
        Self { url: format!("https://localhost:{port}/notify"), requests, handle }
    }

    async fn next(&mut self) -> Value {
        tokio::time::timeout(Duration::from_secs(30), self.requests.recv()).await.expect("a notification").unwrap()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.handle.shutdown();
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// The id of a new Subscription to everything.
async fn subscribe(client: &reqwest::Client, url: &str, endpoint: &str) -> String {
    const BACKPORT: &str = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-";
    let subscription = json!({
        "resourceType": "Subscription", "status": "requested", "reason": "callbacks of our clinic",
        "criteria": "https://neuvola-adapter.example/fhir/SubscriptionTopic/callback-task-changed",
        "channel": {
            "type": "rest-hook", "endpoint": endpoint, "payload": "application/fhir+json",
            "_payload": {"extension": [{"url": format!("{BACKPORT}payload-content"), "valueCode": "id-only"}]},
            "header": [format!("Authorization: Bearer {SECRET}")]
        }
    });
    let request = client.post(format!("{url}/fhir/Subscription")).bearer_auth(EHR).header(CONTENT_TYPE, "application/fhir+json");
    sent(request.body(subscription.to_string())).await["id"].as_str().unwrap().to_owned()
}

async fn sent(request: reqwest::RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let (status, text) = (response.status(), response.text().await.unwrap());
    assert!(status.is_success(), "{status} {text}");
    serde_json::from_str(&text).unwrap()
}
