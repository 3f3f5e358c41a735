//! What goes into the engine and what comes out: plain data.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::Histogram;
use super::audio::PERIOD;
use crate::session::Session;

/// A peer of one engine, for as long as the engine lives: numbers are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub u32);

/// How an engine works.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Threads that carry media; peers are dealt out to them in turn. At least 1.
    pub threads: usize,
    /// How often the threads look at the clock to read sockets. Packets wait for that in the kernel, which stamps their arrival, so
    /// that latencies do not contain the wait: each socket is read every 20 ms, or with each tick where that matters, which is
    /// with NACK and when a bad network is played. Shorter costs more.
    pub tick: Duration,
    /// From one packet of a speaker to the next, by this machine's clock: 20 ms, or a little else, as microphones have clocks of
    /// their own.
    pub period: Duration,
    /// An Ogg Opus file with packets of 20 ms that speakers repeat; `None`: the built-in speech-like sound.
    pub audio: Option<PathBuf>,
    /// What the client does to the packets it sends.
    pub uplink: Impairment,
    /// What the client does to the packets it gets.
    pub downlink: Impairment,
    /// What peers offer to do about lost packets.
    pub repair: Repair,
    /// For everything random: with the same seed the same packets are lost and speakers pause at the same times.
    pub seed: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            threads: 1,
            tick: Duration::from_millis(2),
            period: PERIOD,
            audio: None,
            uplink: Impairment::default(),
            downlink: Impairment::default(),
            repair: Repair::default(),
            seed: 1,
        }
    }
}

/// What a bad network does in one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Impairment {
    /// The share of packets that is lost, 0 to 1.
    pub loss: f64,
    /// How much later every packet comes.
    pub delay: Duration,
    /// How much later than that a packet may come, evenly spread; it overtakes nobody for that.
    pub jitter: Duration,
    /// The share of packets that come after the packet sent behind them, 0 to 1.
    pub reordering: f64,
}

/// What a peer offers to do about lost packets; it does what the server agrees to. Browsers with Hubbub's client offer both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// To ask for lost packets, and to send again what is asked for (generic NACK, RFC 4585, section 6.2.1).
    pub nack: bool,
    /// To send each packet once more inside the next one, and to take what comes so (redundant audio, RFC 2198).
    pub red: bool,
}

/// What a peer does in a room.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Role {
    /// It hears.
    Listener,
    /// It speaks and hears.
    Speaker {
        /// The number in its packets, different for each speaker of an engine.
        stream: u32,
        /// When it speaks.
        talk: TalkPattern,
    },
}

/// When a speaker speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TalkPattern {
    /// All the time.
    Continuous,
    /// In spurts and pauses of random, exponentially distributed lengths (P. T. Brady, 1968; ITU-T P.59: 1.004 s and 1.587 s).
    Spurts {
        /// Mean length of a spurt.
        talk: Duration,
        /// Mean length of a pause.
        pause: Duration,
        /// What is sent in a pause.
        silence: Silence,
    },
}

/// What is sent while nobody speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nothing but a packet every 400 ms, as Opus does with DTX (RFC 6716, section 2.1.9).
    Dtx,
    /// Packets as usual, with the audio level of silence.
    Quiet,
}

/// A peer to start.
#[derive(Clone)]
pub struct PeerSpec {
    /// Who it is.
    pub session: Session,
    /// Where it goes.
    pub room: Uuid,
    /// What it does there.
    pub role: Role,
}

/// How a peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// ICE or DTLS is under way.
    Connecting,
    /// Media can flow.
    Connected,
    /// The media connection failed, or the server or the network ended it.
    Lost(String),
    /// It left because it was told to.
    Left,
}

/// From the beginning of a join (before the WebSocket is opened) to each of its steps; `None` when it did not get there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JoinTimes {
    /// The WebSocket is open.
    pub socket: Duration,
    /// `joined` has come.
    pub joined: Duration,
    /// The answer to the offer has come.
    pub answered: Duration,
    /// The first ICE check was answered.
    pub ice: Option<Duration>,
    /// DTLS is done and there are SRTP keys.
    pub dtls: Option<Duration>,
    /// The first RTP packet was heard.
    pub first_packet: Option<Duration>,
}

