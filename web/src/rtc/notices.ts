import type { Participant, ServerMessage } from '@/protocol/generated';
import type { CallState } from './call-state';

/** Something that just happened and that people want to hear of once. */
export type Notice =
  | { type: 'peer-joined'; participant: Participant }
  | { type: 'peer-left'; participant: Participant }
  | { type: 'muted-by-moderator' }
  | { type: 'unmuted-by-moderator' }
  | { type: 'unmute-refused' }
  | { type: 'microphone-lost' }
  | { type: 'server-draining'; secondsLeft: number };

/** What a message tells beyond the new state; `state` is the one before the message. */
export function noticesOf(state: CallState, message: ServerMessage): Notice[] {
  switch (message.type) {
    case 'add-peer': {
      const known = state.participants.some((p) => p.userId === message.participant.userId);
      return known ? [] : [{ type: 'peer-joined', participant: message.participant }];
    }
    case 'remove-peer': {
      const participant = state.participants.find((p) => p.id === message.participantId);
      return participant && message.reason !== 'replaced' ? [{ type: 'peer-left', participant }] : [];
    }
    case 'mute-info': {
      if (message.participantId !== state.selfId) return [];
      const before = state.participants.find((p) => p.id === state.selfId)?.mutedByModerator ?? false;
      if (before === message.mutedByModerator) return [];
      return [{ type: message.mutedByModerator ? 'muted-by-moderator' : 'unmuted-by-moderator' }];
    }
    case 'server-draining':
      return state.phase === 'in-call' ? [message] : [];
    default:
      return [];
  }
}
