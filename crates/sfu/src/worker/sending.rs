//! Sends what is in the outbox, in as few pieces as the system takes.

use std::io;

use mio::net::UdpSocket;

use super::socket;
use crate::metrics::{DropReason, SendError, WorkerMetrics};
use crate::transport::Datagrams;

/// Sends refused in a row, with segments and each for a reason that may be the address's own, until segments are given up.
const REFUSALS_MAX: u32 = 8;

/// How datagrams are sent, and whether several to one address may go in one piece (UDP GSO).
#[derive(Debug)]
pub(super) struct Sender {
    segments: bool,
    refusals: u32,
}

impl Sender {
    /// Asks the system whether it cuts datagrams apart.
    pub(super) fn new() -> Self {
        Self { segments: socket::can_segment(), refusals: 0 }
    }

    /// Whether segments are worth their padding.
    pub(super) const fn uses_segments(&self) -> bool {
        self.segments
    }

    /// Sends all datagrams over the socket, in order, and counts what becomes of them.
    pub(super) fn send<'a>(
        &mut self,
        socket: &UdpSocket,
        datagrams: impl Iterator<Item = Datagrams<'a>> + Clone,
        metrics: &mut WorkerMetrics,
    ) {
        if self.segments {
            self.send_all(socket, datagrams, metrics);
        } else {
            self.send_all(socket, datagrams.flat_map(singly), metrics);
        }
    }

    fn send_all<'a>(
        &mut self,
        socket: &UdpSocket,
        mut rest: impl Iterator<Item = Datagrams<'a>> + Clone,
        metrics: &mut WorkerMetrics,
    ) {
        loop {
            let (count, sent) = socket::send_batch(socket, &mut rest.clone());
            if count == 0 {
                return;
            }
            match sent {
                Ok(sent) => {
                    for segments in rest.by_ref().take(sent.max(1)).map(Datagrams::count).filter(|count| *count > 1) {
                        metrics.on_segments(segments as u64);
                        self.refusals = 0;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && socket::wait_for_room(socket) => {}
                Err(error) => {
                    if let Some(refused) = rest.next() {
                        self.refused(socket, refused, &error, metrics);
                    }
                }
            }
        }
    }

    /// What the system did not take: segments are tried one by one, everything else cannot go there.
    fn refused(&mut self, socket: &UdpSocket, refused: Datagrams<'_>, error: &io::Error, metrics: &mut WorkerMetrics) {
        // The address it was to leave from is gone: the routes' choice is the best there is.
        if refused.path.local.is_some() && may_be_source(error) {
            self.send_all(socket, std::iter::once(Datagrams { path: refused.path.at(None), ..refused }), metrics);
            return;
        }
        if refused.count() == 1 || !may_be_segments(error) {
            let datagrams = refused.count() as u64;
            metrics.send_errors[SendError::of(error) as usize] += datagrams;
            metrics.drops[DropReason::SendFailed as usize] += datagrams;
            return;
        }
        metrics.gso_fallbacks += 1;
        self.refusals += 1;
        if (is_never_taken(error) || self.refusals >= REFUSALS_MAX) && self.segments {
            tracing::warn!(%error, "the system does not send segments (UDP GSO); media packets are sent one by one from now on");
            self.segments = false;
        }
        self.send_all(socket, singly(refused), metrics);
    }
}

/// Each datagram by itself.
fn singly(datagrams: Datagrams<'_>) -> impl Iterator<Item = Datagrams<'_>> + Clone {
    datagrams.each().map(move |bytes| Datagrams { path: datagrams.path, bytes, segment: bytes.len() })
}

/// Errors that segments may have brought about: a device that does not cut (EIO), a path with small packets (EINVAL, EMSGSIZE), a
/// system without GSO.
fn may_be_segments(error: &io::Error) -> bool {
    is_never_taken(error) || matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EMSGSIZE))
}

/// Errors that an own address which is no more may have brought about; kernels differ.
fn may_be_source(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENETUNREACH | libc::EADDRNOTAVAIL))
}

