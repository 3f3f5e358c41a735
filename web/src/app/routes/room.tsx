import { getRouteApi } from '@tanstack/react-router';
import { useStore } from 'zustand';
import { RoomPage } from '@/features/call/room-page';
import { useRoom } from '@/features/rooms/queries';
import { RoomActions } from '@/features/rooms/room-actions';
import { call } from '../call';

const route = getRouteApi('/members/rooms/$roomId');

export default function RoomRoute() {
  const { roomId } = route.useParams();
  const navigate = route.useNavigate();
  // Inside, the socket tells everything, and in a hall of thousands nobody should ask for the list again and again.
  const inCall = useStore(call.store, (state) => state.phase === 'in-call' && state.roomId === roomId);
  const query = useRoom(roomId, { poll: !inCall });
  const room = query.data;
  return (
    <RoomPage
      key={roomId}
      roomId={roomId}
      engine={call}
      room={room}
      error={query.error}
      onRetry={() => void query.refetch()}
      actions={room && <RoomActions room={room} onDeleted={() => void navigate({ to: '/rooms' })} />}
    />
  );
}
