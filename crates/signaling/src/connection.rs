//! One open socket: a task that reads it, a task that writes it, and the end of both.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hubbub_auth::Identity;
use hubbub_protocol::{CloseCode, ErrorCode, MAX_MESSAGE_BYTES, PROTOCOL_VERSION, ServerMessage};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tracing::{Instrument, error, info, info_span};

use crate::connections::LOGIN_ENDED;
use crate::outbox::{Closing, Link, Outgoing, Pending, encode};
use crate::rate::{RateLimit, Verdict};
use crate::refusal::Refusal;
use crate::service::Inner;
use crate::session::{Origin, Session};
use crate::socket::{self, Receiving, Sending};

/// What sockets run on: a connection that HTTP has let go.
type Connection = TokioIo<Upgraded>;

/// How many queued messages are written between two flushes.
const BATCH: usize = 64;
/// For how many messages a quiet socket keeps memory.
const KEPT: usize = 8;

/// How long a closed socket stays open for the client's close frame. Without this wait the system may throw away the close
/// frame together with the connection.
const LINGER: Duration = Duration::from_secs(1);

/// Serves a socket until it ends. Not an async function, which would keep what it is given beside what it makes of it for as long.
pub(crate) fn run(
    inner: Arc<Inner>,
    connection: Upgraded,
    identity: Identity,
    origin: Box<Origin>,
) -> impl Future<Output = ()> + Send {
    // No child of the request's span, which would stay open as long as the socket.
    let span = info_span!(
        parent: None,
        "socket",
        request.id = origin.request,
        socket.id = %origin.socket,
        user.id = %identity.user,
    );
    if let Some(trace) = &origin.trace {
        trace.adopt(&span);
    }
    serve(inner, connection, identity, origin).instrument(span)
}

async fn serve(inner: Arc<Inner>, connection: Upgraded, identity: Identity, origin: Box<Origin>) {
    info!("socket opened");
    let config = &inner.config;
    let (sending, mut receiving) = socket::open(TokioIo::new(connection)).await;
    let (link, pending) = Link::new(config.queue_length, inner.around.metrics.clone());
    let end = EndOnDrop(link.clone());
    let writer = Writer { sending, pending, link: link.clone(), close_timeout: config.close_timeout };
    let writer = tokio::spawn(writer.run(config.ping_interval).in_current_span());

    link.send(ServerMessage::Welcome {
        protocol_version: PROTOCOL_VERSION,
        user_id: identity.user.0,
        ping_interval_seconds: whole_seconds(config.ping_interval),
        resume_window_seconds: whole_seconds(config.resume_window),
        max_message_bytes: u32::try_from(MAX_MESSAGE_BYTES).unwrap_or(u32::MAX),
    });
    let entry = inner.connections.insert(&identity, &link);
    let session = Session::new(inner.clone(), identity, link.clone(), origin);
    let ended = Reader { inner: &inner, link: &link, receiving: &mut receiving, session }.run().await;
    drop(entry);
    let unreadable = match ended {
        Ended::Told => false,
        Ended::Closed => {
            link.close(CloseCode::Normal, "");
            false
        }
        Ended::Bad(closing) => {
            link.end(closing);
            true
        }
        Ended::Refused(code, reason) => {
            link.close(code, reason);
            false
        }
    };
    if let Some(closing) = link.closing() {
        info!(close.code = closing.code, close.reason = closing.reason, "socket closes");
    }
    linger(&mut receiving, unreadable, config.close_timeout).await;
    drop(end);
    if let Err(error) = writer.await {
        // Without the text of a panic, which may hold anything.
        error!(error.panicked = error.is_panic(), "a writer failed");
    }
}

/// Waits for the client's close frame, or a moment where it cannot be read.
async fn linger(receiving: &mut Receiving<Connection>, unreadable: bool, close_timeout: Duration) {
    if unreadable {
        tokio::time::sleep(LINGER / 2).await;
        return;
    }
    // The writer may take `close_timeout` before the client hears of the end.
    let _ = timeout(close_timeout + LINGER, async { while let Some(Ok(_)) = receiving.next().await {} }).await;
}

/// Says that the version asked for is not spoken here, and closes.
pub(crate) async fn refuse_version(inner: &Inner, connection: Upgraded) {
    let text = format!(
        "this server speaks version {PROTOCOL_VERSION} of the protocol; ask for /ws?version={PROTOCOL_VERSION}"
    );
    let message = Refusal::new(ErrorCode::UnsupportedVersion, text).into_message(None);
    inner.metrics().sent(&message, 1);
    let goodbye = async {
        let (mut sending, mut receiving) = socket::open(TokioIo::new(connection)).await;
        sending.send([encode(&message)].into_iter(), false).await?;
        sending.close(CloseCode::UnsupportedVersion.number(), "unsupported version".into()).await?;
        while let Some(Ok(_)) = receiving.next().await {}
        Ok::<_, Error>(())
    };
    let _ = timeout(inner.config.close_timeout, goodbye).await;
}

fn whole_seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// Ends the socket when the reader is gone for whatever reason; a panic too must not leave the writer behind.
struct EndOnDrop(Link);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end(Closing { code: 1011, reason: "the server failed", drain: false });
    }
}

