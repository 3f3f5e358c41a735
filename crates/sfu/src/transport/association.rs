//! [`Transport`]: ICE, DTLS and SRTP of one peer put together.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rtc_srtp::crypto::RTCCryptoProvider;

use super::dtls::{DtlsError, DtlsOutput, POLL_BUFFER};
use super::handshake::Handshake;
use super::ice::IceLite;
#[cfg(test)]
use super::srtp::SrtpProfile;
use super::srtp::{self, SrtpSession};
use super::{Credentials, Dropped, Fingerprint, Identity, Outbox, Path, TransportEvent};
use crate::event::LostReason;
use crate::prefetch::prefetch;
use crate::rtp::packet::OutHeader;

/// How long a path may go without a valid check (RFC 7675, section 5.1). Longer keeps sending to somebody who is gone,
/// shorter loses peers in tunnels and lifts.
pub(super) const CONSENT_LIFETIME: Duration = Duration::from_secs(30);

/// From the answer to SRTP keys. Longer keeps half-made peers, shorter loses those on bad networks.
pub(super) const SETUP_LIFETIME: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Setup,
    Connected,
    Over,
}

/// One peer's ICE, DTLS and SRTP.
pub(crate) struct Transport {
    state: State,
    created: Instant,
    ice: IceLite,
    /// Until it has done its work: media need its keys only.
    handshake: Option<Box<Handshake>>,
    /// Whether the peer has shown that it has the keys.
    keys_confirmed: bool,
    pub(super) srtp: Option<SrtpSession>,
    crypto: Arc<dyn RTCCryptoProvider>,
    events: VecDeque<TransportEvent>,
}

impl Transport {
    /// A transport for an offer that was just answered with `local`; `fingerprints` are the offer's.
    pub(crate) fn new(now: Instant, identity: &Identity, local: Credentials, fingerprints: Vec<Fingerprint>) -> Self {
        Self {
            state: State::Setup,
            created: now,
            ice: IceLite::new(local),
            handshake: Some(Box::new(Handshake::new(now, identity, fingerprints))),
            keys_confirmed: false,
            srtp: None,
            crypto: Arc::clone(&identity.crypto),
            events: VecDeque::new(),
        }
    }

    /// ICE restart: from now on checks must carry `local`. Paths, DTLS and SRTP go on as they are.
    pub(crate) fn restart_ice(&mut self, local: Credentials) {
        self.ice.restart(local);
    }

    /// Our credentials, which answers tell.
    pub(crate) const fn local(&self) -> &Credentials {
        self.ice.local()
    }

    /// The user name fragment checks for this transport carry.
    pub(crate) fn local_ufrag(&self) -> &str {
        &self.ice.local().ufrag
    }

    /// Takes a STUN datagram that names [`Self::local_ufrag`].
    ///
    /// # Errors
    /// Says why nothing came of it; then nothing is answered either.
    pub(crate) fn handle_stun(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        out: &mut Outbox,
    ) -> Result<(), Dropped> {
        if self.state == State::Over {
            return Err(Dropped::Closed);
        }
        self.ice.handle_stun(now, path, datagram, self.crypto.crypto(), &mut self.events, out)
    }

    /// Takes a DTLS datagram.
    ///
    /// # Errors
    /// Says why it was dropped. A failed handshake is no error but [`TransportEvent::Lost`].
    pub(crate) fn handle_dtls(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &[u8],
        out: &mut Outbox,
    ) -> Result<(), Dropped> {
        if self.state == State::Over {
            return Err(Dropped::Closed);
        }
        if !self.ice.is_validated(path) {
            return Err(Dropped::UnvalidatedPath);
        }
        let Some(handshake) = &mut self.handshake else { return Err(Dropped::Closed) };
        if !handshake.admits(now) {
            return Err(Dropped::HandshakeFlood);
        }
        let result = handshake.dtls.handle_datagram(now, datagram);
        self.after_dtls(result, out)
    }

    /// Does what is due: DTLS retransmission, expiry of paths, of consent and of the setup.
    pub(crate) fn handle_timeout(&mut self, now: Instant, out: &mut Outbox) {
        if self.state == State::Over {
            return;
        }
        self.ice.expire(now, &mut self.events);
        if self.state == State::Setup && now >= self.created + SETUP_LIFETIME {
            return self.end(LostReason::SetupTimedOut);
        }
        if self.state == State::Connected && self.ice.consent_until().is_none_or(|until| now >= until) {
            return self.end(LostReason::ConsentExpired);
        }
        if self.dtls_release().is_some_and(|due| now >= due) {
            self.handshake = None;
        }
        if let Some(handshake) = &mut self.handshake
            && handshake.timeout.is_some_and(|due| now >= due)
        {
            let result = handshake.dtls.handle_timeout(now);
            // A failed handshake is told by the event.
            let _ = self.after_dtls(result, out);
        }
    }

