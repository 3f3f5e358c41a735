import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ServerMessage } from '@/protocol/generated';
import { FakePeerConnection, FakeStream } from '@/test/fake-media';
import { FakeSocket } from '@/test/fake-socket';
import { createIceServers } from '../ice-servers';
import type { LoginCheck } from '../signaling-client';
import { ConnectionTest } from './connection-test';
import { verdictOf } from './test-state';

const getUserMedia = vi.fn<() => Promise<FakeStream>>();
const TURN = [{ urls: ['turn:turn.example.org'], username: 'u', credential: 'c' }];
const UDP = 'a=candidate:1 1 UDP 2130706431 192.0.2.1 7882 typ host';
const TCP = 'a=candidate:2 1 TCP 1671430143 192.0.2.1 7882 typ host tcptype passive';
const ANSWER = ['v=0', 'm=audio 9 x', UDP, TCP, ''].join('\r\n');
let test: ConnectionTest;
let iceServers: RTCIceServer[];
let askServer: () => Promise<unknown>;
let login: LoginCheck;

const joined = {
  type: 'joined',
  room: { id: 'test', name: 'Connection test', description: '', isPrivate: true, maxParticipants: 2 },
  participantId: 'me',
  resumeToken: 'token',
  resumed: false,
  canModerate: true,
  slots: 1,
  participants: [],
} as unknown as ServerMessage;

/** Lets promises run. */
const settle = () => vi.advanceTimersByTimeAsync(0);
const check = (id: keyof ReturnType<typeof test.store.getState>['checks']) => test.store.getState().checks[id];

/** The socket opens and a seat is given. */
async function begin(): Promise<void> {
  void test.start();
  await settle();
  FakeSocket.last.welcome();
  await settle();
  FakeSocket.last.answer('ping', { type: 'pong' });
  await settle();
  FakeSocket.last.answer('connection-test', joined);
  await settle();
}

/** The newest connection's offer is answered. */
async function answer(): Promise<FakePeerConnection> {
  await settle();
  FakeSocket.last.answer('session-description', {
    type: 'session-description',
    description: { type: 'answer', sdp: ANSWER },
  });
  await settle();
  return FakePeerConnection.last;
}

async function works(): Promise<FakePeerConnection> {
  const pc = await answer();
  pc.iceConnectionState = 'connected';
  pc.move('connected');
  await settle();
  return pc;
}

/** Nothing comes back until time is over. */
async function fails(ice: RTCIceConnectionState = 'checking'): Promise<FakePeerConnection> {
  const pc = await answer();
  pc.iceConnectionState = ice;
  await vi.advanceTimersByTimeAsync(8_000);
  return pc;
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  FakePeerConnection.all = [];
  iceServers = [];
  login = 'valid';
  askServer = async () => ({});
  getUserMedia.mockReset().mockImplementation(async () => new FakeStream());
  vi.stubGlobal('MediaStream', FakeStream);
  vi.stubGlobal('navigator', { ...navigator, mediaDevices: { getUserMedia }, onLine: true });
  test = new ConnectionTest({
    signalingUrl: () => 'ws://host/ws',
    checkLogin: async () => login,
    askServer: () => askServer(),
    iceServers: () => createIceServers(async () => ({ iceServers, ttlSeconds: 300 })),
    createSocket: FakeSocket.create,
    createPeerConnection: FakePeerConnection.create,
  });
});

afterEach(() => {
  test.stop();
  vi.useRealTimers();
});

