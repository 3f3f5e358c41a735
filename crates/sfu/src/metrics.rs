//! What a worker counts: plain integers, copied out a few times a second.

use std::io::{self, ErrorKind};
use std::time::Duration;

use crate::error::AdmitError;
use crate::event::LostReason;
use crate::peer_stats::Route;
use crate::quality::{FORWARD_BOUNDS, GSO_BOUNDS, Histogram, Quality};

/// Declares an enum of reasons with their labels, so that the list, the names and the help texts cannot drift apart.
macro_rules! reasons {
    ($(#[$about:meta])* $reasons:ident, $($(#[$doc:meta])* $name:ident => $label:literal,)*) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(usize)]
        pub enum $reasons {
            $($(#[$doc])* $name,)*
        }

        impl $reasons {
            /// Every reason, in the order of its numbers in [`WorkerMetrics`].
            pub const ALL: [Self; [$($label),*].len()] = [$(Self::$name),*];

            /// The label of the metric: snake case, stable.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)*
                }
            }
        }
    };
}

reasons! {
    /// Why something that arrived was not passed on.
    DropReason,
    /// The peer may not speak.
    NoGrant => "no_grant",
    /// Authentic RTP of an SSRC that was neither signalled nor bound.
    UnknownSource => "unknown_source",
    /// RTP of a payload type that was not negotiated.
    PayloadType => "payload_type",
    /// Not RTP (RFC 3550, section 5.1), or an extension or padding that does not fit the packet.
    BadRtp => "bad_rtp",
    /// Redundant audio (RFC 2198) whose blocks do not fit the packet, or of another codec than Opus.
    BadRed => "bad_red",
    /// Not RTCP (RFC 3550, section 6.4).
    BadRtcp => "bad_rtcp",
    /// SRTP or SRTCP with a wrong authentication tag.
    SrtpAuth => "srtp_auth",
    /// SRTP or SRTCP that was received before (RFC 3711, section 3.3.2).
    SrtpReplay => "srtp_replay",
    /// RTP or RTCP before DTLS was done.
    NotConnected => "not_connected",
    /// More packets, checks or new streams a second than one peer may send.
    RateLimit => "rate_limit",
    /// More bytes a second than one peer may send.
    BitRate => "bit_rate",
    /// Silence: nobody speaks in it.
    Silence => "silence",
    /// Speech that no listener has a slot for.
    NotSelected => "not_selected",
    /// A sequence number that was forwarded before.
    Duplicate => "duplicate",
    /// Arrived after its place in the forwarded stream was gone.
    TooLate => "too_late",
    /// Not STUN (RFC 8489), or without a user name.
    StunMalformed => "stun_malformed",
    /// STUN with a wrong MESSAGE-INTEGRITY.
    StunBadIntegrity => "stun_bad_integrity",
    /// STUN for a user name that nobody has.
    StunUnknownUfrag => "stun_unknown_ufrag",
    /// STUN from an address that is in use by another peer.
    StunPathTaken => "stun_path_taken",
    /// DTLS from an address without a valid STUN check.
    DtlsUnvalidated => "dtls_unvalidated",
    /// DTLS that the association refused: damaged, out of turn or beyond its limits.
    DtlsRefused => "dtls_refused",
    /// RTP or RTCP from an address without a valid STUN check.
    MediaUnvalidated => "media_unvalidated",
    /// Neither STUN, DTLS, RTP nor RTCP (RFC 7983).
    Unrecognised => "unrecognised",
    /// The system did not take a datagram for sending.
    SendFailed => "send_failed",
    /// A copy for another worker: its queue is full, or the packet too large to cross.
    NotRelayed => "not_relayed",
    /// From another worker, about a call or publisher that is not there any more.
    RelayStale => "relay_stale",
    /// A TCP connection whose reader is too slow.
    TcpQueueFull => "tcp_queue_full",
    /// A TCP connection refused, because as many as may be are open.
    TcpFull => "tcp_full",
    /// A TCP connection refused, or closed before a valid STUN check.
    TcpUnvalidated => "tcp_unvalidated",
    /// The system could not accept a TCP connection; it is tried again.
    TcpAcceptFailed => "tcp_accept_failed",
}

reasons! {
    /// A part of a join.
    JoinPhase,
    /// From the offer to the first valid check.
    Ice => "ice",
    /// From there to SRTP keys.
    Dtls => "dtls",
    /// From there to the microphone's first packet.
    FirstPacket => "first_packet",
}

reasons! {
    /// Why a connection never came to be: how far it got.
    SetupFailure,
    /// No check came: a firewall, or an announced address that leads elsewhere.
    NoCheck => "no_check",
    /// Checks came, with a wrong password.
    WrongCheck => "wrong_check",
    /// ICE was done, and no DTLS came.
    NoDtls => "no_dtls",
    /// DTLS began and was not done in time.
    DtlsUnfinished => "dtls_unfinished",
    /// DTLS failed.
    DtlsFailed => "dtls_failed",
    /// The client has another certificate than its offer says (RFC 8122, section 5).
    WrongCertificate => "wrong_certificate",
}

reasons! {
    /// Why the system did not take a datagram for sending.
    SendError,
    /// No room in the socket's buffer or in the system's memory, for longer than audio may wait.
    NoRoom => "no_room",
    /// No way to the address.
    Unreachable => "unreachable",
    /// Not allowed, by a packet filter for one.
    NotPermitted => "not_permitted",
    /// Larger than the way to the address takes.
    TooLarge => "too_large",
    /// Anything else.
    Other => "other",
}

impl SendError {
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::OutOfMemory => Self::NoRoom,
            ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable | ErrorKind::NetworkDown => Self::Unreachable,
            ErrorKind::PermissionDenied => Self::NotPermitted,
            _ => match error.raw_os_error() {
                Some(libc::ENOBUFS) => Self::NoRoom,
                Some(libc::EMSGSIZE) => Self::TooLarge,
                _ => Self::Other,
            },
        }
    }
}