/// What a peer has done and heard. Counters begin with [`crate::Engine::begin_window`], or with the join when that was later.
#[derive(Clone, Debug)]
pub struct PeerResult {
    /// Which peer.
    pub id: PeerId,
    /// Where it is.
    pub room: Uuid,
    /// What it does there.
    pub role: Role,
    /// How it is.
    pub state: PeerState,
    /// How long joining took.
    pub join: JoinTimes,
    /// How many others it can hear at once: the m-lines on which the server sends.
    pub slots: usize,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Packets that could not be sent because the socket was full.
    pub send_errors: u64,
    /// SRTP packets that did not authenticate or came twice.
    pub undecryptable: u64,
    /// What was heard, one for each SSRC (the server has one a slot).
    pub streams: Vec<StreamResult>,
}

/// What was heard with one SSRC. Losses are read off the RTP sequence numbers, which an SFU keeps contiguous when it
/// puts another speaker into the slot.
#[derive(Clone, Debug, Default)]
pub struct StreamResult {
    /// The SSRC.
    pub ssrc: u32,
    /// Whose packets came last, as the packets say; `None`: no synthetic peer's.
    pub stream: Option<u32>,
    /// Different packets, repaired ones among them.
    pub received: u64,
    /// Sequence numbers between the first and the last that did not come.
    pub lost: u64,
    /// Packets that came after a later one.
    pub reordered: u64,
    /// Packets that came again.
    pub duplicates: u64,
    /// Packets that were missing and came when they had been asked for.
    pub repaired_by_nack: u64,
    /// Packets that were missing and came inside a later one, and not by themselves.
    pub repaired_by_red: u64,
    /// Packets of others than synthetic peers (people in the same room): received, without a latency.
    pub foreign: u64,
    /// Interarrival jitter (RFC 3550, section 6.4.1).
    pub jitter: Duration,
    /// From the speaker's sending to the arrival at the listener's socket, of all but the first packet, which may have been kept for newcomers.
    pub latency: Histogram,
}

/// Where the times of arrival come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamps {
    /// The kernel, when the packet came to the socket.
    Kernel,
    /// The program, when it looked: latencies contain up to a [`EngineConfig::tick`] of waiting, the first ones 20 ms.
    Tick,
}

/// What the generator itself did, so that nobody takes its limit for the server's.
#[derive(Clone, Debug)]
pub struct GeneratorCost {
    /// CPU time of the media threads (user and system). Signaling is not in it.
    pub cpu: Duration,
    /// RTP packets received.
    pub packets_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// How much later than planned packets were sent.
    pub send_lateness: Histogram,
    /// How much later than planned the sockets were looked at. Beyond some 100 ms sockets overflow.
    pub receive_lag: Histogram,
    /// Packets that the kernel dropped because sockets were not read in time: the generator's fault, not the server's.
    pub socket_drops: u64,
    /// How times of arrival were told.
    pub timestamps: Timestamps,
}

/// All peers together, since [`crate::Engine::begin_window`].
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// For how long it was counted.
    pub elapsed: Duration,
    /// Peers whose media is connected.
    pub connected: usize,
    /// Peers whose ICE or DTLS is under way.
    pub connecting: usize,
    /// Peers that were lost, ever.
    pub lost_peers: usize,
    /// RTP packets that speakers sent.
    pub sent: u64,
    /// Different RTP packets that came.
    pub received: u64,
    /// As in [`StreamResult`].
    pub lost: u64,
    /// As in [`StreamResult`].
    pub reordered: u64,
    /// As in [`StreamResult`].
    pub duplicates: u64,
    /// As in [`StreamResult`].
    pub repaired_by_nack: u64,
    /// As in [`StreamResult`].
    pub repaired_by_red: u64,
    /// Packets that speakers sent again because the server asked for them; not among `sent`.
    pub sent_again: u64,
    /// All latencies.
    pub latency: Histogram,
    /// What it cost here.
    pub generator: GeneratorCost,
}

#[cfg(test)]
impl Snapshot {
    /// One of no time in which nothing happened.
    pub(crate) fn of_nothing() -> Self {
        Self {
            elapsed: Duration::ZERO,
            connected: 0,
            connecting: 0,
            lost_peers: 0,
            sent: 0,
            received: 0,
            lost: 0,
            reordered: 0,
            duplicates: 0,
            repaired_by_nack: 0,
            repaired_by_red: 0,
            sent_again: 0,
            latency: Histogram::default(),
            generator: GeneratorCost {
                cpu: Duration::ZERO,
                packets_received: 0,
                packets_sent: 0,
                send_lateness: Histogram::default(),
                receive_lag: Histogram::default(),
                socket_drops: 0,
                timestamps: Timestamps::Kernel,
            },
        }
    }
}
