//! [`MediaPeer`]: ICE, DTLS, SRTP, microphone and ears of one synthetic peer, without a socket and without a clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rtc_srtp::crypto::RTCCryptoProvider;

use super::api::Role;
use super::association::{Association, Identity, Progress, Srtp};
use super::audio::Audio;
use super::checks::Checks;
use super::description::{LocalDescription, OPUS, RemoteDescription};
use super::ears::{self, Agreed, Ears};
use super::history::History;
use super::microphone::{Format, Microphone};
use super::rtcp;

/// From one report to the next, times 0.5 to 1.5 (RFC 3550, section 6.3.1).
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// How far a peer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MediaState {
    /// ICE or DTLS is under way.
    Connecting,
    /// There are SRTP keys.
    Connected,
    /// It is over.
    Over(String),
}

/// What a peer is made of.
pub(super) struct MediaSpec {
    /// What it said of itself.
    pub(super) local: LocalDescription,
    /// What the server said.
    pub(super) remote: RemoteDescription,
    /// What it does.
    pub(super) role: Role,
    /// For everything random.
    pub(super) seed: u64,
}

/// Milestones of a peer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Milestones {
    pub(super) ice: Option<Instant>,
    pub(super) dtls: Option<Instant>,
    pub(super) first_packet: Option<Instant>,
}

/// Counters of a window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counters {
    pub(super) sent: u64,
    /// When the server asked for it.
    pub(super) sent_again: u64,
    pub(super) received: u64,
    pub(super) undecryptable: u64,
}

/// Where a peer's datagrams go.
pub(super) type Out<'a> = dyn FnMut(&[u8]) + 'a;

/// One peer.
pub(super) struct MediaPeer {
    checks: Checks,
    association: Association,
    srtp: Option<Srtp>,
    state: MediaState,
    speaker: Option<(u32, super::api::TalkPattern, Format)>,
    microphone: Option<Microphone>,
    /// What the server may ask for again.
    history: Option<History>,
    audio: Arc<Audio>,
    ssrc: u32,
    ears: Ears,
    next_report: Option<Instant>,
    crypto: Arc<dyn RTCCryptoProvider>,
    rng: StdRng,
    pub(super) milestones: Milestones,
    pub(super) counters: Counters,
    scratch: Vec<u8>,
}

impl MediaPeer {
    /// Begins with the first [`Self::handle_timeout`], at `now`, and talks to `server`.
    pub(super) fn new(
        now: Instant,
        server: SocketAddr,
        spec: MediaSpec,
        identity: &Identity,
        audio: Arc<Audio>,
    ) -> Self {
        let mut rng = StdRng::seed_from_u64(spec.seed);
        let RemoteDescription { credentials, fingerprint, audio_level, media, .. } = spec.remote;
        let (own, others): (Vec<_>, Vec<_>) = media.into_iter().partition(|media| !media.sends);
        let own = own.first().filter(|_| spec.local.microphone.is_some());
        let speaker = match spec.role {
            Role::Speaker { stream, talk } => {
                let red = own.and_then(|media| media.red);
                Some((stream, talk, Format { opus: OPUS, red, audio_level }))
            }
            Role::Listener => None,
        };
        let agreed =
            Agreed { nack: others.iter().any(|media| media.nack), red: others.iter().find_map(|media| media.red) };
        Self {
            checks: Checks::new(now, &spec.local.credentials, credentials, server, &mut rng),
            association: Association::new(now, identity, fingerprint),
            srtp: None,
            state: MediaState::Connecting,
            speaker,
            microphone: None,
            history: own.filter(|media| media.nack).map(|_| History::default()),
            audio,
            ssrc: spec.local.microphone.unwrap_or_else(|| rng.random()),
            ears: Ears::new(agreed),
            next_report: None,
            crypto: Arc::clone(&identity.crypto),
            rng,
            milestones: Milestones::default(),
            counters: Counters::default(),
            scratch: Vec::new(),
        }
    }

    /// How far it is.
    pub(super) const fn state(&self) -> &MediaState {
        &self.state
    }

    /// What it hears.
    pub(super) const fn ears(&self) -> &Ears {
        &self.ears
    }

    /// Begins to count anew.
    pub(super) fn begin_window(&mut self) {
        self.ears.begin_window();
        self.counters = Counters::default();
    }

    /// Takes a datagram that arrived at `arrived_micros` since the Unix epoch.
    pub(super) fn handle_datagram(&mut self, now: Instant, arrived_micros: u64, datagram: &[u8], out: &mut Out<'_>) {
        // RFC 7983, section 7.
        match datagram.first() {
            Some(128..=191) => self.handle_srtp(now, arrived_micros, datagram, out),
            Some(0..=3) => self.handle_stun(now, datagram, out),
            Some(20..=63) if self.checks.is_validated() && self.is_alive() => {
                let progress = self.association.handle_datagram(now, datagram, out);
                self.progress(now, progress);
            }
            _ => {}
        }
    }

    /// Sends what is due: checks, consent, DTLS, reports. `wall_micros` are those since the Unix epoch.
    pub(super) fn handle_timeout(&mut self, now: Instant, wall_micros: u64, out: &mut Out<'_>) {
        if !self.is_alive() {
            return;
        }
        if self.checks.is_expired(now) {
            self.state = MediaState::Over("the server answers no ICE checks".to_owned());
            return;
        }
        if let Some(check) = self.checks.poll(now, self.crypto.crypto()) {
            out(&check);
        }
        if self.checks.is_validated() {
            let progress = self.association.handle_timeout(now, out);
            self.progress(now, progress);
        }
        if self.next_report.is_some_and(|due| now >= due) {
            self.next_report = Some(now + REPORT_INTERVAL.mul_f64(self.rng.random_range(0.5..1.5)));
            self.report(now, wall_micros, out);
        }
        self.ask(now, out);
    }

