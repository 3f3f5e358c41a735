import { LevelMeter } from './level-meter';

/** Why there is no microphone. */
export type MicrophoneProblem = 'unsupported' | 'insecure' | 'not-found' | 'denied' | 'busy' | 'unknown';

export class MicrophoneError extends Error {
  override readonly name = 'MicrophoneError';
  readonly problem: MicrophoneProblem;

  constructor(problem: MicrophoneProblem, cause?: unknown) {
    super(`No microphone: ${problem}`, { cause });
    this.problem = problem;
  }
}

const DEVICE_KEY = 'hubbub.microphone';
/** Set to `off`, echo cancellation, noise suppression and gain control are not asked for (tests, music). */
const PROCESSING_KEY = 'hubbub.audioProcessing';

/** The person's own microphone: one track at a time, a level meter on it, and the list of devices. */
export class Microphone {
  readonly meter = new LevelMeter();
  /** Called when the device went away while in use. */
  onLost: () => void = () => undefined;
  #stream: MediaStream | null = null;

  get track(): MediaStreamTrack | null {
    return this.#stream?.getAudioTracks()[0] ?? null;
  }

  get deviceId(): string | null {
    return this.track?.getSettings().deviceId ?? null;
  }

  /**
   * Opens a device: the one named, else the one used last, else the browser's choice. The device open before is closed.
   *
   * Rejects with `MicrophoneError`; the device open before then stays.
   */
  async open(deviceId?: string): Promise<MediaStreamTrack> {
    const wanted = deviceId ?? read(DEVICE_KEY) ?? undefined;
    let stream: MediaStream;
    try {
      stream = await capture(wanted);
    } catch (error) {
      const gone = error instanceof MicrophoneError && error.problem === 'not-found';
      if (!wanted || deviceId || !gone) throw error;
      stream = await capture();
    }
    this.close();
    this.#stream = stream;
    const track = stream.getAudioTracks()[0];
    if (!track) throw new MicrophoneError('not-found');
    track.addEventListener('ended', () => {
      if (this.#stream === stream) this.onLost();
    });
    this.meter.setStream(stream);
    if (deviceId) write(DEVICE_KEY, deviceId);
    return track;
  }

  close(): void {
    const stream = this.#stream;
    this.#stream = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    this.meter.close();
  }
}

/** The microphones there are. Before the permission is given browsers hide their names. */
export async function listMicrophones(): Promise<MediaDeviceInfo[]> {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter((device) => device.kind === 'audioinput' && device.deviceId !== '');
}

async function capture(deviceId?: string): Promise<MediaStream> {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new MicrophoneError(window.isSecureContext ? 'unsupported' : 'insecure');
  }
  const processing = read(PROCESSING_KEY) !== 'off';
  const audio: MediaTrackConstraints = {
    echoCancellation: processing,
    noiseSuppression: processing,
    autoGainControl: processing,
    ...(deviceId && { deviceId: { exact: deviceId } }),
  };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio, video: false });
  } catch (error) {
    throw new MicrophoneError(problemOf(error), error);
  }
}

function problemOf(error: unknown): MicrophoneProblem {
  switch (error instanceof Error || error instanceof DOMException ? error.name : '') {
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'not-found';
    case 'NotAllowedError':
      return 'denied';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    case 'SecurityError':
      return 'insecure';
    default:
      return 'unknown';
  }
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
}
