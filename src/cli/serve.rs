//! `serve`: the adapter over HTTP.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::process::connect;
use super::{CONFIGURATION, Knowledge, Mistake, USAGE, complain, runtime, say};
use crate::app::App;
use crate::caller::{Caller, Callers};
use crate::clock::{self, Clock, SystemClock};
use crate::config::Config;
use crate::configuration::{Configuration, SandboxCaller, fresh_token};
use crate::http;
use crate::installation::{Installation, InstallationFault, week};
use crate::profiles::Profiles;
use crate::sandbox::{self, Sandbox};

/// Serve over HTTP, on loopback unless callers are configured
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
        if self.config.record.is_some() == self.config.sandbox {
            complain("say where to write: --record URL (NEUVOLA_RECORD), or --sandbox (NEUVOLA_SANDBOX=true), and not both");
            return Ok(ExitCode::from(USAGE));
        }
        let Some(profiles) = self.knowledge.load() else { return Ok(ExitCode::from(CONFIGURATION)) };
        let runtime = runtime()?;
        let ended = runtime.block_on(serve(self.config, profiles));
        // what is still being computed for somebody was waited for long enough
        runtime.shutdown_background();
        ended
    }
}

async fn serve(config: Config, profiles: Profiles) -> anyhow::Result<ExitCode> {
    let Config { listen, record, sandbox, data, empty, configuration, json, caller, base_url, limits } = config;
    let unproven = Caller::loopback(&caller);
    let (installation, tokens) = match (&configuration, sandbox) {
        (Some(file), _) => match configured(file, &profiles).await? {
            Ok(installation) => (installation, Vec::new()),
            Err(exit) => return Ok(exit),
        },
        (None, true) => sandbox_installation(data.as_deref(), &profiles, listen.ip().is_loopback().then_some(unproven)).await?,
        (None, false) => (bare(unproven), Vec::new()),
    };
    if !listen.ip().is_loopback() && configuration.is_none() {
        complain(format_args!(
            "--listen {listen}: without callers only loopback addresses (127.0.0.1, [::1]) are listened on; name them in --config FILE"
        ));
        return Ok(ExitCode::from(USAGE));
    }
    let listener = match TcpListener::bind(listen) {
        Ok(listener) => listener,
        Err(error) => {
            complain(format_args!("--listen {listen}: {error}"));
            return Ok(ExitCode::from(CONFIGURATION));
        }
    };
    let address = listener.local_addr()?;
    let (record, sandbox) = match record {
        Some(base) => (base, None),
        None => start_sandbox()?,
    };
    let base_url = base_url.unwrap_or_else(|| format!("http://{address}"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let background = installation.begin(&clock, &base_url, &stopping)?;
    let Installation { callers, directory, tasks, .. } = installation;
    let mut app = App::new(Arc::new(profiles), connect(&record)?, clock, callers, base_url, limits).with_directory(directory);
    if let Some(tasks) = tasks {
        app = app.with_tasks(tasks);
    }
    if let Some(tasks) = app.tasks.as_ref().filter(|_| sandbox.is_some() && configuration.is_none() && !empty) {
        let filled = week::fill(tasks, &app.callers, app.clock.now()).await?;
        tracing::info!(filled, "the sandbox has callback requests");
    }
    // whoever reads the address may ask to stop at once
    let ending = asked_to_stop()?;
    announce(address, sandbox, &tokens, json);
    http::serve(listener, Arc::new(app), ending).await?;
    let _ = stop.send(true);
    for task in background {
        let _ = task.await;
    }
    Ok(ExitCode::SUCCESS)
}

/// What `--config` names.
async fn configured(file: &Path, profiles: &Profiles) -> anyhow::Result<Result<Installation, ExitCode>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            complain(format_args!("{}: {error}", file.display()));
            return Ok(Err(ExitCode::from(super::NO_INPUT)));
        }
    };
    let tell = |mistakes: Vec<crate::configuration::Mistake>| {
        mistakes.iter().for_each(complain);
        Ok(Err(ExitCode::from(CONFIGURATION)))
    };
    let configuration = match Configuration::read(&text, &file.display().to_string()) {
        Ok(configuration) => configuration,
        Err(mistakes) => return tell(mistakes),
    };
    match Installation::open(configuration, file.parent().unwrap_or(Path::new(".")), profiles).await {
        Ok(installation) if installation.callers.is_empty() => {
            complain(format_args!("{}: no [[caller]]: nobody could call; name one, or leave --config out", file.display()));
            Ok(Err(ExitCode::from(CONFIGURATION)))
        }
        Ok(installation) => Ok(Ok(installation)),
        Err(InstallationFault::Configuration(mistakes)) => tell(mistakes),
        Err(fault) => {
            complain(&fault);
            Ok(Err(ExitCode::from(fault.exit_code())))
        }
    }
}

/// Forms alone, for whoever reaches the loopback interface.
fn bare(unproven: Caller) -> Installation {
    Installation {
        callers: Callers::new(Vec::new(), Some(unproven)),
        directory: Arc::default(),
        tasks: None,
        settings: crate::configuration::TaskSettings::default(),
        authorities: crate::net::Authorities::default(),
    }
}

/// Synthetic organisations and callers of every role, with their tokens.
pub(super) async fn sandbox_installation(
    data: Option<&Path>,
    profiles: &Profiles,
    unproven: Option<Caller>,
) -> anyhow::Result<(Installation, Vec<SandboxCaller>)> {
    let mut fault = None;
    let mut token = || {
        fresh_token().unwrap_or_else(|error| {
            fault = Some(error);
            String::new()
        })
    };
    let made = Configuration::sandbox(&mut token);
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    let (configuration, tokens) =
        made.map_err(|mistakes| anyhow::anyhow!("the sandbox's configuration has {} mistakes", mistakes.len()))?;
    let key = super::data::key(data).context("the sandbox's key")?;
    let installation = Installation::sandbox(configuration, data, key, profiles, unproven).await;
    Ok((installation.map_err(|fault| Mistake::ending(fault.exit_code(), fault))?, tokens))
}

/// The first line tells where; a program reads it, or the one line of `--json`.
fn announce(address: SocketAddr, sandbox: Option<SocketAddr>, tokens: &[SandboxCaller], json: bool) {
    let record = sandbox.map(|sandbox| format!("http://{sandbox}{}", sandbox::MOUNT));
    if json {
        let caller = |caller: &SandboxCaller| {
            let roles: Vec<&str> = caller.roles.iter().map(|role| role.code()).collect();
            json!({"name": caller.name, "roles": roles, "organizations": caller.organizations, "token": caller.token})
        };
        let callers: Vec<_> = tokens.iter().map(caller).collect();
        say(json!({"listening": format!("http://{address}"), "sandbox": record, "callers": callers}));
        return;
    }
    say(format_args!("listening on http://{address}"));
    if let Some(record) = record {
        say(format_args!("sandbox on {record}"));
    }
    for caller in tokens {
        let roles = caller.roles.iter().map(|role| role.code()).collect::<Vec<_>>().join(",");
        say(format_args!("caller {} ({roles}; {}) token {}", caller.name, caller.organizations.join(","), caller.token));
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
  neuvola-adapter serve --sandbox --data ./sandbox --json
  neuvola-adapter serve --record https://ehr.example/fhir
  neuvola-adapter serve --record https://ehr.example/fhir --config adapter.toml --listen 0.0.0.0:8080
  curl -sS -H 'Content-Type: application/json' -d @form.json http://127.0.0.1:8080/forms/four-months/preview";
