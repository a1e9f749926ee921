//! `serve`: the adapter over HTTP.

use std::process::ExitCode;

use clap::Args;

/// Serve over HTTP, on loopback
#[derive(Debug, Args)]
pub(crate) struct Serve {}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        anyhow::bail!("not yet")
    }
}
