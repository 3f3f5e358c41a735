/**
 * What a page hears, measured inside the page.
 *
 * `install` runs before the page's own scripts: it remembers peer connections and turns voice processing off, which
 * would remove a steady tone. Nothing of the page's own code is replaced.
 */

/** Runs in the page. */
export function install(): void {
  const pcs: RTCPeerConnection[] = [];
  const Native = window.RTCPeerConnection;
  class Remembered extends Native {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      pcs.push(this);
    }
  }
  window.RTCPeerConnection = Remembered as typeof RTCPeerConnection;
  if (navigator.mediaDevices) {
    const native = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (constraints) => {
      const audio = typeof constraints?.audio === 'object' ? constraints.audio : {};
      const plain = { ...audio, echoCancellation: false, noiseSuppression: false, autoGainControl: false };
      return native({ ...constraints, audio: constraints?.audio ? plain : false });
    };
  }
  Object.assign(window, { hubbubEars: { pcs } });
}

export interface Heard {
  /** State of the newest peer connection. */
  state: string;
  /** Energy that came in during the measurement; 0 is silence. */
  energy: number;
  /** The part of the samples that was made up because packets were missing. */
  concealed: number;
  /** Frequencies of the loudest tones above -60 dB, loudest first. Empty where the browser plays nothing. */
  tones: number[];
}

/** Runs in the page: listens for `milliseconds`. */
export async function listen(milliseconds: number): Promise<Heard> {
  const { pcs } = (window as unknown as { hubbubEars: { pcs: RTCPeerConnection[] } }).hubbubEars;
  const pc = pcs.findLast((p) => p.connectionState !== 'closed');
  if (!pc) return { state: 'none', energy: 0, concealed: 0, tones: [] };

  const totals = async () => {
    const sum = { energy: 0, concealed: 0, samples: 0 };
    for (const report of (await pc.getStats()).values()) {
      if (report.type !== 'inbound-rtp' || report.kind !== 'audio') continue;
      sum.energy += report.totalAudioEnergy ?? 0;
      // Silence that is made up while nobody speaks is not loss.
      sum.concealed += (report.concealedSamples ?? 0) - (report.silentConcealedSamples ?? 0);
      sum.samples += report.totalSamplesReceived ?? 0;
    }
    return sum;
  };

  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  analyser.smoothingTimeConstant = 0;
  const sources = pc
    .getReceivers()
    .map((receiver) => receiver.track)
    .filter((track) => track.kind === 'audio' && track.readyState === 'live')
    .map((track) => context.createMediaStreamSource(new MediaStream([track])));
  for (const source of sources) source.connect(analyser);
  // Firefox without an output device never starts the context; the numbers of getStats are enough there.
  await Promise.race([context.resume(), new Promise((done) => setTimeout(done, 500))]);

  const before = await totals();
  await new Promise((done) => setTimeout(done, milliseconds));
  const after = await totals();

  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const hertz = context.sampleRate / analyser.fftSize;
  const peaks: { hz: number; db: number }[] = [];
  for (let i = 2; i < levels.length - 2; i++) {
    const [a, b, c] = [levels[i - 1], levels[i], levels[i + 1]];
    if (b > -60 && b >= a && b > c && b >= levels[i - 2] && b > levels[i + 2]) {
      const shift = (a - c) / (2 * (a - 2 * b + c));
      peaks.push({ hz: (i + shift) * hertz, db: b });
    }
  }
  peaks.sort((x, y) => y.db - x.db);
  const loudest = peaks[0]?.db ?? 0;
  const tones = peaks.filter((peak) => peak.db > loudest - 20).map((peak) => Math.round(peak.hz * 10) / 10);
  await context.close();
  const samples = after.samples - before.samples;
  return {
    state: pc.connectionState,
    energy: after.energy - before.energy,
    concealed: samples > 0 ? (after.concealed - before.concealed) / samples : 0,
    tones: tones.slice(0, 8),
  };
}

/** Whether exactly these tones are heard, each within 8 Hz, and no others. */
export function isTones(heard: Heard, ...expected: number[]): boolean {
  const near = (a: number, b: number) => Math.abs(a - b) <= 8;
  return (
    heard.state === 'connected' &&
    heard.energy > 0 &&
    heard.concealed < 0.1 &&
    expected.every((hz) => heard.tones.some((tone) => near(tone, hz))) &&
    heard.tones.every((tone) => expected.some((hz) => near(tone, hz)))
  );
}
