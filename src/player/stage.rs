//! The stage of a story: an adapter of its own on a free loopback port, over a store, with the sandbox's organisations and
//! callers and a clock that the player sets.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::task::JoinHandle;
use url::Url;

use super::endpoint::Endpoint;
use crate::app::App;
use crate::clock::{Clock, SetClock};
use crate::config::Limits;
use crate::configuration::SandboxCaller;
use crate::fixtures::stories::Came;
use crate::http;
use crate::installation::{Installation, InstallationFault};
use crate::net::{Client, ClientSettings, Method, NetError};
use crate::profiles::Profiles;
use crate::record::DryRun;

pub struct Stage {
    /// `http://127.0.0.1:…`
    pub base: String,
    pub clock: Arc<SetClock>,
    /// Every body that came, answered or told, as it came.
    pub heard: Vec<Value>,
    /// By name of the caller.
    tokens: BTreeMap<String, String>,
    client: Client,
    endpoint: Option<Endpoint>,
    stop: tokio::sync::watch::Sender<bool>,
    running: Vec<JoinHandle<()>>,
}

/// Why there is no stage.
#[derive(Debug, thiserror::Error)]
pub enum StageFault {
    #[error("no loopback port: {0}")]
    Port(#[from] std::io::Error),
    #[error(transparent)]
    Net(#[from] NetError),
    #[error(transparent)]
    Installation(#[from] InstallationFault),
}

/// What is sent.
pub(super) struct Sent<'a> {
    pub(super) caller: &'a str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Option<(&'static str, String)>,
}

impl Stage {
    /// `listens`: somebody is to be told of changes.
    ///
    /// # Errors
    /// [`StageFault`]
    pub async fn set(
        installation: Installation,
        callers: &[SandboxCaller],
        profiles: Arc<Profiles>,
        start: Timestamp,
        listens: bool,
    ) -> Result<Self, StageFault> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let base = format!("http://{}", listener.local_addr()?);
        let clock = Arc::new(SetClock::at(start));
        let as_clock: Arc<dyn Clock> = Arc::clone(&clock) as Arc<dyn Clock>;
        let (stop, stopping) = tokio::sync::watch::channel(false);
        let mut running = if listens { installation.begin(&as_clock, &base, &stopping)? } else { Vec::new() };
        let Installation { callers: known, tasks, .. } = installation;
        let mut app = App::new(profiles, Arc::new(DryRun), as_clock, known, base.clone(), Limits::default());
        if let Some(tasks) = tasks {
            app = app.with_tasks(tasks);
        }
        let mut told = stopping;
        let stopped = async move {
            let _ = told.wait_for(|stop| *stop).await;
        };
        running.push(tokio::spawn(async move {
            if let Err(error) = http::serve(listener, Arc::new(app), stopped).await {
                tracing::error!(%error, "the story's adapter ended");
            }
        }));
        let endpoint = if listens { Some(Endpoint::open().await?) } else { None };
        let tokens = callers.iter().map(|caller| (caller.name.clone(), caller.token.clone())).collect();
        let client = Client::new(&ClientSettings { timeout: PATIENCE, ..ClientSettings::default() })?;
        Ok(Self { base, clock, heard: Vec::new(), tokens, client, endpoint, stop, running })
    }

    /// Ends what was begun.
    pub async fn strike(self) {
        let Self { client, stop, running, .. } = self;
        drop(client);
        let _ = stop.send(true);
        for one in running {
            let _ = one.await;
        }
    }

    pub(super) fn endpoint_url(&self) -> Option<&str> {
        self.endpoint.as_ref().map(|endpoint| endpoint.url.as_str())
    }

    /// What the endpoint is told next.
    ///
    /// # Errors
    /// Why nothing is told, in words.
    pub async fn told(&mut self) -> Result<Value, String> {
        let Some(endpoint) = &mut self.endpoint else { return Err("nobody listens".to_owned()) };
        match tokio::time::timeout(PATIENCE, endpoint.next()).await {
            Ok(Some(body)) => {
                self.heard.push(body.clone());
                Ok(body)
            }
            _ => Err(format!("the endpoint was told nothing within {} seconds", PATIENCE.as_secs())),
        }
    }

    /// Sends a request; why there is no answer, if there is none.
    pub(super) async fn send(&mut self, sent: Sent<'_>) -> Result<Came, String> {
        let token = self.tokens.get(sent.caller).ok_or_else(|| format!("the sandbox has no caller `{}`", sent.caller))?;
        let method = Method::from_bytes(sent.method.as_bytes()).map_err(|_| format!("`{}` is no method", sent.method))?;
        let url = Url::parse(&format!("{}{}", self.base, sent.path)).map_err(|_| "the path makes no URL".to_owned())?;
        let mut request = self.client.request(method, url).header("Authorization", format!("Bearer {token}"));
        for (name, value) in &sent.headers {
            request = request.header(name, value);
        }
        if let Some((media_type, body)) = sent.body {
            request = request.header("Content-Type", media_type).body(body);
        }
        let answer = self.client.send(request, PATIENCE).await.map_err(|error| format!("no answer: {}", error.causes()))?;
        let etag = answer.headers.get("etag").and_then(|etag| etag.to_str().ok()).unwrap_or_default();
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        self.heard.push(body.clone());
        let matches = |entries: &Vec<Value>| entries.iter().filter(|entry| entry["search"]["mode"] == "match").count();
        let found = (body["type"] == "searchset").then(|| body["entry"].as_array().map_or(0, matches));
        Ok(Came { status: answer.status, version: etag.trim_matches(['W', '/', '"']).parse().ok(), found, body })
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
