/** Below this, in dBFS, a voice counts as silence on the meter. */
const FLOOR = -60;
/** At this level the meter is full: loud speech, well below clipping. */
const CEILING = -12;

/** A level in dB as a share of the meter, 0 to 1. */
export function meterShare(decibels: number): number {
  return Math.min(1, Math.max(0, (decibels - FLOOR) / (CEILING - FLOOR)));
}

/** The root mean square of samples in -1 to 1, in dBFS; -127 for silence. */
export function rmsDecibels(samples: Float32Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  if (sum === 0) return -127;
  return Math.max(-127, 10 * Math.log10(sum / samples.length));
}

/** How loud a local track is, measured once a frame for as long as somebody listens. */
export class LevelMeter {
  readonly #listeners = new Set<(decibels: number) => void>();
  #context: AudioContext | null = null;
  #analyser: AnalyserNode | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #samples = new Float32Array(1024);
  #frame = 0;

  /** Measures this stream from now on; `null` for none. */
  setStream(stream: MediaStream | null): void {
    this.#source?.disconnect();
    this.#source = null;
    if (!stream || typeof AudioContext === 'undefined') return;
    this.#context ??= new AudioContext({ latencyHint: 'interactive' });
    void this.#context.resume().catch(() => undefined);
    this.#analyser ??= new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#analyser);
    this.#run();
  }

  /** Tells the level in dBFS about sixty times a second, while the page is visible. */
  subscribe(listener: (decibels: number) => void): () => void {
    this.#listeners.add(listener);
    this.#run();
    return () => {
      this.#listeners.delete(listener);
    };
  }

  close(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#source?.disconnect();
    this.#source = null;
    this.#analyser = null;
    void this.#context?.close().catch(() => undefined);
    this.#context = null;
    for (const listener of this.#listeners) listener(-127);
  }

  #run(): void {
    if (this.#frame !== 0 || this.#listeners.size === 0 || !this.#source) return;
    const measure = () => {
      this.#frame = 0;
      if (this.#listeners.size === 0 || !this.#analyser || !this.#source) return;
      this.#analyser.getFloatTimeDomainData(this.#samples);
      const level = rmsDecibels(this.#samples);
      for (const listener of this.#listeners) listener(level);
      this.#frame = requestAnimationFrame(measure);
    };
    this.#frame = requestAnimationFrame(measure);
  }
}
