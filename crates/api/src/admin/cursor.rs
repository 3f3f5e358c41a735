//! Where a page ends, as opaque text: base64url of a time (8 bytes) and an id (16 bytes).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// As text.
pub(super) fn encode(time: i64, id: Uuid) -> String {
    let mut bytes = [0; 24];
    bytes[..8].copy_from_slice(&time.to_be_bytes());
    bytes[8..].copy_from_slice(id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// From text; `None` for a text that [`encode`] never made.
pub(super) fn decode(text: &str) -> Option<(i64, Uuid)> {
    let bytes: [u8; 24] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
    let (time, id) = bytes.split_first_chunk::<8>()?;
    let time = i64::from_be_bytes(*time);
    (time >= 0).then_some((time, Uuid::from_slice(id).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_wire_and_anything_else_is_refused() {
        let id = Uuid::now_v7();
        assert_eq!(decode(&encode(1_795_255_200_000_001, id)), Some((1_795_255_200_000_001, id)));
        for bad in ["", "x", "AAAA", "' OR 1=1", encode(-1, id).as_str(), &"A".repeat(10_000)] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }
}