    /// When [`Self::handle_timeout`] is wanted next; `None` once it is over.
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        let end = match self.state {
            State::Setup => Some(self.created + SETUP_LIFETIME),
            State::Connected => self.ice.consent_until(),
            State::Over => return None,
        };
        let dtls = self.handshake.as_ref().and_then(|handshake| handshake.timeout);
        [end, dtls, self.dtls_release(), self.ice.next_expiry()].into_iter().flatten().min()
    }

    /// When DTLS has done its work.
    fn dtls_release(&self) -> Option<Instant> {
        let handshake = self.handshake.as_ref().filter(|_| self.state == State::Connected && self.keys_confirmed)?;
        handshake.release()
    }

    /// Says goodbye (close_notify) while DTLS is there, and is over. No event comes of it but the removal of the paths.
    pub(crate) fn close(&mut self, out: &mut Outbox) {
        if self.state == State::Over {
            return;
        }
        if self.handshake.as_mut().is_some_and(|handshake| handshake.dtls.close().is_ok()) {
            let _ = self.after_dtls(Ok(()), out);
        }
        self.state = State::Over;
        self.srtp = None;
        self.ice.clear(&mut self.events);
    }

    /// Forgets a path: its TCP connection was closed.
    pub(crate) fn forget_path(&mut self, path: Path) {
        self.ice.forget(path, &mut self.events);
    }

    /// What happened since, oldest first.
    pub(crate) fn poll_event(&mut self) -> Option<TransportEvent> {
        let event = self.events.pop_front();
        if event.is_none() {
            // There are thousands of transports, and little happens to them.
            self.events = VecDeque::new();
        }
        event
    }

    /// Whether there are SRTP keys and consent.
    pub(crate) fn is_connected(&self) -> bool {
        self.state == State::Connected
    }

    /// Whether DTLS is there still.
    #[cfg(test)]
    pub(crate) const fn has_dtls(&self) -> bool {
        self.handshake.is_some()
    }

    /// Whether any DTLS came; told of a transport that is not connected.
    pub(crate) fn has_begun_dtls(&self) -> bool {
        self.handshake.as_ref().is_some_and(|handshake| handshake.has_begun())
    }

    /// Whether it is over because the certificate is not the offer's.
    pub(crate) fn refused_certificate(&self) -> bool {
        self.handshake.as_ref().and_then(|handshake| handshake.certificate()) == Some(false)
    }

    /// Where to send: the path last nominated, else the one last checked; `None` without consent to send anywhere.
    pub(crate) fn selected(&self) -> Option<Path> {
        self.ice.selected()
    }

    /// Whether this is where we send and the peer has shown a moment ago that it is there: nobody else gets the path then.
    pub(crate) fn holds(&self, now: Instant, path: Path) -> bool {
        self.ice.holds(now, path)
    }

    /// Whether a path has passed a check in the last [`CONSENT_LIFETIME`].
    #[cfg(test)]
    pub(crate) fn is_validated(&self, path: Path) -> bool {
        self.ice.is_validated(path)
    }

    /// Asks for what [`Self::unprotect_rtp`] needs.
    pub(crate) fn prefetch_inbound(&self) {
        prefetch(&self.state);
        self.ice.prefetch();
        if let Some(srtp) = &self.srtp {
            srtp.prefetch_inbound();
        }
    }

    /// Asks for what [`Self::selected`] and [`Self::protect_rtp`] need.
    pub(crate) fn prefetch_outbound(&self) {
        self.ice.prefetch();
        if let Some(srtp) = &self.srtp {
            srtp.prefetch_outbound();
        }
    }

    /// Asks for the key of [`Self::unprotect_rtp`].
    pub(crate) fn prefetch_inbound_key(&self) {
        if let Some(srtp) = &self.srtp {
            srtp.prefetch_inbound_key();
        }
    }

    /// Asks for the key of [`Self::protect_rtp`].
    pub(crate) fn prefetch_outbound_key(&self) {
        if let Some(srtp) = &self.srtp {
            srtp.prefetch_outbound_key();
        }
    }

    /// Checks an SRTP packet from `path` and decrypts it in place; returns the RTP packet. `admit` is asked for the SSRC
    /// before anything is done for it: only an admitted SSRC whose packets authenticate makes state (at most
    /// [`srtp::STREAMS_MAX`] do).
    ///
    /// # Errors
    /// Says why it was dropped; what is left of the packet's bytes is of no use then.
    pub(crate) fn unprotect_rtp<'a>(
        &mut self,
        path: Path,
        packet: &'a mut [u8],
        admit: impl FnOnce(u32) -> bool,
    ) -> Result<&'a mut [u8], Dropped> {
        let plain = self.inbound(path)?.unprotect_rtp(packet, admit)?;
        self.confirm();
        Ok(plain)
    }

    /// Checks an SRTCP packet from `path` and decrypts it in place; returns the RTCP packet.
    ///
    /// # Errors
    /// Says why it was dropped; what is left of the packet's bytes is of no use then.
    pub(crate) fn unprotect_rtcp<'a>(&mut self, path: Path, packet: &'a mut [u8]) -> Result<&'a mut [u8], Dropped> {
        let plain = self.inbound(path)?.unprotect_rtcp(packet)?;
        self.confirm();
        Ok(plain)
    }

    /// Appends an RTP packet to `out`, encrypted. Nothing may ever be sent under the same SSRC and packet index but the same
    /// packet.
    ///
    /// # Errors
    /// [`Dropped::NotConnected`] without keys; nothing is appended then.
    pub(crate) fn protect_rtp(&mut self, header: OutHeader, payload: &[u8], out: &mut Vec<u8>) -> Result<(), Dropped> {
        let srtp = self.srtp.as_mut().ok_or(Dropped::NotConnected)?;
        let start = out.len();
        header.write(payload, out);
        srtp.protect_rtp(header.rollovers, out, start)
    }

    /// By how much an RTP packet grows when it is encrypted, in bytes.
    pub(crate) fn rtp_overhead(&self) -> usize {
        self.srtp.as_ref().map_or(0, SrtpSession::rtp_overhead)
    }

    /// Appends an RTCP packet to `out`, encrypted.
    ///
    /// # Errors
    /// [`Dropped::NotConnected`] without keys, [`Dropped::Malformed`] when it is not RTCP; nothing is appended then.
    pub(crate) fn protect_rtcp(&mut self, packet: &[u8], out: &mut Vec<u8>) -> Result<(), Dropped> {
        let srtp = self.srtp.as_mut().ok_or(Dropped::NotConnected)?;
        let start = out.len();
        out.extend_from_slice(packet);
        srtp.protect_rtcp(out, start)
    }

    /// The SRTP profile, once connected.
    #[cfg(test)]
    pub(crate) fn srtp_profile(&self) -> Option<SrtpProfile> {
        self.srtp.as_ref().map(SrtpSession::profile)
    }

    /// The peer has sent something that authenticates: it has the keys.
    fn confirm(&mut self) {
        if !self.keys_confirmed {
            self.keys_confirmed = true;
            if let Some(handshake) = &mut self.handshake {
                handshake.dtls.confirm();
            }
        }
    }

    fn inbound(&mut self, path: Path) -> Result<&mut SrtpSession, Dropped> {
        if !self.ice.is_validated(path) {
            return Err(Dropped::UnvalidatedPath);
        }
        self.srtp.as_mut().ok_or(Dropped::NotConnected)
    }

    /// Takes everything out of DTLS after it was fed.
    fn after_dtls(&mut self, fed: Result<(), DtlsError>, out: &mut Outbox) -> Result<(), Dropped> {
        match fed {
            Ok(()) => {}
            Err(DtlsError::Dropped) => return Err(Dropped::Malformed),
            Err(DtlsError::Failed) => {
                self.end(LostReason::DtlsFailed);
                return Ok(());
            }
        }
        out.with_workbench(POLL_BUFFER, |out, buffer| self.poll_dtls(out, buffer));
        if let Some(handshake) = &mut self.handshake
            && handshake.done
            && self.state == State::Setup
        {
            if self.srtp.is_some() {
                self.state = State::Connected;
                handshake.connected();
                self.events.push_back(TransportEvent::Connected);
            } else {
                // A peer without use_srtp has no media.
                self.end(LostReason::DtlsFailed);
            }
        }
        Ok(())
    }

    /// Does what DTLS wants, until it waits.
    fn poll_dtls(&mut self, out: &mut Outbox, buffer: &mut [u8]) {
        while let Some(handshake) = &mut self.handshake {
            match handshake.dtls.poll(buffer) {
                DtlsOutput::Datagram(datagram) => {
                    if let Some(path) = self.ice.selected() {
                        out.push(path, datagram);
                    }
                }
                DtlsOutput::PeerCertificate(der) => {
                    if !handshake.check(der) {
                        self.end(LostReason::DtlsFailed);
                        return;
                    }
                }
                DtlsOutput::Keys(keys) if handshake.certificate() == Some(true) => {
                    self.srtp = SrtpSession::new(&keys, srtp::Role::Server).ok();
                }
                DtlsOutput::Keys(_) | DtlsOutput::Failed => {
                    self.end(LostReason::DtlsFailed);
                    return;
                }
                DtlsOutput::Connected => handshake.done = true,
                DtlsOutput::Closed => {
                    self.end(LostReason::Closed);
                    return;
                }
                DtlsOutput::Wait(due) => {
                    handshake.timeout = due;
                    break;
                }
            }
        }
    }

    fn end(&mut self, reason: LostReason) {
        self.state = State::Over;
        self.srtp = None;
        self.ice.clear(&mut self.events);
        self.events.push_back(TransportEvent::Lost(reason));
    }
}
