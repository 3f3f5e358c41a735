/** Growing pauses between attempts: `first`, twice that, and so on up to `cap`, each shortened at random by up to half. */
export interface BackoffOptions {
  /** The first pause, in milliseconds. */
  first: number;
  /** The longest pause, in milliseconds. Higher is kinder to a server that comes back to thousands of clients. */
  cap: number;
  /** A number from 0 to 1; replaced in tests. */
  random?: () => number;
}

/** The pause in milliseconds before attempt number `attempt`, counted from 0. */
export function backoffDelay(attempt: number, { first, cap, random = Math.random }: BackoffOptions): number {
  const full = Math.min(cap, first * 2 ** Math.min(attempt, 16));
  return Math.round(full * (0.5 + 0.5 * random()));
}
