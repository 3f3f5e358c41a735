/** Tones as WAV files: 48 kHz, 16 bit, mono, ten seconds, a whole number of periods so that the loop has no click. */
import { writeFileSync } from 'node:fs';

const RATE = 48_000;
const SECONDS = 10;

export function writeTone(path: string, hertz: number): void {
  const samples = RATE * SECONDS;
  const wav = Buffer.alloc(44 + samples * 2);
  wav.write('RIFF', 0);
  wav.writeUInt32LE(36 + samples * 2, 4);
  wav.write('WAVEfmt ', 8);
  wav.writeUInt32LE(16, 16);
  wav.writeUInt16LE(1, 20);
  wav.writeUInt16LE(1, 22);
  wav.writeUInt32LE(RATE, 24);
  wav.writeUInt32LE(RATE * 2, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  wav.writeUInt32LE(samples * 2, 40);
  for (let i = 0; i < samples; i++) {
    wav.writeInt16LE(Math.round(12_000 * Math.sin((2 * Math.PI * hertz * i) / RATE)), 44 + i * 2);
  }
  writeFileSync(path, wav);
}
