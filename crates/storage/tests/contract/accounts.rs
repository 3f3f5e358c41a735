//! Accounts.

use hubbub_domain::storage::{CreateUser, MarkVerified, NewUser, UpdateProfile, Users};
use hubbub_domain::user::{Bio, DisplayName, Username};
use hubbub_domain::{ProfilePatch, Role, UserId};
use hubbub_storage::Database;

use super::fixtures::{NOW, at, email, new_user, user};

const VERIFIED: MarkVerified = MarkVerified::Verified { became_admin: false };

pub(crate) async fn register_verify_and_find(db: Database) {
    let new = new_user("ada");
    let id = new.id;
    assert_eq!(db.user(id).await.unwrap(), None);
    assert_eq!(db.user_by_email(&email("ada")).await.unwrap(), None);
    assert_eq!(db.create_user(new).await.unwrap(), CreateUser::Created);

    let ada = db.user(id).await.unwrap().unwrap();
    assert_eq!((ada.id, &ada.email, ada.email_verified), (id, &email("ada"), false));
    assert_eq!((ada.username.as_str(), ada.display_name.as_str(), ada.bio.as_str()), ("ada", "ada", ""));
    assert_eq!((ada.avatar_version, ada.created_at), (None, NOW));
    assert_eq!((ada.role, ada.blocked_at), (Role::Member, None));

    assert_eq!(
        db.mark_email_verified(id, "$argon2id$of-another-registration", None).await.unwrap(),
        MarkVerified::Replaced
    );
    assert!(!db.user(id).await.unwrap().unwrap().email_verified);
    assert_eq!(db.mark_email_verified(id, "$argon2id$of-ada", None).await.unwrap(), VERIFIED);
    let (found, hash) = db.user_by_email(&email("ada")).await.unwrap().unwrap();
    assert!(found.email_verified);
    assert_eq!(hash, "$argon2id$of-ada");
    assert_eq!(db.mark_email_verified(UserId::new(), "$argon2id$of-ada", None).await.unwrap(), MarkVerified::Replaced);
}

pub(crate) async fn a_name_is_unique_however_it_is_written(db: Database) {
    user(&db, "scope").await;
    let same_address = NewUser { email: email("scope"), ..new_user("other") };
    assert_eq!(db.create_user(same_address).await.unwrap(), CreateUser::EmailTaken);
    let both = NewUser { email: email("scope"), ..new_user("scope") };
    assert_eq!(db.create_user(both).await.unwrap(), CreateUser::EmailTaken, "the address is checked first");

    for look_alike in ["scope", "SCOPE", "ѕсоре"] {
        let username = Username::parse(look_alike).unwrap();
        assert!(db.username_taken(&username).await.unwrap(), "{look_alike}");
        let new = NewUser { username, ..new_user("somebody") };
        assert_eq!(db.create_user(new).await.unwrap(), CreateUser::UsernameTaken, "{look_alike}");
    }
    assert!(!db.username_taken(&Username::parse("somebody").unwrap()).await.unwrap());
    assert_eq!(db.user_by_email(&email("somebody")).await.unwrap(), None, "a refused registration leaves nothing");
}

pub(crate) async fn an_unverified_account_can_be_taken_over(db: Database) {
    let squatter = user(&db, "squatter").await;
    let rival = user(&db, "rival").await;
    let owner = |name: &str| NewUser { email: email("squatter"), created_at: at(60), ..new_user(name) };

    assert_eq!(db.replace_unverified(owner("RIVAL")).await.unwrap(), CreateUser::UsernameTaken);
    let (unchanged, hash) = db.user_by_email(&email("squatter")).await.unwrap().unwrap();
    assert_eq!((unchanged, hash.as_str()), (squatter.clone(), "$argon2id$of-squatter"));

    assert_eq!(db.replace_unverified(owner("ada")).await.unwrap(), CreateUser::Created);
    let (ada, hash) = db.user_by_email(&email("squatter")).await.unwrap().unwrap();
    assert_eq!((ada.username.as_str(), ada.display_name.as_str(), ada.created_at), ("ada", "ada", at(60)));
    assert_eq!(hash, "$argon2id$of-ada");
    assert!(!db.username_taken(&squatter.username).await.unwrap(), "the old name is free again");

    assert_eq!(db.mark_email_verified(ada.id, &hash, None).await.unwrap(), VERIFIED);
    assert_eq!(db.replace_unverified(owner("eve")).await.unwrap(), CreateUser::EmailTaken);
    assert_eq!(db.replace_unverified(new_user("nobody")).await.unwrap(), CreateUser::EmailTaken);
    assert_eq!(db.user(rival.id).await.unwrap(), Some(rival));
}

