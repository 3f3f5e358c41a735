//! A stream whose buffers exist while there is something in them.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read in one system call.
const READ_BYTES: usize = 4096;

/// What would make the buffer larger has to wait until it went out.
const WRITE_BYTES: usize = 16 * 1024;

/// `S`, buffered both ways. What is written goes out when it is flushed.
#[derive(Debug)]
pub(super) struct OnDemand<S> {
    stream: S,
    /// Read and not asked for yet.
    read: Bytes,
    /// Written and not sent yet, from `sent` on.
    written: Vec<u8>,
    sent: usize,
}

impl<S> OnDemand<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self { stream, read: Bytes::new(), written: Vec::new(), sent: 0 }
    }
}

impl<S: AsyncWrite + Unpin> OnDemand<S> {
    /// Sends what was written.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.written.len() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(context, &self.written[self.sent..]))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.sent += sent;
        }
        self.written.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for OnDemand<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.read.is_empty() {
            let mut space = [MaybeUninit::uninit(); READ_BYTES];
            let mut space = ReadBuf::uninit(&mut space);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut space))?;
            let (now, later) = space.filled().split_at(space.filled().len().min(into.remaining()));
            into.put_slice(now);
            if !later.is_empty() {
                self.read = Bytes::copy_from_slice(later);
            }
            return Poll::Ready(Ok(()));
        }
        let length = self.read.len().min(into.remaining());
        into.put_slice(&self.read.split_to(length));
        if self.read.is_empty() {
            // An empty rest would still hold all of it.
            self.read = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for OnDemand<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.written.len() + bytes.len() > WRITE_BYTES {
            ready!(self.poll_send(context))?;
        }
        self.written.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        self.written = Vec::new();
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_send(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_was_read_ahead_comes_in_order_and_then_nothing_is_held() {
        let (ours, mut theirs) = duplex(1 << 16);
        let mut stream = OnDemand::new(ours);
        let bytes: Vec<u8> = (0..10_000_u32).map(|n| (n % 251) as u8).collect();
        theirs.write_all(&bytes).await.unwrap();
        let mut read = Vec::new();
        let mut piece = [0; 14];
        while read.len() < bytes.len() {
            let length = stream.read(&mut piece).await.unwrap();
            read.extend_from_slice(&piece[..length]);
        }
        assert_eq!(read, bytes);
        assert!(stream.read.is_empty());
        drop(theirs);
        assert_eq!(stream.read(&mut piece).await.unwrap(), 0, "the end is told");
    }

    #[tokio::test]
    async fn what_was_written_goes_out_when_flushed_and_then_nothing_is_held() {
        let (ours, mut theirs) = duplex(1 << 16);
        let mut stream = OnDemand::new(ours);
        stream.write_all(b"one ").await.unwrap();
        stream.write_all(b"two").await.unwrap();
        let mut read = [0; 7];
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(20), theirs.read(&mut read)).await;
        assert!(waiting.is_err(), "nothing goes before it is flushed");
        stream.flush().await.unwrap();
        theirs.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"one two");
        assert_eq!(stream.written.capacity(), 0);
    }

    #[tokio::test]
    async fn a_reader_that_does_not_read_stops_the_writer() {
        let (ours, mut theirs) = duplex(1000);
        let mut stream = OnDemand::new(ours);
        let writer = tokio::spawn(async move {
            for _ in 0..1000 {
                stream.write_all(&[7; 500]).await.unwrap();
                assert!(stream.written.len() <= WRITE_BYTES);
            }
            stream.shutdown().await.unwrap();
        });
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(!writer.is_finished());
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, [7; 500_000]);
        writer.await.unwrap();
    }
}
