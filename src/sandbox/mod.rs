//! A FHIR R4 endpoint of our own, in memory, for demonstrations and testers: what a patient record system looks like
//! from outside. It behaves as real servers do where that is known (atomic transactions, conditional creates,
//! referential integrity, opaque pages, no numeric ids from clients), and is reached over loopback like any of them.
//!
//! <https://hl7.org/fhir/R4/http.html>. What it can is said by `GET /fhir/metadata`; what it does on purpose otherwise
//! than HAPI: a stale `If-Match` is 412 (HAPI: 409), tags are replaced by an update (HAPI: accumulated), every entry of a
//! transaction has an answer of its own (HAPI: one for equal conditions), an empty condition is 400 (HAPI: ignored).
//!
//! Nothing is kept: the contents end with the process. One mutex serialises everything and is never held over an await.

mod answer;
mod capability;
mod fault;
mod filter;
mod http;
mod kinds;
mod page;
mod paging;
mod references;
mod request;
mod search;
mod store;
#[cfg(test)]
mod tests;
mod transaction;

use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;

use crate::sandbox::fault::Fault;
use crate::sandbox::paging::Pages;
use crate::sandbox::store::Store;

pub use crate::sandbox::http::{router, serve};

/// Where the endpoint lies under its origin.
pub const MOUNT: &str = "/fhir";

/// How many versions of resources are kept, unless told otherwise; the next is refused with 507.
const CAPACITY: usize = 50_000;

/// The contents and what they are checked with; clones share them.
#[derive(Clone)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

struct Shared {
    contents: Mutex<Contents>,
    check: fn(&[u8]) -> Result<(), String>,
    clock: fn() -> Timestamp,
}

struct Contents {
    store: Store,
    pages: Pages,
}

impl Sandbox {
    /// An empty sandbox of 50,000 versions at most.
    ///
    /// `check` reads the bytes of a whole request body (a resource or a transaction Bundle) strictly and says what is
    /// wrong with it; its text is answered to the caller. It also has to bound nesting. `clock` gives `meta.lastUpdated`.
    pub fn new(check: fn(&[u8]) -> Result<(), String>, clock: fn() -> Timestamp) -> Self {
        Self::with_capacity(check, clock, CAPACITY)
    }

    /// As [`Sandbox::new`], keeping at most `versions` versions of resources.
    pub fn with_capacity(check: fn(&[u8]) -> Result<(), String>, clock: fn() -> Timestamp, versions: usize) -> Self {
        let contents = Mutex::new(Contents { store: Store::new(versions), pages: Pages::default() });
        Sandbox { shared: Arc::new(Shared { contents, check, clock }) }
    }

    fn check(&self, body: &[u8]) -> Result<(), Fault> {
        (self.shared.check)(body).map_err(|message| Fault::new(400, "structure", message))
    }

    fn now(&self) -> Timestamp {
        (self.shared.clock)()
    }

    /// Runs `work` alone; what it wrote stays only when it succeeds.
    fn write<T>(&self, work: impl FnOnce(&mut Contents) -> Result<T, Fault>) -> Result<T, Fault> {
        let mut contents = self.lock();
        let result = work(&mut contents);
        if result.is_ok() {
            contents.store.commit();
        } else {
            contents.store.roll_back();
        }
        result
    }

    fn read<T>(&self, work: impl FnOnce(&Contents) -> T) -> T {
        work(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.shared.contents.lock().unwrap_or_else(|poisoned| {
            let mut contents = poisoned.into_inner();
            contents.store.roll_back(); // a panic in the middle of a write left its part behind
            self.shared.contents.clear_poison();
            contents
        })
    }
}