/// The upper bounds of the join time histogram's buckets, in milliseconds; one more bucket takes the rest.
pub const JOIN_TIME_BUCKETS_MS: [u64; 12] = [10, 25, 50, 100, 200, 400, 800, 1_500, 3_000, 6_000, 12_000, 30_000];

/// How long joins took, from the offer to DTLS being done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinTimes {
    /// Joins a bucket (not cumulative); the last one takes everything above the highest bound.
    pub buckets: [u64; JOIN_TIME_BUCKETS_MS.len() + 1],
    /// The sum of all joins' times.
    pub sum: Duration,
}

impl JoinTimes {
    pub(crate) fn observe(&mut self, setup: Duration) {
        let millis = setup.as_millis();
        let bucket = JOIN_TIME_BUCKETS_MS.iter().position(|bound| millis <= u128::from(*bound));
        self.buckets[bucket.unwrap_or(JOIN_TIME_BUCKETS_MS.len())] += 1;
        self.sum = self.sum.saturating_add(setup);
    }

    /// How many joins there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// The numbers of one worker. Counters count from the start of the worker and survive its restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkerMetrics {
    /// Peers that are known now, connected or not.
    pub peers: u64,
    /// Peers that are connected now.
    pub connected: u64,
    /// Calls with at least one peer now.
    pub calls: u64,
    /// Connected peers that may speak and whose microphone has sent packets.
    pub publishers: u64,
    /// Connected peers that may hear and have slots.
    pub listeners: u64,
    /// Connected peers by how their packets come and go, in the order of [`Route::ALL`].
    pub routes: [u64; Route::ALL.len()],
    /// TCP connections that are open now.
    pub tcp_connections: u64,
    /// Datagrams and frames received.
    pub packets_in: u64,
    /// Their bytes, without UDP, TCP and IP headers.
    pub bytes_in: u64,
    /// Authentic RTP packets received.
    pub rtp_in: u64,
    /// RTP packets sent to listeners.
    pub rtp_out: u64,
    /// Those of them that had redundant audio taken off, for listeners who do not have it.
    pub red_stripped: u64,
    /// RTP packets passed on to other workers, one for each of them.
    pub relayed_out: u64,
    /// RTP packets that came from other workers.
    pub relayed_in: u64,
    /// Datagrams and frames sent.
    pub packets_out: u64,
    /// Their bytes, without UDP, TCP and IP headers.
    pub bytes_out: u64,
    /// What was dropped, one number a [`DropReason`], in the order of [`DropReason::ALL`].
    pub drops: [u64; DropReason::ALL.len()],
    /// How long joins took.
    pub join_times: JoinTimes,
    /// How long their parts took, in the order of [`JoinPhase::ALL`].
    pub join_phases: [JoinTimes; JoinPhase::ALL.len()],
    /// Connections that never came to be, one number a [`SetupFailure`], in the order of [`SetupFailure::ALL`].
    pub setup_failures: [u64; SetupFailure::ALL.len()],
    /// Connections lost, one number a [`LostReason`], in the order of [`LostReason::ALL`].
    pub losts: [u64; LostReason::ALL.len()],
    /// Packets that listeners asked for again.
    pub nacks_in: u64,
    /// Packets sent again to listeners who asked.
    pub retransmitted: u64,
    /// Packets that publishers were asked for again.
    pub nacks_out: u64,
    /// Packets that came after they had been asked for.
    pub nacks_answered: u64,
    /// Packets that were lost on the way here and came inside a later one's redundancy.
    pub red_recovered: u64,
    /// What reports say of the peers' networks.
    pub quality: Quality,
    /// Packets that listeners reported lost on the way to them.
    pub lost_downlink: u64,
    /// Packets that publishers' sequence numbers say were lost on the way here.
    pub lost_uplink: u64,
    /// Offers that were refused.
    pub offers_rejected: u64,
    /// Times a connected peer moved to another address.
    pub migrations: u64,
    /// How often the worker was started again after a panic.
    pub restarts: u64,
    /// Time spent working, not waiting, by the clock: with what others took of the core meanwhile.
    pub busy: Duration,
    /// Thousandths of the last second spent working.
    pub busy_permille: u32,
    /// CPU time of the worker's thread.
    pub cpu: Duration,
    /// CPU time in the last second, in thousandths of it.
    pub cpu_permille: u32,
    /// From reading a packet to its copies being handed to the system, a value a copy; bounds are [`FORWARD_BOUNDS`].
    pub forward_times: Histogram,
    /// Sends of several datagrams at once, cut apart by the system (UDP GSO).
    pub gso_sends: u64,
    /// The datagrams in them.
    pub gso_segments: u64,
    /// How many were in each; bounds are [`GSO_BOUNDS`], the sum is plain.
    pub gso_sizes: Histogram,
    /// Sends of several datagrams that the system refused, so that each went by itself.
    pub gso_fallbacks: u64,
    /// Datagrams the system did not take, one number a [`SendError`], in the order of [`SendError::ALL`].
    pub send_errors: [u64; SendError::ALL.len()],
    /// Datagrams that arrived and found no room in the socket's buffer.
    pub receive_drops: u64,
    /// Turns that began more than 20 ms late: the one before took too long, or the thread got no core.
    pub late_ticks: u64,
    /// Times in which packets were left to gather for up to 2 ms, since the worker would have been woken a thousand times a second.
    pub rests: u64,
}

