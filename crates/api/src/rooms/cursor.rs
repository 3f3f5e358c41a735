//! Where a page of the list ends, as opaque text: base64url of creation time (8 bytes) and id (16 bytes).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hubbub_domain::storage::RoomCursor;
use hubbub_domain::{RoomId, Timestamp};
use uuid::Uuid;

/// As text.
pub(crate) fn encode(cursor: RoomCursor) -> String {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&cursor.created_at.0.to_be_bytes());
    bytes[8..].copy_from_slice(cursor.id.0.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// From text; `None` for a text that [`encode`] never made.
pub(crate) fn decode(text: &str) -> Option<RoomCursor> {
    let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (time, id) = bytes.split_first_chunk::<8>()?;
    let created_at = Timestamp(i64::from_be_bytes(*time));
    if created_at.0 < 0 {
        return None;
    }
    Some(RoomCursor { created_at, id: RoomId(Uuid::from_slice(id).ok()?) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_wire() {
        let cursor = RoomCursor { created_at: Timestamp(1_795_255_200_000_001), id: RoomId::new() };
        assert_eq!(decode(&encode(cursor)), Some(cursor));
    }

    #[test]
    fn anything_else_is_refused() {
        let negative = encode(RoomCursor { created_at: Timestamp(-1), id: RoomId::new() });
        for bad in ["", "x", "AAAA", "-1", "' OR 1=1", negative.as_str(), &"A".repeat(10_000)] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
