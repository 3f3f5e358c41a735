//! A synthetic client without IO for tests with a simulated network: a controlling full ICE agent that is just good enough,
//! DTLS (active), SRTP, one microphone and some slots.
//!
//! Like everything here it has no clock and no socket. A test owns the network: it takes [`TestClient::poll_datagram`], loses,
//! delays or repeats what it likes, and hands it to the other side.

mod checks;
mod description;
pub(crate) mod handshake;
mod media;
mod repair;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use dimpl::{Dtls, DtlsCertificate, Output};
use rtc_srtp::crypto::{RTCCryptoProvider, default_provider};

use crate::rtp::packet::Header;
use crate::transport::srtp::{Role, SrtpKeys, SrtpProfile, SrtpSession, Window};
use crate::transport::{Credentials, Fingerprint, PacketKind, classify};
use checks::Checks;
pub(crate) use description::AnswerView;
use media::Microphone;
#[cfg(test)]
pub(crate) use media::RED;
pub(crate) use media::Received;
use repair::Repair;

/// How a client is made.
#[derive(Clone, Debug)]
pub(crate) struct ClientOptions {
    /// `recvonly` m-lines.
    pub(crate) slots: usize,
    /// Whether the first m-line sends.
    pub(crate) microphone: bool,
    /// Whether the offer names the microphone's SSRC (`a=ssrc`).
    pub(crate) signal_ssrc: bool,
    /// Whether it has the audio level extension (RFC 6464).
    pub(crate) audio_level: bool,
    /// The payload type of Opus.
    pub(crate) opus: u8,
    /// Whether it has redundant audio (RFC 2198), and sends it: each packet with the one before.
    pub(crate) red: bool,
    /// Whether it has generic NACK (RFC 4585), asks for what it misses and answers who asks.
    pub(crate) nack: bool,
    /// DTLS 1.2 only.
    pub(crate) dtls12: bool,
    /// Another certificate than a fresh one of the usual kind.
    pub(crate) certificate: Option<DtlsCertificate>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            slots: 4,
            microphone: true,
            signal_ssrc: true,
            audio_level: true,
            opus: 111,
            red: false,
            nack: false,
            dtls12: false,
            certificate: None,
        }
    }
}

/// A datagram on its way: from, to, bytes.
pub(crate) type Datagram = (SocketAddr, SocketAddr, Vec<u8>);

/// The client.
pub(crate) struct TestClient {
    options: ClientOptions,
    local: Credentials,
    address: SocketAddr,
    certificate: DtlsCertificate,
    crypto: Arc<dyn RTCCryptoProvider>,
    checks: Checks,
    answer: Option<AnswerView>,
    dtls: Option<Box<Dtls>>,
    dtls_timeout: Option<Instant>,
    srtp: Option<SrtpSession>,
    /// What was sent of each SSRC, to count rollovers.
    sent: HashMap<u32, Window>,
    connected: bool,
    failed: bool,
    closed: bool,
    microphone: Microphone,
    repair: Option<Repair>,
    loses_next: bool,
    received: Vec<Received>,
    received_rtcp: Vec<Vec<u8>>,
    rtcp_times: Vec<Instant>,
    undecryptable: usize,
    outgoing: VecDeque<Datagram>,
}

impl TestClient {
    /// A client at `address`.
    pub(crate) fn new(address: SocketAddr, options: ClientOptions) -> Self {
        Self {
            microphone: Microphone::new(&options),
            repair: options.nack.then(Repair::default),
            loses_next: false,
            certificate: options
                .certificate
                .clone()
                .unwrap_or_else(|| dimpl::certificate::generate_self_signed_certificate().expect("a certificate")),
            options,
            local: Credentials::generate(),
            address,
            crypto: default_provider().expect("a crypto library"),
            checks: Checks::default(),
            answer: None,
            dtls: None,
            dtls_timeout: None,
            srtp: None,
            sent: HashMap::new(),
            connected: false,
            failed: false,
            closed: false,
            received: Vec::new(),
            received_rtcp: Vec::new(),
            rtcp_times: Vec::new(),
            undecryptable: 0,
            outgoing: VecDeque::new(),
        }
    }

    /// The offer: the microphone's m-line has mid `mic`, the slots `s0`, `s1`, …
    pub(crate) fn offer(&self) -> String {
        let fingerprint = Fingerprint::of_certificate(&self.certificate.certificate);
        description::offer(&self.options, &self.local, &fingerprint, self.microphone.ssrc)
    }

    /// An offer with new ICE credentials and the same certificate. The answer has to be accepted as usual.
    pub(crate) fn restart_offer(&mut self) -> String {
        self.local = Credentials::generate();
        self.offer()
    }

