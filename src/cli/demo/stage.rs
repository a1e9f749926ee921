//! The demo's stage: an adapter on a free loopback port, a record system, and the patients in it.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::wire::Wire;
use crate::app::App;
use crate::caller::{Caller, Callers};
use crate::cli::process::connect;
use crate::cli::serve::start_sandbox;
use crate::cli::{Mistake, TRY_LATER};
use crate::clock::SystemClock;
use crate::config::Limits;
use crate::fixtures::{self, PATIENT_SYSTEM, Patient};
use crate::http;
use crate::profiles::Profiles;

pub(super) struct Stage {
    pub(super) adapter: SocketAddr,
    /// Base URL.
    pub(super) record: String,
    pub(super) to_adapter: Wire,
    pub(super) to_record: Wire,
    pub(super) profiles: Arc<Profiles>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Stage {
    /// Starts everything; `record` is a record system that is there already.
    pub(super) async fn set(record: Option<&str>) -> anyhow::Result<Self> {
        let record = match record {
            Some(base) => base.trim_end_matches('/').to_owned(),
            None => start_sandbox()?.0,
        };
        let connection = connect(&record)?;
        let to_record = Wire::to(&record)?;
        put_patients(&to_record).await.map_err(|error| {
            Mistake::ending(TRY_LATER, format_args!("the synthetic patients could not be put into {record}: {error:#}"))
        })?;

        let listener = TcpListener::bind("127.0.0.1:0").context("the adapter finds no port")?;
        let adapter = listener.local_addr()?;
        let base = format!("http://{adapter}");
        let profiles = Profiles::load(Profiles::shipped_files())
            .map_err(|defects| anyhow::anyhow!("{} defects in the knowledge: run `profiles check`", defects.len()))?;
        let profiles = Arc::new(profiles);
        let callers = Callers::new(Vec::new(), Some(Caller::loopback(CALLER)));
        let app = App::new(Arc::clone(&profiles), connection, Arc::new(SystemClock), callers, base.clone(), Limits::default());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            http::serve(listener, Arc::new(app), async {
                let _ = stopped.await;
            })
            .await
            .map_err(Into::into)
        });
        Ok(Self { adapter, record, to_adapter: Wire::to(&base)?, to_record, profiles, stop, serving })
    }

    /// Puts a resource with an id of its own into the record, if it holds none of that id.
    pub(super) async fn hold(&self, resource: &[u8]) -> anyhow::Result<()> {
        let read: Value = serde_json::from_slice(resource)?;
        let path = format!("/{}/{}", read["resourceType"].as_str().unwrap_or_default(), read["id"].as_str().unwrap_or_default());
        let put = json!({ "resource": read, "request": { "method": "PUT", "url": &path[1..] } });
        let bundle = serde_json::to_vec(&json!({ "resourceType": "Bundle", "type": "transaction", "entry": [put] }))?;
        let mut last = 0;
        // several demos at once: the losers of the race find it there
        for _ in 0..TRIES {
            if self.to_record.get(&path).await?.status == 200 {
                return Ok(());
            }
            last = self.to_record.post("", &bundle, "application/fhir+json").await?.status;
            match last {
                200 => return Ok(()),
                409 | 412 | 500 => tokio::time::sleep(PAUSE).await,
                _ => break,
            }
        }
        bail!("the record system answered {last} to a resource that a case needs")
    }

    /// Ends what was begun.
    pub(super) async fn strike(self) {
        let _ = self.stop.send(());
        let _ = self.serving.await;
    }
}

/// One transaction, each patient created only if the record has none with its own fixture identifier.
async fn put_patients(record: &Wire) -> anyhow::Result<()> {
    let entries = fixtures::patients().iter().map(entry).collect::<anyhow::Result<Vec<_>>>()?;
    let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
    // several demos at once: the losers of the race are told 409 or 412 (HAPI: at times 500), and find the patients there
    // when they repeat
    for _ in 0..TRIES {
        let answer = record.post("", &serde_json::to_vec(&bundle)?, "application/fhir+json").await?;
        match answer.status {
            200 => return Ok(()),
            409 | 412 | 500 => tokio::time::sleep(PAUSE).await,
            status => bail!("the record system answered {status}"),
        }
    }
    bail!("the record system kept refusing with a conflict")
}

fn entry(patient: &Patient) -> anyhow::Result<Value> {
    let mut resource: Value = serde_json::from_slice(patient.body).with_context(|| patient.name.clone())?;
    if let Some(resource) = resource.as_object_mut() {
        resource.remove("id"); // the record gives its own
    }
    let condition = format!("identifier={PATIENT_SYSTEM}|{}", patient.name);
    Ok(json!({ "resource": resource, "request": { "method": "POST", "url": "Patient", "ifNoneExist": condition } }))
}

/// The submission ids of the fixtures are the demo's own.
const CALLER: &str = "demo";
const TRIES: usize = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(250);
