import { expect, it, vi } from 'vitest';
import { answered, checkLogin, engine, enter, joined, settle, setUpCalls } from '@/test/call';
import { FakePeerConnection } from '@/test/fake-media';
import { FakeSocket } from '@/test/fake-socket';

setUpCalls();

const problem = () => engine.store.getState().problem;
const told = () => FakeSocket.last.of('media-problem').map((message) => ('step' in message ? message.step : null));

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
  void engine.join('room', { muted: false, listenOnly: false });
  await settle();
  FakeSocket.last.drop();
  expect(problem()?.step).toBe('socket');
  checkLogin.mockResolvedValue('unknown');
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
