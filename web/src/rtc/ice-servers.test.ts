import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createIceServers } from './ice-servers';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const turn = (credential: string): RTCIceServer => ({ urls: ['turn:turn.example.org'], username: 'u', credential });

it('asks again before the credentials run out, and not sooner', async () => {
  let number = 0;
  const ask = vi.fn(async () => ({ iceServers: [turn(`c${++number}`)], ttlSeconds: 300 }));
  const servers = createIceServers(ask);
  expect(servers.freshFor()).toBeNull();
  expect(await servers.get()).toEqual([turn('c1')]);
  expect(servers.freshFor()).toBe(240_000);
  vi.advanceTimersByTime(239_000);
  expect(await servers.get()).toEqual([turn('c1')]);
  vi.advanceTimersByTime(1_000);
  expect(servers.freshFor()).toBe(0);
  expect(await servers.get()).toEqual([turn('c2')]);
  expect(ask).toHaveBeenCalledTimes(2);
});

it('has nothing to renew where there are no credentials', async () => {
  const servers = createIceServers(async () => ({
    iceServers: [{ urls: ['stun:stun.example.org'] }],
    ttlSeconds: 300,
  }));
  await servers.get();
  expect(servers.freshFor()).toBeNull();
});

it('asks again after a failure', async () => {
  const ask = vi.fn(async () => ({ iceServers: [turn('c')], ttlSeconds: 300 }));
  ask.mockRejectedValueOnce(new Error('offline'));
  const servers = createIceServers(ask);
  await expect(servers.get()).rejects.toThrow('offline');
  expect(await servers.get()).toEqual([turn('c')]);
});
