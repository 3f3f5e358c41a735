//! How many connections everybody together may hold, so that the rest of the server is never out of file descriptors: health,
//! metrics, the database and files.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use prometheus::{IntCounter, IntGauge, Registry};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::seldom::Seldom;

/// File descriptors that connections leave to everything else, where a quarter is not less.
const RESERVED: u64 = 512;

/// Places for connections.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    most: usize,
    complaint: Arc<Seldom>,
    taken: IntGauge,
    waits: IntCounter,
}

/// One connection's, until it is dropped.
#[derive(Debug)]
#[must_use = "the connection counts until it is dropped"]
pub(crate) struct Place {
    _permit: OwnedSemaphorePermit,
    taken: IntGauge,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.dec();
    }
}

/// How connections share so many file descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shares {
    /// To the HTTP listeners.
    pub(crate) http: usize,
    /// For audio by TCP.
    pub(crate) audio: usize,
}

impl Shares {
    /// Everybody has a WebSocket, browsers keep a connection for requests beside it for a while, and few need TCP for audio: two
    /// thirds are for HTTP.
    pub(crate) fn of(files: u64) -> Self {
        let left = files - RESERVED.min(files / 4);
        let http = left - left / 3;
        let count = |share: u64| usize::try_from(share).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS);
        Self { http: count(http), audio: count(left - http) }
    }

    /// How many file descriptors are needed so that so many people have a WebSocket.
    pub(crate) const fn files_for(people: u64) -> u64 {
        RESERVED + people + people.div_ceil(2)
    }
}

impl Places {
    /// So many places, and their metrics.
    ///
    /// # Errors
    /// When `registry` has these metrics already.
    pub(crate) fn new(most: usize, registry: &Registry) -> prometheus::Result<Self> {
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let taken = gauge(
            "hubbub_http_connections",
            "Open connections to http.bind and http.redirect_bind, WebSockets among them; audio that came there is not.",
        )?;
        gauge(
            "hubbub_http_connections_max",
            "Such connections at most; the rest of the open files is for everything else.",
        )?
        .set(i64::try_from(most).unwrap_or(i64::MAX));
        let waits = IntCounter::new(
            "hubbub_http_accept_waits_total",
            "Times no connection was accepted before another one ended, because as many as may be were open.",
        )?;
        registry.register(Box::new(waits.clone()))?;
        Ok(Self { free: Arc::new(Semaphore::new(most)), most, complaint: Arc::default(), taken, waits })
    }

    /// A place; waits until there is one. To be called before accepting, so that those for whom there is none wait with the system.
    pub(crate) async fn take(&self) -> Place {
        let permit = match self.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.complain();
                self.free.clone().acquire_owned().await.expect("nobody closes it")
            }
        };
        self.taken.inc();
        Place { _permit: permit, taken: self.taken.clone() }
    }

    fn complain(&self) {
        self.waits.inc();
        if self.complaint.is_due(Instant::now()) {
            tracing::warn!(
                connections = self.most,
                "as many connections are open as the limit of open files allows; further ones wait. Raise LimitNOFILE= of the \
                 service, or `ulimit -Hn`"
            );
        }
    }
}

/// A stream and its place, which is free when the stream is closed: a WebSocket's is what is left of an HTTP connection.
#[derive(Debug)]
pub(super) struct Placed<S> {
    stream: S,
    _place: Option<Place>,
}

impl<S> Placed<S> {
    pub(super) const fn new(stream: S, place: Option<Place>) -> Self {
        Self { stream, _place: place }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Placed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Placed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_the_open_files_are_for_connections() {
        let shares = [256, 1024, 4096, 65_536].map(|files| (Shares::of(files).http, Shares::of(files).audio));
        assert_eq!(shares, [(128, 64), (512, 256), (2390, 1194), (43_350, 21_674)]);
        assert_eq!(Shares::of(0), Shares { http: 1, audio: 1 });
        assert_eq!(Shares::of(u64::MAX).http, Semaphore::MAX_PERMITS);
    }

    #[test]
    fn with_the_files_for_so_many_people_that_many_are_connected() {
        for people in [2000, 2001, 20_000] {
            let files = Shares::files_for(people);
            assert!(Shares::of(files).http as u64 >= people, "{people}");
            assert!((Shares::of(files - 3).http as u64) < people, "{people}: no more than that");
        }
    }

    #[tokio::test]
    async fn who_finds_no_place_waits_for_one_and_is_counted() {
        let places = Places::new(2, &Registry::new()).unwrap();
        let (first, _second) = (places.take().await, places.take().await);
        assert_eq!((places.taken.get(), places.waits.get()), (2, 0));
        let third = tokio::spawn({
            let places = places.clone();
            async move { places.take().await }
        });
        while places.waits.get() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(!third.is_finished());
        drop(Placed::new((), Some(first)));
        let _third = third.await.unwrap();
        assert_eq!((places.taken.get(), places.waits.get()), (2, 1));
    }
}
