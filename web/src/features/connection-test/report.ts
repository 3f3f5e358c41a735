import { CHECKS, type TestState, verdictOf } from '@/rtc/connection-test/test-state';
import { explain, words } from './words';

interface Surroundings {
  /** The page's origin. */
  server: string;
  userAgent: string;
  /** What the browser says of the network, such as "4g", where it says anything. */
  network: string | null;
}

/** The result as text for a mail. Addresses in it are masked already; nothing secret is in the state. */
export function reportOf(state: TestState, { server, userAgent, network }: Surroundings): string {
  const verdict = verdictOf(state);
  const lines = [
    `Hubbub connection test of ${server}`,
    `${new Date(state.startedAt ?? 0).toISOString()} – ${verdict ? words.verdicts[verdict].title : 'not finished'}`,
    `Browser: ${userAgent}`,
    ...(network ? [`Network: ${network}`] : []),
    '',
  ];
  for (const id of CHECKS) {
    const { status, finding, pairs, figures } = state.checks[id];
    lines.push(
      `${words.checks[id].title}: ${words.status[status].toLowerCase()}. ${finding ? explain(id, finding) : ''}`.trim(),
    );
    if (figures) {
      const { milliseconds, share } = words.figures;
      lines.push(
        `  round trip ${milliseconds(figures.roundTripMs)}, lost there ${share(figures.lossUp)}, lost back ${share(figures.lossDown)}, ` +
          `jitter ${milliseconds(figures.jitterMs)}, ${figures.packets} packets`,
      );
    }
    for (const pair of pairs) lines.push(`  ${pair.protocol} ${pair.local} → ${pair.remote}: ${pair.state}`);
  }
  return lines.join('\n');
}

/** What the browser tells of where it runs. */
export function surroundings(): Surroundings {
  const { connection } = navigator as Navigator & { connection?: { effectiveType?: string; type?: string } };
  return {
    server: window.location.origin,
    userAgent: navigator.userAgent,
    network: connection?.type ?? connection?.effectiveType ?? null,
  };
}