/// How reading ended.
enum Ended {
    /// Somebody closed the link.
    Told,
    /// The client closed, or the network did.
    Closed,
    /// The client broke the rules of this protocol.
    Refused(CloseCode, &'static str),
    /// What comes cannot be read any further.
    Bad(Closing),
}

struct Reader<'a> {
    inner: &'a Inner,
    link: &'a Link,
    receiving: &'a mut Receiving<Connection>,
    session: Session,
}

impl Reader<'_> {
    /// Reads and handles messages one after the other.
    async fn run(mut self) -> Ended {
        let config = &self.inner.config;
        let mut heard = Instant::now();
        let mut rate = RateLimit::new(config.messages_per_second, config.message_burst, heard);
        let check = config.session_check_interval;
        let mut check = interval_at(heard + check, check);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The login may have ended between the handshake and the socket's entry into the table.
        if self.login_ended().await {
            return Ended::Refused(CloseCode::Unauthorized, LOGIN_ENDED);
        }
        loop {
            let frame = tokio::select! {
                biased;
                () = self.link.closed() => return Ended::Told,
                frame = self.receiving.next() => frame,
                () = sleep_until(heard + config.ping_interval * 2) => {
                    return Ended::Refused(CloseCode::TimedOut, "silent for too long");
                }
                _ = check.tick() => {
                    if self.login_ended().await {
                        return Ended::Refused(CloseCode::Unauthorized, LOGIN_ENDED);
                    }
                    continue;
                }
            };
            heard = Instant::now();
            let message = match frame {
                None => return Ended::Closed,
                Some(Err(error)) => return unreadable(&error),
                Some(Ok(message)) => message,
            };
            let verdict = rate.check(heard);
            if verdict == Verdict::Close {
                self.inner.metrics().floods.increment();
                return Ended::Refused(CloseCode::Policy, "too many messages");
            }
            match message {
                Message::Text(text) => {
                    // On the heap while it lasts: a socket is idle most of the time, and should be small then.
                    let handled = Box::pin(self.session.handle_text(&text, verdict == Verdict::Pass));
                    tokio::select! {
                        biased;
                        () = self.link.closed() => return Ended::Told,
                        () = handled => {}
                    }
                }
                Message::Binary(_) => {
                    return Ended::Refused(CloseCode::Unsupported, "binary frames are not spoken here");
                }
                Message::Close(_) => return Ended::Closed,
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    async fn login_ended(&self) -> bool {
        // While the database is away nobody is thrown out.
        matches!(self.session.login_lives().await, Ok(false))
    }
}

/// The close code of RFC 6455, section 7.4.1, for what could not be read.
fn unreadable(error: &Error) -> Ended {
    let (code, reason) = match error {
        Error::Capacity(_) => (CloseCode::TooBig.number(), "a frame was larger than allowed"),
        Error::Utf8(_) => (1007, "a text frame was not UTF-8"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Ended::Closed,
        Error::Protocol(_) => (1002, "a frame broke RFC 6455"),
        _ => return Ended::Closed,
    };
    Ended::Bad(Closing { code, reason, drain: false })
}

struct Writer {
    sending: Sending<Connection>,
    pending: Pending,
    link: Link,
    close_timeout: Duration,
}

impl Writer {
    /// Writes what is queued, who speaks when nothing is, and pings; then the close frame.
    async fn run(mut self, ping_interval: Duration) {
        let mut pings = interval_at(Instant::now() + ping_interval, ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut texts = Vec::new();
        let link = self.link.clone();
        loop {
            let (mut speakers, mut ping) = (false, false);
            tokio::select! {
                biased;
                () = link.closed() => break,
                Some(outgoing) = self.pending.queue.recv() => self.take(outgoing, &mut texts),
                Ok(()) = self.pending.speakers.changed() => speakers = true,
                _ = pings.tick() => ping = true,
            };
            // Who speaks goes with what was queued, in one write.
            if speakers || self.pending.speakers.has_changed().unwrap_or(false) {
                texts.extend(self.pending.speakers.borrow_and_update().clone());
            }
            let written = {
                let mut writing = pin!(self.sending.send(texts.drain(..), ping));
                tokio::select! {
                    written = &mut writing => written,
                    // What is being written may be the last word before the end: give it its time too.
                    () = link.closed() => match timeout(self.close_timeout, writing).await {
                        Ok(written) => written,
                        Err(_) => return,
                    },
                }
            };
            if texts.capacity() > KEPT {
                texts = Vec::new();
            }
            if written.is_err() {
                // The reader notices the same and ends the link.
                link.close(CloseCode::Normal, "");
                return;
            }
        }
        let _ = timeout(self.close_timeout, Box::pin(self.finish())).await;
    }

    /// Takes what is queued together with what comes right behind it.
    fn take(&mut self, first: Outgoing, texts: &mut Vec<Utf8Bytes>) {
        first.write_to(texts);
        while texts.len() < BATCH
            && let Ok(next) = self.pending.queue.try_recv()
        {
            next.write_to(texts);
        }
    }

    async fn finish(&mut self) -> Result<(), Error> {
        let Some(closing) = self.link.closing() else { return Ok(()) };
        if closing.drain {
            let mut rest = Vec::new();
            while let Ok(outgoing) = self.pending.queue.try_recv() {
                outgoing.write_to(&mut rest);
            }
            self.sending.send(rest.into_iter(), false).await?;
        }
        self.sending.close(closing.code, closing.reason.into()).await
    }
}
