/**
 * The path to go to after login, if it is one of this site; anything else (other hosts, `//host`, `javascript:`, back
 * slashes that browsers read as slashes) becomes the fallback.
 */
export function safePath(path: unknown, fallback = '/rooms'): string {
  if (typeof path !== 'string' || !path.startsWith('/') || /^\/[/\\]/.test(path) || /[\\\p{Cc}]/u.test(path))
    return fallback;
  try {
    const url = new URL(path, window.location.origin);
    return url.origin === window.location.origin ? url.pathname + url.search + url.hash : fallback;
  } catch {
    return fallback;
  }
}
