import { useEffect, useRef } from 'react';
import { announce } from '@/lib/announce';
import { useHotkey } from '@/lib/hotkeys';
import { text } from '@/lib/text';
import type { CallEngine } from '@/rtc/call-engine';
import { type CallState, connectionOf, isSelfMuted } from '@/rtc/call-state';
import type { Notice } from '@/rtc/notices';
import { toast } from '@/ui/toast';

/** Comings and goings within this time become one announcement, in milliseconds. */
const GATHER = 800;

/** Says aloud what happens in the call, and listens for the key M. Draws nothing. */
export function CallNarrator({ engine }: { engine: CallEngine }) {
  const gather = useGathered();

  useHotkey('m', () => {
    const state = engine.store.getState();
    if (state.phase === 'in-call' && state.microphone.status === 'live') engine.setMuted(!isSelfMuted(state));
  });

  useEffect(() => {
    const stopNotices = engine.onNotice((notice) => narrate(notice, gather, engine.store.getState().roomId));
    const stopStates = engine.store.subscribe(narrateChange);
    return () => {
      stopNotices();
      stopStates();
    };
  }, [engine, gather]);

  return null;
}

function narrate(notice: Notice, gather: (kind: 'joined' | 'left', name: string) => void, roomId: string | null): void {
  switch (notice.type) {
    case 'peer-joined':
      return gather('joined', notice.participant.displayName);
    case 'peer-left':
      return gather('left', notice.participant.displayName);
    case 'muted-by-moderator':
      return toast(text.announce.mutedByModerator, 'error');
    case 'unmuted-by-moderator':
      return toast(text.announce.unmutedByModerator);
    case 'unmute-refused':
      return toast(text.announce.unmuteRefused, 'error');
    case 'microphone-lost':
      return toast(text.announce.microphoneLost, 'error');
    case 'server-draining': {
      const message = text.connection.restarts(notice.secondsLeft * 1000);
      // The room's own page shows it above the call for as long as it lasts.
      return isShown(roomId) ? announce(message) : toast(message);
    }
  }
}

function narrateChange(now: CallState, before: CallState): void {
  if (now.phase === 'in-call' && before.phase === 'joining' && now.room)
    announce(text.announce.youJoined(now.room.name));
  if (now.phase === 'ended' && before.phase === 'in-call' && now.end) {
    const { reason } = now.end;
    if (reason === 'left') announce(text.announce.youLeft);
    // The room's own page says it in full; whoever looks at another page must hear of it too.
    else if (!isShown(before.roomId)) toast(text.ended[reason].title, 'error');
  }
  if (now.phase !== 'in-call' || before.phase !== 'in-call') return;
  if (now.wantsMute !== before.wantsMute) announce(now.wantsMute ? text.announce.muted : text.announce.unmuted);
  const connection = connectionOf(now);
  if (connection !== connectionOf(before) && before.wasConnected) {
    announce(text.connection[connection], { urgent: connection === 'lost' });
  }
}

function isShown(roomId: string | null): boolean {
  return window.location.pathname === `/rooms/${roomId}`;
}

/** Collects names for a moment, so that a crowd is one sentence. */
function useGathered(): (kind: 'joined' | 'left', name: string) => void {
  const names = useRef({ joined: [] as string[], left: [] as string[] });
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const gather = useRef((kind: 'joined' | 'left', name: string) => {
    names.current[kind].push(name);
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      const { joined, left } = names.current;
      names.current = { joined: [], left: [] };
      const sentences = [
        joined.length > 0 && text.announce.joined(joined),
        left.length > 0 && text.announce.left(left),
      ];
      announce(sentences.filter(Boolean).join('. '));
    }, GATHER);
  });
  useEffect(() => () => clearTimeout(timer.current), []);
  return gather.current;
}
