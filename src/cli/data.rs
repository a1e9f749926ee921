//! The sandbox's folder: its key, made once.

use std::path::Path;

use anyhow::Context as _;
use aws_lc_rs::rand;

use super::{CONFIGURATION, Mistake};
use crate::installation::FILE;

/// The key of a folder, made where there is none; without a folder, one that nobody keeps.
pub(super) fn key(folder: Option<&Path>) -> anyhow::Result<[u8; 32]> {
    let mut fresh = [0; 32];
    rand::fill(&mut fresh).map_err(|_| anyhow::anyhow!("the system gives no random bytes"))?;
    let Some(folder) = folder else { return Ok(fresh) };
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let file = folder.join("key");
    match std::fs::read(&file) {
        Ok(bytes) => bytes.try_into().map_err(|_| anyhow::anyhow!("{}: no key of 32 bytes", file.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let store = folder.join(FILE);
            if store.exists() {
                return Err(Mistake::ending(
                    CONFIGURATION,
                    format_args!("{}: is not there, and {} opens with it alone: put it back", file.display(), store.display()),
                ));
            }
            write(&file, &fresh).with_context(|| file.display().to_string())?;
            Ok(fresh)
        }
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}

/// For its owner's eyes only.
#[allow(clippy::disallowed_methods, reason = "a sandbox's own key, in the folder that was asked for")]
fn write(file: &Path, key: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?.write_all(key)
}
