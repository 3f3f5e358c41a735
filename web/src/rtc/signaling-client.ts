import { type ClientMessage, PROTOCOL_VERSION, type ServerMessage } from '@/protocol/generated';
import { backoffDelay, spreadDelay } from './backoff';
import { ConnectionLostError, RequestTimeoutError, SignalingError } from './signaling-errors';

/** How often the server is asked whether it is there, in milliseconds. */
const PING_INTERVAL = 5_000;
/** How long silence after a ping is believed to be a slow network rather than a dead one. */
const PONG_TIMEOUT = 8_000;
/** The same, when the browser says that the network changed. */
const SUSPECT_TIMEOUT = 3_000;
/** How long opening the socket, up to `welcome`, may take. */
const WELCOME_TIMEOUT = 8_000;
/** A socket open for this long counts as a success: the next pause is a short one again. */
const STABLE_AFTER = 10_000;
const REQUEST_TIMEOUT = 8_000;
const BACKOFF = { first: 250, cap: 5_000 };
/**
 * The pauses after the server said that it shuts down: most often it is back within a second, and everybody is to be back in
 * their room within five, but not all at once.
 */
const RESTART_SPREAD = { least: 300, most: 1_300 };
/** How long a server that shut down is expected back before the pauses grow, in milliseconds. */
const RESTART_PATIENCE = 30_000;

/** What answers what. */
interface Answers {
  join: 'joined';
  leave: 'left';
  'session-description': 'session-description';
  mute: 'mute-info';
  unmute: 'mute-info';
  ping: 'pong';
  'connection-test': 'joined';
}
type RequestType = keyof Answers;
type AnswerOf<T extends RequestType> = Extract<ServerMessage, { type: Answers[T] }>;

export type SignalingStatus =
  | { kind: 'stopped'; reason: 'asked' | 'unauthorized' | 'unsupported-version' }
  | { kind: 'connecting'; attempt: number }
  | { kind: 'open' }
  /** `restarting`: the server said that it shuts down, and is expected back at once. */
  | { kind: 'waiting'; attempt: number; retryAt: number; restarting: boolean; cause: DownCause };

/** Why there is no socket: nobody answers over HTTP either, the handshake alone fails, or it was open and is gone. */
export type DownCause = 'unreachable' | 'handshake' | 'dropped';

/** `valid`: the login holds (it may have been renewed); `expired`: log in again; `unknown`: the server cannot be asked. */
export type LoginCheck = 'valid' | 'expired' | 'unknown';

export interface SignalingOptions {
  /** The address of the socket, without the version. */
  url: () => string;
  /** Asked after a handshake failed: a browser does not tell a refused login from a server that is gone. */
  checkLogin: () => Promise<LoginCheck>;
  onMessage: (message: ServerMessage) => void;
  onStatus: (status: SignalingStatus) => void;
  createSocket?: (url: string) => WebSocket;
  random?: () => number;
}

interface Pending {
  answer: string;
  resolve: (message: ServerMessage) => void;
  reject: (error: Error) => void;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * The socket to `/ws`, kept open: it reconnects with growing pauses until it is stopped, or the server says that
 * reconnecting is of no use. Taking the seat again after a reconnect is the caller's part (status `open`).
 */
export class SignalingClient {
  readonly #options: SignalingOptions;
  readonly #pending = new Map<number, Pending>();
  #status: SignalingStatus = { kind: 'stopped', reason: 'asked' };
  #socket: WebSocket | null = null;
  #run = 0;
  #nextId = 1;
  #attempt = 0;
  #openedAt = 0;
  #loginSuspect = false;
  /** Until when the server is expected back from a restart. */
  #restartUntil = 0;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #welcomeTimer: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setInterval> | undefined;
  #deadTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SignalingOptions) {
    this.#options = options;
  }

  get status(): SignalingStatus {
    return this.#status;
  }