describe('a connection test', () => {
  it('tries UDP, TCP and relay apart from each other, and measures the best', async () => {
    iceServers = TURN;
    await begin();
    const udp = await works();
    expect(udp.remoteDescription?.sdp).toContain('UDP');
    expect(udp.remoteDescription?.sdp).not.toContain('TCP');
    expect(udp.configuration.iceServers).toEqual([]);
    const tcp = await works();
    expect(tcp.remoteDescription?.sdp).not.toContain('UDP');
    const relay = await works();
    expect(relay.configuration).toMatchObject({ iceTransportPolicy: 'relay', iceServers: TURN });
    expect(relay.remoteDescription?.sdp).toBe(ANSWER);
    const audio = await works();
    audio.stats.set('in', { type: 'inbound-rtp', packetsReceived: 290, packetsLost: 10, jitter: 0.012 });
    audio.stats.set('out', { type: 'outbound-rtp', packetsSent: 200 });
    audio.stats.set('up', { type: 'remote-inbound-rtp', packetsLost: 4 });
    audio.stats.set('pair', { type: 'candidate-pair', nominated: true, currentRoundTripTime: 0.031 });
    await vi.advanceTimersByTimeAsync(7_000);
    expect(check('audio').figures).toMatchObject({ roundTripMs: 31, lossUp: 0.02, jitterMs: 12, packets: 290 });
    expect(check('audio').figures?.lossDown).toBeCloseTo(1 / 30);
    for (const id of ['server', 'socket', 'udp', 'tcp', 'relay', 'audio'] as const)
      expect(check(id).status, id).toBe('ok');
    expect(verdictOf(test.store.getState())).toBe('good');
    expect([udp, tcp, relay, audio].every((pc) => pc.closed)).toBe(true);
    expect(FakeSocket.last.of('leave')).toHaveLength(1);
  });

  it('names UDP that is blocked, and says that TCP works', async () => {
    await begin();
    await fails();
    expect(check('udp')).toMatchObject({ status: 'fails', finding: { kind: 'blocked', step: 'ice' } });
    await works();
    expect(check('relay').finding).toEqual({ kind: 'not-offered' });
    const audio = await works();
    audio.stats.set('in', { type: 'inbound-rtp', packetsReceived: 290, packetsLost: 0, jitter: 0.002 });
    await vi.advanceTimersByTimeAsync(7_000);
    expect(verdictOf(test.store.getState())).toBe('tcp-only');
  });

  it('tells keys that were not agreed on from addresses that were not reached', async () => {
    await begin();
    await fails('connected');
    expect(check('udp').finding).toEqual({ kind: 'blocked', step: 'dtls' });
  });

  it('names a relay whose credentials are refused', async () => {
    iceServers = TURN;
    await begin();
    await fails();
    await fails();
    await settle();
    FakePeerConnection.last.onicecandidateerror?.({ errorCode: 401 });
    await fails('new');
    expect(check('relay')).toMatchObject({ status: 'fails', finding: { kind: 'relay-refused' } });
    expect(verdictOf(test.store.getState())).toBe('no-media');
    expect(check('audio').status).toBe('skipped');
  });

  it('says so when nothing comes back', async () => {
    await begin();
    await works();
    await works();
    await works();
    await vi.advanceTimersByTimeAsync(7_000);
    expect(check('audio').finding).toEqual({ kind: 'no-audio' });
    expect(verdictOf(test.store.getState())).toBe('no-media');
    expect(FakeSocket.last.of('media-problem')).toEqual([{ type: 'media-problem', step: 'audio' }]);
  });

  it('goes on without a microphone and says why', async () => {
    getUserMedia.mockRejectedValue(new DOMException('denied', 'NotAllowedError'));
    await begin();
    expect(check('microphone').finding).toEqual({ kind: 'microphone', problem: 'denied' });
    expect(check('udp').status).toBe('running');
  });

  it('ends at a server that cannot be reached', async () => {
    askServer = () => Promise.reject(new Error('offline'));
    void test.start();
    await settle();
    expect(check('server').finding).toEqual({ kind: 'not-reached' });
    expect(check('socket').status).toBe('skipped');
    expect(verdictOf(test.store.getState())).toBe('no-server');
    expect(FakeSocket.all).toHaveLength(0);
  });

  it('ends at a socket that does not open, and tells a login that ended from it', async () => {
    void test.start();
    await settle();
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(check('socket').finding).toEqual({ kind: 'no-socket' });
    expect(verdictOf(test.store.getState())).toBe('no-socket');
    login = 'expired';
    void test.start();
    await settle();
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(check('socket').finding).toEqual({ kind: 'logged-out' });
  });

  it('lets go of everything when stopped', async () => {
    await begin();
    const pc = await answer();
    test.stop();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(pc.closed).toBe(true);
    expect(test.store.getState().phase).toBe('done');
    expect(check('udp')).toMatchObject({ status: 'skipped', finding: { kind: 'stopped' } });
    expect(check('tcp').status).toBe('skipped');
  });
});
