/** ICE candidates as text: choosing some of an answer's, and writing addresses so that a report gives nobody's away. */

export type Protocol = 'udp' | 'tcp';

/** The answer with only those of its candidates that go by `protocol`. */
export function onlyCandidates(sdp: string, protocol: Protocol): string {
  const keep = (line: string) => !line.startsWith('a=candidate:') || protocolOf(line) === protocol;
  return sdp.split('\r\n').filter(keep).join('\r\n');
}

/** How many candidates of each protocol an answer has, each address once. */
export function countCandidates(sdp: string): Record<Protocol, number> {
  const lines = new Set(sdp.split('\r\n').filter((line) => line.startsWith('a=candidate:')));
  const of = (protocol: Protocol) => [...lines].filter((line) => protocolOf(line) === protocol).length;
  return { udp: of('udp'), tcp: of('tcp') };
}

/** `candidate:1 1 UDP 2130706431 192.0.2.1 7882 typ host`: the third word (RFC 8839, section 5.1). */
function protocolOf(line: string): string | undefined {
  return line.split(' ')[2]?.toLowerCase();
}

/** Whether an address is one of a home, an office or this machine alone (RFC 1918, 6598, 3927, 4193, 4291). */
export function isPrivate(address: string): boolean {
  if (address.includes(':')) return /^(::1$|f[cd]|fe[89ab])/i.test(address);
  const [a = 0, b = 0] = address.split('.').map(Number);
  return (
    a === 10 ||
    a === 127 ||
    (a === 192 && b === 168) ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 169 && b === 254) ||
    (a === 100 && b >= 64 && b <= 127)
  );
}

/** An address for a report: of private ones and the person's own only what tells its kind, of the server's public ones all. */
export function mask(address: string | undefined, whose: 'own' | 'server'): string {
  if (!address) return 'unknown';
  if (address.endsWith('.local')) return 'hidden';
  if (whose === 'server' && !isPrivate(address)) return address.includes(':') ? `[${address}]` : address;
  const kind = isPrivate(address) ? ' (private)' : '';
  if (address.includes(':')) return `[${address.split(':').slice(0, 2).join(':')}:…]${kind}`;
  const [a, b] = address.split('.');
  return isPrivate(address) ? `${a}.…${kind}` : `${a}.${b}.…`;
}
