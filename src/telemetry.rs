//! What the service tells its operators: lines on stderr, readable or as JSON.
//!
//! Only our own modules can be made to say more than warnings. A dependency's log may quote what it works on (hyper's
//! TRACE does), and no line may hold a client's data.

use std::panic::PanicHookInfo;
use std::str::FromStr as _;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// How much is told, and how.
#[derive(Debug, Clone, Args)]
pub struct Logging {
    /// How much to log: off, error, warn, info, debug or trace; or for a part of it, as in `info,neuvola_adapter::record=debug`. `serve` says info, the others warn, if not told
    #[arg(long, env = "NEUVOLA_LOG", value_name = "LEVEL", global = true, value_parser = directives)]
    log: Option<String>,
    /// Lines for people, or JSON objects
    #[arg(long, env = "NEUVOLA_LOG_FORMAT", value_name = "FORMAT", default_value = "text", global = true)]
    log_format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Logging {
    /// Starts telling, at `usual` if nothing else was asked for. Once a process; a second call changes nothing.
    pub fn start(&self, usual: LevelFilter) {
        let usual = format!("warn,{OURS}={usual}");
        let filter = EnvFilter::try_new(self.log.as_ref().unwrap_or(&usual)).unwrap_or_else(|_| EnvFilter::new("warn"));
        let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let _ = match self.log_format {
            Format::Text => subscriber.with_ansi(false).try_init(),
            Format::Json => subscriber.json().flatten_event(true).with_span_list(false).try_init(),
        };
        std::panic::set_hook(Box::new(tell_place));
    }
}

/// A panic's place, never its payload: that may quote what was worked on.
fn tell_place(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(|place| format!("{}:{}", place.file(), place.line())).unwrap_or_default();
    tracing::error!(place, "a bug of ours: panicked");
}

/// Directives for [`EnvFilter`], dependencies capped at warnings.
fn directives(text: &str) -> Result<String, String> {
    let mut filter = String::from("warn");
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (target, level) = part.split_once('=').unwrap_or((OURS, part));
        let of_ours = target == OURS || target.strip_prefix(OURS).is_some_and(|rest| rest.starts_with("::"));
        if !of_ours || !target.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':')) {
            return Err(format!("only `{OURS}` and its modules can be made to say more or less"));
        }
        let level = LevelFilter::from_str(level).map_err(|_| "off, error, warn, info, debug or trace".to_owned())?;
        filter.push_str(&format!(",{target}={level}"));
    }
    Ok(filter)
}

const OURS: &str = "neuvola_adapter";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_stay_at_warnings() {
        assert_eq!(directives("debug").unwrap(), "warn,neuvola_adapter=debug");
        assert_eq!(directives("info,neuvola_adapter::record=trace").unwrap(), "warn,neuvola_adapter=info,neuvola_adapter::record=trace");
        assert!(directives("hyper=trace").is_err());
        assert!(directives("neuvola_adapterx=trace").is_err());
        assert!(directives("loud").is_err());
        for text in ["off", "info,neuvola_adapter::http=debug"] {
            assert!(EnvFilter::try_new(directives(text).unwrap()).is_ok(), "{text}");
        }
    }
}
