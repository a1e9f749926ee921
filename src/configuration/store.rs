//! Where Tasks are kept, and the keys that seal them. Keys lie in files of their own.

use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use secrecy::{SecretBox, SecretString};

use super::{Mistake, Mistakes, is_id, unhex, wire};

/// `[store]`. Files are not read yet: [`StoreSettings::open`] does that.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    url: Url,
    /// Id and file; the first one seals, all of them open.
    keys: Vec<(String, PathBuf)>,
    file: String,
}

#[derive(Clone)]
enum Url {
    /// May hold a password.
    Given(SecretString),
    File(PathBuf),
}

/// What a store is opened with.
#[derive(Debug)]
pub struct Opened {
    /// `sqlite:FILE` or `postgres://…`
    pub url: SecretString,
    /// Never empty; the first one seals, all of them open.
    pub keys: Vec<Key>,
}

/// 256 bits and how they are called.
#[derive(Debug)]
pub struct Key {
    pub id: String,
    pub bytes: SecretBox<[u8; 32]>,
}

pub(super) fn build(given: wire::Store, mistakes: &mut Mistakes) -> Option<StoreSettings> {
    let url = match (given.url, given.url_file) {
        (Some(url), None) if is_known(&url) => Some(Url::Given(url.into())),
        (Some(_), None) => {
            mistakes.add("[store]", "url", "no such kind of store", KINDS);
            None
        }
        (None, Some(file)) => Some(Url::File(file.into())),
        _ => {
            mistakes.add("[store]", "url", "either `url` or `url-file` is needed", KINDS);
            None
        }
    };
    if given.keys.is_empty() {
        mistakes.add("[store]", "keys", "nothing to seal with", "name at least one key: `keys = [{ id = \"2026\", file = \"seal.key\" }]`");
    }
    let mut keys: Vec<(String, PathBuf)> = Vec::new();
    for (index, key) in given.keys.into_iter().enumerate() {
        if !is_id(&key.id) {
            mistakes.add("[store]", &format!("keys[{index}].id"), "no id", "1 to 64 letters, digits, `-`, `.`");
        } else if keys.iter().any(|(known, _)| *known == key.id) {
            mistakes.add("[store]", &format!("keys[{index}].id"), "used twice", "a new key has a new id");
        }
        keys.push((key.id, key.file.into()));
    }
    Some(StoreSettings { url: url?, keys, file: mistakes.file.clone() })
}

impl StoreSettings {
    /// Reads the files that it names, relative to `folder`: the configuration's own.
    ///
    /// # Errors
    /// Every file that cannot be read or holds something else.
    pub fn open(&self, folder: &Path) -> Result<Opened, Vec<Mistake>> {
        let mut mistakes = Mistakes { file: self.file.clone(), list: Vec::new() };
        let mut text = |key: &str, file: &Path| {
            let read = std::fs::read_to_string(folder.join(file)).ok();
            if read.is_none() {
                mistakes.add("[store]", key, "the file cannot be read", "let the service read it, as text");
            }
            read.map(|text| text.trim().to_owned())
        };
        let url = match &self.url {
            Url::Given(url) => Some(url.clone()),
            Url::File(file) => text("url-file", file).map(SecretString::from),
        };
        self.keys.iter().for_each(|(_, file)| warn_if_public(&folder.join(file)));
        let files: Vec<_> = self.keys.iter().map(|(id, file)| (id, text(&format!("keys, {id}"), file))).collect();
        let mut keys = Vec::new();
        for (id, text) in files {
            let Some(text) = text else { continue };
            match key(&text) {
                Some(bytes) => keys.push(Key { id: id.clone(), bytes: SecretBox::new(Box::new(bytes)) }),
                None => mistakes.add("[store]", &format!("keys, {id}"), "no key", "32 random bytes, as `openssl rand -base64 32` prints"),
            }
        }
        if let Some(url) = url.as_ref().filter(|_| matches!(self.url, Url::File(_)))
            && !is_known(secrecy::ExposeSecret::expose_secret(url))
        {
            mistakes.add("[store]", "url-file", "no such kind of store", KINDS);
        }
        match url.filter(|_| mistakes.list.is_empty()) {
            Some(url) => Ok(Opened { url, keys }),
            None => Err(mistakes.list),
        }
    }
}

/// 32 bytes in base64 or hexadecimal digits.
fn key(text: &str) -> Option<[u8; 32]> {
    unhex(text).or_else(|| BASE64_STANDARD.decode(text).ok()?.try_into().ok())
}

fn is_known(url: &str) -> bool {
    !url.starts_with("sqlite::memory:")
        && ["sqlite:", "postgres://", "postgresql://"].iter().any(|kind| url.len() > kind.len() && url.starts_with(kind))
}

impl fmt::Debug for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(_) => out.write_str("Given(…)"),
            Self::File(file) => out.debug_tuple("File").field(file).finish(),
        }
    }
}

/// Whoever else is on this machine may open the file. Platforms that mount secrets so are left to it.
fn warn_if_public(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o007 != 0 {
        tracing::warn!(file = %file.display(), mode = format_args!("{:03o}", mode & 0o777), "a key's file is open to everybody on this machine: chmod 600");
    }
}

const KINDS: &str = "`sqlite:FILE` or `postgres://…`; nothing is kept in memory alone";
