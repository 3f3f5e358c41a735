/** A microphone's track for tests. */
export class FakeTrack extends EventTarget {
  readonly kind = 'audio';
  enabled = true;
  stopped = false;
  stop(): void {
    this.stopped = true;
  }
  getSettings(): { deviceId: string } {
    return { deviceId: 'mic-1' };
  }
}

export class FakeStream {
  readonly tracks: FakeTrack[];
  constructor(tracks: FakeTrack[] = [new FakeTrack()]) {
    this.tracks = tracks;
  }
  getTracks(): FakeTrack[] {
    return this.tracks;
  }
  getAudioTracks(): FakeTrack[] {
    return this.tracks;
  }
}

/** As much of an `RTCPeerConnection` as the engine touches; the test moves its state. */
export class FakePeerConnection {
  static all: FakePeerConnection[] = [];
  connectionState: RTCPeerConnectionState = 'new';
  iceConnectionState: RTCIceConnectionState = 'new';
  /** What `getStats` tells. */
  stats = new Map<string, Record<string, unknown>>();
  localDescription: { sdp: string } | null = null;
  remoteDescription: { sdp: string } | null = null;
  configuration: RTCConfiguration = {};
  readonly transceivers: { source: unknown; direction: string | undefined }[] = [];
  readonly replaced: unknown[] = [];
  closed = false;
  ontrack: unknown = null;
  onconnectionstatechange: (() => void) | null = null;
  onicecandidate: ((event: unknown) => void) | null = null;
  onicecandidateerror: ((event: unknown) => void) | null = null;

  static create(this: void, configuration: RTCConfiguration = {}): RTCPeerConnection {
    const pc = new FakePeerConnection();
    pc.configuration = configuration;
    FakePeerConnection.all.push(pc);
    return pc as unknown as RTCPeerConnection;
  }

  static get last(): FakePeerConnection {
    const pc = FakePeerConnection.all.at(-1);
    if (!pc) throw new Error('no connection was made');
    return pc;
  }

  addTransceiver(source: unknown, init: { direction?: string }) {
    this.transceivers.push({ source, direction: init.direction });
    return { sender: { replaceTrack: async (track: unknown) => void this.replaced.push(track) } };
  }

  getConfiguration(): RTCConfiguration {
    return this.configuration;
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration;
  }

  async createOffer() {
    return { type: 'offer', sdp: `offer-${FakePeerConnection.all.indexOf(this)}` };
  }

  async setLocalDescription(description: { sdp: string }) {
    this.localDescription = description;
  }

  async setRemoteDescription(description: { sdp: string }) {
    this.remoteDescription = description;
  }

  async getStats() {
    return this.stats;
  }

  move(state: RTCPeerConnectionState): void {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }

  close(): void {
    this.closed = true;
  }
}
