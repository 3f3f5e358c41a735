/** A real coturn on loopback, with the configuration that is shipped for it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort, until } from './server.ts';

const CONFIG = resolve(import.meta.dirname, '../../../config/coturn/turnserver.conf');

/** Whether something answers a STUN Binding request there. */
function answers(port: number): Promise<boolean> {
  const request = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
  return new Promise((done) => {
    const socket = createSocket('udp4');
    const end = (found: boolean) => {
      clearTimeout(timer);
      socket.close();
      done(found);
    };
    const timer = setTimeout(() => end(false), 300);
    socket.once('message', () => end(true));
    socket.once('error', () => end(false));
    socket.send(request, port, '127.0.0.1');
  });
}

export class Coturn {
  readonly secret = 'the-secret-of-the-browser-tests';
  readonly port: number;
  private readonly process: ChildProcess;
  private readonly folder: string;

  private constructor(port: number) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), 'hubbub-coturn-'));
    const options = {
      'listening-ip': '127.0.0.1',
      'relay-ip': '127.0.0.1',
      'listening-port': String(port),
      'static-auth-secret': this.secret,
      pidfile: join(this.folder, 'pid'),
      userdb: join(this.folder, 'db'),
      // The server under test is on loopback, which the configuration denies.
      'allowed-peer-ip': '127.0.0.1',
    };
    const given = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
    this.process = spawn('turnserver', ['-c', CONFIG, ...given, '--allow-loopback-peers'], { stdio: 'ignore' });
  }

  static async start(): Promise<Coturn> {
    const coturn = new Coturn(await freePort());
    const failed = new Promise<never>((_, reject) => {
      coturn.process.once('error', (error) => reject(new Error(`coturn: ${error.message}; make test installs it`)));
    });
    await Promise.race([failed, until('coturn answers', () => answers(coturn.port))]);
    return coturn;
  }

  stop(): void {
    this.process.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
