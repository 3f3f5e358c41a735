import type { Participant, RoomInfo, ServerMessage } from '@/protocol/generated';
import type { CallProblem } from './call-problem';
import type { MicrophoneProblem } from './microphone';
import type { SignalingStatus } from './signaling-client';

/** Why a call is over, or never began. */
export type EndReason =
  | 'left'
  | 'replaced'
  | 'room-deleted'
  | 'forbidden'
  | 'made-private'
  | 'room-not-found'
  | 'room-full'
  | 'kicked'
  | 'room-closed'
  | 'unauthorized'
  | 'unsupported-version'
  | 'unsupported-browser'
  | 'failed';

/** `interrupted`: packets stopped, the connection may come back by itself. `failed`: it is being made anew. */
export type MediaStatus = 'idle' | 'connecting' | 'connected' | 'interrupted' | 'failed';

export interface MicrophoneState {
  status: 'off' | 'requesting' | 'live';
  problem: MicrophoneProblem | null;
  /** The device in use, as `enumerateDevices` calls it. */
  deviceId: string | null;
}

/** All that a page shows of a call. Changed only by `reduce`. */
export interface CallState {
  phase: 'idle' | 'joining' | 'in-call' | 'ended';
  roomId: string | null;
  room: RoomInfo | null;
  selfId: string | null;
  canModerate: boolean;
  participants: readonly Participant[];
  /** Who is heard in which m-line: participant by `mid`. */
  slots: Readonly<Record<string, string>>;
  /** Who speaks, and how loud in dBov (-127 to 0): level by participant. */
  speakers: Readonly<Record<string, number>>;
  signaling: SignalingStatus;
  media: MediaStatus;
  /** How many times in a row making the media connection has failed. */
  mediaFailures: number;
  /** Whether this call has carried audio at all, so that a gap is a "reconnecting" and not a "connecting". */
  wasConnected: boolean;
  microphone: MicrophoneState;
  /** The person's own choice; a moderator's mute stands beside it in `participants`. */
  wantsMute: boolean;
  /** The browser refuses to play sound before a click. */
  audioBlocked: boolean;
  /** The server has no room for another participant at the moment; joining is tried again and again. */
  serverBusy: boolean;
  /** The server restarts, by then at the latest (milliseconds since 1970); `null` when nothing is known of that. */
  restartBy: number | null;
  /** Which step towards sound failed last, and why; `null` while nothing is known to be wrong. */
  problem: CallProblem | null;
  end: { reason: EndReason; detail: string | null } | null;
}

export const initialState: CallState = {
  phase: 'idle',
  roomId: null,
  room: null,
  selfId: null,
  canModerate: false,
  participants: [],
  slots: {},
  speakers: {},
  signaling: { kind: 'stopped', reason: 'asked' },
  media: 'idle',
  mediaFailures: 0,
  wasConnected: false,
  microphone: { status: 'off', problem: null, deviceId: null },
  wantsMute: false,
  audioBlocked: false,
  serverBusy: false,
  restartBy: null,
  problem: null,
  end: null,
};

export type CallEvent =
  | { type: 'start'; roomId: string; muted: boolean }
  | { type: 'abort' }
  | { type: 'message'; message: ServerMessage }
  | { type: 'signaling'; status: SignalingStatus }
  | { type: 'media'; media: MediaStatus }
  | { type: 'microphone'; microphone: Partial<MicrophoneState> }
  | { type: 'want-mute'; muted: boolean }
  | { type: 'audio-blocked'; blocked: boolean }
  | { type: 'server-busy'; busy: boolean }
  | { type: 'problem'; problem: CallProblem | null }
  | { type: 'end'; reason: EndReason; detail?: string };

/** The state after an event. Pure: everything that happens in a call goes through here. */
export function reduce(state: CallState, event: CallEvent): CallState {
  switch (event.type) {
    case 'start':
      return {
        ...initialState,
        microphone: state.microphone,
        phase: 'joining',
        roomId: event.roomId,
        wantsMute: event.muted,
      };
    case 'abort':
      return { ...initialState, microphone: state.microphone, wantsMute: state.wantsMute };
    case 'message':
      return reduceMessage(state, event.message);
    case 'signaling':
      // Without the socket nobody tells when somebody stops speaking.
      return {
        ...state,
        signaling: event.status,
        speakers: event.status.kind === 'open' ? state.speakers : {},
        restartBy: restartBy(state, event.status),
      };
    case 'media':
      return reduceMedia(state, event.media);
    case 'microphone':
      return { ...state, microphone: { ...state.microphone, ...event.microphone } };
    case 'want-mute':
      return { ...state, wantsMute: event.muted };
    case 'audio-blocked':
      return { ...state, audioBlocked: event.blocked };
    case 'server-busy':
      return { ...state, serverBusy: event.busy };
    case 'problem':
      return { ...state, problem: event.problem };
    case 'end':
      return {
        ...initialState,
        phase: 'ended',
        roomId: state.roomId,
        room: state.room,
        wantsMute: state.wantsMute,
        end: { reason: event.reason, detail: event.detail ?? null },
      };
  }
}

