/** Which step towards sound failed, in words. Apart from the other texts, because only a call needs it. */
import type { CallProblem, ProblemStep } from '@/rtc/call-problem';

export const problemWords = {
  test: 'Connection test',
  steps: {
    server: 'The server cannot be reached.',
    socket:
      'Pages load, but the live connection does not open: a proxy, firewall or browser extension may block WebSockets.',
    seat: 'The server is there, but gives no seat at the moment.',
    offer: 'The browser could not begin the call. Reload the page, or use another browser.',
    answer: 'The server did not answer the call. Still trying.',
    ice: 'No way for sound gets through: this network or the server’s firewall blocks it. Still trying; another network may help.',
    dtls: 'Packets get through, but the encrypted connection does not come about; a VPN often is the cause. Still trying.',
    audio: 'Connected, but the others’ sound does not arrive. Leaving and joining again may help.',
  } satisfies Record<ProblemStep, string>,
  restartingJoin: 'The server restarts. You will join by yourself in a moment.',
  tried: (ways: string) => `Tried: ${ways}`,
  more: (count: number) => `and ${count} more`,
};

/** One or two sentences: what failed and what to do. */
export function explainProblem({ step, detail }: CallProblem): string {
  const words = problemWords.steps[step];
  return detail ? `${words} (${detail})` : words;
}

/** At most so many ways are named; the connection test names them all. */
const WAYS = 3;

/** The ways that were tried: protocol and the server's address, each once. */
export function waysTried({ pairs }: CallProblem): string {
  const ways = [...new Set(pairs.map((pair) => `${pair.protocol.toUpperCase()} ${pair.remote}`))];
  const shown = ways.slice(0, WAYS).join(', ');
  return problemWords.tried(ways.length > WAYS ? `${shown} ${problemWords.more(ways.length - WAYS)}` : shown);
}
