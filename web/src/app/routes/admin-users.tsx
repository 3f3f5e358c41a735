import { getRouteApi } from '@tanstack/react-router';
import { useCallback } from 'react';
import { useStore } from 'zustand';
import type { UserQuery } from '@/api/admin';
import { session } from '@/api/session';
import { UsersPage } from '@/features/admin/users-page';

const route = getRouteApi('/members/admin/users');

export default function AdminUsersRoute() {
  const { q, state } = route.useSearch();
  const navigate = route.useNavigate();
  const me = useStore(session, (now) => now.me);
  const onQuery = useCallback(
    ({ search, state }: UserQuery) =>
      void navigate({ search: { ...(search && { q: search }), ...(state && { state }) }, replace: true }),
    [navigate],
  );
  return (
    <UsersPage
      me={me?.id ?? ''}
      query={{ search: q ?? '', state: state ?? null }}
      onQuery={onQuery}
      onAudit={(user) => void navigate({ to: '/admin/audit', search: { user } })}
    />
  );
}
