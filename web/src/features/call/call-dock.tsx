import { Link } from '@tanstack/react-router';
import { AudioLines, PhoneOff } from 'lucide-react';
import { text } from '@/lib/text';
import type { CallEngine } from '@/rtc/call-engine';
import { Button } from '@/ui/button';
import { ConnectionBadge } from './connection-badge';
import { MuteButton } from './mute-button';
import { useCall } from './use-call';

/** The call one is in, at the foot of every page but its own. */
export function CallDock({ engine, visibleRoomId }: { engine: CallEngine; visibleRoomId: string | undefined }) {
  const room = useCall(engine, (state) => (state.phase === 'in-call' ? state.room : null));
  if (!room || room.id === visibleRoomId) return null;
  return (
    <aside
      aria-label={text.call.dock}
      className="sticky bottom-0 z-20 px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))]"
    >
      <div className="mx-auto flex w-full max-w-2xl animate-in items-center gap-2 rounded-2xl border border-line bg-raised p-2 pl-3 shadow-pop">
        <Link
          to="/rooms/$roomId"
          params={{ roomId: room.id }}
          aria-label={text.call.backToRoom(room.name)}
          className="flex min-h-11 min-w-0 flex-1 items-center gap-3 rounded-lg"
        >
          <AudioLines className="size-5 shrink-0 text-accent-ink" aria-hidden="true" />
          <span className="min-w-0">
            <span dir="auto" className="block truncate text-sm font-medium">
              {room.name}
            </span>
            <span className="block truncate text-xs text-muted">
              <ConnectionBadge engine={engine} />
            </span>
          </span>
        </Link>
        <MuteButton engine={engine} size="md" />
        <Button
          variant="danger"
          onClick={() => engine.leave()}
          aria-label={text.call.leave}
          icon={<PhoneOff className="size-4" aria-hidden="true" />}
        />
      </div>
    </aside>
  );
}