    /// Takes the answer and begins with checks and, the first time, DTLS.
    pub(crate) fn accept_answer(&mut self, now: Instant, answer: &str) {
        let answer = AnswerView::parse(answer);
        self.checks.start(now, answer.remote.clone(), &self.local, answer.udp);
        if self.dtls.is_none() {
            self.dtls = Some(handshake::begin(now, self.certificate.clone(), self.options.dtls12));
        }
        self.answer = Some(answer);
        self.handle_timeout(now);
    }

    /// Takes a datagram that reached the client's address.
    pub(crate) fn handle_datagram(&mut self, now: Instant, datagram: &[u8]) {
        match classify(datagram) {
            PacketKind::Stun => self.checks.handle_response(now, datagram, self.crypto.crypto()),
            // Before its own hello it can only be for whoever had this address before.
            PacketKind::Dtls if !self.checks.is_validated() => {}
            PacketKind::Dtls => {
                let Some(dtls) = &mut self.dtls else { return };
                let fed = dtls.handle_timeout(now).and_then(|()| dtls.handle_packet(datagram));
                self.after_dtls(fed.is_ok());
            }
            PacketKind::Rtp => {
                let mut packet = datagram.to_vec();
                match self.srtp.as_mut().map(|srtp| srtp.unprotect_rtp(&mut packet, |_| true)) {
                    Some(Ok(packet)) => {
                        let packet = Received::parse(now, packet).expect("the sfu sends RTP");
                        if let Some(repair) = &mut self.repair {
                            repair.on_packet(now, packet.ssrc, packet.sequence);
                        }
                        self.received.push(packet);
                    }
                    _ => self.undecryptable += 1,
                }
            }
            PacketKind::Rtcp => {
                let mut packet = datagram.to_vec();
                match self.srtp.as_mut().map(|srtp| srtp.unprotect_rtcp(&mut packet)) {
                    Some(Ok(packet)) => {
                        let packet = packet.to_vec();
                        for again in self.repair.as_ref().map(|repair| repair.answers(&packet)).unwrap_or_default() {
                            self.send_raw(&again);
                        }
                        self.received_rtcp.push(packet);
                        self.rtcp_times.push(now);
                    }
                    _ => self.undecryptable += 1,
                }
            }
            PacketKind::Unknown => panic!("the sfu sent what nobody speaks: {datagram:02x?}"),
        }
        self.handle_timeout(now);
    }

