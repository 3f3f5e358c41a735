//! The media plane as signaling sees it: a place to send orders to. What comes back is a channel of events.

use async_trait::async_trait;
use hubbub_sfu::{AdmitError, CallId, Command, PeerStats, Sfu};

/// Takes orders for the media plane.
#[async_trait]
pub trait MediaPlane: Send + Sync + 'static {
    /// Hands an order over. Must neither wait nor fail: it is called with a room's lock held. Orders for one peer are
    /// carried out in the order sent.
    fn send(&self, command: Command);

    /// Whether there is room for one more peer in a call. Asked before a new seat is given; must not wait either.
    ///
    /// # Errors
    /// [`AdmitError`] when there is none.
    fn admit(&self, call: CallId) -> Result<(), AdmitError>;

    /// How each peer of a call is connected at this moment, in no order. Not to be asked with a room's lock held.
    async fn peer_stats(&self, call: CallId) -> Vec<PeerStats>;
}

#[async_trait]
impl MediaPlane for Sfu {
    fn send(&self, command: Command) {
        Self::send(self, command);
    }

    fn admit(&self, call: CallId) -> Result<(), AdmitError> {
        Self::admit(self, call)
    }

    async fn peer_stats(&self, call: CallId) -> Vec<PeerStats> {
        Self::peer_stats(self, call).await
    }
}
