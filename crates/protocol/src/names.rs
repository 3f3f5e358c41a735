//! The names of messages and error codes as they stand on the wire, for metrics and logs.

use crate::client::{ClientMessage, MediaStep};
use crate::server::{ErrorCode, ServerMessage};

impl ClientMessage {
    /// Every `type` a client may send.
    pub const TYPES: [&'static str; 9] = [
        "join",
        "leave",
        "session-description",
        "ice-candidate",
        "mute",
        "unmute",
        "ping",
        "connection-test",
        "media-problem",
    ];

    /// Where this message's `type` stands in [`Self::TYPES`].
    #[must_use]
    pub fn type_index(&self) -> usize {
        match self {
            Self::Join { .. } => 0,
            Self::Leave {} => 1,
            Self::SessionDescription { .. } => 2,
            Self::IceCandidate { .. } => 3,
            Self::Mute { .. } => 4,
            Self::Unmute { .. } => 5,
            Self::Ping {} => 6,
            Self::ConnectionTest {} => 7,
            Self::MediaProblem { .. } => 8,
        }
    }
}

impl ServerMessage {
    /// Every `type` the server may send.
    pub const TYPES: [&'static str; 17] = [
        "welcome",
        "joined",
        "left",
        "session-description",
        "add-peer",
        "remove-peer",
        "update-peer",
        "mute-info",
        "slots",
        "speakers",
        "media-state",
        "room-updated",
        "server-draining",
        "pong",
        "error",
        "participants",
        "news",
    ];

    /// Where this message's `type` stands in [`Self::TYPES`].
    #[must_use]
    pub fn type_index(&self) -> usize {
        match self {
            Self::Welcome { .. } => 0,
            Self::Joined { .. } => 1,
            Self::Left { .. } => 2,
            Self::SessionDescription { .. } => 3,
            Self::AddPeer { .. } => 4,
            Self::RemovePeer { .. } => 5,
            Self::UpdatePeer { .. } => 6,
            Self::MuteInfo { .. } => 7,
            Self::Slots { .. } => 8,
            Self::Speakers { .. } => 9,
            Self::MediaState { .. } => 10,
            Self::RoomUpdated { .. } => 11,
            Self::ServerDraining { .. } => 12,
            Self::Pong { .. } => 13,
            Self::Error { .. } => 14,
            Self::Participants { .. } => 15,
            Self::News { .. } => 16,
        }
    }
}

impl MediaStep {
    /// Every step, in order.
    pub const ALL: [Self; 5] = [Self::Offer, Self::Answer, Self::Ice, Self::Dtls, Self::Audio];

    /// The step as it stands on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offer => "offer",
            Self::Answer => "answer",
            Self::Ice => "ice",
            Self::Dtls => "dtls",
            Self::Audio => "audio",
        }
    }
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 19] = [
        Self::UnsupportedVersion,
        Self::Unauthorized,
        Self::BadJson,
        Self::UnknownType,
        Self::BadMessage,
        Self::Forbidden,
        Self::RoomNotFound,
        Self::RoomFull,
        Self::NotJoined,
        Self::AlreadyJoined,
        Self::ParticipantNotFound,
        Self::MutedByModerator,
        Self::BadSdp,
        Self::BadCandidate,
        Self::RateLimited,
        Self::ServerBusy,
        Self::ServerDraining,
        Self::Unavailable,
        Self::Internal,
    ];

    /// The code as it stands on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnsupportedVersion => "unsupported-version",
            Self::Unauthorized => "unauthorized",
            Self::BadJson => "bad-json",
            Self::UnknownType => "unknown-type",
            Self::BadMessage => "bad-message",
            Self::Forbidden => "forbidden",
            Self::RoomNotFound => "room-not-found",
            Self::RoomFull => "room-full",
            Self::NotJoined => "not-joined",
            Self::AlreadyJoined => "already-joined",
            Self::ParticipantNotFound => "participant-not-found",
            Self::MutedByModerator => "muted-by-moderator",
            Self::BadSdp => "bad-sdp",
            Self::BadCandidate => "bad-candidate",
            Self::RateLimited => "rate-limited",
            Self::ServerBusy => "server-busy",
            Self::ServerDraining => "server-draining",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn codes_are_named_as_on_the_wire_and_listed_in_order() {
        for (index, code) in ErrorCode::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_value(code).unwrap(), Value::from(code.as_str()));
            assert_eq!(code as usize, index);
        }
    }

    #[test]
    fn steps_are_named_as_on_the_wire_and_listed_in_order() {
        for (index, step) in MediaStep::ALL.into_iter().enumerate() {
            assert_eq!(serde_json::to_value(step).unwrap(), Value::from(step.as_str()));
            assert_eq!(step as usize, index);
        }
    }

    #[test]
    fn client_messages_are_named_as_on_the_wire() {
        let id = "0192a0b0-0000-7000-8000-000000000000";
        let bodies = [
            json!({"roomId": id}),
            json!({}),
            json!({"description": {"type": "offer", "sdp": ""}}),
            json!({"candidate": null}),
            json!({}),
            json!({}),
            json!({}),
            json!({}),
            json!({"step": "ice"}),
        ];
        for (index, mut body) in bodies.into_iter().enumerate() {
            body["type"] = ClientMessage::TYPES[index].into();
            let message: ClientMessage = serde_json::from_value(body).unwrap();
            assert_eq!(message.type_index(), index);
        }
    }

    #[test]
    fn server_messages_are_named_as_on_the_wire() {
        let id = "0192a0b0-0000-7000-8000-000000000000";
        let room = json!({"id": id, "name": "", "description": "", "isPrivate": false, "maxParticipants": 2});
        let participant = json!({"id": id, "userId": id, "username": "", "displayName": "", "muted": false,
            "mutedByModerator": false, "joinedAt": 0});
        let bodies = [
            json!({"protocolVersion": 1, "userId": id, "pingIntervalSeconds": 1, "resumeWindowSeconds": 1,
                "maxMessageBytes": 1}),
            json!({"room": room, "participantId": id, "resumeToken": "", "resumed": false, "canModerate": false,
                "slots": 1, "participantCount": 1, "participants": []}),
            json!({"roomId": id, "reason": "left"}),
            json!({"description": {"type": "answer", "sdp": ""}}),
            json!({"participant": participant}),
            json!({"participantId": id, "reason": "left"}),
            json!({"participant": participant}),
            json!({"participantId": id, "muted": false, "mutedByModerator": false}),
            json!({"assignments": []}),
            json!({"speakers": []}),
            json!({"state": "lost"}),
            json!({"room": room}),
            json!({"secondsLeft": 3}),
            json!({}),
            json!({"code": "internal", "message": ""}),
            json!({"participants": [participant]}),
            json!({"messages": [{"type": "pong"}]}),
        ];
        for (index, mut body) in bodies.into_iter().enumerate() {
            body["type"] = ServerMessage::TYPES[index].into();
            let message: ServerMessage = serde_json::from_value(body).unwrap();
            assert_eq!(message.type_index(), index);
        }
    }
}
