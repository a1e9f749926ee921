//! Files and standard input.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;

/// The whole of a file; `-` is standard input. At most [`MOST`] bytes and one: the reader refuses the rest.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(MOST + 1).read_to_end(&mut content).context("standard input cannot be read")?;
    } else {
        let file = std::fs::File::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
        file.take(MOST + 1).read_to_end(&mut content).with_context(|| format!("{} cannot be read", path.display()))?;
    }
    Ok(content)
}

/// As much as [`neuvola_fhir::Limits`] lets pass.
const MOST: u64 = 8 * 1024 * 1024;
