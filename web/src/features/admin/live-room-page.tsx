import { Link } from '@tanstack/react-router';
import { ArrowLeft, DoorOpen, Lock, Trash2 } from 'lucide-react';
import { useRef, useState } from 'react';
import { closeRoom, deleteAnyRoom } from '@/api/admin';
import { ApiProblem } from '@/api/problem';
import type { LiveRoom } from '@/api/types';
import { adminText } from '@/lib/admin-text';
import { Badge } from '@/ui/badge';
import { Button, buttonClass } from '@/ui/button';
import { EmptyState } from '@/ui/empty-state';
import { ActionMenu } from './action-menu';
import { AdminFrame } from './admin-frame';
import { ConfirmDialog } from './confirm-dialog';
import { LoadFailed, RowsSkeleton, Stale } from './parts';
import { PeerRow } from './peer-row';
import { useLiveRoom } from './queries';

/** People shown at first, and by how many more each click. */
const STEP = 50;
/** The most that one question may ask for. */
const MOST = 200;

interface LiveRoomPageProps {
  roomId: string;
  onShowUser: (username: string) => void;
}

/** One live room: who is in it and how their audio gets through. */
export function LiveRoomPage({ roomId, onShowUser }: LiveRoomPageProps) {
  const [limit, setLimit] = useState(STEP);
  const query = useLiveRoom(roomId, limit);
  // Nobody is inside: what was shown before is over, not old.
  const empty = query.error instanceof ApiProblem && query.error.status === 404;
  const { data } = query;
  return (
    <AdminFrame title={data?.room.name ?? adminText.live}>
      <Link
        to="/admin/live"
        className="inline-flex min-h-9 items-center gap-1.5 rounded-lg text-sm font-medium text-muted hover:text-ink max-sm:min-h-11"
      >
        <ArrowLeft className="size-4" aria-hidden="true" />
        {adminText.liveRoom.back}
      </Link>
      {empty ? (
        <EmptyState
          icon={<DoorOpen />}
          title={adminText.liveRoom.empty}
          action={
            <Link to="/admin/live" className={buttonClass()}>
              {adminText.liveRoom.back}
            </Link>
          }
        >
          {adminText.liveRoom.emptyLead}
        </EmptyState>
      ) : !data ? (
        query.isError ? (
          <LoadFailed title={adminText.liveRoom.failed} error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <RowsSkeleton />
        )
      ) : (
        <>
          <RoomHead room={data.room} />
          {query.isError && <Stale error={query.error} />}
          <ul className="flex flex-col gap-3">
            {data.participants.map((peer) => (
              <PeerRow key={peer.id} peer={peer} onShowUser={onShowUser} />
            ))}
          </ul>
          {data.nextCursor && limit < MOST && (
            <div className="mt-6 flex justify-center">
              <Button
                variant="secondary"
                busy={query.isPlaceholderData}
                onClick={() => setLimit(Math.min(limit + STEP, MOST))}
              >
                {adminText.more}
              </Button>
            </div>
          )}
        </>
      )}
    </AdminFrame>
  );
}

function RoomHead({ room }: { room: LiveRoom }) {
  const [closing, setClosing] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const words = adminText.liveRoom;
  return (
    <div className="mt-1 mb-4 flex flex-wrap items-center gap-x-3 gap-y-2">
      <div className="flex min-w-40 flex-1 flex-wrap items-center gap-x-3 gap-y-1">
        <h2 dir="auto" className="min-w-0 text-xl font-semibold wrap-anywhere">
          {room.name}
        </h2>
        {room.isPrivate && (
          <Badge icon={<Lock className="size-3" aria-hidden="true" />}>{adminText.liveRooms.private}</Badge>
        )}
        <p className="text-sm whitespace-nowrap text-muted">
          {words.people(room.participantCount, room.maxParticipants)}
        </p>
      </div>
      <div className="flex items-center gap-1">
        <Button ref={button} variant="secondary" onClick={() => setClosing(true)}>
          {words.close}
        </Button>
        <ActionMenu
          label={words.options}
          actions={[
            {
              key: 'delete',
              icon: <Trash2 className="size-4" aria-hidden="true" />,
              confirmation: {
                title: words.deleteTitle(room.name),
                lead: words.deleteLead,
                label: words.delete,
                danger: true,
                action: () => deleteAnyRoom(room.id),
                done: words.deleted,
              },
            },
          ]}
        />
      </div>
      {closing && (
        <ConfirmDialog
          confirmation={{
            title: words.closeTitle(room.name),
            lead: words.closeLead,
            label: words.close,
            danger: true,
            action: () => closeRoom(room.id),
            done: words.closed,
          }}
          onClose={() => setClosing(false)}
          returnFocus={button}
        />
      )}
    </div>
  );
}
