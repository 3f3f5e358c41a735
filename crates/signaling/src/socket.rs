//! A WebSocket that holds memory while something is on its way, and no longer: nearly all sockets are idle nearly all the time,
//! and a server has one for everybody who listens.
//!
//! The library keeps room for the longest frame it has read and the longest it has written. So the stream under it buffers
//! on demand, it reads little ahead, and long messages are written in fragments (RFC 6455, section 5.4).

mod on_demand;

use std::future::poll_fn;

use axum::body::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use hubbub_protocol::MAX_MESSAGE_BYTES;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use self::on_demand::OnDemand;

/// How much the library reads at a time: the longest frame header (RFC 6455, section 5.2). With more it would read into a
/// frame before it knows its length, and then keep that much room behind the frame, and the frame's room with it.
const READ_BYTES: usize = 14;

/// The longest frame that is written, and what the library keeps for one. Shorter ones cost time: each is put together by itself.
const FRAGMENT_BYTES: usize = 2000;

/// The half that reads.
pub(crate) struct Receiving<S> {
    stream: SplitStream<WebSocketStream<OnDemand<S>>>,
    /// What was read last, see [`Self::next`].
    last: Option<Utf8Bytes>,
}

/// The half that writes.
pub(crate) struct Sending<S>(SplitSink<WebSocketStream<OnDemand<S>>, Message>);

/// A server's WebSocket on a stream whose handshake is over.
pub(crate) async fn open<S: AsyncRead + AsyncWrite + Unpin>(stream: S) -> (Sending<S>, Receiving<S>) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .read_buffer_size(READ_BYTES)
        // Each frame goes on into the stream's buffer at once.
        .write_buffer_size(0);
    let socket = WebSocketStream::from_raw_socket(OnDemand::new(stream), Role::Server, Some(config)).await;
    let (sink, stream) = socket.split();
    (Sending(sink), Receiving { stream, last: None })
}

impl<S: AsyncRead + AsyncWrite + Unpin> Receiving<S> {
    /// The next message; `None` when there are no more. May be dropped while it waits without losing anything.
    ///
    /// # Errors
    /// What the client broke of RFC 6455, or the limits on its messages; or the stream's own error.
    pub(crate) async fn next(&mut self) -> Option<Result<Message, Error>> {
        let next = poll_fn(|context| {
            let polled = self.stream.poll_next_unpin(context);
            // A message shares the library's buffer. As long as it is there the library takes a new one, of a few bytes, for what
            // comes next; without it the library would go on with the old one, and keep it.
            self.last = None;
            polled
        })
        .await;
        if let Some(Ok(Message::Text(text))) = &next {
            self.last = Some(text.clone());
        }
        next
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Sending<S> {
    /// Writes messages, then a ping if there is to be one, and sends all of it.
    ///
    /// # Errors
    /// When the connection is closed or broken.
    pub(crate) async fn send(&mut self, texts: impl Iterator<Item = Utf8Bytes>, ping: bool) -> Result<(), Error> {
        for text in texts {
            self.feed(text).await?;
        }
        if ping {
            self.0.feed(Message::Ping(Bytes::new())).await?;
        }
        self.0.flush().await
    }

    /// Sends the close frame.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub(crate) async fn close(&mut self, code: u16, reason: Utf8Bytes) -> Result<(), Error> {
        self.0.send(Message::Close(Some(CloseFrame { code: code.into(), reason }))).await
    }

    async fn feed(&mut self, text: Utf8Bytes) -> Result<(), Error> {
        if text.len() <= FRAGMENT_BYTES {
            return self.0.feed(Message::Text(text)).await;
        }
        let mut rest = Bytes::from(text);
        let mut kind = Data::Text;
        while !rest.is_empty() {
            let part = rest.split_to(rest.len().min(FRAGMENT_BYTES));
            self.0.feed(Message::Frame(Frame::message(part, OpCode::Data(kind), rest.is_empty()))).await?;
            kind = Data::Continue;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};

    use super::*;

    async fn pair() -> ((Sending<DuplexStream>, Receiving<DuplexStream>), WebSocketStream<DuplexStream>) {
        let (ours, theirs) = duplex(1 << 20);
        (open(ours).await, WebSocketStream::from_raw_socket(theirs, Role::Client, None).await)
    }

    #[tokio::test]
    async fn messages_of_every_length_arrive_whole_and_in_order() {
        let ((mut sending, mut receiving), mut client) = pair().await;
        // Two and three bytes a character, so that fragments end within characters.
        let texts: Vec<Utf8Bytes> =
            [0, 1, 399, 400, 401, 800, 801, 98_304].iter().map(|n| "é€".repeat(*n).into()).collect();
        sending.send(texts.iter().cloned(), true).await.unwrap();
        for text in &texts {
            assert_eq!(client.next().await.unwrap().unwrap(), Message::Text(text.clone()));
        }
        assert_eq!(client.next().await.unwrap().unwrap(), Message::Ping(Bytes::new()));

        let allowed = texts.iter().filter(|text| text.len() <= MAX_MESSAGE_BYTES);
        for text in allowed.clone() {
            client.feed(Message::Text(text.clone())).await.unwrap();
        }
        client.flush().await.unwrap();
        for text in allowed {
            let mut next = receiving.next().await.unwrap().unwrap();
            if matches!(next, Message::Pong(_)) {
                next = receiving.next().await.unwrap().unwrap();
            }
            assert_eq!(next, Message::Text(text.clone()));
        }
    }

    #[tokio::test]
    async fn a_message_that_comes_byte_by_byte_is_read() {
        let (ours, mut theirs) = duplex(1);
        let (_sending, mut receiving) = open(ours).await;
        let client = tokio::spawn(async move {
            let (near, far) = duplex(1 << 16);
            let mut client = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
            client.send(Message::text("slowly ".repeat(100))).await.unwrap();
            drop(client);
            let mut far = far;
            tokio::io::copy(&mut far, &mut theirs).await.unwrap();
            theirs
        });
        assert_eq!(receiving.next().await.unwrap().unwrap(), Message::text("slowly ".repeat(100)));
        drop(client.await.unwrap());
        assert!(matches!(receiving.next().await, Some(Err(Error::Protocol(_)))), "it went without a goodbye");
    }

    #[tokio::test]
    async fn waiting_for_a_message_can_be_given_up_without_losing_it() {
        let ((_sending, mut receiving), mut client) = pair().await;
        for number in 0..100 {
            let nothing = tokio::time::timeout(std::time::Duration::ZERO, receiving.next()).await;
            assert!(nothing.is_err());
            let text = format!("{number} {}", "x".repeat(50 * number));
            client.send(Message::text(&text)).await.unwrap();
            assert_eq!(receiving.next().await.unwrap().unwrap(), Message::text(&text));
        }
    }

    #[tokio::test]
    async fn a_message_that_was_handled_is_not_held_while_the_next_is_awaited() {
        let ((_sending, mut receiving), mut client) = pair().await;
        for length in [20, 6000, 20, 90_000] {
            client.send(Message::text("x".repeat(length))).await.unwrap();
            let Some(Ok(Message::Text(text))) = receiving.next().await else { panic!("a text was sent") };
            let handled = Bytes::from(text);
            assert!(!handled.is_unique(), "the library reads without copying, or this test shows nothing");
            let nothing = tokio::time::timeout(std::time::Duration::ZERO, receiving.next()).await;
            assert!(nothing.is_err());
            assert!(handled.is_unique(), "{length} bytes are held");
        }
    }
}
