//! What storage promises, told as one story a trait, on both databases.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod contract {
    pub(crate) mod accounts;
    pub(crate) mod administration;
    pub(crate) mod audit;
    pub(crate) mod avatars;
    pub(crate) mod directory;
    pub(crate) mod email_codes;
    pub(crate) mod fixtures;
    pub(crate) mod invites;
    pub(crate) mod outbox;
    pub(crate) mod rooms;
    pub(crate) mod sessions;
}
#[path = "support/postgres.rs"]
mod postgres;

use contract::fixtures::Databases;
use contract::{accounts, administration, audit, avatars, directory, email_codes, invites, outbox, rooms, sessions};
use hubbub_domain::Storage;
use hubbub_domain::storage::{Health as _, Users as _};
use postgres::Postgres;

/// Every query of every trait; each story gets an empty database and leaves what it likes.
async fn every_story(databases: &Databases) {
    accounts::register_verify_and_find(databases.open().await).await;
    accounts::a_name_is_unique_however_it_is_written(databases.open().await).await;
    accounts::an_unverified_account_can_be_taken_over(databases.open().await).await;
    accounts::profiles_change_field_by_field(databases.open().await).await;
    accounts::one_of_many_registrations_wins(databases.open().await).await;
    administration::many_users_come_and_go_together(databases.open().await).await;
    audit::entries_are_found_page_by_page_and_go_when_they_are_old(databases.open().await).await;
    directory::the_first_proved_account_is_the_admin(databases.open().await).await;
    directory::one_of_many_that_are_proved_at_once_is_the_admin(databases.open().await).await;
    directory::somebody_is_always_left_who_is_an_admin(databases.open().await).await;
    directory::the_blocked_are_logged_out_and_stay_so(databases.open().await).await;
    directory::everybody_is_found_page_by_page(databases.open().await).await;
    email_codes::a_code_lives_and_dies(databases.open().await).await;
    email_codes::tries_never_go_below_zero(databases.open().await).await;
    sessions::a_login_from_beginning_to_end(databases.open().await).await;
    sessions::one_of_two_rotations_wins(databases.open().await).await;
    rooms::made_changed_and_deleted(databases.open().await).await;
    rooms::nobody_gets_more_rooms_than_allowed_by_asking_at_once(databases.open().await).await;
    rooms::a_moderators_mute_is_remembered_until_it_is_lifted(databases.open().await).await;
    rooms::private_rooms_are_listed_for_insiders_only(databases.open().await).await;
    rooms::pages_follow_each_other_without_gaps(databases.open().await).await;
    rooms::words_are_found_ignoring_case_and_diacritics(databases.open().await).await;
    rooms::searches_are_never_patterns(databases.open().await).await;
    invites::an_invitation_makes_a_member(databases.open().await).await;
    invites::useless_invitations_are_all_the_same(databases.open().await).await;
    invites::the_last_use_goes_to_one(databases.open().await).await;
    invites::two_tabs_take_one_use(databases.open().await).await;
    avatars::a_picture_comes_and_goes(databases.open().await).await;
    outbox::the_newest_thousand_are_kept(databases.open().await).await;
    an_acknowledged_write_is_there_after_reopening(databases).await;
}

async fn an_acknowledged_write_is_there_after_reopening(databases: &Databases) {
    let config = databases.config();
    let first = databases.open_at(&config).await;
    let ada = contract::fixtures::user(&first, "ada").await;
    first.close().await;
    assert!(first.ping().await.is_err(), "a closed database does not answer");

    let second = databases.open_at(&config).await;
    assert_eq!(second.user(ada.id).await.unwrap(), Some(ada));
    implements_everything(&second);
}

fn implements_everything(_: &impl Storage) {}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_keeps_the_contract() {
    every_story(&Databases::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_keeps_the_contract() {
    every_story(&Databases::postgres(Postgres::start())).await;
}
