/** How loud the tone is beside the voice: -23 dBFS, above what the server takes for a fan. */
const TONE = 0.1;

/**
 * What is sent in a test: a tone, so that there is something to measure in a quiet room, and the microphone where there is
 * one. To be made while a click is handled: before one, browsers keep an `AudioContext` silent.
 */
export class TestSound {
  readonly track: MediaStreamTrack | null;
  readonly #context: AudioContext | null;
  readonly #destination: MediaStreamAudioDestinationNode | null;

  constructor() {
    if (typeof AudioContext === 'undefined') {
      [this.#context, this.#destination, this.track] = [null, null, null];
      return;
    }
    this.#context = new AudioContext({ latencyHint: 'interactive' });
    void this.#context.resume().catch(() => undefined);
    this.#destination = this.#context.createMediaStreamDestination();
    const tone = new OscillatorNode(this.#context, { frequency: 440 });
    const volume = new GainNode(this.#context, { gain: TONE });
    tone.connect(volume).connect(this.#destination);
    tone.start();
    this.track = this.#destination.stream.getAudioTracks()[0] ?? null;
  }

  /** Mixes a microphone in. */
  add(track: MediaStreamTrack): void {
    if (!this.#context || !this.#destination) return;
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(this.#destination);
  }

  close(): void {
    this.track?.stop();
    void this.#context?.close().catch(() => undefined);
  }
}
