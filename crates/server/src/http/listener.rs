//! Accepting connections and serving HTTP on them until told to stop.
//!
//! `axum::serve` has no limit on how long a client may take to send its request head; this loop has one. With
//! `media.tcp_on_http_port` audio comes here too (ICE over TCP, RFC 6544): the first bytes of a connection, which are looked
//! at and not taken, tell what it is for. With `[tls]` everything else is TLS.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hubbub_sfu::{Greeting, Sfu};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{http1, http2};
use super::places::{Place, Placed, Places};
use super::seldom::Seldom;
use crate::tls::{Acceptor, Greeted};

/// How long a client may take for the bytes that tell what its connection is for.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait before looking again, when some of these bytes are there and more are needed. Nobody tells when more
/// come, as those that are there stay unread. Clients send all of them at once.
const GREETING_PAUSE: Duration = Duration::from_millis(20);

/// How long accepting pauses when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What is served on a listener.
#[derive(Clone)]
pub(crate) struct Front {
    router: Router,
    media: Option<Sfu>,
    tls: Option<Secure>,
    places: Option<Places>,
}

#[derive(Clone)]
struct Secure {
    acceptor: Arc<Acceptor>,
    /// For those who speak HTTP without TLS.
    redirect: Router,
}

impl Front {
    /// HTTP/1.1.
    pub(crate) const fn new(router: Router) -> Self {
        Self { router, media: None, tls: None, places: None }
    }

    /// Accepts no more connections at a time than there are places.
    pub(crate) fn within(mut self, places: Places) -> Self {
        self.places = Some(places);
        self
    }

    /// Hands connections that carry audio to `media`.
    pub(crate) fn with_audio(mut self, media: Sfu) -> Self {
        self.media = Some(media);
        self
    }

    /// HTTP/2 and HTTP/1.1 over TLS; those who come without get one answer from `redirect`.
    pub(crate) fn with_tls(mut self, acceptor: Arc<Acceptor>, redirect: Router) -> Self {
        self.tls = Some(Secure { acceptor, redirect });
        self
    }
}

/// Serves `front` on `listener` until `stop`; from then on no connection is accepted, and each ends after the requests
/// it is busy with. Connections run on `tracker`.
pub(crate) async fn serve(listener: TcpListener, front: Front, stop: CancellationToken, tracker: TaskTracker) {
    let complaint = Seldom::default();
    loop {
        let next = async {
            let place = match &front.places {
                Some(places) => Some(places.take().await),
                None => None,
            };
            listener.accept().await.map(|(stream, peer)| (stream, peer, place))
        };
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = next => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => {
                tracker.spawn(connection(stream, peer, place, front.clone(), stop.clone()));
            }
            // The one who waited went away.
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
            Err(error) => {
                if complaint.is_due(Instant::now().into_std()) {
                    tracing::warn!(%error, "connections cannot be accepted for now, those that are open go on; trying on");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, place: Option<Place>, front: Front, stop: CancellationToken) {
    let Front { router, media, tls, places: _ } = front;
    let stream = match media {
        Some(media) => match without_audio(stream, &media, &stop).await {
            Some(stream) => stream,
            None => return,
        },
        None => stream,
    };
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let Some(Secure { acceptor, redirect }) = tls else {
        return http1(Placed::new(stream, place), peer, router, true, stop).await;
    };
    let greeted = tokio::select! {
        () = stop.cancelled() => return,
        greeted = acceptor.greet(stream) => greeted,
    };
    match greeted {
        Some(Greeted::Http2(stream)) => http2(Placed::new(stream, place), peer, router, stop).await,
        Some(Greeted::Http1(stream)) => http1(Placed::new(stream, place), peer, router, true, stop).await,
        Some(Greeted::Plain(stream)) => http1(Placed::new(stream, place), peer, redirect, false, stop).await,
        None => {}
    }
}

/// Hands a connection that carries audio to the media plane and gives every other one back, unread. `None` too for a client
/// that says nothing in time, and when told to stop before.
async fn without_audio(stream: TcpStream, media: &Sfu, stop: &CancellationToken) -> Option<TcpStream> {
    let ufrag = tokio::select! {
        () = stop.cancelled() => return None,
        greeting = tokio::time::timeout_at(Instant::now() + GREETING_TIMEOUT, greeting(&stream)) => greeting.ok()?.ok()?,
    };
    let Some(ufrag) = ufrag else { return Some(stream) };
    match stream.into_std() {
        Ok(stream) => media.adopt(stream, &ufrag),
        Err(error) => tracing::debug!(%error, "a media connection could not be handed over"),
    }
    None
}

/// The user name fragment of ours that a connection begins with a check for; `None` when it is for something else.
async fn greeting(stream: &TcpStream) -> std::io::Result<Option<String>> {
    let mut first = [0; 600];
    loop {
        let len = stream.peek(&mut first).await?;
        match Greeting::of(&first[..len]) {
            // Closed before the first byte.
            Greeting::Unclear if len == 0 => return Ok(None),
            Greeting::Unclear => tokio::time::sleep(GREETING_PAUSE).await,
            Greeting::IceCheck(ufrag) => return Ok(Some(ufrag.to_owned())),
            Greeting::Other => return Ok(None),
        }
    }
}
