//! From an offer to its answer.

use std::time::Instant;

use rand::RngExt;

use super::connection::{Connection, Relation};
use super::core::WorkerCore;
use crate::call::SlotChange;
use crate::error::OfferError;
use crate::rtp::slot::SlotRewriter;
use crate::sdp::{Answer, Offer, Slot};
use crate::transport::{Credentials, Transport};

impl WorkerCore {
    /// Answers the offer of the peer at `key`; on an error the peer is as it was before.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        key: Option<usize>,
        offer: Result<Offer, OfferError>,
    ) -> Result<String, OfferError> {
        let key = key.ok_or(OfferError::UnknownPeer)?;
        let offer = &offer?;
        match self.peers[key].connection.as_ref().map(|connection| connection.relation(offer)) {
            Some(Relation::Renegotiation) => {}
            Some(Relation::IceRestart) => self.restart_ice(key, offer),
            Some(Relation::Replacement) => {
                self.drop_connection(now, key);
                self.connect(now, key, offer);
            }
            None if self.connections >= self.settings.max_peers => return Err(OfferError::Busy),
            None => self.connect(now, key, offer),
        }
        self.set_media(key, offer);
        self.settle(now, key);
        Ok(self.write_answer(key, offer))
    }

    fn connect(&mut self, now: Instant, key: usize, offer: &Offer) {
        let local = Credentials::of_worker(self.settings.worker);
        self.ufrags.insert(local.ufrag.clone(), key);
        let fingerprints = offer.fingerprints.clone();
        let transport = Transport::new(now, &self.settings.identity, local, fingerprints);
        self.peers[key].connection = Some(Connection::new(transport, now, offer));
        self.connections += 1;
    }

    fn restart_ice(&mut self, key: usize, offer: &Offer) {
        let Some(connection) = &mut self.peers[key].connection else { return };
        let local = Credentials::of_worker(self.settings.worker);
        self.ufrags.remove(connection.transport.local_ufrag());
        self.ufrags.insert(local.ufrag.clone(), key);
        connection.restart_ice(local, offer);
    }

    fn set_media(&mut self, key: usize, offer: &Offer) {
        let peer = &mut self.peers[key];
        let Some(connection) = &mut peer.connection else { return };
        let taken: Vec<u32> = offer.audio().flat_map(|media| media.ssrcs.iter().copied()).collect();
        let next_ssrc = &mut self.next_ssrc;
        let stream = connection.microphone.as_ref().and_then(|microphone| microphone.stream.as_ref().map(|s| s.id));
        let mids: Vec<_> = connection.slots.iter().map(|slot| slot.mid).collect();
        connection.set_media(offer, self.settings.max_slots, || {
            let mut rng = rand::rng();
            // In the lower half, so that losing the first packets cannot hide a wrap-around from SRTP (RFC 3711, section
            // 3.3.1, needs to guess how many there were).
            SlotRewriter::new(unused(next_ssrc, &taken), rng.random::<u16>() >> 1, rng.random())
        });
        if !connection.transport.is_connected() {
            return;
        }
        let call = &mut self.calls[peer.call].0;
        // The microphone is gone: its slots go to others.
        let now_stream = connection.microphone.as_ref().and_then(|microphone| microphone.stream.as_ref().map(|s| s.id));
        if stream.is_some() && now_stream.is_none() {
            call.silence(peer.member, &mut self.changes);
        }
        // Slots are known by number there: when the numbers mean other m-lines now, all are assigned anew.
        let kept = mids.iter().zip(&connection.slots).all(|(before, slot)| *before == slot.mid);
        if !kept {
            call.set_slots(peer.member, 0, &mut Vec::new());
            let empty = |slot| SlotChange { listener: key, slot, speaker: None };
            self.changes.extend((0..).take(connection.slots.len()).map(empty));
        }
        call.set_slots(peer.member, connection.slots.len(), &mut self.changes);
        let call = peer.call;
        self.relay_crossings(call);
    }

    fn write_answer(&mut self, key: usize, offer: &Offer) -> String {
        let peer = &mut self.peers[key];
        let Some(connection) = &peer.connection else { return String::new() };
        peer.session_version += 1;
        let slots: Vec<Slot> =
            connection.slots.iter().map(|slot| Slot { mid: slot.mid, ssrc: slot.rewriter.ssrc() }).collect();
        Answer {
            session: (peer.session, peer.session_version),
            local: connection.transport.local(),
            fingerprint: self.settings.identity.fingerprint(),
            udp: &self.settings.candidates.udp,
            tcp: &self.settings.candidates.tcp,
            slots: &slots,
            cname: &self.cname,
        }
        .write(offer)
    }
}

/// The next SSRC of this worker that is not among the client's own (RFC 3550, section 8.2).
fn unused(next: &mut u32, taken: &[u32]) -> u32 {
    loop {
        *next = next.wrapping_add(1);
        if *next != 0 && !taken.contains(next) {
            return *next;
        }
    }
}
