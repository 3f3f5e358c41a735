import { describe, expect, it, vi } from 'vitest';
import {
  askForServers,
  engine,
  enter,
  getUserMedia,
  joined,
  notices,
  person,
  reconnect,
  settle,
  setUpCalls,
} from '@/test/call';
import { FakePeerConnection, FakeStream, type FakeTrack } from '@/test/fake-media';
import { FakeSocket } from '@/test/fake-socket';
import { connectionOf } from './call-state';

setUpCalls();

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
