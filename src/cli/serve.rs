//! `serve`: the adapter over HTTP.

use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;

use super::process::connect;
use super::{CONFIGURATION, Knowledge, USAGE, complain, runtime, say};
use crate::app::App;
use crate::caller::{Caller, Callers};
use crate::clock::{self, SystemClock};
use crate::config::Config;
use crate::http;
use crate::sandbox::{self, Sandbox};

/// Serve over HTTP, on loopback
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    #[command(flatten)]
    config: Config,
    #[command(flatten)]
    knowledge: Knowledge,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Config { listen, record, sandbox, caller, base_url, limits } = self.config;
        if record.is_some() == sandbox {
            complain("say where to write: --record URL (NEUVOLA_RECORD), or --sandbox (NEUVOLA_SANDBOX=true), and not both");
            return Ok(ExitCode::from(USAGE));
        }
        if !listen.ip().is_loopback() {
            complain(format_args!(
                "--listen {listen}: only loopback addresses (127.0.0.1, [::1]) are listened on until callers can be told apart; \
                 put a gateway that knows its callers in front"
            ));
            return Ok(ExitCode::from(USAGE));
        }
        let Some(profiles) = self.knowledge.load() else { return Ok(ExitCode::from(CONFIGURATION)) };
        runtime()?.block_on(async {
            let listener = match TcpListener::bind(listen) {
                Ok(listener) => listener,
                Err(error) => {
                    complain(format_args!("--listen {listen}: {error}"));
                    return Ok(ExitCode::from(CONFIGURATION));
                }
            };
            let address = listener.local_addr()?;
            let (base, sandbox) = match record {
                Some(base) => (base, None),
                None => start_sandbox()?,
            };
            let base_url = base_url.unwrap_or_else(|| format!("http://{address}"));
            let callers = Callers::new(Vec::new(), Some(Caller::loopback(&caller)));
            let app = App::new(Arc::new(profiles), connect(&base)?, Arc::new(SystemClock), callers, base_url, limits);
            say(format_args!("listening on http://{address}"));
            if let Some(sandbox) = sandbox {
                say(format_args!("sandbox on http://{sandbox}{}", sandbox::MOUNT));
            }
            http::serve(listener, Arc::new(app), asked_to_stop()?).await?;
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// A record system on a loopback port of its own, which ends with the process. Its base URL, and its address to tell.
pub(super) fn start_sandbox() -> anyhow::Result<(String, Option<SocketAddr>)> {
    let listener = TcpListener::bind("127.0.0.1:0").context("the sandbox finds no port")?;
    let address = listener.local_addr()?;
    let check = |body: &[u8]| neuvola_fhir::parse(body).map(drop).map_err(|fault| fault.to_string());
    tokio::spawn(sandbox::serve(listener, Sandbox::new(check, clock::now)));
    Ok((format!("http://{address}{}", sandbox::MOUNT), Some(address)))
}

/// Resolves on SIGINT or SIGTERM.
pub(super) fn asked_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

const EXAMPLES: &str = "\
The first line on standard output is `listening on http://…`; logs go to standard error.
SIGINT and SIGTERM stop it after what was begun is finished.

Examples:
  neuvola-adapter serve --sandbox --listen 127.0.0.1:0
  neuvola-adapter serve --record https://ehr.example/fhir
  curl -sS -H 'Content-Type: application/json' -d @form.json http://127.0.0.1:8080/forms/four-months/preview";
