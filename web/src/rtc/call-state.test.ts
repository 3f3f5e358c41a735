import { describe, expect, it } from 'vitest';
import type { Participant, ServerMessage } from '@/protocol/generated';
import { type CallState, initialState, reduce } from './call-state';
import { meterShare, rmsDecibels } from './level-meter';
import { noticesOf } from './notices';
import { summarize } from './stats';

const person = (id: string, userId = id): Participant => ({
  id,
  userId,
  username: id,
  displayName: id,
  avatarVersion: null,
  muted: false,
  mutedByModerator: false,
  joinedAt: 1,
});

const inside: CallState = {
  ...initialState,
  phase: 'in-call',
  selfId: 'me',
  participants: [person('me'), person('a')],
};
const apply = (state: CallState, ...messages: ServerMessage[]) =>
  messages.reduce((s, message) => reduce(s, { type: 'message', message }), state);

describe('who is here', () => {
  it('follows comings and goings', () => {
    const came = apply(inside, { type: 'add-peer', participant: person('b') });
    expect(came.participants.map((p) => p.id)).toEqual(['me', 'a', 'b']);
    const went = apply(came, { type: 'remove-peer', participantId: 'a', reason: 'left' });
    expect(went.participants.map((p) => p.id)).toEqual(['me', 'b']);
  });

  it('takes the rest of a long list in order of joining', () => {
    const at = (id: string, joinedAt: number) => ({ ...person(id), joinedAt });
    const joined = { ...inside, participants: [at('a', 1), at('me', 9)] };
    const state = apply(
      joined,
      { type: 'participants', participants: [at('b', 2), at('c', 3)] },
      { type: 'participants', participants: [at('d', 4)] },
    );
    expect(state.participants.map((p) => p.id)).toEqual(['a', 'b', 'c', 'd', 'me']);
  });

  it('lists nobody twice', () => {
    const state = apply(inside, { type: 'add-peer', participant: person('a') });
    expect(state.participants).toHaveLength(2);
  });

  it('takes new names and pictures over, at the same place', () => {
    const renamed = { ...person('me'), displayName: 'Ada', avatarVersion: 7 };
    expect(apply(inside, { type: 'update-peer', participant: renamed }).participants).toEqual([renamed, person('a')]);
    expect(apply(inside, { type: 'update-peer', participant: person('gone') })).toEqual(inside);
  });

  it('forgets that somebody speaks who left', () => {
    const speaking = apply(inside, { type: 'speakers', speakers: [{ participantId: 'a', level: -20 }] });
    expect(apply(speaking, { type: 'remove-peer', participantId: 'a', reason: 'left' }).speakers).toEqual({});
  });

  it('replaces the whole set of speakers', () => {
    const state = apply(
      inside,
      { type: 'speakers', speakers: [{ participantId: 'a', level: -20 }] },
      { type: 'speakers', speakers: [{ participantId: 'me', level: -30 }] },
    );
    expect(state.speakers).toEqual({ me: -30 });
  });
});

it('nobody speaks any more once the socket is gone', () => {
  const speaking = apply(inside, { type: 'speakers', speakers: [{ participantId: 'a', level: -20 }] });
  const lost = reduce(speaking, {
    type: 'signaling',
    status: { kind: 'waiting', attempt: 1, retryAt: 0, restarting: false, cause: 'dropped' },
  });
  expect(lost.speakers).toEqual({});
});

describe('slots', () => {
  const heard = apply(inside, { type: 'slots', assignments: [{ mid: '1', participantId: 'a' }] });

  it('change one by one', () => {
    const state = apply(heard, { type: 'slots', assignments: [{ mid: '2', participantId: 'b' }] });
    expect(state.slots).toEqual({ 1: 'a', 2: 'b' });
    expect(apply(state, { type: 'slots', assignments: [{ mid: '1', participantId: null }] }).slots).toEqual({ 2: 'b' });
  });

  it('are empty after a new answer', () => {
    const answer: ServerMessage = { type: 'session-description', description: { type: 'answer', sdp: '' } };
    expect(apply(heard, answer).slots).toEqual({});
  });
});

describe('notices', () => {
  it('say nothing of somebody who only changed tabs', () => {
    expect(noticesOf(inside, { type: 'add-peer', participant: person('a-2', 'a') })).toEqual([]);
    expect(noticesOf(inside, { type: 'remove-peer', participantId: 'a', reason: 'replaced' })).toEqual([]);
  });

  it('tell of others, and of a moderator only when it is about oneself', () => {
    expect(noticesOf(inside, { type: 'add-peer', participant: person('b') })).toHaveLength(1);
    const mute = { type: 'mute-info', muted: true, mutedByModerator: true } as const;
    expect(noticesOf(inside, { ...mute, participantId: 'a' })).toEqual([]);
    expect(noticesOf(inside, { ...mute, participantId: 'me' })).toEqual([{ type: 'muted-by-moderator' }]);
  });
});

describe('figures', () => {
  it('measure a full-scale sine at -3 dBFS and silence at the floor', () => {
    const sine = Float32Array.from({ length: 4800 }, (_, i) => Math.sin((2 * Math.PI * 440 * i) / 48_000));
    expect(rmsDecibels(sine)).toBeCloseTo(-3.01, 1);
    expect(rmsDecibels(new Float32Array(8))).toBe(-127);
    expect([meterShare(-127), meterShare(0)]).toEqual([0, 1]);
  });

  it('read round trip and loss from a report', () => {
    const stats = summarize([
      ['p', { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.0234 }],
      ['a', { type: 'inbound-rtp', packetsReceived: 97, packetsLost: 3 }],
      ['b', { type: 'inbound-rtp', packetsReceived: 0, packetsLost: -2 }],
    ]);
    expect(stats).toEqual({ roundTripMs: 23, lossRatio: 0.03 });
  });
});
