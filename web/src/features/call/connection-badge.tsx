import { useEffect, useState } from 'react';
import { cn } from '@/lib/cn';
import { text } from '@/lib/text';
import type { CallEngine } from '@/rtc/call-engine';
import { connectionOf } from '@/rtc/call-state';
import { useCall } from './use-call';

const DOTS = {
  connecting: 'bg-warn-ink animate-pulse-soft',
  connected: 'bg-accent',
  reconnecting: 'bg-warn-ink animate-pulse-soft',
  lost: 'bg-danger',
};

/** How often the round trip is measured, in milliseconds. */
const INTERVAL = 3_000;

/** The state of the connection in one word, and the round trip while it is good. */
export function ConnectionBadge({ engine }: { engine: CallEngine }) {
  const connection = useCall(engine, connectionOf);
  const roundTrip = useRoundTrip(engine, connection === 'connected');
  return (
    <span data-testid="connection" data-state={connection} className="inline-flex items-center gap-1.5">
      <span aria-hidden="true" className={cn('size-2 rounded-full', DOTS[connection])} />
      <span>{text.connection[connection]}</span>
      {roundTrip !== null && <span className="tabular-nums">· {text.connection.roundTrip(roundTrip)}</span>}
    </span>
  );
}

function useRoundTrip(engine: CallEngine, active: boolean): number | null {
  const [roundTrip, setRoundTrip] = useState<number | null>(null);
  useEffect(() => {
    if (!active) return;
    let gone = false;
    const measure = () =>
      engine.stats().then(
        (stats) => {
          if (!gone) setRoundTrip(stats?.roundTripMs ?? null);
        },
        () => undefined,
      );
    void measure();
    const timer = setInterval(measure, INTERVAL);
    return () => {
      gone = true;
      clearInterval(timer);
      setRoundTrip(null);
    };
  }, [engine, active]);
  return roundTrip;
}
