import { getRouteApi } from '@tanstack/react-router';
import { NewRoomDialog } from '@/features/rooms/new-room-dialog';

const route = getRouteApi('/members/rooms/new');

export default function NewRoomRoute() {
  const navigate = route.useNavigate();
  return (
    <NewRoomDialog
      onClose={() => void navigate({ to: '/rooms', search: true, replace: true })}
      onCreated={(room) => void navigate({ to: '/rooms/$roomId', params: { roomId: room.id }, replace: true })}
    />
  );
}