    /// When [`Self::handle_timeout`] is wanted next; `None` once it is over.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let dtls = self.association.next_timeout().filter(|_| self.checks.is_validated());
        let due = [Some(self.checks.next_timeout()), dtls, self.next_report, self.ears.next_request()];
        let soonest = due.into_iter().flatten().min();
        soonest.filter(|_| self.is_alive())
    }

    /// When [`Self::speak`] is wanted next; `None` when it does not speak.
    pub(super) fn next_packet(&self) -> Option<Instant> {
        self.microphone.as_ref().filter(|_| self.is_alive()).map(Microphone::next_due)
    }

    /// Sends the packet of the period that begins now. Whether there was something to say.
    pub(super) fn speak(&mut self, wall_micros: u64, out: &mut Out<'_>) -> bool {
        let (Some(microphone), Some(srtp)) = (&mut self.microphone, &mut self.srtp) else { return false };
        if !microphone.speak(wall_micros, &mut self.scratch) {
            return false;
        }
        if let Some(protected) = srtp.protect_rtp(&self.scratch) {
            out(&protected);
            self.counters.sent += 1;
            if let Some(history) = &mut self.history {
                history.keep(microphone.last_sequence(), protected);
            }
        }
        true
    }

    /// Says goodbye: the server need not wait for consent to end.
    pub(super) fn close(&mut self, out: &mut Out<'_>) {
        if self.state == MediaState::Connected {
            self.association.close(out);
        }
        self.state = MediaState::Over("closed".to_owned());
    }

    fn is_alive(&self) -> bool {
        !matches!(self.state, MediaState::Over(_))
    }

    fn handle_stun(&mut self, now: Instant, datagram: &[u8], out: &mut Out<'_>) {
        if self.checks.handle_response(now, datagram, self.crypto.crypto(), &mut self.rng) {
            self.milestones.ice = Some(now);
            let progress = self.association.handle_timeout(now, out);
            self.progress(now, progress);
        } else if let Some(answer) = self.checks.answer(datagram, self.crypto.crypto()) {
            out(&answer);
        } else if let Some(nomination) = self.checks.poll(now, self.crypto.crypto()) {
            out(&nomination);
        }
    }

    fn handle_srtp(&mut self, now: Instant, arrived_micros: u64, datagram: &[u8], out: &mut Out<'_>) {
        let Some(srtp) = &mut self.srtp else { return };
        // RFC 5761, section 4.
        if matches!(datagram.get(1), Some(192..=223)) {
            let Some(compound) = srtp.unprotect_rtcp(datagram) else {
                self.counters.undecryptable += 1;
                return;
            };
            let wanted = rtcp::read(&compound, self.ssrc, &mut self.ears, arrived_micros);
            let round_trip = self.checks.round_trip();
            for number in wanted {
                let history = self.history.as_mut();
                if let Some(packet) = history.and_then(|history| history.again(now, round_trip, number)) {
                    out(packet);
                    self.counters.sent_again += 1;
                }
            }
            return;
        }
        let Some(packet) = srtp.unprotect_rtp(datagram) else {
            self.counters.undecryptable += 1;
            return;
        };
        if let Some((header, payload)) = ears::parse(&packet) {
            self.milestones.first_packet.get_or_insert(now);
            self.counters.received += 1;
            self.ears.note(now, header, payload, arrived_micros);
        }
    }

    /// Asks for what is missing.
    fn ask(&mut self, now: Instant, out: &mut Out<'_>) {
        for (ssrc, wanted) in self.ears.requests(now, self.checks.round_trip()) {
            let request = rtcp::request(self.ssrc, ssrc, &wanted);
            if let Some(protected) = request.and_then(|request| self.srtp.as_mut()?.protect_rtcp(&request)) {
                out(&protected);
            }
        }
    }

    fn report(&mut self, now: Instant, wall_micros: u64, out: &mut Out<'_>) {
        let sent = self.microphone.as_ref().filter(|microphone| microphone.packets > 0).map(|microphone| rtcp::Sent {
            ssrc: microphone.ssrc,
            timestamp: microphone.timestamp_at(now),
            packets: microphone.packets,
            octets: microphone.octets,
        });
        let compound = rtcp::compound(self.ssrc, sent, &mut self.ears, wall_micros);
        let protected = compound.and_then(|compound| self.srtp.as_mut()?.protect_rtcp(&compound));
        if let Some(protected) = protected {
            out(&protected);
        }
    }

    fn progress(&mut self, now: Instant, progress: Progress) {
        match progress {
            Progress::Waiting => {}
            Progress::Connected => {
                self.srtp = self.association.take_keys();
                if self.srtp.is_none() {
                    self.state = MediaState::Over("the server does not speak DTLS-SRTP".to_owned());
                    return;
                }
                self.state = MediaState::Connected;
                self.milestones.dtls = Some(now);
                self.next_report = Some(now + REPORT_INTERVAL.mul_f64(self.rng.random_range(0.1..1.0)));
                if let Some((stream, talk, format)) = self.speaker {
                    let rtp = (self.ssrc, format);
                    let audio = Arc::clone(&self.audio);
                    self.microphone = Some(Microphone::new(now, (stream, talk), rtp, audio, &mut self.rng));
                }
            }
            Progress::Closed => self.state = MediaState::Over("the server closed the media connection".to_owned()),
            Progress::Failed(reason) => self.state = MediaState::Over(reason),
        }
    }
}
