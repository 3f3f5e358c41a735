import { Link } from '@tanstack/react-router';
import { AudioLines, ChevronRight, Lock } from 'lucide-react';
import type { LiveRoom } from '@/api/types';
import { adminText } from '@/lib/admin-text';
import { Badge } from '@/ui/badge';
import { EmptyState } from '@/ui/empty-state';
import { AdminFrame } from './admin-frame';
import { dateTime } from './format';
import { Fact, LoadFailed, RowsSkeleton, Stale } from './parts';
import { useLiveRooms } from './queries';

/** The rooms that somebody is in right now. */
export function LivePage() {
  const query = useLiveRooms();
  const rooms = query.data?.rooms;
  return (
    <AdminFrame title={adminText.live}>
      <h2 className="sr-only">{adminText.live}</h2>
      {!rooms ? (
        query.isError ? (
          <LoadFailed title={adminText.liveRooms.failed} error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <RowsSkeleton />
        )
      ) : (
        <>
          {query.isError && <Stale error={query.error} />}
          {rooms.length === 0 ? (
            <EmptyState icon={<AudioLines />} title={adminText.liveRooms.empty}>
              {adminText.liveRooms.emptyLead}
            </EmptyState>
          ) : (
            <>
              <p className="text-sm text-muted">
                {adminText.liveRooms.summary(
                  rooms.length,
                  rooms.reduce((sum, room) => sum + room.participantCount, 0),
                )}
              </p>
              <ul className="mt-3 flex flex-col gap-3">
                {rooms.map((room) => (
                  <RoomRow key={room.id} room={room} />
                ))}
              </ul>
            </>
          )}
        </>
      )}
    </AdminFrame>
  );
}

function RoomRow({ room }: { room: LiveRoom }) {
  return (
    <li className="relative flex items-center gap-4 rounded-2xl border border-line bg-surface p-4 shadow-card transition-colors focus-within:border-line-strong hover:border-line-strong">
      <div className="flex min-w-0 flex-1 flex-wrap items-center gap-x-6 gap-y-2">
        <div className="flex min-w-48 flex-1 items-center gap-2">
          <h3 dir="auto" className="min-w-0 text-base font-semibold wrap-anywhere">
            <Link
              to="/admin/live/$roomId"
              params={{ roomId: room.id }}
              className="outline-none after:absolute after:inset-0 after:rounded-2xl focus-visible:after:outline-2 focus-visible:after:outline-offset-2 focus-visible:after:outline-accent"
            >
              {room.name}
            </Link>
          </h3>
          {room.isPrivate && (
            <Badge icon={<Lock className="size-3" aria-hidden="true" />}>{adminText.liveRooms.private}</Badge>
          )}
        </div>
        <dl className="flex gap-6">
          <Fact label={adminText.liveRooms.peopleLabel}>
            {adminText.liveRooms.people(room.participantCount, room.maxParticipants)}
          </Fact>
          <Fact label={adminText.liveRooms.since}>{dateTime(room.since)}</Fact>
        </dl>
      </div>
      <ChevronRight className="size-4.5 shrink-0 text-muted" aria-hidden="true" />
    </li>
  );
}
