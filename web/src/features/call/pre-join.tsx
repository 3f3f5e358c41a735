import { AudioLines, Ear, Lock, Users } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import type { RoomDetails } from '@/api/types';
import { text } from '@/lib/text';
import type { CallEngine } from '@/rtc/call-engine';
import { Avatar } from '@/ui/avatar';
import { Badge } from '@/ui/badge';
import { Banner } from '@/ui/banner';
import { Button } from '@/ui/button';
import { Switch } from '@/ui/switch';
import { ConnectionBanner } from './connection-banner';
import { MicrophoneCheck } from './microphone-check';
import { MicrophoneProblemPanel } from './microphone-problem';
import { useCall } from './use-call';

/** How many of those inside are shown with their picture. */
const FACES = 8;

/** The way into a room: who is inside, a look at the microphone, and the button. */
export function PreJoin({ engine, room, actions }: { engine: CallEngine; room: RoomDetails; actions: ReactNode }) {
  // Who is muted in another room arrives muted here.
  const [muted, setMuted] = useState(() => {
    const { phase, wantsMute } = engine.store.getState();
    return phase === 'in-call' && wantsMute;
  });
  const joining = useCall(engine, (state) => state.phase === 'joining' && state.roomId === room.id);
  const elsewhere = useCall(engine, (state) =>
    state.phase === 'in-call' && state.roomId !== room.id ? state.room : null,
  );
  const problem = useCall(engine, (state) => state.microphone.problem);
  const full = room.participantCount >= room.maxParticipants;

  useEffect(
    () => () => {
      const { phase } = engine.store.getState();
      if (phase !== 'joining' && phase !== 'in-call') engine.closeMicrophone();
    },
    [engine],
  );

  const join = (listenOnly: boolean) => void engine.join(room.id, { muted: muted || listenOnly, listenOnly });

  return (
    <main id="main" className="mx-auto w-full max-w-xl flex-1 px-4 py-10 max-sm:py-6">
      <div className="flex items-start gap-3">
        <div className="min-w-0 flex-1">
          <h1 dir="auto" className="text-2xl font-semibold wrap-anywhere" tabIndex={-1}>
            {room.name}
          </h1>
          <p className="mt-2 flex flex-wrap items-center gap-2">
            {room.isPrivate && (
              <Badge icon={<Lock className="size-3" aria-hidden="true" />}>{text.rooms.private}</Badge>
            )}
            <Badge
              tone={room.participantCount > 0 ? 'accent' : 'neutral'}
              icon={<Users className="size-3" aria-hidden="true" />}
            >
              {text.rooms.people(room.participantCount)}
            </Badge>
          </p>
        </div>
        {actions}
      </div>
      {room.description && (
        <p dir="auto" className="mt-3 whitespace-pre-line text-muted wrap-anywhere">
          {room.description}
        </p>
      )}

      <section aria-labelledby="here-now" className="mt-7">
        <h2 id="here-now" className="text-sm font-medium text-muted">
          {text.room.hereNow}
        </h2>
        <HereNow room={room} />
      </section>

      <section
        aria-label={text.room.join}
        className="mt-7 rounded-2xl border border-line bg-surface p-5 shadow-card max-sm:p-4"
      >
        {full && (
          <div className="mb-4">
            <Banner tone="warn" icon={<Users className="size-4.5 shrink-0" aria-hidden="true" />}>
              <strong className="font-semibold">{text.room.fullTitle}.</strong>{' '}
              {text.room.fullLead(room.maxParticipants)}
            </Banner>
          </div>
        )}
        {/* The microphone of a call elsewhere is not ours to try out. */}
        {problem ? <MicrophoneProblemPanel problem={problem} /> : !elsewhere && <MicrophoneCheck engine={engine} />}
        <div className="mt-2">
          <Switch label={text.room.joinMuted} hint={text.room.joinMutedHint} checked={muted} onChange={setMuted} />
        </div>
        <div className="mt-4 flex flex-col gap-2">
          <Button
            size="lg"
            busy={joining}
            onClick={() => join(false)}
            icon={<AudioLines className="size-4.5" aria-hidden="true" />}
          >
            {joining ? text.room.joining : problem ? text.common.retry : text.room.join}
          </Button>
          {joining ? (
            <Button variant="ghost" onClick={() => engine.leave()}>
              {text.room.cancelJoin}
            </Button>
          ) : (
            <Button
              variant={problem ? 'secondary' : 'ghost'}
              onClick={() => join(true)}
              icon={<Ear className="size-4" aria-hidden="true" />}
            >
              {text.room.listenOnly}
            </Button>
          )}
        </div>
        {joining && (
          <div className="mt-3 empty:hidden">
            <ConnectionBanner engine={engine} />
          </div>
        )}
        {elsewhere && <p className="mt-3 text-sm text-muted">{text.room.elsewhere(elsewhere.name)}</p>}
      </section>
    </main>
  );
}

function HereNow({ room }: { room: RoomDetails }) {
  if (room.participantCount === 0) return <p className="mt-2">{text.room.nobody}</p>;
  const shown = room.participants.slice(0, FACES);
  const hidden = room.participantCount - shown.length;
  return (
    <ul className="mt-2.5 flex flex-wrap gap-2">
      {shown.map((person) => (
        <li
          key={person.id}
          className="flex min-w-0 max-w-full items-center gap-2 rounded-full border border-line bg-surface py-1 pr-3.5 pl-1 text-sm"
        >
          <Avatar name={person.displayName} src={person.avatarUrl} size="sm" />
          <span dir="auto" className="truncate">
            {person.displayName}
          </span>
        </li>
      ))}
      {hidden > 0 && <li className="flex items-center px-2 text-sm text-muted">{text.room.andMore(hidden)}</li>}
    </ul>
  );
}
