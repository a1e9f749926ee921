//! Where a search goes on: the whole search and a position, sealed, because a search may hold an identity code and no URL of
//! ours may. Whoever else finds such a link can do nothing with it.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::issue::Issue;
use crate::task::store::Position;

/// A search under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The parameters that were understood, as written. They are read again with each page, so that a page shows what its
    /// caller may see by now.
    pub search: Vec<(String, String)>,
    /// None: at its beginning.
    pub after: Option<Position>,
}

/// Seals cursors: AES-256-GCM, bound to the caller's name.
pub struct CursorKey(RandomizedNonceKey);

impl CursorKey {
    /// `None` if the library refuses the key, which it has no reason to.
    pub fn new(key: &[u8; 32]) -> Option<Self> {
        RandomizedNonceKey::new(&AES_256_GCM, key).ok().map(Self)
    }

    /// For a link. `None` if it cannot be sealed or would be too long for one.
    pub fn seal(&self, caller: &str, cursor: &Cursor, now: Timestamp) -> Option<String> {
        let position = cursor.after.as_ref().map(|after| (after.keys.clone(), after.serial));
        let written = Written { at: now.as_second(), search: cursor.search.clone(), after: position };
        let mut bytes = serde_json::to_vec(&written).ok()?;
        let nonce = self.0.seal_in_place_append_tag(bound_to(caller), &mut bytes).ok()?;
        let sealed = [nonce.as_ref().as_slice(), &bytes].concat();
        Some(URL_SAFE_NO_PAD.encode(sealed)).filter(|text| text.len() <= LONGEST)
    }

    /// # Errors
    /// It is not one, is somebody else's, or is too old: which, is not told apart where that could help to forge one.
    pub fn open(&self, caller: &str, text: &str, now: Timestamp) -> Result<Cursor, Issue> {
        let written = self.read(caller, text).ok_or_else(|| refused("the cursor is not one that this caller was given"))?;
        if now.as_second().saturating_sub(written.at) > OLDEST {
            return Err(refused("the cursor is too old"));
        }
        let after = written.after.map(|(keys, serial)| Position { keys, serial });
        Ok(Cursor { search: written.search, after })
    }

    fn read(&self, caller: &str, text: &str) -> Option<Written> {
        if text.len() > LONGEST {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let mut sealed = sealed.to_vec();
        let opened = self.0.open_in_place(Nonce::try_assume_unique_for_key(nonce).ok()?, bound_to(caller), &mut sealed).ok()?;
        serde_json::from_slice(opened).ok()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Seconds since 1970.
    at: i64,
    search: Vec<(String, String)>,
    after: Option<(Vec<Option<i64>>, i64)>,
}

fn bound_to(caller: &str) -> Aad<Vec<u8>> {
    Aad::from([b"neuvola-adapter Task cursor 1 ", caller.as_bytes()].concat())
}

fn refused(message: &str) -> Issue {
    Issue::error("value", "cursor", "", message)
        .remedy("search again from the beginning: links between pages hold for a day, for who got them")
}

/// A day.
const OLDEST: i64 = 24 * 3600;
/// Characters. A search at its limits fits.
const LONGEST: usize = 48 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

    fn key() -> CursorKey {
        CursorKey::new(&[7; 32]).unwrap()
    }

    fn cursor() -> Cursor {
        let search =
            vec![("patient:identifier".to_owned(), "urn:oid:1.2.246.21|010594Y9032".to_owned()), ("status".to_owned(), "ä".to_owned())];
        Cursor { search, after: Some(Position { keys: vec![Some(-3), None], serial: 77 }) }
    }

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        for cursor in [cursor(), Cursor { after: None, ..cursor() }, Cursor { search: Vec::new(), after: None }] {
            let sealed = key().seal("ehr", &cursor, NOW).unwrap();
            assert_eq!(key().open("ehr", &sealed, NOW), Ok(cursor));
            assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        }
    }

    #[test]
    fn a_cursor_shows_nothing_and_never_looks_the_same() {
        let (one, other) = (key().seal("ehr", &cursor(), NOW).unwrap(), key().seal("ehr", &cursor(), NOW).unwrap());
        assert_ne!(one, other);
        let bytes = URL_SAFE_NO_PAD.decode(one).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("9032"));
    }

    #[test]
    fn a_tampered_cursor_is_refused_wherever_it_was_touched() {
        let sealed = key().seal("ehr", &cursor(), NOW).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            let mut touched = bytes.clone();
            touched[at] ^= 1;
            assert!(key().open("ehr", &URL_SAFE_NO_PAD.encode(touched), NOW).is_err(), "{at}");
        }
        for length in 0..sealed.len() {
            assert!(key().open("ehr", &sealed[..length], NOW).is_err(), "{length}");
        }
        for text in ["ä", "a b", "====", &"A".repeat(LONGEST + 1)] {
            assert!(key().open("ehr", text, NOW).is_err());
        }
    }

    #[test]
    fn a_foreign_or_old_cursor_is_refused() {
        let sealed = key().seal("ehr", &cursor(), NOW).unwrap();
        assert!(key().open("other", &sealed, NOW).is_err());
        assert!(CursorKey::new(&[8; 32]).unwrap().open("ehr", &sealed, NOW).is_err());
        let later = |seconds| NOW + jiff::SignedDuration::from_secs(seconds);
        assert!(key().open("ehr", &sealed, later(OLDEST)).is_ok());
        assert!(key().open("ehr", &sealed, later(OLDEST + 1)).is_err());
        assert!(key().open("ehr", &sealed, later(-3600)).is_ok());
    }

    #[test]
    fn the_longest_search_fits_into_a_cursor() {
        let search = vec![("identifier".to_owned(), "\"".repeat(8 * 1024)), ("status".to_owned(), "x".repeat(8 * 1024 - 16))];
        assert!(key().seal("ehr", &Cursor { search, after: None }, NOW).is_some_and(|sealed| sealed.len() > 16 * 1024));
    }
}
