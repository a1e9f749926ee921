//! A record system to write to: the sandbox on loopback, holding the fixture patients.

use std::collections::BTreeMap;

use neuvola_adapter::fixtures::patients;
use neuvola_adapter::sandbox::{MOUNT, Sandbox, router};
use serde_json::Value;

/// A sandbox of its own with the fixture patients in it, for as long as the process lives.
pub(super) struct World {
    /// Base URL of its FHIR API.
    pub base: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl World {
    pub(super) fn new() -> Self {
        // fhirbolt recurses deep in dev builds
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_stack_size(8 << 20).enable_all().build().unwrap();
        let check = |body: &[u8]| neuvola_fhir::parse(body).map(drop).map_err(|error| error.to_string());
        let sandbox = Sandbox::new(check, neuvola_adapter::clock::now);
        let base = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let base = format!("http://{}{MOUNT}", listener.local_addr().unwrap());
            tokio::spawn(async { axum::serve(listener, router(sandbox)).await.unwrap() });
            base
        });
        let world = Self { base, client: reqwest::Client::new(), runtime };
        world.runtime.block_on(async {
            for patient in patients() {
                let post = world.client.post(format!("{}/Patient", world.base)).header("content-type", "application/fhir+json");
                let answer = post.body(patient.body).send().await.unwrap();
                assert_eq!(answer.status(), 201, "{}", patient.name);
            }
        });
        world
    }

    /// On this thread: nothing that recurses.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    pub(super) fn block_on<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        self.runtime.block_on(async { tokio::spawn(work).await.unwrap() })
    }

    /// What the record holds under each reference, as far as it is there.
    pub(super) fn read(&self, references: &[String]) -> BTreeMap<String, Value> {
        self.runtime.block_on(async {
            let mut resources = BTreeMap::new();
            for reference in references {
                let answer = self.client.get(format!("{}/{reference}", self.base)).send().await.unwrap();
                if answer.status() == 200 {
                    resources.insert(reference.clone(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap());
                }
            }
            resources
        })
    }

    /// Puts it there once.
    pub(super) fn hold(&self, resource: &'static [u8]) {
        let read: Value = serde_json::from_slice(resource).unwrap();
        let url = format!("{}/{}/{}", self.base, read["resourceType"].as_str().unwrap(), read["id"].as_str().unwrap());
        self.runtime.block_on(async {
            if self.client.get(&url).send().await.unwrap().status() == 404 {
                let put = self.client.put(&url).header("content-type", "application/fhir+json").body(resource);
                assert_eq!(put.send().await.unwrap().status(), 201, "{url}");
            }
        });
    }

    /// How many resources of the kinds that we write there are.
    pub(super) fn count(&self) -> usize {
        self.runtime.block_on(async {
            let mut total = 0;
            for kind in ["CarePlan", "QuestionnaireResponse", "Provenance"] {
                let answer = self.client.get(format!("{}/{kind}?_summary=count", self.base)).send().await.unwrap();
                let bundle: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
                total += usize::try_from(bundle["total"].as_u64().unwrap()).unwrap();
            }
            total
        })
    }
}
