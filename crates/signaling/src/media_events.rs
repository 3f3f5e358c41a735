//! What the media plane says, passed on to the clients it concerns.

use std::collections::VecDeque;
use std::time::Duration;

use hubbub_domain::ParticipantId;
use hubbub_protocol::{MediaState, SdpType, ServerMessage, SessionDescription, Speaker};
use hubbub_sfu::{Event, PeerId};
use tracing::{Span, debug, error, info};

use crate::convert;
use crate::outbox::Link;
use crate::refusal::Refusal;
use crate::registry::InUse;
use crate::room::{PendingOffer, Seat};
use crate::service::Inner;

impl Inner {
    /// Passes one event on. Events about peers that left meanwhile concern nobody.
    pub(crate) fn media_event(&self, event: Event) {
        match event {
            Event::Answer { peer, request, sdp } => self.with_offer(peer, request, |seat, link, reply_to| {
                seat.join.in_scope(|| debug!("offer answered"));
                let description = SessionDescription { kind: SdpType::Answer, sdp };
                link.send(ServerMessage::SessionDescription { reply_to, description });
            }),
            Event::OfferRejected { peer, request, error } => self.with_offer(peer, request, |seat, link, reply_to| {
                let code = convert::offer_error(&error);
                seat.join.in_scope(|| debug!(code = code.as_str(), "offer refused"));
                if code == hubbub_protocol::ErrorCode::Internal {
                    error!(participant.id = %convert::participant(peer), error = %error, "an offer was not answered");
                }
                link.send(Refusal::new(code, error.to_string()).into_message(reply_to));
            }),
            Event::Connected { peer, setup } => {
                self.around.metrics.media_setup_time.observe(setup);
                if let Some((room, id)) = self.locate(peer) {
                    let milliseconds = milliseconds(setup);
                    room.with_seat(id, |seat| seat.join.in_scope(|| info!(milliseconds, "media connected")));
                    room.set_media(id, MediaState::Connected);
                }
            }
            Event::FirstPacket { peer, after } => {
                if let Some((room, id)) = self.locate(peer) {
                    let milliseconds = milliseconds(after);
                    // The join is complete: its span ends here.
                    room.with_seat(id, |seat| {
                        std::mem::replace(&mut seat.join, Span::none())
                            .in_scope(|| info!(milliseconds, "first audio packet"));
                    });
                }
            }
            Event::Lost { peer, reason } => {
                if let Some((room, id)) = self.locate(peer) {
                    debug!(room.id = %room.id, participant.id = %id, reason = ?reason, "media connection lost");
                    room.set_media(id, MediaState::Lost);
                }
            }
            Event::Slots { peer, changes } => {
                if let Some((room, id)) = self.locate(peer) {
                    let speaker = |peer: Option<PeerId>| peer.map(convert::participant);
                    room.set_slots(id, changes.into_iter().map(|(mid, peer)| (mid, speaker(peer))).collect());
                }
            }
            Event::Speakers { call, speakers } => {
                if let Some(room) = self.registry.find(convert::room(call)) {
                    let speaker = |(peer, level)| Speaker { participant_id: convert::participant(peer).0, level };
                    let speakers = speakers.into_iter().map(speaker).collect();
                    room.show_speakers(&ServerMessage::Speakers { speakers });
                }
            }
        }
    }

    fn locate(&self, peer: PeerId) -> Option<(InUse, ParticipantId)> {
        let id = convert::participant(peer);
        let room = self.registry.find(self.around.seats.room_of(id)?)?;
        Some((room, id))
    }

    /// Finds who waits for offer `request`. Earlier offers without an answer will not get one.
    fn with_offer(&self, peer: PeerId, request: u64, reply: impl FnOnce(&Seat<Link>, &Link, Option<u32>)) {
        let Some((room, id)) = self.locate(peer) else { return };
        room.with_seat(id, |seat: &mut Seat<Link>| {
            if let (Some(offer), Some(link)) = (take_offer(&mut seat.offers, request), &seat.link) {
                reply(seat, link, offer.reply_to);
            }
        });
    }
}

/// For the log, whole.
fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn take_offer(offers: &mut VecDeque<PendingOffer>, request: u64) -> Option<PendingOffer> {
    let index = offers.iter().position(|offer| offer.request == request)?;
    offers.drain(..=index).next_back()
}
