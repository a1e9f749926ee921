//! The one test binary: everything from outside, over real sockets.

#![allow(clippy::explicit_auto_deref, reason = "without the stars the types are not inferred")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests look from outside, with clients and clocks of their own")]

mod architecture;
mod binary;
mod callbacks;
mod cases;
mod confidential;
mod conformance;
mod deadlines;
mod declined;
mod demo;
mod earlier;
mod expressions;
mod fuzzing;
mod guidance;
mod http;
mod installed;
mod instruments;
mod judge;

mod many;
mod notified;
mod polled;
mod privacy;
mod properties;
mod record;
mod recorder;
mod referee;
mod replayed;
mod rules;
mod stores;
mod stories;
mod twenty;
mod upkeep;
mod validation;
mod world;
