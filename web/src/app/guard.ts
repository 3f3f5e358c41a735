import { notFound, redirect } from '@tanstack/react-router';
import { fetchMe } from '@/api/endpoints';
import { ApiProblem } from '@/api/problem';
import { mayBeLoggedIn, session } from '@/api/session';
import { safePath } from '@/lib/safe-path';

/** Lets through who is logged in; everybody else comes back here after the login. */
export async function requireLogin({ location }: { location: { href: string } }): Promise<void> {
  const before = session.getState();
  if (before.status === 'authenticated') return;
  if (before.status === 'unknown') {
    try {
      await fetchMe();
      return;
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 401) throw error;
    }
  }
  const next = safePath(location.href);
  const now = session.getState();
  const because = now.status === 'anonymous' ? now.because : undefined;
  const note = because === 'expired' && before.status === 'unknown' ? undefined : because;
  throw redirect({
    to: '/login',
    search: { ...(next !== '/rooms' && { next }), ...((note === 'expired' || note === 'blocked') && { note }) },
    replace: true,
  });
}

/** Lets through who looks after the server. Runs after `requireLogin`; whether it is still so the server says with every answer. */
export function requireAdmin(): void {
  if (session.getState().me?.role !== 'admin') throw notFound();
}

/** Sends on who is logged in already and has no use for a login page. */
export async function skipWhenLoggedIn({ search }: { search: { next?: string } }): Promise<void> {
  if (session.getState().status === 'unknown' && mayBeLoggedIn()) await fetchMe().catch(() => undefined);
  if (session.getState().status === 'authenticated') throw redirect({ href: safePath(search.next), replace: true });
}
