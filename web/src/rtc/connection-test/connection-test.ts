import { createStore, type StoreApi } from 'zustand/vanilla';
import type { SessionDescription } from '@/protocol/generated';
import type { IceServers } from '../ice-servers';
import { Microphone, MicrophoneError } from '../microphone';
import { type LoginCheck, SignalingClient } from '../signaling-client';
import { SignalingError } from '../signaling-errors';
import { Attempt, type Outcome, type Way } from './attempt';
import type { Figures } from './pairs';
import { TestSound } from './test-sound';
import { type Check, type CheckId, type Finding, initialTest, type Status, type TestState } from './test-state';

/** How long the socket is given, in milliseconds. */
const SOCKET_TIMEOUT = 8_000;
const ANSWER_TIMEOUT = 8_000;
/** How long audio is measured, and how often its figures are shown meanwhile. */
const LISTEN = 6_000;
const TICK = 500;
/** Below this, in dBFS, a microphone counts as silent. */
const SILENCE = -70;
/** From here on, people hear it. */
const POOR = { loss: 0.05, roundTripMs: 400, jitterMs: 60 };

export interface ConnectionTestOptions {
  signalingUrl: () => string;
  checkLogin: () => Promise<LoginCheck>;
  /** Asks the server for anything over HTTP; rejects when it cannot be reached. */
  askServer: () => Promise<unknown>;
  iceServers: () => IceServers;
  createSocket?: (url: string) => WebSocket;
  createPeerConnection?: (configuration: RTCConfiguration) => RTCPeerConnection;
}

/** A test that was stopped says so by this. */
class Stopped extends Error {}

/** Tests, one after the other, everything between a microphone and the others' ears. */
export class ConnectionTest {
  readonly store: StoreApi<TestState> = createStore<TestState>(() => initialTest);
  readonly microphone = new Microphone();
  readonly #options: ConnectionTestOptions;
  #run = 0;
  #signaling: SignalingClient | null = null;
  #sound: TestSound | null = null;
  #attempt: Attempt | null = null;
  #loudest = -127;

  constructor(options: ConnectionTestOptions) {
    this.#options = options;
  }

  /** The connection that is being tried, for tests. */
  get peerConnection(): RTCPeerConnection | null {
    return this.#attempt?.peerConnection ?? null;
  }

  /** Tests everything, once. To be called while a click is handled, so that the browser lets sound be made. */
  async start(): Promise<void> {
    this.stop();
    const run = ++this.#run;
    this.store.setState({ ...initialTest, phase: 'running', startedAt: Date.now() }, true);
    this.#sound = new TestSound();
    try {
      await this.#testAll(run);
    } catch (error) {
      if (!(error instanceof Stopped)) throw error;
    } finally {
      if (run === this.#run) this.#finish();
    }
  }

  /** Ends it, and lets go of everything. */
  stop(): void {
    if (this.store.getState().phase !== 'running') return;
    this.#run += 1;
    this.#finish();
  }

  #finish(): void {
    this.#closeAttempt();
    this.#signaling?.send({ type: 'leave' });
    this.#signaling?.stop();
    this.#signaling = null;
    this.#sound?.close();
    this.#sound = null;
    this.microphone.close();
    const checks = { ...this.store.getState().checks };
    for (const [id, check] of Object.entries(checks) as [CheckId, Check][]) {
      const open = check.status === 'waiting' || check.status === 'running';
      if (open) checks[id] = { ...check, status: 'skipped', finding: check.finding ?? { kind: 'stopped' } };
    }
    this.store.setState({ phase: 'done', checks });
  }

