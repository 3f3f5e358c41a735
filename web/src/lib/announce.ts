import { createStore } from 'zustand/vanilla';

export interface Announcement {
  id: number;
  text: string;
  urgent: boolean;
}

/** What screen readers are to say; shown to nobody else. See ui/announcer.tsx. */
export const announcements = createStore<{ last: Announcement | null }>(() => ({ last: null }));

let nextId = 1;

/** Has screen readers say something, at once when `urgent`. */
export function announce(message: string, { urgent = false } = {}): void {
  announcements.setState({ last: { id: nextId++, text: message, urgent } });
}
