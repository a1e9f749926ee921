//! What keeps a stolen database silent: bodies sealed with AES-256-GCM, identifiers known by HMAC-SHA256 alone.
//!
//! Each configured secret gives two keys (HKDF-SHA256, RFC 5869). Table, id, version and key id are associated data: a row
//! that is put in another's place does not open. Nonces are random; one key seals at most 2^32 rows.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac};
use secrecy::{ExposeSecret, SecretBox};
use uuid::Uuid;

use super::{Keyed, StoreError, WrongKeys};

/// The keys that open and hash. The first one seals; the others are there for what they sealed.
#[derive(Clone)]
pub struct Keys(Arc<[Key]>);

/// Keys that cannot be used. Holds nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    #[error("there is no key")]
    None,
    #[error("a key id is not 1 to 32 letters, digits, `-`, `_` or `.`")]
    Id,
    #[error("two keys have the same id")]
    Repeated,
    #[error("a key cannot be derived")]
    Derivation,
}

/// A row's place, which its seal is bound to.
#[derive(Clone, Copy)]
pub(super) struct Bound<'a> {
    pub table: &'a str,
    pub id: Uuid,
    pub version: u64,
}

struct Key {
    id: String,
    sealing: RandomizedNonceKey,
    hashing: hmac::Key,
}

impl Keys {
    /// Key ids with 32 random bytes each; the current one first. When several adapters share a store, a new key is given to
    /// all of them in second place before any of them seals with it.
    ///
    /// # Errors
    /// [`InvalidKeys`].
    pub fn new(keys: Vec<(String, SecretBox<[u8; 32]>)>) -> Result<Self, InvalidKeys> {
        let is_id =
            |id: &str| (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if keys.is_empty() {
            return Err(InvalidKeys::None);
        }
        if !keys.iter().all(|(id, _)| is_id(id)) {
            return Err(InvalidKeys::Id);
        }
        if keys.iter().enumerate().any(|(at, (id, _))| keys[..at].iter().any(|(other, _)| other == id)) {
            return Err(InvalidKeys::Repeated);
        }
        let derived = keys.into_iter().map(|(id, secret)| Key::derive(id, secret.expose_secret())).collect::<Option<Vec<_>>>();
        derived.map(|keys| Self(keys.into())).ok_or(InvalidKeys::Derivation)
    }

    /// The id of the key that seals.
    pub fn current(&self) -> &str {
        &self.0[0].id
    }

    /// Ids of the keys that only open.
    pub(super) fn older(&self) -> impl Iterator<Item = &str> {
        self.0.iter().skip(1).map(|key| key.id.as_str())
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// What a store remembers of a key, to know it again; `None` for a key that is not here.
    pub(super) fn proof(&self, id: &str) -> Option<Vec<u8>> {
        self.key(id).map(Key::proof)
    }

    /// # Errors
    /// The key of that id is another than the one that `proof` was made with.
    pub(super) fn prove(&self, id: &str, proof: &[u8]) -> Result<(), WrongKeys> {
        let proven = self.proof(id).is_some_and(|own| aws_lc_rs::constant_time::verify_slices_are_equal(&own, proof).is_ok());
        if proven { Ok(()) } else { Err(WrongKeys::Another(id.to_owned())) }
    }

    pub(super) fn seal(&self, bound: Bound<'_>, mut open: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let key = &self.0[0];
        let nonce =
            key.sealing.seal_in_place_append_tag(Aad::from(bound.associated(&key.id)), &mut open).map_err(|_| StoreError::Sealed)?;
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + open.len());
        sealed.push(FORM);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut open);
        Ok(sealed)
    }

