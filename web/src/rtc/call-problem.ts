import type { MediaStep } from '@/protocol/generated';
import { type TriedPair, waysTried } from './connection-test/pairs';

/** Where the way into a call stops: the server, its socket, the seat, or one of the media's steps. */
export type ProblemStep = 'server' | 'socket' | 'seat' | MediaStep;

export interface CallProblem {
  step: ProblemStep;
  /** The server's own words, where it has any. */
  detail: string | null;
  /** The ways that were tried, addresses masked. */
  pairs: readonly TriedPair[];
}

/** A step that failed, with the ways that `pc` tried. */
export async function mediaProblem(step: MediaStep, pc: RTCPeerConnection): Promise<CallProblem> {
  return { step, detail: null, pairs: await waysTried(pc) };
}

/** How many packets of others' audio a connection has received. */
export async function packetsReceived(pc: RTCPeerConnection): Promise<number> {
  let packets = 0;
  for (const [, entry] of (await pc.getStats()) as unknown as Iterable<[string, Record<string, unknown>]>) {
    if (entry.type === 'inbound-rtp' && typeof entry.packetsReceived === 'number') packets += entry.packetsReceived;
  }
  return packets;
}
