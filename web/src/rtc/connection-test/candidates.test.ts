import { describe, expect, it } from 'vitest';
import { countCandidates, isPrivate, mask, onlyCandidates } from './candidates';
import { waysNamed } from './pairs';

const UDP = 'a=candidate:1 1 UDP 2130706431 192.0.2.1 7882 typ host';
const TCP = 'a=candidate:2 1 TCP 1671430143 192.0.2.1 7882 typ host tcptype passive';
const ANSWER = ['v=0', 'm=audio 9 x', UDP, TCP, 'm=audio 9 x', UDP, TCP, 'a=end-of-candidates', ''].join('\r\n');

describe('an answer’s candidates', () => {
  it('are chosen by protocol', () => {
    expect(onlyCandidates(ANSWER, 'udp')).not.toContain('TCP');
    expect(onlyCandidates(ANSWER, 'udp')).toContain(`${UDP}\r\nm=audio`);
    expect(onlyCandidates(ANSWER, 'tcp')).not.toContain('UDP');
    expect(onlyCandidates(ANSWER, 'tcp')).toContain('a=end-of-candidates\r\n');
  });

  it('are told where the browser has forgotten what it tried', () => {
    expect(waysNamed(ANSWER)).toEqual([
      { local: 'none', remote: '192.0.2.1:7882', protocol: 'udp', state: 'no answer' },
      { local: 'none', remote: '192.0.2.1:7882', protocol: 'tcp', state: 'no answer' },
    ]);
  });

  it('are counted once, though an answer names them twice', () => {
    expect(countCandidates(ANSWER)).toEqual({ udp: 1, tcp: 1 });
    expect(countCandidates(onlyCandidates(ANSWER, 'udp'))).toEqual({ udp: 1, tcp: 0 });
  });
});

describe('addresses in a report', () => {
  it('keeps the server’s public ones and hides everybody else’s', () => {
    expect(mask('203.0.113.9', 'server')).toBe('203.0.113.9');
    expect(mask('2001:db8::9', 'server')).toBe('[2001:db8::9]');
    expect(mask('10.1.2.3', 'server')).toBe('10.… (private)');
    expect(mask('203.0.113.77', 'own')).toBe('203.0.…');
    expect(mask('192.168.7.8', 'own')).toBe('192.… (private)');
    expect(mask('2001:db8:1:2:3:4:5:6', 'own')).toBe('[2001:db8:…]');
    expect(mask('0f2e-77.local', 'own')).toBe('hidden');
    expect(mask(undefined, 'own')).toBe('unknown');
  });

  it('knows private ones', () => {
    for (const address of [
      '10.0.0.1',
      '127.0.0.1',
      '172.20.0.1',
      '192.168.1.1',
      '100.64.0.1',
      '169.254.1.1',
      '::1',
      'fd00::1',
      'fe80::1',
    ])
      expect(isPrivate(address), address).toBe(true);
    for (const address of ['172.32.0.1', '192.169.0.1', '100.128.0.1', '8.8.8.8', '2001:db8::1'])
      expect(isPrivate(address), address).toBe(false);
  });
});
