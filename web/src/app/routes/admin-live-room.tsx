import { getRouteApi } from '@tanstack/react-router';
import { LiveRoomPage } from '@/features/admin/live-room-page';

const route = getRouteApi('/members/admin/live/$roomId');

export default function AdminLiveRoomRoute() {
  const { roomId } = route.useParams();
  const navigate = route.useNavigate();
  return (
    <LiveRoomPage
      key={roomId}
      roomId={roomId}
      onShowUser={(username) => void navigate({ to: '/admin/users', search: { q: username } })}
    />
  );
}
