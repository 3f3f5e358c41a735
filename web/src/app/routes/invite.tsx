import { getRouteApi } from '@tanstack/react-router';
import { InvitePage } from '@/features/rooms/invite-page';

const route = getRouteApi('/members/invite/$token');

export default function InviteRoute() {
  const { token } = route.useParams();
  const navigate = route.useNavigate();
  return (
    <InvitePage
      key={token}
      token={token}
      onAccepted={(room) => void navigate({ to: '/rooms/$roomId', params: { roomId: room.id }, replace: true })}
    />
  );
}
