/** Growing pauses between attempts: `first`, twice that, and so on up to `cap`, each shortened at random by up to half. */
export interface BackoffOptions {
  /** The first pause, in milliseconds. */
  first: number;
  /** The longest pause, in milliseconds. Higher is kinder to a server that comes back to thousands of clients. */
  cap: number;
  /** A number from 0 to 1; replaced in tests. */
  random?: () => number;
}

/** A pause that differs from client to client, so that thousands do not come back in the same moment. */
export interface SpreadOptions {
  /** The shortest pause, in milliseconds. */
  least: number;
  /** The longest pause, in milliseconds. */
  most: number;
  /** A number from 0 to 1; replaced in tests. */
  random?: () => number;
}

/** A pause in milliseconds, anywhere between the two. */
export function spreadDelay({ least, most, random = Math.random }: SpreadOptions): number {
  return Math.round(least + (most - least) * random());
}

/** The pause in milliseconds before attempt number `attempt`, counted from 0. */
export function backoffDelay(attempt: number, { first, cap, random = Math.random }: BackoffOptions): number {
  const full = Math.min(cap, first * 2 ** Math.min(attempt, 16));
  return Math.round(full * (0.5 + 0.5 * random()));
}