  start(): void {
    if (this.#status.kind !== 'stopped') return;
    this.#attempt = 0;
    this.#loginSuspect = false;
    this.#restartUntil = 0;
    window.addEventListener('online', this.#onOnline);
    window.addEventListener('offline', this.#onSuspect);
    document.addEventListener('visibilitychange', this.#onSuspect);
    void this.#connect();
  }

  stop(): void {
    this.#stop('asked');
  }

  /** Skips the pause before the next attempt. */
  retryNow(): void {
    if (this.#status.kind === 'waiting') void this.#connect();
  }

  /** Gives this socket up and connects anew after a pause. */
  reconnect(): void {
    if (this.#socket) this.#onDown(1000);
  }

  /** Sends without waiting for an answer; `false` when the socket is not open. */
  send(message: ClientMessage): boolean {
    if (this.#status.kind !== 'open' || !this.#socket) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /**
   * Sends and waits for the answer.
   *
   * Rejects with `SignalingError` (refused), `RequestTimeoutError` or `ConnectionLostError`.
   */
  request<T extends RequestType>(
    message: ClientMessage & { type: T },
    timeout = REQUEST_TIMEOUT,
  ): Promise<AnswerOf<T>> {
    const socket = this.#socket;
    if (this.#status.kind !== 'open' || !socket) return Promise.reject(new ConnectionLostError());
    const id = this.#nextId;
    this.#nextId = (this.#nextId % 0xffff_ffff) + 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new RequestTimeoutError(message.type));
      }, timeout);
      const answer: Answers[RequestType] = ANSWERS[message.type];
      this.#pending.set(id, { answer, resolve: (m) => resolve(m as AnswerOf<T>), reject, timer });
      socket.send(JSON.stringify({ ...message, id }));
    });
  }

  async #connect(): Promise<void> {
    clearTimeout(this.#retryTimer);
    const run = ++this.#run;
    this.#setStatus({ kind: 'connecting', attempt: this.#attempt });
    if (this.#loginSuspect) {
      const login = await this.#options.checkLogin().catch((): LoginCheck => 'unknown');
      if (run !== this.#run) return;
      if (login === 'expired') return this.#stop('unauthorized');
      if (login === 'unknown') return this.#wait('unreachable');
      this.#loginSuspect = false;
    }
    const url = `${this.#options.url()}?version=${PROTOCOL_VERSION}`;
    const socket = this.#options.createSocket?.(url) ?? new WebSocket(url);
    this.#socket = socket;
    this.#welcomeTimer = setTimeout(() => this.#onDown(0), WELCOME_TIMEOUT);
    socket.onmessage = (event: MessageEvent) => this.#onFrame(event.data);
    socket.onclose = (event: CloseEvent) => this.#onDown(event.code);
  }

  #onFrame(data: unknown): void {
    clearTimeout(this.#deadTimer);
    this.#deadTimer = undefined;
    for (const message of parse(data)) this.#onMessage(message);
  }

  #onMessage(message: ServerMessage): void {
    if (message.type === 'welcome') {
      clearTimeout(this.#welcomeTimer);
      this.#openedAt = Date.now();
      if (this.#restartUntil > 0) this.#attempt = 0;
      this.#restartUntil = 0;
      this.#pingTimer = setInterval(() => this.#ping(PONG_TIMEOUT), PING_INTERVAL);
      this.#setStatus({ kind: 'open' });
    }
    this.#options.onMessage(message);
    const replyTo = 'replyTo' in message ? message.replyTo : undefined;
    const pending = replyTo === undefined ? undefined : this.#pending.get(replyTo);
    if (replyTo === undefined || !pending) return;
    this.#pending.delete(replyTo);
    clearTimeout(pending.timer);
    if (message.type === 'error') pending.reject(new SignalingError(message.code, message.message));
    else if (message.type === pending.answer) pending.resolve(message);
    else pending.reject(new SignalingError('internal', `Unexpected answer "${message.type}".`));
  }

  /** The socket is gone, or is treated so. `code` is that of the close frame, 0 when this side gave up. */
  #onDown(code: number): void {
    const welcomed = this.#status.kind === 'open';
    this.#dropSocket();
    if (code === 4406) return this.#stop('unsupported-version');
    if (!welcomed || code === 4401 || code === 4403) this.#loginSuspect = true;
    if (welcomed && Date.now() - this.#openedAt >= STABLE_AFTER) this.#attempt = 0;
    if (code === 1001) this.#restartUntil = Date.now() + RESTART_PATIENCE;
    this.#wait(welcomed ? 'dropped' : 'handshake');
  }

  #wait(cause: DownCause): void {
    const random = this.#options.random && { random: this.#options.random };
    const restarting = Date.now() < this.#restartUntil;
    const delay = restarting
      ? spreadDelay({ ...RESTART_SPREAD, ...random })
      : backoffDelay(this.#attempt, { ...BACKOFF, ...random });
    this.#attempt += 1;
    this.#retryTimer = setTimeout(() => void this.#connect(), delay);
    this.#setStatus({ kind: 'waiting', attempt: this.#attempt, retryAt: Date.now() + delay, restarting, cause });
  }

  #stop(reason: 'asked' | 'unauthorized' | 'unsupported-version'): void {
    if (this.#status.kind === 'stopped') return;
    this.#run += 1;
    clearTimeout(this.#retryTimer);
    window.removeEventListener('online', this.#onOnline);
    window.removeEventListener('offline', this.#onSuspect);
    document.removeEventListener('visibilitychange', this.#onSuspect);
    this.#dropSocket();
    this.#setStatus({ kind: 'stopped', reason });
  }

  #dropSocket(): void {
    clearTimeout(this.#welcomeTimer);
    clearTimeout(this.#deadTimer);
    clearInterval(this.#pingTimer);
    this.#deadTimer = undefined;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { timer, reject } of pending) {
      clearTimeout(timer);
      reject(new ConnectionLostError());
    }
  }

  #ping(timeout: number): void {
    if (!this.send({ type: 'ping' })) return;
    if (this.#deadTimer !== undefined && timeout === PONG_TIMEOUT) return;
    clearTimeout(this.#deadTimer);
    this.#deadTimer = setTimeout(() => this.#onDown(0), timeout);
  }

  readonly #onOnline = (): void => {
    if (this.#status.kind === 'open') this.#ping(SUSPECT_TIMEOUT);
    else this.retryNow();
  };

  readonly #onSuspect = (): void => {
    if (document.visibilityState === 'hidden') return;
    if (this.#status.kind === 'open') this.#ping(SUSPECT_TIMEOUT);
  };

  #setStatus(status: SignalingStatus): void {
    this.#status = status;
    this.#options.onStatus(status);
  }
}

const ANSWERS: Answers = {
  join: 'joined',
  leave: 'left',
  'session-description': 'session-description',
  mute: 'mute-info',
  unmute: 'mute-info',
  ping: 'pong',
  'connection-test': 'joined',
};

/** The messages of a frame: one, or those that `news` holds. */
function parse(data: unknown): ServerMessage[] {
  if (typeof data !== 'string') return [];
  try {
    const value: unknown = JSON.parse(data);
    if (!isMessage(value)) return [];
    if (value.type !== 'news') return [value];
    const messages: unknown = value.messages;
    return Array.isArray(messages) ? messages.filter(isMessage) : [];
  } catch {
    return [];
  }
}

function isMessage(value: unknown): value is ServerMessage {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}
