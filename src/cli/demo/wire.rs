//! HTTP as the demo needs it.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use url::Url;

use crate::net::{Client, ClientSettings, Method};

pub(super) struct Wire {
    client: Client,
    base: String,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Wire {
    pub(super) fn to(base: &str) -> anyhow::Result<Self> {
        let client = Client::new(&ClientSettings { timeout: PATIENCE, ..ClientSettings::default() })?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned() })
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &[u8], media_type: &'static str) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, Some((body, media_type))).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<(&[u8], &'static str)>) -> anyhow::Result<Answer> {
        let url = Url::parse(&format!("{}{path}", self.base)).context("the base URL is no URL")?;
        let mut request = self.client.request(method, url);
        if let Some((body, media_type)) = body {
            request = request.header("Content-Type", media_type).body(body.to_vec());
        }
        let answer = self.client.send(request.header("Accept", "application/fhir+json, application/json"), PATIENCE).await?;
        Ok(Answer { status: answer.status, body: serde_json::from_slice(&answer.body).unwrap_or_default() })
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
