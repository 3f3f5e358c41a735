import { describe, expect, it } from 'vitest';
import { CHECKS, initialTest, type TestState } from '@/rtc/connection-test/test-state';
import { reportOf } from './report';

describe('the report', () => {
  it('tells what was found, the ways that were tried, and no more of addresses than was kept', () => {
    const ok = {
      status: 'ok' as const,
      finding: { kind: 'fine' as const, milliseconds: 12 },
      pairs: [],
      figures: null,
    };
    const state: TestState = {
      phase: 'done',
      startedAt: Date.UTC(2026, 0, 2, 3, 4, 5),
      checks: {
        ...initialTest.checks,
        ...Object.fromEntries(CHECKS.map((id) => [id, ok])),
        udp: {
          status: 'fails',
          finding: { kind: 'blocked', step: 'ice' },
          pairs: [{ local: 'host hidden', remote: '203.0.113.9:7882', protocol: 'udp', state: 'failed' }],
          figures: null,
        },
        audio: {
          ...ok,
          figures: { roundTripMs: 31, lossUp: 0.02, lossDown: null, jitterMs: 4, packets: 290, energy: 1 },
        },
      } as TestState['checks'],
    };
    const surroundings = { server: 'https://talk.example.org', userAgent: 'Browser/1', network: '4g' };
    expect(reportOf(state, surroundings).split('\n')).toEqual([
      'Hubbub connection test of https://talk.example.org',
      '2026-01-02T03:04:05.000Z – It works, but not in the best way',
      'Browser: Browser/1',
      'Network: 4g',
      '',
      'Server: works. In 12 ms.',
      'Live connection: works. In 12 ms.',
      'Microphone: works. In 12 ms.',
      'Sound by UDP: does not work. No packet came back. UDP is blocked: by this network, its firewall or a VPN, or by the server’s own firewall. Or the server announces an address that does not lead to it: compare with the addresses in the report.',
      '  udp host hidden → 203.0.113.9:7882: failed',
      'Sound by TCP: works. In 12 ms.',
      'Sound by relay: works. In 12 ms.',
      'Your sound, there and back: works. In 12 ms.',
      '  round trip 31 ms, lost there 2.0 %, lost back –, jitter 4 ms, 290 packets',
    ]);
  });
});
