/** How renewing the login went. `unreachable` says nothing about the login. */
export type RefreshOutcome = 'renewed' | 'expired' | 'blocked' | 'unreachable';

const LOCK = 'hubbub.refresh';
const REFRESHED_AT = 'hubbub.refreshedAt';
let running: Promise<RefreshOutcome> | null = null;

/**
 * Renews the login by its cookie: once for all who ask at the same time, and once for all tabs.
 *
 * `failedAt` is when the request was sent that was refused: if another tab has renewed the login since, nothing is
 * asked of the server.
 */
export function refreshLogin(failedAt: number): Promise<RefreshOutcome> {
  running ??= acrossTabs(() => refresh(failedAt)).finally(() => {
    running = null;
  });
  return running;
}

async function refresh(failedAt: number): Promise<RefreshOutcome> {
  if (refreshedAt() > failedAt) return 'renewed';
  let response: Response;
  try {
    response = await fetch('/api/auth/refresh', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
      signal: AbortSignal.timeout(10_000),
    });
  } catch {
    return 'unreachable';
  }
  if (response.ok) {
    rememberRefresh();
    return 'renewed';
  }
  if (response.status !== 401 && response.status !== 403) return 'unreachable';
  const problem: unknown = await response.json().catch(() => null);
  return (problem as { code?: unknown } | null)?.code === 'account-blocked' ? 'blocked' : 'expired';
}

function acrossTabs<T>(task: () => Promise<T>): Promise<T> {
  // `navigator.locks` is missing where the page is not a secure context.
  return navigator.locks ? navigator.locks.request(LOCK, task) : task();
}

function refreshedAt(): number {
  try {
    return Number(localStorage.getItem(REFRESHED_AT) ?? 0);
  } catch {
    return 0;
  }
}

function rememberRefresh(): void {
  try {
    localStorage.setItem(REFRESHED_AT, String(Date.now()));
  } catch {
    // Storage is switched off: each tab renews for itself.
  }
}
