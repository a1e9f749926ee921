//! Tasks over HTTP.

mod bundle;
pub mod search;
