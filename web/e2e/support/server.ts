/** A real server on free ports with a data folder of its own, and users made through its public interface. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { askSecurely, makeCertificate } from './certificate.ts';

export const PASSWORD = 'a quiet harbour at 7';
const BINARY = process.env.HUBBUB_BIN ?? resolve(import.meta.dirname, '../../../target/debug/hubbub');

export interface User {
  name: string;
  email: string;
  accessToken: string;
}

/** Below the ports that the system gives to connections: a server that starts again finds its own still free. */
const [FIRST_PORT, LAST_PORT] = [20_000, 30_000];
let nextPort = FIRST_PORT + ((process.pid * 20) % (LAST_PORT - FIRST_PORT));

/** A port that is free for TCP and UDP. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort;
    nextPort = port < LAST_PORT ? port + 1 : FIRST_PORT;
    if ((await isFreeForTcp(port)) && (await isFreeForUdp(port))) return port;
  }
}

function isFreeForTcp(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen(port, '0.0.0.0', () => probe.close(() => done(true)));
  });
}

function isFreeForUdp(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createSocket('udp4');
    probe.once('error', () => done(false));
    probe.bind(port, '0.0.0.0', () => probe.close(() => done(true)));
  });
}

export const sleep = (milliseconds: number) => new Promise((done) => setTimeout(done, milliseconds));

/** Waits until `probe` gives something true. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  milliseconds = 20_000,
): Promise<T> {
  const deadline = Date.now() + milliseconds;
  for (;;) {
    const found = await probe().catch(() => undefined);
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${milliseconds} ms`);
    await sleep(50);
  }
}

export class Server {
  readonly url: string;
  /** Where audio arrives, UDP. */
  readonly mediaPort: number;
  private process: ChildProcess | undefined;
  private log = '';
  private readonly environment: Record<string, string>;
  private readonly folder: string;

  private constructor(scheme: string, http: number, metrics: number, media: number, extra: Record<string, string>) {
    this.url = `${scheme}://127.0.0.1:${http}`;
    this.mediaPort = media;
    this.folder = mkdtempSync(join(tmpdir(), 'hubbub-e2e-'));
    const limits = [
      'REQUESTS',
      'REGISTER',
      'LOGIN',
      'LOGIN_ACCOUNT',
      'VERIFY',
      'VERIFY_ACCOUNT',
      'RESEND',
      'ROOMS',
      'INVITES',
      'AVATARS',
    ];
    this.environment = {
      // The configuration of a server that is installed on this machine does not count.
      HUBBUB_CONFIG: '/dev/null',
      HUBBUB__HTTP__BIND: `127.0.0.1:${http}`,
      HUBBUB__METRICS__BIND: `127.0.0.1:${metrics}`,
      HUBBUB__MEDIA__FIRST_PORT: String(media),
      HUBBUB__MEDIA__WORKERS: '1',
      // However loaded the machine is that runs the tests, nobody is refused for it.
      HUBBUB__MEDIA__MAX_BUSY_PERCENT: '100',
      HUBBUB__DATA__DIR: join(this.folder, 'data'),
      ...Object.fromEntries(limits.map((limit) => [`HUBBUB__LIMITS__${limit}`, '100000/1ms'])),
      ...extra,
    };
  }

  static async start(extra: Record<string, string> = {}): Promise<Server> {
    const server = new Server('http', await freePort(), await freePort(), await freePort(), extra);
    await server.run();
    return server;
  }

  /** With TLS, and a certificate that nobody vouches for. */
  static async startSecure(extra: Record<string, string> = {}): Promise<Server> {
    const server = new Server('https', await freePort(), await freePort(), await freePort(), extra);
    const { certificate, key } = makeCertificate(server.folder);
    Object.assign(server.environment, { HUBBUB__TLS__CERTIFICATE: certificate, HUBBUB__TLS__KEY: key });
    await server.run();
    return server;
  }

  /** Like `fetch`, at this server. */
  private fetch(path: string, options: { method: string; headers?: Record<string, string>; body?: string }) {
    const url = this.url + path;
    return url.startsWith('https:') ? askSecurely(url, options) : fetch(url, options);
  }

  /** Starts the process; after `kill` on the same ports and data. */
  async run(): Promise<void> {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('HUBBUB'));
    const child = spawn(BINARY, [], {
      cwd: this.folder,
      env: { ...Object.fromEntries(inherited), ...this.environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    this.process = child;
    try {
      await until(
        'the server is ready',
        async () => (await this.fetch('/readyz', { method: 'GET' })).ok || child.exitCode !== null,
      );
    } catch (error) {
      throw new Error(`${error}\n${this.log}`);
    }
    if (child.exitCode !== null) throw new Error(`the server ended at once:\n${this.log}`);
  }

  /** `hubbub admin` on this server's data. */
  admin(...words: string[]): string {
    return execFileSync(BINARY, ['admin', ...words], {
      cwd: this.folder,
      env: { ...process.env, ...this.environment },
      encoding: 'utf8',
    });
  }

  /** Where this server's files may be. */
  path(name: string): string {
    return join(this.folder, name);
  }

  /** Where Prometheus reads. */
  get metricsUrl(): string {
    return `http://${this.environment.HUBBUB__METRICS__BIND}/metrics`;
  }

  /** SIGKILL: no chance to say goodbye. */
  async kill(): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGKILL');
    await ended;
  }

  /** SIGTERM, and its end. */
  async terminate(): Promise<void> {
    const child = this.process;
    if (!child) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The sum of a metric's samples. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(this.metricsUrl)).text();
    const samples = text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`));
    return samples.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  async ask(method: string, path: string, body?: unknown, user?: User): Promise<{ status: number; body: any }> {
    const response = await this.fetch(path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(user ? { authorization: `Bearer ${user.accessToken}` } : {}),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text ? JSON.parse(text) : undefined };
  }

  private async expect(status: number, method: string, path: string, body?: unknown, user?: User): Promise<any> {
    const answer = await this.ask(method, path, body, user);
    if (answer.status !== status) {
      throw new Error(`${method} ${path}: expected ${status}, got ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return answer.body;
  }

  /** The newest code that was mailed to `email`. */
  code(email: string): Promise<string> {
    return until(`a mail to ${email}`, async () => {
      const { mails } = await this.expect(200, 'GET', '/api/dev/outbox');
      const mail = mails.find((m: { to: string }) => m.to === email);
      return mail?.text.match(/\b\d{6}\b/)?.[0];
    });
  }

  /** Somebody who has registered, proved the address and logged in. */
  async user(name: string): Promise<User> {
    const email = `${name}@example.org`;
    await this.expect(202, 'POST', '/api/auth/register', { email, username: name, password: PASSWORD });
    await this.expect(204, 'POST', '/api/auth/email/verify', { email, code: await this.code(email) });
    const { accessToken } = await this.expect(200, 'POST', '/api/auth/login', { email, password: PASSWORD });
    return { name, email, accessToken };
  }

  async room(owner: User, name: string, more: Record<string, unknown> = {}): Promise<string> {
    return (await this.expect(201, 'POST', '/api/rooms', { name, ...more }, owner)).id;
  }

  async patch(path: string, body: unknown, user: User): Promise<void> {
    await this.expect(200, 'PATCH', path, body, user);
  }
}
