//! All integration tests, one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends with the place")]

mod cases;
