//! Files and standard input.

use std::io::Read as _;
use std::path::Path;

use super::{Mistake, NO_INPUT};

/// The whole of a file, without a byte order mark; `-` is standard input. At most [`MOST`] bytes and one: the reader refuses the rest.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut content = Vec::new();
    if path == Path::new("-") {
        std::io::stdin()
            .take(MOST + 1)
            .read_to_end(&mut content)
            .map_err(|error| Mistake::ending(NO_INPUT, format_args!("standard input cannot be read: {error}")))?;
    } else {
        let unreadable = |error: std::io::Error| Mistake::ending(NO_INPUT, format_args!("{} cannot be read: {error}", path.display()));
        let file = std::fs::File::open(path).map_err(unreadable)?;
        file.take(MOST + 1).read_to_end(&mut content).map_err(unreadable)?;
    }
    let plain = neuvola_fhir::without_bom(&content).len();
    Ok(content.split_off(content.len() - plain))
}

/// As much as [`neuvola_fhir::Limits`] lets pass.
const MOST: u64 = 8 * 1024 * 1024;