    pub(super) fn open(&self, bound: Bound<'_>, key: &str, mut sealed: Vec<u8>) -> Result<Vec<u8>, StoreError> {
        let key = self.key(key).ok_or(StoreError::Sealed)?;
        let (form, rest) = sealed.split_first_mut().ok_or(StoreError::Sealed)?;
        if *form != FORM || rest.len() < NONCE_LEN {
            return Err(StoreError::Sealed);
        }
        let (nonce, body) = rest.split_at_mut(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| StoreError::Sealed)?;
        let opened = key.sealing.open_in_place(nonce, Aad::from(bound.associated(&key.id)), body).map_err(|_| StoreError::Sealed)?;
        Ok(opened.to_vec())
    }

    /// Of `system|value`, or of `|value` without a system, under the current key.
    pub(super) fn term(&self, kind: Keyed, system: Option<&str>, value: &str) -> Vec<u8> {
        self.0[0].term(kind, system, value)
    }

    /// The same under every key: what an older one hashed is found too.
    pub(super) fn terms<'a>(&'a self, kind: Keyed, system: Option<&'a str>, value: &'a str) -> impl Iterator<Item = Vec<u8>> + 'a {
        self.0.iter().map(move |key| key.term(kind, system, value))
    }

    pub(super) fn request(&self, request: &[u8; 32]) -> Vec<u8> {
        self.0[0].request(request)
    }

    /// Was this the request that `hash` was made of, under `key`?
    pub(super) fn is_request(&self, request: &[u8; 32], key: &str, hash: &[u8]) -> Result<bool, StoreError> {
        let key = self.key(key).ok_or(StoreError::Sealed)?;
        Ok(aws_lc_rs::constant_time::verify_slices_are_equal(&key.request(request), hash).is_ok())
    }

    fn key(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl Key {
    fn derive(id: String, secret: &[u8; 32]) -> Option<Self> {
        let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, b"neuvola-adapter store").extract(secret);
        let derived = |use_of_it: &[u8]| {
            let mut bytes = [0; 32];
            let info = [use_of_it, id.as_bytes()];
            extracted.expand(&info, hkdf::HKDF_SHA256).and_then(|key| key.fill(&mut bytes)).ok().map(|()| bytes)
        };
        let sealing = RandomizedNonceKey::new(&AES_256_GCM, &derived(b"bodies:")?).ok()?;
        let hashing = hmac::Key::new(hmac::HMAC_SHA256, &derived(b"terms:")?);
        Some(Self { id, sealing, hashing })
    }

    fn term(&self, kind: Keyed, system: Option<&str>, value: &str) -> Vec<u8> {
        let mut hash = hmac::Context::with_key(&self.hashing);
        hash.update(kind.code().as_bytes());
        match system {
            None => hash.update(&[0]),
            Some(system) => {
                hash.update(&[1]);
                hash.update(&(system.len() as u64).to_be_bytes());
                hash.update(system.as_bytes());
            }
        }
        hash.update(value.as_bytes());
        hash.sign().as_ref().to_vec()
    }

    fn proof(&self) -> Vec<u8> {
        hmac::sign(&self.hashing, b"key\0").as_ref().to_vec()
    }

    fn request(&self, request: &[u8; 32]) -> Vec<u8> {
        let mut hash = hmac::Context::with_key(&self.hashing);
        hash.update(b"request");
        hash.update(&[0]);
        hash.update(request);
        hash.sign().as_ref().to_vec()
    }
}

impl Bound<'_> {
    fn associated(self, key: &str) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.table.len() + key.len() + 25);
        data.extend_from_slice(self.table.as_bytes());
        data.push(0);
        data.extend_from_slice(self.id.as_bytes());
        data.extend_from_slice(&self.version.to_be_bytes());
        data.extend_from_slice(key.as_bytes());
        data
    }
}

impl Keyed {
    const ALL: [Self; 6] = [Self::Identifier, Self::Patient, Self::Group, Self::Focus, Self::PartOf, Self::Tag];

