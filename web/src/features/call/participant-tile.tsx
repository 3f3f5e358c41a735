import { Ear, Ellipsis, Mic, MicOff, ShieldOff } from 'lucide-react';
import { useEffect, useRef } from 'react';
import { messageOf } from '@/api/messages';
import { cn } from '@/lib/cn';
import { text } from '@/lib/text';
import type { Participant } from '@/protocol/generated';
import type { CallEngine } from '@/rtc/call-engine';
import { isSelfMuted } from '@/rtc/call-state';
import { meterShare } from '@/rtc/level-meter';
import { SignalingError } from '@/rtc/signaling-errors';
import { Avatar } from '@/ui/avatar';
import { Menu, MenuItem } from '@/ui/menu';
import { toast } from '@/ui/toast';
import { useCall } from './use-call';

/** Above this, in dBFS, one's own microphone counts as speaking. */
const SPEECH_LEVEL = -48;

interface ParticipantTileProps {
  engine: CallEngine;
  participant: Participant;
  isSelf: boolean;
}

/** One person: picture, name, whether they speak and whether they can be heard. */
export function ParticipantTile({ engine, participant, isSelf }: ParticipantTileProps) {
  const muted = useCall(engine, (state) => (isSelf ? isSelfMuted(state) : participant.muted));
  const listening = useCall(engine, (state) => isSelf && state.microphone.status === 'off');
  const canModerate = useCall(engine, (state) => state.canModerate);
  const level = useCall(engine, (state) => state.speakers[participant.id]);
  const speaking = level !== undefined && !muted;
  const name = participant.displayName;

  return (
    <li
      data-participant={participant.id}
      data-speaking={speaking}
      data-muted={muted}
      className="relative flex flex-col items-center gap-3 rounded-2xl border border-line bg-surface px-3 pt-7 pb-4 text-center shadow-card"
    >
      <Avatar name={name} src={avatarUrl(participant)} size="lg">
        {isSelf ? (
          <OwnRing engine={engine} muted={muted} />
        ) : (
          <span
            className="speaking-ring"
            data-speaking={speaking}
            style={{ '--level': level === undefined ? 0 : meterShare(level) } as React.CSSProperties}
          />
        )}
        <MuteMark muted={muted} listening={listening} byModerator={participant.mutedByModerator} />
      </Avatar>
      <p className="w-full min-w-0">
        <span className="flex justify-center gap-1 text-sm font-medium">
          <span dir="auto" className="truncate" title={name}>
            {name}
          </span>
          {isSelf && <span className="shrink-0 font-normal text-muted">{text.call.you}</span>}
        </span>
        <StatusLine
          muted={muted}
          byModerator={participant.mutedByModerator}
          listening={listening}
          speaking={speaking}
        />
      </p>
      {canModerate && !isSelf && <ModeratorMenu engine={engine} participant={participant} />}
    </li>
  );
}

/** Another address for every picture, the drawn ones too, so that a change is seen at once. */
function avatarUrl({ userId, avatarVersion, displayName }: Participant): string {
  const version = avatarVersion === null ? `n${displayName}` : avatarVersion.toString(16);
  return `/api/users/${userId}/avatar?v=${encodeURIComponent(version)}`;
}

/** One's own ring follows the microphone itself, without the way over the server. */
function OwnRing({ engine, muted }: { engine: CallEngine; muted: boolean }) {
  const ring = useRef<HTMLSpanElement>(null);
  useEffect(
    () =>
      engine.microphone.meter.subscribe((decibels) => {
        const element = ring.current;
        if (!element) return;
        element.dataset.speaking = String(!muted && decibels > SPEECH_LEVEL);
        element.style.setProperty('--level', meterShare(decibels).toFixed(3));
      }),
    [engine, muted],
  );
  return <span ref={ring} className="speaking-ring" data-speaking="false" />;
}

function MuteMark({ muted, listening, byModerator }: { muted: boolean; listening: boolean; byModerator: boolean }) {
  if (!muted && !listening) return null;
  const Icon = byModerator ? ShieldOff : listening ? Ear : MicOff;
  return (
    <span
      className={cn(
        'absolute -right-1 -bottom-1 grid size-7 place-items-center rounded-full border-2 border-surface',
        byModerator ? 'bg-danger text-white' : 'bg-hover text-muted',
      )}
    >
      <Icon className="size-3.5" />
    </span>
  );
}

interface StatusLineProps {
  muted: boolean;
  byModerator: boolean;
  listening: boolean;
  speaking: boolean;
}

function StatusLine({ muted, byModerator, listening, speaking }: StatusLineProps) {
  const status = byModerator
    ? text.call.mutedByModerator
    : listening
      ? text.call.listening
      : muted
        ? text.call.muted
        : speaking
          ? text.call.speaking
          : null;
  return (
    <span className={cn('block h-4 truncate text-xs', speaking && !muted ? 'text-accent-ink' : 'text-muted')}>
      {status}
    </span>
  );
}

function ModeratorMenu({ engine, participant }: { engine: CallEngine; participant: Participant }) {
  const label = text.call.actionsFor(participant.displayName);
  const mute = participant.mutedByModerator;
  const Icon = mute ? Mic : MicOff;

  async function change() {
    try {
      await engine.muteParticipant(participant.id, !mute);
    } catch (error) {
      toast(error instanceof SignalingError ? error.message : messageOf(error), 'error');
    }
  }

  return (
    <Menu
      label={label}
      trigger={
        <button
          type="button"
          aria-label={label}
          className="absolute top-1.5 right-1.5 grid size-9 place-items-center rounded-lg text-muted hover:bg-hover hover:text-ink max-sm:size-11"
        >
          <Ellipsis className="size-4.5" aria-hidden="true" />
        </button>
      }
    >
      <MenuItem onSelect={() => void change()} icon={<Icon className="size-4" aria-hidden="true" />}>
        {mute ? text.call.unmuteParticipant : text.call.muteParticipant}
      </MenuItem>
    </Menu>
  );
}
