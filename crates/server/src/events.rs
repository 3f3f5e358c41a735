//! The event bus of one process: a channel from whoever changes stored state to whoever must hear of it.

use hubbub_domain::{DomainEvent, EventBus};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The publishing end. Unbounded: events are a few bytes, come at the rate of people's clicks, and one that is lost
/// would leave somebody in a deleted room.
#[derive(Clone, Debug)]
pub(crate) struct LocalBus(UnboundedSender<DomainEvent>);

impl LocalBus {
    /// Both ends.
    pub(crate) fn new() -> (Self, UnboundedReceiver<DomainEvent>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }
}

impl EventBus for LocalBus {
    fn publish(&self, event: DomainEvent) {
        if self.0.send(event).is_err() {
            tracing::debug!("an event came after the end");
        }
    }
}
