import { ApiProblem, NetworkError, retryAfterOf } from './problem';
import { refreshLogin } from './refresh';
import { setAnonymous } from './session';

/** How long an answer may take, in milliseconds. */
const TIMEOUT = 20_000;

/** Where a 401 is about what was typed, not about the login. */
const LOGIN_PATHS = [
  '/api/auth/login',
  '/api/auth/register',
  '/api/auth/refresh',
  '/api/auth/logout',
  '/api/auth/email/',
];

/**
 * `fetch` with the login kept alive: a request refused for an expired login is sent once more after renewing it.
 * When the login is over, the session is told so.
 *
 * Rejects with `ApiProblem` for every answer that is an error, and `NetworkError` when there is none.
 */
export async function authorizedFetch(request: Request): Promise<Response> {
  const copy = request.clone();
  const sentAt = Date.now();
  const response = await send(request);
  const { pathname } = new URL(request.url);
  if (response.status !== 401 || LOGIN_PATHS.some((path) => pathname.startsWith(path))) return accept(response);
  const outcome = await refreshLogin(sentAt);
  if (outcome === 'unreachable') throw new NetworkError();
  if (outcome === 'renewed') {
    const second = await send(copy);
    if (second.status !== 401) return accept(second);
    return accept(second).finally(() => setAnonymous('expired'));
  }
  return accept(response).finally(() => setAnonymous(outcome));
}

async function send(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT)]) });
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw new NetworkError(error);
  }
}

async function accept(response: Response): Promise<Response> {
  if (response.ok) return response;
  const body: unknown = await response.json().catch(() => null);
  throw new ApiProblem(response.status, body, retryAfterOf(response.headers));
}
