//! Settings of the service, all in one place. Every one is an option of `serve` and an environment variable; the option
//! counts. Secrets are in files that `--config` names.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::net::{BaseUrl, PlainHttp};

/// What `serve` can be told.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Where to listen: loopback only, unless callers are configured. Port 0 takes a free one
    #[arg(long, env = "NEUVOLA_LISTEN", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Base URL of the patient record's FHIR R4 API: https, or http on loopback
    #[arg(long, env = "NEUVOLA_RECORD", value_name = "URL", value_parser = base_url)]
    pub record: Option<String>,
    /// A complete local installation: a patient record in memory on a loopback port of its own, callback requests of a
    /// plausible week, organisations, and callers of every role whose tokens are printed
    #[arg(long, env = "NEUVOLA_SANDBOX", value_parser = BoolishValueParser::new())]
    pub sandbox: bool,
    /// Of the sandbox: the folder that keeps its callback requests; otherwise they end with the process
    #[arg(long, env = "NEUVOLA_DATA", value_name = "DIR", requires = "sandbox")]
    pub data: Option<PathBuf>,
    /// Of the sandbox: without the plausible week of callback requests that an empty one is given
    #[arg(long, env = "NEUVOLA_EMPTY", value_parser = BoolishValueParser::new(), requires = "sandbox")]
    pub empty: bool,
    /// Organisations, services, routes, opening hours, callers and the store of callback requests (TOML)
    #[arg(long = "config", env = "NEUVOLA_CONFIG", value_name = "FILE", conflicts_with = "sandbox")]
    pub configuration: Option<PathBuf>,
    /// Print what a program wants to know at the start as one line of JSON
    #[arg(long, env = "NEUVOLA_JSON", value_parser = BoolishValueParser::new())]
    pub json: bool,
    /// Who calls without a token, while no callers are configured: part of every identifier that is given
    #[arg(long, env = "NEUVOLA_CALLER", value_name = "NAME", default_value = "loopback")]
    pub caller: String,
    /// Base URL that clients know us by, for links in answers; otherwise the address listened on
    #[arg(long, env = "NEUVOLA_BASE_URL", value_name = "URL")]
    pub base_url: Option<String>,
    #[command(flatten)]
    pub limits: Limits,
}

/// What one request, and all of them together, may take.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// The largest body that is read, in bytes; larger ones are answered 413
    #[arg(long = "body-limit", env = "NEUVOLA_BODY_LIMIT", value_name = "BYTES", default_value_t = 2 * 1024 * 1024, value_parser = body_limit)]
    pub body: usize,
    /// Seconds for the head of a request, from the first byte of the connection; then it is closed
    #[arg(long, env = "NEUVOLA_HEADER_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub header_timeout: Duration,
    /// Seconds for the body; then it is answered 408
    #[arg(long, env = "NEUVOLA_BODY_TIMEOUT", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub body_timeout: Duration,
    /// Requests with a body that are worked on at once; more are answered 503 with Retry-After
    #[arg(long, env = "NEUVOLA_CONCURRENCY", value_name = "NUMBER", default_value = "64", value_parser = number)]
    pub concurrency: u32,
    /// Seconds that a shutdown waits for what was begun
    #[arg(long, env = "NEUVOLA_SHUTDOWN_TIMEOUT", value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            body: 2 * 1024 * 1024,
            header_timeout: seconds(10),
            body_timeout: seconds(10),
            concurrency: 64,
            shutdown_timeout: seconds(30),
        }
    }
}

/// Checked here, so that a wrong one is wrong usage.
fn base_url(text: &str) -> Result<String, String> {
    BaseUrl::parse(text, PlainHttp::LoopbackOnly).map(|_| text.to_owned()).map_err(|fault| fault.to_string())
}

fn body_limit(text: &str) -> Result<usize, String> {
    let most = neuvola_fhir::Limits::default().size;
    let within = text.parse().ok().filter(|bytes| (1..=most).contains(bytes));
    within.ok_or_else(|| format!("1 to {most} bytes"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let within = text.parse().ok().filter(|seconds| (0.1..=3600.0).contains(seconds));
    within.map(Duration::from_secs_f64).ok_or_else(|| "0.1 to 3600 seconds".to_owned())
}

fn number(text: &str) -> Result<u32, String> {
    let within = text.parse().ok().filter(|number| (1..=10_000).contains(number));
    within.ok_or_else(|| "1 to 10000".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        config: Config,
    }

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let limits = Line::try_parse_from(["x", "--sandbox"]).unwrap().config.limits;
        assert_eq!(format!("{limits:?}"), format!("{:?}", Limits::default()));
    }

    #[test]
    fn every_setting_has_its_environment_variable() {
        for argument in Line::command().get_arguments().filter(|argument| argument.get_id() != "help") {
            let variable = argument.get_env().and_then(|name| name.to_str()).unwrap_or_default();
            assert!(variable.starts_with("NEUVOLA_"), "{}", argument.get_id());
        }
    }

    #[test]
    fn a_setting_out_of_its_bounds_is_refused() {
        assert!(Line::try_parse_from(["x", "--sandbox", "--body-limit", "99999999999"]).is_err());
        assert!(Line::try_parse_from(["x", "--record", "http://ehr.example/fhir"]).is_err());
        assert!(Line::try_parse_from(["x", "--record", "https://ehr.example/fhir"]).is_ok());
    }
}
