//! Pictures of users: uploaded ones made safe and small, and the ones drawn from a name.

mod drawn;
mod picture;

use hubbub_domain::{Timestamp, User, UserId};

pub(crate) use drawn::drawn;
pub(crate) use picture::{MAX_UPLOAD_BYTES, PictureError, prepare};

/// Where a user's picture is. The version changes with the picture, so that browsers may keep it for good.
pub(crate) fn url(user: &User) -> String {
    url_of(user.id, user.display_name.as_str(), user.avatar_version)
}

/// The same where the user is known by parts only: the name shown, and when the picture was uploaded, if one was.
pub(crate) fn url_of(id: UserId, display_name: &str, uploaded: Option<Timestamp>) -> String {
    let version = uploaded.map_or_else(|| drawn_version(display_name), stored_version);
    format!("/api/users/{id}/avatar?v={version}")
}

/// The version of the picture in use: when it was uploaded, or what it was drawn from.
pub(crate) fn version(user: &User) -> String {
    user.avatar_version.map_or_else(|| drawn_version(user.display_name.as_str()), stored_version)
}

/// The version of a picture that was uploaded then.
pub(crate) fn stored_version(at: Timestamp) -> String {
    format!("{:x}", at.0)
}

/// The version of the picture that is drawn from a name.
pub(crate) fn drawn_version(name: &str) -> String {
    format!("n{:x}", name_hash(name))
}

/// FNV-1a (64 bits): the same on every node and in every release, which std's hasher does not promise.
fn name_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
