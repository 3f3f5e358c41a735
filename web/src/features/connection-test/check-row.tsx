import { Circle, CircleAlert, CircleCheck, CircleMinus, CircleX } from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import { cn } from '@/lib/cn';
import type { Figures } from '@/rtc/connection-test/pairs';
import type { Check, CheckId, Status } from '@/rtc/connection-test/test-state';
import { type LevelMeter, meterShare } from '@/rtc/level-meter';
import { Spinner } from '@/ui/spinner';
import { explain, words } from './words';

const ICONS: Record<Exclude<Status, 'running'>, { Icon: typeof Circle; tone: string }> = {
  waiting: { Icon: Circle, tone: 'text-line-strong' },
  ok: { Icon: CircleCheck, tone: 'text-accent-ink' },
  warning: { Icon: CircleAlert, tone: 'text-warn-ink' },
  fails: { Icon: CircleX, tone: 'text-danger-ink' },
  skipped: { Icon: CircleMinus, tone: 'text-muted' },
};

/** One check: what it is, how it stands, and what to do. */
export function CheckRow({ id, check, children }: { id: CheckId; check: Check; children?: ReactNode }) {
  const { status, finding, figures } = check;
  return (
    <li
      data-check={id}
      data-status={status}
      className="flex gap-3.5 border-t border-line py-4 first:border-t-0 first:pt-0 last:pb-0"
    >
      <span className="mt-0.5 grid size-5 shrink-0 place-items-center" aria-hidden="true">
        {status === 'running' ? <Spinner /> : <StatusIcon status={status} />}
      </span>
      <div className="min-w-0 flex-1">
        <h3 className="flex flex-wrap items-baseline gap-x-2 font-medium">
          {words.checks[id].title}
          <span className={cn('text-sm font-normal', status === 'fails' ? 'text-danger-ink' : 'text-muted')}>
            {words.status[status]}
          </span>
        </h3>
        <p className="mt-0.5 text-sm text-pretty wrap-anywhere text-muted">{explain(id, finding)}</p>
        {figures && <FigureList figures={figures} />}
        {children}
      </div>
    </li>
  );
}

function StatusIcon({ status }: { status: Exclude<Status, 'running'> }) {
  const { Icon, tone } = ICONS[status];
  return <Icon className={cn('size-5', tone)} />;
}

function FigureList({ figures }: { figures: Figures }) {
  const { roundTrip, lossUp, lossDown, jitter, milliseconds, share } = words.figures;
  const rows = [
    [roundTrip, milliseconds(figures.roundTripMs)],
    [jitter, milliseconds(figures.jitterMs)],
    [lossUp, share(figures.lossUp)],
    [lossDown, share(figures.lossDown)],
  ];
  return (
    <dl className="mt-3 grid grid-cols-2 gap-2 sm:grid-cols-4">
      {rows.map(([name, value]) => (
        <div key={name} className="flex flex-col rounded-lg bg-sunken px-3 py-2">
          <dt className="text-xs text-muted">{name}</dt>
          <dd className="mt-auto font-medium tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** How loud the microphone is, while it is open. */
export function TestLevel({ meter }: { meter: LevelMeter }) {
  const bar = useRef<HTMLDivElement>(null);
  useEffect(
    () => meter.subscribe((decibels) => bar.current?.style.setProperty('--level', meterShare(decibels).toFixed(3))),
    [meter],
  );
  return (
    <div className="mt-3">
      <div role="img" aria-label={words.checks.microphone.title} className="h-2 overflow-hidden rounded-full bg-sunken">
        <div ref={bar} className="level-bar h-full rounded-full bg-accent" />
      </div>
      <p className="mt-1.5 text-sm text-muted">{words.speak}</p>
    </div>
  );
}