pub(crate) async fn profiles_change_field_by_field(db: Database) {
    let ada = user(&db, "ada").await;
    user(&db, "bob").await;

    let nothing = db.update_profile(ada.id, ProfilePatch::default()).await.unwrap();
    assert_eq!(nothing, UpdateProfile::Updated(Box::new(ada.clone())));

    let patch = ProfilePatch {
        display_name: Some(DisplayName::parse("Ada Lovelace 🎩").unwrap()),
        bio: Some(Bio::parse("first\nsecond").unwrap()),
        username: None,
    };
    let UpdateProfile::Updated(changed) = db.update_profile(ada.id, patch).await.unwrap() else {
        panic!("not updated")
    };
    assert_eq!((changed.display_name.as_str(), changed.bio.as_str()), ("Ada Lovelace 🎩", "first\nsecond"));
    assert_eq!(changed.username, ada.username);

    let rename =
        |name: &str| ProfilePatch { username: Some(Username::parse(name).unwrap()), ..ProfilePatch::default() };
    assert_eq!(db.update_profile(ada.id, rename("BOB")).await.unwrap(), UpdateProfile::UsernameTaken);
    assert_eq!(db.user(ada.id).await.unwrap().as_ref(), Some(&*changed));
    let UpdateProfile::Updated(own) = db.update_profile(ada.id, rename("ADA")).await.unwrap() else {
        panic!("the own name in another spelling is free")
    };
    assert_eq!(own.username.as_str(), "ADA");
    let UpdateProfile::Updated(_) = db.update_profile(ada.id, rename("countess")).await.unwrap() else {
        panic!("not renamed")
    };
    assert!(!db.username_taken(&Username::parse("ada").unwrap()).await.unwrap());

    assert_eq!(db.update_profile(UserId::new(), rename("ghost")).await.unwrap(), UpdateProfile::NotFound);
    let empty_bio = ProfilePatch { bio: Some(Bio::parse("").unwrap()), ..ProfilePatch::default() };
    let UpdateProfile::Updated(cleared) = db.update_profile(ada.id, empty_bio).await.unwrap() else {
        panic!("not updated")
    };
    assert_eq!(cleared.bio.as_str(), "");
}

pub(crate) async fn one_of_many_registrations_wins(db: Database) {
    let attempts: Vec<_> = (0..16)
        .map(|i| {
            let db = db.clone();
            // Half of them compete for one address, half for one name.
            let new = if i % 2 == 0 {
                NewUser { email: email("shared"), ..new_user(&format!("user{i}")) }
            } else {
                NewUser { email: email(&format!("address{i}")), ..new_user("shared") }
            };
            tokio::spawn(async move { (i % 2, db.create_user(new).await.unwrap()) })
        })
        .collect();
    let mut created = [0, 0];
    for attempt in attempts {
        match attempt.await.unwrap() {
            (kind, CreateUser::Created) => created[kind] += 1,
            (kind, CreateUser::EmailTaken) => assert_eq!(kind, 0),
            (kind, CreateUser::UsernameTaken) => assert_eq!(kind, 1),
        }
    }
    assert_eq!(created, [1, 1]);
}
