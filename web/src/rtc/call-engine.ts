import { createStore, type StoreApi } from 'zustand/vanilla';
import type { MediaStep, ServerMessage } from '@/protocol/generated';
import { backoffDelay } from './backoff';
import { mediaProblem, packetsReceived } from './call-problem';
import {
  type CallEvent,
  type CallState,
  type EndReason,
  initialState,
  isSelfMuted,
  reduce,
  selfOf,
} from './call-state';
import type { IceServers } from './ice-servers';
import { MediaConnection } from './media-connection';
import { stepOf } from './media-step';
import { Microphone, MicrophoneError } from './microphone';
import { type Notice, noticesOf } from './notices';
import { RemoteAudio } from './remote-audio';
import { type LoginCheck, SignalingClient } from './signaling-client';
import { SignalingError } from './signaling-errors';
import { type CallStats, summarize } from './stats';

/** How long ICE, DTLS and the answer together may take before the connection is made anew. */
const MEDIA_TIMEOUT = 12_000;
/** How long a connection without packets is given to come back by itself. */
const INTERRUPTION_TIMEOUT = 5_000;
const ANSWER_TIMEOUT = 10_000;
/** How long somebody may be heard by the server and not here, before that is called a problem. */
const SILENCE_TIMEOUT = 8_000;
/** The least time between two requests for ICE servers. */
const ICE_SERVERS_PAUSE = 10_000;
const MEDIA_BACKOFF = { first: 500, cap: 5_000 };

export interface CallEngineOptions {
  signalingUrl: () => string;
  checkLogin: () => Promise<LoginCheck>;
  iceServers: IceServers;
  createSocket?: (url: string) => WebSocket;
  createPeerConnection?: (configuration: RTCConfiguration) => RTCPeerConnection;
}

export interface JoinOptions {
  muted: boolean;
  /** Joins without a microphone. */
  listenOnly: boolean;
}

/**
 * One person's call: takes the seat, keeps socket and media alive, and tells in `store` how things stand.
 *
 * The socket and the media connection fail and recover apart from each other. After each new socket the seat is taken
 * again with the resume token; only when the server no longer has it, or the media itself broke, a new
 * `RTCPeerConnection` is made.
 */
export class CallEngine {
  readonly store: StoreApi<CallState> = createStore<CallState>(() => initialState);
  readonly microphone = new Microphone();
  readonly #options: CallEngineOptions;
  readonly #signaling: SignalingClient;
  readonly #audio = new RemoteAudio((blocked) => this.#dispatch({ type: 'audio-blocked', blocked }));
  readonly #noticeListeners = new Set<(notice: Notice) => void>();
  #media: MediaConnection | null = null;
  #mediaRun = 0;
  #mediaBroken = false;
  #awaitingAnswer = false;
  #mediaTimer: ReturnType<typeof setTimeout> | undefined;
  #iceServersTimer: ReturnType<typeof setTimeout> | undefined;
  #silenceTimer: ReturnType<typeof setTimeout> | undefined;
  #resumeToken: string | null = null;
  #slots = 0;
  #joinRun = 0;

