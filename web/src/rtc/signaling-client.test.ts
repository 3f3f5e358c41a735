import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeSocket } from '@/test/fake-socket';
import { type LoginCheck, SignalingClient, type SignalingStatus } from './signaling-client';
import { ConnectionLostError, RequestTimeoutError } from './signaling-errors';

const checkLogin = vi.fn<() => Promise<LoginCheck>>();
let statuses: SignalingStatus[];
let received: string[];
let client: SignalingClient;

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  statuses = [];
  received = [];
  checkLogin.mockReset().mockResolvedValue('valid');
  client = new SignalingClient({
    url: () => 'ws://host/ws',
    checkLogin,
    onMessage: (message) => received.push(message.type),
    onStatus: (status) => statuses.push(status),
    createSocket: FakeSocket.create,
    random: () => 1,
  });
  client.start();
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
});

describe('requests', () => {
  it('names the protocol version in the address', () => {
    expect(FakeSocket.last.url).toBe('ws://host/ws?version=1');
  });

  it('resolves with the answer that carries its number', async () => {
    FakeSocket.last.welcome();
    const first = client.request({ type: 'mute' });
    const second = client.request({ type: 'unmute' });
    const [mute, unmute] = [FakeSocket.last.of('mute')[0]?.id, FakeSocket.last.of('unmute')[0]?.id];
    expect(mute).not.toBe(unmute);
    FakeSocket.last.answer('unmute', { type: 'mute-info', participantId: 'b', muted: false, mutedByModerator: false });
    FakeSocket.last.answer('mute', { type: 'mute-info', participantId: 'a', muted: true, mutedByModerator: false });
    expect((await first).participantId).toBe('a');
    expect((await second).participantId).toBe('b');
  });

  it('rejects with the code of an error', async () => {
    FakeSocket.last.welcome();
    const request = client.request({ type: 'join', roomId: 'r' });
    FakeSocket.last.answer('join', { type: 'error', code: 'room-full', message: 'full' });
    await expect(request).rejects.toMatchObject({ name: 'SignalingError', code: 'room-full' });
  });

  it('gives up on an answer that does not come', async () => {
    FakeSocket.last.welcome();
    const request = client.request({ type: 'mute' }, 1_000);
    const outcome = expect(request).rejects.toBeInstanceOf(RequestTimeoutError);
    await vi.advanceTimersByTimeAsync(1_000);
    await outcome;
  });

  it('rejects what is under way when the socket drops, and everything while there is none', async () => {
    FakeSocket.last.welcome();
    const request = client.request({ type: 'mute' });
    FakeSocket.last.drop();
    await expect(request).rejects.toBeInstanceOf(ConnectionLostError);
    await expect(client.request({ type: 'mute' })).rejects.toBeInstanceOf(ConnectionLostError);
  });

  it('survives frames that are not messages', () => {
    FakeSocket.last.welcome();
    const news = ['{"type":"news"}', '{"type":"news","messages":[null,7,{}]}'];
    for (const data of ['{', '[]', 'null', '{"type":7}', '{"type":"dance"}', new ArrayBuffer(2), ...news]) {
      FakeSocket.last.onmessage?.({ data });
    }
    expect(client.status.kind).toBe('open');
    expect(received).toEqual(['welcome', 'dance']);
  });

  it('takes news apart, in order', () => {
    FakeSocket.last.welcome();
    const messages = [{ type: 'add-peer' }, { type: 'remove-peer' }, { type: 'add-peer' }];
    FakeSocket.last.onmessage?.({ data: JSON.stringify({ type: 'news', messages }) });
    expect(received).toEqual(['welcome', 'add-peer', 'remove-peer', 'add-peer']);
  });
});