function reduceMedia(state: CallState, media: MediaStatus): CallState {
  const connected = media === 'connected';
  return {
    ...state,
    media,
    wasConnected: state.wasConnected || connected,
    problem: connected ? null : state.problem,
    mediaFailures: connected ? 0 : state.mediaFailures + (media === 'failed' ? 1 : 0),
  };
}

function reduceMessage(state: CallState, message: ServerMessage): CallState {
  switch (message.type) {
    case 'joined':
      return {
        ...state,
        phase: 'in-call',
        serverBusy: false,
        problem: null,
        room: message.room,
        selfId: message.participantId,
        canModerate: message.canModerate,
        participants: message.participants,
        wantsMute: state.wantsMute || isMutedByModerator(message.participants, message.participantId),
        slots: {},
        speakers: {},
      };
    case 'participants': {
      // The rest of the list that `joined` began with the first and oneself.
      const listed = new Set(message.participants.map((p) => p.id));
      const others = state.participants.filter((p) => !listed.has(p.id));
      const participants = [...others, ...message.participants].sort((a, b) => a.joinedAt - b.joinedAt);
      return { ...state, participants };
    }
    case 'add-peer': {
      const others = state.participants.filter((p) => p.id !== message.participant.id);
      return { ...state, participants: [...others, message.participant] };
    }
    case 'remove-peer': {
      const speakers = { ...state.speakers };
      delete speakers[message.participantId];
      return { ...state, participants: state.participants.filter((p) => p.id !== message.participantId), speakers };
    }
    case 'update-peer':
      return {
        ...state,
        participants: state.participants.map((p) => (p.id === message.participant.id ? message.participant : p)),
      };
    case 'mute-info':
      return {
        ...state,
        // Whether the microphone goes live again after a moderator's mute is for the person to say.
        wantsMute: state.wantsMute || (message.participantId === state.selfId && message.mutedByModerator),
        participants: state.participants.map((p) =>
          p.id === message.participantId
            ? { ...p, muted: message.muted, mutedByModerator: message.mutedByModerator }
            : p,
        ),
      };
    case 'session-description':
      // A new media connection begins with empty slots.
      return { ...state, slots: {} };
    case 'slots': {
      const slots = { ...state.slots };
      for (const { mid, participantId } of message.assignments) {
        if (participantId === null) delete slots[mid];
        else slots[mid] = participantId;
      }
      return { ...state, slots };
    }
    case 'speakers':
      return { ...state, speakers: Object.fromEntries(message.speakers.map((s) => [s.participantId, s.level])) };
    case 'room-updated':
      return { ...state, room: message.room };
    case 'server-draining':
      return { ...state, restartBy: Date.now() + message.secondsLeft * 1000 };
    default:
      return state;
  }
}

/** A socket that opens knows nothing of a restart until the server says so; one that the server closed to restart does. */
function restartBy(state: CallState, status: SignalingStatus): number | null {
  if (status.kind === 'open') return null;
  return state.restartBy ?? (status.kind === 'waiting' && status.restarting ? Date.now() : null);
}

function isMutedByModerator(participants: readonly Participant[], id: string): boolean {
  return participants.some((p) => p.id === id && p.mutedByModerator);
}

/** The client's own entry in the list. */
export function selfOf(state: CallState): Participant | undefined {
  return state.participants.find((p) => p.id === state.selfId);
}

/** Whether nothing of one's own voice is meant to leave: by choice, by a moderator, or for want of a microphone. */
export function isSelfMuted(state: CallState): boolean {
  return state.wantsMute || selfOf(state)?.mutedByModerator === true;
}

export type ConnectionQuality = 'connecting' | 'connected' | 'reconnecting' | 'lost';

/** After so many failed attempts in a row the connection counts as lost (about four seconds). */
const LOST_AFTER_ATTEMPTS = 5;

/** One word for the state of socket and media together. */
export function connectionOf(state: CallState): ConnectionQuality {
  const { signaling } = state;
  if ((signaling.kind === 'waiting' || signaling.kind === 'connecting') && signaling.attempt >= LOST_AFTER_ATTEMPTS) {
    return 'lost';
  }
  if (state.phase === 'in-call' && signaling.kind === 'open' && state.media === 'connected') return 'connected';
  return state.wasConnected ? 'reconnecting' : 'connecting';
}
