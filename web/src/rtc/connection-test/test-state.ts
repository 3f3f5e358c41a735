import type { MediaStep } from '@/protocol/generated';
import type { MicrophoneProblem } from '../microphone';
import type { Figures, TriedPair } from './pairs';

/** What is tested, in this order. */
export const CHECKS = ['server', 'socket', 'microphone', 'udp', 'tcp', 'relay', 'audio'] as const;
export type CheckId = (typeof CHECKS)[number];

/** What came of a check. `not-offered`: the server has nothing of this kind. */
export type Finding =
  | { kind: 'fine'; milliseconds?: number }
  | { kind: 'not-offered' }
  | { kind: 'not-reached' }
  | { kind: 'logged-out' }
  | { kind: 'no-socket' }
  | { kind: 'refused'; detail: string }
  | { kind: 'microphone'; problem: MicrophoneProblem }
  | { kind: 'silent' }
  | { kind: 'blocked'; step: MediaStep }
  | { kind: 'relay-refused' }
  | { kind: 'relay-unreachable' }
  | { kind: 'no-audio' }
  | { kind: 'poor' }
  | { kind: 'stopped' };

export type Status = 'waiting' | 'running' | 'ok' | 'warning' | 'fails' | 'skipped';

export interface Check {
  status: Status;
  finding: Finding | null;
  pairs: TriedPair[];
  figures: Figures | null;
}

export interface TestState {
  phase: 'idle' | 'running' | 'done';
  /** When it was begun, in milliseconds since 1970. */
  startedAt: number | null;
  checks: Readonly<Record<CheckId, Check>>;
}

const waiting: Check = { status: 'waiting', finding: null, pairs: [], figures: null };

export const initialTest: TestState = {
  phase: 'idle',
  startedAt: null,
  checks: Object.fromEntries(CHECKS.map((id) => [id, waiting])) as Record<CheckId, Check>,
};

export type Verdict =
  | 'good'
  | 'tcp-only'
  | 'relay-only'
  | 'microphone'
  | 'poor'
  | 'no-media'
  | 'no-server'
  | 'no-socket';

/** The whole of it in one word. */
export function verdictOf({ phase, checks }: TestState): Verdict | null {
  if (phase !== 'done') return null;
  const ok = (id: CheckId) => checks[id].status === 'ok';
  if (!ok('server')) return 'no-server';
  if (!ok('socket')) return 'no-socket';
  if (!ok('udp') && !ok('tcp') && !ok('relay')) return 'no-media';
  if (checks.audio.status === 'fails') return 'no-media';
  if (!ok('udp')) return ok('tcp') ? 'tcp-only' : 'relay-only';
  if (checks.audio.status === 'warning') return 'poor';
  if (checks.microphone.status === 'fails') return 'microphone';
  return 'good';
}
