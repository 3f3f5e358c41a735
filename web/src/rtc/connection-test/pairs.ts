import { mask } from './candidates';

type Entry = Record<string, unknown>;

/** One way that was tried: which address of one's own to which of the server's, and what came of it. */
export interface TriedPair {
  local: string;
  remote: string;
  protocol: string;
  state: string;
}

/** The candidate pairs of a report (W3C webrtc-stats), addresses masked, at most `most`. */
export function triedPairs(report: Iterable<[string, Entry]>, most = 12): TriedPair[] {
  const entries = new Map(report);
  const pairs = [...entries.values()].filter((entry) => entry.type === 'candidate-pair');
  return pairs.slice(0, most).map((pair) => {
    const local = entries.get(String(pair.localCandidateId)) ?? {};
    const remote = entries.get(String(pair.remoteCandidateId)) ?? {};
    return {
      local: `${local.candidateType ?? '?'} ${mask(text(local.address), 'own')}`,
      remote: `${mask(text(remote.address), 'server')}:${remote.port ?? '?'}`,
      protocol: String(local.relayProtocol ?? remote.protocol ?? '?'),
      state: String(pair.state ?? '?'),
    };
  });
}

/** The ways a connection tried, or, where the browser has forgotten those that failed, those the answer named. */
export async function waysTried(pc: RTCPeerConnection): Promise<TriedPair[]> {
  try {
    const pairs = triedPairs((await pc.getStats()) as unknown as Iterable<[string, Entry]>);
    return pairs.length > 0 ? pairs : waysNamed(pc.remoteDescription?.sdp ?? '');
  } catch {
    return waysNamed(pc.remoteDescription?.sdp ?? '');
  }
}

/** The addresses of an answer, each once. */
export function waysNamed(sdp: string): TriedPair[] {
  const lines = new Set(sdp.split(/\r?\n/).filter((line) => line.startsWith('a=candidate:')));
  return [...lines].map((line) => {
    const [, , protocol = '?', , address, port = '?'] = line.split(' ');
    return {
      local: 'none',
      remote: `${mask(address, 'server')}:${port}`,
      protocol: protocol.toLowerCase(),
      state: 'no answer',
    };
  });
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** What a few seconds of audio there and back were like. */
export interface Figures {
  /** There and back again, in milliseconds. */
  roundTripMs: number | null;
  /** Share of the packets that were lost, 0 to 1: on the way to the server, and on the way back. */
  lossUp: number | null;
  lossDown: number | null;
  /** How unevenly packets come back, in milliseconds (RFC 3550, section 6.4.1). */
  jitterMs: number | null;
  /** Packets that came back, and how much sound was in them. */
  packets: number;
  energy: number;
}

/** The figures of a report. */
export function figures(report: Iterable<[string, Entry]>): Figures {
  const found: Figures = { roundTripMs: null, lossUp: null, lossDown: null, jitterMs: null, packets: 0, energy: 0 };
  let lost = 0;
  let [sent, lostUp] = [0, null as number | null];
  for (const [, entry] of report) {
    if (entry.type === 'candidate-pair' && entry.nominated === true && typeof entry.currentRoundTripTime === 'number') {
      found.roundTripMs = Math.round(entry.currentRoundTripTime * 1000);
    } else if (entry.type === 'inbound-rtp') {
      found.packets += number(entry.packetsReceived);
      lost += Math.max(0, number(entry.packetsLost));
      found.energy += number(entry.totalAudioEnergy);
      if (number(entry.packetsReceived) > 0) found.jitterMs = Math.round(number(entry.jitter) * 1000);
    } else if (entry.type === 'outbound-rtp') {
      sent += number(entry.packetsSent);
    } else if (entry.type === 'remote-inbound-rtp') {
      lostUp = Math.max(0, number(entry.packetsLost));
    }
  }
  if (found.packets + lost > 0) found.lossDown = lost / (found.packets + lost);
  if (lostUp !== null && sent > 0) found.lossUp = Math.min(1, lostUp / sent);
  return found;
}

function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
