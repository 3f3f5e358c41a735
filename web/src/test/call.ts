import { afterEach, beforeEach, vi } from 'vitest';
import type { Participant, ServerMessage } from '@/protocol/generated';
import { CallEngine } from '@/rtc/call-engine';
import { createIceServers } from '@/rtc/ice-servers';
import type { Notice } from '@/rtc/notices';
import type { LoginCheck } from '@/rtc/signaling-client';
import { FakePeerConnection, FakeStream } from './fake-media';
import { FakeSocket } from './fake-socket';

export const askForServers = vi.fn<() => Promise<{ iceServers: RTCIceServer[]; ttlSeconds: number }>>();
export const getUserMedia = vi.fn<(constraints: MediaStreamConstraints) => Promise<FakeStream>>();
export const checkLogin = vi.fn<() => Promise<LoginCheck>>();
export let engine: CallEngine;
export let notices: Notice[];

export const person = (id: string, extra: Partial<Participant> = {}): Participant => ({
  id,
  userId: `user-${id}`,
  username: id,
  displayName: id.toUpperCase(),
  muted: false,
  avatarVersion: null,
  mutedByModerator: false,
  joinedAt: 1,
  ...extra,
});

export function joined(extra: Partial<Extract<ServerMessage, { type: 'joined' }>> = {}): ServerMessage {
  return {
    type: 'joined',
    room: { id: 'room', name: 'Tea', description: '', isPrivate: false, maxParticipants: 10 },
    participantId: 'me',
    resumeToken: 'token-1',
    resumed: false,
    canModerate: false,
    slots: 3,
    participantCount: 2,
    participants: [person('bob'), person('me')],
    ...extra,
  };
}

/** Lets promises run. */
export const settle = () => vi.advanceTimersByTimeAsync(0);

/** In the room, with an answer, and not connected. */
export async function answered(
  options = { muted: false, listenOnly: false },
  welcome = joined(),
): Promise<FakePeerConnection> {
  void engine.join('room', options);
  await settle();
  FakeSocket.last.welcome();
  FakeSocket.last.answer('join', welcome);
  await settle();
  FakeSocket.last.answer('session-description', {
    type: 'session-description',
    description: { type: 'answer', sdp: 'answer' },
  });
  await settle();
  return FakePeerConnection.last;
}

/** In the room and connected. */
export async function enter(options?: { muted: boolean; listenOnly: boolean }, welcome?: ServerMessage): Promise<void> {
  (await answered(options, welcome)).move('connected');
}

/** The socket drops, and a new one is open. */
export async function reconnect(): Promise<void> {
  FakeSocket.last.drop();
  await vi.advanceTimersByTimeAsync(1_000);
  FakeSocket.last.welcome();
}

/** Gives every test of a file an engine whose server, sockets and media are its own. */
export function setUpCalls(): void {
  beforeEach(() => {
    vi.useFakeTimers();
    FakeSocket.all = [];
    FakePeerConnection.all = [];
    askForServers.mockReset().mockResolvedValue({ iceServers: [], ttlSeconds: 300 });
    checkLogin.mockReset().mockResolvedValue('valid');
    getUserMedia.mockReset().mockImplementation(async () => new FakeStream());
    vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
    vi.stubGlobal('MediaStream', FakeStream);
    vi.stubGlobal('navigator', { ...navigator, mediaDevices: { getUserMedia }, onLine: true });
    engine = new CallEngine({
      signalingUrl: () => 'ws://host/ws',
      checkLogin,
      iceServers: createIceServers(askForServers),
      createSocket: FakeSocket.create,
      createPeerConnection: FakePeerConnection.create,
    });
    notices = [];
    engine.onNotice((notice) => notices.push(notice));
  });

  afterEach(() => {
    engine.leave();
    vi.useRealTimers();
  });
}
