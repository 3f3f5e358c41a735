import { Lock } from 'lucide-react';
import type { ReactNode } from 'react';
import { text } from '@/lib/text';
import type { CallEngine } from '@/rtc/call-engine';
import { ConnectionBadge } from './connection-badge';
import { ConnectionBanner } from './connection-banner';
import { ControlBar } from './control-bar';
import { ParticipantGrid } from './participant-grid';
import { useCall } from './use-call';

/** The call: who is here, how the connection is, and the controls. */
export function CallView({ engine, actions }: { engine: CallEngine; actions: ReactNode }) {
  const room = useCall(engine, (state) => state.room);
  const count = useCall(engine, (state) => state.participants.length);
  if (!room) return null;
  return (
    <main id="main" className="mx-auto flex w-full max-w-5xl flex-1 flex-col px-4 pt-6 sm:px-6 max-sm:pt-4">
      <div className="flex items-start gap-3">
        <div className="min-w-0 flex-1">
          <h1 className="flex items-center gap-2 text-xl font-semibold" tabIndex={-1}>
            <span dir="auto" className="min-w-0 wrap-anywhere">
              {room.name}
            </span>
            {room.isPrivate && (
              <Lock className="size-4 shrink-0 text-muted" role="img" aria-label={text.rooms.private} />
            )}
          </h1>
          <p className="mt-0.5 flex flex-wrap items-center gap-x-3 text-sm text-muted">
            <span>{text.call.people(count)}</span>
            <ConnectionBadge engine={engine} />
          </p>
        </div>
        {actions}
      </div>
      <div className="mt-4 empty:hidden">
        <ConnectionBanner engine={engine} />
      </div>
      <ParticipantGrid engine={engine} />
      <ControlBar engine={engine} />
    </main>
  );
}
