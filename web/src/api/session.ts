import { createStore } from 'zustand/vanilla';
import type { Me } from './types';

/** Who is logged in in this tab, as far as is known. The proof itself is in cookies that scripts cannot read. */
export type Session =
  | { status: 'unknown'; me: null }
  | { status: 'anonymous'; me: null; because: 'never' | 'expired' | 'blocked' | 'logout' }
  | { status: 'authenticated'; me: Me };

/** Set while somebody is logged in, so that a login page knows whether asking the server is worth it. Proves nothing. */
const HINT = 'hubbub.loggedIn';

export const session = createStore<Session>(() => ({ status: 'unknown', me: null }));

export function setMe(me: Me): void {
  session.setState({ status: 'authenticated', me }, true);
  hint(true);
}

/** Nobody is logged in any more: by their own doing, or because the login ran out. */
export function setAnonymous(how: 'expired' | 'blocked' | 'logout'): void {
  const { status } = session.getState();
  hint(false);
  if (status === 'anonymous') return;
  const because = how === 'expired' && status === 'unknown' ? 'never' : how;
  session.setState({ status: 'anonymous', me: null, because }, true);
}

/** Whether somebody was logged in when this page was last open. */
export function mayBeLoggedIn(): boolean {
  try {
    return localStorage.getItem(HINT) !== null;
  } catch {
    return false;
  }
}

function hint(loggedIn: boolean): void {
  try {
    if (loggedIn) localStorage.setItem(HINT, '1');
    else localStorage.removeItem(HINT);
  } catch {
    // Storage is switched off: the login page is shown, and works.
  }
}
