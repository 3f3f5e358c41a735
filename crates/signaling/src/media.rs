//! The media plane as signaling sees it: a place to send orders to. What comes back is a channel of events.

use hubbub_sfu::{Command, Sfu};

/// Takes orders for the media plane.
pub trait MediaPlane: Send + Sync + 'static {
    /// Hands an order over. Must neither wait nor fail: it is called with a room's lock held. Orders for one peer are
    /// carried out in the order sent.
    fn send(&self, command: Command);
}

impl MediaPlane for Sfu {
    fn send(&self, command: Command) {
        Self::send(self, command);
    }
}
