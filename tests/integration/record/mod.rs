//! The patient record: the same cases against HAPI and the sandbox, and what only a scripted server can do.

#![allow(clippy::unwrap_used)]

use neuvola_adapter as adapter;

mod cases;
mod script;
mod scripted;
mod servers;
mod world;

/// Runs every case against a server.
macro_rules! against {
    ($server:ident: $($case:ident,)*) => {
        mod $server {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    if let Some(base) = super::servers::$server() {
                        super::cases::$case(base).await;
                    }
                }
            )*
        }
    };
}

macro_rules! against_each {
    ($($server:ident)*) => {
        $(against! { $server:
            the_record_is_ready,
            a_transaction_is_written_once_and_a_repeat_gives_the_same_receipt,
            twenty_equal_at_once_leave_one_of_each,
            of_two_contents_at_once_one_wins_whole,
            other_content_under_the_same_key_is_shown,
            patients_are_found_or_their_fault_is_told,
            identifiers_with_search_characters_are_found,
            what_a_call_created_is_annulled_and_nothing_else,
            what_somebody_changed_since_is_not_annulled,
            a_refused_transaction_leaves_nothing,
            an_answer_lost_after_the_commit_is_made_good_by_a_repeat,
            a_connection_broken_after_the_commit_is_made_good_by_a_repeat,
            what_is_updated_with_a_write_is_put_back_when_the_write_is_annulled,
            what_somebody_changed_since_is_neither_updated_nor_put_back,
            an_update_whose_answer_was_lost_is_stale_and_its_write_is_found,
            no_identity_code_travels_in_a_url,
            many_keys_are_looked_up,
        })*
    };
}

against_each! { hapi sandbox }

/// Base URL of the HAPI server that all tests share; none with `NEUVOLA_TESTS=quick`, which is told.
pub fn hapi() -> Option<&'static str> {
    servers::hapi()
}

/// A client with patience, for servers that share two cores with the tests.
pub fn unhurried(base: &str) -> adapter::record::FhirApi {
    world::record(base)
}

/// A client of a record that it asks but once.
pub fn at(base: &str) -> adapter::record::FhirApi {
    let retry = adapter::record::Retry { tries: 1, ..Default::default() };
    world::record_with(base, &adapter::net::ClientSettings::default(), retry)
}