  async #testAll(run: number): Promise<void> {
    if (!(await this.#check(run, 'server', () => this.#testServer()))) return;
    if (!(await this.#check(run, 'socket', () => this.#testSocket()))) return;
    await this.#check(run, 'microphone', () => this.#openMicrophone());
    const iceServers = await this.#options
      .iceServers()
      .get()
      .catch(() => []);
    const ways: ('udp' | 'tcp' | 'relay')[] = [];
    for (const way of ['udp', 'tcp'] as const) {
      if (await this.#check(run, way, () => this.#testWay(run, way, []))) ways.push(way);
    }
    const hasRelay = iceServers.some(({ urls }) => [urls].flat().some((url) => url.startsWith('turn')));
    const relay = () => (hasRelay ? this.#testWay(run, 'relay', iceServers) : { kind: 'not-offered' as const });
    if (await this.#check(run, 'relay', relay)) ways.push('relay');
    const best = ways[0];
    if (best) await this.#check(run, 'audio', () => this.#testAudio(run, best, iceServers));
    this.#judgeMicrophone(run);
  }

  /** Runs one check and notes what came of it; whether it is fine. */
  async #check(run: number, id: CheckId, test: () => Finding | Promise<Finding>): Promise<boolean> {
    this.#note(run, id, { status: 'running' });
    const finding = await test();
    this.#note(run, id, { status: statusOf(finding), finding });
    return finding.kind === 'fine';
  }

  #note(run: number, id: CheckId, change: Partial<Check>): void {
    if (run !== this.#run) throw new Stopped();
    const { checks } = this.store.getState();
    this.store.setState({ checks: { ...checks, [id]: { ...checks[id], ...change } } });
  }

  async #testServer(): Promise<Finding> {
    const began = performance.now();
    try {
      await this.#options.askServer();
      return { kind: 'fine', milliseconds: Math.round(performance.now() - began) };
    } catch {
      return { kind: 'not-reached' };
    }
  }

  async #testSocket(): Promise<Finding> {
    const opened = await this.#openSocket();
    if (opened.kind !== 'fine' || !this.#signaling) return opened;
    const began = performance.now();
    try {
      await this.#signaling.request({ type: 'ping' });
      const milliseconds = Math.round(performance.now() - began);
      await this.#signaling.request({ type: 'connection-test' });
      return { kind: 'fine', milliseconds };
    } catch (error) {
      if (error instanceof SignalingError) return { kind: 'refused', detail: error.message };
      return { kind: 'no-socket' };
    }
  }

  #openSocket(): Promise<Finding> {
    return new Promise((done) => {
      const timer = setTimeout(() => done({ kind: 'no-socket' }), SOCKET_TIMEOUT);
      const end = (finding: Finding) => {
        clearTimeout(timer);
        done(finding);
      };
      const { signalingUrl: url, checkLogin, createSocket } = this.#options;
      this.#signaling = new SignalingClient({
        url,
        checkLogin,
        onMessage: () => undefined,
        onStatus: (status) => {
          if (status.kind === 'open') end({ kind: 'fine' });
          if (status.kind === 'stopped' && status.reason === 'unauthorized') end({ kind: 'logged-out' });
          if (status.kind === 'stopped' && status.reason !== 'unauthorized') end({ kind: 'no-socket' });
        },
        ...(createSocket && { createSocket }),
      });
      this.#signaling.start();
    });
  }

  async #openMicrophone(): Promise<Finding> {
    this.#loudest = -127;
    try {
      const track = await this.microphone.open();
      this.#sound?.add(track);
      this.microphone.meter.subscribe((decibels) => {
        this.#loudest = Math.max(this.#loudest, decibels);
      });
      return { kind: 'fine' };
    } catch (error) {
      return { kind: 'microphone', problem: error instanceof MicrophoneError ? error.problem : 'unknown' };
    }
  }

  /** The microphone was open all the while; whether it said anything is known at the end. */
  #judgeMicrophone(run: number): void {
    const { microphone } = this.store.getState().checks;
    if (microphone.status !== 'ok' || this.#loudest > SILENCE) return;
    this.#note(run, 'microphone', { status: 'warning', finding: { kind: 'silent' } });
  }

  async #testWay(run: number, way: 'udp' | 'tcp' | 'relay', iceServers: RTCIceServer[]): Promise<Finding> {
    const attempt = this.#begin(way, iceServers);
    const began = performance.now();
    const outcome = await attempt.connect();
    const milliseconds = Math.round(performance.now() - began);
    if (this.#attempt === attempt) this.#closeAttempt();
    this.#note(run, way, { pairs: outcome.pairs });
    return findingOf(outcome, milliseconds);
  }

  async #testAudio(run: number, best: Way, iceServers: RTCIceServer[]): Promise<Finding> {
    const attempt = this.#begin(best, iceServers);
    const outcome = await attempt.connect();
    this.#note(run, 'audio', { pairs: outcome.pairs });
    if (outcome.failed) return { kind: 'blocked', step: outcome.failed };
    const until = performance.now() + LISTEN;
    let figures: Figures = await attempt.measure();
    while (performance.now() < until) {
      await new Promise((done) => setTimeout(done, TICK));
      figures = await attempt.measure();
      this.#note(run, 'audio', { figures });
    }
    this.#closeAttempt();
    if (figures.packets === 0) {
      this.#signaling?.send({ type: 'media-problem', step: 'audio' });
      return { kind: 'no-audio' };
    }
    return isPoor(figures) ? { kind: 'poor' } : { kind: 'fine' };
  }

  #begin(way: Way, iceServers: RTCIceServer[]): Attempt {
    this.#closeAttempt();
    const { createPeerConnection } = this.#options;
    this.#attempt = new Attempt({
      way,
      iceServers,
      track: this.#sound?.track ?? this.microphone.track,
      ask: (offer) => this.#ask(offer),
      ...(createPeerConnection && { createPeerConnection }),
    });
    return this.#attempt;
  }

  async #ask(description: SessionDescription): Promise<SessionDescription> {
    if (!this.#signaling) throw new Stopped();
    const answer = await this.#signaling.request({ type: 'session-description', description }, ANSWER_TIMEOUT);
    return answer.description;
  }

  #closeAttempt(): void {
    this.#attempt?.close();
    this.#attempt = null;
  }
}

function findingOf({ failed, nothingToTry, relayProblem }: Outcome, milliseconds: number): Finding {
  if (!failed) return { kind: 'fine', milliseconds };
  if (nothingToTry) return { kind: 'not-offered' };
  if (relayProblem) return { kind: relayProblem === 'refused' ? 'relay-refused' : 'relay-unreachable' };
  return { kind: 'blocked', step: failed };
}

function statusOf(finding: Finding): Status {
  switch (finding.kind) {
    case 'fine':
      return 'ok';
    case 'not-offered':
    case 'stopped':
      return 'skipped';
    case 'poor':
    case 'silent':
      return 'warning';
    default:
      return 'fails';
  }
}

function isPoor({ lossUp, lossDown, roundTripMs, jitterMs }: Figures): boolean {
  return (
    Math.max(lossUp ?? 0, lossDown ?? 0) > POOR.loss ||
    (roundTripMs ?? 0) > POOR.roundTripMs ||
    (jitterMs ?? 0) > POOR.jitterMs
  );
}
