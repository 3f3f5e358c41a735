import type { SessionDescription } from '@/protocol/generated';
import { preferRedundancy, withNack } from './loss-protection';

export interface MediaConnectionOptions {
  iceServers: RTCIceServer[];
  /** The microphone's track; without one the connection only listens. */
  track: MediaStreamTrack | null;
  /** How many `recvonly` m-lines to offer. */
  slots: number;
  onTrack: (mid: string, track: MediaStreamTrack) => void;
  onState: (state: RTCPeerConnectionState) => void;
  createPeerConnection?: (configuration: RTCConfiguration) => RTCPeerConnection;
}

/**
 * One `RTCPeerConnection` with the server. It lives for one offer and one answer: what is broken is closed and made anew.
 *
 * The client's own candidates are not sent: the server learns its addresses from the checks (docs/PROTOCOL.md, 3).
 */
export class MediaConnection {
  readonly pc: RTCPeerConnection;
  readonly #sender: RTCRtpSender | null;

  constructor(options: MediaConnectionOptions) {
    const configuration: RTCConfiguration = { iceServers: options.iceServers, bundlePolicy: 'max-bundle' };
    const pc = options.createPeerConnection?.(configuration) ?? new RTCPeerConnection(configuration);
    this.pc = pc;
    const microphone = options.track
      ? pc.addTransceiver(options.track, { direction: 'sendonly', streams: [new MediaStream([options.track])] })
      : null;
    this.#sender = microphone?.sender ?? null;
    if (microphone) preferRedundancy(microphone);
    for (let i = 0; i < options.slots; i++) preferRedundancy(pc.addTransceiver('audio', { direction: 'recvonly' }));
    pc.ontrack = ({ transceiver, track }) => {
      if (transceiver.mid !== null) options.onTrack(transceiver.mid, track);
    };
    pc.onconnectionstatechange = () => options.onState(pc.connectionState);
  }

  /** Whether a microphone's track can be put in with `replaceTrack`. */
  get sends(): boolean {
    return this.#sender !== null;
  }

  /** Later gathering, and relays that are opened anew, use these. */
  setIceServers(iceServers: RTCIceServer[]): void {
    this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers });
  }

  async createOffer(): Promise<SessionDescription> {
    const offer = await this.pc.createOffer();
    const asking = { type: 'offer' as const, sdp: withNack(offer.sdp ?? '') };
    // Should a browser not take an offer that was added to, it gets its own.
    await this.pc.setLocalDescription(asking).catch(() => this.pc.setLocalDescription(offer));
    return { type: 'offer', sdp: this.pc.localDescription?.sdp ?? offer.sdp ?? '' };
  }

  async setAnswer(answer: SessionDescription): Promise<void> {
    await this.pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
  }

  async replaceTrack(track: MediaStreamTrack | null): Promise<void> {
    await this.#sender?.replaceTrack(track);
  }

  close(): void {
    this.pc.ontrack = null;
    this.pc.onconnectionstatechange = null;
    this.pc.close();
  }
}