    /// Sends what is due: checks, consent, DTLS.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        let Some(remote) = self.answer.as_ref().map(|answer| answer.udp) else { return };
        while let Some(check) = self.checks.poll(now, self.crypto.crypto()) {
            self.outgoing.push_back((self.address, remote, check));
        }
        let ssrc = self.microphone.ssrc;
        for compound in self.repair.as_mut().map(|repair| repair.poll(now, ssrc)).unwrap_or_default() {
            self.send_rtcp(&compound);
        }
        // DTLS begins with the first answered check, as in browsers.
        if self.checks.is_validated() && !self.failed {
            let dtls = self.dtls.as_mut().expect("there is an answer");
            if self.dtls_timeout.is_none_or(|due| now >= due) {
                let result = dtls.handle_timeout(now);
                self.after_dtls(result.is_ok());
            }
        }
    }

    /// When [`Self::handle_timeout`] is wanted next.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let dtls = self.dtls_timeout.filter(|_| self.checks.is_validated() && !self.failed);
        let repair = self.repair.as_ref().and_then(Repair::next);
        [self.checks.next_timeout(), dtls, repair].into_iter().flatten().min()
    }

    /// The next datagram to carry.
    pub(crate) fn poll_datagram(&mut self) -> Option<Datagram> {
        self.outgoing.pop_front()
    }

    /// Moves the client to another address, without an ICE restart; it checks and nominates from there.
    pub(crate) fn migrate(&mut self, now: Instant, address: SocketAddr) {
        self.address = address;
        self.checks.renew(now);
        self.handle_timeout(now);
    }

    /// Stops consent checks, as a client that has vanished.
    pub(crate) fn stop_checks(&mut self) {
        self.checks.stop();
    }

    /// Sends one packet of 20 ms: sequence number + 1, timestamp + 960. `level` is -dBov (0 loud, 127 silence).
    pub(crate) fn send_audio(&mut self, level: u8, payload: &[u8]) {
        let packet = self.microphone.packet(level, payload);
        self.send_rtp(&packet);
    }

    /// The next packet is made and kept, and never sent.
    pub(crate) fn lose_next(&mut self) {
        self.loses_next = true;
    }

    /// Leaves out this many sequence numbers, as if the packets had been lost.
    pub(crate) fn skip_numbers(&mut self, count: u16) {
        self.microphone.skip(count);
    }

    /// Protects and sends an RTP packet of the test's own making.
    pub(crate) fn send_rtp(&mut self, packet: &[u8]) {
        let mut protected = packet.to_vec();
        let srtp = self.srtp.as_mut().expect("connected");
        let header = Header::parse(packet).expect("an RTP packet");
        let sent = self.sent.entry(header.ssrc).or_default();
        let index = sent.index(header.sequence).expect("less than 2^48 packets");
        sent.receive(index);
        let rollovers = u32::try_from(index >> 16).expect("32 bits");
        srtp.protect_rtp(rollovers, &mut protected, 0).expect("an RTP packet");
        if let Some(repair) = &mut self.repair {
            repair.keep(&protected);
        }
        if !std::mem::take(&mut self.loses_next) {
            self.send_raw(&protected);
        }
    }

    /// Protects and sends what may not be RTP, if it is.
    #[cfg(feature = "fuzz")]
    pub(crate) fn try_send_rtp(&mut self, packet: &[u8]) {
        let mut protected = packet.to_vec();
        if self.srtp.as_mut().is_some_and(|srtp| srtp.protect_rtp(0, &mut protected, 0).is_ok()) {
            self.send_raw(&protected);
        }
    }

    /// Protects and sends what may not be RTCP, if it is.
    #[cfg(feature = "fuzz")]
    pub(crate) fn try_send_rtcp(&mut self, packet: &[u8]) {
        let mut protected = packet.to_vec();
        if self.srtp.as_mut().is_some_and(|srtp| srtp.protect_rtcp(&mut protected, 0).is_ok()) {
            self.send_raw(&protected);
        }
    }

    /// Forgets what was received.
    pub(crate) fn forget(&mut self) {
        self.received.clear();
        self.received_rtcp.clear();
    }

    /// Protects and sends an RTCP packet.
    pub(crate) fn send_rtcp(&mut self, packet: &[u8]) {
        let mut protected = packet.to_vec();
        let srtp = self.srtp.as_mut().expect("connected");
        srtp.protect_rtcp(&mut protected, 0).expect("an RTCP packet");
        self.send_raw(&protected);
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        let remote = self.answer.as_ref().expect("an answer").udp;
        self.outgoing.push_back((self.address, remote, bytes.to_vec()));
    }

    /// Closes DTLS (close_notify).
    pub(crate) fn close(&mut self) {
        let closed = self.dtls.as_mut().is_some_and(|dtls| dtls.close().is_ok());
        self.after_dtls(closed);
    }

    /// Whether there are SRTP keys and the server's certificate was the one in the answer.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// Whether DTLS has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether the server has said goodbye.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// The negotiated SRTP profile.
    pub(crate) fn srtp_profile(&self) -> Option<SrtpProfile> {
        self.srtp.as_ref().map(SrtpSession::profile)
    }

    /// Where the client is now.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The answer last accepted.
    pub(crate) const fn answer(&self) -> Option<&AnswerView> {
        self.answer.as_ref()
    }

    /// The microphone's SSRC.
    pub(crate) const fn ssrc(&self) -> u32 {
        self.microphone.ssrc
    }

    /// RTP received, in the order of arrival.
    pub(crate) fn received(&self) -> &[Received] {
        &self.received
    }

    /// RTCP received, decrypted.
    pub(crate) fn received_rtcp(&self) -> &[Vec<u8>] {
        &self.received_rtcp
    }

    /// When this RTCP was received.
    pub(crate) fn received_rtcp_at(&self, rtcp: &[u8]) -> Instant {
        let place = self.received_rtcp.iter().position(|received| received == rtcp).expect("received");
        self.rtcp_times[place]
    }

    /// SRTP and SRTCP packets that were not for us, came twice or were broken.
    pub(crate) const fn undecryptable(&self) -> usize {
        self.undecryptable
    }

    fn after_dtls(&mut self, alive: bool) {
        if !alive {
            self.failed = true;
            return;
        }
        let (Some(dtls), Some(answer)) = (&mut self.dtls, &self.answer) else { return };
        let mut buffer = vec![0; 65536];
        loop {
            match dtls.poll_output(&mut buffer) {
                Output::Packet(datagram) => self.outgoing.push_back((self.address, answer.udp, datagram.to_vec())),
                Output::PeerCert(der) => {
                    self.failed |= !Fingerprint::any_matches(std::slice::from_ref(&answer.fingerprint), der);
                }
                Output::KeyingMaterial(material, profile) => {
                    let keys = SrtpKeys::new(crate::transport::dtls::to_profile(profile).expect("known"), &material);
                    self.srtp = Some(SrtpSession::new(&keys, Role::Client).expect("keys that fit"));
                }
                Output::Connected => self.connected = !self.failed,
                Output::CloseNotify => self.closed = true,
                Output::Timeout(due) => {
                    self.dtls_timeout = Some(due);
                    return;
                }
                _ => {}
            }
        }
    }
}
