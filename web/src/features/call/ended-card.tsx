import { Link } from '@tanstack/react-router';
import { CircleSlash, DoorOpen, Lock, LogIn, PhoneOff, RefreshCw, Users } from 'lucide-react';
import { useEffect } from 'react';
import { text } from '@/lib/text';
import type { CallEngine } from '@/rtc/call-engine';
import type { EndReason } from '@/rtc/call-state';
import { Button, buttonClass } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
import { problemWords } from './problem-words';

const ICONS: Partial<Record<EndReason, typeof Lock>> = {
  replaced: LogIn,
  forbidden: Lock,
  'made-private': Lock,
  'room-full': Users,
  kicked: DoorOpen,
  'room-closed': PhoneOff,
  'unsupported-version': RefreshCw,
};

interface EndedCardProps {
  engine: CallEngine;
  roomId: string;
  reason: Exclude<EndReason, 'left'>;
  detail: string | null;
}

/** Why the call is over, or did not begin, and what can be done. */
export function EndedCard({ engine, roomId, reason, detail }: EndedCardProps) {
  const { title, lead, action } = text.ended[reason];
  const Icon = ICONS[reason] ?? CircleSlash;
  useEffect(() => () => engine.reset(), [engine]);

  function act() {
    if (reason === 'unsupported-version') return window.location.reload();
    const muted = engine.store.getState().wantsMute;
    void engine.join(roomId, { muted, listenOnly: false });
  }

  return (
    <main id="main" className="grid flex-1 place-items-center">
      <EmptyState
        level={1}
        icon={<Icon />}
        title={title}
        action={
          <>
            {action && <Button onClick={act}>{action}</Button>}
            {reason === 'failed' && (
              <Link to="/connection-test" className={buttonClass('secondary')}>
                {problemWords.test}
              </Link>
            )}
            <Link to="/rooms" className={buttonClass(action ? 'secondary' : 'primary')}>
              {text.common.backToRooms}
            </Link>
          </>
        }
      >
        {lead}
        {detail && reason === 'failed' && <span className="mt-2 block text-sm">{detail}</span>}
      </EmptyState>
    </main>
  );
}