  constructor(options: CallEngineOptions) {
    this.#options = options;
    this.#signaling = new SignalingClient({
      url: options.signalingUrl,
      checkLogin: options.checkLogin,
      onMessage: (message) => this.#onMessage(message),
      onStatus: (status) => {
        if (!this.#isActive) return;
        this.#dispatch({ type: 'signaling', status });
        if (status.kind === 'waiting' && status.cause !== 'dropped') {
          const step = status.cause === 'unreachable' ? 'server' : 'socket';
          this.#dispatch({ type: 'problem', problem: { step, detail: null, pairs: [] } });
        }
        if (status.kind === 'open') void this.#takeSeat();
        if (status.kind === 'stopped' && status.reason !== 'asked') this.#end(status.reason);
      },
      ...(options.createSocket && { createSocket: options.createSocket }),
    });
    this.microphone.onLost = () => void this.#onMicrophoneLost();
  }

  /** The live connection, for statistics and tests. */
  get peerConnection(): RTCPeerConnection | null {
    return this.#media?.pc ?? null;
  }

  /** Tells what happens, once each. */
  onNotice(listener: (notice: Notice) => void): () => void {
    this.#noticeListeners.add(listener);
    return () => {
      this.#noticeListeners.delete(listener);
    };
  }

  /**
   * Goes into a room, out of the one before. Asks for the microphone first, unless `listenOnly`; what goes wrong with
   * that stands in `microphone.problem`, and nothing else happens then.
   */
  async join(roomId: string, { muted, listenOnly }: JoinOptions): Promise<void> {
    if (this.#isActive) {
      if (this.store.getState().roomId === roomId) return;
      this.leave();
    }
    if (typeof RTCPeerConnection === 'undefined' || typeof WebSocket === 'undefined') {
      return this.#dispatch({ type: 'end', reason: 'unsupported-browser' });
    }
    const run = ++this.#joinRun;
    this.#dispatch({ type: 'start', roomId, muted });
    if (listenOnly) this.closeMicrophone();
    else if (!this.microphone.track && !(await this.openMicrophone())) {
      if (run === this.#joinRun) this.#dispatch({ type: 'abort' });
      return;
    }
    // The person may have gone elsewhere while the browser asked.
    if (run !== this.#joinRun) {
      if (!this.#isActive) this.closeMicrophone();
      return;
    }
    this.#resumeToken = null;
    this.#signaling.start();
  }

  /** Goes out of the room. The server is told on the way; nothing waits for its answer. */
  leave(): void {
    if (!this.#isActive) return;
    this.#signaling.send({ type: 'leave' });
    this.#end('left');
  }

  /** Back to where a call has not begun, after its end was read. */
  reset(): void {
    if (!this.#isActive) this.#dispatch({ type: 'abort' });
  }

  /** Skips the pause before the next attempt to reach the server. */
  retryNow(): void {
    this.#signaling.retryNow();
  }

  /** Mutes or unmutes oneself. Takes effect at once; the server follows. A moderator's mute cannot be lifted so. */
  setMuted(muted: boolean): void {
    const state = this.store.getState();
    if (!muted && selfOf(state)?.mutedByModerator) return this.#notify({ type: 'unmute-refused' });
    this.#dispatch({ type: 'want-mute', muted });
    if (state.phase === 'in-call') void this.#sendMute();
  }

  /** As a moderator, mutes somebody else, or lifts that. Rejects with `SignalingError` and its kin. */
  async muteParticipant(participantId: string, muted: boolean): Promise<void> {
    await this.#signaling.request({ type: muted ? 'mute' : 'unmute', participantId });
  }

  /** Opens a microphone, or another one; `false` when that failed, with the reason in the state. */
  async openMicrophone(deviceId?: string): Promise<boolean> {
    // While one device takes the place of another, the one in use stays live.
    const status = this.microphone.track ? 'live' : 'requesting';
    this.#dispatch({ type: 'microphone', microphone: { status, problem: null } });
    try {
      const track = await this.microphone.open(deviceId);
      this.#dispatch({
        type: 'microphone',
        microphone: { status: 'live', problem: null, deviceId: this.microphone.deviceId },
      });
      await this.#adoptTrack(track);
      return true;
    } catch (error) {
      const problem = error instanceof MicrophoneError ? error.problem : 'unknown';
      const status = this.microphone.track ? 'live' : 'off';
      this.#dispatch({ type: 'microphone', microphone: { status, problem } });
      return false;
    }
  }

  /** Lets go of the microphone. */
  closeMicrophone(): void {
    this.microphone.close();
    this.#dispatch({ type: 'microphone', microphone: { status: 'off', problem: null, deviceId: null } });
  }

  /** Plays what the browser held back; to be called while a click is handled. */
  unlockAudio(): void {
    this.#audio.unlock();
  }

  async stats(): Promise<CallStats | null> {
    const report = await this.#media?.pc.getStats();
    return report ? summarize(report) : null;
  }

  get #isActive(): boolean {
    const { phase } = this.store.getState();
    return phase === 'joining' || phase === 'in-call';
  }

  #dispatch(event: CallEvent): void {
    const state = reduce(this.store.getState(), event);
    this.store.setState(state, true);
    const { track } = this.microphone;
    if (track) track.enabled = state.phase === 'in-call' ? !isSelfMuted(state) : true;
  }

  #notify(notice: Notice): void {
    for (const listener of this.#noticeListeners) listener(notice);
  }

  #onMessage(message: ServerMessage): void {
    if (!this.#isActive) return;
    const notices = noticesOf(this.store.getState(), message);
    this.#dispatch({ type: 'message', message });
    for (const notice of notices) this.#notify(notice);
    if (message.type === 'mute-info') this.#reconcileMute();
    if (message.type === 'slots') this.#expectAudio();
    // Who is sent out of a room that let them in was there when it became private.
    if (message.type === 'left') this.#end(message.reason === 'forbidden' ? 'made-private' : message.reason);
    if (message.type === 'media-state' && message.state === 'lost' && !this.#awaitingAnswer) this.#retryMedia();
  }

  async #takeSeat(): Promise<void> {
    const { roomId, wantsMute } = this.store.getState();
    if (!roomId) return;
    const resumeToken = this.#resumeToken;
    try {
      const joined = await this.#signaling.request({
        type: 'join',
        roomId,
        muted: wantsMute,
        ...(resumeToken && { resumeToken }),
      });
      this.#resumeToken = joined.resumeToken;
      this.#slots = joined.slots;
      if (!joined.resumed || !this.#media || this.#mediaBroken) void this.#connectMedia();
      this.#reconcileMute();
    } catch (error) {
      if (error instanceof SignalingError && isFinal(error.code)) return this.#end(error.code, error.message);
      // Refusals that pass, and lost sockets alike: again after a pause that grows.
      this.#dispatch({ type: 'server-busy', busy: error instanceof SignalingError && error.code === 'server-busy' });
      const detail = error instanceof SignalingError ? error.message : null;
      this.#dispatch({ type: 'problem', problem: { step: 'seat', detail, pairs: [] } });
      this.#signaling.reconnect();
    }
  }

  /** Brings the server's idea of one's own mute in line with the person's, where the two differ. */
  #reconcileMute(): void {
    const state = this.store.getState();
    const self = selfOf(state);
    if (self && !self.mutedByModerator && self.muted !== state.wantsMute) void this.#sendMute();
  }

  async #sendMute(): Promise<void> {
    try {
      await this.#signaling.request({ type: this.store.getState().wantsMute ? 'mute' : 'unmute' });
    } catch (error) {
      // A lost connection needs nothing here: taking the seat again brings the mute along.
      if (error instanceof SignalingError && error.code === 'muted-by-moderator')
        this.#notify({ type: 'unmute-refused' });
    }
  }

  async #connectMedia(): Promise<void> {
    const run = ++this.#mediaRun;
    const isStale = () => run !== this.#mediaRun;
    this.#closeMedia();
    this.#dispatch({ type: 'media', media: 'connecting' });
    const iceServers = await this.#options.iceServers.get().catch(() => []);
    if (isStale()) return;
    const media = new MediaConnection({
      iceServers,
      track: this.microphone.track,
      slots: this.#slots,
      onTrack: (mid, track) => this.#audio.attach(mid, track),
      onState: (state) => this.#onMediaState(state),
      ...(this.#options.createPeerConnection && { createPeerConnection: this.#options.createPeerConnection }),
    });
    this.#media = media;
    this.#renewIceServers(media);
    this.#mediaBroken = false;
    this.#mediaTimer = setTimeout(() => {
      this.#blame(this.#awaitingAnswer ? 'answer' : stepOf(media.pc), media);
      this.#retryMedia();
    }, MEDIA_TIMEOUT);
    this.#awaitingAnswer = true;
    let step: MediaStep = 'offer';
    try {
      const description = await media.createOffer();
      if (isStale()) return;
      step = 'answer';
      const answer = await this.#signaling.request({ type: 'session-description', description }, ANSWER_TIMEOUT);
      if (isStale()) return;
      await media.setAnswer(answer.description);
    } catch (error) {
      if (isStale()) return;
      if (error instanceof SignalingError && error.code === 'bad-sdp') return this.#end('failed', error.message);
      this.#blame(step, media);
      this.#retryMedia();
    } finally {
      if (!isStale()) this.#awaitingAnswer = false;
    }
  }

  /** Gives a long call's connection new credentials before those it has run out. */
  #renewIceServers(media: MediaConnection): void {
    clearTimeout(this.#iceServersTimer);
    const wait = this.#options.iceServers.freshFor();
    if (wait === null) return;
    this.#iceServersTimer = setTimeout(
      async () => {
        try {
          const iceServers = await this.#options.iceServers.get();
          if (media !== this.#media) return;
          media.setIceServers(iceServers);
        } catch {
          // The old ones go on for as long as they are good; the next try comes with the minimum wait.
        }
        if (media === this.#media) this.#renewIceServers(media);
      },
      Math.max(wait, ICE_SERVERS_PAUSE),
    );
  }

  #onMediaState(state: RTCPeerConnectionState): void {
    if (state === 'connected') {
      clearTimeout(this.#mediaTimer);
      this.#dispatch({ type: 'media', media: 'connected' });
    } else if (state === 'disconnected') {
      this.#dispatch({ type: 'media', media: 'interrupted' });
      clearTimeout(this.#mediaTimer);
      this.#mediaTimer = setTimeout(() => this.#retryMedia(), INTERRUPTION_TIMEOUT);
    } else if (state === 'failed') {
      const { media } = this.store.getState();
      if (this.#media && media === 'connecting') this.#blame(stepOf(this.#media.pc), this.#media);
      this.#retryMedia();
    }
  }

  /** Notes which step of `media` failed, here and at the server. */
  #blame(step: MediaStep, media: MediaConnection): void {
    const run = this.#mediaRun;
    this.#signaling.send({ type: 'media-problem', step });
    void mediaProblem(step, media.pc).then((problem) => {
      const connected = this.store.getState().media === 'connected';
      if (run === this.#mediaRun && this.#isActive && (step === 'audio') === connected)
        this.#dispatch({ type: 'problem', problem });
    });
  }

  /** Somebody was put into a slot: looks after a while whether anything came. */
  #expectAudio(): void {
    const media = this.#media;
    if (!media || Object.keys(this.store.getState().slots).length === 0 || this.#silenceTimer !== undefined) return;
    this.#silenceTimer = setTimeout(async () => {
      this.#silenceTimer = undefined;
      const arrived = await packetsReceived(media.pc).catch(() => 1);
      if (media !== this.#media || this.store.getState().media !== 'connected') return;
      const { problem } = this.store.getState();
      if (arrived > 0 && problem?.step === 'audio') this.#dispatch({ type: 'problem', problem: null });
      if (arrived > 0) return;
      if (problem?.step !== 'audio') this.#blame('audio', media);
      this.#expectAudio();
    }, SILENCE_TIMEOUT);
  }

  /** The media connection is of no use any more: makes a new one, after a pause, when the socket is there to offer it. */
  #retryMedia(): void {
    clearTimeout(this.#mediaTimer);
    this.#mediaBroken = true;
    this.#dispatch({ type: 'media', media: 'failed' });
    const delay = backoffDelay(this.store.getState().mediaFailures - 1, MEDIA_BACKOFF);
    this.#mediaTimer = setTimeout(() => {
      const { phase, signaling } = this.store.getState();
      if (phase === 'in-call' && signaling.kind === 'open') void this.#connectMedia();
    }, delay);
  }

  #closeMedia(): void {
    clearTimeout(this.#mediaTimer);
    clearTimeout(this.#iceServersTimer);
    clearTimeout(this.#silenceTimer);
    this.#silenceTimer = undefined;
    this.#awaitingAnswer = false;
    this.#media?.close();
    this.#media = null;
    this.#audio.clear();
  }

  async #adoptTrack(track: MediaStreamTrack): Promise<void> {
    if (!this.#media) return;
    if (this.#media.sends) await this.#media.replaceTrack(track);
    else if (this.store.getState().signaling.kind === 'open') await this.#connectMedia();
    else this.#mediaBroken = true;
  }

  async #onMicrophoneLost(): Promise<void> {
    this.closeMicrophone();
    this.#notify({ type: 'microphone-lost' });
    if (this.#isActive && !(await this.openMicrophone())) await this.#media?.replaceTrack(null);
  }

  #end(reason: EndReason, detail?: string): void {
    if (!this.#isActive) return;
    this.#joinRun += 1;
    this.#mediaRun += 1;
    this.#resumeToken = null;
    this.#closeMedia();
    this.microphone.close();
    this.#dispatch({ type: 'end', reason, ...(detail !== undefined && { detail }) });
    this.#signaling.stop();
  }
}

const FINAL = ['forbidden', 'room-not-found', 'room-full'] as const;

function isFinal(code: string): code is (typeof FINAL)[number] {
  return (FINAL as readonly string[]).includes(code);
}
