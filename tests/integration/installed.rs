//! The real binary as it is installed: with a configuration file, callers of its own, a key and a store.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest;

use crate::binary::{Running, Stream, confined, neuvola_adapter};

/// A process that serves; where it listens.
pub fn begin(config: &Path, log: &str) -> (Running, String) {
    // the record is not there: callbacks need none
    let arguments = ["serve", "--record", "http://127.0.0.1:9/fhir", "--listen", "127.0.0.1:0", "--config", config.to_str().unwrap()];
    let mut command = confined(neuvola_adapter(&arguments), config.parent().unwrap());
    command.env("NEUVOLA_LOG", log);
    Running::start(command, Stream::Out, |line| line.strip_prefix("listening on ").map(str::to_owned))
}

/// A folder with the shipped configuration, callers of our own, a key and a store.
pub struct Site {
    pub folder: PathBuf,
    pub config: PathBuf,
}

impl Site {
    pub fn new(store: &str) -> Self {
        Self::with(store, "")
    }

    /// With more in its configuration.
    pub fn with(store: &str, more: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("installed-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let shipped = include_str!("../../fixtures/configuration/sandbox.toml");
        let (parties, _) = shipped.split_once("[[caller]]").unwrap();
        let config = format!(
            "{parties}\n[[caller]]\nname = \"chat\"\nroles = [\"chat-platform\"]\norganizations = [\"advice-service\"]\n\
             token-sha256 = [\"{}\"]\n\n[[caller]]\nname = \"ehr\"\nroles = [\"owner\"]\norganizations = [\"seinajoki\"]\n\
             token-sha256 = [\"{}\"]\n\n[store]\nurl = \"{store}\"\nkeys = [{{ id = \"2026\", file = \"key\" }}]\n{more}",
            hash(CHAT),
            hash(EHR),
        );
        std::fs::write(folder.join("key"), "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff").unwrap();
        let file = folder.join("adapter.toml");
        std::fs::write(&file, config).unwrap();
        Self { folder, config: file }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// As the configuration has it.
pub fn hash(token: &str) -> String {
    digest::digest(&digest::SHA256, token.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap()
}

pub const CHAT: &str = "token-of-the-chat-platform";
pub const EHR: &str = "token-of-the-ehr";
