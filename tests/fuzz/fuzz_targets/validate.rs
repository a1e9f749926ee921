//! Bytes, read and validated in every way that there is.

#![no_main]

#[path = "../work.rs"]
mod work;

libfuzzer_sys::fuzz_target!(|document: &[u8]| work::work(document));
