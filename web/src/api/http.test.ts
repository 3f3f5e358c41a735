import { beforeEach, describe, expect, it, vi } from 'vitest';
import { authorizedFetch } from './http';
import { ApiProblem, NetworkError } from './problem';
import { session } from './session';

type Handler = (path: string, body: string) => Response | Promise<Response>;

const problem = (status: number, code: string, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify({ title: code, status, code, detail: 'why' }), { status, headers });
const ok = () => new Response('{}', { status: 200 });

let calls: string[];

/** A server, as `fetch` sees it. */
function serve(handler: Handler): void {
  calls = [];
  vi.stubGlobal(
    'fetch',
    vi.fn(async (input: Request | string, init?: RequestInit) => {
      const request =
        typeof input === 'string' ? new Request(new URL(input, 'http://host'), init as RequestInit) : input;
      const { pathname } = new URL(request.url);
      calls.push(pathname);
      return handler(pathname, await request.text());
    }),
  );
}

const get = (path: string) => authorizedFetch(new Request(`http://host${path}`));
const me = {
  id: '1',
  email: 'a@b.c',
  username: 'a',
  displayName: 'A',
  bio: '',
  avatarUrl: '',
  role: 'member' as const,
  createdAt: '',
};

beforeEach(() => {
  session.setState({ status: 'authenticated', me }, true);
});

describe('an expired login', () => {
  it('is renewed once for requests that fail together, and they are sent again', async () => {
    let fresh = false;
    serve(async (path) => {
      if (path === '/api/auth/refresh') {
        await new Promise((resolve) => setTimeout(resolve, 20));
        fresh = true;
        return ok();
      }
      return fresh ? ok() : problem(401, 'token-expired');
    });
    const answers = await Promise.all(['/api/rooms', '/api/auth/me', '/api/users/me'].map(get));
    expect(answers.map((a) => a.status)).toEqual([200, 200, 200]);
    expect(calls.filter((path) => path === '/api/auth/refresh')).toHaveLength(1);
    expect(session.getState().status).toBe('authenticated');
  });

  it('is not renewed again when another tab has just done so', async () => {
    let asked = 0;
    serve(() => {
      asked += 1;
      if (asked > 1) return ok();
      localStorage.setItem('hubbub.refreshedAt', String(Date.now() + 1));
      return problem(401, 'unauthorized');
    });
    expect((await get('/api/rooms')).status).toBe(200);
    expect(calls).toEqual(['/api/rooms', '/api/rooms']);
  });

  it('sends the body again', async () => {
    const bodies: string[] = [];
    serve((path, body) => {
      if (path === '/api/auth/refresh') return ok();
      bodies.push(body);
      return bodies.length > 1 ? ok() : problem(401, 'token-expired');
    });
    await authorizedFetch(new Request('http://host/api/rooms', { method: 'POST', body: '{"name":"Tea"}' }));
    expect(bodies).toEqual(['{"name":"Tea"}', '{"name":"Tea"}']);
  });

  it('ends the session when it cannot be renewed', async () => {
    serve(() => problem(401, 'unauthorized'));
    await expect(get('/api/rooms')).rejects.toMatchObject({ status: 401 });
    expect(calls).toEqual(['/api/rooms', '/api/auth/refresh']);
    expect(session.getState().status).toBe('anonymous');
  });

  it('ends the session of somebody who is blocked, and remembers why', async () => {
    serve((path) => (path === '/api/auth/refresh' ? problem(403, 'account-blocked') : problem(401, 'unauthorized')));
    await expect(get('/api/rooms')).rejects.toMatchObject({ status: 401 });
    expect(session.getState()).toMatchObject({ status: 'anonymous', because: 'blocked' });
  });

  it('ends nothing when the server is only away', async () => {
    serve((path) => {
      if (path === '/api/auth/refresh') throw new TypeError('Failed to fetch');
      return problem(401, 'token-expired');
    });
    await expect(get('/api/rooms')).rejects.toBeInstanceOf(NetworkError);
    expect(session.getState().status).toBe('authenticated');
  });
});

describe('errors', () => {
  it('of a wrong password are not taken for an expired login', async () => {
    serve(() => problem(401, 'invalid-credentials'));
    await expect(get('/api/auth/login')).rejects.toMatchObject({ code: 'invalid-credentials' });
    expect(calls).toEqual(['/api/auth/login']);
  });

  it('carry code, fields and the time to wait', async () => {
    serve(() => {
      const errors = [{ field: 'name', code: 'length', detail: 'must have 1 to 80 characters' }];
      const body = JSON.stringify({ status: 429, code: 'rate-limited', detail: 'slow down', errors });
      return new Response(body, { status: 429, headers: { 'Retry-After': '12' } });
    });
    const error = await get('/api/rooms').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiProblem);
    expect(error).toMatchObject({ code: 'rate-limited', retryAfter: 12, fields: [{ field: 'name' }] });
  });

  it('survive a body that is no problem document', async () => {
    serve(() => new Response('<html>bad gateway</html>', { status: 502 }));
    await expect(get('/api/rooms')).rejects.toMatchObject({ status: 502, code: 'unknown' });
  });
});
