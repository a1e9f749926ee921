//! The one test binary: everything from outside, over real sockets.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests look from outside, with clients and clocks of their own")]

mod architecture;
mod cases;
mod http;
mod properties;
mod record;
mod world;
