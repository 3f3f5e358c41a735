import type { MediaStep, SessionDescription } from '@/protocol/generated';
import { MediaConnection } from '../media-connection';
import { stepOf } from '../media-step';
import { countCandidates, onlyCandidates, type Protocol } from './candidates';
import { type Figures, figures, type TriedPair, waysTried } from './pairs';

/** How long a way is given to come about, in milliseconds. */
export const CONNECT_TIMEOUT = 8_000;

/** A way to the server that is tried: only by these of its candidates, or only by relay. */
export type Way = Protocol | 'relay';

export interface AttemptOptions {
  way: Way;
  iceServers: RTCIceServer[];
  track: MediaStreamTrack | null;
  /** Hands the offer to the server; its answer. */
  ask: (offer: SessionDescription) => Promise<SessionDescription>;
  timeout?: number;
  createPeerConnection?: (configuration: RTCConfiguration) => RTCPeerConnection;
}

/** Why the relay did not come about. */
export type RelayProblem = 'refused' | 'unreachable';

export interface Outcome {
  /** The step that failed; `null` when it connected. */
  failed: MediaStep | null;
  /** Nothing to try: the server names no candidate of this kind. */
  nothingToTry: boolean;
  relayProblem: RelayProblem | null;
  pairs: TriedPair[];
}

/** A connection that is tried one way, and can be measured while it stands. */
export class Attempt {
  readonly #options: AttemptOptions;
  readonly #media: MediaConnection;
  #relayErrors: number[] = [];
  #relayCandidates = 0;
  #settle: () => void = () => undefined;

  constructor(options: AttemptOptions) {
    this.#options = options;
    const relay = options.way === 'relay';
    const make = options.createPeerConnection ?? ((configuration) => new RTCPeerConnection(configuration));
    this.#media = new MediaConnection({
      // The server is reached directly, or it is not: a relay must not make up for it.
      iceServers: relay ? options.iceServers : [],
      track: options.track,
      slots: 1,
      onTrack: () => undefined,
      onState: () => this.#settle(),
      createPeerConnection: (configuration) =>
        make({ ...configuration, ...(relay && { iceTransportPolicy: 'relay' }) }),
    });
    const { pc } = this.#media;
    pc.onicecandidateerror = ({ errorCode }) => this.#relayErrors.push(errorCode);
    pc.onicecandidate = ({ candidate }) => {
      if (candidate?.type === 'relay') this.#relayCandidates += 1;
    };
  }

  get peerConnection(): RTCPeerConnection {
    return this.#media.pc;
  }

  /** Offers and waits until it is connected or will not be. */
  async connect(): Promise<Outcome> {
    const { way, ask, timeout = CONNECT_TIMEOUT } = this.#options;
    let failed: MediaStep | null = 'offer';
    let nothingToTry = false;
    try {
      const offer = await this.#media.createOffer();
      failed = 'answer';
      const answer = await ask(offer);
      nothingToTry = way !== 'relay' && countCandidates(answer.sdp)[way] === 0;
      const sdp = way === 'relay' ? answer.sdp : onlyCandidates(answer.sdp, way);
      await this.#media.setAnswer({ type: 'answer', sdp });
      await this.#settled(nothingToTry ? 0 : timeout);
      failed = this.#media.pc.connectionState === 'connected' ? null : stepOf(this.#media.pc);
    } catch {
      // `failed` says how far it came.
    }
    return {
      failed,
      nothingToTry,
      relayProblem: failed ? this.#relayProblem() : null,
      pairs: await waysTried(this.#media.pc),
    };
  }

  async measure(): Promise<Figures> {
    return figures(await this.#media.pc.getStats());
  }

  close(): void {
    this.#media.pc.onicecandidate = null;
    this.#media.pc.onicecandidateerror = null;
    this.#media.close();
  }

  #settled(timeout: number): Promise<void> {
    const { pc } = this.#media;
    const isOver = () => pc.connectionState === 'connected' || pc.connectionState === 'failed';
    if (isOver()) return Promise.resolve();
    return new Promise((done) => {
      const timer = setTimeout(done, timeout);
      this.#settle = () => {
        if (!isOver()) return;
        clearTimeout(timer);
        done();
      };
    });
  }

  /** 401 and its kin are the TURN server's words; 701 says that nobody answered (W3C webrtc-pc, 4.8.2). */
  #relayProblem(): RelayProblem | null {
    if (this.#options.way !== 'relay' || this.#relayCandidates > 0) return null;
    return this.#relayErrors.some((code) => code >= 400 && code < 500) ? 'refused' : 'unreachable';
  }
}