impl WorkerMetrics {
    pub(crate) fn drop(&mut self, reason: DropReason) {
        self.drops[reason as usize] += 1;
    }

    /// RTP packets that were written have been handed to the system, so long after they were read.
    pub(crate) fn on_forwarded(&mut self, after: Duration) {
        let timed = self.forward_times.count();
        let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX);
        self.forward_times.observe(&FORWARD_BOUNDS, micros, self.rtp_out.saturating_sub(timed));
    }

    /// Several datagrams went out in one send.
    pub(crate) fn on_segments(&mut self, count: u64) {
        self.gso_sends += 1;
        self.gso_segments += count;
        self.gso_sizes.observe(&GSO_BOUNDS, count, 1);
    }

    /// How much was dropped for one reason.
    #[must_use]
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops[reason as usize]
    }

    pub(crate) fn lost(&mut self, reason: LostReason) {
        self.losts[reason as usize] += 1;
    }
}

/// The numbers of the whole media plane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// One entry a worker, in the order of their ports.
    pub workers: Vec<WorkerMetrics>,
    /// Joins that were refused, one number an [`AdmitError`], in the order of [`AdmitError::ALL`].
    pub joins_refused: [u64; AdmitError::ALL.len()],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_unique() {
        let labels: std::collections::HashSet<_> = DropReason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(labels.len(), DropReason::ALL.len());
        let labels: std::collections::HashSet<_> = SendError::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(labels.len(), SendError::ALL.len());
    }

    #[test]
    fn every_copy_is_timed_once() {
        let mut metrics = WorkerMetrics { rtp_out: 10, ..WorkerMetrics::default() };
        metrics.on_forwarded(Duration::from_micros(90));
        metrics.on_forwarded(Duration::from_secs(1));
        metrics.rtp_out += 5;
        metrics.on_forwarded(Duration::from_micros(700));
        assert_eq!(metrics.forward_times.buckets, [0, 10, 0, 0, 5, 0, 0, 0, 0]);
        assert_eq!(metrics.forward_times.sum, 10 * 90 + 5 * 700);
        metrics.on_segments(32);
        metrics.on_segments(3);
        assert_eq!((metrics.gso_sends, metrics.gso_segments, metrics.gso_sizes.sum), (2, 35, 35));
        assert_eq!((metrics.gso_sizes.buckets[1], metrics.gso_sizes.buckets[8]), (1, 1));
    }

    #[test]
    fn a_join_falls_into_the_bucket_with_the_next_bound() {
        let mut times = JoinTimes::default();
        times.observe(Duration::from_millis(10));
        times.observe(Duration::from_millis(11));
        times.observe(Duration::from_secs(31));
        assert_eq!((times.buckets[0], times.buckets[1], times.buckets[12]), (1, 1, 1));
        assert_eq!((times.count(), times.sum), (3, Duration::from_millis(31_021)));
    }
}