    /// As it stands in the table of terms.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::Identifier => "identifier",
            Self::Patient => "patient",
            Self::Group => "group",
            Self::Focus => "focus",
            Self::PartOf => "part-of",
            Self::Tag => "tag",
        }
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// How a sealed body is laid out: this byte, the nonce, what is sealed with its tag.
const FORM: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_in_its_own_place_alone() {
        let keys = keys(&["b", "a"]);
        let sealed = keys.seal(PLACE, b"+358401234567".to_vec()).unwrap();
        assert_eq!(keys.open(PLACE, "b", sealed.clone()).unwrap(), b"+358401234567");
        for other in [Bound { table: "subscription", ..PLACE }, Bound { id: Uuid::from_u128(8), ..PLACE }, Bound { version: 2, ..PLACE }] {
            assert!(matches!(keys.open(other, "b", sealed.clone()), Err(StoreError::Sealed)));
        }
        assert!(matches!(keys.open(PLACE, "a", sealed.clone()), Err(StoreError::Sealed)), "another key");
        assert!(matches!(keys.open(PLACE, "c", sealed), Err(StoreError::Sealed)), "no such key");
    }

    #[test]
    fn a_seal_with_any_bit_turned_does_not_open() {
        let keys = keys(&["a"]);
        let sealed = keys.seal(PLACE, b"text".to_vec()).unwrap();
        for at in 0..sealed.len() * 8 {
            let mut turned = sealed.clone();
            turned[at / 8] ^= 1 << (at % 8);
            assert!(keys.open(PLACE, "a", turned).is_err(), "bit {at}");
        }
        for length in 0..sealed.len() {
            assert!(keys.open(PLACE, "a", sealed[..length].to_vec()).is_err(), "cut to {length} bytes");
        }
    }

    #[test]
    fn the_same_text_is_never_sealed_alike() {
        let keys = keys(&["a"]);
        assert_ne!(keys.seal(PLACE, b"text".to_vec()).unwrap(), keys.seal(PLACE, b"text".to_vec()).unwrap());
    }

    #[test]
    fn a_rotated_key_seals_what_the_older_one_still_opens() {
        let sealed = keys(&["a"]).seal(PLACE, b"text".to_vec()).unwrap();
        let rotated = keys(&["b", "a"]);
        assert_eq!(rotated.open(PLACE, "a", sealed).unwrap(), b"text");
        let old = keys(&["a"]).term(Keyed::Patient, None, "x");
        assert!(rotated.terms(Keyed::Patient, None, "x").any(|term| term == old));
        assert_ne!(rotated.term(Keyed::Patient, None, "x"), old);
    }

    #[test]
    fn kind_system_and_value_do_not_run_together() {
        let keys = keys(&["a"]);
        let terms = [
            keys.term(Keyed::Patient, Some("urn:a"), "bc"),
            keys.term(Keyed::Patient, Some("urn:ab"), "c"),
            keys.term(Keyed::Patient, Some(""), "bc"),
            keys.term(Keyed::Patient, None, "bc"),
            keys.term(Keyed::Group, None, "bc"),
        ];
        for (at, term) in terms.iter().enumerate() {
            assert!(!terms[..at].contains(term), "{at}");
        }
    }

    #[test]
    fn keys_that_cannot_be_used_are_refused() {
        let refused = |ids: &[&str]| Keys::new(ids.iter().map(|id| secret(id)).collect()).err();
        assert_eq!(refused(&[]), Some(InvalidKeys::None));
        assert_eq!(refused(&["a", "a"]), Some(InvalidKeys::Repeated));
        assert_eq!(refused(&["a b"]), Some(InvalidKeys::Id));
        assert_eq!(refused(&[""]), Some(InvalidKeys::Id));
    }

    const PLACE: Bound<'static> = Bound { table: "task", id: Uuid::from_u128(7), version: 1 };

    fn keys(ids: &[&str]) -> Keys {
        Keys::new(ids.iter().map(|id| secret(id)).collect()).unwrap()
    }

    fn secret(id: &str) -> (String, SecretBox<[u8; 32]>) {
        (id.to_owned(), SecretBox::new(Box::new([id.len() as u8 + id.as_bytes().first().copied().unwrap_or_default(); 32])))
    }
}
