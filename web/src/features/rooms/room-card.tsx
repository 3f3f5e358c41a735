import { Link } from '@tanstack/react-router';
import { Lock, Users } from 'lucide-react';
import type { Room } from '@/api/types';
import { cn } from '@/lib/cn';
import { text } from '@/lib/text';
import { Badge } from '@/ui/badge';

/** A room in the list. The whole card leads inside. */
export function RoomCard({ room }: { room: Room }) {
  const live = room.participantCount > 0;
  const full = room.participantCount >= room.maxParticipants;
  return (
    <li className="group relative flex min-h-32 flex-col rounded-2xl border border-line bg-surface p-4 shadow-card transition-colors focus-within:border-line-strong hover:border-line-strong">
      <div className="flex items-start gap-2">
        <h2 dir="auto" className="line-clamp-2 min-w-0 flex-1 text-base font-semibold wrap-anywhere">
          <Link
            to="/rooms/$roomId"
            params={{ roomId: room.id }}
            className="outline-none after:absolute after:inset-0 after:rounded-2xl focus-visible:after:outline-2 focus-visible:after:outline-offset-2 focus-visible:after:outline-accent"
          >
            {room.name}
          </Link>
        </h2>
        {room.isPrivate && <Badge icon={<Lock className="size-3" aria-hidden="true" />}>{text.rooms.private}</Badge>}
      </div>
      {room.description && (
        <p dir="auto" className="mt-1 line-clamp-2 text-sm text-muted wrap-anywhere">
          {room.description}
        </p>
      )}
      <div className="mt-auto flex items-center gap-2 pt-4 text-sm text-muted">
        <span className={cn('inline-flex items-center gap-1.5', live && 'font-medium text-accent-ink')}>
          {live ? <LiveMark /> : <Users className="size-4" aria-hidden="true" />}
          {text.rooms.people(room.participantCount)}
        </span>
        {full && <Badge tone="warn">{text.rooms.full}</Badge>}
        {room.isOwner && <span className="ml-auto text-xs">{text.rooms.yours}</span>}
      </div>
    </li>
  );
}

function LiveMark() {
  return (
    <span aria-hidden="true" className="flex h-4 items-center gap-0.5">
      {[7, 13, 9].map((height) => (
        <svg key={height} width="3" height={height} className="animate-pulse-soft fill-current" aria-hidden="true">
          <rect width="3" height={height} rx="1.5" />
        </svg>
      ))}
    </span>
  );
}
