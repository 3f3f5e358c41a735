import { getRouteApi, Outlet } from '@tanstack/react-router';
import { RoomsPage } from '@/features/rooms/rooms-page';

const route = getRouteApi('/members/rooms');

export default function RoomsRoute() {
  const { q } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <>
      <RoomsPage
        search={q ?? ''}
        onSearch={(search) => void navigate({ search: search ? { q: search } : {}, replace: true, resetScroll: false })}
      />
      <Outlet />
    </>
  );
}
