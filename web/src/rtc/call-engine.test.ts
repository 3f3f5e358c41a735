import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Participant, ServerMessage } from '@/protocol/generated';
import { FakePeerConnection, FakeStream, type FakeTrack } from '@/test/fake-media';
import { FakeSocket } from '@/test/fake-socket';
import { CallEngine } from './call-engine';
import { connectionOf } from './call-state';
import { createIceServers } from './ice-servers';
import type { Notice } from './notices';

const askForServers = vi.fn<() => Promise<{ iceServers: RTCIceServer[]; ttlSeconds: number }>>();
const getUserMedia = vi.fn<(constraints: MediaStreamConstraints) => Promise<FakeStream>>();
let engine: CallEngine;
let notices: Notice[];

const person = (id: string, extra: Partial<Participant> = {}): Participant => ({
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

function joined(extra: Partial<Extract<ServerMessage, { type: 'joined' }>> = {}): ServerMessage {
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
const settle = () => vi.advanceTimersByTimeAsync(0);

async function enter(options = { muted: false, listenOnly: false }, welcome = joined()): Promise<void> {
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
  FakePeerConnection.last.move('connected');
}

/** The socket drops, and a new one is open. */
async function reconnect(): Promise<void> {
  FakeSocket.last.drop();
  await vi.advanceTimersByTimeAsync(1_000);
  FakeSocket.last.welcome();
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  FakePeerConnection.all = [];
  askForServers.mockReset().mockResolvedValue({ iceServers: [], ttlSeconds: 300 });
  getUserMedia.mockReset().mockImplementation(async () => new FakeStream());
  vi.stubGlobal('RTCPeerConnection', FakePeerConnection);
  vi.stubGlobal('MediaStream', FakeStream);
  vi.stubGlobal('navigator', { ...navigator, mediaDevices: { getUserMedia }, onLine: true });
  engine = new CallEngine({
    signalingUrl: () => 'ws://host/ws',
    checkLogin: async () => 'valid',
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

describe('ICE servers', () => {
  const turn = (credential: string) => [{ urls: ['turn:turn.example.org'], username: 'u', credential }];

  it('gives the connection those of the server, and new ones before their credentials run out', async () => {
    askForServers.mockResolvedValueOnce({ iceServers: turn('first'), ttlSeconds: 300 });
    askForServers.mockRejectedValueOnce(new Error('offline'));
    askForServers.mockResolvedValue({ iceServers: turn('second'), ttlSeconds: 300 });
    await enter();
    const { last } = FakePeerConnection;
    expect(last.configuration).toEqual({ iceServers: turn('first'), bundlePolicy: 'max-bundle' });
    await vi.advanceTimersByTimeAsync(239_000);
    expect(last.configuration.iceServers).toEqual(turn('first'));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(last.configuration).toEqual({ iceServers: turn('second'), bundlePolicy: 'max-bundle' });
    expect(FakePeerConnection.all).toHaveLength(1);
    engine.leave();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(askForServers).toHaveBeenCalledTimes(3);
  });

  it('goes on without them when they cannot be had', async () => {
    askForServers.mockRejectedValue(new Error('offline'));
    await enter();
    expect(FakePeerConnection.last.configuration.iceServers).toEqual([]);
    expect(connectionOf(engine.store.getState())).toBe('connected');
  });
});

describe('joining', () => {
  it('offers the microphone first and then as many slots as the server wants', async () => {
    await enter();
    const { transceivers, remoteDescription } = FakePeerConnection.last;
    expect(transceivers.map((t) => t.direction)).toEqual(['sendonly', 'recvonly', 'recvonly', 'recvonly']);
    expect(transceivers[0]?.source).toBe(engine.microphone.track);
    expect(remoteDescription?.sdp).toBe('answer');
    expect(connectionOf(engine.store.getState())).toBe('connected');
  });

  it('asks for echo cancellation, noise suppression and gain control, unless told otherwise', async () => {
    await enter();
    const on = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    expect(getUserMedia.mock.calls[0]?.[0].audio).toEqual(on);
    engine.leave();
    localStorage.setItem('hubbub.audioProcessing', 'off');
    await enter();
    const off = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    expect(getUserMedia.mock.calls[1]?.[0].audio).toEqual(off);
  });

  it('offers nothing to send when only listening, and asks for no microphone', async () => {
    await enter({ muted: true, listenOnly: true });
    expect(FakePeerConnection.last.transceivers.map((t) => t.direction)).toEqual(['recvonly', 'recvonly', 'recvonly']);
    expect(getUserMedia).not.toHaveBeenCalled();
  });

  it.each([
    ['NotFoundError', 'not-found'],
    ['NotAllowedError', 'denied'],
    ['NotReadableError', 'busy'],
  ])('tells of %s and does not go in', async (name, problem) => {
    getUserMedia.mockRejectedValue(new DOMException('x', name));
    await engine.join('room', { muted: false, listenOnly: false });
    expect(engine.store.getState()).toMatchObject({ phase: 'idle', microphone: { status: 'off', problem } });
    expect(FakeSocket.all).toHaveLength(0);
  });

  it.each(['room-full', 'forbidden', 'room-not-found'] as const)(
    'ends with %s and does not try again',
    async (code) => {
      void engine.join('room', { muted: false, listenOnly: false });
      await settle();
      FakeSocket.last.welcome();
      FakeSocket.last.answer('join', { type: 'error', code, message: 'no' });
      await vi.advanceTimersByTimeAsync(60_000);
      expect(engine.store.getState()).toMatchObject({ phase: 'ended', end: { reason: code } });
      expect(FakeSocket.all).toHaveLength(1);
    },
  );

  it('tries again when the server is busy', async () => {
    void engine.join('room', { muted: false, listenOnly: false });
    await settle();
    FakeSocket.last.welcome();
    FakeSocket.last.answer('join', { type: 'error', code: 'server-busy', message: 'later' });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(engine.store.getState()).toMatchObject({ phase: 'joining', serverBusy: true });
    FakeSocket.last.welcome();
    FakeSocket.last.answer('join', joined());
    await settle();
    expect(engine.store.getState()).toMatchObject({ phase: 'in-call', serverBusy: false });
  });

  it('tries again when the server is about to restart, and says so', async () => {
    void engine.join('room', { muted: false, listenOnly: false });
    await settle();
    FakeSocket.last.welcome();
    FakeSocket.last.say({ type: 'server-draining', secondsLeft: 3 });
    FakeSocket.last.answer('join', { type: 'error', code: 'server-draining', message: 'later' });
    await settle();
    expect(engine.store.getState()).toMatchObject({ phase: 'joining', serverBusy: false });
    expect(engine.store.getState().restartBy).not.toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.last.welcome();
    FakeSocket.last.answer('join', joined());
    await settle();
    expect(engine.store.getState()).toMatchObject({ phase: 'in-call', restartBy: null });
  });

  it('lets go of a microphone that was granted after the person went away', async () => {
    let grant: (stream: FakeStream) => void = () => undefined;
    getUserMedia.mockImplementation(() => new Promise((resolve) => (grant = resolve)));
    void engine.join('room', { muted: false, listenOnly: false });
    engine.leave();
    const stream = new FakeStream();
    grant(stream);
    await settle();
    expect(stream.tracks[0]?.stopped).toBe(true);
    expect(FakeSocket.all).toHaveLength(0);
  });
});

describe('coming back', () => {
  it('takes the same seat with the last token and leaves the media alone', async () => {
    await enter();
    await reconnect();
    expect(FakeSocket.last.of('join')[0]).toMatchObject({ roomId: 'room', resumeToken: 'token-1' });
    FakeSocket.last.answer('join', joined({ resumed: true, resumeToken: 'token-2' }));
    await settle();
    expect(FakePeerConnection.all).toHaveLength(1);
    expect(connectionOf(engine.store.getState())).toBe('connected');
    await reconnect();
    expect(FakeSocket.last.of('join')[0]).toMatchObject({ resumeToken: 'token-2' });
  });

  it('makes a new media connection when the seat was gone', async () => {
    await enter();
    await reconnect();
    FakeSocket.last.answer('join', joined({ participantId: 'me-2', participants: [person('me-2')] }));
    await settle();
    expect(FakePeerConnection.all).toHaveLength(2);
    expect(FakePeerConnection.all[0]?.closed).toBe(true);
    expect(FakeSocket.last.of('session-description')).toHaveLength(1);
    expect(engine.store.getState().selfId).toBe('me-2');
  });

  it('is told of a restart and comes back muted as before, with the same microphone', async () => {
    await enter();
    const notices: string[] = [];
    engine.onNotice((notice) => notices.push(notice.type));
    const track = engine.microphone.track;
    engine.setMuted(true);
    FakeSocket.last.say({ type: 'server-draining', secondsLeft: 3 });
    expect(notices).toEqual(['server-draining']);
    expect(connectionOf(engine.store.getState())).toBe('connected');
    FakeSocket.last.drop(1001);
    expect(engine.store.getState().restartBy).not.toBeNull();
    await vi.advanceTimersByTimeAsync(1_300);
    FakeSocket.last.welcome();
    expect(FakeSocket.last.of('join')[0]).toMatchObject({ roomId: 'room', muted: true });
    FakeSocket.last.answer('join', joined({ participantId: 'me-2', participants: [person('me-2')] }));
    await settle();
    expect(FakePeerConnection.all).toHaveLength(2);
    expect(engine.microphone.track).toBe(track);
    expect(engine.store.getState()).toMatchObject({ phase: 'in-call', wantsMute: true, restartBy: null });
  });

  it('makes a new media connection when the server lost the old one', async () => {
    await enter();
    FakeSocket.last.say({ type: 'media-state', state: 'lost' });
    expect(connectionOf(engine.store.getState())).toBe('reconnecting');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(FakePeerConnection.all).toHaveLength(2);
  });

  it('makes a new media connection when the old one failed, though the seat is resumed', async () => {
    await enter();
    FakeSocket.last.drop();
    FakePeerConnection.last.move('failed');
    await vi.advanceTimersByTimeAsync(300);
    FakeSocket.last.welcome();
    FakeSocket.last.answer('join', joined({ resumed: true }));
    await settle();
    expect(FakePeerConnection.all).toHaveLength(2);
  });

  it('waits five seconds for an interrupted connection before it gives it up', async () => {
    await enter();
    FakePeerConnection.last.move('disconnected');
    await vi.advanceTimersByTimeAsync(4_900);
    expect(FakePeerConnection.all).toHaveLength(1);
    FakePeerConnection.last.move('connected');
    await vi.advanceTimersByTimeAsync(6_000);
    FakeSocket.last.answer('ping', { type: 'pong' });
    expect(FakePeerConnection.all).toHaveLength(1);
    FakePeerConnection.last.move('disconnected');
    await vi.advanceTimersByTimeAsync(6_000);
    expect(FakePeerConnection.all).toHaveLength(2);
  });

  it('tells that the connection is lost after some failures, and recovers', async () => {
    await enter();
    FakeSocket.last.drop();
    for (let i = 0; i < 5; i++) {
      await vi.advanceTimersByTimeAsync(5_000);
      FakeSocket.last.drop();
    }
    expect(connectionOf(engine.store.getState())).toBe('lost');
    await vi.advanceTimersByTimeAsync(5_000);
    FakeSocket.last.welcome();
    FakeSocket.last.answer('join', joined({ resumed: true }));
    await settle();
    expect(connectionOf(engine.store.getState())).toBe('connected');
  });

  it('goes nowhere after it was replaced', async () => {
    await enter();
    FakeSocket.last.say({ type: 'left', roomId: 'room', reason: 'replaced' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(engine.store.getState().end?.reason).toBe('replaced');
    expect(FakeSocket.all).toHaveLength(1);
    expect(FakePeerConnection.last.closed).toBe(true);
    expect(engine.microphone.track).toBeNull();
  });
});

describe('muting', () => {
  const track = () => engine.microphone.track as unknown as FakeTrack;

  it('silences the track at once and tells the server', async () => {
    await enter();
    expect(track().enabled).toBe(true);
    engine.setMuted(true);
    expect(track().enabled).toBe(false);
    expect(FakeSocket.last.of('mute')).toHaveLength(1);
    engine.setMuted(false);
    expect(track().enabled).toBe(true);
    expect(FakeSocket.last.of('unmute')).toHaveLength(1);
  });

  it('joins silent when asked to', async () => {
    await enter({ muted: true, listenOnly: false }, joined({ participants: [person('me', { muted: true })] }));
    expect(FakeSocket.last.of('join')[0]).toMatchObject({ muted: true });
    expect(track().enabled).toBe(false);
  });

  it('keeps a mute chosen while the socket was away', async () => {
    await enter();
    FakeSocket.last.drop();
    engine.setMuted(true);
    await vi.advanceTimersByTimeAsync(300);
    FakeSocket.last.welcome();
    FakeSocket.last.answer('join', joined({ resumed: true }));
    await settle();
    expect(FakeSocket.last.of('mute')).toHaveLength(1);
  });

  it("cannot lift a moderator's mute, and says so", async () => {
    await enter();
    FakeSocket.last.say({ type: 'mute-info', participantId: 'me', muted: true, mutedByModerator: true });
    expect(track().enabled).toBe(false);
    engine.setMuted(false);
    expect(FakeSocket.last.of('unmute')).toHaveLength(0);
    expect(notices.map((n) => n.type)).toEqual(['muted-by-moderator', 'unmute-refused']);
  });

  it("does not go live by itself when a moderator's mute is lifted", async () => {
    await enter();
    FakeSocket.last.say({ type: 'mute-info', participantId: 'me', muted: true, mutedByModerator: true });
    FakeSocket.last.say({ type: 'mute-info', participantId: 'me', muted: true, mutedByModerator: false });
    expect(notices.at(-1)?.type).toBe('unmuted-by-moderator');
    expect(track().enabled).toBe(false);
    expect(FakeSocket.last.of('unmute')).toHaveLength(0);
    engine.setMuted(false);
    expect(track().enabled).toBe(true);
    expect(FakeSocket.last.of('unmute')).toHaveLength(1);
  });

  it('stays muted when a moderator lifts a mute of before this call', async () => {
    await enter(undefined, joined({ participants: [person('me', { muted: true, mutedByModerator: true })] }));
    FakeSocket.last.say({ type: 'mute-info', participantId: 'me', muted: true, mutedByModerator: false });
    await settle();
    expect(track().enabled).toBe(false);
    expect(FakeSocket.last.of('unmute')).toHaveLength(0);
  });
});

describe('the microphone', () => {
  it('is changed without a new offer', async () => {
    await enter();
    expect(await engine.openMicrophone('mic-2')).toBe(true);
    expect(FakePeerConnection.all).toHaveLength(1);
    expect(FakePeerConnection.last.replaced).toEqual([engine.microphone.track]);
  });

  it('turned on while listening makes a connection that sends', async () => {
    await enter({ muted: true, listenOnly: true });
    void engine.openMicrophone();
    await settle();
    expect(FakePeerConnection.all).toHaveLength(2);
    expect(FakePeerConnection.last.transceivers[0]?.direction).toBe('sendonly');
  });

  it('that is unplugged is replaced by another one, and people are told', async () => {
    await enter();
    engine.microphone.track?.dispatchEvent(new Event('ended'));
    await settle();
    expect(notices.map((n) => n.type)).toEqual(['microphone-lost']);
    expect(FakePeerConnection.last.replaced).toEqual([engine.microphone.track]);
    expect(engine.store.getState().microphone.status).toBe('live');
  });
});

describe('which step failed', () => {
  const problem = () => engine.store.getState().problem;
  const told = () => FakeSocket.last.of('media-problem').map((message) => ('step' in message ? message.step : null));

  /** In the room, with an answer, and not connected. */
  async function answered(): Promise<FakePeerConnection> {
    void engine.join('room', { muted: false, listenOnly: false });
    await settle();
    FakeSocket.last.welcome();
    FakeSocket.last.answer('join', joined());
    await settle();
    FakeSocket.last.answer('session-description', {
      type: 'session-description',
      description: { type: 'answer', sdp: 'answer' },
    });
    await settle();
    return FakePeerConnection.last;
  }

  it('names addresses that are not reached, with those that were tried', async () => {
    const pc = await answered();
    pc.stats.set('l', { type: 'local-candidate', candidateType: 'host', address: '10.0.0.7' });
    pc.stats.set('r', { type: 'remote-candidate', protocol: 'udp', address: '203.0.113.9', port: 7882 });
    pc.stats.set('p', { type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'r', state: 'failed' });
    await vi.advanceTimersByTimeAsync(12_000);
    expect(problem()).toEqual({
      step: 'ice',
      detail: null,
      pairs: [{ local: 'host 10.… (private)', remote: '203.0.113.9:7882', protocol: 'udp', state: 'failed' }],
    });
    expect(told()).toEqual(['ice']);
    FakePeerConnection.last.move('connected');
  });

  it('tells keys from addresses, and forgets it once connected', async () => {
    const pc = await answered();
    pc.iceConnectionState = 'connected';
    pc.move('failed');
    await settle();
    expect(problem()?.step).toBe('dtls');
    await vi.advanceTimersByTimeAsync(1_000);
    FakeSocket.last.answer('session-description', {
      type: 'session-description',
      description: { type: 'answer', sdp: 'answer' },
    });
    await settle();
    FakePeerConnection.last.move('connected');
    expect(problem()).toBeNull();
    expect(told()).toEqual(['dtls']);
  });

  it('names an answer that does not come', async () => {
    void engine.join('room', { muted: false, listenOnly: false });
    await settle();
    FakeSocket.last.welcome();
    FakeSocket.last.answer('join', joined());
    await vi.advanceTimersByTimeAsync(10_000);
    expect(problem()?.step).toBe('answer');
  });

  it('tells a socket that is blocked from a server that is gone', async () => {
    const login = vi.fn<() => Promise<'valid' | 'unknown'>>().mockResolvedValue('valid');
    engine.leave();
    engine = new CallEngine({
      signalingUrl: () => 'ws://host/ws',
      checkLogin: login,
      iceServers: createIceServers(askForServers),
      createSocket: FakeSocket.create,
      createPeerConnection: FakePeerConnection.create,
    });
    void engine.join('room', { muted: false, listenOnly: false });
    await settle();
    FakeSocket.last.drop();
    expect(problem()?.step).toBe('socket');
    login.mockResolvedValue('unknown');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(problem()?.step).toBe('server');
  });

  it('names a seat that is refused for now, in the server’s words', async () => {
    void engine.join('room', { muted: false, listenOnly: false });
    await settle();
    FakeSocket.last.welcome();
    FakeSocket.last.answer('join', { type: 'error', code: 'unavailable', message: 'the database is away' });
    await settle();
    expect(problem()).toEqual({ step: 'seat', detail: 'the database is away', pairs: [] });
  });

  it('notices that somebody is heard by the server and not here', async () => {
    await enter();
    const pc = FakePeerConnection.last;
    pc.stats.set('in', { type: 'inbound-rtp', packetsReceived: 0 });
    FakeSocket.last.say({ type: 'slots', assignments: [{ mid: '1', participantId: 'bob' }] });
    await vi.advanceTimersByTimeAsync(8_000);
    expect(problem()?.step).toBe('audio');
    expect(told()).toEqual(['audio']);
    FakeSocket.last.answer('ping', { type: 'pong' });
    pc.stats.set('in', { type: 'inbound-rtp', packetsReceived: 5 });
    await vi.advanceTimersByTimeAsync(8_000);
    expect(problem()).toBeNull();
    expect(told()).toEqual(['audio']);
  });
});
