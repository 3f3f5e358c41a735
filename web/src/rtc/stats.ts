/** A few figures of a connection, as people ask for them. */
export interface CallStats {
  /** There and back again, in milliseconds. */
  roundTripMs: number | null;
  /** Share of the packets that should have come and did not, 0 to 1. */
  lossRatio: number | null;
}

/** Reads the figures of a report (W3C webrtc-stats). */
export function summarize(report: Iterable<[string, Record<string, unknown>]>): CallStats {
  let roundTripMs: number | null = null;
  let received = 0;
  let lost = 0;
  for (const [, entry] of report) {
    if (entry.type === 'candidate-pair' && entry.nominated === true && typeof entry.currentRoundTripTime === 'number') {
      roundTripMs = Math.round(entry.currentRoundTripTime * 1000);
    }
    if (entry.type === 'inbound-rtp') {
      received += Number(entry.packetsReceived ?? 0);
      lost += Math.max(0, Number(entry.packetsLost ?? 0));
    }
  }
  return { roundTripMs, lossRatio: received + lost > 0 ? lost / (received + lost) : null };
}
