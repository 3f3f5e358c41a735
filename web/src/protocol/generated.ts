// Generated from crates/protocol; do not edit. `make generate` writes it anew.

export const PROTOCOL_VERSION = 1;

export type SdpType = "offer" | "answer";

export type SessionDescription = { 
/**
 * Clients send `offer`, the server `answer`.
 */
type: SdpType, 
/**
 * The description (RFC 8866), at most 64 KiB.
 */
sdp: string, };

export type IceCandidateInit = { 
/**
 * The candidate attribute (RFC 8839, section 5.1), with or without the leading `candidate:`; empty for the end.
 */
candidate: string, 
/**
 * The `mid` it belongs to.
 */
sdpMid?: string | null, 
/**
 * The index of the m-line it belongs to.
 */
sdpMLineIndex?: number | null, 
/**
 * The ICE user name fragment it belongs to.
 */
usernameFragment?: string | null, };

export type RoomInfo = { 
/**
 * Which.
 */
id: string, 
/**
 * Its name.
 */
name: string, 
/**
 * What it is about.
 */
description: string, 
/**
 * Whether it is private.
 */
isPrivate: boolean, 
/**
 * How many people fit in.
 */
maxParticipants: number, };

export type Participant = { 
/**
 * The seat.
 */
id: string, 
/**
 * The user on it; `/api/users/{userId}/avatar` is the picture.
 */
userId: string, 
/**
 * Unique name.
 */
username: string, 
/**
 * Shown name.
 */
displayName: string, 
/**
 * Changes with the picture; `null` while it is drawn from the name.
 */
avatarVersion: number | null, 
/**
 * Whether nothing of them is forwarded, for either reason.
 */
muted: boolean, 
/**
 * Whether a moderator muted them.
 */
mutedByModerator: boolean, 
/**
 * When they joined: microseconds since the Unix epoch.
 */
joinedAt: number, };

export type SlotAssignment = { 
/**
 * The `mid` of the client's `recvonly` m-line.
 */
mid: string, 
/**
 * Who is heard there from now on; `null` for nobody.
 */
participantId: string | null, };

export type Speaker = { 
/**
 * Who.
 */
participantId: string, 
/**
 * How loud: 0 (as loud as digital audio gets) to -127 (silence), in dBov (RFC 6464, section 3, negated).
 */
level: number, };

export type MediaState = "connected" | "lost";

export type MediaStep = "offer" | "answer" | "ice" | "dtls" | "audio";

export type LeftReason = "left" | "replaced" | "room-deleted" | "forbidden" | "kicked" | "room-closed";

export type RemoveReason = "left" | "timed-out" | "replaced" | "forbidden" | "kicked";

export type ErrorCode = "unsupported-version" | "unauthorized" | "bad-json" | "unknown-type" | "bad-message" | "forbidden" | "room-not-found" | "room-full" | "not-joined" | "already-joined" | "participant-not-found" | "muted-by-moderator" | "bad-sdp" | "bad-candidate" | "rate-limited" | "server-busy" | "server-draining" | "unavailable" | "internal";

export type ClientMessage = { "type": "join", 
/**
 * Which room.
 */
roomId: string, 
/**
 * The `resumeToken` of an earlier `joined`, to take the same seat again after the socket dropped.
 */
resumeToken?: string, 
/**
 * Whether the seat starts muted. Ignored when a seat is resumed.
 */
muted?: boolean, } | { "type": "leave", } | { "type": "session-description", 
/**
 * The offer.
 */
description: SessionDescription, } | { "type": "ice-candidate", 
/**
 * What `RTCPeerConnection` reported, or `null`.
 */
candidate: IceCandidateInit | null, } | { "type": "mute", 
/**
 * Whom; oneself when absent.
 */
participantId?: string, } | { "type": "unmute", 
/**
 * Whom; oneself when absent.
 */
participantId?: string, } | { "type": "ping", } | { "type": "connection-test", } | { "type": "media-problem", 
/**
 * The step that failed.
 */
step: MediaStep, };

export type ServerMessage = { "type": "welcome", 
/**
 * The version spoken, [`crate::PROTOCOL_VERSION`].
 */
protocolVersion: number, 
/**
 * Who the server takes the client for.
 */
userId: string, 
/**
 * Seconds between the server's WebSocket pings; a socket that is silent for twice as long is closed.
 */
pingIntervalSeconds: number, 
/**
 * Seconds for which a seat is kept after its socket dropped.
 */
resumeWindowSeconds: number, 
/**
 * Largest frame accepted, in bytes.
 */
maxMessageBytes: number, } | { "type": "joined", 
/**
 * Answers this message.
 */
replyTo?: number, 
/**
 * The room.
 */
room: RoomInfo, 
/**
 * The client's own seat; also listed in `participants`.
 */
participantId: string, 
/**
 * Present it in a later `join` to get the same seat back. Changes with every `joined`.
 */
resumeToken: string, 
/**
 * Whether this is the seat of before, with its media connection still alive.
 */
resumed: boolean, 
/**
 * Whether this participant may mute others.
 */
canModerate: boolean, 
/**
 * How many `recvonly` audio m-lines the client should offer.
 */
slots: number, 
/**
 * How many people are in the room, oneself included.
 */
participantCount: number, 
/**
 * The first of them in order of joining, and oneself; [`Self::Participants`] brings the others at once.
 */
participants: Array<Participant>, } | { "type": "participants", 
/**
 * Some of those who are in the room.
 */
participants: Array<Participant>, } | { "type": "news", 
/**
 * Messages that answer nothing, and no news.
 */
messages: Array<ServerMessage>, } | { "type": "left", 
/**
 * Answers this message.
 */
replyTo?: number, 
/**
 * Which room.
 */
roomId: string, 
/**
 * Why.
 */
reason: LeftReason, } | { "type": "session-description", 
/**
 * Answers this message.
 */
replyTo?: number, 
/**
 * The answer; it holds all of the server's candidates.
 */
description: SessionDescription, } | { "type": "add-peer", 
/**
 * Who.
 */
participant: Participant, } | { "type": "remove-peer", 
/**
 * Whose.
 */
participantId: string, 
/**
 * Why.
 */
reason: RemoveReason, } | { "type": "update-peer", 
/**
 * As they are now.
 */
participant: Participant, } | { "type": "mute-info", 
/**
 * Answers this message.
 */
replyTo?: number, 
/**
 * Who.
 */
participantId: string, 
/**
 * Whether nothing of them is forwarded, for either reason.
 */
muted: boolean, 
/**
 * Whether a moderator muted them; they cannot undo that.
 */
mutedByModerator: boolean, } | { "type": "slots", 
/**
 * The changed slots.
 */
assignments: Array<SlotAssignment>, } | { "type": "speakers", 
/**
 * Everybody who speaks; empty when nobody does.
 */
speakers: Array<Speaker>, } | { "type": "media-state", 
/**
 * The state.
 */
state: MediaState, } | { "type": "room-updated", 
/**
 * The room as it is now.
 */
room: RoomInfo, } | { "type": "server-draining", 
/**
 * How long seats are kept at most, in seconds; less when nobody is in a room any more.
 */
secondsLeft: number, } | { "type": "pong", 
/**
 * Answers this message.
 */
replyTo?: number, } | { "type": "error", 
/**
 * The message that was refused.
 */
replyTo?: number, 
/**
 * Which error; stable.
 */
code: ErrorCode, 
/**
 * What was wrong and what would be right, in English, for people.
 */
message: string, };

