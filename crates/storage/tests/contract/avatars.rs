//! Pictures of users.

use hubbub_domain::Timestamp;
use hubbub_domain::storage::{Avatars, Users};
use hubbub_storage::Database;

use super::fixtures::{NOW, at, user};

pub(crate) async fn a_picture_comes_and_goes(db: Database) {
    let ada = user(&db, "ada").await.id;
    let bob = user(&db, "bob").await.id;
    let version = async || db.user(ada).await.unwrap().unwrap().avatar_version;
    assert_eq!(db.avatar(ada).await.unwrap(), None);

    let picture: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    db.put_avatar(ada, "image/webp", &picture, NOW).await.unwrap();
    assert_eq!(db.avatar(ada).await.unwrap(), Some(("image/webp".to_owned(), picture, NOW)));
    assert_eq!(version().await, Some(NOW));
    assert_eq!(db.avatar(bob).await.unwrap(), None);

    db.put_avatar(ada, "image/png", b"small", at(1)).await.unwrap();
    assert_eq!(db.avatar(ada).await.unwrap(), Some(("image/png".to_owned(), b"small".to_vec(), at(1))));
    db.put_avatar(ada, "image/png", b"other", at(1)).await.unwrap();
    assert_eq!(version().await, Some(Timestamp(at(1).0 + 1)), "a version never repeats");

    db.delete_avatar(ada).await.unwrap();
    db.delete_avatar(ada).await.unwrap();
    assert_eq!((db.avatar(ada).await.unwrap(), version().await), (None, None));
}
