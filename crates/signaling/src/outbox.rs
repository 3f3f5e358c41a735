//! One client's outgoing messages: a bounded queue that never makes a room wait, and the word that ends the socket.
//!
//! Pushing never blocks. A client whose queue is full is told to go; whatever was queued for it is lost, nobody else
//! notices. Who speaks is kept apart from the queue: a slow reader gets the newest set, never a backlog of old ones.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use hubbub_protocol::{CloseCode, ServerMessage};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::tungstenite::Utf8Bytes;
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// Something to be written.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// For this client alone; encoded by its writer.
    Own(Box<ServerMessage>),
    /// Messages that are encoded already, mostly once for several clients.
    Shared(Arc<[Utf8Bytes]>),
}

impl Outgoing {
    /// Appends its messages.
    pub(crate) fn write_to(self, texts: &mut Vec<Utf8Bytes>) {
        match self {
            Self::Own(message) => texts.push(encode(&message)),
            Self::Shared(shared) => texts.extend_from_slice(&shared),
        }
    }
}

/// A message as JSON.
pub(crate) fn encode(message: &ServerMessage) -> Utf8Bytes {
    serde_json::to_string(message).expect("messages have string keys and no failing serializers").into()
}

/// Why and how a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closing {
    /// The close frame's code.
    pub(crate) code: u16,
    /// The close frame's text.
    pub(crate) reason: &'static str,
    /// Whether what is queued is written first.
    pub(crate) drain: bool,
}

/// The rooms' end of a socket. Equal to its clones and to nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Link(Arc<Outbox>);

#[derive(Debug)]
pub(crate) struct Outbox {
    queue: mpsc::Sender<Outgoing>,
    speakers: watch::Sender<Option<Utf8Bytes>>,
    closing: OnceLock<Closing>,
    closed: CancellationToken,
    metrics: Arc<Metrics>,
}

/// The writer's end of a socket.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) queue: mpsc::Receiver<Outgoing>,
    pub(crate) speakers: watch::Receiver<Option<Utf8Bytes>>,
}

impl Link {
    /// A queue for `length` messages.
    pub(crate) fn new(length: usize, metrics: Arc<Metrics>) -> (Self, Pending) {
        let (queue, queued) = mpsc::channel(length.max(1));
        let (speakers, newest) = watch::channel(None);
        let outbox = Outbox { queue, speakers, closing: OnceLock::new(), closed: CancellationToken::new(), metrics };
        (Self(Arc::new(outbox)), Pending { queue: queued, speakers: newest })
    }
}

impl Deref for Link {
    type Target = Outbox;

    fn deref(&self) -> &Outbox {
        &self.0
    }
}

impl PartialEq for Link {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Outbox {
    /// Queues a message for this client alone.
    pub(crate) fn send(&self, message: ServerMessage) {
        self.metrics.sent(&message, 1);
        self.push(Outgoing::Own(Box::new(message)));
    }

    /// Queues messages that are encoded already; they take one place in the queue. The caller counts them.
    pub(crate) fn send_shared(&self, texts: &Arc<[Utf8Bytes]>) {
        self.push(Outgoing::Shared(texts.clone()));
    }

    fn push(&self, outgoing: Outgoing) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(outgoing)
            && self.end(Closing { code: CloseCode::Policy.number(), reason: "read too slowly", drain: false })
        {
            self.metrics.slow_readers.increment();
        }
    }

    /// How many messages wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Shows who speaks, in place of whatever was not written yet; `None` when there is nothing more to show.
    pub(crate) fn show_speakers(&self, encoded: Option<Utf8Bytes>) {
        self.speakers.send_replace(encoded);
    }

    /// Ends the socket once what is queued is written. The first to close decides code and reason.
    pub(crate) fn close(&self, code: CloseCode, reason: &'static str) {
        self.end(Closing { code: code.number(), reason, drain: true });
    }

    /// Ends the socket; whether nobody did before.
    pub(crate) fn end(&self, closing: Closing) -> bool {
        let first = self.closing.set(closing).is_ok();
        self.closed.cancel();
        first
    }

    /// Why the socket ends, when it does.
    pub(crate) fn closing(&self) -> Option<Closing> {
        self.closing.get().copied()
    }

    /// Waits until the socket ends.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Queues;

    fn pong(n: u32) -> ServerMessage {
        ServerMessage::Pong { reply_to: Some(n) }
    }

    #[test]
    fn a_full_queue_ends_the_socket_once() {
        let metrics = Arc::new(Metrics::default());
        let (link, pending) = Link::new(2, metrics.clone());
        link.send(pong(1));
        link.send(pong(2));
        assert_eq!(link.closing(), None);
        link.send(pong(3));
        link.send(pong(4));
        assert_eq!(link.closing(), Some(Closing { code: 1008, reason: "read too slowly", drain: false }));
        assert_eq!(metrics.snapshot(Queues::default(), crate::seats::Totals::default()).slow_readers, 1);
        assert_eq!(link.waiting(), 2);
        assert_eq!(pending.queue.len(), 2);
    }

    #[test]
    fn the_first_to_close_decides() {
        let (link, _pending) = Link::new(2, Arc::default());
        link.close(CloseCode::Unauthorized, "the login ended");
        link.close(CloseCode::GoingAway, "the server shuts down");
        assert_eq!(link.closing().map(|c| c.code), Some(4401));
    }

    #[test]
    fn only_the_newest_speakers_wait() {
        let (link, mut pending) = Link::new(2, Arc::default());
        for text in ["a", "b", "c"] {
            link.show_speakers(Some(text.into()));
        }
        assert!(pending.speakers.has_changed().unwrap());
        assert_eq!(pending.speakers.borrow_and_update().as_deref(), Some("c"));
        assert!(!pending.speakers.has_changed().unwrap());
        assert!(pending.queue.try_recv().is_err());
    }
}
