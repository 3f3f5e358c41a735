//! Ids and shapes between the domain, the wire and the media plane.

use hubbub_domain::{LiveParticipant, MediaLink, MediaRoute, ParticipantId, PeerMedia, Room, RoomId};
use hubbub_protocol::{ErrorCode, Participant, RoomInfo, SlotAssignment};
use hubbub_sfu::{AddressFamily, CallId, LinkStats, Mid, OfferError, PeerId, PeerStats, Protocol};
use uuid::Uuid;

/// A room's media is the call of the same number.
pub(crate) fn call(room: RoomId) -> CallId {
    CallId(room.0.as_u128())
}

/// The room of a call.
pub(crate) fn room(call: CallId) -> RoomId {
    RoomId(Uuid::from_u128(call.0))
}

/// A seat's media is the peer of the same number.
pub(crate) fn peer(participant: ParticipantId) -> PeerId {
    PeerId(participant.0.as_u128())
}

/// The seat of a peer.
pub(crate) fn participant(peer: PeerId) -> ParticipantId {
    ParticipantId(Uuid::from_u128(peer.0))
}

/// A seat as the others see it.
pub(crate) fn participant_info(live: LiveParticipant) -> Participant {
    Participant {
        id: live.id.0,
        user_id: live.user.0,
        username: live.username,
        display_name: live.display_name,
        avatar_version: live.avatar_version.map(|at| at.0),
        muted: live.muted,
        muted_by_moderator: live.muted_by_moderator,
        joined_at: live.joined_at.0,
    }
}

/// A room as those inside see it.
pub(crate) fn room_info(room: &Room) -> RoomInfo {
    RoomInfo {
        id: room.id.0,
        name: room.name.as_str().to_owned(),
        description: room.description.as_str().to_owned(),
        is_private: room.is_private,
        max_participants: room.max_participants.get(),
    }
}

/// A slot and who is heard there.
pub(crate) fn slot(mid: &Mid, speaker: Option<ParticipantId>) -> SlotAssignment {
    SlotAssignment { mid: mid.as_str().to_owned(), participant_id: speaker.map(|id| id.0) }
}

/// A peer's connection as admins see it.
pub(crate) fn media(stats: &PeerStats) -> PeerMedia {
    let link = |link: &LinkStats| MediaLink { bitrate: link.bitrate, loss: link.loss, jitter: link.jitter };
    PeerMedia {
        connected: stats.connected,
        route: stats.route.map(|route| MediaRoute {
            tcp: route.protocol == Protocol::Tcp,
            ipv6: route.family == AddressFamily::V6,
            relayed: route.relayed,
        }),
        round_trip: stats.round_trip,
        speaks: stats.speaks,
        uplink: link(&stats.uplink),
        downlink: link(&stats.downlink),
    }
}

/// The code under which a client sees that its offer was refused.
pub(crate) fn offer_error(error: &OfferError) -> ErrorCode {
    match error {
        OfferError::TooLarge(_) | OfferError::Syntax(_) | OfferError::Unsupported(_) => ErrorCode::BadSdp,
        OfferError::Busy => ErrorCode::ServerBusy,
        OfferError::UnknownPeer => ErrorCode::Internal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_as_they_went() {
        let (seat, place) = (ParticipantId::new(), RoomId::new());
        assert_eq!(participant(peer(seat)), seat);
        assert_eq!(room(call(place)), place);
    }
}
