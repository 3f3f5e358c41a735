import { useStore } from 'zustand';
import type { CallEngine } from '@/rtc/call-engine';
import type { CallState } from '@/rtc/call-state';

/** A part of the call's state; renders again when that part changes. */
export function useCall<T>(engine: CallEngine, select: (state: CallState) => T): T {
  return useStore(engine.store, select);
}
