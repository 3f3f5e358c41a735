/** The browsers of this machine. None is downloaded. */
import { existsSync } from 'node:fs';

function first(paths: string[], what: string): string {
  const found = paths.find((path) => existsSync(path));
  if (!found) throw new Error(`${what} is not installed; make test says how (looked for ${paths.join(', ')})`);
  return found;
}

export function chromiumPath(): string {
  return first(['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'], 'Chromium');
}

export function firefoxPath(): string {
  return first(['/usr/bin/firefox-esr', '/usr/bin/firefox'], 'Firefox');
}

/** Flags for audio without prompts or devices; with `microphone`, that WAV file is what the microphone hears. */
export function chromiumArguments(microphone?: string): string[] {
  return [
    '--no-sandbox',
    '--use-fake-device-for-media-stream',
    '--use-fake-ui-for-media-stream',
    '--autoplay-policy=no-user-gesture-required',
    ...(microphone ? [`--use-file-for-fake-audio-capture=${microphone}`] : []),
  ];
}