describe('staying connected', () => {
  it('pings every five seconds and is content with an answer', async () => {
    FakeSocket.last.welcome();
    for (let i = 1; i <= 4; i++) {
      await vi.advanceTimersByTimeAsync(5_000);
      expect(FakeSocket.last.of('ping')).toHaveLength(i);
      FakeSocket.last.answer('ping', { type: 'pong' });
    }
    expect(FakeSocket.all).toHaveLength(1);
    expect(client.status.kind).toBe('open');
  });

  it('takes a socket for dead eight seconds after a ping without any answer', async () => {
    FakeSocket.last.welcome();
    await vi.advanceTimersByTimeAsync(5_000 + 7_900);
    expect(client.status.kind).toBe('open');
    await vi.advanceTimersByTimeAsync(200);
    expect(client.status.kind).toBe('waiting');
    expect(FakeSocket.all[0]?.closed).toBe(true);
  });

  it('comes back after 250 ms, then with growing pauses of at most five seconds', async () => {
    FakeSocket.last.welcome();
    checkLogin.mockResolvedValue('unknown');
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(249);
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(FakeSocket.all).toHaveLength(2);
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(60_000);
    const pauses = statuses.flatMap((s, i) => {
      const before = statuses[i - 1];
      return s.kind === 'connecting' && before?.kind === 'waiting' ? [s.attempt] : [];
    });
    expect(pauses.length).toBeGreaterThan(10);
    expect(pauses.length).toBeLessThan(20);
    const waits = statuses.filter((s) => s.kind === 'waiting');
    expect(waits.at(-1)?.retryAt ?? 0).toBeLessThanOrEqual(Date.now() + 5_000);
  });

  it('comes back to a server that restarts within pauses that do not grow, spread over a second', async () => {
    FakeSocket.last.welcome();
    FakeSocket.last.drop(1001);
    for (const attempt of [1, 2, 3]) {
      expect(client.status).toMatchObject({ kind: 'waiting', attempt, restarting: true });
      await vi.advanceTimersByTimeAsync(1_299);
      expect(FakeSocket.all).toHaveLength(attempt);
      await vi.advanceTimersByTimeAsync(1);
      expect(FakeSocket.all).toHaveLength(attempt + 1);
      FakeSocket.last.drop();
    }
    await vi.advanceTimersByTimeAsync(1_300);
    // It is back, but will not have us yet: now the pauses grow, from the first one on.
    FakeSocket.last.welcome();
    client.reconnect();
    expect(client.status).toMatchObject({ kind: 'waiting', attempt: 1, restarting: false });
  });

  it('no longer expects a server back that stays away', async () => {
    FakeSocket.last.welcome();
    FakeSocket.last.drop(1001);
    await vi.advanceTimersByTimeAsync(31_000);
    FakeSocket.last.drop();
    expect(client.status).toMatchObject({ kind: 'waiting', restarting: false });
  });

  it('opens no socket while the server cannot even be asked about the login', async () => {
    checkLogin.mockResolvedValue('unknown');
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(FakeSocket.all).toHaveLength(1);
    checkLogin.mockResolvedValue('valid');
    await vi.advanceTimersByTimeAsync(5_000);
    expect(FakeSocket.all).toHaveLength(2);
  });

  it.each([4401, 4403])('stops when the login is over (%i)', async (code) => {
    FakeSocket.last.welcome();
    checkLogin.mockResolvedValue('expired');
    FakeSocket.last.drop(code);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(client.status).toEqual({ kind: 'stopped', reason: 'unauthorized' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('renews the login and goes on after 4401', async () => {
    FakeSocket.last.welcome();
    FakeSocket.last.drop(4401);
    await vi.advanceTimersByTimeAsync(300);
    expect(checkLogin).toHaveBeenCalledTimes(1);
    FakeSocket.last.welcome();
    expect(client.status.kind).toBe('open');
  });

  it('asks to reload when its version is not spoken', async () => {
    FakeSocket.last.drop(4406);
    expect(client.status).toEqual({ kind: 'stopped', reason: 'unsupported-version' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  it('gives up a handshake that hangs', async () => {
    await vi.advanceTimersByTimeAsync(8_000);
    expect(client.status.kind).toBe('waiting');
  });

  it('tries at once when the network comes back', async () => {
    checkLogin.mockResolvedValue('unknown');
    FakeSocket.last.drop();
    await vi.advanceTimersByTimeAsync(20_000);
    checkLogin.mockClear();
    window.dispatchEvent(new Event('online'));
    expect(checkLogin).toHaveBeenCalledTimes(1);
  });

  it('does nothing more once it is stopped', async () => {
    FakeSocket.last.welcome();
    client.stop();
    expect(FakeSocket.last.closed).toBe(true);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });
});
