//! The callback store: one contract, held by SQLite and by PostgreSQL.

mod contract;
mod counting;
mod keys;
mod model;
mod order;
mod postgres;
mod searches;
mod sqlite;
mod subscribing;
mod world;

use contract::*;
use counting::*;
use keys::*;
use model::*;
use order::*;
pub use postgres::new_database;
use searches::*;
use subscribing::*;
use world::{Home, World};

/// Each behaviour becomes two tests.
macro_rules! held_by_both {
    ($($behaviour:ident,)*) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                super::$behaviour(&super::World::new(super::Home::sqlite())).await;
            })*
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                super::$behaviour(&super::World::new(super::Home::postgres().await)).await;
            })*
        }
    };
}

held_by_both! {
    what_was_created_is_read,
    every_version_is_kept,
    a_repeat_of_the_same_request_is_nothing_new,
    the_same_identifier_with_other_content_is_told_apart,
    identifiers_are_per_requester,
    tasks_without_an_identifier_are_always_new,
    a_change_from_a_stale_version_stores_nothing,
    what_does_not_exist_cannot_be_changed,
    of_two_changes_at_once_one_wins,
    a_hundred_claims_at_once_take_each_task_once,
    repeats_at_once_create_one_task,
    nobody_sees_a_number_before_every_lower_one,
    writers_wait_for_the_one_who_holds_the_ledger,
    who_waits_too_long_is_told_that_the_store_is_busy,
    last_updated_never_goes_back,
    every_filter_finds_what_it_says,
    searches_agree_with_a_slow_reading_of_the_same_filters,
    paging_neither_misses_nor_repeats_while_others_write,
    a_party_sees_what_it_owns_and_requested,
    a_former_owner_finds_a_task_by_what_it_still_sees,
    many_owners_and_statuses_are_found_too,
    a_search_finds_what_an_older_key_hashed,
    a_rotated_key_lets_no_double_in,
    rehash_leaves_nothing_under_the_older_key,
    a_key_file_that_was_exchanged_opens_nothing,
    a_key_that_is_needed_and_not_configured_opens_nothing,
    a_key_that_only_purged_tasks_need_is_needed_until_they_are_forgotten,
    keys_from_before_there_were_proofs_are_proven_by_what_they_sealed,
    an_adapter_that_lacks_another_s_new_key_is_not_ready,
    an_identifier_that_an_owner_adds_occupies_nothing,
    what_stood_in_clear_is_sealed_when_it_is_opened_again,
    a_row_in_another_s_place_does_not_open,
    purge_leaves_a_tombstone,
    purge_takes_no_more_than_it_was_told,
    tallies_survive_purge,
    contacts_are_counted_in_the_hour_of_authored_on,
    those_who_wait_are_counted,
    a_subscription_is_changed_from_its_version,
    a_caller_has_so_many_at_most_however_many_come_at_once,
    a_lease_has_one_holder_until_it_ends,
    matched_events_are_kept_by_number,
    a_change_of_a_subscription_takes_it_from_its_holder,
    purge_keeps_events_that_are_not_delivered,
    it_is_known_who_was_told_of_a_task_and_who_delivers,
}