/// Errors that will come again, whatever the address.
fn is_never_taken(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::EOPNOTSUPP | libc::ENOPROTOOPT))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::super::socket::Receiver;
    use super::*;
    use crate::transport::{Outbox, Path};

    fn pair() -> (UdpSocket, UdpSocket, SocketAddr) {
        let bind = || UdpSocket::bind("127.0.0.1:0".parse().expect("address")).expect("socket");
        let (a, b) = (bind(), bind());
        socket2::SockRef::from(&b).set_recv_buffer_size(4 << 20).expect("set");
        let to_b = b.local_addr().expect("address");
        (a, b, to_b)
    }

    fn received(socket: &UdpSocket) -> Vec<Vec<u8>> {
        let (mut receiver, mut all) = (Receiver::new(), Vec::new());
        while receiver.receive(socket).is_ok() {
            all.extend(receiver.datagrams_mut().map(|(_, bytes)| bytes.to_vec()));
        }
        all
    }

    fn send(sender: &mut Sender, socket: &UdpSocket, outbox: &Outbox) -> WorkerMetrics {
        let mut metrics = WorkerMetrics::default();
        sender.send(socket, outbox.iter(), &mut metrics);
        metrics
    }

    /// Entries of one to five datagrams, numbered, the last of each shorter.
    fn mixed(to: SocketAddr) -> (Outbox, Vec<Vec<u8>>) {
        let (mut outbox, mut all) = (Outbox::new(), Vec::new());
        for number in 0..300u16 {
            let [high, low] = number.to_be_bytes();
            let count = usize::from(number) % 5 + 1;
            let bytes: Vec<Vec<u8>> = (0..count)
                .map(|n| [[high, low].as_slice(), &vec![0xAB; if n + 1 == count { 40 } else { 90 }]].concat())
                .collect();
            outbox.append(Path::udp(to), bytes[0].len(), |out| out.extend(bytes.iter().flatten()));
            all.extend(bytes);
        }
        (outbox, all)
    }

    #[test]
    fn segments_arrive_as_datagrams_in_order() {
        let (a, b, to_b) = pair();
        let (outbox, all) = mixed(to_b);
        let mut sender = Sender::new();
        let metrics = send(&mut sender, &a, &outbox);
        assert_eq!(received(&b), all);
        assert_eq!((metrics.dropped(DropReason::SendFailed), metrics.gso_fallbacks), (0, 0));
        if sender.uses_segments() {
            assert_eq!((metrics.gso_sends, metrics.gso_segments), (240, all.len() as u64 - 60));
        }
    }

    #[test]
    fn without_segments_the_same_arrives() {
        let (a, b, to_b) = pair();
        let (outbox, all) = mixed(to_b);
        let metrics = send(&mut Sender { segments: false, refusals: 0 }, &a, &outbox);
        assert_eq!(received(&b), all);
        assert_eq!((metrics.gso_sends, metrics.dropped(DropReason::SendFailed)), (0, 0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn from_an_address_that_is_gone_datagrams_leave_as_the_routes_have_it() {
        let (a, b, to_b) = pair();
        let gone = Path::udp(to_b).at(Some("203.0.113.99".parse().expect("address")));
        let mut outbox = Outbox::new();
        outbox.append(gone, 2, |out| out.extend([7; 5]));
        outbox.push(gone, &[8]);
        let mut sender = Sender::new();
        let before = sender.uses_segments();
        let metrics = send(&mut sender, &a, &outbox);
        assert_eq!(received(&b), [vec![7, 7], vec![7, 7], vec![7], vec![8]]);
        assert_eq!((metrics.gso_fallbacks, metrics.dropped(DropReason::SendFailed)), (0, 0));
        assert_eq!(sender.uses_segments(), before);
    }

    #[test]
    fn segments_that_are_refused_are_sent_one_by_one_and_in_the_end_no_longer_tried() {
        let (a, b, to_b) = pair();
        let mut sender = Sender { segments: true, refusals: 0 };
        // More segments than any kernel takes in one send.
        let mut outbox = Outbox::new();
        outbox.append(Path::udp(to_b), 2, |out| out.extend([7; 600]));
        outbox.push(Path::udp(to_b), &[8, 8, 8]);
        for round in 1..=REFUSALS_MAX {
            assert!(sender.uses_segments());
            let metrics = send(&mut sender, &a, &outbox);
            let all = received(&b);
            assert_eq!(all.len(), 301, "round {round}");
            assert!(all[..300].iter().all(|bytes| bytes == &[7, 7]));
            assert_eq!((metrics.gso_fallbacks, metrics.dropped(DropReason::SendFailed)), (1, 0));
        }
        assert!(!sender.uses_segments());
        assert_eq!(send(&mut sender, &a, &outbox).gso_fallbacks, 0);
        assert_eq!(received(&b).len(), 301);
    }

    #[test]
    fn a_datagram_that_cannot_be_sent_stops_no_other() {
        let (a, b, to_b) = pair();
        let nowhere: SocketAddr = "[::1]:9".parse().expect("address");
        let mut outbox = Outbox::new();
        outbox.push(Path::udp(to_b), &[1]);
        outbox.push(Path::udp(nowhere), &[2]);
        outbox.append(Path::udp(nowhere), 2, |out| out.extend([3; 6]));
        outbox.push(Path::udp(to_b), &vec![0; 70_000]);
        outbox.push(Path::udp(to_b), &[3]);
        let metrics = send(&mut Sender::new(), &a, &outbox);
        assert_eq!(received(&b), [[1], [3]]);
        assert_eq!(metrics.dropped(DropReason::SendFailed), 5);
        assert_eq!(metrics.send_errors[SendError::TooLarge as usize], 1);
        assert_eq!(metrics.send_errors.iter().sum::<u64>(), 5);
    }
}
